"""Outcomes in words of both languages, and as signs: a shape and a colour for who ended an attempt."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup

from lab.expectations import Expectation, Verdict
from lab.model import Goal, NotJudged, Outcome, Reason, Result, Side, Stage
from lab.record import AttemptResult
from lab.report.html.language import Text, joined, say, word
from lab.report.html.quoting import code, inline

#: Who ended an attempt, or what else is to be said about it first.
SYMBOLS = ("completed", "given-away", *(str(side) for side in Side), "cannot", "lab-error")


@dataclass(frozen=True)
class Sign:
    """What a cell shows: the symbol, a short word below it, the whole sentence for a reader."""

    symbol: str
    """One of :data:`SYMBOLS`."""
    word: Text
    """The stage of a refusal, the protocol version of a completion."""
    meaning: Text


def sign_of(attempt: AttemptResult) -> Sign:
    """The sign of an attempt."""
    outcome = attempt.outcome
    if outcome is None:
        symbol = "cannot" if attempt.verdict is Verdict.CANNOT else "lab-error"
        return Sign(symbol, say(f"sign_word.{symbol}"), say(f"sign.{symbol}"))
    if attempt.server_report and attempt.server_report.captured:
        return Sign("given-away", say("sign_word.given-away"), say("sign.given-away"))
    if outcome.result is Result.COMPLETED:
        version = outcome.protocol or ""
        known = Text.same(inline(version, 12)) if version else say("fact.without_tls")
        return Sign("completed", known, _meaning("completed", outcome))
    side = str(outcome.by or Side.UNKNOWN)
    return Sign(side, word("stage", str(outcome.stage)), _meaning(side, outcome))


def _meaning(symbol: str, outcome: Outcome) -> Text:
    means = say(f"sign.{symbol}")
    return joined([means, say("fact.not_judged")]) if outcome.not_judged else means


def seen(attempt: AttemptResult) -> Text:
    """What came of an attempt, in a sentence."""
    return outcome_words(attempt.outcome) if attempt.outcome else say("outcome.none")


def outcome_words(outcome: Outcome) -> Text:
    """An outcome in a sentence; the reason's token stays beside its words."""
    if outcome.result is Result.COMPLETED:
        certificate = None if outcome.not_judged else _certificate(outcome)
        words = _completion(outcome.goal, outcome.protocol, outcome.cipher, certificate)
    else:
        words = _refusal(outcome.by, outcome.stage, outcome.reason)
    if not outcome.not_judged:
        return words
    refused = outcome.stage is Stage.VERIFY
    return _not_judged(words, outcome.not_judged, refused=refused)


def _certificate(outcome: Outcome) -> str:
    """The key of what is said of a certificate that was not refused."""
    if outcome.verified:
        return "fact.pinned" if outcome.pinned else "fact.verified"
    return "fact.not_verified"


@lru_cache(maxsize=512)
def _completion(
    goal: Goal, protocol: str | None, cipher: str | None, certificate: str | None
) -> Text:
    facts = [say("fact.without_tls")]
    if protocol:
        facts = [Text.same(inline(f"{protocol} {cipher or ''}".strip()))]
        facts += [say(certificate)] if certificate else []
    return say("outcome.completed_with", goal=word("goal", str(goal)), facts=joined(facts))


@lru_cache(maxsize=512)
def _not_judged(words: Text, why: tuple[NotJudged, ...], *, refused: bool) -> Text:
    form = "refused_not_judged" if refused else "accepted_not_judged"
    reasons = joined([word("not_judged", str(each)) for each in why])
    return say(f"outcome.{form}", words=words, why=reasons)


def expectation_words(expectation: Expectation) -> Text:
    """An expectation in a sentence of the same shape."""
    if expectation.result is Result.COMPLETED:
        facts = [Text.same(inline(f)) for f in (expectation.protocol, expectation.cipher) if f]
        flags = {
            "verified": ("fact.not_verified", "fact.verified"),
            "data_protected": ("fact.data_clear", "fact.data_protected"),
            "session_reused": ("fact.not_reused", "fact.reused"),
        }
        for name, (no, yes) in flags.items():
            value = getattr(expectation, name)
            facts += [say(yes if value else no)] if value is not None else []
        if not facts:
            return say("outcome.completed_any")
        return say("outcome.completed_any_with", facts=joined(facts))
    words = _refusal(expectation.by, expectation.stage, expectation.reason)
    if expectation.message is not None:
        said = Markup("<q lang=en>{}</q>").format(inline(expectation.message))
        words = joined([words, say("outcome.message", message=said)])
    return words


@lru_cache(maxsize=512)
def _refusal(by: Side | None, stage: Stage | None, reason: Reason | None) -> Text:
    if by is None and stage is None and reason is None:
        return say("outcome.refused_any")
    form = {Side.NETWORK: "refused_network", Side.UNKNOWN: "refused_unknown"}
    return say(
        f"outcome.{form.get(by, 'refused') if by else 'refused'}",
        by=word("side", str(by)) if by else say("outcome.open"),
        stage=word("stage", str(stage)) if stage else say("outcome.open"),
        reason=reason_words(reason) if reason else say("outcome.open"),
    )


@lru_cache(maxsize=128)
def reason_words(reason: Reason) -> Text:
    """A reason in words, and its token, by which it is found in the record, where that differs."""
    token = Markup(" <code>{}</code>").format(reason)
    words = word("reason", str(reason))
    same = words.en.replace(" ", "-") == str(reason)
    return Text(words.en if same else words.en + token, words.ja + token)


def facts(outcome: Outcome) -> Text | None:
    """What was negotiated, as far as it was observed; ``None``: nothing was."""
    return _facts(
        outcome.result,
        outcome.protocol,
        outcome.cipher,
        None if outcome.verified is None else _certificate(outcome),
        outcome.data_protected,
        outcome.session_reused,
    )


@lru_cache(maxsize=512)
def _facts(
    result: Result,
    protocol: str | None,
    cipher: str | None,
    certificate: str | None,
    data_protected: bool | None,
    session_reused: bool | None,
) -> Text | None:
    found: list[Text] = []
    if protocol:
        found += [Text.same(code(f)) for f in (protocol, cipher) if f]
        if certificate is not None:
            found.append(say(certificate))
    elif result is Result.COMPLETED:
        found.append(say("fact.without_tls"))
    if data_protected is not None:
        found.append(say("fact.data_protected" if data_protected else "fact.data_clear"))
    if session_reused is not None and data_protected:
        found.append(say("fact.reused" if session_reused else "fact.not_reused"))
    return joined(found) if found else None


def goal_reached(goal: Goal) -> Text:
    """The last line of a sequence that got there."""
    return say("step.reached_goal", goal=word("goal", str(goal)))
