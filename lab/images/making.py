"""Missing images, made: each by the first of its routes that works, a base before what needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from lab.images.artifacts import Cache
from lab.images.assembly import Assembly
from lab.images.candidate import Candidate, candidate, candidates
from lab.images.engine import engine_errors
from lab.images.errors import ImageError, Problem
from lab.images.inventory import ImageInfo
from lab.images.locks import tag_lock
from lab.images.progress import Progress
from lab.images.recipe import Recipe, Route, Source, Variant, find
from lab.images.scheduling import Schedule

Made = tuple[Candidate, ImageInfo]


class Making:
    """One making of missing images and of the bases that they need.

    Args:
        assembly: makes one image on one route.
        recipes: all recipes by name.
        source: where images may come from.
        cache: the downloaded packages.
        progress: told of everything that takes time.
    """

    def __init__(
        self,
        assembly: Assembly,
        recipes: Mapping[str, Recipe],
        source: Source,
        cache: Cache,
        progress: Progress,
    ) -> None:
        self._assembly = assembly
        self._recipes = recipes
        self._source = source
        self._cache = cache
        self._progress = progress
        self._schedule: Schedule[Made] = Schedule(self._make, progress)

    def run(self, names: Sequence[str]) -> dict[str, ImageInfo]:
        """Make them all, independent ones at the same time; the first failure stops the rest.

        Raises:
            ImageError: an image cannot be had.
        """
        return {name: info for name, (_, info) in self._schedule.run(names).items()}

    def _make(self, name: str) -> Made:
        recipe = find(self._recipes, name)
        routes = recipe.allowed(self._source)
        reason: str | None = None
        for route in routes:
            try:
                with engine_errors(self._assembly.engine, f"making {name}"):
                    return self._take(recipe, route, reason)
            except ImageError as error:
                last = route is routes[-1]
                if error.problem is Problem.NO_SPACE or (last and reason is None):
                    raise
                if last:
                    raise _after(reason, error) from error
                reason = error.reason
                self._progress.step(name, f"not from the registry ({reason}); using packages")
        raise AssertionError(f"{name} has no route")  # allowed() never returns none: see Recipe

    def _take(self, recipe: Recipe, route: Route, fallback_reason: str | None) -> Made:
        report = partial(self._progress.step, recipe.name)
        packages = self._fetch(recipe.name, route.variant)
        base, base_info = None, None
        if route.variant.base is not None:
            base, base_info = self._base(route.variant.base)
        wanted = candidate(recipe, route, base)
        with tag_lock(wanted.tag, report):
            info = self._assembly.inventory.inspect(wanted.tag)
            if info is None:
                with self._schedule.slot():
                    info = self._assembly.make(
                        wanted,
                        base_info,
                        packages,
                        fallback_reason=fallback_reason,
                        report=report,
                        cancelled=self._schedule.cancelled,
                    )
        return wanted, info

    def _base(self, name: str) -> Made:
        """The base, which may be there already."""
        inventory = self._assembly.inventory
        present = inventory.tags()
        for known in candidates(self._recipes, name, self._source):
            if known.tag in present:
                info = inventory.inspect(known.tag)
                if info is not None:
                    return known, info
        return self._schedule.start(name).result()

    def _fetch(self, name: str, variant: Variant) -> dict[str, Path]:
        report = partial(self._progress.step, name)
        return {
            artifact.file: self._cache.fetch(artifact, report) for artifact in variant.artifacts
        }


def _after(reason: str | None, error: ImageError) -> ImageError:
    """The last route's failure, with that of the one before it."""
    return ImageError(
        error.problem,
        tried=error.tried,
        happened=f"{error.happened}\n(the registry had been tried before: {reason})",
        advice=error.advice,
    )
