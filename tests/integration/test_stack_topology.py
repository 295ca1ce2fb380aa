"""Which topologies there are, which may be removed, where a new one goes. The engine is made up."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest
from docker import DockerClient
from docker.errors import APIError, NotFound

from lab.host.checkout import LABEL_CHECKOUT, LABEL_PATH
from lab.run import network, topology
from lab.run.checkout import (
    LABEL_KEPT,
    LABEL_RUN,
    Checkout,
    in_use,
    topology_lock,
)
from lab.run.network import LABEL_PROJECT, LABEL_SERVICE, TopologyError, free_net
from lab.run.topology import compose_processes

IMAGES = {"vsftpd": "tls-lab/vsftpd:1", "rocky9": "tls-lab/rocky9:2"}
#: Beside them: the DNS server's, and one that is made on demand.
DNS, LFTP = "tls-lab/dns:3", "tls-lab/lftp:4"
Item = dict[str, Any]


class MadeUpEngine:
    """The part of the engine's API that topologies need, and what it holds."""

    api_version = "1.41"

    def __init__(self) -> None:
        self.held: list[Item] = []
        self.nets: list[Item] = []
        self.vols: list[Item] = []
        self.removed: list[str] = []
        #: Containers taken out of a network, with how many were left in it.
        self.disconnected: list[str] = []
        self.leaving = threading.Lock()
        #: What starting a container answers, by its id; those that end as soon as they are started.
        self.start_errors: dict[str, APIError] = {}
        self.short_lived: set[str] = set()
        #: What removing a network answers, one after the other, before it works.
        self.network_errors: list[Exception] = []

    @property
    def client(self) -> DockerClient:
        return cast("DockerClient", SimpleNamespace(api=self))

    def add(
        self,
        checkout: Checkout,
        project: str,
        *services: str,
        kept: bool = False,
        running: int = 99,
        created: float = 0.0,
    ) -> None:
        labels = {
            LABEL_CHECKOUT: checkout.key,
            LABEL_PATH: str(checkout.root),
            LABEL_PROJECT: project,
            LABEL_KEPT: "yes" if kept else "no",
        }
        for number, service in enumerate(services):
            self.held.append(
                {
                    "Id": f"{project}/{service}",
                    "Labels": labels | {LABEL_SERVICE: service},
                    "State": "running" if number < running else "exited",
                    "Image": (IMAGES | {"dns": DNS, "lftp": LFTP})[service],
                    "Created": created,
                    "NetworkSettings": {"Networks": {f"{project}_lab": {}}},
                }
            )
        self.nets.append({"Id": f"{project}/net", "Labels": labels, "IPAM": {"Config": []}})

    def containers(self, *, filters: Item, **options: bool) -> list[Item]:
        every = options.get("all", False)
        return [c for c in chosen(self.held, filters) if every or c["State"] == "running"]

    def networks(self, *, filters: Item | None = None) -> list[Item]:
        return chosen(self.nets, filters or {})

    def volumes(self, *, filters: Item) -> Item:
        return {"Volumes": chosen(self.vols, filters) or None}

    def inspect_container(self, identity: str) -> Item:
        return next(c for c in self.held if c["Id"] == identity)

    def start(self, identity: str) -> None:
        if identity in self.start_errors:
            raise self.start_errors[identity]
        ended = identity in self.short_lived
        self.inspect_container(identity)["State"] = "exited" if ended else "running"

    def disconnect_container_from_network(
        self, identity: str, network: str, *, force: bool
    ) -> None:
        assert force
        assert network == identity.partition("/")[0] + "_lab"
        # Two at the same time can lock the engine up.
        assert self.leaving.acquire(blocking=False)
        time.sleep(0.02)
        self.disconnected.append(identity)
        self.leaving.release()

    def remove_container(self, identity: str, *, force: bool, v: bool) -> None:
        assert force
        assert v
        assert identity in self.disconnected
        self._remove(self.held, "Id", identity)

    def remove_network(self, identity: str) -> None:
        if self.network_errors:
            raise self.network_errors.pop(0)
        self._remove(self.nets, "Id", identity)

    def remove_volume(self, name: str, *, force: bool) -> None:
        assert force
        self._remove(self.vols, "Name", name)

    def _remove(self, items: list[Item], name: str, value: str) -> None:
        if not any(item[name] == value for item in items):
            raise NotFound(f"no such thing: {value}")
        items[:] = [item for item in items if item[name] != value]
        self.removed.append(value)


