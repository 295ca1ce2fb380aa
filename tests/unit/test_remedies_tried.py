"""How often a remedy is tried: what races many times, until a try is lost, and everything else once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from lab.cases import curl, ftplib, net_ftp, vsftpd
from lab.certificates import OWN
from lab.images.errors import Progress
from lab.model import Attempt, ClientSettings, Outcome, Rating, Reason, Result, Side, Stage, only
from lab.model.expectations import PlannedAttempt
from lab.model.outcome import ServerReport
from lab.own.files import UserFiles
from lab.record import AttemptResult
from lab.remedies.advice import Advice, TriedRemedy
from lab.remedies.races import THOROUGH, may_differ
from lab.run import remedies
from lab.run.agents import Unsupported
from lab.servers.proftpd import Proftpd
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

    def suites(self, attempt: Attempt) -> None:
        """Nobody knows what both ends offer."""
        raise Unsupported(str(attempt))


class Laboratory:
    """Has such a session, and tells nobody what takes a while."""

    session = Session()
    progress = Progress()


class Tried:
    """The remedies of a refusal for want of a resumed session; uploads over TLS 1.3 are lost at will."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, lost: Callable[[int], bool]) -> None:
        self.made: list[Attempt] = []
        self._lost, self._large = lost, count(1)
        self.expired = False
        monkeypatch.setattr(remedies, "make_all", self._make)

    def __call__(self, client: ClientSettings) -> dict[tuple[str, ...], TriedRemedy]:
        server = vsftpd(certificate="expired") if self.expired else vsftpd(require_ssl_reuse=True)
        attempt = Attempt(server, client)
        before = attempt_record("refused", attempt, self._outcome(attempt), None)
        laboratory: Any = Laboratory()
        advice = remedies.advise(laboratory, before, ())
        return {one.cures: one for one in advice.remedies}

    def _make(self, _: object, planned: Sequence[PlannedAttempt]) -> dict[str, AttemptResult]:
        self.made += [one.attempt for one in planned]
        return {
            one.id: attempt_record(one.id, one.attempt, self._outcome(one.attempt), None)
            for one in planned
        }

    def _outcome(self, attempt: Attempt) -> Outcome:
        settings: Any = attempt
        if settings.server.certificate == "expired" and settings.client.verify:
            return refused(Reason.EXPIRED)
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


def test_what_is_unsafe_is_tried_once_beside_what_is_tried_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried = Tried(monkeypatch, lambda _: False)
    tried.expired = True
    found = tried(net_ftp("rocky9"))
    unsafe = [one for one in found.values() if one.rating is Rating.UNSAFE]
    assert [one.tries for one in unsafe] == [1]
    assert found["renewed",].tries == ENOUGH


@pytest.mark.parametrize(
    ("outcome", "rating"),
    [
        (reporting(DELIVERED, protocol=None, verified=None, data_protected=None), Rating.UNSAFE),
        (reporting(DELIVERED, data_protected=False), Rating.UNSAFE),
        (DELIVERED, Rating.RECOMMENDED),
    ],
    ids=["nothing is inside TLS", "the file is not", "everything is"],
)
def test_what_delivers_in_clear_text_is_not_recommended(
    monkeypatch: pytest.MonkeyPatch, outcome: Outcome, rating: Rating
) -> None:
    def came_to(attempt: Attempt) -> Outcome:
        settings: Any = attempt.server
        return refused(Reason.SESSION_REUSE_REQUIRED) if settings.require_ssl_reuse else outcome

    tried = Tried(monkeypatch, lambda _: False)
    monkeypatch.setattr(tried, "_outcome", came_to)
    alone = tried(net_ftp("rocky9"))["reuse-not-required",]
    assert (alone.holds, alone.rating) == (True, rating)


def test_a_second_fault_of_a_configuration_is_found_after_the_first_is_cured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # given two lines of which each keeps vsftpd from starting: it names the one that it reads first
    def ended(attempt: Attempt) -> AttemptResult:
        lines: Sequence[str] = getattr(attempt.server, "extra", ())
        if not lines:
            return attempt_record("made", attempt, DELIVERED, None)
        said = f"500 OOPS: unrecognised variable in config file: {lines[0].partition('=')[0]}"
        outcome = dataclasses.replace(
            refused(Reason.CONNECTION_REFUSED), by=Side.NETWORK, stage=Stage.CONNECT
        )
        report = ServerReport(started=False, log=said)
        return attempt_record("made", attempt, outcome, None, server_report=report)

    monkeypatch.setattr(
        remedies, "make_all", lambda _, planned: {one.id: ended(one.attempt) for one in planned}
    )
    laboratory: Any = Laboratory()
    two = Attempt(vsftpd(extra=("one_thing=1", "other_thing=2")), net_ftp("rocky9"))
    # when remedies are looked for
    found = remedies.advise(laboratory, ended(two), ()).remedies
    # then the change that leads to another fault is gone on from, and the one that does not is not
    cured = [one for one in found if one.holds]
    assert [one.cures for one in cured] == [("line", "line")]
    assert {one.further for one in found if one.cures == ("line",)} == {True, False}


