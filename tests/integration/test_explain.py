"""`lab explain` as a command: where a text comes from, what it prints, and its exit status."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.host.checkout import root


def lab(*words: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "lab", "explain", *words],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        cwd=root(),
        check=False,
    )


def test_an_answer_needs_no_module_that_is_slow_to_import() -> None:
    code = (
        "import sys\nfrom lab.cli.entry import main\n"
        "sys.argv[1:] = ['explain', 'certificate has expired']\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "slow = {'pydantic', 'docker', 'tomllib', 'jinja2', 'rich.text', 'typer'} & set(sys.modules)\n"
        "assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_message_can_be_an_argument_standard_input_or_a_file(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("noise\ncurl: (60) SSL certificate problem: certificate has expired\n")
    for done in (
        lab(log.read_text()),
        lab(given=log.read_bytes()),
        lab("-", given=log.read_bytes()),
        lab("--file", str(log)),
    ):
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(b"expired: ")
        assert b"lab demo no_public_certificate/expired_certificate" in done.stdout


def test_in_japanese_and_as_json() -> None:
    assert "有効期限" in lab("certificate has expired", "--lang", "ja").stdout.decode()
    done = lab("certificate has expired", "--json")
    assert json.loads(done.stdout)["candidates"][0]["reason"] == "expired"


def test_a_text_may_begin_with_a_dash_behind_two() -> None:
    for words in (("--", "-x: certificate has expired"), ("- x: certificate has expired",)):
        done = lab(*words)
        assert done.stdout.startswith(b"expired: "), done.stderr


def test_an_option_may_stand_between_the_words_of_a_text() -> None:
    done = lab("a line", "--json", "certificate has expired")
    assert json.loads(done.stdout)["candidates"][0]["reason"] == "expired"
    assert lab("--", "certificate has expired", "--json").stdout.startswith(b"expired: ")


def test_the_words_behind_two_dashes_of_the_command_are_its_own() -> None:
    command = [sys.executable, "-m", "lab", "--", "explain", "certificate has expired"]
    done = subprocess.run(command, capture_output=True, cwd=root(), check=False)
    assert (done.returncode, done.stdout) == (0, lab("certificate has expired").stdout)


def test_a_text_that_is_not_known_says_so_and_ends_with_1() -> None:
    done = lab("Your password has expired")
    assert done.returncode == 1
    assert done.stdout.startswith(b"Nothing that the lab knows. This is not an answer")
    assert lab("Your password has expired", "--json").returncode == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "no text was given"),
        (("",), "no text was given"),
        ((" \n",), "no text was given"),
        (
            ("--file", "/nonexistent/a.log"),
            "No such file or directory; give a file that can be read",
        ),
        (("--file", "/"), "Is a directory; give a file that can be read"),
        (("--lang", "fr", "x"), "fr"),
        (("--no-such-option", "x"), "a text that begins with `-` is written in quotes behind `--`"),
        (("--lang", "ja", "--no-such-option"), "`-` で始まる文は"),
        (("--lang=ja",), "文がありません"),
    ],
)
def test_what_is_no_input_is_wrong_usage(words: tuple[str, ...], complaint: str) -> None:
    done = lab(*words)
    assert done.returncode == 2
    assert complaint in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert not done.stdout


def test_a_pipe_without_a_writer_is_no_input(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    done = lab("--file", str(tmp_path / "log"))
    assert done.returncode == 2


def test_bytes_of_an_argument_that_are_no_text_are_read_over() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lab", "explain", b"\xff\xfecertificate has expired\x1b[31m\xff"],
        capture_output=True,
        cwd=root(),
        check=False,
    )
    assert b"Traceback" not in done.stderr
    assert b"\x1b" not in done.stdout + done.stderr
