"""Versions of SSL and TLS, and ranges of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Self

from pydantic_core import core_schema

#: Protocol versions in ascending order, spelt as OpenSSL and the field spell them.
PROTOCOLS = ("SSLv3", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")


@dataclass(frozen=True)
class ProtocolRange:
    """A closed range of protocol versions; an open end is ``None``.

    Written ``TLSv1.2`` (that version only), ``TLSv1..TLSv1.2``, ``..TLSv1.2`` or ``TLSv1.2..``.
    """

    minimum: str | None = None
    maximum: str | None = None

    def __post_init__(self) -> None:
        for version in (self.minimum, self.maximum):
            if version is not None and version not in PROTOCOLS:
                raise ValueError(
                    f"unknown protocol version {version!r}: write one of {', '.join(PROTOCOLS)}"
                )
        if (
            self.minimum
            and self.maximum
            and PROTOCOLS.index(self.minimum) > PROTOCOLS.index(self.maximum)
        ):
            raise ValueError(
                f"the protocol range {self} is empty: its minimum is above its maximum"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the written form.

        Raises:
            ValueError: a version that is not in :data:`PROTOCOLS`, or an empty range.
        """
        if ".." in text:
            low, _, high = text.partition("..")
            return cls(low or None, high or None)
        if not text:
            raise ValueError(
                "a protocol range is empty: write for example TLSv1.2 or TLSv1..TLSv1.2"
            )
        return cls(text, text)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        """In the record it is the written form."""
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls.parse(str(value)),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: Any, _handler: Any) -> dict[str, Any]:
        version = "|".join(map(re.escape, PROTOCOLS))
        return {"type": "string", "pattern": rf"^({version}|({version})?\.\.({version})?)$"}

    def versions(self) -> tuple[str, ...]:
        """The versions in the range, ascending; an open end reaches to the end of :data:`PROTOCOLS`."""
        low = PROTOCOLS.index(self.minimum) if self.minimum else 0
        high = PROTOCOLS.index(self.maximum) if self.maximum else len(PROTOCOLS) - 1
        return PROTOCOLS[low : high + 1]

    def __contains__(self, version: object) -> bool:
        return version in self.versions()

    def __str__(self) -> str:
        if self.minimum == self.maximum:
            return self.minimum or ".."
        return f"{self.minimum or ''}..{self.maximum or ''}"


def up_to(version: str) -> ProtocolRange:
    """Every version up to and including ``version``."""
    return ProtocolRange(None, version)


def from_(version: str) -> ProtocolRange:
    """Every version from ``version`` on."""
    return ProtocolRange(version, None)


def only(version: str) -> ProtocolRange:
    """Exactly ``version``."""
    return ProtocolRange(version, version)
