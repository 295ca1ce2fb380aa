"""The report in a terminal: what it must say, and what it must never do to the terminal."""

from __future__ import annotations

import io
import itertools
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from lab.documents import ClaimVerdict, documents
from lab.documents.verdicts import evaluate
from lab.images.provenance import Provenance
from lab.model import Captured, ClientReport, Outcome, Reason, Result, Role, Side, Stage
from lab.model.expectations import Verdict, completed
from lab.model.outcome import ServerReport
from lab.record import AttemptResult, CaseRecord, ImageRecord, RunRecord
from lab.report.terminal import Counter, print_attempts, print_images, print_run
from lab.report.view import excerpt, explain_surprise, explanation, image_in_words, rest_of_case
from tests.unit.made_up import (
    DELIVERED,
    EXPIRED,
    IMAGES,
    MESSAGE,
    NO_SHARED_CIPHER,
    attempt,
    attempt_record,
    reporting,
    run_record,
    unexpected,
)
from tests.unit.test_claims import as_expected, chosen_by_default

WIDTH = 80


def console(*, terminal: bool = False, encoding: str = "utf-8", width: int = WIDTH) -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="")
    return Console(
        file=file,
        width=width,
        force_terminal=terminal,
        color_system="standard" if terminal else "auto",
    )


def output_of(target: Console) -> str:
    assert isinstance(target.file, io.TextIOWrapper)
    target.file.flush()
    assert isinstance(target.file.buffer, io.BytesIO)
    return target.file.buffer.getvalue().decode(target.file.encoding)


PLACES = {"record": Path("/somewhere/record.json")}


def summary(record: RunRecord, *, terminal: bool = False, verbose: bool = False) -> str:
    target = console(terminal=terminal)
    print_run(record, target, PLACES, verbose=verbose)
    return output_of(target)


def details(record: RunRecord) -> str:
    return summary(record, verbose=True)


def block(text: str, first: str) -> str:
    """The lines from the one that begins with ``first`` to the next empty one."""
    return text[text.index(first) :].split("\n\n", maxsplit=1)[0]


# -- the summary ----------------------------------------------------------------------------------


def case_with(name: str) -> RunRecord:
    """The made-up run with only this case."""
    whole = run_record()
    cases = tuple(case for case in whole.cases if case.title == name)
    attempts = tuple(a for case in cases for a in whole.attempts_of(case))
    return run_record(cases=cases, attempts=attempts)


def test_a_run_of_several_cases_has_a_line_for_each_section_and_the_verdict_last() -> None:
    lines = summary(run_record()).splitlines()
    assert lines[:2] == [
        "     4 as expected  movable-type: No common cipher suite",
        "     1 as expected  movable-type: Certificate has expired; 1 SURPRISE; 1 cannot;",
    ]
    assert lines[-4:] == [
        "STAND-IN: rocky9 (`lab images` says what is real)",
        "record: /somewhere/record.json",
        "8 attempts: 5 as-expected, 1 surprise, 1 cannot, 1 lab-error",
        "verdict (9.3 s): LAB ERROR in 1 attempt: the lab failed, not the product",
    ]


@pytest.mark.parametrize("verbose", [False, True])
def test_a_run_is_told_in_japanese(verbose: bool) -> None:
    target = console()
    print_run(run_record(), target, PLACES, verbose=verbose, language="ja")
    said = output_of(target)
    lines = said.splitlines()
    assert lines[-1].endswith(": 試行 1 件でラボの障害。失敗したのは製品ではなくラボです")
    assert lines[-2] == "試行 8 件: 期待どおり 5、想定外 1、試行不能 1、ラボの障害 1"
    assert lines[-3] == "記録: /somewhere/record.json"
    # only what is there to be copied is wider than the terminal
    wide = [line for line in lines if cell_len(line) > WIDTH]
    assert all("lab attempt" in line for line in wide)
    # what is English is a name, a command, or somebody's own words
    for words in ("as expected", "SURPRISE", "cannot:", "verdict", "attempts", "tries"):
        assert words not in said, words


