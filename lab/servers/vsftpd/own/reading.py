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

``options.toml`` has every option and what becomes of it, and what options do to a delivery together. What
they name of the operator's host - files, directories, accounts - is not in the lab: what must hold there is
said, and is a setting of the server (``presumed``), so that no completion is given out for more than it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lab.model import CERTIFICATE_EMPTY, CERTIFICATE_UNSET, PROTOCOLS, ProtocolRange
from lab.own import configurations
from lab.own.configurations import ConfigurationReading, ConfigurationText, NamedFiles
from lab.own.findings import BLANKS, BYTE_ORDER_MARK, Findings, check_line, data
from lab.own.rewriting import Rewrite, WrittenLine, last_ones, row_by_row
from lab.own.telling import Telling, phrase
from lab.remedies.words import InBothLanguages
from lab.servers.vsftpd import DEBIAN, DEBIAN_12, EL9, Build, Vsftpd, VsftpdServer
from lab.settings import SettingsError
from lab.text import closest, cut

#: The options, and what is said of a file.
TABLE = str(Path(__file__).with_name("options.toml"))
#: The builds whose files can be read, by name.
BUILDS: Mapping[str, Build] = {build.name: build for build in (DEBIAN, DEBIAN_12, EL9)}
#: Bytes after which vsftpd stops reading (``VSFTP_CONF_FILE_MAX``).
LONGEST = 100_000
TRUE_WORDS = ("YES", "TRUE", "1")
FALSE_WORDS = ("NO", "FALSE", "0")
#: The option of `lab attempt` that names the build which a file is written for.
BUILD_OPTION = "--vsftpd-build"

_CERTIFICATE = "rsa_cert_file"
_OLD_VERSIONS = ("SSLv3", "TLSv1", "TLSv1.1")
_SAFE = "TLSv1.2"
_DIGITS = re.compile(r"[0-9]+", re.ASCII)
_NO_OCTAL = re.compile(r"0[0-7]*[89]")
_MISSING = "missing value in config file for"
_phrase = functools.partial(phrase, TABLE)


class OptionKind(StrEnum):
    """How the program reads a value."""

    BOOLEAN = "boolean"
    """YES, TRUE, 1, NO, FALSE or 0 in any case, and nothing else: not even a blank behind it."""
    NUMBER = "number"
    """Octal with a leading 0, else atoi(3): what is no number is 0."""
    TEXT = "text"
    """Anything; blanks around it are cut off (a patch of both distributions)."""


class Treatment(StrEnum):
    """What becomes of an option; the head of ``options.toml`` says more."""

    FIELD = "field"
    CERTIFICATE = "certificate"
    ALLOWED = "allowed"
    KEPT = "kept"
    REPLACED = "replaced"
    NO_EFFECT = "no-effect"
    VERSION = "version"
    """A switch of a protocol version."""


@dataclass(frozen=True)
class VsftpdOption:
    """An option of vsftpd."""

    kind: OptionKind
    treatment: Treatment
    field: str = ""
    """The field of the server's settings that it is."""
    default: bool | None = None
    """What the field is if no line sets the option; ``None``: the field says that itself."""
    version: str = ""
    """The protocol version that it switches."""
    set: str = ""
    empty: str = ""
    missing: str = ""
    """What is said where a line sets it, where its value is empty or NO, and where no line sets it."""
    set_ja: str = ""
    empty_ja: str = ""
    missing_ja: str = ""
    """The same in Japanese, without the severity."""
    presumes: str = ""
    """What must hold on the operator's server, where no line sets it."""
    presumes_ja: str = ""


@functools.cache
def options_of(build: Build) -> Mapping[str, VsftpdOption]:
    """The options that a build knows, by name."""
    table = data(TABLE)
    options: dict[str, VsftpdOption] = {}
    for name, given in table["option"].items():
        row = {key: value for key, value in given.items() if key not in ("build", "why")}
        if "why" in given:
            why = InBothLanguages(**table["why"][given["why"]])
            said = _phrase("replaced", line="{line}", why=why)
            row["set"] = row["empty"] = f"note: {said.en}"
            row["set_ja"] = row["empty_ja"] = said.ja
        if _is_about(given, "build", build) and name not in build.lacks:
            kind, treatment = OptionKind(row.pop("kind")), Treatment(row.pop("treatment"))
            options[name] = VsftpdOption(kind, treatment, **row)
    for version, name in build.protocol_options.items():
        options[name] = VsftpdOption(OptionKind.BOOLEAN, Treatment.VERSION, version=version)
    return MappingProxyType(options)


