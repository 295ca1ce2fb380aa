"""One client against one server, what tells attempts and settings apart, and what is asked of the builds.

A distribution's library or program may stop to load a certificate, to speak a version or to offer one
without a change in its name. What an attempt does then follows from the answer of the very build, not
from what the packages did on the day on which somebody looked: a :data:`Capability` is what is asked
(by ``lab/run/offers.py``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from lab.model.settings import ClientSettings, ServerSettings


@dataclass(frozen=True)
class Attempt:
    """One client with its settings against one server with its settings; both speak the same."""

    server: ServerSettings
    client: ClientSettings

    def __post_init__(self) -> None:
        if self.client.speaks != self.server.speaks:
            raise ValueError(
                f"{self.client.program} speaks {self.client.speaks}"
                f" and {self.server.software} speaks {self.server.speaks}"
            )

    def with_server(self, **changes: Any) -> Attempt:
        """The same attempt with other server settings."""
        return dataclasses.replace(self, server=dataclasses.replace(self.server, **changes))

    def with_client(self, **changes: Any) -> Attempt:
        """The same attempt with other client settings."""
        return dataclasses.replace(self, client=dataclasses.replace(self.client, **changes))

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that are equal exactly when all settings are equal."""
        return settings_key({"server": self.server, "client": self.client})

    def __str__(self) -> str:
        return f"{self.client} -> {self.server.software}"


def set_fields(settings: ServerSettings | ClientSettings) -> dict[str, Any]:
    """The fields that differ from the class's defaults, by name, in the order of declaration.

    What says which class it is (``software``, ``program``) and where it runs is always among them.
    """
    named = ((f.name, f.default, getattr(settings, f.name)) for f in dataclasses.fields(settings))
    always = {"software", "program", "platform", "policy"}
    return {name: value for name, usual, value in named if value != usual or name in always}


def differing_fields(one: Attempt, other: Attempt) -> tuple[str, ...]:
    """Names of the fields in which two attempts differ, as ``server.ciphers`` or ``client.verify``.

    A field that only one of them has differs where it is set.
    """
    names: list[str] = []
    for side in ("server", "client"):
        a, b = getattr(one, side), getattr(other, side)
        if a == b:
            continue
        fields = _defaults(a.__class__) | _defaults(b.__class__)
        names += [
            f"{side}.{name}"
            for name, default in fields.items()
            if getattr(a, name, default) != getattr(b, name, default)
        ]
    return tuple(names)


@cache
def _defaults(settings: type[Any]) -> dict[str, Any]:
    return {field.name: field.default for field in dataclasses.fields(settings)}


def settings_key(settings: Any) -> str:
    """A stable short hash of settings, for caching listeners and naming files."""
    text = json.dumps(settings, default=dataclasses.asdict, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class _Asked:
    """Something that builds are asked for; a kind of it says what, in words."""

    what: str
    words: ClassVar[str]

    def __str__(self) -> str:
        return self.words.format(self.what)


class Loads(_Asked):
    """The server's library loads this certificate of the catalogue, with its key, as a server's own."""

    words = "the server's library loads the certificate {}"


class Speaks(_Asked):
    """The server's library has a cipher suite for this protocol version at its default security level."""

    words = "the server's library can speak {}"


class Accepts(_Asked):
    """A listener with the attempt's settings agrees to this protocol version."""

    words = "the server accepts {}"


class Offers(_Asked):
    """The client, with the attempt's settings, offers this protocol version."""

    words = "the client offers {}"


Capability = Loads | Speaks | Accepts | Offers
