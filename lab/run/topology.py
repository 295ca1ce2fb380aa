"""Containers up and down.

A topology is one Compose project. ``lab up`` makes the checkout's *kept* topology, which later
commands use; a run that finds none, or finds it in use, brings its own and removes it at the end.
"""

from __future__ import annotations

import contextlib
import itertools
import subprocess
import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docker import DockerClient
from docker.errors import APIError, NotFound
from filelock import FileLock, Timeout

from lab.host.engine import compose_command, compose_environment
from lab.host.machine import wait_until
from lab.run import network
from lab.run.checkout import LABEL_RUN, Checkout, in_use, subnets_lock, topology_lock
from lab.run.network import LABEL_SERVICE, Container, TopologyError, containers, of_project
from lab.run.services import compose_variables, host_records

if TYPE_CHECKING:
    import psutil

#: Seconds for a Compose that nobody waits for any more to end when it is asked to.
COMPOSE_END_S = 5.0
#: Seconds without a new container after which the engine has done what such a Compose had asked for,
#: and how long that is waited for at most.
QUIET_S = 1.5
SETTLE_S = 20.0
#: Seconds after its last container's creation in which a topology may still be being started.
YOUNG_S = 10.0
#: Seconds for a network to be let go by containers that somebody else is removing.
NETWORK_S = 10.0


def down(
    client: DockerClient, checkout: Checkout, *, every: bool = False, force: bool = False
) -> tuple[list[network.Found], list[network.Found]]:
    """Remove what runs left behind.

    Of this checkout: everything that no living process uses, the kept topology included. With
    ``every``: also what other checkouts left, except a topology that is alive. With ``force``: those too.

    Returns:
        The topologies removed, and those left because they are in use.

    Raises:
        TopologyError: of one of them something stays; the others are removed.
    """
    removed: list[network.Found] = []
    left: list[network.Found] = []
    for found in network.find(client):
        ours = found.checkout == checkout.key
        if not (ours or every):
            continue
        busy = in_use(found.project) if ours else found.alive
        (left if busy and not force else removed).append(found)
    stuck: list[TopologyError] = []
    for found in removed:
        try:
            remove(client, [found.project], starting=_may_be_starting(client, found.project))
        except TopologyError as error:
            stuck.append(error)  # the others can go all the same
    if stuck:
        raise TopologyError("\n".join(map(str, stuck)))
    return removed, left


def remove(client: DockerClient, projects: Iterable[str], *, starting: bool = False) -> None:
    """Remove all containers, networks and volumes of the projects.

    Args:
        starting: they were being started by a Compose that was ended. The engine does not drop a
            request whose sender has gone, so that a container may still come.

    Raises:
        TopologyError: a network does not let go of its containers.
    """
    for project in projects:
        if _end_compose(project) or starting:
            _remove_until_quiet(client, of_project(project))
        _remove_all(client, project)


def _remove_all(client: DockerClient, project: str) -> None:
    """Remove all of a project at which no Compose is at work.

    Raises:
        TopologyError: a network does not let go of its containers.
    """
    filters = of_project(project)
    _remove_containers(client, filters)
    for one in client.api.networks(filters=filters):
        _remove_network(client, one["Id"])
    for volume in client.api.volumes(filters=filters)["Volumes"] or []:
        client.api.remove_volume(volume["Name"], force=True)
    Path(topology_lock(project).lock_file).unlink(missing_ok=True)


def _remove_containers(client: DockerClient, filters: dict[str, str]) -> bool:
    """Remove what there is; whether there was anything.

    One after the other leaves its networks; those that have left are removed meanwhile.
    """

    def remove_container(identity: str) -> None:
        try:
            client.api.remove_container(identity, force=True, v=True)
        except NotFound:
            pass  # somebody else was first
        except APIError as error:
            if "already in progress" not in str(error):
                raise

    found = client.api.containers(all=True, filters=filters)
    with ThreadPoolExecutor(8) as pool:
        removed = []
        for container in found:
            _disconnect(client, container)
            removed.append(pool.submit(remove_container, container["Id"]))
        for one in removed:
            one.result()
    return bool(found)


def _disconnect(client: DockerClient, container: Mapping[str, Any]) -> None:
    """Take a container out of its networks.

    Where two leave at the same time an engine older than Docker 23 can lock up for good: what takes one out
    and what keeps the names in a network (``getSvcRecords``, ``processEndpointDelete``) wait for each other.
    """
    for name in (container.get("NetworkSettings") or {}).get("Networks") or {}:
        # It may have gone, or have left: what else there is to say removing it says.
        with contextlib.suppress(APIError):
            client.api.disconnect_container_from_network(container["Id"], name, force=True)


