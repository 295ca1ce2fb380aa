"""Helper programs of an agent: each has a deadline, and its failure says what it said."""

# ruff: noqa: UP006, UP035

import subprocess
from typing import List

#: How long a helper program may take, in seconds.
COMMAND_S = 10.0


def run(argv: List[str], given: str = "") -> str:
    """Run a program with ``given`` on its standard input; its standard output.

    Raises:
        OSError: it ended with another status than 0.
        subprocess.TimeoutExpired: it did not end.
    """
    done = subprocess.run(
        argv,
        input=given.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=COMMAND_S,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise OSError("%s ended with status %d: %s" % (argv[0], done.returncode, said))
    return done.stdout.decode("utf-8", "replace")
