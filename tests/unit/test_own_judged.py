"""What an attempt with an operator's own certificate may be said to have verified."""

from __future__ import annotations

import dataclasses
import html
import io
import json
import re
from collections.abc import Callable, Sequence
from typing import cast

import pytest
from rich.console import Console

from lab.compare import compare
from lab.model import (
    Attempt,
    ClientReport,
    ClientSettings,
    Goal,
    NotJudged,
    Observation,
    Outcome,
    Reason,
    Result,
    Side,
    Stage,
)
from lab.model.expectations import Expectation, PlannedAttempt, Verdict, judge
from lab.model.outcome import ServerReport
from lab.own.judged import judged, not_judged
from lab.record import AttemptResult, RunRecord, to_json
from lab.record.models import OwnFiles
from lab.report import markdown, terminal
from lab.report.html import render
from lab.run.attempts import make
from lab.run.session import Session
from lab.settings import parse_client, parse_server
from tests.unit.made_up import DELIVERED, attempt_record, made_of, reporting, run_record

ROOTS, LAB, CHAIN, NAME = (
    NotJudged.ROOTS_STAND_IN,
    NotJudged.ISSUER_LAB_CA_ONLY,
    NotJudged.ISSUER_FROM_CHAIN,
    NotJudged.NAME_NOT_GIVEN,
)
NAMED = "verify_name=ftp.example.com"


def attempt(*client: str, certificate: str = "own", program: str = "net-ftp@rocky9") -> Attempt:
    software = "nginx" if program.startswith(("edge", "tls")) else "vsftpd"
    server = parse_server([f"certificate={certificate}"], software)
    return Attempt(server, parse_client(program, client))


def refusal(reason: Reason, stage: Stage = Stage.VERIFY, by: Side = Side.CLIENT) -> Outcome:
    report = ClientReport(failed=True, step="starttls", verified=False)
    return Outcome(
        result=Result.REFUSED, goal=Goal.TRANSFER, by=by, stage=stage, reason=reason, report=report
    )


# -- the settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "anchors_given", "left_open"),
    [
        ([], False, [ROOTS, NAME]),
        ([NAMED], False, [ROOTS]),
        (["trust=public", NAMED], False, [ROOTS]),
        (["trust=private-ca", NAMED], False, [LAB]),
        (["trust=own"], False, [CHAIN, NAME]),
        (["trust=own", NAMED], False, [CHAIN]),
        # what is trusted was given apart from the chain
        (["trust=own"], True, [NAME]),
        (["trust=own", NAMED], True, []),
        # and another CA of the lab's was asked for all the same
        (["trust=private-ca", NAMED], True, [LAB]),
        # the host is the name that is checked where no other one is given; an address is no name
        (["trust=own", "host=ftp.lab.test"], True, []),
        (["trust=own", "host=address"], True, [NAME]),
        # a name that is sent is not one that is to be checked; none is no name either
        (["trust=own", "sni=ftp.example.com"], True, [NAME]),
        (["trust=own", "verify_name="], True, [NAME]),
        (["trust=own", "verify_name=", "host=ftp.lab.test"], True, [NAME]),
        # a pin is the whole of the check; that of another certificate is none
        (["fingerprint=own"], False, []),
        (["fingerprint=self-signed", NAMED], False, [ROOTS]),
        # where nothing is checked nothing can be judged, and nobody says that it was
        (["verify=no"], False, []),
        (["tls=no"], False, []),
        (["tls=no", "implicit_tls=yes", NAMED], False, [ROOTS]),
    ],
)
def test_what_is_left_open(
    client: Sequence[str], anchors_given: bool, left_open: list[NotJudged]
) -> None:
    assert list(not_judged(attempt(*client), anchors_given=anchors_given)) == left_open


def test_of_a_certificate_of_the_lab_nothing_is_left_open() -> None:
    assert not_judged(attempt(certificate="valid"), anchors_given=False) == ()


def test_a_certificate_that_was_not_given_is_not_judged() -> None:
    given = {"anchors_given": False, "certificate_given": False}
    in_its_place = attempt(certificate="valid")
    found = judged(in_its_place, DELIVERED, **given)
    assert (found.verified, found.not_judged) == (None, (NotJudged.CERTIFICATE_NOT_GIVEN,))
    assert found.in_words().endswith(", with a certificate of the lab's, not yours")
    # whatever a client finds wrong with it
    found = judged(in_its_place, refusal(Reason.WEAK_KEY), **given)
    assert found.not_judged == (NotJudged.CERTIFICATE_NOT_GIVEN,)
    # one that was asked for is meant; and where nothing is checked nothing is said
    for made in (attempt(certificate="expired"), attempt("verify=no", certificate="valid")):
        assert judged(made, DELIVERED, **given).not_judged == ()


