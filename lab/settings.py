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
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal

from lab import model
from lab.certificates import ANCHORS, CATALOGUE, OWN, OWN_CLIENT
from lab.clients import PROGRAMS, program_of
from lab.model import PLATFORMS, Attempt, ClientSettings, ProtocolRange, ServerSettings, spelt
from lab.model.expectations import Expectation
from lab.servers import SERVERS
from lab.text import none_of
from lab.words import InBothLanguages

Settings = ServerSettings | ClientSettings


class SettingsError(ValueError):
    """Settings cannot be read; the message says which part, the closest word and all known ones."""


_BOOLEANS = dict.fromkeys(("yes", "on", "true", "1"), True)
_BOOLEANS |= dict.fromkeys(("no", "off", "false", "0"), False)
#: OpenSSL's own words for verification.
_VERIFY = {"peer": True, "none": False}
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9}
_UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"(?P<number>\d+)\s*(?P<unit>[a-z]*)", re.IGNORECASE | re.ASCII)

#: Fields that have a spelling of their own on the command line.
_APART = {"software": "--server", **dict.fromkeys(("program", "platform", "policy"), "--client")}
#: Fields whose value is one of many words, which neither a type nor the field itself can name.
_SLUGS: Mapping[str, tuple[str, ...]] = {
    "certificate": (*CATALOGUE, OWN, model.CERTIFICATE_UNSET, model.CERTIFICATE_EMPTY),
    "client_certificate": (*CATALOGUE, OWN_CLIENT),
    "fingerprint": (*CATALOGUE, OWN),
    "trust": (*ANCHORS, OWN),
}


def parse_server(assignments: Iterable[str], software: str = "vsftpd") -> ServerSettings:
    """Read ``FIELD=VALUE`` assignments for a server.

    Args:
        assignments: in any order; ``extra`` may be given several times, any other field once.
        software: a key of :data:`lab.servers.SERVERS`.

    Raises:
        SettingsError: an unknown software, field or value.
    """
    server = SERVERS[_choice("no server", software, SERVERS)]
    made: ServerSettings = server.settings_with(**_read(server.settings, assignments, software))
    return made


def parse_client(client: str, assignments: Iterable[str] = ()) -> ClientSettings:
    """Read a client, ``PROGRAM@PLATFORM[:POLICY]``, and its ``FIELD=VALUE`` assignments.

    Raises:
        SettingsError: an unknown program, platform, policy, field or value.
    """
    name, at, where = client.partition("@")
    program = PROGRAMS[_choice("no client program", name, PROGRAMS)]
    if not at:
        raise SettingsError(
            f"the client {client!r} names no platform: write PROGRAM@PLATFORM[:POLICY],"
            f" for example {name}@{program.settings_with().platform}"
        )
    platform, colon, policy = where.partition(":")
    _choice(f"no platform of {name}", platform, program.platforms)
    policies = PLATFORMS[platform]
    if colon and not policies:
        why = f"{platform} has no crypto policies: write {name}@{platform} without :{policy}"
        raise SettingsError(why)
    if colon:
        _choice(f"no crypto policy of {platform}", policy, policies)
    fields = _read(program.settings, assignments, name)
    made: ClientSettings = program.settings_with(platform=platform, policy=policy or None, **fields)
    return made


@cache
def check(settings: Settings) -> None:
    """Whether every value is one that the command line knows too, for settings that code has made.

    Raises:
        SettingsError: the first that is not.
    """
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        words = _words(type(settings), field.name)
        if value is not None and words:
            _choice(f"no value of {field.name}", spelt(value), words)
        elif isinstance(value, str) and field.name in _READERS:
            _value(type(settings), field.name, value)
    if isinstance(settings, ClientSettings):
        platforms = program_of(settings).platforms
        _choice(f"no platform of {settings.program}", settings.platform, platforms)


