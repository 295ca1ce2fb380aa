"""A check: the attempts of a folder made side by side, in one laboratory."""

from __future__ import annotations

from pathlib import Path

from lab.exercises import Exercise
from lab.exercises.folder import read as read_folder
from lab.exercises.grading import Grading, grade
from lab.exercises.reading import plan, read
from lab.run.attempts import make_all
from lab.run.laboratory import open_lab


def check(exercise: Exercise, folder: Path, originals: Path) -> Grading:
    """Connect with every client and judge what comes of it.

    Args:
        exercise: which.
        folder: the trainee's files.
        originals: the same as they were at the start.

    Raises:
        ExerciseError, InputError: the files cannot be tried.
        EngineError, ImageError, TopologyError, AgentError: the lab could not be opened.
    """
    now = read(exercise, folder, originals)
    before = read(exercise, originals, originals)
    planned = plan(exercise, now)
    attempts = [one.attempt for one in planned]
    with open_lab(now.own, attempts=attempts) as laboratory:
        results = make_all(laboratory.session, planned)
    return grade(exercise, before, now, results, changed=changed_files(folder, originals))


def changed_files(folder: Path, originals: Path) -> frozenset[str]:
    """The files of the start that are now other ones; what else lies there does not count."""
    return frozenset(
        name
        for name, content in read_folder(originals).items()
        if not _holds(folder / name, content)
    )


def _holds(path: Path, content: bytes) -> bool:
    """Whether a file has exactly this in it; nothing larger is read."""
    return path.is_file() and path.stat().st_size == len(content) and path.read_bytes() == content
