"""A content delivery network's backend definition: what its edge would make of it, against the lab's origin.

The parameters have the names of the network's API (Fastly's: ``ssl_cert_hostname``, ``min_tls_version``,
...), in TOML or JSON, or those of a backend declaration in VCL. Two steps: :func:`read` says what the
definition means, :func:`client_settings` what the lab's client is given for it.

Sources: the API's description of a backend (the model ``backend`` of the client libraries), the reference
of the VCL declaration ``backend``, and the page "TLS origin configuration messages", which also writes
``.ssl_cert_hostname = www.example.com;``, without quotes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lab.certificates import ANCHORS, OWN
from lab.inputs import backend_data, backend_vcl
from lab.inputs.backend_written import (
    Form,
    Kind,
    Written,
    WrittenBackend,
    chosen,
    closest,
    repeated,
)
from lab.inputs.findings import Finding, InputError, Severity
from lab.inputs.pem import OwnAnchors, read_anchors, read_label
from lab.model import ClientSettings, ProtocolRange, ServerSettings

#: VCL's names of parameters that the API calls otherwise.
VCL_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "host": "address",
        "ssl": "use_ssl",
        "host_header": "override_host",
        "max_connections": "max_conn",
    }
)
#: What the parameters of a VCL backend are; a string may also be a long string.
VCL_KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "host": Kind.STRING,
        "port": Kind.STRING,
        "ssl": Kind.BOOLEAN,
        "ssl_check_cert": Kind.WORD,
        "ssl_cert_hostname": Kind.STRING,
        "ssl_sni_hostname": Kind.STRING,
        "ssl_hostname": Kind.STRING,
        "ssl_ca_cert": Kind.STRING,
        "ssl_client_cert": Kind.STRING,
        "ssl_client_key": Kind.STRING,
        "ssl_ciphers": Kind.STRING,
        "min_tls_version": Kind.STRING,
        "max_tls_version": Kind.STRING,
        "connect_timeout": Kind.TIME,
        "first_byte_timeout": Kind.TIME,
        "between_bytes_timeout": Kind.TIME,
        "max_connections": Kind.INTEGER,
        "host_header": Kind.STRING,
        "always_use_host_header": Kind.BOOLEAN,
        "dynamic": Kind.BOOLEAN,
        "share_key": Kind.STRING,
        "bypass_local_route_table": Kind.BOOLEAN,
        "prefer_ipv6": Kind.BOOLEAN,
        "probe": Kind.BLOCK,
    }
)

_ONCE = "the lab's edge asks one origin once"
_ADMINISTRATION = "it says nothing about the connection to the origin"
#: Parameters that no setting stands for, and why they make no difference here.
IGNORED: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            ("weight", "auto_loadbalance", "request_condition", "shield", "max_conn", "max_use"),
            _ONCE,
        ),
        **dict.fromkeys(
            ("healthcheck", "probe", "error_threshold"),
            f"{_ONCE}, whatever checks of it said before",
        ),
        **dict.fromkeys(
            (
                "keepalive_time",
                "max_lifetime",
                "tcp_keepalive_enable",
                "tcp_keepalive_interval",
                "tcp_keepalive_probes",
                "tcp_keepalive_time",
            ),
            "every attempt makes a connection of its own",
        ),
        **dict.fromkeys(
            (
                *("name", "comment", "dynamic", "share_key", "bypass_local_route_table"),
                *(
                    "service_id",
                    "version",
                    "created_at",
                    "updated_at",
                    "deleted_at",
                    "locked",
                    "id",
                ),
            ),
            _ADMINISTRATION,
        ),
        "prefer_ipv6": "the lab's network has IPv4 only",
        "client_cert": "the API calls it unused",
        "always_use_host_header": "the lab's origins answer whatever host they are asked for",
    }
)
#: Of these the first that is there says where the origin is.
_ADDRESSES = ("address", "hostname", "ipv4", "ipv6")
_CHECKS = {"always": True, "never": False}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_VERSIONS = {"1": "TLSv1", "1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}
_TIMEOUTS = ("connect_timeout", "first_byte_timeout", "between_bytes_timeout")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_HIGHEST_PORT = 65535
_TLS_PORT, _PLAIN_PORT = 443, 80
#: The longest time limit, in seconds: that of the VCL variable bereq.first_byte_timeout.
LONGEST_S = 600.0
#: The lab's own DNS zone: a name in it is meant as it is.
_ZONE = ".lab.test"


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
    ssl_ca_cert: OwnAnchors | str | None = None
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
    def anchors(self) -> OwnAnchors | None:
        """The certificates that are to be trusted, if the definition has any."""
        return self.ssl_ca_cert if isinstance(self.ssl_ca_cert, OwnAnchors) else None

    @property
    def tls(self) -> bool:
        """Whether the edge speaks TLS: said, or by the port."""
        return self.port == _TLS_PORT if self.use_ssl is None else self.use_ssl


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
    reader = {
        Form.VCL: backend_vcl.read,
        Form.TOML: backend_data.read_toml,
        Form.JSON: backend_data.read_json,
    }[form]
    backend, findings = chosen(reader(text.removeprefix("\N{BYTE ORDER MARK}"), file), name, file)
    backend, more = repeated(backend, file)
    return _Reading(backend, file, form, [*findings, *more]).backend()


def form_of(text: str, file: str) -> Form:
    """The language of a file: by its name, else by what it looks like."""
    suffix = file.rpartition(".")[2].upper()
    if suffix in {str(form) for form in Form}:
        return Form(suffix)
    start = text.removeprefix("\N{BYTE ORDER MARK}").lstrip()
    if start.startswith("{"):
        return Form.JSON
    if start.startswith("["):
        try:
            json.loads(start)
        except json.JSONDecodeError:
            return Form.TOML
        return Form.JSON
    return (
        Form.VCL
        if re.search(r"^\s*backend\s+\S+\s*\{|^\s*\.\w+\s*=", text, re.MULTILINE)
        else Form.TOML
    )


class _Reading:
    """The state of reading one backend."""

    def __init__(
        self, written: WrittenBackend, file: str, form: Form, findings: Iterable[Finding]
    ) -> None:
        self.written, self.file, self.form = written, file, form
        self.findings = list(findings)
        self.given: dict[str, Written] = {}
        self.ignored: dict[str, list[Written]] = {}

    def say(self, severity: Severity, at: Written | None, text: str) -> None:
        line = self.written.line if at is None else at.line
        self.findings.append(Finding(severity, self.file, line, text))

    def fail(self, at: Written, what: str, remedy: str) -> InputError:
        return InputError(self.file, at.line, f"`{at}`: {what}.", remedy)

    def backend(self) -> Backend:
        for parameter in self.written.parameters:
            self._take(parameter)
        self._say_ignored()
        for name in ("ssl_client_cert", "ssl_client_key"):
            self._client_certificate(name)
        return Backend(
            file=self.file,
            form=self.form,
            name=self.written.name,
            line=self.written.line,
            address=self._address(),
            port=self._port(),
            use_ssl=self._boolean("use_ssl"),
            ssl_check_cert=self._check(),
            ssl_cert_hostname=self._host("ssl_cert_hostname"),
            ssl_sni_hostname=self._host("ssl_sni_hostname"),
            ssl_hostname=self._host("ssl_hostname"),
            ssl_ca_cert=self._anchors(),
            ssl_ciphers=self._ciphers(),
            protocols=self._protocols(),
            timeouts=self._timeouts(),
            override_host=self._host("override_host"),
            lines=MappingProxyType(dict(self.given)),
            findings=tuple(self.findings),
        )

    # -- names -------------------------------------------------------------------------------------

    def _take(self, parameter: Written) -> None:
        """Put a parameter under the API's name, or say that there is none."""
        name = VCL_NAMES.get(parameter.name, parameter.name)
        if name not in PARAMETERS:
            self._unknown(parameter)
            return
        if self.form is Form.VCL:
            if parameter.name in VCL_KINDS:
                self._check_kind(parameter, VCL_KINDS[parameter.name])
            elif parameter.name in PARAMETERS:
                self._not_in_vcl(parameter)
        elif parameter.name in VCL_NAMES:
            text = f"`{parameter}`: that is VCL's name; the API's is `{name}`. It is read as that"
            self.say(Severity.WARNING, parameter, text)
        if name in IGNORED:
            self.ignored.setdefault(IGNORED[name], []).append(parameter)
        else:
            self.given[name] = parameter

    def _unknown(self, parameter: Written) -> None:
        if self.form is Form.VCL:
            text = f"`{parameter}`: a backend in VCL has no `.{parameter.name}`"
            hint = closest("." + parameter.name, ("." + known for known in VCL_KINDS))
            self.say(Severity.ERROR, parameter, f"{text}{hint or '.'} The VCL does not compile")
        else:
            hint = closest(parameter.name, PARAMETERS)
            text = f"`{parameter}`: a backend has no parameter {parameter.name!r}{hint or '.'}"
            self.say(Severity.WARNING, parameter, f"{text} It has no effect")

    def _not_in_vcl(self, parameter: Written) -> None:
        names = {api: vcl for vcl, api in VCL_NAMES.items()}
        right = names.get(parameter.name)
        instead = f"VCL's is `.{right}`" if right else "VCL has none of it"
        text = (
            f"`{parameter}`: that is the API's name, {instead}, and the VCL does not compile. It is read"
            " as if it were right"
        )
        self.say(Severity.ERROR, parameter, text)

    def _check_kind(self, parameter: Written, wanted: Kind) -> None:
        kinds = {wanted, Kind.LONG_STRING} if wanted is Kind.STRING else {wanted}
        if wanted is Kind.BLOCK:
            kinds |= {Kind.WORD}  # a probe that is declared elsewhere
        if parameter.kind in kinds:
            return
        wants = {
            Kind.STRING: "a string, and a string stands in quotes",
            Kind.BOOLEAN: "true or false",
            Kind.WORD: "always or never",
            Kind.TIME: "a time with its unit",
            Kind.INTEGER: "a number",
            Kind.BLOCK: "a block",
        }[wanted]
        example = f'`.{parameter.name} = "{parameter.value}";`' if wanted is Kind.STRING else ""
        text = f"`{parameter}` is no valid VCL: it wants {wants}{': ' if example else ''}{example}"
        self.say(Severity.ERROR, parameter, text)

    def _say_ignored(self) -> None:
        for why, parameters in self.ignored.items():
            listed = ", ".join(f"{p.name} (line {p.line})" for p in parameters)
            self.say(Severity.NOTE, parameters[0], f"ignored, because {why}: {listed}")

    # -- values ------------------------------------------------------------------------------------

    def _string(self, name: str) -> str | None:
        parameter = self.given.get(name)
        if parameter is None:
            return None
        if isinstance(parameter.value, bool) or parameter.kind is Kind.BLOCK:
            raise self.fail(parameter, "that is no text", f"Write `{name}` as a string.")
        value = str(parameter.value).strip()
        if not value:
            self.say(Severity.NOTE, parameter, f"`{parameter}` is empty, as if it were not there")
            del self.given[name]
            return None
        return value

    def _host(self, name: str) -> str | None:
        value = self._string(name)
        if value is None or _HOST.fullmatch(value) or _is_address(value):
            return None if value is None else value.lower()
        wildcard = " A certificate may have a `*`; who asks for it asks for one host."
        raise self.fail(
            self.given[name],
            "that is no host name",
            "Write the name alone, without scheme, port or path."
            + (wildcard if "*" in value else ""),
        )

    def _address(self) -> str | None:
        found = [name for name in _ADDRESSES if self._host(name) is not None]
        if not found:
            where = "`.host`" if self.form is Form.VCL else "`address`"
            text = f"no {where}: a backend says where its origin is. Here it is the lab's server"
            self.say(Severity.ERROR, None, text)
            return None
        for name in found[1:]:
            if self._host(name) != self._host(found[0]):
                text = f"`{self.given[name]}` has no effect beside `{self.given[found[0]]}`"
                self.say(Severity.WARNING, self.given[name], text)
        return self._host(found[0])

    def _port(self) -> int | None:
        value = self._string("port")
        if value is None:
            return None
        if not re.fullmatch(r"\d+", value, re.ASCII) or not 1 <= int(value) <= _HIGHEST_PORT:
            raise self.fail(
                self.given["port"],
                "that is no port number",
                f"A port is a number from 1 to {_HIGHEST_PORT}, 443 for HTTPS.",
            )
        return int(value)

    def _boolean(self, name: str) -> bool | None:
        parameter = self.given.get(name)
        if parameter is None:
            return None
        value = _BOOLEANS.get(str(parameter.value).lower())
        if value is None:
            raise self.fail(parameter, "that is neither true nor false", "Write true or false.")
        return value

    def _check(self) -> bool | None:
        parameter = self.given.get("ssl_check_cert")
        if parameter is None:
            return None
        value = {**_CHECKS, **_BOOLEANS}.get(str(parameter.value).lower())
        if value is None:
            words = "always or never" if self.form is Form.VCL else "true or false"
            raise self.fail(
                parameter, f"that is neither {words.replace('or', 'nor')}", f"Write {words}."
            )
        return value

    def _anchors(self) -> OwnAnchors | str | None:
        value = self._string("ssl_ca_cert")
        if value is None:
            return None
        if value in ANCHORS:
            text = f"{value!r} is the name of a CA of the lab, and that is trusted"
            self.say(Severity.NOTE, self.given["ssl_ca_cert"], text)
            return value
        content = self._pem("ssl_ca_cert")
        with self._located("ssl_ca_cert"):
            anchors, findings = read_anchors(content, self.file, self._first_line("ssl_ca_cert"))
        parameter = self.given["ssl_ca_cert"]
        if parameter.content_line is None:
            findings = [dataclasses.replace(f, line=parameter.line) for f in findings]
        self.findings += findings
        return anchors

    def _client_certificate(self, name: str) -> None:
        if self._string(name) is None:
            return
        parameter = self.given[name]
        content = self._pem(name)
        with self._located(name):
            read_label(content, self.file, self._first_line(name), key=name.endswith("_key"))
        text = (
            f"{name} is left out: the lab's clients present certificates of its own catalogue,"
            " `-c client_certificate=client`"
        )
        self.say(Severity.WARNING, parameter, text)

    def _pem(self, name: str) -> bytes:
        """The content of a parameter that is to be PEM."""
        parameter = self.given[name]
        content = str(parameter.value)
        if "\n" not in content and "\\n" in content:
            raise self.fail(
                parameter,
                "the lines of the PEM block end in the characters \\n instead of ending",
                'Paste it with its lines, in VCL as a long string: {"-----BEGIN ... -----END ..."}.',
            )
        return content.encode()

    def _first_line(self, name: str) -> int:
        parameter = self.given[name]
        return parameter.line if parameter.content_line is None else parameter.content_line

    @contextlib.contextmanager
    def _located(self, name: str) -> Iterator[None]:
        """What is wrong with a string that has all its lines in one of the file's is there."""
        try:
            yield
        except InputError as error:
            parameter = self.given[name]
            if parameter.content_line is not None:
                raise
            raise InputError(self.file, parameter.line, error.what, error.remedy) from error

    def _ciphers(self) -> str | None:
        value = self._string("ssl_ciphers")
        if value is None or "," not in value:
            return value
        text = "the commas are read as colons: OpenSSL takes both"
        self.say(Severity.NOTE, self.given["ssl_ciphers"], text)
        return ":".join(part.strip() for part in value.split(",") if part.strip())

    def _protocols(self) -> ProtocolRange | None:
        low, high = self._version("min_tls_version"), self._version("max_tls_version")
        if low is None and high is None:
            return None
        try:
            return ProtocolRange(low, high)
        except ValueError as error:
            raise self.fail(
                self.given["max_tls_version"],
                f"that is below `{self.given['min_tls_version']}`, and no version is left",
                "Exchange the two, or leave one out.",
            ) from error

    def _version(self, name: str) -> str | None:
        value = self._string(name)
        if value is None:
            return None
        version = _VERSIONS.get(re.sub(r"(?i)^tls\s*v?", "", value))
        if version is None:
            old = (
                " The network's edge speaks neither SSLv2 nor SSLv3."
                if "SSL" in value.upper()
                else ""
            )
            raise self.fail(
                self.given[name], "that is no version of TLS", f"There are 1.0, 1.1, 1.2, 1.3.{old}"
            )
        return version

    def _timeouts(self) -> Mapping[str, float]:
        found = {name: self._seconds(self.given[name]) for name in _TIMEOUTS if name in self.given}
        return MappingProxyType(found)

    def _seconds(self, parameter: Written) -> float:
        """VCL has times with units; the API has milliseconds."""
        value = parameter.value
        seconds: float | None = None
        if isinstance(value, str):
            time = _DURATION.fullmatch(value)
            if time:
                seconds = float(time[1]) * backend_vcl.UNITS[time[2]]
        elif not isinstance(value, bool):
            in_milliseconds = self.form is not Form.VCL
            seconds = value / 1000 if in_milliseconds else float(value)
        if seconds is None or not 0 < seconds <= LONGEST_S:
            example = "1s" if self.form is Form.VCL else "1000 (milliseconds)"
            raise self.fail(
                parameter,
                "that is no time for a limit",
                f"Write a time above zero, at most {LONGEST_S:g} s, such as {example}.",
            )
        return seconds


