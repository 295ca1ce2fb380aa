"""The suites of both ends, side by side: what is common, and the first thing that is not.

An :class:`Offer` is what one end was seen to agree to, by protocol version; :func:`compare_suites` puts
two of them together in the order in which a handshake does: first the version (the newest that both
speak), then a suite of that version. Groups and signature algorithms come after that and are not compared.

Pure; ``lab/run/offers.py`` is what asks the ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.model import PROTOCOLS
from lab.tls.client_hello import ClientHello
from lab.tls.suites import Suite, suite_named

#: So many suites are named in a sentence; the lists have them all.
_MOST = 4


@dataclass(frozen=True, kw_only=True)
class Offer:
    """What one end agrees to.

    ``suites`` are those that it was seen to use or to offer, by protocol version, newest first; a
    version that it speaks without a single usable suite has none. Of a client they are in the order
    of its preference.
    """

    end: str
    """Who: ``net-ftp@rocky9:FIPS``, ``vsftpd``."""
    suites: Mapping[str, tuple[Suite, ...]] = field(default_factory=dict)
    nothing: str = ""
    """Why there is nothing to compare, in the end's own words; empty: there is."""
    configured: tuple[Suite, ...] = ()
    """Of a server: what its cipher list means to its library (TLS 1.2 and older)."""
    key: str = ""
    """Of a server: the key of its certificate, e.g. ``RSA-2048``; empty: it has none."""

    @property
    def versions(self) -> tuple[str, ...]:
        """The protocol versions, newest first."""
        return tuple(sorted(self.suites, key=PROTOCOLS.index, reverse=True))

    @property
    def excluded(self) -> tuple[Suite, ...]:
        """Of a server: the suites in its list that its certificate's key cannot be used with."""
        kind = self.key.replace("-", " ").split(" ")[0]
        return tuple(s for s in self.configured if s.authentication not in (kind, "any", "none"))

    def as_json(self) -> dict[str, Any]:
        """The offer in plain values."""
        return {
            "end": self.end,
            "nothing": self.nothing or None,
            "suites": {v: [s.name for s in self.suites[v]] for v in self.versions},
            "configured": [s.name for s in self.configured],
            "excluded_by_key": [s.name for s in self.excluded],
            "key": self.key or None,
        }

    @classmethod
    def of_json(cls, data: Any) -> Offer | None:
        """What :meth:`as_json` wrote; ``None``: this is nothing of the kind."""
        try:
            suites = {version: configured(names) for version, names in data["suites"].items()}
            listed = configured(data["configured"])
            return cls(end=data["end"], suites=suites, configured=listed, key=data["key"] or "")
        except (AttributeError, KeyError, TypeError):
            return None


@dataclass(frozen=True, kw_only=True)
class SuiteComparison:
    """Two offers and what they have in common."""

    client: Offer
    server: Offer
    version: str | None
    """The version that a handshake of the two settles on: the newest common one."""
    common: Mapping[str, tuple[Suite, ...]]
    """By common version, newest first, in the client's order."""
    sentence: str
    """What comes of it: the first thing that fails, or that nothing does."""

    @property
    def possible(self) -> bool:
        """Whether version and suite can be settled."""
        return self.version is not None and bool(self.common[self.version])

    @property
    def cause(self) -> str:
        """Why the two were refused for want of a common suite."""
        if not self.possible:
            return self.sentence
        # Suites of ECDHE also need a common group, and all need a signature algorithm.
        return f"not the lists of suites, but a group or signature algorithm: {self.sentence}"

    def as_json(self) -> dict[str, Any]:
        """The comparison in plain values."""
        return {
            "client": self.client.as_json(),
            "server": self.server.as_json(),
            "version": self.version,
            "common": {v: [s.name for s in suites] for v, suites in self.common.items()},
            "possible": self.possible,
            "sentence": self.sentence,
        }


def client_offer(end: str, hello: ClientHello, older: Iterable[str] = ()) -> Offer:
    """A client's offer, from the ClientHello that it wrote.

    Args:
        end: the client's name.
        hello: what it wrote.
        older: the versions that it accepts beside ``hello.newest``, if the hello does not say.
    """
    versions = _newest_first(hello.versions or (hello.newest, *older))
    suites = {v: tuple(s for s in hello.suites if s.usable_in(v)) for v in versions}
    return Offer(end=end, suites=suites)


