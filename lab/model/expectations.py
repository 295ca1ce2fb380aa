"""What an attempt is expected to do, and whether it did.

An expectation of a refusal names who refuses, at which stage and for which reason; an expectation
of a completion may name facts of the connection. On the command line both are written as text::

    completed
    completed:protocol=TLSv1.2,verified=yes
    refused
    refused:server:handshake:no-shared-cipher
    false-success

The textual form may leave a part of a refusal open (``refused``, ``refused:client``,
``refused:::expired``); an expectation in a case may not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from lab.model import Attempt, Observation, Outcome, spelt
from lab.model.attempt import Capability
from lab.model.vocabulary import PROTOCOLS, Goal, Rating, Reason, Result, Role, Side, Stage
from lab.text import no_such

if TYPE_CHECKING:
    from lab.record.models import OwnFiles


class ExpectationError(ValueError):
    """The textual form of an expectation cannot be read; the message says what would be."""


class Verdict(StrEnum):
    """What came of an attempt, a case or a run."""

    AS_EXPECTED = "as-expected"
    SURPRISE = "surprise"
    CANNOT = "cannot"
    LAB_ERROR = "lab-error"


#: Facts that can be expected of a completed attempt, in the order in which they are named.
FACTS = ("protocol", "cipher", "verified", "data_protected", "session_reused")
#: Those that hold or do not: what is said where one does not, and where it does.
_FLAGS = {
    "verified": ("the certificate not verified", "the certificate verified"),
    "data_protected": ("the data channel in clear text", "the data channel protected"),
    "session_reused": ("a new session", "the session reused"),
}
_YES_NO = {"yes": True, "no": False, "on": True, "off": False, "true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """What an attempt is expected to do; a part that is ``None`` is left open.

    Made by :func:`refused`, :func:`completed`, :func:`false_success` and :meth:`parse`.
    """

    result: Result
    by: Side | None = None
    stage: Stage | None = None
    reason: Reason | None = None
    message: str | None = None
    """What the user of the client program is shown, to the letter (outer white space aside)."""
    cause: str | None = None
    """Words that the cause contains: why the deciding end reported what it did."""
    protocol: str | None = None
    cipher: str | None = None
    verified: bool | None = None
    data_protected: bool | None = None
    session_reused: bool | None = None

    def __post_init__(self) -> None:
        refusal = [name for name in ("by", "stage", "reason") if getattr(self, name) is not None]
        if self.result is Result.COMPLETED and refusal:
            raise ValueError(f"a completed attempt has no {refusal[0]} of refusal")
        facts = list(self._facts())
        if self.result is not Result.COMPLETED and facts:
            raise ValueError(f"{facts[0]} can be expected of a completed attempt only")

    @classmethod
    def parse(cls, text: str) -> Expectation:
        """Read the textual form.

        Raises:
            ExpectationError: a word outside the vocabulary; the message names the closest ones.
        """
        result, _, rest = text.strip().partition(":")
        if result == Result.COMPLETED:
            return _parse_facts(rest)
        if result == Result.REFUSED:
            return cls._parse_refusal(rest)
        if result == Result.FALSE_SUCCESS and not rest:
            return false_success()
        raise ExpectationError(
            f"{result!r} is no result: an expectation begins with completed or refused,"
            " for example refused:server:handshake:no-shared-cipher, or is false-success"
        )

    @classmethod
    def _parse_refusal(cls, rest: str) -> Expectation:
        by, stage, reason, *more = [*rest.split(":"), "", "", ""]
        if any(more):
            why = f"refused:{rest} has too many parts: write refused:SIDE:STAGE:REASON"
            raise ExpectationError(why)
        return cls(
            result=Result.REFUSED,
            by=Side(_known(by, "side", Side)) if by else None,
            stage=Stage(_known(stage, "stage", Stage)) if stage else None,
            reason=Reason(_known(reason, "reason", Reason)) if reason else None,
        )

    def __str__(self) -> str:
        """The textual form; an expected message is not part of it."""
        if self.result is Result.FALSE_SUCCESS:
            return str(self.result)
        if self.result is Result.REFUSED:
            refusal = (self.by, self.stage, self.reason)
            return ":".join((self.result, *(v or "" for v in refusal))).rstrip(":")
        facts = [f"{name}={spelt(value)}" for name, value in self._facts().items()]
        return f"{self.result}:{','.join(facts)}" if facts else str(self.result)

    def in_words(self) -> str:
        """One line, for people, in the words of :meth:`lab.model.Outcome.in_words`."""
        if self.result is Result.COMPLETED:
            known = self._facts().items()
            facts = [_FLAGS[n][v] if isinstance(v, bool) else f"{n} {v}" for n, v in known]
            words = "completed" + (f" with {', '.join(facts)}" if facts else "")
        elif self.result is Result.FALSE_SUCCESS:
            words = "false success"
        else:
            words = "refused"
            words += f" by the {self.by}" if self.by else ""
            words += f" at {self.stage}" if self.stage else ""
            words += f": {self.reason}" if self.reason else ""
        words += f"; cause {self.cause!r}" if self.cause is not None else ""
        return f"{words}; message {self.message!r}" if self.message is not None else words

    def _facts(self) -> dict[str, object]:
        """The facts that are not left open, by name."""
        named = {name: getattr(self, name) for name in FACTS}
        return {name: value for name, value in named.items() if value is not None}


@dataclass(frozen=True)
class OnBuild:
    """What is expected instead where the builds have a capability (:mod:`lab.model.attempt`)."""

    capability: Capability
    expect: Expectation


@dataclass(frozen=True)
class PlannedAttempt:
    """One attempt that is to be made, and what is expected of it."""

    id: str
    """Unique in a run; of a case's attempt it begins with the case's."""
    attempt: Attempt
    expect: Expectation | None = None
    on_build: Sequence[OnBuild] = ()
    """What is expected instead where the builds have a capability; the first that holds counts."""
    otherwise: Expectation | None = None
    """Of a race: what happens in the tries that are not refused."""
    case_id: str | None = None
    role: Role = Role.ATTEMPT
    title: str = ""
    rating: Rating | None = None
    counted: bool = False
    """One of several tries that are counted: no other one with the same settings stands for it."""
    own: OwnFiles | None = None
    """Where the operator's own certificates were read from; ``None``: there are none."""

    @property
    def label(self) -> str:
        """The attempt within its case: `breaks`, `twin`, `remedy-1`, ..."""
        return self.id.removeprefix(f"{self.case_id}/")


