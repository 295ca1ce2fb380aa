"""What `lab explain` is measured with: the recordings are where the split puts them, and hold a truth."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path

import pytest

from lab.model import Reason, Side, Stage
from tests.explain.clients import Controls
from tests.explain.edges import EDGES
from tests.explain.record import programs_of
from tests.explain.servers import SERVERS
from tests.explain.texts import (
    KNOWN,
    RECORDED,
    Cause,
    Heard,
    Recording,
    Text,
    files,
    folder_of,
    held_out,
    merged,
    named,
    neutral,
    of_any_release,
    passed_on,
    read,
    table,
    words_of,
)

FILES = [path for folder in (KNOWN, *held_out().values()) for path in files(folder)]


@functools.cache
def recording(path: Path) -> Recording:
    """Read by the test that looks at it: every process names the tests, and one runs this one."""
    found = read(path)
    assert found
    return found


def test_every_defect_is_called_by_words_of_the_vocabulary() -> None:
    tables = table("defects.toml")
    causes = [
        value["cause"] if isinstance(value, dict) else value
        for part in tables.values()
        if isinstance(part, dict)
        for value in part.values()
    ]
    assert causes
    for reason, by, stage in causes:
        assert Reason(reason)
        assert Side(by)
        assert Stage(stage)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recording_is_where_the_split_puts_it(path: Path) -> None:
    assert path.parent == folder_of(recording(path).release)
    assert path.stem == recording(path).name


def test_a_batch_is_held_out_by_its_releases() -> None:
    batches = table("split.toml")["batch"]
    assert set(held_out()) == set(batches)
    for name, batch in batches.items():
        assert set(batch["releases"]) <= set(table("releases.toml")["suites"])
        assert {folder_of(release) for release in batch["releases"]} == {held_out()[name]}
    assert folder_of("debian12") == KNOWN


def test_no_release_is_without_what_nobody_installs() -> None:
    releases = table("releases.toml")
    for release, packages in releases["without"].items():
        assert release in releases["suites"]
        assert set(packages) <= set(releases["packages"])


def test_a_release_on_top_of_another_has_its_newer_programs_alone() -> None:
    releases = table("releases.toml")
    every = {*table("clients.toml")["version"], *SERVERS, *EDGES}
    for release, newer in releases["on_top"].items():
        assert {release, newer["of"]} <= set(releases["suites"])
        assert newer["of"] not in releases["on_top"]
        assert set(newer["programs"]) <= every
        assert programs_of(release, ()) == newer["programs"]
        assert programs_of(release, newer["programs"][:1]) == newer["programs"][:1]
        assert programs_of(release, (every - set(newer["programs"]))) is None
        assert programs_of(newer["of"], ()) == ()
        of_it = (recording(path) for path in FILES if path.stem.endswith(f"@{release}"))
        recorded = {one.program for one in of_it}
        assert recorded <= set(newer["programs"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_text_has_a_truth_and_nothing_of_the_day_it_was_recorded_on(path: Path) -> None:
    one = recording(path)
    assert one.version
    for text in one.texts:
        assert text.text.strip()
        assert text.setups
        for reason, by, stage in text.causes:
            assert Reason(reason)
            assert Side(by)
            assert Stage(stage)
        assert "PRIVATE KEY" not in text.text
        assert "BEGIN CERTIFICATE" not in text.text
        assert one.source != RECORDED or neutral(text.text) == text.text


def test_a_recording_is_read_as_it_was_written(tmp_path: Path) -> None:
    text = Text('a\n"b" é', "way", ("web: x",), (Cause("expired", "client", "verify"),))
    other = replace(text, how="another")
    one = Recording("x", "debian12", "1", "OpenSSL", RECORDED, (text, other))
    assert read(one.write(tmp_path)) == one
    assert read(tmp_path / "nothing.json") is None


def test_what_fails_without_the_defect_says_nothing_of_it() -> None:
    told = Controls(frozenset({"ftp proftpd", "web"}), {})
    assert not told.valid("ftp: proftpd, upload denied")
    assert not told.valid("clear: proftpd, data in clear text")
    assert told.valid("ftp: vsftpd, upload denied")
    assert told.valid("ftp: expired")
    assert not told.valid("web: expired")
    assert told.valid("implicit: valid")
    assert not Controls(frozenset({"implicit"}), {}).valid("implicit: valid")
    assert not Controls(frozenset({"ftp"}), {}).valid("implicit: valid")


def test_equal_texts_are_one_with_all_their_causes() -> None:
    first, second = Cause("expired", "client", "verify"), Cause("weak-key", "client", "verify")
    heard = [Heard("x", "way", "web: a", "no", first), Heard("x", "way", "web: b", "no", second)]
    (one,) = merged(heard)
    assert one.reasons == {"expired", "weak-key"}
    assert one.setups == ("web: a", "web: b")


def test_a_client_without_a_version_was_not_asked_for_its_certificate(tmp_path: Path) -> None:
    setup, refused = "web: client certificate over TLS 1.3", "tlsv1 alert protocol version"
    cause = Cause("client-certificate-required", "server", "handshake")
    version = Cause("no-shared-protocol", "server", "handshake")
    assert named(Heard("x", "way", setup, refused, cause)) == version
    assert named(Heard("x", "way", setup, "tlsv13 alert certificate required", cause)) == cause
    recorded = Recording(
        "x", "debian12", "1", "OpenSSL", RECORDED, (Text(refused, "way", (setup,), (cause,)),)
    )
    now = read(recorded.write(tmp_path))
    assert now is not None
    assert now.texts[0].causes == (version,)


def recorded(folder: Path, program: str, text: Text) -> tuple[Text, ...]:
    one = read(Recording(program, "debian12", "1", "-", RECORDED, (text,)).write(folder))
    assert one is not None
    return one.texts


@pytest.mark.parametrize(
    ("setups", "said", "reasons"),
    [
        (("web: no secure renegotiation",), "upstream timed out", {"timed-out"}),
        (
            ("web: no secure renegotiation",),
            "unsafe legacy renegotiation",
            {"legacy-renegotiation"},
        ),
        (("web: silent in the handshake", "web: no secure renegotiation"), "-", {"timed-out"}),
        # a page that is the same for every refusal
        (("web: expired", "web: no secure renegotiation"), "timed out", {"legacy-renegotiation"}),
    ],
)
def test_who_waits_for_more_than_half_an_answer_has_met_silence(
    tmp_path: Path, setups: tuple[str, ...], said: str, reasons: set[str]
) -> None:
    cause = Cause("legacy-renegotiation", "client", "handshake")
    (text,) = recorded(tmp_path, "x", Text(said, "way", setups, (cause,)))
    assert text.reasons == reasons


def test_what_a_program_cannot_meet_or_does_not_say_is_left_out(tmp_path: Path) -> None:
    silent = Text("DONE", "s_client", ("web: silent after the request",), ())
    assert recorded(tmp_path, "openssl", silent) == ()
    assert recorded(tmp_path, "curl", replace(silent, how="curl"))
    assert recorded(tmp_path, "perl", Text("read: ,", "way", ("web: closes",), ())) == ()
    assert recorded(tmp_path, "perl", Text("read: EOF,", "way", ("web: closes",), ()))


def test_a_suite_that_was_not_offered_has_no_group(tmp_path: Path) -> None:
    cause = Cause("weak-dh", "client", "handshake")
    setup = "web: small Diffie-Hellman group"
    said = "error:1421C105:SSL routines:set_client_ciphersuite:wrong cipher returned"
    assert named(Heard("x", "way", setup, said, cause)).reason == "no-shared-cipher"
    assert named(Heard("x", "way", setup, "dh key too small", cause)) == cause
    (text,) = recorded(tmp_path, "x", Text(said, "way", (setup,), (cause,)))
    assert text.reasons == {"no-shared-cipher"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("502 Bad Gateway nginx/1.18.0", "502 Bad Gateway nginx/1.26.3"),
        (
            "error:14094418:SSL routines:ssl3_read_bytes:tlsv1 alert unknown ca",
            "error:0A000418:SSL routines::tlsv1 alert unknown ca",
        ),
        ("ssl/tls alert bad certificate", "sslv3 alert bad certificate"),
        ("net/ftp.rb:440:in `getline'", "net/ftp.rb:457:in `getline'"),
        ("0/0/-1/-1/3 503 222 - - SC-- 1/1", "0/0/-1/-1/3 503 217 - - SC-- 1/1"),
        (
            "node:events:495\n      throw er;\n      ^\n\nError: a\n    at b (node:_tls_wrap:1681:34)",
            "node:events:505\n    throw er;\n    ^\n\nError: a\n    at b (node:internal/tls/wrap:1788:34)",
        ),
        (
            "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure (_ssl.c:992)",
            "[SSL: SSL/TLS_ALERT_HANDSHAKE_FAILURE] ssl/tls alert handshake failure (_ssl.c:1147)",
        ),
        (
            "x509: certificate signed by unknown authority",
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        ),
        (
            "2026/01/02 03:04:05 Failed to lsf",
            "2026/01/02 03:04:05 NOTICE: Failed to lsf",
        ),
        (
            "file_put_contents(ftps://...@h/x): failed to open stream: operation failed",
            "file_put_contents(): Failed to open stream: operation failed",
        ),
        (
            "SSLHandshakeException: Received fatal alert: handshake_failure",
            "SSLHandshakeException: (handshake_failure) Received fatal alert: handshake_failure",
        ),
        (
            "curl: (60) SSL certificate problem: certificate has expired",
            "curl: (60) SSL certificate OpenSSL verify result: certificate has expired (10)",
        ),
    ],
)
def test_of_two_releases_a_text_is_one(one: str, other: str) -> None:
    assert of_any_release(one) == of_any_release(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("error:0A000418:SSL routines::x", "error:0A000412:SSL routines::x"),
        ("0/0/-1/-1/3 503 222 - - SC-- 1/1", "0/0/-1/-1/3 504 222 - - sC-- 1/1"),
        ("net/ftp.rb:440:in `getline'", "net/ftp.rb:440:in `voidresp'"),
        ("EOF occurred (_ssl.c:992)", "EOF occurred (_ssl.c:2483)"),
        ("Failed to connect to h port 443 after 3 ms", "Failed to connect to h:443 after 3 ms"),
    ],
)
def test_what_tells_a_cause_is_kept(one: str, other: str) -> None:
    assert of_any_release(one) != of_any_release(other)


def test_git_passes_on_the_words_of_its_library() -> None:
    git = words_of("git", "fatal: unable to access 'https://x/': GnuTLS, handshake failed: Closed")
    pycurl = words_of("curl-gnutls", "curl: (35) gnutls_handshake() failed: Closed")
    assert passed_on(git) == passed_on(pycurl) is not None
    assert words_of("curl", "curl: (35) gnutls_handshake() failed: Closed") == pycurl
    curl = words_of("curl", "curl: (55) Send failure: Broken pipe")
    assert curl != words_of("curl", "curl: (35) Send failure: Broken pipe")
    assert passed_on(words_of("wget", "Send failure: Broken pipe")) is None
    assert passed_on(words_of("git", "Send failure: Broken pipe")) is None


def test_the_name_of_a_certificates_file_says_nothing() -> None:
    said = {
        neutral(f"added 1 certs from '/srv/material/server/{one}.chain.pem'")
        for one in ("expired", "not-a-ca")
    }
    assert len(said) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("unable to verify the first certificate", "first-certificate-unverifiable"),
        (
            "num=20:unable to get local issuer certificate\nnum=21:unable to verify the first",
            "unknown-issuer",
        ),
        ("The issuer is unknown", "unknown-issuer"),
    ],
)
def test_an_incomplete_chain_is_named_by_the_number_that_is_said_first(
    text: str, reason: str
) -> None:
    cause = Cause("unknown-issuer", "client", "verify")
    assert named(Heard("x", "way", "web: incomplete-chain", text, cause)).reason == reason
