"""A record's cases as every report shows them, and its parts in plain words: pure functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lab import model
from lab.grouping import grouped_by
from lab.model import Captured, ClientSettings, Result, Role, ServerSettings, Side
from lab.model.expectations import Expectation, Verdict
from lab.record import AttemptResult, CaseRecord, ImageRecord, RunRecord, gravest
from lab.record.models import result_expected
from lab.remedies.words import captured_in_words
from lab.report.advice import outcome_in_words
from lab.report.warnings import other_warnings, warnings_of
from lab.text import visible
from lab.wire.reading import ConnectionReading, Ending, How, WireReading
from lab.wire.tls import AlertSeen, Certificates, Offered, Selected
from lab.wire.witnesses import Agreement, Statement, Witnesses
from lab.words import InBothLanguages, joined, pattern_of, read_words

#: Settings that name an end instead of describing it.
NAMES = frozenset({"software", "program", "platform", "policy"})
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True)
class ClientView:
    """A case from one client."""

    case: CaseRecord
    attempts: tuple[AttemptResult, ...]
    """In the case's order; those that were not made are left out."""
    unfinished: bool = False
    """Whether the run ended before the case was done."""


@dataclass(frozen=True)
class CaseView:
    """A case from every client."""

    clients: tuple[ClientView, ...]

    @property
    def section(self) -> tuple[str, str]:
        """The document and the section of it that the case is about."""
        return self._first.document, self._first.section

    @property
    def name(self) -> str:
        """Its name, by which it can be run."""
        return self._first.name

    @property
    def title(self) -> str:
        """What it is about, in words: the first sentence of its story; code is between backquotes."""
        told = self._sentences[0].replace("``", "`").removesuffix(".")
        return told or (self._first.title or self.name).strip()

    @property
    def story(self) -> tuple[str, ...]:
        """What its author says beyond the title, a paragraph each; code is between backquotes."""
        paragraphs = [" ".join(self._sentences[1:]), *self._paragraphs[1:]]
        return tuple(text.replace("``", "`") for text in paragraphs if text)

    @property
    def _first(self) -> CaseRecord:
        return self.clients[0].case

    @property
    def _paragraphs(self) -> list[str]:
        return [" ".join(part.split()) for part in self._first.story.strip().split("\n\n")]

    @property
    def _sentences(self) -> list[str]:
        return _SENTENCE_END.split(self._paragraphs[0])


#: A case from every client, in whichever report.
Case = TypeVar("Case", bound=CaseView)


def cases_of(record: RunRecord) -> tuple[CaseView, ...]:
    """The cases of a record, in the order in which they first come."""
    return _grouped(ClientView(case, record.attempts_of(case)) for case in record.cases)


def everything_in(record: RunRecord) -> tuple[CaseView, ...]:
    """The cases of a record, those that the run did not finish, and attempts in no case."""
    return _grouped(
        [*(ClientView(case, record.attempts_of(case)) for case in record.cases), *_others(record)]
    )


def by_section(cases: Iterable[Case]) -> dict[tuple[str, str], list[Case]]:
    """Cases by document and section, in the order in which these first come."""
    return grouped_by(cases, lambda case: case.section)


def written(value: object) -> str:
    """A setting's value as it is given on a command line."""
    return " ".join(map(str, value)) if isinstance(value, tuple) else model.spelt(value)


def settings(end: ServerSettings | ClientSettings) -> list[tuple[str, object]]:
    """What is set at one end, by name; defaults, and what names the end, are left out."""
    return [(name, value) for name, value in model.set_fields(end).items() if name not in NAMES]


def _assigned(end: ServerSettings | ClientSettings) -> list[str]:
    """The same as a command line has it: ``NAME=VALUE``."""
    return [f"{name}={written(value)}" for name, value in settings(end)]


def _grouped(clients: Iterator[ClientView] | Sequence[ClientView]) -> tuple[CaseView, ...]:
    groups = grouped_by(clients, lambda one: (one.case.document, one.case.section, one.case.name))
    return tuple(CaseView(tuple(many)) for many in groups.values())


