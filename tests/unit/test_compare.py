"""Comparing runs: what is a change, what is worse, and what a reader and a pipeline are told."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.compare import Comparison, Difference, DifferenceKind, baseline, compare
from lab.model import Outcome, Reason, Role, Side, Stage
from lab.model.expectations import Expectation, Verdict, completed
from lab.model.outcome import ServerReport
from lab.record import AttemptResult, CaseRecord, ImageRecord, RunRecord, load
from lab.record.models import RaceRecord
from lab.report.plain import changes_in_words
from lab.wire.reading import WireReading
from lab.wire.witnesses import Agreement, Statement, Witnesses
from tests.unit.made_up import (
    DELIVERED,
    EXPECT_NO_SHARED_CIPHER,
    EXPIRED,
    IMAGES,
    MESSAGE,
    NO_SHARED_CIPHER,
    attempt,
    attempt_record,
    case,
    reporting,
    run_record,
)

CASE = "ciphers/none_shared[net-ftp@rocky9:FIPS]"
ABORTED = replace(NO_SHARED_CIPHER, stage=Stage.TRANSFER, reason=Reason.ABORTED, by=Side.SERVER)


def cell(outcome: Outcome | None, expect: Expectation | None = None, **changes: Any) -> RunRecord:
    """A run of one attempt."""
    made = changes.pop("made", attempt())
    name = changes.pop("name", f"{CASE}/breaks")
    record = attempt_record(name, made, outcome, expect, case=CASE, **changes)
    return run_record(attempts=(record,), cases=(), images=())


def only(comparison: Comparison) -> Any:
    (change,) = comparison.changes
    return change


# -- what is worse -------------------------------------------------------------------------------------


def test_a_run_is_as_it_was_compared_with_itself() -> None:
    comparison = compare(run_record(), run_record())
    assert comparison.changes == ()
    assert comparison.same == len(run_record().attempts)
    assert not comparison.worse


AS_EXPECTED = cell(NO_SHARED_CIPHER, EXPECT_NO_SHARED_CIPHER)
SURPRISE = cell(DELIVERED, EXPECT_NO_SHARED_CIPHER)
ANOTHER_SURPRISE = cell(EXPIRED, EXPECT_NO_SHARED_CIPHER)
CANNOT = cell(None, EXPECT_NO_SHARED_CIPHER, verdict=Verdict.CANNOT, verdict_why="no image")
LAB_ERROR = cell(None, EXPECT_NO_SHARED_CIPHER, verdict=Verdict.LAB_ERROR, verdict_why="agent gone")
NOTHING = run_record(attempts=(), cases=(), images=())


@pytest.mark.parametrize(
    ("old", "new", "kind", "status"),
    [
        (AS_EXPECTED, SURPRISE, DifferenceKind.WORSE, 1),
        (AS_EXPECTED, CANNOT, DifferenceKind.WORSE, 1),
        (AS_EXPECTED, LAB_ERROR, DifferenceKind.WORSE, 1),
        (AS_EXPECTED, NOTHING, DifferenceKind.VANISHED, 1),
        (SURPRISE, NOTHING, DifferenceKind.VANISHED, 1),
        (SURPRISE, AS_EXPECTED, DifferenceKind.BETTER, 0),
        (CANNOT, AS_EXPECTED, DifferenceKind.BETTER, 0),
        (SURPRISE, ANOTHER_SURPRISE, DifferenceKind.OTHER, 0),
        (SURPRISE, LAB_ERROR, DifferenceKind.OTHER, 0),
        (NOTHING, AS_EXPECTED, DifferenceKind.NEW, 0),
        (NOTHING, SURPRISE, DifferenceKind.NEW, 0),
        (cell(DELIVERED), cell(EXPIRED), DifferenceKind.OTHER, 0),
    ],
)
def test_a_change_has_a_kind_and_the_worse_ones_fail_a_pipeline(
    old: RunRecord, new: RunRecord, kind: DifferenceKind, status: int
) -> None:
    comparison = compare(old, new)
    assert only(comparison).kind is kind
    assert comparison.worse is bool(status)


def test_another_cipher_is_a_change_even_if_it_was_as_expected() -> None:
    other = reporting(DELIVERED, cipher="AES128-SHA")
    comparison = compare(cell(DELIVERED, completed()), cell(other, completed()))
    assert only(comparison).kind is DifferenceKind.OTHER
    assert only(comparison).differences == (
        Difference("cipher", "ECDHE-RSA-AES256-GCM-SHA384", "AES128-SHA"),
    )


@pytest.mark.parametrize(
    "outcome",
    [
        reporting(NO_SHARED_CIPHER, elapsed_ms=99.0),
        reporting(NO_SHARED_CIPHER, protocol="TLSv1.2", cipher="AES128-SHA", verified=False),
        reporting(NO_SHARED_CIPHER, error=""),
    ],
)
def test_times_process_numbers_and_how_far_a_refusal_had_come_are_no_change(
    outcome: Outcome,
) -> None:
    new = cell(outcome, EXPECT_NO_SHARED_CIPHER)
    assert compare(AS_EXPECTED, new).changes == ()


def test_what_the_user_is_shown_is_compared() -> None:
    other = reporting(NO_SHARED_CIPHER, message="FTP failed to start tls: Ready.")
    expect = replace(EXPECT_NO_SHARED_CIPHER, message=None)
    old = cell(NO_SHARED_CIPHER, expect)
    new = cell(other, expect)
    assert only(compare(old, new)).differences == (
        Difference("message", MESSAGE, "FTP failed to start tls: Ready."),
    )


def test_the_address_in_what_the_user_is_shown_is_no_change() -> None:
    expect = replace(EXPECT_NO_SHARED_CIPHER, message=None)
    said = (
        "Entering Passive Mode (172,30,0,10,117,50).",
        "Entering Passive Mode (172,30,1,9,1,2).",
    )
    old, new = (cell(reporting(NO_SHARED_CIPHER, message=text), expect) for text in said)
    assert compare(old, new).changes == ()


def test_other_settings_and_another_expectation_are_named() -> None:
    made = attempt("net-ftp@rocky9:FIPS", "ciphers=HIGH", "protocols=..TLSv1.2")
    new = cell(NO_SHARED_CIPHER, replace(EXPECT_NO_SHARED_CIPHER, message=None), made=made)
    assert [d.what for d in only(compare(AS_EXPECTED, new)).differences] == [
        "server.ciphers",
        "server.protocols",
        "expectation",
    ]


def test_a_remedy_that_was_put_before_another_changes_nothing_for_that() -> None:
    def remedy(number: int, title: str, outcome: Outcome = DELIVERED) -> AttemptResult:
        name = f"{CASE}/remedy-{number}"
        given: dict[str, Any] = {"case": CASE, "role": Role.REMEDY, "label": title}
        return attempt_record(name, attempt(), outcome, completed(), **given)

    old = run_record(attempts=(remedy(1, "HIGH"), remedy(2, "AES128", EXPIRED)), cases=())
    new = run_record(
        attempts=(remedy(1, "a new one"), remedy(2, "HIGH"), remedy(3, "AES128", EXPIRED)), cases=()
    )
    change = only(compare(old, new))
    assert (change.kind, change.label) == (DifferenceKind.NEW, "remedy 'a new one'")
    assert change.attempts == (f"{CASE}/remedy-1",)


# -- races ---------------------------------------------------------------------------------------------


def race(
    refused: int,
    *,
    times: int = 12,
    least: int = 1,
    without_rate: bool = False,
    expected: str = "refused:server:transfer:aborted",
) -> RunRecord:
    """A run of one race with its tries, of which so many are refused, and the tries of its twin."""
    width = len(str(times))
    tries = [
        attempt_record(
            f"{CASE}/breaks-{number:0{width}}",
            attempt(),
            ABORTED if number <= refused else DELIVERED,
            None,
            case=CASE,
            role=Role.BREAKS,
            expectation=Expectation.parse(expected),
            otherwise=completed(),
            verdict=Verdict.AS_EXPECTED,
        )
        for number in range(1, times + 1)
    ]
    twins = [
        attempt_record(
            f"{CASE}/twin-{number:0{width}}", attempt(), DELIVERED, completed(), case=CASE,
            role=Role.TWIN,
        )
        for number in range(1, times + 1)
    ]  # fmt: skip
    rate = RaceRecord(times=times, refused=refused, least=least, most=times)
    found = case(CASE, "Uploads", [*tries, *twins])
    changes: dict[str, Any] = {} if without_rate else {"race": rate}
    cases: Sequence[CaseRecord] = (found.model_copy(update=changes),)
    return run_record(attempts=(*tries, *twins), cases=cases, images=())


def test_single_tries_of_a_race_are_not_compared() -> None:
    comparison = compare(race(9), race(4))
    assert comparison.changes == ()
    assert comparison.same == 2  # the race, and its twin


def test_a_rate_that_left_its_bounds_is_worse() -> None:
    change = only(compare(race(9), race(0)))
    assert (change.kind, change.label) == (DifferenceKind.WORSE, "breaks")
    assert (change.old, change.new) == (
        "refused in 9 of 12 tries (as-expected)",
        "refused in 0 of 12 tries (surprise)",
    )


def test_the_rate_of_a_race_is_one_of_what_its_case_expects() -> None:
    change = only(compare(race(9, expected="false-success"), race(0, expected="false-success")))
    assert (change.old, change.new) == (
        "false success in 9 of 12 tries (as-expected)",
        "false success in 0 of 12 tries (surprise)",
    )
    # and a baseline says the same
    kept = RunRecord.model_validate_json(baseline(race(9, expected="false-success")))
    change = only(compare(kept, race(0, expected="false-success")))
    assert change.old == "false success in 9 of 12 tries (as-expected)"


def test_another_number_of_tries_is_the_same_race() -> None:
    assert compare(race(3, times=8), race(9, times=12)).changes == ()


def test_a_try_that_the_lab_broke_is_seen() -> None:
    new = race(9)
    broken = new.attempts[0].model_copy(
        update={"outcome": None, "verdict": Verdict.LAB_ERROR, "verdict_why": "agent gone"}
    )
    new = new.model_copy(update={"attempts": (broken, *new.attempts[1:])})
    assert only(compare(race(9), new)).differences == (
        Difference("verdict", "as-expected", "lab-error"),
    )


def test_a_twin_of_a_race_that_fails_once_is_seen() -> None:
    new = race(9)
    failed = attempt_record(
        new.attempts[-1].id, attempt(), ABORTED, completed(), case=CASE, role=Role.TWIN
    )
    new = new.model_copy(update={"attempts": (*new.attempts[:-1], failed)})
    change = only(compare(race(9), new))
    assert (change.kind, change.label) == (DifferenceKind.WORSE, "twin")
    assert "1 x refused by the server at transfer: aborted" in change.new


def test_a_race_without_its_rate_is_recognised_by_its_tries() -> None:
    assert compare(race(9), race(9, without_rate=True)).changes == ()


# -- images --------------------------------------------------------------------------------------------


def test_an_image_that_changed_stands_beside_its_cells() -> None:
    rocky9, vsftpd = IMAGES
    newer = rocky9.model_copy(update={"tls_library": "OpenSSL 3.5.9", "stand_in": False})
    packages = {"vsftpd": "3.0.5-0.3"}
    image = ImageRecord(**vsftpd.model_dump() | {"packages": packages})
    old, new = AS_EXPECTED, SURPRISE
    comparison = compare(
        old.model_copy(update={"images": IMAGES}), new.model_copy(update={"images": (newer, image)})
    )
    assert [(i.name, [d.what for d in i.differences]) for i in comparison.images] == [
        ("rocky9", ["stand_in", "tls_library"]),
        ("vsftpd", ["vsftpd"]),
    ]
    assert only(comparison).images == ("rocky9", "vsftpd")
    text = changes_in_words(comparison)
    assert "images changed: rocky9, vsftpd" in text
    assert "vsftpd vsftpd: 3.0.5-0.2 -> 3.0.5-0.3" in text


def test_an_image_that_is_new_or_gone_is_named() -> None:
    comparison = compare(
        NOTHING.model_copy(update={"images": IMAGES[:1]}),
        NOTHING.model_copy(update={"images": IMAGES[1:], "lab_version": "0.2.0"}),
    )
    assert [(i.name, i.differences[0].new) for i in comparison.images] == [
        ("rocky9", None),
        ("vsftpd", "there"),
    ]
    assert not comparison.worse
    assert "lab version: 0.1.0 -> 0.2.0" in changes_in_words(comparison)


# -- words ---------------------------------------------------------------------------------------------


def test_what_changed_alike_is_said_once_and_fits_into_80_columns() -> None:
    def run(outcome: Outcome) -> RunRecord:
        records = [
            attempt_record(
                f"ciphers/none_shared[{client}]/breaks",
                attempt(client),
                outcome,
                replace(EXPECT_NO_SHARED_CIPHER, message=None),
            )
            for client in ("net-ftp@rocky9:FIPS", "net-ftp@centos7", "curl@rocky9:DEFAULT")
        ]
        return run_record(attempts=tuple(records), cases=(), images=())

    text = changes_in_words(compare(run(NO_SHARED_CIPHER), run(EXPIRED)))
    assert text.splitlines() == [
        "old: 20310517-120000-ab12cd",
        "new: 20310517-120000-ab12cd",
        "",
        "0 cells as they were, 3 worse, 0 vanished, 0 better, 0 other, 0 new",
        "",
        "Worse: was as expected",
        "  ciphers/none_shared",
        "    breaks: curl@rocky9:DEFAULT, net-ftp@centos7, net-ftp@rocky9:FIPS",
        "      old  refused by the server at handshake: no-shared-cipher (as-expected)",
        "      new  refused by the client at verify: expired (surprise)",
        "           verify_code: nothing -> 10",
    ]
    assert max(map(len, text.splitlines())) <= 80


def test_what_vanished_or_is_new_is_counted_by_case() -> None:
    text = changes_in_words(compare(run_record(), NOTHING))
    assert "Vanished: not in the new run\n  ciphers/none_shared (4 as expected)" in text
    assert "the agent ftplib in rocky9-future is gone" in text


def test_an_unfinished_run_is_said_to_be_so() -> None:
    text = changes_in_words(compare(run_record(), run_record(complete=False)))
    assert "The new run was ended before it was done" in text


def test_an_attempt_outside_of_cases_has_its_own_name() -> None:
    old, new = (
        run_record(
            attempts=(attempt_record("attempt-1", attempt(), outcome, None),), cases=(), images=()
        )
        for outcome in (DELIVERED, EXPIRED)
    )
    change = only(compare(old, new))
    assert (change.case, change.client, change.label) == ("attempt-1", "", "")
    assert "attempt-1" in changes_in_words(compare(old, new))


def test_texts_of_others_move_no_cursor() -> None:
    hostile = "gone \x1b[2J\u202e and on"
    new = cell(None, EXPECT_NO_SHARED_CIPHER, verdict=Verdict.LAB_ERROR, verdict_why=hostile)
    text = changes_in_words(compare(AS_EXPECTED, new))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[2J" in text


def test_the_comparison_as_plain_data() -> None:
    plain = json.loads(json.dumps(compare(AS_EXPECTED, SURPRISE).as_json()))
    assert plain["worse"] is True
    assert plain["counts"] == {
        "same": 0,
        "worse": 1,
        "vanished": 0,
        "better": 0,
        "other": 0,
        "new": 0,
    }
    assert plain["changes"][0]["id"] == f"{CASE}/breaks"
    assert plain["changes"][0]["differences"][0] == {
        "what": "verdict",
        "old": "as-expected",
        "new": "surprise",
    }


# -- a baseline ----------------------------------------------------------------------------------------


def test_a_baseline_is_a_record_that_compares_like_the_run_it_is_of(tmp_path: Path) -> None:
    record = run_record()
    path = tmp_path / "baseline.json"
    path.write_text(baseline(record), encoding="utf-8")
    read = load(path)
    assert compare(read, record).changes == ()
    assert compare(record, read).changes == ()
    assert compare(read, record).images == ()
    assert read.counts == record.counts


def test_a_baseline_of_a_race_keeps_its_rate(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(baseline(race(9)), encoding="utf-8")
    assert compare(load(path), race(4)).changes == ()
    assert only(compare(load(path), race(0))).kind is DifferenceKind.WORSE


def test_a_baseline_has_a_line_for_each_attempt_and_nothing_that_differs_from_run_to_run() -> None:
    record = run_record()
    again = record.model_copy(
        update={"attempts": tuple(other_times(attempt) for attempt in reversed(record.attempts))}
    )
    assert baseline(again) == baseline(record)
    lines = baseline(record).splitlines()
    assert sum(line.startswith('{"id":"c') for line in lines) == len(record.attempts) + len(
        record.cases
    )
    assert "SSL_accept" not in baseline(record)


SILENT = Statement(Agreement.SILENT)
WITNESSES = Witnesses(SILENT, SILENT, SILENT)


def other_times(record: AttemptResult) -> AttemptResult:
    outcome = record.outcome
    if outcome is not None:
        outcome = reporting(outcome, error="pid 9", elapsed_ms=77.0)
    differs = {
        "wire": WireReading(packets=9),
        "witnesses": WITNESSES,
        "chain": "ftp.lab.test/valid",
        "client_report": outcome.report if outcome else None,
        "server_report": ServerReport(started=True, log="pid 9") if outcome else None,
    }
    return record.model_copy(update={"elapsed_ms": 1.0, "outcome": outcome, **differs})
