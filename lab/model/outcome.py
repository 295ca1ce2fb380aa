"""What each end saw of an attempt, and what it comes to: the result, and of a refusal side, stage and reason.

The reports are evidence, nothing interpreted; a dialect turns an :class:`Observation`
into an :class:`Outcome`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lab.model.attempt import Attempt
from lab.model.vocabulary import Goal, NotJudged, Reason, Result, Side, Stage


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


@dataclass(frozen=True, kw_only=True)
class FalseSuccess:
    """What a client's program says that it delivered, and what there is of it."""

    program: str
    size: int
    """Bytes that were to arrive."""
    stored: int | None
    """Bytes that the server has; ``None``: it has no such file."""

    def in_words(self) -> str:
        """One line: ``curl says it delivered; the server has 122880 of 1048576 bytes``."""
        if self.stored is None:
            there = f"no file (of {self.size} bytes)"
        elif self.stored < self.size:
            there = f"{self.stored} of {self.size} bytes"
        else:
            there = f"{self.stored} bytes that are not those of the file ({self.size})"
        return f"{self.program} says it delivered; the server has {there}"


#: What is said of the client of an attempt that is not judged.
_NOT_JUDGED = {
    NotJudged.ISSUER_LAB_CA_ONLY: "knows only the lab's CA",
    NotJudged.ISSUER_FROM_CHAIN: "trusts whatever the served file holds",
    NotJudged.ROOTS_STAND_IN: "trusts Mozilla's public roots in the place of its distribution's own",
    NotJudged.NAME_NOT_GIVEN: "was given no name to check",
    NotJudged.CERTIFICATE_NOT_GIVEN: "saw a certificate of the lab's in the place of yours",
}

#: What went in clear text where an attempt came to this goal without TLS.
_IN_CLEAR = {
    Goal.LOGIN: "user and password",
    Goal.TRANSFER: "user, password and file",
    Goal.RESPONSE: "request and response",
}

_ROOTS = "Mozilla's public roots, which are not its distribution's own"

#: The report of a client of which nothing is known.
NO_REPORT = ClientReport(failed=False, step="")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened in one attempt."""

    result: Result
    goal: Goal
    by: Side | None = None
    stage: Stage | None = None
    reason: Reason | None = None
    cause: str | None = None
    pinned: bool = False
    """Whether it was told to accept exactly this certificate, whoever issued it, and did."""
    not_judged: tuple[NotJudged, ...] = ()
    """Why what the client made of an operator's own certificate says nothing about other clients."""
    presumed: tuple[str, ...] = ()
    """Of a completion: what must hold on the operator's own server for it to count there, with the place."""
    false_success: FalseSuccess | None = None
    """What the client's program says, and what is true."""
    report: ClientReport = NO_REPORT
    """What the client's agent saw, on which this rests; the record has it beside the outcome."""

    def __post_init__(self) -> None:
        named = (self.by, self.stage, self.reason)
        if self.result is not Result.COMPLETED and None in named:
            raise ValueError("a refusal names who refused, at which stage and for which reason")
        if self.result is Result.COMPLETED and any(named):
            raise ValueError("a completed attempt has no side, stage or reason of refusal")
        if (self.result is Result.FALSE_SUCCESS) is (self.false_success is None):
            why = "a false success says what the server has instead, and nothing else does"
            raise ValueError(why)

    @property
    def protocol(self) -> str | None:
        """The version of TLS that was negotiated."""
        return self.report.protocol

    @property
    def cipher(self) -> str | None:
        """The cipher suite that was negotiated."""
        return self.report.cipher

    @property
    def verified(self) -> bool | None:
        """Whether the client checked the certificate and accepted it.

        ``None``: that is not known, or the check says nothing (``not_judged``).
        """
        return None if self.not_judged and self.report.verified else self.report.verified

    @property
    def data_protected(self) -> bool | None:
        """Whether the data channel had TLS."""
        return self.report.data_protected

    @property
    def session_reused(self) -> bool | None:
        """Whether the data channel resumed the session of the control channel."""
        return self.report.session_reused

    @property
    def without_tls(self) -> bool:
        """Whether it completed, and nothing of it was inside TLS."""
        # Of a program that does not tell the version; without TLS there is nothing to verify.
        told = self.protocol or self.verified is not None or self.data_protected
        return self.result is Result.COMPLETED and not told

    @property
    def file_in_clear(self) -> bool:
        """Whether it completed with TLS, and the file went beside it."""
        transferred = self.result is Result.COMPLETED and self.goal is Goal.TRANSFER
        return transferred and self.data_protected is False and not self.without_tls

    @property
    def verify_code(self) -> int | None:
        """OpenSSL's X509_V_ERR number as the client's library reported it."""
        return self.report.verify_code

    @property
    def only_roots_stand_in(self) -> bool:
        """Whether all that is open is whether its distribution's roots would say the same as Mozilla's."""
        return self.not_judged == (NotJudged.ROOTS_STAND_IN,)

    def in_words(self) -> str:
        """One line, for people."""
        if self.result is Result.COMPLETED:
            words = f"completed ({self.goal}){self._tls()}"
            if not self.presumed:
                return words
            return f"not judged: on your server only if {'; '.join(self.presumed)}; here {words}"
        if self.false_success is not None:
            return f"false success: {self.false_success.in_words()}"
        words = f"refused by the {self.by} at {self.stage}: {self.reason}"
        if not self.not_judged:
            return words
        if self.stage is not Stage.VERIFY:
            return f"{words}; {self._certificate()}"
        if self.only_roots_stand_in:
            return f"{words}; judged with {_ROOTS}"
        return (
            f"{words}; not judged: {self._why_not_judged()}, so this refusal says nothing about your"
            " clients, and it may hide more that is wrong, such as an expired certificate"
        )

    def _tls(self) -> str:
        """What came of TLS in an attempt that completed."""
        if self.without_tls:
            what = _IN_CLEAR.get(self.goal)
            return f" WITHOUT TLS: {what} went in clear text" if what else " WITHOUT TLS"
        names = f"{self.protocol} {self.cipher}" if self.protocol else "TLS"
        words = f": {names}, {self._certificate()}"
        return f"{words}, THE FILE IN CLEAR TEXT" if self.file_in_clear else words

    def _certificate(self) -> str:
        """What came of a certificate that was not refused."""
        if self.only_roots_stand_in:
            return f"certificate accepted with {_ROOTS}"
        if self.not_judged == (NotJudged.CERTIFICATE_NOT_GIVEN,):
            return "with a certificate of the lab's, not yours"
        if self.not_judged:
            why = self._why_not_judged()
            return f"certificate not judged: {why}, so that it was accepted says nothing about your clients"
        if self.verified:
            return "certificate is the pinned one" if self.pinned else "certificate verified"
        return "certificate not verified"

    def _why_not_judged(self) -> str:
        return f"the lab's client {' and '.join(_NOT_JUDGED[each] for each in self.not_judged)}"
