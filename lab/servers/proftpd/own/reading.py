"""A ``proftpd.conf``: what ProFTPD reads out of it, as the settings of a server.

The syntax is that of ``src/parser.c``: a directive a line, in any case, with words that may be quoted; ``#``
at the beginning of a word ends the line; a backslash at the end continues it; sections are ``<Name ...>`` to
``</Name>``. Of a directive that stands several times the first holds (``get_param_ptr``), but the last
``TLSCipherSuite``, and ``TLSOptions`` add up; what ``<Global>`` says comes behind what the server itself has.
``<IfModule>``, ``<IfDefine>`` and ``<IfVersion>`` are decided as the lab's ProFTPD would, which has Debian's
modules and mod_tls; one with a pattern is left out.

Of several servers the first with TLS counts. A directive that ProFTPD does not know, or whose value it does
not, ends it at start: such a line is *kept*, so that the attempt shows what its client then sees. What cannot
be handed on is an error. Other files (``Include``) are read where they lie beside the file (``including``);
of those that do not, what they could change is presumed.

``directives.toml`` has every directive of the builds in the lab, and what becomes of it; what they name of
the operator's host is said there, and is a setting of the server (``presumed``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lab.model import CERTIFICATE_UNSET, PROTOCOLS, ProtocolRange
from lab.own.configurations import (
    ConfigurationReading,
    ConfigurationText,
    NamedFiles,
    ReadConfiguration,
)
from lab.own.findings import BLANKS, BYTE_ORDER_MARK, ONE_FILE, Findings, Origins, check_line, data
from lab.own.rewriting import Rewrite, StandingLine, WrittenLine, row_by_row
from lab.own.telling import Telling, phrase
from lab.remedies.words import InBothLanguages
from lab.servers.proftpd import BLOCK_LINE, Proftpd, ProftpdServer, option_of
from lab.text import closest, cut

#: The directives, and what is said of a file.
TABLE = str(Path(__file__).with_name("directives.toml"))
#: So deep may sections stand in each other; the program itself has no more kinds that can.
DEEPEST = 8

_phrase = partial(phrase, TABLE)
_TLS = "mod_tls.c"
_TRUE, _FALSE = ("on", "yes", "true", "1"), ("off", "no", "false", "0")
_END = re.compile(r"</\s*(\w+)\s*>", re.ASCII)
#: A line of blanks without an end is looked at once: nothing in it can be split in two ways.
_SECTION = re.compile(r"<\s*+(\w++)(.*)>", re.ASCII)
#: Sections that are looked into; what else there is, is a matter of paths, users or classes.
_DECIDED = ("ifmodule", "ifdefine", "ifversion")
_SERVERS = ("virtualhost", "global")
_LAST_HOLDS = ("TLSCipherSuite",)
_ADD_UP = ("Include", "LoadModule", "TLSOptions", "UserAlias", "SetEnv", "LogFormat", "ExtendedLog")
#: What TLSRequired demands: TLS for the login, and for the data. The other words have no field.
_REQUIRED = {
    **dict.fromkeys(_TRUE, (True, True)),
    **dict.fromkeys(_FALSE, (False, False)),
    "ctrl": (True, False),
    "control": (True, False),
    "data": (False, True),
    "auth": (True, False),
    "auth+data": (True, True),
    "ctrl+!data": (True, False),
    "auth+!data": (True, False),
    "!data": (False, False),
}
_PLAIN = (*_TRUE, *_FALSE, "ctrl", "control", "data")
_CERTIFICATES = ("TLSRSACertificateFile", "TLSECCertificateFile", "TLSPKCS12File")


#: A version as mod_ifversion reads it, and what ``<IfVersion>`` compares.
_VERSION = re.compile(r"(\d+)(?:\.(\d+)(?:\.(\d+)(rc\d*|[a-z])?)?)?", re.ASCII | re.IGNORECASE)
_COMPARED = re.compile(r"(!?)([=<>])(.*)", re.DOTALL)
_USUAL = ProftpdServer()


class Becomes(StrEnum):
    """What becomes of a directive; the head of ``directives.toml`` says more."""

    FIELD = "field"
    KEPT = "kept"
    REPLACED = "replaced"
    NO_EFFECT = "no-effect"
    PRESUMED = "presumed"


@dataclass(frozen=True)
class DirectiveRow:
    """A directive of ProFTPD, as the table has it."""

    treatment: Becomes
    module: str
    """Which has it: without it the directive is unknown."""
    why: str = ""
    says: str = ""
    says_ja: str = ""
    """What is said where a line sets it, as ``SEVERITY: TEXT``."""
    presumes: str = ""
    presumes_ja: str = ""
    unless: str = ""
    """A value with which nothing of this is said or presumed."""


@cache
def directives() -> Mapping[str, DirectiveRow]:
    """Every directive, by its name."""
    rows = data(TABLE)["option"].items()
    made = {n: DirectiveRow(**row | {"treatment": Becomes(row["treatment"])}) for n, row in rows}
    return MappingProxyType(made)


@cache
def _by_lower_case() -> Mapping[str, str]:
    return {name.lower(): name for name in directives()}


@dataclass(frozen=True, kw_only=True)
class ProftpdConf(ReadConfiguration):
    """A proftpd.conf as the settings of a server, with what is to be said about it."""

    settings: Proftpd
    paths: Mapping[str, tuple[str, int]]
    """The value and the line of directives that name something of the machine."""
    standing: Mapping[str, Sequence[StandingLine]]
    """Where the directives stand that are in force, sections apart, by what they set (``option_of``)."""
    behind: int | None
    """The row, counted from 0, behind which directives of mod_tls come that the file does not have; ``None``:
    at its end."""


def parse(
    text: str,
    file: str = "proftpd.conf",
    *,
    server: ProftpdServer = _USUAL,
    origins: Origins = ONE_FILE,
) -> ProftpdConf:
    """Read a proftpd.conf.

    Args:
        text: the whole file: what it does not set is at ProFTPD's default.
        file: its name, for the findings.
        server: the lab's server, whose version decides ``<IfVersion>``.
        origins: where the lines stand, if it includes others (:mod:`lab.servers.proftpd.own.including`).

    Raises:
        InputError: sections that do not end, or a line that cannot be handed on.
    """
    found = Findings(file, TABLE, origins)
    reading = _Reading(found, server.version)
    top = list(reading.decided(_sections(text, found)))
    reading.take(_in_force(top, found))
    return reading.finish(server.name)


# -- lines -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    number: int
    name: str
    """As the table spells it, where it has it."""
    words: Sequence[str]
    text: str
    """The whole line, without blanks around it."""
    block: Sequence[_Line] | None = None
    """What stands in a section; ``None``: it is none."""
    end: int = 0
    """The last line: where a section ends, or the last one that continues it."""
    tail: str = ""
    """The comment behind it, with the blanks before it."""

    @property
    def value(self) -> str:
        return " ".join(self.words)

    def __str__(self) -> str:
        return cut(self.text)

    def texts(self) -> Iterator[tuple[str, int]]:
        """The lines of a section, from its beginning to its end, with their numbers."""
        yield self.text, self.number
        for one in self.block or ():
            yield from one.texts()
        if self.block is not None:
            yield f"</{self.name}>", self.end


def _sections(text: str, found: Findings) -> Sequence[_Line]:
    """The directives and sections of a file.

    Raises:
        InputError: a section does not end, or ends that never began, or a line is too long.
    """
    top: list[_Line] = []
    open_: list[tuple[_Line, list[_Line]]] = []
    for settings, (number, last, line) in enumerate(joined(text), 1):
        check_line(*found.at(number), line, settings)
        if line.startswith(BYTE_ORDER_MARK):
            raise found.fail("byte-order-mark", number)
        into = open_[-1][1] if open_ else top
        end, begin = _END.fullmatch(line), _SECTION.fullmatch(line)
        if end is not None:
            if not open_ or open_[-1][0].name.lower() != end[1].lower():
                raise found.fail("closes-nothing", number, line=cut(line))
            opened, inside = open_.pop()
            whole = replace(opened, block=tuple(inside), end=number)
            (open_[-1][1] if open_ else top).append(whole)
        elif begin is not None:
            if len(open_) >= DEEPEST:
                raise found.fail("too-deep", number, most=DEEPEST)
            open_.append((_Line(number, begin[1], words_of(begin[2])[0], line), []))
        else:
            words, tail = words_of(line)
            if words:
                name = _by_lower_case().get(words[0].lower(), words[0])
                into.append(_Line(number, name, words[1:], line, end=last, tail=tail))
    if open_:
        raise found.fail("unclosed", open_[-1][0].number, line=open_[-1][0])
    return top


def joined(text: str) -> Iterator[tuple[int, int, str]]:
    """Lines with something in them, joined with what continues them: the first number, the last, the text."""
    begun, at = "", 0
    for number, whole in enumerate(text.split("\n"), 1):
        at = at or number
        line = whole.rstrip("\r")
        if line.endswith("\\"):
            begun += line[:-1]
            continue
        line, begun = (begun + line).strip(BLANKS), ""
        if line and not line.startswith("#"):
            yield at, number, line
        at = 0
    if begun.strip(BLANKS):
        yield at, number, begun.strip(BLANKS)


def words_of(line: str) -> tuple[list[str], str]:
    """The words of a line: in quotes, with a backslash before a character, to a comment; and that comment."""
    words: list[str] = []
    at, behind, end = 0, 0, len(line)
    while at < end:
        if line[at] in BLANKS:
            at += 1
            continue
        if line[at] == "#":
            break
        quoted = line[at] == '"'
        at += quoted
        word = ""
        while at < end and (line[at] != '"' if quoted else line[at] not in BLANKS):
            if line[at] == "\\" and quoted and at + 1 < end:
                at += 1
            word += line[at]
            at += 1
        at += quoted
        behind = at
        words.append(word)
    return words, line[behind:] if at < end else ""


def _in_force(top: Sequence[_Line], found: Findings) -> Iterator[_Line]:
    """The lines of the server that counts, its own first and then what holds for all."""
    every = [one for s in top if s.name.lower() == "global" for one in s.block or ()]
    main = [one for one in top if one.block is None or one.name.lower() not in _SERVERS]
    hosts = [one for one in top if one.name.lower() == "virtualhost"]
    if not _has_tls([*main, *every]):
        for host in hosts:
            if _has_tls([*(host.block or ()), *every]):
                found.say("virtual-host", host.number, line=host)
                # What holds for the daemon stands outside.
                yield from (one for one in main if one.name in ("LoadModule", "Include"))
                yield from _with_global(host.block or (), every)
                return
    for host in hosts:
        found.say("other-host", host.number, line=host)
    yield from _with_global(main, every)


def _with_global(own: Sequence[_Line], every: Sequence[_Line]) -> Iterator[_Line]:
    """A server's lines, and behind them what holds for all: of most directives the first one counts."""
    yield from own
    again = (*_ADD_UP, *_LAST_HOLDS)
    names = {one.name for one in own if one.name not in again and one.block is None}
    yield from (one for one in every if one.name not in names)


