"""A containerized interoperability lab for TLS and FTPS.

What an attempt passes through, in the direction in which data flows:

``model`` (settings, attempt, outcome) -> ``servers`` and ``programs`` (settings to configuration and
request) -> ``stack`` (the running topology) -> ``agents`` (inside the containers) -> ``dialects`` (what
a program said, as a reason) -> ``run`` (attempts, expectations, verdicts) -> ``record`` -> ``report``.

What it takes: ``cases``, ``inputs`` (an operator's own files), ``certificates``, ``engine``, ``images``.
What it looks into: ``tls`` (hellos, suites), ``wire`` (captures). What is made of records: ``claims`` of
``documents``, ``compare``. ``cli`` is the command, ``doctor`` says what a machine lacks.
"""

__version__ = "0.1.0"
