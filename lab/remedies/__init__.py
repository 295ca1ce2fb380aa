"""What is done about a refusal: for a reason and settings, the changes that cure it, rated.

:func:`remedies_for` knows the general cures. A remedy of a case alone is made by its author with
:func:`recommended`, :func:`temporary`, :func:`unsafe` and :func:`useless`. Nothing is tried here: who runs
the remedies sees whether they hold.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lab import model
from lab.certificates import ANCHORS, CATALOGUE, OWN
from lab.clients import program_of
from lab.clients.edges import EdgeSettings, bare
from lab.model import Attempt, FtpClientSettings, Goal, Rating, Reason, Result, Side, Stage
from lab.model.expectations import Expectation, completed, refused
from lab.remedies.chains import ISSUER, UNKNOWN, Likeness
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


def _rated(
    rating: Rating,
    title: str,
    attempt: Attempt,
    expect: Expectation | None = None,
    impostor: Expectation | None = None,
) -> Remedy:
    """A remedy that delivers; ``expect`` is :func:`delivered` unless something else is said."""
    expect = expect or delivered(attempt)
    if rating is Rating.UNSAFE:
        impostor = impostor or expect
    return Remedy(rating, title, attempt, expect, impostor)


#: A remedy to keep.
recommended = partial(_rated, Rating.RECOMMENDED)
#: A remedy that delivers until the recommended one is in place.
temporary = partial(_rated, Rating.TEMPORARY)
#: A remedy that delivers and gives something away: it is also run against an impostor.
unsafe = partial(_rated, Rating.UNSAFE)

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
    """A key of ``cures.toml``, and of the table ``cure`` in ``words.toml``, which has its title."""
    reasons: Sequence[Reason]
    change: Change
    rating: Rating = Rating.RECOMMENDED
    like: Sequence[str] = ()
    """What a person's own certificate has to be like (:mod:`lab.remedies.chains`); nothing: whatever."""
    gives: str = ""
    """See :attr:`Remedy.gives`."""
    said: str = ""
    """Words of a text (``lab explain``) without which it is no remedy for what is told there."""
    named: Callable[[Attempt, str], Attempt | None] | None = None
    """The change where it is known which name the certificate has."""
    beside: Sequence[str] = ()
    """Further lines of a configuration that ask for the line that is added."""

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
        told = zip(_told(attempt), _told(changed), strict=True)
        if self.rating is Rating.UNSAFE:
            impostor = expect
        elif any(now and now != was for was, now in told):
            # An impostor has a certificate of an authority of its own.
            impostor = refused(Side.CLIENT, Stage.VERIFY, Reason.UNKNOWN_ISSUER)
        title, gives = words("cure", self.name).en, self.gives if own else ""
        return Remedy(self.rating, title, changed, expect, impostor, self.name, gives)


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
    if hasattr(changed.server, "certificate_chain"):
        # Those of the lab have an intermediate.
        changed = changed.with_server(certificate_chain=True)
    known = {field.name for field in dataclasses.fields(changed.client)}
    cleared = {name: None for name in _OF_THE_CERTIFICATE if name in known}
    trust = changed.client.trust if keep_trust else "public-root"
    return changed.with_client(**{**cleared, "trust": trust})


#: Cures with which a server sends more than its own certificate.
_SENDS_MORE = frozenset({"chain-sent", "intermediate-sent"})


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
    alone = getattr(attempt.server, "certificate_chain", True) is False
    if alone and not _SENDS_MORE & {remedy.cure for remedy in remedies}:
        written = written.with_server(certificate_chain=False)
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


def cured(attempt: Attempt, *names: str, words: Mapping[str, str] | None = None) -> list[Remedy]:
    """These general cures for an attempt, in this order.

    Args:
        attempt: the one that is refused.
        names: of :data:`CURES`.
        words: titles in somebody's own words, such as a document's, by the cures' names.

    Raises:
        KeyError: there is no such cure.
        ValueError: it changes nothing here, or these settings cannot be changed so.
    """
    made = []
    for name in names:
        remedy = CURES_BY_NAME[name].of(attempt)
        if remedy is None:
            raise ValueError(f"the cure {name} is none for {attempt}")
        made.append(dataclasses.replace(remedy, title=(words or {}).get(name, remedy.title)))
    return made


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
    return words("cure", "line-turned" if instead else "line-removed", line=instead or line)


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


