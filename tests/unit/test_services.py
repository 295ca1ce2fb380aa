"""The files with services: on which image each runs, and the addresses that stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.images.recipe import load
from lab.run.checkout import Checkout
from lab.run.services import (
    addresses,
    compose_variables,
    image_names,
    images_by_service,
    service_files,
    services_in,
    services_on,
)

SHARED = """
x-one: &one
  extends: {file: base.yaml, service: client}
  image: ${LAB_IMAGE_ONE:?}

services:
  one-a:
    <<: *one
    environment: {A: b}

  one-b:
    <<: *one
"""
SPREAD = """
services:
  lftp-debian12:
    image: ${LAB_IMAGE_LFTP_DEBIAN12:?}
    networks:
      lab: {ipv4_address: "${LAB_ADDRESS_LFTP_DEBIAN12:?}"}
  lftp-debian13:
    image: ${LAB_IMAGE_LFTP_DEBIAN13:?}
    networks:
      lab: {ipv4_address: "${LAB_ADDRESS_LFTP_DEBIAN13:?}"}
volumes: {}
"""
LATER = """
services:
  zed:
    image: ${LAB_IMAGE_ZED:?}
    networks:
      lab: {ipv4_address: "${LAB_ADDRESS_ZED:?}"}
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for name, text in {"lftp": SPREAD, "one": SHARED, "zed": LATER}.items():
        folder = tmp_path / "compose" / "images" / name
        folder.mkdir(parents=True)
        (folder / "service.yaml").write_text(text)
    return Checkout(tmp_path)


def test_a_service_has_its_own_image_or_the_one_of_its_file() -> None:
    assert services_in(SHARED) == {"one-a": "one", "one-b": "one"}
    assert services_in(SPREAD) == {
        "lftp-debian12": "lftp-debian12",
        "lftp-debian13": "lftp-debian13",
    }
    with pytest.raises(ValueError, match="three"):
        services_in(SPREAD.replace("volumes: {}", "  three:\n    command: []\n"))


def test_every_service_of_the_lab_runs_on_an_image_of_the_lab() -> None:
    here = Checkout.here()
    recipes = load(here.root / "compose" / "images")
    for name, image in images_by_service(here).items():
        assert recipes[image].service_file.exists(), name
    for folder, path in service_files(here).items():
        of_folder = {n for n, r in recipes.items() if r.directory.name == folder}
        assert set(image_names(path.read_text(encoding="utf-8"))) == of_folder, path


def test_addresses_do_not_depend_on_what_runs(checkout: Checkout) -> None:
    at = {
        "lftp-debian12": "10.0.0.100",
        "lftp-debian13": "10.0.0.101",
        "zed": "10.0.0.102",
    }
    assert addresses(checkout, "10.0.0") == at
    little = compose_variables(checkout, {"one": "one:1"}, "10.0.0")
    more = compose_variables(checkout, {"one": "one:1", "zed": "zed:1"}, "10.0.0")
    assert little["LAB_ADDRESS_ZED"] == more["LAB_ADDRESS_ZED"] == at["zed"]
    # and the DNS server, which is asked for all of them, need not be told anew
    assert little["LAB_HOST_RECORDS"] == more["LAB_HOST_RECORDS"]
    assert "--host-record=zed.lab.test,10.0.0.102" in more["LAB_HOST_RECORDS"]


def test_only_files_with_a_service_that_can_run_are_read(checkout: Checkout) -> None:
    given = compose_variables(checkout, {"one": "one:1", "lftp-debian13": "lftp:13"}, "10.0.0")
    files = [Path(path).parent.name for path in given["COMPOSE_FILE"].split("|")]
    assert files == ["compose", "lftp", "one"]
    # the image that is not there is asked for by that file all the same
    assert given["LAB_IMAGE_LFTP_DEBIAN13"] == "lftp:13"
    assert given["LAB_IMAGE_LFTP_DEBIAN12"] == "tls-lab/lftp-debian12:not-made"
    assert services_on(checkout, {"one", "lftp-debian13"}) == {"one-a", "one-b", "lftp-debian13"}
