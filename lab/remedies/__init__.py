"""What is done about a refusal: for a reason and settings, the changes that cure it, rated.

:func:`remedies_for` knows the general cures. A remedy of a case alone is made by its author with
:func:`recommended`, :func:`temporary`, :func:`unsafe` and :func:`useless`. Nothing is tried here: who runs
the remedies sees whether they hold.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lab.certificates import ANCHORS, CATALOGUE, OTHER_HOST, OWN
from lab.clients import program_of
from lab.clients.edges import EdgeSettings, bare
from lab.model import (
    Attempt,
    FtpClientSettings,
    Goal,
    Rating,
    Reason,
    Result,
    Side,
    Stage,
    only,
)
from lab.model.expectations import Expectation, completed, refused
from lab.remedies.chains import EXPIRED_ROOT, ISSUER, ROOT_MISSING, UNKNOWN, Likeness
from lab.remedies.words import InBothLanguages, words


@dataclass(frozen=True)
class Remedy:
    """A change of settings, what it is worth, and what comes of it."""

    rating: Rating
    title: str
    attempt: Attempt
    expect: Expectation
    impostor: Expectation | None = None
    """What happens when the server is an impostor's; None: not run."""
    cure: str = ""
    """Of a general cure, its name (:attr:`Cure.name`)."""
    gives: str = ""
    """What the client is given to trust, as a person writes it, where a certificate of the lab's stood in for
    the person's own."""


def recommended(
    title: str,
    attempt: Attempt,
    expect: Expectation | None = None,
    impostor: Expectation | None = None,
) -> Remedy:
    """A remedy to keep; ``expect`` is :func:`delivered` unless something else is said."""
    return Remedy(Rating.RECOMMENDED, title, attempt, expect or delivered(attempt), impostor)


def temporary(
    title: str,
    attempt: Attempt,
    expect: Expectation | None = None,
    impostor: Expectation | None = None,
) -> Remedy:
    """A remedy that delivers until the recommended one is in place."""
    return Remedy(Rating.TEMPORARY, title, attempt, expect or delivered(attempt), impostor)


def unsafe(
    title: str,
    attempt: Attempt,
    expect: Expectation | None = None,
    impostor: Expectation | None = None,
) -> Remedy:
    """A remedy that delivers and gives something away: it is also run against an impostor."""
    expect = expect or delivered(attempt)
    return Remedy(Rating.UNSAFE, title, attempt, expect, impostor or expect)


#: What a useless remedy leads to where nothing else is said: its case's own refusal.
UNCHANGED = Expectation(result=Result.REFUSED)


def useless(title: str, attempt: Attempt, expect: Expectation = UNCHANGED) -> Remedy:
    """Something that might be tried, with the refusal that it leads to."""
    return Remedy(Rating.USELESS, title, attempt, expect)


# -- the general cures -------------------------------------------------------------------------------

#: The attempt with the cure's change; ``None``: the cure is not one for these settings.
Change = Callable[[Attempt], Attempt | None]


@dataclass(frozen=True)
class Cure:
    """A change that cures some reasons, whatever the servers and clients are."""

    name: str
    """A key of the table ``cure`` in ``words.toml``, which has its title."""
    reasons: Sequence[Reason]
    change: Change
    rating: Rating = Rating.RECOMMENDED
    like: Sequence[str] = ()
    """What a person's own certificate has to be like (:mod:`lab.remedies.chains`); nothing: whatever."""
    gives: str = ""
    """See :attr:`Remedy.gives`."""
    named: Callable[[Attempt, str], Attempt | None] | None = None
    """The change where it is known which name the certificate has."""

    def of(self, attempt: Attempt, found: Likeness = UNKNOWN) -> Remedy | None:
        """The remedy for an attempt; ``None``: it changes nothing there, or cannot be made.

        Args:
            attempt: what was refused.
            found: what is known of the server's certificate.
        """
        own, like = attempt.server.certificate == OWN, found.slug
        if own and like and self.like and like not in self.like:
            return None
        before = attempt
        if own and self.gives:
            served = like if like in CATALOGUE else self.like[0]
            before = attempt.with_server(certificate=served if served in CATALOGUE else "valid")
        if self.named is not None and found.name:
            changed = self.named(before, found.name)
        else:
            changed = self.change(before)
        if changed is None or changed == attempt:
            return None
        changed = in_the_lab(attempt, changed, keep_trust=bool(self.gives))
        expect = delivered(changed)
        impostor: Expectation | None = None
        if self.rating is Rating.UNSAFE:
            impostor = expect
        elif any(
            now and now != was for now, was in zip(_told(changed), _told(attempt), strict=True)
        ):
            # An impostor has a certificate of an authority of its own.
            impostor = refused(by=Side.CLIENT, at=Stage.VERIFY, because=Reason.UNKNOWN_ISSUER)
        return Remedy(
            self.rating,
            words("cure", self.name).en,
            changed,
            expect,
            impostor,
            self.name,
            self.gives if own else "",
        )


