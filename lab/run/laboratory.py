"""Everything that a command needs before its first attempt, opened and closed as one.

Engine, images, topology, certificates, session: what is there is used, what is missing is made, and
what this process made it removes again.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from docker import DockerClient
from docker.errors import DockerException

from lab import host
from lab.certificates import ANCHORS, CATALOGUE, RunCertificates, Wanted
from lab.clients import PROGRAMS
from lab.host.machine import free_bytes
from lab.images import ImageError, ImageInfo, ImageStore, Progress, Source, release_from_environment
from lab.images.errors import is_no_space, no_space
from lab.images.provenance import Builds, moved
from lab.model import NAMED_CONTAINERS, Attempt, FtpServerSettings
from lab.own.files import UserFiles
from lab.run import network, topology
from lab.run.checkout import Checkout
from lab.run.network import ContainerPlace, Seal
from lab.run.session import Session
from lab.run.topology import Topology
from lab.servers import SERVER_HOSTS, SERVERS


@dataclass(frozen=True)
class Lab:
    """A laboratory in which attempts can be made."""

    checkout: Checkout
    client: DockerClient
    images: Mapping[str, ImageInfo]
    topology: Topology
    material: RunCertificates
    session: Session
    run_id: str
    places: Mapping[str, ContainerPlace]
    """Image and address of every container, by service."""
    seal: Seal
    """Whether containers reach the host, as it was seen when the laboratory was opened."""

    builds: Builds
    """What the expectations were last seen with."""

    def moved(self, image: str) -> tuple[str, ...] | None:
        """What in an image is another build than then; ``None``: nothing is recorded of it."""
        return moved(self.builds, self.images[image].provenance)

    def image_of(self, service: str) -> str | None:
        """Name of the image that a service of the topology runs on; ``None``: it does not run."""
        place = self.places.get(service)
        tags = {image.tag: name for name, image in self.images.items()}
        return tags.get(place.image) if place else None


@contextmanager
def open_lab(
    checkout: Checkout,
    progress: Progress,
    run_id: str,
    own: UserFiles | None = None,
    *,
    attempts: Collection[Attempt] | None = None,
    also: Collection[str] = (),
) -> Iterator[Lab]:
    """A laboratory for one run: on the kept topology if it is free, else on one of its own.

    Args:
        own: what is the operator's: a certificate to be served, certificates to be trusted as `own`.
        attempts: those that will be made (default: any); certificates are made for these, and their
            containers are started.
        also: further containers that are needed.

    Raises:
        EngineError, ImageError, TopologyError, AgentError: what is missing, and what to do.
    """
    client = host.find()
    try:
        with ThreadPoolExecutor(2) as background:
            images, absent = ensure_images(client, checkout, progress)
            # Keys take a second to make: the containers start meanwhile.
            making = background.submit(_material(attempts, absent).generate)
            running = topology.attach(client, checkout.kept_project, _tags(images)) or start(
                client,
                checkout,
                images,
                progress,
                run_id=run_id,
                kept=False,
                services=services_of(attempts, absent, also) if attempts is not None else (),
            )
            looking = background.submit(network.look, client, running.project)
            try:
                material = making.result()
                places = network.places(client, running.project)
                material.add_addresses(_addresses(places))
                if own is not None:
                    _add_own(material, own)
                stand_ins = {name for name, image in images.items() if image.stand_in}
                ids = {image.tag: image.id for image in images.values()}
                session = Session(
                    client,
                    running,
                    material,
                    stand_ins,
                    absent,
                    {service: ids[place.image] for service, place in places.items()},
                    checkout.state,
                    own.roots.pem if own is not None and own.roots is not None else None,
                )
                try:
                    seal = looking.result()
                    if seal.warning is not None:
                        progress.step("network", seal.warning)
                    if own is not None and own.host is not None:
                        for attempt in attempts or ():
                            session.answer_for(own.host, attempt.server)
                    yield Lab(
                        checkout,
                        client,
                        images,
                        running,
                        material,
                        session,
                        run_id,
                        places,
                        seal,
                        _recorded_builds(client, checkout, progress),
                    )
                finally:
                    session.close()
            finally:
                _release(running, client, sys.exception())
    finally:
        client.close()


def _release(running: Topology, client: DockerClient, failed: BaseException | None) -> None:
    """Remove the topology; an engine that has gone in the meantime is told of once.

    Args:
        failed: what ended the run, if it did not end by itself.
    """
    try:
        running.release(client)
    except (DockerException, OSError) as error:
        gone = host.lost()
        if gone is None:
            raise
        if failed is None:
            raise gone from error


def _recorded_builds(client: DockerClient, checkout: Checkout, progress: Progress) -> Builds:
    """The builds of which expectations were seen to hold; of a table that cannot be read, that is said."""
    try:
        return image_store(client, checkout, progress).recorded()
    except ImageError as error:
        progress.step("builds", f"{error.reason}; so nobody can say what has moved since")
        return {}


def services_of(
    attempts: Collection[Attempt], absent: Collection[str], also: Collection[str] = ()
) -> set[str]:
    """The containers in which these attempts are made; the DNS server comes with each."""
    pairs = {(PROGRAMS[a.client.program].service(a.client), a.server.software) for a in attempts}
    needed = {client for client, _ in pairs} | {SERVERS[name].service for _, name in pairs}
    # A packet filter can name the container of another client, a passive address any of these.
    servers = [a.server for a in attempts]
    named = {s.port_allowed for s in servers}
    named |= {s.pasv_address for s in servers if isinstance(s, FtpServerSettings)}
    needed |= {name for name in NAMED_CONTAINERS if name in named}
    return (needed | set(also)) - set(absent)


def _material(attempts: Collection[Attempt] | None, absent: Collection[str]) -> RunCertificates:
    """The certificates that these attempts need; for all there could be, everything."""
    if attempts is None:
        return RunCertificates.create(_hosts(SERVERS.keys(), absent))
    named = {slug for a in attempts for slug in certificates_named(a)}
    trusted = {"public", *(a.client.trust for a in attempts if a.client.trust)}
    return RunCertificates.create(
        _hosts({a.server.software for a in attempts}, absent),
        wanted=Wanted(
            [slug for slug in CATALOGUE if slug in named],
            [anchor for anchor in ANCHORS if anchor in trusted],
        ),
    )


def _add_own(material: RunCertificates, own: UserFiles) -> None:
    served = own.certificate
    if served is not None:
        material.add_own(served.chain_pem, served.key_pem, served.leaf_sha256)
    if own.anchors is not None:
        material.trust_own(own.anchors.pem)


def _addresses(places: Mapping[str, ContainerPlace]) -> dict[str, str]:
    """The servers' addresses, by the name that their certificates are made out to."""
    running = {SERVER_HOSTS[name]: places.get(server.service) for name, server in SERVERS.items()}
    return {host: place.address for host, place in running.items() if place and place.address}


