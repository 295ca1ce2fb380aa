"""The diagnosis "look at the suites of both ends" against what really happens.

Every attempt of every case about a missing common suite is made, and both ends are asked. Where the
handshake was refused for want of a suite, the intersection is empty; where it was not, the suite that
was negotiated is in it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cases import Catalogue, PlannedAttempt
from lab.model import Attempt, Outcome, Reason, Result
from lab.run.agents import Unsupported
from lab.run.attempts import make
from lab.run.laboratory import Lab
from lab.run.suites import SuiteComparison
from lab.settings import parse_client, parse_server
from tests.e2e.checkouts import Copy

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]


def about_suites() -> list[PlannedAttempt]:
    """All attempts of the cases in which one is refused for want of a common suite."""
    return [
        planned
        for case in Catalogue.load(ROOT / "scenarios").select([])
        for planned in case.plan()
        if any(p.expect and p.expect.reason is Reason.NO_SHARED_CIPHER for p in case.plan())
    ]


def both(laboratory: Lab, attempt: Attempt) -> tuple[Outcome, SuiteComparison]:
    """What happens, and what asking both ends says."""
    try:
        comparison = laboratory.session.suites(attempt)
    except Unsupported as cause:
        pytest.skip(f"cannot: {cause}")
    outcome = make(laboratory.session, PlannedAttempt("x", attempt))[0].outcome
    assert outcome is not None
    return outcome, comparison


def test_the_catalogue_has_refusals_and_completions_to_compare() -> None:
    expected = [p.expect for p in about_suites() if p.expect]
    assert sum(e.reason is Reason.NO_SHARED_CIPHER for e in expected) >= 10
    assert sum(e.result is Result.COMPLETED for e in expected) >= 10


@pytest.mark.parametrize("planned", about_suites(), ids=lambda planned: planned.id)
def test_the_prediction_is_what_happens(laboratory: Lab, planned: PlannedAttempt) -> None:
    outcome, comparison = both(laboratory, planned.attempt)
    if outcome.reason is Reason.NO_SHARED_CIPHER:
        assert not comparison.possible, comparison.sentence
        assert outcome.cause == comparison.sentence
    else:
        # Where the client has no list at all, there is nothing to compare.
        settled = outcome.reason is not Reason.CIPHER_LIST_EMPTY
        assert comparison.possible is settled, f"{outcome.in_words()}, but {comparison.sentence}"
    if outcome.result is Result.COMPLETED:
        assert comparison.version == outcome.protocol
        assert outcome.cipher in [s.name for s in comparison.common[comparison.version or ""]]


#: Where a handshake ends before suites matter, or where they do not matter: what is said then.
SITUATIONS: list[tuple[str, list[str], str, list[str], str]] = [
    (
        "vsftpd@openssl-1.0.2k",
        ["ciphers=DES-CBC3-SHA"],
        "net-ftp@rocky9",
        [],
        "no cipher suite in common in TLSv1.2: the server allows only DES-CBC3-SHA; the client"
        " offers 31 suites, none with 3DES-CBC",
    ),
    ("vsftpd@openssl-1.0.2k", [], "net-ftp@centos7", [], "1 cipher suite in common in TLSv1.2"),
    ("vsftpd", [], "net-ftp@rocky9:FIPS", [], "both ends speak TLSv1.3"),
    ("vsftpd", ["ciphers=AES128-SHA"], "curl@rocky9:FIPS", [], "both ends speak TLSv1.3"),
    ("vsftpd", ["protocols=TLSv1.3"], "net-ftp@centos7", [], "no protocol version in common"),
    (
        "vsftpd",
        ["protocols=TLSv1..TLSv1.1", "ciphers=ALL:@SECLEVEL=0"],
        "net-ftp@rocky9:LEGACY",
        ["protocols=TLSv1..TLSv1.2"],
        "no protocol version in common: the server speaks TLSv1.1 and TLSv1, the client TLSv1.2",
    ),
    (
        "vsftpd",
        ["protocols=TLSv1..TLSv1.1", "ciphers=ALL:@SECLEVEL=0"],
        "net-ftp@centos7",
        [],
        "6 cipher suites in common in TLSv1.1",
    ),
    (
        "vsftpd",
        ["tls=no"],
        "net-ftp@rocky9",
        [],
        "the server offers nothing: it takes no AUTH: 530",
    ),
    (
        "vsftpd",
        ["ciphers=NOPE"],
        "net-ftp@rocky9",
        [],
        "the server offers nothing: it did not start",
    ),
    ("vsftpd", [], "net-ftp@rocky9", ["ciphers=NOPE"], "the client offers nothing: Failed to set"),
    ("vsftpd", [], "ftplib@rocky9", ["ciphers=NOPE"], "the client offers nothing: ('No cipher can"),
    ("vsftpd", [], "net-ftp@rocky9", ["tls=no"], "the client offers nothing: it does not ask"),
    ("vsftpd", [], "net-ftp@rocky9", ["host=nope.lab.test"], "the client offers nothing: Name or"),
    (
        "vsftpd",
        ["implicit_tls=yes"],
        "curl@rocky9",
        ["implicit_tls=yes"],
        "both ends speak TLSv1.3",
    ),
    (
        "pyftpdlib",
        ["protocols=TLSv1.2", "certificate=ecdsa", "ciphers=ECDHE-RSA-AES128-SHA"],
        "ftplib@centos7",
        [],
        "no cipher suite in common in TLSv1.2: the server can use none: ECDHE-RSA-AES128-SHA needs"
        " an RSA key, the certificate has ECDSA secp256r1",
    ),
]


@pytest.mark.parametrize(
    ("software", "at_server", "client", "at_client", "sentence"),
    SITUATIONS,
    ids=[f"{s} {' '.join(a)} - {c} {' '.join(b)}" for s, a, c, b, _ in SITUATIONS],
)
def test_the_first_thing_that_fails_is_named(
    laboratory: Lab,
    software: str,
    at_server: list[str],
    client: str,
    at_client: list[str],
    sentence: str,
) -> None:
    attempt = Attempt(parse_server(at_server, software), parse_client(client, at_client))
    outcome, comparison = both(laboratory, attempt.with_client(payload=6))
    assert comparison.sentence.startswith(sentence)
    # A handshake comes about exactly where version and suite can be settled.
    assert (outcome.protocol is not None) is comparison.possible, outcome.in_words()
    if comparison.possible:
        assert outcome.protocol == comparison.version


def test_asking_leaves_no_trace_in_the_next_attempts_log(laboratory: Lab) -> None:
    attempt = Attempt(parse_server(["ciphers=HIGH"]), parse_client("net-ftp@rocky9"))
    laboratory.session.suites(attempt)
    log = make(laboratory.session, PlannedAttempt("x", attempt))[0].observation.server.log
    assert log.count("CONNECT: Client") == 1


def test_each_end_is_asked_once(laboratory: Lab) -> None:
    attempt = Attempt(parse_server([]), parse_client("net-ftp@rocky9"))
    first = laboratory.session.suites(attempt)
    again = laboratory.session.suites(attempt.with_client(payload=77, mode="active"))
    assert again.client is first.client
    assert again.server is first.server


@pytest.mark.parametrize(("suites", "status"), [("AES128-SHA", 1), ("HIGH", 0)])
def test_the_command(shared: Copy, suites: str, status: int) -> None:
    at_server = ("-s", f"ciphers={suites}", "-s", "protocols=..TLSv1.2")
    done = shared.lab("suites", *at_server, "--client", "net-ftp@rocky9:FIPS", "--json")
    assert done.status == status, str(done)
    said = done.json()
    assert said["possible"] is (status == 0)
    assert said["server"]["key"] == "RSA-2048"
    assert "ECDHE-RSA-AES256-GCM-SHA384" in said["client"]["suites"]["TLSv1.2"]


def test_the_command_says_what_cannot_be_asked(shared: Copy) -> None:
    done = shared.lab("suites", "--client", "curl@centos7")
    if done.status == 0:
        pytest.skip("this image of centos7 has a curl")
    assert done.status == 3, str(done)
    assert "cannot: the stand-in image has no NSS curl" in done.err
