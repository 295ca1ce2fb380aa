"""From what was heard to the causes that it leaves, the likeliest first.

Each signal by itself means a set: the one that the tables of meanings give it, else what the rules of the
dialects would decide with it, whatever the rest of the attempt was. Hearing together, they narrow each other:
the set of the signal that leaves least is kept, and of it what the others allow. A signal that allows none of
it is of something else, or only the end of the line; it is named last, if it is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.explain.hearing import Hearing
from lab.explain.index import Index, Signal, weight

#: How the line ended, which every refusal leads to.
_LINE_ENDED = frozenset({"closed", "reset", "timed-out", "aborted", "unclean-close"})
_UNKNOWN = "unknown"
_DATA_TLS = "data-tls-failed"
#: Stages that only an FTP connection has.
_OF_FTP = frozenset({"greeting", "auth", "login", "protect", "transfer"})
_BY_CERTIFICATE = "by-certificate"
#: With so many causes and no more each is possible; with more each is one of many.
FEW = 3
#: A signal that can have more causes than so many does not narrow one that says more.
MANY = 8


@dataclass(frozen=True)
class Cause:
    """One thing that a text can mean."""

    by: str
    stage: str
    reason: str


@dataclass
class Told:
    """What one signal means by itself."""

    signal: str
    causes: list[Cause]
    seldom: list[Cause] = field(default_factory=list)
    apart: str = ""
    weight: int = 0
    """What the entry of the meanings asks for; 0: it is from the rules."""
    place: int = 0
    """Of the rule, in its list: what failed first comes first."""
    programs: tuple[str, ...] = ()


@dataclass
class Decision:
    """The causes that are left, and what tells them apart."""

    causes: list[Cause] = field(default_factory=list)
    beside: list[Cause] = field(default_factory=list)
    """Of signals that fit none of these: something else in the same text."""
    apart: str = ""
    programs: tuple[str, ...] = ()
    certain: bool = True

    def __lt__(self, other: Decision) -> bool:
        """Whether it is the other one with less left of it."""
        return _reasons(self.causes) < _reasons(other.causes)

    @property
    def is_narrowest(self) -> bool:
        """Whether nothing can be it with less left of it, but still something."""
        return len(_reasons(self.causes)) == 1

    def confidence(self, cause: Cause) -> str:
        """How sure the answer is of a cause.

        ``high``: nothing else is left. ``medium``: it is one of few, or a text without its program's words
        names it, or the same text says something else that does not fit. ``low``: it is one of many, or fits
        nothing else in the text.
        """
        if cause in self.beside or len(self.causes) > FEW:
            return "low"
        return "high" if len(self.causes) == 1 and self.certain else "medium"


def decide(heard: Hearing, index: Index, *, several: bool = False) -> Decision:
    """What a text can mean; without causes if nothing was heard that says anything.

    Args:
        heard: what was heard in it.
        index: the tables.
        several: it is of several clients, of which each may have failed for a reason of its own.
    """
    told = [one for one in _told(heard, index) if one.causes]
    if not told:
        return Decision()
    # What leaves least decides; of the same size the entry that asks for most, then what failed first.
    told.sort(
        key=lambda one: (_only_the_end(one), len(_reasons(one.causes)), -one.weight, one.place)
    )
    first, *others = told
    causes, apart = first.causes, first.apart
    beside: list[Cause] = []
    agrees = True
    for one in others:
        allowed = _reasons(one.causes)
        if len(allowed) > MANY and len(causes) <= MANY:
            continue  # that something stopped it says nothing of what did
        left = [cause for cause in causes if cause.reason in allowed]
        if left:
            causes = _as_likely(left, one) if len(allowed) < len(causes) else left
            apart = apart or one.apart
        elif not _only_the_end(one) and len(allowed) <= FEW:
            beside += one.causes
            agrees = False
        elif not _only_the_end(one) and several:
            beside += one.causes[:FEW]
            agrees = False
    causes = _of_the_protocol(causes, heard)
    if len(causes) == len(first.causes):  # nothing else narrowed it
        beside += first.seldom
    apart = apart if len(causes) > 1 else ""
    known = _reasons(causes)
    return Decision(
        causes=causes,
        beside=_distinct(cause for cause in beside if cause.reason not in known),
        apart=apart,
        programs=tuple(dict.fromkeys(program for one in told for program in one.programs)),
        certain=agrees and not (heard.bare and first.signal == "certificate"),
    )


def _as_likely(causes: Sequence[Cause], by: Told) -> list[Cause]:
    """Causes in the order of a signal that leaves fewer than there were: it knows more of what is likely."""
    order = [cause.reason for cause in by.causes]
    return sorted(causes, key=lambda cause: order.index(cause.reason))


def _of_the_protocol(causes: list[Cause], heard: Hearing) -> list[Cause]:
    """The causes that there can be where nothing speaks FTP, if that is so."""
    if heard.speaks != "HTTP":
        return causes
    return [one for one in causes if one.stage not in _OF_FTP] or causes


def _told(heard: Hearing, index: Index) -> Iterable[Told]:
    """Every signal's meaning; of those that an entry of the meanings takes together, one."""
    spoken: set[Signal] = set()
    if heard.certificate:  # what is wrong with it is known: that something is says no more
        spoken.add(("clients", "certificate-rejected"))
    certificate = list(heard.certificate)
    sides = {"clients": heard.clients, "servers": heard.servers}
    signals = [(kind, name) for kind, names in sides.items() for name in names]
    for place in sorted({place for one in signals for place in index.meanings_of.get(one, ())}):
        entry = index.meanings_by_weight[place]
        taken = _holds(entry, heard)
        if not taken or taken <= spoken:
            continue
        certificate = [one for one in certificate if one not in entry.get("certificate", ())]
        spoken |= taken
        yield Told(
            signal=" ".join(sorted(name for _, name in taken)),
            causes=[Cause(**one) for one in entry["may_be"]],
            seldom=[Cause(**one) for one in entry.get("seldom", ())],
            apart=entry.get("apart", ""),
            weight=weight(entry),
            place=_place(taken, index),
            # In the order in which they were heard: that of a set is another in every process.
            programs=_programs((one for one in signals if one in taken), heard),
        )
    if certificate and heard.steps[:1] == ["put"]:  # the control channel's was accepted
        yield Told("certificate", [Cause("client", "transfer", _DATA_TLS)])
    elif certificate:
        yield Told("certificate", [Cause("client", "verify", one) for one in certificate])
    for signal in signals:
        if signal in spoken:
            continue
        causes, taken = _by_rules(signal, heard, index), {signal}
        yield Told(signal[1], causes, place=_place(taken, index), programs=_programs(taken, heard))


