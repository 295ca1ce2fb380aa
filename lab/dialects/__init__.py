"""From raw words to a reason.

``words.py`` reads the dialects - one TOML file for each program, library and server, which gives names
to what they say; ``rules.py`` reads ``ftps.toml`` and ``web.toml``, which say what these names mean
together; ``interpret.py`` applies both to an observation; ``edge_log.py`` reads ``edge-log.toml``, by which
the edge tells its visitors what nginx logged. Nowhere else is the text of a program matched.
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
