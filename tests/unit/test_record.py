"""The record: what is written is there at once, and what is read back is what was written."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from io import FileIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from lab.certificates import OWN
from lab.certificates.description import describe
from lab.certificates.material import RunCertificates
from lab.clients.net_ftp import NetFtp
from lab.images.provenance import Provenance
from lab.model import (
    Attempt,
    ClientReport,
    Goal,
    Observation,
    Outcome,
    ProtocolRange,
    Reason,
    Result,
    Role,
    Side,
    Stage,
)
from lab.model.expectations import PlannedAttempt, Verdict, completed, judge, refused
from lab.model.outcome import ServerReport
from lab.own.files import UserFiles
from lab.own.pem import read_certificate
from lab.record import (
    AttemptResult,
    CaseRecord,
    ImageRecord,
    RecordError,
    RecordWriter,
    RunRecord,
    gravest,
    load,
    to_json,
    whole,
)
from lab.record.__main__ import SCHEMA_PATH, schema_text
from lab.record.models import CertificateRecord, ImageUse, OwnFiles, RunHeader
from lab.run import recording
from lab.run.agents import Unsupported
from lab.run.checkout import new_run_id
from lab.run.network import Seal
from lab.run.results import link_of
from lab.servers.vsftpd import Vsftpd
from lab.settings import parse_client, parse_server
from lab.text import readable
from tests.unit.catalogue import catalogue
from tests.unit.made_up import made_of

START = datetime(2031, 5, 17, 12, 0, tzinfo=UTC)

REFUSAL = Outcome(
    result=Result.REFUSED,
    goal=Goal.TRANSFER,
    by=Side.SERVER,
    stage=Stage.HANDSHAKE,
    reason=Reason.NO_SHARED_CIPHER,
    report=ClientReport(
        failed=True,
        step="starttls",
        error="alert 40",
        message="FTP failed",
        warnings=("w",),
        elapsed_ms=12.5,
    ),
)
EXPECTED = refused(by=Side.SERVER, at=Stage.HANDSHAKE, because=Reason.NO_SHARED_CIPHER)

SEAL = Seal(True, "nobody answers", {"inhibit_ipv4": "true"})


def attempt(name: str = "one", **changes: Any) -> AttemptResult:
    given: dict[str, Any] = {
        "id": name,
        "case": "ciphers/none_shared[net-ftp@rocky9:FIPS]",
        "role": Role.BREAKS,
        "server": Vsftpd(ciphers="AES128-SHA", protocols=ProtocolRange(None, "TLSv1.2")),
        "client": NetFtp(policy="FIPS"),
        "expectation": EXPECTED,
        "outcome": REFUSAL,
        "verdict": judge(EXPECTED, REFUSAL).verdict,
        "verdict_why": judge(EXPECTED, REFUSAL).why,
        "client_report": REFUSAL.report,
        "server_report": ServerReport(started=True, log="no shared cipher"),
        "configuration": "ssl_ciphers=AES128-SHA\n",
        "request": {"op": "attempt", "port": 2121, "trust": ("a", "b")},
        "started": START,
        "elapsed_ms": 20.0,
        "images": (ImageUse(name="rocky9", stand_in=True), ImageUse(name="vsftpd", stand_in=False)),
    }
    return AttemptResult(**(given | changes))


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
    # what both ends said is beside it, once
    assert data["outcome"].keys() >= {"by", "stage", "cause", "not_judged"}
    assert not {"report", "texts", "protocol"} & data["outcome"].keys()
    assert data["server_report"]["log"] == "no shared cipher"
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


def test_a_process_knows_whether_it_has_recorded_an_attempt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RecordWriter, "has_written", False)
    with RecordWriter.create(tmp_path, header()) as writer:
        assert not RecordWriter.has_written
        writer.attempt(attempt())
        assert RecordWriter.has_written


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


# -- certificates ---------------------------------------------------------------------------------


def certificate(subject: str = "CN=ftp.lab.test", **changes: Any) -> CertificateRecord:
    given: dict[str, Any] = {
        "subject": subject,
        "issuer": "CN=Public CA intermediate",
        "names": ("ftp.lab.test", "172.30.7.10"),
        "not_before": START - timedelta(days=1),
        "not_after": START + timedelta(days=30),
        "key": "RSA-2048",
        "key_type": "RSA",
        "key_bits": 2048,
        "signature": "sha256WithRSAEncryption",
        "ca": False,
        "self_signed": False,
        "sha256": "ab" * 32,
        "public_key_sha256": "cd" * 32,
    }
    return CertificateRecord(**(given | changes))


VALID = "ftp.lab.test/valid"
CHAIN = (certificate(), certificate("CN=Public CA intermediate", names=(), ca=True))


def test_what_a_server_was_given_is_written_once_however_many_attempts_have_it(
    tmp_path: Path,
) -> None:
    with RecordWriter.create(tmp_path, header()) as writer:
        for number in range(50):
            writer.chain(VALID, CHAIN)
            writer.attempt(attempt(f"attempt-{number}", chain=VALID))
        writer.attempt(attempt("without"))
        written = writer.finish(START)

    read = load(tmp_path / "run-1")
    assert read == written
    assert {read.certificates.get(a.chain or "", ()) for a in read.attempts[:50]} == {CHAIN}
    assert read.certificates.get(read.attempts[50].chain or "", ()) == ()
    assert load(tmp_path / "run-1" / "attempts.jsonl").certificates == {VALID: CHAIN}
    for name in ("record.json", "attempts.jsonl"):
        text = (tmp_path / "run-1" / name).read_text(encoding="utf-8")
        assert text.count("sha256WithRSAEncryption") == len(CHAIN), name


def test_a_chain_is_in_the_journal_before_the_attempt_that_has_it(tmp_path: Path) -> None:
    with RecordWriter.create(tmp_path, header()) as writer:
        writer.chain(VALID, CHAIN)
        writer.attempt(attempt(chain=VALID))

        read = load(tmp_path / "run-1")

    assert not read.complete
    assert read.certificates.get(read.attempts[0].chain or "", ()) == CHAIN
    lines = (tmp_path / "run-1" / "attempts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [next(iter(json.loads(line))) for line in lines] == [
        "run",
        "certificates",
        "configurations",
        "attempt",
    ]


def test_one_name_stands_for_one_chain(tmp_path: Path) -> None:
    with RecordWriter.create(tmp_path, header()) as writer:
        writer.chain(VALID, CHAIN)
        with pytest.raises(RecordError, match=f"two chains of the run have the name '{VALID}'"):
            writer.chain(VALID, CHAIN[:1])
        assert dict(writer.certificates) == {VALID: CHAIN}


def test_times_are_in_utc_as_iso_8601_has_them() -> None:
    in_tokyo = datetime(2031, 5, 17, 21, 0, tzinfo=timezone(timedelta(hours=9)))
    data = json.loads(to_json(certificate(not_before=in_tokyo)))
    assert (data["not_before"], data["not_after"]) == (
        "2031-05-17T12:00:00Z",
        "2031-06-16T12:00:00Z",
    )


def test_a_name_in_a_certificate_is_made_readable_as_every_text_is() -> None:
    made = certificate(f"CN={'x' * 10_000}\udcff", names=("y" * 10_000,))
    assert len(made.subject) <= 4096
    assert len(made.names[0]) <= 4096
    assert CertificateRecord.model_validate_json(to_json(made)) == made


def as_version_1(part: dict[str, Any]) -> dict[str, Any]:
    """What version 1 of the format had in the place of a part of this one."""
    part.pop("certificates", None)
    part.pop("configurations", None)
    if "format_version" in part:
        part["format_version"] = 1
    for made in part.get("attempts", [part.get("attempt", {})]):
        made.pop("chain", None)
        if made:
            made["configuration"] = "ssl_ciphers=AES128-SHA\n"
            report, log = made["client_report"], made["server_report"]["log"]
            made["outcome"] |= {
                "protocol": report.get("protocol"),
                "texts": {"client": report["error"], "message": report["message"], "server": log},
                "elapsed_ms": 12.5,
            }
    return part


def test_a_record_of_version_1_is_read(tmp_path: Path) -> None:
    with RecordWriter.create(tmp_path, header()) as writer:
        writer.attempt(attempt())
        writer.finish(START)
    folder = tmp_path / "run-1"
    for path in (folder / "record.json", folder / "attempts.jsonl"):
        text = path.read_text(encoding="utf-8")
        in_one = path.suffix == ".json"
        parts = [json.loads(text)] if in_one else [json.loads(line) for line in text.splitlines()]
        for part in parts:
            as_version_1(part.get("run", part))
        kept = [part for part in parts if part and part != {"configurations": {}}]
        path.write_text("".join(f"{json.dumps(part)}\n" for part in kept), encoding="utf-8")

        read = load(path)

        assert read.attempts == (attempt(),)
        assert read.certificates.get(read.attempts[0].chain or "", ()) == ()
        assert read.format_version == 2


def test_of_a_baseline_of_version_1_the_outcome_says_what_was_negotiated(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    outcome = {
        "result": "completed",
        "goal": "transfer",
        "protocol": "TLSv1.2",
        "verified": True,
        "texts": {"message": "done"},
    }
    made = {"id": "x", "server": {}, "client": {}, "outcome": outcome, "started": str(START)}
    head = json.loads(to_json(header())) | {"format_version": 1, "complete": True}
    path.write_text(json.dumps(head | {"attempts": [made]}))
    seen = load(path).attempts[0].outcome
    assert seen is not None
    assert (seen.protocol, seen.verified, seen.report.message) == ("TLSv1.2", True, "done")


def test_what_was_made_once_is_written_once(tmp_path: Path) -> None:
    with RecordWriter.create(tmp_path, header()) as writer:
        writer.attempt(attempt("one"))
        writer.attempt(attempt("two", same_as="one", verdict_why="another", label="the twin"))
        written = writer.finish(START)
    assert list(written.configurations.values()) == ["ssl_ciphers=AES128-SHA\n"]
    for name in ("record.json", "attempts.jsonl"):
        text = (tmp_path / "run-1" / name).read_text(encoding="utf-8")
        assert text.count("alert 40") == text.count("ssl_ciphers=AES128-SHA\\n") == 1, name
        assert load(tmp_path / "run-1" / name).attempts == written.attempts
    assert whole(load(tmp_path / "run-1")) == (tmp_path / "run-1" / "record.json").read_text()


def test_a_record_that_names_a_chain_that_it_does_not_have_is_read() -> None:
    lost = attempt(chain="ftp.lab.test/lost")
    read = RunRecord(**dict(header()), complete=True, attempts=(lost,))
    assert read.attempts[0].chain not in read.certificates


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (OwnFiles(chain="my chain.pem", key="key.pem"), "--chain 'my chain.pem' --key key.pem"),
        (OwnFiles(chain="both.pem"), "--chain both.pem"),
        (OwnFiles(ca="ca.pem", host="a.example"), "--ca ca.pem --host a.example"),
    ],
)
def test_the_command_names_the_files_of_the_operators_own_certificate(
    own: OwnFiles, words: str
) -> None:
    made = attempt(server=Vsftpd(certificate="own"), own=own)
    assert made.command == f"{attempt(server=Vsftpd(certificate='own')).command} {words}"
    assert "--chain" not in attempt().command
    assert AttemptResult.model_validate_json(to_json(made)).own == own


def test_an_image_is_named_by_its_digests() -> None:
    identity = {
        "tag": "tls-lab/rocky9:12",
        "id": "sha256:ab",
        "digest": "sha256:cd",
        "recipe": "12",
    }
    image = ImageRecord.model_validate({"name": "rocky9", "packages": {"perl": "5"}, **identity})
    assert (image.id, image.digest) == ("sha256:ab", "sha256:cd")
    assert image.facts == {**identity, "packages": {"perl": "5"}}


# -- what a run records of its attempts -------------------------------------------------------------


class MadeUpSession:
    """Observes the same in every attempt; of one program nothing can be tried."""

    def has_own_roots(self, _client: object) -> bool:
        return False

    def attempt(self, planned: PlannedAttempt, *, capture: bool) -> tuple[AttemptResult, None]:
        wanted = planned.attempt
        if wanted.client.program == "curl":
            raise Unsupported("there is no curl here")
        report = ClientReport(failed=False, step="starttls", protocol="TLSv1.2", cipher="X")
        seen = Observation(attempt=wanted, client=report, server=ServerReport(started=True))
        return made_of(seen, configuration="listen=YES", request={"op": "attempt"}), None

    def facts(self, software: object) -> dict[str, Any]:
        return {}


@pytest.fixture
def laboratory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A laboratory in which no container runs, and real certificates."""
    material = RunCertificates(["ftp.lab.test"])

    def image(name: str, *, stand_in: bool) -> SimpleNamespace:
        provenance = Provenance(
            image=name,
            source="packages",
            stand_in=stand_in,
            os="",
            recipe="12",
            id=f"sha256:{name}",
            built_at=START,
        )
        return SimpleNamespace(tag=f"tls-lab/{name}:12", provenance=provenance)

    made = SimpleNamespace(
        checkout=SimpleNamespace(state=tmp_path),
        client=SimpleNamespace(version=dict),
        images={
            "vsftpd": image("vsftpd", stand_in=False),
            "centos7": image("centos7", stand_in=True),
        },
        image_of={"vsftpd": "vsftpd", "centos7": "centos7"}.get,
        topology=SimpleNamespace(project="p", containers={}),
        material=material,
        session=MadeUpSession(),
        seal=SEAL,
    )

    @contextmanager
    def opened(own: Any = None, **_: object) -> Iterator[SimpleNamespace]:
        made.run_id = new_run_id()
        if own is not None:
            served = own.certificate
            material.add_own(OWN, served.chain_pem, served.key_pem, served.leaf_sha256)
        yield made

    monkeypatch.setattr(recording, "open_lab", opened)
    return made


