"""Whether the lab's network is sealed on other engines: ``make engines``, as root, on Debian or Ubuntu.

For each engine of :data:`ENGINES` a Debian with its docker.io is put together from the package mirror,
its dockerd is started in namespaces of its own, and the lab's network is made there as the lab makes it:
from ``compose/``, by Compose. Then the lab looks as it does in every run, two containers find and
reach each other, and an internal network without the lab's options shows that the look can fail. The
engine that runs here comes first. It needs 1.5 GB in the temporary directory while it runs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import docker
from docker import DockerClient
from docker.errors import DockerException

from lab.host import engine, machine
from lab.host.checkout import root
from lab.images import sources
from lab.images.errors import Printed, Progress
from lab.images.recipe import Bootstrap
from lab.run import network, services, topology
from lab.run.checkout import Checkout
from lab.run.laboratory import image_store
from lab.run.link import execute
from lab.run.network import LABEL_PROJECT, LABEL_SERVICE

#: Debian's suites whose docker.io is tried.
ENGINES = ("trixie", "testing")
#: Of a suite that changes every day, a mirror may have an index that is past its date.
LENIENT = ('--aptopt=Acquire::Check-Valid-Until "false"',)
PACKAGES = ("ca-certificates", "docker.io", "iptables")
DOCKERD = ("dockerd", "--host", "unix:///shared/engine.sock")
#: Seconds for a root file system, and for a daemon to answer.
ROOT_S, DAEMON_S = 900.0, 60.0
#: Containers that need nothing but a shell; they all run on the DNS server's image.
SERVICES = ("centos7", "sslscan")
PROJECT = "tls-lab-test-engines"


@dataclass(frozen=True)
class Row:
    """What was seen on one engine."""

    version: str
    api: str
    seal: network.Seal
    open: network.Seal
    """The same look in an internal network without options."""
    names: bool
    """A container finds another by its name."""
    reach: bool
    """And connects to it."""

    @property
    def good(self) -> bool:
        """It is as the lab needs it, and the look can tell the difference."""
        return self.seal.holds and not self.open.holds and self.names and self.reach

    def cells(self) -> list[str]:
        """The columns of the table."""
        chosen = ", ".join(f"`{name}={value}`" for name, value in sorted(self.seal.options.items()))
        words = {True: "yes", False: "**no**"}
        return [
            f"{self.version} (API {self.api})",
            chosen,
            words[self.seal.holds],
            "sealed" if self.open.holds else "the host answers",
            words[self.names and self.reach],
        ]


HEAD = ["engine", "options", "sealed", "without them", "names and connections inside"]


def main() -> int:
    """Print the table; 1: on some engine it is not as the lab needs it."""
    if not machine.is_root():
        sys.stderr.write("make engines: starting a daemon needs root\n")
        return 2
    progress = Printed()
    here = engine.find()
    image = image_store(here, Checkout.here(), progress).ensure(["dns"])["dns"].tag
    rows = [look(here, image)]
    content = b"".join(here.api.get_image(image))
    here.close()
    for suite in ENGINES:
        with daemon(suite, progress) as client:
            progress.step(suite, "looking at the lab's network")
            client.images.load(content)
            rows.append(look(client, image))
    print_table([HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)])
    return 0 if all(row.good for row in rows) else 1


def print_table(lines: list[list[str]]) -> None:
    """As Markdown: what the documentation has."""
    for line in lines:
        sys.stdout.write(f"| {' | '.join(line)} |\n")


@contextlib.contextmanager
def daemon(suite: str, progress: Printed) -> Iterator[DockerClient]:
    """A client of a suite's own engine, which runs as long as this."""
    # The path of a socket may have 107 bytes.
    place = Path(tempfile.mkdtemp(prefix="lab-engines-"))
    files, shared = place / "root", place / "shared"
    try:
        make_root(suite, files, PACKAGES, progress, LENIENT if suite == "testing" else ())
        shared.mkdir()
        progress.step(suite, "starting dockerd")
        with (place / "log").open("wb") as log:
            process = subprocess.Popen(
                enter(files, shared, *DOCKERD),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            client = answering(shared / "engine.sock", process, place)
            with contextlib.closing(client), pointed_to(f"unix://{shared}/engine.sock"):
                yield client
        finally:
            process.kill()  # with --kill-child all that is in its namespaces goes, too
            process.wait(DAEMON_S)
    finally:
        shutil.rmtree(place)


def enter(files: Path, shared: Path, *program: str, binds: Collection[Path] = ()) -> list[str]:
    """The command line that runs a program in the root file system ``files``, cut off from this machine."""
    start = Path(__file__).with_name("start")
    namespaces = [
        "unshare",
        "--mount",
        "--net",
        "--pid",
        "--ipc",
        "--uts",
        "--fork",
        "--kill-child",
    ]
    return [*namespaces, str(start), str(files), str(shared), *map(str, binds), "--", *program]


def make_root(
    suite: str,
    target: Path,
    include: tuple[str, ...],
    progress: Progress,
    options: Collection[str] = (),
) -> None:
    """A Debian of this suite with these packages, from this machine's package mirror."""
    progress.step(suite, "putting a root file system together")
    archive = target.with_suffix(".tar")
    wanted = Bootstrap(suite=suite, include=include)
    mmdebstrap = sources.tool_path(sources.MMDEBSTRAP, lambda line: progress.step(suite, line))
    argv = sources.mmdebstrap_command(mmdebstrap, wanted, sources.mirror(os.environ), archive)
    machine.run([*argv[:-3], *options, *argv[-3:]], timeout_s=ROOT_S)
    target.mkdir()
    machine.run(
        ["tar", "--extract", f"--file={archive}", f"--directory={target}", "--exclude=./dev/*"],
        timeout_s=ROOT_S,
    )
    archive.unlink()


def answering(socket: Path, process: subprocess.Popen[bytes], place: Path) -> DockerClient:
    """A client of the daemon, once it answers."""
    found: list[DockerClient] = []

    def answers() -> bool:
        if process.poll() is None:
            with contextlib.suppress(DockerException):
                found.append(docker.DockerClient(base_url=f"unix://{socket}", version="auto"))
        return bool(found) or process.poll() is not None

    machine.wait_until(answers, timeout_s=DAEMON_S)
    if not found:
        said = (place / "log").read_text(encoding="utf-8", errors="replace")
        raise SystemExit(f"dockerd does not answer; it said:\n{said[-3000:]}")
    return found[0]


def look(client: DockerClient, image: str) -> Row:
    """Make the lab's network on an engine, and see what can be reached in it."""
    version = client.version()
    with tempfile.TemporaryDirectory() as place:
        shutil.copytree(root() / "compose", Path(place, "compose"))
        checkout = Checkout(Path(place).resolve())
        running = topology.up(
            client,
            checkout,
            dict.fromkeys(services.service_files(checkout), image),
            PROJECT,
            run_id=PROJECT,
            kept=False,
            services=SERVICES,
        )
        try:
            seal = network.look(client, running.project, running.containers)
            asking = running.containers[SERVICES[0]].id
            found = execute(client, asking, ["getent", "hosts", "dns.lab.test"])
            other = execute(client, asking, ["getent", "hosts", SERVICES[1]])
            connect = ["timeout", "5", "bash", "-c", "exec 3<>/dev/tcp/dns.lab.test/53"]
            connected = execute(client, asking, connect)
        finally:
            running.release(client)
    return Row(
        version=str(version["Version"]),
        api=str(version["ApiVersion"]),
        seal=seal,
        open=look_at_open_network(client, image),
        names=not found.status and not other.status,
        reach=not connected.status,
    )


@contextlib.contextmanager
def pointed_to(host: str) -> Iterator[None]:
    """Compose uses the engine at this address."""
    before = os.environ.get("DOCKER_HOST")
    os.environ["DOCKER_HOST"] = host
    try:
        yield
    finally:
        if before is None:
            del os.environ["DOCKER_HOST"]
        else:
            os.environ["DOCKER_HOST"] = before


def look_at_open_network(client: DockerClient, image: str) -> network.Seal:
    """The lab's look in an internal network that has none of the lab's options."""
    labels = {LABEL_PROJECT: f"{PROJECT}-open"}
    made = client.networks.create(f"{PROJECT}-open", internal=True, labels=labels)
    try:
        container = client.containers.run(
            image,
            ["sleep", "infinity"],
            detach=True,
            init=True,
            network=made.name,
            labels=labels | {LABEL_SERVICE: network.ASKING},
        )
        try:
            project = labels[LABEL_PROJECT]
            return network.look(client, project, network.containers(client, project))
        finally:
            container.remove(force=True)
    finally:
        made.remove()


if __name__ == "__main__":
    sys.exit(main())
