"""Texts in English and Japanese. What is said to people stands in tables (TOML): a name, and both texts."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from lab.text import MOST_LISTED, listed


@dataclass(frozen=True)
class InBothLanguages:
    """The same in both languages, as plain text."""

    en: str = ""
    ja: str = ""

    def in_(self, language: str) -> str:
        """The text in ``en`` or ``ja``."""
        return self.ja if language == "ja" else self.en

    def format(self, **values: object) -> Self:
        """Fill in the names in braces; a value that is :class:`InBothLanguages` in its own language."""
        return type(self)(*(self._filled(language, values) for language in ("en", "ja")))

    def _filled(self, language: str, values: Mapping[str, object]) -> str:
        each = {
            n: v.in_(language) if isinstance(v, InBothLanguages) else v for n, v in values.items()
        }
        return self.in_(language).format(**each)

    def __add__(self, other: InBothLanguages) -> InBothLanguages:
        """The other one behind this one; Japanese needs no blank between sentences."""
        if not self.en or not other.en:
            return self if self.en else other
        return InBothLanguages(f"{self.en} {other.en}", f"{self.ja}{other.ja}")

    def with_remark(self, remark: InBothLanguages) -> InBothLanguages:
        """This with a remark behind it, in the brackets of each language."""
        return InBothLanguages(f"{self.en} ({remark.en})", f"{self.ja}\uff08{remark.ja}\uff09")


def pattern_of(words: str) -> str:
    """A regular expression for what comes of words with names in braces, whatever is filled in."""
    parts = string.Formatter().parse(words)
    return "".join(
        re.escape(text) + (f"(?P<{name}>.+?)" if name else "") for text, name, *_ in parts
    )


def listed_in_both(items: Iterable[str], most: int = MOST_LISTED) -> InBothLanguages:
    """The first of them, and how many more there are, as :func:`lab.text.listed` says it."""
    words = list(items)
    return InBothLanguages(listed(words, most), listed(words, most, language="ja"))


def joined(items: Iterable[InBothLanguages], en: str = "; ", ja: str = "、") -> InBothLanguages:
    """One behind the other, with what stands between them in each language."""
    each = list(items)
    return InBothLanguages(en.join(one.en for one in each), ja.join(one.ja for one in each))


@cache
def read_words(path: Path) -> Mapping[str, Mapping[str, InBothLanguages]]:
    """The texts of a file, by section and name."""
    texts = tomllib.loads(path.read_text(encoding="utf-8"))
    return {
        section: {name: InBothLanguages(**both) for name, both in names.items()}
        for section, names in texts.items()
    }