def chosen(items: Iterable[Item], filters: Item) -> list[Item]:
    """As the engine filters: ``label`` is ``NAME`` or ``NAME=VALUE``."""
    if "label" not in filters:
        return list(items)
    name, equals, value = filters["label"].partition("=")
    labels = [(item, item["Labels"] or {}) for item in items]
    return [i for i, own in labels if name in own and (not equals or own[name] == value)]


@pytest.fixture(autouse=True)
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Locks of these tests, beside those of real labs."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "tls-lab-locks"


@pytest.fixture(autouse=True)
def no_other_compose(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Compose but a test's own; what one leaves behind comes at once."""
    monkeypatch.setattr(topology, "QUIET_S", 0.15)
    monkeypatch.setattr(topology, "compose_processes", lambda project: [])


@pytest.fixture
def engine() -> MadeUpEngine:
    return MadeUpEngine()


@pytest.fixture
def ours(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "theirs")


@pytest.fixture
def used_elsewhere() -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that hold locks until the test has ended."""
    holders: list[subprocess.Popen[str]] = []
    yield holders
    for holder in holders:
        holder.kill()
        holder.communicate()


def hold(project: str, holders: list[subprocess.Popen[str]]) -> None:
    """Have another process use a topology, as a lab that lives does."""
    program = (
        "import sys; from filelock import FileLock;"
        "lock = FileLock(sys.argv[1]); lock.acquire(); print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, topology_lock(project).lock_file],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    holders.append(holder)
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"


# -- which there are ---------------------------------------------------------------------------------


def test_topologies_are_found_by_their_labels(
    engine: MadeUpEngine, ours: Checkout, theirs: Checkout
) -> None:
    engine.add(ours, ours.kept_project, "vsftpd", "rocky9", kept=True)
    engine.add(theirs, "killed", "vsftpd", "rocky9", running=1)
    engine.add(theirs, "only-a-network")
    engine.held.append({"Id": "x", "Labels": {"some.other": "label"}, "State": "running"})
    found = {f.project: f for f in network.find(engine.client)}
    assert set(found) == {ours.kept_project, "killed", "only-a-network"}
    # then what `lab up` left running is alive, and what a run left behind is not
    kept, killed = found[ours.kept_project], found["killed"]
    assert (kept.checkout, kept.path, kept.kept) == (ours.key, str(ours.root), True)
    assert (kept.running, kept.containers, kept.alive) == (2, 3, True)
    assert (killed.running, killed.containers, killed.alive) == (1, 3, False)
    assert (found["only-a-network"].containers, found["only-a-network"].alive) == (1, False)


def test_a_kept_topology_without_a_running_container_is_not_alive(
    engine: MadeUpEngine, ours: Checkout
) -> None:
    engine.add(ours, ours.kept_project, "vsftpd", kept=True, running=0)
    assert [f.alive for f in network.find(engine.client)] == [False]


def test_a_topology_is_in_use_as_long_as_the_process_lives(
    used_elsewhere: list[subprocess.Popen[str]],
) -> None:
    assert not in_use("project")
    hold("project", used_elsewhere)
    assert in_use("project")
    # a process that is killed holds nothing
    used_elsewhere[0].kill()
    used_elsewhere[0].wait(10)
    assert not in_use("project")


# -- which may go ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every", "force", "removed", "left"),
    [
        (False, False, {"ours-kept", "ours-dead"}, {"ours-used"}),
        (False, True, {"ours-kept", "ours-dead", "ours-used"}, set()),
        (
            True,
            False,
            {"ours-kept", "ours-dead", "theirs-dead"},
            {"ours-used", "theirs-kept", "theirs-used"},
        ),
        (
            True,
            True,
            {"ours-kept", "ours-dead", "ours-used", "theirs-dead", "theirs-kept", "theirs-used"},
            set(),
        ),
    ],
)
def test_what_down_removes_and_what_it_leaves(
    engine: MadeUpEngine,
    ours: Checkout,
    theirs: Checkout,
    used_elsewhere: list[subprocess.Popen[str]],
    every: bool,
    force: bool,
    removed: set[str],
    left: set[str],
) -> None:
    # given of two checkouts: what is kept, what was left behind, what is in use
    for checkout, name in ((ours, "ours"), (theirs, "theirs")):
        engine.add(checkout, f"{name}-kept", "vsftpd", kept=True)
        engine.add(checkout, f"{name}-dead", "vsftpd", "rocky9", running=1)
        engine.add(checkout, f"{name}-used", "vsftpd")
        hold(f"{name}-used", used_elsewhere)
    # when
    gone, stay = topology.down(engine.client, ours, every=every, force=force)
    # then
    assert ({f.project for f in gone}, {f.project for f in stay}) == (removed, left)
    still = {c["Labels"][LABEL_PROJECT] for c in [*engine.held, *engine.nets]}
    others = set() if every else {"theirs-kept", "theirs-dead", "theirs-used"}
    assert still == left | others


def test_removing_takes_networks_volumes_and_the_lock_too(
    engine: MadeUpEngine, ours: Checkout, locks: Path
) -> None:
    engine.add(ours, "project", "vsftpd")
    engine.vols.append({"Name": "data", "Labels": {LABEL_PROJECT: "project"}})
    assert not in_use("project")
    topology.remove(engine.client, ["project"])
    assert engine.removed == ["project/vsftpd", "project/net", "data"]
    assert list(locks.glob("project*")) == []


def test_removing_what_somebody_else_is_removing_is_no_error(
    engine: MadeUpEngine, ours: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given containers that another `lab down` takes at the same moment
    engine.add(ours, "project", "vsftpd", "rocky9")

    def taken(identity: str, *, force: bool, v: bool) -> None:
        engine._remove(engine.held, "Id", identity)
        if identity.endswith("vsftpd"):
            raise NotFound("No such container")
        raise APIError("removal of container is already in progress")

    monkeypatch.setattr(engine, "remove_container", taken)
    # and a network that they hold for a moment longer
    engine.network_errors = [APIError("network net has active endpoints"), NotFound("gone")]
    topology.remove(engine.client, ["project"])
    assert engine.held == []


def test_a_network_that_stays_in_use_is_named(
    engine: MadeUpEngine, ours: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.add(ours, "project")
    engine.network_errors = [APIError("network net has active endpoints")] * 100
    monkeypatch.setattr(topology, "NETWORK_S", 0.0)
    with pytest.raises(TopologyError, match="docker network inspect project/net"):
        topology.remove(engine.client, ["project"])


def test_what_cannot_be_removed_does_not_keep_the_rest(
    engine: MadeUpEngine, ours: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.add(ours, "first", "vsftpd")
    engine.add(ours, "second", "vsftpd")
    engine.network_errors = [APIError("network net has active endpoints")]
    monkeypatch.setattr(topology, "NETWORK_S", 0.0)
    with pytest.raises(TopologyError, match="the network first/net cannot be removed"):
        topology.down(engine.client, ours)
    assert (engine.held, [net["Id"] for net in engine.nets]) == ([], ["first/net"])


def test_an_error_of_the_engine_is_not_swallowed(engine: MadeUpEngine, ours: Checkout) -> None:
    engine.add(ours, "project")
    engine.network_errors = [APIError("the engine is on fire")]
    with pytest.raises(APIError, match="on fire"):
        topology.remove(engine.client, ["project"])


# -- Compose that outlived its lab -------------------------------------------------------------------


@contextlib.contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A living process with this command line."""
    with subprocess.Popen([*SLEEPS, *command], executable=sys.executable) as running:
        try:
            yield running
        finally:
            running.kill()


SLEEPS = ("python", "-c", "import time; time.sleep(300)")


def test_a_compose_is_known_by_the_project_that_it_works_on() -> None:
    project = f"tls-lab-test-{os.getpid()}"
    with (
        process("docker", "compose", "--project-name", project, "up") as ours,
        process("docker", "compose", "--project-name", f"{project}-run", "up"),
        process("grep", project),
    ):
        assert [p.pid for p in compose_processes(project)] == [ours.pid]


def test_a_compose_without_its_lab_is_ended_before_its_containers_are_removed(
    engine: MadeUpEngine, ours: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.add(ours, "project", "vsftpd")
    with process("docker", "compose", "--project-name", "project", "up") as compose:

        def found(project: str) -> list[psutil.Process]:
            # the engine finishes what it had been asked for
            engine.add(ours, project, "rocky9")
            return [psutil.Process(compose.pid)]

        monkeypatch.setattr(topology, "compose_processes", found)
        topology.remove(engine.client, ["project"])
        assert compose.poll() is not None
    assert (engine.held, engine.nets) == ([], [])


@pytest.mark.parametrize("age_s", [0.0, 1000.0])
def test_down_waits_for_what_the_engine_may_still_be_starting(
    engine: MadeUpEngine, ours: Checkout, monkeypatch: pytest.MonkeyPatch, age_s: float
) -> None:
    # given a lab and its Compose, both killed; the engine goes on with what it was asked for
    engine.add(ours, "project", "vsftpd", created=time.time() - age_s)
    late = [lambda: None, lambda: engine.add(ours, "project", "rocky9", created=time.time())]
    real = engine.containers

    def containers(**given: Any) -> list[Item]:
        seen = real(**given)
        if late and not engine.held:
            late.pop(0)()
        return seen

    monkeypatch.setattr(engine, "containers", containers)
    topology.down(engine.client, ours)
    # then a container that comes late is removed; an old topology is not waited for
    assert engine.held == []
    assert (late == []) is (age_s == 0.0)


# -- starting ----------------------------------------------------------------------------------------


def compose(tmp_path: Path, text: str) -> list[str]:
    """A Compose that runs these lines of shell."""
    program = tmp_path / "compose"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    return [str(program)]


@contextlib.contextmanager
def composing(command: list[str]) -> Iterator[None]:
    """Have this command be Compose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topology, "compose_command", lambda: command)
        yield


def start(engine: MadeUpEngine, checkout: Checkout, command: list[str]) -> topology.Topology:
    for name, asks in (("vsftpd", "${LAB_ADDRESS_VSFTPD:?}"), ("rocky9", ""), ("absent", "")):
        folder = checkout.root / "compose" / "images" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "service.yaml").write_text(asks)
    with composing(command):
        return topology.up(engine.client, checkout, IMAGES, "project", run_id="run-1", kept=False)


def test_compose_gets_the_images_the_subnet_and_the_labels(
    engine: MadeUpEngine, ours: Checkout, tmp_path: Path
) -> None:
    # given a Compose that writes down how it was called
    seen = tmp_path / "seen"
    started = start(engine, ours, compose(tmp_path, f'env >"{seen}"; echo "$@" >>"{seen}"'))
    started.release(engine.client)
    # then it is told everything that the files ask for
    images = ours.root / "compose" / "images"
    lines = seen.read_text().splitlines()
    for line in (
        "LAB_PROJECT=project",
        "LAB_NET=172.30.0",
        f"LAB_CHECKOUT={ours.key}",
        f"LAB_PATH={ours.root}",
        "LAB_RUN=run-1",
        "LAB_KEPT=no",
        "LAB_GATEWAY_MODE=nat",
        "LAB_IMAGE_VSFTPD=tls-lab/vsftpd:1",
        "LAB_IMAGE_ROCKY9=tls-lab/rocky9:2",
        # the services of these images, and where who is found by name is
        f"COMPOSE_FILE={ours.compose_file}|{images}/rocky9/service.yaml|{images}/vsftpd/service.yaml",
        "LAB_ADDRESS_VSFTPD=172.30.0.100",
        "LAB_HOST_RECORDS=--host-record=dns.lab.test,172.30.0.99"
        " --host-record=ftp.lab.test,172.30.0.100",
    ):
        assert line in lines
    assert "--project-name project up --no-start" in lines[-1]
    # and a person who starts it by hand finds the same in a file
    by_hand = (ours.state / "compose.env").read_text().splitlines()
    assert {line for line in lines if line.startswith("LAB_")} >= {
        line for line in by_hand if line.startswith("LAB_")
    }
    assert "LAB_NET=172.30.0" in by_hand


@pytest.fixture
def made(engine: MadeUpEngine, ours: Checkout, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Compose makes: containers that do not run yet."""

    def compose(environment: Item, services: Iterable[str]) -> None:
        engine.add(ours, "project", "vsftpd", "rocky9", "dns", running=0)

    monkeypatch.setattr(topology, "_compose", compose)


@pytest.mark.usefixtures("made")
def test_what_compose_has_made_is_started(engine: MadeUpEngine, ours: Checkout) -> None:
    started = start(engine, ours, ["compose"])
    assert started.containers.keys() == {"vsftpd", "rocky9", "dns"}
    assert {one["State"] for one in engine.held} == {"running"}
    started.release(engine.client)


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("ends", [False, True])
def test_a_container_that_does_not_start_is_named_and_nothing_is_left(
    engine: MadeUpEngine, ours: Checkout, *, ends: bool
) -> None:
    if ends:
        engine.short_lived = {"project/rocky9"}
        said = "what runs in a container has ended at once: rocky9. `lab doctor`"
    else:
        engine.start_errors = {"project/rocky9": APIError("no space left on device")}
        said = "the container rocky9 does not start: no space left on device\n`lab doctor`"
    with pytest.raises(TopologyError, match=said):
        start(engine, ours, ["compose"])
    assert (engine.held, engine.nets) == ([], [])
    assert not in_use("project")


def test_containers_leave_the_network_one_after_the_other_before_they_are_removed(
    engine: MadeUpEngine, ours: Checkout
) -> None:
    engine.add(ours, "project", "vsftpd", "rocky9", "dns")
    topology.remove(engine.client, ["project"])
    assert engine.disconnected == ["project/vsftpd", "project/rocky9", "project/dns"]
    assert engine.held == []


@pytest.mark.usefixtures("made")
def test_nobody_looks_for_a_compose_where_a_run_releases_its_own_topology(
    engine: MadeUpEngine, ours: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = start(engine, ours, ["compose"])
    asked: list[str] = []

    def found(project: str) -> list[psutil.Process]:
        asked.append(project)
        return []

    monkeypatch.setattr(topology, "compose_processes", found)
    started.release(engine.client)
    assert (asked, engine.held, engine.nets) == ([], [], [])


def test_when_compose_fails_its_words_are_shown_and_nothing_is_left(
    engine: MadeUpEngine, ours: Checkout, tmp_path: Path
) -> None:
    engine.nets.append({"Id": "n", "Labels": {LABEL_PROJECT: "project"}, "IPAM": {"Config": None}})
    command = compose(tmp_path, "echo 'no such image' >&2; exit 14")
    with pytest.raises(TopologyError, match=r"exit status 14\):\nno such image\n`lab doctor`"):
        start(engine, ours, command)
    assert engine.nets == []
    assert not in_use("project")


def test_when_compose_does_not_end_it_is_ended(
    engine: MadeUpEngine, ours: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topology, "UP_S", 0.3)
    with pytest.raises(TopologyError, match="not made after"):
        start(engine, ours, compose(tmp_path, "exec sleep 60"))
    assert not in_use("project")


def test_what_another_process_has_started_meanwhile_is_taken_as_it_is(
    engine: MadeUpEngine, ours: Checkout, tmp_path: Path
) -> None:
    engine.add(ours, "project", "vsftpd", kept=True)
    started = start(engine, ours, compose(tmp_path, "echo must not be called >&2; exit 1"))
    assert started.containers["vsftpd"].id == "project/vsftpd"


def test_a_project_that_another_process_uses_is_waited_for_only_so_long(
    engine: MadeUpEngine,
    ours: Checkout,
    used_elsewhere: list[subprocess.Popen[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hold("project", used_elsewhere)
    monkeypatch.setattr(topology, "UP_S", 0.1)
    with pytest.raises(TopologyError, match=r"another process has been using project .*fuser "):
        start(engine, ours, ["compose"])


def test_a_state_directory_that_cannot_be_written_is_named(
    engine: MadeUpEngine, ours: Checkout
) -> None:
    ours.root.mkdir()
    ours.state.write_text("a file, where a directory should be")
    with pytest.raises(TopologyError, match=r"compose\.env cannot be written: .*Make room"):
        start(engine, ours, ["compose"])


@pytest.mark.parametrize(
    ("taken", "free"),
    [
        ([], "172.30.0"),
        (["172.17.0.0/16"], "172.30.0"),
        (["172.30.0.0/24", "172.30.1.0/24"], "172.30.2"),
        (["172.30.0.0/22"], "172.30.4"),
        (["fd00::/64", "172.30.0.128/25"], "172.30.1"),
    ],
)
def test_a_new_network_overlaps_no_other(engine: MadeUpEngine, taken: list[str], free: str) -> None:
    engine.nets = [
        {"Id": s, "Labels": None, "IPAM": {"Config": [{"Subnet": s}, {"Gateway": "x"}]}}
        for s in taken
    ] + [{"Id": "host", "Labels": None, "IPAM": {"Config": None}}]
    assert free_net(engine.client) == free


def test_when_every_subnet_is_taken_the_way_out_is_named(engine: MadeUpEngine) -> None:
    engine.nets = [{"Id": "n", "Labels": {}, "IPAM": {"Config": [{"Subnet": "172.16.0.0/12"}]}}]
    with pytest.raises(TopologyError, match=r"no free /24 .* `lab down --all`"):
        free_net(engine.client)


# -- using what is up --------------------------------------------------------------------------------


def test_a_kept_topology_is_used_by_one_process_at_a_time(
    engine: MadeUpEngine, ours: Checkout, used_elsewhere: list[subprocess.Popen[str]]
) -> None:
    engine.add(ours, "kept", "vsftpd", "rocky9", kept=True)
    attached = topology.attach(engine.client, "kept", IMAGES)
    assert attached is not None
    ids = {service: found.id for service, found in attached.containers.items()}
    assert ids == {"vsftpd": "kept/vsftpd", "rocky9": "kept/rocky9"}
    # then releasing it leaves it running
    attached.release(engine.client)
    assert (engine.removed, in_use("kept")) == ([], False)
    # and it is not for this process while another one has it
    hold("kept", used_elsewhere)
    assert topology.attach(engine.client, "kept", IMAGES) is None


def test_a_topology_of_which_something_is_missing_or_old_is_not_used(
    engine: MadeUpEngine, ours: Checkout
) -> None:
    assert topology.attach(engine.client, "kept", IMAGES) is None
    # a container has been killed
    engine.add(ours, "kept", "vsftpd", "rocky9", kept=True, running=1)
    assert topology.attach(engine.client, "kept", IMAGES) is None
    # images have been built anew since it was started
    engine.held[1]["State"] = "running"
    newer = IMAGES | {"rocky9": "tls-lab/rocky9:3"}
    assert topology.attach(engine.client, "kept", newer) is None
    assert not in_use("kept")


def kept_with_dns(engine: MadeUpEngine, ours: Checkout, records: str) -> topology.Topology:
    """A kept topology of this process, whose DNS server was told this."""
    for name in ("lftp", "vsftpd"):
        folder = ours.root / "compose" / "images" / name
        folder.mkdir(parents=True, exist_ok=True)
        folder.joinpath("service.yaml").write_text(f"${{LAB_ADDRESS_{name.upper()}:?}}")
    engine.add(ours, "kept", "vsftpd", "rocky9", "dns", kept=True)
    engine.held[-1]["Config"] = {"Env": [f"HOST_RECORDS={records}"]}
    engine.nets[-1]["IPAM"]["Config"] = [{"Subnet": "172.30.5.0/24", "Gateway": "172.30.5.254"}]
    engine.nets[-1]["Labels"] |= {LABEL_RUN: "run-0"}
    attached = topology.attach(engine.client, "kept", IMAGES)
    assert attached is not None
    return attached


RECORDS = (
    "--host-record=dns.lab.test,172.30.5.99 --host-record=lftp.lab.test,172.30.5.100"
    " --host-record=ftp.lab.test,172.30.5.101"
)


def test_what_is_needed_beside_a_kept_topology_is_started_in_it(
    engine: MadeUpEngine, ours: Checkout, tmp_path: Path
) -> None:
    running = kept_with_dns(engine, ours, RECORDS)
    seen = tmp_path / "seen"
    command = compose(tmp_path, f'env >"{seen}"; echo "$@" >>"{seen}"')
    images = IMAGES | {"lftp": LFTP}
    # given what runs already nothing is started
    needed = {"vsftpd": IMAGES["vsftpd"]}
    assert topology.extended(engine.client, ours, running, images, needed) is running
    assert not seen.exists()
    # else Compose is told what it was told when the topology was started
    needed |= {"lftp": LFTP}
    with composing(command):
        more = topology.extended(engine.client, ours, running, images, needed)
    assert more is not None
    more.release(engine.client)
    lines = seen.read_text().splitlines()
    for line in ("LAB_NET=172.30.5", "LAB_RUN=run-0", "LAB_KEPT=yes", f"LAB_IMAGE_LFTP={LFTP}"):
        assert line in lines
    assert "--project-name kept up --no-start" in lines[-1]
    assert lines[-1].endswith("--no-recreate lftp")
    assert engine.removed == []


@pytest.mark.parametrize("why", ["older image", "other addresses", "Compose fails"])
def test_a_kept_topology_that_cannot_get_what_is_needed_is_not_used(
    engine: MadeUpEngine, ours: Checkout, tmp_path: Path, why: str
) -> None:
    records = RECORDS.replace("100", "199") if why == "other addresses" else RECORDS
    running = kept_with_dns(engine, ours, records)
    command = compose(tmp_path, f"exit {int(why == 'Compose fails')}")
    needed = {"lftp": LFTP} | ({"vsftpd": "tls-lab/vsftpd:9"} if why == "older image" else {})
    images = IMAGES | {"lftp": LFTP}
    with composing(command):
        assert topology.extended(engine.client, ours, running, images, needed) is None
    # and another process may use it, as it was
    assert not in_use("kept")
    assert engine.removed == []