def wanted(*server: str, client: str = "net-ftp@centos7") -> Attempt:
    return Attempt(parse_server(server), parse_client(client, ["goal=handshake", "verify=none"]))


def test_of_every_attempt_it_is_recorded_what_the_server_was_given(
    laboratory: SimpleNamespace,
) -> None:
    record = recording.repeat(wanted("certificate=wrong-order"), 3).record

    assert list(record.certificates) == ["ftp.lab.test/wrong-order"]
    chains = {record.certificates.get(a.chain or "", ()) for a in record.attempts}
    assert len(record.attempts) == 3
    described = describe(laboratory.material.server("wrong-order", "ftp.lab.test").chain_pem)
    assert chains == {tuple(CertificateRecord(**vars(c)) for c in described.certificates)}
    leaf, root, intermediate = chains.pop()
    assert (leaf.issuer, intermediate.issuer) == (intermediate.subject, root.subject)
    assert root.self_signed
    assert load(laboratory.checkout.state / "runs" / "last-attempt") == record
    assert not (laboratory.checkout.state / "runs" / "latest").exists()


@pytest.mark.parametrize(
    ("server", "client"),
    [("certificate=unset", "net-ftp@centos7"), ("certificate=valid", "curl@centos7")],
)
@pytest.mark.usefixtures("laboratory")
def test_without_a_certificate_or_without_an_attempt_no_server_was_given_one(
    server: str, client: str
) -> None:
    record = recording.repeat(wanted(server, client=client), 1).record
    assert (record.attempts[0].chain, record.certificates) == (None, {})


