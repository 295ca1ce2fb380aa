"""The runtime of a resident agent: JSON lines in, one fork per attempt, JSON lines out.

A container gets one agent per program family, started once. Starting a process or a container for
each attempt costs 50-400 ms; a fork of a process that has everything loaded costs about one. The
agent ends when its standard input ends, and everything it started ends with it.

This file runs *inside* containers, on whatever Python they have: the standard library of Python 3.6
only. An agent is a script beside it::

    from resident import ResidentAgent, BadRequest, Wait


    def attempt(request, progress):  # forked: runs in a process of its own
        progress(step="connect")  # kept, if the deadline ends the attempt here
        return {"failed": False, "step": "quit"}


    def facts(request):  # inline: runs in the resident process itself
        return {"openssl": "..."}


    def listen(request):  # inline, and it answers later: a generator
        process = subprocess.Popen([...])
        while not listening(request["port"]):
            yield Wait(seconds=0.005)  # other requests are served meanwhile
        return {"pid": process.pid}


    ResidentAgent(
        "server",
        versions={...},
        forked={"attempt": attempt},
        inline={"facts": facts, "listen": listen},
    ).run()

Protocol
    First line out: ``{"ready": true, "agent": NAME, "versions": {...}}``. A request is ``{"id":
    7, "op": "attempt", "deadline_s": 10.0, ...}``; everything in it is handed to the handler.
    Answers come in the order in which the work ends, each on one line, never interleaved:
    ``{"id": 7, "ok": true, "result": {...}}`` or ``{"id": 7, "ok": false, "kind": "timed-out" |
    "crashed" | "bad-request", "error": "..."}``.

Forked handlers ``handler(request, progress) -> dict``
    Run in a child in its own process group, at most ``concurrent`` at a time (later ones wait;
    their deadline starts with them). They may block, crash or hang. ``progress(**fields)`` sends
    fields of the result ahead. When the deadline passes, the whole process group is killed, and
    the answer is an ordinary result made of the fields that were sent ahead plus ``failed``,
    ``timed_out`` (both true) and ``elapsed_ms``; if nothing was sent ahead, it is ``kind:
    "timed-out"``. A child that ends without a result is ``kind: "crashed"``; ``error`` says how
    it ended and holds the end of what it wrote to stderr, ``partial`` what it had sent ahead.
    After every attempt its process group is killed, so that nothing that it started outlives it.
    With ``keeps``, for handlers that start no process, a child that is left as it was found makes
    the next attempt: a new one would fault in again all that a connection touches, which costs more
    than the connection. One with a descriptor more or less is not kept; an attempt with ``environment``
    has a child of its own, because a library may have read the variables before.
    What a child prints goes to that stderr, never to the agent's output. ``environment`` in a
    request, ``{"NAME": "VALUE"}``, is added to the variables of the child's process. With
    ``key_log``, true, ``SSLKEYLOGFILE`` names a file in memory for it, and the result has what was
    written there, as ``key_log``; many TLS libraries write their sessions' secrets to that file.

Inline handlers ``handler(request) -> dict``
    Run in the resident process, one at a time, and hold up everything else while they run: they
    must be quick (a few milliseconds) and must not block. A handler that has to wait is a
    generator: it yields :class:`Wait` and is resumed when one of its file descriptors is readable
    or its time is over, with the set of the descriptors that are readable; its ``return`` value
    is the answer. When its deadline passes it is closed (``GeneratorExit`` at its ``yield``: undo
    in ``finally``) and the answer is ``kind: "timed-out"``. An exception in an inline handler is
    answered as ``crashed`` with its traceback; the agent goes on.

Both may raise :class:`BadRequest` for arguments that make no sense: ``kind: "bad-request"``.

Processes which an inline handler starts live as long as it wants. ``at_end`` is called once when
the agent ends (end of input, SIGTERM, SIGINT): end them there.
"""

import contextlib
import gc
import json
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from collections import deque
from typing import (
    IO,
    Any,
    Callable,
    Deque,
    Dict,
    Generator,
    Iterable,
    List,
    Mapping,
    NoReturn,
    Optional,
    Set,
    Tuple,
    Union,
)

Request = Dict[str, Any]
Result = Dict[str, Any]
Deferred = Generator["Wait", Set[int], Result]
Progress = Callable[..., None]
ForkedHandler = Callable[[Request, Progress], Result]
InlineHandler = Callable[[Request], Union[Result, Deferred]]