def test_one_case_is_told_in_japanese() -> None:
    target = console()
    print_run(case_with_remedies(), target, PLACES, language="ja")
    said = output_of(target)
    assert "推奨" in said
    assert "期待どおり: " in said
    assert "偽サーバーが入手: ユーザー lab、パスワード " in said
    assert said.splitlines()[-1].endswith("すべて期待どおり")
    # every label is Japanese
    assert not re.search(r"^  [a-z]", said, re.MULTILINE)


def test_a_run_of_one_section_has_a_line_for_each_case() -> None:
    one = run_record().cases[0]
    other = one.model_copy(update={"id": f"other/{one.id}", "name": "other", "title": "another"})
    lines = summary(run_record(cases=(one, other))).splitlines()
    assert lines[:2] == ["     4 as expected  none shared", "     4 as expected  another"]


def test_it_begins_with_what_was_found_and_is_no_longer_than_a_screen_or_two() -> None:
    cases = tuple(
        CaseRecord(
            **{name: getattr(c, name) for name in ("id", "name", "document", "section", "title")},
            attempts=tuple(p.id for p in c.plan()),
            verdict=Verdict.AS_EXPECTED,
        )
        for c in chosen_by_default()
    )
    record = as_expected().model_copy(update={"cases": cases})
    target = console()
    print_run(record, target, PLACES | {"report": Path("/somewhere/report.html")})
    lines = output_of(target).splitlines()
    results = [r for d in documents().values() for r in evaluate(d, record)]
    refuted = [r for r in results if r.verdict is ClaimVerdict.REFUTED]
    conditional = [r for r in results if r.verdict is ClaimVerdict.CONDITIONAL]
    assert lines[0] == (
        f"Found: {len(refuted)} statements refuted, {len(conditional)} true under a condition"
        " (`lab claims`)"
    )
    for line, result in zip(lines[1:], refuted, strict=False):
        assert result.claim.text.en.startswith(line.strip().removesuffix(" ..."))
    assert re.match(r"verdict \(.* s\): all as expected", lines[-1])
    assert "record.json, report.html: /somewhere" in lines
    assert len(lines) <= 37
    assert max(map(len, lines)) <= WIDTH


def case_with_remedies() -> RunRecord:
    """The made-up case with a good remedy, and one that an impostor profits from."""
    record = case_with("none shared")
    breaks, twin = record.attempts[:2]
    unsafe, made = "mt-config.cgi: FTPSSSLVerifyNone 1", attempt("net-ftp@rocky9:FIPS")
    loot = Captured(user="lab", password="secret", file_bytes=1024, file_head="delivery.txt\n")
    given: list[tuple[Role, dict[str, Any]]] = [
        (Role.REMEDY, {"label": "vsftpd.conf: ssl_ciphers=HIGH", "standing": "recommended"}),
        (Role.REMEDY, {"label": unsafe, "standing": "unsafe"}),
        (
            Role.IMPOSTOR,
            {"label": unsafe, "server_report": ServerReport(started=True, captured=loot)},
        ),
    ]
    others = [
        attempt_record(f"{breaks.case}/{n}", made, DELIVERED, completed(), role=role, **changes)
        for n, (role, changes) in enumerate(given)
    ]
    attempts = (breaks, twin, *others)
    case = record.cases[0].model_copy(update={"attempts": tuple(a.id for a in attempts)})
    return run_record(cases=(case,), attempts=attempts)


