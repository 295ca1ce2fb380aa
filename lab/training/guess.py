"""What a class guesses among, and why each of the others is not it: pure.

Candidates are reasons that look alike to whoever reads the message: what the same program was seen to say
(``lab/clients/NAME/transcripts``) decides. What is true of the attempt beside its reason, such as an expired
certificate that nobody came to look at, is no candidate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lab.certificates import CATALOGUE
from lab.clients import PROGRAMS
from lab.dialects import x509_numbers
from lab.model import ClientReport, Outcome, Reason, Side, Stage
from lab.own.names import matches
from lab.record import AttemptResult, Chain
from lab.remedies import OF_CERTIFICATES
from lab.remedies.causes import asked_of
from lab.remedies.chains import weakly_signed
from lab.remedies.words import InBothLanguages
from lab.report import view
from lab.run.suites import SuiteComparison
from lab.text import cut, listed, one_line
from lab.training.words import outcome_words, reason_in_words, say, token

#: So many are offered, the right one among them.
MOST = 5
_STAGES = tuple(Stage)
_CLIENTS = Path(__file__).parents[1] / "clients"
#: These differ in what a server sends along and not in what is wrong: one of them is offered.
_NO_ISSUER = frozenset(
    {Reason.UNKNOWN_ISSUER, Reason.FIRST_CERTIFICATE_UNVERIFIABLE, Reason.ISSUER_NOT_FOUND}
)
_SAME_FAULT = (
    _NO_ISSUER,
    frozenset({Reason.CLOSED, Reason.RESET}),
    frozenset({Reason.ABORTED, Reason.TRUNCATED}),
)
#: The version of OpenSSL whose numbers the catalogue of certificates has.
_NUMBERED_BY = "OpenSSL 3.0.0"
#: The reason in a line of OpenSSL's error queue: ``error:0A0000C1:SSL routines::no shared cipher``.
_OPENSSL = re.compile(r"error:[0-9A-F]{8}:SSL routines:[^:]*:([^:\"\n)]+)")


@dataclass(frozen=True)
class KnownRefusal:
    """What a program was seen to show its user, and what it was about."""

    message: str
    side: Side
    stage: Stage
    reason: Reason


@cache
def heard_of(program: str) -> tuple[KnownRefusal, ...]:
    """Every refusal in the transcripts of a program."""
    folder = _CLIENTS / PROGRAMS[program].folder.replace("-", "_") / "transcripts"
    found: list[KnownRefusal] = []
    for path in sorted(folder.glob("*.json")):
        for one in json.loads(path.read_text(encoding="utf-8"))["transcripts"]:
            side, _, rest = one["outcome"].partition(":")
            stage, _, reason = rest.partition(":")
            if reason:
                message = _alike(one["said"].get("message", ""))
                found.append(KnownRefusal(message, Side(side), Stage(stage), Reason(reason)))
    return tuple(found)


def candidates(result: AttemptResult, chain: Chain) -> tuple[Reason | None, ...]:
    """Three to five reasons, the right one among them, in the order of their names.

    ``None`` stands for none: the goal was reached. There are none of a refusal that nobody gives a reason
    for: what cannot be known is no question.
    """
    outcome = result.outcome
    right = outcome.reason if outcome is not None else None
    if right is Reason.UNKNOWN:
        return ()
    report = result.client_report or ClientReport(failed=False, step="")
    offered: list[Reason | None] = [right]
    if right is not None and not report.failed:
        offered.append(None)
    for reason in _nearest(result, report, outcome):
        if len(offered) == MOST:
            break
        if reason in offered or _is_true(reason, result, chain):
            continue
        if not any(reason in same and same & set(offered) for same in _SAME_FAULT):
            offered.append(reason)
    return tuple(sorted(offered, key=lambda one: (one is None, str(one))))


def _nearest(
    result: AttemptResult, report: ClientReport, outcome: Outcome | None
) -> Iterable[Reason]:
    """Reasons that the program gives: with the same message first, then those of a near stage."""
    stage = outcome.stage if outcome is not None and outcome.stage else Stage.VERIFY
    uses_tls = result.client.uses_tls and result.server.tls
    return _ranked(result.client.program, _alike(report.message), stage, uses_tls)


@cache
def _ranked(program: str, message: str, stage: Stage, uses_tls: bool) -> Iterable[Reason]:
    def distance(one: KnownRefusal) -> tuple[bool, int, bool, str]:
        apart = abs(_STAGES.index(one.stage) - _STAGES.index(stage))
        without = not uses_tls and one.stage in (Stage.HANDSHAKE, Stage.VERIFY)
        return one.message != message, apart, without, str(one.reason)

    said = heard_of(program)
    ranked = sorted((one for one in said if one.reason is not Reason.UNKNOWN), key=distance)
    return dict.fromkeys(one.reason for one in ranked)


def _alike(message: str) -> str:
    """A message without what differs from attempt to attempt."""
    return re.sub(r"\d+", "#", message.strip().split("\n")[0])


#: Words of a title that say nothing by themselves; shorter ones than this many letters do not either.
_EMPTY_WORDS, _SHORTEST = frozenset({"not", "the", "its"}), 3
#: So many letters stand for a word in its other forms: created, create.
_STEM = 5


def gives_away(message: str, reason: Reason) -> bool:
    """Whether a message names the reason: more than half of the words of its title are in it."""
    title = re.findall(r"[a-z0-9]+", reason_in_words(reason).en.lower())
    telling = [w[:_STEM] for w in title if len(w) >= _SHORTEST and w not in _EMPTY_WORDS]
    said = re.sub(r"[^a-z0-9]", "", message.lower())
    return 2 * sum(word in said for word in telling) > len(telling)


def is_given_away(program: str, reason: Reason) -> bool:
    """Whether every message that a program was seen to show for this reason names it."""
    known = _known(program, reason)
    return bool(known) and all(gives_away(one.message, reason) for one in known)


def is_ambiguous(reason: Reason, compared: SuiteComparison | None) -> bool:
    """Whether what both ends offer speaks for another reason: no suite, where no version is common."""
    if compared is None or compared.client.nothing or compared.server.nothing:
        return False
    none = compared.version is None
    return {Reason.NO_SHARED_CIPHER: none, Reason.NO_SHARED_PROTOCOL: not none}.get(reason, False)


# -- what is true of an attempt, whatever it ended for ---------------------------------------------


def _is_true(reason: Reason, result: AttemptResult, chain: Chain) -> bool:
    """Whether this is wrong here as well, so that nobody would be wrong who says so."""
    spec = CATALOGUE.get(result.server.certificate)
    made_for = x509_numbers().reason(spec.x509_error, _NUMBERED_BY) if spec else None
    if reason is made_for or {reason, made_for} <= _NO_ISSUER:
        return True
    leaf = chain[0] if chain else None
    if leaf is None:
        return reason is Reason.NO_SERVER_CERTIFICATE and result.server.tls
    least_bits = 3072 if result.client.policy == "FUTURE" else 2048
    names = leaf.names or (leaf.subject.partition("CN=")[2].partition(",")[0],)
    return {
        Reason.EXPIRED: any(one.not_after < result.started for one in chain),
        Reason.NOT_YET_VALID: any(one.not_before > result.started for one in chain),
        Reason.SELF_SIGNED_LEAF: leaf.self_signed,
        Reason.WEAK_KEY: leaf.key_type == "RSA" and (leaf.key_bits or 0) < least_bits,
        Reason.WEAK_SIGNATURE: any(weakly_signed(one) for one in chain),
        Reason.HOSTNAME_MISMATCH: not any(matches(name, asked_of(result)) for name in names),
        Reason.CLIENT_CERTIFICATE_REQUIRED: result.server.asks_for_certificate,
    }.get(reason, False)


# -- why another reason is not it ------------------------------------------------------------------


def why_not(reason: Reason | None, result: AttemptResult, chain: Chain) -> InBothLanguages:
    """What would be seen if this were the reason, and what of this attempt contradicts it."""
    against = _against(reason, result, chain)
    return against if reason is None else say("then", reason) + against


def _against(reason: Reason | None, result: AttemptResult, chain: Chain) -> InBothLanguages:
    outcome = result.outcome
    if outcome is None:
        return InBothLanguages()
    if reason is None:
        return outcome_words(outcome)
    if outcome.reason is None:
        return say("fact", "completed", goal=token("goal", outcome.goal))
    return (
        _of_certificate(reason, result, chain)
        or _of_stage(reason, result, outcome)
        or _of_side(reason, result, outcome)
        or _said(result)
    )


def _of_certificate(reason: Reason, result: AttemptResult, chain: Chain) -> InBothLanguages | None:
    if not chain or reason not in OF_CERTIFICATES:
        return None
    leaf, outcome = chain[0], result.outcome
    if reason in {Reason.EXPIRED, Reason.NOT_YET_VALID}:
        days = {"begin": leaf.not_before, "end": leaf.not_after, "today": result.started}
        return say("fact", "valid", **{name: day.date().isoformat() for name, day in days.items()})
    if reason is Reason.HOSTNAME_MISMATCH:
        names = listed(leaf.names, 3) or leaf.subject
        return say("fact", "names", asked=asked_of(result), names=names)
    if reason in {Reason.WEAK_KEY, Reason.WEAK_SIGNATURE}:
        return say("fact", "key", key=leaf.key, signature=leaf.signature)
    if leaf.self_signed and reason is not Reason.SELF_SIGNED_LEAF:
        return say("fact", "signed_itself")
    if outcome is not None and outcome.verify_code and outcome.stage is Stage.VERIFY:
        return say("fact", "verify_code", number=outcome.verify_code)
    if reason is Reason.SELF_SIGNED_LEAF:
        return say("fact", "issuer", issuer=cut(one_line(leaf.issuer)))
    return None


def _of_stage(reason: Reason, result: AttemptResult, outcome: Outcome) -> InBothLanguages | None:
    """That it ended at a stage at which this reason was never seen."""
    stages = {_STAGES.index(one.stage) for one in _known(result.client.program, reason)}
    # Of a command line that a program refuses no stage was passed.
    if not stages or outcome.stage is None or outcome.reason is Reason.USAGE_ERROR:
        return None
    stage, here = token("stage", outcome.stage), _STAGES.index(outcome.stage)
    if here < min(stages):
        return say("fact", "before", stage=stage)
    if here > max(stages):
        return say("fact", "after", stage=stage)
    return None


def _of_side(reason: Reason, result: AttemptResult, outcome: Outcome) -> InBothLanguages | None:
    """That the end that ended it is not the one that does for this reason."""
    sides = {one.side for one in _known(result.client.program, reason)}
    if len(sides) != 1 or outcome.by in {None, Side.UNKNOWN, *sides} or Side.UNKNOWN in sides:
        return None
    (side,) = sides
    return say("fact", "by", other=token("side", side), by=token("side", str(outcome.by)))


def _known(program: str, reason: Reason) -> list[KnownRefusal]:
    return [one for one in heard_of(program) if one.reason is reason]


def _said(result: AttemptResult) -> InBothLanguages:
    """What OpenSSL says in the server's log, else the alert on the wire, else what was said last."""
    log = result.server_report.log if result.server_report else ""
    named = _OPENSSL.findall(log)
    if named:
        return say("fact", "log", said=one_line(named[-1]))
    control = result.wire.control if result.wire is not None else None
    for alert in control.alerts if control is not None else ():
        if alert.fatal and alert.name is not None:
            by = token("side", str(alert.by))
            return say("fact", "alert", name=alert.name, number=alert.number, by=by)
    error = result.client_report.error if result.client_report else ""
    text = view.STAMP.sub("", view.telling_lines(log)[-1]) if log else error.strip()
    return say("fact", "said", said=cut(one_line(text), 90)) if text else InBothLanguages()
