"""All images as one file, for a room without a network.

The file is what ``docker save`` writes, so any engine can read it; the labels, and with them the
provenance, are part of it.
"""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import docker
import requests
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from lab.host.machine import Say
from lab.images.errors import ImageError, megabytes, room
from lab.images.recipe import REPOSITORY
from lab.own import files
from lab.text import listed, one_line

#: Seconds without a byte from the engine.
TRANSFER_S = 300
REPORT_EVERY = 256 << 20
#: The largest part of an archive that is looked at, in bytes: its manifest, a header, a block of data.
LARGEST_PART = 4 << 20
#: So many files are looked through for the manifest: an archive has a few for each layer of an image.
MOST_MEMBERS = 20_000


class _Saved(BaseModel):
    """An image in an archive's manifest."""

    tags: tuple[str, ...] | None = Field(alias="RepoTags", default=None)


_MANIFEST = TypeAdapter(list[_Saved])


def save(engine: docker.DockerClient, tags: list[str], path: Path, report: Say) -> int:
    """Write the images to ``path`` and return its size in bytes.

    The file appears when it is complete. Layers that images share are in it once, which is why this
    is one request for all of them: the SDK has one for an image.

    Raises:
        ImageError: the file cannot be written, for example because the disk is full.
        requests.RequestException: the engine failed.
    """
    partial_file, size = path.with_name(f".{path.name}.partial"), 0
    url = f"{engine.api.base_url}/v{engine.api.api_version}/images/get"
    try:
        with (
            room(f"writing the images to {path}", path.parent),
            engine.api.get(url, params={"names": tags}, stream=True, timeout=TRANSFER_S) as answer,
            partial_file.open("wb") as target,
        ):
            answer.raise_for_status()
            for chunk in answer.iter_content(1 << 20):
                target.write(chunk)
                before, size = size, size + len(chunk)
                if size // REPORT_EVERY != before // REPORT_EVERY:
                    report(f"{megabytes(size)} written")
        partial_file.replace(path)
    except requests.RequestException:
        raise  # the engine's failure, not the file's (and an OSError too, by its base class)
    except OSError as error:
        raise ImageError("export", path=path, happened=error) from error
    finally:
        partial_file.unlink(missing_ok=True)
    return size


def contents(path: Path) -> tuple[str, ...]:
    """The tags in an archive, without loading it.

    Raises:
        ImageError: it cannot be read, or holds anything but images of the lab.
    """
    try:
        files.check_regular(path)
        with _Bounded(path) as file, tarfile.open(fileobj=file, mode="r:") as archive:
            images = _MANIFEST.validate_json(_manifest(archive))
    except files.Unreadable as error:
        raise ImageError("archive", path=path, happened=error.what, way=error.remedy) from error
    except (OSError, tarfile.TarError, RecursionError, ValueError) as error:
        no_manifest = "manifest.json does not list images by their tags"
        said = no_manifest if isinstance(error, ValidationError) else one_line(str(error))
        happened = f"not a complete archive of images: {said}"
        way = "make it with: lab images export FILE"
        raise ImageError("archive", path=path, happened=happened, way=way) from error
    tags = [tag for image in images for tag in image.tags or ()]
    foreign = [tag for tag in tags if not tag.startswith(f"{REPOSITORY}/")]
    if foreign or not tags:
        happened = f"it holds {one_line(listed(foreign)) if foreign else 'no image'}"
        way = "only an archive made by lab images export is accepted"
        raise ImageError("archive", path=path, happened=happened, way=way)
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
