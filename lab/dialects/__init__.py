"""From raw words to a reason.

One TOML file for each program lists how it words a reason; ``interpret`` applies them to an
observation. Nowhere else is the text of a program matched.
"""

from lab.dialects.interpret import interpret
from lab.dialects.rules import Dialect, DialectError, ServerDialect, dialect_of, server_dialect_of

__all__ = [
    "Dialect",
    "DialectError",
    "ServerDialect",
    "dialect_of",
    "interpret",
    "server_dialect_of",
]
