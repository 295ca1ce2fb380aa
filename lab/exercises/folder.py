"""The files of an exercise: what is in its folder, and the certificates and keys that are made for it.

What is made is written in words of the certificates' catalogue, several one after the other:

    chain:SLUG    what a server with this certificate sends
    leaf:SLUG     the first certificate of that
    issuers:SLUG  the rest of it
    key:SLUG      its private key
    anchor:NAME   a trust anchor

The same words in double braces in a text of the folder stand for the PEM.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lab.certificates import ANCHORS, CATALOGUE
from lab.exercises import WAYS, Exercise, ExerciseError, Way
from lab.servers import SERVERS

if TYPE_CHECKING:
    from lab.certificates.material import RunCertificates

_MADE = re.compile(r"(chain|leaf|issuers|key|anchor):([\w-]+)", re.ASCII)
_IN_TEXT = re.compile(r"\{\{([^{}]+)\}\}")
_END = b"-----END CERTIFICATE-----\n"


class FilesOfExercise:
    """The contents of every file, in every state; certificates are made once and are the same in all."""

    def __init__(self, exercise: Exercise, material: RunCertificates | None = None) -> None:
        """Make the keys and certificates that the exercise names, if it names any.

        Args:
            exercise: which.
            material: certificates for its server's host, where there are some already.
        """
        self._exercise = exercise
        self._texts = {way: _texts(exercise.place / way) for way in WAYS}
        wanted = [pair for recipe in self._recipes() for pair in _MADE.findall(recipe)]
        if not wanted:
            return
        from lab.certificates.material import RunCertificates, Wanted  # noqa: PLC0415 - is slow to import

        self._host = SERVERS[exercise.server.software].host
        slugs = [slug for slug in CATALOGUE if slug in {n for k, n in wanted if k != "anchor"}]
        anchors = [name for name in ANCHORS if name in {n for k, n in wanted if k == "anchor"}]
        self._material = (
            material
            or RunCertificates([self._host], wanted=Wanted({self._host: slugs}, anchors)).generate()
        )

    def contents(self, way: Way) -> Mapping[str, bytes]:
        """All files as this way leaves them, by name."""
        made: dict[str, bytes] = {}
        for each in dict.fromkeys(("files", way)):
            made |= {name: self._filled(text) for name, text in self._texts[each].items()}
            recipes = self._exercise.certificates.get(each, {})
            made |= {name: self._made(recipe) for name, recipe in recipes.items()}
        return made

    def _recipes(self) -> Iterator[str]:
        for recipes in self._exercise.certificates.values():
            yield from recipes.values()
        for texts in self._texts.values():
            for text in texts.values():
                yield from _IN_TEXT.findall(text)

    def _filled(self, text: str) -> bytes:
        return _IN_TEXT.sub(lambda found: self._made(found[1]).decode().strip(), text).encode()

    def _made(self, recipe: str) -> bytes:
        return b"".join(self._part(kind, name) for kind, name in _MADE.findall(recipe))

    def _part(self, kind: str, name: str) -> bytes:
        if kind == "anchor":
            return self._material.anchor(name)
        made = self._material.server(name, self._host)
        if kind == "key":
            return made.key_pem
        leaf, end, issuers = made.chain_pem.partition(_END)
        return {"chain": made.chain_pem, "leaf": leaf + end, "issuers": issuers}[kind]


def _texts(folder: Path) -> Mapping[str, str]:
    """The texts of a folder, by name; of one that is not there, none."""
    if not folder.is_dir():
        return {}
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir())}


def write(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder that is made for them; keys are for their owner alone.

    Raises:
        ExerciseError: the folder is there already, or cannot be made.
    """
    try:
        folder.mkdir(parents=True)
        for name, content in contents.items():
            path = folder / name
            path.touch(mode=0o600 if name.endswith(".key") else 0o644)
            path.write_bytes(content)
    except FileExistsError as error:
        raise ExerciseError("folder-there", folder=folder) from error
    except OSError as error:
        raise ExerciseError(
            "folder-not-writable", folder=folder, error=error.strerror or error
        ) from error


def read(folder: Path) -> Mapping[str, bytes]:
    """The files of a folder that :func:`write` has filled, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()}
