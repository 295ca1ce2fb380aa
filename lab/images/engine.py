"""The engine that makes and holds the images: whether it can, and what its failures mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import requests
from docker.errors import DockerException

from lab import machine
from lab.images.errors import ImageError, Problem, is_no_space, megabytes, no_space
from lab.images.registry import PLATFORM

#: Bytes that the engine must have free before anything is built: all images and build stages.
NEEDED_FREE = 2_000_000_000


def check_platform(engine: docker.DockerClient) -> None:
    """See that the engine runs what the recipes make.

    Raises:
        ImageError: it has another platform, or does not answer.
    """
    with engine_errors(engine, "asking the engine for its platform"):
        version = engine.version()
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
