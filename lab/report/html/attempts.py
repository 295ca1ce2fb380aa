"""Attempts as the report shows them: tries with one outcome once, changes against the first of the case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from markupsafe import Markup

from lab.expectations import Verdict
from lab.model import Captured, Result, Role, differing_fields, set_fields, spelt
from lab.record import AttemptResult, CertificateRecord, Chain
from lab.report.html import signs
from lab.report.html.language import Text, say, word
from lab.report.html.quoting import code, inline, plain, quote
from lab.report.html.sequence import Happened, sequence_of
from lab.report.html.signs import Sign
from lab.report.words import moved_builds, same_builds, wire_in_words

#: What is said of an attempt of which nothing was expected.
UNJUDGED = "unjudged"
VERDICTS = (*(str(v) for v in Verdict), UNJUDGED)

#: What a case is about: its attempts have one of these roles, the others stand beside it.
MAIN_ROLES = frozenset({Role.BREAKS, Role.WORKS, Role.ATTEMPT})
# Settings that name an end instead of describing it.
_NAMES = frozenset({"software", "program", "platform", "policy"})
#: Longest name or list of names of a certificate that is shown, in characters.
_LONGEST_NAME = 600
_LIST = Markup('<ol class="chain">{}</ol>')
_ITEM = Markup('<li><p>{}</p><dl class="pairs">{}</dl></li>')
_PAIR = Markup("<div><dt>{}</dt><dd>{}</dd></div>")


@dataclass(frozen=True)
class Change:
    """A setting in which an attempt differs from the one that its case is about."""

    name: str
    before: Text
    after: Text


@dataclass(frozen=True)
class Shown:
    """One attempt of a case, or several tries of it with one outcome."""

    anchor: str
    attempt: AttemptResult
    count: int
    sign: Sign
    seen: Text
    title: Markup
    """Of a remedy: what is done."""
    changes: tuple[Change, ...] = ()
    happened: Happened | None = None
    """What happened, stage by stage: of what the case is about, and of what needs a look."""
    impostor: Shown | None = None
    """Of a remedy: the same with an impostor in the server's place."""
    log_left_out: bool = False
    certificates: Markup | None = None
    """The certificates that the server was given, as a list: of what the case is about, and where they
    are others than there."""

    @property
    def verdict(self) -> str:
        """The token of its verdict."""
        return str(self.attempt.verdict or UNJUDGED)

    @property
    def remarkable(self) -> bool:
        """Whether it did not go as expected."""
        return self.attempt.verdict in {Verdict.SURPRISE, Verdict.LAB_ERROR}

    @property
    def facts(self) -> Text | None:
        """What was negotiated."""
        return signs.facts(self.attempt.outcome) if self.attempt.outcome else None

    @property
    def why(self) -> Text | None:
        """What the reason of the refusal means."""
        outcome = self.attempt.outcome
        return say(f"why.{outcome.reason}") if outcome and outcome.reason else None

    @property
    def expected(self) -> Text | None:
        """What was expected."""
        expectation = self.attempt.expectation
        return signs.expectation_words(expectation) if expectation else None

    @property
    def client_text(self) -> Markup:
        """The client's own error."""
        return quote(self.attempt.client_report.error if self.attempt.client_report else "")

    @property
    def message(self) -> Markup:
        """What the client's user is shown."""
        return quote(self.attempt.client_report.message if self.attempt.client_report else "")

    @property
    def server_text(self) -> Markup:
        """The server's log of this attempt."""
        return quote(self.attempt.server_report.log if self.attempt.server_report else "")

    @property
    def wire(self) -> Markup:
        """What it looked like on the wire, a fact on each line."""
        return quote(wire_in_words(self.attempt.wire))

    @property
    def moved(self) -> Markup:
        """Of an unexpected result: which builds have moved, a line each."""
        return quote("\n".join(moved_builds(self.attempt)))

    @property
    def same_builds(self) -> bool:
        """Whether it is unexpected of the very builds of which the expectations were seen to hold."""
        return same_builds(self.attempt)

    @property
    def witnesses(self) -> Text | None:
        """Whom client, server and wire name as the one who refused."""
        heard = self.attempt.witnesses
        if heard is None:
            return None
        named = {
            name: word("side", str(one.names)) if one.names else say("witness.silent")
            for name, one in vars(heard).items()
        }
        return say("witness.disagree" if heard.disagree else "witness.heard", **named)

    @property
    def library(self) -> Markup:
        """The client's TLS library."""
        report = self.attempt.client_report
        return inline(report.library) if report else Markup("")

    @property
    def captured(self) -> Captured | None:
        """What an impostor got."""
        report = self.attempt.server_report
        return report.captured if report else None

    @property
    def standing(self) -> str:
        """What a remedy is worth; nothing for another attempt."""
        return plain(self.attempt.standing or "", 40)

    def changed(self, **changes: Any) -> Shown:
        """The same with other values."""
        # dataclasses.replace() looks at every field; with ten thousand attempts that is felt.
        copy = object.__new__(Shown)
        copy.__dict__.update(self.__dict__, **changes)
        return copy


def chains(certificates: Mapping[str, Chain]) -> dict[str, Markup]:
    """The chains of a record as lists, ready to be shown: many attempts have the same."""
    return {name: _LIST.format(_joined(map(_item, chain))) for name, chain in certificates.items()}


