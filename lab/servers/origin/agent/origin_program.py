"""The lab's own web origin, as the agent handles it: one process serves all connections of a listener."""

# ruff: noqa: UP006, UP007, UP035, UP045

import _ssl
import json
import platform
import re
import ssl
import sys
from typing import Any, Dict, List, Optional

import origin_listener
from listener import ListenerProcess
from server_program import ServerProgram


class OriginProgram(ServerProgram):  # type: ignore[misc]
    """Forks listeners from this process, which has everything loaded: that takes milliseconds."""

    def __init__(self) -> None:
        self._library: Optional[Any] = None
        if ssl.OPENSSL_VERSION_INFO >= (1, 1):
            # Since then the list of a context is not yet what a connection can use: security levels.
            from openssl_library import OpenSSL

            self._library = OpenSSL(getattr(_ssl, "__file__", None) or sys.executable)

    def start(self, config: str) -> None:
        """Become a listener; called in a forked process."""
        self.give_up_root()
        with open(config, encoding="utf-8") as file:
            origin_listener.serve(json.load(file))

    def is_quiet(self, listener: ListenerProcess) -> bool:
        """Ask the listener: it knows a connection until it has logged its end."""
        return bool(listener.ask(b"?") == b"0")

    def end_sessions(self, listener: ListenerProcess) -> None:
        """End every connection, not the listener."""
        listener.ask(b"k")

    def versions(self) -> Dict[str, Any]:
        """The interpreter and the library under its ssl module."""
        return {
            "server": "the lab's own origin",
            "package": "Python %s" % platform.python_version(),
            "library": ssl.OPENSSL_VERSION,
            "library_file": _file_of("libcrypto"),
        }

    def default_ciphers(self) -> Dict[str, str]:
        """What a listener without a cipher list uses: what the interpreter's fresh context has."""
        names = self.expand(":".join(_names(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))))
        return {"list": ":".join(names), "source": "the TLS context that a listener makes"}

    def loads(self, chain: str, private_key: str) -> bool:
        """See :class:`ServerProgram`."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(chain, private_key)
        except ssl.SSLError:
            return False
        return True

    def speaks(self, version: str) -> bool:
        """See :class:`ServerProgram`."""
        if self._library is None:
            said: bool = super().speaks(version)
            return said
        spoken: bool = self._library.speaks(version)
        return spoken

    def expand(self, cipher_list: str) -> List[str]:
        """What a list means to the library, TLS 1.3 left out; nothing if nothing."""
        if self._library is not None:
            suites: List[str] = self._library.suites(cipher_list)
            return suites
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.set_ciphers(cipher_list)
        except ssl.SSLError:
            return []
        return _names(context)


def _names(context: ssl.SSLContext) -> List[str]:
    names = [suite["name"] for suite in context.get_ciphers()]
    return [name for name in names if not name.startswith("TLS_")]


def _file_of(library: str) -> str:
    """Where a library lies that this process has loaded."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        found = re.search(r" (/\S*/%s\S*)$" % library, maps.read(), re.MULTILINE)
    return found.group(1) if found else ""


PROGRAM = OriginProgram
