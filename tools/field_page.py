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
COMPLETED, REFUSED, FALSE = "completed", "refused", "false-success"
CANNOT, BROKEN = "cannot", "lab-error"
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
    speaks: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    """What a server's TLS library answers when it is asked whether it has a version, by server."""

    def lacks(self, server: str, version: str) -> str:
        """A sentence where the server's build has not got the version; empty: it has, or was not asked."""
        if self.speaks.get(server, {}).get(version, True):
            return ""
        library = self.versions.get(server, {}).get("TLS library", "its TLS library")
        return f"`{server}` has no {_plain(version)}: {library}, asked for a suite of it, has none"

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "ends": [[asdict(c), [asdict(e) for e in ends]] for c, ends in self.ends.items()],
            "words": [[*key, asdict(told)] for key, told in self.words.items()],
            "versions": {name: dict(measured) for name, measured in self.versions.items()},
            "speaks": {name: dict(answers) for name, answers in self.speaks.items()},
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
            plain["speaks"],
        )


def write(known: Known, page: Path = PAGE, everybody: Sequence[str] = ()) -> list[Path]:
    """Write the tables into the page; return what was written.

    ``everybody`` are the clients that there are: those that were not tried are named.

    Raises:
        ValueError: the page has no place for them.
    """
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} has no lines {BEGIN} and {END}")
    tables = "\n".join(tables_of(known, everybody))
    page.write_text(f"{before}{BEGIN}\n\n{tables}\n{END}{after}", encoding="utf-8")
    return [page]


def tables_of(known: Known, everybody: Sequence[str] = ()) -> Iterator[str]:
    """All tables, line by line."""
    yield from _glance(known, everybody)
    for server in _servers(known):
        yield from _deliveries(known, server)
    yield from _false_successes(known)
    yield from _reasons(known)
    yield from _refusals(known)
    yield from _versions(known)


def _servers(known: Known) -> list[str]:
    return list(dict.fromkeys(cell.server for cell in known.ends))


def _clients(known: Known) -> list[str]:
    return sorted({cell.client for cell in known.ends})


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


def _glance(known: Known, everybody: Sequence[str]) -> Iterator[str]:
    yield "## At a glance"
    yield ""
    yield "Whether a file of 1 MiB arrives, with both ends as they are shipped: the certificate is one that"
    yield "the client trusts, and a server that can require session reuse does so. `4/30`: in so many tries;"
    yield "**says yes**: the client's program reported success in a try in which the file did not arrive."
    yield ""
    if missing := [f"`{name}`" for name in everybody if name not in _clients(known)]:
        yield f"Not tried yet, and in no table: {', '.join(missing)}."
        yield ""
    for version in dict.fromkeys(cell.version for cell in known.ends):
        yield f"### Over {_plain(version)}"
        yield ""
        mine = {
            (cell.client, cell.server): cell
            for cell in known.ends
            if cell.version == version and cell.reuse in (True, None)
        }
        some = [cell for cell in mine.values() if _tried(known.ends[cell])]
        clients = [name for name in _clients(known) if any(one.client == name for one in some)]
        servers = [name for name in _servers(known) if any(one.server == name for one in some)]
        rows = [
            [
                f"`{client}`",
                *(
                    mark(known.ends[mine[client, server]]) if (client, server) in mine else "-"
                    for server in servers
                ),
            ]
            for client in clients
        ]
        yield from table(["client", *(f"`{server}`" for server in servers)], rows)
        able = [cell for cell in mine.values() if not known.lacks(cell.server, version)]
        for what, name, cells in (
            *(("column", s, [c for c in mine.values() if c.server == s]) for s in _servers(known)),
            *(("row", one, [c for c in able if c.client == one]) for one in _clients(known)),
        ):
            if what == "column" and (fact := known.lacks(name, version)):
                yield f"- {fact}."
            elif cells and not any(_tried(known.ends[cell]) for cell in cells):
                why = Counter(end.said for cell in cells for end in known.ends[cell]).most_common(1)
                yield f"- There is no {what} for `{name}`: {why[0][0]}."
        yield ""


