"""The keys and certificates of one run, made when they are first asked for.

Nothing is read from a file and nothing is written to one: the certificates live as long as the run.
Keys that take long (RSA-3072) exist once; equal leaf declarations of the catalogue are one leaf.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from lab.certificates.authority import (
    Authority,
    IssuedLeaf,
    PrivateKey,
    certificate_pem,
    generate_key,
    generate_rsa_key,
    issue_to_itself,
)
from lab.certificates.catalogue import (
    ANCHORS,
    CATALOGUE,
    OTHER_HOST,
    USER,
    ZONE,
    CertificateError,
    Intermediate,
    Issuer,
    Key,
    Leaf,
    Names,
    Sends,
    UnknownCertificate,
    Usage,
    spec_of,
)
from lab.certificates.description import fingerprint

T = TypeVar("T")

#: The slug, and the name of the trust anchor, of a certificate that the operator brought.
OWN = "own"

_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)
#: RFC 5280 appendix A.1, ub-common-name.
_LONGEST_COMMON_NAME = 64

_TITLES = {
    Issuer.PUBLIC: "Public CA",
    Issuer.PRIVATE: "Private CA",
    Issuer.ATTACKER: "Impostor CA",
}
# Security level 3 (policy FUTURE) asks for 3072 bits of every CA: there, only a leaf's own size is
# to be at fault. Nobody ever trusts the attacker's CA, so that its size never matters.
_CA_KEYS = {
    Issuer.PUBLIC: Key.RSA_3072,
    Issuer.PRIVATE: Key.RSA_3072,
    Issuer.ATTACKER: Key.RSA_2048,
}
#: What trustme can make.
_ORDINARY_NAMES = frozenset({Names.HOST, Names.OTHER_HOST, Names.WILDCARD})
_ORDINARY_KEYS = frozenset({Key.RSA_2048, Key.ECDSA_P256})


@dataclass(frozen=True)
class ServerCertificate:
    """A certificate as a server is configured with it."""

    slug: str
    host: str
    chain_pem: bytes
    """What the server sends, leaf first."""
    key_pem: bytes
    leaf_sha256: str
    """Fingerprint of the leaf, 64 lower-case hexadecimal digits."""


@dataclass(frozen=True)
class Wanted:
    """Which part of the catalogue is to be made: a run needs the certificates of its attempts."""

    slugs: Sequence[str] = tuple(CATALOGUE)
    anchors: Sequence[str] = tuple(ANCHORS)


class Material:
    """All certificates of one run. Safe to use from several threads."""

    def __init__(self, hosts: Sequence[str], now: datetime, wanted: Wanted) -> None:
        self.hosts = tuple(hosts)
        self._wanted = wanted
        self.now = now
        self._own: dict[str, ServerCertificate] = {}
        self._made: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, threading.Lock] = {}
        self._guard = threading.Lock()

    @classmethod
    def create(
        cls, hosts: Sequence[str], now: datetime | None = None, wanted: Wanted | None = None
    ) -> Material:
        """Prepare material for servers of these names; nothing is generated yet.

        Args:
            hosts: DNS names of the servers, e.g. ``ftp.lab.test``.
            now: the time that every validity is relative to (default: the clock's).
            wanted: what :meth:`generate` and :meth:`files` make (default: everything).

        Raises:
            CertificateError: no host, or one that is no DNS name that fits; a ``now``
                without a time zone.
        """
        if not hosts:
            raise CertificateError("certificates are made for hosts: name at least one")
        for host in hosts:
            if not _HOST.fullmatch(host) or len(host) > _LONGEST_COMMON_NAME:
                raise CertificateError(
                    f"{host!r} is no host name that fits a certificate: write a lower-case DNS"
                    f" name of at most {_LONGEST_COMMON_NAME} characters"
                )
        now = datetime.now(UTC) if now is None else now
        if now.tzinfo is None:
            raise CertificateError(f"the time {now.isoformat()} has no time zone: write it in UTC")
        return cls(hosts, now.astimezone(UTC).replace(microsecond=0), wanted or Wanted())

    def generate(self) -> Material:
        """Make what is wanted for every host now, on all cores.

        Everything for two hosts takes one to two seconds, most of it for RSA keys of 3072 bits.

        Returns:
            The material itself.
        """
        for host in self.hosts:
            self._generate_all(host)
        return self

    def add_own(self, chain_pem: bytes, key_pem: bytes, leaf_sha256: str) -> None:
        """Serve the operator's own certificate, too: the slug :data:`OWN`, the same for every host.

        The trust anchor of that name is what issued it, as far as the chain has that: all
        certificates but the first, or that one where there is no other.
        """
        self._own = {
            host: ServerCertificate(OWN, host, chain_pem, key_pem, leaf_sha256)
            for host in self.hosts
        }

    def server(self, slug: str, host: str) -> ServerCertificate:
        """The certificate ``slug`` of the catalogue for ``host``: the same one at every call.

        Raises:
            UnknownCertificate: no such slug, or a host that the material was not made for.
        """
        if slug == OWN and host in self._own:
            return self._own[host]
        spec = spec_of(slug)
        self._check_host(host)
        leaf = self._leaf(spec.leaf, host)
        chain = [leaf.certificate]
        if spec.sends is not Sends.LEAF:
            chain.append(self._intermediate(spec.leaf.issuer, spec.intermediate))
        if spec.sends is Sends.CHAIN_AND_ROOT:
            chain.append(self._authority(spec.leaf.issuer).root)
        return ServerCertificate(
            slug=slug,
            host=host,
            chain_pem=b"".join(certificate_pem(c) for c in chain),
            key_pem=leaf.key_pem,
            leaf_sha256=fingerprint(leaf.certificate),
        )

    def anchor(self, name: str) -> bytes:
        """The PEM bundle of a trust anchor, by its name in :data:`ANCHORS`.

        Raises:
            UnknownCertificate: no such anchor.
        """
        if name == OWN and self._own:
            chain = x509.load_pem_x509_certificates(self._own[self.hosts[0]].chain_pem)
            return b"".join(certificate_pem(c) for c in chain[1:] or chain)
        if name not in ANCHORS:
            raise UnknownCertificate("trust anchor", name, ANCHORS)
        if name in CATALOGUE and CATALOGUE[name].leaf.issuer is Issuer.ITSELF:
            leaf = CATALOGUE[name].leaf
            bundle = [self._leaf(leaf, host).certificate for host in self.hosts]
        elif name == "public-intermediate":
            bundle = [self._intermediate(Issuer.PUBLIC, Intermediate.ORDINARY)]
        else:
            bundle = [self._authority(Issuer(name)).root]
        return b"".join(certificate_pem(c) for c in bundle)

    def files(self, host: str) -> Iterable[tuple[str, bytes]]:
        """Everything for one host: ``<host>/<slug>.{chain,key}.pem`` and ``anchors/<name>.pem``.

        The paths are relative to the certificate directory of a container. Generates what does not
        exist yet, on all cores.

        Returns:
            Pairs of path and contents.

        Raises:
            UnknownCertificate: a host that the material was not made for.
        """
        self._check_host(host)
        self._generate_all(host)
        files: list[tuple[str, bytes]] = []
        own = [OWN] if self._own else []
        for slug in (*self._wanted.slugs, *own):
            made = self.server(slug, host)
            files.append((f"{host}/{slug}.chain.pem", made.chain_pem))
            files.append((f"{host}/{slug}.key.pem", made.key_pem))
        files += [
            (f"anchors/{name}.pem", self.anchor(name)) for name in (*self._wanted.anchors, *own)
        ]
        return files

    # -- making ------------------------------------------------------------------------------------

    def _generate_all(self, host: str) -> None:
        """Make all keys and leaves in parallel: OpenSSL works without the interpreter's lock."""
        leaves = {CATALOGUE[slug].leaf for slug in self._wanted.slugs}
        issuers = {str(leaf.issuer) for leaf in leaves} | set(self._wanted.anchors)
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            jobs: list[Future[Any]] = [
                pool.submit(self._ca_key, issuer, part)
                for issuer in _CA_KEYS
                if str(issuer) in issuers
                for part in ("root", "intermediate")
            ]
            slowest_first = sorted(leaves, key=lambda leaf: leaf.key is not Key.RSA_3072)
            jobs += [pool.submit(self._leaf, leaf, host) for leaf in slowest_first]
            for job in jobs:
                job.result()

    def _leaf(self, leaf: Leaf, host: str) -> IssuedLeaf:
        # A leaf that does not carry the host's name is the same for every host.
        of_host = leaf.names in {Names.HOST, Names.COMMON_NAME_ONLY}
        return self._once(
            ("leaf", leaf, host if of_host else None), lambda: self._issue(leaf, host)
        )

    def _issue(self, leaf: Leaf, host: str) -> IssuedLeaf:
        name = {
            Names.OTHER_HOST: OTHER_HOST,
            Names.WILDCARD: f"*.{ZONE}",
            Names.USER: USER,
        }.get(leaf.names, host)
        unit = "user" if leaf.names is Names.USER else "server"
        starts, ends = self.now + leaf.starts, self.now + leaf.ends
        if leaf.issuer is Issuer.ITSELF:
            return issue_to_itself(host, unit, starts, ends, self._leaf_key(leaf.key))
        authority = self._authority(leaf.issuer)
        ordinary = (
            leaf.names in _ORDINARY_NAMES and leaf.key in _ORDINARY_KEYS and leaf.usage is Usage.ANY
        )
        if ordinary:
            return authority.issue_ordinary(name, unit, starts, ends, leaf.key)
        return authority.issue_special(
            name,
            unit,
            starts,
            ends,
            self._leaf_key(leaf.key),
            alternative_names=(name,) if leaf.names in _ORDINARY_NAMES else (),
            client_only=leaf.usage is Usage.CLIENT,
        )

    def _authority(self, issuer: Issuer) -> Authority:
        return self._once(
            ("authority", issuer),
            lambda: Authority.create(
                _TITLES[issuer],
                self._ca_key(issuer, "root"),
                self._ca_key(issuer, "intermediate"),
                self.now,
            ),
        )

    def _intermediate(self, issuer: Issuer, variant: Intermediate) -> x509.Certificate:
        return self._once(
            ("intermediate", issuer, variant),
            lambda: self._authority(issuer).intermediate(variant),
        )

    def _ca_key(self, issuer: Issuer, part: str) -> rsa.RSAPrivateKey:
        return self._once(("ca-key", issuer, part), lambda: generate_rsa_key(_CA_KEYS[issuer]))

    def _leaf_key(self, kind: Key) -> PrivateKey:
        """The one key of this kind that the leaves share which are not trustme's."""
        return self._once(("leaf-key", kind), lambda: generate_key(kind))

    def _once(self, name: Hashable, make: Callable[[], T]) -> T:
        """Make a thing at the first call, for all threads."""
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            if name not in self._made:
                self._made[name] = make()
            made: T = self._made[name]
            return made

    def _check_host(self, host: str) -> None:
        if host not in self.hosts:
            raise UnknownCertificate("certificate for the host", host, self.hosts)
