"""A containerized interoperability lab for TLS and FTPS.

The packages, in the direction in which data flows:

``model`` (settings, attempt, outcome) -> ``servers`` and ``programs`` (settings to configuration and
request) -> ``stack`` (the running topology) -> ``agents`` (inside the containers) -> ``dialects`` (what
a program said, as a reason) -> ``run`` (attempts, expectations, verdicts) -> ``record`` -> ``report``.
"""

__version__ = "0.1.0"
