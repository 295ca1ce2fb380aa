"""The resident agent of the programs ftplib and ftplib-reuse: Python's own ftplib.

Each attempt makes the calls that a caller of ``ftplib`` makes - ``connect``, ``auth``, ``login``,
``prot_p``, ``storbinary``, ``quit`` - with a context from ``ssl.create_default_context()``, and
reports what they returned or raised. The standard library of Python 3.6 only. A request::

    {
        "op": "attempt",
        "goal": "transfer",
        "host": "ftp.lab.test",
        "port": 21,
        "timeout_s": 10,
        "tls": true,
        "reuse": false,
        "passive": true,
        "verify": true,
        "ca_file": null,
        "ciphers": null,
        "minimum": null,
        "maximum": "TLSv1.2",
        "certificate": null,
        "key": null,
        "user": "lab",
        "password": "...",
        "protect_data": true,
        "payload": {"name": "x.txt", "size": 1024},
    }

``reuse`` is the correction that ftplib needs where a server demands it: every data connection
resumes the control connection's TLS session. Without ``protect_data`` there is no ``prot_p``: the data
channel is then in clear text.
"""

import ftplib
import io
import socket
import ssl
from typing import Any, Optional, Tuple

from python_tls import ObservedAttempt, check, make_context, serve
from resident import Progress, Request, Result, payload

#: What ftplib, the socket and ssl modules raise. Anything else is a defect of this agent.
_RAISED = (ftplib.Error, OSError, EOFError, ValueError)

_CONNECTION = tuple(
    "host port timeout_s tls reuse verify ca_file ciphers minimum maximum certificate key".split()
)
#: What a request for each goal has to say.
_NEEDED = {
    "handshake": _CONNECTION,
    "login": (*_CONNECTION, "user", "password", "protect_data"),
    "transfer": (*_CONNECTION, "user", "password", "protect_data", "passive", "payload"),
}


class ReusingFTP(ftplib.FTP_TLS):
    """``FTP_TLS`` whose data connections resume the control connection's session."""

    def ntransfercmd(self, cmd: str, rest: Any = None) -> Tuple[socket.socket, Optional[int]]:
        """Open the data connection for a command, as ftplib's method of this name does."""
        connection, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        control = self.sock
        if getattr(self, "_prot_p", False) and isinstance(control, ssl.SSLSocket):
            connection = self.context.wrap_socket(
                connection, server_hostname=self.host, session=control.session
            )
        return connection, size


class _Observed(ftplib.FTP):
    """Mixed in before a class of ftplib: keeps what passes through two of its methods."""

    reply = ""
    data_protected: Optional[bool] = None
    session_reused: Optional[bool] = None

    def getmultiline(self) -> str:
        self.reply = super().getmultiline()
        return self.reply

    def ntransfercmd(self, cmd: str, rest: Any = None) -> Tuple[socket.socket, Optional[int]]:
        connection, size = super().ntransfercmd(cmd, rest)
        self.data_protected = isinstance(connection, ssl.SSLSocket)
        if isinstance(connection, ssl.SSLSocket):
            self.session_reused = connection.session_reused
        return connection, size


class _ObservedFTP(_Observed, ftplib.FTP):
    pass


class _ObservedTLS(_Observed, ftplib.FTP_TLS):
    pass


class _ObservedReusing(_Observed, ReusingFTP):
    pass


def attempt(request: Request, progress: Progress) -> Result:
    """One attempt; see the module's text for the request."""
    check(request, _NEEDED)
    return _Attempt(request, progress).run()


class _Attempt(ObservedAttempt):
    raised = _RAISED

    def __init__(self, request: Request, progress: Progress) -> None:
        super().__init__(request, progress)
        self.ftp: _Observed = _ObservedFTP()

    def walk(self) -> None:
        request = self.request
        self.step("connect")
        if request["tls"]:
            # The context is made before the connection, as every caller of FTP_TLS has to.
            kind = _ObservedReusing if request["reuse"] else _ObservedTLS
            self.ftp = kind(context=make_context(request))
        self.ftp.connect(request["host"], request["port"], request["timeout_s"])
        if isinstance(self.ftp, ftplib.FTP_TLS):
            self.step("starttls")
            self.ftp.auth()
            if isinstance(self.ftp.sock, ssl.SSLSocket):
                self.note_tls(self.ftp.sock)
        if request["goal"] == "handshake":
            self._quit()
            return
        self.step("login")
        self.ftp.login(request["user"], request["password"])
        if isinstance(self.ftp, ftplib.FTP_TLS) and request["protect_data"]:
            self.step("protect")
            self.ftp.prot_p()
        if request["goal"] == "transfer":
            self.step("put")
            self.ftp.set_pasv(request["passive"])
            self.ftp.storbinary("STOR " + request["payload"]["name"], io.BytesIO(payload(request)))
        self._quit()

    def _quit(self) -> None:
        """Leave politely. Every server closes now, some without a reply: that is no failure."""
        self.step("quit")
        try:
            self.ftp.quit()
        except (EOFError, OSError, ftplib.Error) as error:
            if self.may_be_refused and _is_alert_or_reset(error):
                raise

    def note_end(self) -> None:
        self.note_reply(self.ftp.reply[:3], self.ftp.reply[4:])
        self.report["data_protected"] = self.ftp.data_protected
        self.report["session_reused"] = self.ftp.session_reused

    def note_failure(self, error: Exception, traced: str) -> None:
        if self.report["step"] == "connect" and self.ftp.sock is not None:
            # connect() is two steps in one.
            self.report["step"] = "greeting"
        super().note_failure(error, traced)


def _is_alert_or_reset(error: Exception) -> bool:
    """Whether the peer refused, as against merely closed."""
    if isinstance(error, ssl.SSLError):
        # On a reset while writing, the ssl module has no words but "[SYS] unknown error".
        return "ALERT" in (error.reason or "") or error.errno == ssl.SSL_ERROR_SYSCALL
    return isinstance(error, ConnectionError)


if __name__ == "__main__":
    serve("python-ftp", attempt)
