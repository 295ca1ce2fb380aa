"""What this machine has and lacks for the lab. Looks, and never changes anything.

Every look has a deadline of its own and all run side by side, so that the whole takes about as long as the
slowest of them, also without a network. ``look_...`` sees; ``judge_...`` says from the values alone whether
that is enough, where a machine cannot be had for each of them.
"""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.host import checkout, machine
from lab.host.engine import EngineError, connect, find_compose, resolve
from lab.host.starting import DATA_ROOT, refusal

if TYPE_CHECKING:
    from docker import DockerClient

EXIT_READY = 0
EXIT_NOT_READY = 3
LOOK_TIMEOUT_S = 2.5
REGISTRY_PROBE_IMAGE = "rockylinux/rockylinux:9"
GIB = 1024**3
ENGINE_DISK_ENOUGH = 2 * GIB
"""Room for all images with what making them needs meanwhile; those that are there need none of it."""
ENGINE_DISK_NEEDED = 1 * GIB
CHECKOUT_ENOUGH = 1 * GIB
MEMORY_ENOUGH = 2 * GIB
"""All containers together stay below 1 GiB; the engine and the lab itself need some too."""


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


def seen(found: str, advice: str = "", *, weak: bool = False, missing: bool = False) -> Seen:
    """What was found; it is all right unless it is weak or missing, and only then there is advice."""
    level = Level.MISSING if missing else Level.WARNING if weak else Level.OK
    return Seen(level, found, advice if level is not Level.OK else "")


@dataclass(frozen=True)
class Engine:
    """The engine that would be used, or why there is none."""

    where: str = ""
    client: DockerClient | None = None
    info: Mapping[str, Any] = field(default_factory=dict)
    """What it says about itself (``GET /info``)."""
    local: bool = True
    error: EngineError | None = None
    would_start: bool = False
    """Whether the lab would start one here by itself, where there is none."""


def examine(environment: Mapping[str, str] | None = None) -> dict[str, Seen]:
    """Look at everything that the lab needs or can use, in the order in which it needs it."""
    env = dict(os.environ if environment is None else environment)
    root = checkout.here()
    with ThreadPoolExecutor(max_workers=16, thread_name_prefix="doctor") as pool:
        engine: Future[Engine] = pool.submit(look_at_engine, env)
        looks: Mapping[str, Callable[[], Seen]] = {
            # One that is too old does not come as far as this.
            "python": lambda: seen(f"{platform.python_version()} ({sys.executable})"),
            "make": lambda: look_for_program("make"),
            "git": lambda: look_for_program("git"),
            "architecture": lambda: judge_architecture(platform.machine()),
            "engine": lambda: judge_engine(engine.result()),
            "engine disk": lambda: look_at_engine_disk(engine.result()),
            "resources": lambda: look_at_resources(engine.result()),
            "kernel": lambda: look_at_kernel(engine.result()),
            "compose": lambda: look_for_compose(env),
            "registry": lambda: look_at_registry(engine.result()),
            "builds": lambda: look_at_builds(engine.result(), env),
            "Debian packages": look_at_packages,
            "pip index": look_at_pip,
            "npm registry": look_at_npm,
            "checkout disk": lambda: judge_disk(root, machine.free_bytes(root), CHECKOUT_ENOUGH),
        }
        futures = {name: pool.submit(look) for name, look in looks.items()}
        findings = {name: future.result() for name, future in futures.items()}
    if (client := engine.result().client) is not None:
        client.close()
    return findings


def render(findings: Mapping[str, Seen]) -> str:
    """The findings for a person: a line each, and below it what to do."""
    width = max(map(len, findings), default=0)
    lines = []
    for name, (level, found, advice) in findings.items():
        first, *more = found.split("\n")
        lines.append(f"{level:<7}  {name:<{width}}  {first}")
        more += [f"what to do: {advice}"] if advice else []
        lines += [f"{'':<7}  {'':<{width}}  {line}" for line in more]
    ready = worst(findings) == EXIT_READY
    return "\n".join([*lines, "", f"The lab {'can' if ready else 'cannot'} run here."])


def worst(findings: Mapping[str, Seen]) -> int:
    """The exit status: 0 when the lab can run here, 3 when something that it needs is missing."""
    missing = any(finding.level is Level.MISSING for finding in findings.values())
    return EXIT_NOT_READY if missing else EXIT_READY


def look_at_engine(environment: Mapping[str, str]) -> Engine:
    """The engine that would be used, or why there is none."""
    try:
        endpoint = resolve(environment)
    except EngineError as error:
        return Engine(error=error)
    try:
        client = connect(endpoint, timeout_s=2)
    except EngineError as error:
        refused = refusal(endpoint, error)
        return Engine(error=refused or error, would_start=refused is None)
    client.api.timeout = 2
    return Engine(str(endpoint), client, client.info(), local=endpoint.socket is not None)


