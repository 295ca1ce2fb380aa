"""Whether what a client made of a person's own certificate says anything about other clients.

A client of the lab connects to names of the lab, and trusts public roots, which in a stand-in are not its
distribution's own. What it says of a certificate that an operator brought holds for the operator's clients
only as far as it was told what they trust and which name they ask for. Neither is ever taken from the
certificate: whatever it holds would then be right.

*The issuer* is judged where what is trusted comes from elsewhere than from the served chain and is no CA of
the lab's. What public roots that stand in for a distribution's own say is said as theirs.
*The certificate* itself is judged where it was given: else one of the lab's is in its place.
*The name* is judged where it was given: on the command line, or by one of the operator's files. A client
that pins the certificate (``fingerprint=own``) looks at neither.
"""

from __future__ import annotations

import dataclasses

from lab import model
from lab.certificates import OWN
from lab.model import HOST_ADDRESS, Attempt, NotJudged, Outcome, Reason, Result, Stage
from lab.own.files import UserCertificate, public_roots
from lab.own.findings import Finding, Findings
from lab.remedies.chains import ISSUER

#: ``ClientSettings.trust``: the public roots, as if nothing was said.
PUBLIC = "public"
#: What a client reports of an issuer that it does not know, or of what nobody knows. ``self-signed-leaf`` is
#: not among them: it is the same for every client that was not given the certificate itself.
_ABOUT_THE_ISSUER = frozenset((Reason.UNKNOWN, *ISSUER))
#: The certificate in the place of one that was not given; and where a client may be strict, the one with a
#: key that is large enough for every policy.
USUAL, STRONG = model.FtpServerSettings.certificate, "rsa3072"
#: Trust in other CAs than a person's clients may have.
_OTHERS_ROOTS = (NotJudged.ISSUER_LAB_CA_ONLY, NotJudged.ROOTS_STAND_IN)
#: What each of them leaves open. A reason that nobody knows may be any.
_LEAVES_OPEN = {
    **dict.fromkeys((*_OTHERS_ROOTS, NotJudged.ISSUER_FROM_CHAIN), _ABOUT_THE_ISSUER),
    NotJudged.NAME_NOT_GIVEN: frozenset({Reason.HOSTNAME_MISMATCH, Reason.UNKNOWN}),
    NotJudged.CERTIFICATE_NOT_GIVEN: frozenset(Reason),
}


def not_judged(
    attempt: Attempt,
    *,
    anchors_given: bool,
    own_roots: bool = False,
    certificate_given: bool = True,
) -> tuple[NotJudged, ...]:
    """What an attempt with these settings cannot say of the operator's own certificate.

    Args:
        attempt: both ends' settings.
        anchors_given: whether what goes by ``trust=own`` was given apart from the served chain.
        own_roots: whether the client's public roots are those of its distribution.
        certificate_given: whether it is known which certificate the operator's server has.

    Returns:
        Nothing where the server has another certificate, and where the client does not check it, or
        pins it.
    """
    client = attempt.client
    checks = client.checks_certificate
    if checks and not certificate_given and attempt.server.certificate in (USUAL, STRONG):
        return (NotJudged.CERTIFICATE_NOT_GIVEN,)
    if attempt.server.certificate != OWN or not checks or client.pin == OWN:
        return ()
    found: list[NotJudged] = []
    if client.trust in (None, PUBLIC):
        found += [] if own_roots else [NotJudged.ROOTS_STAND_IN]
    elif client.trust != OWN:
        found.append(NotJudged.ISSUER_LAB_CA_ONLY)
    elif not anchors_given:
        found.append(NotJudged.ISSUER_FROM_CHAIN)
    if not _name_is_given(client):
        found.append(NotJudged.NAME_NOT_GIVEN)
    return tuple(found)


def judged(
    attempt: Attempt,
    outcome: Outcome,
    *,
    anchors_given: bool,
    own_roots: bool = False,
    certificate_given: bool = True,
) -> Outcome:
    """The outcome, which says ``verified`` only of what the attempt can judge, and what it presumes.

    A refusal is not judged if its reason is what the attempt cannot say. OpenSSL looks at the issuers
    first, then at the keys, the name and the dates (``verify_chain`` in ``crypto/x509/x509_vfy.c``), and most
    clients stop at the first error: such a refusal also hides what comes behind it.

    Args:
        attempt: both ends' settings.
        outcome: what happened.
        anchors_given, own_roots, certificate_given: as in :func:`not_judged`.
    """
    if outcome.result is Result.COMPLETED:
        outcome = dataclasses.replace(outcome, presumed=getattr(attempt.server, "presumed", ()))
    pin = attempt.client.pin
    if outcome.verified and pin is not None and pin == attempt.server.certificate:
        return dataclasses.replace(outcome, pinned=True)
    left_open = not_judged(
        attempt,
        anchors_given=anchors_given,
        own_roots=own_roots,
        certificate_given=certificate_given,
    )
    if not left_open:
        return outcome
    rests_on = _rests_on(outcome, left_open)
    return dataclasses.replace(outcome, not_judged=left_open if rests_on else ())


def _rests_on(outcome: Outcome, left_open: tuple[NotJudged, ...]) -> bool:
    """Whether an outcome would be another one if the client knew what it was not told."""
    if outcome.stage is Stage.VERIFY:
        return any(outcome.reason in _LEAVES_OPEN[each] for each in left_open)
    if outcome.result is Result.COMPLETED:
        return outcome.protocol is not None and outcome.verified is not False
    return outcome.verified is True


def _name_is_given(client: model.ClientSettings) -> bool:
    if client.checked_name is not None:
        return client.checked_name != ""  # which is no name to check
    return client.host not in {None, HOST_ADDRESS}


# -- what is said before ---------------------------------------------------------------------------


def say_not_judged(attempt: Attempt, own: UserCertificate, *, anchors_given: bool) -> list[Finding]:
    """What an attempt will not say of the certificate that a person brought."""
    found, client = Findings(own.chain_file, "attempt.toml"), attempt.client
    if attempt.server.certificate != OWN:
        found.say("not-used", None, instead=attempt.server.certificate)
    elif client.pin == OWN and client.verify:
        found.say("pinned", None)
    for each in not_judged(attempt, anchors_given=anchors_given):
        # Its own issuer: who was not given it refuses it, whatever else is trusted.
        if each not in _OTHERS_ROOTS or not own.self_issued:
            found.say(each, None, roots=public_roots().description)
    return found
