"""The image store: finds what is there, makes what is missing, moves it, prunes it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import docker
from docker.errors import APIError, ImageNotFound

from lab.host.checkout import root
from lab.images.errors import IMPORT_ADVICE, ImageError, Problem, Progress, Silent, megabytes
from lab.images.inventory import (
    ImageInfo,
    ImageStatus,
    Inventory,
    check_platform,
    check_space,
    engine_errors,
)
from lab.images.provenance import LABEL_IMAGE, Builds, Provenance, read_builds, write_builds
from lab.images.recipe import Candidate, Recipe, Source, candidates, find, load, releases

if TYPE_CHECKING:
    from lab.images.sources import Registry


class ImageStore:
    """The images on one engine, as this checkout's recipes describe them.

    Args:
        engine: the engine that holds and builds them.
        state: the directory of the checkout for what is generated (``.lab``); downloads are cached
            in it.
        source: where images may come from.
        progress: told of everything that takes time.
        recipes: the directory of the recipes (default: ``compose/images`` of this checkout).
        release: that of the servers' images; empty: the usual one.
        registry: where the distributions' own images are pulled from (default: through the engine).
    """

    def __init__(
        self,
        engine: docker.DockerClient,
        state: Path,
        source: Source = Source.AUTO,
        progress: Progress | None = None,
        *,
        recipes: Path | None = None,
        release: str = "",
        registry: Registry | None = None,
    ) -> None:
        self._engine = engine
        self._source = source
        self._progress = progress or Silent()
        self._directory = recipes or root() / "compose" / "images"
        self._builds_file = self._directory.parent / "builds.toml"
        self._recipes = load(self._directory, release)
        self._inventory = Inventory(engine)
        self._state = state
        self._registry = registry

    @property
    def state(self) -> Path:
        """The directory of the checkout for what is generated."""
        return self._state

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all images."""
        return tuple(self._recipes)

    @property
    def of_topology(self) -> tuple[str, ...]:
        """The images that run in the topology, but those of :attr:`only_real`."""
        return tuple(r.name for r in self._in_topology() if not r.only_real)

    @property
    def only_real(self) -> Mapping[str, str]:
        """The images of the topology that only the distribution's own can be made of.

        To each, one with a stand-in that is made of the same: it tells whether that is here.
        """
        pulled = {
            route.variant.pull: recipe.name
            for recipe in self._recipes.values()
            if not recipe.only_real
            for route in recipe.routes
        }
        return {
            r.name: pulled[r.routes[0].variant.pull] for r in self._in_topology() if r.only_real
        }

    def _in_topology(self) -> list[Recipe]:
        return [recipe for recipe in self._recipes.values() if recipe.service_file.exists()]

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
        with engine_errors(self._engine, "asking the engine for its images"):
            present = self._inventory.tags()
            found = {name: self._present(name, present) for name in wanted}
        infos = {name: info for name, info in found.items() if info is not None}
        missing = [name for name in wanted if name not in infos]
        if missing:
            # Most runs find all images: what makes them is loaded where one is missing.
            from lab.images.making import Making  # noqa: PLC0415
            from lab.images.sources import Cache, Registry  # noqa: PLC0415

            check_platform(self._engine)
            check_space(self._engine)
            making = Making(
                self._engine,
                self._recipes,
                self._source,
                registry=self._registry or Registry(self._engine),
                cache=Cache(self._state / "cache"),
                scratch=self._state / "tmp",
                progress=self._progress,
            )
            infos |= making.run(missing)
        return {name: infos[name] for name in wanted}

    def status(self) -> tuple[ImageStatus, ...]:
        """Every image of the lab and whether it is there. Asks no registry and builds nothing.

        Raises:
            ImageError: the engine does not answer.
        """
        with engine_errors(self._engine, "asking the engine for its images"):
            present = self._inventory.tags()
            return tuple(
                ImageStatus(
                    recipe.name,
                    recipe.description,
                    tuple(known.tag for known in self._candidates(recipe.name)),
                    self._present(recipe.name, present),
                )
                for recipe in self._recipes.values()
            )

    def recorded(self) -> Builds:
        """The builds with which the expectations were last seen to hold, by image.

        Raises:
            ImageError: the table of this checkout cannot be read.
        """
        return read_builds(self._builds_file)

    def record_builds(self, images: Iterable[Provenance]) -> Path:
        """Write that table anew, with what is in these images; return the file.

        Raises:
            ImageError: it cannot be written.
        """
        write_builds(self._builds_file, images)
        return self._builds_file

    def provenance(self, name: str) -> Provenance:
        """What the image says of itself: one or two inspections, nothing is run.

        Raises:
            ImageError: the image is not there, or there is none of that name.
        """
        with engine_errors(self._engine, f"asking the engine for {name}"):
            for known in self._candidates(name):
                info = self._inventory.inspect(known.tag)
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
        from lab.images import archive  # noqa: PLC0415

        infos = tuple(image.info for image in status if image.info is not None)
        report = partial(self._progress.step, "export")
        started = time.monotonic()
        report(f"writing {len(infos)} images to {path}")
        with engine_errors(self._engine, f"exporting the images to {path}"):
            size = archive.save(self._engine, [info.tag for info in infos], path, report)
        report(f"{megabytes(size)} in {path}")
        self._progress.done("export", time.monotonic() - started)
        return infos

    def import_(self, path: Path) -> tuple[ImageInfo, ...]:
        """Read images from a file that :meth:`export` wrote; return those that were in it.

        Raises:
            ImageError: the file is none of the lab's, or was made by a checkout with other recipes.
        """
        from lab.images import archive  # noqa: PLC0415

        contained = archive.contents(path)
        foreign = archive.not_for_this_lab(contained, self._current_tags())
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
        with engine_errors(self._engine, f"importing the images in {path}"):
            archive.load(self._engine, path)
            infos = [self._inventory.inspect(tag) for tag in contained]
        self._progress.done("import", time.monotonic() - started)
        return tuple(info for info in infos if info is not None)

    def prune(self) -> tuple[str, ...]:
        """Remove the images of older recipes and what interrupted builds left; return their names.

        Images that a container uses are kept. Images of other checkouts with other recipes look
        like older ones and are removed as well; those checkouts make them again.

        Raises:
            ImageError: the engine does not answer.
        """
        kept, removed = self._current_tags(), []
        with engine_errors(self._engine, "removing the images of older recipes"):
            # dangling ones included: they are the leftovers of builds
            for image in self._engine.images.list(filters={"label": LABEL_IMAGE}):
                if not any(tag in kept for tag in image.tags):
                    names = image.tags or [str(image.id)]
                    removed += [name for name in names if self._remove(name)]
        return tuple(removed)

    def _remove(self, name: str) -> bool:
        """Remove an image; whether it is gone by this."""
        try:
            self._engine.images.remove(name)
        except ImageNotFound:
            return False
        except APIError as error:
            if error.status_code != 409:  # in use
                raise
            self._progress.step("prune", f"{name} is in use, kept")
            return False
        return True

    def _candidates(self, name: str) -> tuple[Candidate, ...]:
        return candidates(self._recipes, name, self._source)

    def _present(self, name: str, present: set[str]) -> ImageInfo | None:
        return self._inventory.preferred(self._candidates(name), present)

    def _current_tags(self) -> set[str]:
        """The tags of every image that the recipes lead to, of any release and from anywhere."""
        return {
            known.tag
            for release in ("", *releases(self._directory))
            for recipes in [load(self._directory, release)]
            for name in recipes
            for known in candidates(recipes, name, Source.AUTO)
        }
