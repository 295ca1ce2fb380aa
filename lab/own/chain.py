"""What is wrong with a chain, by looking at it: before any attempt, and in the same words for every client.

The attempt shows what one client makes of it, up to the first error. Here all is said that can be seen in the
certificates: their order, the issuer that is missing, dates, names, what they are made for, and which
platforms find a key or a signature too weak. The words, and what OpenSSL takes for strong, are in
``chain.toml``; the platforms' own limits in their ``platform.toml``.

Sources: OpenSSL's ``verify_chain`` and ``check_key_level`` (``crypto/x509/x509_vfy.c``: every key is looked
at, and every signature but that of the trust anchor); RFC 5280, section 4.2.1; RFC 6125, section 6.4.
"""

from __future__ import annotations

import datetime
import itertools
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from lab.certificates.description import DAMAGES, CertificateDescription, describe
from lab.model.software import LIMITS
from lab.own.findings import Findings, data
from lab.own.names import matches
from lab.remedies.words import InBothLanguages
from lab.text import cut

TABLE = "chain.toml"
_E = TypeVar("_E", bound=x509.ExtensionType)
#: What a chain leads to; ``None``: nothing that is trusted.
_Anchor = x509.Certificate | None
_Described = Mapping[x509.Certificate, CertificateDescription]
#: Of more certificates than this no order is worked out: each is tried with each.
MOST_ORDERED = 20
#: So many days before its end a certificate is to be renewed.
SOON = 14
_USAGES = {"servers": ExtendedKeyUsageOID.SERVER_AUTH, "clients": ExtendedKeyUsageOID.CLIENT_AUTH}


def quietly() -> warnings.catch_warnings[None]:
    """What is odd about a certificate is for the attempt to show."""
    return warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning)


@dataclass(frozen=True)
class ChainMember:
    """One certificate of the chain and where it stands."""

    line: int
    certificate: x509.Certificate

    @property
    def subject(self) -> str:
        """Whose it is, cut short."""
        return cut(self.certificate.subject.rfc4514_string() or "(no subject)")

    def __str__(self) -> str:
        return f"line {self.line}: {self.subject}"


_Path = Sequence[ChainMember]


@dataclass(frozen=True)
class Checked:
    """What a chain is checked for."""

    where: str
    """The client's platform and policy."""
    trusted: bytes | None
    """What its peer trusts, PEM; ``None``: that is not looked at."""
    whose: str
    """Whose that is, in words."""
    host: str | None = None
    """The name that it is asked for by; ``None``: nobody says."""
    side: str = "servers"
    """Whom it is to be for: ``servers`` or ``clients``."""


def check_chain(chain_pem: bytes, lines: Sequence[int], file: str, checked: Checked) -> Findings:
    """All that can be seen to be wrong with a chain.

    Args:
        chain_pem: the certificates, the end's own first.
        lines: where each of them is in the file.
        file: its name, for messages.
        checked: what it is checked for.
    """
    found = Findings(file)
    with quietly():
        certificates = x509.load_pem_x509_certificates(chain_pem)
        described = dict(zip(certificates, describe(chain_pem).certificates, strict=True))
    members = [ChainMember(*each) for each in zip(lines, certificates, strict=True)]
    path = in_order(members)
    for member in members:
        _say_dates(member, found, leaf=member is path[0])
    for member in members[1:]:
        if issued(member.certificate, member.certificate):
            _say(found, "root-sent", member.line, member=member)
    anchor = _say_issuer(path, checked, found)
    _say_constraints(path, anchor, found)
    _say_name(path[0], described, checked, found)
    _say_purposes(path, described, checked, found)
    _say_limits(path, described, checked, found, anchor=anchor)
    return found


