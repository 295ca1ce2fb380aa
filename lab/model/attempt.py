"""One client against one server, and what tells attempts and settings apart."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from lab.model.client import ClientSettings
from lab.model.server import ServerSettings
from lab.model.software import COMMAND_LINES, WEB_PROGRAMS
from lab.model.vocabulary import Goal


@dataclass(frozen=True)
class Attempt:
    """One client with its settings against one server with its settings."""

    server: ServerSettings
    client: ClientSettings

    def __post_init__(self) -> None:
        web = self.client.program in WEB_PROGRAMS
        if web != self.server.is_origin:
            kind, other = ("a web client", "FTP") if web else ("an FTP client", "HTTP")
            raise ValueError(
                f"{self.client.program} is {kind} and {self.server.software} speaks {other}"
            )
        if self.client.options and self.client.program not in COMMAND_LINES:
            raise ValueError(
                f"options are those of a command line, and {self.client.program} is none"
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
    """The fields that differ from the class's defaults, by name, in the order of declaration."""
    named = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
    if named.get("program") in WEB_PROGRAMS and named["goal"] is Goal.RESPONSE:
        del named["goal"]
    defaults = {f.name: f.default for f in dataclasses.fields(settings)}
    return {name: value for name, value in named.items() if value != defaults[name]}


def differing_fields(one: Attempt, other: Attempt) -> tuple[str, ...]:
    """Names of the fields in which two attempts differ, as ``server.ciphers`` or ``client.verify``."""
    names: list[str] = []
    for side in ("server", "client"):
        a, b = getattr(one, side), getattr(other, side)
        names += [
            f"{side}.{f.name}"
            for f in dataclasses.fields(a)
            if getattr(a, f.name) != getattr(b, f.name)
        ]
    return tuple(names)


def settings_key(settings: Any) -> str:
    """A stable short hash of settings, for caching listeners and naming files."""

    def plain(value: Any) -> Any:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        if isinstance(value, list | tuple):
            return [plain(v) for v in value]
        return value

    text = json.dumps(plain(settings), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
