"""No message and no label stays English where Japanese is asked for, but words of programs and options."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import lab
from lab.cli import main
from lab.cli.common import USAGE
from lab.cli.japanese import in_japanese
from lab.report import view
from lab.words import InBothLanguages, read_words

LAB = Path(lab.__file__).parent
JAPANESE = re.compile(r"[\u3041-\u30ff\u4e00-\u9fff]")
#: Tables of errors of which a command that has `--lang` ends with status 2.
TABLES = (
    *(LAB / "own").glob("*.toml"),
    *(LAB / "servers").glob("*/own/*.toml"),
    LAB / "check" / "errors.toml",
    LAB / "exercises" / "errors.toml",
    LAB / "serve" / "errors.toml",
)


def errors(table: Path) -> dict[str, dict[str, object]]:
    texts = tomllib.loads(table.read_text(encoding="utf-8"))
    found = texts.get("errors", {}) if table.name != "errors.toml" else texts
    return {name: error for name, error in found.items() if name != "ways"}


@pytest.mark.parametrize("table", TABLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_error_of_a_table_is_there_in_japanese(table: Path) -> None:
    for name, error in errors(table).items():
        japanese = error["ja"]
        assert isinstance(japanese, dict), name
        assert japanese.keys() == error.keys() - {"ja"}, name
        for part, text in japanese.items():
            words = " ".join(text) if isinstance(text, list) else text
            # what consists of what is filled in has no words of its own
            assert JAPANESE.search(words) or not re.sub(r"\{.*?\}|\W", "", words), (name, part)


@pytest.mark.parametrize("words", read_words(LAB / "cli" / "wordings.toml")["wording"].values())
def test_every_wording_is_recognized(words: InBothLanguages) -> None:
    # what is filled in is put into Japanese, too, as the end of a sentence about an unknown word is
    english, japanese = (
        text.replace("{hint}", stop) for text, stop in ((words.en, "."), (words.ja, "。"))
    )
    assert in_japanese(re.sub(r"\{\w+\}", "'x'", english)) == re.sub(r"\{\w+\}", "'x'", japanese)


@pytest.mark.parametrize(
    "words",
    [
        ["attempt", "-s", "certificate=expird"],
        ["attempt", "-s", "certificate=zzzzzz"],
        ["attempt", "-s", "cipher=HIGH"],
        ["attempt", "-s", "ciphers"],
        ["attempt", "-s", "ciphers=A", "-s", "ciphers=B"],
        ["attempt", "-s", "protocols=TLSv1.4"],
        ["attempt", "-s", "software=nginx"],
        ["attempt", "-s", "tls=perhaps"],
        ["attempt", "-s", "ssl_force=yes"],
        ["attempt", "-c", "timeout_s=0"],
        ["attempt", "-c", "payload=many"],
        ["attempt", "-c", "environment=x"],
        ["attempt", "--server", "vsftp"],
        ["attempt", "--client", "netftp@rocky9"],
        ["attempt", "--client", "net-ftp"],
        ["attempt", "--client", "net-ftp@rocky8"],
        ["attempt", "--client", "net-ftp@rocky9:FISP"],
        ["attempt", "--client", "net-ftp@centos7:FIPS"],
        ["attempt", "--server", "nginx", "--client", "net-ftp@rocky9"],
        ["attempt", "--expect", "perhaps"],
        ["attempt", "--expect", "refused:client:verify:expird"],
        ["attempt", "--expect", "refused:client:verify:expired:more"],
        ["attempt", "--expect", "completed:verified"],
        ["attempt", "--expect", "completed:verified=perhaps"],
        ["attempt", "--vsftpd-conf", "/nonexistent/vsftpd.conf"],
        ["attempt", "--vsftpd-conf", "/dev/null", "--vsftpd-build", "el8"],
        ["attempt", "--key", "/dev/null"],
        ["attempt", "--no-such-option"],
        ["attempt", "--repeat", "0"],
        ["attempt", "--repeat", "x"],
        ["attempt", "--repeat"],
        ["attempt", "extra"],
        ["attempt", "extra", "more"],
        ["attempt", "--client", "net-fpt@rocky9"],
        ["attempt", "-c", "verfy=no"],
        ["report", "one", "two"],
        ["report", "/nonexistent/record.json"],
        ["atempt"],
        ["check"],
        ["check", "--vsftpd-conf", "/nonexistent/vsftpd.conf"],
        ["check", "--no-such-option"],
        ["claims", "--document", "nothing"],
        ["claims", "/nonexistent/record.json"],
        ["demo", "zzz"],
        ["demo", "certificate"],
        ["quiz", "-n", "0"],
        ["shell"],
        ["shell", "rocky8"],
        ["shell", "centos7:FIPS"],
        ["exercise", "start", "99"],
        ["exercise", "no-such-command"],
    ],
    ids=" ".join,
)
def test_what_is_wrong_with_a_command_is_said_in_japanese(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    language = ["--lang", "ja"]
    given = (
        [words[0], *words[1:2], *language, *words[2:]]
        if words[0] == "exercise"
        else [*words, *language]
    )
    if words[-1] == "--repeat":
        given = ["attempt", *language, "--repeat"]
    monkeypatch.setattr("sys.argv", ["lab", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr().err
    assert ended.value.code == USAGE, said
    for line in filter(str.strip, said.splitlines()):
        assert JAPANESE.search(line) or not re.search(r"[a-z]{2,} [a-z]{2,} [a-z]{2,}", line), said
        # nor is a part of the sentence left as it was
        assert not re.search(r"\b(?:the|or|and|is|are|of|cannot|unexpected|such) ", line), said


@pytest.mark.parametrize("name", sorted(view.LABELS))
def test_every_label_of_an_attempt_is_there_in_japanese(name: str) -> None:
    assert JAPANESE.search(view.said("label", name, "ja", number=2))
