"""What can be served, by name: every certificate, every defect of ``names.toml``, every case.

A name is ``TRANSPORT:SUBJECT``, such as ``https:expired``; a subject or a transport alone stands for all that
there is of it. The place in the whole list gives an entry its port, whatever else is served.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.certificates import CATALOGUE, ZONE, CertificateSpec
from lab.certificates import Names as CertificateNames
from lab.model import FtpServerSettings, ProtocolRange, ServerSettings, set_fields, spelt
from lab.remedies.words import InBothLanguages
from lab.serve.errors import ServeError
from lab.servers import SERVERS
from lab.servers.origin import BEHAVIOURS
from lab.text import closest, did_you_mean

if TYPE_CHECKING:
    from lab.cases import LoadedCase

#: The word for everything but cases.
ALL = "all"
#: The name that certificates are made out to: every client finds it at 127.0.0.1.
HOST = "localhost"
#: The zone of the certificate with a wildcard: a wildcard directly below a top-level name is taken by nobody.
SERVED_ZONE = "lab.localhost"


class Transport(StrEnum):
    """How an entry is reached."""

    HTTPS = "https"
    FTPS = "ftps"
    """Explicit: TLS after ``AUTH TLS`` (RFC 4217)."""
    FTPS_IMPLICIT = "ftps-implicit"
    """TLS from the first byte on."""


#: What FTP servers are told beside what an entry is about. Over TLS 1.3 an upload to vsftpd breaks off now
#: and then, and many clients cannot resume sessions: each has an entry of its own, and is to be in no other.
#: Without a list vsftpd has one suite, with which it cannot serve every certificate.
_FTPS: Mapping[str, Any] = {
    "protocols": "TLSv1.2",
    "require_ssl_reuse": False,
    "ciphers": "HIGH:!aNULL",
}
_OLD_VSFTPD = "vsftpd@openssl-1.0.2k"
#: The servers for a certificate. The first that starts serves: a library of today does not load every one.
_USUAL: Mapping[Transport, tuple[Mapping[str, Any], ...]] = {
    Transport.HTTPS: ({"software": "nginx"}, {"software": "origin@openssl-1.0.2k"}),
    Transport.FTPS: ({"software": "vsftpd", **_FTPS}, {"software": _OLD_VSFTPD, **_FTPS}),
    Transport.FTPS_IMPLICIT: (
        {"software": "vsftpd", "implicit_tls": True, **_FTPS},
        {"software": _OLD_VSFTPD, "implicit_tls": True, **_FTPS},
    ),
}


@dataclass(frozen=True)
class ServedEntry:
    """One server that can be served."""

    transport: Transport
    subject: str
    """What it shows: a certificate's slug, the name of a defect, a case."""
    title: InBothLanguages
    shows: InBothLanguages
    fine: bool
    """Nothing is wrong with it."""
    servers: tuple[ServerSettings, ...]
    """Its settings; of several the first with which the server starts."""
    place: int = 0
    """Its place in the whole list, from 1 on."""

    @property
    def name(self) -> str:
        """What a person calls it."""
        return f"{self.transport}:{self.subject}"

    @property
    def is_ftp(self) -> bool:
        """Whether it is of FTP."""
        return self.transport is not Transport.HTTPS


@cache
def _tables() -> Mapping[str, Any]:
    return tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))


def settings(table: Mapping[str, Any], **more: Any) -> ServerSettings:
    """A server's settings from a table, in which versions are written as people write them."""
    fields = {**table, **more}
    if "protocols" in fields:
        fields["protocols"] = ProtocolRange.parse(fields["protocols"])
    made: ServerSettings = SERVERS[fields.pop("software")].settings_with(**fields)
    return made


@cache
def catalogue() -> tuple[ServedEntry, ...]:
    """Everything that there is but cases, in the order of its ports."""
    found = [*_certificates(), *_defects(), *_behaviours()]
    return tuple(dataclasses.replace(e, place=place) for place, e in enumerate(found, start=1))


def _certificates() -> Iterator[ServedEntry]:
    for slug, spec in CATALOGUE.items():
        title, shows = _words_of(spec)
        for transport, tables in _USUAL.items():
            alternatives = tuple(settings(table, certificate=slug) for table in tables)
            yield ServedEntry(transport, slug, title, shows, spec.defect is None, alternatives)


