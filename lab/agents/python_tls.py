"""What the agents on Python's ssl module have in common: an attempt's frame, contexts, errors by symbol.

The standard library of Python 3.6 only.
"""

import contextlib
import errno
import os
import platform
import socket
import ssl
import tempfile
import time
import traceback
import warnings
from typing import Any, Dict, Iterator, Optional, Sequence, Tuple, Type

from resident import BadRequest, ForkedHandler, Progress, Request, ResidentAgent, Result, payload

#: The resolver's numbers by their names, as ``socket`` has them.
_EAI_NAME = {getattr(socket, name): name for name in dir(socket) if name.startswith("EAI_")}

#: Protocol versions in ascending order, as constants of the ssl module have them in their names.
_VERSIONS = ("SSLv3", "TLSv1", "TLSv1_1", "TLSv1_2", "TLSv1_3")


def check(request: Request, needed: Dict[str, Sequence[str]]) -> None:
    """See that a request has a goal of these, and says what that needs.

    Raises:
        BadRequest: it does not.
    """
    goal = request.get("goal")
    if goal not in needed:
        raise BadRequest(f"the goal {goal!r} is none of {', '.join(needed)}")
    for name in needed[goal]:
        if name not in request:
            raise BadRequest(f"the goal {goal} needs {name}")


class ObservedAttempt:
    """The steps of an attempt in their order, and what was seen at each.

    ``walk`` takes them; what it raises of ``raised`` is the result, because it is what the program's user
    sees. Anything else is a defect of the agent.
    """

    raised: Tuple[Type[Exception], ...] = (OSError, ValueError)

    def __init__(self, request: Request, progress: Progress) -> None:
        self.request = request
        self.progress = progress
        self.report: Dict[str, Any] = {"failed": False, "library": ssl.OPENSSL_VERSION}

    def run(self) -> Result:
        """Make the attempt; its report."""
        started = time.monotonic()
        with warnings.catch_warnings(record=True) as caught:
            try:
                self.walk()
            except self.raised as error:
                self.report["failed"] = True
                self.note_failure(
                    error, traceback.format_exception_only(type(error), error)[-1].strip()
                )
                if isinstance(error, ssl.SSLError):
                    self.report["verify_code"] = getattr(error, "verify_code", None)
                elif isinstance(error, OSError):
                    self.report["errno"] = error_symbol(error)
        self.note_end()
        self.report["warnings"] = [str(warning.message) for warning in caught]
        self.report["elapsed_ms"] = (time.monotonic() - started) * 1000.0
        return self.report

    def step(self, name: str) -> None:
        """The next step begins."""
        self.report["step"] = name
        self.progress(**self.report)

    def note_tls(self, connection: ssl.SSLSocket) -> None:
        """What was negotiated."""
        cipher = connection.cipher()
        self.report["protocol"] = connection.version()
        self.report["cipher"] = cipher[0] if cipher else None
        self.report["verified"] = is_verified(connection)

    def note_reply(self, code: str, text: str) -> None:
        """What the server has said last; nothing where it said nothing."""
        if code:
            self.report["reply_code"] = int(code) if code.isdigit() else None
            self.report["reply_text"] = text

    @property
    def may_be_refused(self) -> bool:
        """Whether the server may still refuse the client's certificate when the handshake is over.

        In TLS 1.3 it can, after the client has finished its part: an alert or a reset is then what the client
        gets instead of the next reply.
        """
        return self.request["goal"] == "handshake" and self.report.get("protocol") == "TLSv1.3"

    def walk(self) -> None:
        """Take the steps."""
        raise NotImplementedError

    def note_failure(self, error: Exception, traced: str) -> None:
        """Report the error and its message.

        ``traced`` is the last line of the traceback, which a caller that does not handle it leaves its user.
        """
        self.report["message"] = traced
        self.report["error"] = str(error) or traced

    def note_end(self) -> None:
        """Report what is known at the end, whatever it was."""


@contextlib.contextmanager
def payload_file(request: Request) -> Iterator[str]:
    """The path of the file to deliver, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, request["payload"]["name"])
        with open(path, "wb") as file:
            file.write(payload(request))
        yield path


def make_context(request: Dict[str, Any]) -> ssl.SSLContext:
    """The context of an ordinary caller, changed only where the request says so."""
    context = ssl.create_default_context(cafile=request["ca_file"])
    if not request["verify"]:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if request["ciphers"] is not None:
        context.set_ciphers(request["ciphers"])
    limit_versions(context, request["minimum"], request["maximum"])
    if request["certificate"] is not None:
        context.load_cert_chain(request["certificate"], request["key"])
    return context


def limit_versions(context: ssl.SSLContext, minimum: Optional[str], maximum: Optional[str]) -> None:
    """Set the ends of the range that are not ``None``, the way this interpreter has.

    ``minimum_version`` and ``maximum_version`` came with Python 3.7 and OpenSSL 1.1.0; before, each
    version has an option that switches it off.
    """
    lowest, highest = (
        None if end is None else _VERSIONS.index(end.replace(".", "_"))
        for end in (minimum, maximum)
    )
    if hasattr(context, "maximum_version"):
        for end, place in (("minimum_version", lowest), ("maximum_version", highest)):
            if place is not None:
                setattr(context, end, getattr(ssl.TLSVersion, _VERSIONS[place]))
    for place, version in enumerate(_VERSIONS):
        option = getattr(ssl, "OP_NO_" + version, 0)
        if lowest is not None and place >= lowest:
            # create_default_context() switches SSLv3 off: an explicit minimum asks for it.
            context.options &= ~option
        if not hasattr(context, "maximum_version") and (
            (lowest is not None and place < lowest) or (highest is not None and place > highest)
        ):
            context.options |= option


def is_verified(connection: ssl.SSLSocket) -> bool:
    """Whether the peer's certificate was checked.

    An anonymous cipher suite completes without a certificate, whatever the mode.
    """
    return (
        connection.context.verify_mode == ssl.CERT_REQUIRED
        and connection.getpeercert(binary_form=True) is not None
    )


def error_symbol(error: OSError) -> Optional[str]:
    """The symbol of the system's or the resolver's error, e.g. ECONNREFUSED, EAI_NONAME."""
    if isinstance(error, socket.gaierror):
        return _EAI_NAME.get(error.errno or 0, f"EAI {error.errno}")
    if isinstance(error, socket.timeout):
        return "ETIMEDOUT"
    return errno.errorcode.get(error.errno or 0)


def serve(name: str, attempt: ForkedHandler, **more: str) -> None:
    """Serve attempts until standard input ends; ``more`` are versions beside the interpreter's.

    What a connection would load is loaded before the first fork.
    """
    # The codec of host names, which the interpreter loads at the first lookup.
    "lab.test".encode("idna")
    ssl.create_default_context()
    known = {"python": platform.python_version(), "openssl": ssl.OPENSSL_VERSION, **more}
    ResidentAgent(name, versions=known, forked={"attempt": attempt}, keeps=True).run()
