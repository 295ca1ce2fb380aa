"""A ``pure-ftpd.conf``: what Pure-FTPd reads out of it, as the settings of a server.

The syntax is that of ``src/simpleconf.c``: a name in any case, blanks or one of ``=`` and ``:``, a value
whose form the program's own table has for the name; blanks around them are skipped, and a comment has a
line of its own. Each line becomes an option of the command line, in the order of the file: of a repeated
value the last one holds; a switch is on once a line says yes, and no line takes that back. The program ends
at start at the first line that it cannot read, and says file and line on standard error; what is wrong with
a value it says to syslog alone.

A line that Pure-FTPd dies of is *kept*: the attempt shows what its client then sees. The finding beside it
names line and cause. What no line sets is the program's default: no TLS at all without ``TLS``, OpenSSL's
own list without ``TLSCipherSuite``.

``options.toml`` has every option and what becomes of it, and what options do to a delivery together. What
they name of the operator's host is not in the lab: what must hold there is said, and is a setting of the
server (``presumed``), so that no completion is given out for more than it is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lab.own.configurations import (
    ConfigurationReading,
    ConfigurationText,
    NamedFiles,
    ReadConfiguration,
)
from lab.own.findings import BLANKS, BYTE_ORDER_MARK, ONE_FILE, Findings, Origins, check_line, data
from lab.own.rewriting import Rewrite, WrittenLine, last_ones, row_by_row
from lab.own.telling import Telling, phrase
from lab.remedies.words import InBothLanguages
from lab.servers.pure_ftpd import PureFtpd
from lab.text import closest, cut

#: The options, and what is said of a file.
TABLE = str(Path(__file__).with_name("options.toml"))
#: What the program takes for yes and no, in any case, and what stands for them here.
TRUE_WORDS = ("yes", "on", "true", "1")
FALSE_WORDS = ("no", "off", "false", "0")
YES, NO = "yes", "no"
#: The form of a switch.
SWITCH = "<bool>"
#: OpenSSL's own list, which holds where no line has one.
DEFAULT_LIST = "DEFAULT"
#: The ports that a range can have: above the system's own, to the last.
PORTS = range(1024, 65536)

_FORMS = {
    "<bool>": "(?:yes|on|true|1|no|off|false|0)",
    "<digits>": "[0-9]+",
    "<alnum>": "[A-Za-z0-9]+",
    "<nospace>": "[!-~]+",
    "<any*>": "[ -~]+",
    "<any>": '(?:"[ -!#-~]*"|[!#-~][!-~]*)',
}
_FORM = re.compile("|".join(re.escape(form) for form in _FORMS))
_LINE = re.compile(r"([^\s=:]*)(\s*[=:]\s*|\s+|$)(.*)", re.DOTALL)
#: What may stand before the list of suites: clients must have a certificate; nothing any more.
_PREFIXES = re.compile("(?:-[CS]:)*")
_REQUIRED = {1: (False, False), 2: (True, False), 3: (True, True)}
_phrase = functools.partial(phrase, TABLE)
_NOT_FOUND, _SYNTAX = "property not found", "syntax error"


class PureFtpdTreatment(StrEnum):
    """What becomes of an option; the head of ``options.toml`` says more."""

    FIELD = "field"
    CERTIFICATE = "certificate"
    KEPT = "kept"
    REPLACED = "replaced"
    NO_EFFECT = "no-effect"


@dataclass(frozen=True, kw_only=True)
class PureFtpdOption:
    """An option of Pure-FTPd."""

    name: str
    treatment: PureFtpdTreatment
    takes: Sequence[str]
    """The forms of its value, as the program writes them."""
    refuses: str = ""
    """A pattern of values with which the program ends at start; empty: there are none."""
    says: str = ""
    """What it says of them."""
    better: str = ""
    """A value to write instead."""
    flavour: str = ""
    """The package of Debian's whose build alone has it; empty: every build has."""
    set: str = ""
    missing: str = ""
    """What is said where a line sets it, and where none does."""
    set_ja: str = ""
    missing_ja: str = ""
    """The same in Japanese, without the severity."""

    @property
    def is_switch(self) -> bool:
        """Whether it is said with yes or no."""
        return SWITCH in self.takes

    @property
    def patterns(self) -> tuple[str, ...]:
        """As the program's own table has it, a line for each form."""
        mark = "!" if self.name == "Include" else ""
        return tuple(
            f"{mark}{self.name}{'?' if self.is_switch else ''} {form}" for form in self.takes
        )

    def value_of(self, text: str) -> str | None:
        """The value that the program takes out of a text, its parts with blanks; ``None``: none."""
        for form in self.takes:
            found = re.fullmatch(_pattern(form), text, re.IGNORECASE | re.ASCII)
            if found is None:
                continue
            if self.is_switch:
                return YES if text.lower() in TRUE_WORDS else NO
            parts = found.groups() or (found[0],)
            return " ".join(part.strip(BLANKS) for part in parts)
        return None