def attempt_of(server: ServerSettings, client: ClientSettings) -> Attempt:
    """The attempt of these two.

    Raises:
        SettingsError: one speaks FTP, the other HTTP.
    """
    try:
        return Attempt(server, client)
    except ValueError as error:
        raise SettingsError(str(error)) from error


def spell_arguments(attempt: Attempt, expectation: Expectation | None = None) -> list[str]:
    """The command line that repeats an attempt, as its words: ``["lab", "attempt", ...]``."""
    words = ["lab", "attempt", "--server", attempt.server.software]
    words += _assignments("-s", attempt.server)
    words += ["--client", str(attempt.client), *_assignments("-c", attempt.client)]
    return words if expectation is None else [*words, "--expect", str(expectation)]


def server_in_words(server: ServerSettings) -> str:
    """A server and what is set of it, quoted for a shell: ``vsftpd ciphers=HIGH``."""
    return shlex.join([server.software, *_assignments("-s", server)[1::2]])


def help_lines(settings: type[Settings]) -> list[tuple[str, InBothLanguages]]:
    """Name and help of every field of one server or client that is set by assignment.

    The Japanese stands in ``fields.toml`` beside the module that has the field; where it is missing there is
    the English.
    """
    known = _help_in_japanese()
    helped = [(field.name, field.metadata["description"]) for field in _fields(settings)]
    return [(name, InBothLanguages(words, known.get(words, words))) for name, words in helped]


@cache
def _help_in_japanese() -> Mapping[str, str]:
    """The Japanese help of fields by the English one."""
    import tomllib  # noqa: PLC0415 - nearly no command needs it

    here = Path(__file__).parent
    folders = ("model", "model/*", "clients", "clients/*", "servers", "servers/*")
    files = (file for folder in folders for file in sorted(here.glob(f"{folder}/fields.toml")))
    texts = (tomllib.loads(file.read_text(encoding="utf-8")) for file in files)
    return {en: ja for text in texts for en, ja in text.items()}


@cache
def _assignments(option: str, settings: Settings) -> tuple[str, ...]:
    words: list[str] = []
    for name, value in model.set_fields(settings).items():
        if name not in _APART:
            values = value if isinstance(value, tuple) else (value,)
            words += [word for v in values for word in (option, f"{name}={spelt(v)}")]
    return tuple(words)


def _read(settings: type[Settings], assignments: Iterable[str], owner: str) -> dict[str, Any]:
    names = [f.name for f in _fields(settings)]
    values: dict[str, Any] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if name in _APART:
            raise SettingsError(f"{name} is no assignment: it is given with {_APART[name]}")
        if name not in names and (others := _owners(name)):
            raise SettingsError(
                f"{owner} has no setting {name!r}: it is one of {', '.join(others)}."
                f" There are: {', '.join(names)}"
            )
        _choice(f"{owner} has no setting", name, names)
        if not equals:
            raise SettingsError(f"the {owner} setting {name} has no value: write {name}=VALUE")
        value = _value(settings, name, text)
        if isinstance(value, tuple):
            value = (*values.get(name, ()), *value)
        elif name in values:
            raise SettingsError(f"the {owner} setting {name} is given twice: write it once")
        values[name] = value
    return values


def _owners(name: str) -> list[str]:
    """The servers and programs that have a setting of this name."""
    every = (named for classes in _CLASSES.values() for named in classes.items())
    return [owner for owner, settings in every if name in {f.name for f in _fields(settings)}]


def _fields(settings: type[Settings]) -> list[dataclasses.Field[Any]]:
    return [f for f in dataclasses.fields(settings) if f.name not in _APART]


#: The classes of settings, by the programs' names.
_CLASSES: Mapping[str, Mapping[str, type[Settings]]] = {
    "server": {name: server.settings for name, server in SERVERS.items()},
    "client": {name: program.settings for name, program in PROGRAMS.items()},
}


