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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import requests
from docker.errors import DockerException
from filelock import FileLock

from lab.host import machine
from lab.images.errors import IMPORT_ADVICE, ImageError, Problem, is_no_space, megabytes, no_space
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


class Unavailable(Exception):
    """The registry does not give this image; the text says why, in one line."""


@dataclass(frozen=True)
class Pulled:
    """An image that the registry gave."""

    id: str
    digest: str | None


def is_unreachable(text: str) -> bool:
    """Whether this failure concerns the whole registry rather than one image in it."""
    return UNREACHABLE.search(text) is not None


def registry_of(reference: str) -> str:
    """The registry that an image reference names.

    >>> registry_of("docker.io/library/centos:7")
    'docker.io'
    >>> registry_of("centos:7")
    'docker.io'
    """
    first, slash, _ = reference.partition("/")
    return first if slash and re.search(r"[.:]|^localhost$", first) else "docker.io"


class Registry:
    """Pulls images through the engine, which knows its mirrors, proxies and credentials."""

    def __init__(
        self,
        engine: docker.DockerClient,
        *,
        patience_s: float = PATIENCE_S,
        stall_s: float = STALL_S,
    ) -> None:
        self._engine = engine
        self._patience_s = patience_s
        self._stall_s = stall_s
        self._unreachable: dict[str, str] = {}
        self._asking = threading.Lock()

    def pull(self, reference: str, report: Callable[[str], None]) -> Pulled:
        """Get ``reference`` for linux/amd64.

        Raises:
            Unavailable: no registry answers in time, or it does not have or give the image.
        """
        # One at a time: the second must profit from the answer that the first one got.
        with self._asking:
            registry = registry_of(reference)
            if registry in self._unreachable:
                raise Unavailable(self._unreachable[registry])
            report(f"asking {registry} for {reference}")
            try:
                self._follow(reference, report)
                image = self._engine.images.get(reference)
            except (DockerException, requests.RequestException, Unavailable) as error:
                reason = f"{registry}: {_one_line(error)}"
                if is_unreachable(reason):
                    self._unreachable[registry] = reason
                raise Unavailable(reason) from error
        digests = image.attrs.get("RepoDigests") or []
        return Pulled(str(image.id), digests[0] if digests else None)

    def _follow(self, reference: str, report: Callable[[str], None]) -> None:
        last = ""
        for event in self._events(reference):
            if "error" in event:
                raise Unavailable(str(event["error"]))
            status = str(event.get("status", ""))
            if status != last and status in {"Downloading", "Extracting"}:
                report(f"{status.lower()} {reference}")
            last = status or last

    def _events(self, reference: str) -> Iterator[Mapping[str, Any]]:
        """The engine's progress events; ends with :class:`Unavailable` when it falls silent.

        The request runs in a thread of its own because the engine answers nothing at all while it
        tries to reach a registry, and it tries for minutes.
        """
        events: queue.Queue[Mapping[str, Any] | BaseException | None] = queue.Queue()

        def ask() -> None:
            try:
                for event in self._engine.api.pull(
                    reference, stream=True, decode=True, platform=PLATFORM
                ):
                    events.put(event)
            except (DockerException, requests.RequestException) as error:
                events.put(error)
            else:
                events.put(None)

        threading.Thread(target=ask, name=f"pull {reference}", daemon=True).start()
        patience_s = self._patience_s
        started = time.monotonic()
        while True:
            try:
                event = events.get(timeout=patience_s)
            except queue.Empty:
                waited = time.monotonic() - started
                raise Unavailable(f"the registry did not answer within {waited:.0f} s") from None
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            yield event
            patience_s = self._stall_s


def _one_line(error: BaseException) -> str:
    text = getattr(error, "explanation", None) or str(error)
    return " ".join(str(text).split())


INSTALL_TIMEOUT_S = 600.0
_installing = threading.Lock()


@dataclass(frozen=True)
class Tool:
    """A program and the packages that bring it on Debian and Ubuntu."""

    program: str
    packages: tuple[str, ...]
    purpose: str


MMDEBSTRAP = Tool(
    "mmdebstrap",
    ("mmdebstrap", "debian-archive-keyring"),
    "which makes the Debian base images where no registry answers",
)
NPM = Tool(
    "npm", ("npm",), "which fetches the libraries of the stand-ins where no registry answers"
)


def tool_path(tool: Tool, report: Callable[[str], None], *, otherwise: Sequence[str] = ()) -> str:
    """The full path of a program, which is installed first if it is missing.

    Args:
        tool: the program.
        report: told when something takes time.
        otherwise: what the operator can do instead, beside what is true for every tool.

    Raises:
        ImageError: it is missing and cannot be installed from here.
    """
    # One at a time: apt-get locks, and two images need the same tool.
    with _installing:
        found = machine.program(tool.program)
        if found is None:
            report(f"installing {tool.program} on this machine, {tool.purpose}")
            _install(tool, otherwise)
            found = machine.program(tool.program)
    if found is None:
        raise _missing(tool, "its package was installed, the program is still not there", otherwise)
    return found


