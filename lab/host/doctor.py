"""What this machine has and lacks for the lab. Looks, and never changes anything.

Every look has a deadline of its own and all run side by side, so that the whole takes about as long as the
slowest of them, also without a network. ``look_...`` sees, ``judge_...`` says from the values alone whether
that is enough.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from lab.host import checkout, machine
from lab.host.compose import find_compose
from lab.host.connect import connect
from lab.host.endpoint import resolve
from lab.host.errors import EngineError
from lab.host.starting import DATA_ROOT, refusal

EXIT_READY = 0
EXIT_NOT_READY = 3
LOOK_TIMEOUT_S = 2.5
REGISTRY_PROBE_IMAGE = "rockylinux/rockylinux:9"
GIB = 1024**3
ENGINE_DISK_ENOUGH = 2 * GIB
"""Room for all images with what making them needs meanwhile; those that are there need none of it."""
ENGINE_DISK_NEEDED = 1 * GIB
CHECKOUT_DISK_ENOUGH = 1 * GIB
MEMORY_ENOUGH = 2 * GIB
"""All containers together stay below 1 GiB; the engine and the lab itself need some too."""

OLDEST_PYTHON = (3, 11)


class Level(StrEnum):
    """How much a finding matters."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"


class Seen(NamedTuple):
    """What a look found, and what to do unless it is all right."""

    level: Level
    found: str
    advice: str = ""


@dataclass(frozen=True)
class MachineFinding:
    """What was seen, and of what."""

    name: str
    level: Level
    found: str
    advice: str = ""


@dataclass(frozen=True)
class EngineFacts:
    """What the engine says about itself (``GET /info``)."""

    where: str
    version: str
    driver: str
    data_root: str
    local: bool
    cores: int
    memory: int
    limits: bool
    """Whether it can limit the memory and the processes of a container."""


@dataclass(frozen=True)
class NoEngine:
    """Why there is none, and whether the lab would start one here by itself."""

    error: EngineError
    would_start: bool


Engine = EngineFacts | NoEngine


def examine(environment: Mapping[str, str] | None = None) -> list[MachineFinding]:
    """Look at everything that the lab needs or can use, in the order in which it needs it."""
    env = dict(os.environ if environment is None else environment)
    root = checkout.root()
    with ThreadPoolExecutor(max_workers=16, thread_name_prefix="doctor") as pool:
        engine: Future[Engine] = pool.submit(look_at_engine, env)
        looks: Mapping[str, Callable[[], Seen]] = {
            "python": lambda: judge_python(sys.version_info[:3], sys.executable),
            "make": lambda: look_for_program("make"),
            "git": lambda: look_for_program("git"),
            "architecture": lambda: judge_architecture(platform.machine()),
            "engine": lambda: judge_engine(engine.result()),
            "engine disk": lambda: look_at_engine_disk(engine.result()),
            "resources": lambda: judge_resources(engine.result(), os.cpu_count() or 1, memory()),
            "kernel": lambda: look_at_kernel(engine.result()),
            "compose": lambda: look_for_compose(env),
            "registry": lambda: look_at_registry(engine.result(), env),
            "builds": lambda: look_at_builds(engine.result(), env),
            "Debian packages": look_at_packages,
            "pip index": look_at_pip,
            "npm registry": look_at_npm,
            "checkout disk": lambda: judge_checkout_disk(root, machine.free_bytes(root)),
        }
        futures = {name: pool.submit(look) for name, look in looks.items()}
        return [MachineFinding(name, *future.result()) for name, future in futures.items()]


def render(findings: Sequence[MachineFinding]) -> str:
    """The findings for a person: a line each, and below it what to do."""
    width = max((len(finding.name) for finding in findings), default=0)
    lines = []
    for finding in findings:
        found, *more = finding.found.split("\n")
        lines.append(f"{finding.level:<7}  {finding.name:<{width}}  {found}")
        lines += [f"{'':<7}  {'':<{width}}  {line}" for line in more]
        if finding.advice:
            lines.append(f"{'':<7}  {'':<{width}}  what to do: {finding.advice}")
    ready = worst(findings) == EXIT_READY
    lines.append("")
    lines.append(f"The lab {'can' if ready else 'cannot'} run here.")
    return "\n".join(lines)


