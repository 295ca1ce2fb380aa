"""Commands about one client and one server with their settings: an attempt, their suites, an sslscan."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli import common
from lab.cli.inputs import of_web, take_files
from lab.cli.japanese import in_japanese
from lab.model.expectations import Expectation
from lab.own.attempt import FTP_CLIENT, FTP_SERVER, WEB_CLIENT, WEB_SERVER, read_attempt, server_for
from lab.own.configurations import GivenFiles
from lab.own.findings import Severity, data
from lab.servers import SERVERS
from lab.settings import attempt_of, help_lines, parse_client, parse_server, server_in_words
from lab.text import visible
from lab.words import InBothLanguages, joined

if TYPE_CHECKING:
    from rich.console import Console

    from lab.own.findings import Finding
    from lab.record import AttemptResult, RunRecord
    from lab.report.terminal import Counter
    from lab.run.scan import NotScanned, ScanComparison
    from lab.run.suites import Offer, SuiteComparison
    from lab.tls.suites import Suite

_EITHER = f"{FTP_SERVER}; for a web client {WEB_SERVER}"
Server = Annotated[
    str | None, typer.Option("--server", help=", ".join(SERVERS), show_default=_EITHER)
]


@take_files
def attempt(
    *,
    server: Server = None,
    client: Annotated[
        str | None,
        typer.Option(
            "--client",
            metavar="PROGRAM@PLATFORM[:POLICY]",
            help="for example net-ftp@rocky9:FIPS",
            show_default=f"{FTP_CLIENT}; with --backend or {of_web()} {WEB_CLIENT}",
        ),
    ] = None,
    server_settings: list[str] | None = None,
    client_settings: list[str] | None = None,
    expect: str | None = None,
    times: int = 1,
    files: GivenFiles,
    capture: bool = False,
    remedies: bool = True,
    language: common.Language = "en",
    verbose: bool = False,
    as_json: bool = False,
    fields: bool = False,
) -> None:
    """``lab attempt``: exit status 0 if it completed or was as expected, else 1; of several the worst."""
    if fields:
        web = bool(files.backend) or any(one.reader.of_web for one in files.given)
        _print_fields(server, client, language, web=web)
        return
    wanted, own, findings = read_attempt(
        files,
        client,
        client_settings=client_settings or [],
        server=server,
        server_settings=server_settings or [],
        environment=os.environ if files.mt_config else None,
    )
    say_findings(findings, verbose=verbose, language=language)
    expectation = Expectation.parse(expect) if expect else None
    from lab.run.certificates import begin

    # Keys are made while the rest is loaded.
    certificates = begin([wanted], own)
    from lab.run.recording import repeat
    from lab.wire.packets import CapturePolicy

    @functools.cache
    def counter() -> Counter:
        from lab.report.terminal import Counter

        return Counter(times, common.console(error=True), language=language)

    conducted = repeat(
        wanted,
        times,
        expectation,
        on_attempt=lambda result: counter().count(result),
        own=own,
        captures=CapturePolicy.ALL if capture else None,
        remedies=remedies,
        certificates=certificates,
        meanwhile=counter,
    )
    counter().end()
    from lab.report import terminal

    record, out = conducted.record, common.console()
    if as_json:
        common.print_json(_attempts_json(record))
    else:
        told = record.attempts
        terminal.print_attempts(told, record, out, verbose=verbose, language=language)
        _print_captures(told, conducted.path.parent, language)
    raise typer.Exit(max(map(common.status_of_attempt, record.attempts)))


def say_findings(findings: Sequence[Finding], *, verbose: bool, language: str) -> None:
    """What is to be said of the files; notes in one line, but with ``verbose``."""
    notes = [one for one in findings if one.severity is Severity.NOTE]
    for finding in findings if verbose else [one for one in findings if one not in notes]:
        common.say_to_people(finding.in_(language))
    if notes and not verbose:
        lines = "a line was" if len(notes) == 1 else f"{len(notes)} lines were"
        words = f"{lines} understood and fitted to the lab; -v says how"
        if language == "ja":
            words = data("findings.toml")["said"]["fitted"].format(number=len(notes))
        common.say(words, error=True)


def _print_fields(server: str | None, client: str | None, language: str, *, web: bool) -> None:
    """The settings of one server and one client, each with its help."""
    from lab.report.layout import padded, print_hanging

    there = parse_server([], server) if server else None
    if there is not None:
        web = there.speaks == "HTTP"
    here = parse_client(client or (WEB_CLIENT if web else FTP_CLIENT))
    there = there or parse_server([], server_for(str(here)))
    for end, name, settings in (("server", there.software, there), ("client", here, here)):
        title = common.said("fields", end, name=name).in_(language)
        _heading(f"\n{title}", common.console())
        for field, text in help_lines(type(settings)):
            print_hanging(common.console(), f"  {padded(field, 20)}", text.in_(language))


def _print_captures(attempts: Sequence[AttemptResult], folder: Path, language: str) -> None:
    """Say where the captures are: each file, or, of many attempts, the folder."""
    files = [folder / a.wire.file for a in attempts if a.wire and a.wire.file]
    if files:
        from lab.report.view import said

        several = {"number": len(files), "folder": files[0].parent}
        where = files[0] if len(files) == 1 else said("said", "captures", language, **several)
        common.say("\n" + said("said", "capture", language, where=where))


def _attempts_json(record: RunRecord) -> object:
    """One attempt as its record, with its certificates; several with how many completed.

    Of several, `not_judged` says in how many of them the certificate is not judged.
    """
    whole = record.model_dump(mode="json", include={"attempts", "certificates"})
    plain = whole["attempts"]
    if len(plain) == 1:
        return plain[0] | {"certificates": whole["certificates"].get(plain[0]["chain"], [])}
    outcomes = [a.outcome for a in record.attempts if a.outcome]
    completed = sum(o.result == "completed" for o in outcomes)
    left_open = sum(bool(o.not_judged) for o in outcomes)
    return whole | {"made": len(plain), "completed": completed, "not_judged": left_open}


# -- suites --------------------------------------------------------------------------------------------

_COLUMN = 7
#: A server's whole list is of interest only if it is short: what it comes to is above it.
_MOST = 8


def suites(
    server: Server = None,
    client: str = FTP_CLIENT,
    server_settings: list[str] | None = None,
    client_settings: list[str] | None = None,
    as_json: bool = False,
) -> None:
    """``lab suites``: exit status 1 if no handshake is possible."""
    from lab.run.agents import Unsupported
    from lab.run.laboratory import open_lab

    wanted = attempt_of(
        parse_server(server_settings or [], server or server_for(client)),
        parse_client(client, client_settings or []),
    )
    with open_lab(attempts=[wanted]) as laboratory:
        try:
            comparison = laboratory.session.suites(wanted)
        except Unsupported as cause:
            common.say(f"cannot: {cause}", error=True)
            raise typer.Exit(common.LAB_ERROR) from None
    if as_json:
        common.print_json(comparison.as_json())
    else:
        print_comparison(comparison, common.console())
    raise typer.Exit(common.OK if comparison.possible else common.SURPRISE)


def print_comparison(comparison: SuiteComparison, target: Console) -> None:
    """Print a comparison of the suites of both ends, its sentence first."""
    _heading(comparison.sentence, target, "bold green" if comparison.possible else "bold red")
    _print_offer("client", comparison.client, target)
    _print_offer("server", comparison.server, target)
    _heading("\ncommon to both", target)
    for version, shared in comparison.common.items():
        _row(version, _names(shared) or "no suite", target)
    if not comparison.common:
        _row("-", "no protocol version", target)


def _print_offer(side: str, offer: Offer, target: Console) -> None:
    _heading(f"\n{side}: {offer.end}", target)
    if offer.nothing:
        _row("-", f"nothing: {offer.nothing}", target)
    for version in offer.versions:
        _row(version, _names(offer.suites[version]) or "no suite", target)
    if side == "server":
        _row("key", offer.key or "no certificate", target)
        _row("list", _list_in_words(offer), target)


def _list_in_words(offer: Offer) -> str:
    """A server's cipher list as its library reads it, and what of it the certificate leaves."""
    listed, excluded = offer.configured, offer.excluded
    words = _names(listed) if len(listed) <= _MOST else f"{len(listed)} suites"
    if not excluded or not offer.key:
        return words or "no suite"
    which = _names(excluded) if len(excluded) <= _MOST else f"{len(excluded)} of them"
    return f"{words} (not with this key: {which})"