def test_one_case_is_told_with_its_remedies_by_name_and_what_came_of_each() -> None:
    lines = summary(case_with_remedies()).splitlines()
    assert lines == [
        "movable-type: No common cipher suite",
        "none shared",
        "The story.",
        "",
        "  server      vsftpd ciphers=AES128-SHA:DES-CBC3-SHA protocols=..TLSv1.2",
        "  client      net-ftp@rocky9:FIPS",
        "  result      as expected: refused by the server at handshake: no-shared-cipher",
        "              (stand-in: rocky9)",
        "  user sees   FTP failed to start tls: Proceed with negotiation.",
        "  twin        the same with ciphers=HIGH",
        "              as expected: completed (transfer): TLSv1.2",
        "              ECDHE-RSA-AES256-GCM-SHA384, certificate verified (stand-in)",
        "  recommended vsftpd.conf: ssl_ciphers=HIGH",
        "              as expected: completed (transfer): TLSv1.2",
        "              ECDHE-RSA-AES256-GCM-SHA384, certificate verified (stand-in)",
        "  unsafe      mt-config.cgi: FTPSSSLVerifyNone 1",
        "              as expected: completed (transfer): TLSv1.2",
        "              ECDHE-RSA-AES256-GCM-SHA384, certificate verified (stand-in)",
        "              impostor got user lab, password secret, 1024 bytes",
        '              ("delivery.txt...")',
        "",
        "STAND-IN: rocky9 (`lab images` says what is real)",
        "record: /somewhere/record.json",
        "5 attempts: 5 as-expected, 0 surprise, 0 cannot, 0 lab-error",
        "verdict (9.3 s): all as expected",
    ]
    assert len(lines) <= 25


def test_the_other_clients_of_a_case_have_a_line_for_what_came_of_them_alike() -> None:
    record = run_record()
    one = record.cases[0]
    clients = ["net-ftp@centos7", "curl@rocky9:FIPS"]
    others = tuple(one.model_copy(update={"id": f"{one.id}{c}", "label": c}) for c in clients)
    text = summary(run_record(cases=(one, *others), attempts=record.attempts[:4]))
    assert block(text, "  also").splitlines() == [
        "  also        net-ftp@centos7, curl@rocky9:FIPS",
        "              as expected: refused by the server at handshake: no-shared-cipher;",
        "              twin and 2 remedies as expected",
    ]


def test_with_every_detail_each_case_is_told_with_the_verdict_in_words() -> None:
    text = details(run_record())
    assert "\n\nmovable-type: Certificate has expired\nexpired\nThe story.\n\n" in text
    words = " ".join(text.split())
    for said in (
        "result as expected: refused by the server at handshake: no-shared-cipher (stand-in: rocky9)",
        "result as expected: refused by the client at verify: expired",
        "also curl@centos7 cannot: the stand-in image has no curl on NSS",
        "also ftplib@rocky9:FUTURE LAB ERROR: the agent ftplib in rocky9-future is gone",
        "real libssl.so.3 and libcrypto.so.3 of AlmaLinux 9.7; the crypto policies",
    ):
        assert said in words


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ([], ""),
        ([(Role.TWIN, "as-expected")], "twin as expected"),
        ([(Role.TWIN, "lab-error")], "twin: lab-error"),
        (
            [
                (Role.TWIN, "as-expected"),
                (Role.REMEDY, "as-expected"),
                (Role.REMEDY, "surprise"),
                (Role.IMPOSTOR, "as-expected"),
                (Role.IMPOSTOR, "as-expected"),
            ],
            "twin and 2 impostors as expected; 2 remedies: 1 as-expected, 1 surprise",
        ),
    ],
)
def test_twin_remedies_and_impostors_in_words(verdicts: list[tuple[Role, str]], words: str) -> None:
    attempts = [
        attempt_record(
            str(number), attempt(), DELIVERED, completed(), role=role, verdict=v, verdict_why="why"
        )
        for number, (role, v) in enumerate(verdicts)
    ]
    assert rest_of_case(attempts) == words


