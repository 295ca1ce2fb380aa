"""The lines of an ``mt-config.cgi``: what Movable Type reads out of them, as far as FTPS goes.

The syntax is that of ``MT::ConfigMgr::read_config_file``: one directive and its value a line, blanks
between them; ``#`` in the first column begins a comment, nowhere else; names are matched without regard
to case; of a repeated directive the last line holds, except for a hash, which collects ``key=value``
lines. A line without a value ends Movable Type at start. A name that it does not know is stored under
that name, where nobody looks for it.

Two properties of the program that its documentation does not mention, and that this module keeps:

- A hash line is taken apart at *every* ``=`` and only the first two parts are kept
  (``my ($key, $val) = split /=/``): ``FTPSOptions SSL_cipher_list=ALL:@SECLEVEL=0`` stores
  ``ALL:@SECLEVEL``.
- A configured hash replaces the default one (``FTPSOptions`` is ``ReuseSession=1`` by default).

Sources: Movable Type's ``lib/MT/ConfigMgr.pm`` (``read_config_file``, ``set_internal``,
``get_internal``), ``lib/MT/Core.pm`` (the directives and their defaults), ``lib/MT/FileMgr/FTPS.pm``
(who reads them).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lab.own.findings import BLANKS, BYTE_ORDER_MARK, Finding, Findings, InputError, check_line
from lab.text import closest, cut, listed

#: The directives that ``FTPS.pm`` reads, spelt as in ``Core.pm``.
SSL_VERIFY_NONE = "SSLVerifyNone"
FTPS_SSL_VERIFY_NONE = "FTPSSSLVerifyNone"
SSL_VERSION = "SSLVersion"
FTPS_SSL_VERSION = "FTPSSSLVersion"
FTPS_OPTIONS = "FTPSOptions"

_SWITCHES = (SSL_VERIFY_NONE, FTPS_SSL_VERIFY_NONE)
DIRECTIVES = (*_SWITCHES, SSL_VERSION, FTPS_SSL_VERSION, FTPS_OPTIONS)
#: Their twins for mail, which look alike and do nothing here.
MAIL_DIRECTIVES = ("SMTPSSLVerifyNone", "SMTPSSLVersion", "SMTPOptions", "SMTPAuth", "SMTPPort")

#: What is said of such a file.
TABLE = "mt.toml"
#: Prefix of the variables that newer versions read in place of a directive.
ENVIRONMENT_PREFIX = "MT_CONFIG_"

# Perl reads the file as bytes: only ASCII blanks separate.
_LINE = re.compile(r"\s*(\S+)\s+(.*)", re.ASCII)
_BLANK = re.compile(r"\s*", re.ASCII)
_COMMENT_AT_END = re.compile(r"\s#", re.ASCII)
#: The beginning of a line whose rest is not for showing.
_SECRET = re.compile(r"\s*\w*(?:passw(?:or)?d|secret|token|apikey)", re.IGNORECASE | re.ASCII)
_IDEOGRAPHIC_SPACE = "\u3000"

_BY_LOWER = {name.lower(): name for name in DIRECTIVES}
_MAIL_BY_LOWER = {name.lower(): name for name in MAIL_DIRECTIVES}


@dataclass(frozen=True)
class Directive:
    """A directive with one value, and where the value comes from."""

    name: str
    value: str
    line: int

    @property
    def true(self) -> bool:
        """Whether Perl takes the value for true."""
        return true(self.value)

    def __str__(self) -> str:
        return cut(f"{self.name} {self.value}")


@dataclass(frozen=True)
class FtpsOption:
    """One key of ``FTPSOptions``; ``value`` is ``None`` where the line had no ``=``."""

    key: str
    value: str | None
    line: int

    def __str__(self) -> str:
        return cut(f"{FTPS_OPTIONS} {self.key}={self.value or ''}")


@dataclass(frozen=True, kw_only=True)
class MtConfig:
    """What Movable Type reads out of a file, as far as FTPS goes: effective values with their lines."""

    file: str
    directives: Mapping[str, Directive] = field(default_factory=dict)
    """By their names, spelt as in ``Core.pm``."""
    options: tuple[FtpsOption, ...] = ()
    """``FTPSOptions`` as the lines set it, one entry a key; empty: the default (``ReuseSession=1``) holds."""
    findings: tuple[Finding, ...] = field(default=(), compare=False)

    @property
    def verify_none(self) -> Directive | None:
        """The directive that switches verification off, if one does; either is enough."""
        return self._first_true(FTPS_SSL_VERIFY_NONE, SSL_VERIFY_NONE)

    @property
    def version(self) -> Directive | None:
        """The directive that names the protocol versions: the general one goes before FTPS's own."""
        return self._first_true(SSL_VERSION, FTPS_SSL_VERSION)

    def _first_true(self, *names: str) -> Directive | None:
        given = [self.directives[name] for name in names if name in self.directives]
        return next((directive for directive in given if directive.true), None)


