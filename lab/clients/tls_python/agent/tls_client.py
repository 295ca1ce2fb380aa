"""The resident agent of the program tls-python: a bare TLS client on Python's ssl, which asks for a page.

Each attempt makes the calls of an ordinary caller - ``ssl.create_default_context``,
``socket.create_connection``, ``wrap_socket``, a request and ``http.client`` to read the answer - and
reports what they returned or raised. The standard library of Python 3.6 only. A request::

    {
        "op": "attempt",
        "goal": "response",
        "host": "origin.lab.test",
        "port": 2100,
        "timeout_s": 10,
        "tls": true,
        "server_name": "origin.lab.test",
        "verify": true,
        "ca_file": null,
        "ciphers": null,
        "minimum": null,
        "maximum": "TLSv1.2",
        "certificate": null,
        "key": null,
        "refuse_rc4": false,
        "strict": null,
        "authorization": "Basic ...",
    }

``server_name`` is what the module sends (SNI) and, if it verifies, checks; ``null``: nothing is sent.
``strict`` sets or clears ``VERIFY_X509_STRICT``; ``null``: as the interpreter has it (set from 3.13 on).
"""

import contextlib
import http.client
import socket
import ssl

from python_tls import ObservedAttempt, check, make_context, serve
from resident import Progress, Request, Result

_NEEDED = (
    "host port timeout_s tls server_name verify ca_file ciphers minimum maximum certificate key"
    " refuse_rc4 strict authorization"
).split()

#: OpenSSL's alert to a peer that has ended the connection without one (since 3.0).
_MISSES_CLOSE_NOTIFY = "TLSV1_ALERT_DECODE_ERROR"


class Refused(Exception):
    """The caller does not want to go on; the text is what it tells its operator."""


#: What the socket, ssl and http modules raise, and the caller. Anything else is a defect of this agent.
_RAISED = (OSError, http.client.HTTPException, ValueError, Refused)


def attempt(request: Request, progress: Progress) -> Result:
    """One attempt; see the module's text for the request."""
    check(request, {"handshake": _NEEDED, "response": _NEEDED})
    return _Attempt(request, progress).run()


class _Attempt(ObservedAttempt):
    raised = _RAISED
    late_alert = ""

    def walk(self) -> None:
        request = self.request
        self.step("connect")
        # The context is made before the connection, so that a mistake in it costs none.
        context = make_context(request) if request["tls"] else None
        if context is not None and request["strict"] is not None:
            flags = context.verify_flags & ~ssl.VERIFY_X509_STRICT
            context.verify_flags = flags | ssl.VERIFY_X509_STRICT if request["strict"] else flags
        where = (request["host"], request["port"])
        connection = socket.create_connection(where, request["timeout_s"])
        if context is not None:
            self.step("handshake")
            protected = context.wrap_socket(connection, server_hostname=request["server_name"])
            connection = protected
            self.note_tls(protected)
            if request["refuse_rc4"] and "RC4" in (self.report["cipher"] or ""):
                connection.close()
                raise Refused("Using RC4 Cipher")
            if request["goal"] == "handshake" and self.report["protocol"] == "TLSv1.3":
                self._leave(protected)
        if request["goal"] == "response":
            self.step("response")
            self._ask(connection)
        connection.close()

    def _leave(self, connection: ssl.SSLSocket) -> None:
        """Leave after the handshake: say that nothing more will be sent, and wait for the end.

        In TLS 1.3 a server can refuse the client's certificate after the client has finished its
        part; writing anything, a close_notify too, could meet the reset that follows the alert, and
        lose the alert. That the server merely closes is no failure; a server that misses the
        close_notify may say so.
        """
        with contextlib.suppress(OSError):
            # The reset may be there already.
            socket.socket.shutdown(connection, socket.SHUT_WR)
        try:
            while connection.recv(4096):
                pass
        except ssl.SSLError as error:
            if _is_alert(error) and error.reason != _MISSES_CLOSE_NOTIFY:
                raise
        except socket.timeout:
            pass

    def _ask(self, connection: socket.socket) -> None:
        host, port = self.request["host"], self.request["port"]
        lines = (
            "GET / HTTP/1.1",
            f"Host: {host}:{port}",
            f"Authorization: {self.request['authorization']}",
            "Connection: close",
            "",
            "",
        )
        try:
            connection.sendall("\r\n".join(lines).encode("ascii"))
        except OSError:
            self._note_late_alert(connection)
            raise
        response = http.client.HTTPResponse(connection, method="GET")
        response.begin()
        self.report["reply_code"] = response.status
        self.report["reply_text"] = response.reason
        response.read()
        if response.status != 200:
            raise Refused(f"HTTP Error {response.status}: {response.reason}")

    def _note_late_alert(self, connection: socket.socket) -> None:
        """Where a write has met a closed connection, what the server had to say is still there."""
        connection.setblocking(False)
        try:
            connection.recv(1)
        except OSError as error:
            if _is_alert(error):
                self.late_alert = str(error)

    def note_failure(self, error: Exception, traced: str) -> None:
        self.report["error"] = str(error) or traced
        self.report["message"] = _message(error) or self.report["error"]
        if self.late_alert:
            self.report["error"] += "; " + self.late_alert
        if isinstance(error, http.client.HTTPException) and not isinstance(error, OSError):
            # Some of these say nothing but what they have read.
            self.report["error"] = self.report["message"] = traced


def _is_alert(error: Exception) -> bool:
    """Whether the peer has sent an alert."""
    return isinstance(error, ssl.SSLError) and "ALERT" in (error.reason or "")


def _message(error: Exception) -> str:
    """What an operator is shown: what is wrong with the certificate, else the library's own words."""
    if isinstance(error, ssl.SSLError):
        # Python 3.6 has the number and the words of neither.
        invalid = getattr(error, "verify_message", None)
        return str(invalid) if invalid else _reason(error)
    if isinstance(error, OSError):
        return error.strerror or ""
    return ""


def _reason(error: ssl.SSLError) -> str:
    """The words without the frame ``[SSL: NAME] words (_ssl.c:LINE)`` that the module puts around them."""
    return str(error).partition("] ")[2].rpartition(" (")[0]


if __name__ == "__main__":
    serve("tls-python", attempt)
