"""The script that puts other versions of libnet into the client stand-ins, with an apt that is made up."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.host.checkout import root

SCRIPTS = [
    root() / "compose" / "images" / name / "standin/libnet" for name in ("rocky9", "centos7")
]
MIRROR = "mirror.test/debian"

#: Answers for both releases unless the directory of answers has a failure for the step of this release;
#: keeps the apt source that it was given.
APT = r"""#!/bin/bash
if [ "$*" = "update --print-uris" ]; then cat "$ANSWERS/uris"; exit; fi
for word; do
    case $word in
        Dir::Etc::SourceParts=*) sources=${word#*=} ;;
        update | download) step=$word ;;
    esac
done
source=$(echo "$sources"/*.list)
suite=$(basename "$source" .list)
cp "$source" "$ANSWERS/$suite.list"
echo "$*" >>"$ANSWERS/$suite.called"
if [ -e "$ANSWERS/$suite.$step" ]; then cat "$ANSWERS/$suite.$step" >&2; exit 100; fi
if [ "$step" = download ]; then echo "$suite" >"${*: -1}_1_all.deb"; fi
"""
#: A package with the two names of the directory, as Debian's have them.
DPKG_DEB = r"""#!/bin/bash
[ "$1" = -x ] || exit 2
case $(cat "$2") in
    bullseye) perl=5.32 version=3.11 ;;
    trixie) perl=5.40 version=3.15 ;;
esac
net=$3/usr/share/perl/$perl.1/Net
mkdir -p "$net/FTP"
ln -s "$perl.1" "$3/usr/share/perl/$perl"
for module in Cmd Config Domain FTP NNTP Netrc POP3 SMTP Time FTP/I; do
    echo "our \$VERSION = '$version';" >"$net/$module.pm"
done
"""

# What apt 2.6 says.
GONE = (
    "E: The repository 'http://mirror.test/debian bullseye Release' does not have a Release file.\n"
)
NO_FILE = (
    "E: Failed to fetch http://mirror.test/debian/pool/p.deb  404  Not Found [IP: 192.0.2.1 80]\n"
)
NO_PACKAGE = "E: Unable to locate package perl-modules-5.32\n"
NO_KEY = (
    "W: GPG error: http://mirror.test/debian bullseye InRelease: The following signatures couldn't be"
    " verified because the public key is not available: NO_PUBKEY 0E98404D386FA1D9\n"
    "E: The repository 'http://mirror.test/debian bullseye InRelease' is not signed.\n"
)
UNREACHABLE = (
    "E: Failed to fetch http://mirror.test/debian/dists/bullseye/InRelease  Could not connect to"
    " 192.0.2.1:80 (192.0.2.1). - connect (111: Connection refused)\n"
)


@dataclass(frozen=True)
class Apt:
    """The made-up apt and what the script makes with it."""

    directory: Path

    @property
    def answers(self) -> Path:
        return self.directory / "answers"

    @property
    def target(self) -> Path:
        return self.directory / "target"

    def run(self, script: Path = SCRIPTS[0]) -> subprocess.CompletedProcess[str]:
        programs = self.directory / "bin"
        return subprocess.run(
            ["bash", str(script), str(self.target)],
            env={
                "PATH": f"{programs}:{os.environ['PATH']}",
                "ANSWERS": str(self.answers),
                "TMPDIR": str(self.directory),
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def kept(self) -> set[str]:
        """The versions that have a Net::FTP."""
        return {path.parts[-4] for path in self.target.glob("*/lib/Net/FTP.pm")}

    def absent(self) -> dict[str, str]:
        """The reasons by version."""
        return {path.parent.name: path.read_text() for path in self.target.glob("*/absent")}


@pytest.fixture
def apt(tmp_path: Path) -> Apt:
    made = Apt(tmp_path)
    made.answers.mkdir()
    (made.answers / "uris").write_text(
        f"'http://{MIRROR}-security/dists/bookworm-security/InRelease' a 0 \n"
        f"'http://{MIRROR}/dists/bookworm/InRelease' b 0 \n"
        f"'http://{MIRROR}/dists/bookworm-updates/InRelease' c 0 \n"
    )
    (tmp_path / "bin").mkdir()
    for name, text in (("apt-get", APT), ("dpkg-deb", DPKG_DEB)):
        program = tmp_path / "bin" / name
        program.write_text(text)
        program.chmod(0o755)
    return made


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.parts[-3])
def test_both_versions_are_taken_when_the_mirror_has_both_releases(apt: Apt, script: Path) -> None:
    done = apt.run(script)

    assert done.returncode == 0, done.stderr
    assert apt.kept() == {"3.11", "3.15"}
    assert (apt.target / "3.11/lib/Net/FTP/I.pm").is_file()
    assert not apt.absent()
    assert sorted(path.name for path in apt.directory.iterdir()) == ["answers", "bin", "target"]


def test_the_releases_come_from_the_images_own_mirror_and_only_the_old_ones_date_is_let_pass(
    apt: Apt,
) -> None:
    apt.run()

    keys = "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"
    assert {path.stem: path.read_text() for path in apt.answers.glob("*.list")} == {
        "trixie": f"deb [{keys}] http://{MIRROR} trixie main\n",
        "bullseye": f"deb [{keys} check-valid-until=no] http://{MIRROR} bullseye main\n",
    }
    called = "".join(path.read_text() for path in apt.answers.glob("*.called"))
    assert "allow-" not in called.lower()
    assert "unauthenticated" not in called.lower()


@pytest.mark.parametrize(
    ("step", "said", "reason"),
    [
        ("update", GONE, "no longer on the package mirror"),
        ("download", NO_FILE, "no longer on the package mirror"),
        ("download", NO_PACKAGE, "no perl-modules-5.32"),
        ("update", NO_KEY, "no signature that apt accepts"),
    ],
)
def test_without_debian_11_the_image_is_made_and_says_why_3_11_is_not_in_it(
    apt: Apt, step: str, said: str, reason: str
) -> None:
    # given
    (apt.answers / f"bullseye.{step}").write_text(said)

    # when
    done = apt.run()

    # then it names the cause in one line, and not the mirror's host
    assert done.returncode == 0, done.stderr
    assert apt.kept() == {"3.15"}
    (line,) = apt.absent()["3.11"].splitlines()
    assert reason in line
    assert "Debian 11" in line
    assert "mirror.test" not in line
    assert said in done.stderr


@pytest.mark.parametrize("step", ["update", "download"])
def test_a_mirror_that_cannot_be_reached_is_no_lasting_reason(apt: Apt, step: str) -> None:
    (apt.answers / f"bullseye.{step}").write_text(UNREACHABLE)

    done = apt.run()

    assert done.returncode != 0
    assert UNREACHABLE in done.stderr
    assert "try again" in done.stderr
    assert not apt.absent()


def test_without_debian_13_there_is_no_image(apt: Apt) -> None:
    (apt.answers / "trixie.update").write_text(GONE)

    done = apt.run()

    assert done.returncode != 0
    assert GONE in done.stderr


def test_an_apt_without_a_debian_release_is_told_so(apt: Apt) -> None:
    (apt.answers / "uris").write_text("")

    done = apt.run()

    assert done.returncode != 0
    assert "no source of a Debian release" in done.stderr
