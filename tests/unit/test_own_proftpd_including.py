"""What a proftpd.conf includes: read where it does, each line with its own file."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.check.form import form_of
from lab.model import ServerSettings
from lab.own.attempt import read_attempt
from lab.own.configurations import GivenFiles
from lab.own.files import UserFiles
from lab.own.findings import Finding, InputError, read_text
from lab.own.rewriting import WrittenLine
from lab.servers.proftpd import Proftpd
from lab.servers.proftpd.own.including import DEEPEST, gathered

MAIN = """\
# ours
Include /etc/proftpd/modules.conf
LoadModule mod_tls.c
Include /etc/proftpd/tls.conf
TLSRequired off
MaxClients 3
"""
TLS = """\
<IfModule mod_tls.c>
TLSEngine on
TLSRequired on
TLSCipherSuite A
TLSRSACertificateFile /x.pem
TLSRSACertificateKeyFile /x.key
TLSCertificateChainFile /x.pem
</IfModule>
"""


def files(folder: Path, **texts: str) -> Path:
    """The folder's files, by name without suffix; the proftpd.conf."""
    for name, text in texts.items():
        folder.joinpath(*name.split("__")).with_suffix(".conf").write_text(text, encoding="utf-8")
    return folder / "proftpd.conf"


def read(file: Path) -> tuple[Proftpd, UserFiles, list[Finding]]:
    attempt, own, findings = read_attempt(GivenFiles(configurations={"proftpd-conf": file}))
    assert isinstance(attempt.server, Proftpd)
    assert own is not None
    return attempt.server, own, findings


def presumed_of(file: Path) -> str:
    return " ".join(read(file)[0].presumed)


def test_what_a_copy_of_the_folder_has_is_read_in_its_place(tmp_path: Path) -> None:
    file = files(tmp_path, proftpd=MAIN, tls=TLS)
    settings, own, findings = read(file)
    assert (settings.tls, settings.ciphers, settings.presumed) == (True, "A", ())
    assert (settings.tls_required_login, settings.tls_required_data) == (True, True)
    assert own.places["server.ciphers"] == f"{tmp_path}/tls.conf:4"
    assert own.places["server.extra:MaxClients=3"] == f"{file}:6"
    [repeated] = [one for one in findings if "changes nothing" in one.text]
    assert (repeated.file, repeated.line) == (str(file), 5)
    assert f"in line 3 of {tmp_path}/tls.conf stands before it" in repeated.text
    assert f"{tmp_path}/tls.conf の 3 行目の" in repeated.ja


def test_a_file_of_this_folder_by_its_own_path(tmp_path: Path) -> None:
    file = files(tmp_path, proftpd=f"include \\\n  {tmp_path}/tls.conf # there\n", tls=TLS)
    assert read(file)[0].ciphers == "A"


def test_of_a_folder_and_of_a_pattern_the_files_are_read_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "conf.d").mkdir()
    texts = {f"conf.d__{n}": f"TLSProtocol TLSv1.{n}\n" for n in (3, 2)}
    for pattern, first in (
        ("conf.d", "TLSv1.2"),
        ("conf.d/", "TLSv1.2"),
        ("conf.d/[3-9].conf", "TLSv1.3"),
    ):
        main = f"LoadModule mod_tls.c\n{TLS}Include /etc/proftpd/{pattern}\n"
        settings = read(files(tmp_path, proftpd=main, **texts))[0]
        assert str(settings.protocols) == first, pattern
        assert settings.presumed == ()


@pytest.mark.parametrize("name", ["conf.d", "conf.d/", "conf.d/*.conf"])
def test_a_folder_in_which_nothing_is_changes_nothing(tmp_path: Path, name: str) -> None:
    text = f"LoadModule mod_tls.c\n{TLS}Include /etc/proftpd/{name}\n"
    file = files(tmp_path, proftpd=text)
    assert f"what /etc/proftpd/{name} has changes nothing of this" in presumed_of(file)
    (tmp_path / "conf.d").mkdir()
    assert not presumed_of(file)


def test_what_does_not_lie_there_is_presumed_and_what_to_do_is_said(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out.conf"
    inside.mkdir()
    outside.write_text(TLS, encoding="utf-8")
    (inside / "link.conf").symlink_to(outside)
    for name in (
        "/etc/proftpd/tls.conf",
        str(outside),
        "/etc/proftpd/link.conf",
        "/etc/proftpd/../out.conf",
    ):
        file = files(inside, proftpd=f"{TLS}LoadModule mod_tls.c\nInclude {name}\n")
        said = presumed_of(file)
        # a long name is cut
        assert said.startswith(f"what {name[:40]}")
        assert " has changes nothing of this" in said
        assert any("put it where the file is" in one.text for one in read(file)[2])


def test_no_more_files_in_each_other_are_read_than_so_many(tmp_path: Path) -> None:
    chain = {f"n{n}": f"Include /etc/proftpd/n{n + 1}.conf\n" for n in range(DEEPEST + 2)}
    file = files(tmp_path, proftpd="Include /etc/proftpd/n0.conf\n", **chain)
    text, _ = gathered(file, read_text)
    assert text.count("# Include") == DEEPEST
    assert f"what /etc/proftpd/n{DEEPEST}.conf has" in presumed_of(file)


@pytest.mark.parametrize(
    "line",
    [
        "TLSProtocol TLSv9",
        "Bogus on",
        "TLSOptions NoCertRequest",
        "TLSCipherSuite TLS_AES_128_GCM_SHA256",
    ],
)
def test_a_line_that_proftpd_passes_over_the_rest_of_its_file_for_is_no_input(
    tmp_path: Path, line: str
) -> None:
    file = files(tmp_path, proftpd="Include /etc/proftpd/tls.conf\nUmask 022\n", tls=f"\n{line}\n")
    with pytest.raises(InputError, match="without the rest of that file") as error:
        read(file)
    assert (error.value.file, error.value.line) == (f"{tmp_path}/tls.conf", 2)
    # The same line in the file itself ends ProFTPD, and is tried.
    assert read(files(tmp_path, proftpd=f"{line}\n"))[0].extra or line.startswith("TLSCipherSuite")


def test_what_ends_the_command_has_its_own_file_and_line(tmp_path: Path) -> None:
    file = files(tmp_path, proftpd="Include /etc/proftpd/tls.conf\n", tls="Umask 022\n</Limit>\n")
    with pytest.raises(InputError) as error:
        read(file)
    assert str(error.value).startswith(f"{tmp_path}/tls.conf:2: ")


def test_a_stronger_one_is_one_file_with_what_it_includes(tmp_path: Path) -> None:
    file = files(tmp_path, proftpd=MAIN, tls=TLS)
    server: ServerSettings = read(file)[0]
    form = form_of(server, GivenFiles(configurations={"proftpd-conf": file}))
    assert form is not None
    lines = [WrittenLine("TLSCipherSuite", "TLSCipherSuite B", ("suites",))]
    made = form.rewrite(form.text, lines)
    assert made == MAIN.replace("Include /etc/proftpd/tls", "# Include /etc/proftpd/tls").replace(
        "tls.conf\n", f"tls.conf\n{TLS}"
    ).replace("TLSCipherSuite A", "# lab check: suites\nTLSCipherSuite B")
    changed = form.read(made)
    assert isinstance(changed, Proftpd)
    assert changed.ciphers == "B"
