"""Programs in containers: one that ends by itself, and an agent that stays and is asked.

The line to a resident agent is JSON lines over an attached ``exec`` in its container. The agent serves
requests concurrently; answers carry the request's id. When the line ends - the container was killed, the
agent crashed - every waiting request gets :class:`AgentLost`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, InvalidStateError
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from socket import SHUT_RDWR
from typing import Any, BinaryIO, cast

from docker import DockerClient
from docker.errors import APIError, DockerException

#: Docker multiplexes output as frames: stream number, three zero bytes, length (Engine API, attach).
_FRAME_HEADER = struct.Struct(">BxxxL")
STDOUT = 1
#: Seconds for a program that does one small thing.
DEADLINE_S = 30.0


class ExecutionError(Exception):
    """The engine could not run a program to its end."""


@dataclass(frozen=True)
class Executed:
    """A program that has ended."""

    status: int
    output: str
    """Standard output and standard error, as they came."""


def execute(
    client: DockerClient,
    container: str,
    argv: Sequence[str],
    given: bytes = b"",
    *,
    user: str = "",
    deadline_s: float = DEADLINE_S,
) -> Executed:
    """Run a program in the container of this id.

    Args:
        given: its standard input. It stays open behind that: not every connection to an engine can be
            closed in one direction only.
        user: as whom it runs (default: the container's own user).
        deadline_s: seconds in which something must be heard of it.

    Raises:
        ExecutionError: the container does not run, or the program is not heard of in time.
    """
    try:
        created = client.api.exec_create(
            container, list(argv), stdin=bool(given), stdout=True, stderr=True, user=user
        )
        attached = client.api.exec_start(created["Id"], socket=True)
        with socket_of(attached) as line, contextlib.closing(attached):
            line.settimeout(deadline_s)
            if given:
                line.sendall(given)
            with cast("BinaryIO", line.makefile("rb")) as stream:
                output = b"".join(chunk for _, chunk in frames(stream))
        status = client.api.exec_inspect(created["Id"])["ExitCode"]
    except (APIError, DockerException, OSError, EOFError) as error:
        raise ExecutionError(f"{argv[0]} in {container[:12]}: {error}") from error
    return Executed(-1 if status is None else status, output.decode(errors="replace"))


def unpacking(archive: bytes) -> str:
    """What a shell runs to unpack an archive that is first on its standard input; the rest is left there.

    The engine's own way to put files in does not know where a container with a read-only root can be
    written to. What comes in like this goes to the container's tmpfs and nowhere else: a private key is on
    no disk.
    """
    # tar reads to the end of its input, which comes only with the end of the line.
    return f"head -c {len(archive)} | tar --extract --no-same-owner --directory=/"


def socket_of(attached: Any) -> socket.socket:
    """The socket to a program: the SDK hands out a reader around it, or (over TLS) itself."""
    found: socket.socket = getattr(attached, "_sock", attached)
    return found


def frames(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """What a program says, piece by piece: the number of the stream, the bytes.

    Raises:
        EOFError: the output ends inside a frame.
    """
    while header := _exactly(stream, _FRAME_HEADER.size):
        kind, length = _FRAME_HEADER.unpack(header)
        yield kind, _exactly(stream, length)


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if data and len(data) < length:
        raise EOFError("the output ended inside a frame")
    return data


#: Seconds granted to an answer beyond the deadline that the agent itself enforces.
GRACE_S = 5.0
#: Seconds for an agent to say that it is ready: it loads its libraries once.
READY_S = 20.0
#: Seconds for the reading thread to notice the end.
END_S = 5.0


class AgentError(Exception):
    """An agent could not do what it was asked: a fault of the lab, never of the product under test."""


class AgentLost(AgentError):
    """The line to an agent ended."""


class AgentLink:
    """A started agent."""

    def __init__(
        self, client: DockerClient, service: str, where: str, argv: list[str], archive: bytes = b""
    ) -> None:
        """Start ``argv`` in the container with the id ``where`` and wait until it is ready.

        Args:
            service: what the container is called in the topology, for messages.
            archive: what is unpacked in the container before.

        Raises:
            AgentError: the container does not run, or the agent does not get ready.
        """
        self.container = service
        files = [word for word in argv if word.startswith("/opt/lab/agents/")]
        self._name = files[-1].rsplit("/", 1)[-1]
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._watching: list[Future[dict[str, Any]]] = []
        self._stderr = bytearray()
        self._lost: str | None = None
        self._ready: Future[dict[str, Any]] = Future()
        if archive:
            argv = ["sh", "-c", f'{unpacking(archive)} && exec "$@"', "sh", *argv]
        try:
            created = client.api.exec_create(where, argv, stdin=True, stdout=True, stderr=True)
            attached = client.api.exec_start(created["Id"], socket=True)
        except (APIError, DockerException, OSError) as error:
            words = f"the agent {self._name} does not start in {service}: {error}"
            raise AgentError(words) from error
        self._attached = attached  # keeps the HTTP response, and with it the socket, alive
        self._socket = socket_of(attached)
        self._socket.settimeout(None)
        name = f"{service}/{self._name}"
        self._reader = threading.Thread(target=self._read, name=name, daemon=True)
        self._reader.start()
        with contextlib.suppress(OSError):  # the line has ended, which the reader says
            self._socket.sendall(archive)
        try:
            self.versions: Mapping[str, Any] = self._ready.result(READY_S).get("versions", {})
        except FutureTimeout:
            self.close()
            raise AgentError(
                f"the agent {self._name} in {service} was not ready after {READY_S:.0f} s;"
                f" it said: {self._said()}"
            ) from None

    def call(
        self, op: str, deadline_s: float, *, peer: AgentLink | None = None, **arguments: Any
    ) -> dict[str, Any]:
        """Ask for ``op`` and wait for the answer, at most ``deadline_s`` plus a grace period.

        Args:
            peer: an agent without which the answer would be of no use: nobody waits for it any
                longer when that one is lost.

        Raises:
            AgentLost: the container or the agent died, or the peer's.
            AgentError: the agent reports a fault of its own, or does not answer.
        """
        number = next(self._ids)
        future: Future[dict[str, Any]] = Future()
        with self._lock:
            if self._lost is not None:
                raise AgentLost(self._lost)
            self._waiting[number] = future
        request = {"id": number, "op": op, "deadline_s": deadline_s, **arguments}
        line = json.dumps(request, separators=(",", ":")).encode() + b"\n"
        try:
            with self._lock:
                self._socket.sendall(line)
        except OSError as error:
            self._end(f"the line to {self._name} in {self.container} broke: {error}")
        try:
            with peer._watched_by(future) if peer else contextlib.nullcontext():
                answer = future.result(deadline_s + GRACE_S)
        except FutureTimeout:
            raise AgentError(
                f"{self._name} in {self.container} did not answer {op!r} within"
                f" {deadline_s + GRACE_S:.0f} s; it said: {self._said()}"
            ) from None
        finally:
            with self._lock:
                self._waiting.pop(number, None)
        if not answer.get("ok"):
            raise AgentError(
                f"{self._name} in {self.container}: {op} {answer.get('kind', 'failed')}:"
                f" {answer.get('error', 'no reason given')}"
            )
        result: dict[str, Any] = answer.get("result", {})
        return result

    def close(self) -> None:
        """End the agent: it stops at the end of its input."""
        self._end(f"the line to {self._name} in {self.container} is closed")
        with contextlib.suppress(OSError):  # the other end was first
            self._socket.shutdown(SHUT_RDWR)
        self._reader.join(END_S)
        self._attached.close()
        self._socket.close()

    def _read(self) -> None:
        pending = b""
        try:
            with cast("BinaryIO", self._socket.makefile("rb", buffering=256 * 1024)) as stream:
                for kind, chunk in frames(stream):
                    if kind != STDOUT:
                        self._stderr += chunk
                        del self._stderr[:-4000]
                        continue
                    *lines, pending = (pending + chunk).split(b"\n")
                    for line in lines:
                        self._answer(line)
        except (OSError, ValueError, EOFError) as error:
            self._end(f"the line to {self._name} in {self.container} broke: {error}")
        self._end(f"{self._name} in {self.container} ended; it said: {self._said()}")

    def _answer(self, line: bytes) -> None:
        message = json.loads(line)
        if message.get("ready"):
            self._ready.set_result(message)
            return
        with self._lock:
            future = self._waiting.get(message.get("id"))
        if future is not None:
            with contextlib.suppress(InvalidStateError):  # nobody waits for it any more
                future.set_result(message)

    def _end(self, why: str) -> None:
        with self._lock:
            if self._lost is None:
                self._lost = why
            waiting = [*self._waiting.values(), *self._watching]
            self._waiting, self._watching = {}, []
        for future in [self._ready, *waiting]:
            with contextlib.suppress(InvalidStateError):  # it has its answer
                future.set_exception(AgentLost(why))

    @contextlib.contextmanager
    def _watched_by(self, future: Future[dict[str, Any]]) -> Iterator[None]:
        """Let ``future`` end with this line, too."""
        with self._lock:
            if self._lost is not None:
                raise AgentLost(self._lost)
            self._watching.append(future)
        try:
            yield
        finally:
            with self._lock, contextlib.suppress(ValueError):  # the line has ended
                self._watching.remove(future)

    def _said(self) -> str:
        return self._stderr.decode(errors="replace").strip()[-1000:] or "nothing"