def _has_tls(lines: Sequence[_Line]) -> bool:
    engine = next((one for one in lines if one.name == "TLSEngine"), None)
    return engine is not None and engine.value.lower() in _TRUE


# -- settings --------------------------------------------------------------------------------------


class _Reading(Telling[_Line]):
    """The state of reading one file."""

    def __init__(self, found: Findings, version: str) -> None:
        super().__init__(found)
        self.version = version
        self.modules = {*data(TABLE)["modules"]["usual"], _TLS}
        self.loaded: set[str] = set()
        """What lines of the file load."""
        self.fields |= {"tls": False, "require_ssl_reuse": True}
        self.fields |= {"tls_required_login": False, "tls_required_data": False}
        self.extra: dict[str, int] = {}
        self.written: dict[str, int] = {}
        self.paths: dict[str, tuple[str, int]] = {}
        self.standing: dict[str, list[_Line]] = {}
        """The directives in force, by what they set."""
        self.missing_modules: list[str] = []

    # -- what counts ---------------------------------------------------------------------------------

    def decided(self, lines: Sequence[_Line]) -> Iterator[_Line]:
        """The lines with sections that depend on modules and definitions decided, modules loaded."""
        for one in lines:
            kind = one.name.lower()
            if kind == "loadmodule":
                self._load(one)
                yield one
            elif kind in _DECIDED:
                met = self._is_met(one)
                if met is None:
                    yield one
                elif met:
                    yield from self.decided(one.block or ())
            elif kind in _SERVERS:
                inside = tuple(self.decided(one.block or ()))
                yield replace(one, block=inside)
            else:
                yield one

    def _load(self, one: _Line) -> None:
        module = one.value.lower()
        if module in self.modules - {_TLS}:
            return
        if module in data(TABLE)["modules"]["there"]:
            self.modules.add(module)
            self.loaded.add(module)
        else:
            self.missing_modules.append(one.value)
            self.found.say("missing-module", one.number, line=one)
            self._presume(one.number, "other-module", name=cut(one.value))

    def _is_met(self, section: _Line) -> bool | None:
        """Whether what stands in it is read; ``None``: that cannot be said, or it ends ProFTPD at start."""
        if section.name.lower() == "ifversion":
            return self._is_of_version(section)
        wanted = section.value.lower()
        turned = wanted.startswith("!")
        name = wanted.removeprefix("!")
        if section.name.lower() == "ifdefine":
            self.found.say("no-define", section.number, line=section)
            self._presume(section.number, "no-define", name=cut(section.value.lstrip("!")))
            return turned
        met = (name in self.modules) is not turned
        inside = bool(section.block)
        if inside and name not in self.modules and name not in data(TABLE)["modules"]["optional"]:
            self.found.say("no-module", section.number, line=section, name=cut(section.value))
            if not turned:
                self._presume(section.number, "other-module", name=cut(section.value))
        return met

    def _is_of_version(self, section: _Line) -> bool | None:
        """Whether a comparison of versions holds for the lab's build."""
        operator, version = ("=", *section.words)[-2:] if len(section.words) in (1, 2) else ("", "")
        compared = _COMPARED.fullmatch(operator)
        here, there = _order(self.version), _order(version)
        if compared is None or here is None or there is None:
            return None
        negated, sign, more = compared.groups()
        holds = {"=": here == there, "<": here < there, ">": here > there}[sign]
        holds = holds or (len(more) == 1 and sign != "=" and here == there)
        if section.block:
            self.found.say("version", section.number, line=section, version=self.version)
            self._presume(section.number, "version", line=section, version=self.version)
        return holds is not bool(negated)

    # -- line by line --------------------------------------------------------------------------------

    def take(self, lines: Iterator[_Line]) -> None:
        """Take in the lines that are in force."""
        for one in lines:
            if one.block is not None:
                self._section(one)
                continue
            option = option_of(f"{one.name} {one.value}")
            self.standing.setdefault(option, []).append(one)
            before = self.seen.get(option)
            if before is not None and one.name not in _ADD_UP:
                last = one.name in _LAST_HOLDS
                self.found.say(
                    "repeated-last" if last else "repeated",
                    one.number,
                    now=one,
                    before=before,
                    where=self.found.in_words(before.number),
                )
                if not last:
                    continue
            self.seen[option] = one
            if one.name == "Include" and not one.value.startswith("/"):
                fatal = f"Include: unable to use path for configuration file '{cut(one.value)}'"
                self._dies(one, _phrase("no-absolute-path"), fatal)
                continue
            row = directives().get(one.name)
            if row is None or row.module not in self.modules:
                self._unknown(one, row)
                continue
            self._place(one, row)

    def _place(self, one: _Line, row: DirectiveRow) -> None:
        usual = bool(row.unless and re.fullmatch(row.unless, one.value))
        if row.presumes and not usual:
            shown = {"line": one, "value": cut(one.value)}
            self.found.say_words(row.says, one.number, row.says_ja, **shown)
            self.presume(one.number, row.presumes.format(**shown))
            self.paths[one.name] = (one.value, one.number)
            return
        match row.treatment:
            case Becomes.FIELD:
                _FIELDS[one.name](self, one)
            case Becomes.KEPT:
                self._keep(one)
            case Becomes.REPLACED | Becomes.PRESUMED:
                self.paths[one.name] = (one.value, one.number)
                if row.why:
                    why = InBothLanguages(**data(TABLE)["why"][row.why])
                    self.found.say("replaced", one.number, line=one, why=why)
            case Becomes.NO_EFFECT:
                self.leave_out(one.name, one.number)

    def _section(self, one: _Line) -> None:
        """A section that is for paths, users or commands."""
        kind, value = one.name.lower(), one.value
        inside = {line.name.lower() for line in _all_in(one)}
        if kind == "ifversion" and not _compares_with_a_pattern(one):
            why = _phrase("no-version")
            self._keep_block(one)
            self._say_dies(one, why, f"<IfVersion>: {_no_comparison(one)}")
        elif kind == "anonymous":
            self.fields["anonymous"] = True
            self.lines["anonymous"] = one.number
            self.found.say("anonymous", one.number, line=one)
        elif kind == "limit" or (kind == "directory" and value in ("/", "/*", "*", "~", "~/*")):
            self._keep_block(one)
        elif inside - set(data(TABLE)["sections"]["harmless"]):
            self.found.say("other-section", one.number, line=one)
            self._presume(one.number, "other-section", line=one)

    def _keep(self, one: _Line, text: str = "") -> None:
        """Hand a directive on, word for word.

        Raises:
            InputError: it has characters that no line of the lab's may have.
        """
        text = text or one.text.removesuffix(one.tail)
        _, *rest = text.split(maxsplit=1)
        value = "".join(rest).strip(BLANKS)
        entry = f"{one.name}={value}"
        if not entry.isprintable():
            raise self.found.fail("control-characters", one.number, line=cut(text))
        self.extra[entry] = one.number
        self.written[f"{one.name} {value}"] = one.number

    def _keep_block(self, section: _Line) -> None:
        texts = list(section.texts())
        entry = BLOCK_LINE.join(text for text, _ in texts).replace(" ", "=", 1)
        if not entry.isprintable():
            raise self.found.fail("control-characters", section.number, line=section)
        self.extra[entry] = section.number
        self.written |= dict(texts)

    def _unknown(self, one: _Line, row: DirectiveRow | None) -> None:
        """A directive that ends ProFTPD at start, unless a module has it that the lab has not."""
        if self.missing_modules:
            self.found.say(
                "of-other-module", one.number, line=one, module=cut(self.missing_modules[0])
            )
            self._presume(one.number, "other-module", name=cut(self.missing_modules[0]))
            return
        if row is not None:
            why = _phrase("module-not-loaded", module=row.module)
        else:
            near = closest(one.name, directives(), most=1, alike=0.75)
            right = f"{near[0]} {one.value}".rstrip() if near else ""
            why = _phrase("did-you-mean", right=cut(right)) if near else _phrase("nothing-meant")
        self._dies(one, why, f"unknown configuration directive '{cut(one.name)}'")

    def _dies(self, one: _Line, why: InBothLanguages, fatal: str) -> None:
        """Keep a line that ends ProFTPD at start, and say so."""
        self._keep(one)
        self._say_dies(one, why, fatal)

    def _say_dies(self, one: _Line, why: InBothLanguages, fatal: str) -> None:
        """Say that a line ends ProFTPD at start.

        Raises:
            InputError: it is one of another file, of which ProFTPD may pass over the rest instead.
        """
        if self.found.at(one.number)[0] != self.found.file:
            raise self.found.fail("dies-included", one.number, line=str(one), why=why, fatal=fatal)
        self.found.say("dies", one.number, line=one, why=why, fatal=fatal)

    # -- fields --------------------------------------------------------------------------------------

    def _set(self, one: _Line, **fields: Any) -> None:
        for name, value in fields.items():
            self.fields[name], self.lines[name] = value, one.number

    def _engine(self, one: _Line) -> None:
        self._set(one, tls=self._boolean(one) is not False)

    def _boolean(self, one: _Line) -> bool | None:
        """What a switch says; ``None``: neither yes nor no, with which it ends ProFTPD at start."""
        value = one.value.lower()
        if value not in (*_TRUE, *_FALSE):
            self._dies(one, _phrase("no-boolean"), f"{one.name}: expected Boolean parameter")
            return None
        return value in _TRUE

    def _required(self, one: _Line) -> None:
        value = one.value.lower()
        login, data_too = _REQUIRED.get(value, (True, True))
        self._set(one, tls_required_login=login, tls_required_data=data_too)
        if value not in _REQUIRED:
            self._dies(one, _phrase("no-requirement"), f"{one.name}: bad parameter")
        elif value not in _PLAIN:
            self._keep(one)

    def _protocols(self, one: _Line) -> None:
        known = {*PROTOCOLS, "SSLv23", "ALL"}
        strange = [word for word in one.words if word.lstrip("+-") not in known]
        if strange:
            why = _phrase("no-protocol", word=cut(strange[0]))
            self._dies(one, why, f"{one.name}: unknown protocol: '{cut(strange[0])}'")
            return
        spoken = ProtocolRange.of(one.words)
        if spoken is not None and set(one.words) <= set(PROTOCOLS):
            self._set(one, protocols=spoken)
        else:
            self._keep(one)

    def _ciphers(self, one: _Line) -> None:
        # Of a version before TLS 1.3 it is the one list of all of them.
        version, listed = one.words if len(one.words) == 2 else ("", one.value)
        if len(one.words) == 1 or (version in PROTOCOLS and version != "TLSv1.3"):
            if not listed.isprintable():
                raise self.found.fail("control-characters", one.number, line=cut(one.text))
            self._set(one, ciphers=listed)
            if one.value.startswith("TLS_"):
                why = _phrase("needs-version", value=cut(one.value))
                self._say_dies(one, why, f"{one.name}: use of TLSv1.3 ciphersuite")
        elif len(one.words) > 1 and one.words[0] not in PROTOCOLS:
            why = _phrase("not-quoted", right=f'{one.name} "{cut(one.value)}"')
            self._dies(
                one, why, f"{one.name}: unknown/unsupported protocol specifier: {cut(one.words[0])}"
            )
        else:
            self._keep(one)

    def _options(self, one: _Line) -> None:
        known = set(data(TABLE)["tls-options"]["known"])
        strange = [word for word in one.words if word not in known]
        if strange:
            gone = strange[0] in data(TABLE)["tls-options"]["gone"]
            why = _phrase("option-gone" if gone else "no-tls-option", word=cut(strange[0]))
            fatal = f"{one.name}: : unknown TLSOption '{cut(strange[0])}'"
            self._say_dies(one, why, fatal)
            self._keep(one, f"{one.name} {' '.join(strange)}")
        if "NoSessionReuseRequired" in one.words:
            self._set(one, require_ssl_reuse=False)
        if "UseImplicitSSL" in one.words:
            self._set(one, implicit_tls=True)
        ours = {"NoSessionReuseRequired", "UseImplicitSSL"}
        others = [word for word in one.words if word not in (*ours, *strange)]
        if others:
            self._keep(one, f"{one.name} {' '.join(others)}")

    def _chain(self, one: _Line) -> None:
        self.paths[one.name] = (one.value, one.number)
        self._set(one, certificate_chain=True)

    def _certificate(self, one: _Line) -> None:
        self.paths[one.name] = (one.value, one.number)
        self.lines["certificate"] = one.number
        # Where no other line names the file of what follows the certificate.
        self.lines.setdefault("certificate_chain", one.number)

    def _verify(self, one: _Line) -> None:
        if one.value.lower() == "optional":
            self._keep(one)
        elif (required := self._boolean(one)) is not None:
            self._set(one, require_cert=required)

    # -- the whole file ------------------------------------------------------------------------------

    def finish(self, software: str) -> ProftpdConf:
        """The settings, when every line is read."""
        if not any(name in self.seen for name in _CERTIFICATES):
            self.fields["certificate"] = CERTIFICATE_UNSET
        self.fields.setdefault("certificate_chain", False)
        for rule, name in self.rules(self._value):
            self.judge(rule, name, {name: self._value(name)}, name)
        self.say_what_is_left_out()
        return ProftpdConf(
            settings=Proftpd(
                **self.fields,
                software=software,  # type: ignore[arg-type]  # one of the class's own words
                extra=tuple(self.extra),
                presumed=tuple(self.presumed),
            ),
            lines=MappingProxyType(dict(self.lines)),
            extra_lines=MappingProxyType(dict(self.extra)),
            written_lines=MappingProxyType(dict(self.written)),
            paths=MappingProxyType(dict(self.paths)),
            findings=self.found,
            standing={name: tuple(_standing(name, each)) for name, each in self.standing.items()},
            behind=self._behind(),
        )

    def _behind(self) -> int | None:
        """The row of the directive behind which others of mod_tls are in force as it is."""
        known = directives()
        of_tls = [o for o in self.standing if o in known and known[o].module == _TLS]
        if not of_tls:
            return None
        each = self.standing.get("TLSEngine") or [self.standing[name][-1] for name in of_tls]
        return max(one.end for one in each) - 1

    def _value(self, name: str) -> str:
        """What a directive says; empty: no line sets it."""
        if name == f"LoadModule {_TLS}":
            return "yes" if _TLS in self.loaded else ""
        line = self.seen.get(name)
        return "" if line is None else line.value

    def _presume(self, number: int, name: str, /, **values: object) -> None:
        self.presume(number, _phrase(name, **values).en)


