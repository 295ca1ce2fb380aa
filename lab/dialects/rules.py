"""Rules: which refusal the signals of both ends establish together.

The rules are an ordered list for FTPS, ``ftps.toml``, and one for the web, ``web.toml``; the first rule
whose conditions all hold decides. What both have in common - ``connection.toml``, ``handshake.toml`` -
exists once: a list names it where it belongs. The order is that of the stages, with the exceptions that
``docs/dialects.md`` gives the reasons for.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from lab.dialects.words import SHARED, Names, Table, listed, read
from lab.model import Reason, Side, Stage

#: As a rule's reason: what the client reports of the certificate decides, its number before its text.
BY_CERTIFICATE = "by-certificate"

#: The files of rules: the two lists, and the parts that they share.
FTPS, WEB = "ftps", "web"
PARTS = ("connection", "handshake")

_REPLY = re.compile(r"[1-5](\d\d|xx)")


def _replies(value: Any) -> Any:
    codes = tuple(str(code) for code in listed(value))
    for code in codes:
        if not _REPLY.fullmatch(code):
            raise ValueError(f"{code!r} is no reply code: write 530, or 5xx for all that begin so")
    return codes


@dataclass(frozen=True)
class Heard:
    """What both ends said, in the lab's names: all that a rule can ask about."""

    step: str
    reply: int | None
    protocol: str | None
    client: frozenset[str]
    server: frozenset[str]
    overheard: str = ""
    """What the server said in clear text where TLS had begun; no rule asks for its words."""


class Rule(Table):
    """Conditions, and the refusal that they establish; what is not given is not asked."""

    stage: Stage
    by: Side
    reason: str
    because: str = ""
    """Why these signals mean that reason, where it is not plain."""
    source: str = ""
    """Where the rule is from, if it was never seen in the lab: version and file, or document."""

    step: Names | None = None
    """What the program was asked to do last."""
    reply: Annotated[tuple[str, ...], BeforeValidator(_replies)] | None = None
    """Codes of the last reply of the server, as ``530`` or ``5xx``."""
    protocol: Names | None = None
    """Versions that the client had agreed to."""
    says: Names | None = None
    """Signals, at least one of which the client gave."""
    server: Names | None = None
    """Signals, at least one of which is in the server's log."""

    @model_validator(mode="after")
    def _reason_is_known(self) -> Rule:
        if self.reason != BY_CERTIFICATE:
            Reason(self.reason)
        return self

    def holds(self, heard: Heard) -> bool:
        """Whether every condition holds."""
        return (
            (self.step is None or heard.step in self.step)
            and (self.reply is None or _among(heard.reply, self.reply))
            and (self.protocol is None or heard.protocol in self.protocol)
            and (self.says is None or not heard.client.isdisjoint(self.says))
            and (self.server is None or not heard.server.isdisjoint(self.server))
        )


class Rules(Table):
    """An ordered list, and names for several signals at once."""

    title: str
    groups: Mapping[str, tuple[str, ...]] = {}
    """Names that stand for lists of client signals."""
    rule: tuple[Rule, ...]

    @model_validator(mode="before")
    @classmethod
    def _groups_and_parts_are_spelt_out(cls, data: Any) -> Any:
        groups = data.get("groups", {})
        rules: list[Any] = []
        for rule in data.get("rule", ()):
            if "part" in rule:
                rules += _part(rule)
                continue
            if "says" in rule:
                names = listed(rule["says"])
                rule["says"] = [one for name in names for one in groups.get(name, [name])]
            rules.append(rule)
        return {**data, "rule": rules}

    def first(self, heard: Heard) -> Rule | None:
        """The rule that decides, if any does."""
        return next((rule for rule in self.rule if rule.holds(heard)), None)


@functools.cache
def rule_list(name: str) -> Rules:
    """The rules of a file; those of a part are the same objects in every list that names it.

    Raises:
        DialectError: the file is broken.
    """
    return read(SHARED / f"{name}.toml", Rules)


def rules_of(speaks: str) -> Rules:
    """The rules of an attempt whose ends speak this (``FTP``, ``HTTP``); raises like :func:`rule_list`."""
    return rule_list(WEB if speaks == "HTTP" else FTPS)


def _part(entry: Mapping[str, Any]) -> tuple[Rule, ...]:
    name = entry["part"]
    if name not in PARTS or len(entry) > 1:
        raise ValueError(f"a part is one of {', '.join(PARTS)} and nothing else, not {dict(entry)}")
    return rule_list(name).rule


def _among(code: int | None, wanted: tuple[str, ...]) -> bool:
    return code is not None and (str(code) in wanted or f"{code // 100}xx" in wanted)