def _holds(entry: Mapping[str, Any], heard: Hearing) -> set[Signal]:
    """The signals that an entry takes, if all its conditions hold."""
    client = {("clients", name) for name in entry.get("client", ()) if name in heard.clients}
    server = {("servers", name) for name in entry.get("server", ()) if name in heard.servers}
    if ("client" in entry and not client) or ("server" in entry and not server):
        return set()
    if any(
        name not in heard.clients and name not in heard.servers for name in entry.get("also", ())
    ):
        return set()
    if "certificate" in entry and not set(entry["certificate"]) & set(heard.certificate):
        return set()
    if "step" in entry and (not heard.steps or heard.steps[0] not in entry["step"]):
        return set()
    if "protocol" in entry and not set(entry["protocol"]) & set(heard.protocols):
        return set()
    also = {
        (kind, name)
        for name in entry.get("also", ())
        for kind, signals in (("clients", heard.clients), ("servers", heard.servers))
        if name in signals
    }
    return client | server | also


def _by_rules(signal: Signal, heard: Hearing, index: Index) -> list[Cause]:
    """What the rules would decide with this signal, whatever the last reply and the version were."""
    lists = {"FTP": ["ftps"], "HTTP": ["web"]}.get(heard.speaks, ["ftps", "web"])
    for step in (*heard.steps[:1], None):
        found = [one for rules in lists for one in _decided(index, rules, signal, step)]
        known = _distinct(one for one in found if one.reason not in (_UNKNOWN, _BY_CERTIFICATE))
        if known:
            return known
    return []


def _decided(index: Index, rules: str, signal: Signal, step: str | None) -> list[Cause]:
    """The refusals of the rules that decide at this step; without one, at any, in the rules' order."""
    other = "server" if signal[0] == "clients" else "says"
    asking = [
        (place, rule)
        for place, rule in index.rules_of[rules].get(signal, ())
        if not {other, "reply", "protocol"} & rule.keys()
    ]
    steps = [step] if step else index.steps_of[rules]
    places: dict[int, Cause] = {}
    for one in steps:
        for place, rule in asking:
            if one not in (rule.get("step") or [one]):
                continue
            if rule["reason"] == _DATA_TLS and step is None and places:
                continue  # on a data channel, of which nothing is said
            places[place] = Cause(rule["by"], rule["stage"], rule["reason"])
            break
    return [places[place] for place in sorted(places)]


def _place(taken: Iterable[Signal], index: Index) -> int:
    """The first place in the rules' order at which one of the signals is asked for."""
    rules = index.rules_of["ftps"]
    first = (rules[signal][0][0] for signal in taken if signal in rules)
    return min(first, default=len(index.rules["ftps"]))


def _programs(taken: Iterable[Signal], heard: Hearing) -> tuple[str, ...]:
    sides = {"clients": heard.clients, "servers": heard.servers}
    return tuple(
        dict.fromkeys(one.program for kind, name in taken for one in sides[kind].get(name, ()))
    )


def _only_the_end(one: Told) -> bool:
    return _reasons(one.causes) <= _LINE_ENDED


def _reasons(causes: Iterable[Cause]) -> set[str]:
    return {cause.reason for cause in causes}


def _distinct(causes: Iterable[Cause]) -> list[Cause]:
    """The first of each reason."""
    found: dict[str, Cause] = {}
    for cause in causes:
        found.setdefault(cause.reason, cause)
    return list(found.values())
