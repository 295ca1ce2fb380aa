"""One server process and what belongs to it: its directory, its port, its descriptors, its sessions."""

import contextlib
import errno
import os
import select
import signal
import socket
import struct
import time
from typing import Callable, Dict, Optional, Set, Tuple

#: How long a listener may take to answer the agent, in seconds.
ANSWER_S = 2.0

#: Process ids of the listeners.
running: Set[int] = set()

#: ``sock_diag(7)``: which socket listens on a port? Layouts and numbers are those of ``linux/inet_diag.h``.
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _REQUEST_ONE, _ERROR = 4, 20, 0x001, 2
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBxIHH4s12x16xI8s")
_ANY_STATE, _ANY_COOKIE = 0xFFFFFFFF, b"\xff" * 8
#: In the answer, the length of the queue: behind family, state and the socket's identity.
_QUEUE_AT = _HEADER.size + 4 + 48 + 4
#: State of a listening socket in ``/proc/net/tcp``.
_LISTEN = "0A"


class ListenerEnded(Exception):
    """A listener that was running is not any more."""


class Descriptors:
    """The agent's ends of a listener's descriptors 0 (a socket) and 1, 2 (a pipe).

    vsftpd says why it cannot start on descriptor 0, where a connection would be; pyftpdlib's
    listener answers the agent there.
    """

    def __init__(self, control: socket.socket, output: int) -> None:
        self.control = control
        self._output = output
        self._said = b""
        control.setblocking(False)
        os.set_blocking(output, False)

    def read(self) -> str:
        """The end of everything that the listener has said so far."""
        for take in (self.control.recv, lambda size: os.read(self._output, size)):
            while True:
                try:
                    data = take(65536)
                except (BlockingIOError, ConnectionResetError):
                    break
                if not data:
                    break
                self._said = (self._said + data)[-8192:]
        return self._said.decode("utf-8", "replace").strip()

    def ask(self, word: bytes) -> bytes:
        """Send a byte; the byte that comes back in time, or nothing."""
        self.control.send(word)
        in_time = select.select([self.control], [], [], ANSWER_S)[0]
        return self.control.recv(1) if in_time else b""

    def hung_up(self) -> bool:
        """Whether nobody has the other end of descriptor 0 any more."""
        poll = select.poll()
        poll.register(self.control, 0)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Let go of both."""
        self.control.close()
        os.close(self._output)


class ListenerProcess:
    """A server process with its own port, log and upload directories.

    ``user`` is the named account that may upload; ``impostor`` says that every login is taken and
    kept in ``captured``; ``filtered`` says that packet filter rules exist; ``log_start`` is where the
    log of the current attempt begins, ``None`` between attempts; ``at_rest`` is how many descriptors for
    both ways the process had before anybody came, or connections that it counts for ever, where that counts.
    """

    def __init__(
        self, key: str, directory: str, port: int, user: str, impostor: bool = False
    ) -> None:
        self.key = key
        self.directory = directory
        self.port = port
        self.user = user
        self.impostor = impostor
        self.captured = os.path.join(directory, "captured")
        self.config = os.path.join(directory, "config")
        self.log = os.path.join(directory, "log")
        self.uploads = os.path.join(directory, "upload")
        self.anonymous = os.path.join(directory, "anonymous")
        self.filtered = False
        self.log_start: Optional[int] = None
        self.at_rest = 0
        self.pid = 0
        self.words: Optional[Descriptors] = None
        self._status: Optional[int] = None

    def start(self, program: Callable[[str], object]) -> None:
        """Run ``program(config)`` in a process of its own."""
        self.pid, self.words = spawn(lambda: program(self.config))
        running.add(self.pid)

    def status(self) -> Optional[int]:
        """The exit status if the process has ended (negative: the signal), else ``None``."""
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = _exit_code(status)
        return self._status

    def must_run(self) -> None:
        """Raise :class:`ListenerEnded` if it does not."""
        status = self.status()
        if status is not None:
            said = self.said() or "it said nothing"
            raise ListenerEnded(
                "listener %s (pid %d) has ended with status %d: %s"
                % (self.key, self.pid, status, said)
            )

    def said(self) -> str:
        """The end of everything that the process has said so far, its log aside."""
        return self.words.read() if self.words else ""

    def ask(self, word: bytes) -> bytes:
        """Send a byte to a listener that answers each with one, on its descriptor 0.

        Raises:
            ListenerEnded: there is no answer.
        """
        answer = b""
        # If its end is closed it has ended, or is about to.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            answer = self.words.ask(word) if self.words else b""
        if not answer:
            self.gives_no_answer()
        return answer

    def gives_no_answer(self) -> None:
        """Raise :class:`ListenerEnded`, which says with what status if that is so."""
        if self.status() is None and self.words and self.words.hung_up():
            # Descriptors are closed shortly before the process has a status; it keeps the one it has.
            kill(self.pid)
            self._status = _exit_code(os.waitpid(self.pid, 0)[1])
        self.must_run()
        raise ListenerEnded("listener %s does not answer" % self.key)

    def end(self) -> None:
        """Kill the process with its sessions and wait until it is gone, and its port free."""
        if self.pid and self.status() is None:
            for pid in stopped_family(self.pid):
                kill(pid)
            self._status = _exit_code(os.waitpid(self.pid, 0)[1])
            # A worker that shares the listening socket ends a moment after its signal.
            until = time.monotonic() + ANSWER_S
            while queue_of(self.port) is not None and time.monotonic() < until:
                time.sleep(0.001)
        running.discard(self.pid)
        if self.words:
            self.words.close()


def queue_of(port: int, address: str = "") -> Optional[int]:
    """How many connections wait to be accepted at a port of this address; without, of all, or of loopback.

    ``None``: nobody listens there. The kernel is asked: a probe that connects would leave a line in the
    log. A kernel without that netlink family has a table of every socket, which takes long to read.
    """
    try:
        found = (_asked(port, one) for one in ([address] if address else ["0.0.0.0", "127.0.0.1"]))
        return next((queue for queue in found if queue is not None), None)
    except OSError:
        with open("/proc/net/tcp", encoding="ascii") as table:
            return queue_in(table.read(), port, address)


def _asked(port: int, address: str) -> Optional[int]:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(2.0)
        body = _REQUEST.pack(
            socket.AF_INET,
            socket.IPPROTO_TCP,
            0,
            _ANY_STATE,
            socket.htons(port),
            0,
            socket.inet_aton(address),
            0,
            _ANY_COOKIE,
        )
        size = _HEADER.size + len(body)
        kernel.send(_HEADER.pack(size, _SOCK_DIAG_BY_FAMILY, _REQUEST_ONE, 0, 0) + body)
        answer = kernel.recv(4096)
    if _HEADER.unpack_from(answer)[1] == _ERROR:
        number = -struct.unpack_from("=i", answer, _HEADER.size)[0]
        if number == errno.ENOENT:
            return None
        raise OSError(number, "sock_diag refused the request")
    return struct.unpack_from("=I", answer, _QUEUE_AT)[0]


def queue_in(table: str, port: int, address: str = "") -> Optional[int]:
    """The same, of the text of ``/proc/net/tcp``; proc(5) describes the columns.

    An ``address`` is the one that is looked for; without it any will do.
    """
    # The address is one number in the table, in the order of the machine's bytes.
    at = "%08X" % struct.unpack("=I", socket.inet_aton(address))[0] if address else ""
    for line in table.splitlines()[1:]:
        _, local, _, state, queues = line.split()[:5]
        if state == _LISTEN and local.endswith("%s:%04X" % (at, port)):
            return int(queues.partition(":")[2], 16)
    return None


def spawn(program: Callable[[], object]) -> Tuple[int, Descriptors]:
    """Run ``program`` in a forked process of its own session.

    When the agent ends, so does descriptor 0 of the process: that tells it to end too, or else
    ``end_with_the_agent`` does.
    """
    ours, theirs = socket.socketpair()
    out_read, out_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setsid()
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            for source, target in ((theirs.fileno(), 0), (out_write, 1), (out_write, 2)):
                os.dup2(source, target)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            program()
        except BaseException as error:
            os.write(2, ("%s: %s\n" % (type(error).__name__, error)).encode())
        finally:
            os._exit(127)
    theirs.close()
    os.close(out_write)
    return pid, Descriptors(ours, out_read)


def _exit_code(status: int) -> int:
    """Of what ``waitpid()`` gives: the exit status, or the signal as a negative number."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def processes() -> Dict[int, Tuple[str, int]]:
    """Name and parent of the container's processes, listeners and the agent itself left out."""
    ours = running | {1, os.getpid()}
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) not in ours:
            try:
                with open("/proc/%s/stat" % entry, encoding="utf-8", errors="replace") as file:
                    found[int(entry)] = name_and_parent(file.read())
            except (FileNotFoundError, ProcessLookupError):
                continue
    return found


