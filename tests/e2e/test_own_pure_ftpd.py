"""A person's pure-ftpd.conf: the options and the forms of their values are those of the builds."""

from __future__ import annotations

import re

import docker
import pytest

from lab.images import Progress
from lab.run.checkout import Checkout
from lab.run.laboratory import image_store
from lab.servers import SERVERS
from lab.servers.pure_ftpd.own.reading import options

pytestmark = pytest.mark.engine

BINARY = "/usr/sbin/pure-ftpd"
#: A line of the program's table of options: a name, and a form of its value.
FORM = re.compile(rb"(?<![ -~])(!?[A-Z][A-Za-z0-9]+\?? \(?<[ -~]+)\0")


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
