"""What a check proposes: remedies by whom they bring in, and the strongest configuration, proven."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lab.own.rewriting import MARK
from tests.e2e.checkouts import Copy

pytestmark = pytest.mark.engine

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
