"""The images of the lab: made where they are missing, reused where they are not.

An image has a name (``rocky9``), a recipe (``compose/images/rocky9``) and, on the engine, a tag
that is the hash of its recipe and of everything that goes into it. So a second run finds what the
first one made, any change makes a new image, and two checkouts with different recipes do not
disturb each other. Every image carries its provenance in a label; docs/images.md has the rest.
"""

from __future__ import annotations

import datetime
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound
from pydantic import ValidationError

from lab import machine
from lab.checkout import root
from lab.imaging import archive, bootstrap, build, context, measure
from lab.imaging.artifacts import Cache
from lab.imaging.errors import IMPORT_ADVICE, ImageError, Problem, is_no_space, megabytes, no_space
from lab.imaging.locks import tag_lock
from lab.imaging.progress import Printed, Progress, Silent
from lab.imaging.provenance import (
    LABEL_IMAGE,
    LABEL_PROVENANCE,
    LABEL_RECIPE,
    LABEL_SOURCE,
    LABEL_STAND_IN,
    Provenance,
)
from lab.imaging.recipe import (
    REPOSITORY,
    Bootstrap,
    Candidate,
    Recipe,
    Route,
    Source,
    Variant,
    candidate,
    candidates,
    find,
    load,
)
from lab.imaging.registry import Pulled, Registry, Unavailable

__all__ = [
    "ImageError",
    "ImageInfo",
    "ImageStatus",
    "ImageStore",
    "Printed",
    "Problem",
    "Progress",
    "Provenance",
    "Silent",
    "Source",
]

#: Bytes that the engine must have free before anything is built: all images and build stages.
NEEDED_FREE = 2_000_000_000
#: Seconds that running builds get to notice that the lab is being interrupted.
CANCEL_S = 1.0
POLL_S = 0.2


@dataclass(frozen=True)
class ImageInfo:
    """An image that is there.

    Attributes:
        name: its name in the lab.
        tag: its name on the engine, to start containers from.
        id: its id on the engine.
        size: bytes, layers shared with other images included.
        built: whether this process made it, rather than found it.
        provenance: what it says of itself.
    """

    name: str
    tag: str
    id: str
    size: int
    built: bool
    provenance: Provenance

    @property
    def source(self) -> str:
        """``registry`` or ``packages``."""
        return self.provenance.source

    @property
    def stand_in(self) -> bool:
        """Whether it only stands in for the distribution."""
        return self.provenance.stand_in


@dataclass(frozen=True)
class ImageStatus:
    """An image that the lab knows, and whether it is there.

    Attributes:
        name: its name in the lab.
        description: one line.
        tags: the names under which it may be there, the preferred one first.
        info: the image, or None when it is missing.
    """

    name: str
    description: str
    tags: tuple[str, ...]
    info: ImageInfo | None


