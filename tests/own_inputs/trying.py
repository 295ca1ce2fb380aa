"""Trying all inputs in one laboratory: what each comes to, its twin, and what is advised."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.certificates.description import describe
from lab.clients import PROGRAMS
from lab.model import Attempt, ClientSettings, Outcome, Rating
from lab.model.expectations import Expectation, PlannedAttempt, Verdict, judge
from lab.model.software import LIMITS
from lab.own.attempt import FTP_SERVER, read_attempt
from lab.own.configurations import GivenFiles, readers
from lab.own.files import UserFiles
from lab.own.findings import Finding, InputError
from lab.record.models import AttemptResult, CertificateRecord, Chain, OwnFiles
from lab.remedies.advice import Advice, TriedRemedy
from lab.run.attempts import run
from lab.run.laboratory import Lab
from lab.run.link import execute
from lab.run.remedies import advise
from tests.bringing import bring
from tests.own_inputs import JUDGED, OTHERS, Input
from tests.own_inputs.chains import HOST

#: TLS 1.2, so that no upload is a race, and a short patience with a data connection that does not come.
CALM = ("protocols=..TLSv1.2", "timeout_s=3")
#: The same for servers that take their time with a login, as ProFTPD's mod_delay does.
PATIENT = (CALM[0], "timeout_s=10")
#: Attempts under way at once, and refusals for which remedies are looked for.
AT_ONCE = 8


@dataclass(frozen=True)
class Read:
    """An input as the lab reads it."""

    attempt: Attempt
    files: UserFiles
    findings: Sequence[Finding]


@dataclass(frozen=True)
class Tried:
    """What came of an input."""

    findings: Sequence[Finding] = ()
    error: InputError | None = None
    files: UserFiles = field(default_factory=UserFiles)
    result: AttemptResult | None = None
    twin: AttemptResult | None = None
    advice: Advice | None = None

    @property
    def outcome(self) -> Outcome | None:
        """What came of the attempt; ``None``: there was none."""
        return self.result.outcome if self.result else None

    @property
    def said(self) -> list[tuple[int | None, str]]:
        """What is said before any attempt, with the lines."""
        if self.error is not None:
            return [(self.error.line, str(self.error))]
        return [(finding.line, finding.text) for finding in self.findings]

    @property
    def first(self) -> TriedRemedy | None:
        """The remedy that is named first; ``None``: there is none to keep."""
        remedies = self.advice.remedies if self.advice else ()
        return next((r for r in remedies if r.holds and r.rating is not Rating.UNSAFE), None)

    @property
    def fix(self) -> str:
        """What that remedy has to be written, and where nothing has, its name; empty: there is none."""
        if self.first is None:
            return ""
        told = []
        for change in self.first.changes:
            if change.write:
                told.append(", ".join(change.write))
            elif change.was:
                told.append(f"without {', '.join(change.was)}")
        return "; ".join(told) or " + ".join(self.first.cures)


def read(one: Input, content: Mapping[str, bytes], folder: Path, client: str = "") -> Read:
    """Read an input, or its twin, from files in a folder.

    Raises:
        InputError: it is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / name for name in content}
    for name, path in paths.items():
        path.write_bytes(content[name])
    reader = next((r for r in readers().values() if r.file == one.kind), None)
    build = one.build if content is one.content else None
    others = {kind: paths[one.file] for kind in OTHERS if one.kind == kind}
    extra: tuple[str, ...] = CALM if reader is not None else ()
    if one.software not in ("", FTP_SERVER):
        extra = PATIENT
    given = GivenFiles(
        configurations={} if reader is None else {reader.option: paths[one.file]},
        builds={reader.build_option: build} if reader is not None and build else {},
        mt_config=others.get("mt-config.cgi"),
        chain=paths.get("chain.pem"),
        key=paths.get("key.pem"),
        backend=others.get("backend"),
        ca=paths.get("ca.pem"),
        host=HOST if "chain.pem" in paths else None,
    )
    attempt, files, findings = read_attempt(
        given,
        None if one.kind == "backend" else client or one.client,
        client_settings=[*extra, *one.client_settings],
        server=one.server,
        server_settings=one.server_settings,
    )
    return Read(attempt, files or UserFiles(), findings)


def holds(ends: str, outcome: Outcome) -> bool:
    """Whether an outcome is what an input says of it."""
    expected = Expectation.parse("completed" if ends == JUDGED else ends)
    as_said = judge(expected, outcome).verdict is Verdict.AS_EXPECTED
    return as_said and bool(outcome.presumed) is (ends == JUDGED)


