"""What programs on GnuTLS have in common: the priority strings that they take, the log that they can write.

The log is GnuTLS's own (``GNUTLS_DEBUG_LEVEL`` 5, or a program's option for it), each line behind a mark of
the program's: ``GNUTLS: ``, ``gnutls[4]: ``, ``|<4>| ``. Sources: "Priority strings" and "Debugging and
auditing" of the GnuTLS manual; logs of 3.7.9 and 3.8.9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lab.clients.base import NUMBERS
from lab.model import PROTOCOLS, ProtocolRange
from lab.tls.suites import suite_of

_LINE = re.compile(r"(?:GNUTLS: |gnutls\[\d+\]: |\|<\d+>\| )(.*)$")
_SESSION = re.compile(r"(?:HSK|EXT|REC)\[(\w+)\]: (.*)$")
_KEEPING = re.compile(r"Keeping ciphersuite ([0-9a-f]{2})\.([0-9a-f]{2}) \((\w+)\)")
_VERSION = re.compile(r"(?:Negotiated version|Server's version): 3\.(\d)$")
_ALERT = re.compile(r"(Alert\[2\|\d+\] - .*) - was received")
_SUITE = re.compile(r"(?:Selected cipher suite|Cipher Suite): (\w+)$")


def priority_of(priority: str | None, protocols: ProtocolRange | None) -> str | None:
    """The priority string for these; ``None``: nothing is to be set.

    Args:
        priority: one to begin with (``None``: ``NORMAL``, which the library would take by itself).
        protocols: versions to limit it to.
    """
    if protocols is None:
        return priority
    # It has had no SSL 3.0 since 3.6.
    named = [NUMBERS[one] for one in PROTOCOLS if one in protocols and one in NUMBERS]
    return ":".join([priority or "NORMAL", "-VERS-ALL", *(f"+VERS-TLS{name}" for name in named)])


@dataclass
class TlsSession:
    """One connection's TLS, as the log tells it."""

    protocol: str | None = None
    cipher: str | None = None
    has_certificate: bool = False
    """Whether the server sent one: it does not where a session is resumed."""
    asked_again: bool = False
    """Whether a HelloRetryRequest wants a second hello."""
    sent_finished: bool = False
    got_finished: bool = False

    @property
    def agreed(self) -> bool:
        """Whether the handshake was done."""
        return self.sent_finished and self.got_finished

    @property
    def resumed(self) -> bool | None:
        """Whether it resumed an earlier one; ``None``: it did not come about."""
        return not self.has_certificate if self.agreed else None


class GnutlsLog:
    """The log, line by line."""

    def __init__(self) -> None:
        self.sessions: list[TlsSession] = []
        """In the order in which they began."""
        self.alerts: list[str] = []
        """Those received that end a connection."""
        self._open: dict[str, TlsSession] = {}
        self._suites: dict[str, str] = {}

    @property
    def control(self) -> TlsSession:
        """The session of the first connection; one of which nothing is known where there is none."""
        return self.sessions[0] if self.sessions else TlsSession()

    @property
    def data(self) -> TlsSession:
        """That of the second, which of FTP is the data connection."""
        return self.sessions[1] if len(self.sessions) > 1 else TlsSession()

    def take(self, line: str) -> bool:
        """Read a line; whether it was one of the log's."""
        found = _LINE.match(line)
        if not found:
            return False
        said = found[1]
        if keeping := _KEEPING.search(said):
            self._suites[keeping[3]] = suite_of(int(keeping[1] + keeping[2], 16)).name
        elif session := _SESSION.match(said):
            self._take(session[1], session[2])
        return True

    def _take(self, address: str, said: str) -> None:
        if alert := _ALERT.match(said):
            self.alerts.append(alert[1])
            return
        if said.startswith("CLIENT HELLO was queued"):
            # The place in memory of a session that is over can be another one's.
            if address not in self._open or not self._open[address].asked_again:
                self._open[address] = TlsSession()
                self.sessions.append(self._open[address])
            self._open[address].asked_again = False
            return
        session = self._open.get(address)
        if session is None:
            return
        if version := _VERSION.search(said):
            number = int(version[1])
            session.protocol = PROTOCOLS[number] if number < len(PROTOCOLS) else None
        elif suite := _SUITE.search(said):
            session.cipher = self._suites.get(suite[1], suite[1])
        elif said.startswith("HELLO RETRY REQUEST"):
            session.asked_again = True
        elif said.startswith("CERTIFICATE (11) was received"):
            session.has_certificate = True
        elif said.startswith("FINISHED was queued"):
            session.sent_finished = True
        elif said.startswith("FINISHED (20) was received"):
            session.got_finished = True
