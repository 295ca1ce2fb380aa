"""Whatever is pasted: it is answered in bounded time and memory, and nothing of it reaches a terminal raw."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.explain.answer import explain
from lab.explain.index import load
from lab.explain.lines import compiled
from lab.explain.reading import text_of
from lab.explain.telling import told
from lab.text import visible
from tests.transcripts.transcript import files
from tests.unit.fuzzing import fuzz, spoilt

TABLES = load()
RECORDED = [one for file in files().values() for one in file.transcripts]
TEXTS = sorted({str(text) for one in RECORDED for text in (*one.said.values(), *one.log) if text})
#: So long one answer may take, in seconds: the limit of listening, twice, on a machine that is busy.
LIMIT_S = 10.0


def answered(given: bytes) -> None:
    """The answer to an input, of which every line is harmless."""
    found = explain(given, TABLES)
    for language in ("en", "ja"):
        for line in told(found, language, everything=True):
            assert visible(line) == line
    assert found.candidates or len(found.nearest) <= 3


@given(st.lists(spoilt(TEXTS), min_size=1, max_size=5))
@fuzz
def test_any_text_is_answered(lines: list[str]) -> None:
    answered("\n".join(lines).encode(errors="surrogatepass"))


@given(st.binary(max_size=400), st.sampled_from(TEXTS))
@fuzz
def test_any_bytes_are_read_over(around: bytes, text: str) -> None:
    answered(around + text.encode() + around)


@given(st.text(alphabet="\x00\x1b[]0;31m\x07\x9b\u202e\u200b\\&#x;\"'\n", max_size=200))
@fuzz
def test_nothing_that_moves_a_cursor_is_left(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u200b]", text_of(text.encode()))


HUGE = {
    "one line": b"x" * 4_000_000,
    "one line of a message": b"error:0A000086:SSL routines:" * 150_000,
    "lines": b"certificate verify failed: \n" * 200_000,
    "empty lines": b"\n" * 3_000_000,
    "NUL": b"\x00" * 3_000_000,
    "escapes": b"\x1b[31m" * 600_000,
    "unfinished escapes": b"\x1b]0;" * 800_000,
    "brackets": b"(" * 3_000_000,
    "entities": b"&#039;" * 500_000,
    "backslashes": b"\\" * 3_000_000,
    "blanks": b" " * 3_000_000,
    "no text": random.Random(1).randbytes(4_000_000),
    "a log": "\n".join(TEXTS * 30).encode(),
}


def kilobytes(of: str) -> int:
    """What the kernel says of this process' memory, in KiB: ``VmRSS``, or ``VmHWM``, the most it has been."""
    found = re.search(rf"{of}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("given", HUGE.values(), ids=HUGE)
def test_much_is_answered_in_bounded_time_and_memory(given: bytes) -> None:
    # proc(5): the most so far is forgotten.
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before, begun = kilobytes("VmRSS"), time.process_time()
    answered(given)
    assert time.process_time() - begun < LIMIT_S
    assert kilobytes("VmHWM") - before < 200_000


def _worst(literal: str) -> list[str]:
    """Texts that a pattern with this word in it could stumble over: the word, and much that nearly fits."""
    return [
        literal * 300,
        f"{literal} " * 300,
        literal + "a" * 3500,
        literal + " (" * 1500,
        literal + "x, " * 1000,
    ]


def test_no_pattern_takes_long_on_what_nearly_fits() -> None:
    slow = []
    for words in TABLES.words.values():
        entries = [one[1:] for one in words["signals"]] + [one[3:] for one in words["generations"]]
        for pattern, groups in [*entries, *words["numbers"]]:
            found = compiled(pattern)
            for literal in {word for words in groups for word in words} or {"a"}:
                for text in _worst(literal):
                    begun = time.process_time()
                    for _ in found.finditer(text[:4096]):
                        pass
                    if time.process_time() - begun > 0.1:
                        slow.append((pattern, text[:40]))
    assert not slow
