"""The tables that ``lab explain`` rests on: their form, and that nothing in them is heard in vain."""

from __future__ import annotations

import functools
import re
import tomllib

import pytest

from lab.dialects import NO_WORDS, ClientDialect, ServerDialect
from lab.dialects.rules import FTPS, WEB, rule_list
from lab.explain import tables
from lab.explain.tables import KINDS, Kind, Meanings, meanings, table, words_files

#: A reply is heard by its number, whoever writes it down.
REPLIES = {f"reply-{code}" for code in range(400, 600)}
FILES = [(kind, name) for kind in KINDS for name in words_files(kind)]
WORDS = [
    (kind, name)
    for kind in KINDS
    for name, path in words_files(kind).items()
    if tables.WORDS in path.parents
]


@functools.cache
def file_of(kind: Kind, name: str) -> ClientDialect | ServerDialect:
    return table(kind, words_files(kind)[name])


@functools.cache
def asked(kind: Kind) -> frozenset[str]:
    """The signals of that side that a rule or a meaning asks for: any other is heard in vain."""
    in_rules = {
        name
        for rules in (rule_list(FTPS), rule_list(WEB))
        for rule in rules.rule
        for name in (rule.says if kind == "clients" else rule.server) or ()
    }
    of_side = {
        name
        for entry in meanings().meaning
        for name in (entry.client if kind == "clients" else entry.server)
    }
    anywhere = {name for entry in meanings().meaning for name in entry.also}
    return frozenset(in_rules | of_side | anywhere)


@pytest.mark.parametrize(("kind", "name"), WORDS)
def test_a_file_of_words_has_the_form_of_a_dialect_and_names_its_source(
    kind: Kind, name: str
) -> None:
    file = file_of(kind, name)
    assert file.title
    assert re.search(r"\d", file.source), "a source names versions"
    assert file.signals or file.generation


@pytest.mark.parametrize(("kind", "name"), WORDS)
def test_every_signal_of_the_words_is_asked_for(kind: Kind, name: str) -> None:
    file = file_of(kind, name)
    assert set(file.signals) <= asked(kind)


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_a_number_of_a_certificate_error_is_the_first_group(kind: Kind, name: str) -> None:
    file = file_of(kind, name)
    for pattern in getattr(file, "x509_number", ()):
        assert pattern.groups >= 1


def test_every_signal_that_a_meaning_asks_for_has_words_somewhere() -> None:
    heard = {
        kind: {s for name in words_files(kind) for s in file_of(kind, name).signals}
        for kind in KINDS
    }
    for entry in meanings().meaning:
        assert set(entry.client) <= heard["clients"] | {NO_WORDS}
        assert set(entry.server) <= heard["servers"] | REPLIES
        assert set(entry.also) <= heard["clients"] | heard["servers"] | REPLIES


def test_every_question_is_asked_by_a_meaning() -> None:
    assert {entry.apart for entry in meanings().meaning if entry.apart} == set(meanings().apart)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ({"client": "eof", "may_be": ["client:verify"]}, "SIDE:STAGE:REASON"),
        ({"may_be": "client:verify:expired"}, "names signals"),
        (
            {"client": "eof", "may_be": ["server:handshake:closed", "server:handshake:reset"]},
            "several causes",
        ),
        (
            {"client": "eof", "may_be": "server:handshake:closed", "protocol": "x"},
            "no version of TLS",
        ),
    ],
)
def test_a_meaning_that_does_not_have_the_form_is_refused(entry: object, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Meanings.model_validate(
            {"title": "", "steps": {}, "protocols": {}, "apart": {}, "meaning": [entry]}
        )


def test_a_meaning_names_a_family_in_place_of_its_causes() -> None:
    families = {
        "any-name": "client:verify:hostname-mismatch",
        "any-end": ["server:handshake:closed", "server:handshake:reset"],
    }
    entry = {"client": "eof", "may_be": ["any-end", "any-name"], "apart": "cut"}
    table = {"family": families, "meaning": [entry]}
    spelt = Meanings.model_validate(table).meaning[0].may_be
    assert [one.reason for one in spelt] == ["closed", "reset", "hostname-mismatch"]
    fewer = {**table, "meaning": [{**entry, "but_not": "reset"}]}
    less = Meanings.model_validate(fewer).meaning[0].may_be
    assert [one.reason for one in less] == ["closed", "hostname-mismatch"]
    with pytest.raises(ValueError, match="leaves out what is not there: expired"):
        Meanings.model_validate({**table, "meaning": [{**entry, "but_not": ["expired"]}]})


def test_every_family_is_named_by_a_meaning() -> None:
    path = tables.MEANINGS / "meanings.toml"
    named = path.read_text(encoding="utf-8").partition("# ---- the texts")[2]
    families = tomllib.loads(path.read_text(encoding="utf-8"))["family"]
    assert families
    assert all(f'"{name}"' in named for name in families)


def test_a_file_of_words_may_have_the_name_of_a_program_of_the_lab(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = tables.MEANINGS / "meanings.toml"
    monkeypatch.setattr(tables, "dialect_files", lambda kind: {"gnutls": own})
    found = words_files("clients")
    assert found["gnutls"] == own
    assert found["gnutls elsewhere"] == tables.WORDS / "clients" / "gnutls.toml"
