"""An independent check: what ``sslscan`` finds at a listener, against what the lab says of it.

Three statements about one listener are put side by side: what the settings allow, what the listener
picks when the lab asks it (:class:`lab.run.suites.Offer`), and what ``sslscan`` finds. They were made by
different code; where they differ, one of them is wrong, and that is said. Only what ``sslscan`` is
known not to see is no disagreement: :data:`UNSEEN`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from lab.clients.net_ftp import NetFtp
from lab.clients.openssl import Openssl
from lab.model import PROTOCOLS, Attempt, ServerSettings, WebServerSettings
from lab.run.agents import Unsupported
from lab.run.containers import certificate_files
from lab.run.link import AgentError, AgentLink
from lab.run.suites import Offer
from lab.servers.origin import BEHAVIOURS, Origin
from lab.settings import server_in_words
from lab.tls.suites import Suite, suite_of

if TYPE_CHECKING:
    from lab.run.session import Session


#: SSL 2.0 is none of the lab's: whoever speaks it disagrees with everything that is said of it.
_KNOWN: Final = ("SSLv2", *PROTOCOLS)

#: What ``sslscan`` does not see though it is there, and why that is its own limit: the suites of a version.
UNSEEN_VERSION: Final = "SSLv3"
UNSEEN: Final = "suites of SSL 3.0"
WHY_UNSEEN: Final = "sslscan asks whether a server speaks SSL 3.0, and for none of its suites"

#: What a listener can do and still be scanned: it completes handshakes as it would otherwise.
SCANNABLE_BEHAVIOURS: Final = frozenset({"serve", "close-after-request"})


class ScanError(ValueError):
    """What ``sslscan`` wrote cannot be read, or it could not look; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """What ``sslscan`` found, newest version first; SSL 3.0 is spoken without a list of suites."""

    suites: Mapping[str, tuple[Suite, ...]]
    version: str = ""
    """Of the program."""
    complaints: tuple[str, ...] = ()
    """Its own messages about single questions; a server that closes where it refuses gives some."""

    def as_json(self) -> dict[str, Any]:
        """The scan in plain values."""
        return {
            "suites": {v: [s.name for s in suites] for v, suites in self.suites.items()},
            "version": self.version,
            "complaints": list(self.complaints),
        }