def _replaced(attempt: Attempt, side: str, changes: dict[str, Any]) -> Attempt | None:
    settings = getattr(attempt, side)
    if not changes.keys() <= {field.name for field in dataclasses.fields(settings)}:
        return None
    return dataclasses.replace(attempt, **{side: dataclasses.replace(settings, **changes)})


def _known_authority(attempt: Attempt) -> Attempt | None:
    if attempt.server.certificate in (*_LEAF_ALONE, "valid"):
        return None
    return attempt.with_server(certificate="valid").with_client(trust=None)


def _renewed(attempt: Attempt) -> Attempt | None:
    of_others = attempt.server.certificate in ("expired-intermediate", "expired-self-signed")
    return None if of_others else attempt.with_server(certificate="renewed")


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
    confines = {*CURES_BY_NAME["writeable-root"].beside} & {*extra}
    rest = (line for line in extra if line.partition("=")[0] != "allow_writeable_chroot")
    return attempt.with_server(extra=(*rest, "allow_writeable_chroot=YES")) if confines else None


def _let_in(attempt: Attempt) -> Attempt | None:
    client, is_open = attempt.client, attempt.server.port_filter == "open"
    return None if is_open else attempt.with_server(port_allowed=program_of(client).service(client))


def _certificate_given(attempt: Attempt) -> Attempt | None:
    """Every suite that is not anonymous needs a certificate."""
    there = attempt.server.has_certificate
    return None if there else attempt.with_server(certificate="valid", ciphers=None)


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


#: Certificates of which the server sends the leaf alone, and of an authority that clients do not know.
_LEAF_ALONE = ("incomplete-chain",)
_PRIVATE = ("private-ca", "root-in-chain")

# -- the table of them --------------------------------------------------------------------------------

#: What a cure changes that is more than some fields, by its name.
_CHANGES: Mapping[str, Change] = {
    "known-authority": _known_authority,
    "renewed": _renewed,
    "certificate-given": _certificate_given,
    "let-in": _let_in,
    "writeable-root": _writeable_root,
    "implicit-client": _as_the_server,
    "served-pinned": _pinned,
    "served-trusted": _served_trusted,
    "root-trusted": _root_trusted,
    "anchor-renewed": _anchor_renewed,
    "pinned": _pinned,
    "name-corrected": _name_corrected,
    "patient": _patient,
    "session-shared": _session_shared,
    "not-verified": _without_verification,
}
_TABLE = tomllib.loads(Path(__file__).with_name("cures.toml").read_text(encoding="utf-8"))
_GROUPS: dict[str, tuple[Reason, ...]] = {"issuer": ISSUER}


def _reasons(words: Iterable[str]) -> tuple[Reason, ...]:
    return tuple(reason for word in words for reason in _GROUPS.get(word) or (Reason(word),))


for _name, _words in _TABLE["reasons"].items():
    _GROUPS[_name] = _reasons(_words)


def _told_change(row: Mapping[str, Any], attempt: Attempt) -> Attempt | None:
    """The attempt with the fields that a row of the table sets; ``None``: it is none for these settings."""
    side, _, field = row.get("only_with", "").partition(".")
    given = getattr(getattr(attempt, side), field, None) if field else True
    side, _, field = row.get("only_without", "").partition(".")
    if field and getattr(getattr(attempt, side), field, None) is not False:
        return None
    certificate = attempt.server.certificate
    if not given or given == "off" or certificate not in row.get("served", (certificate,)):
        return None
    side, _, gone = row.get("unset", "").partition(".")
    side = side or next(end for end in ("server", "client") if end in row)
    told = {name: _setting(name, value) for name, value in row.get(side, {}).items()}
    return _replaced(attempt, side, {**told, **({gone: None} if gone else {})})


def _setting(name: str, value: Any) -> Any:
    """The value of a field as settings have it."""
    if name == "protocols":
        return model.ProtocolRange.parse(value)
    return tuple(value) if isinstance(value, list) else value


def _cure(name: str, row: Mapping[str, Any]) -> Cure:
    return Cure(
        name,
        _reasons(row["reasons"]),
        _CHANGES.get(name) or partial(_told_change, row),
        Rating(row.get("rating", "recommended")),
        named=_name_corrected if name == "name-corrected" else None,
        **{key: row[key] for key in ("like", "gives", "said", "beside") if key in row},
    )


#: What clients find wrong with a certificate.
OF_CERTIFICATES = _GROUPS["certificates"]
#: The general cures, as ``cures.toml`` has them.
CURES = tuple(_cure(name, row) for name, row in _TABLE["cure"].items())
CURES_BY_NAME: Mapping[str, Cure] = {cure.name: cure for cure in CURES}