def test_the_operators_own_certificate_is_recorded_with_the_files_that_repeat_the_attempt(
    laboratory: SimpleNamespace,
) -> None:
    made = laboratory.material.server("expired", "ftp.lab.test")
    own, _ = read_certificate(made.chain_pem, made.key_pem)
    named = UserFiles(dataclasses.replace(own, chain_file="mine.pem", key_file="mine.key"))

    record = recording.repeat(wanted("certificate=own"), 1, own=named).record

    assert record.attempts[0].command.endswith("--chain mine.pem --key mine.key")
    assert record.certificates["ftp.lab.test/own"][0].sha256 == own.leaf_sha256
    other = recording.repeat(wanted(), 1, own=named).record
    assert other.attempts[0].own is None


@pytest.mark.parametrize("holds", [True, False])
def test_the_run_says_whether_its_containers_reached_the_host(
    laboratory: SimpleNamespace, holds: bool
) -> None:
    laboratory.seal = Seal(holds, "this was seen", {"inhibit_ipv4": "true"})
    topology = recording.repeat(wanted(), 1).record.topology
    assert topology["sealed"] is holds
    assert topology["seal"] == {"how": "this was seen", "options": {"inhibit_ipv4": "true"}}


@pytest.mark.usefixtures("laboratory")
def test_an_attempt_names_the_images_that_it_ran_on_and_the_run_their_digests() -> None:
    record = recording.repeat(wanted(), 1).record
    assert record.attempts[0].images == (
        ImageUse(name="vsftpd", stand_in=False),
        ImageUse(name="centos7", stand_in=True),
    )
    assert {i.name: i.id for i in record.images} == {
        "vsftpd": "sha256:vsftpd",
        "centos7": "sha256:centos7",
    }


