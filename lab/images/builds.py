"""The builds with which the expectations were last seen to hold, and what has moved since.

Packages of a release are replaced under the same name. Where something is unexpected, the first question
is whether the program or its library is another build than before. ``compose/builds.toml`` has the
versions in each image, written by ``lab images builds --write`` after a run in which all was as expected.
A moved version by itself is no fault of anything.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab import given
from lab.images.errors import ImageError, Problem
from lab.images.provenance import Provenance
from lab.quoting import cut, one_line

#: Version by package, program or library, by image.
Builds = Mapping[str, Mapping[str, str]]
#: The name of the TLS library of the programs under test, among the packages.
TLS_LIBRARY = "TLS library"
_HEAD = (
    "# The builds with which every expectation was last seen to hold: image, package, version.\n"
    "# Written by `lab images builds --write`; what has moved since is said beside an unexpected result.\n"
)


def of_image(provenance: Provenance) -> dict[str, str]:
    """What is in an image, as it was measured."""
    library = {TLS_LIBRARY: provenance.tls_library} if provenance.tls_library else {}
    return {**provenance.packages, **library}


def moved(recorded: Builds, provenance: Provenance) -> tuple[str, ...] | None:
    """What differs in an image, as ``libssl3t64 3.5.7-1 -> 3.5.9-1``; ``None``: nothing is recorded of it.

    A package that only one of the two has is said to be there or gone.
    """
    before = recorded.get(provenance.image)
    if before is None:
        return None
    now = of_image(provenance)
    return tuple(
        f"{name} {before.get(name, '(not there)')} -> {now.get(name, '(not there)')}"
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    )


def read(path: Path) -> Builds:
    """The recorded builds; nothing, if there is no such file.

    Raises:
        ImageError: the file is not such a table.
    """
    try:
        if not os.path.lexists(path):
            return {}
        table = tomllib.loads(given.read(path, given.KEPT).decode("utf-8"))
    except given.Unreadable as error:
        raise _broken(path, error.what) from error
    except (RecursionError, ValueError) as error:
        raise _broken(path, one_line(str(error))) from error
    for image, packages in table.items():
        if not isinstance(packages, dict) or not all(isinstance(v, str) for v in packages.values()):
            raise _broken(path, one_line(f"[{cut(image)}] is no table of versions"))
    return table


def write(path: Path, images: Iterable[Provenance]) -> None:
    """Record the builds of these images in the place of those before.

    Raises:
        ImageError: the file cannot be written.
    """
    parts = [_HEAD]
    for provenance in sorted(images, key=lambda one: one.image):
        lines = [f"{_quoted(n)} = {_quoted(v)}\n" for n, v in of_image(provenance).items()]
        parts.append(f"\n[{provenance.image}]\n{''.join(lines)}")
    try:
        path.write_text("".join(parts), encoding="utf-8")
    except OSError as error:
        raise ImageError(
            Problem.RECIPE,
            tried=f"writing {path}",
            happened=error.strerror or str(error),
            advice=["permit writing there, in a checkout of your own"],
        ) from error


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _broken(path: Path, happened: str) -> ImageError:
    return ImageError(
        Problem.RECIPE,
        tried=f"reading {path}",
        happened=happened,
        advice=["write it anew, when all is as expected: lab images builds --write"],
    )
