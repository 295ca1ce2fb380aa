"""Starting the containers of a topology, or using those that run."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from docker import DockerClient
from filelock import FileLock, Timeout

from lab.engine import compose_environment
from lab.run.checkout import Checkout, topology_lock
from lab.run.topology import sealing
from lab.run.topology.locks import acquire
from lab.run.topology.projects import TopologyError, containers, of_project
from lab.run.topology.removing import remove
from lab.run.topology.subnets import choosing, free_net
from lab.servers import SERVERS

#: Seconds for Compose to have every container running.
UP_S = 120
_ADDRESS = re.compile(r"\$\{LAB_ADDRESS_([A-Z0-9_]+)")


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
    """Start the containers of these images (``compose/images/NAME/service.yaml``) as ``project``.

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
                "LAB_CHECKOUT": checkout.key,
                "LAB_PATH": str(checkout.root),
                "LAB_RUN": run_id,
                "LAB_KEPT": "yes" if kept else "no",
                **sealing.options(client.api.api_version),
                **compose_variables(checkout, images, free_net(client)),
            }
            _write_environment(checkout, environment)
            _compose_up(compose, environment, services)
        return Topology(project, containers(client, project), lock, kept)
    except BaseException:
        remove(client, [project], starting=True)
        lock.release()
        raise


def service_files(checkout: Checkout) -> dict[str, Path]:
    """The files with the topology's services, by the image that these run on."""
    found = sorted(checkout.compose_file.parent.glob("images/*/service.yaml"))
    return {path.parent.name: path for path in found}


def compose_variables(checkout: Checkout, images: Mapping[str, str], net: str) -> dict[str, str]:
    """What Compose is told of the services of these images: their files, addresses and DNS names.

    Args:
        images: image reference by image name.
        net: the first three octets of the subnet.

    A service that asks for an address (``${LAB_ADDRESS_<SERVICE>}``) has a name too: that of the server
    which runs in it, or its own. Addresses are far from those that the engine gives to the others.
    """
    files = [path for name, path in service_files(checkout).items() if name in images]
    asked = [name for path in files for name in _ADDRESS.findall(path.read_text(encoding="utf-8"))]
    hosts = {server.service: server.host for server in SERVERS.values()}
    addresses = {
        name.lower().replace("_", "-"): f"{net}.{number}" for number, name in enumerate(asked, 100)
    }
    records = [(hosts.get(name, f"{name}.lab.test"), at) for name, at in addresses.items()]
    return {
        # A path may have a colon in it.
        "COMPOSE_PATH_SEPARATOR": "|",
        "COMPOSE_FILE": "|".join(map(str, (checkout.compose_file, *files))),
        "LAB_HOST_RECORDS": " ".join(
            f"--host-record={host},{at}" for host, at in [("dns.lab.test", f"{net}.2"), *records]
        ),
        "LAB_NET": net,
        **{f"LAB_ADDRESS_{_upper(name)}": address for name, address in addresses.items()},
        **{f"LAB_IMAGE_{_upper(name)}": reference for name, reference in images.items()},
    }


def _upper(name: str) -> str:
    return name.upper().replace("-", "_")


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
    environment: Mapping[str, str],
    services: Collection[str],
) -> None:
    command = [
        *compose,
        *("--project-name", environment["LAB_PROJECT"]),
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
