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


@dataclass(frozen=True)
class Finding:
    """One thing looked at: what was found there, and what to do unless it is all right."""

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


def examine(environment: Mapping[str, str] | None = None) -> list[Finding]:
    """Look at everything that the lab needs or can use, in the order in which it needs it."""
    env = dict(os.environ if environment is None else environment)
    root = checkout.root()
    with ThreadPoolExecutor(max_workers=16, thread_name_prefix="doctor") as pool:
        engine: Future[Engine] = pool.submit(look_at_engine, env)
        looks: Sequence[Callable[[], Finding]] = (
            lambda: judge_python(sys.version_info[:3], sys.executable),
            lambda: look_for_program("make", "apt-get install make"),
            lambda: look_for_program("git", "apt-get install git"),
            lambda: judge_architecture(platform.machine()),
            lambda: judge_engine(engine.result()),
            lambda: look_at_engine_disk(engine.result()),
            lambda: judge_resources(engine.result(), os.cpu_count() or 1, memory()),
            lambda: look_at_kernel(engine.result()),
            lambda: look_for_compose(env),
            lambda: look_at_registry(engine.result(), env),
            lambda: look_at_builds(engine.result(), env),
            look_at_packages,
            look_at_pip,
            look_at_npm,
            lambda: judge_checkout_disk(root, machine.free_bytes(root)),
        )
        futures = [pool.submit(look) for look in looks]
        return [future.result() for future in futures]


def render(findings: Sequence[Finding]) -> str:
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


def worst(findings: Sequence[Finding]) -> int:
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


def look_at_engine_disk(engine: Engine) -> Finding:
    """Room where the engine keeps its images."""
    if isinstance(engine, NoEngine):
        where, local = str(DATA_ROOT), engine.would_start
    else:
        where, local = engine.data_root, engine.local
    return judge_engine_disk(where, machine.free_bytes(Path(where)) if local else None)


def memory() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def look_at_kernel(engine: Engine) -> Finding:
    """What an engine needs of this kernel."""
    if isinstance(engine, EngineFacts) or not engine.would_start:
        return judge_kernel(engine, {})
    features = kernel_features(
        Path("/proc/filesystems").read_text(encoding="ascii", errors="replace"),
        [name for name in ("overlay", "bridge", "veth") if _has_module(name)],
        iptables=machine.program("iptables") is not None
        or machine.os_release().has_docker_io,  # installed together with the engine
        # The engine's init script mounts them where the kernel has them.
        cgroups=any(Path("/sys/fs/cgroup").glob("*")) or Path("/proc/cgroups").exists(),
    )
    return judge_kernel(engine, features)


_SYMBOL_OF = {"bridge": "br_add_bridge", "veth": "veth_newlink", "overlay": "ovl_fill_super"}


def _has_module(name: str) -> bool:
    if Path("/sys/module", name).is_dir():
        return True
    directory = Path("/lib/modules", platform.release())
    for index in ("modules.builtin", "modules.dep"):
        try:
            text = (directory / index).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if f"/{name}.ko" in text:
            return True
    # A kernel without a module directory: its own symbol table still tells what is built in.
    try:
        with Path("/proc/kallsyms").open(encoding="ascii", errors="replace") as symbols:
            return any(f" {_SYMBOL_OF[name]}" in line for line in symbols)
    except OSError:
        return False


def look_for_program(name: str, advice: str) -> Finding:
    """A program that has to be installed; ``advice`` says how."""
    path = machine.program(name)
    if path is None:
        return Finding(name, Level.MISSING, "not found", advice)
    try:
        version = machine.run([path, "--version"], timeout_s=LOOK_TIMEOUT_S).stdout
    except machine.CommandError as error:
        return Finding(name, Level.MISSING, str(error), f"repair it: {advice}")
    return Finding(name, Level.OK, version.splitlines()[0] if version else path)


def look_for_compose(environment: Mapping[str, str]) -> Finding:
    """The first Compose that works."""
    try:
        command, version = find_compose(environment)
    except EngineError as error:
        return Finding("compose", Level.MISSING, error.happened, error.advice[0])
    return Finding("compose", Level.OK, f"{version} ({' '.join(command)})")


