"""The tables of what is said about people's files: nothing is missing in them, nothing is left over."""

from __future__ import annotations

import re
import string
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import own
from lab.model import NotJudged
from lab.own.findings import Findings, Severity, data

FOLDER = Path(own.__file__).parent
#: Which modules take their words from which table.
USERS = {
    "attempt.toml": ["attempt", "judged"],
    "chain.toml": ["chain"],
    "backend.toml": ["backend", "backend_data", "backend_settings", "vcl"],
    "mt.toml": ["mt_config", "mt_client"],
    "pem.toml": ["pem"],
}
#: Tables of servers, each with the modules of its folder.
OF_SERVERS = {
    str(path): [str(module) for module in path.parent.glob("*.py")]
    for path in sorted(FOLDER.parent.glob("servers/*/own/*.toml"))
}
USERS |= OF_SERVERS
#: What says some words of every server's table.
COMMON = (FOLDER / "telling.py").read_text(encoding="utf-8")
#: Words that are named by what they are about.
OF_ENUMERATIONS = {str(each) for each in NotJudged}


def source(table: str) -> str:
    paths = (FOLDER / (name if table in OF_SERVERS else f"{name}.py") for name in USERS[table])
    return "".join(path.read_text(encoding="utf-8") for path in paths)


def words_of(table: str) -> dict[str, str]:
    """Everything in a table that has a severity before it."""
    options = data(table).get("option", {}).values()
    texts = [
        text
        for option in options
        for key, text in (option.items() if isinstance(option, dict) else [("", option)])
        if not key.endswith("_ja")
    ]
    found = {text: text for text in texts if isinstance(text, str) and ": " in text}
    return {**found, **data(table)["words"]}


def test_every_table_is_used() -> None:
    around = {"findings.toml"}  # what stands around the words of all
    assert {path.name for path in FOLDER.glob("*.toml")} == set(USERS) - set(OF_SERVERS) | around


@pytest.mark.parametrize("table", USERS)
def test_every_text_is_said_somewhere_and_what_is_said_is_there(table: str) -> None:
    written = source(table)
    known = set(data(table)["words"]) | set(data(table).get("errors", {}))
    everything = written + (COMMON if table in OF_SERVERS else "")
    literals = set(re.findall(r'"([a-z0-9-]+)"', everything)) | OF_ENUMERATIONS
    literals |= {rule["error"] for rule in data(table).get("needs", ())}
    assert known <= literals
    said = re.findall(
        r'\b(?:say|fail|_fail|_say)\(\s*(?:start, |self\.at, |found,\s+)?"([a-z0-9-]+)"', written
    )
    assert said
    assert set(said) <= known


@pytest.mark.parametrize("table", USERS)
def test_every_text_has_a_severity_and_places_that_can_be_filled(table: str) -> None:
    for text in words_of(table).values():
        severity, _, said = text.partition(": ")
        assert severity in set(Severity), text
        assert list(string.Formatter().parse(said))
    for error in data(table).get("errors", {}).values():
        assert set(error) == {"what", "remedy", "ja"}
        assert set(error["ja"]) == {"what", "remedy"}
        english, japanese = (" ".join([e["what"], e["remedy"]]) for e in (error, error["ja"]))
        assert places(japanese) == places(english)
        assert error["what"].endswith((".", "}")), "a sentence, or one that a value ends"


def pairs_of(table: str) -> Iterator[tuple[str, str, str]]:
    """Everything that is said of a file, where it stands, in English and Japanese."""
    rows = data(table)
    for name, text in {**rows["words"], **rows.get("phrases", {})}.items():
        if isinstance(text, dict):
            yield name, text.get("en", ""), text.get("ja", "")
        else:
            yield name, text, rows["ja"].get(name, "")
    for part in ("why", "wanted"):
        for name, both in rows.get(part, {}).items():
            yield f"{part}.{name}", both.get("en", ""), both.get("ja", "")
    if table in OF_SERVERS:
        for option, given in rows.get("option", {}).items():
            for key in {"set", "empty", "missing", "presumes"} & given.keys():
                yield f"{option}.{key}", given[key], given.get(f"{key}_ja", "")
        for number, rule in enumerate(rows.get("rule", ())):
            # what cannot be an input is an error, and those are in English
            for key in ({"presumes"} if rule.get("cannot") else {"says", "presumes"}) & rule.keys():
                yield f"rule {number}.{key}", rule[key], rule.get(f"{key}_ja", "")


def places(text: str) -> set[str]:
    """The values of a text; what is `3 days` in English is the number alone in Japanese."""
    names = {name.partition(".")[0] for _, name, *_ in string.Formatter().parse(text) if name}
    return {"number" if name == "days" else name for name in names}


@pytest.mark.parametrize("table", USERS)
def test_everything_that_is_said_of_a_file_is_said_in_japanese_as_well(table: str) -> None:
    for where, en, ja in pairs_of(table):
        if re.search(r"[a-z]", re.sub(r"\{.*?\}", "", en)):
            assert re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", ja), where
        assert places(ja) == places(en), where
        assert ja.partition(": ")[0] not in set(Severity), where
    left_over = set(data(table)["ja"]) - {where for where, *_ in pairs_of(table)}
    assert not left_over


@pytest.mark.parametrize("table", OF_SERVERS)
def test_no_option_or_rule_has_japanese_of_what_is_not_said(table: str) -> None:
    rows = data(table)
    for row in (*rows.get("option", {}).values(), *rows.get("rule", ())):
        assert {key.removesuffix("_ja") for key in row if key.endswith("_ja")} <= row.keys(), row


#: Parts of values of which a pattern that is read in several ways would try every combination.
REPEATED = ("TLS_a", "TLS_a:", "-C:", "PROFILE=", "10.", "1", "0", " ", "a ", "a,", "*", "{a")


@pytest.mark.parametrize("table", OF_SERVERS)
@pytest.mark.parametrize("part", REPEATED)
def test_no_value_of_a_person_s_file_holds_a_rule_up(table: str, part: str) -> None:
    rows = data(table)
    patterns = [p for rule in rows.get("rule", ()) for p in rule["when"].values()]
    patterns += [o["refuses"] for o in rows.get("option", {}).values() if "refuses" in o]
    began = time.monotonic()
    for pattern in patterns:
        re.fullmatch(pattern, f"{part * 24}!")
    assert time.monotonic() - began < 2


def test_values_are_not_read_as_places() -> None:
    found = Findings("a.cgi", "mt.toml")
    found.say("left-out", 3, option="{x}", why="{0}")
    assert str(found[0]) == "a.cgi:3: warning: `{x}` is left out: {0}"