def test_a_surprise_shows_both_ends_and_the_line_that_repeats_it() -> None:
    text = block(summary(run_record()), "SURPRISE: ")
    assert text.splitlines()[0] == "SURPRISE: certificates/expired[net-ftp@centos7]/twin"
    assert "  expected    completed\n" in text
    assert "  seen        refused by the server at handshake: no-shared-cipher\n" in text
    assert f"  user sees   {MESSAGE}\n" in text
    assert '  server says [pid 7] CONNECT: Client "10.89.0.5"\n' in text
    assert text.endswith(
        "  repeat      lab attempt --server vsftpd --client net-ftp@centos7 --expect completed"
    )


def test_a_lab_error_is_no_surprise_and_says_what_broke() -> None:
    text = block(summary(run_record()), "LAB ERROR: ")
    assert "certificates/expired[ftplib@rocky9:FUTURE]/breaks" in text
    assert "the agent ftplib in rocky9-future is gone" in text
    assert "  stand-in    rocky9\n" in text


def test_everything_is_counted_and_the_causes_of_cannot_are_listed() -> None:
    text = details(run_record())
    assert "8 attempts: 5 as-expected, 1 surprise, 1 cannot, 1 lab-error\n" in text
    assert "cannot: the stand-in image has no curl on NSS\n  curl@centos7 (1 attempt)\n" in text
    assert "record: /somewhere/record.json\n" in text


def test_a_stand_in_is_marked_as_one() -> None:
    lines = details(run_record()).splitlines()
    assert "rocky9 STAND-IN OpenSSL 3.5.1 1 Jul 2025 (3.5.1-4.el9_7) on Debian" in "\n".join(lines)
    assert "vsftpd packages OpenSSL 3.5.7 on Debian GNU/Linux 13 (trixie)" in lines
    assert "STAND-IN: rocky9 (`lab images` says what is real)" in summary(run_record())


def test_without_a_stand_in_nothing_is_said_about_them() -> None:
    real = run_record(images=(ImageRecord(name="rocky9", source="registry", os="Rocky Linux 9.6"),))
    assert "rocky9 registry Rocky Linux 9.6" in details(real)


def test_a_run_that_was_ended_early_has_no_verdict() -> None:
    lines = summary(run_record(complete=False, ended=None)).splitlines()
    assert lines[-2].startswith("8 attempts: 5 as-expected")
    assert lines[-1] == (
        "verdict: none, the run was ended before it was done; the above did happen"
    )


def test_a_run_of_nothing_has_a_summary_too() -> None:
    text = summary(run_record(attempts=(), cases=(), images=()))
    assert "0 attempts: 0 as-expected, 0 surprise, 0 cannot, 0 lab-error" in text


def test_only_a_command_line_is_wider_than_the_terminal() -> None:
    long = [line for line in summary(run_record()).splitlines() if len(line) > WIDTH]
    assert long
    assert all(line.startswith("  repeat ") for line in long)


def test_a_line_is_never_padded() -> None:
    assert [line for line in summary(run_record()).splitlines() if line != line.rstrip()] == []


# -- colours and encodings ------------------------------------------------------------------------


def test_a_pipe_gets_no_colours_and_a_terminal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in summary(run_record())
    assert "\x1b[1;31m" in summary(run_record(), terminal=True)


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = summary(run_record(), terminal=True)
    assert "\x1b[31m" not in text
    assert "\x1b[1;31m" not in text


def test_a_terminal_without_unicode_gets_ascii() -> None:
    target = console(encoding="ascii")
    print_run(run_record(), target, PLACES, verbose=True)
    assert output_of(target).isascii()


def test_a_narrow_terminal_still_shows_every_word() -> None:
    target = console(width=40)
    print_run(run_record(), target, PLACES)
    assert "no-shared-cipher" in output_of(target).replace("\n", "").replace(" ", "")


# -- texts from outside ---------------------------------------------------------------------------

HOSTILE = "\x1b]0;owned\x07\x1b[2J[red]no markup[/red] :smile:\r\u202eabc\x9b1m"


