"""Exercises: their folders, how a trainee's files are read, what a check comes to, commands, score."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lab.certificates import ANCHORS, CATALOGUE, OWN
from lab.certificates.material import RunCertificates
from lab.cli import main
from lab.exercises import (
    HERE,
    HINTS,
    WAYS,
    Exercise,
    ExerciseError,
    checking,
    exercise_named,
    exercises,
    grading,
)
from lab.exercises.folder import FilesOfExercise, write
from lab.exercises.grading import Grade, GradedClient, Grading, grade
from lab.exercises.reading import ReadFolder, plan, read
from lab.exercises.score import POINTS, ExerciseScore, Score
from lab.exercises.telling import differences, tell
from lab.model import Captured, Goal, Outcome, Rating, Reason, Result, Side, Stage
from lab.model.expectations import Expectation
from lab.model.outcome import ServerReport
from lab.own.findings import InputError
from lab.record import AttemptResult
from lab.remedies.words import InBothLanguages
from lab.servers import SERVERS
from lab.servers.impostor import impostors
from lab.settings import parse_client, parse_server
from tests.unit.made_up import DELIVERED, NO_SHARED_CIPHER, attempt_record, reporting

JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")
ALL = list(exercises().values())
GOT = Captured(user="lab", password="secret-of-the-run", file_bytes=3, file_head="abc")

each = pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)


# -- folders ---------------------------------------------------------------------------------------------


def test_there_are_exercises_of_both_documents_and_of_the_field() -> None:
    assert len(ALL) >= 16
    assert {one.about for one in ALL} == {"movable-type", "fastly", "field"}
    assert {path.parent.name for path in HERE.glob("*/exercise.toml")} == set(exercises())
    assert [one.order for one in ALL] == sorted({one.order for one in ALL})


@each
def test_an_exercise_says_everything_in_both_languages(one: Exercise) -> None:
    texts = [one.title, one.task, one.explanation, *one.hints]
    texts += [c.what for c in one.intruders] + [w.words for w in one.weakenings]
    assert len(one.hints) == HINTS
    for text in texts:
        assert text.en
        assert JAPANESE.search(text.ja), text
        assert not JAPANESE.search(text.en), text


@each
def test_an_exercise_names_what_there_is(one: Exercise) -> None:
    made = {name for way in one.certificates.values() for name in way}
    texts = {path.name for path in (one.place / "files").glob("*")}
    files = made | texts
    assert {one.server.file, *(c.file for c in one.clients)} - {""} <= files
    parse_server(one.server.settings, one.server.software)
    for client in (*one.clients, *one.intruders):
        parse_client(client.client, client.settings)
        Expectation.parse(client.fails)
    for recipes in one.certificates.values():
        for kind, name in re.findall(r"(\w+):([\w-]+)", " ".join(recipes.values())):
            assert name in (ANCHORS if kind == "anchor" else CATALOGUE)
    assert any(client.fails != "completed" for client in one.clients)
    for way in WAYS[1:]:
        changed = {path.name for path in (one.place / way).glob("*")} | {
            *one.certificates.get(way, ())
        }
        assert changed, f"{way} changes nothing"
        assert changed <= files, way


@each
def test_nothing_secret_is_in_a_folder(one: Exercise) -> None:
    for path in one.place.rglob("*"):
        assert path.is_dir() or b"-----BEGIN" not in path.read_bytes(), path


def test_what_is_made_is_the_same_in_every_state_and_keys_are_their_owners(tmp_path: Path) -> None:
    made = FilesOfExercise(exercise_named("missing-intermediate"), material())
    files, solved = made.contents("files"), made.contents("solution")
    write(tmp_path / "files", files)

    assert solved["chain.pem"] == files["leaf.pem"] + files["intermediate.pem"]
    assert files["chain.pem"] == files["leaf.pem"]
    assert solved["server.key"] == files["server.key"]
    assert stat.S_IMODE((tmp_path / "files" / "server.key").stat().st_mode) == 0o600
    assert made.contents("unsafe")["vsftpd.conf"] == files["vsftpd.conf"]


def test_a_text_can_have_a_certificate_in_it() -> None:
    made = FilesOfExercise(exercise_named("private-ca"), material())
    root = made.contents("files")["company-root.pem"].decode().strip()
    assert f'.ssl_ca_cert = {{"{root}"}};' in made.contents("solution")["backend.vcl"].decode()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    with pytest.raises(ExerciseError, match="it is there already"):
        write(tmp_path, {"vsftpd.conf": b""})
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(ExerciseError, match="it is there already"):
        write(tmp_path / "mine", {"vsftpd.conf": b""})


# -- reading ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exercises")


@cache
def material() -> RunCertificates:
    """Certificates for both servers' hosts: made once, as far as they are asked for."""
    return RunCertificates([SERVERS[name].host for name in ("vsftpd", "nginx")])