def look_at_registry(engine: Engine, environment: Mapping[str, str]) -> Finding:
    """Whether a container registry answers."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    name = "registry"
    consequence = "nothing, if the packages below can be had: the images are built from those"
    if isinstance(engine, NoEngine):
        return Finding(name, Level.WARNING, "cannot be told without an engine", consequence)
    # The engine is asked, because the engine does the pulling: its proxy and its mirrors count.
    try:
        with closing(connect(resolve(environment), timeout_s=2)) as client:
            client.api.timeout = 2
            client.api.inspect_distribution(  # type: ignore[no-untyped-call]
                REGISTRY_PROBE_IMAGE
            )
    except EngineError as error:
        return Finding(name, Level.WARNING, str(error), consequence)
    except (DockerException, RequestException) as error:
        said = str(getattr(error, "explanation", None) or error).strip().splitlines()[0]
        return Finding(name, Level.WARNING, f"does not answer: {said}", consequence)
    return Finding(name, Level.OK, f"answers for {REGISTRY_PROBE_IMAGE}")


def look_at_builds(engine: Engine, environment: Mapping[str, str]) -> Finding:
    """Which packages in the images have moved since the expectations were last seen to hold."""
    from lab.images import ImageError, ImageStore, Source, release_from_environment
    from lab.images.provenance import moved

    name = "builds"
    if isinstance(engine, NoEngine):
        return Finding(name, Level.OK, "cannot be told without an engine")
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
        return Finding(name, Level.WARNING, str(error))
    except ImageError as error:
        # No run starts either: a variable without a meaning, a recipe or a table that cannot be read.
        return Finding(name, Level.MISSING, error.reason, "; or ".join(error.advice))
    return judge_builds({p.image: moved(recorded, p) or () for p in images})


def look_at_packages() -> Finding:
    """Whether images can be put together from Debian's packages."""
    name = "Debian packages"
    apt, bootstrap = machine.program("apt-get"), machine.program("mmdebstrap")
    if apt is None:
        advice = "nothing, if a registry answers: Debian's packages are only needed without one"
        return Finding(name, Level.WARNING, "no apt-get on this machine", advice)
    if bootstrap is None:
        advice = "apt-get install mmdebstrap (not needed where a registry answers)"
        if machine.is_root():
            advice = "nothing: `make lab` installs it when it is needed"
        return Finding(name, Level.WARNING, f"{apt}, but no mmdebstrap", advice)
    return Finding(name, Level.OK, f"{apt}, {bootstrap}")


def look_at_pip() -> Finding:
    """Whether Python's package index answers."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    command += ["index", "versions", "pip", "--timeout=2", "--retries=0"]
    return _look_at_index("pip index", command)


def look_at_npm() -> Finding:
    """Whether npm's registry answers."""
    path = machine.program("npm")
    if path is None:
        advice = "apt-get install npm (not needed where a registry answers)"
        return Finding("npm registry", Level.WARNING, "npm is not installed", advice)
    command = [path, "ping", "--fetch-timeout=2000", "--fetch-retries=0"]
    return _look_at_index("npm registry", command)


def _look_at_index(name: str, command: Sequence[str]) -> Finding:
    try:
        machine.run(command, timeout_s=LOOK_TIMEOUT_S)
    except machine.CommandError as error:
        found = f"does not answer: {telling_line(error.output) or error.happened}"
        advice = "nothing, if the downloads are cached already or a registry answers"
        return Finding(name, Level.WARNING, found, advice)
    return Finding(name, Level.OK, "answers")


def judge_python(version: tuple[int, int, int], executable: str) -> Finding:
    """Whether this Python is new enough."""
    text = f"{'.'.join(map(str, version))} ({executable})"
    if version[:2] < OLDEST_PYTHON:
        advice = "install Python 3.11 or newer, and name it: make PYTHON=/path/to/python3"
        return Finding("python", Level.MISSING, text, advice)
    return Finding("python", Level.OK, text)


def judge_architecture(name: str) -> Finding:
    """Whether the images, which are linux/amd64, run here without emulation."""
    if name in {"x86_64", "amd64"}:
        return Finding("architecture", Level.OK, name)
    return Finding(
        "architecture",
        Level.WARNING,
        f"{name}; the images are linux/amd64 and need emulation here, which is slow",
        "use an x86-64 machine, or let the engine emulate one (qemu-user-static, binfmt-support)",
    )


def judge_engine(engine: Engine) -> Finding:
    """Whether there is an engine, or will be one."""
    if isinstance(engine, NoEngine):
        error = engine.error
        found = f"{error.tried}: {error.happened}"
        if engine.would_start:
            advice = "nothing: `make lab` installs what is missing and starts one"
            return Finding("engine", Level.WARNING, found, advice)
        return Finding("engine", Level.MISSING, found, "; or ".join(error.advice))
    found = f"{engine.version} at {engine.where}, storage driver {engine.driver}"
    if engine.driver == "vfs":
        advice = "vfs copies every layer: put the data root on ext4 or xfs, so that overlay2 works"
        return Finding("engine", Level.WARNING, found, advice)
    if not engine.limits:
        found += "; it cannot limit the memory or the processes of a container"
        advice = "see that the memory and pids control groups are mounted"
        return Finding("engine", Level.WARNING, found, advice)
    return Finding("engine", Level.OK, found)


