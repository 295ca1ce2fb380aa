"""One pyftpdlib listener: the small program that a user of the library writes around it.

``server.py`` has this module loaded and forks for each listener, which takes milliseconds;
``serve`` then never returns. The library's behaviour is left alone: the listener sets attributes
that the handler classes document, restricts the TLS context that the library made, and logs more.

File descriptor 0 is a socket to the agent. A byte from the agent is answered with one: ``1`` when a
connection is open, else ``0``; the byte ``k`` ends every session first. Its end ends the listener.
"""

# ruff: noqa: UP006, UP035

import logging
import os
import re
import socket
import warnings
import weakref
from typing import Any, Dict, NoReturn, Set

import captured
from OpenSSL import SSL
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.log import LogFormatter
from pyftpdlib.servers import FTPServer

#: What an FTP user may do: everything except to change the mode and time of files.
PERMISSIONS = "elradfmw"

_OFF = {
    "SSLv3": SSL.OP_NO_SSLv3,
    "TLSv1": SSL.OP_NO_TLSv1,
    "TLSv1.1": SSL.OP_NO_TLSv1_1,
    "TLSv1.2": SSL.OP_NO_TLSv1_2,
    "TLSv1.3": SSL.OP_NO_TLSv1_3,
}


def serve(configuration: Dict[str, Any]) -> NoReturn:
    """Serve until descriptor 0 ends. The reason why it cannot start goes to stderr, status 1."""
    try:
        log_to(configuration["log"])
        loop = IOLoop()
        place = (configuration["address"], configuration["port"])
        server = FTPServer(place, handler_class(configuration), ioloop=loop)
        _Agent(loop, server)
    except Exception as error:
        # Whatever the library has against this configuration is what the lab wants to show.
        os.write(2, ("%s: %s\n" % (type(error).__name__, error)).encode())
        os._exit(1)
    server.serve_forever(handle_exit=False)
    os._exit(0)


def handler_class(configuration: Dict[str, Any]) -> type:
    """The library's handler class, with the attributes that the configuration names.

    Raises:
        AttributeError: the configuration names an attribute that the class does not have.
    """
    kept = configuration["captured"]
    authorizer = ImpostorAuthorizer(configuration["user"], kept) if kept else DummyAuthorizer()
    uploads = configuration["uploads"]
    authorizer.add_user(configuration["user"], configuration["password"], uploads, perm=PERMISSIONS)
    if configuration["anonymous"]:
        with warnings.catch_warnings():
            # "Write permissions assigned to anonymous user": they are, on purpose.
            warnings.simplefilter("ignore", RuntimeWarning)
            authorizer.add_anonymous(uploads, perm=PERMISSIONS)
    library = TLS_FTPHandler if configuration["tls"] else FTPHandler
    for name in configuration["attributes"]:
        if not hasattr(library, name):
            raise AttributeError("%s has no attribute %r" % (library.__name__, name))
    base = _tls_handler(configuration) if configuration["tls"] else FTPHandler
    attributes = dict(configuration["attributes"], authorizer=authorizer)
    return type("Handler", (_Counted, base), attributes)


class ImpostorAuthorizer(DummyAuthorizer):  # type: ignore[misc]
    """Lets every user in, whatever the password, with the rights of one account; keeps both.

    Anonymous users keep the account that the configuration may give them.
    """

    def __init__(self, account: str, kept: str) -> None:
        super().__init__()
        self._account = account
        self._kept = kept

    def validate_authentication(self, username: str, password: str, _handler: Any) -> None:
        """As the library's method of this name, which raises what the client is told."""
        captured.record(self._kept, username, password)
        if username not in self.user_table:
            self.user_table[username] = self.user_table[self._account]


class _Counted:
    """Remembers the sessions: while one waits after a wrong password, the loop does not know it."""

    _closed: bool
    everyone: "weakref.WeakSet[_Counted]" = weakref.WeakSet()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.everyone.add(self)


def _tls_handler(configuration: Dict[str, Any]) -> type:
    class Handler(TLS_FTPHandler):  # type: ignore[misc]
        @classmethod
        def get_ssl_context(cls) -> SSL.Context:
            fresh = cls.ssl_context is None
            context: SSL.Context = super().get_ssl_context()
            if fresh and configuration["ciphers"] is not None:
                context.set_cipher_list(configuration["ciphers"].encode())
            return context

        def handle_ssl_established(self) -> None:
            super().handle_ssl_established()
            _log_negotiated(self, "control")

    class DataHandler(TLS_FTPHandler.dtp_handler):  # type: ignore[misc]
        def handle_ssl_established(self) -> None:
            super().handle_ssl_established()
            _log_negotiated(self, "data")

    Handler.dtp_handler = DataHandler
    if configuration["protocols_off"] is not None:
        Handler.ssl_options = SSL.OP_NO_SSLv2 | SSL.OP_NO_COMPRESSION
        for version in configuration["protocols_off"]:
            Handler.ssl_options |= _OFF[version]
    return Handler


def _log_negotiated(handler: Any, channel: str) -> None:
    handler.log(
        "TLS on the %s channel: %s, %s"
        % (channel, handler.socket.get_protocol_version_name(), handler.socket.get_cipher_name())
    )


def log_to(path: str) -> None:
    """The library's log with commands, replies and the errors that it only tells at debug level."""
    output = logging.FileHandler(path, encoding="utf-8")
    formatter = LogFormatter()
    formatter._coloured = False
    output.setFormatter(formatter)
    output.addFilter(_is_evidence)
    logger = logging.getLogger("pyftpdlib")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.handlers[:] = [output]


def _is_evidence(record: logging.LogRecord) -> bool:
    """Of the library's trace only errors are kept; "want read" is how non-blocking TLS works.

    Of the object that the trace describes at the end, the class is kept: ``Handler`` is the control
    channel, ``DataHandler`` the data channel.
    """
    text = record.getMessage()
    if not text.startswith("[debug]"):
        return True
    record.msg, record.args = re.sub(r" \(<(\w+)\(.*\)$", r" (\1)", text), None
    return "err: " in text and "ssl-want-" not in text


class _Agent:
    """The connection to the agent, as one more channel of the library's loop."""

    def __init__(self, loop: Any, server: FTPServer) -> None:
        self._loop = loop
        self._server = server
        self._socket = socket.socket(fileno=0)
        self._socket.setblocking(False)
        loop.register(0, self, loop.READ)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def _sessions(self) -> Set[Any]:
        ours = (self, self._server)
        channels = {channel for channel in self._loop.socket_map.values() if channel not in ours}
        return channels | {session for session in _Counted.everyone if not session._closed}

    def handle_read_event(self) -> None:
        word = self._socket.recv(1)
        if not word:
            os._exit(0)
        if word == b"k":
            for channel in self._sessions():
                # As after an unhandled error: without waiting for the client's close_notify.
                channel._error = True
                channel.close()
        self._socket.send(b"1" if self._sessions() else b"0")

    def handle_read(self) -> None:
        self.handle_read_event()

    def handle_error(self) -> None:
        logging.getLogger("pyftpdlib").exception("the agent's channel failed")

    def handle_close(self) -> None:
        os._exit(0)
