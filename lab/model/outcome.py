"""What happened in one attempt: the result, and of a refusal the side, the stage and the reason."""

from __future__ import annotations

from dataclasses import dataclass

from lab.model.vocabulary import Goal, Reason, Result, Side, Stage


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The raw words of an attempt, kept beside the reason and never instead of it."""

    client: str = ""
    """The program's own error, as its library words it."""
    message: str = ""
    """What the program's user would be shown."""
    server: str = ""
    """The server's log for exactly this attempt."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What happened in one attempt."""

    result: Result
    goal: Goal
    by: Side | None = None
    stage: Stage | None = None
    reason: Reason | None = None
    cause: str | None = None
    protocol: str | None = None
    cipher: str | None = None
    verified: bool | None = None
    data_protected: bool | None = None
    session_reused: bool | None = None
    verify_code: int | None = None
    """OpenSSL's X509_V_ERR number as the client's library reported it."""
    texts: Texts = Texts()
    elapsed_ms: float = 0.0

    def __post_init__(self) -> None:
        named = (self.by, self.stage, self.reason)
        if self.result is Result.REFUSED and None in named:
            raise ValueError("a refusal names who refused, at which stage and for which reason")
        if self.result is Result.COMPLETED and any(named):
            raise ValueError("a completed attempt has no side, stage or reason of refusal")

    def in_words(self) -> str:
        """One line, for people."""
        if self.result is Result.COMPLETED:
            if not self.protocol:
                return f"completed ({self.goal}) without TLS"
            words = [f"completed ({self.goal}): {self.protocol} {self.cipher}"]
            words.append("certificate verified" if self.verified else "certificate not verified")
            return ", ".join(words)
        return f"refused by the {self.by} at {self.stage}: {self.reason}"
