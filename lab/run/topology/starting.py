"""Starting the containers of a topology, or using those that run."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from docker import DockerClient
from filelock import FileLock, Timeout

from lab.host import compose_environment
from lab.run.checkout import Checkout, topology_lock
from lab.run.topology import sealing
from lab.run.topology.locks import acquire
from lab.run.topology.projects import TopologyError, containers, of_project
from lab.run.topology.removing import remove
from lab.run.topology.subnets import choosing, free_net

#: Seconds for Compose to have every container running.
UP_S = 120


@dataclass(frozen=True)
class Topology:
    """A running topology."""

    project: str
    containers: Mapping[str, str]
    """Container id by service name."""
    lock: FileLock
    kept: bool

    def release(self, client: DockerClient) -> None:
        """End the use of this topology; one that is not kept is removed."""
        if not self.kept:
            remove(client, [self.project])
        self.lock.release()


def up(
    client: DockerClient,
    checkout: Checkout,
    images: Mapping[str, str],
    compose: list[str],
    project: str,
    *,
    run_id: str,
    kept: bool,
    services: Collection[str] = (),
) -> Topology:
    """Start the containers of ``compose/compose.yaml`` as ``project``.

    What another process has started as ``project`` in the meantime is taken as it is.

    Args:
        images: image reference by image name (``vsftpd``, ``rocky9``, ...).
        compose: the command that is Compose here.
        services: those that are needed, with what they depend on (default: all).

    Raises:
        TopologyError: Compose or the engine refuses; nothing of the project is left behind.
    """
    lock = topology_lock(project)
    acquire(lock, f"another process has been using {project}", UP_S)
    try:
        found = containers(client, project)
    except BaseException:
        lock.release()
        raise
    if found:
        return Topology(project, found, lock, kept)
    try:
        # Choosing a free subnet and creating the network must not be interleaved by two labs.
        with choosing(UP_S):
            environment = {
                "LAB_PROJECT": project,
                "LAB_NET": free_net(client),
                "LAB_CHECKOUT": checkout.key,
                "LAB_PATH": str(checkout.root),
                "LAB_RUN": run_id,
                "LAB_KEPT": "yes" if kept else "no",
                **sealing.options(client.api.api_version),
            } | {
                f"LAB_IMAGE_{name.upper().replace('-', '_')}": reference
                for name, reference in images.items()
            }
            # A service with a profile of its own name is started where its image is there.
            environment["COMPOSE_PROFILES"] = ",".join(sorted(images))
            _write_environment(checkout, environment)
            _compose_up(compose, checkout, environment, services)
        return Topology(project, containers(client, project), lock, kept)
    except BaseException:
        remove(client, [project], starting=True)
        lock.release()
        raise


def attach(client: DockerClient, project: str, images: Mapping[str, str]) -> Topology | None:
    """The running topology ``project``, if no other process uses it and it runs these images."""
    wanted = set(images.values())
    if not _run_on(client, project, wanted):
        return None
    lock = topology_lock(project)
    try:
        lock.acquire(blocking=False)
    except (Timeout, PermissionError):  # another process's, another user's
        return None
    # Whoever had it a moment ago may have removed it.
    if not _run_on(client, project, wanted):
        lock.release()
        return None
    return Topology(project, containers(client, project), lock, kept=True)


def _run_on(client: DockerClient, project: str, images: set[str]) -> bool:
    running = client.api.containers(filters=of_project(project))
    return bool(running) and {c["Image"] for c in running} == images


def _write_environment(checkout: Checkout, environment: Mapping[str, str]) -> None:
    text = "".join(f"{name}={value}\n" for name, value in sorted(environment.items()))
    path = checkout.state / "compose.env"
    try:
        checkout.state.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TopologyError(
            f"{path} cannot be written: {error.strerror}. Make room or permit writing there"
        ) from error


def _compose_up(
    compose: list[str],
    checkout: Checkout,
    environment: Mapping[str, str],
    services: Collection[str],
) -> None:
    command = [
        *compose,
        *("--project-name", environment["LAB_PROJECT"]),
        *("--file", str(checkout.compose_file)),
        *("up", "--detach", "--wait", "--pull", "never", "--quiet-pull"),
        *sorted(services),
    ]
    try:
        done = subprocess.run(
            command,
            env={**compose_environment(), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=UP_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TopologyError(f"the containers were not up after {UP_S} s: {error}") from error
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise TopologyError(
            f"Compose could not start the topology (exit status {done.returncode}):\n{tail}\n"
            "`lab doctor` says whether the engine has what it needs."
        )
