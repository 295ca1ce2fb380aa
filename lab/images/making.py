"""Missing images, made: each by the first of its routes that works, a base before what needs it."""

from __future__ import annotations

import datetime
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path

import docker
from filelock import FileLock, Timeout

from lab.host.checkout import lock_directory
from lab.images import build, sources
from lab.images.errors import IMPORT_ADVICE, ImageError, Problem, Progress
from lab.images.inventory import ImageInfo, Inventory, engine_errors
from lab.images.provenance import Provenance
from lab.images.recipe import Candidate, Recipe, Route, Source, candidate, candidates
from lab.images.sources import Cache, Pulled, Registry, Unavailable

#: Seconds to wait for another lab on this machine that makes images.
WAIT_S = 1800.0
#: Seconds that running builds get to notice that the lab is being interrupted.
CANCEL_S = 1.0


@contextmanager
def build_lock(
    report: Callable[[str], None], *, wait_s: float = WAIT_S, where: Path | None = None
) -> Iterator[None]:
    """Hold the one lock on making images: two labs never make the same image at the same time.

    The lock ends with its process, however that ends; there is no stale lock to clean up.

    Args:
        report: told when there is something to wait for.
        wait_s: seconds to wait for another process.
        where: the directory of the locks (default: the machine-wide one).

    Raises:
        ImageError: another process held it for longer than ``wait_s``, or it belongs to somebody
            who does not share it.
    """
    path = (where or lock_directory()) / "images.lock"
    lock = FileLock(path, mode=0o666)
    try:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            report("another lab on this machine is making images; waiting")
            lock.acquire(timeout=wait_s, poll_interval=0.1)
    except Timeout as error:
        raise ImageError(
            Problem.LOCKED,
            tried="making the images",
            happened=f"another lab has been making images for {wait_s:g} s and holds {path}",
            advice=[f"look for the process that holds the lock: fuser {path}"],
        ) from error
    except PermissionError as error:
        raise ImageError(
            Problem.LOCKED,
            tried=f"taking the lock {path}",
            happened=str(error),
            advice=[f"remove {path} as its owner; a lab of another user left it"],
        ) from error
    try:
        yield
    finally:
        lock.release()


