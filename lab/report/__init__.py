"""Reports: what a record says, for people. They read the record and nothing else.

``view`` groups a record's cases; ``words`` turns parts of it into plain text, ``claims`` and ``changes``
verdicts on claims and comparisons; ``layout`` breaks it into lines and ``terminal`` prints it.
``markdown`` is the summary for a CI job's page, and ``html`` the page about a run.
"""