@dataclass(frozen=True, kw_only=True)
class ScanComparison:
    """A listener as ``sslscan``, the lab and the settings have it."""

    server: ServerSettings
    scan: Scan
    offer: Offer
    disagreements: tuple[str, ...]
    beyond: tuple[str, ...] = ()
    """Suites that ``sslscan`` cannot see, as ``SSLv3 RC4-SHA``."""

    @property
    def agree(self) -> bool:
        """Whether all three say the same."""
        return not self.disagreements

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`."""
        return "agree" if self.agree else "disagree"

    @property
    def nothing(self) -> bool:
        """Whether nobody found anything, which a listener that is not there would explain as well."""
        return self.agree and not self.scan.suites

    @property
    def protocols(self) -> tuple[str, ...]:
        """The versions that a client can use, oldest first."""
        return tuple(sorted(self.scan.suites, key=_age))

    @property
    def distinct_suites(self) -> frozenset[str]:
        """Names of the suites found, in whatever version."""
        return frozenset(s.name for suites in self.scan.suites.values() for s in suites)

    def as_json(self) -> dict[str, Any]:
        """The comparison in plain values."""
        return {
            "settings": server_in_words(self.server),
            "agree": self.agree,
            "disagreements": list(self.disagreements),
            "sslscan": self.scan.as_json(),
            "lab": self.offer.as_json(),
            "beyond": {UNSEEN: list(self.beyond)} if self.beyond else {},
        }


@dataclass(frozen=True, kw_only=True)
class NotScanned:
    """Settings with which there is nothing to scan, or with which the lab failed to."""

    server: ServerSettings
    why: str
    lab_error: bool = False

    @property
    def kind(self) -> str:
        """One of :data:`KINDS`."""
        return "lab_error" if self.lab_error else "not_scannable"

    def as_json(self) -> dict[str, Any]:
        """The same in plain values."""
        return {"settings": server_in_words(self.server), self.kind: self.why}


def not_scannable(server: ServerSettings) -> str | None:
    """Why nobody could scan a server with these settings; ``None``: somebody could."""
    if not server.listening:
        return "nothing listens on its port"
    if server.port_filter != "open":
        spared = f" but from {server.port_allowed}" if server.port_allowed else ""
        return f"a packet filter is before its port: {server.port_filter}, whatever comes{spared}"
    if not server.tls:
        return "it speaks no TLS"
    if isinstance(server, Origin) and server.behaviour not in SCANNABLE_BEHAVIOURS:
        return f"it does something else: {BEHAVIOURS[server.behaviour]}"
    return None


def read_scan(document: str) -> Scan:
    """Read the XML document of ``sslscan --xml=-`` about one server.

    Raises:
        ScanError: it is none, or it has no answer about protocols: the server could not be reached.
    """
    try:
        root = ET.fromstring(document)
    except ET.ParseError as error:
        words = f"sslscan wrote no whole document ({error}): {_last_words(document)}"
        raise ScanError(words) from error
    complaints = tuple((found.text or "").strip() for found in root.iter("error"))
    spoken = [found for found in root.iter("protocol") if found.get("enabled") == "1"]
    if root.find("ssltest/protocol") is None:
        raise ScanError(f"sslscan asked about no protocol: {'; '.join(complaints) or 'no reason'}")
    named = (f"{one.get('type', '').upper()}v{one.get('version')}" for one in spoken)
    suites: dict[str, list[Suite]] = {_version(name): [] for name in named}
    for found in root.iter("cipher"):
        suites.setdefault(_version(found.get("sslversion", "")), []).append(_suite(found))
    return Scan(
        suites={v: tuple(suites[v]) for v in sorted(suites, key=_age, reverse=True)},
        version=root.get("version", ""),
        complaints=complaints,
    )


def compare_scan(server: ServerSettings, scan: Scan, offer: Offer) -> ScanComparison:
    """Put the three together.

    A version in which a listener could use no suite is spoken by nobody, so that it does not count.
    """
    picked = {version: suites for version, suites in offer.suites.items() if suites}
    beyond: tuple[str, ...] = ()
    told = [*_against_settings(server, scan, offer)]
    for version in sorted({*picked, *scan.suites}, key=_age, reverse=True):
        found, ours = scan.suites.get(version), picked.get(version)
        if ours is None:
            told.append(f"sslscan finds {version}, the lab gets no suite of it")
            continue
        if found is None:
            told.append(f"sslscan does not find {version}, the lab gets {_names(ours)} with it")
            continue
        missed = [suite for suite in ours if suite not in found]
        more = [suite for suite in found if suite not in ours]
        if version == UNSEEN_VERSION:
            beyond, missed = tuple(f"{version} {suite}" for suite in missed), []
        if missed:
            told.append(f"sslscan does not find {_names(missed)} in {version}, the lab gets it")
        if more:
            told.append(f"sslscan finds {_names(more)} in {version}, the lab does not get it")
    return ScanComparison(
        server=server, scan=scan, offer=offer, disagreements=tuple(told), beyond=beyond
    )


def _against_settings(server: ServerSettings, scan: Scan, offer: Offer) -> Iterator[str]:
    """What is there although the settings do not allow it."""
    allowed, listed = server.protocols, set(offer.configured)
    for version, suites in scan.suites.items():
        if allowed is not None and version not in allowed:
            yield f"sslscan finds {version}, the settings allow {allowed}"
        more = [suite for suite in suites if suite not in listed]
        # TLS 1.3 has suites of its own that the list does not govern.
        if listed and more and version != "TLSv1.3":
            yield f"sslscan finds {_names(more)} in {version}, the server's list does not have it"


def _version(written: str) -> str:
    """A protocol version, which ``sslscan`` writes as the lab does, only that ``TLSv1`` is ``TLSv1.0``."""
    version = written.removesuffix(".0")
    if version not in _KNOWN:
        raise ScanError(f"sslscan names a protocol that the lab does not know: {written!r}")
    return version


def _suite(cipher: ET.Element) -> Suite:
    try:
        return suite_of(int(cipher.get("id", ""), 16))
    except ValueError:
        raise ScanError(f"sslscan gives a suite no number: {cipher.attrib}") from None


def _age(version: str) -> int:
    return _KNOWN.index(version)


def _names(suites: Collection[Suite]) -> str:
    return " ".join(suite.name for suite in suites)


def _last_words(document: str) -> str:
    lines = [line.strip() for line in document.splitlines() if line.strip()]
    return " ".join(lines[-3:]) or "it wrote nothing"


#: Seconds for one listener: some 200 connections where a long list of suites is to be found.
SCAN_S = 60.0
#: Only what is compared is asked for: protocols and suites.
OPTIONS: Final = (
    *("--xml=-", "--no-colour", "--no-check-certificate", "--no-cipher-details"),
    *("--no-compression", "--no-fallback", "--no-groups", "--no-heartbleed", "--no-renegotiation"),
    # Seconds for one answer: a server that does not speak a version may say nothing at all.
    *("--connect-timeout=5", "--timeout=2"),
)
#: How often it is asked about everything. It writes its hello of SSL 3.0 in three pieces and gives up
#: altogether when the server refuses after the first, as OpenSSL 1.0.x does: once in some twenty times on a
#: quiet machine, and always on one so busy that the server runs between two pieces.
TRIES = 5
#: Then it is asked about all but SSL 2.0 and 3.0, and this is what it says of them.
WITHOUT_SSL: Final = "--tlsall"
NOT_ASKED: Final = f"not asked about SSLv3: the server refused {TRIES} times while sslscan wrote"


def scan(agent: AgentLink, server: ServerSettings, port: int) -> Scan:
    """What ``sslscan`` finds at a listener with these settings at this port.

    Raises:
        AgentError: the agent failed, or the program could not look.
    """
    for _ in range(TRIES):
        with contextlib.suppress(ScanError):
            return _scanned(agent, server, port)
    try:
        found = _scanned(agent, server, port, WITHOUT_SSL)
    except ScanError as error:
        raise AgentError(f"{error} ({TRIES} times, and once with {WITHOUT_SSL})") from error
    return dataclasses.replace(found, complaints=(*found.complaints, NOT_ASKED))


def _scanned(agent: AgentLink, server: ServerSettings, port: int, *more: str) -> Scan:
    """One call of the program.

    Raises:
        AgentError: the agent failed, or the program was not done in time.
        ScanError: what it wrote cannot be read.
    """
    argv = _arguments(server, port, *more)
    # It would die of a server that closes while it is still asking; told (EPIPE), it goes on.
    answer = agent.call("attempt", SCAN_S, argv=argv, ignores_sigpipe=True)
    if answer["timed_out"]:
        raise AgentError(f"sslscan of {server.host} was not done within {SCAN_S:g} s")
    try:
        return read_scan(answer["stdout"])
    except ScanError as error:
        said = " ".join(answer["stderr"].split())
        ended = f"exit status {answer['exit_status']}{': ' + said if said else ''}"
        raise ScanError(f"{error} ({ended})") from error


def _arguments(server: ServerSettings, port: int, *more: str) -> list[str]:
    """The whole command. A server that asks for a certificate is shown one."""
    argv = ["sslscan", *OPTIONS, *more, f"--sni-name={server.server_name}"]
    argv += [] if server.tls_first else ["--starttls-ftp"]
    if server.asks_for_certificate:
        chain, key = certificate_files(server.host, server.certificate)
        argv += [f"--certs={chain}", f"--pk={key}"]
    return [*argv, f"{server.host}:{port}"]


#: What was found, or why nothing was.
ScanResult = ScanComparison | NotScanned
#: What a scan can come to.
KINDS: Final = ("agree", "disagree", "not_scannable", "lab_error")

#: Not that both agree: two that see nothing have nothing to compare.
NO_HANDSHAKE = "no handshake comes about with it, be it sslscan or the lab that asks"


def scan_all(
    session: Session, servers: Iterable[ServerSettings], *, workers: int | None = None
) -> list[ScanResult]:
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


def scan_one(session: Session, server: ServerSettings) -> ScanResult:
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


def counted(results: Iterable[ScanResult]) -> dict[str, int]:
    """How many settings came to what; every one is in exactly one number."""
    counts = Counter(result.kind for result in results)
    return {kind: counts[kind] for kind in KINDS}