#: The parameters that the API knows.
PARAMETERS = frozenset(
    {
        *_ADDRESSES,
        *(
            "port",
            "use_ssl",
            "ssl_check_cert",
            "ssl_cert_hostname",
            "ssl_sni_hostname",
            "ssl_hostname",
        ),
        *("ssl_ca_cert", "ssl_client_cert", "ssl_client_key", "ssl_ciphers"),
        *("min_tls_version", "max_tls_version", *_TIMEOUTS, "override_host", *IGNORED),
    }
)


# -- what the lab's client is given ----------------------------------------------------------------


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


def client_settings(
    backend: Backend, base: ClientSettings, server: ServerSettings
) -> tuple[ClientSettings, list[Finding]]:
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


def _say_where(translation: _Translation) -> None:
    backend, host = translation.backend, translation.server.host
    address = backend.address
    if address is None or address == host:
        return
    if address.endswith(_ZONE):
        translation.changes["host"] = address
        return
    shown = address if backend.port is None else f"{address}:{backend.port}"
    name = next(n for n in _ADDRESSES if n in backend.lines)
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
    elif not backend.use_ssl and backend.port == _TLS_PORT:
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
    if sent is not None and _is_address(sent):
        translation.changes["sni"] = ""  # an address is no server name (RFC 6066, section 3)
    elif sent is not None and sent not in meant:
        translation.changes["sni"] = sent
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
    wanted, host = translation.changes.get("verify_name"), translation.server.host
    verified = translation.changes["verify"] and translation.changes["tls"]
    if own or wanted is None or not verified or wanted.endswith(_ZONE):
        return
    at = next(
        (n for n in ("ssl_cert_hostname", "ssl_hostname") if n in translation.backend.lines), None
    )
    text = (
        f"no certificate of the lab is made out to {wanted}: the check fails. `-c verify_name={host} -c"
        f" sni={host}` checks for the server's name, --chain and --key let it serve your certificate"
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


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
