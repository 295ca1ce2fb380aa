"""A pattern is looked for in the lines that have a word of it: it finds what it finds everywhere."""

from __future__ import annotations

import pytest

from lab.explain import lines
from lab.explain.index import load
from lab.explain.lines import matches_in, within_a_line
from tests.transcripts.transcript import files


@pytest.mark.parametrize(
    "pattern",
    [
        "^certificate has expired$",
        r"(?<=[:>\]|;] )closed\b",
        r"a[^\n]{0,300}b|c.*d",
        r"(?i)no (?!shared cipher)\w+(?=[.,;]?[ \t]*$)",
        r"[!-~]{3,}\d+\S",
    ],
)
def test_a_match_without_a_line_end_is_within_a_line(pattern: str) -> None:
    assert within_a_line(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        r"failed\s+reason",
        r"failed[\s\S]*reason",
        r"failed[^:]*reason",
        "a\nb",
        r"a(?=\W)",
        r"a(?!\D)",
        r"(?s)a.b",
        r"(?:a|b(?s:.)c)",
        "[\t-\r]{3}",
        "a(?:b|c[^d])?e",
        "ab[^c]",
        r"a[^\w]",
        r"\Aabc",
        r"abc\Z",
    ],
)
def test_what_can_meet_a_line_end_is_looked_for_everywhere(pattern: str) -> None:
    assert not within_a_line(pattern)


def test_a_long_text_is_looked_at_in_the_lines_with_a_word_alone() -> None:
    text = "no\n" * lines.LONG + "  it has expired: has expired\n\nexpired\nit HAS EXPIRED"

    def found(words: list[str]) -> list[int]:
        matches = matches_in("(?i)has expired", [words], text, text.lower())
        return [match.start() - 3 * lines.LONG for match in matches]

    assert found(["has "]) == found(["expired", "has "]) == [5, 18, 42]
    assert found(["nowhere"]) == []


def test_every_pattern_finds_the_same_in_the_lines_and_everywhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lines, "LONG", 0)
    said = [one for file in files().values() for one in file.transcripts]
    known = sorted({str(text) for one in said for text in (*one.said.values(), *one.log)})
    text = "\n".join(known[::80])
    lower = text.lower()
    found = 0
    for words in load().words.values():
        entries = [*words["signals"], *words["generations"], *words["numbers"]]
        for *_, pattern, groups in entries:
            everywhere = [match.span() for match in lines.compiled(pattern).finditer(text)]
            assert [
                match.span() for match in matches_in(pattern, groups, text, lower)
            ] == everywhere
            found += len(everywhere)
    assert found > 100