def _names(of: Sequence[Suite]) -> str:
    return " ".join(suite.name for suite in of)


def _heading(words: str, target: Console, style: str = "bold") -> None:
    from rich.text import Text

    target.print(Text(visible(words), style=style))


def _row(label: str, words: str, target: Console) -> None:
    from rich.text import Text

    from lab.report.layout import padded, print_hanging

    print_hanging(target, Text(f"  {padded(label, _COLUMN)}", style="dim"), visible(words))


# -- an independent scan -------------------------------------------------------------------------------


def scan(
    cases: list[str] | None = None,
    server: str | None = None,
    server_settings: list[str] | None = None,
    document: str | None = None,
    language: common.Language = "en",
    as_json: bool = False,
) -> None:
    """``lab scan``: exit status 1 if a scan and the lab disagree, 3 if the lab could not scan."""
    from lab.run.agents import SCANNER
    from lab.run.laboratory import open_lab
    from lab.run.scan import as_attempt, counted, scan_all

    if server is None and not server_settings:
        plans = [c.plan() for c in common.chosen_cases(cases, document)]
        attempts = [planned.attempt for plan in plans for planned in plan]
    elif cases or document:
        raise typer.BadParameter("either cases, or one server with its settings")
    else:
        attempts = [as_attempt(parse_server(server_settings or [], server or FTP_SERVER))]
    with open_lab(attempts=attempts, also=[SCANNER]) as laboratory:
        results = scan_all(laboratory.session, (a.server for a in attempts))
    counts = counted(results)
    if as_json:
        common.print_json({"counts": counts, "scans": [r.as_json() for r in results]})
    else:
        print_scans(results, counts, common.console(), language)
    if counts["lab_error"]:
        raise typer.Exit(common.LAB_ERROR)
    raise typer.Exit(common.SURPRISE if counts["disagree"] else common.OK)


