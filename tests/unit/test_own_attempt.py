"""Files and command line, put together into one attempt."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.certificates import OWN
from lab.certificates.material import RunCertificates
from lab.clients.net_ftp import NetFtp
from lab.model import Attempt, Reason, only
from lab.own.attempt import read_attempt
from lab.own.configurations import GivenFiles
from lab.own.files import UserFiles
from lab.own.findings import Finding, InputError, Severity
from lab.own.presumed import in_both_languages
from lab.remedies import remedies_for
from lab.remedies.lines import LineChange, changes
from lab.servers.vsftpd import Vsftpd
from lab.settings import SettingsError
from tests.unit.certificates import HOST, MATERIAL

CONF = """\
ssl_enable=YES
local_enable=YES
write_enable=YES
anonymous_enable=NO
rsa_cert_file=/etc/ssl/ftp.pem
ssl_ciphers=AES128-SHA:DES-CBC3-SHA
ssl_tlsv13=NO
require_ssl_reuse=NO
max_clients=50
listen=YES
"""
DIRECTIVES = "FTPSSSLVerifyNone 1\nFTPSOptions SSL_cipher_list=AES128\nFTPSOptions ReuseSession=1\n"


@functools.cache
def material_for(host: str) -> RunCertificates:
    return MATERIAL if host == HOST else RunCertificates([host])


class Desk:
    """A directory with an operator's files, and the command line."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.given: dict[str, Path] = {}

    def write(self, option: str, content: str | bytes, name: str | None = None) -> Path:
        path = self.directory / (name or option)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.given[option] = path
        return path

    def certificate(self, slug: str, host: str = HOST) -> None:
        made = material_for(host).server(slug, host)
        self.write("chain", made.chain_pem)
        self.write("key", made.key_pem)

    def read(
        self,
        server: Sequence[str] = (),
        client: Sequence[str] = (),
        *,
        program: str = "net-ftp@rocky9:FIPS",
        software: str = "vsftpd",
        build: str | None = None,
        environment: Mapping[str, str] | None = None,
        host: str | None = None,
    ) -> tuple[Any, UserFiles | None, list[Finding]]:
        options = {name: name.replace("_", "-") for name in self.given if name.endswith("_conf")}
        files = GivenFiles(
            configurations={option: self.given[name] for name, option in options.items()},
            builds={"vsftpd-build": build} if build else {},
            mt_config=self.given.get("mt_config"),
            chain=self.given.get("chain"),
            key=self.given.get("key"),
            ca=self.given.get("ca"),
            host=host,
        )
        return read_attempt(
            files,
            program,
            client_settings=client,
            server=software,
            server_settings=server,
            environment=environment,
        )


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def worst(findings: Sequence[Finding]) -> list[str]:
    return [f.text for f in findings if f.severity is not Severity.NOTE]


# -- files and assignments -------------------------------------------------------------------------


def test_without_files_it_is_the_command_line(desk: Desk) -> None:
    attempt, own, findings = desk.read(["ciphers=HIGH"], ["verify=no"])
    assert attempt == Attempt(
        Vsftpd(ciphers="HIGH"),
        NetFtp(platform="rocky9", policy="FIPS", verify=False),
    )
    assert own is None
    assert findings == []


def test_both_files_describe_the_attempt(desk: Desk) -> None:
    desk.write("vsftpd_conf", CONF)
    desk.write("mt_config", DIRECTIVES)
    attempt, own, findings = desk.read()
    assert attempt.server == Vsftpd(
        ciphers="AES128-SHA:DES-CBC3-SHA",
        protocols=only("TLSv1.2"),
        require_ssl_reuse=False,
        extra=("max_clients=50",),
    )
    assert attempt.client == NetFtp(
        platform="rocky9", policy="FIPS", verify=False, ciphers="AES128"
    )
    assert own is not None
    assert (own.certificate, own.anchors, own.form) == (None, None, "mt-config")
    conf = desk.given["vsftpd_conf"]
    assert own.places["server.ciphers"] == f"{conf}:6"
    assert own.places["client.verify"] == f"{desk.given['mt_config']}:1"
    assert own.places["server.extra:max_clients=50"] == f"{conf}:9"
    # of versions each switch has its line
    assert own.places["server.extra:ssl_tlsv13=NO"] == f"{conf}:7"
    assert "server.protocols" not in own.places
    assert {f.file for f in findings} == {str(path) for path in desk.given.values()}


