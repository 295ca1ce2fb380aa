"""What an attempt must not pass over in silence, in every view."""

from __future__ import annotations

import dataclasses

import pytest

from lab.model import Attempt, ClientReport, Goal, Outcome, Result, Role
from lab.model.outcome import ServerReport
from lab.record import AttemptResult, RunRecord
from lab.report.html import render
from lab.report.html.cases import arrange, facets_of
from lab.report.markdown import summary
from lab.report.terminal import print_attempts, print_run
from lab.report.view import alarming, explanation
from lab.report.warnings import failure_reported, other_warnings, warnings_of
from lab.settings import parse_client, parse_server
from tests.unit.made_up import DELIVERED, SHORT, attempt_record, case, run_record
from tests.unit.test_report import console, output_of

CLEAR_AUTH = "the server refused AUTH: lftp went on in clear text, with user and password"
STORED = '[pid 7] [lab] FTP command: Client "10.9.0.5", "STOR a.txt"\n'
ABORTED = '[pid 7] [lab] FTP response: Client "10.9.0.5", "426 Failure reading network stream."\n'
DONE = '[pid 7] [lab] FTP response: Client "10.9.0.5", "226 Transfer complete."\n'
RED = "\x1b[1;31m"


def in_clear(goal: Goal = Goal.TRANSFER, *warnings: str) -> Outcome:
    report = ClientReport(failed=False, step="quit", data_protected=False, warnings=warnings)
    return Outcome(result=Result.COMPLETED, goal=goal, report=report)


def made(outcome: Outcome, log: str = "", **settings: str) -> AttemptResult:
    client = parse_client("lftp@debian13", [f"{n}={v}" for n, v in settings.items()])
    return attempt_record(
        "a",
        Attempt(parse_server([]), client),
        outcome,
        None,
        server_report=ServerReport(started=True, log=log),
    )


def terminal(*attempts: AttemptResult, language: str = "en") -> str:
    target = console(terminal=True, width=200)
    print_attempts(attempts, run_record(), target, language=language)
    return output_of(target)


def in_a_case(one: AttemptResult) -> RunRecord:
    one = one.with_(role=Role.WORKS)
    return run_record(attempts=(one,), cases=(case("m/a", "section", [one]),))


def state_of(record: RunRecord) -> str:
    (article,) = arrange(record, facets_of(record.attempts))
    return article.units[0].state


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        (Goal.LOGIN, "completed (login) WITHOUT TLS: user and password went in clear text"),
        (
            Goal.TRANSFER,
            "completed (transfer) WITHOUT TLS: user, password and file went in clear text",
        ),
    ],
)
def test_a_completion_without_tls_says_what_went_in_clear(goal: Goal, words: str) -> None:
    assert in_clear(goal).in_words() == words


def test_a_file_beside_a_login_inside_tls_is_loud_and_one_inside_is_not() -> None:
    report = dataclasses.replace(DELIVERED.report, data_protected=False)
    beside = dataclasses.replace(DELIVERED, report=report)

    assert beside.in_words().endswith("certificate verified, THE FILE IN CLEAR TEXT")
    assert alarming(made(beside))
    assert not alarming(made(beside, protect_data="no"))
    assert "CLEAR" not in DELIVERED.in_words()
    assert not alarming(made(DELIVERED))


def test_what_went_in_clear_although_tls_was_asked_for_is_red_and_what_was_asked_for_is_not() -> (
    None
):
    assert terminal(made(in_clear())).startswith(f"{RED}completed (transfer) WITHOUT TLS")
    assert RED not in terminal(made(in_clear(), tls="no"))


def test_the_warning_of_a_client_is_below_the_headline_with_what_to_do_in_both_languages() -> None:
    warned = made(in_clear(Goal.TRANSFER, CLEAR_AUTH))

    assert "the server refused AUTH" in terminal(warned).splitlines()[1]
    assert "ssl_force=yes" in terminal(warned)
    assert "AUTH を拒否したのに" in terminal(warned, language="ja")
    assert r"ssl\_force=yes" in summary(in_a_case(warned))
    page = render(in_a_case(warned))
    assert "class=warning" in page
    assert "AUTH を拒否したのに" in page
    assert dict(explanation(warned))["warning"].startswith(CLEAR_AUTH)


def test_a_programs_own_warning_is_told_and_not_loud() -> None:
    deprecated = made(in_clear(Goal.TRANSFER, "ssl.TLSVersion.TLSv1 is deprecated"))

    assert warnings_of(deprecated) == []
    assert other_warnings(deprecated) == ["ssl.TLSVersion.TLSv1 is deprecated"]
    assert dict(explanation(deprecated))["it warns"] == "ssl.TLSVersion.TLSv1 is deprecated"


@pytest.mark.parametrize(
    ("log", "reply"),
    [
        (STORED + ABORTED, "426 Failure reading network stream"),
        (STORED + DONE, ""),
        # sent again, and then it was well
        (STORED + ABORTED + STORED + DONE, ""),
        # not of an upload
        (ABORTED, ""),
    ],
)
def test_the_reply_that_ended_the_last_upload_is_read_from_the_log(log: str, reply: str) -> None:
    assert failure_reported(made(DELIVERED, log)) == reply


def test_a_whole_file_after_a_reported_failure_is_whole_by_chance() -> None:
    (warning,) = warnings_of(made(DELIVERED, STORED + ABORTED))

    assert "426 Failure reading network stream" in warning.en
    assert "by chance" in warning.en
    assert "偶然" in warning.ja
    assert warnings_of(made(DELIVERED, STORED + DONE)) == []
    # the tries of one attempt with and without it are told apart
    told = terminal(made(DELIVERED, STORED + ABORTED), made(DELIVERED, STORED + DONE))
    assert told.count("  1 x  ") == 2


def test_a_false_success_is_red_in_repeated_tries_and_has_a_state_of_its_own() -> None:
    told = terminal(made(SHORT), made(SHORT), made(DELIVERED))

    assert told.count(f"{RED}false success: ") == 2
    assert state_of(in_a_case(made(SHORT))) == "false-success"


def test_what_went_in_clear_has_a_state_of_its_own() -> None:
    assert state_of(in_a_case(made(in_clear()))) == "in-clear"
    assert state_of(in_a_case(made(DELIVERED))) == "works"


def test_a_run_of_many_cases_lists_each_warning_once_with_how_often() -> None:
    warned = [
        made(DELIVERED, STORED + ABORTED).with_(id=f"m/{n}", role=Role.WORKS) for n in range(3)
    ]
    cases = tuple(case(f"m/{n}", "section", [one]) for n, one in enumerate(warned))
    target = console(width=200)
    print_run(run_record(attempts=tuple(warned), cases=cases), target, {})
    told = output_of(target)

    assert told.count("warning: the server reported failure (426 ") == 1
    assert "m/0 and 2 more attempts" in told
