"""Missing images, made: each by the first of its routes that works, a base before what needs it."""

from __future__ import annotations

import datetime
import os
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, as_completed, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import docker

from lab.host import machine
from lab.host.checkout import lock_directory
from lab.host.machine import Say
from lab.images import build, sources
from lab.images.errors import ImageError, data_root, engine_errors, megabytes, no_space
from lab.images.provenance import ImageInfo, Made, Provenance, inspect, preferred, present
from lab.images.recipe import Candidate, Recipe, Route, candidate
from lab.images.sources import PLATFORM, Cache, Registry

if TYPE_CHECKING:
    from lab.images.store import ImageStore

#: Bytes that the engine must have free before anything is built: all images and build stages.
NEEDED_FREE = 2_000_000_000
#: Seconds to wait for another lab on this machine that makes images.
WAIT_S = 1800.0
#: Seconds that running builds get to notice that the lab is being interrupted.
CANCEL_S = 1.0


def check_engine(engine: docker.DockerClient) -> None:
    """See that the engine runs what the recipes make, and has room for it, where that can be told from here.

    Raises:
        ImageError: it has another platform, fewer than :data:`NEEDED_FREE` bytes, or does not answer.
    """
    with engine_errors(engine, "asking the engine for its platform"):
        version = engine.version()
    found = f"{version.get('Os')}/{version.get('Arch')}"
    if found != PLATFORM:
        raise ImageError("platform", wanted=PLATFORM, found=found)
    place = data_root(engine)
    free = machine.free_bytes(place) if place is not None else None
    if free is not None and free < NEEDED_FREE:
        needed = f"making the images needs {megabytes(NEEDED_FREE)}"
        raise no_space("making the images", needed, place)


