"""The resident agent of the program fsspec: its file system over FTP.

Each attempt makes the calls of a caller - ``FTPFileSystem(...)``, which connects and logs in, and ``put`` of
a file - and reports what they returned or raised. A request::

    {
        "op": "attempt",
        "goal": "transfer",
        "host": "ftp.lab.test",
        "port": 21,
        "timeout_s": 10,
        "tls": true,
        "user": "lab",
        "password": "...",
        "payload": {"name": "x.txt", "size": 1024},
    }

``tls`` is what the caller gives the option of this name: true, false, or a word such as "tls".

A path of fsspec is absolute; the file goes to the directory in which the user starts, for which the server is
asked (``PWD``).
"""

import ftplib
import os
import socket
import ssl
from importlib.metadata import version
from typing import Any, Optional, Tuple

from fsspec.implementations import ftp as module
from python_tls import ObservedAttempt, check, payload_file, serve
from resident import Progress, Request, Result

_RAISED = (ftplib.Error, OSError, EOFError, ValueError)

_CONNECTION = tuple("host port timeout_s tls user password".split())
_NEEDED = {"login": _CONNECTION, "transfer": (*_CONNECTION, "payload")}

#: The attempt that this process is at.
_current: Optional["_Attempt"] = None


class _Observed(ftplib.FTP):
    """Mixed in before a class of ftplib: notes what passes through, and changes nothing."""

    def connect(self, *arguments: Any, **named: Any) -> str:
        _note("connect")
        if _current:
            _current.ftp = self
        welcome = super().connect(*arguments, **named)
        _note("starttls" if isinstance(self, ftplib.FTP_TLS) else "login", self.sock)
        return welcome

    def login(self, *arguments: Any, **named: Any) -> str:
        if not isinstance(self, ftplib.FTP_TLS) or isinstance(self.sock, ssl.SSLSocket):
            _note("login", self.sock)
        return super().login(*arguments, **named)

    def getmultiline(self) -> str:
        reply = super().getmultiline()
        if _current:
            _current.reply = reply
        return reply

    def ntransfercmd(self, cmd: str, rest: Any = None) -> Tuple[socket.socket, Optional[int]]:
        connection, size = super().ntransfercmd(cmd, rest)
        if _current:
            _current.report["data_protected"] = isinstance(connection, ssl.SSLSocket)
            if isinstance(connection, ssl.SSLSocket):
                _current.report["session_reused"] = connection.session_reused
        return connection, size


class _ObservedTLS(_Observed, ftplib.FTP_TLS):
    def auth(self) -> str:
        reply = super().auth()
        _note("login", self.sock)
        return reply

    def prot_p(self) -> str:
        _note("protect")
        return super().prot_p()


class _ObservedFTP(_Observed, ftplib.FTP):
    pass


class _ObservedImplicit(_Observed, module.ImplicitFTPTLS):
    pass


# The file system makes these by their names in its module.
module.FTP, module.FTP_TLS, module.ImplicitFTPTLS = _ObservedFTP, _ObservedTLS, _ObservedImplicit


def _note(step: str, connection: Any = None) -> None:
    if _current is None:
        return
    if isinstance(connection, ssl.SSLSocket):
        _current.note_tls(connection)
    if step:
        _current.step(step)


def attempt(request: Request, progress: Progress) -> Result:
    """One attempt; see the module's text for the request."""
    global _current
    check(request, _NEEDED)
    _current = _Attempt(request, progress)
    try:
        return _current.run()
    finally:
        _current = None


class _Attempt(ObservedAttempt):
    raised = _RAISED

    def __init__(self, request: Request, progress: Progress) -> None:
        super().__init__(request, progress)
        self.ftp: Optional[ftplib.FTP] = None
        self.reply = ""

    def walk(self) -> None:
        request = self.request
        self.step("connect")
        # Of one that fails as it is made, what ends it says "no attribute 'ftp'" on standard error.
        files = module.FTPFileSystem(
            request["host"],
            request["port"],
            request["user"],
            request["password"],
            timeout=request["timeout_s"],
            tls=request["tls"],
            skip_instance_cache=True,
        )
        if request["goal"] == "transfer":
            self.step("put")
            with payload_file(request) as path:
                files.put(path, files.ftp.pwd().rstrip("/") + "/" + os.path.basename(path))
        self.step("quit")

    def note_end(self) -> None:
        if self.ftp is not None:
            # What a caller's program does when the file system is collected; there is no QUIT.
            self.ftp.close()
        self.note_reply(self.reply[:3], self.reply[4:])

    def note_failure(self, error: Exception, traced: str) -> None:
        if self.report["step"] == "connect" and self.ftp is not None and self.ftp.sock is not None:
            # connect() is two steps in one, three with TLS from the first byte on.
            self.report["step"] = "greeting"
        super().note_failure(error, traced)


if __name__ == "__main__":
    serve("fsspec", attempt, fsspec=version("fsspec"))
