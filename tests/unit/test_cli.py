"""The command's words, exit statuses and streams. The engine and the laboratory are made up."""

from __future__ import annotations

import importlib
import inspect
import io
import json
import os
import re
import signal
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError
from rich.cells import cell_len

from lab import __version__
from lab.cases import Catalogue
from lab.certificates.description import describe
from lab.cli import main
from lab.cli.common import USAGE, console, say_to_people
from lab.cli.entry import COMMANDS
from lab.documents import documents
from lab.host import engine
from lab.host.checkout import source
from lab.images.errors import ImageError
from lab.model import Attempt
from lab.model.expectations import Expectation, Verdict, completed
from lab.record import AttemptResult, RecordError, RecordWriter, RunRecord, to_json
from lab.record.models import CertificateRecord
from lab.run import network, topology
from lab.run.checkout import Checkout
from lab.run.link import AgentError
from lab.run.network import Found, TopologyError
from lab.run.results import Conducted
from tests.unit.catalogue import catalogue
from tests.unit.certificates import MATERIAL
from tests.unit.made_up import (
    DELIVERED,
    EXPECT_EXPIRED,
    EXPIRED,
    attempt,
    attempt_record,
    run_record,
)


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


Lab = Callable[..., Done]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Lab]:
    """Runs the command in this process, with the exit status that the shell would see."""
    handlers = {
        number: signal.getsignal(number)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")

    def run(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["lab", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        seen = capsys.readouterr()
        status = ended.value.code
        return Done(status if isinstance(status, int) else 0, seen.out, seen.err)

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    """A checkout without any state."""
    monkeypatch.setenv("LAB_ROOT", str(tmp_path))
    return Checkout.here()


@pytest.fixture(autouse=True)
def cases_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    load, own, loaded = Catalogue.load, source() / "scenarios", catalogue()
    monkeypatch.setattr(Catalogue, "load", lambda folder: loaded if folder == own else load(folder))


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that asks an engine without having made one up fails."""

    def find() -> None:
        pytest.fail("the engine was asked")

    monkeypatch.setattr(engine, "find", find)


@pytest.fixture
def made_up_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find", lambda: SimpleNamespace(close=lambda: None))


# -- words -------------------------------------------------------------------------------------------


GROUPS = {
    "engine": ("start", "stop"),
    "exercise": ("list", "start", "check", "hint", "solution", "finish", "status"),
    "images": ("builds", "export", "import", "prune"),
}
EVERY_COMMAND = [
    *((name,) for name in COMMANDS),
    *((group, name) for group, names in GROUPS.items() for name in names),
]


def test_help_has_a_sentence_for_every_command(lab: Lab) -> None:
    done = lab("--help")
    assert done.status == 0
    words = " ".join(done.out.split())
    for name, (_, sentence) in COMMANDS.items():
        assert f" {name} {sentence}" in words, f"{name} is not in the help"


@pytest.mark.parametrize("words", EVERY_COMMAND, ids=" ".join)
def test_the_help_of_a_command_says_what_it_and_every_option_does(
    lab: Lab, words: tuple[str, ...]
) -> None:
    done = lab(*words, "-h")
    assert done.status == 0
    usage, sentence, *rest = done.out.split("\n\n")
    assert usage.startswith(f"Usage: lab {' '.join(words)} ")
    assert sentence.strip().endswith(".")
    if len(words) == 1 and words[0] not in GROUPS:
        assert " ".join(sentence.split()) == COMMANDS[words[0]][1]
    listed = [line for part in rest for line in part.splitlines() if line.startswith("  ")]
    for number, line in enumerate(listed):
        if re.match(r"  -", line):  # what it does stands behind the name or below it
            assert re.search(r"\S {2,}\S", line) or listed[number + 1].startswith(" " * 10), line
    for group, names in GROUPS.items():
        assert words != (group,) or all(f"\n  {name} " in done.out for name in names)


def test_no_option_is_described_that_no_command_has() -> None:
    table = tomllib.loads((resources.files("lab.cli") / "options.toml").read_text("utf-8"))
    taken: set[str] = set()
    for room, sections in table.items():
        module = importlib.import_module(f"lab.cli.{room}") if room != "every" else None
        for name in sections if module else ():
            parameters = inspect.signature(getattr(module, name)).parameters
            assert sections[name].keys() <= parameters.keys(), f"{room}.{name}"
            taken |= parameters.keys() - sections[name].keys()
    assert table["every"].keys() <= taken


def test_the_command_alone_is_answered_with_its_help(lab: Lab) -> None:
    done = lab()
    assert "Usage: lab" in done.out + done.err
    assert done.status == USAGE


def test_the_version(lab: Lab) -> None:
    assert lab("version") == Done(0, f"{__version__}\n", "")


def test_the_list_has_every_case_once_with_its_clients(lab: Lab) -> None:
    words, data = lab("list"), lab("list", "--json")
    assert (words.status, data.status) == (0, 0)
    cases = json.loads(data.out)
    assert len(cases) > 50
    assert all(set(c) == {"id", "document", "section", "story", "attempts"} for c in cases)
    functions = {tuple(re.split(r"[/\[]", c["id"])[:2]) for c in cases}
    for name, modules in Counter(name for _, name in functions).items():
        assert len(re.findall(rf"^  {name}$", words.out, re.M)) == modules, name
    assert lab("list", "--document", "movable-type").status == 0


def test_the_settings_are_listed_by_the_names_of_their_fields(lab: Lab) -> None:
    done = lab("attempt", "--fields")
    assert done.status == 0
    for field in ("certificate", "ciphers", "require_ssl_reuse", "verify", "timeout_s"):
        assert re.search(rf"^  {field} +\w", done.out, re.M), field


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize(
    ("words", "has", "lacks"),
    [
        (["--client", "lftp@debian13"], "ssl_force", "libnet"),
        (["--server", "nginx"], "certificate_by_name", "require_ssl_reuse"),
        (["--server", "proftpd"], "certificate_chain", "strict_ssl_read_eof"),
    ],
)
def test_the_settings_are_those_of_the_chosen_programs_at_80_columns(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, words: list[str], has: str, lacks: str, language: str
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    console.cache_clear()
    done = lab("attempt", "--fields", *words, "--lang", language)
    assert f"\n  {has} " in done.out
    assert f"\n  {lacks} " not in done.out
    assert max(cell_len(line) for line in done.out.splitlines()) <= 80
    assert ("の設定" in done.out) is (language == "ja")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "expird_certificate"], "did you mean expired_certificate"),
        (["run", "zzz"], "`lab list` shows what there is"),
        (["run", "--document", "nothing"], f"there are: {', '.join(sorted(documents()))}"),
        (["list", "--document", "nothing"], f"there are: {', '.join(sorted(documents()))}"),
        (["attempt", "-s", "certificate=expird"], "did you mean expired"),
        (["attempt", "-s", "cipher=HIGH"], "did you mean ciphers"),
        (["attempt", "-s", "ciphers"], "write ciphers=VALUE"),
        (["attempt", "-s", "ciphers=A", "-s", "ciphers=B"], "write it once"),
        (["attempt", "-s", "protocols=TLSv1.4"], "unknown protocol version"),
        (["attempt", "-c", "verfy=no"], "did you mean verify"),
        (["attempt", "-c", "timeout_s=0"], "above zero"),
        (["attempt", "--server", "vsftp"], "did you mean vsftpd"),
        (["attempt", "--client", "netftp@rocky9"], "did you mean net-ftp"),
        (["attempt", "--client", "net-ftp"], "names no platform"),
        (["attempt", "--client", "net-ftp@rocky8"], "did you mean rocky9"),
        (["attempt", "--client", "net-ftp@rocky9:fips"], "did you mean FIPS"),
        (["attempt", "--client", "net-ftp@centos7:FIPS"], "without :FIPS"),
        (["attempt", "--expect", "refused:clint"], "did you mean client"),
        (["attempt", "--expect", "fail"], "completed or refused"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_words_are_answered_with_the_right_ones(
    lab: Lab, words: list[str], said: str
) -> None:
    done = lab(*words)
    assert done.status == 2
    assert done.err.startswith("lab: ")
    assert said in done.err
    assert done.out == ""


@pytest.mark.parametrize(
    "words",
    [["fly"], ["run", "--fast"], ["attempt", "--repeat", "0"], ["attempt", "--repeat", "x"]],
)
def test_an_unknown_verb_or_option_is_wrong_usage(lab: Lab, words: list[str]) -> None:
    done = lab(*words)
    assert done.status == 2
    assert words[-1] in done.err or words[0] in done.err


# -- what the lab cannot do --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        engine.EngineError("no-socket", endpoint="x"),
        ImageError("build", tried="x", happened="y"),
        TopologyError("Compose could not start"),
        AgentError("the agent does not start"),
        RecordError("the record cannot be written"),
        APIError("the engine is on fire"),
        OSError(28, "No space left on device", "/somewhere"),
        ConnectionError("the engine has gone"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_lab_cannot_do_is_one_message_and_exit_status_3(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(engine, "find", fail)
    for words in (["status"], ["up"], ["down"], ["images"], ["attempt"], ["run", "tls_is_off"]):
        done = lab(*words)
        assert done.status == 3, words
        assert f"lab: {error}" in done.err, words
        assert done.out == "", words


@pytest.mark.parametrize(
    ("recorded", "kept"), [(False, ""), (True, "; what was finished is in the record")]
)
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda n: n.name
)
def test_a_signal_ends_the_command_with_its_number(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, recorded: bool, kept: str
) -> None:
    # under nohup SIGHUP is ignored, and the command leaves it so
    signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)
    monkeypatch.setattr(RecordWriter, "has_written", recorded)
    cleaned: list[bool] = []

    def interrupted() -> None:
        try:
            os.kill(os.getpid(), number)
            signal.pause()
        finally:
            cleaned.append(True)

    monkeypatch.setattr(engine, "find", interrupted)
    done = lab("status")
    assert done.status == 128 + number
    assert done.err == f"lab: ended by {number.name}{kept}\n"
    assert cleaned == [True], "what was open was not closed"
    # nobody who presses Ctrl-C once more sees a traceback
    assert signal.getsignal(number) is signal.SIG_DFL


def test_a_background_job_goes_on_ignoring_ctrl_c(lab: Lab) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert lab("version").status == 0
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


# -- records -----------------------------------------------------------------------------------------


def judged(verdict: Verdict) -> RunRecord:
    """The made-up run with only the cases that have this verdict."""
    whole = run_record()
    cases = tuple(case for case in whole.cases if case.verdict is verdict)
    wanted = {identity for case in cases for identity in case.attempts}
    attempts = tuple(a for a in whole.attempts if a.id in wanted)
    return run_record(cases=cases, attempts=attempts)


def write(path: Path, record: RunRecord) -> Path:
    path.write_text(to_json(record))
    return path


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        (Verdict.AS_EXPECTED, 0),
        (Verdict.CANNOT, 0),
        (Verdict.SURPRISE, 1),
        (Verdict.LAB_ERROR, 3),
    ],
)
def test_a_report_has_the_exit_status_of_its_run(
    lab: Lab, tmp_path: Path, verdict: Verdict, status: int
) -> None:
    path = write(tmp_path / "record.json", judged(verdict))
    done = lab("report", str(path))
    assert done.status == status
    assert f"1 {verdict}" in done.out or f"4 {verdict}" in done.out
    data = lab("report", "--json", str(path))
    assert data.status == status
    assert RunRecord.model_validate_json(data.out) == judged(verdict)


def test_a_run_that_was_cut_short_does_not_pass_for_a_whole_one(lab: Lab, tmp_path: Path) -> None:
    record = judged(Verdict.AS_EXPECTED).model_copy(update={"complete": False})
    done = lab("report", str(write(tmp_path / "record.json", record)))
    assert done.status == 3
    assert "ended before it was done" in done.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"format": "tls-ftps-interop-lab/record",\n "attempts": [', "line 2, column"),
        ('{"openapi": "3.1.0"}', "no record of a lab"),
        ("hello\n", "broken JSON"),
        ("", "is empty"),
        (" \n", "is empty"),
        ('{"format": "tls-ftps-interop-lab/record", "format_version": 99}', "format version 99"),
        ('{"format": "tls-ftps-interop-lab/record", "format_version": 1}', "Field required"),
    ],
)
def test_a_file_that_is_no_record_is_wrong_usage(
    lab: Lab, tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "some.json"
    path.write_text(text)
    done = lab("report", str(path))
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert str(path) in done.err


@pytest.mark.parametrize("name", ["LAB_SERVERS", "LAB_IMAGES"])
def test_a_variable_without_a_meaning_is_wrong_usage(
    lab: Lab, here: Checkout, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("lab.host.engine.find", io.BytesIO)
    monkeypatch.setenv(name, "nonsense")
    # also where the topology is up already
    monkeypatch.setattr("lab.run.network.containers", lambda *_: {"dns": "1"})
    for words in (["images", "prune"], ["up"]):
        done = lab(*words)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(f"lab: {name}=nonsense: ")
        assert f"leave {name} unset" in done.err


def test_the_builds_of_another_release_are_not_recorded_as_the_usual_ones(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_SERVERS", "debian12")
    monkeypatch.setattr(
        "lab.host.engine.find", lambda: pytest.fail("nothing is to be asked or written")
    )
    done = lab("images", "builds", "--write")
    assert done.status == 2
    assert "leave LAB_SERVERS unset" in done.err


def test_a_record_that_is_not_there_is_wrong_usage(lab: Lab, tmp_path: Path) -> None:
    done = lab("report", str(tmp_path / "nowhere.json"))
    assert done.status == 2
    assert "cannot be read: No such file" in done.err


def test_a_run_goes_by_the_id_that_was_printed(lab: Lab, here: Checkout) -> None:
    folder = here.state / "runs" / "20310517-120000-ab12cd"
    folder.mkdir(parents=True)
    write(folder / "record.json", run_record())
    assert lab("report", folder.name).status == lab("report", str(folder)).status != 2
    assert lab("compare", folder.name, str(folder)).status == 0
    # the twin: no run has that id
    done = lab("report", "20310517-120000-ab12ce")
    assert (done.status, done.out) == (2, "")


@pytest.mark.parametrize(("word", "meant"), [("explian", "explain"), ("atempt", "attempt")])
def test_a_command_that_is_misspelt_is_named(lab: Lab, word: str, meant: str) -> None:
    done = lab(word)
    assert done.status == 2
    assert f"No such command '{word}'. Did you mean '{meant}'?" in done.err
    assert "Did you mean" not in lab("zzzzzz").err


def test_before_the_first_run_there_is_nothing_to_report(lab: Lab, here: Checkout) -> None:
    done = lab("report")
    assert done.status == 2
    assert done.err == "lab: there is no record yet: `lab run` makes one\n"


SINGLE = attempt_record("attempt-1", attempt(), EXPIRED, None)
ONE_ATTEMPT = run_record(attempts=(SINGLE,), cases=())
CUT_SHORT = run_record(complete=False)
CHOSEN = run_record(chosen=("expired",))
OTHER_CASES = run_record(
    cases=tuple(c.model_copy(update={"name": f"other_{c.name}"}) for c in run_record().cases)
)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (ONE_ATTEMPT, run_record(), "the old record is of single attempts"),
        (run_record(), ONE_ATTEMPT, "the new record is of single attempts"),
        (
            run_record(),
            CUT_SHORT,
            "the new record (20310517-120000-ab12cd) is of a run that was ended",
        ),
        (run_record(), OTHER_CASES, "the two runs have no case in common"),
        (run_record(), CHOSEN, "the new record is of chosen cases (`lab run expired`)"),
    ],
)
def test_what_is_not_comparable_is_not_compared(
    lab: Lab, tmp_path: Path, old: RunRecord, new: RunRecord, said: str
) -> None:
    paths = [str(write(tmp_path / f"{n}.json", record)) for n, record in enumerate((old, new))]
    done = lab("compare", *paths)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"lab: {said}")


@pytest.mark.parametrize(
    ("record", "said"), [(ONE_ATTEMPT, "single attempts"), (CUT_SHORT, "ended before it was done")]
)
def test_a_baseline_is_of_a_whole_run(
    lab: Lab, tmp_path: Path, record: RunRecord, said: str
) -> None:
    target = tmp_path / "baseline.json"
    done = lab("baseline", str(target), str(write(tmp_path / "record.json", record)))
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert "`lab run`" in done.err
    assert not target.exists()


def test_a_bad_file_to_compare_with_is_named_without_advice_on_other_commands(
    lab: Lab, tmp_path: Path
) -> None:
    good = write(tmp_path / "good.json", run_record())
    done = lab("compare", str(good), str(tmp_path / "nowhere.json"))
    assert done.status == 2
    assert "nowhere.json: the file cannot be read: No such file" in done.err
    assert "lab report" not in done.err


# -- runs and attempts -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "status"),
    [(Verdict.AS_EXPECTED, 0), (Verdict.CANNOT, 0), (Verdict.SURPRISE, 1), (Verdict.LAB_ERROR, 3)],
)
def test_a_run_has_the_exit_status_of_its_verdict(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verdict: Verdict, status: int
) -> None:
    record = judged(verdict)
    asked: list[Any] = []

    def conduct(cases: Sequence[Any], **_: object) -> Conducted:
        asked.extend(cases)
        return Conducted(record, tmp_path / "record.json")

    monkeypatch.setattr("lab.run.recording.conduct", conduct)
    done = lab("run", "tls_is_off")
    assert done.status == status
    assert f"record.json, report.html: {tmp_path}\n" in done.out
    assert {case.name for case in asked} == {"tls_is_off"}
    assert RunRecord.model_validate_json(lab("run", "--json").out) == record


Repeated = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def repeated(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Repeated:
    """Makes up what comes of attempts: outcomes in, what was asked for out."""

    def outcomes(*seen: Any, **changes: Any) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = []

        def repeat(
            wanted: Attempt, times: int, expect: Expectation | None = None, **_: object
        ) -> Conducted:
            calls.append({"attempt": wanted, "times": times, "expect": expect})
            made: list[AttemptResult] = [
                attempt_record(f"attempt-{n}", wanted, outcome, expect, **changes)
                for n, outcome in enumerate(seen, start=1)
            ]
            record = run_record(attempts=tuple(made), cases=())
            return Conducted(record, tmp_path / "record.json")

        monkeypatch.setattr("lab.run.recording.repeat", repeat)
        return calls

    return outcomes


@pytest.mark.parametrize(
    ("outcome", "expect", "status"),
    [
        (DELIVERED, [], 0),
        (EXPIRED, [], 1),
        (EXPIRED, ["--expect", "refused:client:verify:expired"], 0),
        (EXPIRED, ["--expect", "refused"], 0),
        (EXPIRED, ["--expect", "refused:server"], 1),
        (EXPIRED, ["--expect", "completed"], 1),
        (DELIVERED, ["--expect", "completed:verified=yes"], 0),
        (DELIVERED, ["--expect", "completed:protocol=TLSv1.3"], 1),
        (DELIVERED, ["--expect", "refused"], 1),
    ],
)
def test_an_attempt_has_the_exit_status_of_its_outcome_or_expectation(
    lab: Lab, repeated: Repeated, outcome: Any, expect: list[str], status: int
) -> None:
    calls = repeated(outcome)
    assert lab("attempt", *expect).status == status
    assert calls[0]["times"] == 1
    assert calls[0]["expect"] == (Expectation.parse(expect[1]) if expect else None)


@pytest.mark.parametrize("verdict", [Verdict.LAB_ERROR, Verdict.CANNOT])
def test_an_attempt_without_an_outcome_is_no_answer(
    lab: Lab, repeated: Repeated, verdict: Verdict
) -> None:
    repeated(None, verdict=verdict, verdict_why="the container was killed")
    done = lab("attempt", "--expect", "refused")
    assert done.status == 3
    assert "the container was killed" in done.out


def test_the_settings_on_the_command_line_are_what_is_tried(lab: Lab, repeated: Repeated) -> None:
    calls = repeated(DELIVERED)
    lab(
        *("attempt", "--server", "pyftpdlib", "-s", "ciphers=HIGH", "-s", "certificate=expired"),
        *("--client", "curl@rocky9:FIPS", "-c", "verify=none", "-c", "payload=1MB"),
    )
    wanted = calls[0]["attempt"]
    assert (wanted.server.software, wanted.server.ciphers) == ("pyftpdlib", "HIGH")
    assert wanted.server.certificate == "expired"
    assert str(wanted.client) == "curl@rocky9:FIPS"
    assert (wanted.client.verify, wanted.client.payload) == (False, 1_000_000)


def test_repeated_attempts_have_a_rate_and_the_status_of_the_worst(
    lab: Lab, repeated: Repeated
) -> None:
    calls = repeated(DELIVERED, EXPIRED, DELIVERED)
    done = lab("attempt", "--repeat", "3")
    assert done.status == 1
    assert "2 of 3 completed (67%)" in done.out
    assert calls[0]["times"] == 3
    data = json.loads(lab("attempt", "--repeat", "3", "--json").out)
    assert (data["made"], data["completed"], len(data["attempts"])) == (3, 2, 3)


def test_one_attempt_as_json_is_its_record(lab: Lab, repeated: Repeated) -> None:
    repeated(EXPIRED)
    done = lab("attempt", "--json", "--expect", "refused:client:verify:expired")
    seen = AttemptResult.model_validate_json(done.out)
    assert (seen.outcome, seen.expectation) == (EXPIRED, EXPECT_EXPIRED)
    assert seen.verdict is Verdict.AS_EXPECTED
    assert completed() != seen.expectation


@pytest.mark.parametrize("times", [1, 2])
def test_an_attempt_as_json_has_the_certificates_that_the_server_was_given(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, times: int
) -> None:
    name = "ftp.lab.test/expired"
    chain = describe(MATERIAL.server("expired", "ftp.lab.test").chain_pem)
    given = {name: tuple(CertificateRecord(**vars(c)) for c in chain.certificates)}

    def repeat(wanted: Attempt, times: int, *_: object, **__: object) -> Conducted:
        made = [attempt_record(str(n), wanted, EXPIRED, None, chain=name) for n in range(times)]
        record = run_record(attempts=tuple(made), cases=(), certificates=given)
        return Conducted(record, tmp_path / "record.json")

    monkeypatch.setattr("lab.run.recording.repeat", repeat)
    data = json.loads(lab("attempt", "--json", "--repeat", str(times)).out)
    found = data["certificates"] if times == 1 else data["certificates"][name]
    assert [c["sha256"] for c in found] == [c.sha256 for c in given[name]]
    assert found[0]["key_bits"] == 2048


# -- topologies --------------------------------------------------------------------------------------


def found(project: str, **changes: Any) -> Found:
    given: dict[str, Any] = {
        "project": project,
        "checkout": "0123456789ab",
        "path": "/home/somebody/lab",
        "kept": False,
        "running": 8,
        "containers": 9,
        "alive": True,
    }
    return Found(**(given | changes))


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ([], {"every": False, "force": False}),
        (["--all"], {"every": True, "force": False}),
        (["--force"], {"every": False, "force": True}),
        (["--all", "--force"], {"every": True, "force": True}),
    ],
)
def test_down_does_exactly_what_it_is_told(
    lab: Lab,
    made_up_engine: None,
    here: Checkout,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    options: dict[str, bool],
) -> None:
    calls: list[dict[str, bool]] = []

    def down(_: object, checkout: Checkout, **given: bool) -> tuple[list[Found], list[Found]]:
        assert checkout == here
        calls.append(given)
        return [found("tls-lab-dead")], [found("tls-lab-living")]

    monkeypatch.setattr(topology, "down", down)
    done = lab("down", *words)
    assert (done.status, calls) == (0, [options])
    assert "removed tls-lab-dead (9 objects)" in done.out
    assert "left tls-lab-living: in use by /home/somebody/lab (--force takes it)" in done.out


def test_down_with_nothing_to_do_says_so(
    lab: Lab, made_up_engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "down", lambda *_, **__: ([], []))
    assert lab("down") == Done(0, "nothing to remove\n", "")


def test_the_status_of_topologies(
    lab: Lab, made_up_engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "find", lambda _: [found("tls-lab-a", kept=True)])
    words = lab("status")
    assert words.status == 0
    assert re.search(r"tls-lab-a +8 +yes +yes +/home/somebody/lab", words.out)
    (data,) = json.loads(lab("status", "--json").out)
    assert (data["project"], data["running"], data["kept"]) == ("tls-lab-a", 8, True)
    monkeypatch.setattr(network, "find", lambda _: [])
    assert "`lab up` starts one" in lab("status").out
    assert json.loads(lab("status", "--json").out) == []


def test_what_is_up_is_not_started_again(
    lab: Lab, made_up_engine: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "containers", lambda *_: {"dns": "0123"})
    monkeypatch.setattr(
        "lab.run.laboratory.start", lambda *_, **__: pytest.fail("it was started again")
    )
    done = lab("up")
    assert done.status == 0
    assert "is up already" in done.out


# -- lab serve -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no name is given"),
        (("expird",), "did you mean expired"),
        (("expired", "--address", "nowhere"), "it is no IPv4 address"),
        (("expired", "--address", "0.0.0.0"), "it is not one address"),
        (("expired", "--address", "192.0.2.1"), "Cannot assign requested address"),
        (("expired", "--port", "80"), "between 1024 and 65535"),
        (("expired", "--port", "65500"), "between 1024 and 65535"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_served_is_wrong_usage(lab: Lab, words: tuple[str, ...], said: str) -> None:
    done = lab("serve", *words)
    assert done.status == USAGE
    assert said in done.err
    assert "What to do" in done.err
    assert done.out == ""


def test_what_can_be_served_is_listed(lab: Lab) -> None:
    done = lab("serve", "--list")
    assert done.status == 0
    for name in ("expired", "tls1.0", "rc4", "session-reuse", "close-after-request"):
        assert re.search(rf"^{re.escape(name)} +(yes|-) ", done.out, re.MULTILINE), name


@pytest.mark.parametrize("text", ["one two " * 40, "the rest is 日本語 " + "警告の文が続く。" * 30])
def test_what_is_said_of_files_is_as_wide_as_the_terminal(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    say_to_people(f"my.conf:3: {text}")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 3
    assert all(cell_len(line) <= 80 for line in lines)
    # the twin: who is no terminal gets the line as it is
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    say_to_people(f"my.conf:3: {text}")
    assert capsys.readouterr().err == f"my.conf:3: {text}\n"