def _is_about(row: Mapping[str, Any], key: str, build: Build) -> bool:
    """Whether a row of the table is about a build: it names it, or several with it, or none."""
    named = row.get(key, build.name)
    return build.name in ([named] if isinstance(named, str) else named)


def build_for(text: str, usual: Build) -> Build:
    """The build that a file is written for.

    That is another than the usual one, if it knows all options of the file that the usual one knows, and
    more of them. Only builds of one version of vsftpd are taken for each other: whoever tries a file with
    another version wants to know what that version does with it.
    """
    names = {line.partition("=")[0].lstrip(BLANKS) for line in text.split("\n")}
    known = names & options_of(usual).keys()
    alike = [build for build in BUILDS.values() if build.version == usual.version]
    better = (build for build in alike if names & options_of(build).keys() > known)
    return next(better, usual)


def build_named(name: str) -> Build:
    """The build of this name.

    Raises:
        SettingsError: there is none.
    """
    if name not in BUILDS:
        raise SettingsError(f"no build of vsftpd {name!r}; there are: {', '.join(BUILDS)}")
    return BUILDS[name]


@dataclass(frozen=True, kw_only=True)
class VsftpdConf(configurations.ReadConfiguration):
    """A vsftpd.conf as the settings of a server, with what is to be said about it."""

    settings: Vsftpd
    switches: frozenset[str]
    """Entries of ``settings.extra`` that switch protocol versions, because no range says the same."""


def parse(
    text: str,
    file: str = "vsftpd.conf",
    *,
    build: Build | None = None,
    target: Build = DEBIAN,
    software: str = "vsftpd",
) -> VsftpdConf:
    """Read a vsftpd.conf.

    Args:
        text: the whole file: what it does not set is at vsftpd's default.
        file: its name, for the findings.
        build: the build that it is written for; default: what :func:`build_for` says.
        target: the build that the lab's server is. What ``build`` spells differently is translated,
            what ``target`` does not know is left out.
        software: the name of that server.

    Raises:
        InputError: a line that is not NAME=VALUE, or that cannot be handed on.
    """
    reading = _Reading(Findings(file, TABLE), build or build_for(text, target), target)
    reading.recognised = build is None and reading.build is not target
    for line in _lines(text, reading.found, reading.options):
        reading.take(line)
    return reading.finish(text, software)


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


def _lines(text: str, found: Findings, options: Mapping[str, VsftpdOption]) -> Iterator[_Line]:
    """The settings of a file, in order; options that are texts can stand without a value."""
    size = settings = 0
    for number, whole in enumerate(text.split("\n"), 1):
        size += len(whole.encode()) + 1
        if not whole.strip(BLANKS) or whole.startswith("#"):
            continue
        if size > LONGEST:
            raise found.fail("behind-the-end", number, most=LONGEST)
        settings += 1
        check_line(found.file, number, whole, settings)
        bare = whole.lstrip(BLANKS)
        name, equals, value = bare.partition("=")
        of_text = name in options and options[name].kind is OptionKind.TEXT
        if not equals and not of_text:
            shown = cut(bare.rstrip(BLANKS))
            raise found.fail("not-name-value", number, line=shown, remedy=_remedy(bare, options))
        yield _Line(number, name, value, bare=not equals)


def _remedy(text: str, known: Container[str]) -> str:
    if text.startswith(BYTE_ORDER_MARK):
        return "The file begins with a byte order mark: save it without one."
    if text.startswith("#"):
        return "Begin a comment in the first column of its line."
    words = text.replace(":", " ").split()
    if len(words) == 2 and words[0] in known:
        return f"Write `{cut(words[0])}={cut(words[1])}`."
    return "Remove the line, or write OPTION=VALUE, without blanks around `=`."


# -- settings --------------------------------------------------------------------------------------


