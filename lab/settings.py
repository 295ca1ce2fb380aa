"""The command-line spelling of settings: reading it, and writing it back.

A setting is written ``FIELD=VALUE`` with the field's own name, a client
``PROGRAM@PLATFORM[:POLICY]``. Reading is strict: what is not understood is refused with the closest
word and all the known ones.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import math
import re
import shlex
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lab.certificates import ANCHORS, CATALOGUE, OWN
from lab.expectations import Expectation
from lab.model import (
    BEHAVIOURS,
    CERTIFICATE_EMPTY,
    CERTIFICATE_UNSET,
    CLIENT_CONTAINERS,
    NAMED_CONTAINERS,
    PLATFORMS,
    PROGRAMS,
    SERVER_HOSTS,
    Attempt,
    ClientSettings,
    Goal,
    ProtocolRange,
    ServerSettings,
    set_fields,
)
from lab.text import no_such


class SettingsError(ValueError):
    """Settings cannot be read; the message says which part, the closest word and all known ones."""


_BOOLEANS = {
    **dict.fromkeys(("yes", "on", "true", "1"), True),
    **dict.fromkeys(("no", "off", "false", "0"), False),
}
#: OpenSSL's own words for verification.
_VERIFY = {"peer": True, "none": False}
_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
}
_SIZE = re.compile(r"(?P<number>\d+)\s*(?P<unit>[a-z]*)", re.IGNORECASE | re.ASCII)
_PORTS = re.compile(r"(?P<low>\d{1,5})-(?P<high>\d{1,5})", re.ASCII)
_HIGHEST_PORT = 65535

#: Fields that have a spelling of their own on the command line.
_APART = {
    "software": "--server",
    "program": "--client",
    "platform": "--client",
    "policy": "--client",
}
#: Fields whose value is one of a few words.
_WORDS: Mapping[str, Sequence[str]] = {
    "data_ports": ("open", "dropped", "rejected"),
    "port_filter": ("open", "dropped", "rejected"),
    "port_allowed": CLIENT_CONTAINERS,
    "behaviour": tuple(BEHAVIOURS),
    "mode": ("passive", "active"),
    "session_cache": ("default", "shared", "none"),
    "certificate": (*CATALOGUE, OWN, CERTIFICATE_UNSET, CERTIFICATE_EMPTY),
    "client_certificate": tuple(CATALOGUE),
    "fingerprint": (*CATALOGUE, OWN),
    "trust": (*ANCHORS, OWN),
}


def parse_server(assignments: Iterable[str], software: str = "vsftpd") -> ServerSettings:
    """Read ``FIELD=VALUE`` assignments for a server.

    Args:
        assignments: in any order; ``extra`` may be given several times, any other field once.
        software: a key of :data:`lab.model.SERVER_HOSTS`.

    Raises:
        SettingsError: an unknown software, field or value.
    """
    _choice("server", software, SERVER_HOSTS)
    return ServerSettings(software=software, **_read(ServerSettings, assignments, "server"))


def parse_client(client: str, assignments: Iterable[str] = ()) -> ClientSettings:
    """Read a client, ``PROGRAM@PLATFORM[:POLICY]``, and its ``FIELD=VALUE`` assignments.

    Raises:
        SettingsError: an unknown program, platform, policy, field or value.
    """
    program, at, where = client.partition("@")
    _choice("client program", program, PROGRAMS)
    if not at:
        raise SettingsError(
            f"the client {client!r} names no platform: write PROGRAM@PLATFORM[:POLICY],"
            f" for example {program}@{next(iter(PLATFORMS))}"
        )
    platform, colon, policy = where.partition(":")
    _choice(f"platform of {program}", platform, PROGRAMS[program])
    policies = PLATFORMS[platform]
    if colon and not policies:
        raise SettingsError(
            f"{platform} has no crypto policies: write {program}@{platform} without :{policy}"
        )
    if colon:
        _choice(f"crypto policy of {platform}", policy, policies)
    return ClientSettings(
        program=program,
        platform=platform,
        policy=policy or None,
        **_read(ClientSettings, assignments, "client"),
    )


def attempt_of(server: ServerSettings, client: ClientSettings) -> Attempt:
    """The attempt of these two.

    Raises:
        SettingsError: one speaks FTP, the other HTTP.
    """
    try:
        return Attempt(server, client)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def spell(attempt: Attempt, expectation: Expectation | None = None) -> str:
    """The command line that repeats an attempt, quoted for a shell."""
    return shlex.join(spell_arguments(attempt, expectation))


def spell_arguments(attempt: Attempt, expectation: Expectation | None = None) -> list[str]:
    """The command line that repeats an attempt, as its words: ``["lab", "attempt", ...]``."""
    words = ["lab", "attempt", "--server", attempt.server.software]
    words += _assignments("-s", attempt.server)
    words += ["--client", str(attempt.client), *_assignments("-c", attempt.client)]
    return words if expectation is None else [*words, "--expect", str(expectation)]


def server_in_words(server: ServerSettings) -> str:
    """A server and what is set of it, quoted for a shell: ``vsftpd ciphers=HIGH``."""
    return shlex.join([server.software, *_assignments("-s", server)[1::2]])


def help_lines(settings: type[ServerSettings | ClientSettings]) -> list[tuple[str, str]]:
    """Name and help of every field that is set by assignment, in the order of declaration."""
    return [(f.name, f.metadata.get("help", "")) for f in _fields(settings)]


def _assignments(option: str, settings: ServerSettings | ClientSettings) -> list[str]:
    words: list[str] = []
    for name, value in set_fields(settings).items():
        if name not in _APART:
            values = value if isinstance(value, tuple) else (value,)
            words += [word for v in values for word in (option, f"{name}={_write(v)}")]
    return words


def _write(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


_HINTS = {
    settings: typing.get_type_hints(settings) for settings in (ServerSettings, ClientSettings)
}


def _read(
    settings: type[ServerSettings | ClientSettings], assignments: Iterable[str], end: str
) -> dict[str, Any]:
    hints = _HINTS[settings]
    names = [f.name for f in _fields(settings)]
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        _check_name(name, names, end)
        if not equals:
            raise SettingsError(f"the {end} setting {name} has no value: write {name}=VALUE")
        value = _value(name, hints[name], text)
        if isinstance(value, tuple):
            value = (*values.get(name, ()), *value)
        elif name in values:
            raise SettingsError(f"the {end} setting {name} is given twice: write it once")
        values[name] = value
    return values


def _fields(
    settings: type[ServerSettings | ClientSettings],
) -> list[dataclasses.Field[Any]]:
    return [f for f in dataclasses.fields(settings) if f.name not in _APART]


def _check_name(name: str, names: Sequence[str], end: str) -> None:
    if name in _APART:
        raise SettingsError(f"{name} is no assignment: it is given with {_APART[name]}")
    _choice(f"{end} setting", name, names)


def _value(name: str, hint: Any, text: str) -> Any:
    """Read the value of one field by the field's type, or by its own reader."""
    if name in _WORDS:
        return _choice(f"value of {name}", text, _WORDS[name])
    try:
        return _reader(name, hint)(text)
    except SettingsError:
        raise
    except ValueError as error:
        raise SettingsError(f"{name}={text} cannot be read: {error}") from error


