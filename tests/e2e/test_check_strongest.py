"""What a check proposes: remedies by whom they bring in, and the strongest configuration, proven."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.own.rewriting import MARK
from tests.e2e.checkouts import Copy

pytestmark = [pytest.mark.engine, pytest.mark.slow]

CONF = """\
# ask the people who upload
listen=YES
ftpd_banner=Welcome
ssl_enable=YES
rsa_cert_file=/etc/ssl/private/vsftpd.pem
ssl_ciphers=AES128-SHA
ssl_tlsv13=NO
local_enable=YES
write_enable=YES
"""
CLIENTS = ("ftplib@centos7", "net-ftp@rocky9:FIPS", "curl@rocky9:FIPS")
NGINX = """\
server {
    listen 443 ssl;
    # why: an old partner
    ssl_protocols TLSv1.2;
    ssl_ciphers AES256-SHA;
    ssl_certificate /etc/ssl/a.pem;
}
"""
PROFTPD = """\
LoadModule mod_tls.c
DefaultRoot ~
<VirtualHost 192.0.2.21>
  Include /etc/proftpd/tls.conf
  Umask 022
</VirtualHost>
"""
PROFTPD_TLS = """\
  <IfModule mod_tls.c>
    # ask the people who upload
    TLSEngine on
    TLSProtocol TLSv1.2
    TLSCipherSuite AES128-SHA    # of 2012
    TLSOptions EnableDiags NoSessionReuseRequired
    TLSRSACertificateFile /etc/ssl/certs/ftp.pem
    TLSRSACertificateKeyFile /etc/ssl/private/ftp.key
    TLSCertificateChainFile /etc/ssl/certs/ftp.pem
  </IfModule>