def hostile_record() -> RunRecord:
    outcome = Outcome(
        result=Result.REFUSED,
        goal=NO_SHARED_CIPHER.goal,
        by=Side.SERVER,
        stage=Stage.LOGIN,
        reason=Reason.LOGIN_FAILED,
        cause=HOSTILE,
        report=ClientReport(
            failed=True, step="login", cipher=HOSTILE, error=HOSTILE, message=HOSTILE
        ),
    )
    made = attempt("net-ftp@centos7", f"ciphers={HOSTILE}", f"extra={HOSTILE}")
    bad = attempt_record(
        HOSTILE,
        made,
        outcome,
        completed(),
        label=HOSTILE,
        server_report=ServerReport(started=True, log=HOSTILE),
    )
    cannot = attempt_record(
        f"2{HOSTILE}", made, None, None, verdict=Verdict.CANNOT, verdict_why=HOSTILE
    )
    image = ImageRecord(name=HOSTILE, stand_in=True, os=HOSTILE, real=(HOSTILE,))
    return run_record(attempts=(bad, cannot), cases=(), images=(image,))


def test_hostile_texts_reach_the_terminal_as_visible_escapes() -> None:
    record = hostile_record()
    target = console(terminal=False)
    print_run(record, target, PLACES, verbose=True)
    print_attempts(record.attempts, record, target)
    counter = Counter(1, target)
    counter.count(record.attempts[0])
    counter.end()
    text = output_of(target) + explain_surprise(record.attempts[0])
    assert not set(text) & set("\x1b\x07\r\u202e\x9b")
    assert "\\x1b]0;owned\\x07\\x1b[2J[red]no markup[/red] :smile:" in text


def test_a_long_text_loses_its_middle_and_says_so() -> None:
    shown = excerpt("\n".join(f"line {n}" for n in range(100))).splitlines()
    assert len(shown) == 13
    assert (shown[0], shown[6], shown[-1]) == ("line 0", "[88 more lines in the record]", "line 99")
    assert excerpt("a\nb\nc\nd", 3) == "a\n[1 more line in the record]\nc\nd"
    assert excerpt("a\nb\nc\nd", 2, "ja") == "a\n[ほか 2 行は記録にあります]\nd"


# -- one attempt ----------------------------------------------------------------------------------


def shown(attempts: list[AttemptResult], *, verbose: bool = False) -> str:
    target = console()
    print_attempts(attempts, run_record(), target, verbose=verbose)
    return output_of(target)


def test_one_attempt_shows_settings_both_ends_and_the_stand_in() -> None:
    lines = shown([run_record().attempts[0]], verbose=True).splitlines()
    assert (
        lines[0] == "as expected: refused by the server at handshake: no-shared-cipher (stand-in)"
    )
    assert lines[1] == "  server      vsftpd ciphers=AES128-SHA:DES-CBC3-SHA protocols=..TLSv1.2"
    assert lines[2] == "  client      net-ftp@rocky9:FIPS"
    assert f"  user sees   {MESSAGE}" in lines
    assert any(line.startswith("  client says SSL connect attempt failed") for line in lines)
    assert any(line.startswith("rocky9 STAND-IN OpenSSL 3.5.1") for line in lines)
    assert "       not real the rest of the userland; perl is Debian's 5.36" in lines
    assert "       because  no registry answered" in lines


def test_an_attempt_that_nothing_was_expected_of_has_no_sign() -> None:
    lines = shown([attempt_record("a", attempt(), DELIVERED, None)]).splitlines()
    assert lines[0].startswith("completed (transfer): TLSv1.2 ECDHE")
    assert "  facts       data channel protected yes, session reused yes" in lines
    assert not any(line.startswith("  expected") for line in lines)


