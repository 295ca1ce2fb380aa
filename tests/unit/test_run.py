"""Running attempts: their order, their verdicts, their end. No engine: the session is made up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from lab.model import Attempt, ClientReport, Goal, Observation, Reason, Result, Side, Stage
from lab.model.attempt import Capability, Loads, Offers
from lab.model.expectations import OnBuild, PlannedAttempt, Verdict, completed, refused
from lab.model.outcome import ServerReport
from lab.record import AttemptResult, load
from lab.record.models import RunHeader
from lab.run import results
from lab.run.agents import Unsupported
from lab.run.attempts import interleaved, make, run
from lab.run.link import AgentError
from lab.run.session import Session
from lab.settings import parse_client, parse_server
from tests.unit.made_up import DELIVERED, attempt_record, made_of

EXPIRED = refused(by=Side.CLIENT, at=Stage.VERIFY, because=Reason.EXPIRED)


def attempt(*assignments: str) -> Attempt:
    goal = f"goal={Goal.HANDSHAKE}"  # nothing is delivered: an observation is complete without it
    return Attempt(parse_server(assignments), parse_client("net-ftp@centos7", [goal]))


def evidence(made: Attempt, *, expired: bool) -> AttemptResult:
    """What both ends would report of an attempt."""
    client = ClientReport(
        failed=expired,
        step="starttls" if expired else "quit",
        error="SSL connect attempt failed error:14090086:SSL routines:"
        "ssl3_get_server_certificate:certificate verify failed"
        if expired
        else "",
        verify_code=10 if expired else 0,
        verified=not expired,
        protocol="TLSv1.2",
        cipher="AES128-SHA",
        library="OpenSSL 1.0.2k-fips  26 Jan 2017",
    )
    return made_of(Observation(attempt=made, client=client, server=ServerReport(started=True)))


class MadeUpSession:
    """Answers every attempt with what a function says of it."""

    def __init__(self, answer: Callable[[Attempt], AttemptResult]) -> None:
        self._answer = answer
        self.able: set[Capability] = set()
        self.closed = threading.Event()

    def attempt(self, planned: PlannedAttempt, *, capture: bool) -> tuple[AttemptResult, None]:
        return self._answer(planned.attempt), None

    def has(self, made: Attempt, capability: Capability) -> bool:
        return capability in self.able

    def close(self) -> None:
        self.closed.set()


def session(answer: Callable[[Attempt], AttemptResult]) -> Session:
    return cast("Session", MadeUpSession(answer))


def told(seen: list[AttemptResult]) -> Callable[[AttemptResult, object], None]:
    """Add each result to a list."""
    return lambda result, _: seen.append(result)


def by_certificate(made: Attempt) -> AttemptResult:
    return evidence(made, expired=made.server.certificate == "expired")


# -- one attempt -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("certificate", "job", "verdict", "why"),
    [
        ("expired", {"expect": EXPIRED}, Verdict.AS_EXPECTED, "as expected"),
        ("valid", {"expect": EXPIRED}, Verdict.SURPRISE, "but it was completed (handshake)"),
        ("expired", {"expect": completed()}, Verdict.SURPRISE, "refused by the client at verify"),
        ("expired", {}, None, ""),
        # in a race a try may do either, and nothing else
        ("valid", {"expect": EXPIRED, "otherwise": completed()}, Verdict.AS_EXPECTED, "completed"),
        (
            "expired",
            {
                "expect": refused(by=Side.CLIENT, at=Stage.VERIFY, because=Reason.REVOKED),
                "otherwise": completed(),
            },
            Verdict.SURPRISE,
            "the reason differs: expected revoked, seen expired",
        ),
    ],
)
def test_an_attempt_is_judged(
    certificate: str, job: dict[str, object], verdict: Verdict | None, why: str
) -> None:
    one = PlannedAttempt("id", attempt(f"certificate={certificate}"), **job)  # type: ignore[arg-type]
    finished, _ = make(session(by_certificate), one)
    assert finished.verdict is verdict, finished.verdict_why
    assert why in finished.verdict_why
    assert finished.outcome is not None
    refused_ = finished.outcome.result is Result.REFUSED
    assert refused_ is (certificate == "expired")
    assert finished.elapsed_ms >= 0


@pytest.mark.parametrize(
    ("error", "verdict"),
    [
        (Unsupported("the stand-in has no NSS"), Verdict.CANNOT),
        (AgentError("the container was killed"), Verdict.LAB_ERROR),
    ],
)
def test_what_cannot_be_made_has_a_verdict_with_its_cause(
    error: Exception, verdict: Verdict
) -> None:
    def fail(_: Attempt) -> AttemptResult:
        raise error

    finished, _ = make(session(fail), PlannedAttempt("id", attempt(), EXPIRED))
    assert (finished.verdict, finished.verdict_why) == (verdict, str(error))
    assert finished.outcome is None


def test_what_is_expected_follows_from_what_the_builds_can_do() -> None:
    # given an attempt that is refused otherwise by builds that have a capability
    revoked = refused(by=Side.CLIENT, at=Stage.VERIFY, because=Reason.REVOKED)
    on_build = (OnBuild(Offers("TLSv1"), completed()), OnBuild(Loads("weak-key"), EXPIRED))
    job = PlannedAttempt("id", attempt("certificate=expired"), revoked, on_build)
    made_up = MadeUpSession(by_certificate)

    def verdict() -> tuple[Verdict | None, object]:
        finished, _ = make(cast("Session", made_up), job)
        return finished.verdict, finished.expectation

    # then without it the usual holds, with it the other, and the first that holds counts
    assert verdict() == (Verdict.SURPRISE, revoked)
    made_up.able = {Loads("weak-key")}
    assert verdict() == (Verdict.AS_EXPECTED, EXPIRED)
    made_up.able |= {Offers("TLSv1")}
    assert verdict() == (Verdict.SURPRISE, completed())


# -- many attempts -----------------------------------------------------------------------------------


def test_neighbours_use_different_listeners() -> None:
    jobs = [
        [PlannedAttempt(f"{server}{number}", attempt(f"ciphers={server}"))]
        for server, times in (("a", 3), ("b", 1), ("c", 2))
        for number in range(times)
    ]
    assert [job.id for (job,) in interleaved(jobs)] == ["a0", "c0", "a1", "b0", "c1", "a2"]


def test_whoever_waits_for_a_time_limit_is_not_among_the_last() -> None:
    usual = attempt("ciphers=a")
    jobs = [[PlannedAttempt(f"a{number}", usual)] for number in range(8)]
    jobs.append([PlannedAttempt("waits", usual.with_client(timeout_s=2.0))])
    assert [job.id for (job,) in interleaved(jobs)].index("waits") == 4


def test_whoever_waits_for_a_time_limit_takes_the_turn_of_no_other() -> None:
    usual, others_made = attempt("ciphers=a"), threading.Event()

    def answer(made: Attempt) -> AttemptResult:
        if made.client.timeout_s == 2.0:
            assert others_made.wait(10)
        elif made.server.ciphers == "last":
            others_made.set()
        return by_certificate(made)

    jobs = [
        PlannedAttempt("waits", usual.with_client(timeout_s=2.0)),
        PlannedAttempt("last", attempt("ciphers=last")),
    ]
    seen: list[AttemptResult] = []
    run(session(answer), jobs, told(seen), workers=1)
    assert [one.id for one in seen] == ["last", "waits"]


def test_every_attempt_is_handed_over_once_and_a_broken_one_stops_nobody() -> None:
    # given one attempt that breaks in the lab
    def answer(made: Attempt) -> AttemptResult:
        if made.server.ciphers == "broken":
            raise AgentError("gone")
        return by_certificate(made)

    names = ["one", "broken", "two", "three"]
    jobs = [PlannedAttempt(name, attempt(f"ciphers={name}"), completed()) for name in names]
    seen: list[AttemptResult] = []
    # when
    run(session(answer), jobs, told(seen), workers=2)
    # then
    verdicts = {one.id: one.verdict for one in seen}
    assert verdicts == {
        "one": Verdict.AS_EXPECTED,
        "broken": Verdict.LAB_ERROR,
        "two": Verdict.AS_EXPECTED,
        "three": Verdict.AS_EXPECTED,
    }
    assert len(seen) == len(jobs)


def test_the_same_settings_are_tried_once_and_judged_for_each() -> None:
    # given a twin that is a remedy, too, and one more with another opinion of it
    tried: list[Attempt] = []

    def answer(made: Attempt) -> AttemptResult:
        tried.append(made)
        return by_certificate(made)

    valid = attempt("certificate=valid")
    jobs = [
        PlannedAttempt("breaks", attempt("certificate=expired"), EXPIRED),
        PlannedAttempt("twin", valid, completed()),
        PlannedAttempt("remedy", attempt("certificate=valid"), completed()),
        PlannedAttempt("wrong", valid, EXPIRED),
    ]
    seen: list[AttemptResult] = []
    run(session(answer), jobs, told(seen))
    assert sorted(one.server.certificate for one in tried) == ["expired", "valid"]
    by_id = {one.id: one for one in seen}
    assert {name: one.verdict for name, one in by_id.items()} == {
        "breaks": Verdict.AS_EXPECTED,
        "twin": Verdict.AS_EXPECTED,
        "remedy": Verdict.AS_EXPECTED,
        "wrong": Verdict.SURPRISE,
    }
    same = {name: one.same_as for name, one in by_id.items()}
    assert same == {"breaks": None, "twin": None, "remedy": "twin", "wrong": "twin"}
    assert by_id["remedy"].client_report is by_id["twin"].client_report


def test_what_cannot_be_made_cannot_be_made_for_any() -> None:
    def answer(_: Attempt) -> AttemptResult:
        raise Unsupported("the stand-in has no NSS")

    seen: list[AttemptResult] = []
    run(
        session(answer), [PlannedAttempt(name, attempt(), completed()) for name in "ab"], told(seen)
    )
    assert [one.verdict for one in seen] == [Verdict.CANNOT] * 2


def test_the_tries_of_a_race_are_each_made() -> None:
    tried: list[Attempt] = []

    def answer(made: Attempt) -> AttemptResult:
        tried.append(made)
        return by_certificate(made)

    jobs = [PlannedAttempt(f"try-{number}", attempt(), counted=True) for number in range(5)]
    seen: list[AttemptResult] = []
    run(session(answer), jobs, told(seen))
    assert (len(tried), len(seen)) == (5, 5)
    assert all(one.same_as is None for one in seen)


def test_nothing_to_do_is_no_error() -> None:
    run(session(by_certificate), [], lambda *_: pytest.fail("nothing was made"))


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_who_ends_a_run_early_does_not_wait_for_attempts_under_way(
    error: type[BaseException],
) -> None:
    # given one attempt that is quick, others that only the session's end ends, one worker for each
    made_up = MadeUpSession(by_certificate)
    started: list[Attempt] = []

    def answer(made: Attempt) -> AttemptResult:
        started.append(made)
        if made.server.ciphers != "quick":
            assert made_up.closed.wait(10), "nobody ended the session"
            raise AgentError("the session has ended")
        return by_certificate(made)

    made_up._answer = answer
    names = ["hangs", "quick", "next", "never"]
    jobs = [PlannedAttempt(name, attempt(f"ciphers={name}")) for name in names]
    seen: list[str] = []

    def finished(one: AttemptResult, _: object) -> None:
        seen.append(one.id)
        raise error

    # when the first one that is handed over is the last straw
    with pytest.raises(error):
        run(cast("Session", made_up), jobs, finished, workers=2)
    # then the session is ended, and what had not begun is not begun
    assert made_up.closed.is_set()
    assert seen == ["quick"]
    assert "never" not in [made.server.ciphers for made in started]


@pytest.mark.parametrize("left", [True, False])
def test_of_a_run_that_was_left_what_was_under_way_is_in_no_record(
    left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A closed session ends the attempts that are being made: these say nothing of the lab."""
    header = RunHeader(run_id="one", lab_version="0", started=datetime.now(UTC), machine={})
    monkeypatch.setattr(results, "_header", lambda *_: header)
    monkeypatch.setattr(results, "images_of", lambda *_: ())
    monkeypatch.setattr(results, "lost", lambda: None)
    gone: list[bool] = []

    def made(_session: object, planned: list[PlannedAttempt], finished: Any, **_: object) -> None:
        finished(attempt_record("first", planned[0].attempt, DELIVERED, None), None)
        gone.append(left)
        broken = {"verdict": Verdict.LAB_ERROR, "verdict_why": "the session is closed"}
        finished(attempt_record("second", planned[1].attempt, None, None, **broken), None)

    monkeypatch.setattr(results, "run", made)
    checkout = SimpleNamespace(state=tmp_path)
    session = SimpleNamespace(facts=lambda _: {})
    laboratory: Any = SimpleNamespace(checkout=checkout, session=session, run_id="one")
    planned = [PlannedAttempt(name, attempt()) for name in ("first", "second")]
    with nullcontext() if not left else pytest.raises(CancelledError):
        results.record_run(laboratory, planned, given_up=lambda: any(gone))
    record = load(tmp_path / "runs" / "one")
    assert [one.id for one in record.attempts] == (["first"] if left else ["first", "second"])
    assert record.complete is not left
