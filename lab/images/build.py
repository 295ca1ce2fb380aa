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
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

import docker
import requests
from docker.errors import ImageNotFound, NotFound, create_api_error_from_http_exception

from lab.host import machine
from lab.images.errors import IMPORT_ADVICE, ImageError, Problem
from lab.images.provenance import LABEL_IMAGE
from lab.images.recipe import Artifact, Candidate, Measure, context_files, executable
from lab.images.sources import PLATFORM

#: Seconds without a byte from the engine.
TRANSFER_S = 300


@contextmanager
def download(
    engine: docker.DockerClient, path: str, params: Mapping[str, Any]
) -> Iterator[requests.Response]:
    """The engine's answer to a GET of ``path``, to be read in chunks.

    Raises:
        docker.errors.APIError: the engine refused.
    """
    url = f"{engine.api.base_url}/v{engine.api.api_version}{path}"
    with engine.api.get(url, params=dict(params), stream=True, timeout=TRANSFER_S) as response:
        _check(response)
        yield response


def upload(
    engine: docker.DockerClient, path: str, params: Mapping[str, Any], body: IO[bytes]
) -> Iterator[Mapping[str, Any]]:
    """POST a file to ``path``; the events that the engine answers with.

    Raises:
        docker.errors.APIError: the engine refused.
    """
    url = f"{engine.api.base_url}/v{engine.api.api_version}{path}"
    with engine.api.post(
        url,
        params=dict(params),
        data=body,
        headers={"Content-Type": "application/x-tar"},
        stream=True,
        timeout=TRANSFER_S,
    ) as response:
        _check(response)
        for line in response.iter_lines():
            if line.strip():
                yield json.loads(line)


def _check(response: requests.Response) -> None:
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        create_api_error_from_http_exception(error)  # raises


ARTIFACTS = PurePosixPath("artifacts")


@dataclass(frozen=True)
class Member:
    """A regular file inside a package."""

    name: str
    executable: bool
    data: bytes


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
        for name, path in context_files(candidate.recipe.directory, candidate.variant).items():
            _add(archive, name, path.read_bytes(), executable=executable(path))
        for artifact in candidate.variant.artifacts:
            for place, member in selected(artifact, packages[artifact.file]):
                _add(archive, str(place), member.data, executable=member.executable)


def _add(archive: tarfile.TarFile, name: str, data: bytes, *, executable: bool) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    entry.mode = 0o755 if executable else 0o644
    archive.addfile(entry, io.BytesIO(data))


def selected(artifact: Artifact, package: Path) -> Iterator[tuple[PurePosixPath, Member]]:
    """The members that the recipe takes from a package, each with its place in the context.

    Raises:
        ImageError: nothing in the package matches one of the recipe's keys.
    """
    unmatched = set(artifact.members)
    for member in members(package):
        for key, place in artifact.members.items():
            relative = match(key, member.name)
            if relative is None:
                continue
            unmatched.discard(key)
            yield destination(place, relative), member
            break
    if unmatched:
        raise ImageError(
            Problem.DOWNLOAD,
            tried=f"taking files from {artifact.file}",
            happened=f"there is no {', no '.join(sorted(unmatched))} in it",
            advice=["correct the members in the image's recipe"],
        )


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


def destination(place: str, relative: str) -> PurePosixPath:
    """Where a member goes in the context: below ``place``, or exactly there.

    Raises:
        ImageError: the path would leave the context.
    """
    path = ARTIFACTS / place / relative if relative else ARTIFACTS / place
    if ".." in path.parts or path.parts[0] != str(ARTIFACTS):
        raise ImageError(
            Problem.DOWNLOAD,
            tried="filling the build context",
            happened=f"{path} lies outside of it",
            advice=["do not use the package that has such a member"],
        )
    return path


def members(package: Path) -> Iterator[Member]:
    """The regular files of a wheel (zip) or of a tar archive, whatever its compression.

    Raises:
        ImageError: it is neither.
    """
    try:
        if zipfile.is_zipfile(package):
            yield from _zip_members(package)
        else:
            yield from _tar_members(package)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise ImageError(
            Problem.DOWNLOAD,
            tried=f"opening {package}",
            happened=str(error),
            advice=[f"remove {package}; the next run downloads it again"],
        ) from error


def _zip_members(package: Path) -> Iterator[Member]:
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                mode = entry.external_attr >> 16
                yield Member(entry.filename, bool(mode & 0o100), archive.read(entry))


def _tar_members(package: Path) -> Iterator[Member]:
    with tarfile.open(package) as archive:
        for entry in archive:
            if entry.isreg():
                stream = archive.extractfile(entry)
                assert stream is not None  # a regular file has content
                yield Member(entry.name, bool(entry.mode & 0o100), stream.read())


