"""What an image says of itself, and what has moved since the expectations were last seen to hold.

Every image carries a statement in a label: where it comes from, what in it is real and what is not, and the
versions that were measured in it. Packages of a release are replaced under the same name, so where something
is unexpected, the first question is whether the program or its library is another build than before.
``compose/builds.toml`` has the versions in each image, written by ``lab images builds --write`` after a run
in which all was as expected. A moved version by itself is no fault of anything.
"""

from __future__ import annotations

import datetime
import json
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import docker
from docker.errors import ImageNotFound
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lab.images.errors import ImageError
from lab.images.recipe import REPOSITORY, Candidate
from lab.own import files
from lab.text import cut, one_line

LABEL_IMAGE = "test.lab.image"
LABEL_SOURCE = "test.lab.source"
LABEL_STAND_IN = "test.lab.stand-in"
LABEL_RECIPE = "test.lab.recipe"
LABEL_PROVENANCE = "test.lab.provenance"

#: Version by package, program or library, by image.
Builds = Mapping[str, Mapping[str, str]]
#: The name of the TLS library of the programs under test, among the packages.
TLS_LIBRARY = "TLS library"
_HEAD = (
    "# The builds with which every expectation was last seen to hold: image, package, version.\n"
    "# Written by `lab images builds --write`; what has moved since is said beside an unexpected result.\n"
)


class Provenance(BaseModel):
    """The statement that every image carries in a label and that every record repeats.

    Versions were measured by running the finished image once, not copied from the recipe.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    image: str
    """Name of the image in the lab, for example ``rocky9``."""
    source: str
    """``registry`` or ``packages``."""
    stand_in: bool
    """True when it only stands in for the distribution named."""
    os: str
    """``PRETTY_NAME`` of the image's own os-release."""
    tls_library: str | None = None
    """TLS library of the programs under test, with its build."""
    packages: dict[str, str] = Field(default_factory=dict)
    """Version by package, program or module."""
    crypto_policies: tuple[str, ...] = ()
    """Crypto policies that a container of it can be started with."""
    real: tuple[str, ...] = ()
    """What is the distribution's own."""
    not_real: tuple[str, ...] = ()
    """What is not, or not there."""
    fallback_reason: str | None = None
    """Why the packages were used although a registry was allowed."""
    digest: str | None = None
    """Registry digest of the distribution image it is built on."""
    recipe: str
    """Hash over the recipe and everything that goes into it."""
    id: str = ""
    """The image's id on the engine, known when it is read."""
    built_at: datetime.datetime
    """When it was finished, UTC."""

    def label(self) -> str:
        """The text of the label. The id is left out: an image cannot contain its own id."""
        return self.model_dump_json(exclude={"id"}, exclude_none=True)

    def labels(self) -> dict[str, str]:
        """All labels of the finished image; the others are for those who look for images."""
        return {
            LABEL_IMAGE: self.image,
            LABEL_SOURCE: self.source,
            LABEL_STAND_IN: str(self.stand_in).lower(),
            LABEL_RECIPE: self.recipe,
            LABEL_PROVENANCE: self.label(),
        }

    @classmethod
    def read(cls, label: str, *, image_id: str) -> Provenance:
        """What a label says, completed with the id of the image that carries it.

        Raises:
            pydantic.ValidationError: the label was not written by this version of the lab.
        """
        return cls.model_validate_json(label).model_copy(update={"id": image_id})


@dataclass(frozen=True)
class ImageInfo:
    """An image that is there.

    Attributes:
        tag: its name on the engine, to start containers from.
        id: its id on the engine.
        built: whether this process made it, rather than found it.
        provenance: what it says of itself.
    """

    tag: str
    id: str
    built: bool
    provenance: Provenance

    @property
    def stand_in(self) -> bool:
        """Whether it only stands in for the distribution."""
        return self.provenance.stand_in


