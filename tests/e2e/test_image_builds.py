"""Builds that go wrong, on the real engine: killed, raced, out of space.

The image is a small one of the test's own, on the lab's Debian base. One of its build steps asks the
test what to do, over a socket, so nothing here depends on time.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest

from lab.host import machine
from lab.host.checkout import root
from lab.images.errors import ImageError
from lab.images.provenance import ImageInfo
from lab.images.recipe import Source
from lab.images.sources import Cache
from lab.images.store import ImageStore
from tests.e2e.checkouts import BUILD_S

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

RECIPES = root() / "compose" / "images"

RECIPE = """
name = "tiny"
description = "an image of the tests"
[either]
base = "debian12"
dockerfile = "Dockerfile"
real = ["nothing"]
[measure]
versions = { stamp = "cat /stamp" }
"""
# {token} makes the recipe, and with it the tag and the build cache, one of this test alone.
ASKING = """
ARG BASE
FROM ${{BASE}}
LABEL test.lab.image="tiny"
SHELL ["/bin/bash", "-euc"]
RUN cat /proc/sys/kernel/random/uuid >/stamp; : {token}
RUN exec 3<>/dev/tcp/127.0.0.1/{port}; cat /stamp >&3; read -r answer <&3; test "$answer" = go
"""
FILLING = """
ARG BASE
FROM ${{BASE}}
LABEL test.lab.image="tiny"
RUN : {token}; dd if=/dev/zero of=/dev/shm/filler bs=1M
"""
MAKE = """
import sys, docker
from pathlib import Path
from lab.images.errors import Printed
from lab.images.store import ImageStore
from tests.e2e.checkouts import BUILD_S
client = docker.from_env(timeout=60)
store = ImageStore(client, Path(sys.argv[1]), progress=Printed(), directory=Path(sys.argv[2]))
print(store.ensure(["tiny"])["tiny"].id)
client.close()
"""


class Oracle:
    """Answers the build step that asks; counts who asked and what stamp they showed."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.stamps: list[str] = []
        self.asked = threading.Event()
        self.answering = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                with connection, connection.makefile("rw") as stream:
                    self.stamps.append(stream.readline().strip())
                    self.asked.set()
                    if not self.answering.wait(BUILD_S):
                        return
                    stream.write("go\n")
                    stream.flush()
            except OSError:
                continue  # it was killed while it waited

    def close(self) -> None:
        self.answering.set()
        # accept() does not notice that another thread closes its socket
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


@pytest.fixture
def oracle() -> Iterator[Oracle]:
    made = Oracle()
    yield made
    made.close()


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env(timeout=60)
    yield client
    for image in client.images.list(all=False, filters={"label": "test.lab.image=tiny"}):
        client.images.remove(str(image.id), force=True)
    client.close()


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    for name in ("debian12",):
        shutil.copytree(RECIPES / name, tmp_path / "recipes" / name)
    (tmp_path / "recipes" / "tiny").mkdir()
    (tmp_path / "recipes" / "tiny" / "image.toml").write_text(RECIPE)
    return tmp_path / "recipes"


def write(recipes: Path, dockerfile: str, **values: object) -> None:
    text = dockerfile.format(token=secrets.token_hex(8), **values)
    (recipes / "tiny" / "Dockerfile").write_text(text.lstrip())


def store(engine: docker.DockerClient, recipes: Path) -> ImageStore:
    return ImageStore(engine, recipes.parent / "state", Source.AUTO, directory=recipes)