def _reader(name: str, hint: Any) -> Callable[[str], Any]:
    by_name: dict[str, Callable[[str], Any]] = {
        "verify": lambda text: _boolean(text, _VERIFY | _BOOLEANS),
        "payload": _size,
        "timeout_s": _seconds,
        "answer_delay_s": _seconds,
        "environment": lambda text: (_variable(text),),
        "pasv_ports": _ports,
        "pasv_address": lambda text: _address_or_container(name, text),
    }
    by_type: dict[Any, Callable[[str], Any]] = {
        bool: lambda text: _boolean(text, _BOOLEANS),
        str: str,
        int: int,
        ProtocolRange: ProtocolRange.parse,
        Goal: lambda text: Goal(_choice(f"value of {name}", text, [g.value for g in Goal])),
        tuple[str, ...]: lambda text: (text,),
    }
    return by_name.get(name) or by_type[_without_none(hint)]


def _without_none(hint: Any) -> Any:
    """``X`` for ``X | None``."""
    if isinstance(hint, types.UnionType):
        return next(h for h in typing.get_args(hint) if h is not types.NoneType)
    return hint


def _boolean(text: str, words: Mapping[str, bool]) -> bool:
    try:
        return words[text.lower()]
    except KeyError:
        raise ValueError(f"write one of {', '.join(words)}") from None


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    unit = match["unit"].lower() if match else ""
    if match is None or unit not in _UNITS:
        raise ValueError("write a size such as 1024, 100kB, 1MB or 1MiB")
    return int(match["number"]) * _UNITS[unit]


def _seconds(text: str) -> float:
    hint = "write a number of seconds above zero, such as 10 or 2.5"
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        raise ValueError(hint) from None
    if not (seconds > 0 and math.isfinite(seconds)):
        raise ValueError(hint)
    return seconds


def _variable(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not (name.isidentifier() and equals):
        raise ValueError("write NAME=VALUE, such as environment=SSL_CERT_FILE=/etc/ssl/cert.pem")
    return text


def _address_or_container(name: str, text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as error:
        # Of letters it can be a name that was mistyped; of digits it is an address that is none.
        if not text[:1].isalpha():
            raise
        try:
            return _choice(f"value of {name}", text, NAMED_CONTAINERS)
        except SettingsError as unknown:
            raise unknown from error


def _ports(text: str) -> str:
    match = _PORTS.fullmatch(text)
    if match is None or not 0 < int(match["low"]) <= int(match["high"]) <= _HIGHEST_PORT:
        raise ValueError("write a range of ports such as 30000-30009")
    return text


def _choice(kind: str, word: str, known: Iterable[str]) -> str:
    known = list(known)
    if word in known:
        return word
    raise SettingsError(no_such(kind, word, known))
