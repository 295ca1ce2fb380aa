"""A made-up run that has one of everything, for the tests of what is written about runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from lab.model import (
    Attempt,
    ClientReport,
    Goal,
    Observation,
    Outcome,
    Reason,
    Result,
    Role,
    Side,
    Stage,
)
from lab.model.expectations import Expectation, Verdict, completed, judge, refused
from lab.model.outcome import FalseSuccess, ServerReport
from lab.record.models import AttemptResult, CaseRecord, ImageRecord, ImageUse, RunRecord, gravest
from lab.settings import parse_client, parse_server

START = datetime(2031, 5, 17, 12, 0, tzinfo=UTC)
MESSAGE = "FTP failed to start tls: Proceed with negotiation."

NO_SHARED_CIPHER = Outcome(
    result=Result.REFUSED,
    goal=Goal.TRANSFER,
    by=Side.SERVER,
    stage=Stage.HANDSHAKE,
    reason=Reason.NO_SHARED_CIPHER,
    report=ClientReport(
        failed=True,
        step="starttls",
        error="SSL connect attempt failed error:0A000410:SSL routines::ssl/tls alert handshake"
        " failure",
        message=MESSAGE,
    ),
)
NO_SHARED_CIPHER_LOG = (
    '[pid 7] CONNECT: Client "10.89.0.5"\n'
    '[pid 6] DEBUG: Client "10.89.0.5", "SSL_accept failed: error:0A0000C1:SSL routines::no'
    ' shared cipher"'
)
EXPIRED = Outcome(
    result=Result.REFUSED,
    goal=Goal.TRANSFER,
    by=Side.CLIENT,
    stage=Stage.VERIFY,
    reason=Reason.EXPIRED,
    report=ClientReport(
        failed=True,
        step="starttls",
        error="certificate verify failed",
        message=MESSAGE,
        verify_code=10,
    ),
)
DELIVERED = Outcome(
    result=Result.COMPLETED,
    goal=Goal.TRANSFER,
    report=ClientReport(
        failed=False,
        step="quit",
        protocol="TLSv1.2",
        cipher="ECDHE-RSA-AES256-GCM-SHA384",
        verified=True,
        data_protected=True,
        session_reused=True,
    ),
)
#: What the server's log says of each.
LOGS: dict[Reason | None, str] = {
    Reason.NO_SHARED_CIPHER: NO_SHARED_CIPHER_LOG,
    Reason.EXPIRED: "alert unknown ca",
}

EXPECT_NO_SHARED_CIPHER = refused(
    by=Side.SERVER, at=Stage.HANDSHAKE, because=Reason.NO_SHARED_CIPHER, message=MESSAGE
)
EXPECT_EXPIRED = refused(by=Side.CLIENT, at=Stage.VERIFY, because=Reason.EXPIRED)

IMAGES = (
    ImageRecord(
        name="rocky9",
        source="packages",
        stand_in=True,
        os="Debian GNU/Linux 12 (bookworm)",
        tls_library="OpenSSL 3.5.1 1 Jul 2025 (3.5.1-4.el9_7)",
        real=("libssl.so.3 and libcrypto.so.3 of AlmaLinux 9.7", "the crypto policies"),
        not_real=("the rest of the userland", "perl is Debian's 5.36"),
        fallback_reason="no registry answered",
    ),
    ImageRecord(
        name="vsftpd",
        source="packages",
        os="Debian GNU/Linux 13 (trixie)",
        tls_library="OpenSSL 3.5.7",
        packages={"vsftpd": "3.0.5-0.2"},
    ),
)

#: The client's program reports success, and the file is short.
SHORT = Outcome(
    result=Result.FALSE_SUCCESS,
    goal=Goal.TRANSFER,
    by=Side.UNKNOWN,
    stage=Stage.TRANSFER,
    reason=Reason.TRUNCATED,
    false_success=FalseSuccess(program="curl", size=1_048_576, stored=122_880),
    report=ClientReport(failed=False, step="quit", protocol="TLSv1.3"),
)


def reporting(outcome: Outcome, **facts: Any) -> Outcome:
    """An outcome whose client has reported these facts."""
    return replace(outcome, report=replace(outcome.report, **facts))


def made_of(observation: Observation, **more: Any) -> AttemptResult:
    """What a session makes of an attempt of which both ends have seen this."""
    attempt = observation.attempt
    given: dict[str, Any] = {
        "id": "made-up",
        "server": attempt.server,
        "client": attempt.client,
        "client_report": observation.client,
        "server_report": observation.server,
        "delivery": observation.delivery,
        "started": START,
    }
    return AttemptResult(**(given | more))


def attempt_record(
    name: str,
    made: Attempt,
    outcome: Outcome | None,
    expect: Expectation | None,
    **changes: Any,
) -> AttemptResult:
    """An attempt, judged; what is given in ``changes`` wins."""
    judged = judge(expect, outcome) if expect and outcome else None
    given: dict[str, Any] = {
        "id": name,
        "server": made.server,
        "client": made.client,
        "expectation": expect,
        "outcome": outcome,
        "verdict": judged.verdict if judged else None,
        "verdict_why": judged.why if judged else "",
        "client_report": outcome.report if outcome else None,
        "server_report": ServerReport(started=True, log=LOGS.get(outcome.reason, ""))
        if outcome
        else None,
        "started": START,
        "elapsed_ms": 23.4,
        "images": (
            ImageUse(name=made.server.software, stand_in=False),
            ImageUse(name=made.client.platform, stand_in=made.client.platform == "rocky9"),
        ),
    }
    return AttemptResult(**(given | changes))


def attempt(client: str = "net-ftp@rocky9:FIPS", *assignments: str) -> Attempt:
    """An attempt against vsftpd with these server settings."""
    return Attempt(parse_server(assignments), parse_client(client))


def unexpected(*moved: tuple[str, ...] | None) -> AttemptResult:
    """A surprise of Net::FTP on Rocky Linux 9: what has moved in the server's and in its own image."""
    ends = zip(("vsftpd", "rocky9"), moved, strict=False)
    return attempt_record(
        "topic/name[net-ftp@rocky9]/breaks",
        attempt("net-ftp@rocky9"),
        NO_SHARED_CIPHER,
        completed(),
        role=Role.BREAKS,
        images=tuple(ImageUse(name=n, stand_in=n == "rocky9", moved=m) for n, m in ends),
    )


