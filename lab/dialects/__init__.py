"""From raw words to a reason.

``words.py`` reads the dialects, which give names to what programs say: ``dialect*.toml`` in the folder of
each client and server, and one file here for each library that several share. ``rules.py`` reads
``ftps.toml`` and ``web.toml``, which say what these names mean together; ``interpret.py`` applies both to
an observation. Nowhere else is the text of a program matched.
"""

from lab.dialects.interpret import Refusal, decide, hear, interpret
from lab.dialects.rules import Heard, Rule, Rules, rule_list, rules_of
from lab.dialects.words import (
    ClientDialect,
    DialectError,
    ServerDialect,
    client_dialect,
    server_dialect,
    x509_numbers,
)

__all__ = [
    "ClientDialect",
    "DialectError",
    "Heard",
    "Refusal",
    "Rule",
    "Rules",
    "ServerDialect",
    "client_dialect",
    "decide",
    "hear",
    "interpret",
    "rule_list",
    "rules_of",
    "server_dialect",
    "x509_numbers",
]
