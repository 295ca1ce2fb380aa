"""Listeners, several for the same settings when attempts on them would wait for each other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

#: At most so many listeners with the same settings.
MOST = 4
#: Seconds between two looks for a listener whose start may have failed meanwhile.
LOOK_S = 1.0


@dataclass(frozen=True)
class Listener:
    """One started server process, or one that did not start and what it said."""

    key: str
    port: int
    started: bool
    output: str
    configuration: str
    passive_ports: tuple[int, int] | None = None
    """First and last port for data connections."""


class ListenerPool:
    """The listeners of one set of settings: each serves one attempt at a time."""

    def __init__(self, start: Callable[[int], Listener]) -> None:
        """Begin with none.

        Args:
            start: starts the listener of this number.
        """
        self._start = start
        self._free: list[Listener] = []
        self._made = 0
        self._changed = threading.Condition()

    @contextmanager
    def one(self) -> Iterator[Listener]:
        """A listener that nobody else uses meanwhile: a free one, else a new one, else the next."""
        listener = self._take()
        try:
            yield listener
        finally:
            with self._changed:
                self._free.append(listener)
                self._changed.notify()

    def _take(self) -> Listener:
        with self._changed:
            while not self._free and self._made >= MOST:
                self._changed.wait(LOOK_S)
            if self._free:
                return self._free.pop()
            self._made += 1
            number = self._made
        try:
            return self._start(number)
        except BaseException:
            with self._changed:
                self._made -= 1
                self._changed.notify()
            raise
