"""The image store against an engine that answers like one, without containers.

The engine is a small HTTP server on a Unix socket, so everything from the Docker SDK's requests to
the labels of the finished image is the code that runs in earnest. What a registry, a build step or
a full disk says is set by the test.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import socketserver
import struct
import tarfile
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import docker
import pytest

from lab.host import machine
from lab.images import sources
from lab.images.errors import ImageError, Progress
from lab.images.making import NEEDED_FREE
from lab.images.recipe import Bootstrap, Source
from lab.images.sources import Registry
from lab.images.store import ImageStore

NO_ROUTE = 'Get "https://images.test/v2/": dial tcp: lookup images.test: no such host'
MISSING = "manifest for images.test/client:1 not found: manifest unknown"
FULL = "write /var/lib/docker/overlay2/x: no space left on device"
Events = list[dict[str, Any]]


@dataclass
class Image:
    """An image of the engine."""

    id: str
    labels: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    digests: list[str] = field(default_factory=list)


@dataclass
class World:
    """What the engine holds and how it behaves."""

    images: dict[str, Image] = field(default_factory=dict)
    containers: dict[str, str] = field(default_factory=dict)
    #: by reference: what the registry says; an empty text gives the image, None never answers
    registry: dict[str, str | None] = field(default_factory=dict)
    #: by a word in the Dockerfile: what the build says instead of building
    failing: dict[str, Events] = field(default_factory=dict)
    platform: tuple[str, str] = ("linux", "amd64")
    measured: str = "os\t\tSome Linux 1\npackage\tperl\t5\n"
    measure_status: int = 0
    pulls: list[str] = field(default_factory=list)
    builds: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def add(self, seed: str, **fields: Any) -> Image:
        """A new image whose id follows from ``seed``."""
        made = Image("sha256:" + hashlib.sha256(seed.encode()).hexdigest(), **fields)
        self.images[made.id] = made
        return made

    def find(self, name: str) -> Image | None:
        """By id, by tag or by the reference that it was pulled with."""
        for image in self.images.values():
            if name in {image.id, image.id.removeprefix("sha256:"), *image.tags}:
                return image
        return None


class Handler(BaseHTTPRequestHandler):
    """The part of the engine's API that the image store uses."""

    server: Server
    protocol_version = "HTTP/1.1"

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        """Silence."""

    def do_GET(self) -> None:
        self._route("GET")

    def do_POST(self) -> None:
        self._route("POST")

    def do_DELETE(self) -> None:
        self._route("DELETE")

    def _route(self, method: str) -> None:
        url = urllib.parse.urlsplit(self.path)
        path = re.sub(r"^/v1\.\d+", "", urllib.parse.unquote(url.path))
        query = {key: values[0] for key, values in urllib.parse.parse_qs(url.query).items()}
        body = self._body()
        for verb, pattern, answer in ROUTES:
            matched = re.fullmatch(pattern, path)
            if verb == method and matched:
                getattr(self, answer)(*matched.groups(), query=query, body=body)
                return
        self._json({"message": f"no route {method} {path}"}, status=500)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        content = b""
        while size := int(self.rfile.readline(), 16):
            content += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return content

    def _json(self, answer: object, status: int = 200) -> None:
        self._raw(json.dumps(answer).encode(), status)

    def _raw(self, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _events(self, events: Events) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in events:
            line = json.dumps(event).encode() + b"\r\n"
            self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    # -- the engine

    def version(self, **_: object) -> None:
        system, machine_name = self.server.world.platform
        self._json({"ApiVersion": "1.41", "Os": system, "Arch": machine_name, "Version": "20.10"})

    def info(self, **_: object) -> None:
        self._json({"DockerRootDir": "/"})

    def images(self, *, query: dict[str, str], **_: object) -> None:
        filters = json.loads(query.get("filters", "{}"))
        found = [i for i in self.server.world.images.values() if matches(i, filters)]
        self._json([describe(image) for image in found])

    def inspect(self, name: str, **_: object) -> None:
        image = self.server.world.find(name)
        if image is None:
            self._json({"message": f"No such image: {name}"}, status=404)
        else:
            self._json(describe(image))

    def remove_image(self, name: str, **_: object) -> None:
        image = self.server.world.find(name)
        assert image is not None
        self.server.world.images.pop(image.id)
        self.server.world.removed.append(name)
        self._json([])

    def create(self, *, query: dict[str, str], body: bytes) -> None:
        world = self.server.world
        if "fromSrc" in query:
            made = world.add(f"import {body!r}")
            self._events([{"status": made.id}])
            return
        reference = f"{query['fromImage']}:{query['tag']}"
        world.pulls.append(reference)
        answer = world.registry.get(reference, NO_ROUTE)
        if answer is None:
            world.stop.wait(20)  # as an engine does whose packets are dropped
            self._json({"message": "stopped"}, status=500)
        elif answer:
            self._json({"message": answer}, status=500)
        else:
            repository = query["fromImage"]
            world.add(reference, tags=[reference], digests=[f"{repository}@sha256:aa"])
            self._events([{"status": "Downloading"}, {"status": "Extracting"}])

    def build(self, *, query: dict[str, str], body: bytes) -> None:
        world = self.server.world
        with tarfile.open(fileobj=io.BytesIO(body)) as context:
            dockerfile = context.extractfile(query.get("dockerfile", "Dockerfile"))
            assert dockerfile is not None
            text = dockerfile.read().decode()
        base = json.loads(query.get("buildargs", "{}")).get("BASE", "")
        for word, events in world.failing.items():
            if word in text:
                self._events(events)
                return
        if base:
            assert world.find(base) is not None, f"the base {base} is not there"
            world.builds.append(text)
        tags = [query["t"]] if "t" in query else []
        labels = json.loads(query.get("labels", "{}"))
        made = world.add(f"build {text} {base} {labels}", labels=labels, tags=tags)
        self._events([{"stream": "Step 1/1 : RUN work\n"}, {"aux": {"ID": made.id}}])

    # -- containers, which only measure

    def create_container(self, *, body: bytes, **_: object) -> None:
        name = f"c{len(self.server.world.containers)}"
        self.server.world.containers[name] = json.loads(body)["Image"]
        self._json({"Id": name}, status=201)

    def prune(self, *, query: dict[str, str], **_: object) -> None:
        filters = json.loads(query["filters"])
        images = self.server.world.images
        gone = (
            [] if "dangling" not in filters else [i for i in images.values() if matches(i, filters)]
        )
        self._json({"ImagesDeleted": [{"Deleted": images.pop(image.id).id} for image in gone]})

    def inspect_container(self, name: str, **_: object) -> None:
        self._json(
            {
                "Id": name,
                "Config": {"Tty": False},
                "HostConfig": {"LogConfig": {"Type": "json-file"}},
            }
        )

    def start(self, _name: str, **_: object) -> None:
        self._raw(b"", status=204)

    def wait(self, _name: str, **_: object) -> None:
        self._json({"StatusCode": self.server.world.measure_status})

    def logs(self, _name: str, *, query: dict[str, str], **_: object) -> None:
        content = self.server.world.measured.encode() if query["stdout"] == "1" else b""
        self._raw(struct.pack(">BxxxL", 1, len(content)) + content)

    def remove_container(self, name: str, **_: object) -> None:
        self.server.world.containers.pop(name)
        self._raw(b"", status=204)


ROUTES = (
    ("GET", r"/version", "version"),
    ("GET", r"/info", "info"),
    ("GET", r"/images/json", "images"),
    ("POST", r"/images/create", "create"),
    ("GET", r"/images/(.+)/json", "inspect"),
    ("DELETE", r"/images/(.+)", "remove_image"),
    ("POST", r"/build", "build"),
    ("POST", r"/containers/create", "create_container"),
    ("POST", r"/(?:images|containers)/prune", "prune"),
    ("GET", r"/containers/([^/]+)/json", "inspect_container"),
    ("POST", r"/containers/([^/]+)/start", "start"),
    ("POST", r"/containers/([^/]+)/wait", "wait"),
    ("GET", r"/containers/([^/]+)/logs", "logs"),
    ("DELETE", r"/containers/([^/]+)", "remove_container"),
)


def matches(image: Image, filters: dict[str, list[str]]) -> bool:
    """Whether the engine would list the image."""
    labels = [label.partition("=") for label in filters.get("label", ())]
    return (
        all(key in image.labels and value in {"", image.labels[key]} for key, _, value in labels)
        and not ("true" in filters.get("dangling", ()) and image.tags)
        and all(
            any(tag.startswith("tls-lab/") for tag in image.tags)
            for _ in filters.get("reference", ())
        )
    )


def describe(image: Image) -> dict[str, object]:
    """As the engine describes an image, in a list and on its own."""
    return {
        "Id": image.id,
        "RepoTags": image.tags,
        "RepoDigests": image.digests,
        "Size": 1000,
        "Labels": image.labels,
        "Config": {"Labels": image.labels},
    }


class Server(socketserver.ThreadingUnixStreamServer):
    """The engine."""

    daemon_threads = True

    def __init__(self, path: str, world: World) -> None:
        self.world = world
        super().__init__(path, Handler)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def engine(world: World) -> Iterator[docker.DockerClient]:
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/engine.sock"
        with Server(path, world) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            client = docker.DockerClient(base_url=f"unix://{path}", version="1.41", timeout=20)
            try:
                yield client
            finally:
                world.stop.set()
                client.close()
                server.shutdown()
                thread.join(10)


RECIPE = {
    "base": """
name = "base"
description = "a base"
[registry]
pull = "images.test/base:1"
real = ["all"]
[packages]
bootstrap = { suite = "bookworm" }
real = ["all"]
""",
    "client": """
name = "client"
description = "a client"
[registry]
pull = "images.test/client:1"
dockerfile = "Dockerfile"
real = ["all of it"]
[packages]
base = "base"
dockerfile = "Dockerfile.standin"
stand_in = true
real = ["the library"]
not_real = ["the rest"]
""",
    "server": """
name = "server"
description = "a server"
[either]
base = "base"
dockerfile = "Dockerfile"
real = ["all"]
""",
}


class Said(Progress):
    """It is kept."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def step(self, name: str, detail: str) -> None:
        self.lines.append(f"{name}: {detail}")

    def done(self, name: str, seconds: float) -> None:
        self.lines.append(f"{name} done")

    def failed(self, name: str, reason: str) -> None:
        self.lines.append(f"{name} failed: {reason}")


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def bootstrapped(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The suites that were bootstrapped; nothing is."""
    suites: list[str] = []

    def make(system: Bootstrap, target: Path, _report: Callable[[str], None]) -> None:
        suites.append(system.suite)
        target.write_bytes(b"root file system")

    monkeypatch.setattr(sources, "bootstrap", make)
    return suites


@pytest.fixture
def store(
    engine: docker.DockerClient,
    tmp_path: Path,
    said: Said,
    bootstrapped: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., ImageStore]:
    recipes = tmp_path / "recipes"
    for name, text in RECIPE.items():
        (recipes / name).mkdir(parents=True)
        (recipes / name / "image.toml").write_text(text)
        (recipes / name / "Dockerfile").write_text(f"FROM x\nRUN {name}-real\n")
        (recipes / name / "Dockerfile.standin").write_text(f"FROM x\nRUN {name}-standin\n")
    monkeypatch.setattr(machine, "free_bytes", lambda _path: 100 << 30)

    def make(source: Source = Source.AUTO, patience_s: float = 5) -> ImageStore:
        registry = Registry(engine, patience_s=patience_s)
        return ImageStore(
            engine, tmp_path / "state", source, said, directory=recipes, registry=registry
        )

    return make


def test_where_a_registry_answers_the_distributions_own_images_are_used(
    world: World, store: Callable[..., ImageStore], bootstrapped: list[str]
) -> None:
    world.registry = {"images.test/base:1": "", "images.test/client:1": ""}
    found = store().ensure()
    assert {name: (info.provenance.source, info.stand_in) for name, info in found.items()} == {
        "base": ("registry", False),
        "client": ("registry", False),
        "server": ("registry", False),
    }
    assert found["client"].provenance.digest == "images.test/client@sha256:aa"
    assert found["client"].provenance.real == ("all of it",)
    assert found["client"].provenance.fallback_reason is None
    assert found["client"].provenance.os == "Some Linux 1"
    assert any("RUN client-real" in text for text in world.builds)
    assert bootstrapped == []


def test_without_a_registry_it_is_asked_once_and_packages_take_its_place(
    world: World, store: Callable[..., ImageStore], said: Said, bootstrapped: list[str]
) -> None:
    found = store().ensure()
    assert {info.provenance.source for info in found.values()} == {"packages"}
    assert [name for name, info in found.items() if info.stand_in] == ["client"]
    reason = found["client"].provenance.fallback_reason
    assert reason is not None
    assert "no such host" in reason
    assert found["client"].provenance.not_real == ("the rest",)
    assert len(world.pulls) == 1
    assert bootstrapped == ["bookworm"]
    assert any("not from the registry" in line and "no such host" in line for line in said.lines)


def test_an_image_that_the_registry_lacks_does_not_speak_for_the_others(
    world: World, store: Callable[..., ImageStore]
) -> None:
    world.registry = {"images.test/base:1": "", "images.test/client:1": MISSING}
    found = store().ensure()
    assert found["base"].provenance.source == "registry"
    assert found["client"].stand_in
    assert "manifest unknown" in str(found["client"].provenance.fallback_reason)
    assert len(world.pulls) == 2


def test_where_the_build_on_the_real_distribution_fails_the_stand_in_takes_its_place(
    world: World, store: Callable[..., ImageStore]
) -> None:
    world.registry = {"images.test/base:1": "", "images.test/client:1": ""}
    world.failing = {
        "client-real": [
            {"stream": "Step 1/1 : RUN client-real\n"},
            {"stream": "Could not resolve host: vault.test\n"},
            {"error": "The command '/bin/sh -c client-real' returned a non-zero code: 1"},
        ]
    }
    found = store().ensure(["client"])
    assert found["client"].stand_in
    assert "non-zero code: 1" in str(found["client"].provenance.fallback_reason)


def test_where_both_ways_fail_both_reasons_are_given(
    world: World, store: Callable[..., ImageStore]
) -> None:
    world.failing = {"client-standin": [{"error": "returned a non-zero code: 100"}]}
    with pytest.raises(ImageError, match="non-zero code: 100") as raised:
        store().ensure(["client"])
    assert raised.value.problem == "build"
    assert "the registry had been tried before" in str(raised.value)
    assert "no such host" in str(raised.value)


def test_a_registry_that_is_demanded_is_not_replaced(
    world: World, store: Callable[..., ImageStore], bootstrapped: list[str]
) -> None:
    with pytest.raises(ImageError, match="no such host") as raised:
        store(Source.REGISTRY).ensure()
    assert raised.value.problem == "not-pulled"
    assert any("LAB_IMAGES=packages" in advice for advice in raised.value.advice)
    assert bootstrapped == []
    assert world.builds == []


def test_packages_that_are_demanded_ask_no_registry(
    world: World, store: Callable[..., ImageStore]
) -> None:
    world.registry = {"images.test/base:1": "", "images.test/client:1": ""}
    found = store(Source.PACKAGES).ensure()
    assert {info.provenance.source for info in found.values()} == {"packages"}
    assert found["client"].provenance.fallback_reason is None
    assert world.pulls == []


def test_a_registry_that_never_answers_is_given_up_in_bounded_time(
    world: World, store: Callable[..., ImageStore]
) -> None:
    world.registry = {"images.test/base:1": None, "images.test/client:1": None}
    found = store(patience_s=0.1).ensure()
    assert {info.provenance.source for info in found.values()} == {"packages"}
    assert "did not answer within" in str(found["client"].provenance.fallback_reason)
    assert len(world.pulls) == 1


def test_a_second_run_finds_everything_and_asks_nobody(
    world: World, store: Callable[..., ImageStore], bootstrapped: list[str]
) -> None:
    first = store().ensure()
    pulls, builds = len(world.pulls), len(world.builds)
    second = store().ensure()
    assert all(info.built for info in first.values())
    assert not any(info.built for info in second.values())
    assert {n: i.id for n, i in first.items()} == {n: i.id for n, i in second.items()}
    assert (len(world.pulls), len(world.builds)) == (pulls, builds)
    assert len(bootstrapped) == 1


def test_a_changed_recipe_is_made_again_and_the_rest_is_kept(
    world: World, store: Callable[..., ImageStore], tmp_path: Path
) -> None:
    first = store().ensure()
    (tmp_path / "recipes" / "server" / "Dockerfile").write_text("FROM x\nRUN changed\n")
    second = store().ensure()
    assert [name for name, info in second.items() if info.built] == ["server"]
    assert first["server"].tag != second["server"].tag


def test_an_image_is_made_on_its_base_which_is_made_first_without_being_asked_for(
    world: World, store: Callable[..., ImageStore], bootstrapped: list[str]
) -> None:
    found = store().ensure(["server"])
    assert list(found) == ["server"]
    assert bootstrapped == ["bookworm"]
    assert "base" in store().found()


def test_an_image_without_readable_provenance_is_not_taken_for_finished(
    world: World, store: Callable[..., ImageStore]
) -> None:
    tag = store(Source.PACKAGES).ensure(["client"])["client"].tag
    image = world.find(tag)
    assert image is not None
    image.labels["test.lab.provenance"] = '{"image": "client"}'
    assert "client" not in store().found()


def test_nothing_is_left_running_and_no_half_image_has_a_name(
    world: World, store: Callable[..., ImageStore]
) -> None:
    world.measure_status = 1
    with pytest.raises(ImageError, match="asking the finished image") as raised:
        store(Source.PACKAGES).ensure(["client"])
    assert raised.value.problem == "measure"
    assert world.containers == {}
    assert [image.tags for image in world.images.values() if image.tags] == []


def test_a_failed_build_shows_the_end_of_its_output_and_the_next_run_goes_on(
    world: World, store: Callable[..., ImageStore], bootstrapped: list[str]
) -> None:
    world.failing = {
        "server-real": [
            {"stream": "E: Unable to locate package nosuch\n"},
            {"error": "returned a non-zero code: 100"},
        ]
    }
    with pytest.raises(ImageError, match="Unable to locate package nosuch") as raised:
        store(Source.PACKAGES).ensure(["server"])
    assert raised.value.problem == "build"
    world.failing = {}
    assert store(Source.PACKAGES).ensure(["server"])["server"].built
    assert len(bootstrapped) == 1


@pytest.mark.parametrize(
    "events",
    [
        [{"error": FULL}],
        [{"stream": f"dd: {FULL}\n"}, {"error": "returned a non-zero code: 1"}],
    ],
)
def test_a_full_disk_ends_the_work_with_the_free_space_and_no_fallback(
    world: World, store: Callable[..., ImageStore], events: Events
) -> None:
    world.registry = {"images.test/base:1": "", "images.test/client:1": ""}
    world.failing = {"client-real": events}
    with pytest.raises(ImageError, match="the disk is full below /") as raised:
        store().ensure(["client"])
    assert raised.value.problem == "no-space"
    assert "107.4 GB free there" in str(raised.value)
    assert not any("standin" in text for text in world.builds)


def test_too_little_space_is_noticed_before_anything_is_made(
    world: World, store: Callable[..., ImageStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    used = store()
    monkeypatch.setattr(machine, "free_bytes", lambda _path: NEEDED_FREE - 1)
    with pytest.raises(ImageError, match=re.escape("needs 2.0 GB")) as raised:
        used.ensure()
    assert raised.value.problem == "no-space"
    assert world.pulls == []


def test_another_platform_is_refused_by_name(
    world: World, store: Callable[..., ImageStore]
) -> None:
    world.platform = ("linux", "arm64")
    with pytest.raises(ImageError, match="they are linux/amd64, this engine is linux/arm64"):
        store().ensure()


def test_an_unknown_image_is_refused_before_anything_is_made(
    world: World, store: Callable[..., ImageStore]
) -> None:
    with pytest.raises(ImageError, match="no image of that name"):
        store().ensure(["client", "rocky10"])
    assert world.pulls == []


def test_two_labs_that_need_the_same_image_make_it_once(
    world: World, store: Callable[..., ImageStore]
) -> None:
    stores = [store(Source.PACKAGES), store(Source.PACKAGES)]
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda s=s: found.append(s.ensure(["server"])["server"].id))
        for s in stores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(found) == 2
    assert len(set(found)) == 1
    assert len(world.builds) == 1


def test_the_provenance_of_an_image_is_read_from_its_label(
    store: Callable[..., ImageStore],
) -> None:
    made = store().ensure(["client"])["client"]
    found = store().found()["client"]
    assert found.provenance == made.provenance
    assert found.provenance.id == made.id


@pytest.fixture
def only_real(tmp_path: Path) -> Callable[[], None]:
    """Adds an image that only a registry can give."""

    def add() -> None:
        directory = tmp_path / "recipes" / "distribution"
        directory.mkdir()
        (directory / "image.toml").write_text(
            'name = "distribution"\ndescription = "x"\n'
            '[registry]\npull = "images.test/distribution:1"\nreal = ["all"]\n'
        )

    return add


@pytest.mark.parametrize(
    ("source", "expected"), [(Source.AUTO, "not-pulled"), (Source.PACKAGES, "only-real")]
)
def test_an_image_that_only_a_registry_can_give_does_not_stop_the_others(
    store: Callable[..., ImageStore], only_real: Callable[[], None], source: Source, expected: str
) -> None:
    make = store  # its fixture has written the other recipes
    only_real()
    assert "distribution" not in make(source).ensure()
    assert "distribution" not in make(source).found()
    with pytest.raises(ImageError, match="distribution") as raised:
        make(source).ensure(["distribution"])
    assert raised.value.problem == expected


def test_an_image_that_only_a_registry_can_give_is_taken_from_it(
    world: World, store: Callable[..., ImageStore], only_real: Callable[[], None]
) -> None:
    make = store
    only_real()
    world.registry = {"images.test/distribution:1": ""}
    assert make().ensure(["distribution"])["distribution"].provenance.source == "registry"


def test_exporting_what_is_not_there_names_it(
    store: Callable[..., ImageStore], tmp_path: Path
) -> None:
    with pytest.raises(ImageError, match="client, server not made yet"):
        store().export(tmp_path / "x.tar")


@pytest.mark.parametrize("on_demand", [False, True])
def test_an_archive_has_what_is_made_on_demand_only_if_it_is_asked_for(
    store: Callable[..., ImageStore],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    on_demand: bool,
) -> None:
    recipe = tmp_path / "recipes" / "server" / "image.toml"
    recipe.write_text(f"on_demand = true\n{recipe.read_text('utf-8')}")
    written: list[str] = []

    def save(_engine: object, tags: list[str], *_: object) -> int:
        written.extend(tags)
        return 1

    monkeypatch.setattr("lab.images.archive.save", save)
    made = store().ensure(["client", "server"])
    store().export(tmp_path / "x.tar", on_demand=on_demand)
    assert (made["server"].tag in written) is on_demand
    assert made["client"].tag in written


def test_pruning_removes_older_recipes_and_keeps_the_current_ones(
    world: World, store: Callable[..., ImageStore], tmp_path: Path
) -> None:
    older = store().ensure(["server"])["server"]
    (tmp_path / "recipes" / "server" / "Dockerfile").write_text("FROM x\nRUN changed\n")
    current = store().ensure(["server"])["server"]
    removed = store().prune()
    assert older.tag in removed
    assert world.find(current.tag) is not None
    assert world.find(older.tag) is None


def test_an_engine_that_is_not_there_is_explained(tmp_path: Path) -> None:
    client = docker.DockerClient(base_url="tcp://127.0.0.1:1", version="1.41")
    try:
        with pytest.raises(ImageError) as raised:
            ImageStore(client, tmp_path).found()
    finally:
        client.close()
    assert raised.value.problem == "engine"
    assert any("lab doctor" in advice for advice in raised.value.advice)
