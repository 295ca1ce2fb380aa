"""A ``vsftpd.conf``: what vsftpd reads out of it, as the settings of a server.

The syntax is that of ``parseconf.c``: ``name=value`` with nothing between name and ``=``; ``#`` in the
first column begins a comment; blanks before the name are skipped; of a repeated option the last line
holds. vsftpd ends at start at the first line that it cannot read: an unknown name, a boolean that is
none (a blank or a carriage return behind YES is enough), a value that is missing.

A line of the form NAME=VALUE that vsftpd dies of is *kept*: the attempt shows what its client then
sees, and vsftpd says the rest. The finding beside it names line and cause. A line that is not of this
form cannot be handed on, and is an error.

What no line sets is the program's default - no TLS at all without ``ssl_enable`` - with one exception:
the lab lets its user log in and upload (:data:`lab.own.vsftpd_options.ALLOWED`) unless the file
forbids it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lab.model import CERTIFICATE_EMPTY, CERTIFICATE_UNSET, PROTOCOLS, ProtocolRange
from lab.own.findings import Finding, InputError, Severity
from lab.own.reading import check_line, closest
from lab.own.vsftpd_options import (
    ALLOWED,
    BUILDS,
    CERTIFICATE,
    CERTIFICATE_FILES,
    DEFAULT_VERSIONS,
    DEFAULTS,
    FALSE_WORDS,
    FIELDS,
    KEPT,
    REPLACED,
    TRUE_WORDS,
    Kind,
    Reader,
)
from lab.servers.vsftpd import DEBIAN, Build, Vsftpd
from lab.settings import SettingsError
from lab.text import cut, listed

#: The option of `lab attempt` that names the build which a file is written for.
BUILD_OPTION = "--vsftpd-build"
#: Bytes after which vsftpd stops reading (``VSFTP_CONF_FILE_MAX``).
LONGEST = 100_000

_BLANKS = " \t\n\v\f\r"
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0[0-7]*", re.ASCII)
_BYTE_ORDER_MARK = "\ufeff"
_WITHOUT_MARK = "The file begins with a byte order mark: save it without one."


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
    reading = _Reading(file, Reader.of(build), Reader.of(target or build))
    texts = [name for name, kind in reading.reader.kinds.items() if kind is Kind.TEXT]
    for line in _lines(text, file, texts):
        reading.take(line)
    return reading.finish(software)


def build_named(name: str) -> Build:
    """The build of this name.

    Raises:
        SettingsError: there is none.
    """
    try:
        return BUILDS[name]
    except KeyError:
        known = ", ".join(BUILDS)
        raise SettingsError(f"no build of vsftpd {name!r}; there are: {known}") from None


# -- lines -----------------------------------------------------------------------------------------


def _lines(text: str, file: str, texts: Container[str]) -> Iterator[_Line]:
    """The settings of a file, in order; ``texts`` are the options that can stand without a value."""
    size = settings = 0
    for number, whole in enumerate(text.split("\n"), 1):
        size += len(whole.encode()) + 1
        if not whole.strip(_BLANKS) or whole.startswith("#"):
            continue
        if size > LONGEST:
            raise InputError(
                file,
                number,
                f"vsftpd reads the first {LONGEST} bytes of its file only, and this line is behind them.",
                "Remove comments or lines before it.",
            )
        settings += 1
        check_line(file, number, whole, settings)
        yield _line(file, number, whole.lstrip(_BLANKS), texts)


def _line(file: str, number: int, text: str, texts: Container[str]) -> _Line:
    name, equals, value = text.partition("=")
    if equals or name in texts:
        return _Line(number, name, value, bare=not equals)
    shown = cut(text.rstrip(_BLANKS))
    says = f"500 OOPS: missing value in config file for: {shown}"
    raise InputError(
        file,
        number,
        f"this line is not NAME=VALUE: {shown!r}. vsftpd ends at start (`{says}`).",
        _remedy(text),
    )


def _remedy(text: str) -> str:
    if text.startswith(_BYTE_ORDER_MARK):
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

    def __init__(self, file: str, reader: Reader, target: Reader) -> None:
        self.file, self.reader, self.target = file, reader, target
        self.seen: dict[str, _Line] = {}
        self.fields: dict[str, Any] = {}
        self.lines: dict[str, int] = {}
        self.versions: dict[str, _Line] = {}
        self.on: dict[str, bool] = {}
        self.kept: dict[str, str] = {}
        self.fatal: list[str] = []
        self.without_effect: list[_Line] = []
        self.findings: list[Finding] = []

    def say(self, severity: Severity, number: int | None, text: str) -> None:
        self.findings.append(Finding(severity, self.file, number, text))

    def take(self, line: _Line) -> None:
        """Take one line in."""
        kind = self.reader.kinds.get(line.name)
        if kind is None:
            self._unknown(line)
            return
        before = self.seen.get(line.name)
        if before is not None and before.value != line.value:
            self.say(
                Severity.WARNING,
                line.number,
                f"`{line}` takes the place of `{before}` in line {before.number}: the last line holds",
            )
        self.seen[line.name] = line
        value = self._value(line, kind)
        if value is None:
            return
        self._place(line, value)

    def _value(self, line: _Line, kind: Kind) -> bool | str | None:
        """What vsftpd reads; ``None``: it dies of this line, which is kept for that."""
        if kind is Kind.TEXT:
            text = self._printable(line)
            if line.bare:
                empties = f"`{line.name}` without `=` is `{line.name}=`: it empties the option"
                self.say(Severity.WARNING, line.number, empties)
            return text
        if not line.value:
            self._fatal(
                line, f"missing value in config file for: {line.name}", "the value is missing"
            )
            return None
        if kind is Kind.NUMBER:
            if not _DIGITS.fullmatch(line.value.strip(_BLANKS)):
                text = f"`{line}`: vsftpd reads the digits that it finds at the start, and 0 without any"
                self.say(Severity.WARNING, line.number, text)
            elif line.value.startswith("0") and not _OCTAL.fullmatch(line.value.strip(_BLANKS)):
                text = f"`{line}`: a number with a leading 0 is octal, and 8 and 9 end it"
                self.say(Severity.WARNING, line.number, text)
            return self._printable(line)
        word = line.value.upper()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        self._fatal(line, f"bad bool value in config file for: {line.name}", _not_boolean(line))
        return None

    def _printable(self, line: _Line) -> str:
        """The value without blanks around it: one that can be written into a configuration again."""
        value = line.value.strip(_BLANKS)
        if value.isprintable():
            return value
        raise InputError(
            self.file,
            line.number,
            f"the value of {line.name} has control characters or unusual blanks: {cut(value)!r}.",
            "Type the value anew.",
        )

    def _fatal(self, line: _Line, says: str, why: str) -> None:
        """Keep a line that vsftpd dies of, and say so; an error, if it cannot be handed on."""
        why = why if why.endswith("?") else f"{why}."
        dies = f"{why} vsftpd ends at start (`500 OOPS: {says}`)"
        if line.name not in self.reader.kinds and line.name in self.target.kinds:
            remedy = f"The lab's server is of the build {self.target.build.name} and would start."
            raise InputError(self.file, line.number, f"`{line}`: {dies}.", remedy)
        if line.whole.isprintable():
            self.fatal.append(line.whole)
            self.say(Severity.ERROR, line.number, f"`{line}`: {dies}")
            return
        if line.name.startswith(_BYTE_ORDER_MARK):
            remedy = _WITHOUT_MARK
        elif "\r" in line.value:
            remedy = "Save the file with Unix line ends: `sed -i 's/\\r$//' FILE`."
        else:
            remedy = "There are control characters or unusual blanks in the line: type it anew."
        raise InputError(self.file, line.number, f"{str(line)!r}: {dies}.", remedy)

    def _place(self, line: _Line, value: bool | str) -> None:
        name = line.name
        if name in self.reader.versions:
            self.versions[self.reader.versions[name]] = line
            self.on[self.reader.versions[name]] = bool(value)
        elif name in FIELDS:
            self._field(line, value)
        elif name in CERTIFICATE_FILES:
            self._certificate(line, str(value))
        elif name in ALLOWED:
            self._allowed(line, bool(value))
        elif name in REPLACED:
            self.say(Severity.NOTE, line.number, f"`{line}` is replaced: {REPLACED[name]}")
        elif name in KEPT:
            self._keep(line)
        else:  # WITHOUT_EFFECT
            self.without_effect.append(line)

    def _field(self, line: _Line, value: bool | str) -> None:
        field_name = FIELDS[line.name]
        self.fields[field_name] = value
        self.lines[field_name] = line.number
        if line.name == "ssl_ciphers" and not value:
            text = "`ssl_ciphers=` is no list: OpenSSL's own default holds, not vsftpd's"
            self.say(Severity.NOTE, line.number, text)
        elif line.name == "ssl_sni_hostname":
            if value:
                text = (
                    f"`{line}` refuses a client that asks for another name, and the lab's server has"
                    f" another: `-c sni={cut(str(value))}` makes the client ask for this one"
                )
                self.say(Severity.WARNING, line.number, text)
            else:
                self.fields[field_name] = None
        elif line.name == "implicit_ssl" and value:
            text = f"`{line}`: the client must start with TLS, too: `-c implicit_tls=yes`"
            self.say(Severity.NOTE, line.number, text)

    def _certificate(self, line: _Line, path: str) -> None:
        if line.name == CERTIFICATE:
            self.lines["certificate"] = line.number
            if not path:
                self.fields["certificate"] = CERTIFICATE_EMPTY
                text = "`rsa_cert_file=` is no file: vsftpd starts without a certificate"
                self.say(Severity.WARNING, line.number, text)
                return
            self.fields.pop("certificate", None)
            text = (
                f"`{line}` is a file of your machine: give it with --chain and --key, or take one of the"
                " catalogue with `-s certificate=SLUG`; without either, the lab's `valid` is in its place"
            )
            self.say(Severity.NOTE, line.number, text)
        elif line.name == "ca_certs_file" and path:
            # The lab names its own CA wherever the option require_cert is written at all.
            self.fields.setdefault("require_cert", False)
            text = f"`{line}` is replaced: the lab asks for client certificates of its own CA"
            self.say(Severity.NOTE, line.number, text)
        elif path:
            text = f"`{line}` is replaced: it is a file of your machine; see rsa_cert_file"
            self.say(Severity.NOTE, line.number, text)

    def _allowed(self, line: _Line, value: bool) -> None:
        self.kept.pop(line.name, None)
        if not value:
            self.kept[line.name] = f"{line.name}=NO"
            self.say(Severity.WARNING, line.number, f"`{line}`: {ALLOWED[line.name]}")

    def _keep(self, line: _Line) -> None:
        if line.name in self.target.kinds:
            self.kept[line.name] = f"{line.name}={line.value.rstrip(_BLANKS)}"
            return
        target = self.target.build.name
        text = f"`{line}` is left out: the lab's server is the build {target}, without this option"
        self.say(Severity.WARNING, line.number, text)

    def _unknown(self, line: _Line) -> None:
        if line.value:
            says = f"unrecognised variable in config file: {cut(line.name)}"
        else:
            says = f"missing value in config file for: {line.name}"
        why = f"{self.reader.build.name}'s vsftpd 3.0.5 has no option {cut(line.name)!r}"
        self._fatal(line, says, why + self._meant(line))

    def _meant(self, line: _Line) -> str:
        name, build = line.name, self.reader.build
        if name != name.strip(_BLANKS):
            right = f"{cut(name.strip(_BLANKS))}={cut(line.value.strip())}"
            return f"; there must be no blank before `=`: `{right}`"
        for other in BUILDS.values():
            if other is build or name not in Reader.of(other).kinds:
                continue
            version = Reader.of(other).versions.get(name)
            if version is not None:
                right = f"{build.protocol_options[version]}={cut(line.value.strip())}"
                return (
                    f": that is the spelling of the build {other.name}, here it is `{right}`"
                    f" ({BUILD_OPTION} {other.name} reads the file as that build does)"
                )
            return f": only the build {other.name} has ({BUILD_OPTION} {other.name})"
        lower = {known.lower(): known for known in self.reader.kinds}
        near = closest(name.lower(), lower, 0.75)
        return f"; did you mean `{lower[near]}={cut(line.value.strip())}`?" if near else ""

    # -- the whole file ----------------------------------------------------------------------------

    def finish(self, software: str) -> VsftpdConf:
        """The settings, when every line is read."""
        for option, default in DEFAULTS.items():
            self.fields.setdefault(FIELDS[option], default)
        if CERTIFICATE not in self.seen:
            self.fields["certificate"] = CERTIFICATE_UNSET
        switches = self._protocols()
        self._say_defaults()
        extra = (*self.kept.values(), *switches, *self.fatal)
        settings = Vsftpd(**{**self.fields, "software": software, "extra": extra})
        return VsftpdConf(
            file=self.file,
            settings=settings,
            lines=MappingProxyType(dict(self.lines)),
            switches=frozenset(switches),
            findings=tuple(self.findings),
        )

    def _protocols(self) -> tuple[str, ...]:
        """Set the range of versions, or return the switches where it is none."""
        if not self.versions:
            return ()
        on = [v for v in PROTOCOLS if self.on.get(v, v in DEFAULT_VERSIONS)]
        whole = on and PROTOCOLS.index(on[-1]) - PROTOCOLS.index(on[0]) == len(on) - 1
        if whole:
            self.fields["protocols"] = ProtocolRange(on[0], on[-1])
            self.lines["protocols"] = max(line.number for line in self.versions.values())
            return ()
        if not on:
            number = max(line.number for line in self.versions.values())
            self.say(Severity.WARNING, number, "every protocol version is switched off")
        return tuple(
            f"{self.target.build.protocol_options[version]}={'YES' if self.on[version] else 'NO'}"
            for version in self.versions
        )

    def _say_defaults(self) -> None:
        if "ssl_enable" not in self.seen:
            text = "no line sets ssl_enable: vsftpd's default is NO, the server has no TLS at all"
            self.say(Severity.WARNING, None, text)
        elif self.fields.get("tls") and CERTIFICATE not in self.seen:
            text = (
                "no line sets rsa_cert_file: vsftpd looks for /usr/share/ssl/certs/vsftpd.pem and ends at"
                " start without it; --chain or `-s certificate=SLUG` gives the server a certificate"
            )
            self.say(Severity.WARNING, None, text)
        for option, effect in ALLOWED.items():
            if option not in self.seen:
                text = (
                    f"no line sets {option}: vsftpd's default is NO and {effect}; the lab sets YES"
                )
                self.say(Severity.NOTE, None, text)
        build, target = self.reader.build, self.target.build
        if "ssl_ciphers" not in self.seen and build.default_ciphers != target.default_ciphers:
            text = (
                f"no line sets ssl_ciphers: the default of the build {build.name} is"
                f" {build.default_ciphers}, that of the lab's server ({target.name})"
                f" {target.default_ciphers}, and it holds here; `-s ciphers=LIST` sets another"
            )
            self.say(Severity.WARNING, None, text)
        if self.without_effect:
            names = listed(f"{line.name} (line {line.number})" for line in self.without_effect)
            text = f"no part in an upload, left out: {names}"
            self.say(Severity.NOTE, self.without_effect[0].number, text)


def _not_boolean(line: _Line) -> str:
    bare = line.value.strip(_BLANKS)
    if bare.upper() not in (*TRUE_WORDS, *FALSE_WORDS):
        return "the value is neither YES nor NO"
    if "\r" in line.value:
        return f"there is a carriage return behind {cut(bare)}: the line ends as Windows does it"
    return f"there is a blank beside {cut(bare)}, which vsftpd takes for a part of it"