def advised(
    monkeypatch: pytest.MonkeyPatch, client: ClientSettings, elsewhere: Sequence[TriedRemedy] = ()
) -> tuple[Advice, list[Attempt]]:
    """What is said of a client that no server change helps but the cipher list, which leads on."""
    made: list[Attempt] = []

    def outcome(attempt: Attempt) -> Outcome:
        settings: Any = attempt
        if settings.server.ciphers != "HIGH":
            return refused(Reason.NO_SHARED_CIPHER, None)
        reuses = getattr(settings.client, "session_cache", None) == "shared"
        if reuses or settings.client.program in ("curl", "ftplib-reuse"):
            return DELIVERED
        return refused(Reason.SESSION_REUSE_REQUIRED, "TLSv1.2")

    def make(_: object, planned: Sequence[PlannedAttempt]) -> dict[str, AttemptResult]:
        made.extend(one.attempt for one in planned)
        return {p.id: attempt_record(p.id, p.attempt, outcome(p.attempt), None) for p in planned}

    monkeypatch.setattr(remedies, "make_all", make)
    server = vsftpd(ciphers="AES128-SHA", extra=("idle_session_timeout=60",))
    attempt = Attempt(server, client)
    before = attempt_record("refused", attempt, outcome(attempt), None)
    laboratory: Any = Laboratory()
    said = remedies.advise(laboratory, before, (), elsewhere=elsewhere)
    return said, made


def test_what_a_server_changed_for_nothing_is_not_tried_for_the_next_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, made = advised(monkeypatch, curl("rocky9"))
    idle = [one for one in made if one.server == vsftpd(ciphers="AES128-SHA")]
    assert len(idle) == 1
    further, made = advised(monkeypatch, net_ftp("rocky9"), first.remedies)
    assert not [one for one in made if one.server == vsftpd(ciphers="AES128-SHA")]
    # what helped is the way to what the client changes behind it
    assert ("server-suites", "session-shared") in [
        one.cures for one in further.remedies if one.holds
    ]


def test_every_program_that_is_refused_alike_has_its_remedies_in_one_advice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = [
        advised(monkeypatch, client)[0]
        for client in (curl("rocky9"), net_ftp("rocky9"), ftplib("rocky9"))
    ]
    assert remedies.together(given[:1]) is given[0]
    said = remedies.together(given)
    assert said.cause == given[0].cause
    held = [one for one in said.remedies if one.holds]
    # once for all, and it cures one of them only
    [suites] = [one for one in said.remedies if one.cures == ("server-suites",)]
    assert suites is held[0]
    assert suites.title.en.endswith(", for curl")
    shared = [one for one in held if one.cures == ("server-suites", "session-shared")]
    assert [one.title.en.rpartition(", for ")[2] for one in shared] == ["net-ftp", "ftplib"]
    [line] = [one for one in said.remedies if one.cures == ("line",)]
    assert not line.holds


def test_where_more_of_the_chain_is_sent_an_unknown_issuer_is_another_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Proftpd(certificate="own", certificate_chain=False, require_ssl_reuse=False)
    attempt = Attempt(server, net_ftp("rocky9", trust="own", host="ftp.example.test"))
    unknown = refused(Reason.UNKNOWN_ISSUER, None)

    def make(_: object, planned: Sequence[PlannedAttempt]) -> dict[str, AttemptResult]:
        def outcome(one: Attempt) -> Outcome:
            settings: Any = one
            whole = settings.server.certificate_chain
            known = settings.client.trust == "private-ca" and settings.server.certificate != OWN
            return DELIVERED if (whole and known) or not one.client.verify else unknown

        return {p.id: attempt_record(p.id, p.attempt, outcome(p.attempt), None) for p in planned}

    monkeypatch.setattr(remedies, "make_all", make)
    before = attempt_record("refused", attempt, unknown, None)
    laboratory: Any = Laboratory()
    chain: Any = [
        SimpleNamespace(
            subject=subject,
            issuer=issuer,
            self_signed=False,
            names=(),
            not_before=before.started - timedelta(days=1),
            not_after=before.started + timedelta(days=1),
        )
        for subject, issuer in (("CN=leaf", "CN=middle"), ("CN=middle", "CN=root"))
    ]
    found = {one.cures: one for one in remedies.advise(laboratory, before, chain).remedies}
    assert found["chain-sent",].further
    both = found["chain-sent", "root-trusted"]
    assert both.holds
    of_server = next(one for one in both.changes if one.end == "server")
    assert of_server.fields == ("certificate_chain",)
    # the twin: a file that has no more than the one certificate
    found = {one.cures: one for one in remedies.advise(laboratory, before, chain[:1]).remedies}
    assert not found["chain-sent",].further


def test_the_line_that_decides_is_the_one_of_the_first_refusal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = vsftpd(extra=("chroot_local_user=YES",), require_ssl_reuse=True)
    attempt = Attempt(server, net_ftp("rocky9"))

    def outcome(one: Attempt) -> Outcome:
        settings: Any = one.server
        if "chroot_local_user=YES" in settings.extra and len(settings.extra) == 1:
            return refused(Reason.SERVER_FAULT)
        if settings.require_ssl_reuse:
            return refused(Reason.SESSION_REUSE_REQUIRED)
        return DELIVERED

    def make(_: object, planned: Sequence[PlannedAttempt]) -> dict[str, AttemptResult]:
        return {p.id: attempt_record(p.id, p.attempt, outcome(p.attempt), None) for p in planned}

    monkeypatch.setattr(remedies, "make_all", make)
    places = {"server.extra:chroot_local_user=YES": "a:5", "server.require_ssl_reuse": "a:8"}
    laboratory: Any = Laboratory()

    def advised(made: Attempt) -> Advice:
        before = attempt_record("refused", made, outcome(made), None)
        return remedies.advise(laboratory, before, (), UserFiles(places=places))

    advice = advised(attempt)
    assert advice.remedies[0].cures == ("writeable-root", "reuse-not-required")
    assert advice.where == ("a:5",)
    # the twin, where the other line is what is refused first
    assert advised(attempt.with_server(extra=())).where == ("a:8",)
