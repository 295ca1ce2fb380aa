"""Copies of this checkout, and the command `lab` in them as a person types it.

A copy has its own name on the engine, its own state directory and its own scenarios, so that a test
may kill, fill and change what it likes.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from docker import DockerClient

from lab.host.checkout import LABEL_CHECKOUT, root
from lab.host.machine import wait_until
from lab.record import AttemptResult, RunRecord, load
from lab.run import network, topology
from lab.run.checkout import LABEL_RUN, Checkout

#: Seconds for anything that a test waits for; far more than it takes.
PATIENCE_S = 60.0
#: The same for a build: images are made by one process at a time, and other tests make some, too.
BUILD_S = 180.0
POLL_S = 0.02
#: What a checkout consists of, as far as the command is concerned.
PARTS = ("lab", "scenarios", "compose", "pyproject.toml")
#: The command of the environment that runs the tests.
LAB = Path(sys.executable).with_name("lab")


def port_of(result: AttemptResult) -> int:
    """The port of the listener that an attempt was made at."""
    (port,) = re.findall(r'"[Pp]ort": (\d+)', json.dumps(result.request))
    return int(port)


@dataclass(frozen=True)
class Done:
    """A command that has ended."""

    argv: tuple[str, ...]
    status: int
    out: str
    err: str

    def __str__(self) -> str:
        return (
            f"$ {shlex.join(self.argv)}\nexit status {self.status}\n"
            f"--- standard output\n{self.out}\n--- standard error\n{self.err}"
        )

    def json(self) -> Any:
        """Standard output, read as JSON."""
        return json.loads(self.out)

    @property
    def message(self) -> str:
        """What the command says when it does not do what it was asked: one message, no traceback."""
        assert "Traceback" not in self.err, f"a traceback instead of a message\n{self}"
        lines = self.err[self.err.find("lab: ") :] if "lab: " in self.err else ""
        assert lines, f"no message that begins with 'lab: '\n{self}"
        return lines


class Running:
    """A command under way, in a session of its own."""

    def __init__(self, argv: tuple[str, ...], environment: Mapping[str, str], cwd: Path) -> None:
        self.argv = argv
        self.process = subprocess.Popen(
            argv,
            env=dict(environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._texts: dict[str, list[str]] = {"out": [], "err": []}
        self._readers = [
            threading.Thread(target=self._read, args=(name, stream), daemon=True)
            for name, stream in (("out", self.process.stdout), ("err", self.process.stderr))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, name: str, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._texts[name].append(line)

    @property
    def err(self) -> str:
        """Standard error so far."""
        return "".join(self._texts["err"])

    def so_far(self) -> Done:
        """What is known now; the exit status of a command that still runs is shown as -1."""
        status = self.process.poll()
        out = "".join(self._texts["out"])
        return Done(self.argv, -1 if status is None else status, out, self.err)

    def wait_for(self, text: str) -> None:
        """Wait for a text on standard error."""
        self.wait_until(lambda: text in self.err, f"{text!r} on standard error")

    def wait_until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until something has held once, as long as the command runs."""

        def ended() -> bool:
            if self.process.poll() is None:
                return False
            for reader in self._readers:  # what it said last is a part of what can hold
                reader.join(PATIENCE_S)
            return True

        held = False

        def over() -> bool:
            nonlocal held
            last = ended()  # first: what holds when it ends has held
            held = bool(condition())
            return held or last

        wait_until(over, timeout_s=PATIENCE_S, interval_s=POLL_S)
        assert held, f"waited for {what}\n{self.so_far()}"

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the command itself for a while, in whatever it is doing."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the command itself, and nothing that it started, without a warning (kill -9)."""
        self.process.kill()
        self.done()

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """Ctrl-C: the signal goes to the command and to all that it started."""
        os.killpg(self.process.pid, number)

    def done(self) -> Done:
        """Wait for the end."""
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not ended after {PATIENCE_S:.0f} s\n{self.so_far()}") from None
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return self.so_far()

    def end(self) -> None:
        """End it and everything that it started, whatever state it is in."""
        with contextlib.suppress(ProcessLookupError):  # all have ended
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE_S)


