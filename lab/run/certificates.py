"""The certificates that attempts need, begun before anything else: their keys take longest to make."""

from __future__ import annotations

import re
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor

from lab.certificates import ANCHORS, CATALOGUE, Issuer
from lab.certificates.material import RunCertificates, Wanted
from lab.model import Attempt
from lab.model.software import LIMITS
from lab.own.files import UserFiles
from lab.servers import SERVER_HOSTS

#: The last of OpenSSL's security levels at which RSA-2048 is enough: 112 bits.
_MOST_2048 = 2
#: Trust anchors that are a server's own certificate.
_SELF_SIGNED = {slug for slug, one in CATALOGUE.items() if one.leaf.issuer is Issuer.ITSELF}
_LEVEL = re.compile(r"SECLEVEL\s*=\s*[3-9]")


def begin(attempts: Collection[Attempt] | None, own: UserFiles | None = None) -> RunCertificates:
    """Begin to make the certificates that these attempts need, in the background.

    OpenSSL makes keys without the interpreter's lock, so that other things are done meanwhile. Whoever
    needs a certificate that is not made yet waits for it.

    Args:
        attempts: those that will be made; ``None``: any there could be.
        own: what is the operator's.
    """
    if attempts is None:
        material = RunCertificates(list(SERVER_HOSTS.values()))
    else:
        servers = {a.server.software for a in attempts}
        hosts = [host for name, host in SERVER_HOSTS.items() if name in servers]
        material = RunCertificates(
            hosts or list(SERVER_HOSTS.values())[:1],  # the trust anchors need one
            wanted=wanted_by(attempts),
        )
    if own is not None:
        material.hold_for(own.names)
    pool = ThreadPoolExecutor(1, "certificates")
    pool.submit(material.generate)
    pool.shutdown(wait=False)
    return material


def wanted_by(attempts: Collection[Attempt]) -> Wanted:
    """The certificates and trust anchors of the catalogue that attempts' settings name."""
    slugs: dict[str, set[str]] = {}
    anchors: set[str | None] = {"public"}
    met: dict[bool, set[Issuer]] = {True: set(), False: set()}
    for one in attempts:
        client, server = one.client, one.server
        named = {server.certificate, server.key_slug, client.pin, client.client_certificate}
        if client.trust in _SELF_SIGNED:
            named.add(client.trust)
        known = CATALOGUE.keys() & named
        slugs.setdefault(server.host, set()).update(known)
        anchors.add(client.trust)
        trusted = Issuer.PRIVATE if client.trust == Issuer.PRIVATE else Issuer.PUBLIC
        issuers = {CATALOGUE[slug].leaf.issuer for slug in known}
        met[_is_at_level_3(one)] |= issuers | {trusted}
    # Who is met at no level yet may be met at that one, should there be a client at it.
    weak = met[False] - met[True] if met[True] else set(Issuer)
    return Wanted(slugs, [a for a in ANCHORS if a in anchors], weak)


def _is_at_level_3(attempt: Attempt) -> bool:
    """Whether an end may be at OpenSSL's security level 3 or above: by its policy, or as its settings say."""
    limits = LIMITS.get(attempt.client.where)
    return limits is None or limits.level > _MOST_2048 or bool(_LEVEL.search(repr(attempt)))
