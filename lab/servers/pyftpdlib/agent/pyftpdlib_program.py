"""pyftpdlib, as the agent handles it, and the listener: the small program that its users write around it.

One process serves all sessions of a listener. The library's behaviour is left alone: the listener sets
attributes that the handler classes document, restricts the TLS context that the library made, and logs
more.
"""

import logging
import os
import re
import socket
import warnings
import weakref
from importlib.metadata import version
from typing import Any, Callable, Dict, List, Set

from OpenSSL import SSL
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.log import LogFormatter
from pyftpdlib.servers import FTPServer
from server_program import ForkedProgram, record_login

#: Suites that pyOpenSSL lists and a listener cannot use: those of TLS 1.3, which no cipher list
#: governs, those that need a shared secret, and those without a certificate, which level 2 forbids.
_UNUSABLE = re.compile(r"^TLS_|PSK|SRP|^ADH|^AECDH")
#: What an FTP user may do: everything except to change the mode and time of files.
PERMISSIONS = "elradfmw"


class PyftpdlibProgram(ForkedProgram):
    """Its listeners are forked from this process.

    Accounts and the impostor are in the listener's own configuration, it writes files as itself, and
    every user can make some: there is nothing to prepare.
    """

    def listener(self, configuration: Dict[str, Any]) -> Callable[[], object]:
        """As declared."""
        log_to(configuration["log"])
        loop = IOLoop()
        place = (configuration["address"], configuration["port"])
        server = FTPServer(place, handler_class(configuration), ioloop=loop)
        _Agent(loop, server)
        return lambda: server.serve_forever(handle_exit=False)

    def versions(self) -> Dict[str, Any]:
        """The library's version and those of the TLS library that it brings with it."""
        return {
            "server": "pyftpdlib %s" % version("pyftpdlib"),
            "package": "pyOpenSSL %s, cryptography %s"
            % (version("pyOpenSSL"), version("cryptography")),
            "library": SSL.OpenSSL_version(SSL.OPENSSL_VERSION).decode("ascii"),
            "library_file": "inside the cryptography wheel",
        }

    def default_ciphers(self) -> Dict[str, str]:
        """What a listener without a cipher list uses: what the library's fresh context has."""
        names = _names(SSL.Context(SSL.TLS_SERVER_METHOD))
        return {"list": ":".join(names), "source": "the TLS context that a listener makes"}

    def expand(self, cipher_list: str) -> List[str]:
        """What a list means to the library, TLS 1.3 left out; nothing if nothing."""
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        try:
            context.set_cipher_list(cipher_list.encode())
        except SSL.Error:
            return []
        return _names(context)

    def loads(self, chain: str, private_key: str) -> bool:
        """See :class:`ServerProgram`."""
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        try:
            context.use_certificate_chain_file(chain)
            context.use_privatekey_file(private_key)
        except SSL.Error:
            return False
        return True


def _names(context: SSL.Context) -> List[str]:
    names = SSL.Connection(context).get_cipher_list()
    return [name for name in names if not _UNUSABLE.search(name)]


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


class ImpostorAuthorizer(DummyAuthorizer):
    """Lets every user in, whatever the password, with the rights of one account; keeps both.

    Anonymous users keep the account that the configuration may give them.
    """

    def __init__(self, account: str, kept: str) -> None:
        super().__init__()
        self._account = account
        self._kept = kept

    def validate_authentication(self, username: str, password: str, _handler: Any) -> None:
        """As the library's method of this name, which raises what the client is told."""
        record_login(self._kept, username, password)
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
    class Handler(TLS_FTPHandler):
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

    class DataHandler(TLS_FTPHandler.dtp_handler):
        def handle_ssl_established(self) -> None:
            super().handle_ssl_established()
            _log_negotiated(self, "data")

    Handler.dtp_handler = DataHandler
    if configuration["protocols_off"] is not None:
        Handler.ssl_options = SSL.OP_NO_SSLv2 | SSL.OP_NO_COMPRESSION
        for version in configuration["protocols_off"]:
            Handler.ssl_options |= getattr(SSL, "OP_NO_" + version.replace(".", "_"))
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


PROGRAM = PyftpdlibProgram
