"""Commands that read the records of runs: summaries, claims, comparisons, baselines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from lab import claims as verdicts
from lab.cases import CaseError
from lab.cli import exit_status
from lab.cli.options import AsJson
from lab.cli.printing import (
    columns,
    print_error,
    print_json,
    print_page,
    print_plain,
    print_run,
)
from lab.compare import baseline as baseline_of
from lab.compare import compare as compare_runs
from lab.documents import documents
from lab.documents import words as claim_words
from lab.record import RecordError, RunRecord, load, to_json
from lab.report import markdown
from lab.report.html import write
from lab.run.checkout import Checkout

Record = Annotated[Path | None, typer.Argument(help="A record; default: the newest run.")]


def report(
    record: Record = None,
    page: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write it as one HTML file that needs no network."
        ),
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option(
            "--summary",
            metavar="FILE",
            help='Append it to a file as Markdown, for example to "$GITHUB_STEP_SUMMARY".',
        ),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(metavar="OLD", help="With --summary: begin with what changed since that one."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print the summary of a recorded run, or write it as a page or as Markdown."""
    found, path = _recorded(record)
    if since is not None and summary is None:
        raise typer.BadParameter("it goes with --summary; `lab compare` prints the same words")
    if page is not None:
        write(found, page, verdicts.evaluate_tested(found, documents().values()))
        print_page(page)
    if summary is not None:
        compared = compare_runs(_recorded(since)[0], found) if since is not None else None
        _append(summary, markdown.summary(found, documents().values(), compared))
    if as_json:
        sys.stdout.write(to_json(found, indent=2) + "\n")
    elif page is None and summary is None:
        print_run(found, path)
    raise typer.Exit(exit_status.of_run(found))


def claims(
    record: Record = None,
    document: Annotated[
        str | None, typer.Option("--document", "-d", help="Only the claims of this document.")
    ] = None,
    language: Annotated[Literal["en", "ja"], typer.Option(help="Language of the words.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Say which claims of the documents hold, as a recorded run has it."""
    known = documents()
    if document is not None and document not in known:
        raise CaseError(f"no document {document!r} with claims; there are: {', '.join(known)}")
    found, _ = _recorded(record)
    chosen = [known[document]] if document else list(known.values())
    results = [(one, verdicts.evaluate(one, found)) for one in chosen]
    if as_json:
        print_json([verdicts.as_json(one, many, found.run_id) for one, many in results])
        return
    # A document of which the run tested nothing would be a page of "not run".
    tested = [(one, many) for one, many in results if any(result.made for result in many)]
    words = [
        claim_words.in_words(one, many, found.run_id, language=language, columns=columns())
        for one, many in tested or results
    ]
    print_plain("\n\n\n".join(words))


def compare(
    old: Annotated[Path, typer.Argument(help="A record or a baseline.")],
    new: Annotated[Path, typer.Argument(help="A record.")],
    as_json: AsJson = False,
) -> None:
    """Say what changed from one recorded run to another; exit 1 if something is worse or gone."""
    compared = compare_runs(_recorded(old)[0], _recorded(new)[0])
    if as_json:
        print_json(compared.as_json())
    else:
        print_plain(compared.in_words(columns()))
    raise typer.Exit(compared.exit_status)


def baseline(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The baseline to write.")],
    record: Record = None,
) -> None:
    """Write what a comparison reads of a recorded run, to be committed."""
    found, _ = _recorded(record)
    try:
        path.write_text(baseline_of(found), encoding="utf-8")
    except OSError as error:
        print_error(RecordError(f"the baseline {path} cannot be written: {error.strerror}"))
        raise typer.Exit(exit_status.USAGE) from error
    print_plain(f"{path}: {len(found.attempts)} attempts of {found.run_id}")


def _recorded(record: Path | None) -> tuple[RunRecord, Path]:
    """The record at a path, or the newest; one that cannot be read is wrong usage."""
    path = record or Checkout.here().state / "runs" / "latest"
    try:
        if record is None and not path.exists():
            raise RecordError("there is no record yet: `lab run` makes one")
        return load(path), path
    except RecordError as error:
        print_error(error)
        raise typer.Exit(exit_status.USAGE) from error


def _append(path: Path, words: str) -> None:
    """Append words to a file; one that cannot be written is wrong usage."""
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(words)
    except OSError as error:
        print_error(RecordError(f"the summary {path} cannot be written: {error.strerror}"))
        raise typer.Exit(exit_status.USAGE) from error
