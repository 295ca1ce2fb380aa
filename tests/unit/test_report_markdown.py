"""The summary for a CI job's page, from made-up runs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.cli.commands import app
from lab.compare import compare
from lab.documents import Document, documents
from lab.documents.verdicts import ClaimResult, State, evaluate
from lab.record import RunRecord, to_json
from lab.report import markdown
from tests.unit.made_up import run_record, unexpected

HOSTILE = (
    "<script>alert(1)</script> | `x` [a](javascript:x) \x1b[31m \u202eabc @team *b* _c_ ~d~ #1"
)


@pytest.fixture
def run() -> RunRecord:
    return run_record()


def test_it_begins_with_the_verdict_and_the_counts(run: RunRecord) -> None:
    head = markdown.summary(run).split("\n\n")

    assert head[0].startswith("## ")
    assert str(run.verdict) in head[0]
    assert f"{len(run.attempts)} attempts" in head[1]


def test_what_did_not_go_as_expected_is_told_in_full(run: RunRecord) -> None:
    words = markdown.summary(run)

    surprises = [a for a in run.attempts if a.verdict in {"surprise", "lab-error"}]
    assert surprises
    for attempt in surprises:
        assert f"{attempt.id}</summary>" in words
        assert attempt.command in words


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        (
            (("libssl3t64 3.5.7-1 -> 3.5.9-1",), ("perl 5.36.0-7 -> 5.36.0-8",)),
            [
                "  builds       vsftpd: libssl3t64 3.5.7-1 -> 3.5.9-1",
                "               rocky9: perl 5.36.0-7 -> 5.36.0-8",
                "               since the expectations were last seen to hold",
            ],
        ),
        (((), ()), ["  builds       those with which the expectations were last seen to hold"]),
        ((None, None), []),
    ],
    ids=["moved", "not moved", "nothing known"],
)
def test_a_surprise_says_whether_its_builds_have_moved(
    moved: tuple[tuple[str, ...] | None, ...], said: list[str]
) -> None:
    lines = markdown.summary(run_record(attempts=(unexpected(*moved),), cases=())).splitlines()

    if not said:
        assert not [line for line in lines if "builds" in line]
        return
    first = lines.index(said[0])
    assert lines[first : first + len(said)] == said


def test_every_claim_of_a_document_that_was_tested_is_there(
    run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested, *others = documents().values()

    def evaluated(document: Document, record: RunRecord) -> tuple[ClaimResult, ...]:
        results = evaluate(document, record)
        if document is not tested:
            return results
        return tuple(
            replace(r, checks=tuple(replace(c, state=State.HOLDS) for c in r.checks))
            for r in (surprising(results[0]), *results[1:])
        )

    def surprising(result: ClaimResult) -> ClaimResult:
        assert not result.checks[0].test.beyond
        first = replace(result.checks[0], surprises=("an/attempt",))
        return replace(result, checks=(first, *result.checks[1:]))

    monkeypatch.setattr("lab.documents.verdicts.evaluate", evaluated)
    words = markdown.summary(run, documents().values())

    for claim in tested.claims:
        assert markdown.text(claim.text.en) in words
    # and which of them rests on surprises
    marked = [line for line in words.splitlines() if "(surprises) |" in line]
    assert [markdown.text(tested.claims[0].text.en) in line for line in marked] == [True]
    assert all(markdown.text(o.claims[0].text.en) not in words for o in others)


def test_every_case_and_image_is_there(run: RunRecord) -> None:
    words = markdown.summary(run, documents().values())

    for case in run.cases:
        assert markdown.text(case.label) in words
    for image in run.images:
        assert markdown.text(image.name) in words
        assert ("**STAND-IN**" in words) == any(i.stand_in for i in run.images)


def test_a_comparison_comes_first(run: RunRecord) -> None:
    words = markdown.summary(run, compared=compare(run, run))

    assert words.index("Compared with") < words.index("<details>")


def test_hostile_text_is_no_markup() -> None:
    shown = markdown.text(HOSTILE)

    assert not re.search(r"(?<!\\)[<>`|\[\]*_~@#]", shown)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_a_fence_cannot_be_closed_from_inside() -> None:
    shown = markdown.block("a\n```\n<b>\n`````\nend")

    fence = shown.split("text\n")[0]
    assert len(fence) == 6
    assert shown.endswith(fence)


def test_a_title_is_escaped_as_html() -> None:
    assert "<summary>&lt;b&gt; &amp;</summary>" in markdown.details("<b> &", "x")


def test_what_does_not_fit_is_left_out_and_said(
    run: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = len(markdown.summary(run).encode())
    monkeypatch.setattr(markdown, "LIMIT", whole - 100)

    words = markdown.summary(run)

    assert len(words.encode()) < whole - 100
    assert "does not fit" in words


def test_the_command_appends(run: RunRecord, tmp_path: Path) -> None:
    record, summary = tmp_path / "record.json", tmp_path / "summary.md"
    record.write_text(to_json(run), "utf-8")
    summary.write_text("before\n", "utf-8")

    command = ["report", str(record), "--summary", str(summary), "--since", str(record)]
    CliRunner().invoke(app, command)

    words = summary.read_text("utf-8")
    assert words.startswith("before\n## ")
    assert "Compared with" in words


def test_a_comparison_alone_is_wrong_usage(run: RunRecord, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_text(to_json(run), "utf-8")

    done = CliRunner().invoke(app, ["report", str(record), "--since", str(record)])

    assert done.exit_code == 2
    assert "lab compare" in done.output


def test_a_summary_that_cannot_be_written_is_wrong_usage(run: RunRecord, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    record.write_text(to_json(run), "utf-8")

    done = CliRunner().invoke(app, ["report", str(record), "--summary", str(tmp_path)])

    assert done.exit_code == 2


def test_an_incomplete_run_says_so(run: RunRecord) -> None:
    incomplete = run.model_copy(update={"complete": False, "ended": None})

    assert "ended before it was done" in markdown.summary(incomplete)
