"""Recipes: what is read, what is refused, and what changes an image's name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from lab.host.checkout import root
from lab.images.errors import ImageError, WrongVariable
from lab.images.recipe import Candidate, Recipe, Source, bases, candidates, load, releases

RECIPES = root() / "compose" / "images"

BASE = """
name = "base"
description = "a base"
[registry]
pull = "registry.test/base:1"
real = ["all"]
[packages]
bootstrap = { suite = "bookworm" }
real = ["all"]
"""
CLIENT = """
name = "client"
description = "a client"
[registry]
pull = "registry.test/client:1"
dockerfile = "Dockerfile"
real = ["all"]
[packages]
base = "base"
dockerfile = "Dockerfile.standin"
context = ["files"]
stand_in = true
real = ["something"]
not_real = ["the rest"]
"""
SERVER = """
name = "server"
description = "a server"
[either]
base = "base"
dockerfile = "Dockerfile"
real = ["all"]
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, text in {"base": BASE, "client": CLIENT, "server": SERVER}.items():
        (tmp_path / name / "files").mkdir(parents=True)
        (tmp_path / name / "image.toml").write_text(text)
        (tmp_path / name / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
        (tmp_path / name / "Dockerfile.standin").write_text("ARG BASE\nFROM ${BASE}\nRUN true\n")
        (tmp_path / name / "files" / "tool").write_text("#!/bin/sh\n")
    return tmp_path


def tags(directory: Path, name: str, source: Source = Source.AUTO) -> list[str]:
    return [candidate.tag for candidate in candidates(load(directory), name, source)]


def test_the_recipes_of_the_lab_can_be_read() -> None:
    recipes = load(RECIPES)
    assert set(recipes) >= {
        "debian12",
        "debian13",
        "rocky9",
        "centos7",
        "vsftpd",
        "pyftpdlib",
        "dns",
        "vsftpd-rocky9",
        "vsftpd-openssl10",
        "nginx",
        "sslscan",
        "testing",
    }


@pytest.mark.parametrize("name", ["rocky9", "centos7"])
def test_a_client_of_the_lab_comes_from_its_distribution_or_is_a_stand_in_that_says_so(
    name: str,
) -> None:
    recipe = load(RECIPES)[name]
    registry, packages = recipe.routes
    assert registry.source is Source.REGISTRY
    assert registry.variant.pull is not None
    assert not registry.variant.stand_in
    assert packages.source is Source.PACKAGES
    assert packages.variant.stand_in
    assert packages.variant.not_real


def test_every_pinned_package_of_the_lab_has_a_hash_and_a_size() -> None:
    artifacts = [
        artifact
        for recipe in load(RECIPES).values()
        for route in recipe.routes
        for artifact in route.variant.artifacts
    ]
    assert len(artifacts) >= 12
    assert all(len(artifact.sha256) == 64 and artifact.size > 1000 for artifact in artifacts)


def test_the_registry_comes_first_and_the_stand_in_last(directory: Path) -> None:
    found = candidates(load(directory), "client", Source.AUTO)
    assert [(c.source, c.variant.stand_in, base_source(c)) for c in found] == [
        (Source.REGISTRY, False, None),
        (Source.PACKAGES, True, Source.REGISTRY),
        (Source.PACKAGES, True, Source.PACKAGES),
    ]


def base_source(candidate: Candidate) -> Source | None:
    return candidate.base.source if candidate.base else None


@pytest.mark.parametrize("source", [Source.REGISTRY, Source.PACKAGES])
def test_a_source_that_is_asked_for_is_the_only_one(directory: Path, source: Source) -> None:
    for name in ("base", "client", "server"):
        assert [c.source for c in candidates(load(directory), name, source)] == [source]


def test_an_image_that_leaves_it_open_has_the_source_of_its_base(directory: Path) -> None:
    found = candidates(load(directory), "server", Source.AUTO)
    assert [c.source for c in found] == [Source.REGISTRY, Source.PACKAGES]
    assert len({c.tag for c in found}) == 2


RELEASE = """
[release.old]
base = "old"
dockerfile = "Dockerfile.built"
real = ["the old one"]
[[release.old.artifacts]]
client = "pip"
package = "moving"
version = "1"
file = "moving-1.whl"
sha256 = "%s"
size = 2000
members = { "" = "x/" }
"""


def with_a_release(directory: Path) -> None:
    """Give the server a release of its own, and one that only names it to the client."""
    artifact = RELEASE.partition("[[")[2].replace("release.old.artifacts", "either.artifacts")
    pinned = [
        f"[[{artifact % (digit * 64)}".replace('"moving"', f'"{name}"')
        for digit, name in (("1", "moving"), ("2", "staying"))
    ]
    text = "".join([SERVER, *pinned, RELEASE % ("3" * 64)])
    (directory / "server" / "image.toml").write_text(text)
    (directory / "server" / "Dockerfile.built").write_text("ARG BASE\nFROM ${BASE}\n")
    shutil.copytree(directory / "base", directory / "old")
    old = directory / "old" / "image.toml"
    old.write_text(BASE.replace('"base"', '"old"'))


def test_a_release_changes_what_it_names_and_nothing_else(directory: Path) -> None:
    # given a server with a release
    with_a_release(directory)
    usual, old = load(directory)["server"].routes[0], load(directory, "old")["server"].routes[0]

    # then what the release says holds there, and an artifact takes the place of that of its package
    assert (usual.variant.base, old.variant.base) == ("base", "old")
    assert (usual.variant.real, old.variant.real) == (("all",), ("the old one",))
    assert [(a.package, a.sha256[0]) for a in usual.variant.artifacts] == [
        ("moving", "1"),
        ("staying", "2"),
    ]
    assert [(a.package, a.sha256[0]) for a in old.variant.artifacts] == [
        ("staying", "2"),
        ("moving", "3"),
    ]
    # and whoever says nothing about it is the same
    assert load(directory, "old")["client"] == load(directory)["client"]
    assert releases(directory) == ("old",)


def test_a_release_that_nobody_knows_is_refused_with_those_there_are(directory: Path) -> None:
    with_a_release(directory)
    with pytest.raises(WrongVariable, match="LAB_SERVERS=odl") as raised:
        load(directory, "odl")
    assert any("use one of old" in advice for advice in raised.value.advice)


def test_a_release_needs_what_it_differs_from(directory: Path) -> None:
    text = CLIENT + '[release.old]\nbase = "base"\n'
    (directory / "client" / "image.toml").write_text(text)
    with pytest.raises(ImageError, match="a release differs from either"):
        load(directory)


@pytest.mark.parametrize("release", ["", *releases(RECIPES)])
def test_every_release_of_the_lab_can_be_read(release: str) -> None:
    recipes = load(RECIPES, release)
    for name in ("vsftpd", "nginx", "pyftpdlib"):
        assert recipes[name].routes[0].variant.base == {"": "debian13"}.get(release, release)
        assert len(candidates(recipes, name, Source.AUTO)) == 2


def test_the_same_recipe_has_the_same_name_everywhere(directory: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(directory, copy, ignore=shutil.ignore_patterns("elsewhere"))
    assert tags(directory, "client") == tags(copy, "client")


def change_dockerfile(directory: Path) -> None:
    (directory / "client" / "Dockerfile.standin").write_text("ARG BASE\nFROM ${BASE}\nRUN false\n")


def change_file(directory: Path) -> None:
    (directory / "client" / "files" / "tool").write_text("#!/bin/sh\ntrue\n")


def make_executable(directory: Path) -> None:
    (directory / "client" / "files" / "tool").chmod(0o755)


def rename_file(directory: Path) -> None:
    (directory / "client" / "files" / "tool").rename(directory / "client" / "files" / "tool2")


def change_claim(directory: Path) -> None:
    path = directory / "client" / "image.toml"
    path.write_text(path.read_text().replace("the rest", "most of it"))


def change_measure(directory: Path) -> None:
    path = directory / "client" / "image.toml"
    path.write_text(path.read_text() + '[measure]\npackages = ["perl"]\n')


def change_base(directory: Path) -> None:
    path = directory / "base" / "image.toml"
    path.write_text(path.read_text().replace('"bookworm"', '"trixie"'))


@pytest.mark.parametrize(
    "change",
    [
        change_dockerfile,
        change_file,
        make_executable,
        rename_file,
        change_claim,
        change_measure,
        change_base,
    ],
)
def test_whatever_goes_into_an_image_changes_its_name(directory: Path, change: object) -> None:
    [before] = tags(directory, "client", Source.PACKAGES)
    assert callable(change)
    change(directory)
    [after] = tags(directory, "client", Source.PACKAGES)
    assert before != after


def test_a_change_to_one_route_leaves_the_other_alone(directory: Path) -> None:
    [before] = tags(directory, "client", Source.REGISTRY)
    change_dockerfile(directory)
    change_file(directory)
    assert tags(directory, "client", Source.REGISTRY) == [before]


def test_what_python_and_time_leave_behind_does_not_change_a_name(directory: Path) -> None:
    before = tags(directory, "client")
    (directory / "client" / "files" / "__pycache__").mkdir()
    (directory / "client" / "files" / "__pycache__" / "x.pyc").write_bytes(b"x")
    os.utime(directory / "client" / "files" / "tool", (1, 1))
    assert tags(directory, "client") == before


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (CLIENT.replace('name = "client"', 'name = "other"'), "its directory is not"),
        (CLIENT.replace('base = "base"', 'base = "nowhere"'), "nowhere has no recipe"),
        (CLIENT.replace('"Dockerfile.standin"', '"Missing"'), "Missing does not exist"),
        (CLIENT.replace('not_real = ["the rest"]', ""), "must say what in it is not real"),
        (CLIENT.replace('base = "base"', ""), "exactly one of pull, bootstrap and base"),
        (CLIENT.replace("stand_in", "standin"), "Extra inputs"),
        (CLIENT.replace("[registry]", "[either]"), "either stands alone"),
        (CLIENT.partition("[registry]")[0], "registry is needed"),
        ("name = ", "Invalid value"),
    ],
)
def test_a_broken_recipe_is_refused_with_its_file_and_the_fault(
    directory: Path, text: str, complaint: str
) -> None:
    (directory / "client" / "image.toml").write_text(text)
    with pytest.raises(ImageError) as raised:
        load(directory)
    assert raised.value.problem == "recipe"
    assert complaint in str(raised.value)
    assert str(directory / "client") in str(raised.value)


