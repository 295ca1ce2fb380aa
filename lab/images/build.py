"""Builds by the engine, with visible progress: from a build context, or one layer of labels."""

from __future__ import annotations

import io
import os
import re
import tarfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import docker
from docker.errors import ImageNotFound

from lab import machine
from lab.images import transfer
from lab.images.errors import IMPORT_ADVICE, ImageError, Problem
from lab.images.provenance import LABEL_IMAGE
from lab.images.registry import PLATFORM

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
        for event in transfer.upload(
            engine, "/images/create", {"fromSrc": "-", "changes": changes}, body
        ):
            transcript.take(event)
            if str(event.get("status", "")).startswith("sha256:"):
                transcript.image = event["status"]
    return _image(transcript, f"importing {root_file_system.name}")
