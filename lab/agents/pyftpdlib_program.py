"""pyftpdlib, as the agent handles it: one process serves all sessions of a listener."""

# ruff: noqa: UP006, UP007, UP035, UP045

import json
import os
import re
import select
from importlib.metadata import version
from typing import Any, Dict, List, Optional

import pyftpdlib_listener
from listener import Listener, ListenerEnded
from OpenSSL import SSL

#: Suites that pyOpenSSL lists and a listener cannot use: those of TLS 1.3, which no cipher list
#: governs, those that need a shared secret, and those without a certificate, which level 2 forbids.
_UNUSABLE = re.compile(r"^TLS_|PSK|SRP|^ADH|^AECDH")

#: How long a listener may take to answer the agent, in seconds.
ANSWER_S = 2.0


class Pyftpdlib:
    """Forks listeners from this process, which has the library loaded: that takes milliseconds."""

    def start(self, config: str) -> None:
        """Become a listener; called in a forked process."""
        with open(config, encoding="utf-8") as file:
            pyftpdlib_listener.serve(json.load(file))

    def account(self, name: str, password: str) -> None:
        """Nothing to do: the library has accounts of its own, the configuration names them."""

    def impersonate(self, listener: Listener) -> None:
        """Nothing to do: the configuration tells the listener's authorizer."""

    def stop_impersonating(self, listener: Listener) -> None:
        """Nothing to do: what was kept goes with the listener's directory."""

    def clean_up(self) -> None:
        """Nothing to do: an agent that was killed has left nothing outside its directories."""

    def make_upload_directories(self, listener: Listener) -> None:
        """Nothing to do: the listener writes as itself, for every user."""

    def expect_upload(self, listener: Listener, name: str) -> None:
        """Nothing to do: every user can make files."""

    def find_upload(self, listener: Listener, name: str) -> Optional[str]:
        """The path of what was uploaded under this name, if anything was."""
        path = os.path.join(listener.uploads, name)
        return path if os.path.exists(path) else None

    def is_quiet(self, listener: Listener) -> bool:
        """Ask the listener: a session logs its end after it has closed its connection."""
        return self._ask(listener, b"?") == b"0"

    def end_sessions(self, listener: Listener) -> None:
        """Close every session, not the listener."""
        self._ask(listener, b"k")

    def _ask(self, listener: Listener, word: bytes) -> bytes:
        control = listener.words.control
        answer = b""
        try:
            control.send(word)
            if select.select([control], [], [], ANSWER_S)[0]:
                answer = control.recv(1)
        except (BrokenPipeError, ConnectionResetError):
            pass  # its end is closed: it has ended, or is about to
        if not answer:
            select.select([listener.pidfd], [], [], ANSWER_S)
            listener.must_run()
            raise ListenerEnded("listener %s does not answer" % listener.key)
        return answer

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


def _names(context: SSL.Context) -> List[str]:
    names = SSL.Connection(context).get_cipher_list()
    return [name for name in names if not _UNUSABLE.search(name)]
