"""The cipher suites that OpenSSL has had a name for since 1.0.2, by their number on the wire.

Numbers are those of the IANA registry "TLS Cipher Suites"; names are OpenSSL's (``openssl ciphers -V``
of 1.0.2k, 3.5.1 and 3.5.7), because they are what configurations and logs of this field have. Suites
of pre-shared keys, SRP and Kerberos are left out: no end of the lab can use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lab.model import PROTOCOLS


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


_TABLE = """
0001  NULL-MD5                        SSLv3    RSA    RSA    NULL               MD5
0002  NULL-SHA                        SSLv3    RSA    RSA    NULL               SHA-1
0004  RC4-MD5                         SSLv3    RSA    RSA    RC4                MD5
0005  RC4-SHA                         SSLv3    RSA    RSA    RC4                SHA-1
0007  IDEA-CBC-SHA                    SSLv3    RSA    RSA    IDEA-CBC           SHA-1
000A  DES-CBC3-SHA                    SSLv3    RSA    RSA    3DES-CBC           SHA-1
000D  DH-DSS-DES-CBC3-SHA             SSLv3    DH     DSS    3DES-CBC           SHA-1
0010  DH-RSA-DES-CBC3-SHA             SSLv3    DH     RSA    3DES-CBC           SHA-1
0013  DHE-DSS-DES-CBC3-SHA            SSLv3    DHE    DSS    3DES-CBC           SHA-1
0016  DHE-RSA-DES-CBC3-SHA            SSLv3    DHE    RSA    3DES-CBC           SHA-1
0018  ADH-RC4-MD5                     SSLv3    DHE    none   RC4                MD5
001B  ADH-DES-CBC3-SHA                SSLv3    DHE    none   3DES-CBC           SHA-1
002F  AES128-SHA                      SSLv3    RSA    RSA    AES-128-CBC        SHA-1
0030  DH-DSS-AES128-SHA               SSLv3    DH     DSS    AES-128-CBC        SHA-1
0031  DH-RSA-AES128-SHA               SSLv3    DH     RSA    AES-128-CBC        SHA-1
0032  DHE-DSS-AES128-SHA              SSLv3    DHE    DSS    AES-128-CBC        SHA-1
0033  DHE-RSA-AES128-SHA              SSLv3    DHE    RSA    AES-128-CBC        SHA-1
0034  ADH-AES128-SHA                  SSLv3    DHE    none   AES-128-CBC        SHA-1
0035  AES256-SHA                      SSLv3    RSA    RSA    AES-256-CBC        SHA-1
0036  DH-DSS-AES256-SHA               SSLv3    DH     DSS    AES-256-CBC        SHA-1
0037  DH-RSA-AES256-SHA               SSLv3    DH     RSA    AES-256-CBC        SHA-1
0038  DHE-DSS-AES256-SHA              SSLv3    DHE    DSS    AES-256-CBC        SHA-1
0039  DHE-RSA-AES256-SHA              SSLv3    DHE    RSA    AES-256-CBC        SHA-1
003A  ADH-AES256-SHA                  SSLv3    DHE    none   AES-256-CBC        SHA-1
003B  NULL-SHA256                     TLSv1.2  RSA    RSA    NULL               SHA-256
003C  AES128-SHA256                   TLSv1.2  RSA    RSA    AES-128-CBC        SHA-256
003D  AES256-SHA256                   TLSv1.2  RSA    RSA    AES-256-CBC        SHA-256
003E  DH-DSS-AES128-SHA256            TLSv1.2  DH     DSS    AES-128-CBC        SHA-256
003F  DH-RSA-AES128-SHA256            TLSv1.2  DH     RSA    AES-128-CBC        SHA-256
0040  DHE-DSS-AES128-SHA256           TLSv1.2  DHE    DSS    AES-128-CBC        SHA-256
0041  CAMELLIA128-SHA                 SSLv3    RSA    RSA    CAMELLIA-128-CBC   SHA-1
0042  DH-DSS-CAMELLIA128-SHA          SSLv3    DH     DSS    CAMELLIA-128-CBC   SHA-1
0043  DH-RSA-CAMELLIA128-SHA          SSLv3    DH     RSA    CAMELLIA-128-CBC   SHA-1
0044  DHE-DSS-CAMELLIA128-SHA         SSLv3    DHE    DSS    CAMELLIA-128-CBC   SHA-1
0045  DHE-RSA-CAMELLIA128-SHA         SSLv3    DHE    RSA    CAMELLIA-128-CBC   SHA-1
0046  ADH-CAMELLIA128-SHA             SSLv3    DHE    none   CAMELLIA-128-CBC   SHA-1
0067  DHE-RSA-AES128-SHA256           TLSv1.2  DHE    RSA    AES-128-CBC        SHA-256
0068  DH-DSS-AES256-SHA256            TLSv1.2  DH     DSS    AES-256-CBC        SHA-256
0069  DH-RSA-AES256-SHA256            TLSv1.2  DH     RSA    AES-256-CBC        SHA-256
006A  DHE-DSS-AES256-SHA256           TLSv1.2  DHE    DSS    AES-256-CBC        SHA-256
006B  DHE-RSA-AES256-SHA256           TLSv1.2  DHE    RSA    AES-256-CBC        SHA-256
006C  ADH-AES128-SHA256               TLSv1.2  DHE    none   AES-128-CBC        SHA-256
006D  ADH-AES256-SHA256               TLSv1.2  DHE    none   AES-256-CBC        SHA-256
0084  CAMELLIA256-SHA                 SSLv3    RSA    RSA    CAMELLIA-256-CBC   SHA-1
0085  DH-DSS-CAMELLIA256-SHA          SSLv3    DH     DSS    CAMELLIA-256-CBC   SHA-1
0086  DH-RSA-CAMELLIA256-SHA          SSLv3    DH     RSA    CAMELLIA-256-CBC   SHA-1
0087  DHE-DSS-CAMELLIA256-SHA         SSLv3    DHE    DSS    CAMELLIA-256-CBC   SHA-1
0088  DHE-RSA-CAMELLIA256-SHA         SSLv3    DHE    RSA    CAMELLIA-256-CBC   SHA-1
0089  ADH-CAMELLIA256-SHA             SSLv3    DHE    none   CAMELLIA-256-CBC   SHA-1
0096  SEED-SHA                        SSLv3    RSA    RSA    SEED-CBC           SHA-1
0097  DH-DSS-SEED-SHA                 SSLv3    DH     DSS    SEED-CBC           SHA-1
0098  DH-RSA-SEED-SHA                 SSLv3    DH     RSA    SEED-CBC           SHA-1
0099  DHE-DSS-SEED-SHA                SSLv3    DHE    DSS    SEED-CBC           SHA-1
009A  DHE-RSA-SEED-SHA                SSLv3    DHE    RSA    SEED-CBC           SHA-1
009B  ADH-SEED-SHA                    SSLv3    DHE    none   SEED-CBC           SHA-1
009C  AES128-GCM-SHA256               TLSv1.2  RSA    RSA    AES-128-GCM        AEAD
009D  AES256-GCM-SHA384               TLSv1.2  RSA    RSA    AES-256-GCM        AEAD
009E  DHE-RSA-AES128-GCM-SHA256       TLSv1.2  DHE    RSA    AES-128-GCM        AEAD
009F  DHE-RSA-AES256-GCM-SHA384       TLSv1.2  DHE    RSA    AES-256-GCM        AEAD
00A0  DH-RSA-AES128-GCM-SHA256        TLSv1.2  DH     RSA    AES-128-GCM        AEAD
00A1  DH-RSA-AES256-GCM-SHA384        TLSv1.2  DH     RSA    AES-256-GCM        AEAD
00A2  DHE-DSS-AES128-GCM-SHA256       TLSv1.2  DHE    DSS    AES-128-GCM        AEAD
00A3  DHE-DSS-AES256-GCM-SHA384       TLSv1.2  DHE    DSS    AES-256-GCM        AEAD
00A4  DH-DSS-AES128-GCM-SHA256        TLSv1.2  DH     DSS    AES-128-GCM        AEAD
00A5  DH-DSS-AES256-GCM-SHA384        TLSv1.2  DH     DSS    AES-256-GCM        AEAD
00A6  ADH-AES128-GCM-SHA256           TLSv1.2  DHE    none   AES-128-GCM        AEAD
00A7  ADH-AES256-GCM-SHA384           TLSv1.2  DHE    none   AES-256-GCM        AEAD
00BA  CAMELLIA128-SHA256              TLSv1.2  RSA    RSA    CAMELLIA-128-CBC   SHA-256
00BD  DHE-DSS-CAMELLIA128-SHA256      TLSv1.2  DHE    DSS    CAMELLIA-128-CBC   SHA-256
00BE  DHE-RSA-CAMELLIA128-SHA256      TLSv1.2  DHE    RSA    CAMELLIA-128-CBC   SHA-256
00BF  ADH-CAMELLIA128-SHA256          TLSv1.2  DHE    none   CAMELLIA-128-CBC   SHA-256
00C0  CAMELLIA256-SHA256              TLSv1.2  RSA    RSA    CAMELLIA-256-CBC   SHA-256
00C3  DHE-DSS-CAMELLIA256-SHA256      TLSv1.2  DHE    DSS    CAMELLIA-256-CBC   SHA-256
00C4  DHE-RSA-CAMELLIA256-SHA256      TLSv1.2  DHE    RSA    CAMELLIA-256-CBC   SHA-256
00C5  ADH-CAMELLIA256-SHA256          TLSv1.2  DHE    none   CAMELLIA-256-CBC   SHA-256
1301  TLS_AES_128_GCM_SHA256          TLSv1.3  any    any    AES-128-GCM        AEAD
1302  TLS_AES_256_GCM_SHA384          TLSv1.3  any    any    AES-256-GCM        AEAD
1303  TLS_CHACHA20_POLY1305_SHA256    TLSv1.3  any    any    CHACHA20-POLY1305  AEAD
1304  TLS_AES_128_CCM_SHA256          TLSv1.3  any    any    AES-128-CCM        AEAD
C001  ECDH-ECDSA-NULL-SHA             SSLv3    ECDH   ECDSA  NULL               SHA-1
C002  ECDH-ECDSA-RC4-SHA              SSLv3    ECDH   ECDSA  RC4                SHA-1
C003  ECDH-ECDSA-DES-CBC3-SHA         SSLv3    ECDH   ECDSA  3DES-CBC           SHA-1
C004  ECDH-ECDSA-AES128-SHA           SSLv3    ECDH   ECDSA  AES-128-CBC        SHA-1
C005  ECDH-ECDSA-AES256-SHA           SSLv3    ECDH   ECDSA  AES-256-CBC        SHA-1
C006  ECDHE-ECDSA-NULL-SHA            SSLv3    ECDHE  ECDSA  NULL               SHA-1
C007  ECDHE-ECDSA-RC4-SHA             SSLv3    ECDHE  ECDSA  RC4                SHA-1
C008  ECDHE-ECDSA-DES-CBC3-SHA        SSLv3    ECDHE  ECDSA  3DES-CBC           SHA-1
C009  ECDHE-ECDSA-AES128-SHA          SSLv3    ECDHE  ECDSA  AES-128-CBC        SHA-1
C00A  ECDHE-ECDSA-AES256-SHA          SSLv3    ECDHE  ECDSA  AES-256-CBC        SHA-1
C00B  ECDH-RSA-NULL-SHA               SSLv3    ECDH   RSA    NULL               SHA-1
C00C  ECDH-RSA-RC4-SHA                SSLv3    ECDH   RSA    RC4                SHA-1
C00D  ECDH-RSA-DES-CBC3-SHA           SSLv3    ECDH   RSA    3DES-CBC           SHA-1
C00E  ECDH-RSA-AES128-SHA             SSLv3    ECDH   RSA    AES-128-CBC        SHA-1
C00F  ECDH-RSA-AES256-SHA             SSLv3    ECDH   RSA    AES-256-CBC        SHA-1
C010  ECDHE-RSA-NULL-SHA              SSLv3    ECDHE  RSA    NULL               SHA-1
C011  ECDHE-RSA-RC4-SHA               SSLv3    ECDHE  RSA    RC4                SHA-1
C012  ECDHE-RSA-DES-CBC3-SHA          SSLv3    ECDHE  RSA    3DES-CBC           SHA-1
C013  ECDHE-RSA-AES128-SHA            SSLv3    ECDHE  RSA    AES-128-CBC        SHA-1
C014  ECDHE-RSA-AES256-SHA            SSLv3    ECDHE  RSA    AES-256-CBC        SHA-1
C015  AECDH-NULL-SHA                  SSLv3    ECDHE  none   NULL               SHA-1
C016  AECDH-RC4-SHA                   SSLv3    ECDHE  none   RC4                SHA-1
C017  AECDH-DES-CBC3-SHA              SSLv3    ECDHE  none   3DES-CBC           SHA-1
C018  AECDH-AES128-SHA                SSLv3    ECDHE  none   AES-128-CBC        SHA-1
C019  AECDH-AES256-SHA                SSLv3    ECDHE  none   AES-256-CBC        SHA-1
C023  ECDHE-ECDSA-AES128-SHA256       TLSv1.2  ECDHE  ECDSA  AES-128-CBC        SHA-256
C024  ECDHE-ECDSA-AES256-SHA384       TLSv1.2  ECDHE  ECDSA  AES-256-CBC        SHA-384
C025  ECDH-ECDSA-AES128-SHA256        TLSv1.2  ECDH   ECDSA  AES-128-CBC        SHA-256
C026  ECDH-ECDSA-AES256-SHA384        TLSv1.2  ECDH   ECDSA  AES-256-CBC        SHA-384
C027  ECDHE-RSA-AES128-SHA256         TLSv1.2  ECDHE  RSA    AES-128-CBC        SHA-256
C028  ECDHE-RSA-AES256-SHA384         TLSv1.2  ECDHE  RSA    AES-256-CBC        SHA-384
C029  ECDH-RSA-AES128-SHA256          TLSv1.2  ECDH   RSA    AES-128-CBC        SHA-256
C02A  ECDH-RSA-AES256-SHA384          TLSv1.2  ECDH   RSA    AES-256-CBC        SHA-384
C02B  ECDHE-ECDSA-AES128-GCM-SHA256   TLSv1.2  ECDHE  ECDSA  AES-128-GCM        AEAD
C02C  ECDHE-ECDSA-AES256-GCM-SHA384   TLSv1.2  ECDHE  ECDSA  AES-256-GCM        AEAD
C02D  ECDH-ECDSA-AES128-GCM-SHA256    TLSv1.2  ECDH   ECDSA  AES-128-GCM        AEAD
C02E  ECDH-ECDSA-AES256-GCM-SHA384    TLSv1.2  ECDH   ECDSA  AES-256-GCM        AEAD
C02F  ECDHE-RSA-AES128-GCM-SHA256     TLSv1.2  ECDHE  RSA    AES-128-GCM        AEAD
C030  ECDHE-RSA-AES256-GCM-SHA384     TLSv1.2  ECDHE  RSA    AES-256-GCM        AEAD
C031  ECDH-RSA-AES128-GCM-SHA256      TLSv1.2  ECDH   RSA    AES-128-GCM        AEAD
C032  ECDH-RSA-AES256-GCM-SHA384      TLSv1.2  ECDH   RSA    AES-256-GCM        AEAD
C050  ARIA128-GCM-SHA256              TLSv1.2  RSA    RSA    ARIA-128-GCM       AEAD
C051  ARIA256-GCM-SHA384              TLSv1.2  RSA    RSA    ARIA-256-GCM       AEAD
C052  DHE-RSA-ARIA128-GCM-SHA256      TLSv1.2  DHE    RSA    ARIA-128-GCM       AEAD
C053  DHE-RSA-ARIA256-GCM-SHA384      TLSv1.2  DHE    RSA    ARIA-256-GCM       AEAD
C056  DHE-DSS-ARIA128-GCM-SHA256      TLSv1.2  DHE    DSS    ARIA-128-GCM       AEAD
C057  DHE-DSS-ARIA256-GCM-SHA384      TLSv1.2  DHE    DSS    ARIA-256-GCM       AEAD
C05C  ECDHE-ECDSA-ARIA128-GCM-SHA256  TLSv1.2  ECDHE  ECDSA  ARIA-128-GCM       AEAD
C05D  ECDHE-ECDSA-ARIA256-GCM-SHA384  TLSv1.2  ECDHE  ECDSA  ARIA-256-GCM       AEAD
C060  ECDHE-ARIA128-GCM-SHA256        TLSv1.2  ECDHE  RSA    ARIA-128-GCM       AEAD
C061  ECDHE-ARIA256-GCM-SHA384        TLSv1.2  ECDHE  RSA    ARIA-256-GCM       AEAD
C072  ECDHE-ECDSA-CAMELLIA128-SHA256  TLSv1.2  ECDHE  ECDSA  CAMELLIA-128-CBC   SHA-256
C073  ECDHE-ECDSA-CAMELLIA256-SHA384  TLSv1.2  ECDHE  ECDSA  CAMELLIA-256-CBC   SHA-384
C076  ECDHE-RSA-CAMELLIA128-SHA256    TLSv1.2  ECDHE  RSA    CAMELLIA-128-CBC   SHA-256
C077  ECDHE-RSA-CAMELLIA256-SHA384    TLSv1.2  ECDHE  RSA    CAMELLIA-256-CBC   SHA-384
C09C  AES128-CCM                      TLSv1.2  RSA    RSA    AES-128-CCM        AEAD
C09D  AES256-CCM                      TLSv1.2  RSA    RSA    AES-256-CCM        AEAD
C09E  DHE-RSA-AES128-CCM              TLSv1.2  DHE    RSA    AES-128-CCM        AEAD
C09F  DHE-RSA-AES256-CCM              TLSv1.2  DHE    RSA    AES-256-CCM        AEAD
C0A0  AES128-CCM8                     TLSv1.2  RSA    RSA    AES-128-CCM8       AEAD
C0A1  AES256-CCM8                     TLSv1.2  RSA    RSA    AES-256-CCM8       AEAD
C0A2  DHE-RSA-AES128-CCM8             TLSv1.2  DHE    RSA    AES-128-CCM8       AEAD
C0A3  DHE-RSA-AES256-CCM8             TLSv1.2  DHE    RSA    AES-256-CCM8       AEAD
C0AC  ECDHE-ECDSA-AES128-CCM          TLSv1.2  ECDHE  ECDSA  AES-128-CCM        AEAD
C0AD  ECDHE-ECDSA-AES256-CCM          TLSv1.2  ECDHE  ECDSA  AES-256-CCM        AEAD
C0AE  ECDHE-ECDSA-AES128-CCM8         TLSv1.2  ECDHE  ECDSA  AES-128-CCM8       AEAD
C0AF  ECDHE-ECDSA-AES256-CCM8         TLSv1.2  ECDHE  ECDSA  AES-256-CCM8       AEAD
CCA8  ECDHE-RSA-CHACHA20-POLY1305     TLSv1.2  ECDHE  RSA    CHACHA20-POLY1305  AEAD
CCA9  ECDHE-ECDSA-CHACHA20-POLY1305   TLSv1.2  ECDHE  ECDSA  CHACHA20-POLY1305  AEAD
CCAA  DHE-RSA-CHACHA20-POLY1305       TLSv1.2  DHE    RSA    CHACHA20-POLY1305  AEAD
"""

#: By number, in the order of the registry.
SUITES: Mapping[int, Suite] = MappingProxyType(
    {
        int(number, 16): Suite(int(number, 16), *columns)
        for number, *columns in (line.split() for line in _TABLE.split("\n") if line)
    }
)

_BY_NAME = {suite.name: suite for suite in SUITES.values()}

#: Values in a list of suites that are signals and no suites: TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC
#: 5746) and TLS_FALLBACK_SCSV (RFC 7507).
SIGNALS = frozenset({0x00FF, 0x5600})


def suite_of(number: int) -> Suite:
    """The suite of this number; one that is not in the table is named by its number alone."""
    known = SUITES.get(number)
    if known is not None:
        return known
    return Suite(number, f"0x{number:04X}", "TLSv1.2", "unknown", "unknown", "unknown", "unknown")


def suite_named(name: str) -> Suite | None:
    """The suite that OpenSSL calls so; ``None``: not in the table.

    OpenSSL before 1.1.0 wrote ``EDH`` where later versions write ``DHE``.
    """
    return _BY_NAME.get(name) or _BY_NAME.get(name.replace("EDH-", "DHE-", 1))
