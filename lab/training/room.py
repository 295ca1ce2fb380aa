"""Is this machine ready for a lesson with so many seats? One demonstration is made to see how long it takes.

A seat is somebody who works on this machine in a checkout of their own, with a topology of their own.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from docker.errors import DockerException

from lab.host import machine
from lab.host.checkout import here
from lab.host.doctor import Engine, Seen, gib, judge_disk, look_at_engine, seen
from lab.images.errors import ImageError, Progress
from lab.run.checkout import Checkout
from lab.run.laboratory import image_store
from lab.serve.servers import LOOPBACK, SPAN
from lab.text import listed
from lab.training.choice import recommended

_MIB = 1024**2
#: Of a seat: what its containers and one command use, and what its runs leave on the disk, in bytes.
#: Measured are about 60 MiB for all containers and 90 MiB for a command; a record with its page is 12 MB.
SEAT_MEMORY, SEAT_DISK = 256 * _MIB, 300 * _MIB
#: Seconds that a demonstration may take which starts its own containers, and in which it must end.
SOON_S, LIMIT_S = 20.0, 120.0
#: Which of those to begin with is made: attempts with both outcomes, and an unsafe remedy.
_SHOWN = 0


def examine_room(seats: int, first_port: int) -> dict[str, Seen]:
    """What a lesson needs beyond what the lab needs, in words.

    Args:
        seats: how many people work at it.
        first_port: the first one on which ``lab serve`` listens.
    """
    import psutil  # noqa: PLC0415

    engine, where = look_at_engine(os.environ), here()
    try:
        return {
            "seats": judge_memory(seats, psutil.virtual_memory().available),
            "seats' disk": judge_disk(where, machine.free_bytes(where), seats * SEAT_DISK),
            "images": look_at_images(engine),
            "ports": judge_ports(first_port, taken_ports(first_port)),
            "demonstration": look_at_a_demonstration(
                without_network() if engine.local and engine.client is not None else ()
            ),
        }
    finally:
        if engine.client is not None:
            engine.client.close()


def judge_memory(seats: int, free: int) -> Seen:
    """Whether so much memory is enough for so many seats."""
    fit = free // SEAT_MEMORY
    found = (
        f"{gib(free)} of memory are free; {seats} seat{'s' if seats > 1 else ''} need"
        f" {gib(seats * SEAT_MEMORY)}, there is room for {fit}"
    )
    advice = "fewer seats on this machine, or more memory; one topology can be shown to all"
    return seen(found, advice, weak=fit < seats, missing=fit < 1)


def taken_ports(first: int) -> list[int]:
    """Of the ports of ``lab serve``, from this one on, those that something else has."""
    taken = []
    for port in range(first, first + SPAN + 1):
        with socket.socket() as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trying.bind((LOOPBACK, port))
            except OSError:
                taken.append(port)
    return taken


def judge_ports(first: int, taken: Sequence[int]) -> Seen:
    """Whether the ports of ``lab serve`` are free."""
    those = f"{first} to {first + SPAN}"
    if not taken:
        return seen(f"those of `lab serve`, {those}, are free")
    advice = "end what listens there, or `lab serve --port FIRST` with others"
    return seen(f"of {those} something has {listed(map(str, taken), 5)}", advice, weak=True)


def look_at_images(engine: Engine) -> Seen:
    """Whether all images are there, so that nothing is built while the class waits."""
    if engine.client is None:
        return seen("cannot be told without an engine", missing=True)
    try:
        store = image_store(engine.client, Checkout.here(), Progress())
        absent = sorted(set(store.of_topology) - set(store.found()))
    except (ImageError, DockerException) as error:
        return seen(str(error), "`lab images` says more", missing=True)
    advice = "`lab up` before the lesson, while there is a network; or `lab images import FILE`"
    if absent:
        return seen(f"not built yet: {', '.join(absent)}", advice, missing=True)
    return seen("all are there: nothing is built, and nothing is fetched")


def look_at_a_demonstration(alone: Sequence[str]) -> Seen:
    """One demonstration, as it is made in a lesson.

    Args:
        alone: what cuts a command off from every network; nothing: that cannot be done here.
    """
    name = recommended()[_SHOWN]
    command = [sys.executable, "-c", "from lab.cli import main; main()", "demo", name, "--no-pause"]
    began = time.monotonic()
    try:
        machine.run([*alone, *command], timeout_s=LIMIT_S)
    except machine.CommandError as error:
        said = machine.tail(error.output, 3)
        words = "\n".join([f"{name}: {error.happened}", *said])
        return seen(words, f"`lab demo {name} --no-pause` shows what is wrong", missing=True)
    return judge_demonstration(name, time.monotonic() - began, cut_off=bool(alone))


def judge_demonstration(name: str, took_s: float, *, cut_off: bool) -> Seen:
    """What a demonstration of so many seconds says."""
    how = "with no network at all" if cut_off else "(whether without a network only root can try)"
    found = f"{name} took {took_s:.1f} s {how}"
    advice = "`lab up` before the lesson; fewer programs beside it"
    return seen(found, advice, weak=took_s > SOON_S)


def without_network() -> Sequence[str]:
    """The command that runs another one without a network; nothing, where there is none or it may not."""
    unshare = machine.program("unshare")
    if unshare is None:
        return ()
    asked = [unshare, "--net", "true"]
    done = subprocess.run(asked, capture_output=True, check=False, timeout=LIMIT_S)
    return (unshare, "--net") if done.returncode == 0 else ()
