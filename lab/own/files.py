"""Files that a person names: read within bounds, whatever they are; and what certificates they come to.

A name can lead to a device that never ends, to a pipe that nobody writes to, to a directory, or to far more
than any file of its kind. None of them may hold the command or fill the memory. :func:`read` looks at what
there is before it opens it, never waits without an end, and reads at most one byte more than is allowed.

Sources: fifo(7) and open(2) (``O_NONBLOCK`` on a pipe without a writer), poll(2).
"""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

MIB = 1 << 20
#: How long a pipe may take to give all that it has, in seconds. What is started for a
#: ``<(command)`` must be done by then.
PIPE_S = 1.0
#: How long a file may take: a disk of another machine is slow, a file of the kernel may never end.
FILE_S = 10.0
_CHUNK = 256 * 1024


@dataclass(frozen=True)
class ReadLimit:
    """How much a file of a kind may hold."""

    what: str
    """The kind, as messages name it."""
    most: int
    """In bytes."""

    @property
    def in_words(self) -> str:
        """``1 MiB``, ``512 bytes``."""
        return f"{self.most // MIB} MiB" if self.most >= MIB else f"{self.most} bytes"


#: vsftpd itself stops reading after 100,000 bytes, a VCL file of a network may have 1 MB, an mt-config.cgi
#: has some kilobytes.
CONFIGURATION = ReadLimit("a configuration file", MIB)
#: A chain that a client takes is below 100 KiB, a bundle of all public roots about 250 kB.
PEM = ReadLimit("a PEM file", MIB)
#: The versions in all images are some kilobytes, the answers of all builds that were ever asked some more.
KEPT = ReadLimit("a file that the lab keeps", 4 * MIB)
#: A run of all cases leaves about 23 MB.
RECORD = ReadLimit("a record", 72 * MIB)


@dataclass(frozen=True)
class UserCertificate:
    """A certificate that a person brought, ready to be served."""

    chain_pem: bytes
    """The certificates of the file in its order, the server's own first."""
    key_pem: bytes = field(repr=False)
    leaf_sha256: str
    """Fingerprint of the server's own certificate, 64 lower-case hexadecimal digits."""
    description: str
    """One line for each certificate of the chain."""
    lines: tuple[int, ...] = ()
    """Where each of them is in the file."""
    chain_file: str = ""
    """File of the chain, as it was named; empty: it is not known."""
    key_file: str | None = None
    """File of the key; ``None``: it is in the chain's file."""
    self_issued: bool = False
    """Whether the server's own certificate is its own issuer."""


@dataclass(frozen=True)
class UserAnchors:
    """Certificates that a person brought to be trusted, under the name `own`."""

    pem: bytes
    description: str
    """One line for each certificate."""
    file: str = ""
    """Where they were read from, as it was named; empty: it is not known."""
    option: str = "--backend"
    """The option of the command line that names the file."""


@dataclass(frozen=True)
class PublicRoots:
    """The roots that are trusted where the image of a client has none of its distribution's."""

    pem: bytes
    description: str
    """Whose, and in which version."""


def public_roots() -> PublicRoots:
    """Mozilla's roots, in the version that is installed; nothing is downloaded.

    A person's own chain is judged against them where nobody says what is trusted. Distributions ship these
    roots, each in a version of its own and with changes of its own. An image that has its distribution's
    keeps them (:data:`lab.run.containers.PUBLIC_ROOTS`); a stand-in has none, and gets Mozilla's as the
    package certifi has them. What it then says holds for these.
    """
    import certifi  # noqa: PLC0415 - a file of a quarter of a megabyte, only where it is needed

    pem = Path(certifi.where()).read_bytes()
    return PublicRoots(pem, f"Mozilla's public roots (certifi {certifi.__version__})")


#: What lines for a client are for: the program itself, Movable Type, or the definition of a backend.
ClientForm = Literal["options", "mt-config", "vcl", "toml", "json"]


