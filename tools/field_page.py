"""The page of the field's tables, written from what was made (``tools/field.py``); nothing is made here."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lab.documents import Claim, ClaimVerdict, documents
from lab.host.checkout import root
from lab.report.html.language import word

PAGE = root() / "docs" / "field" / "README.md"
#: The tables are between these two lines of the page.
BEGIN, END = "<!-- tools/field.py -->", "<!-- tools/field.py: end -->"
COMPLETED, REFUSED, FALSE = "completed", "refused", "false-success"
CANNOT, BROKEN = "cannot", "lab-error"
#: A refusal of which the lab does not know why.
UNKNOWN = "unknown"
#: A refusal because the data channel did not resume the session of the control channel.
NOT_RESUMED = "session-reuse-required"
#: Whose claims are told first.
DOCUMENT = "field"
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
    accepts: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    """Whether a server agrees to a version, as it is shipped or limited to it; by server."""
    verdicts: Mapping[str, str] = field(default_factory=dict)
    """Of each claim of the document :data:`DOCUMENT`, by its id: what the newest run says that tried it."""

    def untried(self, server: str, version: str) -> bool:
        """Whether there are cells of it, and in none of them a try."""
        mine = [e for c, e in self.ends.items() if (c.server, c.version) == (server, version)]
        return bool(mine) and not any(map(_tried, mine))

    def lacks(self, server: str, version: str) -> str:
        """A sentence where the server has not got the version; empty: it has, or was not asked."""
        if self.accepts.get(server, {}).get(version, True) or not self.untried(server, version):
            return ""
        library = self.versions.get(server, {}).get("TLS library", "")
        on = f" on {library}" * bool(library)
        return f"`{server}` has no {_plain(version)}: asked for it{on}, it agrees to nothing"

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "ends": [[asdict(c), [asdict(e) for e in ends]] for c, ends in self.ends.items()],
            "words": [[*key, asdict(told)] for key, told in self.words.items()],
            "versions": {name: dict(measured) for name, measured in self.versions.items()},
            "accepts": {name: dict(answers) for name, answers in self.accepts.items()},
            "verdicts": dict(self.verdicts),
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
            plain["accepts"],
            plain["verdicts"],
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
    """What was found, in sentences, and then all tables, line by line."""
    yield from _found(known)
    yield from _glance(known, everybody)
    for server in _servers(known):
        yield from _deliveries(known, server)
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


def _found(known: Known) -> Iterator[str]:
    """The findings of which people ask first; what is computed of the cells, and then the claims."""
    yield "## What was found"
    yield ""
    yield from _section(known, "says-success", _false_successes(known))
    yield from _section(known, "verifies", [])
    yield from _section(known, "resumes", _resumers(known))
    everything = documents()[DOCUMENT].claims
    confirmed = sum(known.verdicts.get(one.id) == ClaimVerdict.CONFIRMED for one in everything)
    yield (
        f"Of the {len(everything)} claims of this document {confirmed} were confirmed"
        " when they were last tried."
    )
    yield f"After `make field`, `lab claims --document {DOCUMENT}` says all of them, with what tests them."
    yield ""


def _section(known: Known, name: str, computed: Iterable[str]) -> Iterator[str]:
    """The sentences that the cells come to, and the claims of one section with what a run says of them."""
    document = documents()[DOCUMENT]
    claims = [claim for claim in document.claims if claim.place.section == name]
    heading = next(section.heading.en for section in document.sections if section.id == name)
    yield f"### {heading}"
    yield ""
    if sentences := [f"- {sentence}" for sentence in computed]:
        yield from ("In the tries of the tables below:", "", *sentences, "")
    said = [claim_in_words(claim, known.verdicts.get(claim.id)) for claim in claims]
    if sentences := [f"- {sentence}" for sentence in said if sentence]:
        yield from ("In the cases that `make field` runs:", "", *sentences, "")
    if untried := said.count(""):
        yield from (f"Of {untried} more claims of this section no run has a verdict yet.", "")


def claim_in_words(claim: Claim, verdict: str | None) -> str:
    """A claim that a run confirmed is a sentence; one that holds in part or not says so; else nothing."""
    if verdict == ClaimVerdict.CONFIRMED:
        return claim.text.en
    if verdict == ClaimVerdict.CONDITIONAL:
        when = claim.condition.en if claim.condition else "with some of its clients"
        return f"Only in part: {claim.text.en} ({when})"
    return f"Not so: {claim.text.en}" if verdict == ClaimVerdict.REFUTED else ""


def _false_successes(known: Known) -> Iterator[str]:
    tried = {cell.client for cell, ends in known.ends.items() if _tried(ends)}
    counted: dict[tuple[str, str], dict[str, tuple[int, int]]] = {}
    for cell, ends in known.ends.items():
        made = [end for end in ends if end.result in (COMPLETED, REFUSED, FALSE)]
        if false := sum(end.result == FALSE for end in made):
            servers = counted.setdefault((cell.client, cell.version), {})
            before = servers.get(cell.server, (0, 0))
            servers[cell.server] = (before[0] + false, before[1] + len(made))
    names = {client for client, _ in counted}
    if not names:
        yield f"None of the {len(tried)} clients reported success of a file that did not arrive."
        return
    versions = " and ".join(map(_plain, sorted({version for _, version in counted})))
    yield (
        f"Of {len(tried)} clients {len(names)} reported success of a file of 1 MiB that did not arrive"
        f" whole: {_places(names)}. Each time it was over {versions}."
    )
    for (client, version), servers in sorted(counted.items()):
        each = [f"to `{name}` in {false} of {made}" for name, (false, made) in servers.items()]
        yield f"`{client}` over {_plain(version)}: {', '.join(each)} tries."


def _resumers(known: Known) -> Iterator[str]:
    """Who delivers where the data channel must resume the session, and whom servers turn away for it."""
    for version in sorted({cell.version for cell in known.ends}):
        takes: dict[str, list[str]] = {}
        refuses: dict[str, list[str]] = {}
        for cell, ends in known.ends.items():
            if cell.version != version or not cell.reuse:
                continue
            if any(end.result == COMPLETED for end in ends):
                takes.setdefault(cell.client, []).append(cell.server)
            elif any(end.reason == NOT_RESUMED for end in ends):
                refuses.setdefault(cell.client, []).append(cell.server)
        both = takes.keys() & refuses.keys()
        over = f"Over {_plain(version)}"
        if always := takes.keys() - both:
            yield (
                f"{over} {_places(always)} deliver to a server that requires the data channel to resume"
                " the session."
            )
        if never := refuses.keys() - both:
            yield f"{over} {_places(never)} do not resume it, and such a server refuses them."
        for client in sorted(both):
            yield (
                f"{over} `{client}` resumes it for {_listed(takes[client])},"
                f" and not for {_listed(refuses[client])}."
            )


def _places(clients: Iterable[str]) -> str:
    """Each program once, with where it ran.

    >>> _places(["curl@debian13", "lftp@debian13", "curl@rocky9:DEFAULT"])
    '`curl` (debian13, rocky9:DEFAULT), `lftp` (debian13)'
    """
    by_program: dict[str, list[str]] = {}
    for client in sorted(clients):
        program, _, where = client.partition("@")
        by_program.setdefault(program, []).append(where)
    return ", ".join(f"`{name}` ({', '.join(where)})" for name, where in by_program.items())


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


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
