"""The training room without an engine: every case told from rows that do what the case expects."""

from __future__ import annotations

import dataclasses
import io
import re
import shutil
import socket
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from rich.cells import cell_len
from rich.console import Console

from lab.cases import CaseError, LoadedCase
from lab.documents import WHERE
from lab.exercises import exercise_named
from lab.host import machine
from lab.host.checkout import root
from lab.host.doctor import GIB, Level
from lab.model import Captured, ClientReport, Outcome, Reason, Result, Role
from lab.model.expectations import PlannedAttempt, Verdict
from lab.model.outcome import ServerReport
from lab.model.software import CLIENT_CONTAINERS
from lab.record import AttemptResult, CaseRecord, RunRecord, gravest
from lab.remedies.causes import Evidence, cause_of
from lab.report.layout import COLUMNS
from lab.run.suites import Offer, SuiteComparison, compare_suites, configured
from lab.settings import SettingsError
from lab.training import choice, room, shell, words
from lab.training.demo import Demonstration
from lab.training.diagram import diagram
from lab.training.guess import MOST, candidates, gives_away, heard_of, is_ambiguous, why_not
from lab.training.quiz import Quiz, QuizQuestion, questions
from lab.training.screen import ReaderLeft, Screen, answer
from lab.training.shell import ClientShell, Reached, servers_to_try, service_of
from lab.training.source import CaseSource
from lab.training.words import say
from tests.unit.catalogue import catalogue
from tests.unit.made_up import NO_SHARED_CIPHER_LOG, attempt_record, run_record, what_arrived

LANGUAGES = ("en", "ja")
_JAPANESE = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]")
_LOOT = Captured(user="lab", password="not-so-secret", file_bytes=1024, file_head="delivery-1.txt")


def first_clients() -> list[LoadedCase]:
    """Every case, for its first client."""
    return [cases[0] for cases in choice.functions(catalogue().cases).values()]


def named(word: str) -> LoadedCase:
    return choice.one_case(catalogue(), word)


def row(planned: PlannedAttempt, **changes: object) -> AttemptResult:
    """What comes of a planned attempt if it does what is expected."""
    expect = planned.expect
    assert expect is not None
    report = ClientReport(
        failed=expect.result is Result.REFUSED,
        step="quit",
        error="the library's words",
        message=expect.message or "",
        protocol=None if expect.result is Result.REFUSED else expect.protocol or "TLSv1.3",
        cipher=None
        if expect.result is Result.REFUSED
        else expect.cipher or "TLS_AES_128_GCM_SHA256",
        verified=expect.verified,
        data_protected=expect.data_protected,
        session_reused=expect.session_reused,
    )
    outcome = Outcome(
        result=expect.result,
        goal=planned.attempt.client.goal,
        by=expect.by,
        stage=expect.stage,
        reason=expect.reason,
        false_success=what_arrived(expect),
        report=report,
    )
    loot = _LOOT if planned.attempt.server.impostor else None
    server = ServerReport(started=True, log=NO_SHARED_CIPHER_LOG, captured=loot)
    given = {
        "case": planned.case_id,
        "role": planned.role,
        "label": planned.title,
        "standing": planned.rating,
        "server_report": server,
        "verdict": Verdict.AS_EXPECTED,
    }
    return attempt_record(planned.id, planned.attempt, outcome, expect, **{**given, **changes})


def record_of(case: LoadedCase, rows: list[AttemptResult] | None = None) -> RunRecord:
    """A run of one case."""
    rows = rows if rows is not None else [row(planned) for planned in case.plan()]
    told = CaseRecord(
        id=case.id,
        name=case.name,
        label=case.label,
        document=case.document,
        section=case.section,
        title=case.title,
        story=case.story,
        attempts=tuple(one.id for one in rows),
        verdict=gravest(one.verdict for one in rows),
    )
    return run_record(attempts=tuple(rows), cases=(told,))


def told(
    case: LoadedCase, language: str = "en", rows: list[AttemptResult] | None = None
) -> tuple[str, Verdict]:
    """The text of a demonstration, and what it comes to; without ``rows``: of those that are expected."""
    if rows is None:
        return _told_as_expected(case.id, language)
    return _told(case, record_of(case, rows), language)