def _standing(option: str, each: Sequence[_Line]) -> Iterator[StandingLine]:
    """Where the directives stand that set the same; of several one holds."""
    holds = each[-1] if option.partition(" ")[0] in _LAST_HOLDS else each[0]
    for one in each:
        rows = one.end - one.number + 1
        yield StandingLine(one.number - 1, rows, one.tail, holds=one is holds)


def _order(version: str) -> tuple[int, ...] | None:
    """What mod_ifversion compares of a version; ``None``: it is none to it.

    A release candidate comes before its release, which is the same as the maintenance release ``a``.
    """
    found = _VERSION.fullmatch(version)
    if found is None:
        return None
    major, minor, revision, suffix = found.groups()
    status = 300 if revision else 0
    if suffix and suffix[:2].lower() == "rc":
        status = 100 + int(suffix[2:] or 0)
    elif suffix:
        status += ord(suffix.upper()) - ord("A")
    return int(major), int(minor or 0), int(revision or 0), status


def _no_comparison(section: _Line) -> str:
    """What mod_ifversion says of a comparison that it cannot make."""
    if len(section.words) not in (1, 2):
        return "wrong number of parameters"
    operator, version = ("=", *section.words)[-2:]
    if _COMPARED.fullmatch(operator) is None:
        return f"unknown comparison operator '{cut(operator.removeprefix('!'))}'"
    return f"badly formatted configured version '{cut(version)}'"


