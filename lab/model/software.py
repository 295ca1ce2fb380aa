"""Where programs run: the platforms of clients, their containers, and the agents inside.

What there is, is found by looking. A platform is the folder ``lab/platforms/NAME`` with its
``platform.toml``: ``policies``, the crypto policies that it can be under, the one it is shipped with first;
``clients``, the programs that its image has. A client's folder ``lab/clients/NAME`` may say more of itself
in ``client.toml``: further ``platforms``, and a ``container`` of its own, in which ``{where}`` stands for
platform and policy.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

#: The package, in whose folders things are found.
LAB = Path(__file__).parents[1]
#: Where agents lie, in every container.
AGENTS = "/opt/lab/agents"


def of_folders(kind: str, name: str) -> Iterator[Any]:
    """What the packages ``lab/<kind>/FOLDER`` list under this name, folder by folder."""
    for path in sorted(LAB.glob(f"{kind}/*/__init__.py")):
        yield from getattr(import_module(f"lab.{kind}.{path.parent.name}"), name)


def parameter_of(owner: Any) -> Any:
    """What a class fills in for its base's parameter: ``Curl`` of a ``CommandProgram[Curl]``."""
    return get_args(owner.__orig_bases__[0])[0]


def _tables(kind: str, file: str) -> dict[str, dict[str, Any]]:
    """The tables of this name in folders of this kind, by folder as programs are called."""
    return {
        path.parent.name.replace("_", "-"): tomllib.loads(path.read_text(encoding="utf-8"))
        for path in sorted(LAB.glob(f"{kind}/*/{file}"))
    }


_CLIENTS = _tables("clients", "client.toml")
#: Those with crypto policies come first.
_BY_NAME = _tables("platforms", "platform.toml").items()
_PLATFORMS = dict(sorted(_BY_NAME, key=lambda item: not item[1].get("policies")))

#: Client platforms and the crypto policies each can be under (none: the platform has no such thing).
PLATFORMS: Mapping[str, tuple[str, ...]] = {
    name: tuple(table.get("policies", ())) for name, table in _PLATFORMS.items()
}


def platforms_of(client: str) -> tuple[str, ...]:
    """The platforms on which the programs of a client's folder are run."""
    own = _CLIENTS.get(client, {}).get("platforms", ())
    return tuple(p for p, table in _PLATFORMS.items() if p in own or client in table["clients"])


def container_of(client: str, platform: str, policy: str | None) -> str:
    """The container of the topology in which a client's folder has this platform and policy."""
    where = f"{platform}-{policy.lower()}" if policy else platform
    return str(_CLIENTS.get(client, {}).get("container", "{where}")).format(where=where)


@dataclass(frozen=True)
class Limits:
    """What a platform, under one policy, finds too weak in certificates."""

    level: int
    """OpenSSL's security level; 0: its library knows none."""
    sha1: bool
    """Whether SHA-1 may sign all the same."""
    eddsa: bool
    """Whether Ed25519 and Ed448 may sign."""


def _limits() -> Iterator[tuple[str, Limits]]:
    """The limits of ``platform.toml``, by platform and policy as they are written."""
    for platform, table in _PLATFORMS.items():
        levels = table.get("security_level")
        if isinstance(levels, int):
            levels = {"": levels}
        for policy, level in (levels or {}).items():
            where = f"{platform}:{policy}" if policy else platform
            sha1, eddsa = policy in table.get("sha1", ()), policy not in table.get("no_eddsa", ())
            yield where, Limits(level, sha1, eddsa)


#: What each platform finds too weak, as far as that is known.
LIMITS: Mapping[str, Limits] = dict(_limits())


@dataclass(frozen=True)
class HostDifference:
    """What a host of the distribution does otherwise than a stand-in under the same policy."""

    protocol: str
    """Regular expression for all of the protocol versions where it does."""
    cipher: str
    """Regular expression for all of the cipher suites where it does."""
    en: str
    ja: str
    depends_on_server: bool = False
    """Whether it does so with some servers only, and which is not known here."""


def differences(
    platform: str, policy: str | None, protocol: str, cipher: str
) -> list[HostDifference]:
    """What a real host would do otherwise in a handshake that a stand-in has made."""
    known = _PLATFORMS[platform].get("real", {}).get(policy or "", ())
    return [
        one
        for one in (HostDifference(**row) for row in known)
        if re.fullmatch(one.protocol, protocol) and re.fullmatch(one.cipher, cipher)
    ]


#: The containers of all clients.
CLIENT_CONTAINERS = tuple(
    dict.fromkeys(
        container_of(client, platform, policy)
        for platform, policies in PLATFORMS.items()
        for client in (*_PLATFORMS[platform]["clients"], *_CLIENTS)
        if platform in platforms_of(client)
        for policy in policies or (None,)
    )
)

#: The container at whose address nobody ever answers: its packet filter drops whatever comes in.
SILENT = "silent"

#: The containers that a server's settings can name by an address of theirs.
NAMED_CONTAINERS = (*CLIENT_CONTAINERS, SILENT)


@dataclass(frozen=True)
class Agent:
    """The resident program that makes attempts, or runs listeners, inside a container."""

    name: str
    """As its ready line says it; programs with the same name in a container share one process."""
    argv: tuple[str, ...]
    """The command inside the container."""

    @classmethod
    def python(cls, name: str, script: str, *arguments: str) -> Agent:
        """One in Python, by the name of its file."""
        return cls(name, ("/opt/lab/bin/python3", f"{AGENTS}/{script}", *arguments))

    @classmethod
    def perl(cls, name: str, script: str) -> Agent:
        """One in Perl, by the name of its file."""
        return cls(name, ("/opt/lab/bin/perl", f"{AGENTS}/{script}"))

    @classmethod
    def worker(
        cls, name: str, command: str, script: str, *arguments: str, concurrent: int = 32
    ) -> Agent:
        """One whose attempts are made by workers in another language, by the name of its file.

        Args:
            command: that runs the file, in the container: ``php``, or a folder and a name.
            arguments: behind the file.
            concurrent: how many workers make attempts at a time, at most.
        """
        worker = (name, command, f"{AGENTS}/{script}", *arguments)
        return cls.python(name, "language_workers.py", "--concurrent", str(concurrent), *worker)