def _install(tool: Tool, otherwise: Sequence[str]) -> None:
    apt = machine.program("apt-get")
    if apt is None:
        happened = f"{tool.program} is not installed, and this is {machine.os_release()}"
        raise _missing(tool, happened, otherwise)
    if not machine.is_root():
        happened = f"{tool.program} is not installed, and this user may not install packages"
        raise _missing(tool, happened, otherwise)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    wait = ("-o", "DPkg::Lock::Timeout=120")
    install = ("install", "--yes", "--no-install-recommends", *tool.packages)
    try:
        for arguments in (("update",), install):
            argv = [apt, *wait, *arguments]
            machine.run(argv, timeout_s=INSTALL_TIMEOUT_S, env=environment)
    except machine.CommandError as error:
        raise _missing(tool, str(error), otherwise) from error


def _missing(tool: Tool, happened: str, otherwise: Sequence[str]) -> ImageError:
    return ImageError(
        Problem.TOOL,
        tried=f"getting {tool.program}, {tool.purpose}",
        happened=happened,
        advice=[
            f"as root on Debian or Ubuntu: apt-get install {' '.join(tool.packages)}",
            *otherwise,
            "let the engine reach a registry (docker pull debian:bookworm-slim must work)",
            IMPORT_ADVICE,
        ],
    )


DOWNLOAD_TIMEOUT_S = 900.0
ATTEMPTS = 3
CHUNK = 1 << 20


class Cache:
    """The downloaded packages of a checkout, below ``.lab/cache``.

    A package is complete or absent: it is downloaded into a directory of its own, checked and then
    moved into place, so an interrupted run leaves nothing that a later run could take for whole.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, artifact: Artifact) -> Path:
        """Where the package is once it has been fetched."""
        return self.directory / artifact.file

    def fetch(self, artifact: Artifact, report: Callable[[str], None]) -> Path:
        """The checked package, from the cache or through its client.

        Args:
            artifact: what to fetch.
            report: told what happens, when something takes time.

        Raises:
            ImageError: no client, a failed download, another hash, a full disk.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with FileLock(self.directory / f".{artifact.file}.lock"):
                return self._fetch(artifact, report)
        except OSError as error:
            if is_no_space(error):
                raise self._full(artifact, str(error)) from error
            raise ImageError(
                Problem.DOWNLOAD,
                tried=f"fetching {artifact.title} into {self.directory}",
                happened=str(error),
                advice=[f"make {self.directory} writable for this user"],
            ) from error

    def _fetch(self, artifact: Artifact, report: Callable[[str], None]) -> Path:
        target = self.path(artifact)
        if target.is_file() and sha256(target) == artifact.sha256:
            return target
        report(f"downloading {artifact.title} ({megabytes(artifact.size)}, {artifact.client})")
        prefix = f".partial-{artifact.file}-"
        for left in self.directory.glob(f"{glob.escape(prefix)}*"):
            shutil.rmtree(left)  # by a run that was killed: its lock has ended with it
        with tempfile.TemporaryDirectory(dir=self.directory, prefix=prefix) as partial:
            downloaded = self._download(artifact, Path(partial), report)
            found = sha256(downloaded)
            if found != artifact.sha256:
                raise ImageError(
                    Problem.DOWNLOAD,
                    tried=f"checking {artifact.file}",
                    happened=f"its sha256 is {found}, the recipe pins {artifact.sha256}",
                    advice=[
                        "find out why the package index serves other bytes than it did when the "
                        "recipe was written; do not use them before that is known",
                    ],
                )
            downloaded.replace(target)
        return target

    def _download(self, artifact: Artifact, directory: Path, report: Callable[[str], None]) -> Path:
        argv = package_command(artifact, directory, report)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                machine.run(argv, timeout_s=DOWNLOAD_TIMEOUT_S, cwd=directory, env=environment())
                break
            except machine.CommandError as error:
                if is_no_space(error.output):
                    raise self._full(artifact, error.output) from error
                if attempt == ATTEMPTS:
                    raise ImageError(
                        Problem.DOWNLOAD,
                        tried=f"downloading {artifact.title} with {artifact.client}",
                        happened=f"{ATTEMPTS} attempts failed, the last one: {error}",
                        advice=[
                            f"see whether {artifact.client} reaches its package index",
                            f"put {artifact.file} (sha256 {artifact.sha256}) into {self.directory}",
                            IMPORT_ADVICE,
                        ],
                    ) from error
                report(f"downloading {artifact.title} again ({attempt} of {ATTEMPTS} failed)")
        downloaded = directory / artifact.file
        if not downloaded.is_file():
            names = ", ".join(sorted(path.name for path in directory.iterdir())) or "nothing"
            raise ImageError(
                Problem.DOWNLOAD,
                tried=f"downloading {artifact.title} with {artifact.client}",
                happened=f"it was to bring {artifact.file}, it brought {names}",
                advice=[f"put {artifact.file} (sha256 {artifact.sha256}) into {self.directory}"],
            )
        return downloaded

    def _full(self, artifact: Artifact, happened: str) -> ImageError:
        return no_space(
            f"downloading {artifact.title}",
            happened.strip().splitlines()[-1],
            str(self.directory),
            machine.free_bytes(self.directory),
        )