@cache
def _as_expected(case_id: str) -> tuple[LoadedCase, RunRecord]:
    case = _by_id()[case_id]
    return case, record_of(case)


@cache
def _by_id() -> dict[str, LoadedCase]:
    return {case.id: case for case in catalogue().cases}


@cache
def _told_as_expected(case_id: str, language: str) -> tuple[str, Verdict]:
    return _told(*_as_expected(case_id), language)


def _told(
    case: LoadedCase, record: RunRecord, language: str, *, terminal: bool = False
) -> tuple[str, Verdict]:
    out = io.StringIO()
    console = Console(
        file=out,
        width=COLUMNS,
        height=24,
        force_terminal=terminal or None,
        color_system="256" if terminal else "auto",
    )
    demonstration = Demonstration(case, Screen(console, language, pauses=False))
    demonstration.begin()
    verdict = demonstration.tell(CaseSource.recorded(case, record))
    return out.getvalue(), verdict


# -- the list --------------------------------------------------------------------------------------


def test_the_ten_to_begin_with_are_cases_of_both_documents() -> None:
    names = choice.recommended()
    known = choice.functions(catalogue().cases)
    assert len(names) == len(set(names)) == 10
    assert not set(names) - set(known)
    by_default = {c.document for c in catalogue().select([])}
    assert {known[name][0].document for name in names} == by_default


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_case_has_one_line_in_the_list(language: str) -> None:
    lines = [line.plain for line in choice.listed_cases(catalogue(), language, whole=True)]
    assert all(cell_len(line) <= COLUMNS for line in lines)
    for case in first_clients():
        assert any(case.name in line for line in lines), case.name
    # and what is shown for each is a name by which it is found
    shown = [re.sub(r"^ +\d* +", "", line).split("  ")[0] for line in lines if line[:1] == " "]
    assert {named(word.removesuffix(" ...")).id for word in shown} == {
        case.id for case in first_clients()
    }


def test_a_word_that_means_no_case_or_several_is_answered_with_names() -> None:
    with pytest.raises(CaseError, match="did you mean expired_certificate"):
        named("expired_certificat_")
    with pytest.raises(CaseError, match="part of the names of") as several:
        named("hostname_mismatch/")
    assert "hostname_mismatch/certificate_of_another_name" in str(several.value)


def test_those_to_begin_with_are_asked_for_by_their_numbers() -> None:
    for number, name in enumerate(choice.recommended(), start=1):
        assert named(str(number)).id.startswith(f"{name}[")


def test_a_case_is_asked_for_from_a_client() -> None:
    one = named("server_offers_only_suites_the_client_refuses[net-ftp@rocky9:FIPS to pyftpdlib]")
    assert one.label == "net-ftp@rocky9:FIPS to pyftpdlib"


# -- every case ------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_case_can_be_told_in_80_columns(language: str) -> None:
    for case in first_clients():
        text, verdict = told(case, language)
        wide = [line for line in text.split("\n") if cell_len(line) > COLUMNS]
        assert not wide, f"{case.id}: {wide}"
        assert verdict is Verdict.AS_EXPECTED, case.id
        for step in words.table("step").values():
            assert step.in_(language) in text, f"{case.id}: no step {step.en}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_terminal_with_colours_shows_the_same_text(language: str) -> None:
    for case in map(named, choice.recommended()):
        text, verdict = _told(*_as_expected(case.id), language, terminal=True)
        assert "\x1b[" in text
        assert (re.sub(r"\x1b\[[\d;]*m", "", text), verdict) == told(case, language), case.id


def test_every_story_is_told_whole_in_the_language_of_the_reader() -> None:
    for case in first_clients():
        for paragraph in map(words.narrated, choice.told(case).story):
            for language, other in zip(LANGUAGES, reversed(LANGUAGES), strict=True):
                text = "".join(told(case, language)[0].split())
                assert "".join(paragraph.in_(language).split()) in text, case.id
                assert "".join(paragraph.in_(other).split()) not in text, case.id


