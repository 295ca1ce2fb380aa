"""What the lab's client is given for a backend definition: it does as the network's edge would."""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

from lab.certificates import OWN
from lab.model import ServerSettings, WebClientSettings
from lab.own.backend import TLS_PORT, Backend
from lab.own.backend_parameters import ADDRESSES
from lab.own.backend_values import is_address
from lab.own.backend_written import Form
from lab.own.findings import Finding, Severity

C = TypeVar("C", bound=WebClientSettings)

_PLAIN_PORT = 80
#: The lab's own DNS zone: a name in it is meant as it is.
_ZONE = ".lab.test"


def client_settings(backend: Backend, base: C, server: ServerSettings) -> tuple[C, list[Finding]]:
    """The client that does as the network's edge would, with the lab's server as its origin.

    Args:
        backend: the definition.
        base: everything that it does not say: program, platform, ...
        server: the origin. With a certificate of the operator's own the names of the definition are
            checked as they are; the lab's certificates are made out to the lab's names, and where the
            definition has the address there, the lab's server has its own.

    Returns:
        The settings and the findings; those of the definition itself are in ``backend.findings``.
    """
    translation = _Translation(backend, server)
    _say_where(translation)
    _switch_tls(translation)
    _verification(translation)
    _names(translation)
    _versions_and_times(translation)
    return dataclasses.replace(base, **translation.changes), translation.findings


class _Translation:
    """A definition on its way to settings."""

    def __init__(self, backend: Backend, server: ServerSettings) -> None:
        self.backend, self.server = backend, server
        self.changes: dict[str, Any] = {}
        self.findings: list[Finding] = []

    def say(self, severity: Severity, name: str | None, text: str) -> None:
        parameter = self.backend.lines.get(name) if name else None
        line = parameter.line if parameter else self.backend.line
        self.findings.append(Finding(severity, self.backend.file, line, text))

    def written(self, name: str) -> str:
        return f"`{self.backend.lines[name]}`"


def _say_where(translation: _Translation) -> None:
    backend, host = translation.backend, translation.server.host
    address = backend.address
    if address is None or address == host:
        return
    if address.endswith(_ZONE):
        translation.changes["host"] = address
        return
    shown = address if backend.port is None else f"{address}:{backend.port}"
    name = next(n for n in ADDRESSES if n in backend.lines)
    text = f"{host}, the lab's {translation.server.software}, is in the place of {shown}"
    translation.say(Severity.NOTE, name, text)


def _switch_tls(translation: _Translation) -> None:
    backend = translation.backend
    translation.changes["tls"] = backend.tls
    switch = "`.ssl = true;`" if backend.form is Form.VCL else "`use_ssl` (true)"
    if backend.use_ssl is None:
        if backend.tls and backend.form is Form.VCL:
            text = (
                f"no `.ssl`: the port 443 is taken to mean TLS, as the API does it; write {switch}"
            )
            translation.say(Severity.WARNING, "port", text)
        elif not backend.tls:
            port = (
                "no `port`, whose default is 80,"
                if backend.port is None
                else f"port {backend.port}"
            )
            text = f"{port} and no {switch}: the edge speaks plain HTTP to this origin"
            translation.say(Severity.WARNING, "port", text)
    elif backend.use_ssl and backend.port == _PLAIN_PORT:
        text = f"{translation.written('use_ssl')} with port 80: TLS to a port for plain HTTP"
        translation.say(Severity.WARNING, "use_ssl", text)
    elif not backend.use_ssl and backend.port == TLS_PORT:
        text = f"{translation.written('use_ssl')} with port 443: plain HTTP to a port for TLS"
        translation.say(Severity.WARNING, "use_ssl", text)
    if not backend.tls:
        unused = [n for n in backend.lines if n.startswith("ssl_") or n.endswith("_tls_version")]
        if unused:
            listed = ", ".join(f"{n} (line {backend.lines[n].line})" for n in unused)
            translation.say(Severity.WARNING, unused[0], f"without TLS these do nothing: {listed}")


