"""The walk-throughs of ``CONTRIBUTING.md``, followed in a copy of the tree: the lab has what they add."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lab.host.checkout import root
from tests.trees import copy_tree, run

GUIDE = (root() / "CONTRIBUTING.md").read_text(encoding="utf-8")
#: The path of a file, where in it if it is there already, and what to write.
BLOCK = re.compile(r"^`([^`\n]+)`(?:, after [^`]*`([^`]+)`)?:\n\n```\w+\n(.*?)^```$", re.M | re.S)
#: An entry of a file by its name.
ENTRY = {".md": r"^\| `{}` .*\n", ".toml": r"^\[certificate\.{}\]\n(?:.+\n)+\n"}
#: By heading: the folders that are the thing's own, and how many files of others it changes.
OWN = {
    "Add a server": (("lab/servers/exampleftpd", "compose/images/exampleftpd"), 0),
    "Add a client": (("lab/clients/aria2", "compose/images/aria2"), 0),
    "Add a platform": (("lab/platforms/testing", "compose/images/testing-clients"), 0),
    "Add a document": (("lab/documents/example_guide", "scenarios/example_guide"), 0),
    "Add a defect of a certificate": ((), 2),
}
#: What can be asked of the lab without an engine, once everything is added.
QUESTIONS = """
import json, os, subprocess
from pathlib import Path
from lab.cases import Catalogue
from lab.certificates import CATALOGUE
from lab.clients import PROGRAMS, program_of
from lab.dialects import client_dialect, server_dialect
from lab.documents import documents
from lab.documents.verdicts import problems
from lab.host.engine import compose_command
from lab.images.recipe import load
from lab.model.software import CLIENT_CONTAINERS
from lab.record.__main__ import schema_text
from lab.run.checkout import Checkout
from lab.run.containers import agent_files
from lab.run.services import compose_variables, service_files
from lab.servers import SERVERS, ListenerPlace
from lab.settings import parse_client, parse_server

here = Checkout.here()
# the server
server = SERVERS["exampleftpd"]
settings = parse_server(["certificate=expired", "ciphers=HIGH"], "exampleftpd")
place = ListenerPlace(key="k", port=2100, passive_ports=(1, 2), password="p", chain="c", private_key="k")
assert server.unsupported(settings) is None
assert "TLSCipherSuite HIGH" in server.configure(settings, place)
assert server_dialect("exampleftpd").heard("TLS negotiation failed: no shared cipher") == {"no-shared-cipher"}
assert "exampleftpd_program.py" in agent_files()
# the client, and the platform
aria2 = parse_client("aria2@debian13", ["verify=off"])
assert program_of(aria2).service(aria2) == "aria2"
assert client_dialect("aria2").source
openssl = parse_client("openssl@testing")
assert program_of(openssl).service(openssl) == "testing"
assert {"aria2", "testing"} <= set(CLIENT_CONTAINERS)
assert parse_server(["pasv_address=testing"], "exampleftpd").pasv_address == "testing"
# the document
cases = Catalogue.load(here.root / "scenarios").cases
(case,) = [case for case in cases if case.document == "example-guide"]
assert [planned.role for planned in case.plan()] == ["breaks", "twin", "remedy"]
assert problems(documents()["example-guide"], cases) == []
# the defect
assert CATALOGUE["long-expired"].x509_error == 10
# the record's form, the images and the containers
assert {"ExampleFtpd", "Aria2"} <= set(json.loads(schema_text())["$defs"])
new = {"exampleftpd", "aria2", "testing-clients"}
assert new <= {name for name, recipe in load(here.root / "compose" / "images").items()
               if recipe.service_file.exists() and not recipe.only_real}
images = dict.fromkeys(service_files(here), "image")
environment = os.environ | compose_variables(here, images, "172.30.77")
composed = subprocess.run([*compose_command(), "config", "--format", "json"], env=environment,
                          capture_output=True, check=True)
services = json.loads(composed.stdout)["services"]
assert {"exampleftpd", "aria2", "testing"} <= set(services)
assert "--host-record=exampleftpd.lab.test,172.30.77." in services["dns"]["environment"]["HOST_RECORDS"]
"""


def blocks(section: str) -> list[tuple[str, str, str]]:
    """Path, place and text of every file in a section of the guide."""
    (text,) = re.findall(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", GUIDE, re.M | re.S)
    return [(match[1], match[2] or "", match[3]) for match in BLOCK.finditer(text)]


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the tree in which every walk-through was followed."""
    tree = copy_tree(tmp_path_factory.mktemp("contributing") / "tree", compiled=True)
    for section in OWN:
        for name, place, text in blocks(section):
            path = tree / name
            if place:
                # behind the entry of that name: its row in the page, its table in the catalogue
                entry = ENTRY[path.suffix].format(place)
                was = path.read_text(encoding="utf-8")
                found = re.search(entry, was, re.M)
                assert found, f"{name} has no entry {place}"
                path.write_text(was[: found.end()] + text + was[found.end() :], encoding="utf-8")
            else:
                assert not path.exists(), f"{name} is there already"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
    return tree


@pytest.mark.parametrize("section", OWN)
def test_a_thing_is_its_folders_and_nothing_else(section: str) -> None:
    own, elsewhere = OWN[section]
    names = [name for name, _, _ in blocks(section)]

    outside = [name for name in names if not name.startswith(tuple(f"{o}/" for o in own))]
    assert len(outside) == elsewhere
    assert all(any(name.startswith(f"{o}/") for name in names) for o in own)
    # and nothing of it is there before: nobody else names it
    assert not [folder for folder in own if (root() / folder).exists()]


def test_the_lab_has_what_was_added(added: Path) -> None:
    run("python", "-c", QUESTIONS, of=added, cwd=added)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("list", "expired_at_the_origin"),
        ("attempt --help", "exampleftpd"),
        ("attempt --fields --client aria2@debian13", "Settings of the client aria2"),
    ],
)
def test_commands_show_it(words: str, shown: str, added: Path) -> None:
    assert shown in run("lab", *words.split(), of=added, cwd=added)
