"""A person's pure-ftpd.conf: the options and the forms of their values are those of the builds."""

from __future__ import annotations

import re

import docker
import pytest

from lab.images.errors import Progress
from lab.own.findings import data
from lab.run.checkout import Checkout
from lab.run.laboratory import image_store
from lab.servers import SERVERS
from lab.servers.pure_ftpd.own.reading import TABLE, options

pytestmark = pytest.mark.engine

BINARY = "/usr/sbin/pure-ftpd"
WRAPPER = "/usr/sbin/pure-ftpd-wrapper"
#: A row of the wrapper's tables of files: the option, and what reads its value.
ROW = re.compile(r"^[^#\n]*?'([A-Z][A-Za-z0-9]+)',? *=> *\['[^']+'(?:, *\\&(\w+))?", re.MULTILINE)
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


@pytest.mark.parametrize("software", ["pure-ftpd", "pure-ftpd@debian12"])
def test_the_table_has_the_files_of_debians_wrapper(
    software: str, engine: docker.DockerClient
) -> None:
    service = SERVERS[software].service
    image = image_store(engine, Checkout.here(), Progress()).ensure([service])[service]
    wrapper = engine.containers.run(image.tag, ["cat", WRAPPER], remove=True).decode()
    rows = dict(ROW.findall(wrapper))
    passed_over = {name for name, parser in rows.items() if parser == "parse_skip"}
    table = data(TABLE)["folder"]
    assert passed_over == {*table["passed-over"]}
    assert rows.keys() - passed_over == {*table["options"], *table["users"]}