class Making:
    """One making of a store's missing images, and of the bases that they need."""

    def __init__(self, store: ImageStore) -> None:
        self._store = store
        self._engine = store.engine
        self._progress = store.progress
        self._registry = store.registry or Registry(store.engine)
        self._cache = Cache(store.state / "cache")
        self._there: set[str] = set()
        self._making: dict[str, Future[Made]] = {}
        self._beginning = threading.Lock()
        self._slots = threading.Semaphore((os.cpu_count() or 1) + 3)
        self._cancelled = threading.Event()

    def run(self, names: Iterable[str]) -> dict[str, ImageInfo]:
        """Make them all, independent ones at the same time; the first failure stops the rest.

        Raises:
            ImageError: an image cannot be had.
        """
        check_engine(self._engine)
        say = partial(self._progress.step, "images")
        with (
            # Two labs never make the same image at the same time.
            machine.locked(lock_directory() / "images.lock", "making images", WAIT_S, say),
            engine_errors(self._engine, "making the images"),
        ):
            self._there = present(self._engine)
            wanted = {name: self._begun(name) for name in names}
            try:
                for future in as_completed(wanted.values()):
                    future.result()
            except BaseException:
                self._cancelled.set()
                wait(list(self._making.values()), CANCEL_S)
                raise
        return {name: future.result()[1] for name, future in wanted.items()}

    def _begun(self, name: str) -> Future[Made]:
        """An image that is being made from now on, in a thread of its own, whoever needs it."""

        def work() -> None:
            try:
                future.set_result(self._image(name))
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
                future.set_exception(error)

        with self._beginning:
            if name in self._making:
                return self._making[name]
            future: Future[Made] = Future()
            self._making[name] = future
            # A daemon: an interrupted lab must not wait for a build that does not listen.
            threading.Thread(target=work, name=f"image {name}", daemon=True).start()
        return future

    def _image(self, name: str) -> Made:
        """One image, by the first route that works; its base is made before it where it is not there.

        Raises:
            ImageError: there is no route, or none that works; or the base cannot be had.
        """
        known = self._store.candidates(name)
        if (there := preferred(self._engine, known, self._there)) is not None:
            return there
        recipe = self._store.recipes[name]
        reason: str | None = None
        *others, last = recipe.allowed(self._store.source)
        for route in (*others, last):
            needed = route.variant.base
            base = None if needed is None else self._begun(needed).result()
            started = time.monotonic()
            try:
                with engine_errors(self._engine, f"making {name}"):
                    made = self._made(recipe, route, base, reason)
            except ImageError as error:
                if error.problem != "no-space" and route is not last:
                    reason = error.reason
                    self._progress.step(name, f"not from the registry ({reason}); using packages")
                    continue
                self._progress.failed(name, error.reason)
                if error.problem != "no-space" and reason is not None:
                    error.add(f"(the registry had been tried before: {reason})")
                raise
            self._progress.done(name, time.monotonic() - started)
            return made
        raise AssertionError("the last route is left by a return or an error")

    def _made(self, recipe: Recipe, route: Route, base: Made | None, reason: str | None) -> Made:
        """One image by one route: begun, built, measured and labelled. Its tag appears when it is complete.

        Args:
            recipe: the image.
            route: the way to it.
            base: the image of the lab that it stands on, if it stands on one.
            reason: why it is not made from the registry, which was tried before.

        Raises:
            ImageError: one of the steps failed.
            lab.images.build.Cancelled: the lab is being interrupted.
            docker.errors.DockerException: the engine failed.
        """
        report, variant = partial(self._progress.step, recipe.name), route.variant
        pulled = None if variant.pull is None else self._registry.pull(variant.pull, report)
        packages = {one.file: self._cache.fetch(one, report) for one in variant.artifacts}
        wanted = candidate(recipe, route, base[0] if base else None)
        with self._slots:
            if self._cancelled.is_set():
                raise build.Cancelled
            if base is not None:
                image, digest = base[1].tag, base[1].provenance.digest
            elif pulled is not None:
                image, digest = pulled.id, pulled.digest
            else:
                image, digest = self._bootstrap(wanted, report), None
            if variant.dockerfile is not None:
                image = self._built(wanted, image, packages, report)
            report("measuring what is in it")
            provenance = Provenance(
                image=wanted.name,
                source=wanted.source,
                **variant.model_dump(include={"stand_in", "real", "not_real"}),
                fallback_reason=reason,
                digest=digest,
                recipe=wanted.digest,
                built_at=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
                **build.measure(self._engine, image, wanted.measure, tag=wanted.tag),
            )
            build.label(self._engine, image, wanted.tag, provenance.labels())
            build.remove_stages(self._engine, wanted.digest)
        info = inspect(self._engine, wanted.tag, built=True)
        if info is None:
            raise ImageError("vanished", tag=wanted.tag)
        return wanted, info

    def _built(self, wanted: Candidate, image: str, packages: Mapping[str, Path], say: Say) -> str:
        """What the Dockerfile makes of an image, with the fetched packages by their files' names."""
        with tempfile.TemporaryFile(dir=self._room()) as context:
            build.write_context(context, wanted, packages)
            context.seek(0)
            cancelled = self._cancelled.is_set
            return build.build(self._engine, wanted, image, context, say, cancelled)

    def _bootstrap(self, wanted: Candidate, report: Say) -> str:
        assert wanted.variant.bootstrap is not None  # Variant has exactly one of the three
        # One name an image, and the lock is held: what a killed run left is overwritten.
        root_file_system = self._room() / f"{wanted.name}-{wanted.digest}.tar"
        try:
            sources.bootstrap(wanted.variant.bootstrap, root_file_system, report)
            report("handing it to the engine")
            return build.import_root(self._engine, root_file_system)
        finally:
            root_file_system.unlink(missing_ok=True)

    def _room(self) -> Path:
        """The directory for what is needed only meanwhile."""
        place = self._store.state / "tmp"
        place.mkdir(parents=True, exist_ok=True)
        return place