def test_the_link_to_the_newest_run_leads_to_one_of_all_cases() -> None:
    cases = catalogue().select([], None)
    planned = [one for case in cases for one in case.plan()]
    assert link_of(cases, planned, ()) == "latest"
    assert link_of(cases, planned, ["expired_certificate"]) == "last-cases"
    assert link_of(cases, planned[1:], ()) == "last-cases"
    assert link_of((), planned[:1], ()) == "last-attempt"


# -- a run that is killed -------------------------------------------------------------------------


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
        ("record.json", b"", ["is empty", "journal"]),
        ("record.json", b"[1, 2]", ["no record of a lab"]),
        ("record.json", b'{"name": "package.json"}', ["no record of a lab"]),
        ("record.json", b'{"a": "\xff"}', ["line 1", "not UTF-8"]),
        ("record.json", b"[" * 100_000, ["no record"]),
        ("record.json", b"9" * 10_000, ["no record"]),
        (
            "record.json",
            b'{"format": "tls-ftps-interop-lab/record", "format_version": 7}',
            ["format version 7", "this lab reads 1 and 2", "the lab that wrote it"],
        ),
        (
            "record.json",
            b'{"format": "tls-ftps-interop-lab/record", "format_version": 2}',
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
    with pytest.raises(RecordError, match=r"record\.json: the file cannot be read: No such file"):
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
    again = AttemptResult.model_validate_json(
        to_json(attempt(expectation=expectation, verdict=Verdict.SURPRISE))
    )
    assert again.expectation == expectation


# -- the schema -----------------------------------------------------------------------------------


@functools.cache
def schema() -> str:
    return schema_text()


def test_the_committed_schema_is_in_step_with_the_models() -> None:
    committed = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))
    assert committed == without_newer(json.loads(schema()), committed["$defs"]), (
        "write it again: .venv/bin/python -m lab.record --schema > lab/schema/record.schema.json"
    )


