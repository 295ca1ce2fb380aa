"""The page of the field's tables, written from what was made (``tools/field.py``); nothing is made here."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab.host.checkout import root
from lab.report.html.language import word

PAGE = root() / "docs" / "field" / "README.md"
#: The tables are between these two lines of the page.
BEGIN, END = "<!-- tools/field.py -->", "<!-- tools/field.py: end -->"
COMPLETED, REFUSED, FALSE, BROKEN = "completed", "refused", "false-success", "lab-error"
#: A refusal of which the lab does not know why.
UNKNOWN = "unknown"
#: Of a longer text so many characters are shown.
LONGEST = 150


@dataclass(frozen=True)
class Cell:
    """A client, a server, a version of TLS, and whether the data channel must resume the session."""

    client: str
    server: str
    version: str
    reuse: bool | None
    """``None``: the server cannot be told."""


@dataclass(frozen=True)
class End:
    """How a try ended."""

    result: str
    stage: str = ""
    reason: str = ""
    said: str = ""
    """What the client's user sees last; of what could not be tried, why."""
    by: str = ""


@dataclass(frozen=True)
class Told:
    """What both ends said of a refusal."""

    end: End
    reply: str
    error: str
    log: Sequence[str]


@dataclass(frozen=True)
class Known:
    """All that was made."""

    ends: Mapping[Cell, Sequence[End]] = field(default_factory=dict)
    words: Mapping[tuple[str, str], Told] = field(default_factory=dict)
    """By server and refusal."""
    versions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """What was measured, by client and server."""

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "ends": [[asdict(c), [asdict(e) for e in ends]] for c, ends in self.ends.items()],
            "words": [[*key, asdict(told)] for key, told in self.words.items()],
            "versions": {name: dict(measured) for name, measured in self.versions.items()},
        }

    @classmethod
    def read(cls, path: Path) -> Known:
        """What :meth:`plain` wrote; raises ``OSError`` and ``ValueError``."""
        plain = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            {Cell(**cell): [End(**end) for end in ends] for cell, ends in plain["ends"]},
            {
                (server, name): Told(End(**told.pop("end")), **told)
                for server, name, told in plain["words"]
            },
            plain["versions"],
        )


