"""Commands about what the ends offer before anything is delivered: cipher suites, an sslscan."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli import exit_status
from lab.cli.options import (
    AsJson,
    Cases,
    ClientAssignments,
    Document,
    Server,
    ServerAssignments,
    chosen_cases,
)
from lab.cli.printing import err, out, print_json, print_plain
from lab.images import Printed
from lab.own.attempt import FTP_CLIENT, server_for
from lab.report.scans import print_scans
from lab.report.suites import print_comparison
from lab.run.checkout import Checkout, new_run_id
from lab.run.feasibility import Unsupported
from lab.run.laboratory import open_lab
from lab.run.scanner import SERVICE as SCANNER
from lab.run.scanning import as_attempt, counted, scan_all
from lab.settings import attempt_of, parse_client, parse_server


def suites(
    server: Server = None,
    client: Annotated[
        str,
        typer.Option(
            "--client", metavar="PROGRAM@PLATFORM[:POLICY]", help="for example net-ftp@rocky9:FIPS"
        ),
    ] = FTP_CLIENT,
    server_settings: ServerAssignments = None,
    client_settings: ClientAssignments = None,
    as_json: AsJson = False,
) -> None:
    """Ask both ends for their cipher suites and say what is common, or what fails first."""
    wanted = attempt_of(
        parse_server(server_settings or [], server or server_for(client)),
        parse_client(client, client_settings or []),
    )
    with open_lab(Checkout.here(), Printed(), new_run_id(), attempts=[wanted]) as laboratory:
        try:
            comparison = laboratory.session.suites(wanted)
        except Unsupported as cause:
            print_plain(f"cannot: {cause}", err)
            raise typer.Exit(exit_status.LAB_ERROR) from None
    if as_json:
        print_json(comparison.as_json())
    else:
        print_comparison(comparison, out)
    raise typer.Exit(exit_status.OK if comparison.possible else exit_status.SURPRISE)


def scan(
    cases: Cases = None,
    server: Annotated[
        str | None, typer.Option("--server", help="scan this server only, e.g. nginx")
    ] = None,
    server_settings: ServerAssignments = None,
    document: Document = None,
    as_json: AsJson = False,
) -> None:
    """Have sslscan ask servers what they offer, and compare: one, or all distinct ones of the cases."""
    if server is None and not server_settings:
        plans = [c.plan() for c in chosen_cases(cases, document)]
        attempts = [planned.attempt for plan in plans for planned in plan]
    elif cases or document:
        raise typer.BadParameter("either cases, or one server with its settings")
    else:
        attempts = [as_attempt(parse_server(server_settings or [], server or "vsftpd"))]
    with open_lab(
        Checkout.here(), Printed(), new_run_id(), attempts=attempts, also=[SCANNER]
    ) as laboratory:
        results = scan_all(laboratory.session, (a.server for a in attempts))
    counts = counted(results)
    if as_json:
        print_json({"counts": counts, "scans": [r.as_json() for r in results]})
    else:
        print_scans(results, counts, out)
    raise typer.Exit(exit_status.of_scans(counts))
