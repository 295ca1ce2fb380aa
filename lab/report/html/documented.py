"""The claims of the lab's own documents, judged by a record, in the form that the report takes.

Apart from the rest of this package, which needs the record alone.
"""

from __future__ import annotations

from lab.documents import Document, documents
from lab.documents.verdicts import ClaimResult, evaluate
from lab.record import RunRecord
from lab.report.html.claims import Claim


def claims_of(record: RunRecord) -> tuple[Claim, ...] | None:
    """The claims of every document that the run tests; ``None`` if it tests none.

    Raises:
        DocumentError: a document file of the lab is broken.
    """
    found: list[Claim] = []
    for document in documents().values():
        results = evaluate(document, record)
        if any(result.made for result in results):
            found += [_shown(document, result) for result in results]
    return tuple(found) or None


def _shown(document: Document, result: ClaimResult) -> Claim:
    claim = result.claim
    section, condition = document.heading(claim.place), result.condition
    why = claim.untestable or claim.basis
    return Claim(
        id=claim.id,
        # The sections of every document are in one list.
        section_en=f"{document.id}: {section.en}",
        section_ja=f"{document.id}: {section.ja}",
        text_en=claim.text.en,
        text_ja=claim.text.ja,
        verdict=str(result.verdict),
        platforms={where: str(verdict) for where, verdict in result.where.items()},
        condition_en=condition.en if condition else "",
        condition_ja=condition.ja if condition else "",
        why_en=why.en if why else "",
        why_ja=why.ja if why else "",
        cases=tuple(dict.fromkeys(test.case for test in claim.tests)),
        stand_ins=result.stand_ins,
        surprises=len(result.surprises),
    )
