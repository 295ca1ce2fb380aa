"""Edges before origins with one defect each: what visitors read, what is logged, what the lab makes of it.

python -m tools.edges                     every edge, as words
python -m tools.edges haproxy@debian13    this one
python -m tools.edges --write             the tables of docs/edge.md, anew
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from lab.clients import PROGRAMS
from lab.clients.edges import EdgeSettings
from lab.host.checkout import root
from lab.model import Attempt
from lab.model.expectations import PlannedAttempt
from lab.record import AttemptResult
from lab.run.attempts import run
from lab.run.laboratory import open_lab
from lab.settings import parse_client, parse_server

#: What is wrong with the origin: its settings, after the server's name.
DEFECTS: Mapping[str, str] = {
    "nothing": "nginx",
    "self-signed": "nginx certificate=self-signed",
    "unknown issuer": "nginx certificate=private-ca",
    "root in the chain, unknown": "nginx certificate=root-in-chain",
    "expired": "nginx certificate=expired",
    "wrong host": "nginx certificate=wrong-host",
    "common name only": "nginx certificate=cn-only",
    "intermediate not sent": "nginx certificate=incomplete-chain",
    "plain HTTP on the port": "nginx tls=no",
    "TLS 1.0 only": "nginx protocols=TLSv1 ciphers=ALL:@SECLEVEL=0",
    "wants a client certificate": "nginx require_cert=yes",
    "alert handshake_failure": "origin behaviour=alert-handshake-failure",
    "closes in the handshake": "origin behaviour=close",
    "says nothing": "origin behaviour=silent",
    "closed port": "nginx listening=off",
    "filtered port": "nginx port_filter=dropped",
}
#: The defects that are one also where nothing is configured.
DEFAULTS = ("self-signed", "unknown issuer", "expired", "wrong host", "intermediate not sent")
#: The settings with which a program does what it does of itself.
BARE = ("configured=no",)
PAGE = "docs/edge.md"
#: Between these lines of the page the tables are.
BEGIN, END = "<!-- tables: python -m tools.edges --write -->", "<!-- end of the tables -->"
#: Seconds that an edge waits for the origin here.
LIMIT_S = 5.0
#: Attempts at the same time: each starts an edge, and one that comes up late answers nobody.
WORKERS = 2


def edges() -> Iterator[str]:
    """Every edge, as ``PROGRAM@PLATFORM``."""
    for name, program in PROGRAMS.items():
        if issubclass(program.settings, EdgeSettings):
            yield from (f"{name}@{platform}" for platform in program.platforms)


def attempts(
    named: Sequence[str], settings: Sequence[str], defects: Iterable[str] = DEFECTS
) -> list[PlannedAttempt]:
    """One for each edge and defect."""
    planned = []
    for edge in named:
        for defect in defects:
            told = DEFECTS[defect]
            software, *assigned = told.split()
            client = parse_client(edge, [f"timeout_s={LIMIT_S:g}", *settings])
            attempt = Attempt(parse_server(assigned, software), client)
            title = f"{edge}: {defect}: {' '.join(settings)}"
            planned.append(PlannedAttempt(title, attempt))
    return planned


def made(planned: Sequence[PlannedAttempt]) -> tuple[dict[str, AttemptResult], dict[str, str]]:
    """The results, by title, and the version of each edge."""
    found: dict[str, AttemptResult] = {}
    versions: dict[str, str] = {}
    with open_lab(attempts=[one.attempt for one in planned]) as laboratory:
        run(
            laboratory.session,
            planned,
            lambda one, _: found.__setitem__(one.id, one),
            workers=WORKERS,
        )
        for client in {one.attempt.client for one in planned}:
            program = PROGRAMS[client.program]
            image = laboratory.image_of(program.service(client))
            packages = laboratory.images[image].provenance.packages if image else {}
            versions[str(client)] = packages.get(client.program) or packages.get("nginx", "")
    return found, versions


def cell(result: AttemptResult) -> str:
    """What the visitor reads, and what the lab knows of the reason."""
    outcome, report = result.outcome, result.client_report
    if outcome is None or report is None:
        return "cannot"
    if not report.failed:
        return str(report.reply_code) if outcome.verified else f"**{report.reply_code}**"
    if report.step == "connect" and not report.reply_code and outcome.reason == "usage-error":
        return "does not start"
    told = str(report.reply_code) if report.reply_code else "reset"
    return f"{told} {outcome.reason}"


def table(
    named: Sequence[str],
    settings: Sequence[str],
    defects: Sequence[str],
    found: Mapping[str, AttemptResult],
) -> str:
    """A table of Markdown about the edges of one platform, a row a defect."""
    names = [edge.partition("@")[0] for edge in named]
    rows = [["the origin", *names], ["---"] * (len(named) + 1)]
    for defect in defects:
        ids = (f"{edge}: {defect}: {' '.join(settings)}" for edge in named)
        rows.append([defect, *(cell(found[one]) for one in ids)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def platform_of(edge: str) -> str:
    """The platform of ``PROGRAM@PLATFORM``."""
    return edge.partition("@")[2]


def tables(
    named: Sequence[str], found: Mapping[str, AttemptResult], versions: Mapping[str, str]
) -> Iterator[str]:
    """What the page has of the edges of one platform, a paragraph or a table each."""
    yield f"### On `{platform_of(named[0])}`"
    seen = ", ".join(f"{edge.partition('@')[0]} {versions[edge].split(' ')[0]}" for edge in named)
    yield f"Seen with {seen}."
    yield "With the check on, by the CA that issued the good certificate:"
    yield table(named, [], list(DEFECTS), found)
    yield "With nothing configured but TLS to the origin:"
    yield table(named, BARE, DEFAULTS, found)


def write(named: Sequence[str]) -> None:
    """Make all attempts of the tables, and write them into the page.

    Raises:
        ValueError: the page has no place for them.
    """
    page = root() / PAGE
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no lines {BEGIN} and {END}")
    planned = [*attempts(named, []), *attempts(named, BARE, DEFAULTS)]
    found, versions = made(planned)
    platforms = dict.fromkeys(sorted((platform_of(edge) for edge in named), reverse=True))
    text = "\n\n".join(
        part
        for platform in platforms
        for part in tables([e for e in named if platform_of(e) == platform], found, versions)
    )
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    sys.stdout.write(f"{page}\n")


def main(argv: list[str] | None = None) -> int:
    """Make the attempts and print what came of each; the exit status is 0."""
    parser = argparse.ArgumentParser(prog="python -m tools.edges")
    parser.add_argument("edge", nargs="*", help="PROGRAM@PLATFORM (default: every edge)")
    parser.add_argument("--client", "-c", action="append", default=[], help="FIELD=VALUE")
    parser.add_argument("--write", action="store_true", help=f"the tables of {PAGE}, anew")
    arguments = parser.parse_args(argv)
    if arguments.write:
        write(arguments.edge or list(edges()))
        return 0
    planned = attempts(arguments.edge or list(edges()), arguments.client)
    results, _ = made(planned)
    for one in planned:
        result = results[one.id]
        outcome = (
            result.outcome.in_words()
            if result.outcome
            else f"{result.verdict}: {result.verdict_why}"
        )
        sys.stdout.write(f"{one.id}\n    {outcome}\n")
        for what, said in (
            ("user", result.client_report and result.client_report.message),
            ("log", result.client_report and result.client_report.error),
            ("origin", result.server_report and result.server_report.log),
        ):
            for line in (said or "").splitlines():
                sys.stdout.write(f"    {what:<7}{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
