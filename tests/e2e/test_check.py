"""``lab check``: a configuration that all pass, and thirteen that break for exactly the named ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from lab.check.demands import Demands
from lab.check.plan import read_plan
from lab.check.result import Demand, Row, RowVerdict, SourceLine
from lab.check.rows import make_rows
from lab.check.telling import delivers
from lab.model import Result
from lab.run.checkout import new_run_id
from lab.run.laboratory import Lab
from tests.bringing import bring
from tests.check import BROKEN, GOOD, Configuration
from tests.e2e.checkouts import Copy
from tests.own_inputs.chains import HOST

pytestmark = [pytest.mark.engine, pytest.mark.slow]

Rows = Mapping[str, Row]


def _made(laboratory: Lab, one: Configuration, number: int, folder: Path) -> Rows:
    """What came of each requirement that can be tried here, by its id."""
    folder.mkdir()
    # Nothing is served or trusted that was read for another one; and a silent server is not waited for long.
    files = one.write(folder, f"data_connection_timeout={300 + number}")
    settings = [f"timeout_s={4 + number / 1000}"]
    demands = (
        Demands(without_tls=SourceLine("lab-check.toml", 1)) if _looks_further(one) else Demands()
    )
    plan = read_plan(demands, files, narrowed=one.clients, settings=settings)
    assert plan.own is not None
    bring(laboratory, plan.own)
    laboratory.session.answer_for(HOST, plan.requirements[0].attempt.server)
    laboratory.session.equip_for(one.attempt for one in plan.requirements)
    _, rows = make_rows(laboratory, plan, new_run_id())
    return {row.requirement.id: row for row in rows if row.verdict is not RowVerdict.CANNOT}


def _looks_further(one: Configuration) -> bool:
    """Whether more than deliveries is demanded of it."""
    return one is GOOD or one.demand is not Demand.DELIVERS


@pytest.fixture(scope="module")
def checked(laboratory: Lab, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Rows]:
    """All configurations, one after the other: a session serves one certificate of a person's at a time."""
    folder = tmp_path_factory.mktemp("configurations")
    return {
        one.name: _made(laboratory, one, number, folder / str(number))
        for number, one in enumerate((GOOD, *BROKEN))
    }


def test_a_configuration_that_all_clients_pass(checked: Mapping[str, Rows]) -> None:
    rows = checked[GOOD.name]
    assert len(rows) > 15
    assert {row.verdict for row in rows.values()} == {RowVerdict.MET}
    # what a container cannot show of a host in FIPS mode is not claimed
    deliveries = [row for row in rows.values() if row.requirement.demand is Demand.DELIVERS]
    assert {row.client for row in deliveries if not delivers(row)} == {
        row.client for row in deliveries if row.client.endswith(":FIPS")
    }
    # every program tries to send a file in clear text, each in its own way
    clear = [row for row in rows.values() if row.requirement.demand is Demand.CLEAR_DATA]
    assert {row.client.partition("@")[0] for row in clear} == {"curl", "ftplib", "net-ftp"}
    assert {f"{r.outcome.stage}:{r.outcome.reason}" for r in clear if r.outcome} == {
        "transfer:data-tls-required"
    }


@pytest.mark.parametrize("one", BROKEN, ids=str)
def test_it_breaks_for_exactly_the_named_clients(
    one: Configuration, checked: Mapping[str, Rows]
) -> None:
    rows = checked[one.name]
    broken = {name for name, row in rows.items() if row.verdict is RowVerdict.BROKEN}
    came = {name: f"{row.verdict} {row.why} {row.outcome}" for name, row in rows.items()}
    assert broken == {n for n, row in rows.items() if one.must_break(row.requirement)}, came
    assert broken
    for name in broken:
        outcome, cause = rows[name].outcome, rows[name].cause
        assert outcome is not None
        refused = outcome.result is Result.REFUSED
        assert (f"{outcome.stage}:{outcome.reason}" if refused else "") == one.reason, name
        named = [f"{Path(place.file).name}:{place.line}" for place in rows[name].where]
        assert named[:1] == [one.line], (name, named)
        assert cause is not None
        assert cause.ja


DEMANDS = """\
[files]
vsftpd-conf = "vsftpd.conf"
chain = "chain.pem"
key = "key.pem"
ca = "ca.pem"
host = "{host}"

[clients]
deliver = ["net-ftp@rocky9:FIPS", "ftplib@rocky9"]

[refuse]
over = ["TLSv1"]
without-tls = true
unverified = true
impostor = true
"""


def test_the_command_says_what_is_demanded_and_ends_with_its_status(
    shared: Copy, tmp_path: Path
) -> None:
    GOOD.write(tmp_path)
    demands = tmp_path / "lab-check.toml"
    demands.write_text(DEMANDS.format(host=HOST), encoding="utf-8")
    done = shared.lab("check", "--config", str(demands))
    assert done.status == 0, str(done)
    assert "delivers  TLSv1.2" in done.out
    assert "refused: verify: " in done.out
    assert "refused: handshake: no-shared-protocol" in done.out
    assert "refused: login: tls-required" in done.out
    # and the same with what it forbids
    lines = [line.replace("logins_ssl=YES", "logins_ssl=NO") for line in GOOD.lines]
    conf = tmp_path / "vsftpd.conf"
    conf.write_text("\n".join([*lines, ""]), encoding="utf-8")
    done = shared.lab("check", "--config", str(demands), "-c", "verify=off", "--json")
    assert done.status == 1, str(done)
    broken = {row["id"]: row for row in done.json()["rows"] if row["verdict"] == "broken"}
    kinds = {name.partition("/")[0] for name in broken}
    assert kinds == {"verifies", "impostor", "without-tls"}
    (bare,) = (row for name, row in broken.items() if name.startswith("without-tls"))
    at = 1 + lines.index("force_local_logins_ssl=NO")
    assert [(place["file"], place["line"]) for place in bare["where"]] == [(str(conf), at)]
    done = shared.lab("check", "--config", str(demands), "--clients", "nobody*")
    assert done.status == 2, str(done)
    assert done.message.count("\n") <= 2
