"""After a refusal: the cause, the line that decides, and remedies that were really tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.cases import Catalogue
from lab.certificates.material import RunCertificates
from lab.host.checkout import source
from lab.model import Attempt, Rating, Reason
from lab.model.expectations import PlannedAttempt
from lab.remedies.races import THOROUGH
from lab.run.attempts import make
from lab.run.laboratory import Lab
from lab.run.remedies import advise
from tests.e2e.checkouts import Copy

pytestmark = [pytest.mark.engine, pytest.mark.slow]

CONF = """\
ssl_enable=YES
rsa_cert_file=/etc/ssl/private/vsftpd.pem
ssl_ciphers={ciphers}
require_ssl_reuse=NO
write_enable={write}
"""


def refused(copy: Copy, *words: str) -> dict[str, Any]:
    """The record of an attempt, which is refused."""
    done = copy.lab("attempt", "--json", *words)
    assert done.status == 1, done
    found: dict[str, Any] = done.json()
    return found


def held(found: dict[str, Any]) -> list[list[str]]:
    return [r["cures"] for r in found["advice"]["remedies"] if 0 < r["tries"] == r["completed"]]


def conf(directory: Path, ciphers: str = "HIGH", write: str = "YES") -> tuple[str, str]:
    path = directory / "vsftpd.conf"
    path.write_text(CONF.format(ciphers=ciphers, write=write), encoding="utf-8")
    return "--vsftpd-conf", str(path)


def test_the_line_that_decides_is_named_and_what_to_write_was_tried(
    shared: Copy, tmp_path: Path
) -> None:
    client = ("-c", "ciphers=AES256-GCM-SHA384", "-c", "protocols=TLSv1.2")
    found = refused(shared, *conf(tmp_path, "AES128-SHA256"), *client)
    advice = found["advice"]
    assert advice["where"] == [f"{tmp_path}/vsftpd.conf:3"]
    assert "AES256-GCM-SHA384" in advice["cause"]["en"]
    assert "AES128-SHA256" in advice["cause"]["ja"]
    first = advice["remedies"][0]
    assert first["outcome"]["result"] == "completed"
    assert first["changes"][0]["was"] == ["ssl_ciphers=AES128-SHA256"]
    assert first["changes"][0]["write"] == ["ssl_ciphers=HIGH"]
    # The twin: the same file with what it says to write.
    done = shared.lab("attempt", *conf(tmp_path, "HIGH"), *client)
    assert done.status == 0, done
    assert "remedy" not in done.out


def test_the_directive_that_decides_is_named_with_its_line(shared: Copy, tmp_path: Path) -> None:
    config = tmp_path / "mt-config.cgi"
    calm = ("--mt-config", str(config), "-s", "require_ssl_reuse=no", "-s", "protocols=..TLSv1.2")
    config.write_text("CGIPath /mt/\nFTPSSSLVersion TLSv1\n", encoding="utf-8")
    found = refused(shared, *calm)
    assert found["outcome"]["reason"] == "no-shared-protocol"
    advice = found["advice"]
    assert advice["where"] == [f"{config}:2"]
    first = advice["remedies"][0]
    assert first["outcome"]["result"] == "completed"
    assert first["changes"][0]["was"] == ["FTPSSSLVersion TLSv1"]
    # The twin: another value.
    config.write_text("CGIPath /mt/\nFTPSSSLVersion TLSv1_2\n", encoding="utf-8")
    done = shared.lab("attempt", *calm)
    assert done.status == 0, done


def test_changes_add_up_where_one_defect_hides_another(shared: Copy) -> None:
    found = refused(shared, "-s", "certificate=expired", "--client", "ftplib@rocky9")
    both = [cures for cures in held(found) if len(cures) == 2]
    assert ["renewed", "session-shared"] in both
    assert all("renewed" in cures or "not-verified" in cures for cures in held(found))


def test_what_completes_in_some_tries_only_is_no_remedy(shared: Copy, tmp_path: Path) -> None:
    path = tmp_path / "vsftpd.conf"
    path.write_text(CONF.format(ciphers="HIGH", write="YES").replace("reuse=NO", "reuse=YES"))
    found = refused(shared, "--vsftpd-conf", str(path), "--client", "net-ftp@rocky9")
    assert found["outcome"]["reason"] == "session-reuse-required"
    alone = ["reuse-not-required"]
    (over_tls_1_3,) = [r for r in found["advice"]["remedies"] if r["cures"] == alone]
    tries, completed = over_tls_1_3["tries"], over_tls_1_3["completed"]
    # One try says something only if it was lost; one in a hundred runs loses none of them all.
    assert not completed or tries > 1
    if completed < tries:
        assert held(found)[0] == [*alone, "server-tls-1.2"]
    else:
        assert tries == sum(THOROUGH.values())


def test_a_persons_own_certificate_is_replaced_and_the_client_stays(
    shared: Copy, tmp_path: Path
) -> None:
    host = "ftp.example.test"
    material = RunCertificates([host])
    made = material.server("expired", host)
    for name, content in (
        ("chain", made.chain_pem),
        ("key", made.key_pem),
        ("ca", material.anchor("public")),
    ):
        (tmp_path / name).write_bytes(content)
    files = [w for n in ("chain", "key", "ca") for w in (f"--{n}", str(tmp_path / n))]
    words = (*files, "--host", host, "-s", "require_ssl_reuse=no", "--client", "curl@rocky9")
    found = refused(shared, *words)
    assert (found["outcome"]["reason"], held(found)[0]) == ("expired", ["renewed"])
    renewed = found["advice"]["remedies"][0]
    # The file's content is what changes: no line of the server, and nothing at the client.
    assert [(c["end"], c["was"], c["write"]) for c in renewed["changes"]] == [("server", [], [])]


def test_a_backend_definition_is_mended_in_its_own_words(shared: Copy, tmp_path: Path) -> None:
    path = tmp_path / "my.vcl"
    path.write_text(
        'backend F_own {\n  .host = "nginx.lab.test";\n  .port = "443";\n  .ssl = true;\n'
        '  .ssl_check_cert = always;\n  .ssl_cert_hostname = "nginx.lab.test";\n}\n',
        encoding="utf-8",
    )
    found = refused(shared, "--backend", str(path), "-s", "certificate=self-signed")
    rated = {r["cures"][0]: r for r in found["advice"]["remedies"] if r["completed"]}
    (off,) = rated["not-verified"]["changes"]
    assert (off["write"], off["where"]) == ([".ssl_check_cert = never;"], [f"{path}:5"])
    assert rated["served-trusted"]["changes"][0]["write"] == [
        '.ssl_ca_cert = "<PEM of self-signed>";'
    ]


def test_the_name_that_is_checked_is_corrected_and_the_one_that_is_sent_is_kept(
    shared: Copy, tmp_path: Path
) -> None:
    # given an origin of a person's that is asked for by one name and has a certificate for another
    host, sold = "origin.example.test", "shop.example.test"
    material = RunCertificates([sold])
    made = material.server("valid", sold)
    for name, content in (
        ("chain", made.chain_pem),
        ("key", made.key_pem),
        ("ca", material.anchor("public")),
    ):
        (tmp_path / name).write_bytes(content)
    files = [w for n in ("chain", "key", "ca") for w in (f"--{n}", str(tmp_path / n))]
    path = tmp_path / "my.vcl"
    head = f'backend F_own {{\n  .host = "{host}";\n  .port = "443";\n  .ssl = true;\n'
    for checked, sent in (
        # the edge has one name for both, and is asked for with it; a bare client has two
        ('  .ssl_cert_hostname = "www.example.test";\n', ""),
        ('  .ssl_cert_hostname = "www.example.test";\n', f'  .ssl_sni_hostname = "{host}";\n'),
    ):
        path.write_text(f"{head}{checked}{sent}}}\n", encoding="utf-8")
        found = refused(shared, "--backend", str(path), *files)
        assert found["outcome"]["reason"] == "hostname-mismatch"
        rated = {r["cures"][0]: r for r in found["advice"]["remedies"] if r["completed"]}
        remedy = rated["name-corrected"]
        assert "tls-perl@rocky9" in remedy["title"]["en"] or sent
        (change,) = remedy["changes"]
        assert change["was"] == ['.ssl_cert_hostname = "www.example.test";']
        # what it says to write, written, completes and is verified
        written = "".join(f"  {line}\n" for line in change["write"])
        path.write_text(f"{head}{written}{sent}}}\n", encoding="utf-8")
        done = shared.lab("attempt", "--json", "--backend", str(path), *files)
        assert done.status == 0, done
        assert done.json()["client_report"]["verified"] is True
        assert done.json()["client"]["verify_name"] == sold


def test_what_is_unsafe_is_shown_at_an_impostor_s_server(shared: Copy) -> None:
    found = refused(
        shared,
        "-s",
        "certificate=self-signed",
        "-s",
        "require_ssl_reuse=no",
        "--client",
        "curl@rocky9",
    )
    rated = {r["cures"][0]: r for r in found["advice"]["remedies"] if r["completed"]}
    assert rated["known-authority"]["captured"] is None
    assert rated["not-verified"]["rating"] == "unsafe"
    assert rated["not-verified"]["captured"]["user"] == "lab"


def test_a_server_that_does_not_start_says_why_and_the_line_that_helps(
    shared: Copy, tmp_path: Path
) -> None:
    found = refused(shared, *conf(tmp_path, "NO-SUCH-SUITE"))
    assert "could not set cipher list" in found["advice"]["cause"]["en"]
    assert found["advice"]["where"] == [f"{tmp_path}/vsftpd.conf:3"]


def test_who_expects_a_refusal_or_wants_no_remedies_is_given_none(
    shared: Copy,
) -> None:
    wanted = ("--expect", "refused:client:verify:expired")
    done = shared.lab("attempt", "--json", "-s", "certificate=expired", *wanted)
    assert (done.status, done.json()["advice"]) == (0, None), done
    done = shared.lab("attempt", "--json", "-s", "certificate=expired", "--no-remedies")
    assert done.status == 1, done
    advice = done.json()["advice"]
    assert (advice["sought"], advice["remedies"]) == (False, [])
    assert "validity has ended" in advice["cause"]["en"], advice


def test_words_come_in_japanese_in_the_terminal_and_on_the_page(
    shared: Copy, tmp_path: Path
) -> None:
    done = shared.lab("attempt", "-s", "certificate=wrong-host", "--lang", "ja")
    assert "原因" in done.out
    assert "接続先の名前: ftp.lab.test。証明書の名前: other.lab.test。" in done.out, done
    page = tmp_path / "report.html"
    shared.lab("report", "--html", str(page), str(shared.runs()[-1]))
    text = page.read_text(encoding="utf-8")
    assert "接続先の名前: ftp.lab.test。" in text
    assert "Asked for: ftp.lab.test." in text


# -- every documented refusal ----------------------------------------------------------------------


def refusals() -> dict[Reason, list[Attempt]]:
    """The refusals of the cases, one for each server and client program, by their reason.

    Servers of an impostor are left out: nobody is to get through to them.
    """
    found: dict[tuple[object, ...], tuple[Reason, Attempt]] = {}
    for loaded in Catalogue.load(source() / "scenarios").select([], None):
        attempt, reason = loaded.case.attempt, loaded.case.expect.reason
        if reason is not None and loaded.case.race is None and not attempt.server.impostor:
            key = (reason, attempt.server.software, attempt.client.program)
            found.setdefault(key, (reason, attempt))
    by_reason: dict[Reason, list[Attempt]] = {}
    for reason, attempt in found.values():
        by_reason.setdefault(reason, []).append(attempt)
    return by_reason


REFUSALS = refusals()


@pytest.mark.parametrize("reason", REFUSALS, ids=str)
def test_every_documented_refusal_has_a_remedy_that_holds(laboratory: Lab, reason: Reason) -> None:
    for number, attempt in enumerate(REFUSALS[reason]):
        result, _ = make(laboratory.session, PlannedAttempt(f"{reason}-{number}", attempt))
        if result.outcome is None:  # cannot be made on these images, which the cases say
            continue
        assert result.outcome.reason is reason, attempt
        advice = advise(laboratory, result, ())
        held = [one for one in advice.remedies if one.holds and one.rating is not Rating.UNSAFE]
        assert held, f"{attempt}: {[one.cures for one in advice.remedies]}"
        assert all(one.changes for one in held)