def worst(findings: Sequence[MachineFinding]) -> int:
    """The exit status: 0 when the lab can run here, 3 when something that it needs is missing."""
    missing = any(finding.level is Level.MISSING for finding in findings)
    return EXIT_NOT_READY if missing else EXIT_READY


def look_at_engine(environment: Mapping[str, str]) -> Engine:
    """The engine that would be used, or why there is none."""
    try:
        endpoint = resolve(environment)
    except EngineError as error:
        return NoEngine(error, would_start=False)
    try:
        client = connect(endpoint, timeout_s=2)
    except EngineError as error:
        refused = refusal(endpoint, error)
        return NoEngine(refused or error, would_start=refused is None)
    with closing(client):
        info = client.info()
    return EngineFacts(
        where=str(endpoint),
        version=str(info.get("ServerVersion", "of unknown version")),
        driver=str(info.get("Driver", "unknown")),
        data_root=str(info.get("DockerRootDir", "")),
        local=endpoint.socket is not None,
        cores=int(info.get("NCPU", 0)),
        memory=int(info.get("MemTotal", 0)),
        limits=bool(info.get("MemoryLimit", True)) and bool(info.get("PidsLimit", True)),
    )


def look_at_engine_disk(engine: Engine) -> Seen:
    """Room where the engine keeps its images."""
    if isinstance(engine, NoEngine):
        where, local = str(DATA_ROOT), engine.would_start
    else:
        where, local = engine.data_root, engine.local
    return judge_engine_disk(where, machine.free_bytes(Path(where)) if local else None)


def memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def look_at_kernel(engine: Engine) -> Seen:
    """What an engine needs of this kernel."""
    if isinstance(engine, EngineFacts) or not engine.would_start:
        return judge_kernel(engine, {})
    system = machine.os_release()
    features = {name: _in_kernel(name) for name in _SYMBOL_OF} | {
        # It is installed together with the engine.
        "iptables": machine.program("iptables") is not None or system.has_docker_io,
        # The engine's init script mounts them where the kernel has them.
        "control groups": Path("/proc/cgroups").exists() or any(Path("/sys/fs/cgroup").glob("*")),
    }
    return judge_kernel(engine, features)


_SYMBOL_OF = {"bridge": "br_add_bridge", "veth": "veth_newlink", "overlay": "ovl_fill_super"}


def _in_kernel(name: str) -> bool:
    """Whether a module is loaded or built in, or can be loaded."""
    modules = Path("/lib/modules", platform.release())
    # A kernel without a module directory: its own symbol table still tells what is built in.
    marks = {
        modules / "modules.builtin": f"/{name}.ko",
        modules / "modules.dep": f"/{name}.ko",
        Path("/proc/kallsyms"): f" {_SYMBOL_OF[name]}",
    }
    return Path("/sys/module", name).is_dir() or any(
        mark in path.read_text(encoding="utf-8", errors="replace")
        for path, mark in marks.items()
        if path.exists()
    )


def look_for_program(name: str) -> Seen:
    """A program that has to be installed."""
    advice = f"apt-get install {name}"
    path = machine.program(name)
    if path is None:
        return Seen(Level.MISSING, "not found", advice)
    try:
        version = machine.run([path, "--version"], timeout_s=LOOK_TIMEOUT_S).stdout
    except machine.CommandError as error:
        return Seen(Level.MISSING, str(error), f"repair it: {advice}")
    return Seen(Level.OK, version.splitlines()[0] if version else path)


def look_for_compose(environment: Mapping[str, str]) -> Seen:
    """The first Compose that works."""
    try:
        command, version = find_compose(environment)
    except EngineError as error:
        return Seen(Level.MISSING, error.happened, error.advice[0])
    return Seen(Level.OK, f"{version} ({' '.join(command)})")


