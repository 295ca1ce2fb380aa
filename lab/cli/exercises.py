"""Commands about exercises: start one, check it, get a hint or the solution, end it, see the score."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from lab import exercises
from lab.cli import common
from lab.exercises import HINTS, Exercise, ExerciseError, say
from lab.exercises.score import POINTS, ExerciseScore, Score, UnderWay

if TYPE_CHECKING:
    from lab.exercises.grading import Grading

_HELP = "Mend broken configurations in your own editor; real clients check them."
commands = typer.Typer(no_args_is_help=True, help=_HELP, **common.PLAIN)

#: How often `--watch` looks whether a file was saved, in seconds.
WATCH_S = 0.2
#: How long a command waits for another one that writes the score, in seconds.
LOCK_WAIT_S = 60.0


def _score() -> Score:
    from lab.host.checkout import here, state_directory

    return Score.load(state_directory(here()))


@contextmanager
def _to_change() -> Iterator[Score]:
    """The score as it is now; no other command writes it meanwhile.

    Raises:
        LockError: another one does, for longer than a minute.
    """
    from lab.host.checkout import here, identity, lock_directory
    from lab.host.machine import locked

    path = lock_directory() / f"exercise-{identity(here())}.lock"
    with locked(path, "writing the score", LOCK_WAIT_S, partial(common.say, error=True)):
        yield _score()


def _print(words: str, *, indent: int = 0) -> None:
    """Print a paragraph that fits the terminal; its lines stay lines."""
    from lab.report.layout import print_hanging

    print_hanging(common.console(), " " * indent, words.rstrip())


@commands.command("list")
def list_exercises(
    as_json: bool = False, verbose: bool = False, language: common.Language = "en"
) -> None:
    """List the exercises, with what came of each."""
    score = _score()
    if as_json:
        common.print_json(score.as_json()["exercises"])
        return
    for name, one in exercises.exercises().items():
        done = score.of(name)
        mark = "*" if score.current and score.current.name == name else " x"[bool(done.solved)]
        common.say(f"{mark} {_called(one, done, language, verbose=verbose)}")
    _print(say("list-end", language, number=len(exercises.exercises())))


def _called(one: Exercise, done: ExerciseScore, language: str, *, verbose: bool = False) -> str:
    """Number and title; the name, which tells the cause, once that may be said, or to who asks for it."""
    name = f" ({one.name})" if done.told or verbose else ""
    return f"{one.number:>2}  {one.title.in_(language)}{name}"


@commands.command("start")
def start(name: str, folder: str | None = None, language: common.Language = "en") -> None:
    """Write the broken files into a new folder, and say what to reach."""
    exercise = exercises.exercise_named(name)
    if folder == "":
        raise ExerciseError("folder-unnamed")
    otherwise = name if name == exercise.name else f"exercise-{exercise.number}"
    target = Path(folder or otherwise).resolve()
    with _to_change() as score:
        _begin(score, exercise, target, name)
    _print_task(exercise, target, language)


def _number(current: UnderWay) -> int | str:
    """The number of what is under way; of an exercise that this version has no more, its name."""
    known = exercises.exercises().get(current.name)
    return known.number if known else current.name


def _begin(score: Score, exercise: Exercise, target: Path, called: str) -> None:
    if (current := score.current) is not None:
        number = _number(current)
        raise ExerciseError("another", name=called, current=number, folder=current.folder)
    from lab.exercises.folder import FilesOfExercise, write

    contents = FilesOfExercise(exercise)
    write(target, contents.contents("files"))
    score.forget_files(exercise.name)
    for way in ("files", "solution"):
        write(score.kept(exercise.name) / way, contents.contents(way))
    score.started(exercise.name, target).save()


def _print_task(exercise: Exercise, folder: Path, language: str) -> None:
    common.say(exercise.title.in_(language))
    common.say("")
    _print(exercise.task.in_(language))
    common.say("")
    _print_place("files-are-in", folder, language)
    for path in sorted(folder.iterdir()):
        common.say(f"  {path.name}")
    common.say("")
    _print(say("must-get-through", language))
    for one in exercise.clients:
        common.say(f"  {one}")
    if exercise.intruders:
        _print(say("must-not-get-through", language))
        for one in exercise.intruders:
            _print(f"{one.client}: {one.what.in_(language)}", indent=2)
    common.say("")
    _print(say("commands", language))


def _print_place(name: str, folder: Path, language: str, **values: object) -> None:
    """Print words and, on a line of its own that is not broken, a folder: it is to be copied."""
    _print(say(name, language, **values))
    common.say(str(folder))


# -- check -------------------------------------------------------------------------------------------


@commands.command("check")
def check(
    watch: bool = False,
    verbose: bool = False,
    as_json: bool = False,
    language: common.Language = "en",
) -> None:
    """Connect with the clients; exit status 0 if it is solved."""
    once = partial(_checked, verbose=verbose, as_json=as_json, language=language)
    solved = _watch(_score().under_way(), once, language) if watch else once().solved
    raise typer.Exit(common.OK if solved else common.SURPRISE)


def _watch(current: UnderWay, once: Callable[[], Grading], language: str) -> bool:
    """Check at every save; whether it was solved before another terminal ended it."""
    from lab.own.findings import InputError

    while _score().current == current:
        seen = _saved(current.folder)
        try:
            if once().solved:
                return True
        except (ExerciseError, InputError) as error:
            if _score().current != current:
                break
            common.print_error(error)
        common.say(say("watching", language, folder=current.folder), error=True)
        while _saved(current.folder) == seen and _score().current == current:
            time.sleep(WATCH_S)
    common.say(say("watch-over", language), error=True)
    return False


def _saved(folder: Path) -> Mapping[str, tuple[int, int]]:
    """When each file of a folder was last written, and how long it is."""
    found = {}
    for path in folder.glob("*"):
        try:
            status = path.stat()
        except FileNotFoundError:  # an editor has just put another one in its place
            continue
        found[path.name] = (status.st_mtime_ns, status.st_size)
    return found


def _checked(*, verbose: bool, as_json: bool, language: str) -> Grading:
    """One check, printed, and written into the score."""
    score = _score()
    current = score.under_way()
    exercise = exercises.exercise_named(current.name)
    from lab.exercises.checking import check as check_folder
    from lab.exercises.telling import as_json as grading_as_json
    from lab.exercises.telling import tell

    graded = check_folder(exercise, current.folder, score.originals(exercise.name))
    with _to_change() as now:  # what another terminal has written meanwhile stays
        done = now.of(exercise.name)
        score = now.changed(exercise.name, checks=done.checks + 1)
        if graded.solved and not done.solved:
            score = score.solved(exercise.name, graded.rating)
        score.save()
    if as_json:
        common.print_json(grading_as_json(exercise, graded, score.of(exercise.name).points))
    else:
        tell(graded, score.of(exercise.name), common.console(), language, verbose=verbose)
    return graded


# -- hint, solution, end -----------------------------------------------------------------------------


@commands.command("hint")
def hint(language: common.Language = "en") -> None:
    """Give a hint: there are three, each larger; each costs points."""
    with _to_change() as score:
        exercise = exercises.exercise_named(score.under_way().name)
        done = score.of(exercise.name)
        level = min(done.hints + 1, HINTS)
        if not done.solved:
            score.changed(exercise.name, hints=level).save()
    for number in range(1, level + 1) if done.hints == HINTS else (level,):
        _print(say("hint", language, number=number, of=HINTS))
        _print(exercise.hints[number - 1].in_(language), indent=2)
    if done.hints == HINTS:
        _print(say("no-more-hints", language))


@commands.command("solution")
def solution(language: common.Language = "en") -> None:
    """Show what the solution changes, and give up."""
    from lab.exercises.telling import differences

    with _to_change() as score:
        exercise = exercises.exercise_named(score.under_way().name)
        before = score.originals(exercise.name)
        if not score.of(exercise.name).solved:
            score.changed(exercise.name, gave_up=True).save()
    for words in differences(before, before.with_name("solution"), language):
        common.say(words)
    common.say("")
    _print(exercise.explanation.in_(language))
    if not score.of(exercise.name).solved:
        common.say("")
        _print(say("given-up", language))


@commands.command("finish")
def finish(remove: bool | None = None, language: common.Language = "en") -> None:
    """End the exercise, and say what was behind it if it is solved or given up."""
    current = _score().under_way()
    if current.name not in exercises.exercises():
        with _to_change() as score:
            score.ended().save()  # of an exercise that this version has no more only that can be said
    exercise = exercises.exercise_named(current.name)
    if remove is None and current.folder.is_dir() and sys.stdin.isatty():
        remove = typer.confirm(say("ask-remove", language, folder=current.folder), default=False)
    with _to_change() as score:
        if score.under_way() != current:
            raise ExerciseError("none")
        score.ended().save()
        names = [p.name for p in (score.kept(exercise.name) / "files").glob("*")]
        there = current.folder.is_dir() and not current.folder.is_symlink()
        left = _removed(current.folder, names) if remove and there else []
        score.forget_files(exercise.name)
    _print_end(exercise, score.of(exercise.name), language)
    if left:
        _print(say("left", language, folder=current.folder, names=", ".join(left)))
    elif there and not remove:
        _print_place("kept", current.folder, language)


def _print_end(exercise: Exercise, done: ExerciseScore, language: str) -> None:
    _print(_called(exercise, done, language).lstrip())
    common.say("")
    if done.told:
        _print(exercise.explanation.in_(language))
        common.say("")
    how = "solved" if done.points else "given-up" if done.told else "open"
    values = {"points": done.points, "of": POINTS, "number": exercise.number}
    _print(say(f"finished-{how}", language, **values))


def _removed(folder: Path, names: list[str]) -> list[str]:
    """Remove the exercise's files, and the folder if nothing else is in it; what else is."""
    for path in (folder / name for name in names):
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
    left = sorted(path.name for path in folder.iterdir())
    if not left:
        folder.rmdir()
    return left