def _others(record: RunRecord) -> Iterator[ClientView]:
    placed = {identity for case in record.cases for identity in case.attempts}
    others = [attempt for attempt in record.attempts if attempt.id not in placed]
    unfinished = grouped_by(others, lambda attempt: attempt.case or "")
    alone = grouped_by(unfinished.pop("", []), lambda attempt: attempt.attempt)
    for identity, many in unfinished.items():
        name, _, label = identity.partition("[")
        title = name.rpartition("/")[2].replace("_", " ")
        made_up = _made_up(identity, name, label.removesuffix("]"), title, many)
        yield ClientView(made_up, tuple(many), True)
    for one, many in alone.items():
        words = [one.server.software, *_assigned(one.server), *_assigned(one.client)]
        name, client = " ".join(words), str(one.client)
        yield ClientView(_made_up(f"{name} {client}", name, client, name, many), tuple(many))


def _made_up(
    identity: str, name: str, label: str, title: str, attempts: Sequence[AttemptResult]
) -> CaseRecord:
    """A case of which the record has attempts and nothing else."""
    verdict = gravest(attempt.verdict for attempt in attempts)
    return CaseRecord(id=identity, name=name, label=label, title=title, verdict=verdict)


# -- in plain words --------------------------------------------------------------------------------


#: Of somebody else's text, a report shows at most so many lines; the record has them all.
MOST_LINES = 12
#: Of a longer list of cipher suites, so many are named.
MOST_SUITES = 4
#: What is said of the wire.
_WIRE = Path(__file__).with_name("wire.toml")
#: What is said of lines that are not shown.
_SHOWN = Path(__file__).with_name("view.toml")


def excerpt(
    text: str, most: int | None = MOST_LINES, language: str = "en", *, asked: bool = False
) -> str:
    """The text made visible, without its middle if it has more than ``most`` lines.

    Args:
        text: from outside.
        most: lines; ``None``: all of them.
        language: ``en`` or ``ja``.
        asked: the rest is shown to who asks for it with ``-v``, else it is in the record.
    """
    lines = visible(text).strip("\n").split("\n")
    if most is None or len(lines) <= most:
        return "\n".join(lines)
    head, tail = most // 2, most - most // 2
    cut = _left_out(len(lines) - head - tail, language, asked=asked)
    return "\n".join([*lines[:head], cut, *lines[-tail:]])


def _left_out(number: int, language: str, *, asked: bool) -> str:
    """What is said of so many lines that are not shown."""
    name = ("one" if number == 1 else "many") + "_asked" * asked
    return said("left_out", name, language, number=number)


#: The labels of what is said of an attempt.
LABELS = frozenset(read_words(_SHOWN)["label"])


def said(section: str, name: str, language: str, /, **values: object) -> str:
    """Words of this room's own, such as a label."""
    return read_words(_SHOWN)[section][name].format(**values).in_(language)


#: What a line of a server's log has that says why something failed.
_DECIDING = re.compile(
    r"OOPS|error|fail|refus|denied|alert|\b[45]\d\d[ -]|\[(crit|emerg|alert|warn)\]", re.IGNORECASE
)
#: The date with which a line of a log of vsftpd begins.
STAMP = re.compile(r"^\w{3} \w{3} +\d+ [\d:]+ \d{4} (?:\[pid \d+\] )?")


def telling_lines(log: str) -> list[str]:
    """Of a server's log the lines that say why something failed; the last line, if none does."""
    lines = log.strip("\n").split("\n")
    return [line for line in lines if _DECIDING.search(STAMP.sub("", line))] or lines[-1:]


def deciding_lines(log: str, language: str = "en") -> str:
    """The same as one text, with how many more lines there are."""
    lines, told = log.split("\n"), telling_lines(log)
    if len(told) == len(lines):
        return log
    return "\n".join([*told, _left_out(len(lines) - len(told), language, asked=True)])


