"""How often a remedy is tried: what races many times, until a try is lost, and everything else once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import pytest

from lab.cases import curl, net_ftp, vsftpd
from lab.model import Attempt, ClientSettings, Outcome, Reason, Result, Side, Stage, only
from lab.model.expectations import PlannedAttempt
from lab.record import AttemptResult
from lab.remedies.advice import TriedRemedy
from lab.remedies.races import THOROUGH, may_differ
from lab.run import remedies
from tests.unit.made_up import DELIVERED, attempt_record, reporting

NEW = reporting(DELIVERED, protocol="TLSv1.3")
ENOUGH = sum(THOROUGH.values())


def refused(reason: Reason, protocol: str | None = "TLSv1.3") -> Outcome:
    made = dataclasses.replace(
        DELIVERED, result=Result.REFUSED, by=Side.SERVER, stage=Stage.TRANSFER, reason=reason
    )
    return reporting(made, failed=True, protocol=protocol)


class Session:
    """Has all that is asked for."""

    def equip_for(self, attempts: Sequence[Attempt]) -> None:
        """There is nothing to equip."""


class Tried:
    """The remedies of a refusal for want of a resumed session; uploads over TLS 1.3 are lost at will."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, lost: Callable[[int], bool]) -> None:
        self.made: list[Attempt] = []
        self._lost, self._large = lost, count(1)
        monkeypatch.setattr(remedies, "make_all", self._make)

    def __call__(self, client: ClientSettings) -> dict[tuple[str, ...], TriedRemedy]:
        attempt = Attempt(vsftpd(require_ssl_reuse=True), client)
        before = attempt_record("refused", attempt, self._outcome(attempt), None)
        session: Any = Session()
        advice = remedies.advise(session, before, (), places={})
        return {one.cures: one for one in advice.remedies}

    def _make(self, _: object, planned: Sequence[PlannedAttempt]) -> dict[str, AttemptResult]:
        self.made += [one.attempt for one in planned]
        return {
            one.id: attempt_record(one.id, one.attempt, self._outcome(one.attempt), None)
            for one in planned
        }

    def _outcome(self, attempt: Attempt) -> Outcome:
        settings: Any = attempt
        if settings.server.require_ssl_reuse and settings.client.session_cache != "shared":
            return refused(Reason.SESSION_REUSE_REQUIRED)
        if only("TLSv1.2") in (attempt.server.protocols, attempt.client.protocols):
            return DELIVERED
        if settings.client.payload == 100_000 and self._lost(next(self._large)):
            return refused(Reason.ABORTED)
        return NEW


def test_what_is_lost_in_some_tries_is_no_remedy_and_what_ends_that_is_added(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = Tried(monkeypatch, lambda number: not number % 3)
    found = tried(net_ftp("rocky9"))
    alone = found["reuse-not-required",]
    assert (alone.tries, alone.completed, alone.holds) == (1 + remedies.TRIES_AT_A_TIME, 5, False)
    assert alone.outcome is not None
    assert alone.outcome.reason is Reason.ABORTED
    both = found["reuse-not-required", "server-tls-1.2"]
    assert (both.tries, both.holds) == (1, True)
    assert next(iter(found.values())) is both


def test_what_races_and_is_never_lost_was_tried_often_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = Tried(monkeypatch, lambda _: False)
    alone = tried(net_ftp("rocky9"))["reuse-not-required",]
    assert (alone.tries, alone.holds) == (ENOUGH, True)
    made: list[Any] = [one for one in tried.made if one.server == vsftpd(require_ssl_reuse=False)]
    assert [one.client.payload for one in made].count(100_000) == THOROUGH[100_000]
    assert len(made) == ENOUGH


def test_who_reads_the_tickets_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Tried(monkeypatch, lambda _: False)(curl("rocky9"))["reuse-not-required",]
    assert (alone.tries, alone.holds) == (1, True)


def test_a_remedy_for_a_race_is_tried_as_often_as_one() -> None:
    reading, racing = Attempt(vsftpd(), curl("rocky9")), Attempt(vsftpd(), net_ftp("rocky9"))
    assert may_differ(racing, NEW)
    assert not may_differ(racing, DELIVERED)
    assert not may_differ(racing, reporting(NEW, data_protected=False))
    assert not may_differ(reading, NEW)
    assert may_differ(reading, refused(Reason.ABORTED))
    # not every client tells the version of what broke
    assert may_differ(reading, refused(Reason.ABORTED, None))
    assert not may_differ(reading, refused(Reason.ABORTED, "TLSv1.2"))
    assert not may_differ(reading, refused(Reason.SESSION_REUSE_REQUIRED))
