"""Scanning the servers of many settings, several at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from lab.clients.net_ftp import NetFtp
from lab.clients.openssl import Openssl
from lab.model import Attempt, ServerSettings, WebServerSettings
from lab.run.feasibility import Unsupported
from lab.run.link import AgentError
from lab.run.scan import Comparison, NotScanned
from lab.run.session import Session

#: What was found, or why nothing was.
Result = Comparison | NotScanned

#: Not that both agree: two that see nothing have nothing to compare.
NO_HANDSHAKE = "no handshake comes about with it, be it sslscan or the lab that asks"


def scan_all(
    session: Session,
    servers: Iterable[ServerSettings],
    *,
    workers: int | None = None,
) -> list[Result]:
    """Scan a listener of each of these settings, each settings once; the results in their order.

    What breaks in the lab is the result of the settings that it hits; the rest goes on.

    Args:
        workers: how many at a time (default: one a processor; a scan keeps one busy).
    """
    distinct = list(dict.fromkeys(servers))
    pool = ThreadPoolExecutor(workers or os.cpu_count() or 1, "scan")
    try:
        return list(pool.map(lambda server: scan_one(session, server), distinct))
    except BaseException:
        # Ctrl-C: nobody waits for the scans under way.
        pool.shutdown(wait=False, cancel_futures=True)
        session.close()
        raise
    finally:
        pool.shutdown(wait=True)


def scan_one(session: Session, server: ServerSettings) -> Result:
    """Scan a listener with these settings."""
    try:
        found = session.scan(server)
    except Unsupported as cause:
        return NotScanned(server=server, why=str(cause))
    except AgentError as error:
        return NotScanned(server=server, why=str(error), lab_error=True)
    return NotScanned(server=server, why=NO_HANDSHAKE) if found.nothing else found


def as_attempt(server: ServerSettings) -> Attempt:
    """An attempt against these settings: what a laboratory is opened for."""
    return Attempt(server, Openssl() if isinstance(server, WebServerSettings) else NetFtp())


def counted(results: Iterable[Result]) -> dict[str, int]:
    """How many settings came to what; every one is in exactly one number."""
    counts = {"agree": 0, "disagree": 0, "not_scannable": 0, "lab_error": 0}
    for result in results:
        if isinstance(result, Comparison):
            counts["agree" if result.agree else "disagree"] += 1
        else:
            counts["lab_error" if result.lab_error else "not_scannable"] += 1
    return counts
