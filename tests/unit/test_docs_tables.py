"""Tables of the documentation that name what there is name all of it, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from lab.clients import PROGRAMS
from lab.host.checkout import root
from lab.images.recipe import load
from lab.run.checkout import Checkout
from lab.run.services import images_by_service
from lab.servers import SERVERS


def table(page: str, begins: str) -> Iterator[list[set[str]]]:
    """The names in each cell of each row of the table of this page whose head begins so."""
    _, _, rest = (root() / "docs" / page).read_text(encoding="utf-8").partition(f"\n| {begins} |")
    assert rest, f"{page} has no table that begins with {begins}"
    for line in rest.partition("\n\n")[0].splitlines()[2:]:
        yield [set(re.findall(r"`([^`]+)`", cell)) for cell in line.strip("|").split("|")]


#: A path of the tree; a word in capitals stands for a name.
PATH = re.compile(r"`((?:compose|docs|findings|lab|scenarios|tests|tools)/[\w./@-]+)`", re.ASCII)


@pytest.mark.parametrize("page", sorted((root() / "docs").rglob("*.md")), ids=lambda p: p.name)
def test_a_path_that_a_page_names_is_there(page: Path) -> None:
    named = set(PATH.findall(page.read_text(encoding="utf-8")))
    patterns = {re.sub(r"[A-Z]{3,}", "*", path) for path in named}
    assert not [path for path in patterns if not any(root().glob(path))]


def test_every_program_is_in_the_table_of_agents_with_the_file_that_is_started() -> None:
    rows = list(table("agents.md", "agent"))
    named: set[str] = set().union(*(row[1] for row in rows))
    assert named == PROGRAMS.keys()
    for name, program in PROGRAMS.items():
        started = PurePosixPath(program.agent.argv[1]).name
        assert [row for row in rows if name in row[1] and started in row[3]], (name, started)


def test_the_table_of_images_has_those_that_are_not_made_on_demand() -> None:
    recipes = load(root() / "compose" / "images")
    named: set[str] = set().union(*(row[0] for row in table("images.md", "image")))
    assert named == {name for name, recipe in recipes.items() if not recipe.on_demand}


def test_no_container_on_demand_is_in_the_table_of_what_runs() -> None:
    recipes, images = load(root() / "compose" / "images"), images_by_service(Checkout.here())
    named: set[str] = set().union(*(row[0] for row in table("containers.md", "container")))
    for name, server in SERVERS.items():
        assert (name in named) is not recipes[images[server.service]].on_demand, name
