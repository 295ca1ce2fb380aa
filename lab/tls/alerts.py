"""The alerts of TLS by their numbers.

Sources: RFC 5246, section 7.2; RFC 8446, section 6; the IANA registry "TLS Alerts"; RFC 6101, section 5.4.2
(41, of SSLv3).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

ALERTS: Mapping[int, str] = MappingProxyType(
    {
        0: "close_notify",
        10: "unexpected_message",
        20: "bad_record_mac",
        21: "decryption_failed",
        22: "record_overflow",
        30: "decompression_failure",
        40: "handshake_failure",
        41: "no_certificate",
        42: "bad_certificate",
        43: "unsupported_certificate",
        44: "certificate_revoked",
        45: "certificate_expired",
        46: "certificate_unknown",
        47: "illegal_parameter",
        48: "unknown_ca",
        49: "access_denied",
        50: "decode_error",
        51: "decrypt_error",
        60: "export_restriction",
        70: "protocol_version",
        71: "insufficient_security",
        80: "internal_error",
        86: "inappropriate_fallback",
        90: "user_canceled",
        100: "no_renegotiation",
        109: "missing_extension",
        110: "unsupported_extension",
        111: "certificate_unobtainable",
        112: "unrecognized_name",
        113: "bad_certificate_status_response",
        114: "bad_certificate_hash_value",
        115: "unknown_psk_identity",
        116: "certificate_required",
        120: "no_application_protocol",
        121: "ech_required",
    }
)

#: Alerts that end nothing, or end it in good order, whatever the version.
_NO_ERRORS = frozenset({0, 90, 100})
WARNING, FATAL = 1, 2


def alert_name(number: int) -> str:
    """What an alert is called; one that is not in the registry, by its number alone."""
    return ALERTS.get(number, f"alert_{number}")


def is_fatal(level: int, number: int, version: str | None) -> bool:
    """Whether an alert ends the handshake.

    Args:
        level: as it was sent; TLS 1.3 does not look at it (RFC 8446, section 6).
        number: which alert.
        version: the version that the server has chosen, if it has.
    """
    if number in _NO_ERRORS:
        return False
    return level == FATAL or version == "TLSv1.3"
