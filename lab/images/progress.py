"""How long steps are made visible: what happens, how far it is, how long it takes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Protocol, TextIO


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
