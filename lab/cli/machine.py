"""Commands about this machine: the lab's version, what is missing, the container engine."""

from __future__ import annotations

import typer

from lab import __version__, host
from lab.cli.options import AsJson
from lab.cli.printing import out, print_json, print_plain
from lab.host import doctor as examination


def version() -> None:
    """Print the version of the lab."""
    out.print(__version__, highlight=False)


def doctor(as_json: AsJson = False) -> None:
    """Say what is missing on this machine, before anything is tried."""
    findings = examination.examine()
    if as_json:
        print_json([vars(finding) for finding in findings])
    else:
        print_plain(examination.render(findings))
    raise typer.Exit(examination.worst(findings))


def engine_start() -> None:
    """Find the engine; where there is none, install and start one (root on Debian or Ubuntu)."""
    host.ensure().close()


def engine_stop() -> None:
    """Stop the engine, if this checkout started it and nobody else uses it."""
    print_plain(host.stop())
