"""Edges before origins with one defect each: what visitors read, what is logged, what the lab makes of it.

python tools/edges.py                         every edge, as words
python tools/edges.py haproxy@debian13        this one
python tools/edges.py --write docs/edge.md    the tables of that page, anew
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from lab.clients import PROGRAMS
from lab.clients.edges import EdgeSettings
from lab.images import Printed
from lab.model import Attempt
from lab.model.expectations import PlannedAttempt
from lab.record import AttemptResult
from lab.run.attempts import run
from lab.run.checkout import Checkout, new_run_id
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
#: Seconds that an edge waits for the origin here.
LIMIT_S = 3.0


def edges() -> Iterator[str]:
    """Every edge, as ``PROGRAM@PLATFORM``."""
    for name, program in PROGRAMS.items():
        if issubclass(program.settings, EdgeSettings):
            yield from (f"{name}@{platform}" for platform in program.platforms)


def attempts(named: Sequence[str], settings: Sequence[str]) -> list[PlannedAttempt]:
    """One for each edge and defect; the title is ``EDGE: DEFECT``."""
    planned = []
    for edge in named:
        for defect, told in DEFECTS.items():
            software, *assigned = told.split()
            client = parse_client(edge, [f"timeout_s={LIMIT_S:g}", *settings])
            attempt = Attempt(parse_server(assigned, software), client)
            planned.append(PlannedAttempt(f"{edge}: {defect}", attempt))
    return planned


def made(planned: Sequence[PlannedAttempt]) -> dict[str, AttemptResult]:
    """The results, by title."""
    found: dict[str, AttemptResult] = {}
    with open_lab(
        Checkout.here(), Printed(), new_run_id(), attempts=[one.attempt for one in planned]
    ) as laboratory:
        run(laboratory.session, planned, lambda one, _: found.__setitem__(one.id, one))
    return found


def main(argv: list[str] | None = None) -> int:
    """Make the attempts and print what came of each; the exit status is 0."""
    parser = argparse.ArgumentParser(prog="python tools/edges.py")
    parser.add_argument("edge", nargs="*", help="PROGRAM@PLATFORM (default: every edge)")
    parser.add_argument("--client", "-c", action="append", default=[], help="FIELD=VALUE")
    parser.add_argument("--write", type=Path, help="the page whose tables are written anew")
    arguments = parser.parse_args(argv)
    planned = attempts(arguments.edge or list(edges()), arguments.client)
    results = made(planned)
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
