"""What an image is made of, read from ``compose/images/<name>/image.toml``.

An image has up to two routes to it. ``registry``: the distribution's own image. ``packages``: put
together from package mirrors where no registry can be reached, for a distribution that has no
mirror here a stand-in. ``either``: the same recipe whichever way its base came.

The servers' images exist in several *releases*: the usual one, and others on which the lab can show
that its expectations do not rest on one day's packages. ``[release.NAME]`` in a recipe holds what
differs there; ``LAB_SERVERS=NAME`` chooses. A recipe that says nothing about a release is the same there.

A recipe with ``on_demand`` is made by the runs that need it, and by nobody else. One with
``distributions`` is an image on each of these bases, called ``FOLDER-BASE``.

An image *candidate* is the image as it would be made on one route: fixed enough to have a hash over
everything that goes into it, and so a tag. Everything here decides; nothing touches an engine or a network.
"""

from __future__ import annotations

import hashlib
import json
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from lab.images.errors import ImageError, UnknownImage, WrongVariable
from lab.text import LONGEST_QUOTE, one_line

#: Images of the lab have tags in this repository.
REPOSITORY = "tls-lab"
#: Part of every hash: raise it when the way in which images are made changes what comes out.
FORMAT = 1


class Source(StrEnum):
    """Where images may come from; the value of ``LAB_IMAGES``."""

    AUTO = "auto"
    REGISTRY = "registry"
    PACKAGES = "packages"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Source:
        """The source that ``LAB_IMAGES`` names; :attr:`AUTO` without it.

        Raises:
            WrongVariable: it has a value that is none of the three.
        """
        value = environment.get("LAB_IMAGES", "").strip() or cls.AUTO.value
        try:
            return cls(value)
        except ValueError as error:
            raise _wrong("LAB_IMAGES", value, cls, "no such image source") from error


def _wrong(name: str, value: str, known: Iterable[str], happened: str) -> WrongVariable:
    quoted, names = one_line(value, LONGEST_QUOTE), ", ".join(known)
    return WrongVariable("variable", name=name, value=quoted, known=names, happened=happened)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Platform(_Part):
    """For which interpreter a wheel is meant: pip would otherwise choose one for this machine."""

    python: str
    tags: tuple[str, ...] = Field(min_length=1)


class Artifact(_Part):
    """One pinned package and what is taken from it.

    ``members`` maps a member of the archive to its place below ``artifacts/`` in the build context.
    A key that ends in ``/`` (or is empty) is a directory, all of which is taken.
    """

    client: Literal["npm", "pip"]
    package: str
    version: str
    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(gt=0)
    """In bytes."""
    members: dict[str, str] = Field(min_length=1)
    platform: Platform | None = None

    @property
    def title(self) -> str:
        """How it is called in messages."""
        return f"{self.package} {self.version}"


class Bootstrap(_Part):
    """A Debian root file system from the package mirror.

    ``expired_index``: the release's index may be past its ``Valid-Until``, as that of a testing release
    is on a mirror that lags; its signature is checked all the same.
    """

    suite: str
    include: tuple[str, ...] = ()
    expired_index: bool = False