# -- completions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("client", [[], [NAMED], ["trust=own"], ["trust=own", NAMED]])
def test_a_completion_is_never_called_verified(client: list[str]) -> None:
    found = judged(attempt(*client), DELIVERED, anchors_given=False)
    assert found.verified is None
    assert found.not_judged
    assert "verified" not in found.in_words()
    said = "certificate accepted with Mozilla's" if client == [NAMED] else "certificate not judged"
    assert said in found.in_words()
    # and the rest of it is as it was
    assert dataclasses.replace(found, not_judged=()) == DELIVERED


def test_with_the_roots_of_its_distribution_a_completion_is_verified() -> None:
    assert judged(attempt(NAMED), DELIVERED, anchors_given=False, own_roots=True) == DELIVERED
    # but not with those of the lab, whatever the image has
    made = attempt("trust=private-ca", NAMED)
    assert judged(made, DELIVERED, anchors_given=False, own_roots=True).not_judged == (LAB,)


@pytest.mark.parametrize("reason", [Reason.UNKNOWN_ISSUER, Reason.SELF_SIGNED_IN_CHAIN])
def test_a_refusal_with_roots_that_stand_in_says_whose_they_are(reason: Reason) -> None:
    found = judged(attempt(NAMED), refusal(reason), anchors_given=False)
    words = "judged with Mozilla's public roots, which are not its distribution's own"
    assert found.in_words() == f"{refusal(reason).in_words()}; {words}"
    # its twin
    same = judged(attempt(NAMED), refusal(reason), anchors_given=False, own_roots=True)
    assert same == refusal(reason)


def test_the_words_name_all_that_is_left_open() -> None:
    found = judged(attempt("trust=own"), DELIVERED, anchors_given=False).in_words()
    assert "trusts whatever the served file holds and was given no name to check" in found


def test_with_anchors_and_a_name_a_completion_is_verified() -> None:
    made = attempt("trust=own", NAMED)
    assert judged(made, DELIVERED, anchors_given=True) == DELIVERED


def test_a_completion_of_which_the_client_says_nothing_is_not_judged() -> None:
    silent = reporting(DELIVERED, verified=None)
    assert judged(attempt(), silent, anchors_given=False).not_judged == (ROOTS, NAME)


@pytest.mark.parametrize(
    "outcome",
    [
        reporting(DELIVERED, verified=False),
        Outcome(result=Result.COMPLETED, goal=Goal.TRANSFER),
    ],
    ids=["not-checked", "without-tls"],
)
def test_what_was_not_checked_is_said_as_ever(outcome: Outcome) -> None:
    assert judged(attempt(), outcome, anchors_given=False) == outcome


def test_a_pinned_certificate_is_called_so() -> None:
    found = judged(attempt("fingerprint=own"), DELIVERED, anchors_given=False)
    assert (found.verified, found.pinned, found.not_judged) == (True, True, ())
    assert found.in_words().endswith(", certificate is the pinned one")
    # one that is pinned, and not there, decides nothing
    found = judged(attempt("fingerprint=expired"), DELIVERED, anchors_given=False)
    assert (found.verified, found.pinned) == (None, False)


def test_a_certificate_that_is_not_judged_cannot_be_verified() -> None:
    assert DELIVERED.verified
    assert dataclasses.replace(DELIVERED, not_judged=(NAME,)).verified is None


# -- refusals ----------------------------------------------------------------------------------------

ISSUER = (
    Reason.UNKNOWN_ISSUER,
    Reason.ISSUER_NOT_FOUND,
    Reason.FIRST_CERTIFICATE_UNVERIFIABLE,
    Reason.SELF_SIGNED_IN_CHAIN,
)
TRUE = (
    Reason.EXPIRED,
    Reason.NOT_YET_VALID,
    Reason.WEAK_KEY,
    Reason.WEAK_SIGNATURE,
    Reason.WRONG_PURPOSE,
    Reason.NOT_A_CA,
    Reason.MISSING_EXTENSION,
    Reason.NAME_NOT_PERMITTED,
    Reason.PATH_TOO_LONG,
    Reason.UNKNOWN_EXTENSION,
    Reason.BAD_SIGNATURE,
    Reason.REVOKED,
    Reason.FINGERPRINT_MISMATCH,
    Reason.SELF_SIGNED_LEAF,
)