def judge_engine_disk(where: str, free: int | None) -> Finding:
    """Whether the images fit below the engine's data root."""
    from lab.images.errors import megabytes
    from lab.images.inventory import NEEDED_FREE

    name = "engine disk"
    if free is None:
        return Finding(name, Level.OK, f"{where}: how much is free cannot be seen from here")
    found = f"{gib(free)} free in {where}"
    advice = f"free some space in {where} (making the images needs {megabytes(NEEDED_FREE)})"
    if free < ENGINE_DISK_NEEDED:
        return Finding(name, Level.MISSING, found, advice)
    if free < ENGINE_DISK_ENOUGH:
        return Finding(name, Level.WARNING, found, advice)
    return Finding(name, Level.OK, found)


def judge_checkout_disk(where: Path, free: int | None) -> Finding:
    """Whether downloads and records fit below the checkout."""
    name = "checkout disk"
    if free is None:
        return Finding(name, Level.WARNING, f"{where}: how much is free cannot be told", "")
    found = f"{gib(free)} free in {where}"
    if free < CHECKOUT_DISK_ENOUGH:
        return Finding(name, Level.WARNING, found, f"free some space in {where}")
    return Finding(name, Level.OK, found)


def judge_resources(engine: Engine, cores: int, memory: int) -> Finding:
    """Memory and cores: the engine's where there is one, else this machine's."""
    whose = "this machine"
    if isinstance(engine, EngineFacts):
        whose, cores, memory = "the engine's machine", engine.cores, engine.memory
    found = f"{whose} has {gib(memory)} of memory and {cores} core{'s' if cores != 1 else ''}"
    if memory < MEMORY_ENOUGH:
        advice = f"give it {gib(MEMORY_ENOUGH)}, or run fewer things beside the lab"
        return Finding("resources", Level.WARNING, found, advice)
    return Finding("resources", Level.OK, found)


def judge_kernel(engine: Engine, features: Mapping[str, bool]) -> Finding:
    """Whether an engine can work on this kernel. An engine that runs has proven it."""
    if isinstance(engine, EngineFacts):
        return Finding("kernel", Level.OK, "the engine runs on it")
    if not features:
        return Finding("kernel", Level.OK, "does not matter: no engine would be started here")
    absent = sorted(name for name, there in features.items() if not there)
    if not absent:
        return Finding("kernel", Level.OK, f"{', '.join(sorted(features))}: there")
    return Finding(
        "kernel",
        Level.WARNING,
        f"not seen: {', '.join(absent)}",
        "an engine started here may fail: load the modules (modprobe), install iptables, mount "
        "the control groups (cgroupfs-mount), or use another machine's engine by DOCKER_HOST",
    )


def judge_builds(changes: Mapping[str, Sequence[str]]) -> Finding:
    """Which packages have moved, by image. That alone is no fault: each run says it where it may matter."""
    name = "builds"
    if not changes:
        return Finding(name, Level.OK, "no image is there yet")
    moved = [f"{image}: {change}" for image, several in changes.items() for change in several]
    if not moved:
        return Finding(name, Level.OK, "those with which the expectations were last seen to hold")
    found = "\n  ".join(["moved since the expectations were last seen to hold:", *moved])
    advice = "nothing; a run says beside an unexpected result which builds have moved"
    return Finding(name, Level.WARNING, found, advice)


def gib(number: int) -> str:
    """Bytes as ``12.3 GiB``."""
    return f"{number / GIB:.1f} GiB"


def kernel_features(
    filesystems: str, modules: Sequence[str], *, iptables: bool, cgroups: bool
) -> dict[str, bool]:
    """What dockerd needs of a kernel.

    Args:
        filesystems: the text of /proc/filesystems.
        modules: names of the modules that are loaded, built in or can be loaded.
        iptables: whether the program is installed.
        cgroups: whether the control groups are mounted.
    """
    return {
        "overlay": "overlay" in filesystems.split() or "overlay" in modules,
        "bridge": "bridge" in modules,
        "veth": "veth" in modules,
        "iptables": iptables,
        "control groups": cgroups,
    }


def telling_line(output: str) -> str:
    """The line of a failed program's output that says most: its first error, else its last line."""
    lines = machine.tail(output, 100)
    errors = (line for line in lines if "error" in line.lower())
    return next(errors, lines[-1] if lines else "")