def _remove_until_quiet(client: DockerClient, filters: dict[str, str]) -> None:
    """Remove containers until none has come for :data:`QUIET_S`."""
    seen = time.monotonic()

    def quiet() -> bool:
        nonlocal seen
        if _remove_containers(client, filters):
            seen = time.monotonic()
        return time.monotonic() - seen >= QUIET_S

    wait_until(quiet, timeout_s=SETTLE_S)


def _may_be_starting(client: DockerClient, project: str) -> bool:
    """Whether a Compose may have been at work on it until a moment ago."""
    created = [c["Created"] for c in client.api.containers(all=True, filters=of_project(project))]
    return not created or time.time() - max(created) < YOUNG_S


def compose_processes(project: str) -> list[psutil.Process]:
    """The processes of this machine that are a Compose at work on ``project``."""
    import psutil  # noqa: PLC0415 - of use where a topology is removed

    option = ("--project-name", project)
    running = ((p, p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"]))
    return [p for p, command in running if option in itertools.pairwise(command)]


def _end_compose(project: str) -> bool:
    """End a Compose that outlived the lab that started it; whether there was one."""
    import psutil  # noqa: PLC0415

    found = compose_processes(project)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # it ends by itself
            process.terminate()
    for process in psutil.wait_procs(found, COMPOSE_END_S)[1]:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            process.kill()
    return bool(found)


def _remove_network(client: DockerClient, identity: str) -> None:
    """Remove a network; again and again while a container on its way out still holds it."""

    def removed() -> bool:
        try:
            client.api.remove_network(identity)
        except NotFound:
            return True  # somebody else was first
        except APIError as error:
            if "active endpoints" not in str(error):
                raise
            return False
        return True

    if not wait_until(removed, timeout_s=NETWORK_S):
        raise TopologyError(
            f"the network {identity[:12]} cannot be removed: for {NETWORK_S:.0f} s the engine has said"
            f" that a container is connected to it. `docker network inspect {identity[:12]}` names it;"
            " where it names none the engine has lost count, which its next restart puts right"
        )


#: Seconds for Compose to have every container made.
UP_S = 120
#: Containers that are started at the same time: with more the engine is no faster.
STARTED_AT_ONCE = 4
#: The container of the lab's DNS server.
DNS = "dns"


@dataclass(frozen=True)
class Topology:
    """A running topology."""

    project: str
    containers: Mapping[str, Container]
    """The containers that run, by service."""
    lock: FileLock
    kept: bool

    def release(self, client: DockerClient) -> None:
        """End the use of this topology; one that is not kept is removed."""
        if not self.kept:
            # What started it has waited for its Compose: nobody has to look for one.
            _remove_all(client, self.project)
        self.lock.release()


def up(
    client: DockerClient,
    checkout: Checkout,
    images: Mapping[str, str],
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
        services: those that are needed, with what they depend on (default: all).

    Raises:
        TopologyError: Compose or the engine refuses; nothing of the project is left behind.
    """
    lock = topology_lock(project)
    network.acquire(lock, f"another process has been using {project}", UP_S)
    with contextlib.ExitStack() as undone:
        undone.callback(lock.release)
        found = containers(client, project)
        if not found:
            undone.callback(remove, client, [project], starting=True)
            # Choosing a free subnet and creating the network must not be interleaved by two labs.
            others = "another lab on this machine has been starting its network"
            with network.acquire(subnets_lock(), others, UP_S):
                net = network.free_net(client)
                told = _environment(client, checkout, images, net, project, run_id, kept=kept)
                _compose(told, services)
            found = _start(client, project)
        undone.pop_all()
    return Topology(project, found, lock, kept)


def attach(client: DockerClient, project: str, images: Mapping[str, str]) -> Topology | None:
    """The running topology ``project``, if no other process uses it and it runs all these images."""
    wanted = set(images.values())
    if not wanted <= {c.image for c in containers(client, project).values()}:
        return None
    lock = topology_lock(project)
    try:
        lock.acquire(blocking=False)
    except (Timeout, PermissionError):  # another process's, another user's
        return None
    # Whoever had it a moment ago may have removed it.
    running = containers(client, project)
    if not wanted <= {c.image for c in running.values()}:
        lock.release()
        return None
    return Topology(project, running, lock, kept=True)


def extended(
    client: DockerClient,
    checkout: Checkout,
    running: Topology,
    images: Mapping[str, str],
    services: Mapping[str, str],
) -> Topology | None:
    """The topology, with these services in it as well; what runs in it goes on as it is.

    Args:
        running: it is this process's.
        images: image reference by image name, of all images that are needed.
        services: the image reference of each service that is needed.

    Returns:
        ``None``, and the topology is released: a service runs on an older image, its DNS server was started
        when other services had the addresses, or Compose refuses.
    """
    missing = services.keys() - running.containers.keys()
    there = running.containers.items()
    current = all(found.image == services.get(name, found.image) for name, found in there)
    if current and not missing:
        return running
    if current and _add(client, checkout, running, images, missing):
        return replace(running, containers=containers(client, running.project))
    running.release(client)
    return None


def _add(
    client: DockerClient,
    checkout: Checkout,
    running: Topology,
    images: Mapping[str, str],
    services: Collection[str],
) -> bool:
    """Start further services in a running topology; whether they run."""
    known = client.api.inspect_container(running.containers[DNS].id)["Config"]["Env"]
    joined = client.api.networks(filters=of_project(running.project))[0]
    net = network.gateway_of(joined).rpartition(".")[0]
    if f"HOST_RECORDS={host_records(checkout, net)}" not in known:
        return False
    project, run_id = running.project, joined["Labels"][LABEL_RUN]
    environment = _environment(client, checkout, images, net, project, run_id, kept=running.kept)
    try:
        _compose(environment, services, "--no-recreate")
        _start(client, project)
    except TopologyError:
        return False
    return True


def _environment(
    client: DockerClient,
    checkout: Checkout,
    images: Mapping[str, str],
    net: str,
    project: str,
    run_id: str,
    *,
    kept: bool,
) -> dict[str, str]:
    """What Compose is told, written down for whoever calls it by hand.

    Raises:
        TopologyError: it cannot be written down.
    """
    environment = {
        "LAB_PROJECT": project,
        "LAB_CHECKOUT": checkout.key,
        "LAB_PATH": str(checkout.root),
        "LAB_RUN": run_id,
        "LAB_KEPT": "yes" if kept else "no",
        **network.options(client.api.api_version),
        **compose_variables(checkout, images, net),
    }
    text = "".join(f"{name}={value}\n" for name, value in sorted(environment.items()))
    path = checkout.state / "compose.env"
    try:
        checkout.state.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise TopologyError(
            f"{path} cannot be written: {error.strerror}. Make room or permit writing there"
        ) from error
    return environment


def _compose(environment: Mapping[str, str], services: Collection[str], *further: str) -> None:
    """Have Compose make the network and the containers, which :func:`_start` starts.

    Raises:
        TopologyError: it refuses.
    """
    command = [
        *compose_command(),
        *("--project-name", environment["LAB_PROJECT"]),
        *("up", "--no-start", "--pull", "never", "--quiet-pull"),
        *further,
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
        raise TopologyError(f"the containers were not made after {UP_S} s: {error}") from error
    if done.returncode:
        tail = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise TopologyError(
            f"Compose could not start the topology (exit status {done.returncode}):\n{tail}\n"
            "`lab doctor` says whether the engine has what it needs."
        )


def _start(client: DockerClient, project: str) -> dict[str, Container]:
    """Start the containers of a project, several at a time: Compose starts one after the other.

    Returns:
        Those that run, which are all of them.

    Raises:
        TopologyError: one does not start, or has ended at once.
    """

    def start(made: Mapping[str, Any]) -> None:
        service = made["Labels"][LABEL_SERVICE]
        try:
            client.api.start(made["Id"])
        except APIError as error:
            raise TopologyError(
                f"the container {service} does not start: {error}\n"
                "`lab doctor` says whether the engine has what it needs."
            ) from error

    made = client.api.containers(all=True, filters=of_project(project))
    with ThreadPoolExecutor(STARTED_AT_ONCE) as pool:
        list(pool.map(start, [one for one in made if one["State"] != "running"]))
    running = containers(client, project)
    ended = {one["Labels"][LABEL_SERVICE] for one in made} - running.keys()
    if ended:
        raise TopologyError(
            f"what runs in a container has ended at once: {', '.join(sorted(ended))}."
            " `lab doctor` says whether the engine has what it needs."
        )
    return running
