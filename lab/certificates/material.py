"""The keys and certificates of one run, made when they are first asked for.

Nothing is read from a file and nothing is written to one: the certificates live as long as the run.
Equal leaf declarations of the catalogue are one leaf. A server has one key pair of a kind for all that a
CA issues to it, as :class:`~lab.certificates.Leaf` says: most of the time goes into RSA keys.
"""

from __future__ import annotations

import ipaddress
import os
import re
import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from lab import certificates
from lab.certificates import CATALOGUE, CLIENT_CA, OWN, CertificateError, Issuer, Key, Leaf, Names
from lab.certificates import authority as issuing
from lab.certificates.authority import Authority, IssuedLeaf, Subject, certificate_pem, key_pem
from lab.certificates.description import fingerprint

T = TypeVar("T")

_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)
#: RFC 5280 appendix A.1, ub-common-name, less what a wildcard puts before the name.
_LONGEST_NAME = 64 - len("*.")

_TITLES = {Issuer.PUBLIC: "Public CA", Issuer.PRIVATE: "Private CA", Issuer.ATTACKER: "Impostor CA"}
# Security level 3 (policy FUTURE) asks for 3072 bits of every CA: there, only a leaf's own size is
# to be at fault. Nobody ever trusts the attacker's CA, so that its size never matters.
_KEYS = {Issuer.PUBLIC: Key.RSA_3072, Issuer.PRIVATE: Key.RSA_3072, Issuer.ATTACKER: Key.RSA_2048}
#: What a CA has keys for.
_PARTS = ("root", "intermediate")
#: What trustme cannot make: leaves without alternative names.
_COMMON_NAMES_ONLY = frozenset({Names.COMMON_NAME_ONLY, Names.OTHER_COMMON_NAME_ONLY, Names.USER})
#: A leaf with these names is the same for every host.
_NAMES_OF_NO_HOST = (Names.OTHER_HOST, Names.WILDCARD, Names.OTHER_COMMON_NAME_ONLY, Names.USER)
_ORDINARY_KEYS = frozenset({Key.RSA_2048, Key.ECDSA_P256})
#: Leaves whose key pair another one has, too: what is made anew with the same key is told by that.
_KEPT_KEYS = {CATALOGUE[one.leaf.key_of].leaf for one in CATALOGUE.values() if one.leaf.key_of}


@dataclass(frozen=True)
class ServerCertificate:
    """A certificate as a server is configured with it."""

    chain_pem: bytes
    """What the server sends, leaf first."""
    key_pem: bytes
    leaf_sha256: str
    """Fingerprint of the leaf, 64 lower-case hexadecimal digits."""


@dataclass(frozen=True)
class Wanted:
    """Which part of the catalogue is to be made: a run needs the certificates of its attempts."""

    slugs: Mapping[str, Collection[str]] | None = None
    """Certificates by the host that presents, or is presented, them; ``None``: every host's, all of them."""
    anchors: Sequence[str] = tuple(certificates.ANCHORS)
    weak_issuers: Collection[Issuer] = ()
    """Those that no client at security level 3 meets, which asks for RSA-3072 of every CA. Such keys take
    most of the time; what is wanted later does not change them."""

    def of(self, host: str) -> frozenset[str]:
        """What is wanted for a host."""
        return frozenset(CATALOGUE if self.slugs is None else self.slugs.get(host, ()))