class ImageStore:
    """The images on one engine, as this checkout's recipes describe them.

    Args:
        engine: the engine that holds and builds them.
        state: the directory of the checkout for what is generated (``.lab``); downloads are cached
            in it.
        source: where images may come from.
        progress: told of everything that takes time.
        recipes: the directory of the recipes (default: ``compose/images`` of this checkout).
    """

    def __init__(
        self,
        engine: docker.DockerClient,
        state: Path,
        source: Source = Source.AUTO,
        progress: Progress | None = None,
        *,
        recipes: Path | None = None,
        registry: Registry | None = None,
    ) -> None:
        self._engine = engine
        self._state = state
        self._source = source
        self._progress = progress or Silent()
        self._recipes = load(recipes or root() / "compose" / "images")
        self._registry = registry or Registry(engine)
        self._cache = Cache(state / "cache")

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all images."""
        return tuple(self._recipes)

    def ensure(self, names: Iterable[str] | None = None) -> dict[str, ImageInfo]:
        """Make what is missing; return every image asked for.

        Without names these are all images but those that only a registry can give.

        Independent images are made at the same time, a base before what stands on it.

        Raises:
            ImageError: an image cannot be had. What else was being made at that time is stopped;
                what was finished is kept.
        """
        if names is None:
            names = [name for name, recipe in self._recipes.items() if not recipe.only_real]
        wanted = tuple(dict.fromkeys(names))
        for name in wanted:
            find(self._recipes, name).allowed(self._source)
        with self._engine_errors("asking the engine for its images"):
            present = self._tags()
            found = {name: self._present(name, present) for name in wanted}
        infos = {name: info for name, info in found.items() if info is not None}
        missing = [name for name in wanted if name not in infos]
        if missing:
            self._check_platform()
            self._check_space()
            infos |= _Making(self, missing).run()
        return {name: infos[name] for name in wanted}

    def status(self) -> tuple[ImageStatus, ...]:
        """Every image of the lab and whether it is there. Asks no registry and builds nothing.

        Raises:
            ImageError: the engine does not answer.
        """
        with self._engine_errors("asking the engine for its images"):
            present = self._tags()
            return tuple(
                ImageStatus(
                    recipe.name,
                    recipe.description,
                    tuple(c.tag for c in candidates(self._recipes, recipe.name, self._source)),
                    self._present(recipe.name, present),
                )
                for recipe in self._recipes.values()
            )

    def provenance(self, name: str) -> Provenance:
        """What the image says of itself: one or two inspections, nothing is run.

        Raises:
            ImageError: the image is not there, or there is none of that name.
        """
        with self._engine_errors(f"asking the engine for {name}"):
            for known in candidates(self._recipes, name, self._source):
                info = self._inspect(known.tag, built=False)
                if info is not None:
                    return info.provenance
        raise ImageError(
            Problem.ENGINE,
            tried=f"reading the provenance of {name}",
            happened="the image is not on this engine",
            advice=["make what is missing: lab images", IMPORT_ADVICE],
        )

    def export(self, path: Path) -> tuple[ImageInfo, ...]:
        """Write all images to one file; :meth:`import_` on another machine reads it.

        An image holds all layers of its base, so a base that is not there is not missed; nor is an
        image that only a registry can give.

        Raises:
            ImageError: an image is missing, or the file cannot be written.
        """
        status = self.status()
        recipes = self._recipes.values()
        spared = {route.variant.base for recipe in recipes for route in recipe.routes}
        spared |= {recipe.name for recipe in recipes if recipe.only_real}
        missing = [i.name for i in status if i.info is None and i.name not in spared]
        if missing:
            raise ImageError(
                Problem.ARCHIVE,
                tried=f"exporting the images to {path}",
                happened=f"{', '.join(missing)} not made yet",
                advice=["make what is missing: lab images"],
            )
        infos = tuple(image.info for image in status if image.info is not None)
        started = time.monotonic()
        self._progress.step("export", f"writing {len(infos)} images to {path}")
        with self._engine_errors(f"exporting the images to {path}"):
            size = archive.save(
                self._engine,
                [info.tag for info in infos],
                path,
                lambda detail: self._progress.step("export", detail),
            )
        self._progress.step("export", f"{megabytes(size)} in {path}")
        self._progress.done("export", time.monotonic() - started)
        return infos

    def import_(self, path: Path) -> tuple[ImageInfo, ...]:
        """Read images from a file that :meth:`export` wrote; return those that were in it.

        Raises:
            ImageError: the file is none of the lab's, or was made by a checkout with other recipes.
        """
        contained = archive.contents(path)
        known = {c.tag for name in self.names for c in candidates(self._recipes, name, Source.AUTO)}
        foreign = archive.not_for_this_lab(contained, known)
        if foreign:
            raise ImageError(
                Problem.ARCHIVE,
                tried=f"importing the images in {path}",
                happened=f"{', '.join(foreign)} do not fit the recipes of this checkout",
                advice=[
                    "use the checkout (commit) that the archive was made with",
                    "make the archive again with this checkout: lab images export FILE",
                ],
            )
        started = time.monotonic()
        self._progress.step("import", f"loading {len(contained)} images from {path}")
        with self._engine_errors(f"importing the images in {path}"):
            archive.load(self._engine, path)
            infos = [self._inspect(tag, built=False) for tag in contained]
        self._progress.done("import", time.monotonic() - started)
        return tuple(info for info in infos if info is not None)

    def prune(self) -> tuple[str, ...]:
        """Remove the images of older recipes and what interrupted builds left; return their names.

        Images that a container uses are kept. Images of other checkouts with other recipes look
        like older ones and are removed as well; those checkouts make them again.

        Raises:
            ImageError: the engine does not answer.
        """
        kept = {c.tag for name in self.names for c in candidates(self._recipes, name, Source.AUTO)}
        removed = []
        with self._engine_errors("removing the images of older recipes"):
            # dangling ones included: they are the leftovers of builds
            for image in self._engine.images.list(filters={"label": LABEL_IMAGE}):
                if any(tag in kept for tag in image.tags):
                    continue
                for name in image.tags or [str(image.id)]:
                    try:
                        self._engine.images.remove(name)
                    except ImageNotFound:
                        continue
                    except APIError as error:
                        if error.status_code != 409:  # in use
                            raise
                        self._progress.step("prune", f"{name} is in use, kept")
                        continue
                    removed.append(name)
        return tuple(removed)

    # -- what follows is used by _Making, in its threads

    def _present(self, name: str, present: set[str]) -> ImageInfo | None:
        for known in candidates(self._recipes, name, self._source):
            if known.tag in present:
                return self._inspect(known.tag, built=False)
        return None

    def _tags(self) -> set[str]:
        images = self._engine.api.images(name=f"{REPOSITORY}/*")
        return {tag for image in images for tag in image.get("RepoTags") or ()}

    def _inspect(self, tag: str, *, built: bool) -> ImageInfo | None:
        try:
            attributes = self._engine.images.get(tag).attrs
        except ImageNotFound:
            return None
        labels = attributes["Config"].get("Labels") or {}
        try:
            provenance = Provenance.read(labels[LABEL_PROVENANCE], image_id=attributes["Id"])
        except (KeyError, ValidationError):
            return None  # not a finished image of this version of the lab: it is made again
        return ImageInfo(
            provenance.image, tag, attributes["Id"], int(attributes["Size"]), built, provenance
        )

    def _check_platform(self) -> None:
        with self._engine_errors("asking the engine for its platform"):
            version = self._engine.version()
        found = f"{version.get('Os')}/{version.get('Arch')}"
        if found != "linux/amd64":
            raise ImageError(
                Problem.PLATFORM,
                tried="making the images",
                happened=f"they are linux/amd64, this engine is {found}",
                advice=["use the engine of an x86-64 Linux machine (DOCKER_HOST)"],
            )

    def _check_space(self) -> None:
        place = self._data_root()
        free = machine.free_bytes(place) if place is not None else None
        if place is not None and free is not None and free < NEEDED_FREE:
            needed = f"making the images needs {megabytes(NEEDED_FREE)}"
            raise no_space("making the images", needed, str(place), free)

    def _data_root(self) -> Path | None:
        """Where the engine keeps its data, when it runs on this machine."""
        if self._engine.api.base_url != "http+docker://localhost":
            return None
        place = Path(str(self._engine.info().get("DockerRootDir", "")))
        return place if place.is_dir() else None

    @contextmanager
    def _engine_errors(self, tried: str) -> Iterator[None]:
        """Turn what the engine's client raises into an error that says what to do."""
        try:
            yield
        except ImageError as error:
            if error.problem is Problem.NO_SPACE or not is_no_space(error.happened):
                raise
            raise self._full(error.tried, error.happened) from error
        except (DockerException, requests.RequestException) as error:
            if is_no_space(error):
                raise self._full(tried, str(error)) from error
            raise ImageError(
                Problem.ENGINE,
                tried=tried,
                happened=str(getattr(error, "explanation", None) or error),
                advice=["see whether the engine works: docker info, lab doctor"],
            ) from error

    def _full(self, tried: str, happened: str) -> ImageError:
        lines = [line.strip() for line in happened.splitlines() if is_no_space(line)]
        place = self._data_root()
        free = machine.free_bytes(place) if place is not None else None
        return no_space(tried, lines[-1], str(place or "the engine's data root"), free)


