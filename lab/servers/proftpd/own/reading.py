"""A ``proftpd.conf``: what ProFTPD reads out of it, as the settings of a server.

The syntax is that of ``src/parser.c``: a directive a line, in any case, with words that may be quoted; ``#``
at the beginning of a word ends the line; a backslash at the end continues it; sections are ``<Name ...>`` to
``</Name>``. Of a directive that stands several times the first holds (``get_param_ptr``), but the last
``TLSCipherSuite``, and ``TLSOptions`` add up; what ``<Global>`` says holds where the server itself says
nothing. ``<IfModule>`` and ``<IfDefine>`` are decided as the lab's ProFTPD would, which has Debian's modules
and mod_tls.

Of several servers the first with TLS counts. A directive that ProFTPD does not know, or whose value it does
not, ends it at start: such a line is *kept*, so that the attempt shows what its client then sees. What cannot
be handed on is an error. Other files (``Include``) are not read: what they could change is presumed.

``directives.toml`` has every directive of the builds in the lab, and what becomes of it; what they name of
the operator's host is said there, and is a setting of the server (``presumed``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lab.model import CERTIFICATE_UNSET, PROTOCOLS, ProtocolRange
from lab.own.findings import BLANKS, BYTE_ORDER_MARK, Finding, Findings, check_line, data
from lab.own.presumed import presumption
from lab.remedies.words import InBothLanguages
from lab.servers.proftpd import BLOCK_LINE, Proftpd
from lab.text import closest, cut, listed

#: The directives, and what is said of a file.
TABLE = str(Path(__file__).with_name("directives.toml"))
#: So deep may sections stand in each other; the program itself has no more kinds that can.
DEEPEST = 8

_TLS = "mod_tls.c"
_TRUE, _FALSE = ("on", "yes", "true", "1"), ("off", "no", "false", "0")
_END = re.compile(r"</\s*(\w+)\s*>", re.ASCII)
#: A line of blanks without an end is looked at once: nothing in it can be split in two ways.
_SECTION = re.compile(r"<\s*+(\w++)(.*)>", re.ASCII)
#: Sections that are looked into; what else there is, is a matter of paths, users or classes.
_DECIDED = ("ifmodule", "ifdefine")
_SERVERS = ("virtualhost", "global")
_LAST_HOLDS = ("TLSCipherSuite",)
_ADD_UP = ("Include", "LoadModule", "TLSOptions", "UserAlias", "SetEnv", "LogFormat", "ExtendedLog")
#: What TLSRequired demands: TLS for the login, and for the data. The other words have no field.
_REQUIRED = {
    "on": (True, True),
    "ctrl": (True, False),
    "control": (True, False),
    "data": (False, True),
    "auth": (True, False),
    "auth+data": (True, True),
    "ctrl+!data": (True, False),
    "auth+!data": (True, False),
    "!data": (False, False),
}
_PLAIN = ("on", "off", "ctrl", "control", "data")
_CERTIFICATES = ("TLSRSACertificateFile", "TLSECCertificateFile", "TLSPKCS12File")


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
    return MappingProxyType(
        {
            name: DirectiveRow(
                Becomes(row["treatment"]), **{k: v for k, v in row.items() if k != "treatment"}
            )
            for name, row in rows
        }
    )


@cache
def _by_lower_case() -> Mapping[str, str]:
    return {name.lower(): name for name in directives()}


def presumptions() -> Iterator[InBothLanguages]:
    """Every wording of what is presumed, with the places of its values."""
    table = data(TABLE)
    for row in (*table["option"].values(), *table["rule"]):
        if "presumes" in row:
            yield InBothLanguages(row["presumes"], row["presumes_ja"])
    for name in ("other-section", "other-module", "no-define"):
        yield InBothLanguages(**table["phrases"][name])


@dataclass(frozen=True)
class ProftpdConf:
    """A proftpd.conf as the settings of a server, with what is to be said about it."""

    file: str
    settings: Proftpd
    lines: Mapping[str, int]
    """The line that each field of the settings comes from."""
    extra_lines: Mapping[str, int]
    """The line of each entry of ``settings.extra``."""
    written_lines: Mapping[str, int]
    """The line of each line that these entries come to."""
    paths: Mapping[str, tuple[str, int]]
    """The value and the line of directives that name something of the machine."""
    findings: tuple[Finding, ...] = field(default=(), compare=False)


def parse(
    text: str,
    file: str = "proftpd.conf",
    *,
    software: str = "proftpd",
) -> ProftpdConf:
    """Read a proftpd.conf.

    Args:
        text: the whole file: what it does not set is at ProFTPD's default.
        file: its name, for the findings.
        software: the name of the lab's server.

    Raises:
        InputError: sections that do not end, or a line that cannot be handed on.
    """
    found = Findings(file, TABLE)
    reading = _Reading(found)
    top = list(reading.decided(_sections(text, found)))
    reading.take(_in_force(top, found))
    return reading.finish(software)


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
    """The line at which a section ends."""

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
    for settings, (number, line) in enumerate(_joined(text), 1):
        check_line(found.file, number, line, settings)
        if line.startswith(BYTE_ORDER_MARK):
            raise found.fail("byte-order-mark", number)
        into = open_[-1][1] if open_ else top
        end, begin = _END.fullmatch(line), _SECTION.fullmatch(line)
        if end is not None:
            if not open_ or open_[-1][0].name.lower() != end[1].lower():
                raise found.fail("closes-nothing", number, line=cut(line))
            opened, inside = open_.pop()
            whole = _Line(
                opened.number, opened.name, opened.words, opened.text, tuple(inside), number
            )
            (open_[-1][1] if open_ else top).append(whole)
        elif begin is not None:
            if len(open_) >= DEEPEST:
                raise found.fail("too-deep", number, most=DEEPEST)
            open_.append((_Line(number, begin[1], _words(begin[2]), line), []))
        else:
            words = _words(line)
            if words:
                name = _by_lower_case().get(words[0].lower(), words[0])
                into.append(_Line(number, name, words[1:], line))
    if open_:
        raise found.fail("unclosed", open_[-1][0].number, line=open_[-1][0])
    return top


def _joined(text: str) -> Iterator[tuple[int, str]]:
    """Lines with something in them, each with those that continue it and the number of its first."""
    begun, at = "", 0
    for number, whole in enumerate(text.split("\n"), 1):
        at = at or number
        line = whole.rstrip("\r")
        if line.endswith("\\"):
            begun += line[:-1]
            continue
        line, begun = (begun + line).strip(BLANKS), ""
        if line and not line.startswith("#"):
            yield at, line
        at = 0
    if begun.strip(BLANKS):
        yield at, begun.strip(BLANKS)


def _words(line: str) -> list[str]:
    """The words of a line: in quotes, with a backslash before a character, to a comment."""
    words: list[str] = []
    at, end = 0, len(line)
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
        words.append(word)
    return words


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
    """A server's lines, and what holds for all where it says nothing itself."""
    yield from own
    names = {one.name for one in own if one.name not in _ADD_UP and one.block is None}
    yield from (one for one in every if one.name not in names)