@pytest.mark.parametrize(
    ("client", "facts", "said"),
    [
        ("net-ftp@rocky9:FIPS", {}, ["extended master secret"]),
        (
            "net-ftp@rocky9:FIPS",
            {"cipher": "AES128-SHA"},
            ["extended master secret", "PKCS #1 v1.5"],
        ),
        (
            "net-ftp@rocky9:FIPS",
            {"protocol": "TLSv1.3", "cipher": "TLS_CHACHA20_POLY1305_SHA256"},
            ["does not have its cipher"],
        ),
        ("net-ftp@rocky9:FIPS", {"protocol": "TLSv1", "cipher": "AES128-SHA"}, ["this version"]),
        # the twins: what such a host does, too; another policy; no handshake
        ("net-ftp@rocky9:FIPS", {"protocol": "TLSv1.3", "cipher": "TLS_AES_256_GCM_SHA384"}, []),
        ("net-ftp@rocky9:DEFAULT", {}, []),
        ("net-ftp@rocky9:FIPS", {"protocol": None, "cipher": None}, []),
    ],
)
def test_what_a_host_in_fips_mode_would_refuse_is_said_beside_the_result(
    client: str, facts: dict[str, str], said: list[str]
) -> None:
    made = attempt_record("a", attempt(client), reporting(DELIVERED, **facts), None)
    words = dict(explanation(made)).get("real host", "")
    assert words.count("in FIPS mode") == len(said)
    assert all(each in words for each in said)
    assert dict(explanation(made, "ja")).get("real host", "").count("FIPS モード") == len(said)
    # and of the distribution's own image nothing is to be said
    real = made.with_(images=tuple(i.model_copy(update={"stand_in": False}) for i in made.images))
    assert "real host" not in dict(explanation(real))


def test_a_difference_within_a_refusal_is_explained() -> None:
    expected = run_record().attempts[0].expectation
    text = shown([attempt_record("a", attempt("net-ftp@centos7"), EXPIRED, expected)])
    assert "SURPRISE: refused by the client at verify: expired" in text
    assert "  why         the side differs: expected server, seen client; the stage" in text
    assert "  facts       X509 error 10\n" in text


def test_a_repeated_attempt_shows_the_rate_and_each_outcome_once() -> None:
    good, bad = DELIVERED, NO_SHARED_CIPHER
    made = [
        attempt_record(f"attempt-{n}", attempt("net-ftp@centos7"), outcome, None)
        for n, outcome in enumerate([good, bad, good, good])
    ]
    text = shown(made)
    lines = text.splitlines()
    assert lines[0] == "3 of 4 completed (75%)"
    assert lines[1].startswith("  3 x         completed (transfer)")
    assert lines[3] == "  1 x         refused by the server at handshake: no-shared-cipher"
    assert text.count("  repeat      lab attempt") == 2


def test_an_explanation_as_text_names_the_attempt_and_repeats_it() -> None:
    lines = explain_surprise(run_record().attempts[5]).splitlines()
    assert lines[0] == "certificates/expired[net-ftp@centos7]/twin"
    assert lines[1] == "  expected     completed"
    assert lines[-1].startswith("  repeat       lab attempt --server vsftpd --client net-ftp")


def test_a_surprise_names_the_builds_that_have_moved_at_both_ends() -> None:
    one = unexpected(("libssl3t64 3.5.7-1 -> 3.5.9-1",), ("perl 5.36.0-7 -> 5.36.0-8",))

    words = (
        "  builds       vsftpd: libssl3t64 3.5.7-1 -> 3.5.9-1\n"
        "               rocky9: perl 5.36.0-7 -> 5.36.0-8\n"
        "               since the expectations were last seen to hold\n"
    )
    assert words in explain_surprise(one)
    # and in the terminal
    in_terminal = " ".join(shown([one]).split())
    assert " ".join(words.split()) in in_terminal


def test_a_surprise_on_the_same_builds_says_so() -> None:
    same = "  builds       those with which the expectations were last seen to hold\n"
    assert same in explain_surprise(unexpected((), ()))


@pytest.mark.parametrize("moved", [(None, None), (None, ()), ((), None), ()])
def test_of_builds_of_which_nothing_is_known_nothing_is_said(
    moved: tuple[tuple[str, ...] | None, ...],
) -> None:
    assert "builds" not in explain_surprise(unexpected(*moved))