def check_anchors(members: Sequence[ChainMember], found: Findings) -> None:
    """All that can be seen to be wrong with what is to be trusted."""
    with quietly():
        pems = (m.certificate.public_bytes(Encoding.PEM) for m in members)
        described = [describe(pem).leaf for pem in pems]
    for member, one in zip(members, described, strict=True):
        _say_dates(member, found, leaf=False)
        if not (one.ca or issued(member.certificate, member.certificate)):
            _say(found, "anchor-no-ca", member.line, member=member)


def _say(found: Findings, name: str, line: int, /, **values: object) -> None:
    """The words of this name, in whatever file it is."""
    table = data(TABLE)
    found.say_words(table["words"][name], line, table["ja"].get(name, ""), **values)


# -- order ------------------------------------------------------------------------------------------


def say_order(members: Sequence[ChainMember], found: Findings) -> None:
    """Whether each certificate issued the one before it: asked for by RFC 5246, section 7.4.2."""
    for number, (before, after) in enumerate(itertools.pairwise(members), 1):
        if issued(before.certificate, after.certificate):
            continue
        right = in_order(members)
        twice = next((m for m in members[:number] if m.certificate == after.certificate), None)
        why = "order-stranger"
        if twice is not None:
            why = "order-twice"
        elif len(right) == len(members):
            why = "order-wrong"
        elif before.certificate.issuer == after.certificate.subject:
            why = "order-signature"
        elif not any(issued(before.certificate, m.certificate) for m in members[:MOST_ORDERED]):
            why = "order-gap"
        issuer = cut(before.certificate.issuer.rfc4514_string())
        these = {"after": after, "before": before, "twice": twice, "issuer": issuer}
        orders = {"found": in_words(members), "right": in_words(right)}
        _say(found, why, after.line, **these, **orders)
        return


def in_words(members: Sequence[ChainMember]) -> str:
    """The certificates with their lines, of many the first."""
    shown = "; ".join(str(member) for member in members[:MOST_ORDERED])
    rest = len(members) - MOST_ORDERED
    return shown if rest <= 0 else f"{shown}; and {rest} more"


def in_order(members: Sequence[ChainMember]) -> list[ChainMember]:
    """From the first certificate upwards, as far as issuers are found; of many, only the first."""
    chain, left = [members[0]], list(members[1:] if len(members) <= MOST_ORDERED else ())
    while issuer := next((m for m in left if issued(chain[-1].certificate, m.certificate)), None):
        chain.append(issuer)
        left.remove(issuer)
    return chain


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the second issued the first: its name and, where it can be checked, its signature."""
    if certificate.issuer != issuer.subject:
        return False
    try:
        certificate.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except (*DAMAGES, TypeError):
        return True  # an algorithm that cannot be checked here: the names must do
    return True


# -- one after the other ------------------------------------------------------------------------------


def _say_dates(member: ChainMember, found: Findings, *, leaf: bool) -> None:
    """When it begins and ends, of an issuer only where that is near or over."""
    now = datetime.datetime.now(datetime.UTC)
    begins = member.certificate.not_valid_before_utc
    ends = member.certificate.not_valid_after_utc
    if now > ends:
        words, date, span = "expired", ends, now - ends
    elif now < begins:
        words, date, span = "not-yet", begins, begins - now
    elif (ends - now).days < SOON:
        words, date, span = "expires-soon", ends, ends - now
    elif leaf:
        words, date, span = "expires", ends, ends - now
    else:
        return
    days = f"{span.days} day{'' if span.days == 1 else 's'}"
    date_in_words = f"{date:%Y-%m-%d %H:%M} UTC"
    _say(found, words, member.line, member=member, date=date_in_words, days=days, number=span.days)


def _say_issuer(path: _Path, checked: Checked, found: Findings) -> _Anchor:
    """Whether the chain leads to what is trusted; the trust anchor, if it does."""
    top, line = path[-1].certificate, path[-1].line
    if checked.trusted is None:
        return None
    with quietly():
        trusted = x509.load_pem_x509_certificates(checked.trusted)
    itself = [one for one in trusted if one == top]
    anchor = next(iter(itself + [one for one in trusted if issued(top, one)]), None)
    if anchor is not None:
        issuer = cut(anchor.subject.rfc4514_string())
        _say(found, "issuer-trusted", line, issuer=issuer, whose=checked.whose)
        return anchor
    own = issued(top, top)
    words = ("self-signed", "root-unknown") if own else ("issuer-missing", "top-missing")
    issuer, where = cut(top.issuer.rfc4514_string()), _where_the_issuer_is(top)
    facts = {"whose": checked.whose, "issuer": issuer, "where": where}
    _say(found, words[len(path) > 1], line, member=path[-1], **facts)
    return None


def _where_the_issuer_is(certificate: x509.Certificate) -> str:
    """Where a certificate says that its issuer's is (RFC 5280, section 4.2.2.1); nothing is fetched."""
    access = _extension(certificate, x509.AuthorityInformationAccess) or ()
    method = AuthorityInformationAccessOID.CA_ISSUERS
    found = [one.access_location.value for one in access if one.access_method == method]
    return f"; it is at {cut(str(found[0]))}" if found else ""