class _Making:
    """One call of :meth:`ImageStore.ensure`: the missing images and the bases that they need."""

    def __init__(self, store: ImageStore, names: Sequence[str]) -> None:
        self._store = store
        self._names = tuple(names)
        self._futures: dict[str, Future[tuple[Candidate, ImageInfo]]] = {}
        self._starting = threading.Lock()
        self._slots = threading.Semaphore((os.cpu_count() or 1) + 3)
        self._cancelled = threading.Event()

    def run(self) -> dict[str, ImageInfo]:
        """Make them all; the first failure stops the rest."""
        for name in self._names:
            self._start(name)
        try:
            return {name: self._await(self._futures[name])[1] for name in self._names}
        except BaseException:
            self._cancelled.set()
            deadline = time.monotonic() + CANCEL_S
            for future in list(self._futures.values()):
                try:
                    future.exception(timeout=max(0.0, deadline - time.monotonic()))
                except FutureTimeout:
                    break
            raise

    def _start(self, name: str) -> Future[tuple[Candidate, ImageInfo]]:
        with self._starting:
            if name in self._futures:
                return self._futures[name]
            future: Future[tuple[Candidate, ImageInfo]] = Future()
            self._futures[name] = future

        def work() -> None:
            started = time.monotonic()
            progress = self._store._progress
            try:
                made = self._make(name)
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is awaited
                if not isinstance(error, build.Cancelled):
                    progress.failed(
                        name, error.reason if isinstance(error, ImageError) else repr(error)
                    )
                future.set_exception(error)
            else:
                progress.done(name, time.monotonic() - started)
                future.set_result(made)

        # A daemon: an interrupted lab must not wait for a build that does not listen.
        threading.Thread(target=work, name=f"image {name}", daemon=True).start()
        return future

    def _await(self, future: Future[tuple[Candidate, ImageInfo]]) -> tuple[Candidate, ImageInfo]:
        # In slices, so that Ctrl-C is noticed, and the first failure of any image ends it all.
        while True:
            for other in list(self._futures.values()):
                if other.done() and (error := other.exception()) is not None:
                    raise error
            try:
                return future.result(timeout=POLL_S)
            except FutureTimeout:
                continue

    def _make(self, name: str) -> tuple[Candidate, ImageInfo]:
        store = self._store
        recipe = find(store._recipes, name)
        routes = recipe.allowed(store._source)
        reason: str | None = None
        for route in routes:
            try:
                with store._engine_errors(f"making {name}"):
                    return self._take(recipe, route, reason)
            except ImageError as error:
                last = route is routes[-1]
                if error.problem is Problem.NO_SPACE or (last and reason is None):
                    raise
                if last:
                    raise _after(reason, error) from error
                reason = error.reason
                store._progress.step(name, f"not from the registry ({reason}); using packages")
        raise AssertionError(f"{name} has no route")  # allowed() never returns none: see Recipe

    def _take(
        self, recipe: Recipe, route: Route, fallback_reason: str | None
    ) -> tuple[Candidate, ImageInfo]:
        packages = self._fetch(recipe.name, route.variant)
        base, base_info = None, None
        if route.variant.base is not None:
            base, base_info = self._base(route.variant.base)
        made = candidate(recipe, route, base)
        report = self._report(recipe.name)
        with tag_lock(made.tag, report):
            info = self._store._inspect(made.tag, built=False)
            if info is None:
                with self._slots:
                    if self._cancelled.is_set():
                        raise build.Cancelled
                    info = self._build(made, base_info, packages, fallback_reason)
        return made, info

    def _base(self, name: str) -> tuple[Candidate, ImageInfo]:
        """The base, which may be there already."""
        store = self._store
        present = store._tags()
        for known in candidates(store._recipes, name, store._source):
            if known.tag in present:
                info = store._inspect(known.tag, built=False)
                if info is not None:
                    return known, info
        return self._start(name).result()

    def _fetch(self, name: str, variant: Variant) -> dict[str, Path]:
        report = self._report(name)
        return {
            artifact.file: self._store._cache.fetch(artifact, report)
            for artifact in variant.artifacts
        }

    def _build(
        self,
        made: Candidate,
        base: ImageInfo | None,
        packages: dict[str, Path],
        fallback_reason: str | None,
    ) -> ImageInfo:
        store = self._store
        report = self._report(made.name)
        begin = base.tag if base else None
        pulled: Pulled | None = None
        if made.variant.pull is not None:
            pulled = self._pull(made.variant.pull, report)
            begin = pulled.id
        elif made.variant.bootstrap is not None:
            begin = self._bootstrap(made, made.variant.bootstrap, report)
        assert begin is not None  # Variant has exactly one of the three
        image = begin
        if made.variant.dockerfile is not None:
            what = "the stand-in" if made.variant.stand_in else "the image"
            with tempfile.TemporaryFile(dir=self._scratch()) as stream:
                context.write(stream, made, packages)
                stream.seek(0)
                image = build.build(
                    store._engine,
                    stream,
                    dockerfile=made.variant.dockerfile,
                    base=begin,
                    recipe=made.digest,
                    tried=f"building {what} {made.name} from the {made.source}",
                    report=lambda step: report(f"building {what} ({step})"),
                    cancelled=self._cancelled.is_set,
                )
        report("measuring what is in it")
        facts = measure.run(store._engine, image, made.measure, tag=made.tag)
        provenance = Provenance(
            image=made.name,
            source=made.source,
            stand_in=made.variant.stand_in,
            os=facts.os,
            tls_library=facts.tls_library,
            packages=facts.packages,
            crypto_policies=facts.crypto_policies,
            real=made.variant.real,
            not_real=made.variant.not_real,
            fallback_reason=fallback_reason,
            digest=pulled.digest if pulled else base.provenance.digest if base else None,
            recipe=made.digest,
            built_at=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        )
        build.label(store._engine, image, made.tag, labels(provenance))
        build.remove_stages(store._engine, made.digest)
        info = store._inspect(made.tag, built=True)
        if info is None:
            raise ImageError(
                Problem.BUILD,
                tried=f"reading the finished image {made.tag}",
                happened="it vanished",
                advice=["look for what removes images on this machine, then try again"],
            )
        return info

    def _pull(self, reference: str, report: Callable[[str], None]) -> Pulled:
        try:
            return self._store._registry.pull(reference, report)
        except Unavailable as error:
            raise ImageError(
                Problem.REGISTRY,
                tried=f"pulling {reference}",
                happened=str(error),
                advice=[
                    f"see whether the engine reaches the registry: docker pull {reference}",
                    "build from package mirrors instead: LAB_IMAGES=packages (or auto)",
                    IMPORT_ADVICE,
                ],
            ) from error

    def _bootstrap(self, made: Candidate, system: Bootstrap, report: Callable[[str], None]) -> str:
        # One name an image, whose lock is held: what a killed run left is overwritten.
        root_file_system = self._scratch() / f"{made.name}-{made.digest}.tar"
        try:
            bootstrap.make(system, root_file_system, report)
            report("handing it to the engine")
            return build.import_root(self._store._engine, root_file_system)
        finally:
            root_file_system.unlink(missing_ok=True)

    def _scratch(self) -> Path:
        directory = self._store._state / "tmp"
        directory.mkdir(parents=True, exist_ok=True)
        return directory

    def _report(self, name: str) -> Callable[[str], None]:
        def report(detail: str) -> None:
            self._store._progress.step(name, detail)

        return report


def _after(reason: str | None, error: ImageError) -> ImageError:
    """The last route's failure, with that of the one before it."""
    return ImageError(
        error.problem,
        tried=error.tried,
        happened=f"{error.happened}\n(the registry had been tried before: {reason})",
        advice=error.advice,
    )


def labels(provenance: Provenance) -> dict[str, str]:
    """The labels of a finished image."""
    return {
        LABEL_IMAGE: provenance.image,
        LABEL_SOURCE: provenance.source,
        LABEL_STAND_IN: str(provenance.stand_in).lower(),
        LABEL_RECIPE: provenance.recipe,
        LABEL_PROVENANCE: provenance.label(),
    }
