"""Defective configurations of servers whose image is made on demand end as their tables say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from lab.images.errors import Progress
from lab.model import Attempt, Result
from lab.run.laboratory import open_lab
from lab.settings import parse_client, parse_server
from tests.own_inputs import NO_INPUT, ON_DEMAND, Input
from tests.own_inputs.trying import Trial, Tried, holds

pytestmark = pytest.mark.engine

REFUSED = [one for one in ON_DEMAND if one.refused]


@pytest.fixture(scope="module")
def tried(
    images: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[Input, Tried]]:
    """All of them, with their twins and what is advised."""
    ends = {(one.software, one.client) for one in ON_DEMAND}
    attempts = [Attempt(parse_server([], s), parse_client(c)) for s, c in sorted(ends)]
    with open_lab(attempts=attempts, progress=Progress()) as opened:
        yield Trial(opened, tmp_path_factory.mktemp("servers")).all_of(ON_DEMAND)


@pytest.mark.parametrize("one", ON_DEMAND, ids=str)
def test_it_ends_as_its_table_says_and_its_twin_completes(
    one: Input, tried: Mapping[Input, Tried]
) -> None:
    found = tried[one]
    if one.ends == NO_INPUT:
        assert found.error is not None
    else:
        assert found.outcome is not None, found.result and found.result.verdict_why
        assert holds(one.ends, found.outcome), found.outcome.in_words()
    said = found.said
    assert not one.says or any(one.says in t and one.at in (0, line) for line, t in said), said
    assert found.twin is not None
    assert found.twin.outcome is not None, found.twin.verdict_why
    assert found.twin.outcome.in_words().startswith("completed"), found.twin.outcome


@pytest.mark.parametrize("one", REFUSED, ids=str)
def test_the_line_that_decides_is_named_and_what_to_write_was_tried(
    one: Input, tried: Mapping[Input, Tried]
) -> None:
    found = tried[one]
    assert found.advice is not None
    assert found.first is not None, [(r.title.en, str(r.outcome)) for r in found.advice.remedies]
    assert found.first.outcome is not None
    assert found.first.outcome.result is Result.COMPLETED
    assert found.fix == one.fix
    assert any(place.endswith(f"{one.file}:{one.line}") for place in found.advice.where)