@dataclass(frozen=True)
class UserFiles:
    """What a person brought under the name `own`: to be served, to be trusted; and what goes with it."""

    certificate: UserCertificate | None = None
    anchors: UserAnchors | None = None
    """Trusted in the place of what issued the certificate."""
    host: str | None = None
    """The name that clients ask for, for which the lab's DNS is to answer; ``None``: a name of the lab."""
    client: UserCertificate | None = None
    """Presented by the client."""
    roots: PublicRoots | None = None
    """What clients trust in the place of the lab's CA, if nothing else is said; ``None``: that CA."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where settings were read from: ``FILE:LINE`` by ``server.FIELD`` or ``client.FIELD``; of a further line
    of a server's configuration, by ``server.extra:LINE``."""
    form: ClientForm = "options"
    """What of a person's the client's settings were read from."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """The lines of that and of the server's configuration, by their place."""
    named: tuple[str, str] = ("", "")
    """Chain and key, as the server's configuration names them; empty: it names none."""
    names: tuple[str, ...] = ()
    """Names that clients check: a certificate of the lab in the place of the person's holds for these."""
    certificate_given: bool = True
    """Whether the certificate of the person's server is known; else one of the lab's is in its place."""

    def places_at(self, decides: int | None) -> Mapping[str, str]:
        """Where settings were read from; of the served chain, that of its certificates which decides.

        Args:
            decides: which one it is; ``None``: none, but what is trusted.
        """
        found, one = dict(self.places), self.certificate
        if one is not None and decides is not None and decides < len(one.lines):
            found["server.certificate"] = f"{one.chain_file}:{one.lines[decides]}"
        if self.anchors is not None:
            found.setdefault("client.trust", self.anchors.file)
        return found


class Unreadable(Exception):
    """A file is not read; the message has no name of the file.

    Attributes:
        what: what is wrong, as a clause.
        remedy: what to do, as a sentence.
    """

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy
        super().__init__(f"{what}. {remedy}")


def read(path: Path, limit: ReadLimit) -> bytes:
    """All that a file, or a pipe, holds.

    Args:
        path: a regular file, or a pipe: a FIFO, ``/dev/stdin``, a shell's ``<(command)``.
        limit: how much it may be.

    Raises:
        Unreadable: it is neither, it cannot be read, it is too large, or nothing came in time.
    """
    try:
        _check_kind(path.stat().st_mode, pipe=True)
        # Without O_NONBLOCK a FIFO without a writer would hold the opening itself.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)  # what the name leads to may have been exchanged
            _check_kind(status.st_mode, pipe=True)
            if status.st_size > limit.most:
                raise _too_large(limit)
            is_pipe = stat.S_ISFIFO(status.st_mode)
            return _drain(descriptor, limit, PIPE_S if is_pipe else FILE_S)
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise _cannot(error) from error


def check_regular(path: Path) -> None:
    """A file that is read by parts, in any order, must be a regular one.

    Raises:
        Unreadable: it is none.
    """
    try:
        _check_kind(path.stat().st_mode, pipe=False)
    except (OSError, ValueError) as error:
        raise _cannot(error) from error


def _check_kind(mode: int, *, pipe: bool) -> None:
    if stat.S_ISREG(mode) or (pipe and stat.S_ISFIFO(mode)):
        return
    kinds = {stat.S_IFDIR: "a directory", stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a pipe"}
    kinds |= dict.fromkeys((stat.S_IFCHR, stat.S_IFBLK), "a device")
    kind = kinds.get(stat.S_IFMT(mode), "something else")
    raise Unreadable(f"this is {kind}, no file", "Name a file" + (" or a pipe." if pipe else "."))


def _drain(descriptor: int, limit: ReadLimit, seconds: float) -> bytes:
    """All bytes up to the end, which must come in time."""
    until = time.monotonic() + seconds
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    # Reading at the end of a pipe and reading before the first writer came are the same; poll(2) can tell.
    content = io.BytesIO()  # which gives away what it has without a copy
    while (size := content.tell()) <= limit.most:
        left = until - time.monotonic()
        if left <= 0 or not poll.poll(min(left, PIPE_S) * 1000):
            came = f"{size} bytes came, and no end" if size else "nothing came"
            remedy = "Write it to a file first, and name that file."
            raise Unreadable(f"within {PIPE_S:g} s {came}", remedy)
        try:
            chunk = os.read(descriptor, min(_CHUNK, limit.most + 1 - size))
        except BlockingIOError:
            continue
        if not chunk:
            return content.getvalue()
        content.write(chunk)
    raise _too_large(limit)


def _too_large(limit: ReadLimit) -> Unreadable:
    remedy = "Check that it is the right file, or leave out what it does not need."
    return Unreadable(f"this is larger than {limit.what} may be ({limit.in_words})", remedy)


def _cannot(error: OSError | ValueError) -> Unreadable:
    remedy = "Check its name and its permissions."
    if isinstance(error, OSError) and error.errno == errno.ELOOP:
        remedy = "Name the file that the links are to lead to."
    said = error.strerror if isinstance(error, OSError) else None
    return Unreadable(f"the file cannot be read: {said or error}", remedy)