#: Seconds without a line of output after which a build is given up.
SILENCE_S = 600
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


@dataclass
class Transcript:
    """What the engine has said so far about a build."""

    image: str | None = None
    error: str | None = None
    lines: list[str] = field(default_factory=list)

    def take(self, event: Mapping[str, Any]) -> str | None:
        """Note one event; the text of a step when a new one begins, as ``3/5: RUN ...``."""
        if "error" in event:
            self.error = str(event["error"]).strip()
            return None
        if "aux" in event and "ID" in event["aux"]:
            self.image = str(event["aux"]["ID"])
            return None
        text = str(event.get("stream", ""))
        if built := BUILT.match(text):
            self.image = self.image or built[1]
        step = STEP.match(text)
        if step is None:
            self.lines += [line for line in plain(text).splitlines() if line.strip()]
            return None
        number, total, instruction = step.groups()
        words = " ".join(instruction.split())
        if words.startswith(QUICK):
            return None
        shown = words if len(words) <= STEP_TEXT else f"{words[:STEP_TEXT]}..."
        return f"{number}/{total}: {shown}"

    def tail(self) -> str:
        """The end of the output, which says why a step failed."""
        return "\n".join(self.lines[-TAIL_LINES:])


def plain(text: str) -> str:
    """The text without the escape sequences that the engine colours the error stream with."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def follow(
    events: Iterable[Mapping[str, Any]],
    report: Callable[[str], None],
    *,
    cancelled: Callable[[], bool],
) -> Transcript:
    """Read a build's events to the end, reporting every step.

    Raises:
        Cancelled: ``cancelled()`` became true; leaving the stream makes the engine stop the build.
    """
    transcript = Transcript()
    for event in events:
        if cancelled():
            raise Cancelled
        step = transcript.take(event)
        if step is not None:
            report(step)
    return transcript


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
    apt_config = machine.program("apt-config")
    if apt_config is None:
        return None
    try:
        dump = machine.run(
            [apt_config, "dump", "--format", "%v%n", "Acquire::http::Proxy"], timeout_s=20
        )
    except machine.CommandError:
        return None
    value = dump.stdout.strip()
    return value if value and value != "DIRECT" else None


def build(
    engine: docker.DockerClient,
    context: IO[bytes],
    *,
    dockerfile: str,
    base: str,
    recipe: str,
    tried: str,
    report: Callable[[str], None],
    cancelled: Callable[[], bool],
) -> str:
    """Build a context and return the id of the image, which has no tag.

    Steps run in the host's network: an engine without a usable bridge, which is common on build
    machines, can then still reach the package mirrors.

    Raises:
        ImageError: a step failed.
        Cancelled: the lab is being interrupted.
    """
    events = engine.api.build(
        fileobj=context,
        custom_context=True,
        dockerfile=dockerfile,
        buildargs=build_arguments(os.environ, apt_proxy(), BASE=base, RECIPE=recipe),
        network_mode="host",
        platform=PLATFORM,
        rm=True,
        forcerm=True,
        decode=True,
        timeout=SILENCE_S,
        use_config_proxy=True,
    )
    return _image(follow(events, report, cancelled=cancelled), tried)


def remove_stages(engine: docker.DockerClient, recipe: str) -> None:
    """Remove the build stages of a finished image: compilers and sources, larger than the image.

    A stage is found by the label that its Dockerfile gives it, so no other build's is touched.
    """
    filters: dict[str, str | list[str] | bool] = {
        "dangling": True,
        "label": f"{LABEL_STAGE}={recipe}",
    }
    for image in engine.images.list(filters=filters):
        try:
            engine.images.remove(str(image.id))
        except ImageNotFound:
            continue  # it was the parent of one that has just been removed


def label(engine: docker.DockerClient, image: str, tag: str, labels: Mapping[str, str]) -> str:
    """Put labels on an image as its last layer and give it its final name; return the new id.

    The name appears with the finished image, so there is never a half image under it.

    Raises:
        ImageError: the engine refused.
    """
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w") as archive:
        content = f"FROM {image}\n".encode()
        entry = tarfile.TarInfo("Dockerfile")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    context.seek(0)
    events = engine.api.build(
        fileobj=context,
        custom_context=True,
        tag=tag,
        labels=dict(labels),
        rm=True,
        forcerm=True,
        decode=True,
        timeout=SILENCE_S,
    )
    transcript = follow(events, lambda _: None, cancelled=lambda: False)
    return _image(transcript, f"labelling {tag}")


def _image(transcript: Transcript, tried: str) -> str:
    if transcript.error is None and transcript.image is not None:
        return transcript.image
    happened = transcript.error or "the engine ended the build without an image"
    tail = transcript.tail()
    if tail:
        happened += "\n" + "\n".join(f"    {line}" for line in tail.splitlines())
    raise ImageError(
        Problem.BUILD,
        tried=tried,
        happened=happened,
        advice=[
            "see the end of the output above; the next run goes on from the step that failed",
            "when a mirror cannot be reached: give the engine's builds a route (http_proxy and "
            "https_proxy are passed on)",
            IMPORT_ADVICE,
        ],
    )


def import_root(engine: docker.DockerClient, root_file_system: Path) -> str:
    """Make an image of a root file system in a tar archive; return its id. It has no tag.

    Raises:
        ImageError: the engine refused.
    """
    changes = ['CMD ["/bin/bash"]', f"LABEL {LABEL_IMAGE}=base"]
    transcript = Transcript()
    with root_file_system.open("rb") as body:
        for event in upload(engine, "/images/create", {"fromSrc": "-", "changes": changes}, body):
            transcript.take(event)
            if str(event.get("status", "")).startswith("sha256:"):
                transcript.image = event["status"]
    return _image(transcript, f"importing {root_file_system.name}")


LABEL_MEASURES = "test.lab.measures"
TIMEOUT_S = 60
POLICIES = ("DEFAULT", "LEGACY", "FUTURE", "FIPS")


def measuring_script(measure: Measure) -> str:
    """A shell script that prints the facts as ``kind TAB name TAB value`` lines.

    A package that is not installed is left out; a command that fails makes the script fail, because
    a program that cannot even tell its version cannot be tested either.
    """
    lines = [
        "set -u",
        'say() { printf \'%s\\t%s\\t%s\\n\' "$1" "$2" "$3"; }',
        '. /etc/os-release; say os "" "$PRETTY_NAME"',
        "version() {",
        "  if command -v dpkg-query >/dev/null; then dpkg-query -W -f '${Version}' \"$1\"",
        "  else rpm -q --qf '%{VERSION}-%{RELEASE}' \"$1\"; fi 2>/dev/null",
        "}",
        'must() { [ -n "$2" ] || { say failed "$1" "$2"; exit 1; }; }',
        f"for name in {shlex.join(measure.packages)}; do",
        '  if value=$(version "$name") && [ -n "$value" ]; then say package "$name" "$value"; fi',
        "done",
        f"for name in {shlex.join(POLICIES)}; do",
        '  file="/usr/share/crypto-policies/$name/opensslcnf.txt"',
        '  if [ -f "$file" ]; then say policy "$name" ""; fi',
        "done",
    ]
    commands = {("package", name): command for name, command in measure.versions.items()}
    if measure.tls_library is not None:
        commands["tls", "library"] = measure.tls_library
    for (kind, name), command in commands.items():
        lines += [
            f"value=$({command}) || value=",
            f'must {shlex.quote(name)} "$value"',
            f'say {kind} {shlex.quote(name)} "$value"',
        ]
    return "\n".join(lines) + "\n"


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


def measure(
    engine: docker.DockerClient, image: str, wanted: Measure, *, tag: str
) -> dict[str, Any]:
    """Run the script in a throw-away container of ``image``.

    Args:
        engine: the engine.
        image: the image's id.
        wanted: what to ask.
        tag: for which final name, so that a container left by a killed run is found and removed.

    Raises:
        ImageError: a program in the image does not run.
    """
    _sweep(engine, tag)
    container = engine.containers.create(
        image,
        ["-c", measuring_script(wanted)],
        entrypoint=["/bin/sh"],
        network_mode="none",
        labels={LABEL_MEASURES: tag},
    )
    try:
        container.start()
        status = container.wait(timeout=TIMEOUT_S)["StatusCode"]
        output = container.logs(stdout=True, stderr=False).decode(errors="replace")
        complaints = container.logs(stdout=False, stderr=True).decode(errors="replace")
    finally:
        container.remove(force=True, v=True)
    if status != 0:
        raise ImageError(
            Problem.MEASURE,
            tried=f"asking the finished image {tag} for its versions",
            happened=f"status {status}: {output.strip()}\n{complaints.strip()}",
            advice=["correct the image's recipe: a program under test does not run in it"],
        )
    return read_facts(output)


def _sweep(engine: docker.DockerClient, tag: str) -> None:
    """Remove what a killed run left while it measured this tag; its lock must be held."""
    filters: dict[str, str | list[str] | bool] = {"label": f"{LABEL_MEASURES}={tag}"}
    for container in engine.containers.list(all=True, filters=filters):
        try:
            container.remove(force=True, v=True)
        except NotFound:
            continue
