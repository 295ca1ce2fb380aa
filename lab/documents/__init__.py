"""What the documents assert, a folder each: claims, their places, and what tests them.

``forms.py`` is the form of ``NAME/claims.toml``, ``lint.py`` compares it with the cases there are,
``verdicts.py`` makes the verdicts of a run; :mod:`lab.report.claims` writes them for people.
``NAME/messages.toml`` has the vendor's names of errors. ``docs/claims.md`` says how to add a claim.
"""

from lab.documents.forms import (
    LANGUAGES,
    WHERE,
    Bilingual,
    Claim,
    ClaimVerdict,
    Condition,
    Document,
    DocumentError,
    Language,
    Passage,
    Section,
    Test,
    documents,
    parse,
)

__all__ = [
    "LANGUAGES",
    "WHERE",
    "Bilingual",
    "Claim",
    "ClaimVerdict",
    "Condition",
    "Document",
    "DocumentError",
    "Language",
    "Passage",
    "Section",
    "Test",
    "documents",
    "parse",
]
