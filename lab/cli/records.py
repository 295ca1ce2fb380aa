"""Commands that read the records of runs: summaries, claims, comparisons, baselines."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import typer

from lab import compare as comparisons
from lab.cases import CaseError
from lab.cli import common
from lab.documents import documents, verdicts
from lab.documents.verdicts import evaluate_tested
from lab.record import RecordError, RunRecord, load, whole
from lab.record.writing import CASES_NAME, LATEST_NAME
from lab.report import markdown, terminal
from lab.report.html import write
from lab.report.plain import ClaimsTold, changes_in_words
from lab.run.checkout import Checkout


def report(
    record: Path | None = None,
    page: Path | None = None,
    summary: Path | None = None,
    since: Path | None = None,
    language: common.Language = "en",
    verbose: bool = False,
    as_json: bool = False,
) -> None:
    """``lab report``: its exit status is that of the run's verdict."""
    found, path = _recorded(record)
    if since is not None and summary is None:
        raise typer.BadParameter("it goes with --summary; `lab compare` prints the same words")
    if page is not None:
        write(found, page, evaluate_tested(found))
        common.say(f"\nreport: {page}")
    if summary is not None:
        compared = comparisons.compare(_recorded(since)[0], found) if since is not None else None
        words = markdown.summary(found, documents().values(), compared)
        _write(summary, words, "summary", append=True)
    if as_json:
        common.say(whole(found).rstrip())
    elif page is None and summary is None:
        out, places = common.console(), {"record": path}
        terminal.print_run(found, out, places, verbose=verbose, language=language)
    raise typer.Exit(common.status_of_run(found))


def claims(
    record: Path | None = None,
    document: str | None = None,
    language: common.Language = "en",
    verbose: bool = False,
    as_json: bool = False,
) -> None:
    """``lab claims``."""
    known = documents()
    if document is not None and document not in known:
        raise CaseError(f"no document {document!r} with claims; there are: {', '.join(known)}")
    found, _ = _recorded(record)
    chosen = [known[document]] if document else list(known.values())
    results = [(one, verdicts.evaluate(one, found)) for one in chosen]
    if as_json:
        common.print_json([verdicts.as_json(one, many, found.run_id) for one, many in results])
        return
    # A document of which the run tested nothing would be a page of "not run".
    tested = [(one, many) for one, many in results if any(result.made for result in many)]
    told = partial(ClaimsTold(language, common.columns()).whole, verbose=verbose)
    common.say("\n\n\n".join(told(*each, found.run_id) for each in tested or results))


def compare(old: Path, new: Path, as_json: bool = False) -> None:
    """``lab compare``: exit status 1 if something is worse or gone, 2 if the two cannot be compared."""
    before, after = _recorded(old)[0], _recorded(new)[0]
    _refuse(comparisons.why_not(before, after))
    compared = comparisons.compare(before, after)
    if as_json:
        common.print_json(compared.as_json())
    else:
        common.say(changes_in_words(compared, common.columns()))
    raise typer.Exit(common.SURPRISE if compared.worse else common.OK)


def baseline(path: Path, record: Path | None = None) -> None:
    """``lab baseline``: exit status 2 if the record is not one of a whole run of cases."""
    found, _ = _recorded(record)
    _refuse(comparisons.why_no_baseline(found))
    _write(path, comparisons.baseline(found), "baseline")
    common.say(f"{path}: {len(found.attempts)} attempts of {found.run_id}")


def _recorded(record: Path | None) -> tuple[RunRecord, Path]:
    """The record at a path or of a run's id, or the newest one; one that cannot be read is wrong usage."""
    runs = Checkout.here().state / "runs"
    links = [runs / name for name in (LATEST_NAME, CASES_NAME) if (runs / name).exists()]
    # A run's folder begins with its time.
    named = record and _of_a_run(record, runs)
    path = named or max(links, key=lambda link: link.resolve().name, default=runs / LATEST_NAME)
    try:
        if record is None and not path.exists():
            raise RecordError("there is no record yet: `lab run` makes one")
        return load(path), path
    except RecordError as error:
        common.print_error(error)
        raise typer.Exit(common.USAGE) from error


def _of_a_run(record: Path, runs: Path) -> Path:
    """The path that was given, or the folder of the run of which it is the id."""
    of_run = runs / record
    return of_run if len(record.parts) == 1 and not record.exists() and of_run.exists() else record


def _refuse(why: str | None) -> None:
    if why is not None:
        common.print_error(RecordError(why))
        raise typer.Exit(common.USAGE)


def _write(path: Path, words: str, what: str, *, append: bool = False) -> None:
    """Write a file, or append to it; one that cannot be written is wrong usage."""
    try:
        with path.open("a" if append else "w", encoding="utf-8") as file:
            file.write(words)
    except OSError as error:
        _refuse(f"the {what} {path} cannot be written: {error.strerror}")
