"""All tables in one file that is read at once: what ``lab explain`` starts with.

Reading the tables and loading the cases takes a second; the answer to one line shall not. So what they come
to is kept beside this module, a line for each file with a sum of what it was made of. A table that has
changed, or that joined with the folder of its program, is read itself: the index makes it quick, never right.

``make explain-index`` writes it; a unit test says when it is not current.
"""

from __future__ import annotations

import json
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from lab.explain.occurring import Literals, PatternsByWord, words_in

HERE = Path(__file__).parent
LAB = HERE.parent
INDEX = HERE / "index.json"
#: The line of the index that no single table is the source of: cases, sections and remedies by reason.
KNOWN = "known"
#: Tables that are no words.
RULES = {"ftps": "dialects/ftps.toml", "web": "dialects/web.toml"}
X509 = "dialects/x509.toml"
MEANINGS = "explain/meanings"
TELLING = "explain/telling.toml"
#: Files of rules that stand in others.
_PARTS = ("dialects/connection.toml", "dialects/handshake.toml")


#: Whose it is (``clients``, ``servers``), and its name.
Signal = tuple[str, str]


@dataclass(frozen=True)
class Index:
    """The tables as they are matched."""

    words: Mapping[str, Mapping[str, Any]]
    """By the place of the file; see :func:`_words`."""
    rules: Mapping[str, list[Mapping[str, Any]]]
    x509: Mapping[str, Any]
    meanings: Mapping[str, Any]
    telling: Mapping[str, Mapping[str, Mapping[str, str]]]
    """What the answer says, by section, name and language."""
    known: Mapping[str, Any]
    """By reason; see :mod:`lab.explain.known`."""

    @cached_property
    def signals(self) -> PatternsByWord:
        """Each with its kind, the name and title of its program, and its own name."""
        return PatternsByWord(
            (words["kind"], words["program"], words["title"], *signal)
            for words in self.words.values()
            for signal in words["signals"]
        )

    @cached_property
    def numbers(self) -> PatternsByWord:
        """Of certificates' errors."""
        return PatternsByWord(
            number for words in self.words.values() for number in words["numbers"]
        )

    @cached_property
    def generations(self) -> PatternsByWord:
        """Each with its program, its first version and its last."""
        return PatternsByWord(one for words in self.words.values() for one in words["generations"])

    @cached_property
    def steps(self) -> PatternsByWord:
        """Each with its name, as the versions of TLS in :attr:`protocols`."""
        return PatternsByWord(self.meanings["steps"])

    @cached_property
    def protocols(self) -> PatternsByWord:
        """See :attr:`steps`."""
        return PatternsByWord(self.meanings["protocols"])

    @cached_property
    def certificate_texts(self) -> PatternsByWord:
        """Each with the reason that it names, and itself in place of a pattern."""
        return PatternsByWord(
            (reason, text, [[text.lower()]])
            for words in self.words.values()
            for text, reason in words["texts"].items()
        )

    @cached_property
    def literals_by_words(self) -> Mapping[frozenset[str], tuple[str, str]]:
        """Known texts of several words, each with the title of its program, by their words."""
        found: dict[frozenset[str], tuple[str, str]] = {}
        for file in self.words.values():
            needed = [text for *_, groups in file["signals"] if groups for text in groups[0]]
            for text in (*file["texts"], *needed):
                words = words_in(text)
                if len(words) > 1:
                    found.setdefault(words, (text.strip(), file["title"]))
        return found

    @cached_property
    def meanings_by_weight(self) -> Sequence[Mapping[str, Any]]:
        """The entries of the meanings, those that ask for most first."""
        return sorted(self.meanings["meaning"], key=weight, reverse=True)

    @cached_property
    def meanings_of(self) -> Mapping[Signal, Sequence[int]]:
        """The places in :attr:`meanings_by_weight` of the entries that do not hold without such a signal."""
        found: dict[Signal, list[int]] = {}
        for place, entry in enumerate(self.meanings_by_weight):
            kind, names = ("clients", "client") if "client" in entry else ("servers", "server")
            for name in entry[names]:
                found.setdefault((kind, name), []).append(place)
        return found

    @cached_property
    def rules_of(self) -> Mapping[str, Mapping[Signal, Sequence[tuple[int, Mapping[str, Any]]]]]:
        """By the list of rules: those that ask for a signal, with their places in the list."""
        return {name: _by_signal(rules) for name, rules in self.rules.items()}

    @cached_property
    def steps_of(self) -> Mapping[str, Sequence[str]]:
        """By the list of rules: every step that one of them asks for, by name."""
        return {
            name: sorted({step for rule in rules for step in rule.get("step") or ()})
            for name, rules in self.rules.items()
        }

    @cached_property
    def own_replies(self) -> Sequence[str]:
        """What marks a reply that a client made up."""
        return [words["own_reply"] for words in self.words.values() if words["own_reply"]]

    @cached_property
    def literals(self) -> Literals:
        """Every word that one of these needs."""
        return Literals(
            word
            for patterns in (
                self.signals,
                self.numbers,
                self.generations,
                self.steps,
                self.protocols,
                self.certificate_texts,
            )
            for word in patterns.words
        )


