"""What the tests with arbitrary input share: how many examples there are, and how a seed is spoilt.

In the unit tests the examples are few and always the same. ``make fuzz`` runs the same properties with many
that are new every time, each of which must end within :data:`SECONDS_EACH`.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from lab.own.findings import Finding, InputError
from lab.text import LONGEST_MESSAGE

#: How many examples `make fuzz` wants of each property; not set: these are unit tests.
EXAMPLES = "LAB_FUZZ_EXAMPLES"
SECONDS_EACH = 2.0

#: Text that readers stumble over: what begins and ends things, what is empty, large, or not what it looks.
AWKWARD = (
    *(
        '"',
        "'",
        '"""',
        "'''",
        "{",
        "}",
        "[",
        "]",
        "[[",
        "]]",
        "(",
        ")",
        "=",
        ":",
        ";",
        ",",
        ".",
        "#",
        "//",
    ),
    *(
        "/*",
        "*/",
        "\\",
        "\\u0000",
        "\\ud800",
        "%u",
        "%00",
        "%uD800",
        '{"',
        '"}',
        "\n",
        "\r\n",
        "\t",
        " ",
        "",
    ),
    *(
        "\x00",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\u202e",
        "\u3000",
        "\ufeff",
        "\ufffd",
        "\U0001f600",
    ),
    *("0", "-1", "1e999", "NaN", "Infinity", "9" * 30, "9" * 5000, "0x" + "f" * 5000, "1_0", "٣"),
    *(
        "a" * 300,
        " " * 300,
        "a." * 40,
        "[" * 200,
        "{" * 200,
        "true",
        "null",
        "2031-05-17",
        "-----BEGIN A-----",
    ),
)


def fuzz(property_: Callable[..., None]) -> Callable[..., None]:
    """Try a property with few examples, always the same, or with as many as ``make fuzz`` wants."""
    wanted = os.environ.get(EXAMPLES)
    if wanted is None:
        chosen = settings(
            max_examples=60,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=_SLOW,
        )
    else:
        chosen = settings(
            max_examples=int(wanted),
            deadline=timedelta(seconds=SECONDS_EACH),
            suppress_health_check=_SLOW,
            print_blob=True,
        )
    return chosen(property_)


# On a busy machine making an example can be slow; whether reading it is, the deadline says.
_SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)


def spoilt(seeds: Sequence[str], words: Sequence[str] = ()) -> st.SearchStrategy[str]:
    """One of the seeds after some edits: pieces cut out, doubled, moved, and awkward text put in."""
    pieces = st.sampled_from((*words, *AWKWARD)) | st.text(max_size=6)
    return _edited(st.sampled_from(seeds), pieces)


@st.composite
def _edited(draw: st.DrawFn, seeds: st.SearchStrategy[str], pieces: st.SearchStrategy[str]) -> str:
    text = draw(seeds)
    for _ in range(draw(st.integers(0, 5))):
        first = draw(st.integers(0, len(text)))
        last = min(len(text), first + draw(st.integers(0, 40)))
        match draw(st.sampled_from(("put", "replace", "cut", "double", "end"))):
            case "put":
                text = text[:first] + draw(pieces) + text[first:]
            case "replace":
                text = text[:first] + draw(pieces) + text[last:]
            case "cut":
                text = text[:first] + text[last:]
            case "double":
                text = text[:last] + text[first:last] * draw(st.integers(1, 30)) + text[last:]
            case _:
                text = text[:first]
    return text


@st.composite
def spoilt_bytes(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """One of the seeds after some edits, byte by byte."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 6))):
        first = draw(st.integers(0, len(data)))
        last = min(len(data), first + draw(st.integers(0, 16)))
        data = data[:first] + draw(st.binary(max_size=8)) + data[last:]
    return data


def check_error(error: InputError, file: str, text: str | bytes) -> None:
    """An error names the file and a line of it, on two lines of a bounded length."""
    assert error.file == file
    assert str(error).startswith(file)
    lines = (text.count("\n") if isinstance(text, str) else text.count(b"\n")) + 1
    assert error.line is None or 1 <= error.line <= lines
    check_sentences(error.what, error.remedy)


def check_findings(
    findings: Sequence[Finding], files: Sequence[str], lines: int | None = None
) -> None:
    """Findings name a file and a line of it, each on one line of a bounded length."""
    for finding in findings:
        assert finding.file in files
        assert finding.line is None or finding.line >= 1
        assert lines is None or finding.line is None or finding.line <= lines
        check_sentences(str(finding))


def check_sentences(*sentences: str, naming: str = "") -> None:
    """What is said is one line with this name in it, not too long, and harmless for a terminal."""
    for sentence in sentences:
        assert sentence.strip()
        assert naming in sentence
        # What is visible of a character has up to six.
        assert len(sentence) <= 6 * LONGEST_MESSAGE
        assert not {"\n", "\r", "\x1b", "\x00"} & set(sentence)
        sentence.encode()


@functools.cache
def anything(depth: int = 3) -> st.SearchStrategy[Any]:
    """Any value that JSON has."""
    plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    return st.recursive(
        plain,
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
        ),
        max_leaves=depth * 4,
    )
