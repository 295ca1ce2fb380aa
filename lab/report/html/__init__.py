"""The record as one HTML file that needs nothing else: no network, no other file, no JavaScript.

``language`` has the report's own texts in both languages, ``quoting`` makes foreign texts harmless and
visible, ``signs`` and ``sequence`` turn outcomes into pictures, ``view`` arranges a record into what the
templates show, ``render`` puts the page together. Data flows in that order; nothing here reads more than
the record.
"""

from lab.report.html.render import ReportError, render, write
from lab.report.html.view import Claim

__all__ = ["Claim", "ReportError", "render", "write"]
