"""From raw words to a reason: what a program, its TLS library or a server says, and the lab's name for it.

A *signal* is a name for one thing that is said in many wordings ("the peer sent alert 40"). A dialect
file lists the wordings: ``dialect*.toml`` in the folder of each client and server, and one file here for each
library that several share. Nothing else in the lab matches the text of a program. What signals mean
together is decided in ``rules.py``.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from lab.model import ClientReport, Reason

#: The dialects and rules that several programs share.
SHARED = Path(__file__).parent
#: The one signal that is no wording: the program failed and says nothing but the server's last reply.
NO_WORDS = "no-words"


class DialectError(Exception):
    """A dialect file is broken or missing: a fault of the lab."""


def compiled(value: Any) -> re.Pattern[str]:
    """A pattern of a dialect file.

    Raises:
        ValueError: not a regular expression.
    """
    if not isinstance(value, str):
        raise ValueError("a pattern is a string")
    try:
        return re.compile(value)
    except re.error as error:
        raise ValueError(f"{value!r} is not a regular expression: {error}") from error


def listed(value: Any) -> Any:
    """One thing or a list of things, as a tuple."""
    return (value,) if isinstance(value, str | int) else tuple(value)


def _worded(value: Any) -> Any:
    """A text or a list of texts is short for the table ``{text = ...}``."""
    return {"text": value} if isinstance(value, str | list) else value


Form = TypeVar("Form", bound=BaseModel)
Pattern = Annotated[re.Pattern[str], BeforeValidator(compiled)]
Patterns = Annotated[tuple[Pattern, ...], BeforeValidator(listed)]
Names = Annotated[tuple[str, ...], BeforeValidator(listed)]
Numbers = Annotated[tuple[int, ...], BeforeValidator(listed)]


class Table(BaseModel):
    """A table of a dialect file."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Words(Table):
    """The ways in which one program says one thing; any of them will do."""

    text: Patterns = ()
    """Patterns of the program's error text."""
    message: Patterns = ()
    """Patterns of what its user is shown."""
    errno: Names = ()
    """Symbols of the system's or the resolver's error."""
    exit_status: Numbers = ()
    """Of a command line program."""

    def heard(self, client: ClientReport) -> bool:
        """Whether the report has any of these."""
        if any(one.search(client.error) for one in self.text):
            return True
        shown = any(one.search(client.message) for one in self.message)
        return shown or client.errno in self.errno or client.exit_status in self.exit_status


class Generation(Table):
    """A program or library, and the versions of it that have a wording: who finds it knows who said it."""

    program: str
    """``OpenSSL``, ``curl``, ``GnuTLS``, ..."""
    since: str = ""
    """The first version that words it so; empty: as far as is known, always."""
    until: str = ""
    """The last one."""
    text: Patterns


class ClientDialect(Table):
    """How one client program, or a library that it uses, words what it meets."""

    title: str
    source: str
    """The programs and versions whose words these are."""
    includes: tuple[str, ...] = ()
    """Dialects of the libraries that the program passes on."""
    own_reply: Pattern | None = None
    """Marks a "last reply" that is the program's own word and was never sent by a server."""
    signals: Mapping[str, Annotated[Words, BeforeValidator(_worded)]] = {}
    certificate_texts: Mapping[str, Reason] = {}
    """What is wrong with a certificate, where only a text says so; the longest that occurs counts."""
    certificate_patterns: Mapping[Reason, Patterns] = {}
    """The same, where no fixed text tells it."""
    x509_number: Patterns = ()
    """Where a text has the number of a certificate's error (``x509.toml``); a group is the number."""
    generation: tuple[Generation, ...] = ()
    """Which versions a text is of, where the wording tells."""
    probes: bool = False
    """Whether it connects and leaves before it asks for anything: that a client left says nothing then."""

    def parts(self) -> Iterator[ClientDialect]:
        """This dialect and all that it includes."""
        yield self
        for name in self.includes:
            yield from client_dialect(name).parts()

    def heard(self, client: ClientReport) -> frozenset[str]:
        """The signals in a client's report."""
        said = (one for part in self.parts() for one in part.signals.items())
        found = {name for name, words in said if words.heard(client)}
        if client.error in ("", client.reply_text):
            found.add(NO_WORDS)
        return frozenset(found)

    def reply(self, client: ClientReport) -> int | None:
        """The code of the last reply, if a server sent it."""
        for part in self.parts():
            if part.own_reply is not None and part.own_reply.search(client.reply_text):
                return None
        return client.reply_code

    def certificate_reason(self, text: str) -> Reason:
        """What a text says is wrong with a certificate."""
        for part in self.parts():
            for reason, patterns in part.certificate_patterns.items():
                if any(pattern.search(text) for pattern in patterns):
                    return reason
        known = {k: v for part in self.parts() for k, v in part.certificate_texts.items()}
        found = [wording for wording in known if wording in text]
        return known[max(found, key=len)] if found else Reason.UNKNOWN


class LoggedHandshake(NamedTuple):
    """What a server says of a handshake that is over."""

    protocol: str | None
    """``None``: it does not say."""
    cipher: str
    resumed: bool | None
    """``None``: it does not say."""


