"""A listener ends with everything that it has started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.agent_process import AGENTS

#: Starts listeners that start processes without a pause, ends them, and says what was left of each.
FORKING = """
import os, select, signal, sys, time
sys.path.insert(0, sys.argv[1])
from listener import ListenerProcess

def fork_for_ever(config):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in range(400):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
    time.sleep(60)

for number in range(10):
    listener = ListenerProcess("k%d" % number, sys.argv[2], 1, "lab")
    listener.start(fork_for_ever)
    # open as long as one of them has it
    output = os.dup(listener.words._output)
    os.set_blocking(output, False)
    time.sleep(0.005)
    listener.end()
    closed = select.select([output], [], [], 5.0)[0] and os.read(output, 1) == b""
    print("nothing" if closed else "something")
"""


def test_what_a_listener_starts_while_it_is_ended_ends_with_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKING, str(AGENTS), str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.stdout.split() == ["nothing"] * 10


#: A listener that is told by a byte to open a pipe, to accept, and to let go of what it has accepted; prints
#: after each whether it is taken to be quiet.
ACCEPTING = """
import os, socket, sys
sys.path.insert(0, sys.argv[1])
from listener import ListenerProcess
from pam_program import ForkingProgram

class Accepting(ForkingProgram):
    binary = "/usr/sbin/accepting"

    def start(self, config):
        told, kept = socket.socket(fileno=0), []
        listening = socket.create_server(("127.0.0.1", 0))
        told.send(b"%5d" % listening.getsockname()[1])
        for word in iter(lambda: told.recv(1), b""):
            if word == b"p":
                kept.append(os.pipe())
            elif word == b"a":
                accepted = listening.accept()[0]
            else:
                accepted.close()
            told.send(b".")

program = Accepting()
listener = ListenerProcess("k", sys.argv[2], 1, "lab")
listener.start(program.start)
listener.words.control.setblocking(True)
port = int(listener.words.control.recv(5))
program.listens(listener)
client = socket.create_connection(("127.0.0.1", port))
for word in (b"p", b"a", b"c"):
    assert listener.ask(word) == b"."
    print(program.is_quiet(listener))
listener.end()
"""


def test_a_connection_that_is_held_is_a_session_and_a_pipe_that_is_kept_is_none(
    tmp_path: Path,
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ACCEPTING, str(AGENTS), str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.stdout.split() == ["True", "False", "True"]


CHILDREN = """
import os, subprocess, sys
sys.path.insert(0, sys.argv[1])
from listener import has_children

print(has_children(os.getpid()))
child = subprocess.Popen(["sleep", "60"])
print(has_children(os.getpid()))
child.kill()
child.wait()
print(has_children(os.getpid()), has_children(child.pid))
"""


def test_a_process_that_was_started_is_seen_until_it_has_been_waited_for() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHILDREN, str(AGENTS)],
        check=True,
        capture_output=True,
        text=True,
        timeout=90,
    )
    listed = Path(f"/proc/self/task/{os.getpid()}/children").exists()
    assert done.stdout.split() == ["False", str(listed), "False", "False"]