# -- score -------------------------------------------------------------------------------------------


@commands.command("status")
def status(
    as_json: bool = False,
    verbose: bool = False,
    markdown: bool = False,
    language: common.Language = "en",
) -> None:
    """Show the score of all exercises, and which is under way."""
    score = _score()
    if as_json:
        common.print_json(score.as_json())
    elif markdown:
        common.say("\n".join(_markdown(score, language)))
    else:
        _print_status(score, language, verbose=verbose)


def _print_status(score: Score, language: str, *, verbose: bool) -> None:
    for name, one in exercises.exercises().items():
        done = score.of(name)
        if done.started:
            common.say(_called(one, done, language, verbose=verbose))
            facts = say("row", language, checks=done.checks, hints=done.hints)
            common.say(f"      {done.points:>2}  {_how(score, name, language)}, {facts}")
    total = score.as_json()
    _print(say("total", language, points=total["points"], most=total["most"]))
    if (current := score.current) is not None:
        number = _number(current)
        _print_place("under-way", current.folder, language, number=number)


def _how(score: Score, name: str, language: str) -> str:
    done = score.of(name)
    if done.solved:
        return say("solved-temporary" if done.rating == "temporary" else "solved", language)
    if done.gave_up:
        return say("gave-up", language)
    return say("open" if done.started else "not-begun", language)


def _markdown(score: Score, language: str) -> Iterator[str]:
    total = score.as_json()
    yield f"# {say('table-title', language, trainee=total['trainee'])}"
    yield ""
    yield say("table-head", language)
    yield "| --- | --- | ---: | ---: | ---: |"
    for name, one in exercises.exercises().items():
        done = score.of(name)
        how = _how(score, name, language)
        title = f"{one.number} {one.title.in_(language)}"
        yield f"| {title} | {how} | {done.checks} | {done.hints} | {done.points} |"
    yield ""
    yield say("total", language, points=total["points"], most=total["most"])
