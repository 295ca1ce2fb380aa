"""The build context: what the engine gets to see while it builds an image.

It holds the files of the recipe that the variant names and, below ``artifacts/``, exactly the
members of the pinned packages that the recipe takes from them. Order, owner, mode and time are
fixed, so the same inputs give the same bytes and the engine's build cache can be used.
"""

from __future__ import annotations

import fnmatch
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from lab.images.candidate import Candidate, context_files, executable
from lab.images.errors import ImageError, Problem
from lab.images.recipe import Artifact

ARTIFACTS = PurePosixPath("artifacts")


@dataclass(frozen=True)
class Member:
    """A regular file inside a package."""

    name: str
    executable: bool
    data: bytes


def write(stream: IO[bytes], candidate: Candidate, packages: Mapping[str, Path]) -> None:
    """Write the build context of a candidate as a tar archive.

    Args:
        stream: where to, open for writing.
        candidate: the image.
        packages: the fetched package by its file name.

    Raises:
        ImageError: a package lacks a member that the recipe takes from it.
    """
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, path in context_files(candidate.recipe.directory, candidate.variant).items():
            _add(archive, name, path.read_bytes(), executable=executable(path))
        for artifact in candidate.variant.artifacts:
            for place, member in selected(artifact, packages[artifact.file]):
                _add(archive, str(place), member.data, executable=member.executable)


def _add(archive: tarfile.TarFile, name: str, data: bytes, *, executable: bool) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    entry.mode = 0o755 if executable else 0o644
    archive.addfile(entry, io.BytesIO(data))


def selected(artifact: Artifact, package: Path) -> Iterator[tuple[PurePosixPath, Member]]:
    """The members that the recipe takes from a package, each with its place in the context.

    Raises:
        ImageError: nothing in the package matches one of the recipe's keys.
    """
    unmatched = set(artifact.members)
    for member in members(package):
        for key, place in artifact.members.items():
            relative = match(key, member.name)
            if relative is None:
                continue
            unmatched.discard(key)
            yield destination(place, relative), member
            break
    if unmatched:
        raise ImageError(
            Problem.DOWNLOAD,
            tried=f"taking files from {artifact.file}",
            happened=f"there is no {', no '.join(sorted(unmatched))} in it",
            advice=["correct the members in the image's recipe"],
        )


def match(key: str, name: str) -> str | None:
    """The part of ``name`` that is kept when ``key`` selects it, else None.

    >>> match("package/lib/", "package/lib/a/b.so")
    'a/b.so'
    >>> match("lib/*.so", "lib/b.so")
    'b.so'
    >>> match("PKG-INFO", "PKG-INFO")
    ''
    """
    if key == "" or key.endswith("/"):
        return name.removeprefix(key) if name.startswith(key) else None
    if name == key:
        return ""
    return PurePosixPath(name).name if fnmatch.fnmatchcase(name, key) else None


def destination(place: str, relative: str) -> PurePosixPath:
    """Where a member goes in the context: below ``place``, or exactly there.

    Raises:
        ImageError: the path would leave the context.
    """
    path = ARTIFACTS / place / relative if relative else ARTIFACTS / place
    if ".." in path.parts or path.parts[0] != str(ARTIFACTS):
        raise ImageError(
            Problem.DOWNLOAD,
            tried="filling the build context",
            happened=f"{path} lies outside of it",
            advice=["do not use the package that has such a member"],
        )
    return path


def members(package: Path) -> Iterator[Member]:
    """The regular files of a wheel (zip) or of a tar archive, whatever its compression.

    Raises:
        ImageError: it is neither.
    """
    try:
        if zipfile.is_zipfile(package):
            yield from _zip_members(package)
        else:
            yield from _tar_members(package)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise ImageError(
            Problem.DOWNLOAD,
            tried=f"opening {package}",
            happened=str(error),
            advice=[f"remove {package}; the next run downloads it again"],
        ) from error


def _zip_members(package: Path) -> Iterator[Member]:
    with zipfile.ZipFile(package) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                mode = entry.external_attr >> 16
                yield Member(entry.filename, bool(mode & 0o100), archive.read(entry))


def _tar_members(package: Path) -> Iterator[Member]:
    with tarfile.open(package) as archive:
        for entry in archive:
            if entry.isreg():
                stream = archive.extractfile(entry)
                assert stream is not None  # a regular file has content
                yield Member(entry.name, bool(entry.mode & 0o100), stream.read())