def _pattern(form: str) -> str:
    """What matches a value of this form as a whole."""
    found, at = "", 0
    for match in _FORM.finditer(form):
        found += _between(form[at : match.start()]) + _FORMS[match[0]]
        at = match.end()
    return found + _between(form[at:])


def _between(form: str) -> str:
    """What stands between two values: a group's ends as they are, a blank for several."""
    return form.replace(" ", r"\s+")


@functools.cache
def options() -> Mapping[str, PureFtpdOption]:
    """The options, by name in small letters."""
    made: dict[str, PureFtpdOption] = {}
    for name, given in data(TABLE)["option"].items():
        row = {key: value for key, value in given.items() if key != "why"}
        if "why" in given:
            why = InBothLanguages(**data(TABLE)["why"][given["why"]])
            said = _phrase("replaced", line="{line}", why=why)
            row |= {"set": f"note: {said.en}", "set_ja": said.ja}
        row["treatment"] = PureFtpdTreatment(row["treatment"])
        made[name.lower()] = PureFtpdOption(name=name, **row)
    return MappingProxyType(made)


def parse(
    text: str, file: str, *, software: str = "pure-ftpd", origins: Origins = ONE_FILE
) -> ReadConfiguration:
    """Read a pure-ftpd.conf.

    Args:
        text: the whole file: what it does not set is at the program's default.
        file: its name, for the findings.
        software: the name of the lab's server.
        origins: where the lines stand, if it is a folder.

    Raises:
        InputError: a line that cannot be handed on, or that the lab's server cannot do.
    """
    reading = _Reading(Findings(file, TABLE, origins))
    settings = 0
    for number, whole in enumerate(text.split("\n"), 1):
        bare = whole.strip(BLANKS)
        if not bare or bare.startswith("#"):
            continue
        settings += 1
        check_line(*reading.found.at(number), whole, settings)
        name, between, value = _LINE.fullmatch(bare).groups()  # type: ignore[union-attr]
        reading.take(_Line(number, name, between.strip(BLANKS), value))
    return reading.finish(software)


@dataclass(frozen=True)
class _Line:
    number: int
    name: str
    sign: str
    """``=``, ``:`` or nothing: what stands between name and value beside blanks."""
    value: str

    def __str__(self) -> str:
        return cut(f"{self.name} {self.value}".strip())

    @property
    def extra(self) -> str:
        """The line as a further one of the lab's server."""
        return f"{self.name}={self.value}"


