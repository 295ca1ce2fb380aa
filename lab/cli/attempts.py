"""The command ``lab attempt``: one client with its settings against one server with its settings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from lab.cli import exit_status
from lab.cli.options import AsJson, ClientAssignments, Server, ServerAssignments
from lab.cli.printing import err, out, print_json, print_plain
from lab.expectations import Expectation
from lab.model import Result
from lab.own.attempt import FTP_CLIENT, WEB_CLIENT, read_attempt
from lab.record import AttemptRecord, RunRecord
from lab.report import terminal
from lab.run.recording import repeat
from lab.settings import help_lines
from lab.wire import CapturePolicy


def attempt(
    server: Server = None,
    client: Annotated[
        str | None,
        typer.Option(
            "--client",
            metavar="PROGRAM@PLATFORM[:POLICY]",
            help="for example net-ftp@rocky9:FIPS",
            show_default=f"{FTP_CLIENT}; with --backend {WEB_CLIENT}",
        ),
    ] = None,
    server_settings: ServerAssignments = None,
    client_settings: ClientAssignments = None,
    expect: Annotated[
        str | None,
        typer.Option(help="completed, or refused:SIDE:STAGE:REASON; decides the exit status"),
    ] = None,
    times: Annotated[
        int, typer.Option("--repeat", metavar="N", min=1, help="make it N times and give the rate")
    ] = 1,
    vsftpd_conf: Annotated[
        Path | None, typer.Option("--vsftpd-conf", metavar="FILE", help="your vsftpd.conf")
    ] = None,
    vsftpd_build: Annotated[
        str | None,
        typer.Option(
            "--vsftpd-build", metavar="BUILD", help="what it is written for: debian13 or el9"
        ),
    ] = None,
    mt_config: Annotated[
        Path | None, typer.Option("--mt-config", metavar="FILE", help="lines of your mt-config.cgi")
    ] = None,
    backend: Annotated[
        Path | None,
        typer.Option(
            "--backend", metavar="FILE", help="your CDN's backend definition: VCL, TOML or JSON"
        ),
    ] = None,
    backend_name: Annotated[
        str | None,
        typer.Option("--backend-name", metavar="NAME", help="which, if the file has several"),
    ] = None,
    chain: Annotated[
        Path | None, typer.Option("--chain", metavar="FILE", help="your certificate chain, PEM")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="its private key, PEM")
    ] = None,
    capture: Annotated[
        bool,
        typer.Option("--capture", help="keep the packets, for Wireshark, of a completed one too"),
    ] = False,
    as_json: AsJson = False,
    fields: Annotated[bool, typer.Option("--fields", help="List the settings and end.")] = False,
) -> None:
    """Make one attempt: one client with its settings against one server with its settings."""
    if fields:
        _print_fields()
        return
    wanted, own, findings = read_attempt(
        vsftpd_conf,
        mt_config,
        chain,
        key,
        server_settings or [],
        client,
        client_settings or [],
        server=server,
        vsftpd_build=vsftpd_build,
        backend=backend,
        backend_name=backend_name,
        environment=os.environ if mt_config else None,
    )
    for finding in findings:
        print_plain(str(finding), err)
    expectation = Expectation.parse(expect) if expect else None
    counter = terminal.Counter(times, err)
    conducted = repeat(
        wanted,
        times,
        expectation,
        on_attempt=counter.count,
        own=own,
        captures=CapturePolicy.ALL if capture else CapturePolicy.REFUSED,
    )
    counter.end()
    attempts = conducted.record.attempts
    if as_json:
        print_json(_attempts_json(conducted.record))
    else:
        terminal.print_attempts(attempts, conducted.record, out)
        _print_captures(attempts, conducted.path.parent)
    raise typer.Exit(max(exit_status.of_attempt(a) for a in attempts))


def _print_fields() -> None:
    ends: tuple[Literal["server", "client"], ...] = ("server", "client")
    for end in ends:
        title = f"\nsettings of the {end} (-{end[0]} FIELD=VALUE)"
        out.print(title, style="bold", highlight=False)
        for name, text in help_lines(end):
            print_plain(f"  {name:<22} {text}")


def _print_captures(attempts: Sequence[AttemptRecord], folder: Path) -> None:
    """Say where the captures are: each file, or, of many attempts, the folder."""
    files = [folder / a.wire.file for a in attempts if a.wire and a.wire.file]
    if files:
        where = files[0] if len(files) == 1 else f"{len(files)} files in {files[0].parent}"
        print_plain(f"\ncapture: {where}")


def _attempts_json(record: RunRecord) -> object:
    """One attempt as its record, with its certificates; several with how many completed.

    Of several, `not_judged` says in how many of them the certificate is not judged.
    """
    whole = record.model_dump(mode="json", include={"attempts", "certificates"})
    plain = whole["attempts"]
    if len(plain) == 1:
        return plain[0] | {"certificates": whole["certificates"].get(plain[0]["chain"], [])}
    outcomes = [a.outcome for a in record.attempts if a.outcome]
    completed = sum(o.result is Result.COMPLETED for o in outcomes)
    left_open = sum(bool(o.not_judged) for o in outcomes)
    return whole | {"made": len(plain), "completed": completed, "not_judged": left_open}
