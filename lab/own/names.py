"""Names of hosts as people write them: what is one, and whose it is."""

from __future__ import annotations

import re

from lab.certificates import ZONE
from lab.text import is_address

_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
#: The longest name that DNS has (RFC 1035, section 2.3.4), as text.
_LONGEST = 253


def is_host_name(text: str) -> bool:
    """Whether it can be a host's name; an address is none."""
    named = _HOST.fullmatch(text) is not None and len(text.rstrip(".")) <= _LONGEST
    return named and not is_address(text)


def is_of_the_lab(name: str) -> bool:
    """Whether a name is in the lab's own zone, and so meant as it is."""
    return name == ZONE or name.endswith(f".{ZONE}")


def matches(pattern: str, host: str) -> bool:
    """Whether a name of a certificate is that of a host: the same, or with ``*`` for its first label.

    Source: RFC 6125, section 6.4.3, as OpenSSL's ``X509_check_host(3)`` has it.
    """
    pattern, host = pattern.lower(), host.lower()
    label, _, below = host.partition(".")
    return pattern == host or (pattern == f"*.{below}" and bool(label) and "." in below)
