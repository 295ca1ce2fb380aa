"""The claims of the lab's own documents, judged by a record, in the form that the report takes.

Apart from the rest of this package, which needs the record alone.
"""

from __future__ import annotations

from lab.claims import ClaimResult, evaluate
from lab.documents import Document, documents
from lab.record import RunRecord
from lab.report.html.claims import Claim


def claims_of(record: RunRecord) -> tuple[Claim, ...] | None:
    """The claims of the documents that the run's cases are about; ``None`` if there are none.

    Raises:
        DocumentError: a document file of the lab is broken.
    """
    known = documents()
    names = dict.fromkeys(case.document for case in record.cases)
    found = [known[name] for name in names if name in known]
    if not found:
        return None
    return tuple(_shown(doc, result) for doc in found for result in evaluate(doc, record))


def _shown(document: Document, result: ClaimResult) -> Claim:
    claim = result.claim
    section, condition = document.heading(claim.place), result.condition
    why = claim.untestable or claim.basis
    return Claim(
        id=claim.id,
        section_en=section.en,
        section_ja=section.ja,
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
    )
