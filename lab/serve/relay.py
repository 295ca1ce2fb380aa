"""The relay: many TCP connections over one line of bytes, the same program at both ends.

One end runs in a container of the lab's sealed network, beside the servers; the other is ``lab serve``. The
line between them is the standard input and output of the first (the engine's own, as agents have it), so that
no network leads from the host to the lab or back, and no port of a container is published.

A frame is a header and its payload. The end at the host opens channels; what an end sends is limited by
what the other has granted, so that one slow reader holds up nobody else. The end in the container connects to
what it was told at its start, and to nothing else. It needs nothing but the standard library.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import socket
import struct
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from enum import IntEnum
from typing import Any

#: Kind, channel, length of the payload.
HEADER = struct.Struct(">BII")
#: The longest payload, and what an end may send in a channel before more is granted, in bytes.
CHUNK, WINDOW = 32 * 1024, 256 * 1024
#: Seconds for a connection to a server in the same network.
CONNECT_S = 5.0
#: ``SO_LINGER``, on and zero: closing resets the connection.
_AT_ONCE = struct.pack("ii", 1, 0)


class Kind(IntEnum):
    """What a frame is."""

    ALLOW = 0
    """To the container, once: JSON, a list of address, first and last port."""
    READY = 1
    """From the container, once."""
    OPEN = 2
    """A new channel, to ``ADDRESS:PORT``."""
    DATA = 3
    END = 4
    """No more data come in this direction."""
    RESET = 5
    """The channel is over: a connection was reset, refused or not allowed."""
    CREDIT = 6
    """So many bytes more may be sent (four bytes, big-endian)."""


def frame(kind: Kind, channel: int = 0, payload: bytes = b"") -> bytes:
    """A frame as it goes over the line."""
    return HEADER.pack(kind, channel, len(payload)) + payload


class Unpacker:
    """Frames out of bytes as they come."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterable[tuple[Kind, int, bytes]]:
        """The frames that are whole now.

        Raises:
            ValueError: there is no such kind.
        """
        self._pending += data
        while len(self._pending) >= HEADER.size:
            kind, channel, length = HEADER.unpack_from(self._pending)
            end = HEADER.size + length
            if len(self._pending) < end:
                return
            payload = bytes(self._pending[HEADER.size : end])
            del self._pending[:end]
            yield Kind(kind), channel, payload


class Channel:
    """One TCP connection at this end, and its other half beyond the line."""

    def __init__(self, number: int, send: Callable[[bytes], None]) -> None:
        self.number = number
        self._send = send
        self._credit = WINDOW
        self._granted = asyncio.Event()
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._broken = asyncio.Event()

    def receive(self, kind: Kind, payload: bytes) -> None:
        """Take a frame of this channel."""
        if kind is Kind.DATA:
            self._inbox.put_nowait(payload)
        elif kind is Kind.END:
            self._inbox.put_nowait(b"")
        elif kind is Kind.CREDIT:
            self._credit += int.from_bytes(payload, "big")
            self._granted.set()
        elif kind is Kind.RESET:
            self._broken.set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry bytes both ways until both directions have ended, or one end has reset."""
        tasks = {
            asyncio.ensure_future(self._out(reader)),
            asyncio.ensure_future(self._in(writer)),
        }
        broken = asyncio.ensure_future(self._broken.wait())
        try:
            waiting = {*tasks, broken}
            while tasks & waiting and not broken.done():
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if any(task.exception() for task in done):
                    self._send(frame(Kind.RESET, self.number))
                    break
            else:
                if not broken.done():
                    writer.close()
                    return
            abort(writer)
        finally:
            for task in (*tasks, broken):
                task.cancel()
            await asyncio.gather(*tasks, broken, return_exceptions=True)
            writer.close()

    async def _out(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(min(CHUNK, self._credit)):
            self._credit -= len(data)
            self._send(frame(Kind.DATA, self.number, data))
            while self._credit <= 0:
                self._granted.clear()
                await self._granted.wait()
        self._send(frame(Kind.END, self.number))

    async def _in(self, writer: asyncio.StreamWriter) -> None:
        while data := await self._inbox.get():
            writer.write(data)
            await writer.drain()
            self._send(frame(Kind.CREDIT, self.number, len(data).to_bytes(4, "big")))
        if writer.can_write_eof():
            writer.write_eof()


def abort(writer: asyncio.StreamWriter) -> None:
    """Reset a connection."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    writer.transport.abort()


# -- the end in the container -------------------------------------------------------------------------


class Inside:
    """The end that connects to servers."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        """Nothing is allowed yet."""
        self._send = send
        self._allowed: list[tuple[str, int, int]] = []
        self._channels: dict[int, Channel] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def receive(self, kind: Kind, number: int, payload: bytes) -> None:
        """Take a frame."""
        if kind is Kind.ALLOW:
            self._allowed = [(host, first, last) for host, first, last in json.loads(payload)]
            self._send(frame(Kind.READY))
        elif kind is Kind.OPEN:
            self._channels[number] = Channel(number, self._send)
            self._start(self._serve(self._channels[number], payload.decode()))
        elif number in self._channels:
            self._channels[number].receive(kind, payload)

    def allows(self, host: str, port: int) -> bool:
        """Whether this may be connected to."""
        return any(host == each and first <= port <= last for each, first, last in self._allowed)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, channel: Channel, target: str) -> None:
        try:
            host, _, port = target.rpartition(":")
            if not self.allows(str(ipaddress.ip_address(host)), int(port)):
                raise PermissionError(target)
            opening = asyncio.open_connection(host, int(port))
            reader, writer = await asyncio.wait_for(opening, CONNECT_S)
            await channel.carry(reader, writer)
        except (OSError, ValueError, TimeoutError):
            self._send(frame(Kind.RESET, channel.number))
        finally:
            del self._channels[channel.number]


async def _chunks(descriptor: Any) -> AsyncIterator[bytes]:
    loop, reader = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), descriptor)
    while data := await reader.read(65536):
        yield data


async def inside() -> None:
    """Relay until standard input ends."""
    loop = asyncio.get_running_loop()
    flow = asyncio.streams.FlowControlMixin(loop)
    transport, _ = await loop.connect_write_pipe(lambda: flow, sys.stdout)
    end = Inside(transport.write)
    unpacker = Unpacker()
    async for data in _chunks(sys.stdin):
        for kind, number, payload in unpacker.feed(data):
            end.receive(kind, number, payload)


if __name__ == "__main__":
    asyncio.run(inside())
