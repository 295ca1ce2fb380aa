"""An ``nginx.conf``: what nginx reads out of it for one TLS server, as the settings of an origin.

The syntax is read by crossplane, the parser of nginx's own makers, together with the checks on how many
arguments a directive takes. The file may be a whole configuration, or what one includes: a ``server`` block
alone. Of several servers the first with TLS counts; what stands in ``http`` holds for it unless it says
something else itself.

``directives.toml`` has the directives that can change an outcome and what becomes of each. The lab's listener
has its own port, names and answer; what is left out is said once.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import crossplane
from crossplane.analyzer import DIRECTIVES

from lab.model import PROTOCOLS, ProtocolRange
from lab.own.configurations import (
    ConfigurationReading,
    ConfigurationText,
    NamedFiles,
    ReadConfiguration,
)
from lab.own.findings import Findings, check_line, data
from lab.own.rewriting import Rewrite
from lab.servers.nginx import Nginx
from lab.servers.nginx.own.rewriting import nginx_conf
from lab.text import cut, listed

#: The directives, and what is said of a file.
TABLE = str(Path(__file__).with_name("directives.toml"))
_SWITCH = {"on": True, "off": False}
#: So deep may blocks stand in each other: the parser has a call for each.
DEEPEST = 100


@dataclass(frozen=True, kw_only=True)
class NginxConf(ReadConfiguration):
    """An nginx.conf as the settings of an origin, with what is to be said about it."""

    settings: Nginx
    files: Mapping[str, tuple[str, int]]
    """The path and the line of ``ssl_certificate``, ``ssl_certificate_key`` and other files, by directive."""
    server_line: int
    """The line at which the server's block begins."""
    own_lines: Mapping[str, Sequence[int]]
    """The lines of the directives that stand in this block itself, by name."""


@dataclass(frozen=True)
class _Directive:
    name: str
    line: int
    arguments: Sequence[str]
    block: Sequence[_Directive] | None

    @classmethod
    def of(cls, parsed: Mapping[str, Any]) -> _Directive:
        block = parsed.get("block")
        inside = None if block is None else [cls.of(one) for one in block]
        return cls(parsed["directive"], parsed["line"], parsed["args"], inside)

    @property
    def value(self) -> str:
        return " ".join(self.arguments)

    def __str__(self) -> str:
        return cut(f"{self.name} {self.value}".rstrip())


def parse(text: str, file: str = "nginx.conf", *, software: str = "nginx") -> NginxConf:
    """Read an nginx.conf.

    Args:
        text: the whole file.
        file: its name, for the findings.
        software: the name of the lab's server.

    Raises:
        InputError: nginx could not read it, or no server is in it.
    """
    reading = _Reading(Findings(file, TABLE))
    server, around = _server(_parsed(text, reading.found), reading.found)
    reading.take(_in_force(server, around))
    return reading.finish(server, software)


def _parsed(text: str, found: Findings) -> Sequence[_Directive]:
    """The directives of the file.

    Raises:
        InputError: nginx ends at this file's syntax, or at a number of arguments.
    """
    for number, line in enumerate(text.split("\n"), 1):
        check_line(found.file, number, line, 0)
    read = _read_by_crossplane(text, found)
    if all(one.name not in {"http", "events"} for one in read):
        # It is included in `http`; crossplane counts arguments only of what stands where it knows it.
        return _read_by_crossplane(f"http {{{text}\n}}", found)[0].block or []
    return read


def _read_by_crossplane(text: str, found: Findings) -> Sequence[_Directive]:
    """The same; raises as :func:`_parsed`."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as copy:
        copy.write(text.replace("\r", " "))  # a blank to nginx, the end of a line to Python
        copy.flush()
        if text.count("{") > DEEPEST:
            _check_depth(copy.name, found)
        read = crossplane.parse(
            copy.name, single=True, catch_errors=True, check_ctx=False, check_args=True
        )
    for error in read["errors"]:
        what = str(error["error"]).partition(" in /")[0]
        raise found.fail("nginx-ends", error["line"], what=cut(what) or "nothing can be read")
    return [_Directive.of(one) for one in read["config"][0]["parsed"]]


def _check_depth(path: str, found: Findings) -> None:
    """Raises :class:`InputError`: more blocks stand in each other than are read."""
    depth = 0
    try:
        for token, line, quoted in crossplane.lex(path):
            depth += 0 if quoted else (token == "{") - (token == "}")
            if depth > DEEPEST:
                raise found.fail("too-deep", line, most=DEEPEST)
    except crossplane.errors.NgxParserBaseException:
        return  # the parser says so


def _server(top: Sequence[_Directive], found: Findings) -> tuple[_Directive, Sequence[_Directive]]:
    """The server that counts, and what stands around it."""
    http = next((one for one in top if one.name == "http"), None)
    around = http.block if http is not None and http.block is not None else top
    servers = [one for one in around if one.name == "server" and one.block is not None]
    if not servers:
        raise found.fail("no-server", None)
    chosen = next((one for one in servers if _has_tls(one)), servers[0])
    if len(servers) > 1:
        found.say("several-servers", chosen.line, number=len(servers))
    return chosen, [one for one in around if one.block is None]


def _has_tls(server: _Directive) -> bool:
    """Whether it listens with TLS."""
    listens = [one for one in server.block or () if one.name == "listen"]
    return any("ssl" in one.arguments[1:] for one in listens)


def _in_force(server: _Directive, around: Sequence[_Directive]) -> Iterator[_Directive]:
    """The server's directives, and of those around it what it does not say itself."""
    own = server.block or ()
    names = {one.name for one in own}
    yield from (one for one in around if one.name not in names)
    yield from own