def alarming(attempt: AttemptResult) -> bool:
    """Whether its outcome is one to be seen in red whatever was expected.

    The client reports what is not true, or it was to use TLS and went without it.
    """
    outcome, client = attempt.outcome, attempt.client
    if outcome is None:
        return False
    if outcome.false_success is not None:
        return True
    unasked_file = outcome.file_in_clear and getattr(client, "protect_data", True)
    return unasked_file or (outcome.without_tls and client.uses_tls)


def seen(attempt: AttemptResult, language: str = "en") -> str:
    """What came of an attempt, in one line: its outcome, or why there is none."""
    if attempt.outcome is not None:
        return outcome_in_words(attempt.outcome, language)
    return visible(attempt.verdict_why) or said("run", "nothing-observed", language)


def explanation(
    attempt: AttemptResult, language: str = "en", most: int | None = MOST_LINES
) -> list[tuple[str, str]]:
    """What there is to say about one attempt, as pairs of a label's name and a text of at most so many lines.

    Args:
        attempt: what it is about.
        language: ``en`` or ``ja``.
        most: lines of each text; ``None``: all of them.
    """
    outcome, expectation = attempt.outcome, attempt.expectation
    client, server = attempt.client_report, attempt.server_report
    # Where the results differ, expected and seen say it all.
    told = bool(outcome and expectation and outcome.result is not expectation.result)
    as_expected = attempt.verdict is Verdict.AS_EXPECTED
    pairs = [
        ("expected", _expected(expectation, language) if expectation else ""),
        ("seen", outcome_in_words(outcome, language) if outcome else ""),
        ("warning", "\n".join(one.in_(language) for one in warnings_of(attempt))),
        ("why", "" if as_expected or told else attempt.verdict_why),
        ("cause", (outcome.cause if outcome else None) or ""),
        ("real host", on_a_real_host(attempt, language)),
        ("client says", client.error if client else ""),
        ("it warns", "\n".join(other_warnings(attempt))),
        ("user sees", client.message if client else ""),
        ("impostor got", given_away(attempt, language)),
        ("server says", server.log if server else ""),
        ("wire", wire_in_words(attempt.wire, language)),
        ("witnesses", witnesses_in_words(attempt.witnesses, language)),
        ("facts", facts(attempt, language)),
        ("stand-in", ", ".join(attempt.stand_ins)),
        ("builds", _builds(attempt, language)),
    ]
    return [(label, excerpt(text, most, language)) for label, text in pairs if text]


def _expected(expectation: Expectation, language: str) -> str:
    if language == "en":
        return expectation.in_words()
    from lab.report.html.language import expectation_words  # noqa: PLC0415 - English needs none of it

    return expectation_words(expectation).plain_in("ja")


def on_a_real_host(attempt: AttemptResult, language: str = "en") -> str:
    """What a host of the distribution would do otherwise than the stand-in did; empty: nothing known."""
    return "; ".join(one.ja if language == "ja" else one.en for one in attempt.on_real_hosts)


def moved_builds(attempt: AttemptResult) -> list[str]:
    """Of an unexpected result: the programs and libraries that are other builds than before."""
    return [f"{image.name}: {change}" for image in attempt.images for change in image.moved or ()]


def same_builds(attempt: AttemptResult) -> bool:
    """Whether every image is known to have the very builds of which the expectations were seen to hold."""
    return bool(attempt.images) and all(image.moved == () for image in attempt.images)


def _builds(attempt: AttemptResult, language: str) -> str:
    """The same in words; nothing, if nothing is known."""
    lines = moved_builds(attempt)
    if lines:
        return "\n".join([*lines, said("said", "builds_moved", language)])
    return said("said", "builds_same", language) if same_builds(attempt) else ""


def explain_surprise(attempt: AttemptResult) -> str:
    """All about one attempt as plain text, ending with the command line that repeats it."""
    lines = [visible(attempt.id)]
    for label, text in [*explanation(attempt), ("repeat", visible(attempt.command))]:
        first, *rest = text.split("\n")
        lines += [f"  {label:<11}  {first}", *(f"{'':<15}{line}" for line in rest)]
    return "\n".join(lines)