def _plain(version: str) -> str:
    return version.replace("TLSv", "TLS ")


def _tried(ends: Sequence[End]) -> bool:
    """Whether anything can be said of the program: one try came to an end that is its own."""
    return any(end.result in (COMPLETED, REFUSED, FALSE) for end in ends)


def _columns(cells: Sequence[Cell]) -> list[tuple[str, bool | None]]:
    return sorted(
        {(cell.version, cell.reuse) for cell in cells}, key=lambda c: (c[0], c[1] is False)
    )


def _head(column: tuple[str, bool | None]) -> str:
    reuse = {True: ", reuse required", False: ", not required", None: ""}
    return f"{_plain(column[0])}{reuse[column[1]]}"


def _deliveries(known: Known, server: str) -> Iterator[str]:
    mine = [cell for cell in known.ends if cell.server == server]
    some = [cell for cell in mine if _tried(known.ends[cell])]
    if not some:
        return
    yield f"## To `{server}`"
    yield ""
    columns = _columns(some)
    rows = [
        [
            f"`{client}`",
            *(in_short(known.ends.get(Cell(client, server, v, r), ())) for v, r in columns),
        ]
        for client in sorted({cell.client for cell in some})
    ]
    yield from table(["client", *map(_head, columns)], rows)
    yield from _not_tried(known, mine)


def _not_tried(known: Known, cells: Sequence[Cell]) -> Iterator[str]:
    """A sentence for each reason for which some of these cells of a server could not be tried."""
    lacking = {cell.version: known.lacks(cell.server, cell.version) for cell in cells}
    facts = [fact for fact in lacking.values() if fact]
    yield from (f"- {fact}." for fact in facts)
    why: dict[str, list[Cell]] = {}
    for cell in cells:
        if lacking[cell.version]:
            continue
        for said in {end.said for end in known.ends[cell] if end.result == CANNOT}:
            why.setdefault(said, []).append(cell)
    everybody = {cell.client for cell in cells if _tried(known.ends[cell])}
    for reason, some in why.items():
        who = {cell.client for cell in some}
        named = ", ".join(f"`{name}`" for name in sorted(who))
        versions = dict.fromkeys(cell.version for cell in some)
        over = (
            " or ".join(map(_plain, versions)) if len(versions) < len(_versions_of(cells)) else ""
        )
        whom = "No client can" if who >= everybody else f"{named} cannot"
        yield f"- {whom} be tried{f' over {over}' * bool(over)}: {reason}."
    if why or facts:
        yield ""


def _versions_of(cells: Sequence[Cell]) -> set[str]:
    return {cell.version for cell in cells}


def _false_successes(known: Known) -> Iterator[str]:
    yield "## Who says success wrongly"
    yield ""
    rows = [
        [
            f"`{cell.client}`",
            f"`{cell.server}`",
            _plain(cell.version),
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
    absent: dict[str, str] = {}
    for server in dict.fromkeys(server for server, _ in known.words):
        ends = [told.end for (name, _), told in known.words.items() if name == server]
        if not _tried(ends):
            absent[server] = ends[0].said
            yield f"- `{server}` is in none of these tables: {ends[0].said}."
    if absent:
        yield ""
    for refusal in dict.fromkeys(name for _, name in known.words):
        yield f"### {refusal[:1].upper()}{refusal[1:]}"
        yield ""
        rows, sentences = [], []
        for (server, name), told in known.words.items():
            if name != refusal or server in absent:
                continue
            end = told.end
            if not _tried([end]):
                sentences.append(f"- `{server}` cannot be asked for it: {end.said}.")
                continue
            came = f"`{end.reason}` at {end.stage}" if end.reason else end.result
            log = _without_times(told.log[-1]) if told.log else ""
            rows.append([f"`{server}`", came, code(told.reply), code(told.error), code(log)])
        yield from table(["server", "came to", "reply", "the client's library says", "log"], rows)
        yield from sentences
        yield from [""] if sentences else []


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
