"""What the engine does to make an image: builds with visible progress, labels, imports, measurements.

The build context holds the files of the recipe that the variant names and, below ``artifacts/``, exactly the
members of the pinned packages that the recipe takes from them. Order, owner, mode and time are fixed, so the
same inputs give the same bytes and the engine's build cache can be used. What is really in the finished image
is asked of the image itself, by running it once without a network.
"""

from __future__ import annotations

import fnmatch
import io
import json
import os
import re
import shlex
import tarfile
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import IO, Any

import docker
from docker.errors import ContainerError
from docker.types import LogConfig

from lab.host import machine
from lab.host.machine import Say
from lab.images.errors import ImageError
from lab.images.provenance import LABEL_IMAGE
from lab.images.recipe import Artifact, Candidate, Measure, context_files, executable
from lab.images.sources import PLATFORM

# -- the build context ---------------------------------------------------------------------------------

ARTIFACTS = PurePosixPath("artifacts")
#: A regular file: its name, whether it may be executed, its content.
Member = tuple[str, bool, bytes]


def write_context(stream: IO[bytes], candidate: Candidate, packages: Mapping[str, Path]) -> None:
    """Write the build context of a candidate as a tar archive.

    Args:
        stream: where to, open for writing.
        candidate: the image.
        packages: the fetched package by its file name.

    Raises:
        ImageError: a package lacks a member that the recipe takes from it.
    """
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        files = context_files(candidate.recipe.directory, candidate.variant)
        of_recipe = ((name, executable(path), path.read_bytes()) for name, path in files.items())
        taken = (selected(one, packages[one.file]) for one in candidate.variant.artifacts)
        for name, may_run, data in chain(of_recipe, chain.from_iterable(taken)):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755 if may_run else 0o644
            archive.addfile(entry, io.BytesIO(data))


def selected(artifact: Artifact, package: Path) -> Iterator[Member]:
    """The members that the recipe takes from a package, each by its place in the context.

    Raises:
        ImageError: nothing in the package matches one of the recipe's keys.
    """
    unmatched = set(artifact.members)
    for name, may_run, data in members(package):
        for key, place in artifact.members.items():
            relative = match(key, name)
            if relative is not None:
                unmatched.discard(key)
                yield destination(place, relative), may_run, data
                break
    if unmatched:
        missing = ", no ".join(sorted(unmatched))
        raise ImageError("no-member", file=artifact.file, members=missing)


def match(key: str, name: str) -> str | None:
    """The part of ``name`` that is kept when ``key`` selects it, else None.

    >>> match("package/lib/", "package/lib/a/b.so")
    'a/b.so'
    >>> match("lib/*.so", "lib/b.so")
    'b.so'
    >>> match("PKG-INFO", "PKG-INFO")
    ''
    """
    if key == "" or key.endswith("/"):
        return name.removeprefix(key) if name.startswith(key) else None
    if name == key:
        return ""
    return PurePosixPath(name).name if fnmatch.fnmatchcase(name, key) else None


def destination(place: str, relative: str) -> str:
    """Where a member goes in the context: below ``place``, or exactly there.

    Raises:
        ImageError: the path would leave the context.
    """
    path = ARTIFACTS / place / relative if relative else ARTIFACTS / place
    if ".." in path.parts or path.parts[0] != str(ARTIFACTS):
        raise ImageError("outside", path=path)
    return str(path)


def members(package: Path) -> Iterator[Member]:
    """The regular files of a wheel (zip) or of a tar archive, whatever its compression.

    Raises:
        ImageError: it is neither.
    """
    try:
        if zipfile.is_zipfile(package):
            with zipfile.ZipFile(package) as wheel:
                for info in wheel.infolist():
                    if not info.is_dir():
                        may_run = bool(info.external_attr >> 16 & 0o100)
                        yield info.filename, may_run, wheel.read(info)
            return
        with tarfile.open(package) as archive:
            for entry in archive:
                content = archive.extractfile(entry) if entry.isreg() else None
                if content is not None:
                    yield entry.name, bool(entry.mode & 0o100), content.read()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise ImageError("no-package", path=package, happened=error) from error


# -- building ------------------------------------------------------------------------------------------