def look_at_registry(engine: Engine, environment: Mapping[str, str]) -> Seen:
    """Whether a container registry answers."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    consequence = "nothing, if the packages below can be had: the images are built from those"
    if isinstance(engine, NoEngine):
        return Seen(Level.WARNING, "cannot be told without an engine", consequence)
    # The engine is asked, because the engine does the pulling: its proxy and its mirrors count.
    try:
        with closing(connect(resolve(environment), timeout_s=2)) as client:
            client.api.timeout = 2
            client.api.inspect_distribution(  # type: ignore[no-untyped-call]
                REGISTRY_PROBE_IMAGE
            )
    except EngineError as error:
        return Seen(Level.WARNING, str(error), consequence)
    except (DockerException, RequestException) as error:
        said = str(getattr(error, "explanation", None) or error).strip().splitlines()[0]
        return Seen(Level.WARNING, f"does not answer: {said}", consequence)
    return Seen(Level.OK, f"answers for {REGISTRY_PROBE_IMAGE}")


def look_at_builds(engine: Engine, environment: Mapping[str, str]) -> Seen:
    """Which packages in the images have moved since the expectations were last seen to hold."""
    from lab.images import ImageError, ImageStore, Source, release_from_environment
    from lab.images.provenance import moved

    if isinstance(engine, NoEngine):
        return Seen(Level.OK, "cannot be told without an engine")
    try:
        with closing(connect(resolve(environment), timeout_s=2)) as client:
            store = ImageStore(
                client,
                checkout.state_directory(),
                Source.from_environment(environment),
                release=release_from_environment(environment),
            )
            recorded = store.recorded()
            images = [status.info.provenance for status in store.status() if status.info]
    except EngineError as error:
        return Seen(Level.WARNING, str(error))
    except ImageError as error:
        # No run starts either: a variable without a meaning, a recipe or a table that cannot be read.
        return Seen(Level.MISSING, error.reason, "; or ".join(error.advice))
    return judge_builds({p.image: moved(recorded, p) or () for p in images})


def look_at_packages() -> Seen:
    """Whether images can be put together from Debian's packages."""
    apt, bootstrap = machine.program("apt-get"), machine.program("mmdebstrap")
    if apt is None:
        advice = "nothing, if a registry answers: Debian's packages are only needed without one"
        return Seen(Level.WARNING, "no apt-get on this machine", advice)
    if bootstrap is None:
        advice = "apt-get install mmdebstrap (not needed where a registry answers)"
        if machine.is_root():
            advice = "nothing: `make lab` installs it when it is needed"
        return Seen(Level.WARNING, f"{apt}, but no mmdebstrap", advice)
    return Seen(Level.OK, f"{apt}, {bootstrap}")


def look_at_pip() -> Seen:
    """Whether Python's package index answers."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    command += ["index", "versions", "pip", "--timeout=2", "--retries=0"]
    return _look_at_index(command)


def look_at_npm() -> Seen:
    """Whether npm's registry answers."""
    path = machine.program("npm")
    if path is None:
        advice = "apt-get install npm (not needed where a registry answers)"
        return Seen(Level.WARNING, "npm is not installed", advice)
    command = [path, "ping", "--fetch-timeout=2000", "--fetch-retries=0"]
    return _look_at_index(command)


def _look_at_index(command: Sequence[str]) -> Seen:
    try:
        machine.run(command, timeout_s=LOOK_TIMEOUT_S)
    except machine.CommandError as error:
        found = f"does not answer: {telling_line(error.output) or error.happened}"
        advice = "nothing, if the downloads are cached already or a registry answers"
        return Seen(Level.WARNING, found, advice)
    return Seen(Level.OK, "answers")


def judge_python(version: tuple[int, int, int], executable: str) -> Seen:
    """Whether this Python is new enough."""
    text = f"{'.'.join(map(str, version))} ({executable})"
    if version[:2] < OLDEST_PYTHON:
        advice = "install Python 3.11 or newer, and name it: make PYTHON=/path/to/python3"
        return Seen(Level.MISSING, text, advice)
    return Seen(Level.OK, text)


def judge_architecture(name: str) -> Seen:
    """Whether the images, which are linux/amd64, run here without emulation."""
    if name in {"x86_64", "amd64"}:
        return Seen(Level.OK, name)
    return Seen(
        Level.WARNING,
        f"{name}; the images are linux/amd64 and need emulation here, which is slow",
        "use an x86-64 machine, or let the engine emulate one (qemu-user-static, binfmt-support)",
    )


