"""The cause of a refusal in a sentence or two: what its reason means, and what of this attempt bears it out.

Pure: an attempt's result, the certificates that the server has and what both ends offer go in. What is not
known is not said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from lab.clients.edges import EdgeSettings
from lab.dialects import client_dialect
from lab.model import ClientSettings, FtpClientSettings, Reason, ServerSettings
from lab.model.settings import spelt
from lab.remedies import OF_CERTIFICATES
from lab.remedies.chains import ISSUER, sent, strength, weakly_signed
from lab.remedies.lines import server_lines
from lab.remedies.words import InBothLanguages, listed_in_both, words
from lab.text import cut, listed, one_line

if TYPE_CHECKING:
    from lab.record.models import AttemptResult, CertificateRecord
    from lab.run.suites import SuiteComparison

#: Of a list of suites or certificates, so many are named.
_MOST = 4
#: A quoted line is no longer than this.
_LONGEST = 160


@dataclass(frozen=True)
class Evidence:
    """What a cause is read from."""

    result: AttemptResult
    chain: Sequence[CertificateRecord] = ()
    """What the server was given, its own certificate first."""
    suites: SuiteComparison | None = None
    """What both ends offer; None: they were not asked."""
    now: datetime | None = None
    """The time of the attempt; None: when it began."""

    @property
    def sent(self) -> Sequence[CertificateRecord]:
        """What of the chain the client got."""
        return sent(self.result.server, self.chain)

    @property
    def time(self) -> datetime:
        """When certificates are looked at."""
        return self.now or self.result.started


def cause_of(evidence: Evidence) -> InBothLanguages:
    """The cause of a refusal.

    Raises:
        ValueError: the attempt was not refused.
    """
    outcome = evidence.result.outcome
    if outcome is None or outcome.reason is None:
        raise ValueError(f"the attempt {evidence.result.id} was not refused")
    return sum(_facts(outcome.reason, evidence), start=words("why", outcome.reason))


def _facts(reason: Reason, evidence: Evidence) -> Iterator[InBothLanguages]:
    yield from _mode(evidence)
    client = evidence.result.client
    if getattr(client, "session_reuse", False) and getattr(client, "earlier", "none") != "none":
        yield words("fact", "left_session")
    elif reason in _FACTS:
        yield from _FACTS[reason](evidence)
    report = evidence.result.client_report
    dialect = client_dialect(evidence.result.client.program)
    sent = report and dialect.reply(report)
    if report is not None and _NOBODY_ASKED in dialect.heard(report):
        yield words("fact", "checked")
    elif reason not in _SPEAKS_FOR_ITSELF and report is not None and sent is not None:
        reply = f"{sent} {report.reply_text}".strip()
        # What an edge answers its visitor with is its own, whatever the origin said.
        of_edge = isinstance(evidence.result.client, EdgeSettings)
        yield words("fact", "reply_edge" if of_edge else "reply", reply=f"`{_quoted(reply)}`")
    server = evidence.result.server_report
    if server is not None and not server.started and server.log:
        yield words("fact", "log", log=f"`{_quoted(server.log.strip())}`")


def _quoted(text: str) -> str:
    return cut(one_line(text), _LONGEST)


def _mode(evidence: Evidence) -> Iterator[InBothLanguages]:
    """Explicit meets implicit: one waits for what the other will never say."""
    server, client = evidence.result.server, evidence.result.client
    if not isinstance(client, FtpClientSettings) or not client.uses_tls:
        return
    if server.tls_first and not client.tls_first:
        yield words("fact", "explicit")
    elif client.tls_first and not server.tls_first:
        yield words("fact", "implicit")


# -- suites and versions ---------------------------------------------------------------------------


def _suites(evidence: Evidence) -> Iterator[InBothLanguages]:
    compared = evidence.suites
    if compared is None:
        return
    for end, offer in (("client", compared.client), ("server", compared.server)):
        if offer.nothing:
            yield words("fact", "nothing", end=words("side", end), why=offer.nothing)
            return
    version = compared.version
    if version is None:
        yield from _versions(evidence)
        yield words("fact", "no_version")
    elif compared.possible:
        yield words("fact", "groups", common=_suite_names(compared.common[version]))
    else:
        ends = (compared.client, compared.server)
        client, server = (_suite_names(end.suites[version]) for end in ends)
        named = words("fact", "suites", version=version, client=client, server=server)
        sentence = compared.sentence[:1].upper() + compared.sentence[1:]
        yield InBothLanguages(f"{sentence}.", named.ja)


def _versions(evidence: Evidence) -> Iterator[InBothLanguages]:
    compared = evidence.suites
    if compared is None:
        return

    for end, offer in (("client", compared.client), ("server", compared.server)):
        if offer.nothing:
            yield words("fact", "nothing", end=words("side", end), why=offer.nothing)
        if not offer.versions:
            return
    server, client = map(listed_in_both, (compared.server.versions, compared.client.versions))
    yield words("fact", "versions", server=server, client=client)


def _suite_names(suites: Sequence[Any]) -> InBothLanguages:
    return listed_in_both([suite.name for suite in suites] or ["-"], _MOST)


def _list(evidence: Evidence) -> Iterator[InBothLanguages]:
    client = evidence.result.client
    if client.ciphers is not None:
        yield words("fact", "list", list=_quoted(client.ciphers), where=client.where)


# -- certificates ----------------------------------------------------------------------------------


def _subject(certificate: CertificateRecord) -> str:
    return cut(one_line(certificate.subject or listed(certificate.names, 1) or "-"))


def asked_of(result: AttemptResult) -> str:
    """The name that the client of an attempt asks for, and looks for in the certificate."""
    client, server = result.client, result.server
    return client.checked_name or client.host or server.host


def _names(evidence: Evidence) -> Iterator[InBothLanguages]:
    if evidence.sent:
        leaf = evidence.sent[0]
        names = listed_in_both(leaf.names, _MOST)
        shown = names if leaf.names else words("fact", "no_names", subject=_subject(leaf))
        yield words("fact", "names", asked=asked_of(evidence.result), names=shown)


def _validity(evidence: Evidence) -> Iterator[InBothLanguages]:
    said = False
    for one in evidence.sent:
        for name, moment, out in (
            ("ended", one.not_after, one.not_after < evidence.time),
            ("begins", one.not_before, one.not_before > evidence.time),
        ):
            if out:
                days = abs(evidence.time - moment).days
                many = ("today", "one")[days] if days < 2 else "more"
                when = words("when", f"{name}_{many}", days=days)
                date = moment.date().isoformat()
                said = True
                yield words("fact", name, subject=_subject(one), date=date, when=when)
    if evidence.sent and not said:
        yield words("fact", "anchor_ended")


def _issuer(evidence: Evidence) -> Iterator[InBothLanguages]:
    if not evidence.sent:
        return
    shown = listed_in_both([f"`{_subject(one)}`" for one in evidence.sent[:_MOST]])
    subjects = {one.subject for one in evidence.sent}
    missing = next((o.issuer for o in evidence.sent if o.issuer not in subjects), None)
    if missing is not None:
        yield words("fact", "sent", sent=shown, missing=cut(one_line(missing)))
    else:
        yield words("fact", "root_sent", sent=shown)
    if len(evidence.sent) < len(evidence.chain):
        held = listed_in_both([f"`{_subject(one)}`" for one in evidence.chain[1 : 1 + _MOST]])
        yield words("fact", "not_sent", held=held)


def _itself(evidence: Evidence) -> Iterator[InBothLanguages]:
    if evidence.sent:
        yield words("fact", "itself", subject=_subject(evidence.sent[0]))


def _key(evidence: Evidence) -> Iterator[InBothLanguages]:
    if evidence.sent:
        smallest = min(evidence.sent, key=lambda one: strength(one.key_type, one.key_bits))
        subject, where = _subject(smallest), evidence.result.client.where
        yield words("fact", "key", subject=subject, key=smallest.key, where=where)


def _signature(evidence: Evidence) -> Iterator[InBothLanguages]:
    # A root's own signature is looked at by nobody.
    weak = [one for one in evidence.sent if weakly_signed(one)]
    for one in (weak or evidence.sent)[:1]:
        subject, where = _subject(one), evidence.result.client.where
        yield words("fact", "signature", subject=subject, signature=one.signature, where=where)


# -- the session -----------------------------------------------------------------------------------


def _option(*names: str) -> Callable[[Evidence], Iterator[InBothLanguages]]:
    """The first of these options of the server, as its configuration has it, or that it is a default."""

    def fact(evidence: Evidence) -> Iterator[InBothLanguages]:
        lines = _configured(evidence.result.server)
        written = next((line for name in names for line in lines if name in line), None)
        if written is not None:
            yield words("fact", "option", option=_quoted(written))
        elif evidence.result.server.software.startswith("vsftpd"):
            yield words("fact", "default", option=names[0])

    return fact


def _configured(server: ServerSettings) -> Sequence[str]:
    try:
        return server_lines(server)
    except (KeyError, ValueError):
        return ()


def _reset(evidence: Evidence) -> Iterator[InBothLanguages]:
    wire, outcome = evidence.result.wire, evidence.result.outcome
    if wire is None or outcome is None or outcome.protocol != "TLSv1.3":
        return
    for one in wire.connections:
        if not one.control and one.closed is not None and one.closed.reset:
            yield words("fact", "reset", side=words("side", str(one.closed.by)))
            return


def _given_up(evidence: Evidence) -> Iterator[InBothLanguages]:
    """The words with which a server gives up, as far as they are known."""
    outcome = evidence.result.outcome
    if outcome is not None and outcome.cause:
        yield words("fact", "reply", reply=f"`{_quoted(outcome.cause.partition(': ')[2])}`")


def _address(evidence: Evidence) -> Iterator[InBothLanguages]:
    address = getattr(evidence.result.server, "pasv_address", None)
    if address is not None:
        yield words("fact", "address", address=address)


def _says_more(evidence: Evidence) -> Iterator[InBothLanguages]:
    """What makes an end's log say more of a failure, where it is not set."""
    for flag, end in (("-c", evidence.result.client), ("-s", evidence.result.server)):
        for field in dataclasses.fields(end):
            more = field.metadata.get("says_more")
            if more is not None and getattr(end, field.name) != more:
                option = f"{flag} {field.name}={spelt(more)}"
                program = end.program if isinstance(end, ClientSettings) else end.software
                yield words("fact", "says_more", program=program, option=f"`{option}`")