def _lines_by_name(block: Sequence[_Directive]) -> Mapping[str, Sequence[int]]:
    found: dict[str, list[int]] = {}
    for one in block:
        found.setdefault(one.name, []).append(one.line)
    return found


class _Reading:
    """The state of reading one file."""

    def __init__(self, found: Findings) -> None:
        self.found = found
        self.table: Mapping[str, Any] = data(TABLE)["directive"]
        self.fields: dict[str, Any] = {}
        self.lines: dict[str, int] = {}
        self.extra: dict[str, int] = {}
        self.files: dict[str, tuple[str, int]] = {}
        self.idle: list[_Directive] = []

    def take(self, directives: Iterator[_Directive]) -> None:
        for one in directives:
            kind = self.table.get(one.name, {}).get("treatment", "")
            if kind:
                getattr(self, f"_{kind}")(one)
            elif one.name not in DIRECTIVES:
                self.found.say("unknown", one.line, name=cut(one.name))
                self._keep(one)
            elif one.name == "ssl" or one.name.startswith("ssl_"):
                self._keep(one)
                self.found.say("kept", one.line, line=one)
            else:
                self.idle.append(one)

    def finish(self, server: _Directive, software: str) -> NginxConf:
        tls = _has_tls(server)
        if not tls:
            self.found.say("plain", server.line)
        if tls and "ssl_certificate" not in self.files:
            self.fields["certificate"] = "unset"
            self.found.say("no-certificate", server.line)
        if self.idle:
            names = listed(dict.fromkeys(f"{one.name} (line {one.line})" for one in self.idle))
            self.found.say("no-effect", self.idle[0].line, names=names)
        settings = Nginx(
            software=software,  # type: ignore[arg-type]  # one of the class's own words
            tls=tls,
            extra=tuple(self.extra),
            **self.fields,
        )
        return NginxConf(
            settings=settings,
            lines=self.lines,
            extra_lines=self.extra,
            files=self.files,
            server_line=server.line,
            own_lines=_lines_by_name(server.block or ()),
            findings=self.found,
        )

    def _set(self, one: _Directive, name: str, value: object) -> None:
        self.fields[name], self.lines[name] = value, one.line

    def _protocols(self, one: _Directive) -> None:
        strange = [word for word in one.arguments if word not in (*PROTOCOLS, "SSLv2")]
        if strange:
            self.found.say("no-version", one.line, word=cut(strange[0]))
            self._keep(one)
            return
        if (spoken := ProtocolRange.of(one.arguments)) is not None:
            self._set(one, "protocols", spoken)
        else:
            self._keep(one)

    def _keep(self, one: _Directive) -> None:
        """Hand a directive on word for word.

        Raises:
            InputError: the lab's configuration cannot have it as one line.
        """
        words = (f"'{word}'" if set(word) & set(" \t") else word for word in one.arguments)
        line = f"{one.name}={' '.join(words)}"
        if not line.isprintable() or set(line) & set("{};#") or one.block is not None:
            raise self.found.fail("not-handed-on", one.line, line=one)
        self.extra[line] = one.line

    def _ciphers(self, one: _Directive) -> None:
        if not one.value.isprintable():
            raise self.found.fail("not-handed-on", one.line, line=one)
        self._set(one, "ciphers", one.value)

    def _file(self, one: _Directive) -> None:
        self.files[one.name] = (one.value, one.line)
        self.found.say("file", one.line, line=one)

    def _group(self, one: _Directive) -> None:
        self.files[one.name] = (one.value, one.line)
        self._set(one, "dh_bits", 2048)
        self.found.say("group", one.line, line=one)

    def _client(self, one: _Directive) -> None:
        if one.value in _SWITCH:
            self._set(one, "require_cert", _SWITCH[one.value])
        else:
            self.found.say("client-optional", one.line, line=one)

    def _replaced(self, one: _Directive) -> None:
        self.found.say("replaced", one.line, line=one)


class _NginxReading(ConfigurationReading):
    def read(self, given: ConfigurationText) -> NginxConf:
        """See :meth:`ConfigurationReading.read`."""
        return parse(given.text, given.file, software=given.server.name)

    def rewriter(self, given: ConfigurationText) -> Rewrite:
        """See :meth:`ConfigurationReading.rewriter`."""
        found = self.read(given)
        return nginx_conf(found.server_line, found.own_lines)

    def named_files(self, text: str, file: str) -> NamedFiles:
        """See :meth:`ConfigurationReading.named_files`."""
        files = parse(text, file).files
        return NamedFiles(
            certificate=files.get("ssl_certificate", ("", 0)),
            key=files.get("ssl_certificate_key", ("", 0)),
        )


READING = _NginxReading()