class ServerDialect(Table):
    """What one server says in its log, by signal."""

    title: str
    source: str
    """The program and versions whose words these are."""
    includes: tuple[str, ...] = ()
    """Server dialects that hold for this one too."""
    signals: Mapping[str, Patterns] = {}
    client_ended: Patterns = ()
    """What says that the client ended the handshake: an alert of it, its leaving. No rule asks for it,
    for the client knows better; it is what the server alone has to say of who refused."""
    command: Patterns = ()
    """Lines in which an FTP server writes down what the client says; a group is the text."""
    reply: Patterns = ()
    """The same of its own replies."""
    negotiated: Patterns = ()
    """What says that a handshake is over, the control channel's first; groups ``protocol``, ``cipher`` and,
    where a session was resumed, ``resumed``."""
    not_started: Patterns = ()
    """What it says when it cannot start, if that is not its last line; a group is the text."""
    generation: tuple[Generation, ...] = ()
    """Which versions a text is of, where the wording tells."""

    def parts(self) -> Iterator[ServerDialect]:
        """This dialect and all that it includes."""
        yield self
        for name in self.includes:
            yield from server_dialect(name).parts()

    def heard(self, log: str) -> frozenset[str]:
        """The signals in a log text."""
        return frozenset(
            name
            for part in self.parts()
            for name, patterns in part.signals.items()
            if any(pattern.search(log) for pattern in patterns)
        )

    def names_the_client(self, log: str) -> bool:
        """Whether a log says that the client ended the handshake."""
        return any(pattern.search(log) for part in self.parts() for pattern in part.client_ended)

    def handshakes(self, log: str) -> list[LoggedHandshake]:
        """The handshakes that came to their end, in order."""
        patterns = (pattern for part in self.parts() for pattern in part.negotiated)
        matches = (match for pattern in patterns for match in pattern.finditer(log))
        return [
            LoggedHandshake(
                protocol=match["protocol"],
                cipher=match["cipher"],
                resumed=match["resumed"] is not None if "resumed" in match.re.groupindex else None,
            )
            for match in matches
        ]

    def last_words(self, output: str) -> str:
        """Of what a server said that did not start: why, in one line; empty if it said nothing."""
        for part in self.parts():
            for pattern in part.not_started:
                if match := pattern.search(output):
                    return " ".join(match[1].split())
        lines = output.strip().splitlines()
        return lines[-1] if lines else ""

    def dialogue(self, log: str) -> list[tuple[bool, str]]:
        """The FTP commands and replies in a log, in order: whether it is a command, and its text."""
        kinds: list[tuple[bool, re.Pattern[str]]] = []
        for part in self.parts():
            kinds += [(True, one) for one in part.command] + [(False, one) for one in part.reply]
        lines = log.splitlines()
        matches = ((to_server, one.search(line)) for line in lines for to_server, one in kinds)
        return [(to_server, match[1]) for to_server, match in matches if match]


class X509Numbers(Table):
    """Reasons by OpenSSL's X509_V_ERR number; some numbers changed their meaning in 3.0."""

    title: str
    source: str
    always: Mapping[int, Reason]
    before_3_0: Mapping[int, Reason]
    since_3_0: Mapping[int, Reason]

    def reason(self, number: int | None, library: str) -> Reason:
        """The reason that ``number`` stands for in ``library`` (its version string)."""
        if number is None:
            return Reason.UNKNOWN
        found = re.search(r"\b(\d+)\.\d+\.\d+", library)
        old = found is not None and int(found.group(1)) < 3
        special = self.before_3_0 if old else self.since_3_0
        return special.get(number) or self.always.get(number) or Reason.UNKNOWN


@functools.cache
def client_dialect(program: str) -> ClientDialect:
    """The dialect of a client program, or of a library that its dialect includes.

    Raises:
        DialectError: no such file, or one that does not have the form.
    """
    return read(dialect_files("clients").get(program, SHARED / f"{program}.toml"), ClientDialect)


@functools.cache
def server_dialect(software: str) -> ServerDialect:
    """The dialect of a server; raises like :func:`client_dialect`."""
    return read(dialect_files("servers").get(software, SHARED / f"{software}.toml"), ServerDialect)


@functools.cache
def dialect_files(kind: Literal["clients", "servers"]) -> Mapping[str, Path]:
    """The dialects in the folders of programs, by the program that speaks it.

    ``vsftpd/dialect@rocky9.toml`` is that of ``vsftpd@rocky9``, ``net_ftp/dialect.toml`` that of
    ``net-ftp``.
    """
    return {
        path.parent.name.replace("_", "-") + path.stem.removeprefix("dialect"): path
        for path in (SHARED.parent / kind).glob("*/dialect*.toml")
    }


@functools.cache
def x509_numbers() -> X509Numbers:
    """The table of verification errors."""
    return read(SHARED / "x509.toml", X509Numbers)


def read(path: Path, form: type[Form]) -> Form:
    """A file of words or rules in its form; raises like :func:`client_dialect`."""
    try:
        return form.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, RecursionError, ValueError) as error:
        lab = SHARED.parents[1]
        name = path.relative_to(lab) if path.is_relative_to(lab) else path
        raise DialectError(f"{name}: {error}") from error
