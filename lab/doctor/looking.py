"""The looks: each asks this machine or the engine one thing, and has a deadline of its own."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import docker.errors
import requests.exceptions

from lab import checkout, machine
from lab.doctor.findings import Engine, EngineFacts, Finding, Level, NoEngine
from lab.doctor.judging import (
    judge_builds,
    judge_engine_disk,
    judge_kernel,
    kernel_features,
    telling_line,
)
from lab.engine import EngineError
from lab.engine.compose import candidates, compose_version
from lab.engine.connect import connect
from lab.engine.endpoint import resolve
from lab.engine.lifecycle import why_not_start
from lab.engine.settings import DEFAULT_DATA_ROOT
from lab.images import ImageError, ImageStore, Source, release_from_environment
from lab.images.provenance import moved

LOOK_TIMEOUT_S = 2.5
REGISTRY_PROBE_IMAGE = "rockylinux/rockylinux:9"


def look_at_engine(environment: Mapping[str, str]) -> Engine:
    """The engine that would be used, or why there is none."""
    try:
        endpoint = resolve(environment)
    except EngineError as error:
        return NoEngine(error, would_start=False)
    try:
        client = connect(endpoint, timeout_s=2)
    except EngineError as error:
        refusal = why_not_start(
            endpoint,
            error,
            root=machine.is_root(),
            system=machine.os_release(),
            installed=machine.program("dockerd") is not None,
        )
        return NoEngine(refusal or error, would_start=refusal is None)
    try:
        info = client.info()
    finally:
        client.close()
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
        where, local = str(DEFAULT_DATA_ROOT), engine.would_start
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
        cgroups=any(Path("/sys/fs/cgroup").glob("*")),
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
    problems = []
    for command in candidates(Path(sys.executable)):
        version, problem = compose_version(command, environment)
        if version is not None:
            return Finding("compose", Level.OK, f"{version} ({' '.join(command)})")
        problems.append(f"{' '.join(command)}: {problem}")
    advice = "make the environment anew, which brings Compose: rm -rf .venv && make .venv"
    return Finding("compose", Level.MISSING, "; ".join(problems), advice)


def look_at_registry(engine: Engine, environment: Mapping[str, str]) -> Finding:
    """Whether a container registry answers."""
    name = "registry"
    consequence = "nothing, if the packages below can be had: the images are built from those"
    if isinstance(engine, NoEngine):
        return Finding(name, Level.WARNING, "cannot be told without an engine", consequence)
    # The engine is asked, because the engine does the pulling: its proxy and its mirrors count.
    try:
        client = connect(resolve(environment), timeout_s=2)
    except EngineError as error:
        return Finding(name, Level.WARNING, str(error), consequence)
    try:
        client.api.timeout = 2
        client.api.inspect_distribution(  # type: ignore[no-untyped-call]
            REGISTRY_PROBE_IMAGE
        )
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        return Finding(name, Level.WARNING, f"does not answer: {_reason(error)}", consequence)
    finally:
        client.close()
    return Finding(name, Level.OK, f"answers for {REGISTRY_PROBE_IMAGE}")


def _reason(error: Exception) -> str:
    explanation = getattr(error, "explanation", None)
    return str(explanation or error).strip().splitlines()[0]


def look_at_builds(engine: Engine, environment: Mapping[str, str]) -> Finding:
    """Which packages in the images have moved since the expectations were last seen to hold."""
    name = "builds"
    if isinstance(engine, NoEngine):
        return Finding(name, Level.OK, "cannot be told without an engine")
    try:
        client = connect(resolve(environment), timeout_s=2)
    except EngineError as error:
        return Finding(name, Level.WARNING, str(error))
    try:
        store = ImageStore(
            client,
            checkout.state_directory(),
            Source.from_environment(environment),
            release=release_from_environment(environment),
        )
        recorded = store.recorded()
        images = [status.info.provenance for status in store.status() if status.info]
    except ImageError as error:
        # No run starts either: a variable without a meaning, a recipe or a table that cannot be read.
        return Finding(name, Level.MISSING, error.reason, "; or ".join(error.advice))
    finally:
        client.close()
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
