"""Commands about the cases: listing them, and running them into a record."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from lab.cases import LoadedCase
from lab.claims import evaluate_tested
from lab.cli import exit_status
from lab.cli.options import AsJson, Cases, Document, chosen_cases
from lab.cli.printing import err, out, print_json, print_page, print_run
from lab.documents import documents
from lab.record import to_json
from lab.report.html import write
from lab.report.terminal import Counter
from lab.run.recording import conduct
from lab.wire import CapturePolicy


def list_cases(document: Document = None, as_json: AsJson = False) -> None:
    """List the cases."""
    cases = chosen_cases(None, document)
    if as_json:
        print_json(
            [
                {
                    "id": c.id,
                    "document": c.document,
                    "section": c.section,
                    "story": c.story,
                    "attempts": [p.id for p in c.plan()],
                }
                for c in cases
            ]
        )
    else:
        _print_cases(cases)


def run_cases(
    cases: Cases = None,
    document: Document = None,
    capture: Annotated[
        CapturePolicy, typer.Option(help="Of which attempts the packets are kept, for Wireshark.")
    ] = CapturePolicy.REFUSED,
    as_json: AsJson = False,
) -> None:
    """Run cases (all, or those named) and print what came of them."""
    chosen = chosen_cases(cases, document)
    total = sum(len(c.plan()) for c in chosen)
    counter = Counter(total, err)
    conducted = conduct(
        chosen,
        on_attempt=counter.count,
        captures=capture,
        then=lambda one: write(
            one.record, _page_beside(one.path), evaluate_tested(one.record, documents().values())
        ),
    )
    counter.end()
    if as_json:
        sys.stdout.write(to_json(conducted.record, indent=2) + "\n")
    else:
        print_run(conducted.record, conducted.path)
        print_page(_page_beside(conducted.path))
    raise typer.Exit(exit_status.of_run(conducted.record))


def _print_cases(cases: Sequence[LoadedCase]) -> None:
    """Print cases under their sections; one with several clients once, with all of them."""
    section = None
    functions: dict[tuple[Path, str], list[LoadedCase]] = {}
    for c in cases:  # two modules may have a function of the same name
        functions.setdefault((c.path, c.name), []).append(c)
    for c, *others in functions.values():
        if (c.document, c.section) != section:
            section = (c.document, c.section)
            out.print(f"\n{c.document}: {c.section}", style="bold", highlight=False)
        out.print(f"  {c.name}", highlight=False)
        clients = [one.label for one in (c, *others)]
        for words in (c.story.splitlines()[0].replace("``", "`"), ", ".join(clients)):
            out.print(Padding(Text(words, style="dim"), (0, 0, 0, 6)))


def _page_beside(record: Path) -> Path:
    """Where a run leaves its page."""
    return record.with_name("report.html")