def judge_engine(engine: Engine) -> Seen:
    """Whether there is an engine, or will be one."""
    if engine.error is not None:
        found = f"{engine.error.tried}: {engine.error.happened}"
        if engine.would_start:
            advice = "nothing: `lab engine start` installs what is missing and starts one"
            return seen(found, advice, weak=True)
        return seen(found, "; or ".join(engine.error.advice), missing=True)
    version, driver = (engine.info.get(name, "unknown") for name in ("ServerVersion", "Driver"))
    found = f"{version} at {engine.where}, storage driver {driver}"
    if driver == "vfs":
        advice = "vfs copies every layer: put the data root on ext4 or xfs, so that overlay2 works"
        return seen(found, advice, weak=True)
    if not all(engine.info.get(limit, True) for limit in ("MemoryLimit", "PidsLimit")):
        found += "; it cannot limit the memory or the processes of a container"
        return seen(found, "see that the memory and pids control groups are mounted", weak=True)
    return seen(found)


def look_at_engine_disk(engine: Engine) -> Seen:
    """Room where the engine keeps its images."""
    from lab.images.errors import megabytes
    from lab.images.making import NEEDED_FREE

    where = Path(DATA_ROOT if engine.error else engine.info.get("DockerRootDir", ""))
    local = engine.would_start if engine.error else engine.local
    free = machine.free_bytes(where) if local else None
    needed = f" (making the images needs {megabytes(NEEDED_FREE)})"
    return judge_disk(where, free, ENGINE_DISK_ENOUGH, ENGINE_DISK_NEEDED, needed)


def judge_disk(where: Path, free: int | None, enough: int, needed: int = 0, why: str = "") -> Seen:
    """Whether a disk has room: of fewer bytes than ``enough`` it is said, ``needed`` are indispensable."""
    if free is None:
        return seen(f"{where}: how much is free cannot be seen from here")
    advice = f"free some space in {where}{why}"
    return seen(f"{gib(free)} free in {where}", advice, weak=free < enough, missing=free < needed)


def look_at_resources(engine: Engine) -> Seen:
    """Memory and cores: the engine's where there is one, else this machine's."""
    import psutil

    whose, cores, memory = "this machine", os.cpu_count() or 1, psutil.virtual_memory().total
    if engine.error is None:
        whose = "the engine's machine"
        cores, memory = int(engine.info.get("NCPU", 0)), int(engine.info.get("MemTotal", 0))
    found = f"{whose} has {gib(memory)} of memory and {cores} core{'s' if cores != 1 else ''}"
    advice = f"give it {gib(MEMORY_ENOUGH)}, or run fewer things beside the lab"
    return seen(found, advice, weak=memory < MEMORY_ENOUGH)


def look_at_kernel(engine: Engine) -> Seen:
    """What an engine needs of this kernel. An engine that runs has proven it."""
    if engine.error is None:
        return seen("the engine runs on it")
    if not engine.would_start:
        return seen("does not matter: no engine would be started here")
    features = {name: _in_kernel(name, symbol) for name, symbol in _SYMBOL_OF.items()}
    # It is installed together with the engine.
    features["iptables"] = machine.program("iptables") is not None or machine.has_docker_io()
    # The engine's init script mounts them where the kernel has them.
    groups = Path("/proc/cgroups").exists() or any(Path("/sys/fs/cgroup").glob("*"))
    return judge_kernel(features | {"control groups": groups})


_SYMBOL_OF = {"bridge": "br_add_bridge", "veth": "veth_newlink", "overlay": "ovl_fill_super"}


def _in_kernel(name: str, symbol: str) -> bool:
    """Whether a module is loaded or built in, or can be loaded."""
    modules = Path("/lib/modules", platform.release())
    # A kernel without a module directory: its own symbol table still tells what is built in.
    marks = {
        modules / "modules.builtin": f"/{name}.ko",
        modules / "modules.dep": f"/{name}.ko",
        Path("/proc/kallsyms"): f" {symbol}",
    }
    return Path("/sys/module", name).is_dir() or any(
        mark in path.read_text(encoding="utf-8", errors="replace")
        for path, mark in marks.items()
        if path.exists()
    )


def judge_kernel(features: Mapping[str, bool]) -> Seen:
    """Whether an engine can work on a kernel with these features."""
    absent = sorted(name for name, there in features.items() if not there)
    return seen(
        f"not seen: {', '.join(absent)}" if absent else f"{', '.join(sorted(features))}: there",
        "an engine started here may fail: load the modules (modprobe), install iptables, mount "
        "the control groups (cgroupfs-mount), or use another machine's engine by DOCKER_HOST",
        weak=bool(absent),
    )


def look_for_program(name: str) -> Seen:
    """A program that has to be installed."""
    advice = f"apt-get install {name}"
    path = machine.program(name)
    if path is None:
        return seen("not found", advice, missing=True)
    try:
        version = machine.run([path, "--version"], timeout_s=LOOK_TIMEOUT_S).stdout
    except machine.CommandError as error:
        return seen(str(error), f"repair it: {advice}", missing=True)
    return seen(version.splitlines()[0] if version else path)