def _compares_with_a_pattern(section: _Line) -> bool:
    """Whether a section ``<IfVersion>`` has a regular expression."""
    first, *others = section.words or ("",)
    return first.lstrip("!").startswith("~") or any(w.startswith("/") for w in (first, *others))


def _all_in(section: _Line) -> Iterator[_Line]:
    for one in section.block or ():
        yield one
        yield from _all_in(one)


_FIELDS: Mapping[str, Callable[[_Reading, _Line], None]] = {
    "TLSEngine": _Reading._engine,
    "TLSRequired": _Reading._required,
    "TLSProtocol": _Reading._protocols,
    "TLSCipherSuite": _Reading._ciphers,
    "TLSOptions": _Reading._options,
    "TLSCertificateChainFile": _Reading._chain,
    "TLSRSACertificateFile": _Reading._certificate,
    "TLSECCertificateFile": _Reading._certificate,
    "TLSPKCS12File": _Reading._certificate,
    "TLSVerifyClient": _Reading._verify,
}


# -- reading and writing ---------------------------------------------------------------------------


def proftpd_conf(standing: Mapping[str, Sequence[StandingLine]], behind: int | None) -> Rewrite:
    """What writes a proftpd.conf with these lines: each where the directive is in force, in the same section.

    Args:
        standing: where the directives in force stand. Those of a name that do not hold become comments.
        behind: the row behind which directives come that no line in force sets; ``None``: at the end.
    """

    def rewrite(text: str, lines: Sequence[WrittenLine]) -> str:
        return row_by_row(text, lines, standing, behind=behind, indented=True)

    return rewrite