def state(name: str, place: Path, way: str = "files") -> tuple[Exercise, Path, Path]:
    """An exercise, its folder in this state, and its folder as it was at the start."""
    one = exercise_named(name)
    if not (place / name).exists():
        made = FilesOfExercise(one, material())
        for each_way in WAYS:
            write(place / name / each_way, made.contents(each_way))
    return one, place / name / way, place / name / "files"


def folder_of(name: str, place: Path, way: str = "files") -> ReadFolder:
    return read(*state(name, place, way))


def test_the_passive_address_of_the_file_counts(place: Path) -> None:
    wrong, right = (folder_of("passive-address", place, way) for way in ("files", "solution"))
    assert vars(wrong.clients[0].server)["pasv_address"] == "127.0.0.1"
    assert vars(right.clients[0].server)["pasv_address"] is None


def test_the_firewall_lets_its_own_ports_through(place: Path) -> None:
    states = [
        vars(folder_of("passive-ports", place, way).clients[0].server)
        for way in ("files", "useless", "solution")
    ]
    assert [s["data_ports"] for s in states] == ["rejected", "rejected", "open"]
    assert states[2]["pasv_ports"] == "50000-50019"


def test_the_certificate_that_the_configuration_names_is_served(place: Path) -> None:
    one, folder, _ = state("expired", place)
    before, after = (folder_of("expired", place, way).own for way in ("files", "solution"))
    assert before is not None
    assert before.certificate is not None
    assert after is not None
    assert after.certificate is not None
    assert before.certificate.chain_pem == (folder / "chain.pem").read_bytes()
    assert after.certificate.chain_pem == (folder / "renewed.pem").read_bytes()
    attempt = read(one, folder, folder).clients[0]
    assert (attempt.server.certificate, attempt.client.trust) == (OWN, OWN)
    assert attempt.client.host == attempt.server.host


def test_a_key_of_another_certificate_is_the_servers_to_refuse(place: Path) -> None:
    own = folder_of("key-mismatch", place).own
    _, folder, _ = state("key-mismatch", place)
    assert own is not None
    assert own.certificate is not None
    assert own.certificate.key_pem == (folder / "server.key").read_bytes()


def test_the_roots_in_a_backend_are_trusted(place: Path) -> None:
    before, after = (folder_of("private-ca", place, way) for way in ("files", "solution"))
    assert before.own is not None
    assert before.own.anchors is None
    assert after.own is not None
    assert after.own.anchors is not None
    assert (before.clients[0].client.trust, after.clients[0].client.trust) == (None, OWN)


def damaged(place: Path, name: str, file: str, content: str | None) -> tuple[Exercise, Path, Path]:
    """A folder of its own, one file of which is changed, or removed."""
    one, _, originals = state(name, place)
    folder = place / f"damaged-{file}-{content is None}-{len(list(place.iterdir()))}"
    write(folder, {path.name: path.read_bytes() for path in originals.iterdir()})
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_text(content, encoding="utf-8")
    return one, folder, originals


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (
            "vsftpd.conf",
            None,
            r"Reading vsftpd.conf in .*: it is no longer there\n.*cp .*vsftpd.conf",
        ),
        ("trusted.pem", None, "Reading trusted.pem"),
        ("chain.pem", None, "there is no chain.pem in"),
        ("chain.pem", "nothing", "there is no certificate in it"),
        ("server.key", "nothing", "there is no private key in it"),
        (
            "vsftpd.conf",
            "rsa_cert_file=/etc/ssl/other.pem\n",
            "line 1: it names /etc/ssl/other.pem",
        ),
    ],
)
def test_what_cannot_be_tried_is_said(
    file: str, content: str | None, said: str, place: Path
) -> None:
    with pytest.raises(ExerciseError, match=said):
        read(*damaged(place, "expired", file, content))


