"""The resident agent of a program that is a command line: ``commands.py curl --version``.

Behind ``--`` is the whole command that says the version of one that does not say it itself.

Its users run it as a process, so each attempt runs the real command with the arguments that the
request names and reports its exit status and both streams, unread: what they mean is decided where
the request was made. The standard library of Python 3.6 only. A request::

    {
        "op": "attempt",
        "argv": ["curl", "-v", "-T", "{payload}", "ftp://ftp.lab.test/x.txt"],
        "payload": {"name": "x.txt", "size": 1024},
    }

``{payload}`` in an argument, or in ``input``, becomes the path of a file with the payload. ``input`` is
what somebody types once the command runs; its standard input stays open after that, as a terminal does.
Without ``input`` there is nothing to read. ``limit_s`` ends a command that has no time limit of its own;
``ignores_sigpipe`` is for one that would die of a peer that closes.
"""

import contextlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Dict, Iterator, List, Optional

from helper_programs import output_of
from resident import DEADLINE_S, BadRequest, Progress, Request, ResidentAgent, Result, payload

#: The command that this agent runs, and the arguments that make it say its version.
COMMAND, VERSION = (sys.argv + [""])[1], sys.argv[2:]
#: Has a command write each line as it is said, as on a terminal: one that is killed has said it.
LINE_BY_LINE = ["stdbuf", "-oL"]
#: Pipes take so much at once without a reader, in bytes (Linux; pipe(7)).
MOST_INPUT = 4096


def attempt(request: Request, progress: Progress) -> Result:
    """Run one command; see the module's text for the request."""
    argv = [str(word) for word in request.get("argv") or ()]
    if argv[:1] != [COMMAND]:
        raise BadRequest(f"no command {argv[:1]}: this agent runs {COMMAND}")
    if not VERSIONS.get(COMMAND):
        raise BadRequest(f"{COMMAND} is not installed here")
    progress(step="run", argv=argv)
    # A file without a name: nothing is left when the deadline ends the attempt.
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(tempfile.TemporaryFile())
        descriptors, text = [], request.get("input")
        if request.get("payload"):
            file.write(payload(request))
            file.flush()
            file.seek(0)
            descriptors, place = [file.fileno()], f"/dev/fd/{file.fileno()}"
            argv = [word.replace("{payload}", place) for word in argv]
            text = text and text.replace("{payload}", place)
        stdin = stack.enter_context(typed(text))
        started = time.monotonic()
        process = subprocess.Popen(
            LINE_BY_LINE + argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=descriptors,
            env=dict(os.environ, LC_ALL="C"),
            restore_signals=not request.get("ignores_sigpipe"),
        )
        # Ended a little before the agent would end everything: what the command has said so far is
        # worth more than the last moment.
        timed_out = False
        deadline_s = request.get("deadline_s", DEADLINE_S) * 0.95
        try:
            out, err = process.communicate(
                timeout=min(deadline_s, request.get("limit_s", deadline_s))
            )
        except subprocess.TimeoutExpired:
            timed_out = True
            process.kill()
            out, err = process.communicate()
    return {
        "timed_out": timed_out,
        "version": WHOLE[0],
        "argv": argv,
        "input": request.get("input"),
        "exit_status": process.returncode,
        "stdout": out.decode("utf-8", "replace"),
        "stderr": err.decode("utf-8", "replace"),
        "elapsed_ms": (time.monotonic() - started) * 1000.0,
    }


@contextlib.contextmanager
def typed(text: Optional[str]) -> Iterator[int]:
    """A standard input on which ``text`` was typed, and that does not end; ``None``: an empty one."""
    if text is None:
        with open(os.devnull, "rb") as empty:
            yield empty.fileno()
        return
    data = text.encode("utf-8")
    if len(data) > MOST_INPUT:
        raise BadRequest(f"the input has {len(data)} bytes: at most {MOST_INPUT} can be typed")
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, data)
        yield read_end
    finally:
        os.close(read_end)
        os.close(write_end)


#: What the command says of itself: the first line, and all of it. Filled when the agent starts.
VERSIONS: Dict[str, Optional[str]] = {}
WHOLE: List[str] = []


def versions() -> Dict[str, Optional[str]]:
    """The first line of what the command says of itself; ``None``: not installed."""
    found: Dict[str, Optional[str]] = {"python": platform.python_version(), COMMAND: None}
    if shutil.which(COMMAND):
        WHOLE.append(output_of(VERSION[1:] if VERSION[:1] == ["--"] else [COMMAND, *VERSION]))
        found[COMMAND] = WHOLE[0].split("\n")[0]
    return found


if __name__ == "__main__":
    VERSIONS.update(versions())
    ResidentAgent(COMMAND, versions=VERSIONS, forked={"attempt": attempt}).run()
