"""An image as one route makes it: the hash over everything that goes into it, and so its tag."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.images.recipe import Measure, Recipe, Route, Source, Variant, find

REPOSITORY = "tls-lab"
#: Part of every hash: raise it when the way in which images are made changes what comes out.
FORMAT = 1


@dataclass(frozen=True)
class Candidate:
    """An image as it would be made on one route: fixed enough to have a hash and so a tag."""

    recipe: Recipe
    route: Route
    base: Candidate | None
    digest: str

    @property
    def name(self) -> str:
        """The name of the image in the lab."""
        return self.recipe.name

    @property
    def source(self) -> Source:
        """``registry`` or ``packages``; what its base is when the recipe leaves it open."""
        if self.route.source is not None:
            return self.route.source
        assert self.base is not None  # a route without a source has a base: _RecipeFile, Variant
        return self.base.source

    @property
    def variant(self) -> Variant:
        """What is done on this route."""
        return self.route.variant

    @property
    def measure(self) -> Measure:
        """What is read from the finished image."""
        return self.variant.measure or self.recipe.measure

    @property
    def tag(self) -> str:
        """The final name of the image on the engine."""
        return f"{REPOSITORY}/{self.name}:{self.digest}"


def candidates(recipes: Mapping[str, Recipe], name: str, wanted: Source) -> tuple[Candidate, ...]:
    """Every image that may serve as ``name``, the preferred one first; there may be none.

    Raises:
        ImageError: no recipe has that name.
    """
    recipe = find(recipes, name)
    found: list[Candidate] = []
    for route in recipe.open_to(wanted):
        if route.variant.base is None:
            found.append(candidate(recipe, route, None))
            continue
        found += [
            candidate(recipe, route, base)
            for base in candidates(recipes, route.variant.base, wanted)
        ]
    return tuple(found)


def candidate(recipe: Recipe, route: Route, base: Candidate | None) -> Candidate:
    """The image that this route leads to, with the hash over everything that goes into it."""
    variant = route.variant
    inputs = {
        "format": FORMAT,
        "name": recipe.name,
        "source": route.source,
        "variant": variant.model_dump(mode="json", exclude={"measure"}),
        "measure": (variant.measure or recipe.measure).model_dump(mode="json"),
        "base": base.digest if base else None,
        "files": {
            relative: [executable(path), hashlib.sha256(path.read_bytes()).hexdigest()]
            for relative, path in context_files(recipe.directory, variant).items()
        },
    }
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()[:12]
    return Candidate(recipe, route, base, digest)


def context_files(directory: Path, variant: Variant) -> dict[str, Path]:
    """The files of the recipe that the build sees, by their path in the build context."""
    roots = [
        directory / relative for relative in (variant.dockerfile, *variant.context) if relative
    ]
    files = [
        path
        for root in roots
        for path in (sorted(root.rglob("*")) if root.is_dir() else [root])
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return {path.relative_to(directory).as_posix(): path for path in files}


def executable(path: Path) -> bool:
    """Whether the owner may execute the file: the one bit of its mode that git keeps too."""
    return bool(path.stat().st_mode & stat.S_IXUSR)
