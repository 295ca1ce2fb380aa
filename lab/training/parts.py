"""What is told of a case, in words: read from settings and rows, nothing acts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter

from lab.cases import LoadedCase
from lab.documents import documents
from lab.documents.verdicts import Check, ClaimResult, State, case_name, evaluate
from lab.model import (
    CERTIFICATE_EMPTY,
    Attempt,
    Reason,
    ServerSettings,
    differing_fields,
    set_fields,
)
from lab.record import AttemptResult, Chain, RunRecord
from lab.remedies.causes import Evidence, cause_of
from lab.remedies.lines import server_lines
from lab.remedies.words import InBothLanguages, joined
from lab.report import view
from lab.run.suites import SuiteComparison
from lab.servers import SERVERS
from lab.text import cut, listed, one_line, visible
from lab.training.source import CaseSource
from lab.training.words import outcome_words, say, table

#: Of a configuration so many lines are shown, of a server's log and of the wire so many each.
_MOST_SET, _MOST_LOG, _MOST_WIRE = 8, 6, 8
#: The folder in which :func:`lab.remedies.lines.server_lines` has a server's files.
_FILES = "/etc/ssl/"

Pairs = Iterator[tuple[InBothLanguages, str | InBothLanguages]]


def situation(attempt: Attempt) -> tuple[InBothLanguages, InBothLanguages]:
    """Who is to do what with whom, and what is set at the client: nothing that gives the answer away."""
    client, server = attempt.client, attempt.server
    goal = say("goal", client.goal)
    who = {"client": client, "server": server.software, "host": client.host or server.host}
    values = view.settings(client)
    if not values:
        return say("situation", server.speaks, goal=goal, **who), say("situation", "not_set")
    written = ", ".join(f"{name}={view.written(value)}" for name, value in values)
    return say("situation", server.speaks, goal=goal, **who), say(
        "situation", "set", set=visible(written)
    )


# -- the server ------------------------------------------------------------------------------------


def server_in_words(server: ServerSettings, chain: Chain) -> Pairs:
    """What is set at a server, what its program decides, and its certificate."""
    yield say("server", "is"), f"{server.software} ({server.host})"
    if not server.listening:
        yield say("server", "set"), say("server", "off")
        return
    lines = list(_set_lines(server))
    yield say("server", "set"), "\n".join(lines) if lines else say("server", "nothing")
    left_open = [name for name in table("default") if getattr(server, name, "") is None]
    if left_open and server.tls:
        what = joined((table("default")[name] for name in left_open), en=", ")
        yield say("server", "default"), say("server", "decides", what=what)
    yield from _certificate(server, chain)


def _set_lines(server: ServerSettings) -> Iterator[str]:
    """The lines of the configuration that are there because something is set, and what else is."""
    try:
        # That a server is an impostor's is not said before it has come out.
        bare = SERVERS[server.software].settings_with(impostor=server.impostor)
        plain = set(server_lines(bare))
        told = [line for line in server_lines(server) if line not in plain and _FILES not in line]
    except (KeyError, ValueError):
        told = []
    names = {n: v for n, v in view.settings(server) if n not in ("certificate", "impostor")}
    # A packet filter is in no configuration; one of the lab's own programs is JSON, which nobody writes.
    if names and (not told or told[0].startswith('"')):
        told = [f"{name}={view.written(value)}" for name, value in names.items()]
    yield from (visible(line) for line in told[:_MOST_SET])
    of_the_network = ("port_filter", "data_ports", "client_nat", "hello_filter")
    filtered = {n: v for n, v in set_fields(server).items() if n in of_the_network}
    written = [f"{name}={view.written(value)}" for name, value in filtered.items()]
    yield from (line for line in written if line not in told)


def _certificate(server: ServerSettings, chain: Chain) -> Pairs:
    label = say("server", "certificate")
    if not server.tls:
        yield label, say("server", "no_tls")
        return
    if not chain:
        empty = server.certificate == CERTIFICATE_EMPTY
        yield label, say("server", "empty_certificate" if empty else "no_certificate")
        return
    leaf, *others = chain
    yield label, visible(leaf.subject) or "-"
    yield say("server", "names"), visible(listed(leaf.names, 4)) or say("server", "no_names")
    issuer = cut(one_line(leaf.issuer))
    yield (
        say("server", "issuer"),
        say("server", "itself", subject=issuer) if leaf.self_signed else issuer,
    )
    moments = (leaf.not_before, leaf.not_after, datetime.now(UTC))
    begin, end, today = (moment.date().isoformat() for moment in moments)
    yield say("server", "valid"), say("server", "dates", begin=begin, end=end, today=today)
    yield say("server", "key"), say("server", "signed", key=leaf.key, signature=leaf.signature)
    behind = ", ".join(cut(one_line(one.subject)) for one in others)
    yield (
        say("server", "sends"),
        say("server", "and", others=behind) if others else say("server", "alone"),
    )


# -- what was seen ---------------------------------------------------------------------------------


def evidence(result: AttemptResult) -> Pairs:
    """What client, server and wire each say, in their own words."""
    client, server = result.client_report, result.server_report
    if client is not None and client.error:
        error = client.error.strip()
        yield (
            say("evidence", "client_says"),
            _both(lambda language: view.excerpt(error, _MOST_LOG, language)),
        )
    yield say("evidence", "server_says"), server_log(server.log if server else "")
    yield say("evidence", "wire"), wire(result)
    heard = _both(lambda language: view.witnesses_in_words(result.witnesses, language))
    if heard.en:
        yield say("evidence", "witnesses"), heard


def server_log(log: str) -> str | InBothLanguages:
    """The lines of a server's log that say most, without what all of them begin with."""
    if not log.strip():
        return say("evidence", "no_log")
    lines = view.telling_lines(log)
    shown = lines if len(lines) <= _MOST_LOG else lines[-_MOST_LOG:]
    return visible("\n".join(view.STAMP.sub("", line) for line in shown))


