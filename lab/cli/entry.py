"""Where the command begins and ends: the commands, signals, and every error as one message and a status."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Final, NoReturn

from lab import __version__
from lab.cli import common

#: Every command, in the order of the help: where its function or group is, and its sentence.
_TABLE = """\
version  entry.version      Print the version of the lab.
doctor   machine.doctor     Say what is missing on this machine, before anything is tried.
up       machine.up         Start the topology and leave it running: later commands then start at once.
down     machine.down       Remove every container and network that runs of this checkout left behind.
status   machine.status     Show the topologies on the engine.
list     runs.list_cases    List the cases.
run      runs.run_cases     Run cases (all, or those named) and print what came of them.
report   records.report     Print the summary of a recorded run, or write it as a page or as Markdown.
claims   records.claims     Say which claims of the documents hold, as a recorded run has it.
compare  records.compare    Say what changed between two recorded runs; exit 1 if something is worse or gone.
baseline records.baseline   Write what a comparison reads of a recorded run, to be committed.
attempt  attempts.attempt Make one attempt: one client with its settings against one server with its settings.
explain  explain.explain    Say what a message or a log can mean, and what tells its causes apart.
check    check.check        Check a configuration against all clients that it must serve; for CI.
suites   attempts.suites    Ask both ends for their cipher suites and say what is common, or what fails first.
scan     attempts.scan      Have sslscan ask servers what they offer, and compare: one, or all of the cases.
demo     training.demo      Walk through a case step by step: guess, evidence, cause, remedies, impostor.
quiz     training.quiz      Guess reasons: from the message, the server's log, then the wire; with a score.
shell    training.shell     Open a shell in a client's container, with servers to connect to.
soak     runs.soak          Run cases many times and say which outcomes flip, races apart.
serve    serve.serve        Serve broken and sound servers for your own clients and browsers, until Ctrl-C.
exercise exercises.commands Mend broken configurations in your own editor; real clients check them.
engine   machine.engine_commands The container engine of this machine.
images   machine.image_commands The images: what is real in them, and moving them.
"""
_ROWS = (line.split(maxsplit=2) for line in _TABLE.splitlines())
COMMANDS: Final = {name: (place, sentence) for name, place, sentence in _ROWS}
#: Commands that read their words themselves: an answer does not wait for the library that reads the others'.
READS_ITSELF: Final = ("explain",)

#: What ends a command that puts away all it has begun: Ctrl-C, ``kill``, and a terminal that was closed.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> None:
    """Run the command; every error becomes one message and the documented exit status."""
    common.prepare()
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as a shell's background jobs have it
            signal.signal(number, _interrupt)
    try:
        try:
            _run(sys.argv[1:])
        finally:
            if common.reader_has_gone():
                raise common.Interrupted(signal.SIGPIPE)
    except common.Interrupted as stopped:
        for number in _ENDING:
            signal.signal(number, signal.SIG_DFL)  # all is put away: a second one ends what is left
        if stopped.number == signal.SIGPIPE:  # `lab list | head`: what was wanted was read
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        else:
            name = signal.Signals(stopped.number).name
            kept = "; what was finished is in the record" if _has_recorded() else ""
            common.say(f"lab: ended by {name}{kept}", error=True)
        sys.exit(128 + stopped.number)
    except Exception as error:
        if isinstance(error, FileNotFoundError) and _folder_has_gone():
            words = "lab: the current folder has been removed; go to another one: cd"
            common.say(words, error=True)
            sys.exit(common.USAGE)
        status = _status_of(error)
        if status is None:
            raise
        common.print_error(error)
        sys.exit(status)


def version() -> None:
    """``lab version``."""
    common.say(__version__)


def _run(words: Sequence[str]) -> NoReturn:
    """Call the command that the words name."""
    if words and words[0] in READS_ITSELF:
        module, _, name = COMMANDS[words[0]][0].partition(".")
        sys.exit(getattr(importlib.import_module(f"lab.cli.{module}"), name)(words[1:]))
    from lab.cli.commands import app, run_in_japanese

    sys.exit(run_in_japanese() if common.asks_for_japanese(words) else app(prog_name="lab"))


def _has_recorded() -> bool:
    """Whether this command has written attempts down: one that never loaded the module has not."""
    writing = sys.modules.get("lab.record.writing")
    return writing is not None and bool(writing.RecordWriter.has_written)


def _status_of(error: Exception) -> int | None:
    """2 for what a person did wrong, 3 for what the lab could not do; ``None``: a fault of the lab.

    The text of each of these errors says what to do next.
    """
    from lab.cases import CaseError
    from lab.exercises import LAB_FAILED, ExerciseError
    from lab.images.errors import UnknownImage, WrongVariable
    from lab.model.expectations import ExpectationError
    from lab.own.findings import InputError
    from lab.settings import SettingsError

    if isinstance(error, ExerciseError):
        return common.LAB_ERROR if error.problem in LAB_FAILED else common.USAGE
    wrong = InputError | SettingsError | ExpectationError | CaseError | WrongVariable | UnknownImage
    if isinstance(error, wrong):
        return common.USAGE
    # An OSError: a full disk, a directory that may not be written, an engine that has gone.
    named = type(error).__module__.partition(".")[0] in {"lab", "docker"}
    return common.LAB_ERROR if named or isinstance(error, OSError) else None


def _folder_has_gone() -> bool:
    """Whether the folder that the command was called in is no longer there."""
    try:
        os.getcwd()  # noqa: PTH109 - nothing is made of it
    except FileNotFoundError:
        return True
    return False


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise common.Interrupted(number)
