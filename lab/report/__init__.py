"""Reports: what a record says, for people. They read the record and nothing else.

``view`` groups a record's cases; ``words`` and ``wire`` turn parts of it into plain text; ``terminal`` lays
that out, ``markdown`` is the summary for a CI job's page, and ``html`` the page about a run. ``suites`` and
``scans`` lay out what has no record: the answers of `lab suites` and `lab scan`.
"""