class Copy:
    """A copy of this checkout below ``path``."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True)
        self.path = path
        for part in PARTS:
            source = root() / part
            if source.is_dir():
                # With the bytecode, which is valid there too: times are copied with the files.
                shutil.copytree(source, path / part, ignore=shutil.ignore_patterns(".mypy_cache"))
            else:
                shutil.copy2(source, path / part)
        self.checkout = Checkout(path.resolve())
        self._started: list[Running] = []

    def environment(self, **changes: str) -> dict[str, str]:
        """The environment in which commands use this copy, its code included."""
        inherited = {n: v for n, v in os.environ.items() if n not in {"LAB_ROOT", "FORCE_COLOR"}}
        own = {"PYTHONPATH": str(self.path), "COLUMNS": "160", "NO_COLOR": "1"}
        return inherited | own | changes

    def start(self, *words: str, **changes: str) -> Running:
        """Start `lab` with these words; ``changes`` are variables of its environment."""
        return self.run_program(str(LAB), *words, **changes)

    def run_program(self, *argv: str, **changes: str) -> Running:
        """Start a program of the environment on this copy."""
        running = Running(argv, self.environment(**changes), self.path)
        self._started.append(running)
        return running

    def lab(self, *words: str, **changes: str) -> Done:
        """Run `lab` to its end."""
        return self.start(*words, **changes).done()

    # -- records -------------------------------------------------------------------------------------

    def runs(self) -> list[Path]:
        """The folders of all runs, the newest last."""
        folder = self.checkout.state / "runs"
        found = [p for p in folder.glob("*-*") if p.is_dir() and not p.is_symlink()]
        return sorted(found, key=lambda run: run.stat().st_mtime_ns)

    def journal(self) -> RunRecord | None:
        """The newest run as its journal has it, None before there is one."""
        for folder in reversed(self.runs()):
            path = folder / "attempts.jsonl"
            return load(path) if path.exists() and b"\n" in path.read_bytes() else None
        return None

    def record(self) -> RunRecord:
        """The newest run."""
        return load(self.runs()[-1])

    # -- the engine ----------------------------------------------------------------------------------

    def containers(self, engine: DockerClient, service: str = "") -> list[str]:
        """Ids of this copy's containers, of one service or all; those that do not run too."""
        labels = [f"{LABEL_CHECKOUT}={self.checkout.key}"]
        labels += [f"{network.LABEL_SERVICE}={service}"] if service else []
        return [c["Id"] for c in engine.api.containers(all=True, filters={"label": labels})]

    def left(self, engine: DockerClient) -> list[str]:
        """Everything of this copy that is on the engine, in words."""
        filters = {"label": f"{LABEL_CHECKOUT}={self.checkout.key}"}
        found = [
            f"container {c['Names']}" for c in engine.api.containers(all=True, filters=filters)
        ]
        found += [f"network {n['Name']}" for n in engine.api.networks(filters=filters)]
        volumes = engine.api.volumes(filters=filters)["Volumes"] or []
        return found + [f"volume {v['Name']}" for v in volumes]

    def projects(self, engine: DockerClient) -> set[str]:
        """The topologies of this copy that have a container."""
        filters = {"label": f"{LABEL_CHECKOUT}={self.checkout.key}"}
        found = engine.api.containers(all=True, filters=filters)
        return {c["Labels"][network.LABEL_PROJECT] for c in found}

    def run_ids(self, engine: DockerClient) -> set[str]:
        """The runs that started this copy's containers."""
        filters = {"label": f"{LABEL_CHECKOUT}={self.checkout.key}"}
        return {c["Labels"][LABEL_RUN] for c in engine.api.containers(all=True, filters=filters)}

    def clean(self, engine: DockerClient) -> None:
        """End what was started here and remove what it left."""
        for running in self._started:
            running.end()
        try:
            topology.down(engine, self.checkout, force=True)
        except network.TopologyError as error:
            # Docker 20.10 sometimes keeps counting a container that is gone, until its next restart: then the
            # network alone is left. It is said; anything else that stays is a fault.
            label: dict[str, str | list[str] | bool] = {
                "label": f"{LABEL_CHECKOUT}={self.checkout.key}"
            }
            if engine.containers.list(all=True, filters=label):
                raise
            sys.stderr.write(f"{error}\n")
        finally:
            shutil.rmtree(self.path)


def agents_in(engine: DockerClient, container: str) -> list[str]:
    """Command lines of the processes in a container that are not just its waiting."""
    processes: list[list[str]] = engine.api.top(container)["Processes"]
    waiting = ("sleep infinity", "/sbin/docker-init", "crypto-policy")
    return [row[-1] for row in processes if not any(word in row[-1] for word in waiting)]
