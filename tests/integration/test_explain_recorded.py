"""What `lab explain` starts with is what the tables hold, and what it makes of all that was recorded."""

from __future__ import annotations

import functools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.explain import index as index_module
from lab.explain.index import INDEX, load, made
from tests.unit.test_explain import TABLES, reasons, recorded


@pytest.fixture(scope="module", autouse=True)
def tables_made_once() -> Iterator[None]:
    """What every table and the cases come to is the same for each test that makes it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_made", "_known"):
            patch.setattr(index_module, name, functools.cache(getattr(index_module, name)))
        yield


def test_the_index_is_that_of_the_tables_and_cases() -> None:
    assert INDEX.read_text("utf-8") == made(), "write it: make explain-index"


def test_without_the_index_the_answer_is_the_same(tmp_path: Path) -> None:
    broken = tmp_path / "index.json"
    broken.write_text("<<<<<<< HEAD\n")
    assert load(kept=broken) == TABLES


def test_a_table_that_has_changed_is_read_itself(tmp_path: Path) -> None:
    kept = json.loads(INDEX.read_text("utf-8"))
    place = "clients/curl/dialect.toml"
    kept[place] = {"sum": "0", "holds": {}}
    del kept["servers/nginx/dialect.toml"]  # as of a program whose folder has just come
    changed = tmp_path / "index.json"
    changed.write_text(json.dumps(kept))
    assert load(kept=changed) == TABLES


# -- what the lab has recorded -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "known", "contained", "first"),
    # Of a server's log: what the server says of what its client decided is an alert, or nothing, as with
    # GnuTLS behind libcurl, which closes the connection without a word.
    [("message", 0.93, 0.92, 0.97), ("log", 0.77, 0.78, 0.90)],
)
def test_recorded_texts_have_the_recorded_reason(
    part: str, known: float, contained: float, first: float, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = list(recorded(part))
    several = {text for text, number in Counter(text for text, _ in texts).items() if number > 1}
    answers = {text: reasons(text) for text, _ in texts}
    answered = [(text, reason) for text, reason in texts if answers[text]]
    having = [(text, reason) for text, reason in answered if reason in answers[text]]
    alone = [(text, reason) for text, reason in having if text not in several]
    leading = [(text, reason) for text, reason in alone if answers[text][0] == reason]
    shares = (
        len(answered) / len(texts),
        len(having) / len(answered),
        len(leading) / len(alone),
    )
    with capsys.disabled():
        sys.stdout.write(
            f"\n{part}: {len(texts)} texts, answered {shares[0]:.1%}, of these with the reason"
            f" {shares[1]:.1%}, of texts with one cause first {shares[2]:.1%}\n"
        )
    wanted = (known, contained, first)
    assert all(share >= least for share, least in zip(shares, wanted, strict=True)), shares