def _verification(translation: _Translation) -> None:
    backend = translation.backend
    translation.changes["verify"] = backend.ssl_check_cert is not False
    if backend.ssl_check_cert is False:
        text = (
            f"{translation.written('ssl_check_cert')} switches every check of the certificate off: whoever"
            " answers in the origin's place is believed. Safe instead: `ssl_cert_hostname` with a name of"
            " the certificate, `ssl_ca_cert` with the CA that issued it"
        )
        translation.say(Severity.WARNING, "ssl_check_cert", text)
    if backend.ssl_ca_cert is not None:
        translation.changes["trust"] = OWN if backend.anchors else backend.ssl_ca_cert
        if backend.ssl_check_cert is False:
            text = f"{translation.written('ssl_ca_cert')} does nothing: no certificate is checked"
            translation.say(Severity.WARNING, "ssl_ca_cert", text)


def _names(translation: _Translation) -> None:
    """The name that the certificate is checked for, and the one that is sent (SNI)."""
    backend = translation.backend
    if backend.ssl_hostname is not None:
        text = (
            f"{translation.written('ssl_hostname')} is deprecated: it stands for both, `ssl_cert_hostname`"
            " (checked) and `ssl_sni_hostname` (sent), where they are not there"
        )
        translation.say(Severity.WARNING, "ssl_hostname", text)
    checked = backend.ssl_cert_hostname or backend.ssl_hostname
    sent = backend.ssl_sni_hostname or backend.ssl_hostname
    if sent is None and checked is not None:
        sent = checked
        if checked not in (backend.address, translation.server.host) and backend.tls:
            text = (
                "no `ssl_sni_hostname`: here the name that is checked is also sent (what the network sends"
                " then is not documented); `-c sni=NAME` sends another, `-c sni=` none"
            )
            translation.say(Severity.NOTE, "ssl_cert_hostname", text)
    _override_host(translation, checked)
    own = translation.server.certificate == OWN
    checked, sent = checked or backend.address, sent or backend.address
    # The lab's server has names of its own in the place of the address.
    meant = () if own else (backend.address, translation.server.host)
    if checked is not None and checked not in meant:
        translation.changes["verify_name"] = checked
    if sent is not None and is_address(sent):
        translation.changes["sni"] = ""  # an address is no server name (RFC 6066, section 3)
    elif sent is not None and sent not in meant:
        translation.changes["sni"] = sent
        if not own:
            # A client may check the name that it sends where it is told no other: IO::Socket::SSL does.
            translation.changes.setdefault("verify_name", translation.server.host)
    _say_other_name(translation, own=own)


def _override_host(translation: _Translation, checked: str | None) -> None:
    backend = translation.backend
    if backend.override_host is None:
        return
    text = "ignored, because the lab's origins answer whatever host they are asked for"
    if checked is None and backend.override_host != backend.address and backend.tls:
        text += (
            "; without `ssl_cert_hostname` the network may check the certificate for this name: say what is"
            " to be checked, with `ssl_cert_hostname` and `ssl_sni_hostname`"
        )
        translation.say(Severity.WARNING, "override_host", text)
        return
    translation.say(Severity.NOTE, "override_host", text)


def _say_other_name(translation: _Translation, *, own: bool) -> None:
    """A name of the operator's is in no certificate of the lab."""
    wanted = translation.changes.get("verify_name")
    verified = translation.changes["verify"] and translation.changes["tls"]
    if own or wanted is None or not verified or wanted.endswith(_ZONE):
        return
    at = next(
        (n for n in ("ssl_cert_hostname", "ssl_hostname") if n in translation.backend.lines), None
    )
    text = (
        f"no certificate of the lab is made out to {wanted}: the check of the name fails here, which says"
        " nothing about your origin. Serve the certificate of your origin, with --chain and --key"
    )
    translation.say(Severity.WARNING, at, text)


def _versions_and_times(translation: _Translation) -> None:
    backend = translation.backend
    if backend.ssl_ciphers is not None:
        translation.changes["ciphers"] = backend.ssl_ciphers
    if backend.protocols is not None:
        translation.changes["protocols"] = backend.protocols
    first = next(
        (n for n in ("first_byte_timeout", "connect_timeout") if n in backend.timeouts), None
    )
    if first is not None:
        translation.changes["timeout_s"] = backend.timeouts[first]
    if first == "first_byte_timeout" and "connect_timeout" in backend.timeouts:
        text = (
            f"{translation.written('connect_timeout')}: the lab's client has one limit for every step, and"
            f" it is that of {translation.written('first_byte_timeout')}"
        )
        translation.say(Severity.NOTE, "connect_timeout", text)
    if "between_bytes_timeout" in backend.timeouts:
        text = "between_bytes_timeout is ignored, because an answer of the lab comes in one piece"
        translation.say(Severity.NOTE, "between_bytes_timeout", text)
