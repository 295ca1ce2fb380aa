"""Commands about exercises: start one, check it, get a hint or the solution, end it, see the score."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lab import exercises
from lab.cli import common
from lab.exercises import HINTS, Exercise, ExerciseError, say
from lab.exercises.score import POINTS, Score

if TYPE_CHECKING:
    from lab.exercises.grading import Grading

commands = typer.Typer(no_args_is_help=True, **common.PLAIN)

Language = Annotated[
    Literal["en", "ja"], typer.Option("--lang", help="English or Japanese: en, ja")
]
#: How often `--watch` looks whether a file was saved, in seconds.
WATCH_S = 0.2


def _score() -> Score:
    from lab.host.checkout import here, state_directory

    return Score.load(state_directory(here()))


def _print(words: str, *, indent: int = 0, label: str = "") -> None:
    """Print a paragraph that fits the terminal; its lines stay lines."""
    from lab.report.layout import padded, print_hanging

    first = padded(label, indent) if label else " " * indent
    for line in words.rstrip().split("\n"):
        print_hanging(common.console(), first, line)
        first = " " * indent


@commands.callback()
def _exercises() -> None:
    """Mend broken configurations in your own editor; real clients check them."""


@commands.command("list")
def list_exercises(as_json: common.AsJson = False, language: Language = "en") -> None:
    """List the exercises, with what came of each."""
    score = _score()
    if as_json:
        common.print_json(score.as_json()["exercises"])
        return
    width = max(len(name) for name in exercises.exercises())
    for name, one in exercises.exercises().items():
        solved = "x" if score.of(name).solved else " "
        mark = "*" if score.current and score.current.name == name else solved
        common.say(f"{mark} {name:<{width}}  {one.title.in_(language)}")
    _print(say("list-end", language, number=len(exercises.exercises())))


@commands.command("start")
def start(
    name: Annotated[str, typer.Argument(metavar="NAME", help="as `lab exercise list` has it")],
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="[FOLDER]", help="where the files go", show_default="./NAME"),
    ] = None,
    language: Language = "en",
) -> None:
    """Write the broken files into a folder, and say what to reach."""
    exercise, score = exercises.exercise_named(name), _score()
    if score.current is not None:
        raise ExerciseError(
            "another", name=name, current=score.current.name, folder=score.current.folder
        )
    from lab.exercises.folder import FilesOfExercise, write

    target = (folder or Path(name)).resolve()
    contents = FilesOfExercise(exercise)
    write(target, contents.contents("files"))
    score.forget_files(name)
    for way in ("files", "solution"):
        write(score.kept(name) / way, contents.contents(way))
    score.started(name, target).save()
    _print_task(exercise, target, language)


def _print_task(exercise: Exercise, folder: Path, language: str) -> None:
    common.say(exercise.title.in_(language))
    common.say("")
    _print(exercise.task.in_(language))
    common.say("")
    _print(say("files-are-in", language, folder=folder))
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


# -- check -------------------------------------------------------------------------------------------


@commands.command("check")
def check(
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Check again whenever a file is saved, until it is solved."),
    ] = False,
    verbose: common.Verbose = False,
    as_json: common.AsJson = False,
    language: Language = "en",
) -> None:
    """Connect with the clients; exit status 0 if it is solved."""
    if not watch:
        graded = _checked(verbose=verbose, as_json=as_json, language=language)
        raise typer.Exit(common.OK if graded.solved else common.SURPRISE)
    folder = _score().under_way().folder
    from lab.own import InputError

    while True:
        seen = _saved(folder)
        try:
            if _checked(verbose=verbose, as_json=as_json, language=language).solved:
                return
        except (ExerciseError, InputError) as error:
            common.print_error(error)
        common.say(say("watching", language, folder=folder), error=True)
        while _saved(folder) == seen:
            time.sleep(WATCH_S)


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
    score = _score()  # what another terminal has written meanwhile stays
    done = score.of(exercise.name)
    score = score.changed(exercise.name, checks=done.checks + 1)
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
def hint(language: Language = "en") -> None:
    """Give a hint: there are three, each larger; each costs points."""
    score = _score()
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
def solution(language: Language = "en") -> None:
    """Show what the solution changes, and give up."""
    score = _score()
    exercise = exercises.exercise_named(score.under_way().name)
    from lab.exercises.telling import differences

    before = score.originals(exercise.name)
    for words in differences(before, before.with_name("solution"), language):
        common.say(words)
    common.say("")
    _print(exercise.explanation.in_(language))
    if not score.of(exercise.name).solved:
        score.changed(exercise.name, gave_up=True).save()
        common.say("")
        _print(say("given-up", language))


@commands.command("finish")
def finish(
    remove: Annotated[
        bool | None,
        typer.Option(
            "--remove/--keep",
            help="Remove your folder, or leave it.",
            show_default="ask, or leave it",
        ),
    ] = None,
    language: Language = "en",
) -> None:
    """End the exercise, and say what was behind it."""
    score = _score()
    current = score.under_way()
    if current.name not in exercises.exercises():
        score.ended().save()  # of an exercise that this version has no more only that can be said
    exercise = exercises.exercise_named(current.name)
    done = score.of(exercise.name)
    _print(exercise.title.in_(language))
    common.say("")
    _print(exercise.explanation.in_(language))
    common.say("")
    _print(
        say(
            "finished-solved" if done.solved else "finished-open",
            language,
            points=done.points,
            of=POINTS,
        )
    )
    there = current.folder.is_dir()
    if remove is None and there and sys.stdin.isatty():
        remove = typer.confirm(say("ask-remove", language, folder=current.folder), default=False)
    if remove and there:
        names = [p.name for p in (score.kept(exercise.name) / "files").glob("*")]
        left = _removed(current.folder, names)
        if left:
            _print(say("left", language, folder=current.folder, names=", ".join(left)))
    elif there:
        _print(say("kept", language, folder=current.folder))
    score.forget_files(exercise.name)
    score.ended().save()


def _removed(folder: Path, names: list[str]) -> list[str]:
    """Remove the exercise's files, and the folder if nothing else is in it; what else is."""
    for name in names:
        (folder / name).unlink(missing_ok=True)
    left = sorted(path.name for path in folder.iterdir())
    if not left:
        shutil.rmtree(folder)
    return left


# -- score -------------------------------------------------------------------------------------------


@commands.command("status")
def status(
    as_json: common.AsJson = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print a table in Markdown, for a class.")
    ] = False,
    language: Language = "en",
) -> None:
    """Show the score of all exercises, and which is under way."""
    score = _score()
    if as_json:
        common.print_json(score.as_json())
    elif markdown:
        common.say("\n".join(_markdown(score, language)))
    else:
        _print_status(score, language)


def _print_status(score: Score, language: str) -> None:
    width = max(len(name) for name in exercises.exercises())
    for name, done in ((name, score.of(name)) for name in exercises.exercises()):
        if done.started:
            facts = say("row", language, checks=done.checks, hints=done.hints)
            common.say(f"{name:<{width}}  {done.points:>3}  {_how(score, name, language)}, {facts}")
    total = score.as_json()
    _print(say("total", language, points=total["points"], most=total["most"]))
    if score.current is not None:
        _print(say("under-way", language, name=score.current.name, folder=score.current.folder))


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
        yield f"| {one.title.in_(language)} | {how} | {done.checks} | {done.hints} | {done.points} |"
    yield ""
    yield say("total", language, points=total["points"], most=total["most"])