class _Reading(Telling[_Line]):
    """The state of reading one file."""

    def __init__(self, found: Findings) -> None:
        super().__init__(found)
        self.values: dict[str, str] = {}
        self.kept: dict[str, tuple[str, int]] = {}
        self.fatal: dict[str, int] = {}

    def take(self, line: _Line) -> None:
        """Take one line in."""
        option = options().get(line.name.lower())
        if option is None:
            self._dies(line, line.name, _problem_of(line.name), _unknown(line))
            return
        value = option.value_of(line.value)
        if value is None:
            self._dies(line, option.name, _SYNTAX, _malformed(line, option))
            return
        if option.refuses and re.fullmatch(option.refuses, value):
            self._refused(line, option)
            return
        before = self.seen.get(option.name)
        if option.is_switch and before is not None and self.values[option.name] == YES:
            if value == NO:
                self.found.say("stays", line.number, now=line, before=before)
            return
        if not option.is_switch and before is not None and before.value != line.value:
            self.found.say("repeated", line.number, now=line, before=before)
        self.seen[option.name], self.values[option.name] = line, value
        self._place(line, option, value)

    def _place(self, line: _Line, option: PureFtpdOption, value: str) -> None:
        if option.set and value != NO:
            self.found.say_words(option.set, line.number, option.set_ja, line=line)
        match option.treatment:
            case PureFtpdTreatment.CERTIFICATE:
                self.values["certificate"] = "named"
                self.lines["certificate"] = line.number
            case PureFtpdTreatment.KEPT if value != NO:
                self.kept[option.name] = line.extra, line.number
            case PureFtpdTreatment.NO_EFFECT:
                self.leave_out(line.name, line.number)

    def _dies(self, line: _Line, name: str, problem: str, why: InBothLanguages) -> None:
        """Keep a line that Pure-FTPd cannot read, and say so; an error, if it cannot be handed on."""
        said = {"why": why, "problem": problem, "number": line.number}
        if line.name and line.extra.isprintable():
            value = f"{line.sign}{line.value}" if line.value.startswith(("=", ":")) else line.value
            self.fatal[f"{name}={value}"] = line.number
            self.found.say("dies", line.number, line=line, **said)
            return
        mark = line.name.startswith(BYTE_ORDER_MARK)
        error = "byte-order-mark" if mark else "not-handed-on"
        raise self.found.fail(error, line.number, line=str(line), **said)

    def _refused(self, line: _Line, option: PureFtpdOption) -> None:
        """Keep a line with a value that Pure-FTPd ends at."""
        self.fatal[f"{option.name}={line.value}"] = line.number
        better = f"{option.name} {option.better}"
        self.found.say("refused", line.number, line=line, problem=option.says, better=better)

    # -- the whole file ----------------------------------------------------------------------------

    def finish(self, software: str) -> ReadConfiguration:
        """The settings, when every line is read."""
        self._tls()
        self._say_the_rest()
        values = self._effective()
        for rule, name in self.rules(values.get):
            self._obey(rule, name, values)
        entries = dict([*self.kept.values(), *self.fatal.items()])
        settings = PureFtpd(
            software=software,  # type: ignore[arg-type]  # one of the class's own words
            extra=tuple(entries),
            presumed=tuple(self.presumed),
            **self.fields,
        )
        return ReadConfiguration(
            settings=settings,
            lines=MappingProxyType(self.lines),
            extra_lines=MappingProxyType(entries),
            findings=tuple(self.found),
        )

    def _tls(self) -> None:
        """The settings of TLS."""
        mode = _small(self.values.get("TLS", data(TABLE)["default"]["TLS"]))
        self._set("TLS", tls=mode > 0)
        if mode:
            login, transfer = _REQUIRED[mode]
            self._set("TLS", tls_required_login=login, tls_required_data=transfer)
        if mode == 1:
            self.found.say("in-the-clear", self.seen["TLS"].number, line=self.seen["TLS"])
        given = self.values.get("TLSCipherSuite", DEFAULT_LIST)
        prefix = _PREFIXES.match(given)[0]  # type: ignore[index]  # it matches everything
        self._set("TLSCipherSuite", ciphers=given.removeprefix(prefix))
        if "-C:" in prefix:
            self._set("TLSCipherSuite", require_cert=True)
            line = self.seen["TLSCipherSuite"]
            self.found.say("client-certificate", line.number, line=line)
        if mode and not self._is_there("TLSCipherSuite"):
            self.found.say("no-ciphers", None)

    def _is_there(self, option: str) -> bool:
        """Whether a line sets it, also one that Pure-FTPd ends at."""
        fatal = {entry.partition("=")[0] for entry in self.fatal}
        return option in self.seen or option in fatal

    def _set(self, option: str, **fields: Any) -> None:
        self.fields |= fields
        if option in self.seen:
            self.lines |= dict.fromkeys(fields, self.seen[option].number)

    def _effective(self) -> Mapping[str, str]:
        """The value of every option that the program has."""
        usual = {one.name: NO if one.is_switch else "" for one in options().values()}
        values: dict[str, str] = usual | data(TABLE)["default"] | {"certificate": ""} | self.values
        ports = values["PassivePortRange"].split()
        numbers = [_small(port) for port in ports]
        right = all(port in PORTS for port in numbers) and numbers == sorted(numbers)
        return values | {"ports": "" if right else "illegal"}

    def _obey(self, rule: Mapping[str, Any], name: str, values: Mapping[str, str]) -> None:
        """Say what options do together, have the lab's server do it, and note what that presumes."""
        self.judge(rule, name, values, f"{name} {values[name]}".strip())
        if line := self.seen.get(name):
            for kept in rule.get("keep", ()):
                self.kept[name] = kept.format(**{**values, "value": values[name]}), line.number

    def _say_the_rest(self) -> None:
        for option in options().values():
            if option.missing and not self._is_there(option.name):
                self.found.say_words(option.missing, None, option.missing_ja)
        self.say_what_is_left_out()


def _small(digits: str) -> int:
    """The number; of one that is larger than any port, one that is as well."""
    return int(digits.lstrip("0")[: len(str(PORTS.stop)) + 1] or "0")


def _problem_of(name: str) -> str:
    """What the program says of a name that it does not know: one that begins as an option is not read on."""
    known = (one.name.lower() for one in options().values() if not one.flavour)
    begins = any(name.lower().startswith(one) for one in known)
    return _SYNTAX if begins else _NOT_FOUND


