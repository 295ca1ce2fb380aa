"""Option values of IO::Socket::SSL, read as the module reads them.

Source: ``IO/Socket/SSL.pm`` 2.081, ``SSL_Context::new``.
"""

from __future__ import annotations

import re

from lab.model import PROTOCOLS, ProtocolRange
from lab.text import cut

_VERSION = re.compile(r"(!?)(?:SSL(v2|v3|v23|v2/3)|TLSv1(?:_?([123]))?)", re.IGNORECASE | re.ASCII)
_FINGERPRINT = re.compile(r"(?:([\w-]+)\$)?(pub\$)?([a-f\d:]+)", re.IGNORECASE | re.ASCII)
_SHA256_DIGITS = 64
_ANY = "SSLv23"
_BLANKS = " \t\n\r\f\v"


def protocols(text: str) -> ProtocolRange:
    """The range of versions that an ``SSL_version`` allows.

    Raises:
        ValueError: the module dies of this value; it allows nothing; or what it allows is no range
            (a version in the middle is switched off).
    """
    chosen: str | None = None
    off: set[str] = set()
    first, *others = text.split(":")
    # As `split /\s*:\s*/` does it: blanks before the first part and behind the last one stay.
    parts = [part.strip(_BLANKS) for part in others]
    if others:
        first = first.rstrip(_BLANKS)
        parts[-1] = others[-1].lstrip(_BLANKS)
    parts = [first, *parts]
    while parts and not parts[-1]:  # Perl's split drops empty parts at the end
        parts.pop()
    for part in parts:
        match = _VERSION.fullmatch(part)
        if match is None:
            raise ValueError(
                f"IO::Socket::SSL dies of it (`invalid SSL_version specified`): {cut(part)!r} is no version"
                f"{_meant(part)}"
            )
        version = _spelt(match)
        if match[1]:
            off.add(version)
        elif chosen is not None and (chosen != version or _has_two_spellings(part)):
            raise ValueError(
                "IO::Socket::SSL dies of it (`cannot set multiple SSL protocols in SSL_version`):"
                " write one version, or SSLv23 with the others switched off (SSLv23:!SSLv3:!TLSv1)"
            )
        else:
            chosen = version
    inside = [
        version
        for version in PROTOCOLS
        if version not in off and (chosen in (None, _ANY) or version == chosen)
    ]
    if not inside:
        raise ValueError("it leaves no version that a TLS library of today speaks")
    low, high = PROTOCOLS.index(inside[0]), PROTOCOLS.index(inside[-1])
    if len(inside) != high - low + 1:
        raise ValueError(f"it leaves {', '.join(inside)}, which is no range")
    open_above = chosen in (None, _ANY) and inside[-1] == PROTOCOLS[-1]
    return ProtocolRange(inside[0], None if open_above else inside[-1])


def _spelt(match: re.Match[str]) -> str:
    """The version as :data:`PROTOCOLS` spells it, ``SSLv23`` for any, ``SSLv2`` for that."""
    ssl, minor = match[2], match[3]
    if ssl is not None:
        return {"v2": "SSLv2", "v3": "SSLv3"}.get(ssl.lower(), _ANY)
    return f"TLSv1.{minor}" if minor else "TLSv1"


def _has_two_spellings(part: str) -> bool:
    """TLSv12 and SSLv2/3: the module compares them as written with its own spelling of the first."""
    return "/" in part or (part[-2:].isdigit() and not part.lower().startswith("ssl"))


def _meant(part: str) -> str:
    digits = re.fullmatch(r"!?(?:TLS)?v?1[._]?([0123])", part, re.IGNORECASE | re.ASCII)
    if digits is None:
        return "; versions are SSLv23, TLSv1, TLSv1_1, TLSv1_2, TLSv1_3"
    minor = digits[1]
    negation = "!" if part.startswith("!") else ""
    return f"; write {negation}TLSv1{'' if minor == '0' else '_' + minor}"


def sha256_fingerprint(text: str) -> str | None:
    """The certificate that an ``SSL_fingerprint`` pins: SHA-256 in lower-case digits.

    Returns:
        ``None`` for a fingerprint of another kind: another hash, or of the public key.

    Raises:
        ValueError: the module refuses this value.
    """
    match = _FINGERPRINT.fullmatch(text)
    if match is None:
        raise ValueError(f"IO::Socket::SSL refuses it (`invalid fingerprint '{cut(text)}'`)")
    digits = match[3].replace(":", "").lower()
    algorithm = (match[1] or "").lower()
    if match[2] or algorithm not in ("", "sha256") or len(digits) != _SHA256_DIGITS:
        return None
    return digits