def true(value: str | None) -> bool:
    """Perl's idea of truth: everything but undef, the empty string and ``0``."""
    return value not in (None, "", "0")


def parse(text: str, file: str = "mt-config.cgi") -> MtConfig:
    """Read the lines of an ``mt-config.cgi``.

    Args:
        text: the whole file, or only the lines that matter.
        file: its name, for the findings.

    Raises:
        InputError: a line without a value. Movable Type does not start with such a file.
    """
    found = Findings(file, TABLE)
    directives: dict[str, Directive] = {}
    options: dict[str, FtpsOption] = {}
    others: list[tuple[int, str]] = []

    for number, name, value in _lines(text, found):
        known = _BY_LOWER.get(name.lower())
        if known is None:
            if not _is_named(found, number, name, value):
                others.append((number, name))
            continue
        _say_odd_value(found, number, known, value)
        if known == FTPS_OPTIONS:
            option = _option(found, number, value)
            _say_repeated(found, option, options.get(option.key))
            options[option.key] = option
        else:
            directive = Directive(known, value, number)
            _say_repeated(found, directive, directives.get(known))
            if known in _SWITCHES and directive.true and value != "1":
                found.say("true-for-perl", number, directive=directive, name=known)
            directives[known] = directive
    if others:
        names = listed(f"{name} (line {number})" for number, name in others)
        found.say("others", others[0][0], names=names)
    effective, given = MappingProxyType(directives), tuple(options.values())
    return MtConfig(file=file, directives=effective, options=given, findings=tuple(found))


def from_environment(environment: Mapping[str, str]) -> list[Finding]:
    """What variables of the process environment do to FTPS: nothing, or not what is meant.

    Returns:
        A finding for each variable that is named like a directive of :data:`DIRECTIVES`, with or
        without :data:`ENVIRONMENT_PREFIX`. The "file" is ``environment``.
    """
    found = Findings("environment", TABLE)
    for variable, value in sorted(environment.items()):
        prefixed = variable.upper().startswith(ENVIRONMENT_PREFIX)
        bare = variable[len(ENVIRONMENT_PREFIX) :] if prefixed else variable
        name = _BY_LOWER.get(bare.replace("_", "").lower())
        if name is None:
            continue
        words = "variable-hash" if name == FTPS_OPTIONS else "variable-of-new-versions"
        line = f"{name} {cut(value) or 'VALUE'}"
        said = {"variable": variable, "name": name, "value": cut(value), "line": line}
        found.say(words if prefixed else "variable", None, **said)
    return found


# -- lines -----------------------------------------------------------------------------------------


def _lines(text: str, found: Findings) -> Iterator[tuple[int, str, str]]:
    """Number, directive and value of every line that has them."""
    settings = 0
    for number, line in enumerate(text.split("\n"), 1):
        if _BLANK.fullmatch(line) or line.startswith("#"):
            continue
        settings += 1
        check_line(found.file, number, line, settings)
        match = _LINE.match(line)
        if match is None or not match[2]:
            raise _without_value(found, number, line, match[1] if match else "")
        name, value = match[1], match[2].rstrip(BLANKS)
        if name.startswith("#"):
            found.say("comment-behind-blanks", number, name=cut(name))
        elif name != "0":  # false to Perl: the line is passed over
            yield number, name, value