def weight(entry: Mapping[str, Any]) -> int:
    """How much an entry of the meanings asks for."""
    once = ("client", "server", "certificate", "step", "protocol")
    return sum(name in entry for name in once) + len(entry.get("also", ()))


def _by_signal(
    rules: Iterable[Mapping[str, Any]],
) -> dict[Signal, list[tuple[int, Mapping[str, Any]]]]:
    found: dict[Signal, list[tuple[int, Mapping[str, Any]]]] = {}
    for place, rule in enumerate(rules):
        for kind, asked in (("clients", "says"), ("servers", "server")):
            for name in rule.get(asked, ()):
                found.setdefault((kind, name), []).append((place, rule))
    return found


def tables() -> Iterator[tuple[str, Path]]:
    """Every file that is heard or decides, by its place in the package."""
    found = {
        *LAB.glob("clients/*/dialect*.toml"),
        *LAB.glob("servers/*/dialect*.toml"),
        *LAB.glob("dialects/*.toml"),
        *HERE.glob("words/*/*.toml"),
        *HERE.glob("*.toml"),
    }
    for path in sorted(found):
        yield path.relative_to(LAB).as_posix(), path


def load(*, kept: Path = INDEX) -> Index:
    """The tables; those that are not in the index as they are now are read themselves.

    Raises:
        DialectError: such a table is broken.
    """
    lines = _kept(kept)
    current: dict[str, Any] = {}
    for name, path in tables():
        entry = lines.get(name)
        current[name] = (
            entry["holds"] if entry and entry["sum"] == _sum(name, path) else _made(name)
        )
    return Index(
        words={name: holds for name, holds in current.items() if holds and "signals" in holds},
        rules={name: current[place]["rules"] for name, place in RULES.items()},
        x509=current[X509],
        meanings=_together(holds for name, holds in current.items() if name.startswith(MEANINGS)),
        telling=current[TELLING],
        known=lines[KNOWN]["holds"] if KNOWN in lines else _known(),
    )


