"""What can go wrong with an image, how an operator is told, and how long steps are made visible."""

from __future__ import annotations

import errno
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, TextIO

import docker
from docker.errors import DockerException
from requests import RequestException

from lab.host import machine
from lab.text import AdvisedError


class ImageError(AdvisedError):
    """An image cannot be had."""

    table: ClassVar[Path] = Path(__file__).with_name("errors.toml")

    @property
    def reason(self) -> str:
        """One line: what was tried and the first line of what happened."""
        return f"{self.tried}: {first_line(self.happened)}"


class WrongVariable(ImageError):
    """A variable of the environment has a value that means nothing."""


class UnknownImage(ImageError):
    """No recipe has that name."""


def first_line(text: str) -> str:
    """What a text says first."""
    return next(iter(text.strip().splitlines()), "no reason given")


NO_SPACE = re.compile(r"(?i)no space left on device|disk quota exceeded|ENOSPC|file system is full")


def is_no_space(error: BaseException | str) -> bool:
    """Whether this failure is a full disk: an ``OSError`` of that kind, or a text that says so."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    return NO_SPACE.search(str(error)) is not None


def no_space(tried: str, happened: object, place: Path | None) -> ImageError:
    """A full disk, said clearly.

    Args:
        tried: what needed the space.
        happened: the raw text; of several lines the last that says it is repeated.
        place: the directory whose file system is full; ``None``: the engine's, which is not seen from here.
    """
    said = [line.strip() for line in str(happened).splitlines() if is_no_space(line)]
    free = machine.free_bytes(place) if place is not None else None
    unknown, where = "free space there: unknown from here", place or "the engine's data root"
    left = unknown if free is None else f"{megabytes(free)} free there"
    happened = said[-1] if said else happened
    return ImageError("no-space", tried=tried, happened=happened, place=where, free=left)


@contextmanager
def room(tried: str, place: Path) -> Iterator[None]:
    """Say it clearly when the disk below ``place`` is full; what the engine says of its own disk passes.

    Raises:
        ImageError: it was full; any other failure comes as it is.
    """
    try:
        yield
    except (OSError, machine.CommandError) as error:
        if isinstance(error, RequestException) or not is_no_space(error):
            raise
        raise no_space(tried, error, place) from error


def data_root(engine: docker.DockerClient) -> Path | None:
    """Where the engine keeps its data, when it runs on this machine."""
    if engine.api.base_url != "http+docker://localhost":
        return None
    place = Path(str(engine.info().get("DockerRootDir", "")))
    return place if place.is_dir() else None


@contextmanager
def engine_errors(engine: docker.DockerClient, tried: str) -> Iterator[None]:
    """Turn what the engine's client raises into an error that says what to do.

    Args:
        engine: the engine.
        tried: what is done in the block, as a noun phrase.

    Raises:
        ImageError: the engine failed; a full disk is told apart from the rest.
    """
    try:
        yield
    except ImageError as error:
        if error.problem == "no-space" or not is_no_space(error.happened):
            raise
        raise no_space(error.tried, error.happened, data_root(engine)) from error
    except (DockerException, RequestException) as error:
        if is_no_space(error):
            raise no_space(tried, error, data_root(engine)) from error
        happened = getattr(error, "explanation", None) or error
        raise ImageError("engine", tried=tried, happened=happened) from error


def megabytes(size: int) -> str:
    """A number of bytes as a person reads it: ``912 MB`` or ``1.4 GB``."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


class Progress:
    """Told of everything that takes time, from several threads. This one tells nobody."""

    def step(self, name: str, detail: str) -> None:
        """Something new happens for ``name`` (an image, usually)."""

    def done(self, name: str, seconds: float) -> None:
        """``name`` is finished and took so long."""
        self.step(name, f"ready after {seconds:.1f} s")

    def failed(self, name: str, reason: str) -> None:
        """``name`` cannot be had: the first line of the reason; the whole text travels in the error."""
        self.step(name, f"failed: {first_line(reason)}")


class Printed(Progress):
    """Prints a line an event, with the seconds since the start: ``[ 12.3 s] rocky9: ...``."""

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream, self._lock = stream or sys.stderr, threading.Lock()
        self._clock, self._started = clock, clock()

    def step(self, name: str, detail: str) -> None:
        """One line for what happens now."""
        with self._lock:
            elapsed = self._clock() - self._started
            self._stream.write(f"[{elapsed:5.1f} s] {name}: {detail}\n")
            self._stream.flush()
