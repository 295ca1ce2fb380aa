"""The certificates that attempts need, begun before anything else: their keys take longest to make."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor

from lab.certificates import ANCHORS, CATALOGUE, RunCertificates, Wanted
from lab.model import Attempt
from lab.servers import SERVER_HOSTS


def begin(attempts: Collection[Attempt] | None) -> Future[RunCertificates]:
    """Begin to make the certificates that these attempts need, in the background.

    OpenSSL makes keys without the interpreter's lock, so that other things are done meanwhile.

    Args:
        attempts: those that will be made; ``None``: any there could be.
    """
    if attempts is None:
        material = RunCertificates.create(list(SERVER_HOSTS.values()))
    else:
        servers = {a.server.software for a in attempts}
        hosts = [host for name, host in SERVER_HOSTS.items() if name in servers]
        named = {slug for a in attempts for slug in certificates_named(a)}
        trusted = {"public", *(a.client.trust for a in attempts if a.client.trust)}
        material = RunCertificates.create(
            hosts or list(SERVER_HOSTS.values())[:1],  # the trust anchors need one
            wanted=Wanted(
                [slug for slug in CATALOGUE if slug in named],
                [anchor for anchor in ANCHORS if anchor in trusted],
            ),
        )
    pool = ThreadPoolExecutor(1, "certificates")
    try:
        return pool.submit(material.generate)
    finally:
        pool.shutdown(wait=False)


def certificates_named(attempt: Attempt) -> set[str]:
    """The certificates of the catalogue that an attempt's settings name."""
    client = attempt.client
    named = {attempt.server.certificate, client.pin, client.client_certificate}
    return {slug for slug in named if slug is not None and slug in CATALOGUE}
