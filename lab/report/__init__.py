"""Reports: what a record says, for people. They read the record and nothing else.

``view`` groups a record's cases and turns its parts into plain text; ``layout`` breaks that into lines, and
``terminal`` prints it. ``plain`` is the text on claims and comparisons, ``markdown`` the summary for a CI
job's page, and ``html`` the page about a run.
"""
