"""pyftpdlib, as the agent handles it: one process serves all sessions of a listener."""

# ruff: noqa: UP006, UP007, UP035, UP045

import json
import os
import re
from importlib.metadata import version
from typing import Any, Dict, List, Optional

import pyftpdlib_listener
from listener import ListenerProcess
from OpenSSL import SSL
from server_program import ServerProgram

#: Suites that pyOpenSSL lists and a listener cannot use: those of TLS 1.3, which no cipher list
#: governs, those that need a shared secret, and those without a certificate, which level 2 forbids.
_UNUSABLE = re.compile(r"^TLS_|PSK|SRP|^ADH|^AECDH")


class PyftpdlibProgram(ServerProgram):  # type: ignore[misc]
    """Forks listeners from this process, which has the library loaded: that takes milliseconds.

    Accounts and the impostor are in the listener's own configuration, it writes files as itself, and
    every user can make some: there is nothing to prepare.
    """

    def start(self, config: str) -> None:
        """Become a listener; called in a forked process."""
        self.give_up_root()
        with open(config, encoding="utf-8") as file:
            pyftpdlib_listener.serve(json.load(file))

    def find_upload(self, listener: ListenerProcess, name: str) -> Optional[str]:
        """The path of what was uploaded under this name, if anything was."""
        path = os.path.join(listener.uploads, name)
        return path if os.path.exists(path) else None

    def is_quiet(self, listener: ListenerProcess) -> bool:
        """Ask the listener: a session logs its end after it has closed its connection."""
        return bool(listener.ask(b"?") == b"0")

    def end_sessions(self, listener: ListenerProcess) -> None:
        """Close every session, not the listener."""
        listener.ask(b"k")

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


PROGRAM = PyftpdlibProgram