def test_findings_are_in_the_order_of_the_files_and_their_lines(desk: Desk) -> None:
    desk.write("vsftpd_conf", CONF + "listen=NO\nssl_ciphers=HIGH\n")
    desk.write("mt_config", "CGIPath /mt/\n" + DIRECTIVES)
    _, _, findings = desk.read()
    places = [(f.file, f.line or 1000) for f in findings]
    conf, config = (str(desk.given[name]) for name in ("vsftpd_conf", "mt_config"))
    assert places == sorted(places, key=lambda place: ([conf, config].index(place[0]), place[1]))


def test_assignments_win_over_files(desk: Desk) -> None:
    desk.write("vsftpd_conf", CONF)
    desk.write("mt_config", DIRECTIVES)
    attempt, _, findings = desk.read(
        ["ciphers=HIGH", "certificate=expired", "extra=max_clients=1"], ["verify=yes"]
    )
    assert attempt.server.ciphers == "HIGH"
    assert attempt.server.certificate == "expired"
    assert attempt.server.extra == ("max_clients=50", "max_clients=1"), "the last line holds"
    assert attempt.client.verify is True
    assert attempt.client.ciphers == "AES128", "what is not assigned is still the file's"
    wins = [str(f) for f in findings if "command line wins" in f.text]
    assert any(":6: note: -s ciphers=" in text for text in wins)
    assert any("-c verify=" in text for text in wins)


def test_an_assigned_default_wins_too(desk: Desk) -> None:
    desk.write("vsftpd_conf", "ssl_enable=NO\n")
    attempt, _, _ = desk.read(["tls=yes"])
    assert attempt.server.tls is True


def test_assigned_protocols_take_the_place_of_switches_that_are_no_range(desk: Desk) -> None:
    desk.write("vsftpd_conf", CONF + "ssl_tlsv12=NO\n")
    assert desk.read()[0].server.extra == ("max_clients=50", "ssl_tlsv13=NO", "ssl_tlsv12=NO")
    attempt, _, _ = desk.read(["protocols=TLSv1.3"])
    assert attempt.server.protocols == only("TLSv1.3")
    assert attempt.server.extra == ("max_clients=50",)


def test_other_programs_get_the_directives_with_a_warning(desk: Desk) -> None:
    desk.write("mt_config", DIRECTIVES)
    attempt, _, findings = desk.read(program="curl@rocky9")
    assert attempt.client.ciphers == "AES128"
    assert any("not curl" in text for text in worst(findings))


def test_the_environment_is_looked_through_when_it_is_given(desk: Desk) -> None:
    _, _, findings = desk.read(environment={"FTPSSSLVerifyNone": "1"})
    assert [f.file for f in findings] == ["environment"]


def test_bad_assignments_are_refused_as_without_files(desk: Desk) -> None:
    desk.write("vsftpd_conf", CONF)
    with pytest.raises(SettingsError, match="did you mean ciphers"):
        desk.read(["cipher=HIGH"])


# -- builds ----------------------------------------------------------------------------------------


def test_a_file_is_read_as_the_server_would_read_it(desk: Desk) -> None:
    desk.write("vsftpd_conf", CONF.replace("tlsv13", "tlsv1_3"))
    attempt, _, findings = desk.read(build="debian13")
    assert attempt.server.extra[-1] == "ssl_tlsv1_3=NO"
    assert any("500 OOPS: unrecognised variable" in text for text in worst(findings))
    attempt, _, findings = desk.read(software="vsftpd@rocky9")
    assert attempt.server.software == "vsftpd@rocky9"
    assert attempt.server.protocols == only("TLSv1.2")
    assert worst(findings) == []


def test_a_file_that_only_another_build_can_read_is_read_as_that_build_does(desk: Desk) -> None:
    desk.write("vsftpd_conf", CONF.replace("tlsv13", "tlsv1_3"))
    attempt, _, findings = desk.read()
    assert attempt.server.protocols == only("TLSv1.2")
    assert attempt.server.presumed[0].startswith("it is the build el9 (")
    (text,) = worst(findings)
    assert "`--vsftpd-build debian13` reads it so" in text