def _sni(evidence: Evidence) -> Iterator[InBothLanguages]:
    sent = getattr(evidence.result.client, "sni", None)
    if sent is None:
        sent = evidence.result.client.host or evidence.result.server.host
    served = evidence.result.server.server_name
    yield words("fact", "name_sent", sent=sent or words("fact", "no_name"), served=served)


_FACTS: Mapping[Reason, Callable[[Evidence], Iterator[InBothLanguages]]] = {
    Reason.NO_SHARED_CIPHER: _suites,
    Reason.NO_SHARED_PROTOCOL: _versions,
    Reason.CIPHER_LIST_EMPTY: _list,
    **dict.fromkeys((Reason.HOSTNAME_MISMATCH, Reason.NAME_NOT_PERMITTED), _names),
    **dict.fromkeys((Reason.EXPIRED, Reason.NOT_YET_VALID), _validity),
    Reason.UNKNOWN: _says_more,
    **dict.fromkeys(ISSUER, _issuer),
    Reason.SELF_SIGNED_LEAF: _itself,
    Reason.WEAK_KEY: _key,
    Reason.WEAK_SIGNATURE: _signature,
    Reason.SNI_REJECTED: _sni,
    Reason.CLIENT_CERTIFICATE_REQUIRED: _option("require_cert", "ssl_verify_client"),
    Reason.SESSION_REUSE_REQUIRED: _option("require_ssl_reuse"),
    Reason.TLS_REQUIRED: _option("force_local_logins_ssl", "tls_control_required"),
    Reason.DATA_TLS_REQUIRED: _option("force_local_data_ssl", "tls_data_required"),
    Reason.SERVER_FAULT: _given_up,
    **dict.fromkeys((Reason.ABORTED, Reason.TRUNCATED, Reason.DATA_TLS_FAILED), _reset),
    Reason.DATA_CONNECTION_FAILED: _address,
}
#: The signal of a client that has asked nobody, for a check of its own.
_NOBODY_ASKED = "no-server-up"
#: Of these a reply of the server adds nothing.
_SPEAKS_FOR_ITSELF = frozenset(
    {Reason.SERVER_FAULT, Reason.NO_SHARED_CIPHER, Reason.NO_SHARED_PROTOCOL, *OF_CERTIFICATES}
)
