"""`lab doctor` on this machine, where an engine is named that does not exist."""

from __future__ import annotations

import pytest

from lab.host import doctor
from lab.host.doctor import Level, Seen


@pytest.fixture(scope="module")
def without_engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seen]:
    """What is found where an engine is named that does not exist."""
    named = f"unix://{tmp_path_factory.mktemp('engine')}/none"
    return doctor.examine({"DOCKER_HOST": named, "PATH": "/usr/bin:/bin"})


def test_what_is_wrong_always_comes_with_what_to_do(without_engine: dict[str, Seen]) -> None:
    findings = without_engine
    wrong = {name: f for name, f in findings.items() if f.level is not Level.OK}
    assert [name for name, f in wrong.items() if not f.advice] == []
    assert [name for name, f in findings.items() if f.advice and name not in wrong] == []


def test_everything_is_looked_at_also_where_the_engine_cannot_be_reached(
    without_engine: dict[str, Seen],
) -> None:
    findings = without_engine
    assert list(findings) == [
        "python",
        "make",
        "git",
        "architecture",
        "engine",
        "engine disk",
        "resources",
        "kernel",
        "compose",
        "registry",
        "builds",
        "Debian packages",
        "pip index",
        "npm registry",
        "checkout disk",
    ]
    engine = findings["engine"]
    assert engine.level is Level.MISSING
    assert "unset DOCKER_HOST" in engine.advice
    assert doctor.worst(findings) == 3
