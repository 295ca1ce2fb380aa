"""Several images at the same time: each is made once, and the first failure ends the rest."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from typing import Generic, TypeVar

from lab.images.build import Cancelled
from lab.images.errors import ImageError
from lab.images.progress import Progress

#: Seconds that running builds get to notice that the lab is being interrupted.
CANCEL_S = 1.0
POLL_S = 0.2

Made = TypeVar("Made")


class Schedule(Generic[Made]):
    """Makes images in threads, one thread an image.

    Args:
        make: makes the image of that name. It runs in a thread; it calls :meth:`start` for a base
            that is missing and waits for it, and holds a :meth:`slot` while it builds.
        progress: told when an image is finished or has failed, and how long it took.
    """

    def __init__(self, make: Callable[[str], Made], progress: Progress) -> None:
        self._make = make
        self._progress = progress
        self._futures: dict[str, Future[Made]] = {}
        self._starting = threading.Lock()
        self._slots = threading.Semaphore((os.cpu_count() or 1) + 3)
        self._cancelled = threading.Event()

    def run(self, names: Sequence[str]) -> dict[str, Made]:
        """Make them all; the first failure stops the rest and is raised."""
        for name in names:
            self.start(name)
        try:
            return {name: self._await(self._futures[name]) for name in names}
        except BaseException:
            self._cancelled.set()
            deadline = time.monotonic() + CANCEL_S
            for future in list(self._futures.values()):
                try:
                    future.exception(timeout=max(0.0, deadline - time.monotonic()))
                except FutureTimeout:
                    break
            raise

    def start(self, name: str) -> Future[Made]:
        """Begin an image, unless it was begun already."""
        with self._starting:
            if name in self._futures:
                return self._futures[name]
            future: Future[Made] = Future()
            self._futures[name] = future

        def work() -> None:
            started = time.monotonic()
            try:
                made = self._make(name)
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
                if not isinstance(error, Cancelled):
                    self._progress.failed(
                        name, error.reason if isinstance(error, ImageError) else repr(error)
                    )
                future.set_exception(error)
            else:
                self._progress.done(name, time.monotonic() - started)
                future.set_result(made)

        # A daemon: an interrupted lab must not wait for a build that does not listen.
        threading.Thread(target=work, name=f"image {name}", daemon=True).start()
        return future

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the places for builds at the same time.

        Raises:
            Cancelled: the lab was interrupted while this image waited.
        """
        with self._slots:
            if self.cancelled():
                raise Cancelled
            yield

    def cancelled(self) -> bool:
        """Whether what is being made is to be given up."""
        return self._cancelled.is_set()

    def _await(self, future: Future[Made]) -> Made:
        # In slices, so that Ctrl-C is noticed, and the first failure of any image ends it all.
        while True:
            for other in list(self._futures.values()):
                if other.done() and (error := other.exception()) is not None:
                    raise error
            try:
                return future.result(timeout=POLL_S)
            except FutureTimeout:
                continue
