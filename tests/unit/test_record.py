"""The record: what is written is there at once, and what is read back is what was written."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from lab.expectations import Verdict, completed, judge, refused
from lab.model import (
    ClientReport,
    ClientSettings,
    Goal,
    Outcome,
    ProtocolRange,
    Reason,
    Result,
    Role,
    ServerReport,
    ServerSettings,
    Side,
    Stage,
    Texts,
)
from lab.record import (
    SCHEMA_PATH,
    AttemptRecord,
    CaseRecord,
    ImageRecord,
    ImageUse,
    RecordError,
    RecordWriter,
    RunHeader,
    RunRecord,
    gravest,
    load,
    readable,
    schema_text,
    to_json,
)

REPOSITORY = Path(__file__).parents[2]
START = datetime(2031, 5, 17, 12, 0, tzinfo=UTC)

REFUSAL = Outcome(
    result=Result.REFUSED,
    goal=Goal.TRANSFER,
    by=Side.SERVER,
    stage=Stage.HANDSHAKE,
    reason=Reason.NO_SHARED_CIPHER,
    texts=Texts(client="alert 40", message="FTP failed", server="no shared cipher"),
    elapsed_ms=12.5,
)
EXPECTED = refused(by=Side.SERVER, at=Stage.HANDSHAKE, because=Reason.NO_SHARED_CIPHER)


def attempt(name: str = "one", **changes: Any) -> AttemptRecord:
    given: dict[str, Any] = {
        "id": name,
        "case": "ciphers/none_shared[net-ftp@rocky9:FIPS]",
        "role": Role.BREAKS,
        "server": ServerSettings(ciphers="AES128-SHA", protocols=ProtocolRange(None, "TLSv1.2")),
        "client": ClientSettings(policy="FIPS"),
        "expectation": EXPECTED,
        "outcome": REFUSAL,
        "verdict": judge(EXPECTED, REFUSAL).verdict,
        "verdict_why": judge(EXPECTED, REFUSAL).why,
        "client_report": ClientReport(failed=True, step="starttls", warnings=("w",)),
        "server_report": ServerReport(started=True, log="no shared cipher"),
        "configuration": "ssl_ciphers=AES128-SHA\n",
        "request": {"op": "attempt", "port": 2121, "trust": ("a", "b")},
        "started": START,
        "elapsed_ms": 20.0,
        "images": (ImageUse(name="rocky9", stand_in=True), ImageUse(name="vsftpd", stand_in=False)),
    }
    return AttemptRecord(**(given | changes))


CASE = CaseRecord(
    id="ciphers/none_shared[net-ftp@rocky9:FIPS]",
    name="ciphers/none_shared",
    document="movable-type",
    attempts=("one", "two"),
    verdict=Verdict.AS_EXPECTED,
)


def header(run_id: str = "run-1") -> RunHeader:
    return RunHeader(
        run_id=run_id,
        lab_version="0.1.0",
        started=START,
        machine={"cores": 2},
        images=(ImageRecord(name="rocky9", source="packages", stand_in=True, policies=["FIPS"]),),
    )


# -- a whole run ----------------------------------------------------------------------------------


def test_a_run_that_ends_reads_back_as_it_was_written(tmp_path: Path) -> None:
    with RecordWriter.create(tmp_path, header()) as writer:
        writer.attempt(attempt("one"))
        writer.attempt(attempt("two", role=Role.TWIN))
        writer.case(CASE)
        written = writer.finish(START + timedelta(seconds=9))

    read = load(tmp_path / "run-1")
    assert read == written == load(writer.path) == load(tmp_path / "latest")
    assert read.complete
    assert read.attempts[0] == attempt("one")
    assert read.attempts_of(read.cases[0]) == read.attempts
    assert read.counts == {
        Verdict.AS_EXPECTED: 2,
        Verdict.SURPRISE: 0,
        Verdict.CANNOT: 0,
        Verdict.LAB_ERROR: 0,
    }


def test_in_json_settings_are_in_their_written_form_and_the_command_repeats_them() -> None:
    data = json.loads(to_json(attempt()))
    assert data["server"]["protocols"] == "..TLSv1.2"
    assert data["client"]["policy"] == "FIPS"
    assert data["client"]["protocols"] is None
    assert data["outcome"]["reason"] == "no-shared-cipher"
    assert data["outcome"]["texts"]["server"] == "no shared cipher"
    assert data["request"] == {"op": "attempt", "port": 2121, "trust": ["a", "b"]}
    assert data["command"].startswith("lab attempt --server vsftpd -s ciphers=AES128-SHA -s proto")


def test_further_facts_of_an_image_are_kept() -> None:
    image = RunHeader.model_validate_json(to_json(header())).images[0]
    assert image.stand_in
    assert image.facts == {"policies": ["FIPS"]}


def test_what_becomes_known_of_a_run_is_added(tmp_path: Path) -> None:
    with RecordWriter.create(tmp_path, header()) as writer:
        writer.describe(topology={"network": "10.9.0.0/24"})
        writer.attempt(attempt())
        assert load(tmp_path / "run-1").topology == {"network": "10.9.0.0/24"}
        assert writer.finish(START).topology == {"network": "10.9.0.0/24"}


def test_the_newest_run_is_the_latest(tmp_path: Path) -> None:
    for run_id in ("run-1", "run-2"):
        with RecordWriter.create(tmp_path, header(run_id)) as writer:
            writer.finish(START)
    assert load(tmp_path / "latest").run_id == "run-2"
    assert (tmp_path / "latest").readlink() == Path("run-2")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["latest", "run-1", "run-2"]


def test_a_run_id_is_used_once_and_an_attempt_id_too(tmp_path: Path) -> None:
    with RecordWriter.create(tmp_path, header()) as writer:
        writer.attempt(attempt())
        with pytest.raises(RecordError, match="two attempts of the run have the id 'one'"):
            writer.attempt(attempt())
        with pytest.raises(RecordError, match="already holds the record of a run"):
            RecordWriter.create(tmp_path, header())
    assert len(load(tmp_path / "run-1").attempts) == 1


@pytest.mark.parametrize("run_id", ["", "../run", ".hidden", "a/b", "x" * 200])
def test_a_run_id_is_a_file_name(run_id: str) -> None:
    with pytest.raises(ValidationError):
        header(run_id)


def test_a_record_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(RecordError, match=r"runs/run-1 cannot be written: Not a directory"):
        RecordWriter.create(tmp_path / "runs", header())


def test_a_full_disk_is_said_at_the_attempt_and_at_every_later_one(tmp_path: Path) -> None:
    with RecordWriter.create(tmp_path, header()) as writer:
        writer.attempt(attempt("before"))
        writer._journal.close()
        writer._journal = FileIO("/dev/full", "w")
        for name in ("first", "second"):
            with pytest.raises(RecordError, match=r"attempts\.jsonl .*No space left on device"):
                writer.attempt(attempt(name))
    assert [a.id for a in load(tmp_path / "run-1").attempts] == ["before"]


# -- a run that is killed -------------------------------------------------------------------------


def test_a_killed_run_leaves_every_attempt_that_it_wrote(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        sys.path[:0] = sys.argv[2:]
        from test_record import attempt, header
        from lab.record import RecordWriter
        writer = RecordWriter.create(Path(sys.argv[1]), header())
        writer.attempt(attempt("one"))
        writer.attempt(attempt("two"))
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    folders = [str(REPOSITORY), str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), *folders], timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL

    read = load(tmp_path / "latest")

    assert not read.complete
    assert read.ended is None
    assert [a.id for a in read.attempts] == ["one", "two"]
    assert read.attempts[1].outcome == REFUSAL


def test_an_attempt_that_was_written_in_part_is_left_out(tmp_path: Path) -> None:
    with RecordWriter.create(tmp_path, header()) as writer:
        writer.attempt(attempt("one"))
        writer.attempt(attempt("two"))
    journal = tmp_path / "run-1" / "attempts.jsonl"
    journal.write_bytes(journal.read_bytes()[:-100])

    assert [a.id for a in load(journal).attempts] == ["one"]


def test_an_interrupted_run_says_so(tmp_path: Path) -> None:
    with RecordWriter.create(tmp_path, header()) as writer:
        writer.finish(START, complete=False)
    read = load(tmp_path / "run-1")
    assert not read.complete
    assert read.ended == START


# -- what is no record ----------------------------------------------------------------------------


def journal_with(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "attempts.jsonl"
    first = f'{{"run": {to_json(header())}}}'
    path.write_text("".join(f"{line}\n" for line in (first, *lines)), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("record.json", b'{"format":\n "x",,}', ["line 2, column 6", "broken JSON"]),
        ("record.json", b"", ["line 1", "broken JSON"]),
        ("record.json", b"[1, 2]", ["no record of a lab"]),
        ("record.json", b'{"name": "package.json"}', ["no record of a lab"]),
        ("record.json", b'{"a": "\xff"}', ["line 1", "not UTF-8"]),
        ("record.json", b"[" * 100_000, ["no record"]),
        ("record.json", b"9" * 10_000, ["no record"]),
        (
            "record.json",
            b'{"format": "tls-ftps-interop-lab/record", "format_version": 7}',
            ["format version 7", "this lab reads 1", "the lab that wrote it"],
        ),
        (
            "record.json",
            b'{"format": "tls-ftps-interop-lab/record", "format_version": 1}',
            ["run_id: Field required", "more)"],
        ),
        ("attempts.jsonl", b"", ["is empty"]),
        ("attempts.jsonl", b'{"run": {"format"', ["is empty"]),
        ("attempts.jsonl", b'{"attempt": {}}\n', ["no record of a lab"]),
        ("attempts.jsonl", b"7\n", ["no record of a lab"]),
    ],
)
def test_what_is_no_record_is_refused_with_the_place(
    tmp_path: Path, name: str, content: bytes, words: list[str]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(RecordError) as caught:
        load(path)
    assert all(word in str(caught.value) for word in (str(path), *words)), str(caught.value)


def test_a_broken_line_of_a_journal_is_named(tmp_path: Path) -> None:
    path = journal_with(tmp_path, f'{{"attempt": {to_json(attempt())}}}', '{"attempt": {"id"', "{}")
    with pytest.raises(RecordError, match=r"attempts\.jsonl, line 3, column \d+: broken JSON"):
        load(path)


def test_a_word_outside_the_vocabulary_is_named_with_its_place(tmp_path: Path) -> None:
    data = json.loads(to_json(attempt()))
    data["outcome"]["reason"] = "bad-luck"
    path = journal_with(tmp_path, json.dumps({"attempt": data}))
    with pytest.raises(RecordError, match=r"line 2: attempt\.outcome\.reason: Input should be"):
        load(path)


def test_a_protocol_range_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    data = json.loads(to_json(attempt()))
    data["server"]["protocols"] = "TLSv9"
    path = journal_with(tmp_path, json.dumps({"attempt": data}))
    with pytest.raises(RecordError, match=r"attempt\.server.*unknown protocol version 'TLSv9'"):
        load(path)


def test_a_missing_record_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"record\.json cannot be read: No such file"):
        load(tmp_path)
    with pytest.raises(RecordError, match="cannot be read: No such file"):
        load(tmp_path / "nowhere")


# -- hostile texts --------------------------------------------------------------------------------

HOSTILE = "\x1b[2J\x00\r\x9b31m\u202eevil\u2028\udcff" + "A" * 1_000_000


def test_hostile_texts_are_written_safely_and_read_back(tmp_path: Path) -> None:
    outcome = Outcome(
        result=Result.REFUSED,
        goal=Goal.LOGIN,
        by=Side.UNKNOWN,
        stage=Stage.GREETING,
        reason=Reason.UNKNOWN,
        texts=Texts(client=HOSTILE, server=HOSTILE),
    )
    hostile = attempt(
        outcome=outcome,
        verdict=Verdict.SURPRISE,
        client_report=ClientReport(failed=True, step="connect", error=HOSTILE, warnings=(HOSTILE,)),
        server_report=ServerReport(started=True, log=f"first\n{HOSTILE}\nlast"),
        configuration=HOSTILE,
        request={HOSTILE: [HOSTILE]},
    )
    with RecordWriter.create(tmp_path, header()) as writer:
        writer.attempt(hostile)
        writer.finish(START)

    assert load(tmp_path / "run-1").attempts == (hostile,)
    for name in ("record.json", "attempts.jsonl"):
        raw = (tmp_path / "run-1" / name).read_text(encoding="utf-8")
        assert len(raw) < 100_000
        assert not set(raw) & set("\x1b\x00\r\x9b\u202e\u2028\udcff")
    assert hostile.server_report is not None
    first, middle, last = hostile.server_report.log.split("\n")
    assert (first, last) == ("first", "last")
    assert middle.startswith("\x1b[2J\x00\r\x9b31m\u202eevil\u2028\ufffdAAA")
    assert "[cut: 99" in middle


@pytest.mark.parametrize("text", ["", "plain\nlines\n", "日本語", "\x1b[0m\t", "x" * 4096])
def test_an_ordinary_text_stays_as_it_is(text: str) -> None:
    assert readable(text) == text


@pytest.mark.parametrize("text", ["x" * 4097, "x\n" * 500_000, "x" * 5000 + "\n" + "y" * 10**6])
def test_a_cut_text_says_so_and_is_not_cut_again(text: str) -> None:
    once = readable(text)
    assert len(once) <= 256 * 1024
    assert "[cut: " in once
    assert max(map(len, once.split("\n"))) <= 4096
    assert readable(once) == once


# -- verdicts -------------------------------------------------------------------------------------


def test_a_verdict_has_its_grounds() -> None:
    with pytest.raises(ValidationError, match="as-expected needs an outcome and an expectation"):
        attempt(outcome=None)
    with pytest.raises(ValidationError, match="cannot needs a cause"):
        attempt(verdict=Verdict.CANNOT, verdict_why="")
    assert attempt(verdict=Verdict.CANNOT, verdict_why="no NSS", outcome=None).outcome is None


def test_an_attempt_without_expectation_is_not_judged() -> None:
    lone = attempt(case=None, role=Role.ATTEMPT, expectation=None, verdict=None)
    record = RunRecord(**dict(header()), complete=True, attempts=(lone,))
    assert set(record.counts.values()) == {0}
    assert record.verdict is Verdict.AS_EXPECTED


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["as-expected", "cannot"], "cannot"),
        (["cannot", "surprise", "as-expected"], "surprise"),
        (["surprise", "lab-error"], "lab-error"),
        ([], "as-expected"),
    ],
)
def test_the_gravest_verdict_wins(verdicts: list[str], expected: str) -> None:
    assert gravest(Verdict(v) for v in verdicts) == expected


def test_a_role_of_the_cases_is_a_role_of_the_record() -> None:
    class CaseRole(StrEnum):
        TWIN = "twin"

    assert attempt(role=CaseRole.TWIN).role is Role.TWIN


def test_facts_of_an_expectation_survive() -> None:
    expectation = completed(protocol="TLSv1.3", verified=True)
    again = AttemptRecord.model_validate_json(
        to_json(attempt(expectation=expectation, verdict=Verdict.SURPRISE))
    )
    assert again.expectation == expectation


# -- the schema -----------------------------------------------------------------------------------


def test_the_committed_schema_is_in_step_with_the_models() -> None:
    assert SCHEMA_PATH.read_text(encoding="utf-8") == schema_text(), (
        "write it again: .venv/bin/python -m lab.record --schema > lab/schema/record.schema.json"
    )


def test_the_schema_says_what_a_field_means_and_how_a_protocol_range_is_written() -> None:
    server = json.loads(schema_text())["$defs"]["ServerSettings"]["properties"]
    assert server["ciphers"]["description"].startswith("ssl_ciphers")
    assert {"type": "null"} in server["protocols"]["anyOf"]
    pattern = server["protocols"]["anyOf"][0]["pattern"]
    for text in ("TLSv1.2", "TLSv1..TLSv1.2", "..TLSv1.2", "TLSv1.2..", ".."):
        assert re.fullmatch(pattern, text), text
    assert not re.fullmatch(pattern, "TLS1.2")
    assert not re.fullmatch(pattern, "")


def test_the_module_prints_the_schema() -> None:
    command = [sys.executable, "-m", "lab.record"]
    done = subprocess.run(
        [*command, "--schema"], cwd=REPOSITORY, capture_output=True, timeout=60, check=True
    )
    assert done.stdout.decode() == schema_text()
    wrong = subprocess.run(command, cwd=REPOSITORY, capture_output=True, timeout=60, check=False)
    assert wrong.returncode == 2
