"""Where the parts of an image come from: a registry, pinned packages, a Debian mirror.

The machine's own clients (the engine, ``npm pack``, ``pip download``, ``mmdebstrap`` with apt's mirror)
know how this machine reaches each; the lab does not have to. What a package client brings is used only
after its hash was compared with the recipe. Whether a registry answers is decided once a process and in
bounded time: a machine without a route to one must not wait for each image again.
"""

from __future__ import annotations

import glob
import hashlib
import os
import queue
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import docker
import requests
from docker.auth import resolve_repository_name
from docker.errors import DockerException
from filelock import FileLock

from lab.host import machine
from lab.host.machine import Say
from lab.images.errors import ImageError, is_no_space, megabytes, room
from lab.images.recipe import Artifact, Bootstrap

PLATFORM = "linux/amd64"
#: Seconds in which the engine must have said something about a pull.
PATIENCE_S = 15.0
#: Seconds of silence after which a pull that had begun is given up.
STALL_S = 120.0

UNREACHABLE = re.compile(
    r"no such host|server misbehaving|dial tcp|i/o timeout|connection refused|connection reset"
    r"|network is unreachable|no route to host|tls handshake timeout|client\.timeout|proxyconnect"
    r"|context deadline exceeded|temporary failure in name resolution|did not answer within",
    re.I,
)


@dataclass(frozen=True)
class Pulled:
    """An image that the registry gave."""

    id: str
    digest: str | None


def is_unreachable(text: str) -> bool:
    """Whether this failure concerns the whole registry rather than one image in it."""
    return UNREACHABLE.search(text) is not None


@dataclass(frozen=True)
class Registry:
    """Pulls images through the engine, which knows its mirrors, proxies and credentials."""

    engine: docker.DockerClient
    patience_s: float = PATIENCE_S
    _unreachable: dict[str, str] = field(default_factory=dict)
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def pull(self, reference: str, report: Say) -> Pulled:
        """Get ``reference`` for linux/amd64.

        Raises:
            ImageError: no registry answers in time, or it does not have or give the image.
        """
        # One at a time: the second must profit from the answer that the first one got.
        with self._asking:
            registry, _ = resolve_repository_name(reference)
            if registry in self._unreachable:
                happened = self._unreachable[registry]
                raise ImageError("not-pulled", reference=reference, happened=happened)
            report(f"asking {registry} for {reference}")
            try:
                last = ""
                for event in self._events(reference):
                    status = str(event.get("status", ""))
                    if status != last and status in {"Downloading", "Extracting"}:
                        report(f"{status.lower()} {reference}")
                    last = status or last
                image = self.engine.images.get(reference)
            except (DockerException, requests.RequestException) as error:
                said = str(getattr(error, "explanation", None) or error)
                happened = f"{registry}: {' '.join(said.split())}"
                if is_unreachable(happened):
                    self._unreachable[registry] = happened
                raise ImageError("not-pulled", reference=reference, happened=happened) from error
        digests = image.attrs.get("RepoDigests") or []
        return Pulled(str(image.id), digests[0] if digests else None)

    def _events(self, reference: str) -> Iterator[Mapping[str, Any]]:
        """The engine's progress events.

        The request runs in a thread of its own because the engine answers nothing at all while it
        tries to reach a registry, and it tries for minutes.

        Raises:
            docker.errors.DockerException: the registry refuses, or the engine falls silent.
        """
        events: queue.Queue[Mapping[str, Any] | Exception | None] = queue.Queue()
        pull = partial(self.engine.api.pull, stream=True, decode=True, platform=PLATFORM)

        def ask() -> None:
            end: Exception | None = None
            try:
                for event in pull(reference):
                    events.put(event)
            except (DockerException, requests.RequestException) as error:
                end = error
            events.put(end)

        threading.Thread(target=ask, name=f"pull {reference}", daemon=True).start()
        started, patience_s = time.monotonic(), self.patience_s
        while True:
            try:
                event = events.get(timeout=patience_s)
            except queue.Empty:
                waited = f"the registry did not answer within {time.monotonic() - started:.0f} s"
                raise DockerException(waited) from None
            if event is None:
                return
            if isinstance(event, Exception):
                raise event
            if "error" in event:
                raise DockerException(str(event["error"]))
            yield event
            patience_s = STALL_S


# -- programs of this machine --------------------------------------------------------------------------


_installing = threading.Lock()