#: What a client is told about whose certificate to accept, under which name.
_OF_THE_CERTIFICATE = ("trust", "host", "verify_name", "sni", "fingerprint")


def in_the_lab(attempt: Attempt, changed: Attempt, *, keep_trust: bool = False) -> Attempt:
    """A change as it is tried: a certificate of the lab's is for its own name, of its own CA.

    Args:
        attempt: what was refused.
        changed: the change; where it does not replace a person's own certificate it stays as it is.
        keep_trust: the change is what the client trusts.
    """
    if attempt.server.certificate != OWN or changed.server.certificate == OWN:
        return changed
    known = {field.name for field in dataclasses.fields(changed.client)}
    cleared = {name: None for name in _OF_THE_CERTIFICATE if name in known}
    trust = changed.client.trust if keep_trust else "public-root"
    return changed.with_client(**{**cleared, "trust": trust})


def as_written(attempt: Attempt, changed: Attempt, remedies: Sequence[Remedy] = ()) -> Attempt:
    """Remedies as a person writes them: without what the lab's client was told for the lab's certificate.

    Args:
        attempt: what was refused.
        changed: what they lead to.
        remedies: all of them, in order.
    """
    if attempt.server.certificate != OWN or changed.server.certificate == OWN:
        return changed
    before = vars(attempt.client)
    written = changed.with_client(**{n: before[n] for n in _OF_THE_CERTIFICATE if n in before})
    given = next((one.gives for one in remedies if one.gives), "")
    return written.with_server(certificate=OWN).with_client(trust=given) if given else written


def remedies_for(reason: Reason, attempt: Attempt, found: Likeness = UNKNOWN) -> tuple[Remedy, ...]:
    """The general cures for an attempt that was refused for this reason, the ones to keep first.

    Those that change the server come before those that change the client; what is unsafe is last. Whether
    the programs can express a change is not asked here.

    Args:
        reason: of the refusal.
        attempt: what was refused.
        found: what is known of the server's certificate (:func:`lab.remedies.chains.likeness`).
    """
    made = (cure.of(attempt, found) for cure in CURES if reason in cure.reasons)
    known = [remedy for remedy in made if remedy is not None]
    lines = [] if reason in OF_CERTIFICATES else _lines_changed(attempt)
    return tuple(sorted([*known, *lines], key=lambda one: one.rating is Rating.UNSAFE))


def cured(
    attempt: Attempt, *names: str, words: Mapping[str, str] = MappingProxyType({})
) -> list[Remedy]:
    """These general cures for an attempt, in this order.

    Args:
        attempt: the one that is refused.
        names: of :data:`CURES`.
        words: titles in somebody's own words, such as a document's, by the cures' names.

    Raises:
        KeyError: there is no such cure.
        ValueError: it changes nothing here, or these settings cannot be changed so.
    """
    known = {cure.name: cure for cure in CURES}
    made = [(name, known[name].of(attempt)) for name in names]
    if idle := [name for name, remedy in made if remedy is None]:
        raise ValueError(f"the cure {idle[0]} is none for {attempt}")
    return [
        dataclasses.replace(remedy, title=words.get(name, remedy.title))
        for name, remedy in made
        if remedy is not None
    ]


def delivered(attempt: Attempt) -> Expectation:
    """What is expected of an attempt that nothing is wrong with any more."""
    client = attempt.client
    verified = client.verify if client.uses_tls else None
    if isinstance(client, FtpClientSettings) and client.goal is Goal.TRANSFER:
        return completed(verified=verified, data_protected=client.uses_tls)
    return completed(verified=verified)


#: So long a client is to wait for an answer, in seconds: the default of a network's edge.
PATIENCE_S = 15.0
#: So many further lines of a configuration are looked at: each is tried by itself.
MOST_LINES = 16
_OPPOSITE = {"YES": "NO", "NO": "YES"}


