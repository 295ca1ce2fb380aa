"""Every defective input of ``tests/own_inputs`` in a table: what comes of it, the line, and the fix.

``make own-inputs`` tries all of them and writes ``docs/own-inputs.md``; the exit status is 1 where one does
not end as its table says, or the fix of a refused one was not seen to complete.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from lab.own.configurations import readers
from lab.run.laboratory import open_lab
from lab.servers import SERVERS
from tests.own_inputs import INPUTS, JUDGED, NO_INPUT, ON_DEMAND, Input, chains
from tests.own_inputs.trying import Trial, Tried, holds

PAGE = Path(__file__).parents[1] / "docs" / "own-inputs.md"
_HEAD = """\
# Defective inputs, and what comes of them

Written by `make own-inputs`, which tries everything that is here. `tests/own_inputs` has the inputs. Each has
a twin that differs from it in one thing, and completes.

{counts}

| column | what it has |
| --- | --- |
| input | the lines of a file; of a chain, what is wrong with it |
| outcome | side, stage, reason of a refusal; *on conditions*: completed, if what the line names is there |
| line | where the advice, or what is said before, has it |
| fix | what to write, or the remedy's name, tried: it completed. Of what is not refused, the twin's lines |

*No input*: it is refused before any attempt, with exit status 2.
"""
_COLUMNS = ("input", "outcome", "line", "fix")


def right(one: Input, found: Tried) -> bool:
    """Whether an input ends as its table says, its twin completes, and a refusal has a fix that was tried."""
    if found.twin is None or found.twin.outcome is None or found.twin.outcome.reason is not None:
        return False
    if one.ends == NO_INPUT:
        return found.error is not None
    if found.outcome is None or not holds(one.ends, found.outcome):
        return False
    if not one.refused:
        return True
    places = found.advice.where if found.advice else ()
    at_the_line = not one.line or any(Path(p).name == f"{one.file}:{one.line}" for p in places)
    return found.first is not None and at_the_line


def row(one: Input, found: Tried) -> tuple[str, ...]:
    """One line of the table."""
    outcome, file = found.outcome, one.file
    came, line = "no input", found.error.line if found.error else one.at
    if outcome is not None and outcome.reason is not None:
        came, line = f"{outcome.by}, {outcome.stage}, `{outcome.reason}`", one.line
        if not line and found.advice and found.advice.where:
            file = Path(found.advice.where[0]).name
    elif outcome is not None:
        came = "on conditions" if one.ends == JUDGED else outcome.in_words().partition(":")[0]
        if outcome.verified is False:
            came += ", not verified"
    name = one.name if one.kind == "chain" else f"`{one.name.removeprefix(one.file).strip()}`"
    twin = f"`{one.instead}`" if one.instead else "the twin"
    fix = f"`{found.fix}`" if one.refused and found.first else twin
    return _escaped(name), came, f"{file}:{line}" if line else file, _escaped(fix)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def page(tried: Mapping[Input, Tried]) -> str:
    """The document."""
    text = _HEAD.format(counts=counts(tried))
    files = {one.file for one in readers().values()}
    kinds = dict.fromkeys(one.kind for one in tried)
    for kind in kinds:
        rows = [row(one, found) for one, found in tried.items() if one.kind == kind]
        text += f"\n## {kind if kind in files else kind[:1].upper() + kind[1:]}\n\n"
        text += "".join(
            f"| {' | '.join(cells)} |\n" for cells in (_COLUMNS, ["---"] * len(_COLUMNS), *rows)
        )
    return text


def counts(tried: Mapping[Input, Tried]) -> str:
    """How many there are, and how many of them are as they are to be."""
    refused = [one for one in tried if one.refused]
    fixed = sum(tried[one].first is not None for one in refused)
    good = sum(right(one, found) for one, found in tried.items())
    return (
        f"{good} of {len(tried)} end as they are to end, with the line; of {len(refused)} that are refused,"
        f" {fixed} have a fix that was tried and completed."
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Try all inputs; write the page, or print the counts and what is not right."""
    parser = argparse.ArgumentParser(prog="tools/own_inputs.py", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write docs/own-inputs.md")
    arguments = parser.parse_args(argv)
    on_demand = sorted({SERVERS[one.software].service for one in ON_DEMAND})
    with (
        tempfile.TemporaryDirectory() as folder,
        open_lab(also=on_demand) as laboratory,
    ):
        trial = Trial(laboratory, Path(folder))
        tried = trial.all_of([*INPUTS, *ON_DEMAND]) | trial.chains(chains())
    if arguments.write:
        PAGE.write_text(page(tried), encoding="utf-8")
    wrong = [one for one, found in tried.items() if not right(one, found)]
    sys.stdout.write("".join(f"not as it is to be: {one}\n" for one in wrong))
    sys.stdout.write(f"{counts(tried)}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
