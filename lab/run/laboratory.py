"""Everything that a command needs before its first attempt, opened and closed as one.

Engine, images, topology, certificates, session: what is there is used, what is missing is made, and
what this process made it removes again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from time import monotonic

from docker import DockerClient
from docker.errors import DockerException

from lab.certificates import OWN, OWN_CLIENT
from lab.certificates.material import RunCertificates
from lab.clients import PROGRAMS
from lab.host import engine
from lab.images.errors import ImageError, Printed, Progress
from lab.images.provenance import Builds, ImageInfo, moved
from lab.images.recipe import Source, release_from_environment
from lab.images.store import ImageStore
from lab.model import Attempt, FtpServerSettings
from lab.model.software import NAMED_CONTAINERS
from lab.own.files import UserFiles
from lab.run import network, topology
from lab.run.certificates import begin
from lab.run.checkout import Checkout, new_run_id
from lab.run.network import Seal
from lab.run.services import images_by_service, services_on
from lab.run.session import Session
from lab.run.topology import Topology
from lab.servers import SERVER_HOSTS, SERVERS


@dataclass(frozen=True)
class Lab:
    """A laboratory in which attempts can be made."""

    run_id: str
    """Of the run that it was opened for."""
    checkout: Checkout
    client: DockerClient
    images: Mapping[str, ImageInfo]
    topology: Topology
    material: RunCertificates
    session: Session
    seal: Seal
    """Whether containers reach the host, as it was seen when the laboratory was opened."""
    store: ImageStore
    progress: Progress

    @cached_property
    def builds(self) -> Builds:
        """What expectations were last seen to hold with; of a table that cannot be read, that is said."""
        try:
            return self.store.recorded()
        except ImageError as error:
            self.progress.step("builds", f"{error.reason}; so nobody can say what has moved since")
            return {}

    def moved(self, image: str) -> tuple[str, ...] | None:
        """What in an image is another build than then; ``None``: nothing is recorded of it."""
        return moved(self.builds, self.images[image].provenance)

    def image_of(self, service: str) -> str | None:
        """Name of the image that a service of the topology runs on; ``None``: it does not run."""
        return self._names.get(service)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        tags = {image.tag: name for name, image in self.images.items()}
        running = self.topology.containers.items()
        return {service: tags[one.image] for service, one in running if one.image in tags}


@contextmanager
def open_lab(
    own: UserFiles | None = None,
    *,
    attempts: Collection[Attempt] | None = None,
    certificates: RunCertificates | None = None,
    also: Collection[str] = (),
    meanwhile: Callable[[], object] | None = None,
    checkout: Checkout | None = None,
    progress: Progress | None = None,
) -> Iterator[Lab]:
    """A laboratory for one run: on the kept topology if it is free, else on one of its own.

    Args:
        own: what is the operator's: a certificate to be served, certificates to be trusted as `own`.
        attempts: those that will be made (default: any that need no image made on demand); certificates are
            made for these, and their containers and agents are started.
        certificates: those for these attempts, which :func:`lab.run.certificates.begin` has begun to make.
        also: further containers that are needed.
        meanwhile: done while containers and agents start, in another thread.
        checkout: to work in (default: the one that is here).
        progress: told of what takes a while (default: it is printed).

    Raises:
        EngineError, ImageError, TopologyError, AgentError: what is missing, and what to do.
    """
    checkout, progress, run_id = checkout or Checkout.here(), progress or Printed(), new_run_id()
    mine = own or UserFiles()
    # Keys take a while to make: the containers are looked for, or start, meanwhile.
    material = certificates or begin(attempts, own)
    with closing(engine.find()) as client, ExitStack() as stack:
        background = stack.enter_context(ThreadPoolExecutor())
        if attempts is None or attempts:
            # What makes attempts and records them takes as long to load as an agent to start.
            background.submit(import_module, "lab.run.results")
        doing = None if meanwhile is None else background.submit(meanwhile)
        store = image_store(client, checkout, progress)
        needed = services_of(attempts or (), also)
        images, absent = ensure_images(store, on_demand(store, checkout, needed))
        needed -= absent.keys()
        asked = needed if attempts is not None else ()
        running = attach(store, checkout, images, needed) or start(
            store, checkout, images, run_id=run_id, kept=False, services=asked
        )
        # With a topology that is removed its agents end: nobody has them end their listeners one by one.
        after = stack.enter_context(ExitStack())
        stack.push(lambda _kind, failed, _trace: _release(running, client, failed))
        before = stack.enter_context(ExitStack())
        looking = background.submit(network.look, client, running.project, running.containers)
        material.add_addresses(_addresses(running))
        _add_own(material, mine)
        ids = {image.tag: image.id for image in images.values()}
        by_service = {s: ids[c.image] for s, c in running.containers.items() if c.image in ids}
        stand_ins = {name for name, image in images.items() if image.stand_in}
        roots = mine.roots.pem if mine.roots else None
        session = Session(
            client, running, material, stand_ins, absent, by_service, checkout.state, roots
        )
        (before if running.kept else after).callback(session.close)
        session.agents.begin(attempts or (), background)
        seal = looking.result()
        if doing is not None:
            doing.result()
        if seal.warning is not None:
            progress.step("network", seal.warning)
        if mine.host is not None:
            for attempt in attempts or ():
                session.answer_for(mine.host, attempt.server)
        used = (running, material, session, seal, store, progress)
        yield Lab(run_id, checkout, client, images, *used)


def _release(running: Topology, client: DockerClient, failed: BaseException | None) -> None:
    """Remove the topology; an engine that has gone in the meantime is told of once.

    Args:
        failed: what ended the run, if it did not end by itself.
    """
    try:
        running.release(client)
    except (DockerException, OSError) as error:
        gone = engine.lost()
        if gone is None:
            raise
        if failed is None:
            raise gone from error


def services_of(attempts: Collection[Attempt], also: Collection[str] = ()) -> set[str]:
    """The containers in which these attempts are made; the DNS server comes with each."""
    pairs = {(PROGRAMS[a.client.program].service(a.client), a.server.software) for a in attempts}
    needed = {client for client, _ in pairs} | {SERVERS[name].service for _, name in pairs}
    # A packet filter can name the container of another client, a passive address any of these.
    servers = [a.server for a in attempts]
    named = {s.port_allowed for s in servers}
    named |= {s.pasv_address for s in servers if isinstance(s, FtpServerSettings)}
    needed |= {name for name in NAMED_CONTAINERS if name in named}
    return needed | set(also)


def _add_own(material: RunCertificates, own: UserFiles) -> None:
    for slug, one in ((OWN, own.certificate), (OWN_CLIENT, own.client)):
        if one is not None:
            material.add_own(slug, one.chain_pem, one.key_pem, one.leaf_sha256)
    if own.anchors is not None:
        # A certificate of the lab's in the place of one that was not given is not to be the refusal.
        instead = b"" if own.certificate_given else material.anchor("public")
        material.trust_own(own.anchors.pem + instead)


def _addresses(running: Topology) -> dict[str, str]:
    """The servers' addresses, by the name that their certificates are made out to."""
    found = {SERVER_HOSTS[name]: running.containers.get(s.service) for name, s in SERVERS.items()}
    return {host: one.address for host, one in found.items() if one and one.address}


