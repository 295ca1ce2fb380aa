"""The builds with which the expectations were last seen to hold, and what has moved since."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.host.checkout import root
from lab.images.errors import ImageError
from lab.images.provenance import (
    TLS_LIBRARY,
    Provenance,
    builds_of,
    moved,
    read_builds,
    write_builds,
)
from lab.images.recipe import Measure, Recipe, Source, load, releases


def image(name: str, library: str | None, **packages: str) -> Provenance:
    return Provenance(
        image=name,
        source="packages",
        stand_in=False,
        os="Debian GNU/Linux 13 (trixie)",
        tls_library=library,
        packages=packages,
        recipe="0" * 12,
        built_at=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    )


BEFORE = image("vsftpd", "OpenSSL 3.5.7", libssl3t64="3.5.7-1", vsftpd="3.0.5-0.2")
NOW = image("vsftpd", "OpenSSL 3.5.9", libssl3t64="3.5.9-1", vsftpd="3.0.5-0.2", gone="1")


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    # given two images, of which one has no library and a version with everything that needs quoting
    odd = image("dns", None, **{"dnsmasq base": 'a "quoted" \\ version'})
    file = tmp_path / "builds.toml"

    # when their builds are recorded
    write_builds(file, [BEFORE, odd])

    # then they are read as they were
    assert read_builds(file) == {"vsftpd": builds_of(BEFORE), "dns": builds_of(odd)}
    assert moved(read_builds(file), odd) == ()


def test_what_is_kept_stays_where_nothing_new_is_known(tmp_path: Path) -> None:
    file = tmp_path / "builds.toml"

    write_builds(file, [NOW], {"lftp": {"lftp": "4.9.3"}, "vsftpd": builds_of(BEFORE)})

    assert read_builds(file) == {"vsftpd": builds_of(NOW), "lftp": {"lftp": "4.9.3"}}


def test_what_has_moved_is_named_with_both_versions(tmp_path: Path) -> None:
    recorded = {"vsftpd": builds_of(BEFORE)}

    assert moved(recorded, BEFORE) == ()
    assert moved(recorded, NOW) == (
        "libssl3t64 3.5.7-1 -> 3.5.9-1",
        "TLS library OpenSSL 3.5.7 -> OpenSSL 3.5.9",
        "gone (not there) -> 1",
    )


def test_of_an_image_without_a_record_nothing_is_said(tmp_path: Path) -> None:
    assert read_builds(tmp_path / "nothing.toml") == {}
    assert moved({}, BEFORE) is None


@pytest.mark.parametrize(
    "text",
    [
        "[vsftpd",
        "vsftpd = 3",
        "[vsftpd]\nlibssl = 3",
        "a=" + "[" * 100_000,
        '["\\u001b[31m\\n"]\nx = 1',
    ],
)
def test_a_damaged_table_is_an_error_that_says_how_to_write_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "builds.toml"
    file.write_text(text)
    with pytest.raises(ImageError) as raised:
        read_builds(file)
    assert "lab images builds --write" in str(raised.value)
    assert "\x1b" not in str(raised.value)
    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "directory"])
def test_what_is_no_file_is_an_error_and_holds_nobody_up(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "builds.toml")
    with pytest.raises(
        ImageError, match=r"reading .*: (within 1 s nothing came|this is a directory)"
    ):
        read_builds(tmp_path / "builds.toml")


def test_the_table_of_the_lab_has_the_images_of_the_lab() -> None:
    directory = root() / "compose" / "images"
    recipes = load(directory)
    bases = {
        route.variant.base
        for release in ("", *releases(directory))
        for recipe in load(directory, release).values()
        for route in recipe.routes
    }
    made = {name for name, recipe in recipes.items() if not recipe.only_real} - bases

    recorded = read_builds(root() / "compose" / "builds.toml")

    # an image that has come since is written into it after the run that was seen to hold
    assert set(recorded) <= made
    assert all(recorded.values())


def test_the_table_of_the_lab_has_what_the_recipes_measure() -> None:
    """Otherwise a changed recipe looks like a package that has come or gone, in every surprise."""
    recipes = load(root() / "compose" / "images")
    for name, versions in read_builds(root() / "compose" / "builds.toml").items():
        measured = measured_without_registry(recipes[name])
        always = {*measured.versions, *([TLS_LIBRARY] if measured.tls_library else [])}
        # of the packages some have another name in another release
        assert always <= set(versions), name
        assert set(versions) <= always | {*measured.packages}, name


def measured_without_registry(recipe: Recipe) -> Measure:
    (route,) = recipe.open_to(Source.PACKAGES)
    return route.variant.measure or recipe.measure
