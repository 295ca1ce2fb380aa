"""Where the command begins and ends: signals, and every error as one message and an exit status."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import NoReturn

from docker.errors import DockerException

from lab.cases import CaseError
from lab.cli import exit_status
from lab.cli.commands import app
from lab.cli.printing import err, print_error
from lab.dialects import DialectError
from lab.documents import DocumentError
from lab.engine import EngineError
from lab.expectations import ExpectationError
from lab.images import ImageError, WrongVariable
from lab.own import InputError
from lab.record import RecordError
from lab.report.html import ReportError
from lab.run.link import AgentError
from lab.run.topology import TopologyError
from lab.settings import SettingsError

#: What a person did wrong / what the lab could not do. Each text says what to do next.
USAGE_ERRORS = (InputError, SettingsError, ExpectationError, CaseError, WrongVariable)
LAB_ERRORS = (
    RecordError,
    EngineError,
    ImageError,
    TopologyError,
    AgentError,
    DialectError,
    DocumentError,
    ReportError,
    DockerException,
    OSError,  # a full disk, a directory that may not be written, an engine that has gone
)


class Interrupted(BaseException):
    """A signal asks the command to end. No :class:`Exception`: nothing on the way handles it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main() -> None:
    """Run the command; every error becomes one message and the documented exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as a shell's background jobs have it
            signal.signal(number, _interrupt)
    try:
        app(prog_name="lab")
    except USAGE_ERRORS as error:
        print_error(error)
        sys.exit(exit_status.USAGE)
    except LAB_ERRORS as error:
        print_error(error)
        sys.exit(exit_status.LAB_ERROR)
    except Interrupted as stopped:
        name = signal.Signals(stopped.number).name
        err.print(f"lab: ended by {name}; what was finished is in the record", highlight=False)
        sys.exit(exit_status.of_signal(stopped.number))


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise Interrupted(number)
