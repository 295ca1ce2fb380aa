"""The command as a person types it: what it prints, where, and its exit status."""

from __future__ import annotations

import json
import re

import pytest

from lab.record import RunRecord
from tests.e2e.checkouts import Copy

pytestmark = pytest.mark.engine

#: The least that an attempt can cost: connected, encrypted, verified, not logged in.
HANDSHAKE = ("-c", "goal=handshake")


def test_an_attempt_that_completes(shared: Copy) -> None:
    done = shared.lab("attempt", *HANDSHAKE)
    assert done.status == 0, str(done)
    assert done.out.startswith("completed (handshake): TLSv1.3 "), str(done)
    # then it can be repeated as it stands
    again = re.search(r"^ *repeat +lab (.*)$", done.out, re.M)
    assert again, str(done)
    assert again[1].split() == [
        *("attempt", "--server", "vsftpd"),
        *("--client", "net-ftp@rocky9:DEFAULT", "-c", "goal=handshake"),
    ]
    # and a stand-in is called one
    assert "rocky9 STAND-IN" in done.out or "rocky9 registry" in done.out, str(done)


def test_a_refusal_has_exit_status_1_and_names_side_stage_and_reason(shared: Copy) -> None:
    done = shared.lab("attempt", "-s", "certificate=expired", *HANDSHAKE, "--json")
    assert done.status == 1, str(done)
    outcome = done.json()["outcome"]
    assert (outcome["result"], outcome["by"], outcome["stage"], outcome["reason"]) == (
        *("refused", "client", "verify", "expired"),
    ), str(done)
    # then the record had it before it was printed
    assert shared.record().attempts[0].model_dump(mode="json") == done.json()


@pytest.mark.parametrize(
    ("expectation", "status", "said"),
    [
        ("refused:client:verify:expired", 0, "certificate verify failed"),
        ("refused:client:verify:not-yet-valid", 1, "expected not-yet-valid, seen expired"),
        ("completed", 1, "expected    completed"),
    ],
)
def test_expect_decides_the_exit_status(
    shared: Copy, expectation: str, status: int, said: str
) -> None:
    done = shared.lab("attempt", "-s", "certificate=expired", *HANDSHAKE, "--expect", expectation)
    assert done.status == status, str(done)
    assert said in done.out, str(done)


def test_repeated_attempts_have_a_rate(shared: Copy) -> None:
    done = shared.lab("attempt", *HANDSHAKE, "--repeat", "5", "--json")
    assert done.status == 0, str(done)
    assert (done.json()["made"], done.json()["completed"]) == (5, 5), str(done)
    assert len({a["id"] for a in done.json()["attempts"]}) == 5, str(done)
    # and words: from the record, without the engine
    refused = shared.lab("attempt", "-c", "ciphers=NOSUCH", *HANDSHAKE, "--repeat", "5")
    assert refused.status == 1, str(refused)
    assert "0 of 5 completed (0%)" in refused.out, str(refused)
    assert re.search(r"5 x +refused by the client at handshake: cipher-list-empty", refused.out), (
        str(refused)
    )


def test_cases_are_run_reported_and_recorded(shared: Copy) -> None:
    # when one case runs, on one client
    done = shared.lab("run", "expired_certificate[net-ftp@centos7]")
    # then the summary is on standard output, the progress is not
    assert done.status == 0, str(done)
    assert "expired certificate" in done.out, str(done)
    assert re.search(r"\d attempts: \d as-expected, 0 surprise, 0 cannot, 0 lab-error", done.out), (
        str(done)
    )
    assert "[  0." not in done.out, str(done)
    # and `lab report` shows the same again, without an engine
    report = shared.lab("report", DOCKER_HOST="unix:///nowhere.sock")
    assert report.status == 0, str(report)
    assert "expired certificate" in report.out, str(report)
    # and as JSON it is the record
    as_json = shared.lab("report", "--json")
    assert RunRecord.model_validate(as_json.json()) == shared.record(), str(as_json)


def test_lists_are_machine_readable(shared: Copy) -> None:
    cases = shared.lab("list", "--json")
    assert cases.status == 0, str(cases)
    assert all(case["story"] and case["attempts"] for case in cases.json()), str(cases)
    status = shared.lab("status", "--json")
    assert status.status == 0, str(status)
    ours = [t for t in status.json() if t["checkout"] == shared.checkout.key]
    assert [(t["kept"], t["path"]) for t in ours] == [(True, str(shared.path))], str(status)
    images = shared.lab("images", "--json")
    assert images.status == 0, str(images)
    made = json.loads(images.out)
    assert {"rocky9", "centos7", "vsftpd"} <= set(made), str(images)
    assert all(image["real"] for image in made.values()), str(images)


def test_up_says_when_it_is_up_already(shared: Copy) -> None:
    done = shared.lab("up")
    assert done.status == 0, str(done)
    assert "is up already" in done.out, str(done)