class RunCertificates:
    """All certificates of one run. Safe to use from several threads."""

    def __init__(
        self,
        hosts: Sequence[str],
        now: datetime | None = None,
        wanted: Wanted | None = None,
        zone: str = certificates.ZONE,
    ) -> None:
        """Prepare material for servers of these names; nothing is generated yet.

        Args:
            hosts: DNS names of the servers, e.g. ``ftp.lab.test``.
            now: the time that every validity is relative to (default: the clock's).
            wanted: what :meth:`generate` and :meth:`files` make (default: everything).
            zone: the DNS zone whose names the wildcard covers.

        Raises:
            CertificateError: no host, or one that is no DNS name that fits; a ``now``
                without a time zone.
        """
        if not hosts:
            raise CertificateError("certificates are made for hosts: name at least one")
        for host in hosts:
            if not _HOST.fullmatch(host) or len(host) > _LONGEST_NAME:
                raise CertificateError(
                    f"{host!r} is no host name that fits a certificate: write a lower-case DNS"
                    f" name of at most {_LONGEST_NAME} characters"
                )
        now = datetime.now(UTC) if now is None else now
        if now.tzinfo is None:
            raise CertificateError(f"the time {now.isoformat()} has no time zone: write it in UTC")
        self.now = now.astimezone(UTC).replace(microsecond=0)
        self.hosts = tuple(hosts)
        self._zone = zone
        self._wanted = wanted or Wanted()
        self._own: dict[tuple[str, str], ServerCertificate] = {}
        self._own_anchors: bytes | None = None
        self._addresses: dict[str, str] = {}
        self._also: tuple[str, ...] = ()
        self._made: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, threading.Lock] = {}
        self._guard = threading.Lock()
        #: Whether :meth:`generate` has made it all.
        self.is_made = False

    def want(self, more: Wanted) -> bool:
        """Let :meth:`files` make these as well.

        Returns:
            Whether any of them is new.
        """
        before, anchors = self._wanted, self._wanted.anchors
        self._wanted = replace(
            before,
            slugs={host: before.of(host) | more.of(host) for host in self.hosts},
            anchors=tuple(dict.fromkeys((*anchors, *more.anchors))),
        )
        new = any(self._wanted.of(host) - before.of(host) for host in self.hosts)
        return new or len(self._wanted.anchors) > len(anchors)

    def generate(self) -> RunCertificates:
        """Make what is wanted for every host now, on all cores; what names an address, once it is known.

        Everything for two hosts takes about a second, most of it for RSA keys of 3072 bits.

        Returns:
            The material itself.
        """
        for host in self.hosts:
            self._generate_all(host)
        self.is_made = True
        return self

    def add_own(self, slug: str, chain_pem: bytes, key_pem: bytes, leaf_sha256: str) -> None:
        """Have the operator's own certificate, :data:`OWN` or :data:`OWN_CLIENT`, the same for every host.

        The trust anchor :data:`OWN` is what issued the server's, as far as the chain has that: all
        certificates but the first, or that one where there is no other; unless :meth:`trust_own` says
        what is to be trusted. Of a client's certificate that is :data:`CLIENT_CA`, beside the public CA.
        """
        for host in self.hosts:
            self._own[slug, host] = ServerCertificate(chain_pem, key_pem, leaf_sha256)

    @property
    def has_own(self) -> bool:
        """Whether a certificate of the operator's is among them."""
        return bool(self._own)

    @property
    def client_ca(self) -> str:
        """The trust anchor for certificates of clients."""
        return CLIENT_CA if (certificates.OWN_CLIENT, self.hosts[0]) in self._own else "public"

    def add_addresses(self, addresses: Mapping[str, str]) -> None:
        """Say which IP address each host has; it is known only once the servers are there.

        Raises:
            CertificateError: it is no IP address.
        """
        for host, address in addresses.items():
            try:
                self._addresses[host] = str(ipaddress.ip_address(address))
            except ValueError as error:
                raise CertificateError(f"the address of {host}: {error}") from error

    def hold_for(self, names: Sequence[str]) -> None:
        """Make the certificates that are made out to a host out to these DNS names as well.

        Those that are made already stay as they are.
        """
        self._also = tuple(names)

    def address(self, host: str) -> str:
        """The IP address of a host.

        Raises:
            CertificateError: it is not known.
        """
        if host not in self._addresses:
            raise CertificateError(f"the IP address of {host} is not known yet")
        return self._addresses[host]

    def trust_own(self, pem: bytes) -> None:
        """Make these certificates of the operator's the trust anchor :data:`OWN`."""
        self._own_anchors = pem

    def server(self, slug: str, host: str) -> ServerCertificate:
        """The certificate ``slug`` of the catalogue for ``host``: the same one at every call.

        Raises:
            UnknownCertificate: no such slug, or a host that the material was not made for.
            CertificateError: it names the host's address, which is not known.
        """
        if (slug, host) in self._own:
            return self._own[slug, host]
        spec = certificates.spec_of(slug)
        self._check_host(host)
        leaf = self._leaf(spec.leaf, host)
        chain = [leaf.certificate]
        if spec.sends is not certificates.Sends.LEAF:
            chain.append(self._intermediate(spec.leaf.issuer, spec.intermediate))
        if spec.sends in {certificates.Sends.CHAIN_AND_ROOT, certificates.Sends.DISORDER}:
            place = 1 if spec.sends is certificates.Sends.DISORDER else 2
            chain.insert(place, self._authority(spec.leaf.issuer).root)
        return ServerCertificate(
            chain_pem=b"".join(certificate_pem(c) for c in chain),
            key_pem=key_pem(leaf.key),
            leaf_sha256=fingerprint(leaf.certificate),
        )

    def anchor(self, name: str) -> bytes:
        """The PEM bundle of a trust anchor, by its name in :data:`ANCHORS`.

        Raises:
            UnknownCertificate: no such anchor.
        """
        if name == OWN and self._own_anchors is not None:
            return self._own_anchors
        of = {OWN: OWN, CLIENT_CA: certificates.OWN_CLIENT}.get(name, "")
        if (of, self.hosts[0]) in self._own:
            chain = x509.load_pem_x509_certificates(self._own[of, self.hosts[0]].chain_pem)
            issuers = b"".join(certificate_pem(c) for c in chain[1:] or chain)
            return issuers if name == OWN else self.anchor("public") + issuers
        if name not in certificates.ANCHORS:
            raise certificates.UnknownCertificate("trust anchor", name, certificates.ANCHORS)
        if name in CATALOGUE and CATALOGUE[name].leaf.issuer is Issuer.ITSELF:
            leaf = CATALOGUE[name].leaf
            its = [host for host in self.hosts if name in self._wanted.of(host)]
            bundle = [self._leaf(leaf, host).certificate for host in its or self.hosts]
        elif name.startswith("public-"):
            root = self._authority(Issuer.PUBLIC).root
            below = self._intermediate(Issuer.PUBLIC, certificates.Intermediate.ORDINARY)
            parts = {"intermediate": [below], "root": [root], "chain": [below, root]}
            bundle = parts[name.removeprefix("public-")]
        else:
            bundle = [self._authority(Issuer(name)).root]
        return b"".join(certificate_pem(c) for c in bundle)

    def files(self, host: str) -> Iterable[tuple[str, bytes]]:
        """Everything for one host: ``<host>/<slug>.{chain,key}.pem`` and ``anchors/<name>.pem``.

        The paths are relative to the certificate directory of a container. Generates what does not
        exist yet, on all cores. What names the host's address is left out while that is not known.

        Returns:
            Pairs of path and contents.

        Raises:
            UnknownCertificate: a host that the material was not made for.
        """
        self._check_host(host)
        self._generate_all(host)
        files: list[tuple[str, bytes]] = []
        own = [slug for slug, of in self._own if of == host]
        wanted = self._wanted.of(host)
        possible = [s for s in CATALOGUE if s in wanted and self._can_be(CATALOGUE[s].leaf, host)]
        for slug in (*possible, *own):
            made = self.server(slug, host)
            files.append((f"{host}/{slug}.chain.pem", made.chain_pem))
            files.append((f"{host}/{slug}.key.pem", made.key_pem))
        anchors = list(self._wanted.anchors)
        if OWN in own or self._own_anchors is not None:
            anchors.append(OWN)
        if certificates.OWN_CLIENT in own:
            anchors.append(CLIENT_CA)
        files += [(f"anchors/{name}.pem", self.anchor(name)) for name in anchors]
        return files

    # -- making ------------------------------------------------------------------------------------

    def _generate_all(self, host: str) -> None:
        """Make all keys and leaves in parallel: OpenSSL works without the interpreter's lock."""
        declared = {CATALOGUE[slug].leaf for slug in self._wanted.of(host)}
        leaves = {leaf for leaf in declared if self._can_be(leaf, host)}
        issuers = {str(leaf.issuer) for leaf in leaves} | set(self._wanted.anchors)
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            keys = [(one, part) for one in _KEYS if str(one) in issuers for part in _PARTS]
            jobs: list[Future[Any]] = [pool.submit(self._ca_key, *each) for each in keys]
            # The slowest first, and last of all the leaves that wait for another one's key.
            each = sorted(leaves, key=lambda one: (one.key is not Key.RSA_3072, not _is_first(one)))
            jobs += [pool.submit(self._leaf, leaf, host) for leaf in each]
            for job in jobs:
                job.result()

    def _can_be(self, leaf: Leaf, host: str) -> bool:
        """Whether what the leaf names is known already."""
        return leaf.names is not Names.HOST_AND_ADDRESS or host in self._addresses

    def _leaf(self, leaf: Leaf, host: str) -> IssuedLeaf:
        of_host = None if leaf.names in _NAMES_OF_NO_HOST else host
        return self._once(("leaf", leaf, of_host), lambda: self._issue(leaf, host))

    def _issue(self, leaf: Leaf, host: str) -> IssuedLeaf:
        subject = self._subject(leaf, host)
        starts, ends = self.now + leaf.starts, self.now + leaf.ends
        if leaf.issuer is Issuer.ITSELF:
            return issuing.self_signed(subject, starts, ends, self._leaf_key(leaf, host))
        authority = self._authority(leaf.issuer)
        if leaf.key in _ORDINARY_KEYS and (_is_first(leaf) or leaf in _KEPT_KEYS):
            return authority.ordinary(subject, starts, ends, leaf.key)
        key = self._leaf_key(leaf, host)
        request, of_client = issuing.request_certificate(subject, key), certificates.Usage.CLIENT
        has = {"client_only": leaf.usage is of_client, "authority_key": leaf.authority_key}
        return IssuedLeaf(authority.sign(request, starts, ends, **has), key)

    def _subject(self, leaf: Leaf, host: str) -> Subject:
        name = {
            Names.OTHER_HOST: certificates.OTHER_HOST,
            Names.OTHER_COMMON_NAME_ONLY: certificates.OTHER_HOST,
            Names.WILDCARD: f"*.{self._zone}",
            Names.WILDCARD_BELOW: f"*.{host}",
            Names.USER: certificates.USER,
        }.get(leaf.names, host)
        names = [] if leaf.names in _COMMON_NAMES_ONLY else [name]
        if leaf.names is Names.HOST:
            names += self._also
        if leaf.names is Names.HOST_AND_ADDRESS:
            names.append(self.address(host))
        if leaf.names is Names.COMMON_NAME_BESIDE_OTHER:
            names = [certificates.OTHER_HOST]
        unit = "user" if leaf.names is Names.USER else "server"
        return Subject(name, unit, tuple(names))

    def _authority(self, issuer: Issuer) -> Authority:
        def make() -> Authority:
            root, intermediate = (self._ca_key(issuer, part) for part in _PARTS)
            return Authority(_TITLES[issuer], root, intermediate, self.now)

        return self._once(("authority", issuer), make)

    def _intermediate(self, issuer: Issuer, variant: certificates.Intermediate) -> x509.Certificate:
        return self._once(
            ("intermediate", issuer, variant), lambda: self._authority(issuer).intermediate(variant)
        )

    def _ca_key(self, issuer: Issuer, part: str) -> rsa.RSAPrivateKey:
        kind = Key.RSA_2048 if issuer in self._wanted.weak_issuers else _KEYS[issuer]
        return self._once(("ca-key", issuer, part), lambda: issuing.generate_rsa_key(kind))

    def _leaf_key(self, leaf: Leaf, host: str) -> issuing.PrivateKey:
        """The key pair of a leaf that is not trustme's: of that one there is, or a new one."""
        if leaf.key_of is not None:
            return self._leaf(CATALOGUE[leaf.key_of].leaf, host).key
        # Rare kinds take the longest: there is one for all servers.
        holder: Hashable = (leaf.issuer, leaf.names is Names.USER)
        if leaf.issuer is Issuer.ITSELF:
            # Who is its own issuer is its key.
            holder = (leaf, host)
        elif leaf.key in _ORDINARY_KEYS and leaf.names is not Names.USER:
            return self._leaf(_first(leaf), host).key
        return self._once(("leaf-key", holder, leaf.key), lambda: issuing.generate_key(leaf.key))

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
            raise certificates.UnknownCertificate("certificate for the host", host, self.hosts)


def _first(leaf: Leaf) -> Leaf:
    """The leaf from the same CA, with a key of the same kind, with which nothing is wrong."""
    return Leaf(issuer=leaf.issuer, key=leaf.key)


def _is_first(leaf: Leaf) -> bool:
    return leaf == _first(leaf)