"""
PURE_FTPD = """\
# ask the people who upload
ChrootEveryone yes
TLS: 1
TLSCipherSuite AES256-GCM-SHA384
CertFile /etc/ssl/private/pure-ftpd.pem
NoAnonymous yes
"""


def written(directory: Path, text: str, name: str = "vsftpd.conf") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def check(
    copy: Copy, *words: str | Path, clients: tuple[str, ...] = CLIENTS
) -> tuple[int, dict[str, Any]]:
    """The exit status, and what the check came to."""
    named = [word for client in clients for word in ("--clients", client)]
    done = copy.lab("check", "--json", *map(str, words), *named)
    found: dict[str, Any] = done.json()
    return done.status, found


def test_the_strongest_configuration_serves_everybody_and_nothing_stronger_does(
    shared: Copy, tmp_path: Path
) -> None:
    conf, new = written(tmp_path, CONF), tmp_path / "new.conf"
    status, found = check(shared, "--vsftpd-conf", conf, "--write", new)
    assert status == 1
    text = new.read_text("utf-8")
    kept = ("# ask the people who upload", "ftpd_banner=Welcome", "write_enable=YES")
    assert [row for row in text.split("\n") if row in kept] == list(kept)
    assert conf.read_text("utf-8") == CONF
    assert set(found["strongest"]["served"]) == set(CLIENTS)
    status, again = check(shared, "--vsftpd-conf", new)
    assert status == 0, again
    # Each line that could be stronger loses whom the comment above it names.
    lines = {line["text"]: line for line in found["strongest"]["lines"] if line["loses"]}
    assert lines["require_ssl_reuse=NO"]["next_stronger"] == "require_ssl_reuse=YES"
    for line in lines.values():
        above = text[: text.index(f"\n{line['text']}\n")].rpartition("\n")[2]
        assert above.startswith(MARK)
        assert line["loses"][0] in above
    stronger = written(tmp_path, text.replace("reuse=NO", "reuse=YES"), "stronger.conf")
    status, lost = check(shared, "--vsftpd-conf", stronger, "--no-remedies")
    assert status == 1
    broken = {row["client"]: row["reason"] for row in lost["rows"] if row["verdict"] == "broken"}
    assert set(broken) == set(lines["require_ssl_reuse=NO"]["loses"])
    assert set(broken.values()) == {"session-reuse-required"}


def test_who_needs_what_must_be_refused_is_not_served(shared: Copy, tmp_path: Path) -> None:
    written(tmp_path, CONF)
    demands = written(
        tmp_path,
        '[files]\nvsftpd-conf = "vsftpd.conf"\n[refuse]\nover = ["TLSv1.2"]\n',
        "lab-check.toml",
    )
    _, found = check(shared, "--config", demands)
    strongest = found["strongest"]
    assert set(strongest["served"]) == {"curl@rocky9:FIPS", "net-ftp@rocky9:FIPS"} or (
        # A race that is lost over TLS 1.3 leaves no version for Net::FTP.
        set(strongest["served"]) == {"curl@rocky9:FIPS"}
    )
    [note] = [note["en"] for note in strongest["notes"] if "ftplib@centos7" in note["en"]]
    assert "over/TLSv1.2/" in note
    assert "ssl_tlsv12=YES" in note


def test_the_first_remedy_brings_in_whom_it_names(shared: Copy, tmp_path: Path) -> None:
    conf = written(tmp_path, CONF)
    _, found = check(shared, "--vsftpd-conf", conf, "--no-strongest")
    assert found["strongest"] is None
    first, *rest = found["remedies"]
    assert all(len(first["brings_in"]) >= len(one["brings_in"]) for one in rest if not one["loses"])
    assert not first["loses"]
    assert {change["end"] for change in first["changes"]} == {"server"}
    was, write = ([line for c in first["changes"] for line in c[n]] for n in ("was", "write"))
    rows = [row for row in CONF.split("\n") if row not in was]
    mended = written(tmp_path, "\n".join([*rows, *write, ""]), "mended.conf")
    _, after = check(shared, "--vsftpd-conf", mended, "--no-remedies")
    met = {row["client"] for row in after["rows"] if row["verdict"] == "met"}
    assert met >= set(first["brings_in"])


def test_the_strongest_nginx(shared: Copy, tmp_path: Path) -> None:
    conf, new = written(tmp_path, NGINX, "nginx.conf"), tmp_path / "new.conf"
    clients = ("edge@debian13", "tls-perl@centos7", "tls-python@rocky9:FUTURE")
    status, found = check(shared, "--nginx-conf", conf, "--write", new, clients=clients)
    assert status == 1
    text = new.read_text("utf-8")
    assert "    # why: an old partner\n" in text
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in text
    assert [line["loses"] for line in found["strongest"]["lines"] if line["loses"]] == [
        ["tls-perl@centos7"]
    ]
    status, again = check(shared, "--nginx-conf", new, clients=clients)
    assert status == 0, again


def test_the_strongest_proftpd(shared: Copy, tmp_path: Path) -> None:
    conf, new = written(tmp_path, PROFTPD, "proftpd.conf"), tmp_path / "new.conf"
    included = written(tmp_path, PROFTPD_TLS, "tls.conf")
    status, found = check(shared, "--proftpd-conf", conf, "--write", new)
    assert status == 1
    places = [(at["file"], at["line"]) for row in found["rows"] for at in row["where"]]
    assert set(places) == {(str(included), 5)}
    assert set(found["strongest"]["served"]) == set(CLIENTS)
    text = new.read_text("utf-8")
    server = text[text.index("    TLSEngine on\n") : text.index("  </IfModule>")]
    assert "    TLSRequired on\n" in server, "what is missing goes to the others of the server"
    assert "    TLSCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20    # of 2012\n" in server
    old = ("TLSProtocol", "TLSCipherSuite", "TLSOptions", "Include")
    whole = PROFTPD.replace("  Include /etc/proftpd/tls.conf\n", PROFTPD_TLS)
    kept = [row for row in whole.split("\n") if not row.strip().startswith(old)]
    assert [row for row in text.split("\n") if row in kept] == kept
    status, again = check(shared, "--proftpd-conf", new)
    assert status == 0, again
    # The line that could be stronger loses whom the comment above it names.
    reuse = "TLSOptions NoSessionReuseRequired EnableDiags"
    [line] = [line for line in found["strongest"]["lines"] if line["text"] == reuse]
    assert line["next_stronger"] == "TLSOptions EnableDiags"
    above = text[: text.index(f"\n    {reuse}\n")].rpartition("\n")[2]
    assert above.startswith(f"    {MARK}")
    assert line["loses"][0] in above
    stronger = written(tmp_path, text.replace(reuse, "TLSOptions EnableDiags"), "stronger.conf")
    status, lost = check(shared, "--proftpd-conf", stronger, "--no-remedies")
    assert status == 1
    broken = {row["client"]: row["reason"] for row in lost["rows"] if row["verdict"] == "broken"}
    assert set(broken) == set(line["loses"])
    assert set(broken.values()) == {"session-reuse-required"}


def test_the_strongest_pure_ftpd(shared: Copy, tmp_path: Path) -> None:
    conf = written(tmp_path, PURE_FTPD, "pure-ftpd.conf")
    new = tmp_path / "new.conf"
    clients = ("ftplib@centos7", "curl@rocky9:DEFAULT")
    # Who protects no data channel lets nothing stronger than TLS 2 be.
    demands = written(tmp_path, '[clients]\nsettings = ["protect_data=off"]\n', "lab-check.toml")
    words = ("--config", demands)
    _, found = check(shared, "--pure-ftpd-conf", conf, "--write", new, *words, clients=clients)
    assert set(found["strongest"]["served"]) == set(clients)
    text = new.read_text("utf-8")
    rows = text.split("\n")
    kept = [row for row in PURE_FTPD.split("\n") if not row.startswith("TLS")]
    assert [row for row in rows if row in kept] == kept
    assert "TLSCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20" in rows
    [line] = [line for line in found["strongest"]["lines"] if line["loses"]]
    assert (line["text"], line["next_stronger"]) == ("TLS 2", "TLS 3")
    assert set(line["loses"]) == set(clients)
    assert rows[rows.index("TLS 2") - 1].startswith(f"{MARK}one step stronger (TLS 3) loses ")
    status, again = check(shared, "--pure-ftpd-conf", new, *words, clients=clients)
    assert status == 0, again
    stronger = written(tmp_path, text.replace("\nTLS 2\n", "\nTLS 3\n"), "stronger.conf")
    _, lost = check(shared, "--pure-ftpd-conf", stronger, "--no-remedies", *words, clients=clients)
    assert {row["reason"] for row in lost["rows"]} == {"data-tls-required"}