@pytest.mark.parametrize("reason", ISSUER)
def test_an_issuer_that_the_client_cannot_know_is_not_judged(reason: Reason) -> None:
    outcome = refusal(reason)
    for client in (["trust=private-ca", NAMED], ["trust=own", NAMED]):
        found = judged(attempt(*client), outcome, anchors_given=False)
        assert len(found.not_judged) == 1
        assert found.in_words().startswith(f"{outcome.in_words()}; not judged: the lab's client ")
        assert "says nothing about your clients" in found.in_words()
        assert "may hide more that is wrong" in found.in_words()
    # and what was given to be trusted is judged, with or without a name
    for client in (["trust=own"], ["trust=own", NAMED]):
        assert judged(attempt(*client), outcome, anchors_given=True) == outcome


def test_a_name_that_nobody_gave_is_not_judged() -> None:
    outcome = refusal(Reason.HOSTNAME_MISMATCH)
    found = judged(attempt("trust=own"), outcome, anchors_given=True)
    assert found.not_judged == (NAME,)
    # and one that somebody gave is, whoever issued the certificate
    for client in ([NAMED], ["trust=own", NAMED]):
        assert judged(attempt(*client), outcome, anchors_given=False) == outcome


@pytest.mark.parametrize("reason", TRUE)
@pytest.mark.parametrize("client", [[], ["trust=own"]])
def test_what_depends_on_neither_stays(reason: Reason, client: list[str]) -> None:
    outcome = refusal(reason)
    assert judged(attempt(*client), outcome, anchors_given=False) == outcome


def test_every_reason_of_the_stage_has_its_place() -> None:
    # given every reason that a certificate can be refused for, which stand together
    reasons = list(Reason)
    first, last = map(reasons.index, (Reason.SELF_SIGNED_LEAF, Reason.FINGERPRINT_MISMATCH))
    assert set(reasons[first : last + 1]) == {*ISSUER, *TRUE, Reason.HOSTNAME_MISMATCH}


def test_a_reason_that_nobody_knows_may_be_any() -> None:
    outcome = refusal(Reason.UNKNOWN)
    assert judged(attempt(NAMED), outcome, anchors_given=False).not_judged == (ROOTS,)
    assert judged(attempt("trust=own", NAMED), outcome, anchors_given=True) == outcome


@pytest.mark.parametrize("reason", [Reason.NO_SHARED_CIPHER, Reason.NO_SHARED_PROTOCOL])
def test_before_the_certificate_is_looked_at_it_plays_no_part(reason: Reason) -> None:
    outcome = refusal(reason, Stage.HANDSHAKE, Side.SERVER)
    assert judged(attempt(), outcome, anchors_given=False) == outcome


def test_behind_the_certificate_its_acceptance_is_not_judged() -> None:
    outcome = reporting(refusal(Reason.LOGIN_FAILED, Stage.LOGIN, Side.SERVER), verified=True)
    found = judged(attempt("trust=own"), outcome, anchors_given=False)
    assert found.verified is None
    assert found.in_words().startswith(f"{outcome.in_words()}; certificate not judged: ")


# -- expectations ------------------------------------------------------------------------------------


@pytest.mark.parametrize("expected", ["yes", "no"])
def test_no_expectation_on_the_check_holds(expected: str) -> None:
    found = judged(attempt("trust=own", NAMED), DELIVERED, anchors_given=False)
    judgement = judge(Expectation.parse(f"completed:verified={expected}"), found)
    assert judgement.verdict is Verdict.SURPRISE
    assert judgement.why == f"the verified differs: expected {expected}, seen not judged"


def test_what_is_expected_of_the_rest_holds_and_the_words_stay() -> None:
    found = judged(attempt("trust=own", NAMED), DELIVERED, anchors_given=False)
    judgement = judge(Expectation.parse("completed:protocol=TLSv1.2"), found)
    assert judgement.verdict is Verdict.AS_EXPECTED
    assert "certificate not judged" in judgement.why


# -- who reads it --------------------------------------------------------------------------------------


class MadeUpSession:
    """One in which every attempt is accepted by its client."""

    def has_own_roots(self, client: ClientSettings) -> bool:
        return client.platform != "rocky9"

    def attempt(self, planned: PlannedAttempt, *, capture: bool) -> tuple[AttemptResult, None]:
        client = ClientReport(
            failed=False, step="quit", protocol="TLSv1.3", cipher="A", verified=True, verify_code=0
        )
        server = ServerReport(started=True)
        return made_of(Observation(attempt=planned.attempt, client=client, server=server)), None