#: Seconds without a line of output after which a build is given up.
SILENCE_S = 600
#: No container is left, and events are read as they come.
_ALWAYS: dict[str, Any] = {"rm": True, "forcerm": True, "decode": True, "timeout": SILENCE_S}
STEP = re.compile(r"^Step (\d+)/(\d+) : (.*)", re.S)
BUILT = re.compile(r"^Successfully built ([0-9a-f]+)")
STEP_TEXT = 90
#: Instructions that take no time are not worth a line.
QUICK = ("ARG", "CMD", "ENTRYPOINT", "ENV", "FROM", "LABEL", "SHELL", "WORKDIR")
TAIL_LINES = 25
LABEL_STAGE = "test.lab.stage"
PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")


class Cancelled(Exception):
    """The build was given up because the lab is being interrupted."""


def follow(
    events: Iterable[Mapping[str, Any]],
    tried: str,
    report: Say = lambda _: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> str:
    """Read a build's events to the end, reporting every step that takes time; the id of the image.

    Raises:
        ImageError: a step failed; the message holds the end of the output in plain text.
        Cancelled: ``cancelled()`` became true; leaving the stream makes the engine stop the build.
    """
    image, error = "", ""
    lines: list[str] = []
    for event in events:
        if cancelled():
            raise Cancelled
        if "error" in event:
            error = str(event["error"]).strip()
            continue  # to the end: the connection can be used again
        # Without the escape sequences that the engine colours the error stream with.
        text = re.sub(r"\x1b\[[0-9;]*m", "", str(event.get("stream", "")))
        if built := BUILT.match(text):
            image = image or built[1]
        image = str(event.get("aux", {}).get("ID", image))
        step = STEP.match(text)
        words = " ".join(step[3].split()) if step else ""
        if step and not words.startswith(QUICK):
            shown = words if len(words) <= STEP_TEXT else f"{words[:STEP_TEXT]}..."
            report(f"{step[1]}/{step[2]}: {shown}")
        elif not step:
            lines += [line for line in text.splitlines() if line.strip()]
    if image and not error:
        return image
    said = [f"    {line}" for line in lines[-TAIL_LINES:]]
    happened = error or "the engine ended the build without an image"
    raise ImageError("build", tried=tried, happened="\n".join([happened, *said]))


def build_arguments(
    environment: Mapping[str, str], apt_proxy: str | None, **arguments: str
) -> dict[str, str]:
    """The arguments of a build: its own, and this machine's proxies so that mirrors are reached.

    The engine knows the proxies' names: they stay out of the image and of the build cache's key.
    """
    proxies = {name: environment.get(name) or environment.get(name.upper(), "") for name in PROXIES}
    if apt_proxy and not proxies["http_proxy"]:
        proxies["http_proxy"] = apt_proxy
    return {**arguments, **{name: value for name, value in proxies.items() if value}}


def apt_proxy() -> str | None:
    """The proxy that this machine's apt is configured to use for its mirror, if any."""
    query = ["apt-config", "dump", "--format", "%v%n", "Acquire::http::Proxy"]
    try:
        value = machine.run(query, timeout_s=20).stdout.strip()
    except machine.CommandError:
        return None
    return value if value and value != "DIRECT" else None


def build(
    engine: docker.DockerClient,
    candidate: Candidate,
    base: str,
    context: IO[bytes],
    report: Say,
    cancelled: Callable[[], bool],
) -> str:
    """Build a candidate's context and return the id of the image, which has no tag.

    Steps run in the host's network: an engine without a usable bridge, which is common on build
    machines, can then still reach the package mirrors.

    Raises:
        ImageError: a step failed.
        Cancelled: the lab is being interrupted.
    """
    what = "the stand-in" if candidate.variant.stand_in else "the image"
    events = engine.api.build(
        fileobj=context,
        custom_context=True,
        dockerfile=candidate.variant.dockerfile,
        buildargs=build_arguments(os.environ, apt_proxy(), BASE=base, RECIPE=candidate.digest),
        network_mode="host",
        platform=PLATFORM,
        use_config_proxy=True,
        **_ALWAYS,
    )
    tried = f"building {what} {candidate.name} from the {candidate.source}"
    return follow(events, tried, lambda step: report(f"building {what} ({step})"), cancelled)


def remove_stages(engine: docker.DockerClient, recipe: str) -> None:
    """Remove the build stages of a finished image: compilers and sources, larger than the image.

    A stage is found by the label that its Dockerfile gives it, so no other build's is touched.
    """
    engine.images.prune(filters={"dangling": True, "label": f"{LABEL_STAGE}={recipe}"})


def label(engine: docker.DockerClient, image: str, tag: str, labels: Mapping[str, str]) -> None:
    """Put labels on an image as its last layer and give it its final name.

    The name appears with the finished image, so there is never a half image under it.

    Raises:
        ImageError: the engine refused.
    """
    recipe = io.BytesIO(f"FROM {image}\n".encode())
    events = engine.api.build(fileobj=recipe, tag=tag, labels=dict(labels), **_ALWAYS)
    follow(events, f"labelling {tag}")


def import_root(engine: docker.DockerClient, root_file_system: Path) -> str:
    """Make an image of a root file system in a tar archive; return its id. It has no tag.

    Raises:
        ImageError: the engine refused.
    """
    changes = ['CMD ["/bin/bash"]', f"LABEL {LABEL_IMAGE}=base"]
    with root_file_system.open("rb") as body:
        chunks = iter(partial(body.read, 1 << 20), b"")
        said = engine.api.import_image_from_stream(chunks, changes=changes)
    events = [json.loads(line) for line in said.splitlines() if line.strip()]
    ids = [{"aux": {"ID": event["status"]}} for event in events if "status" in event]
    return follow([*ids, *events], f"importing {root_file_system.name}")


# -- measuring -----------------------------------------------------------------------------------------

SCRIPT = Path(__file__).with_name("measure.sh")
LABEL_MEASURES = "test.lab.measures"


def measuring_script(measure: Measure) -> str:
    """A shell script that prints the facts as ``kind TAB name TAB value`` lines.

    A package that is not installed is left out; a command that fails makes the script fail, because
    a program that cannot even tell its version cannot be tested either.
    """
    asked = [("package", name, command) for name, command in measure.versions.items()]
    if measure.tls_library is not None:
        asked.append(("tls", "library", measure.tls_library))
    calls = [("packages", *measure.packages), *(("must", *words) for words in asked)]
    return SCRIPT.read_text(encoding="utf-8") + "".join(f"{shlex.join(call)}\n" for call in calls)


def read_facts(output: str) -> dict[str, Any]:
    """The facts in what the script printed, by field of a provenance; other lines are ignored."""
    lines = [line.split("\t") for line in output.splitlines()]
    said = [(kind, name, value) for kind, name, value in (w for w in lines if len(w) == 3)]
    of = {kind: value for kind, _, value in said}
    return {
        "os": of.get("os", ""),
        "tls_library": of.get("tls"),
        "packages": {name: value for kind, name, value in said if kind == "package"},
        "crypto_policies": tuple(name for kind, name, _ in said if kind == "policy"),
    }


def measure(engine: docker.DockerClient, image: str, wanted: Measure, tag: str) -> dict[str, Any]:
    """Run the script in a throw-away container of ``image``.

    Args:
        engine: the engine.
        image: the image's id.
        wanted: what to ask.
        tag: for which final name, so that a container left by a killed run is found and removed.

    Raises:
        ImageError: a program in the image does not run.
    """
    mark = f"{LABEL_MEASURES}={tag}"
    engine.containers.prune(filters={"label": mark})
    try:
        output = engine.containers.run(
            image,
            ["-c", measuring_script(wanted)],
            entrypoint=["/bin/sh"],
            network_mode="none",
            labels={LABEL_MEASURES: tag},
            log_config=LogConfig(type=LogConfig.types.JSON),
            remove=True,
        )
    except ContainerError as error:
        said = error.stderr or b""
        text = said if isinstance(said, str) else said.decode(errors="replace")
        happened = f"status {error.exit_status}: {text.strip()}"
        raise ImageError("measure", tag=tag, happened=happened) from error
    return read_facts(output.decode(errors="replace"))