@dataclass(frozen=True)
class Judgement:
    """A verdict and, in one sentence, why."""

    verdict: Verdict
    why: str


def rate_in_words(result: Result | None, came: int, times: int) -> str:
    """In how many of some tries a result came that is no completion: ``refused in 3 of 12 tries``."""
    name = "false success" if result is Result.FALSE_SUCCESS else "refused"
    return f"{name} in {came} of {times} tries"


def refused(
    by: Side, at: Stage, because: Reason, message: str | None = None, cause: str | None = None
) -> Expectation:
    """Expect a refusal.

    Args:
        by: who refuses.
        at: the stage at which the attempt ends.
        because: what the deciding end reports.
        message: what the user of the client program is shown, to the letter.
        cause: words that the cause contains.
    """
    return Expectation(
        result=Result.REFUSED, by=by, stage=at, reason=because, message=message, cause=cause
    )


#: Expect that the goal is reached, with the facts that are named; others are not looked at.
completed = partial(Expectation, result=Result.COMPLETED)
#: Expect that the client's program reports success where the file on the server is short or not there.
false_success = partial(
    Expectation,
    result=Result.FALSE_SUCCESS,
    by=Side.UNKNOWN,
    stage=Stage.TRANSFER,
    reason=Reason.TRUNCATED,
)