class Making:
    """One making of missing images and of the bases that they need.

    Args:
        engine: the engine that builds and holds them.
        recipes: all recipes by name.
        source: where images may come from.
        registry: where the distributions' own images are pulled from.
        cache: the downloaded packages.
        scratch: the directory for what is needed only meanwhile; it is made when it is missing.
        progress: told of everything that takes time.
    """

    def __init__(
        self,
        engine: docker.DockerClient,
        recipes: Mapping[str, Recipe],
        source: Source,
        *,
        registry: Registry,
        cache: Cache,
        scratch: Path,
        progress: Progress,
    ) -> None:
        self._engine = engine
        self._inventory = Inventory(engine)
        self._recipes = recipes
        self._source = source
        self._registry = registry
        self._cache = cache
        self._scratch = scratch
        self._progress = progress
        self._routes = {name: list(recipe.open_to(source)) for name, recipe in recipes.items()}
        #: Why an image is not made from the registry, which was tried before.
        self._reasons: dict[str, str] = {}
        self._pulled: dict[str, Pulled] = {}
        self._made: dict[str, tuple[Candidate, ImageInfo]] = {}
        self._slots = threading.Semaphore((os.cpu_count() or 1) + 3)
        self._cancelled = threading.Event()

    def run(self, names: Iterable[str]) -> dict[str, ImageInfo]:
        """Make them all, independent ones at the same time; the first failure stops the rest.

        Raises:
            ImageError: an image cannot be had.
        """
        wanted = tuple(names)
        with (
            build_lock(partial(self._progress.step, "images")),
            engine_errors(self._engine, "making the images"),
        ):
            while missing := [name for name in wanted if name not in self._made]:
                self._round(missing)
        return {name: self._made[name][1] for name in wanted}

    def _round(self, names: Iterable[str]) -> None:
        """Make images by the first route that each has left; one that fails may have another."""
        sorter = TopologicalSorter(self._needed(names))
        sorter.prepare()
        ended: queue.SimpleQueue[tuple[str, BaseException | None]] = queue.SimpleQueue()
        threads: list[threading.Thread] = []
        try:
            while sorter.is_active():
                for name in sorter.get_ready():
                    # A daemon: an interrupted lab must not wait for a build that does not listen.
                    thread = threading.Thread(
                        target=self._work, args=(name, ended), name=f"image {name}", daemon=True
                    )
                    threads.append(thread)
                    thread.start()
                name, error = ended.get()
                if error is not None:
                    self._next_route(name, error)
                sorter.done(name)
        except BaseException:
            self._cancelled.set()
            deadline = time.monotonic() + CANCEL_S
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            raise

    def _needed(self, names: Iterable[str]) -> dict[str, set[str]]:
        """What is to be made, each with the base that must be made before it."""
        needed: dict[str, set[str]] = {}
        waiting = list(names)
        present = self._inventory.tags()
        while waiting:
            name = waiting.pop()
            if name in needed or name in self._made:
                continue
            base = self._route(name).variant.base
            if base is not None and base not in self._made and not self._is_there(base, present):
                waiting.append(base)
            needed[name] = set() if base is None or base in self._made else {base}
        return needed

    def _is_there(self, base: str, present: set[str]) -> bool:
        for known in candidates(self._recipes, base, self._source):
            info = self._inventory.inspect(known.tag) if known.tag in present else None
            if info is not None:
                self._made[base] = known, info
                return True
        return False

    def _route(self, name: str) -> Route:
        """The first route that is open: one to a registry is open if that gives the image.

        Raises:
            ImageError: there is none.
        """
        while True:
            self._recipes[name].allowed(self._source)
            route = self._routes[name][0]
            reference = route.variant.pull
            if reference is None or name in self._pulled:
                return route
            try:
                report = partial(self._progress.step, name)
                self._pulled[name] = self._registry.pull(reference, report)
            except Unavailable as error:
                self._next_route(name, _not_pulled(reference, error))

    def _next_route(self, name: str, error: BaseException) -> None:
        """Note why a route failed, and go on with the next.

        Raises:
            BaseException: ``error``, if there is no other, or another would not help.
        """
        routes, reason = self._routes[name], self._reasons.get(name)
        if not isinstance(error, ImageError):
            raise error
        if error.problem is Problem.NO_SPACE or len(routes) == 1:
            self._progress.failed(name, error.reason)
            if error.problem is Problem.NO_SPACE or reason is None:
                raise error
            raise ImageError(
                error.problem,
                tried=error.tried,
                happened=f"{error.happened}\n(the registry had been tried before: {reason})",
                advice=error.advice,
            ) from error
        routes.pop(0)
        self._reasons[name] = error.reason
        self._progress.step(name, f"not from the registry ({error.reason}); using packages")

    def _work(self, name: str, ended: queue.SimpleQueue[tuple[str, BaseException | None]]) -> None:
        """One image, in a thread of its own."""
        started = time.monotonic()
        try:
            with engine_errors(self._engine, f"making {name}"):
                finished = self._make(name)
        except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
            ended.put((name, error))
            return
        if finished:
            self._progress.done(name, time.monotonic() - started)
        ended.put((name, None))

    def _make(self, name: str) -> bool:
        """Make one image on its route; whether its base was there for it."""
        route = self._routes[name][0]
        report = partial(self._progress.step, name)
        base: tuple[Candidate, ImageInfo] | None = None
        if route.variant.base is not None:
            base = self._made.get(route.variant.base)
            if base is None:
                return False  # the base takes another route: it is tried again after that
        packages = {
            artifact.file: self._cache.fetch(artifact, report)
            for artifact in route.variant.artifacts
        }
        wanted = candidate(self._recipes[name], route, base[0] if base else None)
        info = self._inventory.inspect(wanted.tag)
        if info is None:
            with self._slots:
                if self._cancelled.is_set():
                    raise build.Cancelled
                info = self._assemble(wanted, base[1] if base else None, packages, report)
        self._made[name] = wanted, info
        return True

    def _assemble(
        self,
        wanted: Candidate,
        base: ImageInfo | None,
        packages: Mapping[str, Path],
        report: Callable[[str], None],
    ) -> ImageInfo:
        """Begin, build, measure and label an image. Its tag appears when it is complete.

        Args:
            wanted: the image.
            base: the image of the lab that it stands on, if it stands on one.
            packages: the fetched package by its file name.
            report: told of every step.

        Raises:
            ImageError: one of the steps failed.
            lab.images.build.Cancelled: the lab is being interrupted.
            docker.errors.DockerException: the engine failed.
        """
        variant, digest = wanted.variant, None
        if base is not None:
            image, digest = base.tag, base.provenance.digest
        elif variant.pull is not None:
            pulled = self._pulled[wanted.name]
            image, digest = pulled.id, pulled.digest
        else:
            image = self._bootstrap(wanted, report)
        if variant.dockerfile is not None:
            image = self._build(wanted, image, packages, report)
        report("measuring what is in it")
        facts = build.measure(self._engine, image, wanted.measure, tag=wanted.tag)
        provenance = Provenance(
            image=wanted.name,
            source=wanted.source,
            stand_in=variant.stand_in,
            real=variant.real,
            not_real=variant.not_real,
            fallback_reason=self._reasons.get(wanted.name),
            digest=digest,
            recipe=wanted.digest,
            built_at=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
            **facts,
        )
        build.label(self._engine, image, wanted.tag, provenance.labels())
        build.remove_stages(self._engine, wanted.digest)
        info = self._inventory.inspect(wanted.tag, built=True)
        if info is None:
            raise ImageError(
                Problem.BUILD,
                tried=f"reading the finished image {wanted.tag}",
                happened="it vanished",
                advice=["look for what removes images on this machine, then try again"],
            )
        return info

    def _bootstrap(self, wanted: Candidate, report: Callable[[str], None]) -> str:
        assert wanted.variant.bootstrap is not None  # Variant has exactly one of the three
        # One name an image, and the lock is held: what a killed run left is overwritten.
        root_file_system = self._scratch_directory() / f"{wanted.name}-{wanted.digest}.tar"
        try:
            sources.bootstrap(wanted.variant.bootstrap, root_file_system, report)
            report("handing it to the engine")
            return build.import_root(self._engine, root_file_system)
        finally:
            root_file_system.unlink(missing_ok=True)

    def _build(
        self,
        wanted: Candidate,
        begin: str,
        packages: Mapping[str, Path],
        report: Callable[[str], None],
    ) -> str:
        """The id of what the Dockerfile makes of ``begin``."""
        assert wanted.variant.dockerfile is not None
        what = "the stand-in" if wanted.variant.stand_in else "the image"
        with tempfile.TemporaryFile(dir=self._scratch_directory()) as stream:
            build.write_context(stream, wanted, packages)
            stream.seek(0)
            return build.build(
                self._engine,
                stream,
                dockerfile=wanted.variant.dockerfile,
                base=begin,
                recipe=wanted.digest,
                tried=f"building {what} {wanted.name} from the {wanted.source}",
                report=lambda step: report(f"building {what} ({step})"),
                cancelled=self._cancelled.is_set,
            )

    def _scratch_directory(self) -> Path:
        self._scratch.mkdir(parents=True, exist_ok=True)
        return self._scratch


def _not_pulled(reference: str, error: Unavailable) -> ImageError:
    failure = ImageError(
        Problem.REGISTRY,
        tried=f"pulling {reference}",
        happened=str(error),
        advice=[
            f"see whether the engine reaches the registry: docker pull {reference}",
            "build from package mirrors instead: LAB_IMAGES=packages (or auto)",
            IMPORT_ADVICE,
        ],
    )
    failure.__cause__ = error
    return failure
