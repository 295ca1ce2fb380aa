"""An operator's own certificate with real servers and clients: what is judged, and what is not."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path

import certifi
import pytest

from lab.certificates.material import RunCertificates
from lab.model import Outcome
from tests.e2e.checkouts import Copy, Done

pytestmark = [pytest.mark.engine, pytest.mark.slow]

#: A name that is not the lab's: the operator's server.
HOST = "www.example.test"
NAMED = ("-c", f"verify_name={HOST}", "-c", f"sni={HOST}")
TRUSTED = ("-c", "trust=own")
HANDSHAKE = ("-c", "goal=handshake")
LAB_CA = "issuer-lab-ca-only"
#: Never said of a certificate that is not judged, in any language.
VERIFIED = ("certificate verified", "証明書は検証済み")


@pytest.fixture(scope="module")
def material() -> RunCertificates:
    """Certificates of a CA that no run of the lab knows."""
    return RunCertificates([HOST])


def own(material: RunCertificates, directory: Path, slug: str) -> tuple[str, ...]:
    """The options for a certificate of that kind."""
    made = material.server(slug, HOST)
    chain, key = directory / "chain.pem", directory / "key.pem"
    chain.write_bytes(made.chain_pem)
    key.write_bytes(made.key_pem)
    return "--chain", str(chain), "--key", str(key)


def backend(directory: Path, *lines: str) -> tuple[str, ...]:
    """The option for a definition with these lines."""
    path = directory / "my.vcl"
    first = [f'.host = "{HOST}";', '.port = "443";', ".ssl = true;"]
    path.write_text("\n".join(["backend F_origin {", *first, *lines, "}", ""]), encoding="utf-8")
    return "--backend", str(path)


def page_of(copy: Copy, directory: Path) -> str:
    """The report of the newest run, as text."""
    path = directory / "report.html"
    copy.lab("report", "--html", str(path), str(copy.runs()[-1]))
    return html.unescape(
        re.sub("<style>.*?</style>|<[^>]*>", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    )


def everything(copy: Copy, directory: Path, done: Done) -> dict[str, str]:
    """What there is to read of the newest run."""
    summary = directory / "summary.md"
    copy.lab("report", "--summary", str(summary), str(copy.runs()[-1]))
    return {
        "attempt": done.out,
        "report": copy.lab("report", str(copy.runs()[-1])).out,
        "summary": summary.read_text(encoding="utf-8"),
        "page": page_of(copy, directory),
    }


def outcome_of(copy: Copy) -> Outcome:
    """The outcome in the newest record."""
    outcome = copy.record().attempts[0].outcome
    assert outcome is not None
    return outcome


def test_an_accepted_chain_is_called_verified_nowhere(
    shared: Copy, material: RunCertificates, tmp_path: Path
) -> None:
    # given a chain with its root, which the client is told to trust as it is
    words = own(material, tmp_path, "root-in-chain")
    delivers = ("-s", "require_ssl_reuse=no", "-s", "protocols=TLSv1.2")
    done = shared.lab("attempt", *words, *TRUSTED, *NAMED, *delivers)
    # then it delivers, and what it delivers to is not judged, wherever that is read
    assert done.status == 0, str(done)
    assert done.out.startswith("completed (transfer): "), str(done)
    for where, text in everything(shared, tmp_path, done).items():
        flat = " ".join(text.split())
        assert "certificate not judged" in flat, f"{where}\n{text}"
        assert not any(said in flat for said in VERIFIED), f"{where}\n{text}"
    outcome = outcome_of(shared)
    assert outcome.verified is None, outcome
    assert list(outcome.not_judged) == ["issuer-from-chain"], outcome
    # and nothing of the certificate is in the advice
    assert HOST not in done.err, str(done)
    # and an expectation that it is verified does not hold
    expected = ("--expect", "completed:verified=yes")
    done = shared.lab("attempt", *words, *TRUSTED, *NAMED, *HANDSHAKE, *expected, "--json")
    assert done.status == 1, str(done)
    assert "expected yes, seen not judged" in done.json()["verdict_why"], str(done)


def test_a_refusal_behind_the_certificate_does_not_make_it_verified(
    shared: Copy, material: RunCertificates, tmp_path: Path
) -> None:
    words = own(material, tmp_path, "root-in-chain")
    done = shared.lab("attempt", *words, *TRUSTED, *NAMED)
    assert "at transfer: session-reuse-required; certificate not judged: " in done.out, str(done)
    assert outcome_of(shared).verified is None, str(done)
    assert not any(said in page_of(shared, tmp_path) for said in VERIFIED)


def test_a_rate_says_that_nothing_is_judged(
    shared: Copy, material: RunCertificates, tmp_path: Path
) -> None:
    words = (*own(material, tmp_path, "root-in-chain"), *TRUSTED, *NAMED, *HANDSHAKE)
    done = shared.lab("attempt", *words, "--repeat", "3")
    assert done.status == 0, str(done)
    assert "3 of 3 completed (100%), the certificate not judged in 3" in done.out, str(done)
    done = shared.lab("attempt", *words, "--repeat", "3", "--json")
    data = done.json()
    assert (data["made"], data["completed"], data["not_judged"]) == (3, 3, 3), str(done)


@pytest.mark.parametrize(
    ("slug", "options", "reason", "left_open"),
    [
        # public roots know nothing of the CA, whatever is in the chain
        ("valid", (), "unknown-issuer", ["roots-stand-in", "name-not-given"]),
        ("root-in-chain", NAMED, "self-signed-in-chain", ["roots-stand-in"]),
        ("root-in-chain", (*NAMED, "-c", "trust=private-ca"), "self-signed-in-chain", [LAB_CA]),
        # the name was never given, so that the lab's own was asked for
        ("root-in-chain", TRUSTED, "hostname-mismatch", ["issuer-from-chain", "name-not-given"]),
        # an issuer that is not known hides that the certificate has expired
        ("expired", NAMED, "unknown-issuer", ["roots-stand-in"]),
        # true for every client that was not given the certificate itself
        ("self-signed", (), "self-signed-leaf", []),
        # and true for every client
        ("expired", (*TRUSTED, *NAMED), "expired", []),
        ("root-in-chain", (*TRUSTED, "-c", "verify_name=b.example.test"), "hostname-mismatch", []),
    ],
)
def test_a_refusal_says_whether_it_is_one_of_the_operators_clients(
    shared: Copy,
    material: RunCertificates,
    tmp_path: Path,
    slug: str,
    options: Sequence[str],
    reason: str,
    left_open: list[str],
) -> None:
    done = shared.lab("attempt", *own(material, tmp_path, slug), *options, *HANDSHAKE)
    assert done.status == 1, str(done)
    outcome = outcome_of(shared)
    assert (outcome.reason, list(outcome.not_judged)) == (reason, left_open), str(done)
    first = f"refused by the client at verify: {reason}"
    assert done.out.startswith(first), str(done)
    flat, page = " ".join(done.out.split()), page_of(shared, tmp_path)
    stand_in = left_open == ["roots-stand-in"]
    open_to_all = bool(left_open) and not stand_in
    assert ("; not judged: " in flat) is open_to_all, str(done)
    assert ("this refusal says nothing about your clients" in page) is open_to_all, page
    assert ("judged with Mozilla's public roots" in flat) is stand_in, str(done)
    assert ("judged with Mozilla's public roots" in page) is stand_in, page


@pytest.mark.parametrize("client", ["net-ftp@rocky9", "ftplib@rocky9", "curl@rocky9"])
def test_an_incomplete_chain_is_never_verified_by_itself(
    shared: Copy, material: RunCertificates, tmp_path: Path, client: str
) -> None:
    # given a chain without its intermediate, and a client that is told to trust it
    words = (*own(material, tmp_path, "incomplete-chain"), *TRUSTED, "--client", client)
    named = NAMED if client.startswith("net-ftp") else ()
    done = shared.lab("attempt", *words, *named)
    # then some accept it and some do not, and neither is judged
    outcome = outcome_of(shared)
    assert outcome.verified is not True, str(done)
    assert "issuer-from-chain" in outcome.not_judged, str(done)
    assert "not judged" in done.out, str(done)


def test_with_a_ca_and_a_name_it_is_judged_and_verified(
    shared: Copy, material: RunCertificates, tmp_path: Path
) -> None:
    # given a definition with the root and the name that the origin's certificate has
    root = material.anchor("private-ca").decode()
    lines = (f'.ssl_ca_cert = {{"{root}"}};', f'.ssl_cert_hostname = "{HOST}";')
    words = own(material, tmp_path, "private-ca")
    done = shared.lab("attempt", *backend(tmp_path, *lines), *words)
    # then it is the twin of all that is above: judged, and verified
    assert done.status == 0, str(done)
    assert "certificate verified" in done.out, str(done)
    assert "not judged" not in done.out + done.err, str(done)
    outcome = outcome_of(shared)
    assert (outcome.verified, outcome.not_judged) == (True, ()), outcome
    # and so is what that client refuses: another name, and a chain without its intermediate
    other = (lines[0], '.ssl_cert_hostname = "b.example.test";')
    done = shared.lab("attempt", *backend(tmp_path, *other), *words)
    assert re.match(
        r"refused by the client at verify: hostname-mismatch( \(stand-in\))?\n", done.out
    )
    root = material.anchor("public").decode()
    lines = (f'.ssl_ca_cert = {{"{root}"}};', lines[1])
    words = own(material, tmp_path, "incomplete-chain")
    done = shared.lab("attempt", *backend(tmp_path, *lines), *words)
    assert re.match(r"refused by the client at verify: [a-z-]+( \(stand-in\))?\n", done.out), str(
        done
    )
    assert outcome_of(shared).not_judged == (), str(done)


def trusting(directory: Path, pem: bytes) -> tuple[str, ...]:
    """The option for what clients trust."""
    path = directory / "ca.pem"
    path.write_bytes(pem)
    return "--ca", str(path)


@pytest.mark.parametrize(
    "client",
    [
        "net-ftp@rocky9",
        "ftplib@rocky9",
        "curl@rocky9",
        "openssl@rocky9",
        "tls-perl@centos7",
        "tls-python@centos7",
        "edge@debian13",
    ],
)
def test_every_client_asks_for_the_name_that_it_is_given(
    shared: Copy, material: RunCertificates, tmp_path: Path, client: str
) -> None:
    words = (*own(material, tmp_path, "valid"), "-s", "certificate=own", "--client", client)
    words += trusting(tmp_path, material.anchor("public"))
    if client.partition("@")[0] in ("net-ftp", "ftplib", "curl"):
        words += ("-c", "goal=login")  # a delivery over TLS 1.3 is a race
    done = shared.lab("attempt", *words, "--host", HOST)
    assert done.status == 0, str(done)
    assert outcome_of(shared).verified is True, str(done)
    # its twin: another name, for which the lab's DNS answers as well, and which is sent and checked
    done = shared.lab("attempt", *words, "--host", "b.example.test")
    assert done.status == 1, str(done)
    assert outcome_of(shared).reason == "hostname-mismatch", str(done)
    assert outcome_of(shared).not_judged == (), str(done)
    # and the name was for that run only: nobody answers for what was not asked for
    done = shared.lab("attempt", *words, "-c", f"host={HOST}")
    assert outcome_of(shared).stage == "resolve", str(done)


def test_the_name_of_a_backend_is_asked_for(
    shared: Copy, material: RunCertificates, tmp_path: Path
) -> None:
    words = (*own(material, tmp_path, "valid"), *trusting(tmp_path, material.anchor("public")))
    done = shared.lab("attempt", *backend(tmp_path), *words)
    assert done.status == 0, str(done)
    assert shared.record().attempts[0].client.host == HOST
    assert outcome_of(shared).verified is True, str(done)


@pytest.mark.parametrize("client", ["openssl@rocky9", "tls-perl@centos7"])
def test_a_chain_is_judged_with_public_roots(
    shared: Copy, material: RunCertificates, tmp_path: Path, client: str
) -> None:
    words = (*own(material, tmp_path, "valid"), "--host", HOST, "--client", client)
    done = shared.lab("attempt", *words)
    flat = " ".join(done.out.split())
    assert done.status == 1, str(done)
    assert outcome_of(shared).reason == "unknown-issuer", str(done)
    assert "judged with Mozilla's public roots, which are not its distribution's own" in flat
    # its twin: one root more in a copy of them
    roots = tmp_path / "roots.pem"
    roots.write_bytes(Path(certifi.where()).read_bytes() + material.anchor("public"))
    shim = f"__version__ = {certifi.__version__!r}\n\n\ndef where():\n    return {str(roots)!r}\n"
    (tmp_path / "certifi.py").write_text(shim, encoding="utf-8")
    done = shared.lab("attempt", *words, PYTHONPATH=f"{tmp_path}:{shared.path}")
    flat = " ".join(done.out.split())
    assert done.status == 0, str(done)
    assert "certificate accepted with Mozilla's public roots, which are not its" in flat, str(done)
    assert outcome_of(shared).verified is None, str(done)
    assert not any(said in flat for said in VERIFIED), str(done)


def test_a_pinned_certificate_is_called_the_pinned_one(
    shared: Copy, material: RunCertificates, tmp_path: Path
) -> None:
    words = own(material, tmp_path, "incomplete-chain")
    done = shared.lab("attempt", *words, "-c", "fingerprint=own", *HANDSHAKE, "-v")
    assert done.status == 0, str(done)
    assert "certificate is the pinned one" in done.out, str(done)
    assert "accepts exactly this certificate" in done.err, str(done)


def test_without_verification_it_is_not_verified(
    shared: Copy, material: RunCertificates, tmp_path: Path
) -> None:
    words = own(material, tmp_path, "full-chain")
    done = shared.lab("attempt", *words, "-c", "verify=no", *HANDSHAKE)
    assert done.status == 0, str(done)
    assert "certificate not verified" in done.out, str(done)
    assert "not judged" not in done.out, str(done)
