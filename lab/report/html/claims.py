"""Claims of a document as the report shows them: texts in both languages, and the run's verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of a document with the verdict of the run."""

    id: str
    section_en: str
    section_ja: str
    text_en: str
    text_ja: str
    verdict: str
    """``confirmed``, ``refuted``, ``conditional``, ``not-testable-here`` or ``not-run``."""
    platforms: Mapping[str, str] = field(default_factory=dict)
    """The verdict on each platform, e.g. ``{"rocky9:FIPS": "confirmed"}``."""
    condition_en: str = ""
    condition_ja: str = ""
    why_en: str = ""
    """How the verdict follows, or why nothing can be tested."""
    why_ja: str = ""
    cases: tuple[str, ...] = ()
    """Names of the cases that test it."""
    stand_ins: tuple[str, ...] = ()
    """Images among theirs that only stand in for a distribution."""
    surprises: int = 0
    """How many attempts behind the verdict did not do what their own case expects."""
