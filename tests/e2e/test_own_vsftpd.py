"""Defective vsftpd.conf files end as the operator's server would end them, and their twins complete."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lab.model import Attempt, Rating
from lab.model.expectations import Expectation, PlannedAttempt, Verdict, judge
from lab.own.attempt import read_attempt
from lab.record import AttemptResult
from lab.run.attempts import run
from lab.run.laboratory import Lab
from lab.run.remedies import advise
from tests.e2e.checkouts import Copy
from tests.own_inputs import BASE, INPUTS, JUDGED, NO_INPUT, Input

pytestmark = pytest.mark.engine

RUN = [one for one in INPUTS if one.ends != NO_INPUT]
#: TLS 1.2, so that no upload is a race, and a short patience with a data connection that does not come.
CLIENT = ["protocols=..TLSv1.2", "timeout_s=3"]


def read(lines: str, build: str | None, folder: Path) -> tuple[Attempt, Mapping[str, str]]:
    """The attempt with such a file, and where its settings stand."""
    path = folder / "vsftpd.conf"
    path.write_text(f"{BASE}{lines}\n", encoding="utf-8")
    made, files, _ = read_attempt(
        path, None, None, None, [], "net-ftp@rocky9", CLIENT, vsftpd_build=build
    )
    return made, files.places if files else {}


@pytest.fixture(scope="module")
def ran(laboratory: Lab, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, AttemptResult]:
    """Every input that can be tried and every twin, by its lines."""
    folder = tmp_path_factory.mktemp("conf")

    def planned() -> Iterator[PlannedAttempt]:
        for one in RUN:
            yield PlannedAttempt(str(one), read(one.lines, one.build, folder)[0])
            yield PlannedAttempt(f"twin of {one}", read(one.twin, None, folder)[0])

    finished: dict[str, AttemptResult] = {}
    run(laboratory.session, list(planned()), lambda a, _: finished.update({a.id: a}), workers=8)
    return finished


@pytest.mark.parametrize("one", RUN, ids=str)
def test_a_defective_file_ends_as_on_the_operators_server(
    one: Input, ran: Mapping[str, AttemptResult]
) -> None:
    outcome = ran[str(one)].outcome
    assert outcome is not None, ran[str(one)].verdict_why
    expected = Expectation.parse("completed" if one.ends == JUDGED else one.ends)
    assert judge(expected, outcome).verdict is Verdict.AS_EXPECTED, outcome
    cause = outcome.cause or ""
    # a client that is fast breaks the connection before the rest of the line has left the server
    assert one.cause in cause or cause.endswith("before the rest came)")
    # it is called complete nowhere
    assert bool(outcome.presumed) is (one.ends == JUDGED)
    assert not outcome.in_words().startswith("completed")


@pytest.mark.parametrize("one", RUN, ids=str)
def test_its_twin_completes(one: Input, ran: Mapping[str, AttemptResult]) -> None:
    outcome = ran[f"twin of {one}"].outcome
    assert outcome is not None, ran[f"twin of {one}"].verdict_why
    assert outcome.in_words().startswith("completed (transfer)"), outcome


@pytest.mark.parametrize("one", [one for one in RUN if one.ends not in (JUDGED, NO_INPUT)], ids=str)
def test_a_line_to_write_instead_was_tried(
    one: Input, ran: Mapping[str, AttemptResult], laboratory: Lab, tmp_path: Path
) -> None:
    _, places = read(one.lines, one.build, tmp_path)
    advice = advise(laboratory.session, ran[str(one)], (), places=places)
    held = [r for r in advice.remedies if r.holds and r.rating is not Rating.UNSAFE]
    assert held, [(r.title.en, str(r.outcome)) for r in advice.remedies]
    first = len(BASE.splitlines()) + 1
    lines = range(first, first + len(one.lines.splitlines()))
    assert {f"{tmp_path}/vsftpd.conf:{number}" for number in lines} & set(advice.where)


def test_the_witnesses_agree_that_a_server_gave_up(ran: Mapping[str, AttemptResult]) -> None:
    faults = [r for r in ran.values() if r.outcome and r.outcome.reason == "server-fault"]
    assert len(faults) > 5
    for one in faults:
        assert one.witnesses is not None
        assert not one.witnesses.disagree, one.id


def test_the_command_says_what_a_completion_presumes(shared: Copy, tmp_path: Path) -> None:
    conf = tmp_path / "vsftpd.conf"
    conf.write_text(f"{BASE}user_config_dir=/etc/vsftpd.users\n", encoding="utf-8")
    words = ["attempt", "--vsftpd-conf", str(conf), *(w for each in CLIENT for w in ("-c", each))]
    done = shared.lab(*words)
    assert done.status == 0, str(done)
    line = f"no file in /etc/vsftpd.users changes this for your user ({conf}:{BASE.count(chr(10)) + 1})"
    assert f"not judged: on your server only if {line}; here completed" in " ".join(
        done.out.split()
    )
