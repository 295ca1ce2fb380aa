"""The groups for DHE suites that a server can be given: those of the RFCs, by their size.

Each prime is ``2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + k)``, with the number 2 as the generator.
Sources: RFC 2409, sections 6.1 and 6.2 (768 and 1024 bits); RFC 3526 (the others). The file has the form
of PKCS #3, section 9 (``DHParameter``), in DER (X.690, sections 8.1.3 and 8.3) and PEM (RFC 7468).
"""

from __future__ import annotations

import base64
import functools
import textwrap
from collections.abc import Mapping
from types import MappingProxyType

#: The constant ``k`` by the number of bits.
_OFFSETS: Mapping[int, int] = MappingProxyType(
    {
        768: 149686,
        1024: 129093,
        1536: 741804,
        2048: 124476,
        3072: 1690314,
        4096: 240904,
        6144: 929484,
        8192: 4743158,
    }
)
#: The sizes that there are, in bits.
SIZES = tuple(_OFFSETS)

_INTEGER, _SEQUENCE = 0x02, 0x30


@functools.cache
def prime(bits: int) -> int:
    """The prime of the group of this size.

    Raises:
        KeyError: a size that is not in :data:`SIZES`.
    """
    return (1 << bits) - (1 << (bits - 64)) - 1 + ((_pi(bits - 130) + _OFFSETS[bits]) << 64)


@functools.cache
def pem(bits: int) -> str:
    """The group as a file of DH parameters; raises like :func:`prime`."""
    encoded = base64.b64encode(_der(_SEQUENCE, _integer(prime(bits)) + _integer(2))).decode("ascii")
    lines = textwrap.wrap(encoded, 64)
    return "\n".join(["-----BEGIN DH PARAMETERS-----", *lines, "-----END DH PARAMETERS-----", ""])


def _integer(value: int) -> bytes:
    # One bit more than the value has: it is positive.
    return _der(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def _pi(bits: int) -> int:
    """``floor(2^bits * pi)``, with Machin's formula: pi/4 = 4 arctan(1/5) - arctan(1/239)."""
    spare = 64
    one = 1 << (bits + spare)
    return (4 * (4 * _arctan(one, 5) - _arctan(one, 239))) >> spare


def _arctan(one: int, inverse: int) -> int:
    """``one * arctan(1 / inverse)``, by its power series."""
    term, total, n = one // inverse, 0, 0
    while term:
        total += (-term if n % 2 else term) // (2 * n + 1)
        term //= inverse * inverse
        n += 1
    return total