def certificates_named(attempt: Attempt) -> set[str]:
    """The certificates of the catalogue that an attempt's settings name."""
    client = attempt.client
    named = {attempt.server.certificate, client.pin, client.client_certificate}
    return {slug for slug in named if slug is not None and slug in CATALOGUE}


def _hosts(servers: Collection[str], absent: Collection[str]) -> list[str]:
    """The names that certificates are made for; at least one, for the trust anchors."""
    present = {name: SERVER_HOSTS[name] for name, s in SERVERS.items() if s.service not in absent}
    wanted = [host for name, host in present.items() if name in servers]
    return wanted or list(present.values())[:1]


def ensure_images(
    client: DockerClient, checkout: Checkout, progress: Progress
) -> tuple[Mapping[str, ImageInfo], Mapping[str, str]]:
    """All images of the topology, built if they are not there.

    Returns:
        The images by name, and by name the reason why one without a stand-in cannot be had.

    Raises:
        ImageError: another image cannot be had.
    """
    store = image_store(client, checkout, progress)
    with _room_for_images(checkout):
        images = store.ensure(store.of_topology)
    absent: dict[str, str] = {}
    for name, needs in store.only_real.items():
        # No registry is asked again for what it did not have a moment ago.
        if images[needs].stand_in:
            why = images[needs].provenance.fallback_reason or "only packages are to be used"
            absent[name] = _no_stand_in(name, why)
            continue
        try:
            with _room_for_images(checkout):
                images |= store.ensure([name])
        except ImageError as error:
            absent[name] = _no_stand_in(name, error.reason)
    return images, absent


@contextmanager
def _room_for_images(checkout: Checkout) -> Iterator[None]:
    """Say clearly that the state directory, in which build contexts are put together, is full."""
    try:
        yield
    except OSError as error:
        if not is_no_space(error):
            raise
        place = checkout.state
        raise no_space("making the images", str(error), str(place), free_bytes(place)) from error


def _no_stand_in(name: str, why: str) -> str:
    return f"{name} is made from the distribution's own image only, and that is not here: {why}"


def _tags(images: Mapping[str, ImageInfo]) -> dict[str, str]:
    return {name: image.tag for name, image in images.items()}


def image_store(client: DockerClient, checkout: Checkout, progress: Progress) -> ImageStore:
    """The images of this checkout.

    ``LAB_IMAGES`` says where they may come from, ``LAB_SERVERS`` which release the servers are of.
    """
    return ImageStore(
        client,
        checkout.state,
        Source.from_environment(os.environ),
        progress,
        release=release_from_environment(os.environ),
    )


def start(
    client: DockerClient,
    checkout: Checkout,
    images: Mapping[str, ImageInfo],
    progress: Progress,
    *,
    run_id: str,
    kept: bool,
    services: Collection[str] = (),
) -> Topology:
    """Start the containers; a topology that is not kept belongs to the run ``run_id`` alone.

    Args:
        services: those that are needed (default: all).
    """
    begun = monotonic()
    progress.step("topology", "starting the containers")
    running = topology.up(
        client,
        checkout,
        _tags(images),
        host.compose_command(),
        checkout.kept_project if kept else checkout.run_project(run_id),
        run_id=run_id,
        kept=kept,
        services=services,
    )
    progress.done("topology", monotonic() - begun)
    return running
