"""The resident agent of a program whose library is in another language.

    language_workers.py [--concurrent N] NAME COMMAND ARGS...

A library of PHP, Ruby, Node, Java or Go is called by a program in that language, the worker. Starting its
interpreter costs more than an attempt: so this agent keeps workers that have started, gives each one
attempt at a time, and has a spare one ready before it is needed. ``--concurrent N``: at most so many attempts
at a time (default 32), where a worker needs much memory or many threads. The standard library of
Python 3.6 only.

To the lab it speaks as every agent does (``resident.py``); the one op is ``attempt``. A worker:

- has requests on its standard input, one JSON object on a line each, and ends when that ends;
- answers on descriptor 3, JSON objects on lines of their own. What it or its library prints, on standard
  output or standard error, is in no one's way: it is told where the worker crashes;
- says first that it is ready, when it has loaded whatever an attempt needs:
  ``{"ready": true, "versions": {"php": "8.4.11"}}``. The agent's ready line has these versions;
- says in an attempt how far it has come, on descriptor 4: ``{"step": "login"}``, as often as it likes. That
  is the result of an attempt which the deadline ends, and nobody is woken for it before;
- and ends it by ``{"result": {...}}``, or ``{"bad_request": "why"}`` where the request makes no sense. With
  ``"kept": false`` beside it the worker knows itself that it is not as it was;
- answers ``key_log`` in a request by ``key_log`` in the result (lines as in ``SSLKEYLOGFILE``), where its
  library gives its sessions' secrets away.

A worker makes the next attempt if it has the same descriptors open as before, else it is replaced. It is
killed, with what it has started, at an attempt's deadline; when it has answered and is not as it was; and
with the agent, however that ends. A request with ``environment`` has a worker of its own, started
with these variables.
"""

import ctypes  # noqa: F401 - loaded before the first fork: every worker's end_with_the_agent() needs it
import fcntl
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from typing import Any, Dict, List, Mapping, NoReturn, Optional, Sequence, Tuple

from helper_programs import end_with_the_agent
from resident import (
    STDERR_TAIL,
    BadRequest,
    Child,
    Progress,
    Request,
    ResidentAgent,
    Result,
    lead_its_group,
)

#: The descriptor on which a worker answers, and that on which it says how far it has come.
ANSWERS, STEPS = 3, 4
#: Seconds for a worker to say that it is ready.
START_S = 20.0


class Worker(Child):
    """A started worker, seen from the resident process."""

    def __init__(self, pid: int, given: int, out: int, err: int, steps: int) -> None:
        super().__init__(pid, given, out, err)
        self.steps = steps
        os.set_blocking(steps, False)
        self.ready: Optional[Dict[str, Any]] = None
        self.answer: Optional[Dict[str, Any]] = None
        self.ready_until = time.monotonic() + START_S
        self.lines = b""
        self.stderr = b""
        #: The one attempt that it was started for, with variables of its own.
        self.own_attempt: Optional[Tuple[Any, bytes, float]] = None
        self.makes_others = True
        #: The resident process knows that it is ready.
        self.is_welcome = False
        self._found: Optional[List[Tuple[str, str]]] = None

    def begin(self, ident: Any, line: bytes, deadline_s: float) -> None:
        """See :meth:`Child.begin`."""
        if self._found is None:
            self._found = descriptors_of(self.pid)
        super().begin(ident, line, deadline_s)

    def is_as_found(self) -> bool:
        """Whether it has the descriptors open that it had before its first attempt."""
        return bool(self._found) and descriptors_of(self.pid) == self._found

    def close(self) -> None:
        """See :meth:`Child.close`."""
        super().close()
        os.close(self.steps)

    def catch_up(self) -> None:
        """See :meth:`Child.catch_up`; a worker may be wrong in what it says, and may be cut off in it."""
        try:
            said = os.read(self.steps, 65536)
        except BlockingIOError:
            return
        whole = said.rpartition(b"\n")[0]
        try:
            for line in whole.splitlines():
                self.partial.update(**json.loads(line.decode("utf-8")))
        except (ValueError, TypeError) as error:
            self.read_err(("no progress (%s): %r\n" % (error, whole[-200:])).encode("utf-8"))
            self.answer = None

    def read_out(self, data: bytes) -> None:
        """See :meth:`Child.read_out`; a worker may be wrong in what it says."""
        *whole, self.lines = (self.lines + data).split(b"\n")
        for line in whole:
            try:
                message = json.loads(line.decode("utf-8"))
                if not isinstance(message, dict):
                    raise ValueError("no object")
                if bool(message.get("ready")) == (self.ready is not None):
                    raise ValueError("not ready, or ready twice")
            except ValueError as error:
                self.read_err(("no answer (%s): %r\n" % (error, line[:200])).encode("utf-8"))
                os.kill(self.pid, signal.SIGKILL)
                return
            if message.get("ready"):
                self.ready = message
            else:
                self.answer = message