@dataclass(frozen=True)
class Tool:
    """A program and the packages that bring it on Debian and Ubuntu."""

    program: str
    packages: tuple[str, ...]
    purpose: str

    @property
    def path(self) -> str | None:
        """Where it is on this machine, if it is there."""
        return machine.program(self.program)


_BASES = "which makes the Debian base images where no registry answers"
_LIBRARIES = "which fetches the libraries of the stand-ins where no registry answers"
MMDEBSTRAP = Tool("mmdebstrap", ("mmdebstrap", "debian-archive-keyring"), _BASES)
NPM = Tool("npm", ("npm",), _LIBRARIES)


def tool_path(tool: Tool, report: Say, *, by_hand: str = "") -> str:
    """The full path of a program, which is installed first if it is missing.

    Args:
        tool: the program.
        report: told when something takes time.
        by_hand: what the operator can do instead, beside what is true for every tool.

    Raises:
        ImageError: it is missing and cannot be installed from here.
    """
    # One at a time: apt-get locks, and two images need the same tool.
    with _installing:
        if (found := tool.path) is not None:
            return found
        happened = f"{tool.program} is not installed, and "
        if machine.program("apt-get") is None:
            happened += f"this is {machine.os_release()['PRETTY_NAME']}"
        elif not machine.is_root():
            happened += "this user may not install packages"
        else:
            report(f"installing {tool.program} on this machine, {tool.purpose}")
            try:
                # npm brings several hundred packages: they are not listed.
                machine.apt_install(tool.packages, lambda: tool.path is not None, lambda _: None)
                happened = "its package was installed, the program is still not there"
            except machine.CommandError as error:
                happened = str(error)
            if (found := tool.path) is not None:
                return found
    packages = " ".join(tool.packages)
    raise ImageError("no-tool", tool=tool, packages=packages, by_hand=by_hand, happened=happened)


# -- pinned packages -----------------------------------------------------------------------------------

DOWNLOAD_TIMEOUT_S = 900.0
ATTEMPTS = 3


@dataclass(frozen=True)
class Cache:
    """The downloaded packages of a checkout, below ``.lab/cache``.

    A package is complete or absent: it is downloaded into a directory of its own, checked and then
    moved into place, so an interrupted run leaves nothing that a later run could take for whole.
    """

    directory: Path

    def fetch(self, artifact: Artifact, report: Say) -> Path:
        """The checked package, from the cache or through its client.

        Args:
            artifact: what to fetch.
            report: told what happens, when something takes time.

        Raises:
            ImageError: no client, a failed download, another hash, a full disk.
        """
        target = self.directory / artifact.file
        try:
            with room(f"downloading {artifact.title}", self.directory):
                self.directory.mkdir(parents=True, exist_ok=True)
                with FileLock(self.directory / f".{artifact.file}.lock"):
                    if not target.is_file() or sha256(target) != artifact.sha256:
                        self._fetch(artifact, report)
        except OSError as error:
            title, place = artifact.title, self.directory
            raise ImageError("cache", title=title, place=place, happened=error) from error
        return target

    def _fetch(self, artifact: Artifact, report: Say) -> None:
        report(f"downloading {artifact.title} ({megabytes(artifact.size)}, {artifact.client})")
        prefix = f".partial-{artifact.file}-"
        for left in self.directory.glob(f"{glob.escape(prefix)}*"):
            shutil.rmtree(left)  # by a run that was killed: its lock has ended with it
        with tempfile.TemporaryDirectory(dir=self.directory, prefix=prefix) as partial:
            self._download(artifact, Path(partial), report)
            downloaded = Path(partial, artifact.file)
            if not downloaded.is_file():
                names = ", ".join(sorted(p.name for p in Path(partial).iterdir())) or "nothing"
                raise self._failed(artifact, f"it was to bring {artifact.file}, it brought {names}")
            found = sha256(downloaded)
            if found != artifact.sha256:
                raise ImageError("hash", package=artifact, found=found)
            downloaded.replace(self.directory / artifact.file)

    def _download(self, artifact: Artifact, directory: Path, report: Say) -> None:
        argv = package_command(artifact, directory, report)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                machine.run(argv, timeout_s=DOWNLOAD_TIMEOUT_S, cwd=directory)
                return
            except machine.CommandError as error:
                if is_no_space(error):
                    raise
                if attempt == ATTEMPTS:
                    happened = f"{ATTEMPTS} attempts failed, the last one: {error}"
                    raise self._failed(artifact, happened) from error
                report(f"downloading {artifact.title} again ({attempt} of {ATTEMPTS} failed)")

    def _failed(self, artifact: Artifact, happened: str) -> ImageError:
        return ImageError("download", package=artifact, place=self.directory, happened=happened)