@dataclass
class Trial:
    """A laboratory in which inputs are tried."""

    lab: Lab
    folder: Path
    number: int = field(default=0)

    def all_of(self, inputs: Sequence[Input]) -> dict[Input, Tried]:
        """Inputs without certificates of their own, side by side."""
        readings, tried = self._readings(inputs)
        results = self._made(
            PlannedAttempt(f"{which} {number}", reading[which].attempt)
            for number, reading in enumerate(readings.values())
            for which in reading
        )
        refused = {}
        for number, one in enumerate(readings):
            result = results.get(f"content {number}")
            found = replace(tried[one], result=result, twin=results.get(f"twin {number}"))
            tried[one] = found
            if result is not None and found.outcome is not None and found.outcome.reason:
                refused[one] = result

        def advice(one: Input) -> Advice:
            files = readings[one]["content"].files
            return self._advice(refused[one], files)

        with ThreadPoolExecutor(AT_ONCE) as pool:
            for one, advised in zip(refused, pool.map(advice, refused), strict=True):
                tried[one] = replace(tried[one], advice=advised)
        return tried

    def _advice(self, result: AttemptResult, files: UserFiles) -> Advice:
        return advise(self.lab, result, self._chain(result), files)

    def _chain(self, result: AttemptResult) -> Chain:
        """What the server was given, as the record has it."""
        server = result.server
        if not server.has_certificate:
            return ()
        made = self.lab.material.server(server.certificate, server.host)
        described = describe(made.chain_pem).certificates
        return tuple(CertificateRecord(**vars(one)) for one in described)

    def _readings(
        self, inputs: Sequence[Input]
    ) -> tuple[dict[Input, dict[str, Read]], dict[Input, Tried]]:
        readings: dict[Input, dict[str, Read]] = {}
        tried: dict[Input, Tried] = {}
        for number, one in enumerate(inputs):
            place = self.folder / str(number)
            readings[one] = {"twin": read(one, one.twin, place / "twin")}
            try:
                readings[one]["content"] = read(one, one.content, place)
                tried[one] = Tried(readings[one]["content"].findings)
            except InputError as error:
                tried[one] = Tried(error=error)
        return readings, tried

    def _made(self, planned: Iterable[PlannedAttempt]) -> dict[str, AttemptResult]:
        results: dict[str, AttemptResult] = {}
        plan = list(planned)
        self.lab.session.equip_for(one.attempt for one in plan)
        run(self.lab.session, plan, lambda r, _: results.update({r.id: r}), workers=AT_ONCE)
        return results

    # -- chains --------------------------------------------------------------------------------------

    def chains(self, inputs: Sequence[Input]) -> dict[Input, Tried]:
        """Inputs with a certificate of their own, and their twins, one after the other."""
        tried: dict[Input, Tried] = {}
        twins: dict[tuple[object, ...], Tried] = {}
        for one in inputs:
            same = str(one.sound), one.client, one.server
            if same not in twins:
                as_it_should_be = replace(one, content=one.twin)
                twins[same] = self.with_clients(as_it_should_be, [one.client])[one.client]
            twin = twins[same]
            try:
                made = self.with_clients(one, [one.client])[one.client]
            except InputError as error:
                tried[one] = Tried(error=error, twin=twin.result)
                continue
            result, files = made.result, made.files
            refused = result is not None and made.outcome is not None and made.outcome.reason
            advice = self._advice(result, files) if refused and result is not None else None
            tried[one] = replace(made, twin=twin.result, advice=advice)
        return tried

    def with_clients(self, one: Input, clients: Sequence[str]) -> dict[str, Tried]:
        """An input with a certificate of its own, tried with clients side by side.

        A session serves one such certificate at a time, and the DNS answers for its name with one server:
        these clients are of that server's kind.

        Raises:
            InputError: it is none.
        """
        self.number += 1
        readings = {client: self._of_chain(one, client) for client in clients}
        (first, *_) = readings.values()
        bring(self.lab, first.files)
        self.lab.session.answer_for(HOST, first.attempt.server)
        own = OwnFiles(chain="chain.pem", key="key.pem", ca="ca.pem", host=HOST)
        results = self._made(
            PlannedAttempt(client, reading.attempt, own=own) for client, reading in readings.items()
        )
        return {
            client: Tried(reading.findings, files=reading.files, result=results[client])
            for client, reading in readings.items()
        }

    def _of_chain(self, one: Input, client: str) -> Read:
        """With settings that no chain before had: nothing is served or trusted that was read before."""
        reading = read(one, one.content, self.folder / "chain", client)
        attempt, number = reading.attempt, self.number
        attempt = attempt.with_client(timeout_s=attempt.client.timeout_s + number / 1000)
        software = attempt.server.software.partition("@")[0]
        if software == "origin":
            return replace(reading, attempt=attempt.with_server(answer_delay_s=number / 1e6))
        line = {
            "vsftpd": f"data_connection_timeout={300 + number}",
            "nginx": f"keepalive_requests={1000 + number}",
        }[software]
        return replace(reading, attempt=attempt.with_server(extra=(line,)))

    def refusals_of_the_library(
        self, client: ClientSettings, inputs: Sequence[Input]
    ) -> dict[Input, tuple[int, int]]:
        """What the library of a client's own container says of these chains.

        Returns:
            The X509 number with the library's usual flags, and with a partial chain allowed; 0: it is
            content.
        """
        container = self.lab.topology.containers[PROGRAMS[client.program].service(client)]
        asked = [
            {
                "chain": one.content["chain.pem"].decode(),
                "key": one.content["key.pem"].decode(),
                "ca": one.content["ca.pem"].decode(),
                "host": HOST,
                "level": LIMITS[client.where].level,
            }
            for one in inputs
        ]
        program = Path(__file__).with_name("verify_chain.py").read_text(encoding="utf-8")
        argv = ["/opt/lab/bin/python3", "-c", program]
        done = execute(self.lab.client, container.id, argv, f"{json.dumps(asked)}\n".encode())
        assert done.status == 0, done.output
        return {one: (a, b) for one, (a, b) in zip(inputs, json.loads(done.output), strict=True)}
