"""A ``vsftpd.conf``: what vsftpd reads out of it, as the settings of a server.

The syntax is that of ``parseconf.c``: ``name=value`` with nothing between name and ``=``; ``#`` in the
first column begins a comment; blanks before the name are skipped; of a repeated option the last line
holds. vsftpd ends at start at the first line that it cannot read: an unknown name, a boolean that is
none (a blank or a carriage return behind YES is enough), a value that is missing.

A line of the form NAME=VALUE that vsftpd dies of is *kept*: the attempt shows what its client then
sees, and vsftpd says the rest. The finding beside it names line and cause. A line that is not of this
form cannot be handed on, and is an error.

What no line sets is the program's default - no TLS at all without ``ssl_enable`` - with one exception:
the lab lets its user log in and upload (the treatment ``allowed``) unless the file forbids it.

``vsftpd_options.toml`` has every option and what becomes of it.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from lab.model import CERTIFICATE_EMPTY, CERTIFICATE_UNSET, PROTOCOLS, ProtocolRange
from lab.own.findings import (
    BLANKS,
    BYTE_ORDER_MARK,
    Finding,
    Findings,
    InputError,
    check_line,
    data,
)
from lab.servers.vsftpd import DEBIAN, EL9, Build, Vsftpd
from lab.settings import SettingsError
from lab.text import closest, cut, listed

#: The builds whose files can be read, by name.
BUILDS: Mapping[str, Build] = {build.name: build for build in (DEBIAN, EL9)}
#: Bytes after which vsftpd stops reading (``VSFTP_CONF_FILE_MAX``).
LONGEST = 100_000
TRUE_WORDS = ("YES", "TRUE", "1")
FALSE_WORDS = ("NO", "FALSE", "0")
#: Versions that are on when no line switches them.
DEFAULT_VERSIONS = ("TLSv1.2", "TLSv1.3")
#: The option of `lab attempt` that names the build which a file is written for.
BUILD_OPTION = "--vsftpd-build"

_CERTIFICATE = "rsa_cert_file"
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0[0-7]*", re.ASCII)
_WITHOUT_MARK = "The file begins with a byte order mark: save it without one."


class Kind(StrEnum):
    """How the program reads a value."""

    BOOLEAN = "boolean"
    """YES, TRUE, 1, NO, FALSE or 0 in any case, and nothing else: not even a blank behind it."""
    NUMBER = "number"
    """Octal with a leading 0, else atoi(3): what is no number is 0."""
    TEXT = "text"
    """Anything; blanks around it are cut off (a patch of both distributions)."""


class Treatment(StrEnum):
    """What becomes of an option; the head of ``vsftpd_options.toml`` says more."""

    FIELD = "field"
    CERTIFICATE = "certificate"
    ALLOWED = "allowed"
    KEPT = "kept"
    REPLACED = "replaced"
    NO_EFFECT = "no-effect"
    VERSION = "version"
    """A switch of a protocol version."""


@dataclass(frozen=True)
class Option:
    """An option of vsftpd."""

    kind: Kind
    treatment: Treatment
    why: str = ""
    """Why it is replaced, or what NO does; for people."""
    field: str = ""
    """The field of the server's settings that it is."""
    default: bool | None = None
    """What the field is if no line sets the option; ``None``: the field says that itself."""
    version: str = ""
    """The protocol version that it switches."""


def options_of(build: Build) -> Mapping[str, Option]:
    """The options that a build knows, by name."""
    return _options(build.name)


@functools.cache
def _options(build_name: str) -> Mapping[str, Option]:
    build = BUILDS[build_name]
    table = data("vsftpd_options.toml")
    options: dict[str, Option] = {}
    for name, given in table["option"].items():
        row = dict(given)
        if row.pop("build", build.name) == build.name:
            kind, treatment, why = Kind(row.pop("kind")), row.pop("treatment"), row.pop("why", "")
            options[name] = Option(kind, Treatment(treatment), table["why"].get(why, why), **row)
    for version, name in build.protocol_options.items():
        options[name] = Option(Kind.BOOLEAN, Treatment.VERSION, version=version)
    return MappingProxyType(options)


def build_named(name: str) -> Build:
    """The build of this name.

    Raises:
        SettingsError: there is none.
    """
    if name not in BUILDS:
        raise SettingsError(f"no build of vsftpd {name!r}; there are: {', '.join(BUILDS)}")
    return BUILDS[name]


