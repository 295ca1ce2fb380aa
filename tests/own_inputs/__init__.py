"""Defective inputs of one's own, each with its twin: the tables beside this module, and what they come to.

An input is what a person gives to ``lab attempt``. Its twin differs from it in one thing, and completes.
Every table has a ``[base]``, which is right, and the defects, ``[[input]]``, with

``ends``: how the attempt ends: an expectation; ``judged``: it completes here, and on the operator's server
    only if what is presumed holds; ``no input``: it is refused before.
``says``: a part of what is said of it before any attempt, at the line ``at`` (0: of the whole file).
``line``: the line of the file that the advice names as the one that decides; 0: none of this file.
``fix``: what the first remedy writes; where it writes nothing (another certificate), its name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.own.attempt import FTP_SERVER
from lab.own.configurations import readers
from tests.own_inputs.chains import made

#: How an input ends that completes in the lab, and that is refused before any attempt.
JUDGED, NO_INPUT = "judged", "no input"
#: The kinds of files that are of no server.
OTHERS = ("mt-config.cgi", "backend")


@dataclass(frozen=True, kw_only=True, eq=False)
class Input:
    """A defective input and its twin."""

    kind: str
    """``vsftpd.conf``, ``mt-config.cgi``, ``backend`` or ``chain``."""
    name: str
    file: str
    """The name of its file; of a chain, that of the certificates."""
    content: Mapping[str, bytes]
    """What it holds, by file name."""
    twin: Mapping[str, bytes]
    ends: str
    instead: str = ""
    """The twin's lines; empty: its file has none of its own."""
    says: str = ""
    at: int = 0
    line: int = 0
    fix: str = ""
    cause: str = ""
    build: str | None = None
    client: str = "net-ftp@rocky9"
    server: str | None = None
    server_settings: tuple[str, ...] = ()
    client_settings: tuple[str, ...] = ()
    sound: Mapping[str, Any] = field(default_factory=dict)
    """Of a chain, what its twin is made from."""

    def __str__(self) -> str:
        return f"{self.kind}: {self.name}"

    @property
    def software(self) -> str:
        """The server that reads it; empty: it is the configuration of none."""
        return next((r.software for r in readers().values() if r.file == self.kind), "")

    @property
    def refused(self) -> bool:
        """Whether an attempt with it is refused."""
        return self.ends.startswith("refused:")


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))


def _of_lines(kind: str, name: str, file: str, base: Mapping[str, Any]) -> Iterator[Input]:
    """Those of a file with a line for each setting: the base, and then ``lines`` or ``twin``."""
    start = base["lines"].lstrip("\n")
    first = start.count("\n")
    for row in _table(name)["input"]:
        lines, twin = row.pop("lines"), row.pop("twin")
        at, line = row.pop("at", 1), row.pop("line", 1)
        called = " ".join([*lines.split("\n"), *([row["build"]] if "build" in row else [])])
        yield Input(
            kind=kind,
            name=called,
            file=file,
            content={file: f"{start}{lines}\n".encode()},
            twin={file: f"{start}{twin}\n".encode()},
            instead=" ".join(twin.split()),
            at=first + at if at else 0,
            line=first + line if line else 0,
            **{**base.get("with", {}), **_plain(row)},
        )


def _backends() -> Iterator[Input]:
    """Each form has a base, in which ``@@`` stands for the lines of the input or of its twin."""
    table = _table("backend.toml")
    for row in table["input"]:
        base = table["base"][row.pop("form")]
        start, end = base["text"].lstrip("\n").split("@@")
        lines, twin = row.pop("lines"), row.pop("twin")
        first = start.count("\n")
        at, line = row.pop("at", 1), row.pop("line", 1)
        yield Input(
            kind="backend",
            name=f"{base['file']} {' '.join(lines.split())}".strip(),
            file=base["file"],
            content={base["file"]: f"{start}{lines}{end}".encode()},
            twin={base["file"]: f"{start}{twin}{end}".encode()},
            instead=" ".join(twin.split()),
            at=first + at if at else 0,
            line=first + line if line else 0,
            **{"client": "edge@debian13", **_plain(row)},
        )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(v) if isinstance(v, list) else v for name, v in row.items()}


def chains() -> list[Input]:
    """The chains: made anew, because their dates run."""
    table = _table("chain.toml")
    found = []
    known = set(Input.__dataclass_fields__)
    for row in table["input"]:
        declared = {**table["base"], **{n: v for n, v in row.items() if n not in known}}
        sound = {**table["base"], **row.get("twin", {})}
        fields = {n: v for n, v in row.items() if n in known and n != "twin"}
        content = made(declared)
        pem = content["chain.pem"].decode().split("\n")
        begins = [0, *(n for n, text in enumerate(pem, 1) if text.startswith("-----BEGIN"))]
        for name in ("at", "line"):
            fields[name] = begins[fields.get(name, 0)]
        found.append(
            Input(
                kind="chain",
                file="chain.pem",
                content=content,
                twin=made(sound),
                sound=sound,
                **_plain({**table["with"], **fields}),
            )
        )
    return found


def _of_servers() -> Iterator[Input]:
    """Those of each server whose files are read and that has a table here."""
    for option, reader in readers().items():
        name = f"{option.rpartition('-')[0]}.toml"
        if Path(__file__).with_name(name).exists():
            yield from _of_lines(reader.file, name, reader.file, _table(name)["base"])


_CONF, _MT = _table("vsftpd.toml"), _table("mt-config.toml")
BASE: str = _CONF["base"]["lines"].lstrip("\n")
CONFIGURATIONS = list(_of_servers())
#: Those of the server whose image is always there, and of the others.
USUAL = [one for one in CONFIGURATIONS if one.software == FTP_SERVER]
ON_DEMAND = [one for one in CONFIGURATIONS if one.software != FTP_SERVER]
MT_CONFIG = list(_of_lines("mt-config.cgi", "mt-config.toml", "mt-config.cgi", _MT["base"]))
BACKENDS = list(_backends())
#: Those that are always the same.
INPUTS = [*USUAL, *MT_CONFIG, *BACKENDS]
