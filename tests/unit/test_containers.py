"""``compose.yaml`` gives every container what ``docs/containers.md`` says, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from ruamel.yaml import YAML

from lab.host.checkout import root
from tests.containers_table import Container, documented

COMPOSE = YAML(typ="safe").load(root() / "compose" / "compose.yaml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


def test_the_table_has_every_container() -> None:
    assert documented().keys() == SERVICES.keys()


@pytest.mark.parametrize("service", SERVICES)
def test_a_container_may_do_what_the_table_says(service: str) -> None:
    given = SERVICES[service]
    assert documented()[service] == Container(
        given.get("user", ""),
        frozenset(given.get("cap_add", ())),
        frozenset(mount.partition(":")[0] for mount in given.get("tmpfs", ())),
    )


@pytest.mark.parametrize("service", SERVICES)
def test_no_container_may_more_than_it_needs(service: str) -> None:
    given = SERVICES[service]
    assert given["read_only"] is True
    assert given["cap_drop"] == ["ALL"]
    assert given["security_opt"] == ["no-new-privileges:true"]
    assert given["init"] is True
    assert given["mem_limit"]
    assert given["pids_limit"]
    assert list(given["networks"]) == ["lab"]
    for option in ("ports", "volumes", "devices", "privileged", "network_mode", "pid", "ipc"):
        assert option not in given
    for mount in given.get("tmpfs", ()):
        place, _, options = mount.partition(":")
        names = {option.partition("=")[0] for option in options.split(",")}
        assert {"size", "mode"} <= names, place
