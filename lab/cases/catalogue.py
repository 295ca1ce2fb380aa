"""All cases of a folder, and selecting some of them by id, name or document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lab.cases.loading import load_module
from lab.cases.plan import LoadedCase
from lab.cases.rules import CaseError
from lab.text import did_you_mean


@dataclass
class Catalogue:
    """The cases of a folder of scenario modules."""

    cases: list[LoadedCase] = field(default_factory=list)

    @classmethod
    def load(cls, folder: Path) -> Catalogue:
        """Import every module of ``folder``, document by document, and collect its cases.

        Raises:
            CaseError: a case is not well-formed, or a module cannot be imported.
        """
        catalogue = cls()
        for path in sorted(folder.rglob("[!_]*.py")):
            catalogue.cases += load_module(path)
        names = [c.id for c in catalogue.cases]
        for name in names:
            if names.count(name) > 1:
                raise CaseError(f"two cases have the id {name}")
        return catalogue

    def select(self, words: Sequence[str], document: str | None = None) -> list[LoadedCase]:
        """The cases whose id is, begins with or contains one of ``words`` (all, if there are none).

        Raises:
            CaseError: a word that matches no case; the message names the closest.
        """
        cases = [c for c in self.cases if document is None or c.document == document]
        if document is not None and not cases:
            known = ", ".join(sorted({c.document for c in self.cases}))
            raise CaseError(f"no document {document!r}; there are: {known}")
        if not words:
            return cases
        chosen: dict[str, LoadedCase] = {}
        for word in words:
            found = [c for c in cases if word in (c.id, c.name)] or [
                c for c in cases if word in c.id
            ]
            if not found:
                raise CaseError(f"no case matches {word!r}{self._closest(word, cases)}")
            chosen |= {c.id: c for c in found}
        return list(chosen.values())

    @staticmethod
    def _closest(word: str, cases: list[LoadedCase]) -> str:
        names = sorted({c.name for c in cases})
        name = word.split("[", maxsplit=1)[0].rsplit("/", maxsplit=1)[-1]
        return did_you_mean(name, names, alike=0.4, otherwise="; `lab list` shows what there is")
