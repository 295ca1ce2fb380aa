"""Debian's folder of settings for Pure-FTPd: one file an option, read as its wrapper reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.check.form import form_of
from lab.own.attempt import read_attempt
from lab.own.configurations import GivenFiles
from lab.own.files import UserFiles
from lab.own.findings import Finding, InputError, data
from lab.own.rewriting import WrittenLine
from lab.servers.pure_ftpd import PureFtpd
from lab.servers.pure_ftpd.own.reading import TABLE, options

#: What Debian 13's package puts there.
SHIPPED = {
    "AltLog": "clf:/var/log/pure-ftpd/transfer.log",
    "FSCharset": "UTF-8",
    "MinUID": "1000",
    "NoAnonymous": "yes",
    "PAMAuthentication": "yes",
    "PureDB": "/etc/pure-ftpd/pureftpd.pdb",
    "TLSCipherSuite": "HIGH",
    "UnixAuthentication": "no",
}


def folder(place: Path, **files: str) -> Path:
    """The folder ``conf`` with these files."""
    made = place / "conf"
    made.mkdir()
    for name, text in files.items():
        (made / name).write_text(f"{text}\n", encoding="utf-8")
    return made


def read(place: Path) -> tuple[PureFtpd, UserFiles, list[Finding]]:
    attempt, own, findings = read_attempt(GivenFiles(configurations={"pure-ftpd-conf": place}))
    assert isinstance(attempt.server, PureFtpd)
    assert own is not None
    return attempt.server, own, findings


def test_what_debian_ships_is_read_and_has_no_tls(tmp_path: Path) -> None:
    made = folder(tmp_path, **SHIPPED)
    settings, own, findings = read(made)
    assert (settings.tls, settings.ciphers, settings.extra) == (False, "HIGH", ())
    assert own.places["server.ciphers"] == f"{made}/TLSCipherSuite:1"
    assert not any(one.severity == "error" for one in findings)


def test_a_line_is_the_first_that_says_something_and_pairs_have_a_blank(tmp_path: Path) -> None:
    made = folder(
        tmp_path,
        TLS="# both\n\n 2 \n3",
        Quota="10 20",
        AutoRename="no\nYES\nno",
        UserBandwidth="100 200",
        NoTruncate="off",
    )
    (made / "TLS.dpkg-old").write_text("0\n", encoding="utf-8")
    settings, own, _ = read(made)
    assert (settings.tls_required_login, settings.tls_required_data) == (True, False)
    assert set(settings.extra) == {"AutoRename=YES", "Quota=10:20", "UserBandwidth=100 200"}
    assert own.places["server.tls"] == f"{made}/TLS:3"
    assert own.places["server.extra:AutoRename=YES"] == f"{made}/AutoRename:2"


def test_of_the_ways_to_know_users_those_count_that_have_a_link(tmp_path: Path) -> None:
    made = folder(tmp_path, PureDB="/etc/users.pdb")
    assert any("/etc/users.pdb" in one for one in read(made)[0].presumed)
    auth = tmp_path / "auth"
    auth.mkdir()
    assert not any("/etc/users.pdb" in one for one in read(made)[0].presumed)
    (auth / "50pure").symlink_to("../conf/PureDB")
    [presumed] = [one for one in read(made)[0].presumed if "/etc/users.pdb" in one]
    assert presumed.endswith(f"({made}/PureDB:1)")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("CertFile", "/etc/ssl/ftp.pem", "No corresponding directive"),
        ("TLSProtocol", "TLSv1.2", "No corresponding directive"),
        ("TLS", "two", "Invalid configuration file"),
        ("Quota", "10:20", "Invalid configuration file"),
        ("NoAnonymous", "true", "Invalid configuration file"),
        ("Umask", "133", "Invalid configuration file"),
    ],
)
def test_what_the_wrapper_ends_at_ends_the_command(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    made = folder(tmp_path, **{name: text})
    with pytest.raises(InputError, match=said) as error:
        read(made)
    assert error.value.file == str(made / name)
    assert error.value.in_("ja") != str(error.value)


def test_every_name_of_the_folder_is_an_option_of_the_table() -> None:
    table = data(TABLE)["folder"]
    named = {*table["options"], *table["users"]}
    assert named <= {one.name for one in options().values()}
    assert not named & {*table["passed-over"]}


def test_a_stronger_one_is_one_file(tmp_path: Path) -> None:
    made = folder(tmp_path, TLS="1", Umask="133 022", TLSCipherSuite="# ours\nHIGH")
    form = form_of(read(made)[0], GivenFiles(configurations={"pure-ftpd-conf": made}))
    assert form is not None
    text = form.rewrite(form.text, [WrittenLine("TLS", "TLS 3", ("clear text",))])
    assert text == "# lab check: clear text\nTLS 3\n# ours\nTLSCipherSuite HIGH\nUmask 133:022\n"
    changed = form.read(text)
    assert isinstance(changed, PureFtpd)
    assert changed.tls_required_data