def _has_tls(lines: Sequence[_Line]) -> bool:
    engine = next((one for one in lines if one.name == "TLSEngine"), None)
    return engine is not None and engine.value.lower() in _TRUE


# -- settings --------------------------------------------------------------------------------------


class _Reading:
    """The state of reading one file."""

    def __init__(self, found: Findings) -> None:
        self.found = found
        self.modules = {*data(TABLE)["modules"]["usual"], _TLS}
        self.loaded: set[str] = set()
        """What lines of the file load."""
        self.fields: dict[str, Any] = {"tls": False, "require_ssl_reuse": True}
        self.fields |= {"tls_required_login": False, "tls_required_data": False}
        self.lines: dict[str, int] = {}
        self.extra: dict[str, int] = {}
        self.written: dict[str, int] = {}
        self.seen: dict[str, _Line] = {}
        self.paths: dict[str, tuple[str, int]] = {}
        self.presumed: list[str] = []
        self.idle: list[_Line] = []
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
                if self._is_met(one):
                    yield from self.decided(one.block or ())
            elif kind in _SERVERS:
                inside = tuple(self.decided(one.block or ()))
                yield _Line(one.number, one.name, one.words, one.text, inside, one.end)
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

    def _is_met(self, section: _Line) -> bool:
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

    # -- line by line --------------------------------------------------------------------------------

    def take(self, lines: Iterator[_Line]) -> None:
        """Take in the lines that are in force."""
        for one in lines:
            if one.block is not None:
                self._section(one)
                continue
            before = self.seen.get(one.name)
            if before is not None and one.name not in _ADD_UP:
                last = one.name in _LAST_HOLDS
                self.found.say(
                    "repeated-last" if last else "repeated", one.number, now=one, before=before
                )
                if not last:
                    continue
            self.seen[one.name] = one
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
            place = f"{self.found.file}:{one.number}"
            self.presumed.append(presumption(row.presumes.format(**shown), place))
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
                self.idle.append(one)

    def _section(self, one: _Line) -> None:
        """A section that is for paths, users or commands."""
        kind, value = one.name.lower(), one.value
        inside = {line.name.lower() for line in _all_in(one)}
        if kind == "anonymous":
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
        text = text or one.text
        name, _, value = text.partition(" ") if " " in text else text.partition("\t")
        entry = f"{name}={value.strip(BLANKS)}"
        if not entry.isprintable():
            raise self.found.fail("control-characters", one.number, line=cut(text))
        self.extra[entry] = one.number
        self.written[f"{name} {value.strip(BLANKS)}"] = one.number

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
        self.found.say("dies", one.number, line=one, why=why, fatal=fatal)

    # -- fields --------------------------------------------------------------------------------------

    def _set(self, one: _Line, **fields: Any) -> None:
        for name, value in fields.items():
            self.fields[name], self.lines[name] = value, one.number

    def _engine(self, one: _Line) -> None:
        value = one.value.lower()
        if value in (*_TRUE, *_FALSE):
            self._set(one, tls=value in _TRUE)
        else:
            self._set(one, tls=True)
            self._dies(one, _phrase("no-boolean"), f"{one.name}: expected Boolean parameter")

    def _required(self, one: _Line) -> None:
        value = one.value.lower()
        if value in _FALSE:
            value = "off"
        elif value in _TRUE:
            value = "on"
        if value not in _REQUIRED and value != "off":
            self._set(one, tls_required_login=True, tls_required_data=True)
            self._dies(one, _phrase("no-requirement"), f"{one.name}: bad parameter")
            return
        login, data_too = _REQUIRED.get(value, (False, False))
        self._set(one, tls_required_login=login, tls_required_data=data_too)
        if value not in _PLAIN:
            self._keep(one)

    def _protocols(self, one: _Line) -> None:
        known = {*PROTOCOLS, "SSLv23", "ALL"}
        strange = [word for word in one.words if word.lstrip("+-") not in known]
        if strange:
            why = _phrase("no-protocol", word=cut(strange[0]))
            self._dies(one, why, f"{one.name}: unknown protocol: '{cut(strange[0])}'")
            return
        named = [version for version in PROTOCOLS if version in one.words]
        spoken = ProtocolRange(named[0], named[-1]) if named else None
        plain = set(one.words) <= set(PROTOCOLS)
        if spoken is not None and plain and list(spoken.versions()) == named:
            self._set(one, protocols=spoken)
        else:
            self._keep(one)

    def _ciphers(self, one: _Line) -> None:
        if len(one.words) == 1 and one.value.isprintable():
            self._set(one, ciphers=one.value)
            if one.value.startswith("TLS_"):
                why = _phrase("needs-version", value=cut(one.value))
                self.found.say(
                    "dies",
                    one.number,
                    line=one,
                    why=why,
                    fatal=f"{one.name}: use of TLSv1.3 ciphersuite",
                )
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
            self.found.say("dies", one.number, line=one, why=why, fatal=fatal)
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

    def _verify(self, one: _Line) -> None:
        value = one.value.lower()
        if value in (*_TRUE, *_FALSE):
            self._set(one, require_cert=value in _TRUE)
        elif value == "optional":
            self._keep(one)
        else:
            self._dies(one, _phrase("no-boolean"), f"{one.name}: expected Boolean parameter")

    # -- the whole file ------------------------------------------------------------------------------

    def finish(self, software: str) -> ProftpdConf:
        """The settings, when every line is read."""
        if not any(name in self.seen for name in _CERTIFICATES):
            self.fields["certificate"] = CERTIFICATE_UNSET
        self.fields.setdefault("certificate_chain", False)
        for rule in data(TABLE)["rule"]:
            if all(re.fullmatch(p, self._value(n)) for n, p in rule["when"].items()):
                self._judge(rule)
        if self.idle:
            each = [_phrase("on-line", name=s.name, number=s.number) for s in self.idle]
            names = InBothLanguages(
                listed(one.en for one in each), listed((one.ja for one in each), language="ja")
            )
            self.found.say("no-effect", self.idle[0].number, names=names)
        return ProftpdConf(
            file=self.found.file,
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
            findings=tuple(self.found),
        )

    def _value(self, name: str) -> str:
        """What a directive says; empty: no line sets it."""
        if name == f"LoadModule {_TLS}":
            return "yes" if _TLS in self.loaded else ""
        line = self.seen.get(name)
        return "" if line is None else line.value

    def _judge(self, rule: Mapping[str, Any]) -> None:
        name = rule.get("line", next(iter(rule["when"])))
        line = self.seen.get(name)
        number = line.number if line else None
        shown = {"line": str(line or name), "value": cut(self._value(name))}
        if "says" in rule:
            self.found.say_words(rule["says"], number, rule["says_ja"], **shown)
        if "presumes" in rule:
            place = self.found.file if number is None else f"{self.found.file}:{number}"
            self.presumed.append(presumption(rule["presumes"].format(**shown), place))

    def _presume(self, number: int, phrase: str, /, **values: object) -> None:
        what = _phrase(phrase, **values).en
        self.presumed.append(presumption(what, f"{self.found.file}:{number}"))


def _all_in(section: _Line) -> Iterator[_Line]:
    for one in section.block or ():
        yield one
        yield from _all_in(one)


def _phrase(name: str, /, **values: object) -> InBothLanguages:
    return InBothLanguages(**data(TABLE)["phrases"][name]).format(**values)


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