def test_a_file_of_another_build_is_translated(desk: Desk) -> None:
    desk.write("vsftpd_conf", CONF.replace("tlsv13", "tlsv1_3"))
    attempt, _, findings = desk.read(build="el9")
    assert attempt.server.protocols == only("TLSv1.2")
    assert worst(findings) == []


def test_an_unknown_build_is_refused(desk: Desk) -> None:
    desk.write("vsftpd_conf", CONF)
    with pytest.raises(SettingsError, match="el9"):
        desk.read(build="el7")


def test_a_vsftpd_conf_says_nothing_to_pyftpdlib(desk: Desk) -> None:
    desk.write("vsftpd_conf", CONF)
    with pytest.raises(InputError, match="pyftpdlib"):
        desk.read(software="pyftpdlib")


# -- the operator's own certificate ----------------------------------------------------------------


def test_an_own_certificate_is_served(desk: Desk) -> None:
    desk.certificate("valid")
    attempt, own, findings = desk.read()
    assert attempt.server.certificate == OWN
    assert own is not None
    assert own.certificate is not None
    assert own.certificate.leaf_sha256 == MATERIAL.server("valid", HOST).leaf_sha256
    # then nobody is told to trust the file, and what will not be judged is said before
    name, issuer = worst(findings)
    assert "its issuer is not in the file and not among what clients trust" in issuer
    assert name.startswith("whether the certificate is for your server's name is not judged")
    assert not any("trust=own" in finding.text for finding in findings)
    # a CA of the lab is trusted where it is named, and then it is not judged who issued it
    issuer, _ = worst(desk.read(client=["trust=private-ca"])[2])
    assert issuer.startswith("whether your clients know the issuer is not judged")


def test_of_a_self_signed_certificate_the_issuer_is_judged_and_only_the_name_is_warned_of(
    desk: Desk,
) -> None:
    desk.certificate("self-signed")
    name, issuer = worst(desk.read()[2])
    assert "is its own issuer: only clients that were given it accept it" in issuer
    assert name.startswith("whether the certificate is for your server's name is not judged")
    # but trusted because the file holds it, it is accepted whatever it is
    issuer, _ = worst(desk.read(client=["trust=own"])[2])
    assert issuer.startswith("whether your clients know the issuer is not judged: `trust=own`")


@pytest.mark.parametrize("line", ["rsa_cert_file=/x.pem", "rsa_cert_file=", ""])
def test_it_goes_before_what_the_file_says(desk: Desk, line: str) -> None:
    desk.write("vsftpd_conf", f"ssl_enable=YES\n{line}\n")
    desk.certificate("expired")
    assert desk.read()[0].server.certificate == OWN


def test_an_assigned_certificate_goes_before_it(desk: Desk) -> None:
    desk.certificate("valid")
    for files in (False, True):
        if files:
            desk.write("vsftpd_conf", CONF)
        attempt, own, findings = desk.read(["certificate=expired"])
        assert attempt.server.certificate == "expired"
        assert own is not None
        assert any("not used" in text for text in worst(findings))


@pytest.mark.parametrize("host", [HOST, "ftp.example.test"])
def test_no_name_is_taken_from_the_certificate(desk: Desk, host: str) -> None:
    desk.certificate("valid", host)
    attempt, _, findings = desk.read()
    assert (attempt.client.verify_name, attempt.client.sni) == (None, None)
    # a name that is not given is asked for, and not suggested
    (text,) = [text for text in worst(findings) if "--host" in text]
    assert "--host NAME" in text
    assert host not in text
    _, _, findings = desk.read(client=["verify_name=ftp.example.test"])
    assert not any("--host" in text for text in worst(findings))


# -- the name that is asked for, and what is trusted ---------------------------------------------------


def test_the_name_that_clients_ask_for_is_answered_for(desk: Desk) -> None:
    desk.certificate("valid", "ftp.example.test")
    attempt, own, findings = desk.read(host="FTP.Example.test")
    assert attempt.client.host == "ftp.example.test"
    assert own is not None
    assert own.host == "ftp.example.test"
    assert any("the certificate is for ftp.example.test" in finding.text for finding in findings)
    # its twin: a name of the lab is answered for anyway
    attempt, own, _ = desk.read(host=HOST)
    assert attempt.client.host == HOST
    assert own is not None
    assert own.host is None