#: Of a whole number.
_MOST_DIGITS = 9
#: The types of the fields of classes of settings, and the words of fields, of those that were asked for.
_HINTS: dict[type, Mapping[str, Any]] = {}
_WORDS: dict[tuple[type, str], Mapping[str, Any]] = {}


def _hint(settings: type[Settings], name: str) -> Any:
    """The type of a field that is not ``None``: ``X`` for ``X | None``."""
    if settings not in _HINTS:
        _HINTS[settings] = typing.get_type_hints(settings)
    hint = _HINTS[settings][name]
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return next(h for h in typing.get_args(hint) if h is not types.NoneType)
    return hint


def _words(settings: type[Settings], name: str) -> Mapping[str, Any]:
    """The values that a field can have, as they are written; nothing, where they are not enumerable."""
    if (settings, name) not in _WORDS:
        hint = _hint(settings, name)
        words = typing.get_args(hint) if typing.get_origin(hint) is Literal else ()
        metadata = settings.__dataclass_fields__[name].metadata
        words = words or metadata.get("words") or _SLUGS.get(name, ())
        _WORDS[settings, name] = {spelt(word): word for word in words}
    return _WORDS[settings, name]


def _value(settings: type[Settings], name: str, text: str) -> Any:
    """Read the value of one field by its words, by its own reader, or by its type."""
    words = _words(settings, name)
    if words:
        return words[_choice(f"no value of {name}", text, words)]
    reader = _READERS.get(name) or _BY_TYPE[_hint(settings, name)]
    try:
        return reader(text)
    except SettingsError:
        raise
    except ValueError as error:
        raise SettingsError(f"{name}={text} cannot be read: {error}") from error


def _boolean(text: str, words: Mapping[str, bool]) -> bool:
    if text.lower() not in words:
        raise ValueError(f"write one of {', '.join(words)}")
    return words[text.lower()]


def _size(text: str) -> int:
    match = _SIZE.fullmatch(text)
    unit = match["unit"].lower() if match else ""
    if match is None or unit not in _UNITS:
        raise ValueError("write a size such as 1024, 100kB, 1MB or 1MiB")
    return int(match["number"]) * _UNITS[unit]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        raise ValueError("write a whole number, such as 0 or 3")
    return int(text)


def _seconds(text: str) -> float:
    with suppress(ValueError):
        seconds = float(text.removesuffix("s"))
        if seconds > 0 and math.isfinite(seconds):
            return seconds
    raise ValueError("write a number of seconds above zero, such as 10 or 2.5")


def _variable(text: str) -> str:
    name, equals, _ = text.partition("=")
    if not (name.isidentifier() and equals):
        raise ValueError("write NAME=VALUE, such as environment=SSL_CERT_FILE=/etc/ssl/cert.pem")
    return text


def _address_or_container(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as error:
        # Of letters it can be a name that was mistyped; of digits it is an address that is none.
        if not text[:1].isalpha():
            raise
        try:
            return _choice("no value of pasv_address", text, model.software.NAMED_CONTAINERS)
        except SettingsError as unknown:
            raise unknown from error


def _ports(text: str) -> str:
    model.parse_ports(text)
    return text


_READERS: Mapping[str, Callable[[str], Any]] = {
    "verify": lambda text: _boolean(text, _VERIFY | _BOOLEANS),
    "payload": _size,
    "timeout_s": _seconds,
    "answer_delay_s": _seconds,
    "environment": lambda text: (_variable(text),),
    "pasv_ports": _ports,
    "pasv_address": _address_or_container,
}
_BY_TYPE: Mapping[Any, Callable[[str], Any]] = {
    bool: lambda text: _boolean(text, _BOOLEANS),
    str: str,
    int: _number,
    ProtocolRange: ProtocolRange.parse,
    tuple[str, ...]: lambda text: (text,),
}


def _choice(unknown: str, word: str, known: Iterable[str]) -> str:
    known = list(known)
    if word in known:
        return word
    raise SettingsError(none_of(unknown, word, known))
