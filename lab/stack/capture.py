"""The capture around an attempt: asks the agent ``capture.py`` in the server's container.

An attempt never fails because of its capture: what could not be captured is said in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from lab.model import Observation
from lab.stack.files import AGENTS
from lab.stack.link import AgentError, AgentLink
from lab.wire.packets import Capture, captured

#: The agent, and the interface by which the lab's network reaches a container.
ARGV = ("/opt/lab/bin/python3", f"{AGENTS}/capture.py", "eth0")
#: Seconds for the agent to answer.
ANSWER_S = 5.0

#: Finds the agent of the server's container.
FindLink = Callable[[], AgentLink]
#: Says, seen what came of an attempt, whether its capture is kept.
KeepCapture = Callable[[Observation], bool]


class Recording:
    """The capture of one attempt, from the beginning of a block to :meth:`end`.

    Whoever leaves the block without an end gives the packets up.
    """

    def __init__(
        self,
        keep: KeepCapture | None,
        find: FindLink,
        key: str,
        ports: Sequence[tuple[int, int]],
        *,
        active: bool,
    ) -> None:
        """Nothing is asked yet.

        Args:
            keep: ``None``: nothing is captured.
            find: raises :class:`AgentError` if there is no agent.
            key: the listener's.
            ports: ranges of the server's ports, first and last; its own port's first.
            active: the server opens data connections to the client.
        """
        self._keep = keep
        self._find = find
        self._key = key
        self._ports = [list(each) for each in ports]
        self._active = active
        self._link: AgentLink | None = None
        self._missing = ""

    def __enter__(self) -> Self:
        if self._keep is None:
            return self
        try:
            link = self._find()
            cannot = link.versions.get("cannot")
            if cannot:
                self._missing = f"nothing can be captured in {link.container}: {cannot}"
                return self
            link.call("begin", ANSWER_S, key=self._key, ports=self._ports, active=self._active)
            self._link = link
        except AgentError as error:
            self._missing = str(error)
        return self

    def end(self, observation: Observation, key_log: str | None) -> Capture | None:
        """What was captured; ``None``: it is not to be kept.

        Args:
            observation: what came of the attempt.
            key_log: the secrets of the client's sessions; ``None``: its agent gave none.

        Raises:
            DialectError: as the decision to keep does.
        """
        if self._keep is None or not self._keep(observation):
            self._collect(keep=False)
            return None
        answer = self._collect(keep=True)
        if answer is None:
            return Capture(missing=self._missing)
        secrets = _without_repetition(key_log or "")
        return captured(answer, self._ports[0][0], secrets, _why_none(observation, key_log))

    def _collect(self, *, keep: bool) -> dict[str, Any] | None:
        link, self._link = self._link, None
        if link is None:
            return None
        try:
            return link.call("collect", ANSWER_S, key=self._key, keep=keep)
        except AgentError as error:
            self._missing = str(error)
            return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._collect(keep=False)


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