def without_newer(schema: Any, known: Collection[str]) -> Any:
    """A schema without the settings of a server or client that was added as a folder since."""
    if isinstance(schema, list):
        refs = [str(one.get("$ref", "")) if isinstance(one, dict) else "" for one in schema]
        return [
            without_newer(one, known)
            for one, ref in zip(schema, refs, strict=True)
            if not ref or ref.rpartition("/")[2] in known
        ]
    if isinstance(schema, dict):
        defs = schema.get("$defs", {})
        kept = {"$defs": {name: defs[name] for name in defs if name in known}} if defs else {}
        return {name: without_newer(value, known) for name, value in (schema | kept).items()}
    return schema


def test_the_schema_says_what_a_field_means_and_how_a_protocol_range_is_written() -> None:
    server = json.loads(schema())["$defs"]["Vsftpd"]["properties"]
    assert server["ciphers"]["description"].startswith("cipher list")
    assert {"type": "null"} in server["protocols"]["anyOf"]
    pattern = server["protocols"]["anyOf"][0]["pattern"]
    for text in ("TLSv1.2", "TLSv1..TLSv1.2", "..TLSv1.2", "TLSv1.2..", ".."):
        assert re.fullmatch(pattern, text), text
    assert not re.fullmatch(pattern, "TLS1.2")
    assert not re.fullmatch(pattern, "")
