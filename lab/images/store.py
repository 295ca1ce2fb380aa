"""The image store: finds what is there, has made what is missing, moves it, prunes it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import docker
from docker.errors import APIError, ImageLoadError, ImageNotFound

from lab.host.checkout import root
from lab.images import provenance
from lab.images.errors import ImageError, Progress, engine_errors, megabytes, room
from lab.images.provenance import Builds, ImageInfo, Provenance, inspect, preferred, present
from lab.images.recipe import Candidate, Recipe, Source, bases, candidates, find, load, tags

if TYPE_CHECKING:
    from lab.images.sources import Registry


@dataclass(eq=False)
class ImageStore:
    """The images on one engine, as this checkout's recipes describe them."""

    engine: docker.DockerClient
    """The engine that holds and builds them."""
    state: Path
    """The directory of the checkout for what is generated (``.lab``); downloads are cached in it."""
    source: Source = Source.AUTO
    """Where images may come from."""
    progress: Progress = field(default_factory=Progress)
    """Told of everything that takes time."""
    _: KW_ONLY
    directory: Path = field(default_factory=lambda: root() / "compose" / "images")
    """That of the recipes."""
    release: str = ""
    """That of the servers' images; empty: the usual one."""
    registry: Registry | None = None
    """Where the distributions' own images are pulled from; ``None``: through the engine."""

    def __post_init__(self) -> None:
        self.recipes = load(self.directory, self.release)
        self._builds_file = self.directory.parent / "builds.toml"

    @property
    def of_topology(self) -> tuple[str, ...]:
        """The images that run in the topology by default.

        Not in it are those that are made on demand, and those of :attr:`only_real`.
        """
        return tuple(r.name for r in self._in_topology() if not (r.only_real or r.on_demand))

    @property
    def on_demand(self) -> tuple[str, ...]:
        """The images that only those runs make which need them."""
        return tuple(name for name, recipe in self.recipes.items() if recipe.on_demand)

    @property
    def only_real(self) -> Mapping[str, str]:
        """The images of the topology that only the distribution's own can be made of.

        To each, one with a stand-in that is made of the same: it tells whether that is here.
        """
        pulled = {
            route.variant.pull: recipe.name
            for recipe in self.recipes.values()
            if not recipe.only_real
            for route in recipe.routes
        }
        real = (recipe for recipe in self._in_topology() if recipe.only_real)
        return {recipe.name: pulled[recipe.routes[0].variant.pull] for recipe in real}

    def _in_topology(self) -> list[Recipe]:
        return [recipe for recipe in self.recipes.values() if recipe.service_file.exists()]

    def ensure(self, names: Iterable[str] | None = None) -> dict[str, ImageInfo]:
        """Make what is missing; return every image asked for.

        Without names these are all images but those made on demand, and those that only a registry can give.

        Independent images are made at the same time, a base before what stands on it.

        Raises:
            ImageError: an image cannot be had. What else was being made at that time is stopped;
                what was finished is kept.
        """
        if names is None:
            names = [n for n, r in self.recipes.items() if not (r.only_real or r.on_demand)]
        wanted = tuple(dict.fromkeys(names))
        for name in wanted:
            find(self.recipes, name).allowed(self.source)
        infos = self.found(wanted)
        missing = [name for name in wanted if name not in infos]
        if missing:
            # Most runs find all images: what makes them is loaded where one is missing.
            from lab.images.making import Making  # noqa: PLC0415

            with room("making the images", self.state):
                infos |= Making(self).run(missing)
        return {name: infos[name] for name in wanted}

    def found(self, names: Iterable[str] | None = None) -> dict[str, ImageInfo]:
        """Those of the images (default: all) that are there. Asks no registry and builds nothing.

        Raises:
            ImageError: the engine does not answer.
        """
        infos = {}
        with engine_errors(self.engine, "asking the engine for its images"):
            there = present(self.engine)
            for name in self.recipes if names is None else names:
                if (made := preferred(self.engine, self.candidates(name), there)) is not None:
                    infos[name] = made[1]
        return infos

    def called(self, name: str) -> tuple[str, ...]:
        """The images of this name: one, or those of a folder of that name.

        Raises:
            ImageError: there is none.
        """
        of_folder = tuple(n for n, r in self.recipes.items() if r.directory.name == name)
        return of_folder or (find(self.recipes, name).name,)

    def candidates(self, name: str) -> tuple[Candidate, ...]:
        """Every image that may serve as ``name`` here, the preferred one first; there may be none."""
        return candidates(self.recipes, name, self.source)

    def recorded(self) -> Builds:
        """The builds with which the expectations were last seen to hold, by image.

        Raises:
            ImageError: the table of this checkout cannot be read.
        """
        return provenance.read_builds(self._builds_file)

    def record_builds(self, images: Iterable[Provenance]) -> Path:
        """Write that table anew, with what is in these images; return the file.

        An image that is made on demand and not among them keeps what is recorded of it.

        Raises:
            ImageError: it cannot be written.
        """
        kept = {n: b for n, b in self.recorded().items() if n in self.on_demand}
        provenance.write_builds(self._builds_file, images, kept)
        return self._builds_file

    def export(self, path: Path, *, on_demand: bool = False) -> tuple[ImageInfo, ...]:
        """Write all images to one file; :meth:`import_` on another machine reads it.

        An image holds all layers of its base, so a base that is not there is not missed, that of another
        release neither; nor is an image that only a registry can give.

        Args:
            on_demand: also what is there of those made on demand.

        Raises:
            ImageError: an image is missing, or the file cannot be written.
        """
        from lab.images import archive  # noqa: PLC0415

        left_out = () if on_demand else self.on_demand
        infos = {name: info for name, info in self.found().items() if name not in left_out}
        spared = bases(self.directory)
        spared |= {r.name for r in self.recipes.values() if r.only_real or r.on_demand}
        missing = [name for name in self.recipes if name not in infos and name not in spared]
        if missing:
            raise ImageError("incomplete-export", path=path, missing=", ".join(missing))
        report, started = partial(self.progress.step, "export"), time.monotonic()
        report(f"writing {len(infos)} images to {path}")
        with engine_errors(self.engine, f"exporting the images to {path}"):
            size = archive.save(self.engine, [info.tag for info in infos.values()], path, report)
        report(f"{megabytes(size)} in {path}")
        self.progress.done("export", time.monotonic() - started)
        return tuple(infos.values())

    def import_(self, path: Path) -> tuple[ImageInfo, ...]:
        """Read images from a file that :meth:`export` wrote; return those that were in it.

        Raises:
            ImageError: the file is none of the lab's, or was made by a checkout with other recipes.
        """
        from lab.images import archive  # noqa: PLC0415

        contained = archive.contents(path)
        foreign = sorted(set(contained) - self.current_tags())
        if foreign:
            raise ImageError("other-recipes", path=path, tags=", ".join(foreign))
        started = time.monotonic()
        self.progress.step("import", f"loading {len(contained)} images from {path}")
        with engine_errors(self.engine, f"importing the images in {path}"):
            try:
                with path.open("rb") as stream:
                    self.engine.images.load(stream)
            except ImageLoadError as error:
                raise ImageError("import", path=path, happened=error) from error
            infos = [inspect(self.engine, tag) for tag in contained]
        self.progress.done("import", time.monotonic() - started)
        return tuple(info for info in infos if info is not None)

    def prune(self) -> tuple[str, ...]:
        """Remove the images of older recipes and what interrupted builds left; return their names.

        Images that a container uses are kept. Images of other checkouts with other recipes look
        like older ones and are removed as well; those checkouts make them again.

        Raises:
            ImageError: the engine does not answer.
        """
        kept, removed = self.current_tags(), []
        with engine_errors(self.engine, "removing the images of older recipes"):
            # dangling ones included: they are the leftovers of builds
            for image in self.engine.images.list(filters={"label": provenance.LABEL_IMAGE}):
                if not any(tag in kept for tag in image.tags):
                    names = image.tags or [str(image.id)]
                    removed += [name for name in names if self._remove(name)]
        return tuple(removed)

    def _remove(self, name: str) -> bool:
        """Remove an image; whether it is gone by this."""
        try:
            self.engine.images.remove(name)
        except ImageNotFound:
            return False
        except APIError as error:
            if error.status_code != 409:  # in use
                raise
            self.progress.step("prune", f"{name} is in use, kept")
            return False
        return True

    def current_tags(self) -> set[str]:
        """The tags of every image that the recipes lead to, of any release and from anywhere."""
        return tags(self.directory)
