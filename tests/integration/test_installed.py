"""A lab that was installed from its wheel, in an empty folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.trees import copy_tree, install, run


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    return install(copy_tree(place / "tree"), place / "installed")


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_every_file_that_the_lab_reads_is_in_the_wheel(installed: Path) -> None:
    here = Path(str(importlib.util.find_spec("lab").origin)).parent  # type: ignore[union-attr]
    wanted = {
        path.relative_to(here)
        for path in here.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    got = {path.relative_to(installed / "lab") for path in (installed / "lab").rglob("*")}

    assert wanted <= got


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("--help", "attempt"),
        ("list", "expired_certificate"),
        ("list --document fastly", "the_certificate_hostname"),
        ("attempt --help", "--server"),
        ("attempt --fields", "certificate"),
        ("doctor --help", "--json"),
        ("exercise list -v", "no-common-suite"),
    ],
)
def test_a_command_works_in_an_empty_folder(
    words: str, shown: str, installed: Path, empty: Path
) -> None:
    said = run("lab", *words.split(), of=installed, cwd=empty)

    assert shown in said
    assert not list(empty.iterdir())


STATE = "from lab.run.checkout import Checkout as C; c = C.here(); print(c.state, c.compose_file)"
#: The tags of the images as a lab wants them: where an engine has one of this name, it is not made again.
TAGS = """
from lab.host.checkout import root
from lab.images.recipe import Source, candidates, load
recipes = load(root() / "compose" / "images")
print(*sorted(one.tag for name in recipes for one in candidates(recipes, name, Source.AUTO)))
"""


@pytest.mark.parametrize("repository", [False, True])
def test_its_state_is_in_the_folder_or_repository_where_it_is_used(
    repository: bool, installed: Path, empty: Path
) -> None:
    below = empty / "below"
    below.mkdir()
    if repository:
        (empty / ".git").mkdir()
    state, compose = run("python", "-c", STATE, of=installed, cwd=below).split()

    assert Path(state) == (empty if repository else below) / ".lab"
    assert Path(compose) == installed / "lab" / "_data" / "compose" / "compose.yaml"


def test_an_engine_that_has_the_images_of_a_checkout_has_those_of_the_wheel(
    installed: Path, empty: Path
) -> None:
    of_wheel = run("python", "-c", TAGS, of=installed, cwd=empty)

    assert of_wheel.split()
    assert of_wheel == run("python", "-c", TAGS, cwd=Path(__file__).parents[2])