def inspect(engine: docker.DockerClient, tag: str, *, built: bool = False) -> ImageInfo | None:
    """The image with this tag; None when there is no finished one.

    Args:
        engine: the engine; its failures come as its client raises them.
        tag: its name there.
        built: whether this process has just made it.
    """
    try:
        image = engine.images.get(tag)
        provenance = Provenance.read(image.labels[LABEL_PROVENANCE], image_id=str(image.id))
    except (ImageNotFound, KeyError, ValidationError):
        return None  # not a finished image of this version of the lab: it is made again
    return ImageInfo(tag, provenance.id, built, provenance)


#: An image as it was wanted, and as it is there.
Made = tuple[Candidate, ImageInfo]


def present(engine: docker.DockerClient) -> set[str]:
    """The tags of the lab's images that are there, also of what :func:`inspect` takes for unfinished."""
    images = engine.api.images(name=f"{REPOSITORY}/*")
    return {tag for image in images for tag in image.get("RepoTags") or ()}


def preferred(
    engine: docker.DockerClient, known: Iterable[Candidate], there: set[str]
) -> Made | None:
    """The first of these candidates that is there and finished.

    Args:
        engine: the engine.
        known: the candidates, the preferred one first.
        there: what :func:`present` gave.
    """
    found = ((one, inspect(engine, one.tag)) for one in known if one.tag in there)
    return next(((one, info) for one, info in found if info is not None), None)


def builds_of(provenance: Provenance) -> dict[str, str]:
    """What is in an image, as it was measured."""
    library = {TLS_LIBRARY: provenance.tls_library} if provenance.tls_library else {}
    return {**provenance.packages, **library}


def moved(recorded: Builds, provenance: Provenance) -> tuple[str, ...] | None:
    """What differs in an image (:func:`differences`); ``None``: nothing is recorded of it."""
    before = recorded.get(provenance.image)
    return None if before is None else differences(before, builds_of(provenance))


def differences(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """What differs in the builds of an image, as ``libssl3t64 3.5.7-1 -> 3.5.9-1``.

    A package that only one of the two has is said to be there or gone.
    """
    return tuple(
        f"{name} {before.get(name, '(not there)')} -> {now.get(name, '(not there)')}"
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    )


def read_builds(path: Path) -> Builds:
    """The recorded builds; nothing, if there is no such file.

    Raises:
        ImageError: the file is not such a table.
    """
    try:
        if not os.path.lexists(path):
            return {}
        table = tomllib.loads(files.read(path, files.KEPT).decode("utf-8"))
    except files.Unreadable as error:
        raise _broken(path, error.what) from error
    except (RecursionError, ValueError) as error:
        raise _broken(path, one_line(str(error))) from error
    for image, packages in table.items():
        if not isinstance(packages, dict) or not all(isinstance(v, str) for v in packages.values()):
            raise _broken(path, one_line(f"[{cut(image)}] is no table of versions"))
    return table


def write_builds(path: Path, images: Iterable[Provenance], kept: Builds | None = None) -> None:
    """Record the builds of these images in the place of those before.

    Args:
        kept: what stays of those before where the images have nothing of that name.

    Raises:
        ImageError: the file cannot be written.
    """
    parts, quoted = [_HEAD], partial(json.dumps, ensure_ascii=False)
    builds = {**(kept or {}), **{one.image: builds_of(one) for one in images}}
    for image, versions in sorted(builds.items()):
        # The escapes of a string of TOML are those of JSON.
        lines = [f"{quoted(n)} = {quoted(v)}\n" for n, v in versions.items()]
        parts.append(f"\n[{image}]\n{''.join(lines)}")
    try:
        path.write_text("".join(parts), encoding="utf-8")
    except OSError as error:
        happened = error.strerror or str(error)
        raise ImageError("builds-written", path=path, happened=happened) from error


def _broken(path: Path, happened: str) -> ImageError:
    return ImageError("builds", path=path, happened=happened)
