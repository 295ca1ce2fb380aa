"""A program run to its end in a container, and how the engine sends what such a program says."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
        line = socket_of(attached)
        try:
            line.settimeout(deadline_s)
            if given:
                line.sendall(given)
            with cast("BinaryIO", line.makefile("rb")) as stream:
                output = b"".join(chunk for _, chunk in frames(stream))
        finally:
            attached.close()
            line.close()
        status = client.api.exec_inspect(created["Id"])["ExitCode"]
    except (APIError, DockerException, OSError, EOFError) as error:
        raise ExecutionError(f"{argv[0]} in {container[:12]}: {error}") from error
    return Executed(-1 if status is None else status, output.decode(errors="replace"))


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