def test_a_name_that_no_recipe_has_is_answered_with_the_names_there_are(directory: Path) -> None:
    with pytest.raises(ImageError, match="base, client, server"):
        candidates(load(directory), "rocky10", Source.AUTO)


@pytest.mark.parametrize(
    ("value", "source"),
    [
        ({}, Source.AUTO),
        ({"LAB_IMAGES": ""}, Source.AUTO),
        ({"LAB_IMAGES": "registry"}, Source.REGISTRY),
        ({"LAB_IMAGES": "packages"}, Source.PACKAGES),
    ],
)
def test_the_environment_chooses_the_source(value: dict[str, str], source: Source) -> None:
    assert Source.from_environment(value) is source


def test_a_wrong_source_is_refused_with_the_right_ones() -> None:
    with pytest.raises(WrongVariable, match="auto, registry, packages"):
        Source.from_environment({"LAB_IMAGES": "docker"})


@pytest.mark.parametrize("value", ["a\nb\x1b[31m", "x" * 5000])
def test_a_wrong_variable_is_quoted_visibly_and_in_part(directory: Path, value: str) -> None:
    with_a_release(directory)
    for refused in (
        lambda: Source.from_environment({"LAB_IMAGES": value}),
        lambda: load(directory, value),
    ):
        with pytest.raises(WrongVariable) as raised:
            refused()
        first, *rest = str(raised.value).splitlines()
        assert len(rest) == 1
        assert len(first) < 200
        assert first.isprintable()


