"""Every exercise four ways: untouched it fails as it says, its solution passes, what is unsafe or useless is
rated so, and what is said of it is never the answer.

All attempts of exercises without certificates of their own are made side by side in one session; those with
the same certificates share one.
"""

from __future__ import annotations

import dataclasses
import io
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from docker import DockerClient
from rich.console import Console

from lab.certificates.material import RunCertificates
from lab.exercises import WAYS, Exercise, Way, exercises
from lab.exercises.checking import changed_files
from lab.exercises.folder import FilesOfExercise, write
from lab.exercises.grading import Grade, Grading, grade
from lab.exercises.reading import ReadFolder, plan, read
from lab.exercises.score import ExerciseScore
from lab.exercises.telling import tell
from lab.images.errors import Progress
from lab.model.expectations import PlannedAttempt
from lab.record import AttemptResult
from lab.run.attempts import make_all
from lab.run.certificates import begin
from lab.run.laboratory import open_lab
from lab.servers import SERVERS
from tests.e2e.checkouts import Copy

pytestmark = pytest.mark.engine

EXERCISES = list(exercises().values())


class State(NamedTuple):
    """One exercise in the state that one way leaves it in."""

    exercise: Exercise
    way: Way
    folder: Path
    originals: Path
    files: ReadFolder

    @property
    def key(self) -> str:
        return f"{self.exercise.name}/{self.way}"

    def planned(self) -> Iterator[PlannedAttempt]:
        for one in plan(self.exercise, self.files):
            yield dataclasses.replace(one, id=f"{self.key}/{one.id}")

    def graded(self, results: Mapping[str, AttemptResult]) -> Grading:
        of_this = {i.rpartition("/")[2]: r for i, r in results.items() if i.startswith(self.key)}
        before = read(self.exercise, self.originals, self.originals)
        changed = changed_files(self.folder, self.originals)
        return grade(self.exercise, before, self.files, of_this, changed=changed)


def states_of(exercise: Exercise, place: Path, material: RunCertificates) -> Iterator[State]:
    made = FilesOfExercise(exercise, material)
    for way in WAYS:
        folder, originals = place / exercise.name / way, place / exercise.name / "files"
        write(folder, made.contents(way))
        yield State(exercise, way, folder, originals, read(exercise, folder, originals))


