"""Which images are on the engine, what each says of itself; whether the engine can make more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
import requests
from docker.errors import DockerException, ImageNotFound
from pydantic import ValidationError

from lab.host import machine
from lab.images.errors import ImageError, Problem, is_no_space, megabytes, no_space
from lab.images.provenance import LABEL_PROVENANCE, Provenance
from lab.images.recipe import REPOSITORY, Candidate

#: Bytes that the engine must have free before anything is built: all images and build stages.
NEEDED_FREE = 2_000_000_000


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


def check_platform(engine: docker.DockerClient) -> None:
    """See that the engine runs what the recipes make.

    Raises:
        ImageError: it has another platform, or does not answer.
    """
    with engine_errors(engine, "asking the engine for its platform"):
        version = engine.version()
    from lab.images.sources import PLATFORM  # noqa: PLC0415 - of use where something is made

    found = f"{version.get('Os')}/{version.get('Arch')}"
    if found != PLATFORM:
        raise ImageError(
            Problem.PLATFORM,
            tried="making the images",
            happened=f"they are {PLATFORM}, this engine is {found}",
            advice=["use the engine of an x86-64 Linux machine (DOCKER_HOST)"],
        )


def check_space(engine: docker.DockerClient) -> None:
    """See that the engine's disk has room for all images, where that can be told from here.

    Raises:
        ImageError: fewer than :data:`NEEDED_FREE` bytes are free.
    """
    place = data_root(engine)
    free = machine.free_bytes(place) if place is not None else None
    if place is not None and free is not None and free < NEEDED_FREE:
        needed = f"making the images needs {megabytes(NEEDED_FREE)}"
        raise no_space("making the images", needed, str(place), free)


def data_root(engine: docker.DockerClient) -> Path | None:
    """Where the engine keeps its data, when it runs on this machine."""
    if engine.api.base_url != "http+docker://localhost":
        return None
    place = Path(str(engine.info().get("DockerRootDir", "")))
    return place if place.is_dir() else None


@contextmanager
def engine_errors(engine: docker.DockerClient, tried: str) -> Iterator[None]:
    """Turn what the engine's client raises into an error that says what to do.

    Args:
        engine: the engine.
        tried: what is done in the block, as a noun phrase.

    Raises:
        ImageError: the engine failed; a full disk is told apart from the rest.
    """
    try:
        yield
    except ImageError as error:
        if error.problem is Problem.NO_SPACE or not is_no_space(error.happened):
            raise
        raise _full(engine, error.tried, error.happened) from error
    except (DockerException, requests.RequestException) as error:
        if is_no_space(error):
            raise _full(engine, tried, str(error)) from error
        raise ImageError(
            Problem.ENGINE,
            tried=tried,
            happened=str(getattr(error, "explanation", None) or error),
            advice=["see whether the engine works: docker info, lab doctor"],
        ) from error


def _full(engine: docker.DockerClient, tried: str, happened: str) -> ImageError:
    lines = [line.strip() for line in happened.splitlines() if is_no_space(line)]
    place = data_root(engine)
    free = machine.free_bytes(place) if place is not None else None
    return no_space(tried, lines[-1], str(place or "the engine's data root"), free)