def package_command(artifact: Artifact, directory: Path, report: Say) -> list[str]:
    """The client's command line that puts the package into ``directory``.

    Raises:
        ImageError: the client is not on this machine and cannot be installed from here.
    """
    if artifact.client == "npm":
        by_hand = f"put {artifact.file} (sha256 {artifact.sha256}) into {directory.parent}"
        # The package goes into the current directory; npm 6 cannot name another one.
        npm = tool_path(NPM, report, by_hand=by_hand)
        return [npm, "pack", "--ignore-scripts", f"{artifact.package}@{artifact.version}"]
    argv = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    if artifact.platform is not None:
        argv += ["--only-binary=:all:", "--implementation=cp"]
        argv += [f"--python-version={artifact.platform.python}"]
        argv += [f"--platform={tag}" for tag in artifact.platform.tags]
    return [*argv, f"--dest={directory}", f"{artifact.package}=={artifact.version}"]


def sha256(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# -- a Debian mirror -----------------------------------------------------------------------------------

BOOTSTRAP_TIMEOUT_S = 900.0
QUERY_TIMEOUT_S = 20.0

#: Those of mmdebstrap's messages that begin a part of the work which takes seconds.
STEPS = ("I: running apt-get update", "I: downloading", "I: extracting", "I: installing")
#: Left out of every root file system: nobody reads them inside a container.
EXCLUDED = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
#: Kept nevertheless: the licences ask for it.
INCLUDED = ("/usr/share/doc/*/copyright",)


def mirror(environment: Mapping[str, str]) -> str | None:
    """The Debian mirror to use: ``LAB_DEBIAN_MIRROR``, else this machine's own.

    ``None``: none is known here, and mmdebstrap takes its default.
    """
    named = environment.get("LAB_DEBIAN_MIRROR", "").strip()
    if named:
        return named
    system, apt = machine.os_release(), machine.program("apt-get")
    if apt is None or system["ID"] != "debian":
        return None
    query = [apt, "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)"]
    try:
        listed = machine.run(query, timeout_s=QUERY_TIMEOUT_S).stdout
    except machine.CommandError:
        return None
    # That of the release itself, not that of its updates.
    release = re.escape(system.get("VERSION_CODENAME", ""))
    found = re.search(rf"^Debian {release} main (\S+?)/?$", listed, re.M)
    return found[1] if found else None


def mmdebstrap_command(tool: str, system: Bootstrap, uri: str | None, target: Path) -> list[str]:
    """The command line that writes the root file system of ``system`` to ``target`` (tar)."""
    setpriv = machine.program("setpriv")
    argv = [
        # It ends with the lab, even with one that was killed, and cleans up behind itself.
        *([setpriv, "--pdeathsig", "TERM"] if setpriv else []),
        tool,
        "--variant=minbase",
        "--architectures=amd64",
        "--format=tar",
        '--aptopt=Acquire::Languages "none"',
    ]
    argv += [f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDED]
    argv += [f"--dpkgopt=path-include={pattern}" for pattern in INCLUDED]
    if system.expired_index:
        # mmdebstrap leaves it in the root file system, for the installations on top of it.
        argv.append('--aptopt=Acquire::Check-Valid-Until "false"')
    if system.include:
        argv.append(f"--include={','.join(system.include)}")
    if "usr-is-merged" in system.include:
        # Without it the essential packages pull in usrmerge and with it the whole of perl.
        argv.append("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
    return [*argv, system.suite, str(target), *([uri] if uri else [])]


def bootstrap(system: Bootstrap, target: Path, report: Say) -> None:
    """Write the root file system of ``system`` to the tar archive ``target``.

    Raises:
        ImageError: mmdebstrap is missing or fails, or a disk is full.
    """
    uri, suite = mirror(os.environ), system.suite
    argv = mmdebstrap_command(tool_path(MMDEBSTRAP, report), system, uri, target)
    report(f"bootstrapping {suite} from the package mirror")

    def on_line(line: str) -> None:
        if line.startswith(STEPS):
            report(f"bootstrapping {suite}: {line.removeprefix('I: ').rstrip('.')}")

    known = uri or "its default mirror"
    try:
        with room(f"bootstrapping Debian {suite} from {known}", target.parent):
            machine.run(argv, timeout_s=BOOTSTRAP_TIMEOUT_S, on_line=on_line)
    except machine.CommandError as error:
        raise ImageError("bootstrap", suite=suite, mirror=known, happened=error) from error
