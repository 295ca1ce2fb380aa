"""The dialect files: their form, and reading them.

A *client dialect* is an ordered list of rules; the first whose conditions all hold decides. A *server
dialect* gives names (signals) to what a server writes into its log; rules refer to these names, so that
a rule about a refusal by the server can demand that the server itself says so.
"""

from __future__ import annotations

import functools
import re
import tomllib
from importlib import resources
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from lab.model import ClientReport, Reason, Side, Stage

#: As a rule's reason: the X509_V_ERR number that the client's library reported decides.
BY_X509_NUMBER = "by-x509-number"


class DialectError(Exception):
    """A dialect file is broken or missing: a fault of the lab."""


def _compiled(value: Any) -> re.Pattern[str]:
    if not isinstance(value, str):
        raise ValueError("a pattern is a string")
    try:
        return re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from error


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str | int) else tuple(value)


Form = TypeVar("Form", bound=BaseModel)
Pattern = Annotated[re.Pattern[str], BeforeValidator(_compiled)]
Words = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Numbers = Annotated[tuple[int, ...], BeforeValidator(_listed)]


class Rule(BaseModel):
    """Conditions on one observation, and the refusal they establish; what is not given is not asked."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    stage: Stage
    by: Side
    reason: Reason | str
    because: str = ""
    """Why these words mean that reason, where it is not plain."""

    step: Words | None = None
    """What the program was asked to do last."""
    error: Pattern | None = None
    message: Pattern | None = None
    reply: Numbers | None = None
    reply_text: Pattern | None = None
    errno: Words | None = None
    exit_status: Numbers | None = None
    timed_out: bool | None = None
    server: Words | None = None
    """Signals, at least one of which the server's log must show."""
    not_server: Words | None = None
    """Signals none of which the server's log may show."""

    def model_post_init(self, _context: Any) -> None:
        """Refuse a reason that is not in the vocabulary."""
        if self.reason != BY_X509_NUMBER:
            Reason(self.reason)

    def holds(self, client: ClientReport, signals: frozenset[str]) -> bool:
        """Whether every condition holds for what the client and the server said."""

        def among(wanted: tuple[Any, ...] | None, value: Any) -> bool:
            return wanted is None or value in wanted

        def says(pattern: re.Pattern[str] | None, text: str) -> bool:
            return pattern is None or pattern.search(text) is not None

        return (
            among(self.step, client.step)
            and among(self.reply, client.reply_code)
            and among(self.errno, client.errno)
            and among(self.exit_status, client.exit_status)
            and (self.timed_out is None or self.timed_out == client.timed_out)
            and says(self.error, client.error)
            and says(self.message, client.message)
            and says(self.reply_text, client.reply_text)
            and (self.server is None or bool(signals & set(self.server)))
            and (self.not_server is None or not signals & set(self.not_server))
        )


class Dialect(BaseModel):
    """How one client program words its refusals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    source: str
    """Programs and versions whose words these are."""
    includes: tuple[str, ...] = ()
    """Dialects of libraries, asked after the program's own rules."""
    rule: tuple[Rule, ...] = ()

    def rules(self) -> tuple[Rule, ...]:
        """The program's own rules, then those of the libraries it includes."""
        included = (rule for name in self.includes for rule in dialect_of(name).rules())
        return (*self.rule, *included)


class ServerDialect(BaseModel):
    """What one server's log says, by signal."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    title: str
    source: str
    signals: dict[str, Pattern]

    def heard(self, log: str) -> frozenset[str]:
        """The signals in a log text."""
        return frozenset(name for name, pattern in self.signals.items() if pattern.search(log))


class X509Numbers(BaseModel):
    """Reasons by OpenSSL's X509_V_ERR number; some numbers changed their meaning in 3.0."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    source: str
    always: dict[int, Reason]
    before_3_0: dict[int, Reason]
    since_3_0: dict[int, Reason]

    def reason(self, number: int | None, library: str) -> Reason:
        """The reason that ``number`` stands for in ``library`` (its version string)."""
        if number is None:
            return Reason.UNKNOWN
        found = re.search(r"\b(\d+)\.\d+\.\d+", library)
        old = found is not None and int(found.group(1)) < 3
        special = self.before_3_0 if old else self.since_3_0
        return special.get(number) or self.always.get(number) or Reason.UNKNOWN


@functools.cache
def dialect_of(program: str) -> Dialect:
    """The dialect of a client program or library.

    Raises:
        DialectError: no such file, or one that does not have the form.
    """
    return _read(f"{program}.toml", Dialect)


@functools.cache
def server_dialect_of(software: str) -> ServerDialect:
    """The dialect of a server; raises like :func:`dialect_of`."""
    return _read(f"server-{software}.toml", ServerDialect)


@functools.cache
def x509_numbers() -> X509Numbers:
    """The table of verification errors."""
    return _read("x509.toml", X509Numbers)


def _read(name: str, form: type[Form]) -> Form:
    try:
        text = resources.files("lab.dialects").joinpath(name).read_text(encoding="utf-8")
        return form.model_validate(tomllib.loads(text))
    except (FileNotFoundError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise DialectError(f"lab/dialects/{name}: {error}") from error
