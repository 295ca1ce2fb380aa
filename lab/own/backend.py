"""A content delivery network's backend definition: what its edge would make of it, against the lab's origin.

The parameters have the names of the network's API (Fastly's: ``ssl_cert_hostname``, ``min_tls_version``,
...), in TOML or JSON (``backend_data``), or those of a backend declaration in VCL (``vcl``). :func:`read`
says what the definition means; ``backend_settings`` says what the lab's client is given for it. The
parameters that there are, and what each means, are in ``backend.toml``.

Sources: the API's description of a backend (the model ``backend`` of the client libraries), the reference
of the VCL declaration ``backend``, and the page "TLS origin configuration messages", which also writes
``.ssl_cert_hostname = www.example.com;``, without quotes.
"""

from __future__ import annotations

import functools
import math
import re
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from lab.certificates import ANCHORS
from lab.model import ProtocolRange
from lab.own.backend_data import Form, backend_in, form_of
from lab.own.files import ClientForm, UserAnchors, UserCertificate
from lab.own.findings import Finding, Findings, InputError, data
from lab.own.names import is_host_name
from lab.own.vcl import UNITS, ValueKind, Written, WrittenBackend
from lab.remedies.words import InBothLanguages
from lab.text import cut, did_you_mean, is_address, listed

#: The parameters, and what is said of a definition.
TABLE = "backend.toml"
#: A backend that names this port and does not say whether TLS is spoken means TLS.
TLS_PORT = 443
#: Of these the first that is there says where the origin is.
ADDRESSES = ("address", "hostname", "ipv4", "ipv6")
#: The lab's client waits no longer, in seconds, whatever the limit is.
LONGEST_S = 600.0