def facts(attempt: AttemptResult, language: str = "en") -> str:
    """Facts of the connection beyond the line of :meth:`lab.model.Outcome.in_words`."""
    outcome = attempt.outcome
    if outcome is None:
        return ""
    names = ["verify_code", "data_protected", "session_reused"]
    if outcome.result is not Result.COMPLETED:
        names = ["protocol", "cipher", *names]
    known = {name: value for name in names if (value := getattr(outcome, name)) is not None}
    each = (f"{said('fact', name, language)} {written(value)}" for name, value in known.items())
    return _comma(language).join(each)


def given_away(attempt: AttemptResult, language: str = "en") -> str:
    """All that an impostor was given, a fact on each line; nothing if nothing was."""
    got = captured(attempt)
    if got is None:
        return ""
    login = {"user": got.user, "password": got.password}
    lines = [said("fact", name, language, value=value) for name, value in login.items()]
    if got.file_bytes:
        lines += [said("fact", "file", language, size=got.file_bytes), got.file_head]
    elif got.file_bytes is not None:
        lines.append(said("fact", "empty", language))
    return "\n".join(lines)


def settings_in_words(attempt: AttemptResult) -> list[tuple[str, str]]:
    """Both ends with what is set there: ``("server", "vsftpd ciphers=HIGH"), ("client", ...)``."""
    server, client = attempt.server, attempt.client
    there, here = [server.software, *_assigned(server)], [str(client), *_assigned(client)]
    return [("server", visible(" ".join(there))), ("client", visible(" ".join(here)))]


def seen_in_case(case: CaseRecord, attempts: Sequence[AttemptResult], language: str = "en") -> str:
    """What came of a case's first attempt in one line; of a race, the rate of the refusal."""
    if case.race is not None:
        expected = (a.expectation.reason for a in attempts if a.expectation)
        reason = str(next(filter(None, expected), "refused"))
        rate = {"came": case.race.refused, "times": case.race.times}
        if result_expected(attempts) is Result.FALSE_SUCCESS:
            return said("run", "tries-false", language, **rate)
        return said("run", "tries-refused", language, reason=reason, **rate)
    return seen(attempts[0], language) if attempts else said("run", "no-attempt", language)


#: The names of several attempts of what stands beside a case's first.
_SEVERAL = {Role.TWIN: "twins", Role.REMEDY: "remedies", Role.IMPOSTOR: "impostors"}


def rest_of_case(attempts: Sequence[AttemptResult], language: str = "en") -> str:
    """What came of a case's attempts behind its first: twin, remedies and impostor."""
    as_expected: list[str] = []
    others: list[str] = []
    for role, many in _SEVERAL.items():
        verdicts = Counter(a.verdict or Verdict.AS_EXPECTED for a in attempts if a.role is role)
        number = verdicts.total()
        name = said("counted", str(role) if number == 1 else many, language, number=number)
        if number and verdicts[Verdict.AS_EXPECTED] == number:
            as_expected.append(name)
        elif number:
            each = [
                (str(v) if language == "en" else said("verdict", v, language))
                if number == 1
                else said("counted", v, language, number=verdicts[v])
                for v in Verdict
                if verdicts[v]
            ]
            others.append(f"{name}: {_comma(language).join(each)}")
    if as_expected:
        *first, last = as_expected
        all_of = f"{', '.join(first)} and {last}" if first else last
        if language == "ja":
            all_of = "、".join(as_expected)
        others.insert(0, said("run", "all-as-expected", language, roles=all_of))
    return "; ".join(others)


def _comma(language: str) -> str:
    return "、" if language == "ja" else ", "


def captured(attempt: AttemptResult) -> Captured | None:
    """What an impostor got in an attempt; ``None``: nothing, or the server was none."""
    return attempt.server_report.captured if attempt.server_report else None


def impostor_got(captured: Captured, language: str = "en") -> str:
    """One line on what an impostor got."""
    return visible(said("run", "impostor-got", language, what=captured_in_words(captured)))


