"""What an attempt must not pass over in silence, although its client reported success or went on."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path

import lab.clients
from lab.dialects import server_dialect
from lab.model import Goal
from lab.record import AttemptResult
from lab.remedies.words import InBothLanguages, joined, pattern_of, read_words

_OWN = Path(__file__).with_name("warnings.toml")
#: A client has its wordings in its folder.
_CLIENTS = Path(lab.clients.__file__).parent
_UPLOAD = re.compile(r"(STOR|STOU|APPE)\b", re.IGNORECASE)
_FAILED = re.compile(r"[45]\d\d ")
#: Replies that end a transfer without success, and nothing else (RFC 959, section 5.4).
_ABORTED = frozenset({425, 426, 451, 452, 552})


def warnings_of(attempt: AttemptResult) -> list[InBothLanguages]:
    """What is said loudly beside the outcome: what the client did without a word, what the server reported.

    Texts of the client's program itself, such as that a function is deprecated, are not among them:
    :func:`other_warnings`.
    """
    client = attempt.client_report
    said = [_in_both(text) for text in client.warnings] if client else []
    return [*_reported_failure(attempt), *(one for one in said if one is not None)]


def other_warnings(attempt: AttemptResult) -> list[str]:
    """What else the client reported, in its own words."""
    client = attempt.client_report
    return [text for text in client.warnings if _in_both(text) is None] if client else []


def failure_reported(attempt: AttemptResult) -> str:
    """The reply with which the server ended the last upload, if it is one of failure; else nothing.

    The server's log says it, or the client that read it.
    """
    client, server = attempt.client_report, attempt.server_report
    last = ""
    uploading = False
    spoken = server_dialect(attempt.server.software).dialogue(server.log) if server else []
    for to_server, text in spoken:
        if to_server:
            uploading = _UPLOAD.match(text) is not None
            last = "" if uploading else last
        elif uploading and _FAILED.match(text):
            last = text
    if not last and client is not None and client.reply_code in _ABORTED:
        last = f"{client.reply_code} {client.reply_text}"
    return last.strip().rstrip(".")


def _reported_failure(attempt: AttemptResult) -> Iterator[InBothLanguages]:
    client, outcome = attempt.client_report, attempt.outcome
    if client is None or client.failed or outcome is None or outcome.goal is not Goal.TRANSFER:
        return
    reply = failure_reported(attempt)
    if reply:
        name = "whole-by-chance" if outcome.false_success is None else "reported-failure"
        words = read_words(_OWN)["warning"][name]
        yield words.format(reply=reply, program=attempt.client.program)


@functools.lru_cache(maxsize=1024)
def _in_both(text: str) -> InBothLanguages | None:
    for pattern, words, remedy in _wordings():
        if found := pattern.fullmatch(text):
            said = InBothLanguages(text, words.ja.format(**found.groupdict()))
            return joined([said, remedy], "; ", "。") if remedy else said
    return None


@functools.cache
def _wordings() -> list[tuple[re.Pattern[str], InBothLanguages, InBothLanguages | None]]:
    """What matches each wording of a client's adapter, with its texts and what to do about it."""
    found = []
    for file in sorted(_CLIENTS.glob("*/warnings.toml")):
        sections = read_words(file)
        remedies = sections.get("remedy", {})
        for name, words in sections["warning"].items():
            found.append((re.compile(pattern_of(words.en)), words, remedies.get(name)))
    return found
