"""Uploads that complete in some tries only: TLS 1.3 and who closes too early.

A client that closes the data connection of an upload while session tickets of TLS 1.3 are unread makes its
system send a reset, and what the server has not read by then is lost, more often of a large file. Which
clients do is theirs to say (:attr:`lab.clients.base.Program.leaves_tickets_unread`); that it is TLS 1.3 is
read from what was negotiated.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from lab.clients import program_of
from lab.model import Attempt, FtpClientSettings, Goal, Outcome, Reason, Result

#: Over TLS 1.3 these come in some tries and not in others.
RACES: Final = frozenset(
    {Reason.ABORTED, Reason.TRUNCATED, Reason.DATA_TLS_FAILED, Reason.UNCLEAN_CLOSE}
)
#: Tries of an upload that may end otherwise, by the size of its file; ``None``: that of the attempt. On two
#: busy cores Net::FTP's to vsftpd was lost in 2 of 120 tries with 1024 bytes and in 24 of 120 with 100,000;
#: up to 3,000,000 no more often. So twenty with the large file miss such a race in one of a hundred.
THOROUGH: Final[Mapping[int | None, int]] = {None: 4, 100_000: 20}
_VERSION = "TLSv1.3"


def may_differ(attempt: Attempt, outcome: Outcome) -> bool:
    """Whether a further try may end otherwise: an upload over TLS 1.3, or what broke in one."""
    if outcome.goal is not Goal.TRANSFER:
        return False
    if outcome.result is not Result.COMPLETED:
        # Not every client tells the version of what broke.
        return outcome.reason in RACES and outcome.protocol in (None, _VERSION)
    racing = outcome.protocol == _VERSION and bool(outcome.data_protected)
    return racing and program_of(attempt.client).leaves_tickets_unread


def variants(attempt: Attempt) -> list[Attempt]:
    """The attempt with a file of each size of :data:`THOROUGH`; what uploads none has none."""
    if not isinstance(attempt.client, FtpClientSettings):
        return [attempt]
    sizes = (size or attempt.client.payload for size in THOROUGH)
    return [attempt.with_client(payload=size) for size in sizes]


def thoroughly(attempt: Attempt) -> list[tuple[Attempt, int]]:
    """The attempt with a file of each size, and how often it is to be tried."""
    return list(zip(variants(attempt), THOROUGH.values(), strict=False))