@pytest.mark.parametrize("file", ["vsftpd.conf", "trusted.pem", "chain.pem", "server.key"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_what_is_no_file_any_more_is_said_so(file: str, kind: str, place: Path) -> None:
    one, folder, originals = damaged(place, "expired", file, None)
    if kind == "folder":
        (folder / file).mkdir()
    elif kind == "pipe":
        os.mkfifo(folder / file)
    else:
        (folder / file).symlink_to("nowhere")
    with pytest.raises(ExerciseError, match=f"Reading {file} in .*: what is there is no file"):
        read(one, folder, originals)


def test_a_configuration_that_nobody_can_read_is_said_with_its_line(place: Path) -> None:
    with pytest.raises(InputError, match=r"vsftpd\.conf:1: "):
        read(*damaged(place, "no-common-suite", "vsftpd.conf", "ssl_enable YES\n"))
    with pytest.raises(InputError, match="larger than a PEM file may be"):
        read(*damaged(place, "expired", "chain.pem", "x" * (1 << 21)))
    with pytest.raises(InputError, match=r"nginx\.conf:\d+: nginx ends at start"):
        read(*damaged(place, "origin-tls-1.0", "nginx.conf", "http { server {"))


def test_a_folder_that_has_gone_is_said(place: Path) -> None:
    one, _, originals = state("no-common-suite", place)
    with pytest.raises(ExerciseError, match="the folder is no longer there"):
        read(one, place / "gone", originals)


# -- grades ----------------------------------------------------------------------------------------------


def results_of(
    one: Exercise, files: ReadFolder, through: bool, **more: object
) -> Mapping[str, AttemptResult]:
    """Made-up results: clients get through or not, intruders do not, an impostor gets nothing."""
    fails = Outcome(
        result=Result.REFUSED,
        goal=Goal.TRANSFER,
        by=Side.CLIENT,
        stage=Stage.VERIFY,
        reason=Reason.UNKNOWN_ISSUER,
    )
    made = {}
    for planned in plan(one, files):
        outcome = fails
        if planned.id.startswith("client"):
            outcome = DELIVERED if through else NO_SHARED_CIPHER
        made[planned.id] = attempt_record(planned.id, planned.attempt, outcome, None)
    for name, value in more.items():
        key = name.replace("_", "-")
        made[key] = made[key].with_(**value)  # type: ignore[arg-type]
    return made


def graded(
    name: str,
    place: Path,
    way: str,
    *,
    through: bool = True,
    files: Sequence[str] = (),
    **more: object,
) -> Grading:
    one = exercise_named(name)
    before, now = folder_of(name, place), folder_of(name, place, way)
    results = results_of(one, now, through, **more)
    return grade(one, before, now, results, changed={way} - {"files"} | set(files))


def test_untouched_useless_and_open_are_told_apart(place: Path) -> None:
    assert graded("no-common-suite", place, "files", through=False).grade is Grade.UNTOUCHED
    # CentOS 7 got through before, and is refused now: that is not nothing
    assert graded("no-common-suite", place, "useless", through=False).grade is Grade.OPEN
    now = graded(
        "no-common-suite", place, "useless", through=False, client_1_0={"outcome": DELIVERED}
    )
    assert now.grade is Grade.USELESS
    assert not now.solved


def test_a_solution_counts(place: Path) -> None:
    now = graded("no-common-suite", place, "solution")
    assert (now.grade, now.rating, now.given_away) == (Grade.SOLVED, Rating.RECOMMENDED, ())


def test_verification_off_is_known_by_its_cure_with_what_the_impostor_got(place: Path) -> None:
    got = ServerReport(started=True, captured=GOT)
    now = graded("expired", place, "unsafe", impostor_0={"server_report": got})
    assert now.grade is Grade.UNSAFE
    (given,) = now.given_away
    assert given.what.en == "the certificate is not checked at all"
    assert given.captured == GOT
    assert not now.solved


def test_what_an_impostor_got_is_enough_whatever_was_changed(place: Path) -> None:
    got = ServerReport(started=True, captured=GOT)
    now = graded("expired", place, "solution", impostor_0={"server_report": got})
    assert now.grade is Grade.UNSAFE


def test_an_intruder_who_gets_through_is_an_argument(place: Path) -> None:
    now = graded("no-common-suite", place, "solution", intruder_0={"outcome": DELIVERED})
    assert now.grade is Grade.UNSAFE
    assert now.given_away[0].what.en.startswith("a login in clear text")


def test_an_exercise_can_say_that_a_change_weakens(place: Path) -> None:
    now = graded("session-reuse", place, "unsafe")
    assert now.grade is Grade.UNSAFE
    assert "reuse is no longer required" in now.given_away[0].what.en


def test_what_is_for_the_time_being_counts(place: Path) -> None:
    """The gap in the chain is closed at one client: others still refuse the server."""
    now = graded("missing-intermediate", place, "solution", files=["trusted.pem"])
    assert (now.grade, now.rating, now.solved) == (Grade.TEMPORARY, Rating.TEMPORARY, True)
    assert "Solved for the time being" in told(now)
    assert "other clients" in told(now)


def test_of_several_tries_each_must_get_through(place: Path) -> None:
    now = graded("short-files", place, "solution", client_0_7={"outcome": NO_SHARED_CIPHER})
    assert now.grade is Grade.OPEN


def test_a_race_ends_as_before_if_one_try_does(place: Path) -> None:
    refused = replace(NO_SHARED_CIPHER, stage=Stage.TRANSFER, reason=Reason.ABORTED)
    now = graded(
        "short-files",
        place,
        "useless",
        client_0_2={"outcome": NO_SHARED_CIPHER},
        client_0_7={"outcome": refused},
    )
    assert now.grade is Grade.USELESS
    assert now.clients[0].outcome.reason is Reason.ABORTED


def test_an_attempt_that_could_not_be_made_is_no_grade(place: Path) -> None:
    with pytest.raises(ExerciseError, match="the image has no curl"):
        graded(
            "no-common-suite",
            place,
            "solution",
            client_0_0={"outcome": None, "verdict_why": "the image has no curl"},
        )


@each
def test_an_impostor_lets_everybody_in_and_has_no_certificate_for_the_name(
    one: Exercise, place: Path
) -> None:
    for attempt in folder_of(one.name, place).clients:
        server = impostors(attempt).server
        assert server.impostor
        assert server.certificate == "impostor"
        assert impostors(attempt).client == attempt.client


# -- words -----------------------------------------------------------------------------------------------


def told(now: Grading, language: str = "en") -> str:
    target = Console(file=io.StringIO(), width=200)
    tell(now, ExerciseScore(solved="now"), target, language, verbose=True)
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def test_a_check_says_stage_and_reason_and_no_cause(place: Path) -> None:
    refusal = replace(NO_SHARED_CIPHER, cause="the server allows only AES128-SHA")
    refused = {"outcome": refusal}
    words = told(graded("no-common-suite", place, "files", through=False, client_0_0=refused))
    assert "refused by the server at handshake: no-shared-cipher" in words
    assert "AES128-SHA" not in words


@pytest.mark.parametrize("one", Grade)
def test_every_grade_has_words_in_both_languages(one: Grade) -> None:
    client = GradedClient(ALL[0].clients[0], DELIVERED, "", "", as_before=False)
    given = grading.GivenAway(Rating.UNSAFE, InBothLanguages("that", "それ"), GOT)
    now = Grading(one, (client,), (client,), (given,), changed=frozenset({"a"}))
    assert "secret-of-the-run" in told(now)
    assert JAPANESE.search(told(now, "ja"))


def test_a_solution_is_shown_as_what_changes(place: Path) -> None:
    _, _, before = state("missing-intermediate", place, "solution")
    shown = list(differences(before, before.with_name("solution"), "en"))
    assert shown[0] == "chain.pem is then:"
    assert len(shown) == 3, shown
    _, _, before = state("no-common-suite", place, "solution")
    shown = list(differences(before, before.with_name("solution"), "en"))
    assert "+ssl_ciphers=HIGH" in shown


# -- commands and score ----------------------------------------------------------------------------------


class Done:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


Command = Callable[..., Done]


@pytest.fixture
def lab(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """`lab exercise` in this process, with a state of its own and its folders below ``tmp_path``."""
    monkeypatch.setenv("LAB_ROOT", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["lab", "exercise", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        seen = capsys.readouterr()
        return Done(int(ended.value.code or 0), seen.out, seen.err)

    return run


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Callable[[Grade], None]:
    """Makes every check come to this grade."""

    def come_to(one: Grade) -> None:
        client = GradedClient(ALL[0].clients[0], DELIVERED, "", "", as_before=False)
        monkeypatch.setattr(
            checking, "check", lambda *_: Grading(one, (client,), (), (), changed=frozenset({"a"}))
        )

    return come_to


def rows(lab: Command) -> dict[str, Any]:
    return {one["name"]: one for one in json.loads(lab("status", "--json").out)["exercises"]}


def test_an_exercise_from_its_start_to_its_end(
    lab: Command, checked: Callable[[Grade], None], tmp_path: Path
) -> None:
    done = lab("start", "no-common-suite")
    assert done.status == 0, done.err
    assert "net-ftp@rocky9:FIPS" in done.out
    assert (tmp_path / "no-common-suite" / "vsftpd.conf").is_file()

    checked(Grade.OPEN)
    assert lab("check").status == 1
    checked(Grade.UNSAFE)
    assert lab("check").status == 1
    assert rows(lab)["no-common-suite"]["solved"] == ""
    assert "Hint 1 of 3" in lab("hint").out
    checked(Grade.SOLVED)
    assert f"Solved: {POINTS - 2} of {POINTS} points" in lab("check").out
    assert lab("check").status == 0

    done = lab("finish", "--remove")
    assert "The two suites" in done.out
    assert not (tmp_path / "no-common-suite").exists()
    row = rows(lab)["no-common-suite"]
    assert (row["checks"], row["hints"], row["points"], row["rating"]) == (4, 1, 8, "recommended")
    assert [p.name for p in (tmp_path / "state/.lab/exercise").iterdir()] == ["state.json"]
    assert "| solved | 4 | 1 | 8 |" in lab("status", "--markdown").out
    assert "解決" in lab("status", "--markdown", "--lang", "ja").out


def test_a_second_exercise_waits_for_the_first(lab: Command, tmp_path: Path) -> None:
    lab("start", "no-common-suite", "here")
    done = lab("start", "expired")
    assert done.status == 2
    assert f"exercise 1 is under way in {tmp_path / 'here'}" in done.err
    assert "`lab exercise finish`" in done.err
    assert not (tmp_path / "expired").exists()
    assert "*  1  One of two clients" in lab("list").out


def test_a_name_that_is_none_has_the_nearest_beside_it(lab: Command) -> None:
    done = lab("start", "exspired")
    assert (done.status, "did you mean expired?" in done.err) == (2, True)


@pytest.mark.parametrize("word", ["check", "hint", "solution", "finish"])
def test_without_an_exercise_there_is_nothing_to_do(word: str, lab: Command) -> None:
    done = lab(word)
    assert done.status == 2
    assert "`lab exercise start NUMBER` begins one" in done.err


def test_hints_come_one_after_the_other(lab: Command) -> None:
    lab("start", "expired")
    one = exercise_named("expired")
    for number in range(HINTS):
        assert f"Hint {number + 1} of {HINTS}" in lab("hint").out
        assert rows(lab)["expired"]["hints"] == number + 1
    again = lab("hint", "--lang", "ja").out
    assert "ヒント 1/3" in again
    assert "ヒント 3/3" in again
    assert rows(lab)["expired"]["hints"] == HINTS
    assert one.hints[0].en


def test_who_reads_the_solution_has_given_up(
    lab: Command, checked: Callable[[Grade], None]
) -> None:
    lab("start", "no-common-suite")
    assert "+ssl_ciphers=HIGH" in lab("solution").out
    checked(Grade.SOLVED)
    assert lab("check").status == 0
    assert rows(lab)["no-common-suite"]["points"] == 0


def test_files_of_the_trainee_stay(lab: Command, tmp_path: Path) -> None:
    lab("start", "no-common-suite", "mine")
    (tmp_path / "mine" / "notes.txt").write_text("mine", encoding="utf-8")
    assert "notes.txt" in lab("finish", "--remove").out
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    lab("start", "no-common-suite", "other")
    assert f"Your files stay in\n{tmp_path / 'other'}\n" in lab("finish", "--keep").out
    assert (tmp_path / "other" / "vsftpd.conf").exists()


def test_a_folder_with_something_in_it_is_left_alone(lab: Command, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "vsftpd.conf").write_text("mine", encoding="utf-8")
    done = lab("start", "no-common-suite", "full")
    assert (done.status, "nothing is overwritten" in done.err) == (2, True)
    assert (tmp_path / "full" / "vsftpd.conf").read_text("utf-8") == "mine"
    assert lab("check").status == 2  # and none is under way


@pytest.mark.parametrize("folder", ["", ".", "empty"])
def test_a_folder_that_the_lab_has_not_made_is_never_used(
    folder: str, lab: Command, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    assert lab("start", "1", folder).status == 2
    assert [path.name for path in tmp_path.iterdir() if path.name != "state"] == ["empty"]
    assert lab("finish", "--remove").status == 2
    assert (tmp_path / "empty").is_dir()


def test_a_link_in_the_place_of_the_folder_is_not_followed(lab: Command, tmp_path: Path) -> None:
    lab("start", "1", "mine")
    (tmp_path / "mine").rename(tmp_path / "elsewhere")
    (tmp_path / "mine").symlink_to("elsewhere")
    assert lab("finish", "--remove").status == 0
    assert (tmp_path / "elsewhere" / "vsftpd.conf").is_file()


def test_a_command_in_a_folder_that_has_gone_says_so(
    lab: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    done = lab("start", "1")
    assert (done.status, done.err) == (
        2,
        "lab: the current folder has been removed; go to another one: cd\n",
    )


def test_what_is_behind_it_is_told_when_it_is_solved_or_given_up(lab: Command) -> None:
    one = exercise_named("no-common-suite")
    assert lab("start", "1").status == 0
    for language in ("en", "ja"):
        done = lab("finish", "--remove", "--lang", language)
        assert one.title.in_(language) in done.out
        assert one.name not in done.out
        assert one.explanation.in_(language)[:20] not in done.out
        assert "`lab exercise solution`" in " ".join(done.out.split())
        lab("start", "1")
    lab("solution")
    done = lab("finish", "--remove")
    assert one.explanation.en[:20] in done.out
    assert f"given up: 0 of {POINTS} points" in done.out


def test_a_name_is_not_shown_before_it_is_solved(
    lab: Command, checked: Callable[[Grade], None], tmp_path: Path
) -> None:
    names = [one.name for one in ALL]
    assert str(tmp_path / "exercise-2") in lab("start", "2").out.splitlines()
    for words in (["list"], ["status"], ["status", "--markdown"]):
        shown = lab(*words).out
        assert not [name for name in names if name in shown], words
    shown = lab("list", "-v").out
    assert all(f"({name})" in shown for name in names)
    assert "under way: exercise 2 in\n" in lab("status").out
    checked(Grade.SOLVED)
    lab("check")
    shown = lab("list").out
    assert [name for name in names if f"({name})" in shown] == [names[1]]
    assert f"({names[1]})" in lab("status").out


@each
def test_a_number_stands_for_a_name_and_a_title_is_none(one: Exercise) -> None:
    assert exercise_named(str(one.number)) is one
    words = set(re.findall(r"\w{5,}", one.name)) - {"backend", "client", "origin"}
    assert not words & set(re.findall(r"\w+", one.title.en.lower()))


@pytest.mark.parametrize("number", ["0", "999", "99999999", "-", "\uff11"])
def test_a_number_that_is_none_is_refused(number: str) -> None:
    with pytest.raises(ExerciseError, match=f"There are 1 to {len(ALL)}"):
        exercise_named(number)


@pytest.mark.parametrize("meanwhile", ["finish", "restart"])
@pytest.mark.parametrize("when", ["checking", "waiting"])
def test_a_watch_ends_when_another_terminal_ends_the_exercise(
    meanwhile: str, when: str, lab: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lab("start", "1", "mine")

    def end(*_: object) -> None:
        shutil.rmtree(tmp_path / "mine")
        score = Score.load(tmp_path / "state/.lab").ended()
        (score.started("expired", tmp_path) if meanwhile == "restart" else score).save()

    def check(*_: object) -> Grading:
        if when == "checking":
            end()
            raise ExerciseError("folder-gone", folder="mine", number=1)
        client = GradedClient(ALL[0].clients[0], DELIVERED, "", "", as_before=False)
        return Grading(Grade.OPEN, (client,), (), (), changed=frozenset({"a"}))

    monkeypatch.setattr(checking, "check", check)
    monkeypatch.setattr(time, "sleep", end)
    done = lab("check", "--watch")
    assert (done.status, "ended in another terminal" in done.err) == (1, True), done.err
    assert "no longer there" not in done.err


def test_a_state_that_cannot_be_read_is_said(lab: Command, tmp_path: Path) -> None:
    state_file = tmp_path / "state/.lab/exercise/state.json"
    state_file.parent.mkdir(parents=True)
    for broken in ("{", "[]", '{"current": 3, "scores": {}}'):
        state_file.write_text(broken, encoding="utf-8")
        done = lab("status")
        assert (done.status, str(state_file) in done.err) == (3, True), broken
        assert "remove that file" in done.err


def test_what_is_written_replaces_what_was_there_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Score.load(tmp_path).started("expired", tmp_path / "folder").save()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ExerciseError, match="No space left"):
        Score.load(tmp_path).ended().save()
    current = Score.load(tmp_path).current
    assert current is not None
    assert current.name == "expired"


def test_a_check_goes_on_whenever_a_file_is_saved(
    lab: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It sees three states: one that cannot be read, one that is refused, one that is solved."""
    lab("start", "no-common-suite")
    file = tmp_path / "no-common-suite" / "vsftpd.conf"
    client = GradedClient(ALL[0].clients[0], DELIVERED, "", "", as_before=False)
    made: list[int] = []

    def check(*_: object) -> Grading:
        made.append(1)
        file.write_text("x" * len(made), encoding="utf-8")  # saved while it was being checked
        if len(made) == 1:
            raise ExerciseError("none")
        grade_now = Grade.OPEN if len(made) == 2 else Grade.SOLVED
        return Grading(grade_now, (client,), (), (), changed=frozenset({"a"}))

    monkeypatch.setattr(checking, "check", check)
    done = lab("check", "--watch")
    assert (done.status, len(made)) == (0, 3)
    assert "Ctrl-C ends it" in done.err
    assert rows(lab)["no-common-suite"]["checks"] == 2


def test_what_the_lab_kept_can_go_as_well(lab: Command, tmp_path: Path) -> None:
    lab("start", "expired", "mine")
    kept = tmp_path / "state/.lab/exercise/expired/files"
    month = 30 * 24 * 60 * 60
    os.utime(kept, (time.time() - month, time.time() - month))
    done = lab("check")
    assert (done.status, "they were made 30 days ago" in done.err) == (2, True)
    shutil.rmtree(kept.parent)
    for word in ("check", "solution"):
        done = lab(word)
        assert (done.status, "it is no longer there" in done.err) == (2, True)
    assert lab("finish", "--keep").status == 0


# -- what else is given away -----------------------------------------------------------------------------


def test_a_line_that_was_taken_out_can_weaken(place: Path) -> None:
    one, folder, originals = state("writable-chroot", place)
    free = (folder / "vsftpd.conf").read_text("utf-8").replace("chroot_local_user=YES\n", "")
    loose = read(*damaged(place, "writable-chroot", "vsftpd.conf", free))
    before = read(one, originals, originals)
    now = grade(one, before, loose, results_of(one, loose, through=True), changed={"vsftpd.conf"})
    assert now.grade is Grade.UNSAFE
    assert "no longer confined" in now.given_away[0].what.en


@pytest.mark.parametrize(
    ("protocol", "cipher", "worth"),
    [
        ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", Grade.SOLVED),
        ("TLSv1.3", "TLS_AES_256_GCM_SHA384", Grade.SOLVED),
        ("TLSv1.2", "AES128-SHA", Grade.TEMPORARY),
        ("TLSv1", "ECDHE-RSA-AES256-SHA", Grade.UNSAFE),
    ],
)
def test_an_old_suite_or_version_is_seen(
    protocol: str, cipher: str, worth: Grade, place: Path
) -> None:
    outcome = reporting(DELIVERED, protocol=protocol, cipher=cipher)
    now = graded("no-common-suite", place, "solution", client_1_0={"outcome": outcome})
    assert now.grade is worth


def test_which_files_are_changed(place: Path) -> None:
    _, folder, originals = damaged(place, "expired", "mt-config.cgi", "# nothing\n")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    (folder / "renewed.pem").unlink()
    assert checking.changed_files(folder, originals) == {"mt-config.cgi", "renewed.pem"}
    assert checking.changed_files(originals, originals) == frozenset()


def test_an_exercise_of_another_version_can_be_ended(lab: Command, tmp_path: Path) -> None:
    Score.load(tmp_path / "state/.lab").started("of-another-version", tmp_path / "mine").save()
    assert lab("check").status == 2
    done = lab("finish")
    assert (done.status, "of-another-version" in done.err) == (2, True)
    assert lab("start", "no-common-suite", "other").status == 0
