"""The images of the programs that are recorded: one for each release, made when a recording needs it.

Its name is a hash of what goes into it, so that a second recording finds it; no other command of the lab
makes one.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from docker import DockerClient

from lab.host.checkout import root, state_directory
from lab.images.build import (
    ARTIFACTS,
    SILENCE_S,
    apt_proxy,
    build_arguments,
    follow,
    import_root,
    selected,
)
from lab.images.errors import Printed
from lab.images.recipe import Artifact, Bootstrap
from lab.images.sources import PLATFORM, Cache, bootstrap
from lab.images.store import ImageStore
from tests.explain.texts import table

#: The lab's own image with Python, cryptography and pyftpdlib, for the peers.
PEER = "pyftpdlib"
REPOSITORY = "tls-lab/explain"
_IMAGE = Path(__file__).parent / "image"


def peer_image(client: DockerClient) -> str:
    """The image that the peers run in: one of the lab's."""
    return ImageStore(client, state_directory(root()), progress=Printed()).ensure([PEER])[PEER].tag


def ensure(client: DockerClient, release: str) -> str:
    """The image with the programs of a release, made if it is missing."""
    releases = table("releases.toml")
    suite = releases["suites"][release]
    if newer := releases["on_top"].get(release):
        text = (_IMAGE / "on_top" / "Dockerfile").read_text(encoding="utf-8")
        below = ensure(client, newer["of"])
        if "packages" not in newer:
            return below
        artifacts = newer.get("artifact", [])
        arguments = {
            "SUITE": suite,
            "PACKAGES": " ".join(newer["packages"]),
            "LINKS": " ".join(f"{name}={path}" for name, path in newer["links"].items()),
        }
        what = [below, *arguments.values(), str(artifacts)]
        return _made(client, release, text, what, artifacts, lambda: below, arguments)
    text = (_IMAGE / "Dockerfile").read_text(encoding="utf-8")
    without = releases["without"].get(release, ())
    packages = [package for package in releases["packages"] if package not in without]
    servers, artifacts = releases["ftp_servers"], releases["artifact"]
    what = [suite, *packages, *servers, str(artifacts)]
    arguments = {"PACKAGES": " ".join(packages), "FTP_SERVERS": " ".join(servers)}
    base = partial(_base, client, release, suite)
    return _made(client, release, text, what, artifacts, base, arguments)


def _made(
    client: DockerClient,
    release: str,
    dockerfile: str,
    what: Sequence[str],
    artifacts: list[Mapping[str, Any]],
    base: Callable[[], str],
    arguments: Mapping[str, str],
) -> str:
    """The image that is made of these, by a name that has a hash of what goes into it (``what``)."""
    of_it = hashlib.sha256("\n".join([dockerfile, *what]).encode()).hexdigest()
    tag = f"{REPOSITORY}:{release}-{of_it[:12]}"
    if any(tag in image.tags for image in client.images.list(REPOSITORY)):
        return tag
    events = client.api.build(
        fileobj=_context(dockerfile, artifacts), custom_context=True, dockerfile="Dockerfile", tag=tag,
        buildargs=build_arguments(os.environ, apt_proxy(), BASE=base(), **arguments),
        network_mode="host", platform=PLATFORM, use_config_proxy=True, rm=True, forcerm=True,
        decode=True, timeout=SILENCE_S,
    )  # fmt: skip
    follow(events, f"building {tag}", partial(Printed().step, f"explain {release}"))
    return tag


def _base(client: DockerClient, release: str, suite: str) -> str:
    """A release's base image: the lab's own where it has one, else bootstrapped in the same way."""
    store = ImageStore(client, state_directory(root()), progress=Printed())
    if release in store.recipes:
        return store.ensure([release])[release].tag
    tag = f"{REPOSITORY}-base:{release}"
    if not any(tag in image.tags for image in client.images.list(f"{REPOSITORY}-base")):
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder, f"{release}.tar")
            # Of a release that has ended nobody renews the index; its signature is checked all the same.
            bootstrap(
                Bootstrap(suite=suite, expired_index=True),
                archive,
                partial(Printed().step, release),
            )
            client.images.get(import_root(client, archive)).tag(tag)
    return tag


def _context(dockerfile: str, artifacts: list[Mapping[str, Any]]) -> io.BytesIO:
    cache = Cache(state_directory(root()) / "cache")
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        folder = tarfile.TarInfo(str(ARTIFACTS))
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(folder)
        members = [("Dockerfile", False, dockerfile.encode())]
        for value in artifacts:
            artifact = Artifact.model_validate(value)
            members += selected(artifact, cache.fetch(artifact, partial(Printed().step, "explain")))
        for name, may_run, data in members:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o755 if may_run else 0o644
            archive.addfile(entry, io.BytesIO(data))
    stream.seek(0)
    return stream