_T = TypeVar("_T")
_HIGHEST_PORT = 65535
_SCHEMES = {"http": 80, "https": TLS_PORT}
_CHECKS = {"always": True, "never": False}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_VERSIONS = {"1": "TLSv1", "1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_PORT = re.compile(r"0*+\d{1,5}", re.ASCII)


@dataclass(frozen=True)
class Parameter:
    """A parameter of a backend, by the API's name."""

    name: str
    reads: str = ""
    """How its value is read; empty: it is ignored."""
    kind: ValueKind | None = None
    """What it is in VCL; ``None``: VCL does not have it."""
    vcl: str = ""
    """VCL's name for it; empty: the same."""
    of: str = ""
    """The parameter that it is in a package's manifest; empty: that of its own name."""
    ignored: InBothLanguages | None = None
    """Why it is ignored; ``None``: it is not."""

    @property
    def name_in_vcl(self) -> str:
        """VCL's name for it, without the dot; empty: VCL does not have it."""
        return "" if self.kind is None else self.vcl or self.name


@functools.cache
def parameters() -> Mapping[str, Parameter]:
    """The parameters that the API knows, by name."""
    table = data(TABLE)
    known: dict[str, Parameter] = {}
    for name, row in table["parameter"].items():
        kind = ValueKind(row["kind"]) if "kind" in row else None
        why = InBothLanguages(**table["why"][row["ignored"]]) if "ignored" in row else None
        reads, vcl, of = (row.get(key, "") for key in ("reads", "vcl", "of"))
        known[name] = Parameter(name, reads, kind, vcl, of, why)
    return MappingProxyType(known)


@functools.cache
def parameters_of_vcl() -> Mapping[str, Parameter]:
    """The parameters that VCL knows, by its names, which are without the dot here."""
    known = {p.name_in_vcl: p for p in parameters().values() if p.name_in_vcl}
    return MappingProxyType(known)


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
    use_sni: bool = True
    ssl_hostname: str | None = None
    ssl_ca_cert: UserAnchors | str | None = None
    """Certificates, or the name of one of the lab's own anchors."""
    ssl_ciphers: str | None = None
    protocols: ProtocolRange | None = None
    timeouts: Mapping[str, float] = field(default_factory=dict)
    """In seconds, by name."""
    override_host: str | None = None
    client: UserCertificate | None = None
    """What the edge presents to the origin."""
    lines: Mapping[str, Written] = field(default_factory=dict)
    """The parameters as they are written, by the API's name."""
    findings: tuple[Finding, ...] = ()
    """What is to be said of the definition itself."""

    @property
    def anchors(self) -> UserAnchors | None:
        """The certificates that are to be trusted, if the definition has any."""
        return None if isinstance(self.ssl_ca_cert, str) else self.ssl_ca_cert

    @property
    def places(self) -> dict[str, str]:
        """Where the client's settings are written: ``FILE:LINE`` by ``client.FIELD``."""
        table = data(TABLE)
        fields = {"minimum": "protocols", "maximum": "protocols"}
        found = {
            f"client.{fields.get(field, field)}": f"{self.file}:{self.lines[parameter].line}"
            for field, parameter in table["written"].items()
            if parameter in self.lines
        }
        for setting, others in table["instead"].items():
            at = next((self.lines[name].line for name in others if name in self.lines), None)
            if at is not None:
                found.setdefault(f"client.{setting}", f"{self.file}:{at}")
        return found

    @property
    def written_as(self) -> ClientForm:
        """What lines for it are written in."""
        forms: dict[Form, ClientForm] = {Form.VCL: "vcl", Form.JSON: "json"}
        return forms.get(self.form, "toml")

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
    found, form = Findings(file, TABLE), form_of(text, file)
    written = backend_in(text, form, name, found)
    given = _by_api_name(written, form, found)
    reading = _Reading(form, found)
    values: dict[str, Any] = {}
    for parameter, at in given.items():
        value = _READERS[parameters()[parameter].reads](reading, at)
        if value is not None:
            values[parameter] = value
    times = {name: values.pop(name) for name in list(values) if name.endswith("_timeout")}
    values |= values.pop("url", {})
    halves = values.pop("ssl_client_cert", None), values.pop("ssl_client_key", None)
    lows_and_highs = values.pop("min_tls_version", None), values.pop("max_tls_version", None)
    backend = Backend(
        file=file,
        form=form,
        name=written.name,
        line=written.line,
        address=_address(values, given, written, reading),
        protocols=_protocols(*lows_and_highs, given, reading),
        timeouts=MappingProxyType(times),
        lines=MappingProxyType({n: at for n, at in given.items() if n not in reading.empty}),
        client=_pair(*halves, reading),
        findings=tuple(found),
        **values,
    )
    _check_dependencies(backend, given, found)
    return backend


# -- names -----------------------------------------------------------------------------------------


def _by_api_name(backend: WrittenBackend, form: Form, found: Findings) -> dict[str, Written]:
    """The parameters that say something about the connection, by the API's name.

    What is said: unknown names, names of the other language, kinds that VCL does not take, what is ignored.
    """
    api, in_vcl = parameters(), parameters_of_vcl()
    given: dict[str, Written] = {}
    ignored: dict[InBothLanguages, list[Written]] = {}
    for at in backend.parameters:
        parameter = in_vcl.get(at.name) or api.get(at.name)
        if parameter is None:
            known, dot = (in_vcl, ".") if form is Form.VCL else (api, "")
            name, every = f"{dot}{at.name}", [f"{dot}{one}" for one in known]
            hint = did_you_mean(name, every, most=1, alike=0.6, write="`{}`", otherwise=".")
            words = "unknown-in-vcl" if form is Form.VCL else "unknown"
            found.say(words, at.line, at=at, name=f"{dot}{cut(at.name)}", hint=hint)
            continue
        if form is Form.VCL and at.name in in_vcl:
            _say_wrong_kind(at, parameter, found)
        elif form is Form.VCL:
            right = parameter.name_in_vcl
            instead = f"VCL's is `.{right}`" if right else "VCL has none of it"
            found.say("name-of-the-api", at.line, at=at, instead=instead)
        elif at.name not in api:
            found.say("name-of-vcl", at.line, at=at, name=parameter.name)
        if parameter.ignored:
            ignored.setdefault(parameter.ignored, []).append(at)
        else:
            given[parameter.of or parameter.name] = at
    for why, these in ignored.items():
        names = listed(f"{at.name} (line {at.line})" for at in these)
        found.say("ignored", these[0].line, why=why, names=names)
    return given


def _say_wrong_kind(at: Written, parameter: Parameter, found: Findings) -> None:
    wanted = parameter.kind
    # A word is a probe that is declared elsewhere.
    also = {ValueKind.STRING: ValueKind.LONG_STRING, ValueKind.BLOCK: ValueKind.WORD}
    if wanted is not None and at.kind not in (wanted, also.get(wanted)):
        words = InBothLanguages(**data(TABLE)["wanted"][wanted])
        words = words.format(name=at.name, value=cut(str(at.value)))
        found.say("wrong-kind", at.line, at=at, wanted=words)


def _check_dependencies(backend: Backend, given: Mapping[str, Written], found: Findings) -> None:
    """What the network refuses because of what is not there.

    Raises:
        InputError: the first such parameter.
    """
    for rule in data(TABLE)["needs"]:
        at = given.get(rule["parameter"])
        if at is None or not backend.tls or rule.get("form", backend.form) != backend.form:
            continue
        if rule.get("value", at.value) != at.value:
            continue
        if not any(other in given for other in rule["one_of"]):
            host = next((given[name].value for name in ADDRESSES if name in given), "HOST")
            raise found.fail(rule["error"], at.line, at=at, host=cut(str(host)))


# -- values ----------------------------------------------------------------------------------------


@dataclass
class _Reading:
    """What the readers of values share.

    Each reader raises :class:`InputError` for a value that no attempt can be made with, and answers
    ``None`` for one that says nothing.
    """

    form: Form
    found: Findings
    empty: set[str] = field(default_factory=set)
    """Parameters, by the API's name, that are as if they were not there."""

    def fail(self, name: str, at: Written, /, **values: object) -> InputError:
        return self.found.fail(name, at.line, at=at, **values)

    def text(self, at: Written) -> str | None:
        if isinstance(at.value, bool) or at.kind is ValueKind.BLOCK:
            raise self.fail("no-text", at, name=cut(at.name))
        value = str(at.value).strip()
        if value:
            return value
        self.found.say("empty", at.line, at=at)
        known = parameters_of_vcl().get(at.name)
        self.empty.add(at.name if known is None else known.name)
        return None


def _of_text(read: Callable[[_Reading, Written, str], Any]) -> Callable[[_Reading, Written], Any]:
    """A reader of what is a text and is not empty."""

    def reader(reading: _Reading, at: Written) -> Any:
        value = reading.text(at)
        return None if value is None else read(reading, at, value)

    return reader


def _host(reading: _Reading, at: Written, value: str) -> str:
    """A host name in lower case, or an address."""
    if is_host_name(value) or is_address(value):
        return value.lower()
    raise reading.fail("no-host-with-wildcard" if "*" in value else "no-host", at)


def _url(reading: _Reading, at: Written, value: str) -> dict[str, Any]:
    """Where the origin is, and whether TLS is spoken, as one address of the web."""
    try:
        parts = urllib.parse.urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise reading.fail("no-url", at) from error
    if parts.scheme not in _SCHEMES or not host or not (is_host_name(host) or is_address(host)):
        raise reading.fail("no-url", at)
    tls = parts.scheme == "https"
    return {"address": host, "port": port or _SCHEMES[parts.scheme], "use_ssl": tls}


def _port(reading: _Reading, at: Written, value: str) -> int:
    if not _PORT.fullmatch(value) or not 1 <= int(value) <= _HIGHEST_PORT:
        raise reading.fail("no-port", at)
    return int(value)


def _boolean(reading: _Reading, at: Written) -> bool:
    value = _BOOLEANS.get(str(at.value).lower())
    if value is None:
        raise reading.fail("no-switch", at)
    return value


def _check(reading: _Reading, at: Written) -> bool:
    """Whether the certificate is checked; VCL has words of its own for it."""
    value = {**_CHECKS, **_BOOLEANS}.get(str(at.value).lower())
    if value is None:
        raise reading.fail("no-check" if reading.form is Form.VCL else "no-switch", at)
    return value


def _ciphers(reading: _Reading, at: Written, value: str) -> str:
    """A cipher list, with colons."""
    if not (value.isascii() and value.isprintable()):
        raise reading.fail("no-ciphers", at)
    if "," not in value:
        return value
    reading.found.say("commas", at.line)
    return ":".join(part.strip() for part in value.split(",") if part.strip())


def _version(reading: _Reading, at: Written, value: str) -> str:
    version = _VERSIONS.get(re.sub(r"(?i)^tls\s*v?", "", value))
    if version is None:
        raise reading.fail("old-version" if "SSL" in value.upper() else "no-version", at)
    return version


def _time(reading: _Reading, at: Written) -> float:
    """A time in seconds. VCL has times with units; the API has milliseconds."""
    seconds: float | None = None
    if isinstance(at.value, str):
        if time := _DURATION.fullmatch(at.value):
            seconds = float(time[1]) * UNITS[time[2]]
    elif not isinstance(at.value, bool):
        seconds = float(at.value) if reading.form is Form.VCL else at.value / 1000
    if seconds is None or not 0 < seconds < math.inf:
        example = "1s" if reading.form is Form.VCL else "1000 (milliseconds)"
        raise reading.fail("no-time", at, example=example)
    if seconds > LONGEST_S:
        reading.found.say("long-time", at.line, at=at, most=LONGEST_S)
    return min(seconds, LONGEST_S)


def _anchors(reading: _Reading, at: Written, value: str) -> UserAnchors | str:
    """The certificates that are to be trusted, or the name of one of the lab's own anchors."""
    if value in ANCHORS:
        reading.found.say("anchor-of-the-lab", at.line, name=value)
        return value
    from lab.own.pem import read_anchors  # noqa: PLC0415 - cryptography is slow to import

    anchors, found = _of_pem(reading, at, read_anchors)
    for finding in found:
        line = at.line if at.content_line is None else finding.line
        reading.found.append(Finding(finding.severity, finding.file, line, finding.text))
    return anchors


def _client_certificate(reading: _Reading, at: Written, _value: str) -> Written:
    """A client's certificate, or its key, which are read together."""
    from lab.own.pem import check_part  # noqa: PLC0415

    _of_pem(reading, at, functools.partial(check_part, key=at.name.endswith("_key")))
    return at


def _pair(chain: Written | None, key: Written | None, reading: _Reading) -> UserCertificate | None:
    """The client's certificate with its key, if both are there.

    Raises:
        InputError: they do not belong together.
    """
    if chain is None or key is None:
        return None
    from lab.own.pem import read_certificate  # noqa: PLC0415

    (pem, first), (key_pem, key_first) = _pem(chain), _pem(key)
    file = reading.found.file
    own, found = read_certificate(pem, key_pem, file, file, (first, key_first))
    reading.found += found
    return own


def _pem(at: Written) -> tuple[bytes, int]:
    """A parameter's text and its first line; a lone surrogate, which JSON can have, is in no PEM block."""
    return str(at.value).encode("utf-8", "replace"), at.content_line or at.line


def _of_pem(reading: _Reading, at: Written, read: Callable[[bytes, str, int], _T]) -> _T:
    """What is read out of a parameter that is to be PEM, with lines of the file."""
    content = str(at.value)
    if "\n" not in content and "\\n" in content:
        raise reading.fail("escaped-lines", at)
    pem, first = _pem(at)
    try:
        return read(pem, reading.found.file, first)
    except InputError as error:
        # What is wrong with a string that has all its lines in one of the file's is there.
        line = at.line if at.content_line is None else error.line
        raise reading.found.failure(line, error.what, error.remedy) from error


_READERS: Mapping[str, Callable[[_Reading, Written], Any]] = {
    "host": _of_text(_host),
    "url": _of_text(_url),
    "port": _of_text(_port),
    "boolean": _boolean,
    "check": _check,
    "ciphers": _of_text(_ciphers),
    "version": _of_text(_version),
    "time": _time,
    "anchors": _of_text(_anchors),
    "client-certificate": _of_text(_client_certificate),
}


# -- several values together -----------------------------------------------------------------------


def _address(
    values: dict[str, Any], given: Mapping[str, Written], backend: WrittenBackend, reading: _Reading
) -> str | None:
    """Where the origin is; the names of addresses are taken out of the values."""
    hosts: dict[str, str] = {n: values.pop(n) for n in ADDRESSES if n in values}
    if not hosts:
        where = "`.host`" if reading.form is Form.VCL else "`address`"
        reading.found.say("no-address", backend.line, where=where)
        return None
    first = next(iter(hosts))
    for name, host in hosts.items():
        if host != hosts[first]:
            at = given[name]
            reading.found.say("second-address", at.line, at=at, first=given[first])
    return hosts[first]


def _protocols(
    low: str | None, high: str | None, given: Mapping[str, Written], reading: _Reading
) -> ProtocolRange | None:
    """The lowest and the highest version of TLS."""
    if low is None and high is None:
        return None
    try:
        return ProtocolRange(low, high)
    except ValueError as error:
        low_at, high_at = given["min_tls_version"], given["max_tls_version"]
        raise reading.fail("no-version-left", high_at, low=low_at) from error
