"""All images as one file, for a room without a network.

The file is what ``docker save`` writes, so any engine can read it; the labels, and with them the
provenance, are part of it.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import docker
import requests

from lab import machine
from lab.images import transfer
from lab.images.candidate import REPOSITORY
from lab.images.errors import ImageError, Problem, is_no_space, megabytes, no_space

REPORT_EVERY = 256 << 20


def save(
    engine: docker.DockerClient, tags: Sequence[str], path: Path, report: Callable[[str], None]
) -> int:
    """Write the images to ``path`` and return its size in bytes.

    The file appears when it is complete. Layers that images share are in it once, which is why this
    is one request for all of them.

    Raises:
        ImageError: the file cannot be written, for example because the disk is full.
    """
    partial = path.with_name(f".{path.name}.partial")
    size = 0
    try:
        with (
            transfer.download(engine, "/images/get", {"names": list(tags)}) as response,
            partial.open("wb") as target,
        ):
            for chunk in response.iter_content(1 << 20):
                target.write(chunk)
                before, size = size, size + len(chunk)
                if size // REPORT_EVERY != before // REPORT_EVERY:
                    report(f"{megabytes(size)} written")
        partial.replace(path)
    except requests.RequestException:
        raise  # the engine's failure, not the file's (and an OSError too, by its base class)
    except OSError as error:
        tried = f"writing the images to {path}"
        if is_no_space(error):
            free = machine.free_bytes(path.parent)
            raise no_space(tried, str(error), str(path.parent), free) from error
        raise ImageError(
            Problem.ARCHIVE,
            tried=tried,
            happened=str(error),
            advice=["name a file in a directory that exists and that this user may write"],
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return size


def contents(path: Path) -> tuple[str, ...]:
    """The tags in an archive, without loading it.

    Raises:
        ImageError: it cannot be read, or holds anything but images of the lab.
    """
    tried = f"reading the images in {path}"
    try:
        with tarfile.open(path, "r:") as archive:
            manifest = archive.extractfile("manifest.json")
            assert manifest is not None  # KeyError when it is missing
            tags = [tag for image in json.load(manifest) for tag in image["RepoTags"] or ()]
    except (OSError, tarfile.TarError, KeyError, TypeError, ValueError) as error:
        raise ImageError(
            Problem.ARCHIVE,
            tried=tried,
            happened=f"not a complete archive of images: {error}",
            advice=["make it with: lab images export FILE"],
        ) from error
    foreign = [tag for tag in tags if not tag.startswith(f"{REPOSITORY}/")]
    if foreign or not tags:
        raise ImageError(
            Problem.ARCHIVE,
            tried=tried,
            happened=f"it holds {', '.join(foreign) if foreign else 'no image'}",
            advice=["only an archive made by lab images export is accepted"],
        )
    return tuple(tags)


def load(engine: docker.DockerClient, path: Path) -> None:
    """Hand the archive to the engine.

    Raises:
        ImageError: the engine refused.
    """
    with path.open("rb") as stream:
        for event in transfer.upload(engine, "/images/load", {"quiet": 1}, stream):
            if "error" in event:
                raise ImageError(
                    Problem.ARCHIVE,
                    tried=f"loading {path}",
                    happened=str(event["error"]),
                    advice=["make the archive again with: lab images export FILE"],
                )


def not_for_this_lab(contained: Iterable[str], known: Iterable[str]) -> tuple[str, ...]:
    """The tags of an archive that no recipe of this checkout leads to."""
    return tuple(sorted(set(contained) - set(known)))