def configured(names: Iterable[str]) -> tuple[Suite, ...]:
    """The suites of these names, in their order; those that the table does not have are left out."""
    return tuple(suite for name in names if (suite := suite_named(name)) is not None)


def compare_suites(client: Offer, server: Offer) -> SuiteComparison:
    """Put a client's and a server's offer together."""
    common = {
        version: tuple(s for s in client.suites[version] if s in server.suites[version])
        for version in client.versions
        if version in server.suites
    }
    version = next(iter(common), None)
    words = _sentence(client, server, version, common.get(version or "", ()))
    return SuiteComparison(
        client=client, server=server, version=version, common=common, sentence=words
    )


def _sentence(client: Offer, server: Offer, version: str | None, common: Sequence[Suite]) -> str:
    for end, offer in (("client", client), ("server", server)):
        if offer.nothing:
            return f"the {end} offers nothing: {offer.nothing}"
    if version is None:
        return (
            f"no protocol version in common: the server speaks {_and(server.versions)},"
            f" the client {_and(client.versions)}"
        )
    if not common:
        return f"no cipher suite in common in {version}: " + _why_none(client, server, version)
    if version == "TLSv1.3":
        return (
            "both ends speak TLSv1.3, which has suites of its own that no cipher list governs:"
            f" {_some(common)} {'is' if len(common) == 1 else 'are'} common"
        )
    number = f"{len(common)} cipher suite{'s' if len(common) > 1 else ''} in common in {version}"
    return f"{number}: {_some(common)}"


def _why_none(client: Offer, server: Offer, version: str) -> str:
    theirs, ours = server.suites[version], client.suites[version]
    if not theirs:
        return _why_server_has_none(server, version)
    words = f"the server allows only {_some(theirs)}"
    if server.excluded and version != "TLSv1.3":
        words += f" ({_needs_another_key(server)})"
    if not ours:
        return f"{words}; the client has none of that version"
    lacking = list(_lacking(theirs, ours))
    words += f"; the client offers {_count(ours)}"
    return f"{words}, {', '.join(lacking)}" if lacking else f"{words}: {_some(ours)}"


def _why_server_has_none(server: Offer, version: str) -> str:
    if not server.key:
        return "the server has no certificate, and every suite that it could use needs one"
    if server.excluded and version != "TLSv1.3":
        return f"the server can use none: {_needs_another_key(server)}"
    listed = f" of its list ({_some(server.configured)})" if server.configured else ""
    return f"the server can use no suite{listed}"


def _needs_another_key(server: Offer) -> str:
    kinds = sorted({suite.authentication for suite in server.excluded})
    verb = "needs" if len(server.excluded) == 1 else "need"
    article = "a" if kinds[0].startswith("D") else "an"
    needed = f"{_some(server.excluded)} {verb} {article} {' or '.join(kinds)} key"
    return f"{needed}, the certificate has {server.key}"


def _lacking(theirs: Sequence[Suite], ours: Sequence[Suite]) -> Iterable[str]:
    """What all of the server's suites have and none of the client's has."""
    for attribute, what in (
        ("key_exchange", "{} key exchange"),
        ("authentication", "{} authentication"),
        ("encryption", "{}"),
        ("mac", "{} MAC"),
    ):
        wanted = {getattr(suite, attribute) for suite in theirs}
        # An AEAD suite has no MAC of its own: its encryption says it all.
        if wanted != {"AEAD"} and not wanted & {getattr(suite, attribute) for suite in ours}:
            kinds = " or ".join(sorted(wanted))
            # An anonymous suite is one without authentication, not one with another kind of it.
            without = attribute == "authentication" and kinds == "none"
            yield "none without authentication" if without else "none with " + what.format(kinds)


def _some(suites: Sequence[Suite]) -> str:
    names = [suite.name for suite in suites[:_MOST]]
    rest = len(suites) - len(names)
    return _and([*names, f"{rest} more"] if rest else names)


def _count(suites: Sequence[Suite]) -> str:
    return f"{len(suites)} suites" if len(suites) > 1 else f"one suite ({suites[0]})"


def _and(words: Sequence[str]) -> str:
    *first, last = words or ("nothing",)
    return f"{', '.join(first)} and {last}" if first else last


def _newest_first(versions: Iterable[str]) -> list[str]:
    return sorted(versions, key=PROTOCOLS.index, reverse=True)
