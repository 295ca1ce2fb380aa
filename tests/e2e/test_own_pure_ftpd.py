"""A person's pure-ftpd.conf: the forms of values are the build's own; the command says what comes of it."""

from __future__ import annotations

import re
from pathlib import Path

import docker
import pytest

from lab.images import Progress
from lab.run.checkout import Checkout
from lab.run.laboratory import image_store
from lab.servers import SERVERS
from lab.servers.pure_ftpd.own.reading import options
from tests.e2e.checkouts import Copy
from tests.own_inputs.trying import CALM

pytestmark = pytest.mark.engine

BINARY = "/usr/sbin/pure-ftpd"
#: A line of the program's table of options: a name, and a form of its value.
FORM = re.compile(rb"(?<![ -~])(!?[A-Z][A-Za-z0-9]+\?? \(?<[ -~]+)\0")
CONF = """\
NoAnonymous yes
UnixAuthentication yes
TLS 2
CertFile /etc/ssl/private/ftp.pem
{line}
"""


@pytest.mark.parametrize("software", ["pure-ftpd", "pure-ftpd@debian12"])
def test_the_table_has_the_options_and_forms_of_the_build(
    software: str, engine: docker.DockerClient
) -> None:
    service = SERVERS[software].service
    image = image_store(engine, Checkout.here(), Progress()).ensure([service])[service]
    binary = engine.containers.run(image.tag, ["cat", BINARY], remove=True)
    of_the_build = {found.decode() for found in FORM.findall(binary)}
    ours = {form for one in options().values() if not one.flavour for form in one.patterns}
    assert ours == of_the_build


def attempted(shared: Copy, tmp_path: Path, line: str) -> tuple[int, str, str]:
    conf = tmp_path / "pure-ftpd.conf"
    conf.write_text(CONF.format(line=line), encoding="utf-8")
    words = ["attempt", "--pure-ftpd-conf", str(conf), *(w for one in CALM for w in ("-c", one))]
    done = shared.lab(*words)
    return done.status, done.stdout, done.stderr


def test_the_command_names_the_line_and_what_to_write(shared: Copy, tmp_path: Path) -> None:
    status, told, said = attempted(shared, tmp_path, "Quota 0:10")
    place = f"{tmp_path}/pure-ftpd.conf:5"
    assert status == 1
    assert f'{place}: error: `Quota 0:10`: a limit of 0 is no "unlimited"' in said
    words = " ".join(told.split())
    assert words.startswith("refused by the server at transfer: storage-exceeded")
    assert f"server, {place}: take out `Quota 0:10`" in words.replace(
        f"{tmp_path}/ pure", f"{tmp_path}/pure"
    )


def test_the_command_says_what_a_completion_presumes(shared: Copy, tmp_path: Path) -> None:
    status, told, said = attempted(shared, tmp_path, "AutoRename yes")
    assert status == 0
    assert "pure-ftpd.conf:5: warning: `AutoRename yes`" in said
    assert " ".join(told.split()).startswith(
        "not judged: on your server only if no file of that name is there yet"
    )


def test_a_check_of_the_file_says_who_is_served(shared: Copy, tmp_path: Path) -> None:
    conf = tmp_path / "pure-ftpd.conf"
    conf.write_text(CONF.format(line="TLSCipherSuite AES128-SHA"), encoding="utf-8")
    done = shared.lab(
        "check", "--pure-ftpd-conf", str(conf), "--no-remedies", "--clients", "net-ftp@*"
    )
    assert done.status == 1, str(done)
    assert re.search(r"net-ftp@rocky9:FIPS\s+handshake: ", done.stdout), str(done)
    assert re.search(r"net-ftp@rocky9:LEGACY\s+completes", done.stdout), str(done)
