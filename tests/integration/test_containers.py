"""Compose gives every container what ``docs/containers.md`` says, and nothing else."""

from __future__ import annotations

import functools
import json
import subprocess
from typing import Any

import pytest

from lab.host.engine import compose_command
from lab.run.checkout import Checkout
from lab.run.services import compose_variables, images_by_service
from lab.servers import SERVERS
from tests.containers_table import Container, documented

#: Every process names its tests by these; one asks Compose.
NAMES = sorted(images_by_service(Checkout.here()))


@functools.cache
def services() -> dict[str, dict[str, Any]]:
    """Every service of every file, as Compose understands it."""
    here = Checkout.here()
    done = subprocess.run(
        [*compose_command(), "config", "--format", "json"],
        env=compose_variables(
            here, dict.fromkeys(images_by_service(here).values(), "image"), "172.30.77"
        ),
        capture_output=True,
        check=True,
    )
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return found


def test_compose_has_the_services_that_the_lab_reads_of_the_files() -> None:
    assert sorted(services()) == NAMES


def test_a_container_may_do_what_the_table_says() -> None:
    for service, row in documented().items():
        given = services()[service]
        assert row == Container(
            given.get("user", ""),
            frozenset(given.get("cap_add", ())),
            frozenset(mount.partition(":")[0] for mount in given.get("tmpfs", ())),
        ), service


def test_every_container_that_may_more_than_a_client_is_in_the_table() -> None:
    known = frozenset[str]().union(*(row.capabilities for row in documented().values()))
    for service in services().keys() - documented().keys():
        assert frozenset(services()[service].get("cap_add", ())) <= known, service


def test_whoever_is_found_by_name_has_an_address_and_a_record() -> None:
    records = services()["dns"]["environment"]["HOST_RECORDS"].split()
    at = {name: next(iter(one["networks"].values())) for name, one in services().items()}
    named = {name: given["ipv4_address"] for name, given in at.items() if given}
    assert {server.service for server in SERVERS.values()} <= named.keys()
    assert len(set(named.values())) == len(records) == len(named)
    assert {record.rpartition(",")[2] for record in records} == set(named.values())


@pytest.mark.parametrize("service", NAMES)
def test_no_container_may_more_than_it_needs(service: str) -> None:
    given = services()[service]
    assert given["read_only"] is True
    assert given["cap_drop"] == ["ALL"]
    assert given["security_opt"] == ["no-new-privileges:true"]
    assert given["init"] is True
    assert given["mem_limit"]
    assert given["pids_limit"]
    assert list(given["networks"]) == ["lab"]
    for option in ("ports", "volumes", "devices", "privileged", "network_mode", "pid", "ipc"):
        assert not given.get(option), option
    for mount in given.get("tmpfs", ()):
        place, _, options = mount.partition(":")
        names = {option.partition("=")[0] for option in options.split(",")}
        assert {"size", "mode"} <= names, place