def print_scans(
    results: Iterable[ScanComparison | NotScanned],
    counts: Mapping[str, int],
    target: Console,
    language: str = "en",
) -> None:
    """Print what was found for each settings, the counts, and the limits that were met."""
    from rich.text import Text

    from lab.report.layout import print_hanging
    from lab.run.scan import UNSEEN, WHY_UNSEEN, NotScanned

    def say(before: str, words: str, style: str = "") -> None:
        print_hanging(target, before, Text(words, style))

    def of_the_lab(words: str) -> str:
        return visible(in_japanese(words) if language == "ja" else words)

    met = False
    for result in results:
        say("", visible(server_in_words(result.server)))
        kind = _scan(result.kind).in_(language)
        if isinstance(result, NotScanned):
            words = f"{kind}: {of_the_lab(result.why)}"
            say("  ", words, "red" if result.lab_error else "dim")
            continue
        head = Text(f"  {kind}  ", "green" if result.agree else "bold red")
        print_hanging(target, head, Text(found(result).in_(language), "dim"))
        for disagreement in result.disagreements:
            say("    ", of_the_lab(disagreement), "red")
        met = met or bool(result.beyond)
    target.print()
    say("", scans_in_words(counts).in_(language))
    if met:
        limit = {"what": of_the_lab(UNSEEN), "why": of_the_lab(WHY_UNSEEN)}
        say("", _scan("not_seen", **limit).in_(language), "dim")


def _scan(name: str, /, **values: object) -> InBothLanguages:
    return common.said("scan", name, **values)


def scans_in_words(counts: Mapping[str, int]) -> InBothLanguages:
    """How many scans came to what, in one line."""
    each = [_scan("number", number=n, what=_scan(name)) for name, n in counts.items() if n]
    there = joined(each, ", ")
    total = sum(counts.values())
    return _scan("counts", number=total, each=there if total else _scan("nothing"))


def found(result: ScanComparison) -> InBothLanguages:
    """Protocols and the number of suites, as the scanner found them."""
    versions = " ".join(result.protocols)
    number = len(result.distinct_suites)
    spoken = InBothLanguages(versions, versions) if versions else _scan("no_protocol")
    name = "suite" if number == 1 else "suites" if number else "no_suites"
    words = _scan("found", versions=spoken, suites=_scan(name, number=number))
    beyond = len(result.beyond)
    return words.with_remark(_scan("beyond", number=beyond)) if beyond else words