@contextmanager
def started(recipes: Path, state: str = "state") -> Iterator[subprocess.Popen[str]]:
    """A lab of its own that makes the image; it ends with the test, whatever happens."""
    argv = [sys.executable, "-c", MAKE, str(recipes.parent / state), str(recipes)]
    with subprocess.Popen(
        argv,
        cwd=root(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def leftovers(engine: docker.DockerClient) -> list[str]:
    """Containers of builds of the tiny image; a build step's image is an unnamed one of it."""
    found = []
    for container in engine.containers.list(all=True, ignore_removed=True):
        try:
            labels = engine.images.get(container.attrs["Image"]).labels
        except docker.errors.NotFound:
            continue  # the image of somebody else's container
        if labels.get("test.lab.image") == "tiny":
            found.append(str(container.name))
    return found


@pytest.mark.parametrize(
    "sent", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda sent: str(sent.name)
)
def test_an_interrupted_build_leaves_nothing_behind_and_the_next_run_goes_on(
    engine: docker.DockerClient, recipes: Path, oracle: Oracle, sent: signal.Signals
) -> None:
    # given a build in the middle of its second step
    write(recipes, ASKING, port=oracle.port)
    with started(recipes) as process:
        assert oracle.asked.wait(BUILD_S), process.communicate(timeout=5)
        assert leftovers(engine) != []

        # when the lab is killed
        os.kill(process.pid, sent)
        process.communicate(timeout=20)
    assert process.returncode != 0

    # then the engine has stopped the build, and there is no image
    assert machine.wait_until(lambda: leftovers(engine) == [], timeout_s=20), leftovers(engine)
    assert "tiny" not in store(engine, recipes).found()

    # and the next run does not repeat the first step
    oracle.answering.set()
    made = store(engine, recipes).ensure(["tiny"])["tiny"]
    assert made.built
    assert len(oracle.stamps) == 2
    assert set(oracle.stamps) == {made.provenance.packages["stamp"]}
    assert leftovers(engine) == []


def test_two_processes_that_need_the_same_image_build_it_once(
    engine: docker.DockerClient, recipes: Path, oracle: Oracle
) -> None:
    write(recipes, ASKING, port=oracle.port)
    with started(recipes, "one") as one, started(recipes, "two") as two:
        assert oracle.asked.wait(BUILD_S)
        oracle.answering.set()
        said = [process.communicate(timeout=BUILD_S) for process in (one, two)]
    assert [one.returncode, two.returncode] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert len(oracle.stamps) == 1


def test_a_step_that_fills_a_disk_is_reported_as_that(
    engine: docker.DockerClient, recipes: Path
) -> None:
    write(recipes, FILLING)
    with pytest.raises(ImageError, match="No space left on device") as raised:
        store(engine, recipes).ensure(["tiny"])
    assert raised.value.problem == "no-space"
    assert "the disk is full below" in str(raised.value)
    assert "docker system df" in str(raised.value)


@pytest.mark.skipif(not machine.is_root(), reason="mounting a small file system needs root")
def test_a_full_disk_while_downloading_is_reported_with_its_place_and_leaves_nothing(
    engine: docker.DockerClient, tmp_path: Path
) -> None:
    # given a state directory with room for less than a package
    small = tmp_path / "small"
    small.mkdir()
    machine.run(["mount", "-t", "tmpfs", "-o", "size=1m", "lab-test", str(small)], timeout_s=10)
    try:
        # when the package is to be cached there
        with pytest.raises(ImageError) as raised:
            fetch_the_largest_wheel(engine, small)
        left = [path.name for path in (small / "cache").iterdir() if path.name[0] != "."]
    finally:
        machine.run(["umount", str(small)], timeout_s=10)
    # then the place is named and nothing half is left
    assert raised.value.problem == "no-space"
    assert str(small / "cache") in str(raised.value)
    assert left == []


def fetch_the_largest_wheel(engine: docker.DockerClient, state: Path) -> None:
    images = ImageStore(engine, state)
    artifacts = [
        artifact
        for route in images.recipes["pyftpdlib"].routes
        for artifact in route.variant.artifacts
    ]
    Cache(state / "cache").fetch(max(artifacts, key=lambda a: a.size), lambda _: None)


def test_images_travel_in_one_file(engine: docker.DockerClient, recipes: Path) -> None:
    # given an image on this engine, exported
    write(recipes, "ARG BASE\nFROM ${{BASE}}\nRUN echo {token} >/stamp\n")
    used = store(engine, recipes)
    made: ImageInfo = used.ensure(["tiny"])["tiny"]
    path = recipes.parent / "images.tar"
    assert made.tag in {info.tag for info in used.export(path)}

    # when it is gone and the file is imported
    engine.images.remove(made.tag, force=True)
    assert "tiny" not in used.found()
    imported = {info.provenance.image: info for info in used.import_(path)}

    # then it is the same image, with its provenance, and nothing has to be built
    assert imported["tiny"].id == made.id
    assert imported["tiny"].provenance == made.provenance
    assert not used.ensure(["tiny"])["tiny"].built


def test_an_archive_of_other_recipes_is_refused_before_it_is_loaded(
    engine: docker.DockerClient, recipes: Path
) -> None:
    write(recipes, "ARG BASE\nFROM ${{BASE}}\nRUN echo {token} >/stamp\n")
    used = store(engine, recipes)
    used.ensure(["tiny"])
    path = recipes.parent / "images.tar"
    used.export(path)
    write(recipes, "ARG BASE\nFROM ${{BASE}}\nRUN echo changed {token} >/stamp\n")
    with pytest.raises(ImageError, match="do not fit the recipes of this checkout") as raised:
        store(engine, recipes).import_(path)
    assert raised.value.problem == "other-recipes"