def look_for_compose(environment: Mapping[str, str]) -> Seen:
    """The first Compose that works."""
    try:
        command, version = find_compose(environment)
    except EngineError as error:
        return seen(error.happened, error.advice[0], missing=True)
    return seen(f"{version} ({' '.join(command)})")


def look_at_registry(engine: Engine) -> Seen:
    """Whether a container registry answers."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    consequence = "nothing, if the packages below can be had: the images are built from those"
    if engine.client is None:
        return seen("cannot be told without an engine", consequence, weak=True)
    # The engine is asked, because the engine does the pulling: its proxy and its mirrors count.
    try:
        engine.client.images.get_registry_data(REGISTRY_PROBE_IMAGE)
    except (DockerException, RequestException) as error:
        said = str(getattr(error, "explanation", None) or error).strip().splitlines()[0]
        return seen(f"does not answer: {said}", consequence, weak=True)
    return seen(f"answers for {REGISTRY_PROBE_IMAGE}")


def look_at_builds(engine: Engine, environment: Mapping[str, str]) -> Seen:
    """Which packages in the images have moved since the expectations were last seen to hold."""
    from lab.images.errors import ImageError
    from lab.images.provenance import moved
    from lab.images.recipe import Source, release_from_environment
    from lab.images.store import ImageStore

    if engine.client is None:
        return seen("cannot be told without an engine")
    try:
        state = checkout.state_directory(checkout.here())
        source, named = Source.from_environment(environment), release_from_environment(environment)
        store = ImageStore(engine.client, state, source, release=named)
        recorded = store.recorded()
        images = [info.provenance for info in store.found().values()]
    except ImageError as error:
        # No run starts either: a variable without a meaning, a recipe or a table that cannot be read.
        return seen(error.reason, "; or ".join(error.advice), missing=True)
    return judge_builds({p.image: moved(recorded, p) or () for p in images})


def judge_builds(changes: Mapping[str, Sequence[str]]) -> Seen:
    """Which packages have moved, by image. That alone is no fault: each run says it where it may matter."""
    if not changes:
        return seen("no image is there yet")
    moved = [f"{image}: {change}" for image, several in changes.items() for change in several]
    if not moved:
        return seen("those with which the expectations were last seen to hold")
    found = "\n  ".join(["moved since the expectations were last seen to hold:", *moved])
    advice = "nothing; a run says beside an unexpected result which builds have moved"
    return seen(found, advice, weak=True)


def look_at_packages() -> Seen:
    """Whether images can be put together from Debian's packages."""
    apt, bootstrap = machine.program("apt-get"), machine.program("mmdebstrap")
    if apt is None:
        advice = "nothing, if a registry answers: Debian's packages are only needed without one"
        return seen("no apt-get on this machine", advice, weak=True)
    advice = "apt-get install mmdebstrap (not needed where a registry answers)"
    if machine.is_root():
        advice = "nothing: `lab engine start` installs it when it is needed"
    return seen(f"{apt}, {bootstrap or 'but no mmdebstrap'}", advice, weak=bootstrap is None)


def look_at_pip() -> Seen:
    """Whether Python's package index answers."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    return _look_at_index([*command, "index", "versions", "pip", "--timeout=2", "--retries=0"])


def look_at_npm() -> Seen:
    """Whether npm's registry answers."""
    path = machine.program("npm")
    if path is None:
        advice = "apt-get install npm (not needed where a registry answers)"
        return seen("npm is not installed", advice, weak=True)
    return _look_at_index([path, "ping", "--fetch-timeout=2000", "--fetch-retries=0"])


def _look_at_index(command: Sequence[str]) -> Seen:
    try:
        machine.run(command, timeout_s=LOOK_TIMEOUT_S)
    except machine.CommandError as error:
        found = f"does not answer: {telling_line(error.output) or error.happened}"
        advice = "nothing, if the downloads are cached already or a registry answers"
        return seen(found, advice, weak=True)
    return seen("answers")


def judge_architecture(name: str) -> Seen:
    """Whether the images, which are linux/amd64, run here without emulation."""
    if name in {"x86_64", "amd64"}:
        return seen(name)
    return seen(
        f"{name}; the images are linux/amd64 and need emulation here, which is slow",
        "use an x86-64 machine, or let the engine emulate one (qemu-user-static, binfmt-support)",
        weak=True,
    )


def gib(number: int) -> str:
    """Bytes as ``12.3 GiB``."""
    return f"{number / GIB:.1f} GiB"


def telling_line(output: str) -> str:
    """The line of a failed program's output that says most: its first error, else its last line."""
    lines = machine.tail(output, 100)
    errors = (line for line in lines if "error" in line.lower())
    return next(errors, lines[-1] if lines else "")