def has_children(pid: int) -> bool:
    """Whether a process of one thread surely has others that it started: the kernel lists them.

    One that ends meanwhile can hide the next (proc(5)), and not every kernel has that list: where none is
    named, :func:`processes` has to say.
    """
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid), encoding="ascii") as file:
            return bool(file.read())
    except (FileNotFoundError, ProcessLookupError):
        return False


def name_and_parent(stat: str) -> Tuple[str, int]:
    """Of a line of ``/proc/PID/stat``; the name is in parentheses and may hold anything."""
    before, _, after = stat.rpartition(")")
    return before.partition("(")[2], int(after.split()[1])


def descendants(pid: int, table: Dict[int, Tuple[str, int]]) -> Set[int]:
    """The processes that were started by this one, directly or not."""
    found: Set[int] = set()
    more = {pid}
    while more:
        more = {child for child, (_, parent) in table.items() if parent in more} - found
        found |= more
    return found


def stopped_family(pid: int) -> Set[int]:
    """A process and those that were started by it, all stopped, so that none starts another meanwhile.

    One that is killed first leaves what it has just started to nobody.
    """
    found: Set[int] = set()
    more = {pid}
    while more:
        for each in more:
            send(each, signal.SIGSTOP)
        # On another processor it goes on for a moment, and may be about to start one.
        until = time.monotonic() + ANSWER_S
        while not all(map(_stands, more)) and time.monotonic() < until:
            time.sleep(0.0005)
        found |= more
        more = descendants(pid, processes()) - found
    return found


def _stands(pid: int) -> bool:
    """Whether a process is stopped or has ended; proc(5) has the letters."""
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] in "TtZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def orphans(name: str, table: Dict[int, Tuple[str, int]]) -> Set[int]:
    """The processes of this name whose parent is neither a listener nor of this name.

    Nothing says any more which listener they belong to; they are about to end.
    """
    return {
        pid
        for pid, (own, parent) in table.items()
        if own == name and parent not in running and parent not in table
    }


def kill(pid: int) -> None:
    """SIGKILL, to a process that may be gone already."""
    send(pid, signal.SIGKILL)


def send(pid: int, number: int) -> None:
    """A signal, to a process that may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