def on_demand(store: ImageStore, checkout: Checkout, services: Collection[str]) -> set[str]:
    """The images for these services of the topology that are made on demand."""
    images = images_by_service(checkout)
    return {images[name] for name in services if name in images} & set(store.on_demand)


def attach(
    store: ImageStore, checkout: Checkout, images: Mapping[str, ImageInfo], needed: Collection[str]
) -> Topology | None:
    """The kept topology, if it is free and of these images; services on demand are started in it.

    Args:
        images: those there are for all services that are needed.
        needed: these services.
    """
    tags = _tags(images)
    default = {name: tag for name, tag in tags.items() if name not in store.on_demand}
    running = topology.attach(store.engine, checkout.kept_project, default)
    if running is None:
        return None
    by_service = images_by_service(checkout)
    wanted = {s: tags[by_service[s]] for s in needed if by_service.get(s) in tags}
    return topology.extended(store.engine, checkout, running, tags, wanted)


def ensure_images(
    store: ImageStore, further: Collection[str] = ()
) -> tuple[Mapping[str, ImageInfo], Mapping[str, str]]:
    """All images of the topology that are not made on demand, built if they are not there.

    Args:
        further: images made on demand that are needed as well.

    Returns:
        The images by name, and by name the reason why one without a stand-in cannot be had.

    Raises:
        ImageError: another image cannot be had.
    """
    only_real = store.only_real
    asked = [name for name in further if name not in only_real]
    images = store.ensure([*store.of_topology, *sorted(asked)])
    absent: dict[str, str] = {}
    for name, needs in only_real.items():
        if name in store.on_demand and name not in further:
            continue
        # No registry is asked again for what it did not have a moment ago.
        if images[needs].stand_in:
            why = images[needs].provenance.fallback_reason
            absent[name] = why or "only packages are to be used"
            continue
        try:
            images |= store.ensure([name])
        except ImageError as error:
            absent[name] = error.reason
    only = "is made from the distribution's own image only, and that is not here"
    return images, {name: f"{name} {only}: {why}" for name, why in absent.items()}


def _tags(images: Mapping[str, ImageInfo]) -> dict[str, str]:
    return {name: image.tag for name, image in images.items()}


def image_store(client: DockerClient, checkout: Checkout, progress: Progress) -> ImageStore:
    """The images of this checkout.

    ``LAB_IMAGES`` says where they may come from, ``LAB_SERVERS`` which release the servers are of.
    """
    checkout.make_state()
    source, release = Source.from_environment(os.environ), release_from_environment(os.environ)
    return ImageStore(client, checkout.state, source, progress, release=release)


def start(
    store: ImageStore,
    checkout: Checkout,
    images: Mapping[str, ImageInfo],
    *,
    run_id: str,
    kept: bool,
    services: Collection[str] = (),
) -> Topology:
    """Start the containers; a topology that is not kept belongs to the run ``run_id`` alone.

    Args:
        services: those that are needed (default: all that run on these images).
    """
    begun = monotonic()
    store.progress.step("topology", "starting the containers")
    project = checkout.kept_project if kept else checkout.run_project(run_id)
    tags, needed = _tags(images), services or services_on(checkout, images)
    running = topology.up(
        store.engine, checkout, tags, project, run_id=run_id, kept=kept, services=needed
    )
    store.progress.done("topology", monotonic() - begun)
    return running
