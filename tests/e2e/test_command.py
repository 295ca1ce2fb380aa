"""The command as a person types it: what it prints, where, and its exit status."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docker import DockerClient

from lab.cases import Catalogue
from lab.model.expectations import Verdict
from lab.model.software import container_of
from lab.record import load
from lab.run import network
from lab.run.checkout import Checkout
from lab.servers import SERVERS
from tests.e2e.checkouts import Copy
from tests.trees import copy_tree, install, run

pytestmark = pytest.mark.engine

#: The least that an attempt can cost: connected, encrypted, verified, not logged in.
HANDSHAKE = ("-c", "goal=handshake")


def test_an_attempt_that_completes(shared: Copy) -> None:
    done = shared.lab("attempt", *HANDSHAKE)
    assert done.status == 0, str(done)
    assert done.out.startswith("completed (handshake): TLSv1.3 "), str(done)
    # then it says how to repeat it
    again = "lab attempt --server vsftpd --client net-ftp@rocky9:DEFAULT -c goal=handshake"
    assert re.search(rf"^ *repeat +{re.escape(again)}$", done.out, re.M), str(done)
    # and a stand-in is called one
    assert re.search(r"^rocky9 is a STAND-IN: ", done.out, re.M) or "(stand-in)" not in done.out, (
        str(done)
    )


def test_an_expectation_that_is_not_met_has_exit_status_1(shared: Copy) -> None:
    expected = "refused:client:verify:not-yet-valid"
    done = shared.lab(
        *("attempt", "-s", "certificate=expired", *HANDSHAKE), "--expect", expected, "--json"
    )
    assert done.status == 1, str(done)
    seen = done.json()
    assert [seen["outcome"][part] for part in ("result", "by", "stage", "reason")] == [
        *("refused", "client", "verify", "expired")
    ], str(done)
    # then exactly what differs is named
    assert seen["verdict"] == "surprise", str(done)
    assert "expected not-yet-valid, seen expired" in seen["verdict_why"], str(done)
    # and what was printed is what was recorded
    recorded = shared.record().model_dump(mode="json", include={"attempts", "certificates"})
    first = recorded["attempts"][0]
    assert first | {"certificates": recorded["certificates"][first["chain"]]} == seen


def test_a_cipher_list_that_the_client_cannot_read_every_time(shared: Copy) -> None:
    # when an attempt is repeated
    expected = "refused:client:handshake:cipher-list-empty"
    done = shared.lab(
        *("attempt", "-c", "ciphers=NO-SUCH-SUITE", *HANDSHAKE),
        *("--expect", expected, "--repeat", "5"),
    )
    # then the expectation is met each time
    assert done.status == 0, str(done)
    assert [a.verdict for a in shared.record().attempts] == [Verdict.AS_EXPECTED] * 5, str(done)
    # and there is a rate, with the library's own words
    assert "0 of 5 completed (0%)" in done.out, str(done)
    seen = r"5 x +refused by the client at handshake: cipher-list-empty"
    assert re.search(seen, done.out), str(done)
    assert "no cipher match" in done.out, str(done)


def test_a_case_is_run_recorded_and_reported(shared: Copy) -> None:
    # given one case for one client, which every build can show
    case = Catalogue.load(shared.path / "scenarios").select(["server_offers_only_suites"])[0]
    # when
    done = shared.lab("run", case.id)
    # then the summary is on standard output, and the progress is not
    assert done.status == 0, str(done)
    planned, made = len(case.plan()), len({one.attempt for one in case.plan()})
    assert made < planned, "the remedy is the twin"
    counts = rf"{planned} attempts, {made} made: {planned} as-expected, 0 surprise, 0 cannot, 0 lab"
    assert re.search(counts, done.out), str(done)
    assert not re.search(r"^\[ *\d+\.\d s\]", done.out, re.M), str(done)
    # and `lab report` shows the same again, without an engine
    report = shared.lab("report", DOCKER_HOST="unix:///nowhere.sock")
    assert report.status == 0, str(report)
    assert case.title in report.out, str(report)
    assert re.search(counts, report.out), str(report)
    # and in Japanese
    japanese = shared.lab("report", "--lang", "ja", DOCKER_HOST="unix:///nowhere.sock")
    assert japanese.status == 0, str(japanese)
    told = rf"試行 {planned} 件（実行 {made} 件）: 期待どおり {planned}、想定外 0"  # noqa: RUF001
    assert re.search(told, japanese.out), str(japanese)
    assert "すべて期待どおり" in japanese.out.splitlines()[-1], str(japanese)
    # and as JSON it is the record
    as_json = shared.lab("report", "--json")
    printed = shared.checkout.state / "printed.json"
    printed.write_text(as_json.out, encoding="utf-8")
    assert load(printed) == shared.record(), str(as_json)
    # where each attempt that was made for another, too, is named
    record = shared.record()
    by_id = {one.id: one for one in record.attempts}
    others = [one for one in record.attempts if one.same_as]
    assert len(others) == planned - made
    for one in others:
        assert by_id[str(one.same_as)].attempt == one.attempt
        assert by_id[str(one.same_as)].client_report == one.client_report


def test_lists_are_machine_readable(shared: Copy) -> None:
    cases = shared.lab("list", "--json")
    assert cases.status == 0, str(cases)
    assert all(case["story"] and case["attempts"] for case in cases.json()), str(cases)
    images = shared.lab("images", "--json")
    assert images.status == 0, str(images)
    assert {"rocky9", "centos7", "vsftpd"} <= set(images.json()), str(images)
    assert all(image["real"] for image in images.json().values()), str(images)


def test_a_topology_that_is_up_is_shown_and_not_started_twice(shared: Copy) -> None:
    status = shared.lab("status", "--json")
    assert status.status == 0, str(status)
    ours = [found for found in status.json() if found["checkout"] == shared.checkout.key]
    assert [(found["kept"], found["path"]) for found in ours] == [(True, str(shared.path))], str(
        status
    )
    again = shared.lab("up")
    assert again.status == 0, str(again)
    assert "is up already" in again.out, str(again)


def test_a_kept_topology_gets_the_containers_that_an_attempt_needs_on_demand(
    copy: Copy, engine: DockerClient
) -> None:
    # given a topology that is up: nothing that is made on demand is in it
    up = copy.lab("up")
    assert up.status == 0, str(up)
    kept = copy.checkout.kept_project
    before = network.containers(engine, kept)
    further = {SERVERS["proftpd"].service, container_of("", "debian13", None)}
    assert not further & set(before)
    found = []

    # when an attempt needs both a server and a client of that kind, and then another one does
    for _ in range(2):
        words = ("attempt", "--server", "proftpd", "--client", "curl@debian13", "-c", "verify=no")
        done = copy.lab(*words)
        assert done.status == 0, str(done)
        assert "completed" in done.out, str(done)
        found.append(network.containers(engine, kept))

    # then they were started beside the others, once, and are there for whoever comes next
    added = {name: one.id for name, one in found[0].items() if name not in before}
    assert set(added) == further
    assert {name: one.id for name, one in found[1].items()} == {
        **{name: one.id for name, one in before.items()},
        **added,
    }
    assert copy.projects(engine) == {kept}

    # and go with the topology
    assert copy.lab("down").status == 0
    assert copy.left(engine) == []


def test_an_installed_lab_makes_an_attempt_in_an_empty_folder(
    images: None, engine: DockerClient, tmp_path: Path
) -> None:
    # given the lab as pip installs it, beside no working tree
    installed = install(copy_tree(tmp_path / "tree"), tmp_path / "installed")
    empty = tmp_path / "empty"
    empty.mkdir()
    # when
    said = run("lab", "attempt", "-c", "goal=handshake", of=installed, cwd=empty)
    # then it was made with containers of that folder, whose state is there, and gone with them
    assert said.startswith("completed (handshake)")
    assert (empty / ".lab" / "runs").is_dir()
    project = Checkout(empty).kept_project
    assert not [found for found in network.find(engine) if found.project.startswith(project)]