def write(known: Known, page: Path = PAGE) -> list[Path]:
    """Write the tables into the page; return what was written.

    Raises:
        ValueError: the page has no place for them.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no lines {BEGIN} and {END}")
    tables = "\n".join(tables_of(known))
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n{END}{after}", encoding="utf-8")
    return [page]


def tables_of(known: Known) -> Iterator[str]:
    """All tables, line by line."""
    yield from _glance(known)
    for server in _servers(known):
        yield from _deliveries(known, server)
    yield from _false_successes(known)
    yield from _reasons(known)
    yield from _refusals(known)
    yield from _versions(known)


def _servers(known: Known) -> list[str]:
    return list(dict.fromkeys(cell.server for cell in known.ends))


def _clients(known: Known) -> list[str]:
    return list(dict.fromkeys(cell.client for cell in known.ends))


def row(cells: Sequence[str]) -> str:
    """A row of a table."""
    return "| " + " | ".join(cells) + " |"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """A table with its head."""
    yield row(head)
    yield row(["---"] * len(head))
    yield from map(row, rows)
    yield ""


def code(text: str) -> str:
    """A text as code inside a table: in one line, not too long."""
    text = (
        " ".join(re.sub(r"[\x00-\x1f\x7f]", " ", text).split())
        .replace("|", "\\|")
        .replace("`", "'")
    )
    return f"`{text[:LONGEST]}{'...' if len(text) > LONGEST else ''}`" if text else "-"


def in_short(ends: Sequence[End]) -> str:
    """What came of the tries of a cell: how many delivered, and what became of the others.

    >>> in_short([End("completed"), End("refused", "transfer", "aborted")])
    '1/2, `aborted`'
    """
    if not ends:
        return "-"
    made = [end for end in ends if end.result in (COMPLETED, REFUSED, FALSE)]
    if not made:
        return ends[0].result
    delivered = sum(end.result == COMPLETED for end in made)
    others = Counter(
        "**false success**" if end.result == FALSE else f"`{end.reason}`"
        for end in made
        if end.result != COMPLETED
    )
    several = len(others) > 1 or any(name.startswith("**") for name in others)
    named = [f"{name} {n}" if several else name for name, n in others.most_common()]
    return ", ".join([f"{delivered}/{len(made)}", *named])


def mark(ends: Sequence[End]) -> str:
    """The same as one word: yes, no, a rate, or why not."""
    made = [end for end in ends if end.result in (COMPLETED, REFUSED, FALSE)]
    if not made:
        return "cannot" if ends else "-"
    delivered = sum(end.result == COMPLETED for end in made)
    false = any(end.result == FALSE for end in made)
    if delivered == len(made):
        return "yes"
    rate = f"{delivered}/{len(made)}" if delivered else "no"
    return f"**{rate}, says yes**" if false else rate


def _glance(known: Known) -> Iterator[str]:
    yield "## At a glance"
    yield ""
    yield "Whether a file of 1 MiB arrives over TLS 1.2 / TLS 1.3, with both ends as they are shipped: the"
    yield "certificate is one that the client trusts, and a server that can require session reuse does so."
    yield "`4/30`: in so many tries; **says yes**: the client's program reported success in a try in which"
    yield "the file did not arrive."
    yield ""
    servers = _servers(known)
    rows = []
    for client in _clients(known):
        marks = []
        for server in servers:
            each = [
                next(
                    (
                        mark(known.ends[cell])
                        for reuse in (True, None)
                        if (cell := Cell(client, server, version, reuse)) in known.ends
                    ),
                    "-",
                )
                for version in ("TLSv1.2", "TLSv1.3")
            ]
            marks.append(" / ".join(each) if len(set(each)) > 1 else each[0])
        rows.append([f"`{client}`", *marks])
    yield from table(["client", *(f"`{server}`" for server in servers)], rows)


def _deliveries(known: Known, server: str) -> Iterator[str]:
    yield f"## To `{server}`"
    yield ""
    mine = [cell for cell in known.ends if cell.server == server]
    columns = sorted(
        {(cell.version, cell.reuse) for cell in mine}, key=lambda c: (c[0], c[1] is False)
    )
    reuse = {True: ", reuse required", False: ", not required", None: ""}
    heads = [f"{version.replace('TLSv', 'TLS ')}{reuse[told]}" for version, told in columns]
    rows = [
        [
            f"`{client}`",
            *(in_short(known.ends.get(Cell(client, server, v, r), ())) for v, r in columns),
        ]
        for client in dict.fromkeys(cell.client for cell in mine)
    ]
    yield from table(["client", *heads], rows)
    unmade: dict[str, set[str]] = {}
    for cell in mine:
        ends = known.ends[cell]
        for end in () if any(one.result in (COMPLETED, REFUSED, FALSE) for one in ends) else ends:
            unmade.setdefault(f"{end.result}: {end.said}", set()).add(cell.client)
    everybody = {cell.client for cell in mine}
    for why, who in unmade.items():
        whom = "everybody" if who == everybody else ", ".join(f"`{name}`" for name in sorted(who))
        yield f"- {why} ({whom})"
    if unmade:
        yield ""


def _false_successes(known: Known) -> Iterator[str]:
    yield "## Who says success wrongly"
    yield ""
    rows = [
        [
            f"`{cell.client}`",
            f"`{cell.server}`",
            cell.version.replace("TLSv", "TLS "),
            f"{false} of {len(ends)}",
        ]
        for cell, ends in known.ends.items()
        if (false := sum(end.result == FALSE for end in ends))
    ]
    if not rows:
        yield "Nobody did here."
        yield ""
        return
    yield from table(["client", "server", "over", "tries with a false success"], rows)


def _reasons(known: Known) -> Iterator[str]:
    yield "## The reasons"
    yield ""
    failed = [
        (cell, end)
        for cell, ends in known.ends.items()
        for end in ends
        if end.result in (REFUSED, FALSE)
    ]
    clear = sum(end.reason != UNKNOWN for _, end in failed)
    share = f"{100 * clear / len(failed):.1f} %" if failed else "-"
    tries = sum(
        end.result in (COMPLETED, REFUSED, FALSE) for ends in known.ends.values() for end in ends
    )
    yield f"Of {tries} tries {len(failed)} did not deliver; of {clear} ({share}) the reason is known."
    broken = sum(end.result == BROKEN for ends in known.ends.values() for end in ends)
    if broken:
        yield f"{broken} tries are not counted: there the lab itself failed, as it may on a busy machine."
    yield "What the last column has is what a user saw."
    yield ""
    groups: dict[tuple[str, str, str], list[tuple[Cell, End]]] = {}
    for cell, end in failed:
        groups.setdefault((end.stage, end.reason, end.by), []).append((cell, end))
    rows = []
    for (stage, reason, by), many in sorted(groups.items(), key=lambda item: -len(item[1])):
        text = word("reason", reason)
        said = Counter(end.said for _, end in many if end.said).most_common(1)
        who = sorted({cell.client for cell, _ in many})
        shown = ", ".join(f"`{name}`" for name in who[:4]) + (
            f" and {len(who) - 4} more" * (len(who) > 4)
        )
        rows.append(
            [
                f"`{reason}`",
                text.plain_in("en"),
                text.plain_in("ja"),
                stage,
                by,
                str(len(many)),
                shown,
                code(said[0][0]) if said else "nothing",
            ]
        )
    head = [
        "reason",
        "in words",
        "日本語",
        "stage",
        "by",
        "tries",
        "clients",
        "user saw, for example",
    ]
    yield from table(head, rows)


def _refusals(known: Known) -> Iterator[str]:
    if not known.words:
        return
    yield "## What each server says when it refuses"
    yield ""
    yield "One attempt each of `ftplib@rocky9:DEFAULT`; the reply is the last one on the control connection."
    yield ""
    for refusal in dict.fromkeys(name for _, name in known.words):
        yield f"### {refusal[:1].upper()}{refusal[1:]}"
        yield ""
        rows = []
        for (server, name), told in known.words.items():
            if name == refusal:
                end = told.end
                came = f"`{end.reason}` at {end.stage}" if end.reason else end.result
                if end.result not in (COMPLETED, REFUSED, FALSE):
                    came = f"{end.result}: {end.said}"
                log = _without_times(told.log[-1]) if told.log else ""
                rows.append([f"`{server}`", came, code(told.reply), code(told.error), code(log)])
        yield from table(["server", "came to", "reply", "the client's library says", "log"], rows)


#: What is another one in every run: times, addresses, ports, numbers of processes.
_VARIES = (
    (re.compile(r"\b\w{3} \w{3} +\d+ \d\d:\d\d:\d\d(\.\d+)? \d{4}\b"), "(time)"),
    (re.compile(r"\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d+)?"), "(time)"),
    (re.compile(r"\b\w{3} [ \d]\d \d\d:\d\d:\d\d\b"), "(time)"),
    (re.compile(r"\b\d+\.\d+\.\d+\.\d+(:\d+)?"), "(address)"),
    (re.compile(r"\bpid \d+"), "pid N"),
    (re.compile(r"\[\d+\]"), "[N]"),
)


def _without_times(line: str) -> str:
    for pattern, instead in _VARIES:
        line = pattern.sub(instead, line)
    return line


def _versions(known: Known) -> Iterator[str]:
    yield "## Versions"
    yield ""
    yield "Measured in the images in which the programs ran."
    yield ""
    alike: dict[str, list[str]] = {}
    for name in (*_clients(known), *_servers(known)):
        measured = known.versions.get(name, {})
        words = ", ".join(f"{k} {v}" for k, v in measured.items() if k != "stand-in")
        stand_in = "stand-in: " if "stand-in" in measured else ""
        alike.setdefault(f"{stand_in}{words}".replace("|", "\\|") or "not here", []).append(name)
    rows = [[", ".join(f"`{name}`" for name in names), words] for words, names in alike.items()]
    yield from table(["client or server", "versions"], rows)
