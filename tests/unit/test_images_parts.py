"""The parts that make an image, each without an engine."""

from __future__ import annotations

import datetime
import errno
import hashlib
import io
import json
import os
import re
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.host import machine
from lab.host.checkout import root
from lab.images import archive, build, sources
from lab.images.errors import ImageError, Printed, is_no_space, megabytes, no_space
from lab.images.provenance import Provenance
from lab.images.recipe import (
    Artifact,
    Bootstrap,
    Source,
    candidates,
    context_files,
    load,
)
from lab.images.sources import Cache, is_unreachable
from tests.transcripts.record import summary

RECIPES = root() / "compose" / "images"


def ignore(_detail: str) -> None:
    """Progress that nobody follows."""


# --- pinned packages


CONTENT = b"the package"


def artifact(**changes: object) -> Artifact:
    fields: dict[str, object] = {
        "client": "npm",
        "package": "@scope/thing",
        "version": "1.0",
        "file": "scope-thing-1.0.tgz",
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "size": len(CONTENT),
        "members": {"": ""},
    }
    return Artifact.model_validate({**fields, **changes})


class Client:
    """Stands in for the package client: does what it is told, once a call."""

    def __init__(self, *answers: bytes | machine.CommandError) -> None:
        self.answers = list(answers)
        self.calls: list[Sequence[str]] = []

    def run(self, argv: Sequence[str], *, cwd: Path, **_: object) -> None:
        self.calls.append(argv)
        answer = self.answers.pop(0)
        if isinstance(answer, machine.CommandError):
            (cwd / "half").write_bytes(b"th")
            raise answer
        (cwd / "scope-thing-1.0.tgz").write_bytes(answer)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Client]:
    def install(*answers: bytes | machine.CommandError) -> Client:
        made = Client(*answers)
        monkeypatch.setattr(machine, "run", made.run)
        monkeypatch.setattr(machine, "program", lambda name: f"/usr/bin/{name}")
        return made

    return install


def failure(output: str) -> machine.CommandError:
    return machine.CommandError(["npm", "pack"], "ended with status 1", output)


def test_a_package_is_downloaded_once(tmp_path: Path, client: Callable[..., Client]) -> None:
    used = client(CONTENT)
    cache = Cache(tmp_path)
    assert cache.fetch(artifact(), ignore).read_bytes() == CONTENT
    assert cache.fetch(artifact(), ignore).read_bytes() == CONTENT
    assert len(used.calls) == 1


def test_a_package_that_was_put_into_the_cache_by_hand_needs_no_client(
    tmp_path: Path, client: Callable[..., Client]
) -> None:
    used = client()
    (tmp_path / artifact().file).write_bytes(CONTENT)
    assert Cache(tmp_path).fetch(artifact(), ignore).read_bytes() == CONTENT
    assert used.calls == []


def test_a_damaged_package_in_the_cache_is_downloaded_again(
    tmp_path: Path, client: Callable[..., Client]
) -> None:
    client(CONTENT)
    (tmp_path / artifact().file).write_bytes(CONTENT[:-1])
    assert Cache(tmp_path).fetch(artifact(), ignore).read_bytes() == CONTENT


def test_other_bytes_than_the_pinned_ones_are_refused_and_not_kept(
    tmp_path: Path, client: Callable[..., Client]
) -> None:
    client(b"something else")
    with pytest.raises(ImageError, match="the recipe pins") as raised:
        Cache(tmp_path).fetch(artifact(), ignore)
    assert raised.value.problem == "hash"
    assert [path.name for path in tmp_path.iterdir()] == [f".{artifact().file}.lock"]


def test_a_download_that_breaks_off_is_tried_again(
    tmp_path: Path, client: Callable[..., Client]
) -> None:
    said: list[str] = []
    used = client(failure("ECONNRESET"), CONTENT)
    Cache(tmp_path).fetch(artifact(), said.append)
    assert len(used.calls) == 2
    assert "again (1 of 3 failed)" in said[-1]


def test_a_download_that_keeps_failing_says_what_the_client_said_and_leaves_nothing(
    tmp_path: Path, client: Callable[..., Client]
) -> None:
    client(*[failure("getaddrinfo ENOTFOUND")] * 3)
    with pytest.raises(ImageError, match="ENOTFOUND") as raised:
        Cache(tmp_path).fetch(artifact(), ignore)
    assert any(artifact().sha256 in advice for advice in raised.value.advice)
    assert not list(tmp_path.glob(".partial*"))