class Measure(_Part):
    """What is read from the finished image by running it once; all are shell commands."""

    packages: tuple[str, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    tls_library: str | None = None


class Variant(_Part):
    """One way to make an image: where it starts, what is done to it, what it then is."""

    pull: str | None = None
    bootstrap: Bootstrap | None = None
    base: str | None = None
    dockerfile: str | None = None
    context: tuple[str, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    stand_in: bool = False
    real: tuple[str, ...] = Field(min_length=1)
    not_real: tuple[str, ...] = ()
    measure: Measure | None = None

    @property
    def files(self) -> tuple[str, ...]:
        """The files and folders of the recipe that the build sees."""
        return (*([self.dockerfile] if self.dockerfile else []), *self.context)

    @model_validator(mode="after")
    def _has_one_start(self) -> Self:
        if sum(start is not None for start in (self.pull, self.bootstrap, self.base)) != 1:
            raise ValueError("exactly one of pull, bootstrap and base is needed")
        if self.base is not None and self.dockerfile is None:
            raise ValueError("a variant on another image of the lab needs a dockerfile")
        if self.stand_in and not self.not_real:
            raise ValueError("a stand-in must say what in it is not real")
        return self


class _Release(_Part):
    """What differs from ``either`` in a release. An artifact takes the place of that of its package."""

    base: str | None = None
    dockerfile: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    stand_in: bool | None = None
    real: tuple[str, ...] | None = None
    not_real: tuple[str, ...] | None = None

    def of(self, variant: Variant) -> Variant:
        """The variant as it is in this release."""
        changes = {name: getattr(self, name) for name in self.model_fields_set}
        replaced = {artifact.package for artifact in self.artifacts}
        kept = [a for a in variant.artifacts if a.package not in replaced]
        changes["artifacts"] = (*kept, *self.artifacts)
        return Variant.model_validate(dict(variant) | changes)


class _RecipeFile(_Part):
    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    description: str
    on_demand: bool = False
    distributions: tuple[str, ...] = ()
    registry: Variant | None = None
    packages: Variant | None = None
    either: Variant | None = None
    release: dict[str, _Release] = Field(default_factory=dict)
    measure: Measure = Measure()

    @model_validator(mode="before")
    @classmethod
    def _stands_on_each_of_its_distributions(cls, table: Any) -> Any:
        """``either`` needs no base of its own then: :meth:`recipes` gives it each of these."""
        distributions, either = table.get("distributions"), table.get("either")
        if not distributions:
            return table
        if not isinstance(either, dict) or "base" in either or "release" in table:
            raise ValueError("distributions need an either without a base, and no release")
        return {**table, "either": {**either, "base": distributions[0]}}

    @model_validator(mode="after")
    def _has_a_variant(self) -> Self:
        if self.either is not None and (self.registry or self.packages):
            raise ValueError("either stands alone, without registry and packages")
        if self.release and self.either is None:
            raise ValueError("a release differs from either, and there is none")
        if self.either is None and self.registry is None:
            needed = "registry is needed (and packages, if it can be stood in for), or either"
            raise ValueError(needed)
        return self

    def recipes(self, directory: Path, release: str) -> tuple[Recipe, ...]:
        """The image as it is in a release; of several distributions, one each."""
        either = self.either
        if either is not None and release in self.release:
            either = self.release[release].of(either)
        found = {Source.REGISTRY: self.registry, Source.PACKAGES: self.packages, None: either}
        ways = {self.name: [Route(source, v) for source, v in found.items() if v is not None]}
        if either is not None and self.distributions:
            on = {base: either.model_copy(update={"base": base}) for base in self.distributions}
            ways = {f"{self.name}-{base}": [Route(None, variant)] for base, variant in on.items()}
        return tuple(
            Recipe(name, tuple(routes), self.measure, directory, self.on_demand)
            for name, routes in ways.items()
        )


@dataclass(frozen=True)
class Route:
    """One variant and the source whose name it bears; None when its base decides."""

    source: Source | None
    variant: Variant


@dataclass(frozen=True)
class Recipe:
    """An image of the lab and the ways to it, the preferred one first."""

    name: str
    routes: tuple[Route, ...]
    measure: Measure
    directory: Path
    on_demand: bool = False
    """Whether it is made only for who needs it."""

    @property
    def only_real(self) -> bool:
        """Whether it can be made of the distribution's own image only: there is no stand-in."""
        return not self.open_to(Source.PACKAGES)

    @property
    def service_file(self) -> Path:
        """The containers of the topology that run it, as Compose reads them; some images have none."""
        return self.directory / "service.yaml"

    def open_to(self, wanted: Source) -> tuple[Route, ...]:
        """The routes that ``wanted`` leaves, in order of preference; there may be none."""
        sources = {None, *(Source if wanted is Source.AUTO else [wanted])}
        return tuple(route for route in self.routes if route.source in sources)

    def allowed(self, wanted: Source) -> tuple[Route, ...]:
        """The routes that may be taken when ``wanted`` is asked for, in order of preference.

        Raises:
            ImageError: there is none: the image has no stand-in, and the registry is ruled out.
        """
        routes = self.open_to(wanted)
        if not routes:
            raise ImageError("only-real", name=self.name, source=wanted)
        return routes


def release_from_environment(environment: Mapping[str, str]) -> str:
    """The release of the servers' images that ``LAB_SERVERS`` names; empty: the usual one."""
    return environment.get("LAB_SERVERS", "").strip()


def releases(directory: Path) -> tuple[str, ...]:
    """The releases that the recipes below ``directory`` know, beside the usual one.

    Raises:
        ImageError: a file is not a valid recipe.
    """
    return tuple(sorted({name for file in _read(directory) for name in file.release}))


def bases(directory: Path) -> set[str]:
    """The images that others stand on, in any release; raises like :func:`load`."""
    every = _of_every_release(directory)
    found = {route.variant.base for one in every for r in one.values() for route in r.routes}
    return {name for name in found if name}


def tags(directory: Path) -> set[str]:
    """The tags of every image that the recipes lead to, of any release and from anywhere.

    Raises like :func:`load`.
    """
    return {
        known.tag
        for recipes in _of_every_release(directory)
        for name in recipes
        for known in candidates(recipes, name, Source.AUTO)
    }


def _of_every_release(directory: Path) -> Iterator[dict[str, Recipe]]:
    return (load(directory, release) for release in ("", *releases(directory)))


def load(directory: Path, release: str = "") -> dict[str, Recipe]:
    """Read every recipe below ``directory`` (``compose/images``).

    Args:
        directory: the folder with a folder an image.
        release: that of the servers' images, one of :func:`releases`; empty: the usual one.

    Raises:
        ImageError: a file is not a valid recipe, or names a base or a file that is not there.
        WrongVariable: no recipe knows the release.
    """
    files = _read(directory)
    known = {name: None for file in files for name in file.release}
    if release and release not in known:
        happened = "no recipe knows this release of the servers"
        raise _wrong("LAB_SERVERS", release, sorted(known), happened)
    every = (one for file in files for one in file.recipes(directory / file.name, release))
    recipes = {recipe.name: recipe for recipe in every}
    for recipe in recipes.values():
        for route in recipe.routes:
            if route.variant.base is not None and route.variant.base not in recipes:
                raise _broken(recipe.directory, f"its base {route.variant.base} has no recipe")
            for relative in route.variant.files:
                if not (recipe.directory / relative).exists():
                    raise _broken(recipe.directory, f"{relative} does not exist")
    return recipes


def _read(directory: Path) -> list[_RecipeFile]:
    files = []
    for path in sorted(directory.glob("*/image.toml")):
        try:
            parsed = _RecipeFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except (OSError, RecursionError, ValueError) as error:
            raise _broken(path, str(error)) from error
        if parsed.name != path.parent.name:
            raise _broken(path, f"it is called {parsed.name}, its directory is not")
        files.append(parsed)
    if not files:
        raise _broken(directory, "no */image.toml in it")
    return files


def _broken(path: Path, happened: str) -> ImageError:
    return ImageError("recipe", path=path, happened=happened)


def find(recipes: Mapping[str, Recipe], name: str) -> Recipe:
    """The recipe called ``name``.

    Raises:
        UnknownImage: there is none.
    """
    if name not in recipes:
        raise UnknownImage("unknown", name=name, known=", ".join(sorted(recipes)))
    return recipes[name]


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
    recipe, found = find(recipes, name), list[Candidate]()
    for route in recipe.open_to(wanted):
        base = route.variant.base
        each = candidates(recipes, base, wanted) if base else (None,)
        found += [candidate(recipe, route, one) for one in each]
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
    files = [
        path
        for root in (directory / relative for relative in variant.files)
        for path in (sorted(root.rglob("*")) if root.is_dir() else [root])
        if path.is_file() and "__pycache__" not in path.parts
    ]
    return {path.relative_to(directory).as_posix(): path for path in files}


def executable(path: Path) -> bool:
    """Whether the owner may execute the file: the one bit of its mode that git keeps too."""
    return bool(path.stat().st_mode & stat.S_IXUSR)