def test_lines_that_are_left_out_are_told_of_in_the_language_of_the_reader() -> None:
    case = named("server_offers_only_suites_the_client_refuses")
    main, *others = [row(planned) for planned in case.plan()]
    report = ClientReport(failed=True, step="tls", error="e\n" * 40, message="m\n" * 40)
    for language, said in (("en", "more lines in the record"), ("ja", "行は記録にあります")):
        text, _ = told(case, language, [main.with_(client_report=report), *others])
        assert text.count(said) == 2  # of the message, and of the client's own words
        assert (text.count("in the record") == 0) == (language == "ja")


def test_the_reason_is_not_told_before_the_guess() -> None:
    for case in first_clients():
        text, _ = told(case)
        before = text.split(words.say("step", "guess").en)[0]
        title = choice.title_of(case).en
        assert title not in before, case.id
        reason = case.case.expect.reason
        assert reason is None or f": {reason}" not in before, case.id


def test_candidates_hold_the_right_reason_and_two_to_four_others() -> None:
    for case in first_clients():
        main = row(case.plan()[0])
        offered = candidates(main, ())
        if case.case.expect.reason is Reason.UNKNOWN:
            # What nobody can know is no question.
            assert not offered, case.id
            continue
        assert case.case.expect.reason in offered, case.id
        assert 3 <= len(offered) <= MOST, case.id
        assert len(set(offered)) == len(offered), case.id
        assert offered == candidates(main, ()), case.id
        for reason in offered:
            why = why_not(reason, main, ())
            if reason is not case.case.expect.reason:
                assert why.en, f"{case.id}: {reason}"
                assert _JAPANESE.search(why.ja), f"{case.id}: {reason}"


def test_the_same_message_brings_the_candidates() -> None:
    # given a message that stands for many reasons
    main = row(named("server_offers_only_suites_the_client_refuses").plan()[0])
    assert main.client_report is not None
    assert main.client_report.message == "FTP failed to start tls: Proceed with negotiation."
    # then all of them are reasons that the program has shown it for
    alike = {one.reason for one in heard_of("net-ftp") if one.message == main.client_report.message}
    assert set(candidates(main, ())) <= alike


# -- one case --------------------------------------------------------------------------------------


def test_what_an_impostor_got_is_shown() -> None:
    case = next(c for c in first_clients() if any(p.role is Role.IMPOSTOR for p in c.plan()))
    text, _ = told(case)
    impostor = text.split(words.say("step", "impostor").en)[1]
    for part in (_LOOT.user, _LOOT.password, _LOOT.file_head, "1024 bytes"):
        assert part in impostor


def test_an_impostor_that_got_nothing_is_told_so() -> None:
    case = next(c for c in first_clients() if any(p.role is Role.IMPOSTOR for p in c.plan()))
    nothing = ServerReport(started=True)
    rows = [
        row(p, **({"server_report": nothing} if p.role is Role.IMPOSTOR else {}))
        for p in case.plan()
    ]
    assert words.say("impostor", "nothing").en[:20] in told(case, rows=rows)[0]


def test_each_remedy_has_its_rating_and_its_result() -> None:
    case = named("server_offers_only_suites_the_client_refuses")
    text = told(case)[0].split(words.say("step", "remedies").en)[1]
    for remedy in case.case.remedies:
        assert str(remedy.rating) in text
    assert "server.ciphers: AES128-SHA:DES-CBC3-SHA -> HIGH" in text
    assert "completed (transfer): TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384" in text


def test_a_surprise_is_said_loudly_and_counts() -> None:
    case = named("server_offers_only_suites_the_client_refuses")
    rows = [row(planned) for planned in case.plan()]
    rows[2] = rows[2].with_(verdict=Verdict.SURPRISE, verdict_why="the result differs")
    text, verdict = told(case, rows=rows)
    assert verdict is Verdict.SURPRISE
    assert "surprise: the result differs" in text
    assert text.rstrip().endswith(words.say("end", "surprise").en)


def test_a_case_that_cannot_be_tried_says_why_and_ends_there() -> None:
    case = named("server_offers_only_suites_the_client_refuses")
    rows = [
        row(p).with_(
            outcome=None,
            client_report=None,
            server_report=None,
            verdict=Verdict.CANNOT,
            verdict_why="vsftpd-rocky9 is made from the distribution's own image only",
        )
        for p in case.plan()
    ]
    text, verdict = told(case, rows=rows)
    assert verdict is Verdict.CANNOT
    assert "made from the distribution's own image" in " ".join(text.split())
    assert words.say("step", "guess").en not in text