def _unknown(line: _Line) -> InBothLanguages:
    elsewhere = {name.lower(): (name, said) for name, said in data(TABLE)["elsewhere"].items()}
    shown, value = cut(line.name), cut(line.value)
    if line.name.lower() in elsewhere:
        name, said = elsewhere[line.name.lower()]
        what = InBothLanguages(**said).format(value=value)
        return _phrase("no-option", name=name, meant=_phrase("elsewhere", what=what))
    names = {one.name.lower(): one.name for one in options().values()}
    near = closest(line.name.lower(), names, most=1, alike=0.75)
    if not near:
        return _phrase("no-option", name=shown, meant=_phrase("nothing-meant"))
    right = f"{names[near[0]]} {value}".strip()
    return _phrase("no-option", name=shown, meant=_phrase("did-you-mean", right=right))


def _malformed(line: _Line, option: PureFtpdOption) -> InBothLanguages:
    """Why a value has not the form of its option, and what to write."""
    if not line.value:
        return _phrase("value-missing")
    right = f"{option.name} "
    before_comment = line.value.partition("#")[0].strip(BLANKS)
    if "#" in line.value and option.value_of(before_comment) is not None:
        return _phrase("comment-behind", right=right + before_comment)
    without = line.value.lstrip("=:" + BLANKS)
    if without != line.value and option.value_of(without) is not None:
        return _phrase("two-separators", right=right + without)
    if not line.value.isascii():
        return _phrase("unusual")
    if option.is_switch:
        return _phrase("no-boolean")
    for sign in (":", " "):
        other = re.sub(r"[\s:,;-]+", sign, line.value)
        if other != line.value and option.value_of(other) is not None:
            debian = "):(" in option.takes[0]
            return _phrase("other-form" if debian else "form", right=right + other)
    return _phrase("form", right=right + (option.better or _example(option)))


def _example(option: PureFtpdOption) -> str:
    """A value of the form, with words for its parts."""
    return (
        option.takes[0]
        .replace("(", "")
        .replace(")", "")
        .replace("<digits>", "NUMBER")
        .replace("<nospace>", "TEXT")
        .replace("<any*>", "TEXT")
        .replace("<any>", "FILE")
        .replace("<alnum>", "WORD")
    )


def option_set_by(row: str) -> str:
    """The option that a row of a pure-ftpd.conf is about, as the table spells it; empty: none."""
    bare = row.strip(BLANKS)
    if bare.startswith("#"):
        return ""
    name = _LINE.fullmatch(bare)[1]  # type: ignore[index]  # it matches everything
    option = options().get(name.lower())
    return "" if option is None else option.name


# -- reading and writing ---------------------------------------------------------------------------


def pure_ftpd_conf(text: str, lines: Sequence[WrittenLine]) -> str:
    """A pure-ftpd.conf with these lines: each where the file has the option last, else at the end.

    Of a repeated value the last line holds; the ones before it become comments.
    """
    return row_by_row(text, lines, last_ones(text, option_set_by))


class _PureFtpdReading(ConfigurationReading):
    table = TABLE

    def read(self, given: ConfigurationText) -> ReadConfiguration:
        """See :meth:`ConfigurationReading.read`."""
        return parse(given.text, given.file, software=given.server.name, origins=given.origins)

    def gather(self, file: Path, read: Callable[[Path], str]) -> tuple[str, Origins]:
        """See :meth:`ConfigurationReading.gather`."""
        if not file.is_dir():
            return super().gather(file, read)
        from lab.servers.pure_ftpd.own import folder  # noqa: PLC0415 - it takes values apart as this does

        return folder.gathered(file, read)

    def rewriter(self, given: ConfigurationText) -> Rewrite:
        """See :meth:`ConfigurationReading.rewriter`."""
        del given
        return pure_ftpd_conf

    def named_files(self, text: str, file: str) -> NamedFiles:
        """See :meth:`ConfigurationReading.named_files`."""
        parse(text, file)
        named: dict[str, tuple[str, int]] = {}
        for number, whole in enumerate(text.split("\n"), 1):
            name, _, value = _LINE.fullmatch(whole.strip(BLANKS)).groups()  # type: ignore[union-attr]
            option = options().get(name.lower())
            if option is not None and option.value_of(value) is not None:
                named[option.name] = value, number
        both, number = named.get("CertFileAndKey", ("", 0))
        first, last, *_ = [*named.get("PassivePortRange", ("", 0))[0].split(), "", ""]
        if both:
            paths = [path.strip('"') for path in re.findall(_FORMS["<any>"], both)]
            certificate, key = ((path, number) for path in paths[:2])
        else:
            certificate = key = named.get("CertFile", ("", 0))
        address = named.get("ForcePassiveIP", ("", 0))[0]
        return NamedFiles(
            certificate=certificate, key=key, passive_address=address, passive_ports=(first, last)
        )


READING = _PureFtpdReading()