def case(identity: str, section: str, attempts: list[AttemptResult]) -> CaseRecord:
    """A case of these attempts."""
    name = identity.partition("[")[0]
    return CaseRecord(
        id=identity,
        name=name,
        label=str(attempts[0].client) if attempts else "",
        document="movable-type",
        section=section,
        title=name.partition("/")[2].replace("_", " "),
        story="The story.",
        attempts=tuple(a.id for a in attempts),
        verdict=gravest(a.verdict for a in attempts),
    )


def run_record(**changes: Any) -> RunRecord:
    """A run with a case as expected, one with a surprise, one that cannot, one that broke."""
    return RunRecord(**(_of_every_kind() | changes))


@cache
def _of_every_kind() -> dict[str, Any]:
    weak = ("ciphers=AES128-SHA:DES-CBC3-SHA", "protocols=..TLSv1.2")
    good = [
        attempt_record(
            "ciphers/none_shared[net-ftp@rocky9:FIPS]/breaks",
            attempt("net-ftp@rocky9:FIPS", *weak),
            NO_SHARED_CIPHER,
            EXPECT_NO_SHARED_CIPHER,
            role=Role.BREAKS,
        ),
        attempt_record(
            "ciphers/none_shared[net-ftp@rocky9:FIPS]/twin",
            attempt("net-ftp@rocky9:FIPS", "ciphers=HIGH", "protocols=..TLSv1.2"),
            DELIVERED,
            completed(),
            role=Role.TWIN,
        ),
        *(
            attempt_record(
                f"ciphers/none_shared[net-ftp@rocky9:FIPS]/remedy-{number}",
                attempt("net-ftp@rocky9:FIPS", "ciphers=HIGH"),
                DELIVERED,
                completed(verified=True),
                role=Role.REMEDY,
                standing="recommended",
            )
            for number in (1, 2)
        ),
    ]
    surprising = [
        attempt_record(
            "certificates/expired[net-ftp@centos7]/breaks",
            attempt("net-ftp@centos7", "certificate=expired"),
            EXPIRED,
            EXPECT_EXPIRED,
            role=Role.BREAKS,
        ),
        attempt_record(
            "certificates/expired[net-ftp@centos7]/twin",
            attempt("net-ftp@centos7"),
            NO_SHARED_CIPHER,
            completed(),
            role=Role.TWIN,
        ),
    ]
    impossible = [
        attempt_record(
            "certificates/expired[curl@centos7]/breaks",
            attempt("curl@centos7", "certificate=expired"),
            None,
            EXPECT_EXPIRED,
            role=Role.BREAKS,
            verdict=Verdict.CANNOT,
            verdict_why="the stand-in image has no curl on NSS",
        )
    ]
    broken = [
        attempt_record(
            "certificates/expired[ftplib@rocky9:FUTURE]/breaks",
            attempt("ftplib@rocky9:FUTURE", "certificate=expired"),
            None,
            EXPECT_EXPIRED,
            role=Role.BREAKS,
            verdict=Verdict.LAB_ERROR,
            verdict_why="the agent ftplib in rocky9-future is gone: its container was killed",
        )
    ]
    expired = "Certificate has expired"
    return {
        "run_id": "20310517-120000-ab12cd",
        "lab_version": "0.1.0",
        "started": START,
        "ended": START + timedelta(seconds=9.3),
        "complete": True,
        "images": IMAGES,
        "attempts": (*good, *surprising, *impossible, *broken),
        "cases": (
            case("ciphers/none_shared[net-ftp@rocky9:FIPS]", "No common cipher suite", good),
            case("certificates/expired[net-ftp@centos7]", expired, surprising),
            case("certificates/expired[curl@centos7]", expired, impossible),
            case("certificates/expired[ftplib@rocky9:FUTURE]", expired, broken),
        ),
    }


def what_arrived(expectation: Expectation) -> FalseSuccess | None:
    """What there is in the place of a file, where a false success is expected."""
    if expectation.result is not Result.FALSE_SUCCESS:
        return None
    return SHORT.false_success