def package_command(
    artifact: Artifact, directory: Path, report: Callable[[str], None]
) -> list[str]:
    """The client's command line that puts the package into ``directory``.

    Raises:
        ImageError: the client is not on this machine and cannot be installed from here.
    """
    if artifact.client == "npm":
        by_hand = f"put {artifact.file} (sha256 {artifact.sha256}) into {directory.parent}"
        npm = tool_path(NPM, report, otherwise=[by_hand])
        # The package goes into the current directory; npm 6 cannot name another one.
        return [npm, "pack", "--ignore-scripts", f"{artifact.package}@{artifact.version}"]
    argv = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    if artifact.platform is not None:
        argv += ["--only-binary=:all:", "--implementation=cp"]
        argv += [f"--python-version={artifact.platform.python}"]
        argv += [f"--platform={tag}" for tag in artifact.platform.tags]
    return [*argv, f"--dest={directory}", f"{artifact.package}=={artifact.version}"]


def environment() -> dict[str, str]:
    """This process's environment, without questions and notices from the clients."""
    return {
        **os.environ,
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "NO_UPDATE_NOTIFIER": "1",
        "npm_config_update_notifier": "false",
        "npm_config_audit": "false",
        "npm_config_fund": "false",
    }


def sha256(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


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
    apt = machine.program("apt-get")
    if apt is None or machine.os_release().id != "debian":
        return None
    query = [apt, "indextargets", "--format", "$(ORIGIN) $(CODENAME) $(COMPONENT) $(REPO_URI)"]
    try:
        listed = machine.run(query, timeout_s=QUERY_TIMEOUT_S).stdout
    except machine.CommandError:
        return None
    return mirror_among(listed, machine.os_release().codename)


def mirror_among(listed: str, codename: str) -> str | None:
    """The mirror of the release itself among apt's index targets, not that of its updates.

    Args:
        listed: lines of origin, code name, component and URI.
        codename: the release that this machine runs, for example ``bookworm``.
    """
    for line in listed.splitlines():
        words = line.split()
        if words[:3] == ["Debian", codename, "main"] and len(words) == 4:
            return words[3].rstrip("/")
    return None


def mmdebstrap_command(
    mmdebstrap: str, system: Bootstrap, mirror_uri: str | None, target: Path
) -> list[str]:
    """The command line that writes the root file system of ``system`` to ``target`` (tar)."""
    setpriv = machine.program("setpriv")
    argv = [
        # It ends with the lab, even with one that was killed, and cleans up behind itself.
        *([setpriv, "--pdeathsig", "TERM"] if setpriv else []),
        mmdebstrap,
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
    return [*argv, system.suite, str(target), *([mirror_uri] if mirror_uri else [])]


def bootstrap(system: Bootstrap, target: Path, report: Callable[[str], None]) -> None:
    """Write the root file system of ``system`` to the tar archive ``target``.

    Raises:
        ImageError: mmdebstrap is missing or fails, or a disk is full.
    """
    mmdebstrap = tool_path(MMDEBSTRAP, report)
    uri = mirror(os.environ)
    report(f"bootstrapping {system.suite} from the package mirror")

    def on_line(line: str) -> None:
        if line.startswith(STEPS):
            report(f"bootstrapping {system.suite}: {line.removeprefix('I: ').rstrip('.')}")

    try:
        machine.stream(
            mmdebstrap_command(mmdebstrap, system, uri, target),
            timeout_s=BOOTSTRAP_TIMEOUT_S,
            on_line=on_line,
        )
    except machine.CommandError as error:
        tried = f"bootstrapping Debian {system.suite} from {uri or 'its default mirror'}"
        if is_no_space(error.output):
            place = target.parent
            raise no_space(
                tried, _last(error.output), str(place), machine.free_bytes(place)
            ) from error
        raise ImageError(
            Problem.BOOTSTRAP,
            tried=tried,
            happened=str(error),
            advice=[
                "see whether this machine reaches the mirror: apt-get update"
                + (f", or open {uri}" if uri else ""),
                "name another mirror: LAB_DEBIAN_MIRROR=http://...",
                IMPORT_ADVICE,
            ],
        ) from error


def _last(text: str) -> str:
    lines = [line for line in text.splitlines() if is_no_space(line)]
    return lines[-1].strip() if lines else "no space left on device"