def _lines_changed(attempt: Attempt) -> list[Remedy]:
    """The further lines of a server's configuration, each taken out, or a switch turned, by itself."""
    extra: tuple[str, ...] = getattr(attempt.server, "extra", ())
    made = []
    for number, line in enumerate(extra[:MOST_LINES]):
        name, _, value = line.partition("=")
        turned = _OPPOSITE.get(value.upper())
        turned = turned.lower() if turned and value.islower() else turned
        for instead in (f"{name}={turned}", None) if turned else (None,):
            rest = (*extra[:number], *([instead] if instead else []), *extra[number + 1 :])
            changed = attempt.with_server(extra=rest)
            title = line_title(line, instead).en
            made.append(Remedy(Rating.RECOMMENDED, title, changed, delivered(changed), cure="line"))
    return made


def line_title(line: str, instead: str | None) -> InBothLanguages:
    """The title of a remedy that takes a line out of a configuration, or writes another one instead."""
    if instead is None:
        return words("cure", "line-removed", line=line)
    return words("cure", "line-turned", line=instead)


def title_of(before: Attempt, remedy: Remedy) -> InBothLanguages:
    """A remedy's title in both languages."""
    was, now = before.client, remedy.attempt.client
    if isinstance(was, EdgeSettings) and was.program != now.program:
        return words("cure", "names-apart", client=str(now), edge=str(was))
    if remedy.cure != "line":
        own = InBothLanguages(remedy.title, remedy.title)
        return words("cure", remedy.cure) if remedy.cure else own
    old, new = (getattr(one.server, "extra", ()) for one in (before, remedy.attempt))
    gone = next(line for line in old if line not in new)
    return line_title(gone, next((line for line in new if line not in old), None))


def _told(attempt: Attempt) -> tuple[str | None, ...]:
    """What the client is told to accept: whose certificates, which, for which name."""
    return attempt.client.trust, attempt.client.pin, attempt.client.checked_name


def _server(**changes: Any) -> Change:
    return lambda attempt: _replaced(attempt, "server", changes)


def _client(**changes: Any) -> Change:
    return lambda attempt: _replaced(attempt, "client", changes)


def _replaced(attempt: Attempt, side: str, changes: dict[str, Any]) -> Attempt | None:
    settings = getattr(attempt, side)
    if not changes.keys() <= {field.name for field in dataclasses.fields(settings)}:
        return None
    replaced = dataclasses.replace(settings, **changes)
    return dataclasses.replace(attempt, **{side: replaced})


def _where(served: Sequence[str], change: Change) -> Change:
    """The change, if the server has one of these certificates."""
    return lambda attempt: change(attempt) if attempt.server.certificate in served else None


def _known_authority(attempt: Attempt) -> Attempt | None:
    if attempt.server.certificate in (*_LEAF_ALONE, "valid"):
        return None
    return attempt.with_server(certificate="valid").with_client(trust=None)


def _renewed(attempt: Attempt) -> Attempt | None:
    of_others = ("expired-intermediate", "expired-self-signed")
    if attempt.server.certificate in of_others:
        return None
    return attempt.with_server(certificate="renewed")


def _served_trusted(attempt: Attempt) -> Attempt | None:
    slug = attempt.server.certificate
    return attempt.with_client(trust=slug) if slug in ANCHORS and slug != "private-ca" else None


def _root_trusted(attempt: Attempt) -> Attempt | None:
    if attempt.server.certificate in (*_LEAF_ALONE, OWN):
        return None
    private = attempt.server.certificate in _PRIVATE
    return attempt.with_client(trust="private-ca" if private else "public")


def _anchor_renewed(attempt: Attempt) -> Attempt | None:
    """Roots of the lab never expire: it is a person's alone that can."""
    trusted = attempt.client.trust
    return attempt.with_client(trust="public-root") if trusted == OWN else None


def _session_shared(attempt: Attempt) -> Attempt | None:
    if attempt.client.program == "ftplib":
        return attempt.with_client(program="ftplib-reuse")
    return _replaced(attempt, "client", {"session_cache": "shared"})


def _name_corrected(attempt: Attempt, name: str = "") -> Attempt | None:
    """The client checks the name that the certificate has, and sends what it sent.

    Of an edge that has one name for both, a bare client does that in its place.
    """
    client = attempt.client
    if not {"verify_name", "sni"} <= {field.name for field in dataclasses.fields(client)}:
        return None
    asked, sent = client.host or attempt.server.host, getattr(client, "sni", None)
    if isinstance(client, FtpClientSettings):
        return attempt.with_client(verify_name=None if name in ("", asked) else name)
    if sent in (None, client.checked_name):
        # One name was given for both, or none: what is asked for is sent.
        sent = asked
    named = attempt.with_client(verify_name=name or asked, sni=sent)
    edge = named.client
    if isinstance(edge, EdgeSettings) and edge.one_name and edge.keeps_names_apart:
        return dataclasses.replace(named, client=bare(edge))
    return named