@pytest.mark.parametrize(("given", "left_open"), [(False, (CHAIN,)), (True, ())])
def test_an_attempt_is_judged_with_what_was_given(
    given: bool, left_open: tuple[NotJudged, ...]
) -> None:
    made = attempt("trust=own", NAMED, "goal=handshake")
    session = cast("Session", MadeUpSession())
    own = OwnFiles(backend="backend.vcl" if given else None)
    finished, _ = make(session, PlannedAttempt("x", made, own=own))
    assert finished.outcome is not None
    assert finished.outcome.not_judged == left_open
    assert finished.outcome.verified is (None if left_open else True)


def recorded(times: int = 1) -> RunRecord:
    """A run of one attempt, so often, that its client accepts and that is not judged."""
    made = attempt("trust=own")
    outcome = judged(made, DELIVERED, anchors_given=False)
    expect = Expectation.parse("completed")
    attempts = [attempt_record(f"attempt-{n}", made, outcome, expect) for n in range(times)]
    return run_record(attempts=tuple(attempts), cases=())


def printed(print_it: Callable[[Console], None]) -> str:
    console = Console(file=io.StringIO(), width=400, color_system=None)
    print_it(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def page(record: RunRecord) -> str:
    return html.unescape(re.sub("<style>.*?</style>|<[^>]*>", "", render(record), flags=re.DOTALL))


READERS: dict[str, Callable[[RunRecord], str]] = {
    "attempt": lambda r: printed(lambda c: terminal.print_attempts(r.attempts[:1], r, c)),
    "repeated": lambda r: printed(lambda c: terminal.print_attempts(r.attempts, r, c)),
    "summary": lambda r: printed(lambda c: terminal.print_run(r, c, {})),
    "markdown": markdown.summary,
    "page": page,
}


@pytest.mark.parametrize("reader", READERS)
def test_whoever_reads_it_is_told(reader: str) -> None:
    text = READERS[reader](recorded(times=2))
    assert "certificate not judged" in text
    assert "says nothing about your clients" in text
    assert "certificate verified" not in text
    if reader == "page":
        assert "ラボのクライアントは配信したファイルの内容をそのまま信頼する" in text
        assert "承認されたことは、実際のクライアントについて何も示しません" in text
        assert "証明書は検証済み" not in text


@pytest.mark.parametrize("reader", READERS)
def test_of_what_is_judged_nobody_is_told_so(reader: str) -> None:
    record = recorded(times=2)
    made = tuple(a.model_copy(update={"outcome": DELIVERED}) for a in record.attempts)
    text = READERS[reader](record.model_copy(update={"attempts": made}))
    assert "certificate not judged" not in text


def test_a_refusal_on_the_page_has_its_words_too() -> None:
    outcome = judged(attempt(), refusal(Reason.UNKNOWN_ISSUER), anchors_given=False)
    text = page(run_record(attempts=(attempt_record("a", attempt(), outcome, None),), cases=()))
    why = "the lab's client trusts Mozilla's public roots in the place of its distribution's own"
    assert f"not judged ({why}, no name to check was given)" in text
    assert "期限切れなど別の問題を隠している可能性があります" in text


def test_a_refusal_with_roots_that_stand_in_is_on_the_page() -> None:
    made = attempt(NAMED)
    outcome = judged(made, refusal(Reason.UNKNOWN_ISSUER), anchors_given=False)
    text = page(run_record(attempts=(attempt_record("a", made, outcome, None),), cases=()))
    assert "judged with Mozilla's public roots, which are not its distribution's own" in text
    assert "ディストリビューション自身のものではありません" in text
    assert "says nothing about your clients" not in text


def test_a_rate_says_how_often() -> None:
    text = READERS["repeated"](recorded(times=3))
    assert "3 of 3 completed (100%), the certificate not judged in 3" in text


def test_a_program_reads_it_in_the_record() -> None:
    record = recorded()
    plain = json.loads(to_json(record))["attempts"][0]["outcome"]
    assert "verified" not in plain
    assert plain["not_judged"] == ["issuer-from-chain", "name-not-given"]
    assert RunRecord.model_validate_json(to_json(record)) == record
    # and in one from before there was such a thing nothing is
    del plain["not_judged"], plain["pinned"]
    whole = json.loads(to_json(record.attempts[0])) | {"outcome": plain}
    assert AttemptResult.model_validate(whole).outcome == DELIVERED


def test_it_is_a_change_between_two_runs() -> None:
    new = recorded()
    old = (new.attempts[0].model_copy(update={"outcome": DELIVERED}),)
    compared = compare(new.model_copy(update={"attempts": old}), new)
    (change,) = compared.changes
    assert {d.what for d in change.differences} == {"verified", "not_judged"}