@dataclass(frozen=True)
class VsftpdConf:
    """A vsftpd.conf as the settings of a server, with what is to be said about it."""

    file: str
    settings: Vsftpd
    lines: Mapping[str, int]
    """The line that each field of the settings comes from; fields that no line sets are missing."""
    switches: frozenset[str]
    """Entries of ``settings.extra`` that switch protocol versions, because no range says the same."""
    findings: tuple[Finding, ...] = field(default=(), compare=False)


def parse(
    text: str,
    file: str = "vsftpd.conf",
    *,
    build: Build = DEBIAN,
    target: Build | None = None,
    software: str = "vsftpd",
) -> VsftpdConf:
    """Read a vsftpd.conf.

    Args:
        text: the whole file: what it does not set is at vsftpd's default.
        file: its name, for the findings.
        build: the build that it is written for.
        target: the build that the lab's server is; default: the same. What ``build`` spells
            differently is translated, what ``target`` does not know is left out.
        software: the name of that server.

    Raises:
        InputError: a line that is not NAME=VALUE, or that cannot be handed on.
    """
    reading = _Reading(Findings(file), build, target or build)
    texts = [name for name, option in reading.options.items() if option.kind is Kind.TEXT]
    for line in _lines(text, file, texts):
        reading.take(line)
    return reading.finish(software)


# -- lines -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    number: int
    name: str
    value: str
    """As it stands: with its blanks."""
    bare: bool = False
    """Without ``=``: vsftpd takes that for an empty value."""

    @property
    def whole(self) -> str:
        """The line as it can be given to vsftpd again."""
        return f"{self.name}={self.value}"

    def __str__(self) -> str:
        return cut(self.whole)


def _lines(text: str, file: str, texts: Container[str]) -> Iterator[_Line]:
    """The settings of a file, in order; ``texts`` are the options that can stand without a value."""
    size = settings = 0
    for number, whole in enumerate(text.split("\n"), 1):
        size += len(whole.encode()) + 1
        if not whole.strip(BLANKS) or whole.startswith("#"):
            continue
        if size > LONGEST:
            what = f"vsftpd reads the first {LONGEST} bytes of its file only, and this line is behind them."
            raise InputError(file, number, what, "Remove comments or lines before it.")
        settings += 1
        check_line(file, number, whole, settings)
        bare = whole.lstrip(BLANKS)
        name, equals, value = bare.partition("=")
        if not equals and name not in texts:
            shown = cut(bare.rstrip(BLANKS))
            what = (
                f"this line is not NAME=VALUE: {shown!r}. vsftpd ends at start (`500 OOPS: missing value in"
                f" config file for: {shown}`)."
            )
            raise InputError(file, number, what, _remedy(bare))
        yield _Line(number, name, value, bare=not equals)


def _remedy(text: str) -> str:
    if text.startswith(BYTE_ORDER_MARK):
        return _WITHOUT_MARK
    if text.startswith("#"):
        return "Begin a comment in the first column of its line."
    words = text.replace(":", " ").split()
    if len(words) == 2:
        return f"Write `{cut(words[0])}={cut(words[1])}`."
    return "Write `name=value`, without blanks around `=`, or remove the line."


# -- settings --------------------------------------------------------------------------------------