def test_of_a_race_the_rate_and_a_refused_try_are_told() -> None:
    case = next(c for c in first_clients() if c.case.race is not None)
    race = case.case.race
    assert race is not None
    rows = [row(p) for p in case.plan()]
    text, _ = told(case, rows=rows)
    assert f"{race.times} of {race.times} tries failed" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_diagram_has_both_ends_and_every_stage_up_to_the_end(language: str) -> None:
    main = row(named("server_offers_only_suites_the_client_refuses").plan()[0])
    lines = [line.plain for line in diagram(main, language, COLUMNS)]
    assert all(cell_len(line) <= COLUMNS for line in lines)
    assert str(main.client) in lines[0]
    assert main.server.software in lines[0]
    framed = [line for line in lines if line.endswith("|")]
    assert all(cell_len(line) == COLUMNS for line in framed)
    assert any("ClientHello" in line and line.endswith(">|") for line in framed)
    ending = words.say("evidence", "ended_server", reason="").in_(language).strip()[:6]
    assert ending in framed[-1]


# -- pages and answers -----------------------------------------------------------------------------


def screen(monkeypatch: pytest.MonkeyPatch, answers: str) -> tuple[Screen, io.StringIO]:
    monkeypatch.setattr("sys.stdin", io.StringIO(answers))
    out = io.StringIO()
    console = Console(file=out, width=COLUMNS, height=24, force_terminal=True, color_system=None)
    return Screen(console, "en", pauses=True), out


def _pages(text: str) -> Iterator[int]:
    """How many lines are shown between two waits."""
    for page in re.split(r"\[Enter: (?:on|more)[^\]]*\] ", text):
        yield page.count("\n")


def test_no_page_is_longer_than_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    for word in choice.recommended():
        case = named(word)
        shown, out = screen(monkeypatch, "\n" * 200)
        demonstration = Demonstration(case, shown)
        demonstration.begin()
        demonstration.tell(CaseSource.recorded(case, record_of(case)))
        assert max(_pages(out.getvalue())) < 24, case.id


@pytest.mark.parametrize("answers", ["q\n", "\nq\n", ""])
def test_who_leaves_is_let_go(monkeypatch: pytest.MonkeyPatch, answers: str) -> None:
    case = named("server_offers_only_suites_the_client_refuses")
    shown, _ = screen(monkeypatch, answers)
    demonstration = Demonstration(case, shown)
    demonstration.begin()
    with pytest.raises(ReaderLeft):
        demonstration.tell(CaseSource.recorded(case, record_of(case)))


def test_a_guess_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = [Reason.EXPIRED, Reason.NO_SHARED_CIPHER, None]
    for given, right, said in (
        (2, True, "Right: no shared cipher suite."),
        (1, False, "No, certificate expired it is not. It is: no shared cipher suite."),
        (0, False, "It is: no shared cipher suite."),
    ):
        shown, out = screen(monkeypatch, "")
        assert answer(shown, offered, Reason.NO_SHARED_CIPHER, given) is right
        assert said in out.getvalue()


@pytest.mark.parametrize(
    ("answers", "number", "again"),
    [
        ("2\n", 2, 0),
        ("\uff12\n", 2, 0),
        ("\n", 0, 0),
        ("x\n6\n5\n", 5, 2),
        ("9" * 5000 + "\n\n", 0, 1),
    ],
)
def test_what_is_no_number_of_a_candidate_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, answers: str, number: int, again: int
) -> None:
    shown, out = screen(monkeypatch, answers)
    assert shown.ask(say("guess", "prompt"), 5) == number
    assert out.getvalue().count("Please a number from 1 to 5") == again


def test_whoever_is_asked_can_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, _ = screen(monkeypatch, "x\nq\n")
    with pytest.raises(ReaderLeft):
        shown.ask(say("guess", "prompt"), 5)


# -- the quiz --------------------------------------------------------------------------------------