def judge(expectation: Expectation, outcome: Outcome) -> Judgement:
    """Compare what happened with what was expected.

    Returns:
        ``as-expected``, or ``surprise`` with a sentence that names exactly what differs: the
        result, or each of side, stage, reason, message or fact.
    """
    if expectation.result is not outcome.result:
        why = f"expected {expectation.in_words()}, but it was {outcome.in_words()}"
        return Judgement(Verdict.SURPRISE, why)
    differences = list(_differences(expectation, outcome))
    if differences:
        return Judgement(Verdict.SURPRISE, "; ".join(differences))
    return Judgement(Verdict.AS_EXPECTED, f"{outcome.in_words()}, as expected")


def impostor_difference(observation: Observation, outcome: Outcome) -> str | None:
    """What does not fit between an outcome and what the impostor captured, in one sentence.

    An attempt on an impostor (``ServerSettings.impostor``) proves a remedy safe or unsafe by what the
    impostor holds afterwards, not by the client's word alone. Refused means that it got nothing; completed
    means that it got all that the attempt's goal hands out.

    Returns:
        ``None`` if all fits, or if the server is no impostor.
    """
    if not observation.attempt.server.impostor:
        return None
    captured = observation.server.captured
    if outcome.result is Result.REFUSED or outcome.goal is Goal.HANDSHAKE:
        if captured is None:
            return None
        return f"no login was made, and yet the impostor got {captured.in_words()}"
    if captured is None:
        return f"completed ({outcome.goal}), and yet the impostor got nothing"
    user = observation.attempt.client.user
    if captured.user != user or not captured.password:
        return f"user {user} logged in, and yet the impostor got {captured.in_words()}"
    if outcome.goal is Goal.TRANSFER and outcome.result is Result.COMPLETED:
        size = observation.delivery.size if observation.delivery else None
        if captured.file_bytes != size:
            got = captured.in_words()
            return f"a file of {size} bytes was sent, and yet the impostor got {got}"
    return None


def _differences(expectation: Expectation, outcome: Outcome) -> Iterable[str]:
    """What differs between an expectation and an outcome of the same result."""
    for name in ("by", "stage", "reason", *FACTS):
        expected, seen = getattr(expectation, name), getattr(outcome, name)
        if expected is not None and expected != seen:
            label = {"by": "side"}.get(name, name.replace("_", " "))
            unknown = name == "verified" and outcome.not_judged
            words = "not judged" if unknown else _written(seen)
            yield f"the {label} differs: expected {_written(expected)}, seen {words}"
    if expectation.cause is not None and expectation.cause not in (outcome.cause or ""):
        yield f"the cause differs: expected {expectation.cause!r}, seen {outcome.cause!r}"
    if expectation.message is not None:
        expected, seen = expectation.message.strip(), outcome.report.message.strip()
        if expected != seen:
            yield f"the message differs: expected {expected!r}, seen {seen!r}"


def _parse_facts(text: str) -> Expectation:
    facts: dict[str, Any] = {}
    for assignment in filter(None, text.split(",")):
        name, _, value = assignment.partition("=")
        _known(name, "fact", FACTS)
        if not value:
            raise ExpectationError(f"the fact {name} has no value: write {name}=VALUE")
        if name in _FLAGS:
            if value not in _YES_NO:
                raise ExpectationError(f"{name}={value} cannot be read: write {name}=yes or no")
            facts[name] = _YES_NO[value]
        else:
            facts[name] = _known(value, "protocol", PROTOCOLS) if name == "protocol" else value
    return completed(**facts)


def _known(word: str, kind: str, words: Iterable[str]) -> str:
    known = [str(w) for w in words]
    if word in known:
        return word
    raise ExpectationError(no_such(kind, word, known))


def _written(value: object) -> str:
    return "nothing" if value is None else spelt(value)
