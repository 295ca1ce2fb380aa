"""What `lab explain` is measured with: the recordings are where the split puts them, and hold a truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.model import Reason, Side, Stage
from tests.explain.clients import Controls
from tests.explain.texts import (
    HELD_OUT,
    KNOWN,
    RECORDED,
    SECOND,
    Cause,
    Heard,
    Recording,
    Text,
    folder_of,
    load,
    merged,
    named,
    neutral,
    read,
    table,
)

RECORDINGS = [(folder, one) for folder in (KNOWN, HELD_OUT, SECOND) for one in load(folder)]


def test_every_defect_is_called_by_words_of_the_vocabulary() -> None:
    tables = table("defects.toml")
    causes = [
        value["cause"] if isinstance(value, dict) else value
        for part in tables.values()
        if isinstance(part, dict)
        for value in part.values()
    ]
    assert causes
    for reason, by, stage in causes:
        assert Reason(reason)
        assert Side(by)
        assert Stage(stage)


@pytest.mark.parametrize(("folder", "one"), RECORDINGS, ids=lambda v: getattr(v, "name", ""))
def test_a_recording_is_where_the_split_puts_it(folder: object, one: Recording) -> None:
    assert folder == folder_of(one.program, one.release, one.version)


@pytest.mark.parametrize("one", [one for _, one in RECORDINGS], ids=lambda v: v.name)
def test_every_text_has_a_truth_and_nothing_of_the_day_it_was_recorded_on(one: Recording) -> None:
    assert one.version
    for text in one.texts:
        assert text.text.strip()
        assert text.setups
        for reason, by, stage in text.causes:
            assert Reason(reason)
            assert Side(by)
            assert Stage(stage)
        assert "PRIVATE KEY" not in text.text
        assert "BEGIN CERTIFICATE" not in text.text
        assert one.source != RECORDED or neutral(text.text) == text.text


def test_a_recording_is_read_as_it_was_written(tmp_path: Path) -> None:
    text = Text('a\n"b" é', "way", ("web: x",), (Cause("expired", "client", "verify"),))
    other = replace(text, how="another")
    one = Recording("x", "debian12", "1", "OpenSSL", RECORDED, (text, other))
    assert read(one.write(tmp_path)) == one
    assert read(tmp_path / "nothing.json") is None


def test_what_fails_without_the_defect_says_nothing_of_it() -> None:
    told = Controls(frozenset({"ftp proftpd", "web"}), {})
    assert not told.valid("ftp: proftpd, upload denied")
    assert not told.valid("clear: proftpd, data in clear text")
    assert told.valid("ftp: vsftpd, upload denied")
    assert told.valid("ftp: expired")
    assert not told.valid("web: expired")
    assert told.valid("implicit: valid")
    assert not Controls(frozenset({"implicit"}), {}).valid("implicit: valid")
    assert not Controls(frozenset({"ftp"}), {}).valid("implicit: valid")


def test_equal_texts_are_one_with_all_their_causes() -> None:
    first, second = Cause("expired", "client", "verify"), Cause("weak-key", "client", "verify")
    heard = [Heard("x", "way", "web: a", "no", first), Heard("x", "way", "web: b", "no", second)]
    (one,) = merged(heard)
    assert one.reasons == {"expired", "weak-key"}
    assert one.setups == ("web: a", "web: b")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("unable to verify the first certificate", "first-certificate-unverifiable"),
        (
            "num=20:unable to get local issuer certificate\nnum=21:unable to verify the first",
            "unknown-issuer",
        ),
        ("The issuer is unknown", "unknown-issuer"),
    ],
)
def test_an_incomplete_chain_is_named_by_the_number_that_is_said_first(
    text: str, reason: str
) -> None:
    cause = Cause("unknown-issuer", "client", "verify")
    assert named(Heard("x", "way", "web: incomplete-chain", text, cause)).reason == reason