def counts_in_words(record: RunRecord, language: str = "en") -> str:
    """``42 attempts, 30 made: 40 as-expected, 1 surprise, 1 cannot, 0 lab-error``."""
    number = len(record.attempts)
    made = said("counted", "made", language, number=record.made) if record.made != number else ""
    each = [said("counted", v, language, number=record.counts[v]) for v in Verdict]
    if unjudged := number - sum(record.counts.values()):
        each.append(said("counted", "unjudged", language, number=unjudged))
    return f"{attempts_in_words(number, language)}{made}: {_comma(language).join(each)}"


def attempts_in_words(number: int, language: str = "en") -> str:
    """So many attempts."""
    return said("counted", "attempt" if number == 1 else "attempts", language, number=number)


def not_judged(made: Iterable[AttemptResult], language: str = "en") -> list[tuple[str, list[str]]]:
    """The outcomes that say nothing of an operator's own certificate, each with its attempts."""
    found: dict[str, list[str]] = {}
    for attempt in made:
        if attempt.outcome is not None and attempt.outcome.not_judged:
            found.setdefault(visible(seen(attempt, language)), []).append(visible(attempt.id))
    return list(found.items())


def causes(attempts: Iterable[AttemptResult]) -> dict[str, Counter[str]]:
    """The causes of ``cannot``, each with the clients that it stopped and how often."""
    stopped: dict[str, Counter[str]] = {}
    for attempt in attempts:
        if attempt.verdict is Verdict.CANNOT:
            stopped.setdefault(attempt.verdict_why, Counter())[str(attempt.client)] += 1
    return stopped


def stopped_in_words(clients: Counter[str], language: str = "en") -> str:
    """The clients that a cause stopped, in one line."""
    return _comma(language).join(
        said("run", "stopped", language, client=c, attempts=attempts_in_words(n, language))
        for c, n in clients.items()
    )


def image_in_words(image: ImageRecord) -> str:
    """One line about an image, beside its name and the mark that it is a stand-in."""
    return visible(" on ".join(part for part in (image.tls_library, image.os) if part))


# -- the wire, and whom the witnesses name ----------------------------------------------------------


def wire_in_words(reading: WireReading | None, language: str = "en", *, file: bool = True) -> str:
    """The reading, a fact on each line; nothing if nothing was captured.

    Args:
        reading: what was read.
        language: ``en`` or ``ja``.
        file: with the capture's file, and what is missing in it.
    """
    if reading is None:
        return ""
    said = [*_lines(reading), *(_file(reading) if file and not reading.missing else ())]
    return "\n".join(line.in_(language) for line in said)


def witnesses_in_words(witnesses: Witnesses | None, language: str = "en") -> str:
    """Whom each witness names, and whether they disagree; nothing if none was heard."""
    if witnesses is None:
        return ""
    every = {"client": witnesses.client, "server": witnesses.server, "wire": witnesses.wire}
    heard: dict[str, list[str]] = {}
    for name, one in every.items():
        names = "" if (named := _names(one)) is None else named.in_(language)
        heard.setdefault(names, []).append(_say("witness", name).in_(language))
    comma, stop = ("、", "、") if language == "ja" else (", ", "; ")
    each = [
        _say("witness", "says" if names else "silent", names=names, who=comma.join(who))
        for names, who in heard.items()
    ]
    words = stop.join(one.in_(language) for one in each)
    return _say("witness", "disagree", words=words).in_(language) if witnesses.disagree else words


def _say(section: str, name: str, /, **values: object) -> InBothLanguages:
    return read_words(_WIRE)[section][name].format(**values)


def _names(one: Statement) -> InBothLanguages | None:
    if one.standing is Agreement.SILENT or one.names is None:
        return None
    name = "agrees" if one.standing is Agreement.AGREES else "differs"
    return _say("witness", name, by=_say("side", one.names))


def _lines(reading: WireReading) -> Iterator[InBothLanguages]:
    if reading.missing:
        yield _say("line", "not_captured", why=reading.missing)
        return
    control = reading.control
    if control is None:
        yield _say("line", "no_packet")
    else:
        yield from _connection(control)
    for data in (one for one in reading.connections if not one.control):
        # What of a data connection went well is of no interest here.
        if data.ending is not None:
            yield from (_say("line", "data", line=line) for line in _connection(data))
        elif data.closed is not None and data.closed.reset:
            yield _say("line", "data_reset", by=_say("side", data.closed.by))


