"""What commands say: results on standard output, progress and messages on standard error."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from rich.console import Console

from lab.documents import documents
from lab.documents.verdicts import evaluate
from lab.documents.words import summary
from lab.record import RunRecord
from lab.report import terminal

out = Console()
err = Console(stderr=True)


def print_plain(words: str, console: Console = out) -> None:
    """Print words as they are: no markup, no colours, no lines broken."""
    console.print(words, markup=False, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print a value as indented JSON; what JSON does not know is printed as its ``str``."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n")


def print_error(error: Exception) -> None:
    """Print an error's text as the command's message."""
    print_plain(f"lab: {error}", err)


def print_run(record: RunRecord, path: Path) -> None:
    """Print the summary of a run: its cases, then the claims of the documents that it tested."""
    terminal.print_summary(record, out, path)
    for document in documents().values():
        results = evaluate(document, record)
        if any(result.made for result in results):
            print_plain("\n" + summary(document, results, columns=columns()))


def columns() -> int:
    """How many columns a paragraph may have; longer lines do not read well."""
    return min(out.width, 100)


def print_page(path: Path) -> None:
    """Say where the page about a run is."""
    print_plain(f"\nreport: {path}")