def wire(result: AttemptResult) -> InBothLanguages:
    """What was on the wire, a fact on each line."""
    words = _both(lambda language: view.wire_in_words(result.wire, language, file=False))
    if not words.en:
        return say("evidence", "not_captured")
    return _both(lambda language: view.excerpt(words.in_(language), _MOST_WIRE, language))


def _both(words: Callable[[str], str]) -> InBothLanguages:
    return InBothLanguages(words("en"), words("ja"))


# -- cause, remedies, document ---------------------------------------------------------------------


def cause(result: AttemptResult, source: CaseSource) -> Pairs:
    """The cause of a refusal; of a completion that there is none."""
    label = say("cause", "cause")
    outcome = result.outcome
    if outcome is None or outcome.reason is None:
        yield label, say("cause", "works")
        return
    chain = source.chain()
    yield label, cause_of(Evidence(result, chain, compared(result, source)))


def compared(result: AttemptResult, source: CaseSource) -> SuiteComparison | None:
    """What both ends offer, where a refusal is about suites or versions and they can be asked."""
    reason = result.outcome.reason if result.outcome is not None else None
    asks = reason in {Reason.NO_SHARED_CIPHER, Reason.NO_SHARED_PROTOCOL}
    return source.suites(result) if asks else None


def changes(before: Attempt, after: Attempt) -> Iterator[tuple[str, str, InBothLanguages | str]]:
    """The settings in which a remedy differs: name, before, after."""
    for field in differing_fields(before, after):
        end, _, name = field.partition(".")
        values = (getattr(attrgetter(end)(one), name, None) for one in (before, after))
        was, now = (_value(value) for value in values)
        yield field, was, now


def _value(value: object) -> str:
    if value is None or value == ():
        return "-"
    return cut(one_line(view.written(value)))


def came_of(tries: Sequence[AttemptResult]) -> InBothLanguages:
    """What came of all tries of one attempt."""
    each = Counter(outcome_words(one.outcome) if one.outcome else _unmade(one) for one in tries)
    if len(each) == 1:
        return next(iter(each))
    return joined((_times(number, words) for words, number in each.items()), ja="; ")


def _times(number: int, words: InBothLanguages) -> InBothLanguages:
    return InBothLanguages(f"{number} x {words.en}", f"{number} x {words.ja}")


def _unmade(one: AttemptResult) -> InBothLanguages:
    return InBothLanguages(*2 * [visible(one.verdict_why)])


def claims(case: LoadedCase, record: RunRecord) -> Iterator[tuple[ClaimResult, list[Check]]]:
    """The sentences of the case's document that attempts of it test, with those tests."""
    ids = {planned.id for planned in case.plan()}
    document, name = documents()[case.document], case_name(case.id)
    about = [claim for claim in document.claims if any(t.case == name for t in claim.tests)]
    rows = [row for row in record.attempts if row.id in ids]
    for result in evaluate(
        document.model_copy(update={"claims": tuple(about)}),
        record.model_copy(update={"attempts": tuple(rows)}),
    ):
        seen = [
            check
            for check in result.checks
            if check.state is not State.NOT_RUN
            and not check.test.beyond
            and set(check.attempts) & ids
        ]
        if seen:
            yield result, seen


def state_of(checks: Sequence[Check]) -> State | None:
    """What all of these say; ``None``: some hold, and some do not."""
    states = Counter(check.state for check in checks)
    return next(iter(states)) if len(states) == 1 else None