#: For a request that does not say how long it may take, in seconds.
DEADLINE_S = 30.0
#: How much of a crashed child's stderr is kept, in bytes.
STDERR_TAIL = 8192
#: A pipe that poll() calls writable takes this much without blocking.
_CHUNK = min(select.PIPE_BUF, 4096)
#: A child that outlives its agent (killed by SIGKILL, say) ends itself so long after its deadline.
_GRACE_S = 2.0


class BadRequest(Exception):
    """The arguments of a request make no sense; the text says which and why."""


def text(request: Request, name: str) -> str:
    """An argument of a request that is a string.

    Raises:
        BadRequest: it is none, or not there.
    """
    value = request.get(name)
    if not isinstance(value, str):
        raise BadRequest(f"{name} is {value!r}: it is a string")
    return value


def payload(request: Request) -> bytes:
    """The file that a request's ``payload`` names: that name on line after line, cut to ``size`` bytes."""
    size, line = request["payload"]["size"], (request["payload"]["name"] + "\n").encode("utf-8")
    return (line * (size // len(line) + 1))[:size]


class Wait:
    """What a deferred inline handler yields: resume me then.

    Args:
        seconds: at the latest after this time.
        readable: or as soon as one of these file descriptors is readable (or at its end).
    """

    def __init__(self, seconds: float, readable: Iterable[int] = ()) -> None:
        self.until = time.monotonic() + seconds
        self.readable = frozenset(readable)


class Child:
    """A process that makes attempts, one after the other, seen from the resident process."""

    def __init__(self, pid: int, given: int, out: int, err: int) -> None:
        self.pid = pid
        self.given = given
        self.out = out
        self.err = err
        self.busy = False

    def begin(self, ident: Any, line: bytes, deadline_s: float) -> None:
        """Hand an attempt over, to a child that has none."""
        self.busy = True
        self.ident = ident
        self.deadline_s = deadline_s
        self.started = time.monotonic()
        self.until = self.started + deadline_s
        self.lines = b""
        self.stderr = b""
        self.partial: Result = {}
        self.answer: Optional[Dict[str, Any]] = None
        with contextlib.suppress(BrokenPipeError):  # it has ended: so its answer ends, too
            _write(self.given, line + b"\n")

    def close(self) -> None:
        """Let go of its descriptors."""
        for descriptor in (self.given, self.out, self.err):
            if descriptor >= 0:
                os.close(descriptor)

    def catch_up(self) -> None:
        """Take what it has said of its progress that nobody was woken for."""

    def read_out(self, data: bytes) -> None:
        """Take what it has answered."""
        *whole, self.lines = (self.lines + data).split(b"\n")
        for line in whole:
            message = json.loads(line.decode("utf-8"))
            if "progress" in message:
                self.partial.update(message["progress"])
            else:
                self.answer = message

    def read_err(self, data: bytes) -> None:
        """Keep the end of what it has printed."""
        self.stderr = (self.stderr + data)[-STDERR_TAIL:]


class _Deferred:
    """An inline handler that has not answered yet."""

    def __init__(self, ident: Any, work: Deferred, deadline_s: float) -> None:
        self.ident = ident
        self.work = work
        self.deadline_s = deadline_s
        self.until = time.monotonic() + deadline_s
        self.wait = Wait(0.0)


class ResidentAgent:
    """Serve requests from standard input until it ends; see the module's text for the contract.

    Args:
        name: of the agent, as its ready line says it.
        versions: of the software that it drives, as the ready line says them.
        forked: handlers by op, each run in a process of its own.
        inline: handlers by op, run in the resident process.
        concurrent: how many forked handlers may run at the same time.
        keeps: whether a process makes several attempts, one after the other.
        at_end: called once when the agent ends.
        readable: called, in the resident process, whenever this descriptor can be read.
    """

    def __init__(
        self,
        name: str,
        versions: Mapping[str, Any],
        forked: Optional[Mapping[str, ForkedHandler]] = None,
        inline: Optional[Mapping[str, InlineHandler]] = None,
        concurrent: int = 32,
        keeps: bool = False,
        at_end: Optional[Callable[[], None]] = None,
        readable: Optional[Mapping[int, Callable[[], None]]] = None,
    ) -> None:
        self.name = name
        self.versions = dict(versions)
        self._forked = dict(forked or {})
        self._inline = dict(inline or {})
        self._concurrent = concurrent
        self._keeps = keeps
        self._at_end = at_end
        self._readable = dict(readable or {})
        self._input = b""
        self._output: Deque[bytes] = deque()
        self._waiting: Deque[Tuple[bool, Any, bytes, float]] = deque()
        self._children: List[Child] = []
        self._deferred: List[_Deferred] = []
        self._reader = select.poll()
        self._reader.register(1, select.POLLOUT)

    def run(self) -> None:
        """Serve until standard input ends, or SIGTERM or SIGINT comes."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _end)
        if hasattr(gc, "freeze"):
            # What was loaded before the first fork is never collected: the pages stay shared.
            gc.collect()
            gc.freeze()
        try:
            self._send({"ready": True, "agent": self.name, "versions": self.versions})
            while self._turn():
                pass
            self._last_words()
        except BrokenPipeError:
            # Nobody reads the answers any more: the same as the end of input.
            pass
        finally:
            self._end_everything()

    # -- the loop ---------------------------------------------------------------------------------

    def _turn(self) -> bool:
        """Wait for the next event and serve it; False when the input has ended."""
        poll = select.poll()
        poll.register(0, select.POLLIN)
        if self._output:
            poll.register(1, select.POLLOUT)
        for child in self._children:
            poll.register(child.out, select.POLLIN)
            if child.err >= 0:
                poll.register(child.err, select.POLLIN)
        for deferred in self._deferred:
            for descriptor in deferred.wait.readable:
                poll.register(descriptor, select.POLLIN)
        for descriptor in self._readable:
            poll.register(descriptor, select.POLLIN)
        ready = {descriptor for descriptor, _ in poll.poll(self._timeout_ms())}

        if 1 in ready and self._output:
            self._flush()
        for descriptor in ready & set(self._readable):
            self._readable[descriptor]()
        for child in list(self._children):
            self._serve_child(child, ready)
        for deferred in list(self._deferred):
            self._serve_deferred(deferred, ready)
        self._enforce_deadlines()
        open_input = self._read_requests() if 0 in ready else True
        self._hand_over()
        if self._output and self._reader.poll(0):
            self._flush()
        return open_input

    def _hand_over(self) -> None:
        """Give attempts that wait to processes, as many as may run at a time."""
        while self._waiting and sum(c.busy for c in self._children) < self._concurrent:
            needs_new, *attempt = self._waiting.popleft()
            idle = [] if needs_new else [child for child in self._children if not child.busy]
            (idle[-1] if idle else self._fork()).begin(*attempt)

    def _timeout_ms(self) -> Optional[float]:
        moments = [child.until for child in self._children if child.busy]
        moments += [min(deferred.until, deferred.wait.until) for deferred in self._deferred]
        if not moments:
            return None
        # Rounded up: poll() counts in milliseconds, and waking up too early would spin.
        return max(0.0, (min(moments) - time.monotonic()) * 1000.0 + 1.0)

    def _read_requests(self) -> bool:
        data = os.read(0, 65536)
        *lines, self._input = (self._input + data).split(b"\n")
        for line in lines:
            if line.strip():
                self._take(line)
        return bool(data)

    def _take(self, line: bytes) -> None:
        ident = None
        try:
            try:
                request = json.loads(line.decode("utf-8"))
            except ValueError as error:
                raise BadRequest(f"a request is one JSON object on one line: {error}") from error
            if not isinstance(request, dict) or "id" not in request:
                raise BadRequest("a request is a JSON object with an id")
            ident = request["id"]
            op = request.get("op")
            deadline_s = request.get("deadline_s", DEADLINE_S)
            if isinstance(deadline_s, bool) or not isinstance(deadline_s, (int, float)):
                raise BadRequest(f"deadline_s is {deadline_s!r}: it is a number of seconds")
            if not deadline_s > 0:
                raise BadRequest(f"deadline_s is {deadline_s!r}: it is more than 0 seconds")
            if op in self._forked:
                needs_new = bool(request.get("environment"))
                self._waiting.append((needs_new, ident, line, float(deadline_s)))
            elif op in self._inline:
                self._start_inline(ident, self._inline[op], request, float(deadline_s))
            else:
                known = ", ".join(sorted(list(self._forked) + list(self._inline)))
                raise BadRequest(f"no op {op!r}: the agent {self.name} has {known}")
        except BadRequest as error:
            self._refuse(ident, "bad-request", str(error))

    # -- inline -----------------------------------------------------------------------------------

    def _start_inline(
        self, ident: Any, handler: InlineHandler, request: Request, deadline_s: float
    ) -> None:
        try:
            result = handler(request)
        except BadRequest:
            raise
        except Exception:
            # The agent serves others too: whatever is wrong in one op is that op's answer.
            self._refuse(ident, "crashed", traceback.format_exc())
            return
        if isinstance(result, dict):
            self._send({"id": ident, "ok": True, "result": result})
        else:
            deferred = _Deferred(ident, result, deadline_s)
            self._deferred.append(deferred)
            self._resume(deferred, None)

    def _serve_deferred(self, deferred: _Deferred, ready: Set[int]) -> None:
        readable = ready & deferred.wait.readable
        if readable or time.monotonic() >= deferred.wait.until:
            self._resume(deferred, set(readable))

    def _resume(self, deferred: _Deferred, readable: Optional[Set[int]]) -> None:
        try:
            if readable is None:
                deferred.wait = next(deferred.work)
            else:
                deferred.wait = deferred.work.send(readable)
            return
        except StopIteration as end:
            self._send({"id": deferred.ident, "ok": True, "result": end.value})
        except BadRequest as error:
            self._refuse(deferred.ident, "bad-request", str(error))
        except Exception:
            self._refuse(deferred.ident, "crashed", traceback.format_exc())
        self._deferred.remove(deferred)

    # -- forked -----------------------------------------------------------------------------------

    def _fork(self) -> Child:
        given_read, given_write = os.pipe()
        out_read, out_write = os.pipe()
        err_read, err_write = os.pipe()
        pid = os.fork()
        if pid == 0:
            for descriptor in (given_write, out_read, err_read):
                os.close(descriptor)
            for child in self._children:
                child.close()
            _make_attempts(self._forked, self._keeps, given_read, out_write, err_write)
        lead_its_group(pid)
        for descriptor in (given_read, out_write, err_write):
            os.close(descriptor)
        child = Child(pid, given_write, out_read, err_read)
        self._children.append(child)
        return child

    def _serve_child(self, child: Child, ready: Set[int]) -> None:
        if child.err in ready:
            data = os.read(child.err, 65536)
            if data:
                child.read_err(data)
            else:
                os.close(child.err)
                child.err = -1
        if child.out in ready:
            data = os.read(child.out, 65536)
            if data:
                child.read_out(data)
            if not child.busy:
                self._hear_idle(child, bool(data))
            elif not data or child.answer is not None:
                self._finish(child)

    def _hear_idle(self, child: Child, is_open: bool) -> None:  # noqa: ARG002
        """A child without an attempt has said something, or closed its pipe: it is of no more use."""
        self._end_child(child)

    def _may_stay(self, child: Child, answer: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Whether a child that has answered may make another attempt."""
        return bool(answer.get("kept"))

    def _finish(self, child: Child) -> None:
        """The child has answered or closed its pipe: keep it, or end its group and reap it; answer."""
        child.catch_up()
        answer = child.answer
        child.busy = False
        how = "" if answer and self._may_stay(child, answer) else self._end_child(child)
        if answer is None:
            text = f"the process of the attempt ended without a result ({how})"
            words = child.stderr.decode("utf-8", "replace").strip()
            if words:
                text += "; its last words:\n" + words
            self._refuse(child.ident, "crashed", text, partial=child.partial)
        elif "bad_request" in answer:
            self._refuse(child.ident, "bad-request", answer["bad_request"])
        else:
            self._send({"id": child.ident, "ok": True, "result": answer["result"]})

    def _enforce_deadlines(self) -> None:
        now = time.monotonic()
        for child in [c for c in self._children if c.busy and now >= c.until]:
            child.catch_up()
            self._end_child(child)
            if child.partial:
                result = dict(child.partial, failed=True, timed_out=True)
                result["elapsed_ms"] = (now - child.started) * 1000.0
                self._send({"id": child.ident, "ok": True, "result": result})
            else:
                self._refuse_late(child.ident, child.deadline_s)
        for deferred in [d for d in self._deferred if now >= d.until]:
            self._deferred.remove(deferred)
            self._close(deferred)
            self._refuse_late(deferred.ident, deferred.deadline_s)

    def _end_child(self, child: Child) -> str:
        """Kill the child's process group and reap the child; how it ended, in words.

        A process on its way out has its exit status before its pipe closes and ignores signals from
        then on: the kill ends what it started, and cannot change what is reported of itself.
        """
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        status = os.waitpid(child.pid, 0)[1]
        if child.err >= 0:
            child.read_err(_what_is_there(child.err))
        child.close()
        self._children.remove(child)
        if os.WIFSIGNALED(status):
            return f"killed by {signal.Signals(os.WTERMSIG(status)).name}"
        return f"exit status {os.WEXITSTATUS(status)}"

    # -- out --------------------------------------------------------------------------------------

    def _send(self, message: Mapping[str, Any]) -> None:
        line = json.dumps(message, ensure_ascii=True, default=str).encode("ascii") + b"\n"
        self._output.append(line)

    def _refuse(self, ident: Any, kind: str, error: str, **more: Any) -> None:
        self._send(dict(more, id=ident, ok=False, kind=kind, error=error))

    def _refuse_late(self, ident: Any, deadline_s: float) -> None:
        self._refuse(ident, "timed-out", f"no answer within deadline_s = {deadline_s:g} s")

    def _flush(self) -> None:
        """Write as much as the reader takes without blocking."""
        data = self._output.popleft()
        written = os.write(1, data[:_CHUNK])
        if written < len(data):
            self._output.appendleft(data[written:])

    def _last_words(self) -> None:
        """Deliver what was answered before the input ended, to a reader that takes it."""
        while self._output and self._reader.poll(1000):
            self._flush()

    # -- the end ----------------------------------------------------------------------------------

    def _close(self, deferred: _Deferred) -> None:
        try:
            deferred.work.close()
        except Exception:
            sys.stderr.write(traceback.format_exc())

    def _end_everything(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        for child in list(self._children):
            self._end_child(child)
        for deferred in self._deferred:
            self._close(deferred)
        if self._at_end:
            self._at_end()


def lead_its_group(child: int) -> None:
    """Give a child that was forked just now a process group of its own."""
    # If the child was faster, it has its group already, or it is gone.
    with contextlib.suppress(PermissionError, ProcessLookupError):
        os.setpgid(child, child)


def _what_is_there(descriptor: int) -> bytes:
    """What can be read without blocking."""
    os.set_blocking(descriptor, False)
    data = b""
    while True:
        try:
            more = os.read(descriptor, 65536)
        except BlockingIOError:
            return data
        if not more:
            return data
        data += more


def _end(_number: int, _frame: Any) -> NoReturn:
    raise SystemExit(0)


def _key_log() -> Optional[IO[bytes]]:
    """Where this process, and what it starts, write the secrets of their TLS sessions.

    In memory and without a name: it is gone with the process.
    """
    if "SSLKEYLOGFILE" in os.environ:
        return None  # somebody else's: it is the attempt's own business
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    file = tempfile.TemporaryFile(dir=place)
    # Also for a command that is started: it has another /proc/self.
    os.environ["SSLKEYLOGFILE"] = f"/proc/{os.getpid()}/fd/{file.fileno()}"
    return file


def _written(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("ascii", "replace")


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _descriptors() -> List[str]:
    return sorted(os.listdir("/proc/self/fd"))


def _make_attempts(
    handlers: Mapping[str, ForkedHandler], keeps: bool, given: int, out: int, err: int
) -> NoReturn:
    """The child's whole life: make the attempts that are handed over, end without any clean-up."""
    status = 1
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(err, 1)
        os.dup2(err, 2)
        found = _descriptors()
        with open(given, "rb") as lines:
            for line in lines:
                request = json.loads(line.decode("utf-8"))
                answer = _attempt(handlers[request["op"]], request, out)
                as_found = not request.get("environment") and _descriptors() == found
                answer["kept"] = keeps and as_found
                _send(out, answer)
                if not answer["kept"]:
                    break
        status = 0
    except BaseException:
        # Also SystemExit: a handler does not end the agent, and its words are the diagnosis.
        os.write(2, traceback.format_exc().encode("utf-8", "replace"))
    finally:
        os._exit(status)


def _send(out: int, message: Mapping[str, Any]) -> None:
    _write(out, json.dumps(message, ensure_ascii=True, default=str).encode("ascii") + b"\n")


def _attempt(handler: ForkedHandler, request: Request, out: int) -> Dict[str, Any]:
    """Make one attempt in this process; what the parent is told of it."""
    # The parent enforces the deadline; this is for a child whose parent was killed.
    signal.setitimer(signal.ITIMER_REAL, request.get("deadline_s", DEADLINE_S) + _GRACE_S)
    os.environ.update(request.get("environment") or {})
    secrets = _key_log() if request.get("key_log") else None
    try:
        result = handler(request, lambda **fields: _send(out, {"progress": fields}))
        if secrets is not None:
            result = dict(result, key_log=_written(secrets))
        return {"result": result}
    except BadRequest as error:
        return {"bad_request": str(error)}
    finally:
        if secrets is not None:
            secrets.close()
            del os.environ["SSLKEYLOGFILE"]
        signal.setitimer(signal.ITIMER_REAL, 0)