@pytest.fixture(scope="module")
def graded(
    shared: Copy, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[tuple[str, Way], Grading]:
    """Every exercise in every state."""
    place = tmp_path_factory.mktemp("exercises")
    material = RunCertificates([SERVERS[name].host for name in ("vsftpd", "nginx")])
    states = [state for one in EXERCISES for state in states_of(one, place, material)]
    certificates = begin([one.attempt for state in states for one in state.planned()])
    groups: dict[object, list[State]] = {}
    for state in states:
        own = state.files.own
        served = None if own is None or own.certificate is None else own.certificate.chain_pem
        key = own and own.certificate and own.certificate.key_pem
        trusted = own and own.anchors and own.anchors.pem
        groups.setdefault((served, key, trusted), []).append(state)
    results: dict[str, AttemptResult] = {}
    for group in groups.values():
        planned = [one for state in group for one in state.planned()]
        with open_lab(
            group[0].files.own,
            attempts=[one.attempt for one in planned],
            certificates=certificates,
            checkout=shared.checkout,
            progress=Progress(),
        ) as opened:
            results |= make_all(opened.session, planned)
    return {(state.exercise.name, state.way): state.graded(results) for state in states}


def said(exercise: Exercise, graded: Grading, language: str) -> str:
    """All that a check prints, its details too."""
    target = Console(file=io.StringIO(), width=500)
    tell(graded, ExerciseScore(), target, language, verbose=True)
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def seen(one: Grading) -> str:
    """For the message of a failed test."""
    rows = [f"{c.client.client}: {c.outcome.in_words()}\n{c.server_log}" for c in one.clients]
    rows += [f"{c.client.client} (intruder): {c.outcome.in_words()}" for c in one.intruders]
    return "\n".join([one.grade, *rows, *(str(given) for given in one.given_away)])


@pytest.mark.parametrize("one", EXERCISES, ids=lambda one: one.name)
def test_untouched_it_fails_as_it_says(
    one: Exercise, graded: Mapping[tuple[str, Way], Grading]
) -> None:
    now = graded[one.name, "files"]
    assert now.grade is Grade.UNTOUCHED, seen(now)
    assert all(client.as_before for client in now.clients), seen(now)


@pytest.mark.parametrize("one", EXERCISES, ids=lambda one: one.name)
def test_its_solution_passes(one: Exercise, graded: Mapping[tuple[str, Way], Grading]) -> None:
    now = graded[one.name, "solution"]
    assert now.grade is Grade.SOLVED, seen(now)
    assert not any(intruder.through for intruder in now.intruders), seen(now)


@pytest.mark.parametrize("one", EXERCISES, ids=lambda one: one.name)
def test_what_is_unsafe_is_rated_so(
    one: Exercise, graded: Mapping[tuple[str, Way], Grading]
) -> None:
    now = graded[one.name, "unsafe"]
    assert now.grade is Grade.UNSAFE, seen(now)
    assert all(client.through for client in now.clients), seen(now)
    # there is an argument: what an impostor got, who got in, or what the exercise says of the change
    assert all(given.what.en or given.captured for given in now.given_away)


@pytest.mark.parametrize("one", EXERCISES, ids=lambda one: one.name)
def test_what_is_useless_is_said_to_have_changed_nothing(
    one: Exercise, graded: Mapping[tuple[str, Way], Grading]
) -> None:
    now = graded[one.name, "useless"]
    assert now.grade is Grade.USELESS, seen(now)


@pytest.mark.parametrize("one", EXERCISES, ids=lambda one: one.name)
def test_a_check_never_says_the_answer(
    one: Exercise, graded: Mapping[tuple[str, Way], Grading]
) -> None:
    made = {way: _lines(one.place / way) for way in WAYS}
    answers = made["solution"] - made["files"]
    words = {part for line in answers for part in (line, line.partition("=")[0]) if "=" in line}
    known = {line.partition("=")[0] for line in made["files"]}
    for way in ("files", "useless"):
        text = "\n".join(said(one, graded[one.name, way], language) for language in ("en", "ja"))
        told = [word for word in (words - known) | answers if word and word in text]
        assert not told, f"{told} in\n{text}"


def _lines(folder: Path) -> set[str]:
    if not folder.is_dir():
        return set()
    texts = (path.read_text(encoding="utf-8") for path in folder.iterdir())
    return {line.strip() for text in texts for line in text.splitlines()}


# -- the command -----------------------------------------------------------------------------------------


def solve(name: str, folder: Path) -> None:
    for path in (exercises()[name].place / "solution").iterdir():
        shutil.copy(path, folder)


def test_a_check_at_every_save_ends_when_it_is_solved(shared: Copy, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    assert shared.lab("exercise", "start", "backend-name", str(folder)).status == 0
    watching = shared.start("exercise", "check", "--watch")
    watching.wait_for("waiting for a file")
    (folder / "backend.vcl").write_text("backend F_origin {", encoding="utf-8")
    watching.wait_until(lambda: watching.err.count("waiting for a file") == 2, "a second check")
    assert "backend.vcl:1: " in watching.err
    solve("backend-name", folder)
    done = watching.done()
    assert done.status == 0, str(done)
    assert "Solved: 10 of 10 points" in done.out
    assert shared.lab("exercise", "finish", "--remove").status == 0
    assert not folder.exists()


def test_without_an_engine_a_check_says_so_and_the_state_stays(
    shared: Copy, tmp_path: Path
) -> None:
    shared.lab("exercise", "start", "no-common-suite", str(tmp_path / "mine"))
    done = shared.lab("exercise", "check", DOCKER_HOST=f"unix://{tmp_path}/no.sock")
    assert done.status == 3, str(done)
    assert "no.sock" in done.message
    score = shared.lab("exercise", "status", "--json").json()
    assert score["current"] == "no-common-suite"
    assert shared.lab("exercise", "finish", "--remove").status == 0


def test_the_state_is_in_files_whatever_becomes_of_commands_and_containers(
    copy: Copy, engine: DockerClient, tmp_path: Path
) -> None:
    folder = tmp_path / "mine"
    assert copy.lab("exercise", "start", "no-common-suite", str(folder)).status == 0
    killed = copy.start("exercise", "check")
    killed.wait_for("topology: ready")
    killed.kill()
    for container in copy.containers(engine):
        engine.api.remove_container(container, force=True)
    score = copy.lab("exercise", "status", "--json").json()
    assert score["current"] == "no-common-suite"
    assert [one["checks"] for one in score["exercises"] if one["started"]] == [0]
    solve("no-common-suite", folder)
    done = copy.lab("exercise", "check")
    assert done.status == 0, str(done)
    state = copy.checkout.state / "exercise"
    assert {path.name for path in state.iterdir()} == {"state.json", "no-common-suite"}
