"""The record as one HTML file that needs nothing else: no network, no other file, no JavaScript.

``language`` has the report's own texts in both languages, ``quoting`` makes foreign texts harmless and
visible, ``signs`` and ``sequence`` turn outcomes into pictures, ``attempts``, ``cases`` and ``page``
arrange a record into what the templates show, ``render`` puts the page together. Data flows in that
order; nothing here reads more than the record. ``claims`` is the form in which the report takes the claims of
documents; ``documented`` stands apart: it judges the lab's documents by a record, in that form.
"""

from lab.report.html.claims import Claim
from lab.report.html.render import ReportError, render, write

__all__ = ["Claim", "ReportError", "render", "write"]