def test_what_a_killed_download_left_is_removed_by_the_next(
    tmp_path: Path, client: Callable[..., Client]
) -> None:
    left = tmp_path / f".partial-{artifact().file}-abc"
    left.mkdir()
    (left / "half").write_bytes(b"th")
    client(CONTENT)
    Cache(tmp_path).fetch(artifact(), ignore)
    assert not left.exists()


def test_a_full_disk_is_not_tried_again(tmp_path: Path, client: Callable[..., Client]) -> None:
    used = client(failure("npm error nospc ENOSPC: no space left on device, write"))
    with pytest.raises(ImageError) as raised:
        Cache(tmp_path).fetch(artifact(), ignore)
    assert raised.value.problem == "no-space"
    assert len(used.calls) == 1


def test_a_client_that_brings_something_else_is_noticed(
    tmp_path: Path, client: Callable[..., Client]
) -> None:
    client(CONTENT)
    with pytest.raises(ImageError, match=re.escape("it brought scope-thing-1.0.tgz")):
        Cache(tmp_path).fetch(artifact(file="thing-1.0.tgz"), ignore)


def test_a_wheel_is_asked_for_the_images_interpreter_not_for_this_one(tmp_path: Path) -> None:
    platform = {"python": "3.9", "tags": ["manylinux2014_x86_64"]}
    argv = sources.package_command(artifact(client="pip", platform=platform), tmp_path, ignore)
    assert argv[0] == sys.executable
    assert {"--only-binary=:all:", "--python-version=3.9", "--no-deps"} <= set(argv)
    assert "--platform=manylinux2014_x86_64" in argv
    assert argv[-1] == "@scope/thing==1.0"


