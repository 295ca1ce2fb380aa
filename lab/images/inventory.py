"""Which images are on the engine, and what each of them says of itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import docker
from docker.errors import ImageNotFound
from pydantic import ValidationError

from lab.images.candidate import REPOSITORY, Candidate
from lab.images.provenance import LABEL_PROVENANCE, Provenance


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


class Inventory:
    """The images of the lab on one engine. Its answers are the engine's, nothing is remembered.

    Failures of the engine come as its client raises them.
    """

    def __init__(self, engine: docker.DockerClient) -> None:
        self._engine = engine

    def tags(self) -> set[str]:
        """The tags of all that is there, also of what :meth:`inspect` takes for unfinished."""
        images = self._engine.api.images(name=f"{REPOSITORY}/*")
        return {tag for image in images for tag in image.get("RepoTags") or ()}

    def inspect(self, tag: str, *, built: bool = False) -> ImageInfo | None:
        """The image with this tag; None when there is no finished one.

        Args:
            tag: its name on the engine.
            built: whether this process has just made it.
        """
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

    def preferred(self, known: Iterable[Candidate], present: set[str]) -> ImageInfo | None:
        """The first candidate that is there.

        Args:
            known: the candidates, the preferred one first.
            present: what :meth:`tags` gave.
        """
        for one in known:
            if one.tag in present:
                return self.inspect(one.tag)
        return None
