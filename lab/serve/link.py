"""The end of the relay at the host: a program in a container, and channels to the servers beside it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import queue
import threading
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO, cast

from docker import DockerClient
from docker.errors import APIError, DockerException

from lab.run.containers import AGENTS, pack, unpack
from lab.run.link import STDOUT, ExecutionError, frames, socket_of
from lab.serve.errors import ServeError
from lab.serve.relay import Channel, Kind, Unpacker, frame

#: The container, and the program in it.
RELAY = "relay"
PROGRAM = f"{AGENTS}/relay.py"
#: Seconds for it to be ready.
READY_S = 10.0


class RelayLink:
    """The line to a started relay, for the running event loop."""

    def __init__(self, client: DockerClient, container: str) -> None:
        """Start the relay in the container of this id.

        Raises:
            ServeError: it does not start.
        """
        self._loop = asyncio.get_running_loop()
        self._numbers = itertools.count(1)
        self._channels: dict[int, Channel] = {}
        self._ready = asyncio.Event()
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._stderr = b""
        self.lost: asyncio.Future[str] = self._loop.create_future()
        """Comes to why the line has ended, when it has."""
        program = Path(__file__).with_name("relay.py").read_bytes()
        try:
            unpack(client, container, pack({PROGRAM: program}))
            argv = ["/opt/lab/bin/python3", PROGRAM]
            created = client.api.exec_create(container, argv, stdin=True, stdout=True, stderr=True)
            self._attached = client.api.exec_start(created["Id"], socket=True)
        except (APIError, DockerException, ExecutionError, OSError) as error:
            raise ServeError("lost", why=str(error)) from error
        self._socket = socket_of(self._attached)
        self._socket.settimeout(None)
        self._threads = [
            threading.Thread(target=work, name=f"relay {work.__name__}", daemon=True)
            for work in (self._read, self._write)
        ]
        for thread in self._threads:
            thread.start()

    async def allow(self, targets: Collection[tuple[str, int, int]]) -> None:
        """Say what may be connected to, as address, first and last port, and wait until that holds.

        Raises:
            ServeError: the relay is not ready in time.
        """
        self._outgoing.put(frame(Kind.ALLOW, payload=json.dumps(list(targets)).encode()))
        try:
            await asyncio.wait_for(self._ready.wait(), READY_S)
        except TimeoutError as error:
            said = self._stderr.decode(errors="replace").strip() or "nothing was said"
            raise ServeError("lost", why=f"no answer in {READY_S:g} s ({said})") from error

    async def carry(
        self, host: str, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Carry a connection to this address, and back, until it is over."""
        number = next(self._numbers)
        channel = self._channels[number] = Channel(number, self._outgoing.put)
        self._outgoing.put(frame(Kind.OPEN, number, f"{host}:{port}".encode()))
        try:
            await channel.carry(reader, writer)
        finally:
            del self._channels[number]

    def close(self) -> None:
        """End the relay: it stops at the end of its input."""
        self._outgoing.put(None)
        with contextlib.suppress(OSError):  # the other end was first
            self._socket.shutdown(2)
        for thread in self._threads:
            thread.join(READY_S)
        self._attached.close()
        self._socket.close()

    # -- threads: the engine's line may be one of TLS, which no event loop takes -----------------------

    def _write(self) -> None:
        with contextlib.suppress(OSError):  # the reading thread says so
            while (data := self._outgoing.get()) is not None:
                self._socket.sendall(data)

    def _read(self) -> None:
        unpacker, why = Unpacker(), "the relay has ended"
        try:
            with cast("BinaryIO", self._socket.makefile("rb", buffering=256 * 1024)) as stream:
                for kind, data in frames(stream):
                    if kind == STDOUT:
                        for one in unpacker.feed(data):
                            self._loop.call_soon_threadsafe(self._receive, *one)
                    else:
                        self._stderr = (self._stderr + data)[-2000:]
        except (OSError, ValueError, EOFError) as error:
            why = str(error)
        why += f": {self._stderr.decode(errors='replace').strip()}" if self._stderr else ""
        with contextlib.suppress(RuntimeError):  # nobody listens any more
            self._loop.call_soon_threadsafe(self._end, why)

    def _receive(self, kind: Kind, number: int, payload: bytes) -> None:
        if kind is Kind.READY:
            self._ready.set()
        elif number in self._channels:
            self._channels[number].receive(kind, payload)

    def _end(self, why: str) -> None:
        for channel in self._channels.values():
            channel.receive(Kind.RESET, b"")
        if not self.lost.done():
            self.lost.set_result(why)
