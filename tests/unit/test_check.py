"""A check of a configuration against its clients: what is demanded, what came of it, what is said."""

from __future__ import annotations

import pytest

from lab.check.result import CheckResult, Demand, Requirement, Row, RowVerdict


def _row(verdict: RowVerdict, *, may_be_cannot: bool = False) -> Row:
    wanted = Requirement(
        demand=Demand.DELIVERS, client="curl@rocky9:FIPS", may_be_cannot=may_be_cannot
    )
    return Row(requirement=wanted, verdict=verdict)


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ([_row(RowVerdict.MET)], 0),
        ([_row(RowVerdict.MET), _row(RowVerdict.CANNOT, may_be_cannot=True)], 0),
        ([_row(RowVerdict.MET), _row(RowVerdict.CANNOT)], 3),
        ([_row(RowVerdict.MET), _row(RowVerdict.LAB_ERROR, may_be_cannot=True)], 3),
        ([_row(RowVerdict.LAB_ERROR), _row(RowVerdict.BROKEN)], 1),
    ],
)
def test_exit_status(rows: list[Row], status: int) -> None:
    """Something broken is known whatever else is not; what nobody knows is not met."""
    assert CheckResult(files=(), rows=tuple(rows)).status == status


def test_requirements_are_named_alike_in_every_check() -> None:
    """A baseline finds them again by that."""
    assert _row(RowVerdict.MET).requirement.id == "delivers/curl@rocky9:FIPS"
    old = Requirement(demand=Demand.OVER, version="TLSv1", client="curl@centos7")
    assert old.id == "over/TLSv1/curl@centos7"