class _ProftpdReading(ConfigurationReading):
    table = TABLE
    presuming = ("other-section", "other-module", "version", "no-define")

    def read(self, given: ConfigurationText) -> ProftpdConf:
        """See :meth:`ConfigurationReading.read`."""
        assert isinstance(given.server, ProftpdServer), "its settings are ProFTPD's"
        return parse(given.text, given.file, server=given.server, origins=given.origins)

    def gather(self, file: Path, read: Callable[[Path], str]) -> tuple[str, Origins]:
        """See :meth:`ConfigurationReading.gather`."""
        from lab.servers.proftpd.own import including  # noqa: PLC0415 - it takes lines apart as this does

        return including.gathered(file, read)

    def rewriter(self, given: ConfigurationText) -> Rewrite:
        """See :meth:`ConfigurationReading.rewriter`."""
        found = self.read(given)
        return proftpd_conf(found.standing, found.behind)

    def named_files(self, text: str, file: str) -> NamedFiles:
        """See :meth:`ConfigurationReading.named_files`."""
        paths = parse(text, file).paths
        ports = paths.get("PassivePorts", ("", 0))[0].split()
        first, last = ports if len(ports) == 2 else ("0", "0")
        return NamedFiles(
            certificate=paths.get("TLSRSACertificateFile", ("", 0)),
            key=paths.get("TLSRSACertificateKeyFile", ("", 0)),
            passive_address=paths.get("MasqueradeAddress", ("", 0))[0],
            passive_ports=(first, last),
        )


READING = _ProftpdReading()