# --- the build context


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    with tarfile.open(tmp_path / "p.tgz", "w:gz") as tar:
        for name, mode in (("package/lib/a.so", 0o644), ("package/bin/run", 0o755)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(name), mode
            tar.addfile(entry, io.BytesIO(name.encode()))
        link = tarfile.TarInfo("package/lib/link.so")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with zipfile.ZipFile(tmp_path / "p.whl", "w") as wheel:
        wheel.writestr("p.libs/liba-1.so", "a")
        wheel.writestr("p/__init__.py", "")
    return tmp_path


@pytest.mark.parametrize(
    ("package", "taken", "expected"),
    [
        ("p.tgz", {"package/lib/": "lib/"}, {"artifacts/lib/a.so": False}),
        ("p.tgz", {"package/bin/run": "tools/go"}, {"artifacts/tools/go": True}),
        ("p.whl", {"p.libs/*.so": "lib/"}, {"artifacts/lib/liba-1.so": False}),
        (
            "p.whl",
            {"": "site/"},
            {"artifacts/site/p.libs/liba-1.so": False, "artifacts/site/p/__init__.py": False},
        ),
    ],
)
def test_only_the_named_members_of_a_package_get_into_the_context(
    packages: Path, package: str, taken: dict[str, str], expected: dict[str, bool]
) -> None:
    wanted = artifact(file=package, members=taken)
    found = build.selected(wanted, packages / package)
    assert {path: may_run for path, may_run, _ in found} == expected


def test_a_member_that_is_not_there_is_an_error(packages: Path) -> None:
    with pytest.raises(ImageError, match=re.escape("there is no nothing.so in it")):
        list(build.selected(artifact(members={"nothing.so": "x"}), packages / "p.tgz"))


def test_a_member_cannot_leave_the_context(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.whl", "w") as wheel:
        wheel.writestr("../../etc/passwd", "x")
    with pytest.raises(ImageError, match="lies outside"):
        list(build.selected(artifact(members={"": "site/"}), tmp_path / "evil.whl"))


def test_a_file_that_is_no_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.tgz").write_bytes(b"half a pack")
    with pytest.raises(ImageError, match=re.escape("x.tgz")):
        list(build.members(tmp_path / "x.tgz"))


def test_the_same_recipe_gives_the_same_bytes(tmp_path: Path) -> None:
    [candidate] = candidates(load(RECIPES), "rocky9", Source.REGISTRY)
    contexts = []
    for _ in range(2):
        stream = io.BytesIO()
        build.write_context(stream, candidate, {})
        contexts.append(stream.getvalue())
    assert contexts[0] == contexts[1]
    with tarfile.open(fileobj=io.BytesIO(contexts[0])) as tar:
        modes = {entry.name: entry.mode for entry in tar}
    assert modes["Dockerfile"] == 0o644
    assert modes["files/bin/crypto-policy"] == 0o755


def test_every_script_of_the_images_is_executable_and_every_other_file_is_not() -> None:
    for recipe in load(RECIPES).values():
        for route in recipe.routes:
            for name, path in context_files(recipe.directory, route.variant).items():
                script = path.read_bytes().startswith(b"#!")
                assert bool(path.stat().st_mode & stat.S_IXUSR) == script, name


# --- building


def event(text: str) -> dict[str, str]:
    return {"stream": text}


def test_a_build_reports_the_steps_that_take_time_and_ends_with_the_image() -> None:
    said: list[str] = []
    events: list[Mapping[str, Any]] = [
        event("Step 1/4 : ARG BASE\n"),
        event("Step 2/4 : FROM ${BASE}\n"),
        event(" ---> 0123\n"),
        event("Step 3/4 : RUN apt-get update;   apt-get install perl\n"),
        event("Step 4/4 : COPY x /x\n"),
        {"aux": {"ID": "sha256:feed"}},
        event("Successfully built feed\n"),
    ]
    assert build.follow(events, "building", said.append) == "sha256:feed"
    assert said == ["3/4: RUN apt-get update; apt-get install perl", "4/4: COPY x /x"]


def test_a_failing_build_keeps_the_end_of_the_output_in_plain_text() -> None:
    events: list[Mapping[str, Any]] = [
        event("Step 1/1 : RUN false\n"),
        event("\x1b[91mE: Unable to locate package nosuch\n\x1b[0m"),
        {"error": "The command returned a non-zero code: 100", "errorDetail": {"code": 100}},
    ]
    with pytest.raises(ImageError) as raised:
        build.follow(events, "building it")
    assert raised.value.tried == "building it"
    assert raised.value.happened == (
        "The command returned a non-zero code: 100\n    E: Unable to locate package nosuch"
    )


def test_a_build_that_ends_without_an_image_has_failed() -> None:
    with pytest.raises(ImageError, match="the engine ended the build without an image"):
        build.follow([], "building it")


def test_an_interrupted_lab_leaves_the_build() -> None:
    with pytest.raises(build.Cancelled):
        build.follow([event("x")], "building it", ignore, lambda: True)


def test_the_machines_proxies_reach_the_build_and_nothing_else_does() -> None:
    environment = {"HTTPS_PROXY": "http://p:1", "no_proxy": "mirror", "AWS_SECRET_KEY": "x"}
    assert build.build_arguments(environment, "http://apt:3142", BASE="b") == {
        "BASE": "b",
        "http_proxy": "http://apt:3142",
        "https_proxy": "http://p:1",
        "no_proxy": "mirror",
    }


def test_apts_proxy_does_not_replace_the_environments() -> None:
    arguments = build.build_arguments({"http_proxy": "http://own:1"}, "http://apt:3142")
    assert arguments == {"http_proxy": "http://own:1"}


# --- measuring


# --- bootstrapping


TARGETS = """\
Debian bookworm-updates main http://mirror.test/debian/
Debian bookworm main http://mirror.test/debian/
Debian bookworm-security main http://mirror.test/debian-security/
other nodistro main https://other.test/x/
"""


@pytest.mark.parametrize(
    ("listed", "codename", "expected"),
    [
        (TARGETS, "bookworm", "http://mirror.test/debian"),
        (TARGETS, "trixie", None),
        ("", "bookworm", None),
    ],
)
def test_the_machines_own_mirror_is_used(
    monkeypatch: pytest.MonkeyPatch, listed: str, codename: str, expected: str | None
) -> None:
    system = {"ID": "debian", "VERSION_CODENAME": codename}
    done = subprocess.CompletedProcess([], 0, listed, "")
    monkeypatch.setattr(machine, "program", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(machine, "os_release", lambda: system)
    monkeypatch.setattr(machine, "run", lambda *_, **__: done)
    assert sources.mirror({}) == expected


def test_a_named_mirror_wins() -> None:
    assert sources.mirror({"LAB_DEBIAN_MIRROR": "http://m.test/d"}) == "http://m.test/d"


def test_where_no_mirror_is_known_mmdebstrap_takes_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # given a machine that is no Debian
    monkeypatch.setattr("lab.host.machine.program", lambda name: None)
    # then no mirror is known, and none is on the command line
    assert sources.mirror({}) is None
    argv = sources.mmdebstrap_command(
        "mmdebstrap", Bootstrap(suite="trixie"), None, tmp_path / "x.tar"
    )
    assert argv[-2:] == ["trixie", str(tmp_path / "x.tar")]


def test_the_root_file_system_is_small_and_for_amd64() -> None:
    system = Bootstrap(suite="bookworm", include=("usr-is-merged",))
    argv = sources.mmdebstrap_command("mmdebstrap", system, "http://m.test/d", Path("/t/x.tar"))
    assert argv[-3:] == ["bookworm", "/t/x.tar", "http://m.test/d"]
    assert {"--variant=minbase", "--architectures=amd64"} <= set(argv)
    assert "--dpkgopt=path-include=/usr/share/doc/*/copyright" in argv
    assert any("merged-usr" in argument for argument in argv)


@pytest.mark.parametrize("tool", [sources.MMDEBSTRAP, sources.NPM], ids=lambda tool: tool.program)
@pytest.mark.parametrize(
    ("apt", "is_root", "complaint"),
    [
        (None, True, "is not installed, and this is "),
        ("/usr/bin/apt-get", False, "this user may not install packages"),
    ],
)
def test_a_machine_that_cannot_have_a_tool_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
    tool: sources.Tool,
    apt: str | None,
    is_root: bool,
    complaint: str,
) -> None:
    monkeypatch.setattr(machine, "program", lambda name: apt if name == "apt-get" else None)
    monkeypatch.setattr(machine, "is_root", lambda: is_root)
    with pytest.raises(ImageError, match=complaint) as raised:
        sources.tool_path(tool, ignore, by_hand="by hand")
    assert raised.value.problem == "no-tool"
    assert f"apt-get install {tool.program}" in raised.value.advice[0]
    assert raised.value.advice[1] == "by hand"


@pytest.mark.parametrize("tool", [sources.MMDEBSTRAP, sources.NPM], ids=lambda tool: tool.program)
def test_a_tool_is_installed_once_where_that_is_possible(
    monkeypatch: pytest.MonkeyPatch, tool: sources.Tool
) -> None:
    there: list[str] = ["apt-get"]
    commands: list[Sequence[str]] = []

    def run(argv: Sequence[str], **_: object) -> None:
        commands.append(argv)
        if "install" in argv:
            there.append(tool.program)

    monkeypatch.setattr(machine, "program", lambda name: f"/{name}" if name in there else None)
    monkeypatch.setattr(machine, "is_root", lambda: True)
    monkeypatch.setattr(machine, "run", run)
    assert sources.tool_path(tool, ignore) == f"/{tool.program}"
    assert sources.tool_path(tool, ignore) == f"/{tool.program}"
    assert len(commands) == 1
    assert tuple(commands[0][-len(tool.packages) :]) == tool.packages


def test_a_tool_that_cannot_be_installed_says_what_apt_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(argv: Sequence[str], **_: object) -> None:
        raise machine.CommandError(argv, "ended with status 100", "E: Unable to locate package")

    monkeypatch.setattr(machine, "program", lambda name: "/a" if name == "apt-get" else None)
    monkeypatch.setattr(machine, "is_root", lambda: True)
    monkeypatch.setattr(machine, "run", run)
    with pytest.raises(ImageError, match="Unable to locate package"):
        sources.tool_path(sources.NPM, ignore)


@pytest.mark.parametrize(
    ("output", "problem"),
    [
        ("E: cannot write: No space left on device", "no-space"),
        ("E: Unable to connect to mirror", "bootstrap"),
    ],
)
def test_a_failed_bootstrap_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, output: str, problem: str
) -> None:
    def stream(argv: Sequence[str], *, on_line: Callable[[str], None], **_: object) -> None:
        on_line("I: running apt-get update...")
        raise machine.CommandError(argv, "ended with status 25", output)

    said: list[str] = []
    monkeypatch.setattr(machine, "program", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(machine, "run", stream)
    monkeypatch.setattr(sources, "mirror", lambda _environment: "http://m.test/d")
    with pytest.raises(ImageError) as raised:
        sources.bootstrap(Bootstrap(suite="trixie"), tmp_path / "x.tar", said.append)
    assert raised.value.problem == problem
    assert said[-1] == "bootstrapping trixie: running apt-get update"


# --- the registry's answers


@pytest.mark.parametrize(
    ("text", "unreachable"),
    [
        ('Get "https://r/v2/": dial tcp: lookup r on 10.0.0.53:53: no such host', True),
        ("net/http: request canceled (Client.Timeout exceeded while awaiting headers)", True),
        ("the registry did not answer within 15 s", True),
        ("net/http: TLS handshake timeout", True),
        ("manifest for centos:7 not found: manifest unknown", False),
        ("pull access denied for x, repository does not exist", False),
        ("toomanyrequests: You have reached your pull rate limit", False),
    ],
)
def test_a_registry_that_is_not_there_differs_from_an_image_that_is_not(
    text: str, unreachable: bool
) -> None:
    assert is_unreachable(text) is unreachable


# --- provenance


def provenance(**changes: object) -> Provenance:
    fields: dict[str, object] = {
        "image": "rocky9",
        "source": "packages",
        "stand_in": True,
        "os": "Debian GNU/Linux 12 (bookworm)",
        "tls_library": "OpenSSL 3.5.1",
        "real": ("the TLS library",),
        "not_real": ("the rest",),
        "recipe": "0123456789ab",
        "built_at": datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
    }
    return Provenance.model_validate({**fields, **changes})


def test_provenance_survives_its_label_and_learns_the_images_id() -> None:
    written = provenance()
    read = Provenance.read(written.label(), image_id="sha256:feed")
    assert read == written.model_copy(update={"id": "sha256:feed"})
    assert "id" not in json.loads(written.label())


def test_a_stand_in_is_never_summed_up_without_saying_so() -> None:
    assert "stand-in on Debian GNU/Linux 12" in summary(provenance())
    assert "stand-in" not in summary(provenance(stand_in=False, os="Rocky Linux 9.6"))


# --- errors, locks, progress, archives


@pytest.mark.parametrize(
    ("failed", "expected"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (OSError(errno.EACCES, "x"), False),
        ("write /var/lib/docker/tmp/x: no space left on device", True),
        ("dd: error writing '/x': No space left on device", True),
        ("manifest unknown", False),
    ],
)
def test_a_full_disk_is_recognised(failed: OSError | str, expected: bool) -> None:
    assert is_no_space(failed) is expected


def test_a_full_disk_is_said_with_the_place_the_free_space_and_what_to_remove(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(machine, "free_bytes", lambda _: 12 << 20)
    said = "step 1\nno space left on device\nand so on"
    text = str(no_space("building rocky9", said, Path("/var/lib/docker")))
    assert (
        "the disk is full below /var/lib/docker (13 MB free there): no space left on device\n"
        in text
    )
    assert "docker system df" in text
    assert "lab images prune" in text


@pytest.mark.parametrize(
    ("size", "text"), [(7_869, "8 kB"), (46_513_127, "47 MB"), (2_000_000_000, "2.0 GB")]
)
def test_sizes_are_readable(size: int, text: str) -> None:
    assert megabytes(size) == text


def test_progress_says_what_happens_and_when() -> None:
    stream = io.StringIO()
    times = iter([100.0, 112.34, 113.0, 114.0])
    progress = Printed(stream, clock=lambda: next(times))
    progress.step("rocky9", "building the stand-in (3/5: RUN true)")
    progress.done("rocky9", 12.3)
    progress.failed("dns", "no space\nmore")
    assert stream.getvalue().splitlines() == [
        "[ 12.3 s] rocky9: building the stand-in (3/5: RUN true)",
        "[ 13.0 s] rocky9: ready after 12.3 s",
        "[ 14.0 s] dns: failed: no space",
    ]


def saved(path: Path, *tags: str) -> Path:
    with tarfile.open(path, "w") as tar:
        data = json.dumps([{"RepoTags": [tag]} for tag in tags]).encode()
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return path


def test_an_archive_names_its_images(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.tar", "tls-lab/dns:1", "tls-lab/rocky9:2")
    assert archive.contents(path) == ("tls-lab/dns:1", "tls-lab/rocky9:2")


def test_an_archive_with_foreign_images_is_not_loaded(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=re.escape("it holds evil/x:1")):
        archive.contents(saved(tmp_path / "x.tar", "tls-lab/dns:1", "evil/x:1"))


@pytest.mark.parametrize("content", [b"", b"no archive", b"\0" * 10240])
def test_a_file_that_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(ImageError, match="not a complete archive"):
        archive.contents(tmp_path / "x.tar")


def test_an_archive_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.tar", "tls-lab/dns:1")
    os.truncate(path, 520)
    with pytest.raises(ImageError, match="not a complete archive"):
        archive.contents(path)