class _Reading(Telling[_Line]):
    """The state of reading one file."""

    def __init__(self, found: Findings, build: Build, target: Build) -> None:
        super().__init__(found)
        self.build, self.target = build, target
        self.options, self.of_target = options_of(build), options_of(target)
        self.versions: dict[str, tuple[bool, int]] = {}
        self.kept: dict[str, str] = {}
        self.fatal: list[str] = []
        self.recognised = False
        """The build is what the file's options say, and nobody has named it."""

    def take(self, line: _Line) -> None:
        """Take one line in."""
        option = self.options.get(line.name)
        if option is None:
            problem = "unrecognised variable in config file" if line.value else _MISSING
            said = {"build": self.build, "name": cut(line.name), "meant": self._meant(line)}
            self._fatal(line, problem, _phrase("no-option", **said))
            return
        if self.recognised and line.name not in self.of_target:
            self.recognised = False
            names = {"build": self.build, "other": self.target, "option": BUILD_OPTION}
            self.found.say("other-build", line.number, line=line, **names)
            self.presume(line.number, _phrase("other-build", build=self.build.name).en)
        before = self.seen.get(line.name)
        if before is not None and before.value != line.value:
            self.found.say("repeated", line.number, now=line, before=before)
        self.seen[line.name] = line
        value = self._value(line, option.kind)
        if value is not None:
            self._place(line, option, value)

    def _value(self, line: _Line, kind: OptionKind) -> bool | str | None:
        """What vsftpd reads; ``None``: it dies of this line, which is kept for that."""
        if not line.value and kind is not OptionKind.TEXT:
            self._fatal(line, _MISSING, _phrase("value-missing"))
            return None
        if kind is OptionKind.BOOLEAN:
            word = line.value.upper()
            if word not in (*TRUE_WORDS, *FALSE_WORDS):
                self._fatal(line, "bad bool value in config file for", _not_boolean(line))
                return None
            return word in TRUE_WORDS
        value = line.value.strip(BLANKS)
        if not value.isprintable():
            raise self.found.fail("unusual-value", line.number, name=line.name, value=cut(value))
        if line.bare:
            self.found.say("bare", line.number, name=line.name)
        elif kind is OptionKind.NUMBER and not _DIGITS.fullmatch(value):
            self.found.say("no-number", line.number, line=line)
        elif kind is OptionKind.NUMBER and _NO_OCTAL.match(line.value):
            self.found.say("octal", line.number, line=line)
        return value

    def _fatal(self, line: _Line, problem: str, why: InBothLanguages) -> None:
        """Keep a line that vsftpd dies of, and say so; an error, if it cannot be handed on."""
        says: dict[str, object] = {"why": why, "problem": problem, "name": cut(line.name)}
        error = "control-characters"
        if line.name not in self.options and line.name in self.of_target:
            error = "only-here"
        elif line.whole.isprintable():
            self.fatal.append(line.whole)
            self.found.say("dies", line.number, line=line, **says)
            return
        elif line.name.startswith(BYTE_ORDER_MARK):
            error = "byte-order-mark"
        elif "\r" in line.value:
            error = "carriage-return"
        says |= {"line": str(line), "why": why.en, "target": self.target.name}
        raise self.found.fail(error, line.number, **says)

    def _place(self, line: _Line, option: VsftpdOption, value: bool | str) -> None:
        words, ja = (option.set, option.set_ja) if value else (option.empty, option.empty_ja)
        if words:
            self.found.say_words(words, line.number, ja, line=line, value=cut(str(value)))
        match option.treatment:
            case Treatment.VERSION:
                self.versions[option.version] = (bool(value), line.number)
            case Treatment.FIELD:
                nothing = line.name == "ssl_sni_hostname" and not value
                self.fields[option.field] = None if nothing else value
                self.lines[option.field] = line.number
            case Treatment.CERTIFICATE:
                self._certificate(line, str(value))
            case Treatment.ALLOWED:
                self.kept.pop(line.name, None)
                if not value:
                    self.kept[line.name] = f"{line.name}=NO"
            case Treatment.KEPT if line.name in self.of_target:
                self.kept[line.name] = f"{line.name}={line.value.rstrip(BLANKS)}"
            case Treatment.KEPT:
                self.found.say("left-out", line.number, line=line, target=self.target.name)
            case Treatment.NO_EFFECT:
                self.leave_out(line.name, line.number)

    def _certificate(self, line: _Line, path: str) -> None:
        if line.name == _CERTIFICATE:
            self.lines["certificate"] = line.number
            self.fields.pop("certificate", None)
            if not path:
                self.fields["certificate"] = CERTIFICATE_EMPTY
        elif line.name == "ca_certs_file" and path:
            # The lab names its own CA wherever the option require_cert is written at all.
            self.fields.setdefault("require_cert", False)

    def _meant(self, line: _Line) -> InBothLanguages:
        name, value = line.name, cut(line.value.strip())
        if name != name.strip(BLANKS):
            return _phrase("blank-before-equals", right=f"{cut(name.strip(BLANKS))}={value}")
        for other in BUILDS.values():
            option = options_of(other).get(name)
            if option is None:
                continue
            names = {"other": other.name, "option": BUILD_OPTION}
            if name in self.build.lacks:
                return _phrase("of-newer-builds", **names)
            if not option.version:
                return _phrase("of-another-build", **names)
            if option.version in self.build.always_on:
                return _phrase("always-on", version=option.version, **names)
            right = f"{self.build.protocol_options[option.version]}={value}"
            return _phrase("spelt-otherwise", right=right, **names)
        near = closest(name, self.options, most=1, alike=0.75)
        if not near:
            return _phrase("nothing-meant")
        version, right = self.options[near[0]].version, f"{near[0]}={value}"
        if version and version < _SAFE and value.upper() in TRUE_WORDS:
            return _phrase("did-you-mean-old", right=right, version=version)
        return _phrase("did-you-mean", right=right)

    # -- the whole file ----------------------------------------------------------------------------

    def finish(self, text: str, software: str) -> VsftpdConf:
        """The settings, when every line is read."""
        for option in self.options.values():
            if option.default is not None:
                self.fields.setdefault(option.field, option.default)
        if _CERTIFICATE not in self.seen:
            self.fields["certificate"] = CERTIFICATE_UNSET
        switches = self._protocols()
        self._say_defaults()
        values = {name: self._effective(name) for name in self.options}
        here = {"build": self.build, "target": self.target}
        for rule, name in self.rules(values.get):
            if all(_is_about(rule, key, build) for key, build in here.items()):
                self._obey(rule, name, values)
        extra = (*self.kept.values(), *switches, *self.fatal)
        self.fields |= {"software": software, "extra": extra, "presumed": tuple(self.presumed)}
        return VsftpdConf(
            settings=Vsftpd(**self.fields),
            lines=MappingProxyType(dict(self.lines)),
            switches=frozenset(switches),
            extra_lines=_numbered(text, extra),
            # Of several switches that make a range of versions each has its line.
            spelled={"protocols": self._switches()},
            findings=self.found,
        )

    def _switches(self) -> Mapping[str, int]:
        """The switches of versions as the lab's build has them, and where they stand."""
        return {
            self.target.switch(version, on): number
            for version, (on, number) in self.versions.items()
            if version in self.target.switched
        }

    def _protocols(self) -> tuple[str, ...]:
        """Set the range of versions, or return the switches where it is none."""
        if not self.versions and self.build.default_versions == self.target.default_versions:
            return ()
        last = max((number for _, number in self.versions.values()), default=None)
        usual = self.build.default_versions
        on = [v for v in PROTOCOLS if self.versions.get(v, (v in usual, 0))[0]]
        if on and on[-1] in _OLD_VERSIONS:
            self.found.say("old-versions", last, right=self.build.switch(_SAFE, True))
        if (spoken := ProtocolRange.of(on)) is not None:
            self.fields["protocols"] = spoken
            if last is not None:
                self.lines["protocols"] = last
            return ()
        if not on:
            self.found.say("no-version", last)
        for version, (switched_on, number) in self.versions.items():
            if version not in self.target.switched:
                line = self.build.switch(version, switched_on)
                self.found.say("left-out", number, line=line, target=self.target.name)
        return tuple(self._switches())

    def _obey(self, rule: Mapping[str, Any], name: str, values: Mapping[str, str]) -> None:
        """Say what options do together, have the lab's server do it, and note what that presumes."""
        self.judge(rule, name, values, f"{name}={values[name]}", target=self.target.name)
        for kept in rule.get("keep", ()):
            written = kept.format(**{**values, "value": values[name]})
            self.kept[written.partition("=")[0]] = written
        self.fields.pop(rule.get("drop", ""), None)

    def _effective(self, name: str) -> str:
        """The value that the program has: YES or NO of a boolean."""
        option, line = self.options[name], self.seen.get(name)
        if line is None:
            none = "NO" if option.kind is OptionKind.BOOLEAN else ""
            return str(data(TABLE)["default"][self.build.name].get(name, none))
        value = line.value.strip(BLANKS)
        if option.kind is OptionKind.BOOLEAN:
            return "YES" if value.upper() in TRUE_WORDS else "NO"
        return value

    def _say_defaults(self) -> None:
        for name, option in self.options.items():
            needed = name != _CERTIFICATE or self.fields.get("tls")
            if option.missing and needed and name not in self.seen:
                self.found.say_words(option.missing, None, option.missing_ja)
                if option.presumes:
                    self.presume(None, option.presumes)
        same = self.build.default_ciphers == self.target.default_ciphers
        if "ssl_ciphers" not in self.seen and not same:
            self.found.say("other-ciphers", None, build=self.build, target=self.target)
        self.say_what_is_left_out()


