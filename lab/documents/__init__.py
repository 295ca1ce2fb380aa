"""What the documents assert, one TOML file each: claims, their places, and what tests them.

``forms.py`` is the files' form, ``lint.py`` compares them with the cases there are; :mod:`lab.claims` makes
the verdicts, :mod:`lab.report.claims` writes them for people. ``docs/claims.md`` says how to add a claim.
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
    Place,
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
    "Place",
    "Section",
    "Test",
    "documents",
    "parse",
]