def test_the_same_seed_asks_the_same_and_another_does_not() -> None:
    every = [[one.refusal.id for one in questions(catalogue().cases, seed)] for seed in (1, 1, 2)]
    assert every[0] == every[1] != every[2]
    # every refusal that is no race is asked once at most, and most of them are
    functions = choice.functions(catalogue().cases)
    refusals = {
        name
        for name, (case, *_) in functions.items()
        if case.case.expect.result is Result.REFUSED and case.case.race is None
    }
    asked = [one.partition("[")[0] for one in every[0]]
    assert len(set(asked)) == len(asked) > len(refusals) / 2
    assert refusals.issuperset(asked)


@pytest.mark.parametrize(
    ("message", "reason", "named"),
    [
        ("Hostname mismatch", Reason.HOSTNAME_MISMATCH, True),
        ("hostname verification failed", Reason.HOSTNAME_MISMATCH, True),
        (
            "ftplib.error_perm: 522 SSL connection failed: session reuse required",
            Reason.SESSION_REUSE_REQUIRED,
            True,
        ),
        ("553 Could not create file.", Reason.FILE_NOT_CREATED, True),
        ("tlsv1 alert protocol version", Reason.NO_SHARED_PROTOCOL, True),
        ("FTP failed to start tls: Proceed with negotiation.", Reason.EXPIRED, False),
        ("FTP failed to start tls: not implemented", Reason.TLS_NOT_OFFERED, False),
        ("ssl/tls alert handshake failure", Reason.NO_SHARED_CIPHER, False),
        ("", Reason.CIPHER_LIST_EMPTY, False),
    ],
)
def test_a_message_that_names_the_reason_is_known(
    message: str, reason: Reason, named: bool
) -> None:
    assert gives_away(message, reason) == named


def test_no_question_has_its_answer_in_the_expected_message() -> None:
    for seed in range(5):
        for one in questions(catalogue().cases, seed):
            expect = one.case.case.expect
            assert expect.reason is not None
            assert not gives_away(expect.message or "", expect.reason), one.refusal.id
    # of a case with several clients one is asked about whose user is not told
    asked = {str(one.case.case.attempt.client.program) for one in questions(catalogue().cases, 1)}
    assert "net-ftp" in asked


def test_a_message_that_turns_out_to_name_the_reason_is_not_asked_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = named("server_offers_only_suites_the_client_refuses")
    report = ClientReport(failed=True, step="tls", error="", message="no shared cipher suite")
    rows = [row(p).with_(client_report=report) for p in case.plan()]
    shown, out = screen(monkeypatch, "")
    source = CaseSource.recorded(case, record_of(case, rows))
    assert not Quiz(shown, 1).ask(QuizQuestion(case), source)
    assert not out.getvalue()