def _words_of(spec: CertificateSpec) -> tuple[InBothLanguages, InBothLanguages]:
    """Title and summary of a certificate, as it is made here."""
    title, summary = _tables()["certificate"][spec.slug]
    english = spec.summary
    if spec.leaf.names is CertificateNames.WILDCARD:
        english = english.replace(ZONE, SERVED_ZONE)
    return InBothLanguages(spec.title, title), InBothLanguages(english, summary)


def _defects() -> Iterator[ServedEntry]:
    for name, table in _tables()["entry"].items():
        title, shows = InBothLanguages(**table["title"]), InBothLanguages(**table["shows"])
        fine = table.get("fine", False)
        if "https" in table:
            made = (settings(table["https"]),)
            yield ServedEntry(Transport.HTTPS, name, title, shows, fine, made)
        if "ftps" in table:
            ftps = {**_USUAL[Transport.FTPS][0], **table["ftps"]}
            yield ServedEntry(Transport.FTPS, name, title, shows, fine, (settings(ftps),))
            if ftps.get("tls", True) and not table.get("explicit-only", False):
                implicit = (settings(ftps, implicit_tls=True),)
                yield ServedEntry(Transport.FTPS_IMPLICIT, name, title, shows, fine, implicit)


def _behaviours() -> Iterator[ServedEntry]:
    titles, shows = _tables()["behaviour"], _tables()["behaviour-shows"]
    for name in BEHAVIOURS:
        if name != "serve":
            made = (settings({"software": "origin", "behaviour": name}),)
            said = InBothLanguages(**titles[name]), InBothLanguages(**shows[name])
            yield ServedEntry(Transport.HTTPS, name, *said, False, made)


@cache
def _cases() -> Sequence[LoadedCase]:
    from lab.cases.catalogue import Catalogue  # noqa: PLC0415 - of use only where one is named
    from lab.host.checkout import source  # noqa: PLC0415

    return Catalogue.load(source() / "scenarios").cases


def case_entry(word: str, place: int) -> ServedEntry | None:
    """The broken server of the first case that has this name; ``None``: there is no such case."""
    from lab.report.html.language import titles  # noqa: PLC0415

    for case in _cases():
        if word in (case.id, case.name):
            server = case.case.attempt.server
            first = case.story.split("\n\n")[0].replace("\n", " ").rstrip(".")
            japanese = titles().get(first, first)
            title = InBothLanguages(*(text.replace("``", "`") for text in (first, japanese)))
            given = {"server": server.software, **set_fields(server)}
            told = "; ".join(f"{n}={spelt(v)}" for n, v in given.items() if n != "software")
            shows = InBothLanguages(f"The server of the case: {told}.", f"ケースのサーバー: {told}")
            return ServedEntry(_transport_of(server), word, title, shows, False, (server,), place)
    return None


def _transport_of(server: ServerSettings) -> Transport:
    if not isinstance(server, FtpServerSettings):
        return Transport.HTTPS
    return Transport.FTPS_IMPLICIT if server.tls_first else Transport.FTPS


def choose(words: Sequence[str]) -> list[ServedEntry]:
    """The entries that these words name, each once, in the order of their ports.

    Raises:
        ServeError: a word names none; the message has the nearest.
    """
    chosen: dict[str, ServedEntry] = {}
    cases = 0
    for word in words:
        found = [e for e in catalogue() if word in (ALL, e.name, e.subject, e.transport)]
        if not found:
            cases += 1
            case = case_entry(word, len(catalogue()) + cases)
            found = [case] if case else []
        if not found:
            near = " / ".join(closest(word, _known()))
            raise ServeError(
                "unknown",
                word=word,
                nearest=did_you_mean(word, _known()),
                nearest_ja=near and _tables()["nearest"]["ja"].format(names=near),
            )
        chosen |= {entry.name: entry for entry in found}
    return sorted(chosen.values(), key=lambda entry: entry.place)


def _known() -> Iterable[str]:
    return dict.fromkeys([ALL, *(w for e in catalogue() for w in (e.subject, e.name))])
