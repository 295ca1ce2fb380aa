"""A person's own chain beside the lab's catalogue: what it is like, and which of its certificates decides.

A cure of a certificate is tried with one of the lab's. Which cures these are is the catalogue's to say
(:attr:`lab.remedies.Cure.like`); here a chain of a person's is found in it by what was refused and by what it
holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lab.model import Reason
from lab.own.names import matches
from lab.remedies.words import InBothLanguages, words
from lab.text import cut, one_line

if TYPE_CHECKING:
    from lab.model import ServerSettings
    from lab.record.models import CertificateRecord

#: What is like no certificate of the catalogue, whose trust anchors never expire.
EXPIRED_ROOT = "expired-root"
#: Clients trust an intermediate, and are not content without its root.
ROOT_MISSING = "root-missing"
#: The issuer is not known, or not there.
ISSUER = (
    Reason.UNKNOWN_ISSUER,
    Reason.SELF_SIGNED_IN_CHAIN,
    Reason.FIRST_CERTIFICATE_UNVERIFIABLE,
    Reason.ISSUER_NOT_FOUND,
)


@dataclass(frozen=True)
class Likeness:
    """What was found of a chain."""

    slug: str = ""
    """A certificate of the catalogue with that defect, or one of the words above; empty: none."""
    decides: int | None = 0
    """Which of its certificates decides; ``None``: none of these, but what is trusted."""
    name: str = ""
    """A name that its first certificate has; empty: that is not known."""


#: Nothing is known of the certificate.
UNKNOWN = Likeness()


def sent(server: ServerSettings, chain: Sequence[CertificateRecord]) -> Sequence[CertificateRecord]:
    """What a server sends of the chain in its file: all, or the first certificate alone."""
    return chain if getattr(server, "certificate_chain", True) else chain[:1]


def likeness(reason: Reason, chain: Sequence[CertificateRecord], now: datetime) -> Likeness:
    """What a chain is like of which a client, or its own server, has complained.

    Args:
        reason: of the refusal.
        chain: what the server sent, its own certificate first; not empty.
        now: the time of the attempt.
    """
    if reason is Reason.HOSTNAME_MISMATCH:
        name = next((name for name in chain[0].names if not name.startswith("*")), "")
        return Likeness(name=name)
    if reason is Reason.ISSUER_NOT_FOUND:
        return Likeness(ROOT_MISSING, None)
    if reason in ISSUER:
        return _of_the_issuer(chain)
    if reason is Reason.SELF_SIGNED_LEAF:
        return Likeness("self-signed")
    if reason is Reason.EXPIRED:
        ended = _first(chain, lambda one: one.not_after < now)
        return Likeness(
            {None: EXPIRED_ROOT, 0: "expired"}.get(ended, "expired-intermediate"), ended
        )
    return Likeness(decides=_deciding(reason, chain, now))


def _of_the_issuer(chain: Sequence[CertificateRecord]) -> Likeness:
    """As far as each is followed by its issuer; the last of these is the one whose issuer is missing."""
    last = 0
    while last + 1 < len(chain) and chain[last].issuer == chain[last + 1].subject:
        last += 1
    if last == 0:
        return Likeness("incomplete-chain")
    return Likeness("root-in-chain" if chain[last].self_signed else "private-ca", last)


def _deciding(reason: Reason, chain: Sequence[CertificateRecord], now: datetime) -> int:
    of_issuers = list(range(1, len(chain))) or [0]
    if reason is Reason.NOT_YET_VALID:
        return _first(chain, lambda one: one.not_before > now) or 0
    if reason is Reason.NOT_A_CA:
        return next((n for n in of_issuers if not chain[n].ca), of_issuers[0])
    if reason in (Reason.PATH_TOO_LONG, Reason.NAME_NOT_PERMITTED):
        return of_issuers[0]
    if reason is Reason.WEAK_SIGNATURE:
        return _first(chain, weakly_signed) or 0
    if reason in (Reason.WEAK_KEY, Reason.CONNECTION_REFUSED):
        return min(range(len(chain)), key=lambda n: strength(chain[n].key_type, chain[n].key_bits))
    return 0


def others(
    reason: Reason, chain: Sequence[CertificateRecord], now: datetime, asked: str
) -> list[InBothLanguages]:
    """What else is wrong with a chain, which one of the lab's in its place has not.

    Args:
        reason: what was refused, and is cured.
        chain: what the server was given, its own certificate first.
        now: the time of the attempt.
        asked: the name that the client checks.
    """
    decides = likeness(reason, chain, now).decides
    found = []
    for number, one in enumerate(chain):
        if number != decides and not one.not_before <= now <= one.not_after:
            found.append(words("cure", "also-renewed", subject=cut(one_line(one.subject))))
    named = any(matches(name, asked) for name in chain[0].names) or not chain[0].names
    if reason is not Reason.HOSTNAME_MISMATCH and not named:
        found.append(words("cure", "also-named", name=asked))
    return found


def _first(
    chain: Sequence[CertificateRecord], holds: Callable[[CertificateRecord], bool]
) -> int | None:
    return next((number for number, one in enumerate(chain) if holds(one)), None)


def weakly_signed(one: CertificateRecord) -> bool:
    """Whether it is signed with a digest that no client of today takes."""
    return "sha1" in one.signature.lower() or "md5" in one.signature.lower()


def strength(kind: str, bits: int | None) -> int:
    """The size of an RSA key with about the strength of this one (NIST SP 800-57 part 1, table 2)."""
    return bits * 12 if kind != "RSA" and bits else bits or 1 << 16
