"""All images as one file, for a room without a network.

The file is what ``docker save`` writes, so any engine can read it; the labels, and with them the
provenance, are part of it.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import docker
import requests

from lab import machine
from lab.images.build import download, upload
from lab.images.errors import ImageError, Problem, is_no_space, megabytes, no_space
from lab.images.recipe import REPOSITORY
from lab.own import files
from lab.text import listed, one_line

REPORT_EVERY = 256 << 20
#: The largest part of an archive that is looked at, in bytes: its manifest, a header, a block of data.
LARGEST_PART = 4 << 20
#: So many files are looked through for the manifest: an archive has a few for each layer of an image.
MOST_MEMBERS = 20_000


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
            download(engine, "/images/get", {"names": list(tags)}) as response,
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
        files.check_regular(path)
        with _Bounded(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            tags = _tags(_manifest(archive))
    except files.Unreadable as error:
        raise ImageError(
            Problem.ARCHIVE, tried=tried, happened=error.what, advice=[error.remedy]
        ) from error
    except (OSError, tarfile.TarError, RecursionError, ValueError) as error:
        raise ImageError(
            Problem.ARCHIVE,
            tried=tried,
            happened=f"not a complete archive of images: {one_line(str(error))}",
            advice=["make it with: lab images export FILE"],
        ) from error
    foreign = [tag for tag in tags if not tag.startswith(f"{REPOSITORY}/")]
    if foreign or not tags:
        raise ImageError(
            Problem.ARCHIVE,
            tried=tried,
            happened=f"it holds {one_line(listed(foreign)) if foreign else 'no image'}",
            advice=["only an archive made by lab images export is accepted"],
        )
    return tuple(tags)


class _Bounded(io.FileIO):
    """A file of which a reader takes no part that is larger than any of its headers."""

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes.

        Raises:
            ValueError: they are too many.
        """
        if size is None or not 0 <= size <= LARGEST_PART:
            raise ValueError(f"a part of {size} bytes, and {LARGEST_PART} is the most")
        return super().read(size)


def _manifest(archive: tarfile.TarFile) -> bytes:
    """The file in which an archive names its images.

    Raises:
        ValueError: there is none among the first files.
    """
    for number, member in enumerate(archive):
        if number == MOST_MEMBERS:
            raise ValueError(f"no manifest.json among the first {MOST_MEMBERS} files")
        content = archive.extractfile(member) if member.name == "manifest.json" else None
        if content is not None:
            if member.size > LARGEST_PART:
                raise ValueError(f"manifest.json is {member.size} bytes")
            return content.read()
    raise ValueError("there is no manifest.json")


def _tags(manifest: bytes) -> list[str]:
    """The tags in a manifest.

    Raises:
        ValueError: it is not one.
    """
    images = json.loads(manifest)
    if not isinstance(images, list):
        raise ValueError("manifest.json is no list")
    tags: list[str] = []
    for image in images:
        of_image = image.get("RepoTags", ()) if isinstance(image, dict) else 0
        of_image = () if of_image is None else of_image
        if not isinstance(of_image, list | tuple) or not all(isinstance(t, str) for t in of_image):
            raise ValueError("manifest.json does not list images by their tags")
        tags += of_image
    return tags


def load(engine: docker.DockerClient, path: Path) -> None:
    """Hand the archive to the engine.

    Raises:
        ImageError: the engine refused.
    """
    with path.open("rb") as stream:
        for event in upload(engine, "/images/load", {"quiet": 1}, stream):
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
