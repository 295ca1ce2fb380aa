"""Expectations: what is compared, how a difference is said, and how they are written."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.model import PROTOCOLS, Outcome, Reason, Result, Side, Stage
from lab.model.expectations import (
    Expectation,
    ExpectationError,
    Verdict,
    completed,
    false_success,
    judge,
    refused,
)
from tests.unit.made_up import DELIVERED, EXPIRED, MESSAGE, NO_SHARED_CIPHER, SHORT, reporting

NO_CIPHER = refused(by=Side.SERVER, at=Stage.HANDSHAKE, because=Reason.NO_SHARED_CIPHER)


@pytest.mark.parametrize(
    ("expectation", "outcome"),
    [
        (NO_CIPHER, NO_SHARED_CIPHER),
        (dataclasses.replace(NO_CIPHER, message=f"  {MESSAGE}\n"), NO_SHARED_CIPHER),
        (Expectation.parse("refused"), NO_SHARED_CIPHER),
        (Expectation.parse("refused"), EXPIRED),
        (Expectation.parse("false-success"), SHORT),
        (completed(), DELIVERED),
        (completed(protocol="TLSv1.2", verified=True, session_reused=True), DELIVERED),
    ],
)
def test_what_is_met_is_as_expected(expectation: Expectation, outcome: Outcome) -> None:
    judgement = judge(expectation, outcome)
    assert judgement.verdict is Verdict.AS_EXPECTED
    assert judgement.why == f"{outcome.in_words()}, as expected"


@pytest.mark.parametrize(
    ("expectation", "outcome", "why"),
    [
        (
            completed(),
            SHORT,
            "expected completed, but it was false success: curl says it delivered;"
            " the server has 122880 of 1048576 bytes",
        ),
        (
            Expectation.parse("refused"),
            SHORT,
            "expected refused, but it was false success: curl says it delivered;"
            " the server has 122880 of 1048576 bytes",
        ),
        (
            false_success(),
            DELIVERED,
            "expected false success, but it was completed (transfer):"
            " TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384, certificate verified",
        ),
        (
            completed(),
            EXPIRED,
            "expected completed, but it was refused by the client at verify: expired",
        ),
        (
            NO_CIPHER,
            DELIVERED,
            "expected refused by the server at handshake: no-shared-cipher, but it was completed"
            " (transfer): TLSv1.2 ECDHE-RSA-AES256-GCM-SHA384, certificate verified",
        ),
        (
            NO_CIPHER,
            EXPIRED,
            "the side differs: expected server, seen client;"
            " the stage differs: expected handshake, seen verify;"
            " the reason differs: expected no-shared-cipher, seen expired",
        ),
        (
            refused(by=Side.CLIENT, at=Stage.VERIFY, because=Reason.SELF_SIGNED_LEAF),
            EXPIRED,
            "the reason differs: expected self-signed-leaf, seen expired",
        ),
        (
            dataclasses.replace(NO_CIPHER, message="Connection refused"),
            NO_SHARED_CIPHER,
            f"the message differs: expected 'Connection refused', seen {MESSAGE!r}",
        ),
        (
            completed(protocol="TLSv1.3", verified=False, data_protected=True),
            DELIVERED,
            "the protocol differs: expected TLSv1.3, seen TLSv1.2;"
            " the verified differs: expected no, seen yes",
        ),
        (
            completed(session_reused=True),
            reporting(DELIVERED, session_reused=None),
            "the session reused differs: expected yes, seen nothing",
        ),
    ],
)
def test_a_surprise_says_exactly_what_differs(
    expectation: Expectation, outcome: Outcome, why: str
) -> None:
    judgement = judge(expectation, outcome)
    assert judgement.verdict is Verdict.SURPRISE
    assert judgement.why == why


@given(st.sampled_from(Side), st.sampled_from(Stage), st.sampled_from(Reason))
def test_a_refusal_is_met_by_no_completion_and_by_no_other_refusal(
    by: Side, at: Stage, because: Reason
) -> None:
    expected = refused(by=by, at=at, because=because)
    # without the defect, that is in its twin, the attempt completes
    judgement = judge(expected, DELIVERED)
    assert judgement.verdict is Verdict.SURPRISE
    assert f"expected {expected.in_words()}, but it was completed" in judgement.why
    # another side, stage or reason, each alone, is named
    seen = dataclasses.replace(NO_SHARED_CIPHER, by=by, stage=at, reason=because)
    assert judge(expected, seen).verdict is Verdict.AS_EXPECTED
    for label, word, others in (
        ("side", by, [(s, dataclasses.replace(expected, by=s)) for s in Side]),
        ("stage", at, [(s, dataclasses.replace(expected, stage=s)) for s in Stage]),
        ("reason", because, [(r, dataclasses.replace(expected, reason=r)) for r in Reason]),
    ):
        for other, changed in others:
            if other is not word:
                judgement = judge(changed, seen)
                assert judgement.verdict is Verdict.SURPRISE
                assert judgement.why == f"the {label} differs: expected {other}, seen {word}"
    # and a race that may complete is no race that may be refused otherwise
    assert judge(completed(), seen).verdict is Verdict.SURPRISE


@pytest.mark.parametrize(
    ("text", "expectation"),
    [
        ("completed", completed()),
        (" completed ", completed()),
        (
            "completed:protocol=TLSv1.2,verified=yes,session_reused=no",
            completed(protocol="TLSv1.2", verified=True, session_reused=False),
        ),
        ("refused:server:handshake:no-shared-cipher", NO_CIPHER),
        ("refused", Expectation(result=Result.REFUSED)),
        ("refused:client", Expectation(result=Result.REFUSED, by=Side.CLIENT)),
        ("refused:::expired", Expectation(result=Result.REFUSED, reason=Reason.EXPIRED)),
    ],
)
def test_the_textual_form_is_read(text: str, expectation: Expectation) -> None:
    assert Expectation.parse(text) == expectation


MAYBE = st.none() | st.booleans()
REFUSALS = st.builds(
    Expectation,
    result=st.just(Result.REFUSED),
    by=st.none() | st.sampled_from(Side),
    stage=st.none() | st.sampled_from(Stage),
    reason=st.none() | st.sampled_from(Reason),
)
COMPLETIONS = st.builds(
    completed,
    protocol=st.none() | st.sampled_from(PROTOCOLS),
    cipher=st.none() | st.sampled_from(["AES128-SHA", "TLS_AES_256_GCM_SHA384"]),
    verified=MAYBE,
    data_protected=MAYBE,
    session_reused=MAYBE,
)


@given(REFUSALS | COMPLETIONS)
def test_what_is_written_reads_back(expectation: Expectation) -> None:
    assert Expectation.parse(str(expectation)) == expectation


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["'' is no result", "completed or refused"]),
        ("refuse", ["'refuse' is no result"]),
        (
            "refused:srver",
            ["no side 'srver'; did you mean server?", "client, server, network"],
        ),
        ("refused:server:handshaking", ["no stage", "did you mean handshake?"]),
        ("refused:server:handshake:no-cipher", ["no reason", "no-shared-cipher"]),
        ("refused:server:handshake:closed:now", ["too many parts", "SIDE:STAGE:REASON"]),
        ("completed:verified", ["verified has no value", "verified=VALUE"]),
        ("completed:verified=perhaps", ["verified=perhaps", "yes or no"]),
        ("completed:protocol=TLS1.2", ["no protocol", "did you mean TLSv1.2"]),
        ("completed:colour=red", ["no fact 'colour'", "protocol, cipher, verified"]),
    ],
)
def test_what_cannot_be_read_is_answered_with_what_could(text: str, words: list[str]) -> None:
    with pytest.raises(ExpectationError) as caught:
        Expectation.parse(text)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_expectation_does_not_mix_refusal_and_completion() -> None:
    with pytest.raises(ValueError, match="a completed attempt has no stage"):
        Expectation(result=Result.COMPLETED, stage=Stage.LOGIN)
    with pytest.raises(ValueError, match="cipher can be expected of a completed attempt only"):
        Expectation(result=Result.REFUSED, cipher="AES128-SHA")


@pytest.mark.parametrize(
    ("expectation", "words"),
    [
        (NO_CIPHER, "refused by the server at handshake: no-shared-cipher"),
        (Expectation.parse("refused:::expired"), "refused: expired"),
        (completed(), "completed"),
        (
            completed(protocol="TLSv1.3", verified=False, session_reused=True),
            "completed with protocol TLSv1.3, the certificate not verified, the session reused",
        ),
    ],
)
def test_in_words(expectation: Expectation, words: str) -> None:
    assert expectation.in_words() == words
