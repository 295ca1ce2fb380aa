"""The command that measures by repeating: how steady outcomes are."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli import exit_status
from lab.cli.options import Cases, chosen_cases
from lab.cli.printing import err, print_plain
from lab.images import Printed
from lab.record import RunRecord
from lab.report.words import counts_in_words
from lab.run.soak import soak as run_soak


def soak(
    cases: Cases = None,
    rounds: Annotated[int, typer.Option("--rounds", "-n", min=1, help="how many times")] = 50,
) -> None:
    """Run cases many times and say which outcomes flip, races apart."""

    def after_round(number: int, record: RunRecord) -> None:
        err.print(f"round {number} of {rounds}: {counts_in_words(record)}", highlight=False)

    soaked = run_soak(chosen_cases(cases), rounds, Printed(), after_round)
    print_plain(soaked.in_words())
    raise typer.Exit(exit_status.OK if soaked.steady else exit_status.SURPRISE)
