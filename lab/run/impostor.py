"""What an impostor has to have got, or must not have: the judgement on what it captured.

An attempt on an impostor (``ServerSettings.impostor``) proves a remedy safe or unsafe by what the
impostor holds afterwards, not by the client's word alone. Refused means that it got nothing; completed
means that it got all that the attempt's goal hands out.
"""

from __future__ import annotations

from lab.model import Captured, Goal, Observation, Outcome, Result


def difference(observation: Observation, outcome: Outcome) -> str | None:
    """What does not fit between an outcome and what the impostor captured, in one sentence.

    Returns:
        ``None`` if all fits, or if the server is no impostor.
    """
    if not observation.attempt.server.impostor:
        return None
    captured = observation.server.captured
    if outcome.result is Result.REFUSED or outcome.goal is Goal.HANDSHAKE:
        if captured is None:
            return None
        return f"no login was made, and yet the impostor got {in_words(captured)}"
    if captured is None:
        return f"completed ({outcome.goal}), and yet the impostor got nothing"
    user = observation.attempt.client.user
    if captured.user != user or not captured.password:
        return f"user {user} logged in, and yet the impostor got {in_words(captured)}"
    if outcome.goal is Goal.TRANSFER:
        size = observation.delivery.size if observation.delivery else None
        if captured.file_bytes != size:
            return f"a file of {size} bytes was sent, and yet the impostor got {in_words(captured)}"
    return None


def in_words(captured: Captured) -> str:
    """One line: ``user lab, password 1X0-s9, 1024 bytes ("delivery-28.txt...")``."""
    words = f"user {captured.user}, password {captured.password}"
    if captured.file_bytes is None:
        return words
    if not captured.file_bytes:
        return f"{words}, an empty file"
    first = captured.file_head.split("\n", 1)[0]
    dots = "..." if captured.file_bytes > len(first.encode()) else ""
    return f'{words}, {captured.file_bytes} bytes ("{first}{dots}")'
