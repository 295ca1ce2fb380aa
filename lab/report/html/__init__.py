"""The record as one HTML file that needs nothing else: no network, no other file, no JavaScript.

``language`` has the report's own texts and sentences in both languages, ``quoting`` makes foreign texts
harmless and visible, ``sequence`` turns an outcome and a log into what happened stage by stage, ``cases``
arranges a record's cases, ``page`` what stands beside them, and writes the file. Data flows in that order.
"""

from lab.report.html.page import ReportError, render, write

__all__ = ["ReportError", "render", "write"]
