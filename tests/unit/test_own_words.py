"""The tables of what is said about people's files: nothing is missing in them, nothing is left over."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

from lab import own
from lab.model import NotJudged
from lab.own import Severity
from lab.own.findings import Findings, data

FOLDER = Path(own.__file__).parent
#: Which modules take their words from which table.
USERS = {
    "attempt.toml": ["attempt", "judged"],
    "chain.toml": ["chain"],
    "backend.toml": ["backend", "backend_data", "backend_settings", "vcl"],
    "mt.toml": ["mt_config", "mt_client"],
    "nginx.toml": ["nginx_conf"],
    "pem.toml": ["pem"],
    "vsftpd.toml": ["vsftpd_conf"],
}
#: Words that are named by what they are about.
OF_ENUMERATIONS = {str(each) for each in NotJudged}


def source(table: str) -> str:
    return "".join((FOLDER / f"{name}.py").read_text(encoding="utf-8") for name in USERS[table])


def words_of(table: str) -> dict[str, str]:
    """Everything in a table that has a severity before it."""
    options = data(table).get("option", {}).values()
    texts = [v for o in options for v in (o.values() if isinstance(o, dict) else [o])]
    found = {text: text for text in texts if isinstance(text, str) and ": " in text}
    return {**found, **data(table)["words"]}


def test_every_table_is_used() -> None:
    around = {"findings.toml"}  # what stands around the words of all
    assert {path.name for path in FOLDER.glob("*.toml")} == set(USERS) | around


@pytest.mark.parametrize("table", USERS)
def test_every_text_is_said_somewhere_and_what_is_said_is_there(table: str) -> None:
    written = source(table)
    known = set(data(table)["words"]) | set(data(table).get("errors", {}))
    literals = set(re.findall(r'"([a-z0-9-]+)"', written)) | OF_ENUMERATIONS
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
        assert set(error) == {"what", "remedy"}
        assert error["what"].endswith((".", "}")), "a sentence, or one that a value ends"


def test_values_are_not_read_as_places() -> None:
    found = Findings("a.cgi", "mt.toml")
    found.say("left-out", 3, option="{x}", why="{0}")
    assert str(found[0]) == "a.cgi:3: warning: `{x}` is left out: {0}"