def test_an_image_without_a_stand_in_says_so_when_the_registry_is_ruled_out(
    directory: Path,
) -> None:
    (directory / "client" / "image.toml").write_text(CLIENT.partition("[packages]")[0])
    recipe: Recipe = load(directory)["client"]
    assert recipe.only_real
    assert len(recipe.allowed(Source.AUTO)) == 1
    assert candidates(load(directory), "client", Source.PACKAGES) == ()
    with pytest.raises(ImageError, match="the distribution's own image only"):
        recipe.allowed(Source.PACKAGES)


def test_an_archive_does_not_miss_the_base_of_another_release() -> None:
    known = load(RECIPES)
    in_topology = {name for name, recipe in known.items() if recipe.service_file.exists()}

    assert set(known) - in_topology <= bases(RECIPES)


SPREAD = """
name = "spread"
description = "a program of several distributions"
on_demand = true
distributions = ["base", "client"]
[either]
dockerfile = "Dockerfile"
real = ["all"]
"""


def spread(directory: Path, text: str = SPREAD) -> Path:
    (directory / "spread").mkdir()
    (directory / "spread" / "image.toml").write_text(text)
    (directory / "spread" / "Dockerfile").write_text("ARG BASE\nFROM ${BASE}\n")
    return directory


def test_a_folder_with_distributions_is_an_image_on_each(directory: Path) -> None:
    recipes = load(spread(directory))
    made = {name: recipe for name, recipe in recipes.items() if recipe.directory.name == "spread"}
    assert {name: r.routes[0].variant.base for name, r in made.items()} == {
        "spread-base": "base",
        "spread-client": "client",
    }
    assert all(recipe.on_demand for recipe in made.values())
    assert not any(recipe.on_demand for name, recipe in recipes.items() if name not in made)
    # and each has a tag of its own, which its base decides
    assert not {*tags(directory, "spread-base")} & {*tags(directory, "spread-client")}


@pytest.mark.parametrize(
    ("was", "instead"),
    [
        ("[either]", '[either]\nbase = "base"'),
        ("[either]", '[registry]\npull = "registry.test/base:1"'),
        ('["base", "client"]', '["base", "gone"]'),
        ("[either]", '[release.new]\nbase = "client"\n[either]'),
    ],
)
def test_distributions_that_nothing_can_be_made_of_are_refused(
    directory: Path, was: str, instead: str
) -> None:
    with pytest.raises(ImageError, match="spread"):
        load(spread(directory, SPREAD.replace(was, instead)))


def test_being_made_on_demand_changes_no_tag(directory: Path) -> None:
    before = tags(directory, "server")
    (directory / "server" / "image.toml").write_text(
        SERVER.replace("[either]", "on_demand = true\n[either]")
    )
    assert load(directory)["server"].on_demand
    assert tags(directory, "server") == before