def test_what_has_moved_in_one_image_is_said_although_nothing_is_known_of_the_other() -> None:
    text = explain_surprise(unexpected(None, ("perl 5.36.0-7 -> 5.36.0-8",)))
    assert "  builds       rocky9: perl 5.36.0-7 -> 5.36.0-8\n" in text
    assert "vsftpd: " not in text


# -- images and progress --------------------------------------------------------------------------


def test_images_say_what_is_real_in_a_stand_in() -> None:
    provenance = Provenance(
        image="rocky9",
        source="packages",
        stand_in=True,
        os="Debian GNU/Linux 12",
        tls_library="OpenSSL 3.5.1",
        real=("the TLS library",),
        not_real=("perl", "curl"),
        recipe="r",
        built_at=datetime(2031, 5, 17, tzinfo=UTC),
    )
    target = console()
    print_images([provenance], target)
    assert output_of(target).splitlines() == [
        "rocky9 STAND-IN OpenSSL 3.5.1 on Debian GNU/Linux 12",
        "       real     the TLS library",
        "       not real perl; curl",
    ]


def test_an_image_of_which_little_is_known_has_a_line_too() -> None:
    assert image_in_words(ImageRecord(name="dns", os="Debian")) == "Debian"
    assert image_in_words(ImageRecord(name="dns", tls_library="OpenSSL 3")) == "OpenSSL 3"
    assert image_in_words(ImageRecord(name="dns")) == ""
    assert image_in_words(IMAGES[1]) == "OpenSSL 3.5.7 on Debian GNU/Linux 13 (trixie)"


def counted(target: Console, *, step_s: float = 1.0) -> str:
    """What is seen of the progress of the made-up run, an attempt every so many seconds."""
    record = run_record()
    moments = itertools.count()
    counter = Counter(len(record.attempts), target, clock=lambda: next(moments) * step_s)
    for one in record.attempts:
        counter.count(one)
    counter.end()
    return output_of(target)


def test_progress_is_counted_with_rate_and_time_left_on_one_line() -> None:
    lines = counted(console(terminal=True), step_s=0.5).split("\r")
    assert any("5 of 8 attempts; 2 a second, 2 s left" in line for line in lines)
    assert any("8 of 8 attempts, 1 SURPRISE, 1 cannot, 1 LAB ERROR" in line for line in lines)
    assert not any("left" in line for line in lines if "8 of 8" in line)


def test_on_a_pipe_progress_has_a_line_now_and_then_and_the_unexpected_one_at_once() -> None:
    unexpected = [
        "SURPRISE: certificates/expired[net-ftp@centos7]/twin",
        "LAB ERROR: certificates/expired[ftplib@rocky9:FUTURE]/breaks",
    ]
    assert counted(console()).splitlines() == unexpected
    slow = counted(console(), step_s=8.0).splitlines()
    assert slow[:2] == [
        "3 of 8 attempts; 0.1 a second, 40 s left",
        "5 of 8 attempts; 0.1 a second, 24 s left",
    ]
    assert set(unexpected) < set(slow)


def test_what_breaks_in_the_lab_in_the_same_way_is_said_once() -> None:
    broken = run_record().attempts[-1]
    assert broken.verdict is Verdict.LAB_ERROR
    many = tuple(broken.model_copy(update={"id": f"{broken.id}-{n}"}) for n in range(100))
    target = console()
    counter = Counter(len(many), target)
    for one in many:
        counter.count(one)
    assert len(output_of(target).splitlines()) == 1
    case = run_record().cases[-1].model_copy(update={"attempts": tuple(a.id for a in many)})
    text = summary(run_record(cases=(case,), attempts=many))
    assert text.count("LAB ERROR: ") == 2  # the cause, and the result in the story
    assert "  and the same in 99 more attempts" in text