def test_a_certificate_of_the_labs_holds_for_the_name_that_is_checked(desk: Desk) -> None:
    name = "ftp.example.test"
    _, own, (finding,) = desk.read(host=name)
    assert own == UserFiles(host=name, names=(name,), certificate_given=False)
    assert f"made out to {name} is in its place" in finding.text
    # where nothing is checked there is nothing to say
    _, own, findings = desk.read(client=["verify=no"], host=name)
    assert own == UserFiles(host=name, certificate_given=False)
    assert not findings
    # who says which name is checked, or which certificate is served, means that one
    _, own, _ = desk.read(client=["verify_name=other.example.test"], host=name)
    assert own == UserFiles(host=name, certificate_given=False)
    assert desk.read(server=["certificate=expired"], host=name)[1] == UserFiles(host=name)


def test_where_the_first_certificate_alone_is_sent_that_is_presumed_to_be_enough(
    desk: Desk,
) -> None:
    desk.write("proftpd_conf", "TLSEngine on\nTLSRSACertificateFile /etc/ssl/ftp.pem\n")
    attempt, _, _ = desk.read(software="proftpd")
    assert attempt.server.certificate_chain
    presumed = next(one for one in attempt.server.presumed if "alone is sent" in one)
    assert presumed.endswith("proftpd_conf:2)")
    assert "先頭の証明書だけ" in in_both_languages(presumed).ja
    # the twins: a client that looks at none, what the command line says, and a chain that is given
    for server, client in (([], ["verify=no"]), (["certificate_chain=no"], [])):
        attempt, _, _ = desk.read(server, client, software="proftpd")
        assert not attempt.server.certificate_chain
        assert presumed not in attempt.server.presumed
    desk.certificate("valid")
    attempt, own, _ = desk.read(software="proftpd")
    assert not attempt.server.certificate_chain
    assert presumed not in attempt.server.presumed
    # The line to mend is that of the certificate, where there is none for what follows it.
    assert own is not None
    assert own.places["server.certificate_chain"].endswith("proftpd_conf:2")