def _without_value(found: Findings, number: int, line: str, name: str) -> InputError:
    says = f"Config directive {cut(name)} without value at {found.file} line {number}"
    secret = _SECRET.match(line)
    shown = cut(f"{secret[0].strip()}..." if secret else line.strip())
    what = (
        f"this line has no directive and value: {shown!r}. Movable Type does not start: `{says}`."
    )
    return found.failure(number, what, _remedy(line.strip()))


def _remedy(line: str) -> str:
    if line.startswith("#"):
        return "Begin a comment in the first column of its line."
    if _IDEOGRAPHIC_SPACE in line:
        right = cut(line.replace(_IDEOGRAPHIC_SPACE, " "))
        return f"The blank is an ideographic space (U+3000): write `{right}` with an ordinary one."
    name, equals, value = line.partition("=")
    right_spelling = _run_together(name, value) or (equals and f"{name} {value}")
    if right_spelling and value and not _SECRET.match(line):
        return f"Write `{cut(right_spelling)}`."
    return f"Write the directive, a blank and its value (`{cut(name)} VALUE`), or remove the line."


def _run_together(name: str, value: str) -> str | None:
    """The right spelling of ``FTPSOptionsKEY VALUE``, where the blank and ``=`` are missing."""
    if not name.lower().startswith(FTPS_OPTIONS.lower()) or len(name) == len(FTPS_OPTIONS):
        return None
    key = name[len(FTPS_OPTIONS) :].lstrip(".:_-")
    if not key:
        return None
    if "=" in key:
        return f"{FTPS_OPTIONS} {key}"
    return f"{FTPS_OPTIONS} {key}={value.lstrip('= ')}"


# -- directives ------------------------------------------------------------------------------------


def _is_named(found: Findings, number: int, name: str, value: str) -> bool:
    """Say what there is to say of a directive that FTPS does not read; false: nothing special."""
    right = _run_together(name, value)
    if right is None and name.lower().startswith("ssl_"):
        right = f"{FTPS_OPTIONS} {name}={value}"
    if name.startswith(BYTE_ORDER_MARK):
        found.say("byte-order-mark", number, name=cut(name.removeprefix(BYTE_ORDER_MARK)))
    elif name.lower() in _MAIL_BY_LOWER:
        found.say("mail", number, name=_MAIL_BY_LOWER[name.lower()])
    elif right is not None:
        found.say("no-directive", number, name=cut(name), right=f"write `{cut(right)}`")
    elif near := closest(name, DIRECTIVES, most=1, alike=0.8):
        meant = f"did you mean `{near[0]} {cut(value)}`?"
        found.say("no-directive", number, name=cut(name), right=meant)
    else:
        return False
    return True


def _option(found: Findings, number: int, value: str) -> FtpsOption:
    """One line of ``FTPSOptions``, taken apart as ``split /=/`` into two variables does."""
    key, *parts = value.split("=")
    if not parts:
        words = value.split(maxsplit=1)
        right = f"{words[0]}={words[1]}" if len(words) > 1 else f"{value}=VALUE"
        found.say("no-equals", number, value=cut(value), right=cut(right))
        return FtpsOption(key, None, number)
    kept, rest = parts[0], "=".join(["", *parts[1:]])
    if rest:
        found.say("two-equals", number, key=cut(key), value=cut(kept), rest=cut(rest))
    if key != key.strip() or kept != kept.lstrip():
        right = f"{cut(key.strip())}={cut(kept.strip())}"
        found.say("blanks", number, key=cut(key), value=cut(kept), right=right)
    return FtpsOption(key, kept, number)


def _say_repeated(
    found: Findings, now: Directive | FtpsOption, before: Directive | FtpsOption | None
) -> None:
    if before is not None and (before.value or "") != (now.value or ""):
        found.say("repeated", now.line, now=now, before=before)


def _say_odd_value(found: Findings, number: int, name: str, value: str) -> None:
    if _COMMENT_AT_END.search(value):
        found.say("comment-at-end", number, name=name, value=cut(value))
    bare = value.partition("=")[2] if name == FTPS_OPTIONS else value
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'":
        found.say("quotes", number, value=cut(bare))
