"""What the lab's client is given for a backend definition: it does as the network's edge would."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from lab.certificates import OWN, OWN_CLIENT
from lab.model import ServerSettings, WebClientSettings
from lab.own.backend import ADDRESSES, TABLE, TLS_PORT, Backend
from lab.own.backend_data import Form
from lab.own.findings import Finding, Findings, data
from lab.own.names import is_of_the_lab
from lab.text import is_address

C = TypeVar("C", bound=WebClientSettings)

_PLAIN_PORT = 80


def client_settings(backend: Backend, base: C, server: ServerSettings) -> tuple[C, list[Finding]]:
    """The client that does as the network's edge would, with the lab's server as its origin.

    Args:
        backend: the definition.
        base: everything that it does not say: program, platform, ...
        server: the origin. With a certificate of the person's own the client asks for the address of
            the definition, which the lab's DNS has to answer for; the lab's certificates are made out to
            the lab's names, and where the definition has the address there, the lab's server has its own.

    Returns:
        The settings and the findings; those of the definition itself are in ``backend.findings``.
    """
    translation = _Translation(backend, server)
    translation.say_where()
    translation.switch_tls()
    translation.verification()
    translation.names()
    translation.versions_and_times()
    return dataclasses.replace(base, **translation.changes), translation.found


class _Translation:
    """A definition on its way to settings."""

    def __init__(self, backend: Backend, server: ServerSettings) -> None:
        self.backend, self.server = backend, server
        self.own = server.certificate == OWN
        self.changes: dict[str, Any] = {}
        self.found = Findings(backend.file, TABLE)

    def say(self, words: str, name: str | None, /, **values: object) -> None:
        """Say something about a parameter; about the backend, if that is not there.

        The words may name any parameter of the definition.
        """
        at = self.backend.lines.get(name or "")
        line = self.backend.line if at is None else at.line
        self.found.say(words, line, **{**self.backend.lines, **values})

    def say_where(self) -> None:
        address, port = self.backend.address, self.backend.port
        if address is None or address == self.server.host:
            return
        if is_of_the_lab(address) or (self.own and not is_address(address)):
            self.changes["host"] = address
        if is_of_the_lab(address):
            return
        shown = address if port is None else f"{address}:{port}"
        name = next(n for n in (*ADDRESSES, "url") if n in self.backend.lines)
        host, software = self.server.host, self.server.software
        self.say("in-its-place", name, host=host, software=software, address=shown)

    def switch_tls(self) -> None:
        backend = self.backend
        self.changes["tls"] = backend.tls
        switch = "`.ssl = true;`" if backend.form is Form.VCL else "`use_ssl` (true)"
        if backend.use_ssl is None and not backend.tls:
            none = "no `port`, whose default is 80,"
            port = none if backend.port is None else f"port {backend.port}"
            self.say("plain-by-default", "port", port=port, switch=switch)
        elif backend.use_ssl is None and backend.form is Form.VCL:
            self.say("tls-by-port", "port", switch=switch)
        # In a package's manifest the address says it.
        said = next((name for name in ("use_ssl", "url") if name in backend.lines), None)
        if said is not None and backend.use_ssl and backend.port == _PLAIN_PORT:
            self.say("tls-to-port-80", said, use_ssl=backend.lines[said])
        elif said is not None and backend.use_ssl is False and backend.port == TLS_PORT:
            self.say("plain-to-port-443", said, use_ssl=backend.lines[said])
        unused = [n for n in backend.lines if n.startswith("ssl_") or "_tls_version" in n]
        if unused and not backend.tls:
            names = ", ".join(f"{n} (line {backend.lines[n].line})" for n in unused)
            self.say("without-tls", unused[0], names=names)

    def verification(self) -> None:
        backend = self.backend
        checks = self.changes["verify"] = backend.ssl_check_cert is not False
        if not checks:
            self.say("no-check", "ssl_check_cert")
        if backend.ssl_ca_cert is not None:
            self.changes["trust"] = OWN if backend.anchors else backend.ssl_ca_cert
            if not checks:
                self.say("trust-without-check", "ssl_ca_cert")

    def names(self) -> None:
        """The name that the certificate is checked for, and the one that is sent (SNI)."""
        backend = self.backend
        if backend.ssl_hostname is not None:
            self.say("deprecated", "ssl_hostname")
        checked = backend.ssl_cert_hostname or backend.ssl_hostname
        sent = backend.ssl_sni_hostname or backend.ssl_hostname
        if sent is None and checked is not None:
            sent = checked
            elsewhere = checked not in (backend.address, self.server.host)
            if elsewhere and backend.tls and backend.use_sni:
                self.say("no-sni", "ssl_cert_hostname")
        if (host := backend.override_host) is not None:
            unclear = checked is None and host != backend.address and backend.tls
            self.say("override-host-checked" if unclear else "override-host", "override_host")
        checked, sent = checked or backend.address, sent or backend.address
        # What it asks for is sent and checked anyway; in the place of the address, unless that is what it
        # asks for, the lab's server has a name of its own.
        host = self.changes.get("host")
        meant = (host,) if self.own else (backend.address, self.server.host)
        if checked is not None and checked not in meant:
            self.changes["verify_name"] = checked
        if backend.use_sni is False or (sent is not None and is_address(sent)):
            self.changes["sni"] = ""  # an address is no server name (RFC 6066, section 3)
        elif sent is not None and sent not in meant:
            self.changes["sni"] = sent
            # A client may check the name that it sends where it is told no other: IO::Socket::SSL does.
            self.changes.setdefault("verify_name", host if self.own else self.server.host)

    def versions_and_times(self) -> None:
        backend, times = self.backend, self.backend.timeouts
        if backend.ssl_ciphers is not None:
            self.changes["ciphers"] = backend.ssl_ciphers
        if backend.protocols is not None:
            self.changes["protocols"] = backend.protocols
        if backend.client is not None:
            self.changes["client_certificate"] = OWN_CLIENT
            self.say("client-certificate", "ssl_client_cert")
        # What is not there is the network's default; a connection in the lab takes no time worth a limit.
        usual = data(TABLE)["parameter"]["first_byte_timeout"]["default"] / 1000
        limit = self.changes["timeout_s"] = times.get("first_byte_timeout", usual)
        if "connect_timeout" in times:
            self.say("one-limit", "connect_timeout", limit=limit)
        if "between_bytes_timeout" in times:
            self.say("between-bytes", "between_bytes_timeout")