@pytest.mark.parametrize(
    ("host", "what"),
    [
        ("203.0.113.7", "this is an address"),
        ("2001:db8::7", "this is an address"),
        ("ftps://ftp.example.test", "this is no name of a host"),
        ("ftp.example.test.", "this is no name of a host"),
        ("*.example.test", "this is no name of a host"),
        ("例え.test", "this is no name of a host"),
        ("a." * 200 + "test", "this is no name of a host"),
        ("localhost", "this name has no domain"),
        ("other.example.test", "-c host=ftp.example.test says something else"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(desk: Desk, host: str, what: str) -> None:
    with pytest.raises(InputError) as error:
        desk.read(client=["host=ftp.example.test"], host=host)
    assert error.value.what.startswith(what)
    # the twin
    attempt, _, _ = desk.read(client=["host=ftp.example.test"], host="ftp.example.test")
    assert attempt.client.host == "ftp.example.test"


def test_what_clients_trust_is_given_apart_from_the_chain(desk: Desk) -> None:
    material = material_for("ftp.example.test")
    made, root = material.server("private-ca", "ftp.example.test"), material.anchor("private-ca")
    desk.write("chain", made.chain_pem)
    desk.write("key", made.key_pem)
    desk.write("ca", root)
    attempt, own, findings = desk.read(host="ftp.example.test")
    assert attempt.client.trust == OWN
    assert own is not None
    assert own.anchors is not None
    assert (own.anchors.pem, own.anchors.option) == (root, "--ca")
    assert not worst(findings)
    # the command line has the last word here, too
    attempt, _, _ = desk.read(client=["trust=private-ca"], host="ftp.example.test")
    assert attempt.client.trust == "private-ca"
    # and what is no certificate is none
    desk.write("ca", b"-----BEGIN CERTIFICATE-----\n")
    with pytest.raises(InputError, match="cut off or damaged"):
        desk.read()


def test_where_nothing_is_trusted_public_roots_are(desk: Desk) -> None:
    desk.certificate("valid", "ftp.example.test")
    attempt, own, findings = desk.read(host="ftp.example.test")
    assert attempt.client.trust is None
    assert own is not None
    assert own.roots is not None
    assert own.roots.pem.count(b"BEGIN CERTIFICATE") > 50
    assert any(own.roots.description in finding.text for finding in findings)
    # not those of the lab's own certificates
    _, own, _ = desk.read(["certificate=valid"], host="ftp.example.test")
    assert own is not None
    assert own.roots is None


def test_trusting_the_file_is_warned_of(desk: Desk) -> None:
    desk.certificate("valid", "ftp.example.test")
    _, _, findings = desk.read(client=["trust=own", "verify_name=ftp.example.test"])
    (text,) = worst(findings)
    assert "`trust=own` trusts what this file itself holds" in text


def test_a_chain_is_looked_at_with_what_the_attempt_is_made_with(desk: Desk) -> None:
    desk.certificate("valid", "ftp.example.test")
    said = worst(desk.read(program="net-ftp@rocky9:FUTURE", host="b.example.test")[2])
    for words in (
        "is not for b.example.test",
        "has RSA-2048, which is too small for rocky9:FUTURE",
    ):
        assert any(words in text for text in said), words
    # its twins
    said = worst(desk.read(program="net-ftp@rocky9", host="ftp.example.test")[2])
    assert not any("is not for" in text or "too small" in text for text in said)
    assert not worst(desk.read(["certificate=expired"], program="net-ftp@rocky9")[2])[1:]


@pytest.mark.parametrize("client", [["fingerprint=own"], ["fingerprint=own", "trust=own"]])
def test_a_pin_on_the_command_line_is_said_to_be_one(desk: Desk, client: list[str]) -> None:
    desk.certificate("valid", "ftp.example.test")
    _, _, findings = desk.read(client=client)
    assert worst(findings) == []
    assert any("accepts exactly this certificate" in f.text for f in findings)


@pytest.mark.parametrize("client", [["verify=no"], ["tls=no"]])
def test_where_nothing_is_checked_nothing_is_warned_of(desk: Desk, client: list[str]) -> None:
    desk.certificate("wildcard")
    assert worst(desk.read(client=client)[2]) == []


def test_a_fingerprint_in_the_directives_pins_the_own_certificate(desk: Desk) -> None:
    desk.certificate("self-signed")
    digits = MATERIAL.server("self-signed", HOST).leaf_sha256
    desk.write(
        "mt_config",
        f"FTPSOptions SSL_fingerprint=sha256${digits}\nFTPSOptions ReuseSession=1\n",
    )
    attempt, _, findings = desk.read()
    assert attempt.client.fingerprint == OWN
    assert worst(findings) == []


def test_a_key_without_a_chain_is_an_error(desk: Desk) -> None:
    desk.write("key", MATERIAL.server("valid", HOST).key_pem)
    with pytest.raises(InputError, match="--chain FILE"):
        desk.read()


def test_errors_of_a_chain_name_the_file_as_it_was_given(desk: Desk) -> None:
    made = MATERIAL.server("full-chain", HOST)
    path = desk.write("chain", made.key_pem)
    desk.write("key", made.key_pem)
    with pytest.raises(InputError) as raised:
        desk.read()
    assert raised.value.file == str(path)


# -- files that cannot be read ---------------------------------------------------------------------


@pytest.mark.parametrize("option", ["vsftpd_conf", "mt_config", "chain"])
def test_a_file_that_is_not_there(desk: Desk, option: str) -> None:
    desk.given[option] = desk.directory / "missing"
    with pytest.raises(InputError, match="No such file or directory"):
        desk.read()


def test_a_directory_is_no_file(desk: Desk) -> None:
    desk.given["mt_config"] = desk.directory
    with pytest.raises(InputError, match="this is a directory"):
        desk.read()


def test_a_file_in_utf_16_is_no_plain_text(desk: Desk) -> None:
    desk.write("vsftpd_conf", CONF.encode("utf-16"))
    with pytest.raises(InputError, match="NUL bytes") as raised:
        desk.read()
    assert raised.value.line == 1


def test_a_comment_in_another_encoding_does_no_harm(desk: Desk) -> None:
    desk.write("mt_config", "# 暗号\n".encode("euc-jp") + DIRECTIVES.encode())
    assert desk.read()[0].client.ciphers == "AES128"


# -- what a remedy changes in the files ----------------------------------------------------------------


def of_remedies(desk: Desk, software: str, reason: Reason) -> dict[str, list[LineChange]]:
    attempt, own, _ = desk.read(software=software)
    assert own is not None
    return {
        remedy.cure: [
            change
            for change in changes(
                attempt, remedy.attempt, own.places, "options", own.texts, own.named
            )
            if change.end == "server"
        ]
        for remedy in remedies_for(reason, attempt)
    }


def test_only_a_line_that_is_in_the_file_is_one_to_take_out(desk: Desk) -> None:
    desk.write("pure_ftpd_conf", "NoAnonymous yes\nCertFile /srv/mine.pem\n")
    [change] = of_remedies(desk, "pure-ftpd", Reason.TLS_NOT_OFFERED)["server-tls"]
    assert (change.where, change.was, change.write) == ((), (), ("TLS 3",))
    # the twin: the line is there, and is told as it is written
    desk.write("pure_ftpd_conf", "NoAnonymous yes\nTLS   0\nCertFile /srv/mine.pem\n")
    [change] = of_remedies(desk, "pure-ftpd", Reason.TLS_NOT_OFFERED)["server-tls"]
    assert (change.was, change.write) == (("TLS   0",), ("TLS 3",))
    assert [one.rpartition("/")[2] for one in change.where] == ["pure_ftpd_conf:2"]


def test_the_paths_of_a_remedy_are_those_of_the_file(desk: Desk) -> None:
    desk.write("proftpd_conf", "TLSEngine on\nTLSRSACertificateFile /srv/mine.pem\n")
    desk.certificate("valid")
    [change] = of_remedies(desk, "proftpd", Reason.UNKNOWN_ISSUER)["chain-sent"]
    assert (change.was, change.write) == ((), ("TLSCertificateChainFile /srv/mine.pem",))


def test_what_only_the_lab_has_is_in_no_remedy(desk: Desk) -> None:
    asks = "TLS 2\nTLSCipherSuite -C:HIGH\nCertFile /srv/mine.pem\n"
    desk.write("pure_ftpd_conf", asks)
    made = of_remedies(desk, "pure-ftpd", Reason.CLIENT_CERTIFICATE_REQUIRED)
    [change] = made["no-client-certificate"]
    assert (change.was, change.write) == (("TLSCipherSuite -C:HIGH",), ("TLSCipherSuite HIGH",))
    assert [one.rpartition("/")[2] for one in change.where] == ["pure_ftpd_conf:2"]


def test_a_line_that_nginx_does_not_know_has_its_place(desk: Desk) -> None:
    lines = "server {\nlisten 443 ssl;\nssl_certificate /a.pem;\nssl_session_timeuot 5m;\n}\n"
    desk.write("nginx_conf", lines)
    attempt, own, _ = desk.read(program="edge@debian13", software="nginx")
    assert own is not None
    [remedy] = [r for r in remedies_for(Reason.CONNECTION_REFUSED, attempt) if r.cure == "line"]
    [change] = changes(attempt, remedy.attempt, own.places, own.form, own.texts, own.named)
    assert [one.rpartition("/")[2] for one in change.where] == ["nginx_conf:4"]
    assert change.was == ("ssl_session_timeuot 5m;",)


def test_a_path_in_quotes_that_the_program_dies_of_is_taken_out(desk: Desk) -> None:
    desk.write("pure_ftpd_conf", 'TLS 2\nNoAnonymous yes\nCertFile "/srv/mine.pem"\n')
    attempt, own, _ = desk.read(software="pure-ftpd")
    assert own is not None
    lines = [r for r in remedies_for(Reason.CONNECTION_REFUSED, attempt) if r.cure == "line"]
    made = [
        change.was
        for remedy in lines
        for change in changes(attempt, remedy.attempt, own.places, own.form, own.texts, own.named)
    ]
    assert ('CertFile "/srv/mine.pem"',) in made
