"""A content delivery network's backend definition: what its edge would make of it, against the lab's origin.

The parameters have the names of the network's API (Fastly's: ``ssl_cert_hostname``, ``min_tls_version``,
...), in TOML or JSON, or those of a backend declaration in VCL. :func:`read` says what the definition
means, in steps that have a module each::

    backend_forms         which language it is, which backend of the file
    backend_vcl, _data    VCL; TOML and JSON
    backend_written       what these have in common: parameters as the file has them
    backend_names         each parameter under the API's name
    backend_parameters    the parameters that there are
    backend_values        what the value of each means
    backend_settings      what the lab's client is given for the whole

Sources: the API's description of a backend (the model ``backend`` of the client libraries), the reference
of the VCL declaration ``backend``, and the page "TLS origin configuration messages", which also writes
``.ssl_cert_hostname = www.example.com;``, without quotes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from lab.model import ProtocolRange
from lab.own.backend_forms import backend_in, form_of
from lab.own.backend_names import by_api_name
from lab.own.backend_values import Values
from lab.own.backend_written import Form, Written
from lab.own.findings import Finding
from lab.own.pem import UserAnchors

#: A backend that names this port and does not say whether TLS is spoken means TLS.
TLS_PORT = 443


@dataclass(frozen=True)
class Backend:
    """What a definition says, in the API's names; ``None``: it says nothing."""

    file: str
    form: Form
    name: str
    line: int
    address: str | None = None
    port: int | None = None
    use_ssl: bool | None = None
    ssl_check_cert: bool | None = None
    ssl_cert_hostname: str | None = None
    ssl_sni_hostname: str | None = None
    ssl_hostname: str | None = None
    ssl_ca_cert: UserAnchors | str | None = None
    """Certificates, or the name of one of the lab's own anchors."""
    ssl_ciphers: str | None = None
    protocols: ProtocolRange | None = None
    timeouts: Mapping[str, float] = field(default_factory=dict)
    """In seconds, by name."""
    override_host: str | None = None
    lines: Mapping[str, Written] = field(default_factory=dict)
    """The parameters as they are written, by the API's name."""
    findings: tuple[Finding, ...] = ()
    """What is to be said of the definition itself."""

    @property
    def anchors(self) -> UserAnchors | None:
        """The certificates that are to be trusted, if the definition has any."""
        return self.ssl_ca_cert if isinstance(self.ssl_ca_cert, UserAnchors) else None

    @property
    def tls(self) -> bool:
        """Whether the edge speaks TLS: said, or by the port."""
        return self.port == TLS_PORT if self.use_ssl is None else self.use_ssl


def read(text: str, file: str, name: str | None = None) -> Backend:
    """Read a definition.

    Args:
        text: VCL, TOML or JSON; the file's name says which, else the text itself.
        file: its name, for messages, too.
        name: of the backend, where the file has several (default: the first).

    Raises:
        InputError: the file has no backend that can be read, or a value that none can be tried with.
    """
    form = form_of(text, file)
    written, findings = backend_in(text, file, form, name)
    given, more = by_api_name(written, form, file)
    values = Values(given, form, file, written.line)
    for parameter in ("ssl_client_cert", "ssl_client_key"):
        values.client_certificate(parameter)
    return Backend(
        file=file,
        form=form,
        name=written.name,
        line=written.line,
        address=values.address(),
        port=values.port(),
        use_ssl=values.boolean("use_ssl"),
        ssl_check_cert=values.check(),
        ssl_cert_hostname=values.host("ssl_cert_hostname"),
        ssl_sni_hostname=values.host("ssl_sni_hostname"),
        ssl_hostname=values.host("ssl_hostname"),
        ssl_ca_cert=values.anchors(),
        ssl_ciphers=values.ciphers(),
        protocols=values.protocols(),
        timeouts=values.timeouts(),
        override_host=values.host("override_host"),
        lines=MappingProxyType(dict(values.given)),
        findings=(*findings, *more, *values.findings),
    )
