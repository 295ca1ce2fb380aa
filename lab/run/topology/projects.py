"""What the engine's labels tell of topologies: each is one Compose project."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from docker import DockerClient

from lab.host.checkout import LABEL_CHECKOUT, LABEL_PATH
from lab.run.checkout import LABEL_KEPT, in_use

LABEL_PROJECT = "com.docker.compose.project"
LABEL_SERVICE = "com.docker.compose.service"


class TopologyError(Exception):
    """The topology cannot be started or removed; the message says what to do."""


@dataclass(frozen=True)
class Place:
    """Where a service runs."""

    image: str
    """Reference of its image, as the topology was started with it."""
    address: str | None
    """Its IP address in the topology's network."""


@dataclass(frozen=True)
class Found:
    """A topology, or what is left of one, as the engine's labels tell."""

    project: str
    checkout: str
    path: str
    kept: bool
    running: int
    containers: int
    alive: bool
    """A process uses it, or ``lab up`` left it running for use."""


def of_project(project: str) -> dict[str, str]:
    """The filter by which the engine finds what belongs to a project."""
    return {"label": f"{LABEL_PROJECT}={project}"}


def containers(client: DockerClient, project: str) -> dict[str, str]:
    """Ids of the running containers of a project, by service."""
    found = client.api.containers(filters=of_project(project))
    return {c["Labels"][LABEL_SERVICE]: c["Id"] for c in found}


def places(client: DockerClient, project: str) -> dict[str, Place]:
    """Image and address of every running container of a project, by service."""
    found = client.api.containers(filters=of_project(project))
    return {c["Labels"][LABEL_SERVICE]: Place(c["Image"], _address(c)) for c in found}


def _address(container: Mapping[str, Any]) -> str | None:
    networks = (container.get("NetworkSettings") or {}).get("Networks") or {}
    return next((n["IPAddress"] for n in networks.values() if n.get("IPAddress")), None)


def find(client: DockerClient) -> list[Found]:
    """Every topology on the engine, of any checkout, running or not."""
    by_project: dict[str, list[tuple[Mapping[str, str], bool]]] = {}
    for c in client.api.containers(all=True, filters={"label": LABEL_CHECKOUT}):
        labels = c["Labels"]
        if LABEL_PROJECT in labels:
            running = c["State"] == "running"
            by_project.setdefault(labels[LABEL_PROJECT], []).append((labels, running))
    for n in client.api.networks(filters={"label": LABEL_CHECKOUT}):
        labels = n["Labels"] or {}
        if LABEL_PROJECT in labels:
            by_project.setdefault(labels[LABEL_PROJECT], []).append((labels, False))
    topologies = []
    for project, members in sorted(by_project.items()):
        labels = members[0][0]
        kept = labels.get(LABEL_KEPT) == "yes"
        running = sum(up for _, up in members)
        topologies.append(
            Found(
                project=project,
                checkout=labels.get(LABEL_CHECKOUT, ""),
                path=labels.get(LABEL_PATH, ""),
                kept=kept,
                running=running,
                containers=len(members),
                alive=in_use(project) or (kept and running > 0),
            )
        )
    return topologies
