"""What the lab's client is given for a backend definition: it does as the network's edge would."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from lab.certificates import OWN
from lab.model import ServerSettings, WebClientSettings
from lab.own.backend import ADDRESSES, TLS_PORT, Backend, is_address
from lab.own.backend_data import Form
from lab.own.findings import Finding, Findings

C = TypeVar("C", bound=WebClientSettings)

_PLAIN_PORT = 80
#: The lab's own DNS zone: a name in it is meant as it is.
_ZONE = ".lab.test"


def client_settings(backend: Backend, base: C, server: ServerSettings) -> tuple[C, list[Finding]]:
    """The client that does as the network's edge would, with the lab's server as its origin.

    Args:
        backend: the definition.
        base: everything that it does not say: program, platform, ...
        server: the origin. With a certificate of the person's own the names of the definition are
            checked as they are; the lab's certificates are made out to the lab's names, and where the
            definition has the address there, the lab's server has its own.

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
        self.changes: dict[str, Any] = {}
        self.found = Findings(backend.file)

    def line(self, name: str | None) -> int:
        """The line of a parameter; of the backend, if it is not there."""
        at = self.backend.lines.get(name or "")
        return self.backend.line if at is None else at.line

    def warn(self, name: str | None, text: str) -> None:
        self.found.warn(self.line(name), text)

    def note(self, name: str, text: str) -> None:
        self.found.note(self.line(name), text)

    def written(self, name: str) -> str:
        return f"`{self.backend.lines[name]}`"

    def say_where(self) -> None:
        address, port = self.backend.address, self.backend.port
        if address is None or address == self.server.host:
            return
        if address.endswith(_ZONE):
            self.changes["host"] = address
            return
        shown = address if port is None else f"{address}:{port}"
        name = next(n for n in ADDRESSES if n in self.backend.lines)
        replaced = f"{self.server.host}, the lab's {self.server.software}"
        self.note(name, f"{replaced}, is in the place of {shown}")

    def switch_tls(self) -> None:
        backend = self.backend
        self.changes["tls"] = backend.tls
        switch = "`.ssl = true;`" if backend.form is Form.VCL else "`use_ssl` (true)"
        if backend.use_ssl is None and not backend.tls:
            none = "no `port`, whose default is 80,"
            port = none if backend.port is None else f"port {backend.port}"
            text = f"{port} and no {switch}: the edge speaks plain HTTP to this origin"
            self.warn("port", text)
        elif backend.use_ssl is None and backend.form is Form.VCL:
            meant = "the port 443 is taken to mean TLS, as the API does it"
            self.warn("port", f"no `.ssl`: {meant}; write {switch}")
        elif backend.use_ssl and backend.port == _PLAIN_PORT:
            text = f"{self.written('use_ssl')} with port 80: TLS to a port for plain HTTP"
            self.warn("use_ssl", text)
        elif backend.use_ssl is False and backend.port == TLS_PORT:
            text = f"{self.written('use_ssl')} with port 443: plain HTTP to a port for TLS"
            self.warn("use_ssl", text)
        if not backend.tls:
            unused = [n for n in backend.lines if n.startswith("ssl_") or "_tls_version" in n]
            if unused:
                names = ", ".join(f"{n} (line {self.line(n)})" for n in unused)
                self.warn(unused[0], f"without TLS these do nothing: {names}")

    def verification(self) -> None:
        backend = self.backend
        checks = self.changes["verify"] = backend.ssl_check_cert is not False
        if not checks:
            text = (
                f"{self.written('ssl_check_cert')} switches every check of the certificate off: whoever"
                " answers in the origin's place is believed. Safe instead: `ssl_cert_hostname` with a name"
                " of the certificate, `ssl_ca_cert` with the CA that issued it"
            )
            self.warn("ssl_check_cert", text)
        if backend.ssl_ca_cert is not None:
            self.changes["trust"] = OWN if backend.anchors else backend.ssl_ca_cert
            if not checks:
                text = f"{self.written('ssl_ca_cert')} does nothing: no certificate is checked"
                self.warn("ssl_ca_cert", text)

    def names(self) -> None:
        """The name that the certificate is checked for, and the one that is sent (SNI)."""
        backend = self.backend
        if backend.ssl_hostname is not None:
            text = (
                f"{self.written('ssl_hostname')} is deprecated: it stands for both, `ssl_cert_hostname`"
                " (checked) and `ssl_sni_hostname` (sent), where they are not there"
            )
            self.warn("ssl_hostname", text)
        checked = backend.ssl_cert_hostname or backend.ssl_hostname
        sent = backend.ssl_sni_hostname or backend.ssl_hostname
        if sent is None and checked is not None:
            sent = checked
            if checked not in (backend.address, self.server.host) and backend.tls:
                text = (
                    "no `ssl_sni_hostname`: here the name that is checked is also sent (what the network"
                    " sends then is not documented); `-c sni=NAME` sends another, `-c sni=` none"
                )
                self.note("ssl_cert_hostname", text)
        self._override_host(checked)
        own = self.server.certificate == OWN
        checked, sent = checked or backend.address, sent or backend.address
        # The lab's server has names of its own in the place of the address.
        meant = () if own else (backend.address, self.server.host)
        if checked is not None and checked not in meant:
            self.changes["verify_name"] = checked
        if sent is not None and is_address(sent):
            self.changes["sni"] = ""  # an address is no server name (RFC 6066, section 3)
        elif sent is not None and sent not in meant:
            self.changes["sni"] = sent
            if not own:
                # A client may check the name that it sends where it is told no other: IO::Socket::SSL does.
                self.changes.setdefault("verify_name", self.server.host)
        if not own:
            self._say_other_name()

    def _override_host(self, checked: str | None) -> None:
        host = self.backend.override_host
        if host is None:
            return
        text = "ignored, because the lab's origins answer whatever host they are asked for"
        if checked is None and host != self.backend.address and self.backend.tls:
            text += (
                "; without `ssl_cert_hostname` the network may check the certificate for this name: say"
                " what is to be checked, with `ssl_cert_hostname` and `ssl_sni_hostname`"
            )
            self.warn("override_host", text)
        else:
            self.note("override_host", text)

    def _say_other_name(self) -> None:
        """A name of the person's is in no certificate of the lab."""
        wanted = self.changes.get("verify_name")
        verified = self.changes["verify"] and self.changes["tls"]
        if wanted is None or not verified or wanted.endswith(_ZONE):
            return
        names = ("ssl_cert_hostname", "ssl_hostname")
        text = (
            f"no certificate of the lab is made out to {wanted}: the check of the name fails here, which"
            " says nothing about your origin. Serve the certificate of your origin, with --chain and --key"
        )
        self.warn(next((n for n in names if n in self.backend.lines), None), text)

    def versions_and_times(self) -> None:
        backend, times = self.backend, self.backend.timeouts
        if backend.ssl_ciphers is not None:
            self.changes["ciphers"] = backend.ssl_ciphers
        if backend.protocols is not None:
            self.changes["protocols"] = backend.protocols
        first = next((n for n in ("first_byte_timeout", "connect_timeout") if n in times), None)
        if first is not None:
            self.changes["timeout_s"] = times[first]
        if first == "first_byte_timeout" and "connect_timeout" in times:
            text = (
                f"{self.written('connect_timeout')}: the lab's client has one limit for every step, and"
                f" it is that of {self.written('first_byte_timeout')}"
            )
            self.note("connect_timeout", text)
        if "between_bytes_timeout" in times:
            text = (
                "between_bytes_timeout is ignored, because an answer of the lab comes in one piece"
            )
            self.note("between_bytes_timeout", text)