def _pinned(attempt: Attempt) -> Attempt | None:
    return _replaced(attempt, "client", {"fingerprint": attempt.server.certificate})


def _without_verification(attempt: Attempt) -> Attempt | None:
    off = _replaced(attempt, "client", {"verify": False, "last_error": False})
    return off or attempt.with_client(verify=False)


def _writeable_root(attempt: Attempt) -> Attempt | None:
    """A user is confined to a directory that it can write to, if the server is told so."""
    extra: tuple[str, ...] = getattr(attempt.server, "extra", ())
    confines = {"chroot_local_user=YES", "chroot_list_enable=YES", "guest_enable=YES"} & {*extra}
    return attempt.with_server(extra=(*extra, "allow_writeable_chroot=YES")) if confines else None


def _let_in(attempt: Attempt) -> Attempt | None:
    if attempt.server.port_filter == "open":
        return None
    client = attempt.client
    return attempt.with_server(port_allowed=program_of(client).service(client))


def _other_certificate(attempt: Attempt) -> Attempt | None:
    usual = attempt.server.certificate == "valid"
    return None if usual else attempt.with_server(certificate="valid")


def _certificate_given(attempt: Attempt) -> Attempt | None:
    """Every suite that is not anonymous needs a certificate."""
    if attempt.server.has_certificate:
        return None
    return attempt.with_server(certificate="valid", ciphers=None)


def _as_the_server(attempt: Attempt) -> Attempt | None:
    """A client that begins as the server does: with TLS, or with a greeting."""
    if not isinstance(attempt.client, FtpClientSettings) or not attempt.client.uses_tls:
        return None
    return attempt.with_client(implicit_tls=attempt.server.tls_first, tls=True)


def _patient(attempt: Attempt) -> Attempt | None:
    """A client that waits longer than a server that is known to be slow."""
    delay = getattr(attempt.server, "answer_delay_s", None) or 0.0
    slow = attempt.client.timeout_s <= delay < PATIENCE_S
    return attempt.with_client(timeout_s=PATIENCE_S) if slow else None


def _where_set(field: str, change: Change, side: str = "server") -> Change:
    """The change, if the settings of this side have something in this field."""

    def changed(attempt: Attempt) -> Attempt | None:
        given = getattr(getattr(attempt, side), field, None)
        return change(attempt) if given and given != "off" else None

    return changed


#: Certificates of which the server sends the leaf alone, and of an authority that clients do not know.
_LEAF_ALONE = ("incomplete-chain",)
_PRIVATE = ("private-ca", "root-in-chain")

#: What clients find wrong with a certificate.
OF_CERTIFICATES = (
    *ISSUER,
    Reason.SELF_SIGNED_LEAF,
    Reason.EXPIRED,
    Reason.NOT_YET_VALID,
    Reason.HOSTNAME_MISMATCH,
    Reason.WEAK_KEY,
    Reason.WEAK_SIGNATURE,
    Reason.WRONG_PURPOSE,
    Reason.NOT_A_CA,
    Reason.MISSING_EXTENSION,
    Reason.NAME_NOT_PERMITTED,
    Reason.PATH_TOO_LONG,
    Reason.UNKNOWN_EXTENSION,
    Reason.BAD_SIGNATURE,
)
_AT_UPLOAD = (Reason.ABORTED, Reason.TRUNCATED, Reason.DATA_TLS_FAILED)
_PASSIVE = (Reason.DATA_CONNECTION_FAILED,)
#: What it looks like when one end begins with TLS and the other does not.
_MODE = (
    Reason.PLAINTEXT_PEER,
    Reason.NOT_FTP,
    Reason.TIMED_OUT,
    Reason.CLOSED,
    Reason.TLS_NOT_OFFERED,
)
#: A server that could not read its configuration listens nowhere.
_UNSTARTED = (Reason.CONNECTION_REFUSED,)
_UNREACHED = (Reason.CONNECTION_REFUSED, Reason.TIMED_OUT)
_MISBEHAVING = (
    Reason.INTERNAL_ERROR_ALERT,
    Reason.LEGACY_RENEGOTIATION,
    Reason.PLAINTEXT_PEER,
    Reason.TIMED_OUT,
    Reason.CLOSED,
    Reason.RESET,
)

