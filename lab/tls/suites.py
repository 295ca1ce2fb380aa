"""The cipher suites that OpenSSL has had a name for since 1.0.2, by their number on the wire.

Numbers are those of the IANA registry "TLS Cipher Suites"; names are OpenSSL's (``openssl ciphers -V``
of the libraries in the lab's images), because they are what configurations and logs of this field have.
Suites of pre-shared keys, SRP and Kerberos are left out: no end of the lab can use them. ``make suites``
writes the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lab.model import PROTOCOLS
from lab.tls.records import table


@dataclass(frozen=True, order=True)
class Suite:
    """One cipher suite.

    ``key_exchange`` is RSA, DHE, ECDHE, DH or ECDH; ``authentication`` the kind of key that the
    server's certificate needs (RSA, ECDSA, DSS), or none; both are ``any`` in TLS 1.3, which settles
    them apart. ``first`` is the oldest protocol version that has it.
    """

    number: int
    name: str
    first: str
    key_exchange: str
    authentication: str
    encryption: str
    mac: str

    def usable_in(self, version: str) -> bool:
        """Whether the protocol ``version`` has it: TLS 1.3 has suites of its own, and no other.

        Source: RFC 8446, appendix B.4; RFC 5246, section 1.2, for suites that TLS 1.2 brought.
        """
        if "TLSv1.3" in (version, self.first):
            return version == self.first
        return PROTOCOLS.index(version) >= PROTOCOLS.index(self.first)

    def __str__(self) -> str:
        return self.name


#: By number, in the order of the registry.
SUITES: Mapping[int, Suite] = MappingProxyType(
    {int(number, 16): Suite(int(number, 16), *columns) for number, *columns in table("suites.tsv")}
)

_BY_NAME = {suite.name: suite for suite in SUITES.values()}

#: Values in a list of suites that are signals and no suites: TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC
#: 5746) and TLS_FALLBACK_SCSV (RFC 7507).
SIGNALS = frozenset({0x00FF, 0x5600})


def suite_of(number: int) -> Suite:
    """The suite of this number; one that is not in the table is named by its number alone."""
    unknown = ("unknown",) * 4
    return SUITES.get(number) or Suite(number, f"0x{number:04X}", "TLSv1.2", *unknown)


def suite_named(name: str) -> Suite | None:
    """The suite that OpenSSL calls so; ``None``: not in the table.

    OpenSSL before 1.1.0 wrote ``EDH`` where later versions write ``DHE``.
    """
    return _BY_NAME.get(name) or _BY_NAME.get(name.replace("EDH-", "DHE-", 1))
