"""Whether what was seen is enough for the lab: pure, from the values alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from lab import machine
from lab.doctor.findings import Engine, EngineFacts, Finding, Level, NoEngine
from lab.images.errors import megabytes
from lab.images.inventory import NEEDED_FREE

GIB = 1024**3
ENGINE_DISK_ENOUGH = max(2 * GIB, NEEDED_FREE)
"""Room for all images with what making them needs meanwhile; those that are there need none of it."""
ENGINE_DISK_NEEDED = 1 * GIB
CHECKOUT_DISK_ENOUGH = 1 * GIB
MEMORY_ENOUGH = 2 * GIB
"""All containers together stay below 1 GiB; the engine and the lab itself need some too."""

OLDEST_PYTHON = (3, 11)


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