def judge_engine(engine: Engine) -> Seen:
    """Whether there is an engine, or will be one."""
    if isinstance(engine, NoEngine):
        error = engine.error
        found = f"{error.tried}: {error.happened}"
        if engine.would_start:
            advice = "nothing: `make lab` installs what is missing and starts one"
            return Seen(Level.WARNING, found, advice)
        return Seen(Level.MISSING, found, "; or ".join(error.advice))
    found = f"{engine.version} at {engine.where}, storage driver {engine.driver}"
    if engine.driver == "vfs":
        advice = "vfs copies every layer: put the data root on ext4 or xfs, so that overlay2 works"
        return Seen(Level.WARNING, found, advice)
    if not engine.limits:
        found += "; it cannot limit the memory or the processes of a container"
        advice = "see that the memory and pids control groups are mounted"
        return Seen(Level.WARNING, found, advice)
    return Seen(Level.OK, found)


def judge_engine_disk(where: str, free: int | None) -> Seen:
    """Whether the images fit below the engine's data root."""
    from lab.images.errors import megabytes
    from lab.images.inventory import NEEDED_FREE

    if free is None:
        return Seen(Level.OK, f"{where}: how much is free cannot be seen from here")
    found = f"{gib(free)} free in {where}"
    advice = f"free some space in {where} (making the images needs {megabytes(NEEDED_FREE)})"
    if free >= ENGINE_DISK_ENOUGH:
        return Seen(Level.OK, found)
    return Seen(Level.MISSING if free < ENGINE_DISK_NEEDED else Level.WARNING, found, advice)


def judge_checkout_disk(where: Path, free: int | None) -> Seen:
    """Whether downloads and records fit below the checkout."""
    if free is None:
        return Seen(Level.WARNING, f"{where}: how much is free cannot be told", "")
    found = f"{gib(free)} free in {where}"
    if free < CHECKOUT_DISK_ENOUGH:
        return Seen(Level.WARNING, found, f"free some space in {where}")
    return Seen(Level.OK, found)


def judge_resources(engine: Engine, cores: int, memory: int) -> Seen:
    """Memory and cores: the engine's where there is one, else this machine's."""
    whose = "this machine"
    if isinstance(engine, EngineFacts):
        whose, cores, memory = "the engine's machine", engine.cores, engine.memory
    found = f"{whose} has {gib(memory)} of memory and {cores} core{'s' if cores != 1 else ''}"
    if memory < MEMORY_ENOUGH:
        advice = f"give it {gib(MEMORY_ENOUGH)}, or run fewer things beside the lab"
        return Seen(Level.WARNING, found, advice)
    return Seen(Level.OK, found)


def judge_kernel(engine: Engine, features: Mapping[str, bool]) -> Seen:
    """Whether an engine can work on this kernel. An engine that runs has proven it."""
    if isinstance(engine, EngineFacts):
        return Seen(Level.OK, "the engine runs on it")
    if not features:
        return Seen(Level.OK, "does not matter: no engine would be started here")
    absent = sorted(name for name, there in features.items() if not there)
    if not absent:
        return Seen(Level.OK, f"{', '.join(sorted(features))}: there")
    return Seen(
        Level.WARNING,
        f"not seen: {', '.join(absent)}",
        "an engine started here may fail: load the modules (modprobe), install iptables, mount "
        "the control groups (cgroupfs-mount), or use another machine's engine by DOCKER_HOST",
    )


def judge_builds(changes: Mapping[str, Sequence[str]]) -> Seen:
    """Which packages have moved, by image. That alone is no fault: each run says it where it may matter."""
    if not changes:
        return Seen(Level.OK, "no image is there yet")
    moved = [f"{image}: {change}" for image, several in changes.items() for change in several]
    if not moved:
        return Seen(Level.OK, "those with which the expectations were last seen to hold")
    found = "\n  ".join(["moved since the expectations were last seen to hold:", *moved])
    advice = "nothing; a run says beside an unexpected result which builds have moved"
    return Seen(Level.WARNING, found, advice)


def gib(number: int) -> str:
    """Bytes as ``12.3 GiB``."""
    return f"{number / GIB:.1f} GiB"


def telling_line(output: str) -> str:
    """The line of a failed program's output that says most: its first error, else its last line."""
    lines = machine.tail(output, 100)
    errors = (line for line in lines if "error" in line.lower())
    return next(errors, lines[-1] if lines else "")
