"""The report's own texts, each in both languages, side by side on the page.

Both languages are in the file; a style sheet shows one of them. So the report is whole without
JavaScript, and a text that is missing in one language is missing visibly: :func:`say` has no fallback.
"""

from __future__ import annotations

import tomllib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Final

from markupsafe import Markup, escape

from lab.report.html.quoting import inline

LANGUAGES: Final = ("en", "ja")
TEXTS_PATH: Final = Path(__file__).with_name("texts.toml")


@dataclass(frozen=True)
class Text:
    """One text in both languages; HTML. In a template it becomes a ``span`` for each."""

    en: Markup
    ja: Markup

    @classmethod
    def same(cls, value: object) -> Text:
        """What is the same in every language: a number, a name, somebody's words."""
        words = escape(value)
        return cls(words, words)

    def in_(self, language: str) -> Markup:
        """The text in one of :data:`LANGUAGES`."""
        return self.ja if language == "ja" else self.en

    @cached_property
    def html(self) -> Markup:
        """Both languages, as they stand on the page."""
        if self.en == self.ja:
            return self.en
        both = f"<span lang=en>{self.en}</span><span lang=ja>{self.ja}</span>"
        return Markup(both)

    def __html__(self) -> Markup:
        return self.html

    def __str__(self) -> str:
        return str(self.html)

    def format(self, **values: object) -> Text:
        """Fill in the names in braces; a value that is a :class:`Text` in its own language."""
        return Text(
            self.en.format(**{n: v.en if isinstance(v, Text) else v for n, v in values.items()}),
            self.ja.format(**{n: v.ja if isinstance(v, Text) else v for n, v in values.items()}),
        )


def joined(parts: list[Text]) -> Text:
    """Texts as a list inside a sentence."""
    return Text(Markup(", ").join(p.en for p in parts), Markup("、").join(p.ja for p in parts))


@cache
def texts() -> Mapping[str, Text]:
    """Every text by ``section.name``, as ``texts.toml`` has them."""
    with TEXTS_PATH.open("rb") as file:
        sections = tomllib.load(file)
    return {
        f"{section}.{name}": Text(Markup(pair["en"]), Markup(pair["ja"]))
        for section, names in sections.items()
        for name, pair in names.items()
    }


def say(name: str, **values: Hashable) -> Text:
    """The text of that name with its values filled in.

    Raises:
        KeyError: no such text, or a value that is not given.
    """
    return _filled(name, tuple(values.items())) if values else texts()[name]


@lru_cache(maxsize=16_384)
def _filled(name: str, values: tuple[tuple[str, Hashable], ...]) -> Text:
    # A report of many attempts says the same of most of them.
    return texts()[name].format(**dict(values))


def word(section: str, token: str) -> Text:
    """The word for a token of a vocabulary; a token that the vocabulary lacks is shown as it is."""
    return texts().get(f"{section}.{token}") or Text.same(inline(token, 60))
