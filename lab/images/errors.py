"""What can go wrong with an image, how an operator is told, and how long steps are made visible."""

from __future__ import annotations

import errno
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Protocol, TextIO

from lab.advice import AdvisedError
from lab.text import LONGEST_QUOTE, one_line


class Problem(StrEnum):
    """The kind of failure, for code that decides on it."""

    RECIPE = "recipe"
    REGISTRY = "registry"
    BOOTSTRAP = "bootstrap"
    DOWNLOAD = "download"
    TOOL = "tool"
    BUILD = "build"
    MEASURE = "measure"
    ARCHIVE = "archive"
    PLATFORM = "platform"
    LOCKED = "locked"
    NO_SPACE = "no-space"
    ENGINE = "engine"
    INTERRUPTED = "interrupted"


#: The way out that needs no network at all.
IMPORT_ADVICE = "import the images from a machine that has them: lab images import FILE"


class ImageError(AdvisedError[Problem]):
    """An image cannot be had."""

    @property
    def reason(self) -> str:
        """One line: what was tried and the first line of what happened."""
        lines = self.happened.strip().splitlines()
        return f"{self.tried}: {lines[0] if lines else 'no reason given'}"


class WrongVariable(ImageError):
    """A variable of the environment has a value that means nothing.

    Args:
        name: of the variable.
        value: what it has; quoted in part, on one line.
        known: the values that mean something.
        happened: what is wrong with it.
    """

    def __init__(self, name: str, value: str, known: Iterable[str], happened: str) -> None:
        super().__init__(
            Problem.RECIPE,
            tried=f"{name}={one_line(value, LONGEST_QUOTE)}",
            happened=happened,
            advice=[f"use one of {', '.join(known)}, or leave {name} unset"],
        )


NO_SPACE = re.compile(
    r"no space left on device|disk quota exceeded|ENOSPC|file system is full", re.I
)


def is_no_space(error: BaseException | str) -> bool:
    """Whether this failure is a full disk: an ``OSError`` of that kind, or a text that says so."""
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return True
    return NO_SPACE.search(str(error)) is not None


def no_space(tried: str, happened: str, place: str, free: int | None) -> ImageError:
    """A full disk, said clearly.

    Args:
        tried: what needed the space.
        happened: the raw text.
        place: the directory whose file system is full.
        free: bytes that are free there now, or None when that cannot be told from here.
    """
    left = (
        "free space there: unknown from here" if free is None else f"{megabytes(free)} free there"
    )
    return ImageError(
        Problem.NO_SPACE,
        tried=tried,
        happened=f"the disk is full below {place} ({left}): {happened}",
        advice=(
            "lab images prune removes the images of older recipes",
            "docker system df shows what the engine keeps; docker image prune and docker builder "
            "prune remove what nothing uses",
            f"free space below {place}, or move the engine's data root (data-root in "
            "/etc/docker/daemon.json); what was finished is kept, the next run goes on from there",
        ),
    )


def megabytes(size: int) -> str:
    """A number of bytes as a person reads it: ``912 MB`` or ``1.4 GB``."""
    if size >= 1e9:
        return f"{size / 1e9:.1f} GB"
    return f"{size / 1e6:.0f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"


class Progress(Protocol):
    """Told of everything that takes time. Called from several threads."""

    def step(self, name: str, detail: str) -> None:
        """Something new happens for ``name`` (an image, usually)."""

    def done(self, name: str, seconds: float) -> None:
        """``name`` is finished and took so long."""

    def failed(self, name: str, reason: str) -> None:
        """``name`` cannot be had."""


class Silent:
    """Tells nobody."""

    def step(self, name: str, detail: str) -> None:
        """Ignored."""

    def done(self, name: str, seconds: float) -> None:
        """Ignored."""

    def failed(self, name: str, reason: str) -> None:
        """Ignored."""


class Printed:
    """Prints a line an event, with the seconds since the start: ``[ 12.3 s] rocky9: ...``."""

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()

    def step(self, name: str, detail: str) -> None:
        """One line for what happens now."""
        self._line(f"{name}: {detail}")

    def done(self, name: str, seconds: float) -> None:
        """One line for what is finished."""
        self._line(f"{name}: ready after {seconds:.1f} s")

    def failed(self, name: str, reason: str) -> None:
        """The first line of the reason; the whole text travels in the error."""
        lines = reason.strip().splitlines()
        self._line(f"{name}: failed: {lines[0] if lines else 'no reason given'}")

    def _line(self, text: str) -> None:
        with self._lock:
            elapsed = self._clock() - self._started
            self._stream.write(f"[{elapsed:5.1f} s] {text}\n")
            self._stream.flush()