CURES: tuple[Cure, ...] = (
    # at the server
    Cure(
        "known-authority",
        (*ISSUER, Reason.SELF_SIGNED_LEAF, Reason.NO_SERVER_CERTIFICATE),
        _known_authority,
        like=("private-ca", "root-in-chain", "self-signed"),
    ),
    Cure(
        "intermediate-sent",
        ISSUER,
        _where((*_LEAF_ALONE, OWN), _server(certificate="valid")),
        like=_LEAF_ALONE,
    ),
    Cure("renewed", (Reason.EXPIRED,), _renewed, like=("expired",)),
    Cure(
        "intermediate-renewed",
        (Reason.EXPIRED,),
        _where(("expired-intermediate", OWN), _server(certificate="valid")),
        like=("expired-intermediate",),
    ),
    Cure("certificate-for-name", (Reason.HOSTNAME_MISMATCH,), _server(certificate="valid")),
    Cure("larger-key", (Reason.WEAK_KEY,), _server(certificate="rsa3072")),
    Cure("server-suites", (Reason.NO_SHARED_CIPHER, Reason.RC4_REFUSED), _server(ciphers="HIGH")),
    Cure(
        "newer-version",
        (Reason.NO_SHARED_CIPHER, Reason.WEAK_SIGNATURE_ALGORITHM),
        _where_set("protocols", _server(protocols=only("TLSv1.2"))),
    ),
    Cure("certificate-given", (Reason.NO_SHARED_CIPHER,), _certificate_given),
    Cure("other-suites", _UNSTARTED, _where_set("ciphers", _server(ciphers="HIGH"))),
    Cure("other-versions", _UNSTARTED, _where_set("protocols", _server(protocols=only("TLSv1.2")))),
    Cure("other-certificate", _UNSTARTED, _other_certificate),
    Cure("server-version", (Reason.NO_SHARED_PROTOCOL,), _server(protocols=only("TLSv1.2"))),
    Cure("server-tls", (Reason.PLAINTEXT_PEER, Reason.TLS_NOT_OFFERED), _server(tls=True)),
    Cure("well-behaved", _MISBEHAVING, _server(behaviour="serve")),
    Cure("listening", _UNREACHED, _server(listening=True)),
    Cure("let-in", _UNREACHED, _let_in),
    Cure("answers-in-time", _UNREACHED, _server(answer_delay_s=None)),
    Cure(
        "no-client-certificate",
        (Reason.CLIENT_CERTIFICATE_REQUIRED,),
        _server(require_cert=False),
    ),
    Cure("server-tls-1.2", _AT_UPLOAD, _server(protocols=only("TLSv1.2"))),
    Cure("data-ports", _PASSIVE, _server(data_ports="open")),
    Cure("passive-address", _PASSIVE, _server(pasv_address=None)),
    Cure(
        "sound-certificate",
        (
            Reason.NOT_YET_VALID,
            Reason.WRONG_PURPOSE,
            Reason.NOT_A_CA,
            Reason.MISSING_EXTENSION,
            Reason.NAME_NOT_PERMITTED,
            Reason.PATH_TOO_LONG,
            Reason.UNKNOWN_EXTENSION,
            Reason.BAD_SIGNATURE,
            Reason.WEAK_SIGNATURE,
            Reason.WEAK_SIGNATURE_ALGORITHM,
            Reason.NO_SERVER_CERTIFICATE,
        ),
        _server(certificate="valid"),
    ),
    Cure("larger-group", (Reason.WEAK_DH,), _where_set("dh_bits", _server(dh_bits=2048))),
    Cure("writeable-root", (Reason.SERVER_FAULT,), _writeable_root),
    Cure(
        "whichever-name",
        (Reason.SNI_REJECTED,),
        _where_set("ssl_sni_hostname", _server(ssl_sni_hostname=None)),
    ),
    Cure(
        "any-name",
        (Reason.INTERNAL_ERROR_ALERT,),
        _where_set("certificate_by_name", _server(certificate_by_name=False)),
    ),
    Cure("explicit-server", _MODE, _where_set("implicit_tls", _server(implicit_tls=False))),
    # at the client
    Cure("implicit-client", _MODE, _as_the_server),
    Cure("served-pinned", (Reason.FINGERPRINT_MISMATCH,), _pinned),
    Cure("no-old-dh", (Reason.WEAK_DH,), _client(ciphers="DEFAULT:!DHE")),
    Cure(
        "client-versions",
        (
            Reason.NO_SHARED_PROTOCOL,
            Reason.NO_SHARED_CIPHER,
            Reason.WEAK_SIGNATURE_ALGORITHM,
            Reason.USAGE_ERROR,
        ),
        _client(protocols=None),
    ),
    Cure("no-options", (Reason.USAGE_ERROR,), _client(options=())),
    Cure("configured", (Reason.USAGE_ERROR,), _client(configured=True)),
    Cure("own-login", (Reason.LOGIN_FAILED,), _client(user="lab", password=None)),
    Cure(
        "served-trusted",
        (Reason.SELF_SIGNED_LEAF,),
        _served_trusted,
        like=("self-signed",),
        gives="server",
    ),
    Cure(
        "root-trusted",
        ISSUER,
        _root_trusted,
        like=("private-ca", "root-in-chain", ROOT_MISSING),
        gives="root",
    ),
    Cure(
        "chain-trusted",
        ISSUER,
        _where(_LEAF_ALONE, _client(trust="public-chain")),
        like=_LEAF_ALONE,
        gives="root-and-intermediate",
    ),
    Cure("anchor-renewed", (Reason.EXPIRED,), _anchor_renewed, like=(EXPIRED_ROOT,), gives="root"),
    Cure("pinned", (Reason.SELF_SIGNED_LEAF,), _pinned),
    Cure(
        "name-given",
        (Reason.HOSTNAME_MISMATCH,),
        _where(["wrong-host"], _client(verify_name=OTHER_HOST, sni=OTHER_HOST)),
    ),
    Cure("name-corrected", (Reason.HOSTNAME_MISMATCH,), _name_corrected, named=_name_corrected),
    Cure(
        "host",
        (Reason.NAME_NOT_FOUND, Reason.RESOLVER_FAILED, Reason.SNI_REJECTED),
        _client(host=None),
    ),
    Cure("sni", (Reason.SNI_REJECTED, Reason.INTERNAL_ERROR_ALERT), _client(sni=None)),
    Cure(
        "check-with-tls",
        (Reason.PLAINTEXT_PEER,),
        _where_set("check_port", _client(check_ssl=True), "client"),
    ),
    Cure(
        "check-with-name",
        (Reason.SNI_REJECTED, Reason.INTERNAL_ERROR_ALERT),
        _where_set("check", _client(check_sni=True), "client"),
    ),
    Cure(
        "sessions-apart",
        ISSUER,
        _where_set("session_reuse", _client(session_reuse=False), "client"),
    ),
    Cure(
        "client-certificate",
        (Reason.CLIENT_CERTIFICATE_REQUIRED,),
        _client(client_certificate="client"),
    ),
    Cure("own-key", (Reason.CLOSED, Reason.CONNECTION_REFUSED), _server(key_of=None)),
    Cure(
        "client-suites",
        (Reason.NO_SHARED_CIPHER, Reason.CIPHER_LIST_EMPTY),
        _client(ciphers=None),
    ),
    Cure(
        "client-tls",
        (Reason.TLS_REQUIRED, Reason.DATA_TLS_REQUIRED, Reason.PLAINTEXT_PEER),
        _client(tls=True),
    ),
    Cure(
        "data-protected",
        (Reason.DATA_TLS_REQUIRED, Reason.PROTECTION_REFUSED, Reason.DATA_TLS_FAILED),
        _client(protect_data=True),
    ),
    Cure("patient", (Reason.TIMED_OUT,), _patient),
    Cure("client-tls-1.2", _AT_UPLOAD, _client(protocols=only("TLSv1.2"))),
    Cure("session-shared", (Reason.SESSION_REUSE_REQUIRED,), _session_shared),
    Cure("active", (Reason.SESSION_REUSE_REQUIRED, *_PASSIVE), _client(mode="active")),
    # what gives something away
    Cure("reuse-not-required", (Reason.SESSION_REUSE_REQUIRED,), _server(require_ssl_reuse=False)),
    Cure("not-verified", OF_CERTIFICATES, _without_verification, Rating.UNSAFE),
    Cure(
        "plain-login",
        (Reason.TLS_REQUIRED,),
        _server(tls_required_login=False, tls_required_data=False),
        Rating.UNSAFE,
    ),
    Cure("without-tls", (Reason.PLAINTEXT_PEER,), _client(tls=False), Rating.UNSAFE),
)