class WorkerAgent(ResidentAgent):
    """Serve attempts by workers; see the module's text.

    Args:
        name: of the agent, as its ready line says it.
        command: that starts a worker.
        concurrent: how many attempts may run at the same time.
    """

    def __init__(self, name: str, command: Sequence[str], concurrent: int = 32) -> None:
        super().__init__(name, {}, forked={"attempt": _never}, concurrent=concurrent)
        self._command = list(command)
        #: Asked once: it is read from a file.
        self._processors = max(1, os.cpu_count() or 1)
        self._workers: List[Worker] = []
        #: The last one that was started did not come to be ready: no spare is started until one is asked for.
        self._fails = False

    def run(self) -> None:
        """Start the first worker, whose versions are told, and serve."""
        if shutil.which(self._command[0]) is None:
            self.versions = {self._command[0]: None}
            self._forked.clear()
            self._inline["attempt"] = self._missing
        else:
            self.versions = self._start_first()
        super().run()

    def _missing(self, _request: Request) -> Result:
        raise BadRequest("%s is not installed here" % self._command[0])

    def _start_first(self) -> Dict[str, Any]:
        """The versions that the first worker says.

        It stays, for the first attempt.

        Raises:
            SystemExit: it does not come to be ready; the text says why.
        """
        worker = self._start({})
        while worker.ready is None:
            left = worker.ready_until - time.monotonic()
            readable, _, _ = select.select([worker.out, worker.err], [], [], max(0.0, left))
            if worker.err in readable:
                worker.read_err(os.read(worker.err, STDERR_TAIL))
            data = os.read(worker.out, 65536) if worker.out in readable else b""
            worker.read_out(data)
            if not readable or (worker.out in readable and not data):
                raise SystemExit(_not_ready(worker, self._end_child(worker)))
        self._welcome(worker)
        return dict(worker.ready.get("versions") or {})

    def _start(self, environment: Mapping[str, str]) -> Worker:
        given_read, given_write = os.pipe()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        steps_read, steps_write = os.pipe()
        theirs = (given_read, err_write, out_write, steps_write)
        pid = os.fork()
        if pid == 0:
            _become_worker(self._command, environment, theirs)
        lead_its_group(pid)
        for descriptor in theirs:
            os.close(descriptor)
        worker = Worker(pid, given_write, out_read, err_read, steps_read)
        self._children.append(worker)
        self._workers.append(worker)
        return worker

    def _end_child(self, child: Child) -> str:
        self._workers = [worker for worker in self._workers if worker is not child]
        return super()._end_child(child)

    # -- attempts ---------------------------------------------------------------------------------

    def _hand_over(self) -> None:
        for _ in range(len(self._waiting)):
            if self._occupied() >= self._concurrent:
                break
            needs_own, *attempt = self._waiting.popleft()
            ident, line, deadline_s = attempt
            idle = [worker for worker in self._workers if _is_idle(worker)]
            if needs_own:
                variables = json.loads(line.decode("utf-8"))["environment"]
                self._start(variables).own_attempt = (ident, line, deadline_s)
            elif idle:
                idle[-1].begin(ident, line, deadline_s)
            else:
                self._waiting.append((needs_own, ident, line, deadline_s))
        if not self._fails or self._waiting:
            self._start_spares()

    def _occupied(self) -> int:
        return sum(w.busy or w.own_attempt is not None for w in self._workers)

    def _start_spares(self) -> None:
        """Start as many as are waited for, and one before anybody waits."""
        room = self._concurrent - self._occupied()
        wanted = max(1, min(len(self._waiting), room))
        there = sum(not w.busy and w.own_attempt is None for w in self._workers)
        # More at a time would only keep each other from getting ready.
        starting = sum(not w.is_welcome for w in self._workers)
        for _ in range(min(wanted - there, self._processors - starting)):
            self._start({})

    def _hear_idle(self, child: Child, is_open: bool) -> None:
        """A worker gets ready, or is of no more use."""
        assert isinstance(child, Worker)
        if is_open and not child.is_welcome:
            if child.ready is not None:
                self._welcome(child)
            return
        how = self._end_child(child)
        if not child.is_welcome:
            self._note_failed_start(child, how)

    def _welcome(self, worker: Worker) -> None:
        """A worker is ready."""
        worker.is_welcome = True
        self._fails = False
        if worker.own_attempt is not None:
            attempt, worker.own_attempt = worker.own_attempt, None
            worker.makes_others = False
            worker.begin(*attempt)

    def _note_failed_start(self, worker: Worker, how: str) -> None:
        """One attempt is told of it: its own, or the one that has waited longest."""
        self._fails = True
        attempt = worker.own_attempt
        if attempt is None and self._waiting:
            attempt = self._waiting.popleft()[1:]
        if attempt is not None:
            self._refuse(attempt[0], "crashed", _not_ready(worker, how))

    def _may_stay(self, child: Child, answer: Mapping[str, Any]) -> bool:
        assert isinstance(child, Worker)
        return child.makes_others and answer.get("kept", True) and child.is_as_found()

    def _timeout_ms(self) -> Optional[float]:
        before = super()._timeout_ms()
        starting = [w.ready_until for w in self._workers if not w.is_welcome]
        if not starting:
            return before
        left = max(0.0, (min(starting) - time.monotonic()) * 1000.0 + 1.0)
        return left if before is None else min(before, left)

    def _enforce_deadlines(self) -> None:
        super()._enforce_deadlines()
        now = time.monotonic()
        for worker in [w for w in self._workers if not w.is_welcome and now >= w.ready_until]:
            self._note_failed_start(worker, self._end_child(worker))