class _Reading:
    """The state of reading one file."""

    def __init__(self, found: Findings, build: Build, target: Build) -> None:
        self.found, self.build, self.target = found, build, target
        self.options, self.of_target = options_of(build), options_of(target)
        self.seen: dict[str, _Line] = {}
        self.fields: dict[str, Any] = {}
        self.lines: dict[str, int] = {}
        self.versions: dict[str, tuple[bool, int]] = {}
        self.kept: dict[str, str] = {}
        self.fatal: list[str] = []
        self.without_effect: list[_Line] = []

    def take(self, line: _Line) -> None:
        """Take one line in."""
        option = self.options.get(line.name)
        if option is None:
            problem = "unrecognised variable" if line.value else "missing value"
            says = f"{problem} in config file{'' if line.value else ' for'}: {cut(line.name)}"
            why = f"{self.build.name}'s vsftpd 3.0.5 has no option {cut(line.name)!r}"
            self._fatal(line, says, why + self._meant(line))
            return
        before = self.seen.get(line.name)
        if before is not None and before.value != line.value:
            text = f"`{line}` takes the place of `{before}` in line {before.number}: the last line holds"
            self.found.warn(line.number, text)
        self.seen[line.name] = line
        value = self._value(line, option.kind)
        if value is not None:
            self._place(line, option, value)

    def _value(self, line: _Line, kind: Kind) -> bool | str | None:
        """What vsftpd reads; ``None``: it dies of this line, which is kept for that."""
        if not line.value and kind is not Kind.TEXT:
            says = f"missing value in config file for: {line.name}"
            self._fatal(line, says, "the value is missing")
            return None
        if kind is Kind.BOOLEAN:
            word = line.value.upper()
            if word not in (*TRUE_WORDS, *FALSE_WORDS):
                says = f"bad bool value in config file for: {line.name}"
                self._fatal(line, says, _not_boolean(line))
                return None
            return word in TRUE_WORDS
        value = line.value.strip(BLANKS)
        if not value.isprintable():
            what = f"the value of {line.name} has control characters or unusual blanks: {cut(value)!r}."
            raise self.found.failure(line.number, what, "Type the value anew.")
        if line.bare:
            text = f"`{line.name}` without `=` is `{line.name}=`: it empties the option"
            self.found.warn(line.number, text)
        elif kind is Kind.NUMBER and not _DIGITS.fullmatch(value):
            text = (
                f"`{line}`: vsftpd reads the digits that it finds at the start, and 0 without any"
            )
            self.found.warn(line.number, text)
        elif kind is Kind.NUMBER and line.value.startswith("0") and not _OCTAL.fullmatch(value):
            text = f"`{line}`: a number with a leading 0 is octal, and 8 and 9 end it"
            self.found.warn(line.number, text)
        return value

    def _fatal(self, line: _Line, says: str, why: str) -> None:
        """Keep a line that vsftpd dies of, and say so; an error, if it cannot be handed on."""
        dies = f"{why}{'' if why.endswith('?') else '.'} vsftpd ends at start (`500 OOPS: {says}`)"
        if line.name not in self.options and line.name in self.of_target:
            remedy = f"The lab's server is of the build {self.target.name} and would start."
            raise self.found.failure(line.number, f"`{line}`: {dies}.", remedy)
        if line.whole.isprintable():
            self.fatal.append(line.whole)
            self.found.error(line.number, f"`{line}`: {dies}")
            return
        remedy = "There are control characters or unusual blanks in the line: type it anew."
        if line.name.startswith(BYTE_ORDER_MARK):
            remedy = _WITHOUT_MARK
        elif "\r" in line.value:
            remedy = "Save the file with Unix line ends: `sed -i 's/\\r$//' FILE`."
        raise self.found.failure(line.number, f"{str(line)!r}: {dies}.", remedy)

    def _place(self, line: _Line, option: Option, value: bool | str) -> None:
        match option.treatment:
            case Treatment.VERSION:
                self.versions[option.version] = (bool(value), line.number)
            case Treatment.FIELD:
                self._field(line, option.field, value)
            case Treatment.CERTIFICATE:
                self._certificate(line, str(value))
            case Treatment.ALLOWED:
                self.kept.pop(line.name, None)
                if not value:
                    self.kept[line.name] = f"{line.name}=NO"
                    self.found.warn(line.number, f"`{line}`: {option.why}")
            case Treatment.REPLACED:
                self.found.note(line.number, f"`{line}` is replaced: {option.why}")
            case Treatment.KEPT if line.name in self.of_target:
                self.kept[line.name] = f"{line.name}={line.value.rstrip(BLANKS)}"
            case Treatment.KEPT:
                target = f"the lab's server is the build {self.target.name}, without this option"
                self.found.warn(line.number, f"`{line}` is left out: {target}")
            case Treatment.NO_EFFECT:
                self.without_effect.append(line)

    def _field(self, line: _Line, name: str, value: bool | str) -> None:
        self.fields[name], self.lines[name] = value, line.number
        if line.name == "ssl_ciphers" and not value:
            text = "`ssl_ciphers=` is no list: OpenSSL's own default holds, not vsftpd's"
            self.found.note(line.number, text)
        elif line.name == "ssl_sni_hostname" and not value:
            self.fields[name] = None
        elif line.name == "ssl_sni_hostname":
            text = (
                f"`{line}` refuses a client that asks for another name, and the lab's server has"
                f" another: `-c sni={cut(str(value))}` makes the client ask for this one"
            )
            self.found.warn(line.number, text)
        elif line.name == "implicit_ssl" and value:
            text = f"`{line}`: the client must start with TLS, too: `-c implicit_tls=yes`"
            self.found.note(line.number, text)

    def _certificate(self, line: _Line, path: str) -> None:
        if line.name == _CERTIFICATE:
            self.lines["certificate"] = line.number
            if not path:
                self.fields["certificate"] = CERTIFICATE_EMPTY
                text = "`rsa_cert_file=` is no file: vsftpd starts without a certificate"
                self.found.warn(line.number, text)
                return
            self.fields.pop("certificate", None)
            text = (
                f"`{line}` is a file of your machine: give it with --chain and --key, or take one of the"
                " catalogue with `-s certificate=SLUG`; without either, the lab's `valid` is in its place"
            )
            self.found.note(line.number, text)
        elif line.name == "ca_certs_file" and path:
            # The lab names its own CA wherever the option require_cert is written at all.
            self.fields.setdefault("require_cert", False)
            text = f"`{line}` is replaced: the lab asks for client certificates of its own CA"
            self.found.note(line.number, text)
        elif path:
            text = f"`{line}` is replaced: it is a file of your machine; see rsa_cert_file"
            self.found.note(line.number, text)

    def _meant(self, line: _Line) -> str:
        name, value = line.name, cut(line.value.strip())
        if name != name.strip(BLANKS):
            return f"; there must be no blank before `=`: `{cut(name.strip(BLANKS))}={value}`"
        for other in BUILDS.values():
            option = options_of(other).get(name)
            if option is None:
                continue
            if not option.version:
                return f": only the build {other.name} has ({BUILD_OPTION} {other.name})"
            return (
                f": that is the spelling of the build {other.name}, here it is"
                f" `{self.build.protocol_options[option.version]}={value}`"
                f" ({BUILD_OPTION} {other.name} reads the file as that build does)"
            )
        near = closest(name, self.options, most=1, alike=0.75)
        return f"; did you mean `{near[0]}={value}`?" if near else ""

    # -- the whole file ----------------------------------------------------------------------------

    def finish(self, software: str) -> VsftpdConf:
        """The settings, when every line is read."""
        for option in self.options.values():
            if option.default is not None:
                self.fields.setdefault(option.field, option.default)
        if _CERTIFICATE not in self.seen:
            self.fields["certificate"] = CERTIFICATE_UNSET
        switches = self._protocols()
        self._say_defaults()
        extra = (*self.kept.values(), *switches, *self.fatal)
        return VsftpdConf(
            file=self.found.file,
            settings=Vsftpd(**{**self.fields, "software": software, "extra": extra}),
            lines=MappingProxyType(dict(self.lines)),
            switches=frozenset(switches),
            findings=tuple(self.found),
        )

    def _protocols(self) -> tuple[str, ...]:
        """Set the range of versions, or return the switches where it is none."""
        if not self.versions:
            return ()
        last = max(number for _, number in self.versions.values())
        on = [v for v in PROTOCOLS if self.versions.get(v, (v in DEFAULT_VERSIONS, 0))[0]]
        if on and PROTOCOLS.index(on[-1]) - PROTOCOLS.index(on[0]) == len(on) - 1:
            self.fields["protocols"] = ProtocolRange(on[0], on[-1])
            self.lines["protocols"] = last
            return ()
        if not on:
            self.found.warn(last, "every protocol version is switched off")
        names = self.target.protocol_options
        return tuple(f"{names[v]}={'YES' if on else 'NO'}" for v, (on, _) in self.versions.items())

    def _say_defaults(self) -> None:
        if "ssl_enable" not in self.seen:
            text = "no line sets ssl_enable: vsftpd's default is NO, the server has no TLS at all"
            self.found.warn(None, text)
        elif self.fields.get("tls") and _CERTIFICATE not in self.seen:
            text = (
                "no line sets rsa_cert_file: vsftpd looks for /usr/share/ssl/certs/vsftpd.pem and ends at"
                " start without it; --chain or `-s certificate=SLUG` gives the server a certificate"
            )
            self.found.warn(None, text)
        for name, option in self.options.items():
            if option.treatment is Treatment.ALLOWED and name not in self.seen:
                effect = f"vsftpd's default is NO and {option.why}; the lab sets YES"
                self.found.note(None, f"no line sets {name}: {effect}")
        ours, theirs = self.build.default_ciphers, self.target.default_ciphers
        if "ssl_ciphers" not in self.seen and ours != theirs:
            text = (
                f"no line sets ssl_ciphers: the default of the build {self.build.name} is {ours}, that of"
                f" the lab's server ({self.target.name}) {theirs}, and it holds here; `-s ciphers=LIST` sets"
                " another"
            )
            self.found.warn(None, text)
        if self.without_effect:
            names = listed(f"{line.name} (line {line.number})" for line in self.without_effect)
            text = f"no part in an upload, left out: {names}"
            self.found.note(self.without_effect[0].number, text)


def _not_boolean(line: _Line) -> str:
    bare = line.value.strip(BLANKS)
    if bare.upper() not in (*TRUE_WORDS, *FALSE_WORDS):
        return "the value is neither YES nor NO"
    if "\r" in line.value:
        return f"there is a carriage return behind {cut(bare)}: the line ends as Windows does it"
    return f"there is a blank beside {cut(bare)}, which vsftpd takes for a part of it"
