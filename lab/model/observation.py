"""The evidence about one attempt: what each end saw, nothing interpreted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lab.model.attempt import Attempt


@dataclass(frozen=True, kw_only=True)
class ClientReport:
    """What the agent in the client's container saw: observation only, nothing interpreted.

    ``step`` is the last thing that the program was asked to do (``connect``, ``starttls``, ``login``,
    ``protect``, ``put``, ``quit``; of a web client ``connect``, ``handshake``, ``response``); on success
    it is the last one of the goal and ``failed`` is false.
    """

    failed: bool
    step: str
    error: str = ""
    """The program's own error text ($@ and SSL_ERROR, str(exception), stderr)."""
    message: str = ""
    """What the user of the program would be shown."""
    reply_code: int | None = None
    """The last FTP reply that the program read."""
    reply_text: str = ""
    errno: str | None = None
    """Symbolic name of the system error, e.g. ECONNREFUSED, or of the resolver's, e.g. EAI_NONAME."""
    verify_code: int | None = None
    exit_status: int | None = None
    """Of a command line program."""
    protocol: str | None = None
    cipher: str | None = None
    verified: bool | None = None
    """Whether the program checked the certificate and accepted it, by whatever it was told to trust."""
    data_protected: bool | None = None
    session_reused: bool | None = None
    library: str = ""
    """Version of the TLS library, as the library itself says it."""
    warnings: tuple[str, ...] = ()
    elapsed_ms: float = 0.0
    timed_out: bool = False
    """The agent's deadline ended the attempt."""


@dataclass(frozen=True, kw_only=True)
class Captured:
    """What an impostor was given in one attempt.

    The password is kept, in the record too: it is made at random for the run, opens nothing but the
    lab's own servers and belongs to no one. To see it is the point.
    """

    user: str
    password: str
    file_bytes: int | None = None
    """Size of the file that arrived, in bytes; ``None``: none did."""
    file_head: str = ""
    """Its first 60 bytes, as text."""

    def in_words(self) -> str:
        """One line: ``user lab, password 1X0-s9, 1024 bytes ("delivery-28.txt...")``."""
        words = f"user {self.user}, password {self.password}"
        if self.file_bytes is None:
            return words
        if not self.file_bytes:
            return f"{words}, an empty file"
        first = self.file_head.split("\n", 1)[0]
        dots = "..." if self.file_bytes > len(first.encode()) else ""
        return f'{words}, {self.file_bytes} bytes ("{first}{dots}")'


@dataclass(frozen=True, kw_only=True)
class ServerReport:
    """What the server's agent saw of exactly one attempt."""

    started: bool
    """Whether the listener could be started with these settings."""
    log: str = ""
    """The server's log lines of this attempt; its own words at start if it did not start."""
    stored_bytes: int | None = None
    stored_sha256: str | None = None
    captured: Captured | None = None
    """What an impostor got; ``None``: nothing, or the server is none."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What was meant to arrive."""

    name: str
    size: int
    sha256: str

    @classmethod
    def named(cls, name: str, size: int) -> Delivery:
        """The file of this name and size that a client makes: its name, line after line."""
        line = f"{name}\n".encode()
        content = (line * (size // len(line) + 1))[:size]
        return cls(name=name, size=size, sha256=hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, kw_only=True)
class Observation:
    """All the evidence about one attempt; a dialect turns it into an :class:`Outcome`."""

    attempt: Attempt
    client: ClientReport
    server: ServerReport
    delivery: Delivery | None = None
