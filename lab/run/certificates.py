"""The certificates that attempts need, begun before anything else: their keys take longest to make."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from lab.certificates import ANCHORS, CATALOGUE, RunCertificates, Wanted
from lab.model import Attempt
from lab.own.files import UserFiles
from lab.servers import SERVER_HOSTS


def begin(
    attempts: Collection[Attempt] | None, own: UserFiles | None = None
) -> Future[RunCertificates]:
    """Begin to make the certificates that these attempts need, in the background.

    OpenSSL makes keys without the interpreter's lock, so that other things are done meanwhile.

    Args:
        attempts: those that will be made; ``None``: any there could be.
        own: what is the operator's.
    """
    if attempts is None:
        material = RunCertificates.create(list(SERVER_HOSTS.values()))
    else:
        servers = {a.server.software for a in attempts}
        hosts = [host for name, host in SERVER_HOSTS.items() if name in servers]
        material = RunCertificates.create(
            hosts or list(SERVER_HOSTS.values())[:1],  # the trust anchors need one
            wanted=wanted_by(attempts),
        )
    if own is not None:
        material.hold_for(own.names)
    pool = ThreadPoolExecutor(1, "certificates")
    try:
        return pool.submit(material.generate)
    finally:
        pool.shutdown(wait=False)


def wanted_by(attempts: Iterable[Attempt]) -> Wanted:
    """The certificates and trust anchors of the catalogue that attempts' settings name."""
    slugs: set[str | None] = set()
    anchors: set[str | None] = {"public"}
    for one in attempts:
        slugs |= {one.server.certificate, one.client.pin, one.client.client_certificate}
        anchors.add(one.client.trust)
    return Wanted([s for s in CATALOGUE if s in slugs], [a for a in ANCHORS if a in anchors])