def _together(files: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Several tables of meanings as one."""
    whole: dict[str, Any] = {"meaning": [], "steps": [], "protocols": [], "apart": {}}
    for file in files:
        for section in ("meaning", "steps", "protocols"):
            whole[section] += file.get(section, [])
        whole["apart"] |= file.get("apart", {})
    return whole


def made() -> str:
    """The text of the index as the tables and cases are now."""
    lines: dict[str, Any] = {
        name: {"sum": _sum(name, path), "holds": _made(name)} for name, path in tables()
    }
    lines[KNOWN] = {"holds": _known()}
    rows = (
        f"{json.dumps(name)}: {json.dumps(row, ensure_ascii=False, separators=(',', ':'))}"
        for name, row in lines.items()
    )
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _kept(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):  # not there, or of two branches at once
        return {}
    return found if isinstance(found, dict) else {}


def _sum(name: str, path: Path) -> str:
    content = _how_it_is_made() + path.read_bytes()
    if name in RULES.values():
        content += b"".join((LAB / part).read_bytes() for part in _PARTS)
    return f"{zlib.crc32(content):08x}"


@cache
def _how_it_is_made() -> bytes:
    """What else an entry depends on: the code that makes it."""
    return b"".join((HERE / name).read_bytes() for name in ("index.py", "patterns.py"))


def _made(name: str) -> dict[str, Any] | None:
    """What a table comes to; ``None``: a part of others."""
    from lab.explain import tables as forms  # noqa: PLC0415 - only where a table has changed

    if name in RULES.values():
        return {"rules": _rules(Path(name).stem)}
    if name == X509:
        return _x509()
    if name.startswith(MEANINGS):
        return _meanings(LAB / name)
    if name == TELLING:
        import tomllib  # noqa: PLC0415 - see above

        return tomllib.loads((LAB / name).read_text(encoding="utf-8"))
    for kind in forms.KINDS:
        for program, path in forms.words_files(kind).items():
            if path == LAB / name:
                return _words(kind, program, path)
    return None


def _known() -> dict[str, Any]:
    from lab.explain.known import known  # noqa: PLC0415 - it loads the cases

    return known()


def _words(kind: Any, program: str, path: Path) -> dict[str, Any]:
    """A file of words: its signals with their patterns, and the words that each needs."""
    from lab.dialects import ClientDialect, Words  # noqa: PLC0415 - see above
    from lab.explain import tables as forms  # noqa: PLC0415

    file = forms.table(kind, path)
    signals: list[list[Any]] = []
    for name, words in file.signals.items():
        if isinstance(words, Words):
            patterns = [p.pattern for p in (*words.text, *words.message)]
            patterns += [rf"\b{symbol}\b" for symbol in words.errno]
            patterns += [rf"^{program}: \({number}\)" for number in words.exit_status]
        else:
            patterns = [p.pattern for p in words]
        signals += [[name, *_ready(pattern)] for pattern in patterns]
    client = file if isinstance(file, ClientDialect) else None
    return {
        "kind": kind,
        "program": program,
        "title": file.title,
        "signals": signals,
        "texts": dict(client.certificate_texts) if client else {},
        "own_reply": client.own_reply.pattern if client and client.own_reply else "",
        "numbers": [_ready(p.pattern) for p in client.x509_number] if client else [],
        "generations": [
            [one.program, one.since, one.until, *_ready(pattern.pattern)]
            for one in file.generation
            for pattern in one.text
        ],
    }


def _ready(pattern: str) -> list[Any]:
    from lab.explain.patterns import literal_first, literals, with_edges  # noqa: PLC0415 - see above

    flags = re.match(r"\(\?[ims]+\)", pattern)
    head = flags[0] if flags else ""
    groups = [list(words) for words in literals(pattern)]
    return [head + literal_first(with_edges(pattern[len(head) :])), groups]


def _rules(name: str) -> list[dict[str, Any]]:
    from lab.dialects.rules import rule_list  # noqa: PLC0415 - see above

    wanted = {"stage", "by", "reason", "step", "reply", "protocol", "says", "server"}
    return [
        rule.model_dump(mode="json", include=wanted, exclude_none=True)
        for rule in rule_list(name).rule
    ]


def _x509() -> dict[str, Any]:
    from lab.dialects import x509_numbers  # noqa: PLC0415 - see above

    return x509_numbers().model_dump(mode="json")


def _meanings(path: Path) -> dict[str, Any]:
    from lab.dialects import read  # noqa: PLC0415 - see above
    from lab.explain.tables import Meanings  # noqa: PLC0415

    table = read(path, Meanings)
    plain = table.model_dump(
        mode="json", exclude={"steps", "protocols", "family"}, exclude_defaults=True
    )
    for section in ("steps", "protocols"):
        plain[section] = [
            [name, *_ready(pattern.pattern)]
            for name, patterns in getattr(table, section).items()
            for pattern in patterns
        ]
    return plain


if __name__ == "__main__":
    INDEX.write_text(made(), encoding="utf-8")
    sys.stdout.write(f"{INDEX}: written\n")
