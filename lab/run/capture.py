"""The capture around an attempt: what the agent in the server's container keeps of the network.

An attempt never fails because of its capture: what could not be captured is said in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lab.model import Observation
from lab.run.link import AgentError, AgentLink
from lab.wire.packets import Capture, captured

#: Seconds for the agent to answer.
ANSWER_S = 5.0

#: Says, seen what came of an attempt, whether its capture is kept.
KeepCapture = Callable[[Observation], bool]


class Recording:
    """The capture of one attempt: what is asked for at its beginning, and what there is at its end."""

    def __init__(
        self,
        keep: KeepCapture | None,
        link: AgentLink,
        key: str,
        ports: Sequence[tuple[int, int]],
        *,
        active: bool,
    ) -> None:
        """Nothing is asked yet.

        Args:
            keep: ``None``: nothing is captured.
            link: to the agent in the server's container.
            key: the listener's.
            ports: ranges of the server's ports, first and last; its own port's first.
            active: the server opens data connections to the client.
        """
        self._keep = keep
        self._link = link
        self._key = key
        self._ports = [list(each) for each in ports]
        self._active = active
        self._missing = ""

    @property
    def asked(self) -> dict[str, Any]:
        """What the agent's op ``begin`` is told of it."""
        if self._keep is None:
            return {}
        return {"capture": {"ports": self._ports, "active": self._active}}

    def watch(self) -> None:
        """Ask for a capture by itself, at a port where nobody listens and no attempt begins."""
        if self._keep is None:
            return
        try:
            self._link.call(
                "watch", ANSWER_S, key=self._key, ports=self._ports, active=self._active
            )
        except AgentError as error:
            self._missing = str(error)

    def end(self, observation: Observation, key_log: str | None) -> Capture | None:
        """What was captured; ``None``: it is not to be kept, and the agent forgets it by itself.

        Args:
            observation: what came of the attempt.
            key_log: the secrets of the client's sessions; ``None``: its agent gave none.

        Raises:
            DialectError: as the decision to keep does.
        """
        if self._keep is None or not self._keep(observation):
            return None
        if self._missing:
            return Capture(missing=self._missing)
        try:
            answer = self._link.call("packets", ANSWER_S, key=self._key)
        except AgentError as error:
            return Capture(missing=str(error))
        if "missing" in answer:
            cause = f"nothing can be captured in {self._link.container}: {answer['missing']}"
            return Capture(missing=cause)
        secrets = _without_repetition(key_log or "")
        return captured(answer, self._ports[0][0], secrets, _why_none(observation, key_log))


def _why_none(observation: Observation, key_log: str | None) -> str:
    """Why there are no secrets, if there are none."""
    if key_log is None:
        return f"the agent of {observation.attempt.client.program} has no way to ask for them"
    library = observation.client.library or "the client's TLS library"
    return f"{library} wrote none"


def _without_repetition(key_log: str) -> str:
    """The lines of secrets, each once: a program and its library may both write them."""
    lines = [line for line in key_log.splitlines() if line and not line.startswith("#")]
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))