def test_suites_are_not_asked_about_where_no_version_is_common(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (suite,) = configured(["AES128-SHA"])
    client, old, new = (
        Offer(end=end, suites={version: (suite,)})
        for end, version in (("client", "TLSv1.2"), ("server", "TLSv1.1"), ("server", "TLSv1.2"))
    )
    apart, together = compare_suites(client, old), compare_suites(client, new)
    nothing = compare_suites(client, Offer(end="server", nothing="it has no list"))
    assert is_ambiguous(Reason.NO_SHARED_CIPHER, apart)
    assert is_ambiguous(Reason.NO_SHARED_PROTOCOL, together)
    for reason, compared in (
        (Reason.NO_SHARED_CIPHER, together),
        (Reason.NO_SHARED_PROTOCOL, apart),
        (Reason.NO_SHARED_CIPHER, nothing),
        (Reason.NO_SHARED_CIPHER, None),
        (Reason.EXPIRED, apart),
    ):
        assert not is_ambiguous(reason, compared), reason
    # given a refusal of that kind
    case = named("server_offers_only_suites_the_client_refuses")
    recorded = CaseSource.recorded(case, record_of(case))
    for compared, asked in ((apart, False), (together, True)):
        shown, out = screen(monkeypatch, "1\n")

        def offers(_: AttemptResult, found: SuiteComparison = compared) -> SuiteComparison:
            return found

        source = dataclasses.replace(recorded, suites=offers)
        assert Quiz(shown, 1).ask(QuizQuestion(case), source) == asked
        assert bool(out.getvalue()) == asked
    # and a report says what follows from it
    evidence = Evidence(row(case.plan()[0]), (), apart)
    assert "to change the suites alone is no cure" in cause_of(evidence).en


def test_reasons_differ_as_long_as_there_are_others() -> None:
    for seed in range(5):
        first = list(islice(questions(catalogue().cases, seed), 15))
        reasons = [one.case.case.expect.reason for one in first]
        assert len(set(reasons)) == len(reasons)


def _quiz(monkeypatch: pytest.MonkeyPatch, answers: str) -> tuple[Quiz, str]:
    """A quiz of one question, answered so; ``right`` stands for the number of the right candidate."""
    case = named("server_offers_only_suites_the_client_refuses")
    question = QuizQuestion(case)
    offered = candidates(row(question.refusal), ())
    right = str(1 + offered.index(Reason.NO_SHARED_CIPHER))
    wrong = "2" if right == "1" else "1"
    shown, out = screen(monkeypatch, answers.replace("right", right).replace("wrong", wrong))
    quiz = Quiz(shown, 1)
    assert quiz.ask(question, CaseSource.recorded(case, record_of(case)))
    quiz.end(42)
    return quiz, out.getvalue()


def test_whoever_leaves_a_quiz_is_told_the_score_and_the_seed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown, out = screen(monkeypatch, "")
    Quiz(shown, 5).end(42, left=True)
    assert "Score: 0 of 0." in out.getvalue()
    assert "lab quiz --seed 42 --count 5" in out.getvalue()
    assert "could be asked" not in out.getvalue()


@pytest.mark.parametrize(
    ("answers", "points", "hints"),
    [
        ("right\n", 3, 0),
        ("\nright\n", 2, 1),
        ("\n\nright\n", 1, 2),
        ("\n\n\n", 0, 2),
        ("wrong\n", 0, 0),
        ("x\nright\n", 3, 0),
    ],
)
def test_fewer_hints_are_more_points(
    monkeypatch: pytest.MonkeyPatch, answers: str, points: int, hints: int
) -> None:
    quiz, text = _quiz(monkeypatch, answers)
    assert quiz.points == points
    assert f"Score: {points} of 3." in text
    assert ("server says" in text) == (hints > 0)
    assert ("  wire  " in text) == (hints > 1)
    # the answer, its cause and what cures it come at last
    told = text.split("Enter for")[-1]
    assert "no shared cipher suite." in told
    assert "The server allows none of the cipher suites" in told
    assert "vsftpd.conf: ssl_ciphers=HIGH (recommended)" in told
    assert "lab quiz --seed 42 --count 1" in told


def test_what_cannot_be_tried_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    case = named("server_offers_only_suites_the_client_refuses")
    rows = [
        row(p).with_(outcome=None, client_report=None, verdict=Verdict.CANNOT) for p in case.plan()
    ]
    shown, out = screen(monkeypatch, "")
    source = CaseSource.recorded(case, record_of(case, rows))
    assert not Quiz(shown, 1).ask(QuizQuestion(case), source)
    assert not out.getvalue()


# -- the shell -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "service"),
    [
        ("rocky9", "rocky9-default"),
        ("rocky9:FIPS", "rocky9-fips"),
        ("centos7", "centos7"),
        ("debian12", "debian12"),
        ("debian13", "debian13"),
        ("lftp@debian13", "lftp-debian13"),
        ("edge@debian13", "edge"),
        ("net-ftp@rocky9:FIPS", "rocky9-fips"),
    ],
)
def test_a_shell_is_in_the_container_of_the_clients(where: str, service: str) -> None:
    assert service_of(where) == service