def _say_name(leaf: ChainMember, described: _Described, checked: Checked, found: Findings) -> None:
    """Whether it is for the name that is asked for."""
    host, known = checked.host, described[leaf.certificate].names
    if host is None:
        return
    of_common = leaf.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    common = str(of_common[0].value) if of_common else "not there"
    names = cut(", ".join(known)) if known else None
    if any(matches(name, host) for name in known):
        _say(found, "name-fits", leaf.line, host=host)
    elif not known and matches(common, host):
        _say(found, "name-common", leaf.line, host=host)
    else:
        nobody = InBothLanguages(**data(TABLE)["phrases"]["no-names"]).format(common=cut(common))
        _say(found, "name-differs", leaf.line, host=host, names=names or nobody)


def _say_purposes(path: _Path, described: _Described, checked: Checked, found: Findings) -> None:
    """Whether each is made for what it does."""
    usages = list(_extension(path[0].certificate, x509.ExtendedKeyUsage) or ())
    right = {_USAGES[checked.side], ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if usages and not right & set(usages):
        names = ", ".join(usage._name for usage in usages)
        _say(found, "wrong-purpose", path[0].line, side=checked.side, usages=names)
    usage = _extension(path[0].certificate, x509.KeyUsage)
    either = ("digital_signature", "key_encipherment", "key_agreement")
    if usage is not None and not any(getattr(usage, name) for name in either):
        _say(found, "no-key-for-tls", path[0].line, member=path[0])
    for issuer in path[1:]:
        usage = _extension(issuer.certificate, x509.KeyUsage)
        if not described[issuer.certificate].ca:
            _say(found, "not-a-ca", issuer.line, member=issuer)
        elif usage is not None and not usage.key_cert_sign:
            _say(found, "may-not-sign", issuer.line, member=issuer)


def _extension(certificate: x509.Certificate, kind: type[_E]) -> _E | None:
    """The extension of this kind; ``None``: there is none, or none that can be read."""
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except (x509.ExtensionNotFound, *DAMAGES):
        return None


# -- what issuers may do ------------------------------------------------------------------------------


def _say_constraints(path: _Path, anchor: _Anchor, found: Findings) -> None:
    """What issuers may not have below them (RFC 5280, sections 4.2.1.9, 4.2.1.10), and what nobody knows."""
    top = path[-1]
    named = _extension(path[0].certificate, x509.SubjectAlternativeName)
    dns_names = named.get_values_for_type(x509.DNSName) if named else []
    above = [(one.certificate, one.line, str(one)) for one in path[1:]]
    if anchor is not None and anchor != top.certificate:
        above.append((anchor, top.line, cut(anchor.subject.rfc4514_string())))
    for below, (certificate, line, issuer) in enumerate(above):
        basic = _extension(certificate, x509.BasicConstraints)
        most = basic.path_length if basic is not None else None
        if most is not None and below > most:
            _say(found, "path-too-long", line, issuer=issuer, most=most, below=below)
        names = _extension(certificate, x509.NameConstraints)
        outside = [n for n in dns_names if not _permits(names, n)] if names else []
        if outside:
            _say(found, "name-not-permitted", line, issuer=issuer, name=cut(outside[0]))
    for member in path:
        unknown = _unknown_critical(member.certificate)
        if unknown is not None:
            _say(found, "unknown-extension", member.line, member=member, extension=unknown)


def _permits(constraints: x509.NameConstraints, name: str) -> bool:
    """Whether a DNS name is in what is permitted, if anything is, and not in what is excluded."""

    def among(subtrees: Iterable[x509.GeneralName] | None) -> list[bool]:
        wanted = [one.value for one in subtrees or () if isinstance(one, x509.DNSName)]
        return [f".{name}".lower().endswith(f".{one.lstrip('.')}".lower()) for one in wanted]

    permitted = among(constraints.permitted_subtrees)
    return not any(among(constraints.excluded_subtrees)) and (not permitted or any(permitted))


def _unknown_critical(certificate: x509.Certificate) -> str | None:
    """The object identifier of a critical extension that nobody can be expected to know."""
    try:
        extensions = list(certificate.extensions)
    except DAMAGES:
        return None
    critical = (e for e in extensions if e.critical)
    unknown = (e.oid.dotted_string for e in critical if type(e.value) is x509.UnrecognizedExtension)
    return next(unknown, None)


# -- limits of platforms ------------------------------------------------------------------------------


def _say_limits(
    path: _Path, described: _Described, checked: Checked, found: Findings, *, anchor: _Anchor
) -> None:
    """Which platforms find a key or a signature too weak: a warning where the client's is among them."""
    levels, signatures = (data(TABLE)["strength"][name] for name in ("levels", "signature"))
    for member in path:
        one, digest = described[member.certificate], _digest(member.certificate)
        # Of a kind that is unknown here, enough for every level.
        key, signature = _key_strength(one), signatures.get(digest, max(levels))
        sha1 = digest == "sha1"
        every = LIMITS.items()
        # The signature of what is trusted anyway is not looked at.
        signed = every if member.certificate != anchor else ()
        edwards = every if one.key_type.startswith("Ed") else ()
        weak = {
            "key": [w for w, of in every if key < levels[of.level]],
            "signature": [
                w for w, of in signed if signature < levels[of.level] and not (sha1 and of.sha1)
            ],
            "eddsa": [w for w, of in edwards if not of.eddsa],
        }
        for name, places in weak.items():
            if places:
                severity = "warning" if checked.where in places else "note"
                words, ja = (data(TABLE)[of][name] for of in ("phrases", "ja"))
                facts = {"key": one.key, "signature": one.signature, "places": ", ".join(places)}
                found.say_words(f"{severity}: {words}", member.line, ja, member=member, **facts)
    level = data(TABLE)["servers"]["level"]
    leaf = described[path[0].certificate]
    if checked.side == "servers" and _key_strength(leaf) < levels[level]:
        _say(found, "not-loaded", path[0].line, member=path[0], key=leaf.key, level=level)


def _key_strength(described: CertificateDescription) -> int:
    """Bits of security of a key; of a kind that is unknown here, enough for every level."""
    strength = data(TABLE)["strength"]
    bits = described.key_bits
    if described.key_type == "RSA" and bits is not None:
        return next((bits_of for size, bits_of in strength["RSA"] if bits >= size), 0)
    if described.key_type == "ECDSA" and bits is not None:
        return bits // 2
    return int(strength["curve"].get(described.key_type, max(strength["levels"])))


def _digest(certificate: x509.Certificate) -> str:
    """The digest of the signature; empty: the kind of signature has none of its own."""
    try:
        algorithm = certificate.signature_hash_algorithm
    except DAMAGES:
        return ""
    return "" if algorithm is None else algorithm.name
