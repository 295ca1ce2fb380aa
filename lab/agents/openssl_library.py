"""The OpenSSL that a program is linked with, asked by loading that very library.

An ``openssl`` command line may belong to another library than the program does, or not be there.
"""

import ctypes
import re
from contextlib import contextmanager
from typing import Any, Iterator, List

from helper_programs import run

#: Numbers of protocol versions (RFC 6101, RFC 5246), and of the controls that limit a context to one
#: (OpenSSL 1.1.0 and newer, include/openssl/ssl.h).
VERSIONS = {"SSLv3": 0x300, "TLSv1": 0x301, "TLSv1.1": 0x302, "TLSv1.2": 0x303}
_SET_PROTO_VERSION = {"MIN": 123, "MAX": 124}
#: SSL_FILETYPE_PEM.
_PEM = 1


class OpenSSL:
    """The libssl and libcrypto of one program, from OpenSSL 1.0.2 on."""

    def __init__(self, program: str) -> None:
        """Find out what the dynamic loader gives to ``program``.

        Raises:
            OSError: it is not linked with OpenSSL, or the library cannot be loaded.
        """
        linked = run(["ldd", program])
        self.file = _linked_with("libcrypto", linked, program)
        self._crypto = ctypes.CDLL(self.file)
        self._ssl = ctypes.CDLL(_linked_with("libssl", linked, program))
        # Some names changed in 1.1.0, and the library began to initialise itself.
        self._is_old = not hasattr(self._crypto, "OpenSSL_version")
        if self._is_old:
            self._ssl.SSL_library_init()

    def version(self) -> str:
        """What the library says of itself, e.g. ``OpenSSL 3.5.7 9 Jun 2026``."""
        name = "SSLeay_version" if self._is_old else "OpenSSL_version"
        return _text(self._function(self._crypto, name, ctypes.c_char_p)(0))

    def suites(self, cipher_list: str) -> List[str]:
        """What a cipher list means to a server on this library: nothing if it means nothing.

        A cipher list does not govern the suites of TLS 1.3; they are left out.
        """
        with self._context() as context:
            if not self._ssl.SSL_CTX_set_cipher_list(context, cipher_list.encode()):
                self._crypto.ERR_clear_error()
                return []
            return self._supported(context)

    def speaks(self, version: str) -> bool:
        """Whether a server on this library has a suite for a version below TLS 1.3 at its default level.

        Raises:
            OSError: OpenSSL 1.0.2 knows neither levels nor such limits.
        """
        if self._is_old:
            raise OSError("%s knows no security levels" % self.file)
        with self._context() as context:
            for limit in ("MIN", "MAX"):
                number = _SET_PROTO_VERSION[limit]
                self._ssl.SSL_CTX_ctrl(context, number, ctypes.c_long(VERSIONS[version]), None)
            return bool(self._supported(context))

    def loads(self, chain: str, private_key: str) -> bool:
        """Whether a server on this library takes a certificate chain and its key, both files in PEM."""
        with self._context() as context:
            loaded: bool = (
                self._ssl.SSL_CTX_use_certificate_chain_file(context, chain.encode()) == 1
                and self._ssl.SSL_CTX_use_PrivateKey_file(context, private_key.encode(), _PEM) == 1
            )
            self._crypto.ERR_clear_error()
            return loaded

    @contextmanager
    def _context(self) -> Iterator[ctypes.c_void_p]:
        method = "SSLv23_server_method" if self._is_old else "TLS_server_method"
        context = self._pointer("SSL_CTX_new")(_pointer(self._pointer(method)()))
        if not context:
            raise OSError("%s makes no SSL_CTX" % self.file)
        try:
            yield _pointer(context)
        finally:
            self._ssl.SSL_CTX_free(_pointer(context))

    def _supported(self, context: ctypes.c_void_p) -> List[str]:
        """The suites of a connection of this context, TLS 1.3 left out."""
        connection = self._pointer("SSL_new")(context)
        if not connection:
            raise OSError("%s makes no SSL" % self.file)
        try:
            return self._suites_of(_pointer(connection))
        finally:
            self._ssl.SSL_free(_pointer(connection))

    def _suites_of(self, connection: ctypes.c_void_p) -> List[str]:
        # "Supported" leaves out what the protocol versions and the security level rule out. 1.0.2
        # has no such function, and no security levels. Its list belongs to the connection.
        ask = "SSL_get_ciphers" if self._is_old else "SSL_get1_supported_ciphers"
        stack = _pointer(self._pointer(ask)(connection))
        prefix = "" if self._is_old else "OPENSSL_"
        value = self._function(self._crypto, prefix + "sk_value", ctypes.c_void_p)
        name = self._function(self._ssl, "SSL_CIPHER_get_name", ctypes.c_char_p)
        version = self._function(self._ssl, "SSL_CIPHER_get_version", ctypes.c_char_p)
        count = self._function(self._crypto, prefix + "sk_num", ctypes.c_int)(stack)
        suites = [_pointer(value(stack, number)) for number in range(count)]
        named = [_text(name(suite)) for suite in suites if _text(version(suite)) != "TLSv1.3"]
        if not self._is_old:
            self._crypto.OPENSSL_sk_free(stack)
        return named

    def _pointer(self, name: str) -> Any:
        return self._function(self._ssl, name, ctypes.c_void_p)

    @staticmethod
    def _function(library: ctypes.CDLL, name: str, result: Any) -> Any:
        function = getattr(library, name)
        function.restype = result
        return function


def _linked_with(library: str, linked: str, program: str) -> str:
    found = re.search(r"%s\S* => (\S+)" % library, linked)
    if found is None:
        raise OSError("%s is not linked with OpenSSL's %s" % (program, library))
    return found.group(1)


def _pointer(address: int) -> ctypes.c_void_p:
    # Without it ctypes would pass the address as a C int.
    return ctypes.c_void_p(address)


def _text(said: bytes) -> str:
    return said.decode("ascii")