def _item(certificate: CertificateRecord) -> Markup:
    names = inline(", ".join(certificate.names), _LONGEST_NAME)
    none = say("certificate.authority" if certificate.ca else "certificate.no_names")
    itself = certificate.self_signed
    start, end = map(_moment, (certificate.not_before, certificate.not_after))
    facts: list[tuple[Text, object]] = [
        (say("certificate.names"), names or none),
        (
            say("certificate.issuer"),
            say("certificate.itself") if itself else inline(certificate.issuer, _LONGEST_NAME),
        ),
        (say("certificate.validity"), say("certificate.from_to", start=start, end=end)),
        (say("certificate.key"), inline(f"{certificate.key}, {certificate.signature}")),
        (say("certificate.sha256"), code(certificate.sha256)),
        (say("certificate.public_key"), code(certificate.public_key_sha256)),
    ]
    pairs = _joined(_PAIR.format(name, value) for name, value in facts)
    return _ITEM.format(code(certificate.subject, _LONGEST_NAME), pairs)


def _joined(parts: Iterable[Markup]) -> Markup:
    return Markup("").join(parts)


def _moment(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def show(
    attempts: Sequence[AttemptResult], anchor: str, given: Mapping[str, Markup], *, with_logs: bool
) -> list[Shown]:
    """The attempts of one case from one client, an impostor's inside the remedy that it is about.

    Args:
        anchor: the case's, with which those of its attempts begin.
        given: what servers were given, by the name of the chain, as :func:`chains` shows it.
        with_logs: whether logs of completed attempts that went as expected are shown.
    """
    folded = list(_folded(attempts))
    main = next((a for a, _ in folded if a.role in MAIN_ROLES), None)
    shown: list[Shown] = []
    for number, (attempt, count) in enumerate(folded):
        one = _shown(attempt, count, f"{anchor}-{number}", main, with_logs)
        if attempt.chain and (attempt is main or main is None or attempt.chain != main.chain):
            one = one.changed(certificates=given.get(attempt.chain))
        if attempt.role is Role.IMPOSTOR and shown and _is_of(attempt, shown[-1].attempt):
            shown[-1] = shown[-1].changed(impostor=one)
        else:
            shown.append(one)
    return shown


def _shown(
    attempt: AttemptResult, count: int, anchor: str, main: AttemptResult | None, with_logs: bool
) -> Shown:
    as_expected = attempt.verdict is Verdict.AS_EXPECTED
    completed = attempt.outcome is not None and attempt.outcome.result is Result.COMPLETED
    shown = Shown(
        anchor=anchor,
        attempt=attempt,
        count=count,
        sign=signs.sign_of(attempt),
        seen=signs.seen(attempt),
        title=inline(attempt.label) if attempt.role is Role.REMEDY else Markup(""),
        changes=tuple(_changes(main, attempt)) if main and attempt is not main else (),
        log_left_out=not with_logs and as_expected and completed,
    )
    if attempt is main or shown.remarkable:
        return shown.changed(happened=sequence_of(attempt))
    return shown


def settings(attempt: AttemptResult, side: str) -> list[tuple[str, Text]]:
    """What is set at one end (``server``, ``client``): name and value; defaults are left out."""
    return [
        (name, _value(value))
        for name, value in set_fields(getattr(attempt, side)).items()
        if name not in _NAMES
    ]


def settings_in_line(attempt: AttemptResult) -> str:
    """Everything that is set, behind the server's name."""
    words = [
        f"{name}={_written(value)}"
        for end in (attempt.server, attempt.client)
        for name, value in set_fields(end).items()
        if name not in _NAMES
    ]
    return " ".join([attempt.server.software, *words])


def _folded(attempts: Sequence[AttemptResult]) -> Iterator[tuple[AttemptResult, int]]:
    """Tries of the same thing with the same outcome once, with their number.

    The most frequent outcome comes first; of a race, the refusal that it is about.
    """
    tries: dict[Any, dict[Any, list[AttemptResult]]] = {}
    for attempt in attempts:
        same = (attempt.role, attempt.label, attempt.standing, attempt.server, attempt.client)
        tries.setdefault(same, {}).setdefault(_came(attempt), []).append(attempt)
    for outcomes in tries.values():
        for many in sorted(outcomes.values(), key=_rank, reverse=True):
            yield many[0], len(many)


def _came(attempt: AttemptResult) -> Any:
    """What is equal for two tries exactly if the same came of them."""
    outcome = attempt.outcome
    if outcome is None:
        return attempt.verdict, attempt.verdict_why
    return (
        attempt.verdict,
        outcome.result,
        outcome.by,
        outcome.stage,
        outcome.reason,
        outcome.protocol,
        outcome.cipher,
        outcome.verified,
        outcome.not_judged,
        outcome.data_protected,
        outcome.session_reused,
    )


def _rank(tries: Sequence[AttemptResult]) -> tuple[bool, int]:
    first = tries[0]
    refused = first.outcome is not None and first.outcome.result is Result.REFUSED
    return first.otherwise is not None and refused, len(tries)


def _is_of(impostor: AttemptResult, remedy: AttemptResult) -> bool:
    return remedy.role is Role.REMEDY and impostor.label == remedy.label


def _changes(main: AttemptResult, attempt: AttemptResult) -> Iterator[Change]:
    for field in differing_fields(main.attempt, attempt.attempt):
        side, _, name = field.partition(".")
        before, after = (getattr(getattr(one, side), name, None) for one in (main, attempt))
        if name != "impostor":
            yield Change(field, _value(before), _value(after))


@lru_cache(maxsize=4096)
def _value(value: object) -> Text:
    if value is None or value == ():
        return say("case.default")
    return Text.same(code(_written(value)))


def _written(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else spelt(value)