def _is_idle(worker: Worker) -> bool:
    return not worker.busy and worker.own_attempt is None and worker.is_welcome


def _never(_request: Request, _progress: Progress) -> Result:
    """Stands for the op in the list of what there is: attempts are made by workers."""
    raise AssertionError("attempts are made by workers")


def _not_ready(worker: Worker, how: str) -> str:
    words = worker.stderr.decode("utf-8", "replace").strip()
    said = "; its last words:\n" + words if words else ""
    return "the worker did not get ready within %g s (%s)%s" % (START_S, how, said)


def descriptors_of(pid: int) -> List[Tuple[str, str]]:
    """What a process has open: numbers, and what they lead to; nothing where that cannot be told."""
    folder = "/proc/%d/fd" % pid
    try:
        return sorted((n, os.readlink("%s/%s" % (folder, n))) for n in os.listdir(folder))
    except OSError:
        return []  # it has ended, or is about to open or close one


def _become_worker(
    command: Sequence[str], environment: Mapping[str, str], descriptors: Tuple[int, int, int, int]
) -> NoReturn:
    """The new process's whole life up to the worker's own."""
    # Above those that they become: none may be written over before it is read.
    given, err, out, steps = (fcntl.fcntl(d, fcntl.F_DUPFD_CLOEXEC, STEPS + 1) for d in descriptors)
    try:
        os.setpgid(0, 0)
        end_with_the_agent()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(given, 0)
        os.dup2(err, 1)
        os.dup2(err, 2)
        for source, target in ((out, ANSWERS), (steps, STEPS)):
            os.dup2(source, target)
            os.set_inheritable(target, True)
        os.execvpe(command[0], list(command), dict(os.environ, **environment))
    except BaseException:
        os.write(2, traceback.format_exc().encode("utf-8", "replace"))
    finally:
        os._exit(127)


def main(arguments: Sequence[str]) -> None:
    """Serve; see the module's text for the arguments."""
    concurrent = 32
    words = list(arguments)
    if words[:1] == ["--concurrent"]:
        concurrent, words = int(words[1]), words[2:]
    if len(words) < 2:
        raise SystemExit("language_workers.py [--concurrent N] NAME COMMAND ARGS...")
    WorkerAgent(words[0], words[1:], concurrent).run()


if __name__ == "__main__":
    main(sys.argv[1:])
