"""Capabilities: what is asked of the builds in the containers, because packages move.

A distribution's library or program may stop to load a certificate, to speak a version or to offer one
without a change in its name. What an attempt does then follows from the answer of the very build, not
from what the packages did on the day on which somebody looked. ``lab/run/capabilities.py`` asks.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Loads:
    """The server's library loads this certificate of the catalogue, with its key, as a server's own."""

    certificate: str

    def __str__(self) -> str:
        return f"the server's library loads the certificate {self.certificate}"


@dataclass(frozen=True)
class Speaks:
    """The server's library has a cipher suite for this protocol version at its default security level."""

    version: str

    def __str__(self) -> str:
        return f"the server's library can speak {self.version}"


@dataclass(frozen=True)
class Accepts:
    """A listener with the attempt's settings agrees to this protocol version."""

    version: str

    def __str__(self) -> str:
        return f"the server accepts {self.version}"


@dataclass(frozen=True)
class Offers:
    """The client, with the attempt's settings, offers this protocol version."""

    version: str

    def __str__(self) -> str:
        return f"the client offers {self.version}"


Capability = Loads | Speaks | Accepts | Offers