def _connection(one: ConnectionReading) -> Iterator[InBothLanguages]:
    if one.offered is None:
        for said in one.said[-6:]:
            words = f"{'>' if said.by is Side.CLIENT else '<'} {said.text}"
            yield InBothLanguages(words, words)
    else:
        yield _say("line", "offers", offered=_offered(one.offered))
    if one.selected is not None:
        yield _say("line", "selects", selected=_selected(one.selected, one.certificates))
    if one.unreadable:
        yield _say("line", "unreadable", why=one.unreadable)
    told = [(alert.after_ms, _alert(alert)) for alert in one.alerts]
    if one.not_tls is not None:
        told.append((one.not_tls.after_ms, _say("line", "in_clear", text=one.not_tls.text)))
    yield from (words for _, words in sorted(told, key=lambda one: one[0]))
    if one.ending is not None and one.ending.how is not How.FATAL_ALERT:
        yield _ending(one.ending)


def _joined(parts: Iterable[InBothLanguages | str]) -> InBothLanguages:
    both = [InBothLanguages(one, one) if isinstance(one, str) else one for one in parts]
    return joined(both, "; ", "; ")


def _offered(offered: Offered) -> InBothLanguages:
    suites = offered.suites
    named, rest = " ".join(suites[:MOST_SUITES]), len(suites) - MOST_SUITES
    several = _say("line", "more_suites", named=named, rest=rest) if rest > 0 else named
    name = offered.server_name
    return _joined(
        [
            " ".join(offered.versions or ()) or _say("line", "or_older", newest=offered.newest),
            several or _say("line", "no_suite"),
            _say("line", "name", name=name) if name else _say("line", "no_name"),
            *([f"ALPN {' '.join(offered.alpn)}"] if offered.alpn else []),
        ]
    )


def _selected(selected: Selected, certificates: Certificates | None) -> InBothLanguages:
    words: list[InBothLanguages | str] = [f"{selected.version} {selected.cipher}"]
    words += [_say("line", name) for name in ("retry", "resumed") if getattr(selected, name)]
    if certificates is not None:
        number = certificates.number
        name = "one_certificate" if number == 1 else "certificates"
        words.append(_say("line", name, number=number))
    return _joined(words)


def _alert(alert: AlertSeen) -> InBothLanguages:
    place = {"by": _say("side", alert.by), "where": _say("point", alert.point)}
    if alert.name is None:
        return _say("line", "encrypted_alert", **place)
    kind = "fatal_alert" if alert.fatal else "alert"
    words = _say("line", kind, name=alert.name, number=alert.number, **place)
    return _say("line", "opened", alert=words) if alert.decrypted else words


def _ending(ending: Ending) -> InBothLanguages:
    texts = read_words(_WIRE)
    where = texts["at"].get(ending.point) or texts["point"][ending.point]
    return _say("ending", ending.how, by=_say("side", ending.by), where=where)


def _why_none(why: str) -> InBothLanguages:
    """Why there are no secrets, which a record has in English."""
    for one in read_words(_WIRE)["none"].values():
        if found := re.fullmatch(pattern_of(one.en), why):
            return one.format(**found.groupdict())
    return InBothLanguages(why, why)


def _file(reading: WireReading) -> Iterator[InBothLanguages]:
    if reading.file is not None:
        words = [_say("line", "packets", number=reading.packets, file=reading.file)]
        if reading.no_key_log:
            words.append(_say("line", "no_secrets", why=_why_none(reading.no_key_log)))
        elif reading.key_log:
            words.append(_say("line", "secrets"))
        yield _joined(words)
    if reading.cut:
        yield _say("line", "cut", bytes=reading.cut)
    if reading.lost or reading.late:
        yield _say("line", "missing", lost=reading.lost)
    if reading.unclear:
        yield _say("line", "unclear", number=reading.unclear)