def test_a_shell_is_possible_on_every_platform_under_every_policy() -> None:
    for where in WHERE:
        assert service_of(where) in CLIENT_CONTAINERS


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("rocky8", "no platform 'rocky8'; did you mean rocky9"),
        ("rocky9:FISP", "did you mean FIPS"),
        ("lfpt@debian13", "did you mean lftp"),
        ("centos7:FIPS", "centos7 has no crypto policies: write centos7 alone"),
    ],
)
def test_a_place_that_there_is_not_is_refused(where: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        service_of(where)


class _NoEngine:
    """A laboratory of which a hint needs no more than this."""

    client = None
    topology = SimpleNamespace(
        containers={"rocky9-fips": SimpleNamespace(id="1"), "centos7": SimpleNamespace(id="2")}
    )
    images: ClassVar = {"rocky9": SimpleNamespace(stand_in=True)}

    def image_of(self, _service: str) -> str:
        return "rocky9"


def _client_shell(monkeypatch: pytest.MonkeyPatch, has: str) -> ClientShell:
    monkeypatch.setattr(shell, "execute", lambda *_: SimpleNamespace(output=has))
    reached = [
        Reached(server, 2100 + number % 2, broken)
        for number, (server, broken) in enumerate(servers_to_try())
    ]
    laboratory: Any = _NoEngine()
    return ClientShell(laboratory, "rocky9-fips", "rocky9:FIPS", reached, "3m4akwcxZhi6pI7n")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "has",
    ["openssl curl perl python3 Net::FTP store", "perl python3 Net::FTP", "curl lftp openssl perl"],
)
def test_a_hint_fits_a_terminal(monkeypatch: pytest.MonkeyPatch, language: str, has: str) -> None:
    opened = _client_shell(monkeypatch, has)
    lines = opened.hint(language).rstrip("\n").split("\n")
    # with the prompt below it
    assert sum(max(1, -(-cell_len(line) // COLUMNS)) for line in lines) < 24, "\n".join(lines)
    # and every server has its own, the first the same as on the page
    for number, one in enumerate(opened.reached, start=1):
        head, *commands = opened.hint_of(number, language).rstrip("\n").split("\n")
        assert f"{number}  {head}" in lines
        assert commands
        assert all(f"{one.server.host}:{one.port}" in c or f" {one.port} " in c for c in commands)
        assert (number > 1) or set(commands) <= set(lines)


def test_a_shell_gets_its_files_whatever_was_compiled_beside_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given a package that was compiled when it was installed
    files = tmp_path / "files"
    shutil.copytree(Path(shell.__file__).with_name("files"), files, dirs_exist_ok=True)
    (files / "__pycache__").mkdir(exist_ok=True)
    monkeypatch.setattr(shell, "_FILES", files)
    put: dict[str, bytes] = {}
    monkeypatch.setattr(shell, "pack", put.update)
    monkeypatch.setattr(shell, "unpack", lambda *_: None)
    # when the files are put into the container
    opened = _client_shell(monkeypatch, "python3 perl Net::FTP")
    opened.put_files("en")
    # then those that the commands name are there, and nothing else of that folder
    names = {path.removeprefix(f"{opened.folder}/") for path in put}
    hints = {f"hint-{number}.txt" for number in range(1, len(opened.reached) + 1)}
    assert names == {"ftps.pl", "ftps.py", "upload.txt", "hint.txt", "bashrc"} | hints


@pytest.mark.parametrize("terminal", [True, False])
def test_a_shell_without_a_terminal_does_not_ask_for_one(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    ran: list[list[str]] = []

    def run(argv: list[str], **_: object) -> SimpleNamespace:
        ran.append(argv)
        return SimpleNamespace(returncode=0)

    opened = _client_shell(monkeypatch, "openssl store")
    monkeypatch.setattr(shell, "program", lambda _: "docker")
    monkeypatch.setattr("lab.training.shell.subprocess.run", run)
    opened.run([], terminal=terminal)
    ((*_, last),) = ran
    assert (last == "-i") == terminal
    assert ("--tty" in ran[0]) == terminal
    # `hint` is there either way
    assert any(word.startswith("BASH_ENV=") for word in ran[0]) != terminal
    assert ("--rcfile" in ran[0]) == terminal


def test_a_shell_has_something_good_and_something_broken_to_connect_to() -> None:
    kinds = {(server.speaks, broken) for server, broken in servers_to_try()}
    assert kinds == {(speaks, broken) for speaks in ("FTP", "HTTP") for broken in (True, False)}


# -- the room --------------------------------------------------------------------------------------


def test_a_machine_has_room_for_as_many_seats_as_its_memory() -> None:
    assert room.judge_memory(10, 8 * GIB).level is Level.OK
    few = room.judge_memory(40, 8 * GIB)
    assert few.level is Level.WARNING
    assert "there is room for 32" in few.found
    assert "fewer seats" in few.advice
    assert room.judge_memory(1, 0).level is Level.MISSING


def test_a_slow_demonstration_is_a_warning_and_says_whether_there_was_a_network() -> None:
    fast = room.judge_demonstration("name", 3.0, cut_off=True)
    assert fast.level is Level.OK
    assert "name took 3.0 s with no network at all" in fast.found
    slow = room.judge_demonstration("name", 60.0, cut_off=False)
    assert slow.level is Level.WARNING
    assert "only root can try" in slow.found


def test_ports_that_something_has_are_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        taken = room.taken_ports(port)
    assert port in taken
    found = room.judge_ports(port, [port])
    assert found.level is Level.WARNING
    assert f"something has {port}" in found.found
    assert room.judge_ports(21000, []).level is Level.OK


def test_a_demonstration_that_fails_is_missing_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise machine.CommandError(["lab"], "ended with status 3", "the engine is gone\n")

    monkeypatch.setattr(machine, "run", fails)
    found = room.look_at_a_demonstration(())
    assert found.level is Level.MISSING
    assert "ended with status 3" in found.found
    assert "the engine is gone" in found.found


# -- words -----------------------------------------------------------------------------------------


def test_every_text_is_in_both_languages_with_the_same_values() -> None:
    texts = tomllib.loads(words.WORDS_PATH.read_text("utf-8"))
    for section, names in texts.items():
        for name, both in names.items():
            assert set(both) == {"en", "ja"}, f"{section}.{name}"
            values = [set(re.findall(r"\{(\w+)\}", text)) for text in both.values()]
            assert values[0] == values[1], f"{section}.{name}"
            assert not _JAPANESE.search(both["en"]), f"{section}.{name}"


def test_every_reason_says_what_would_be_seen() -> None:
    reasons = {str(reason) for reason in Reason} - {str(Reason.UNKNOWN)}
    assert set(words.table("then")) == reasons


def test_every_text_is_used() -> None:
    source = "\n".join(
        path.read_text("utf-8")
        for folder in ("training", "cli")
        for path in sorted(Path(root(), "lab", folder).glob("*.py"))
    )
    # These are looked up by a token: of a reason, a goal, a setting, a protocol, a side, a verdict.
    by_token = re.compile(r"(then|goal|default|end)\.|situation\.(FTP|HTTP)$|evidence\.ended_")
    unused = [
        f"{section}.{name}"
        for section, names in tomllib.loads(words.WORDS_PATH.read_text("utf-8")).items()
        for name in names
        if not re.search(rf"['\"]{name}['\"]", source) and not by_token.match(f"{section}.{name}")
    ]
    assert not unused


# -- the lessons -----------------------------------------------------------------------------------

LESSONS = sorted((root() / "docs/training").glob("[!s]*.md"))


def commands_of(page: Path) -> list[str]:
    """The commands that a page has people type, without the language."""
    found = re.findall(r"^ +\$ (lab .*)$", page.read_text("utf-8"), re.M)
    return [command.replace(" --lang ja", "") for command in found]


@pytest.mark.parametrize("page", LESSONS, ids=lambda page: page.name)
def test_what_a_lesson_names_is_there(page: Path) -> None:
    text = page.read_text("utf-8")
    for command in commands_of(page):
        program, name, *rest = [*command.split()[1:], "", ""]
        if program == "demo":
            assert named(name).name in name, command
        if program == "exercise":
            assert exercise_named(rest[0]).number == int(rest[0]), command
    for number, slug in re.findall(r"(\d+) ?[^\w`]`([a-z-]+)`[^\w`]", text):
        assert exercise_named(slug).number == int(number), slug
    for target in re.findall(r"\]\(([^)#]+)", text):
        assert (page.parent / target).exists(), target
    # a step of a demonstration fits a terminal
    quoted = [line[4:] for line in text.split("\n") if line.startswith("    ")]
    assert not [line for line in quoted if cell_len(line) > COLUMNS and "lab " not in line]


def test_every_lesson_is_there_in_japanese_with_the_same_commands() -> None:
    english = [page for page in LESSONS if ".ja." not in page.name and page.name != "README.md"]
    assert len(english) == 3
    for page in english:
        other = page.with_suffix(".ja.md")
        assert commands_of(other) == commands_of(page), other
        assert page.read_text("utf-8").count("\n## ") == other.read_text("utf-8").count("\n## ")