def _numbered(text: str, wanted: tuple[str, ...]) -> Mapping[str, int]:
    """Those lines of a text that are among the wanted, with their numbers; of equal ones the last holds."""
    each = ((line.strip(BLANKS), number) for number, line in enumerate(text.split("\n"), 1))
    return {line: number for line, number in each if line in wanted}


def _not_boolean(line: _Line) -> InBothLanguages:
    bare = line.value.strip(BLANKS)
    if bare.upper() not in (*TRUE_WORDS, *FALSE_WORDS):
        return _phrase("no-boolean")
    return _phrase("carriage-return" if "\r" in line.value else "blank-beside", word=cut(bare))


# -- reading and writing ---------------------------------------------------------------------------


def vsftpd_conf(text: str, lines: Sequence[WrittenLine]) -> str:
    """A vsftpd.conf with these lines: each where the file has the option last, else at the end.

    Of a repeated option the last line holds; the ones before it become comments.
    """
    return row_by_row(text, lines, last_ones(text, _option_in))


def _option_in(row: str) -> str:
    """The option that a line of a vsftpd.conf sets; empty: it sets none."""
    if row.startswith("#") or not row.strip(BLANKS):
        return ""
    return row.lstrip(BLANKS).partition("=")[0]


class _VsftpdReading(ConfigurationReading):
    table = TABLE
    presuming = ("other-build",)

    def read(self, given: ConfigurationText) -> VsftpdConf:
        """See :meth:`ConfigurationReading.read`."""
        return parse(
            given.text,
            given.file,
            build=build_named(given.build) if given.build else None,
            target=_of_the_lab(given).build,
            software=given.server.name,
        )

    def writable(self, given: ConfigurationText) -> configurations.WritableConfiguration:
        """See :meth:`ConfigurationReading.writable`."""
        target = _of_the_lab(given).build
        of_file = build_named(given.build) if given.build else build_for(given.text, target)
        form = super().writable(replace(given, build=of_file.name))
        return replace(form, server=VsftpdServer(build=of_file))

    def rewriter(self, given: ConfigurationText) -> Rewrite:
        """See :meth:`ConfigurationReading.rewriter`."""
        del given
        return vsftpd_conf

    def line_that_switches(self, text: str, version: str) -> int | None:
        """See :meth:`ConfigurationReading.line_that_switches`."""
        names = {build.protocol_options.get(version) for build in BUILDS.values()}
        rows = enumerate(text.split("\n"), 1)
        return max((number for number, row in rows if _option_in(row) in names), default=None)

    def named_files(self, text: str, file: str) -> NamedFiles:
        """See :meth:`ConfigurationReading.named_files`."""
        del file
        found: dict[str, tuple[str, int]] = {}
        for number, line in enumerate(text.split("\n"), 1):
            option, equals, value = line.strip().partition("=")
            if equals and not option.startswith("#"):
                found[option] = (value.strip(), number)
        said = {name: value for name, (value, _) in found.items()}
        resolves = said.get("pasv_addr_resolve", "NO").upper() == "YES"
        return NamedFiles(
            certificate=found.get("rsa_cert_file", ("", 0)),
            key=found.get("rsa_private_key_file", ("", 0)),
            passive_address="" if resolves else said.get("pasv_address", ""),
            passive_ports=(said.get("pasv_min_port", "0"), said.get("pasv_max_port", "0")),
        )


def _of_the_lab(given: ConfigurationText) -> VsftpdServer:
    assert isinstance(given.server, VsftpdServer), "its settings are vsftpd's"
    return given.server


READING = _VsftpdReading()
