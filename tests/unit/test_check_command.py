"""What `lab check` does around a check: what it reads before, what it leaves, and its exit status."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lab.check.baseline import CheckBaseline
from lab.check.result import CheckResult
from lab.cli.commands import app
from lab.own.findings import InputError
from lab.remedies.words import InBothLanguages
from tests.unit.checks import RESULT, refused

#: Three are broken, and nothing is open.
BROKEN = dataclasses.replace(RESULT, rows=RESULT.rows[:4])
FILES = ("--junit", "--code-quality", "--sarif", "--summary")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "vsftpd.conf").write_text("listen=YES\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    monkeypatch.setattr("lab.run.certificates.begin", lambda *_: None)
    return tmp_path


def check(monkeypatch: pytest.MonkeyPatch, result: CheckResult, *words: str) -> Any:
    """The command, with a check that has come to this."""
    monkeypatch.setattr("lab.check.checking.check", lambda *_, **__: result)
    done = CliRunner().invoke(app, ["check", "--vsftpd-conf", "vsftpd.conf", *words])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def test_every_form_is_left_where_it_was_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [word for option in FILES for word in (option, option[2:])]
    done = check(monkeypatch, BROKEN, *words, "--lang", "ja")

    assert done.exit_code == 1
    assert {p.name for p in folder.iterdir()} == {"vsftpd.conf", *(o[2:] for o in FILES)}
    assert "違反" in (folder / "summary").read_text("utf-8")


@pytest.mark.parametrize(
    ("variable", "words", "annotated"),
    [
        ("", (), False),
        ("true", (), True),
        ("", ("--annotations",), True),
        ("true", ("--no-annotations",), False),
    ],
)
def test_annotations_are_on_where_github_runs_it_or_where_they_are_asked_for(
    variable: str,
    words: tuple[str, ...],
    annotated: bool,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", variable)
    done = check(monkeypatch, BROKEN, *words)

    assert ("\n::error file=etc/vsftpd.conf,line=8" in done.stdout) is annotated


def test_what_a_server_said_is_no_command_to_github(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    said = InBothLanguages("::add-mask::y", "::add-mask::y")
    evil = refused("net-ftp@rocky9:FIPS", cause=said, advice=None)
    lines = check(monkeypatch, dataclasses.replace(BROKEN, rows=(evil,))).stdout.splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("::stop-commands::"))
    last = lines.index(f"::{lines[first].rpartition('::')[2]}::")

    assert any("::add-mask::" in line for line in lines[first:last])
    outside = [line for line in [*lines[:first], *lines[last + 1 :]] if "::" in line]
    assert all(line.startswith(("::error file=", "::warning file=")) for line in outside)


def test_annotations_do_not_stand_in_json(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = check(monkeypatch, BROKEN, "--json", "--annotations")

    assert json.loads(done.stdout)["status"] == 1
    assert "::error file=" in done.stderr


def test_what_a_baseline_has_as_broken_is_not_red(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = check(monkeypatch, BROKEN, "--write-baseline", "base.json")
    assert (first.exit_code, "written: base.json" in first.stderr) == (0, True)
    (folder / "lab-check.toml").write_text('baseline = "base.json"\n')

    assert check(monkeypatch, BROKEN).exit_code == 0
    only_two = dataclasses.replace(BROKEN, rows=BROKEN.rows[:3])
    (folder / "base.json").write_text(CheckBaseline.of(only_two).text(), "utf-8")
    worse = check(monkeypatch, BROKEN)
    assert worse.exit_code == 1
    assert "worse: over/TLSv1/openssl@debian13: not in the baseline, now completed" in worse.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--junit", "none/junit.xml"),
        ("--summary", "."),
        ("--junit", "x", "--sarif", "x"),
        ("--baseline", "none.json"),
        ("--baseline", "vsftpd.conf"),
        ("--write-baseline", "none/base.json"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_read_or_written_ends_it_before_anything_is_run(
    words: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(*_: object, **__: object) -> CheckResult:
        raise AssertionError("it was run")

    monkeypatch.setattr("lab.check.checking.check", made)
    with pytest.raises(InputError) as caught:
        check(monkeypatch, BROKEN, *words)

    assert len(str(caught.value).splitlines()) == 2
    assert [p.name for p in folder.iterdir()] == ["vsftpd.conf"]


@pytest.mark.parametrize("option", [*FILES, "--write-baseline", "--write"])
@pytest.mark.parametrize("name", ["vsftpd.conf", "link", "lab-check.toml", "key.pem"])
def test_no_input_is_written_over(
    option: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "key.pem").write_text("a key\n")
    (folder / "link").symlink_to("vsftpd.conf")
    (folder / "lab-check.toml").write_text('[files]\nkey = "key.pem"\n')
    before = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    with pytest.raises(InputError, match=f"{option} would write over what"):
        check(monkeypatch, BROKEN, option, name)

    assert {path.name: path.read_text("utf-8") for path in folder.iterdir()} == before


@pytest.mark.parametrize("option", FILES)
def test_a_baseline_is_written_over_by_the_next_one_only(
    option: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(monkeypatch, BROKEN, "--write-baseline", "base.json")
    assert check(monkeypatch, BROKEN, "--baseline", "base.json").exit_code == 0
    again = ("--baseline", "base.json", "--write-baseline", "base.json")
    assert check(monkeypatch, BROKEN, *again).exit_code == 0
    with pytest.raises(InputError, match=f"{option} would write over what --baseline reads"):
        check(monkeypatch, BROKEN, "--baseline", "base.json", option, "base.json")


@pytest.mark.parametrize(
    ("conf", "toml", "place"),
    [
        ("bogus line\n", "", "vsftpd.conf:1"),
        ("", "[refuse\n", "lab-check.toml:1"),
        ("", '[clients]\nsettings = [\n  "tls=on",\n  "nope=on"]\n', "lab-check.toml:4"),
        ("", "[files]\nvsftpd-conf = 3\n", "lab-check.toml:2"),
        ("", 'baseline = "none.json"\n', "none.json"),
    ],
)
def test_an_input_that_ends_it_is_in_the_place_of_an_earlier_result(
    conf: str, toml: str, place: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(monkeypatch, BROKEN, "--junit", "junit.xml")
    (folder / "vsftpd.conf").write_text(conf)
    (folder / "lab-check.toml").write_text(toml)
    with pytest.raises(InputError) as caught:
        check(monkeypatch, BROKEN, "--junit", "junit.xml")

    assert str(caught.value).startswith(f"{place}: ")
    assert len(str(caught.value).splitlines()) == 2
    left = (folder / "junit.xml").read_text("utf-8")
    assert 'errors="1"' in left
    assert 'type="input"' in left


def test_a_lab_check_toml_that_is_no_file_is_not_passed_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "lab-check.toml").mkdir()
    with pytest.raises(InputError, match=r"^lab-check\.toml: this is a directory"):
        check(monkeypatch, BROKEN)
