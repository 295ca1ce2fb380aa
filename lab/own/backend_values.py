"""What the parameters of a backend mean: host names, ports, switches, PEM, versions, times."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from lab.certificates import ANCHORS
from lab.model import ProtocolRange
from lab.own.backend_parameters import ADDRESSES, TIMEOUTS
from lab.own.backend_vcl import UNITS
from lab.own.backend_written import Form, Kind, Written
from lab.own.findings import Finding, InputError, Severity
from lab.own.pem import UserAnchors, read_anchors
from lab.own.pem_blocks import read_label

_CHECKS = {"always": True, "never": False}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_VERSIONS = {"1": "TLSv1", "1.0": "TLSv1", "1.1": "TLSv1.1", "1.2": "TLSv1.2", "1.3": "TLSv1.3"}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_HOST = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)
_PORT = re.compile(r"0*+\d{1,5}", re.ASCII)
_HIGHEST_PORT = 65535
#: The longest time limit, in seconds: that of the VCL variable bereq.first_byte_timeout.
LONGEST_S = 600.0


class Values:
    """The values of one backend's parameters; what is to be said of them is kept in ``findings``.

    Every method raises :class:`InputError` for a value that no attempt can be made with, and answers
    ``None`` where the definition says nothing.
    """

    def __init__(self, given: Mapping[str, Written], form: Form, file: str, line: int) -> None:
        self.given, self.form, self.file, self.line = dict(given), form, file, line
        self.findings: list[Finding] = []

    def _say(self, severity: Severity, at: Written | None, text: str) -> None:
        line = self.line if at is None else at.line
        self.findings.append(Finding(severity, self.file, line, text))

    def _fail(self, at: Written, what: str, remedy: str) -> InputError:
        return InputError(self.file, at.line, f"`{at}`: {what}.", remedy)

    def _string(self, name: str) -> str | None:
        parameter = self.given.get(name)
        if parameter is None:
            return None
        if isinstance(parameter.value, bool) or parameter.kind is Kind.BLOCK:
            raise self._fail(parameter, "that is no text", f"Write `{name}` as a string.")
        value = str(parameter.value).strip()
        if not value:
            self._say(Severity.NOTE, parameter, f"`{parameter}` is empty, as if it were not there")
            del self.given[name]
            return None
        return value

    def host(self, name: str) -> str | None:
        """A host name in lower case, or an address."""
        value = self._string(name)
        if value is None or _HOST.fullmatch(value) or is_address(value):
            return None if value is None else value.lower()
        wildcard = " A certificate may have a `*`; who asks for it asks for one host."
        raise self._fail(
            self.given[name],
            "that is no host name",
            "Write the name alone, without scheme, port or path."
            + (wildcard if "*" in value else ""),
        )

    def address(self) -> str | None:
        """Where the origin is."""
        found = [name for name in ADDRESSES if self.host(name) is not None]
        if not found:
            where = "`.host`" if self.form is Form.VCL else "`address`"
            text = f"no {where}: a backend says where its origin is. Here it is the lab's server"
            self._say(Severity.ERROR, None, text)
            return None
        for name in found[1:]:
            if self.host(name) != self.host(found[0]):
                text = f"`{self.given[name]}` has no effect beside `{self.given[found[0]]}`"
                self._say(Severity.WARNING, self.given[name], text)
        return self.host(found[0])

    def port(self) -> int | None:
        """The origin's port."""
        value = self._string("port")
        if value is None:
            return None
        if not _PORT.fullmatch(value) or not 1 <= int(value) <= _HIGHEST_PORT:
            raise self._fail(
                self.given["port"],
                "that is no port number",
                f"A port is a number from 1 to {_HIGHEST_PORT}, 443 for HTTPS.",
            )
        return int(value)

    def boolean(self, name: str) -> bool | None:
        """A switch."""
        parameter = self.given.get(name)
        if parameter is None:
            return None
        value = _BOOLEANS.get(str(parameter.value).lower())
        if value is None:
            raise self._fail(parameter, "that is neither true nor false", "Write true or false.")
        return value

    def check(self) -> bool | None:
        """Whether the certificate is checked; VCL has words of its own for it."""
        parameter = self.given.get("ssl_check_cert")
        if parameter is None:
            return None
        value = {**_CHECKS, **_BOOLEANS}.get(str(parameter.value).lower())
        if value is None:
            words = "always or never" if self.form is Form.VCL else "true or false"
            raise self._fail(
                parameter, f"that is neither {words.replace('or', 'nor')}", f"Write {words}."
            )
        return value

    def anchors(self) -> UserAnchors | str | None:
        """The certificates that are to be trusted, or the name of one of the lab's own anchors."""
        value = self._string("ssl_ca_cert")
        if value is None:
            return None
        if value in ANCHORS:
            text = f"{value!r} is the name of a CA of the lab, and that is trusted"
            self._say(Severity.NOTE, self.given["ssl_ca_cert"], text)
            return value
        content = self._pem("ssl_ca_cert")
        with self._located("ssl_ca_cert"):
            anchors, findings = read_anchors(content, self.file, self._first_line("ssl_ca_cert"))
        parameter = self.given["ssl_ca_cert"]
        if parameter.content_line is None:
            findings = [dataclasses.replace(f, line=parameter.line) for f in findings]
        self.findings += findings
        return anchors

    def client_certificate(self, name: str) -> None:
        """Check a client certificate, or its key, and say that it is left out."""
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
        self._say(Severity.WARNING, parameter, text)

    def _pem(self, name: str) -> bytes:
        """The content of a parameter that is to be PEM."""
        parameter = self.given[name]
        content = str(parameter.value)
        if "\n" not in content and "\\n" in content:
            raise self._fail(
                parameter,
                "the lines of the PEM block end in the characters \\n instead of ending",
                'Paste it with its lines, in VCL as a long string: {"-----BEGIN ... -----END ..."}.',
            )
        # A lone surrogate, which JSON can have in an escape, is in no PEM block.
        return content.encode("utf-8", "replace")

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

    def ciphers(self) -> str | None:
        """A cipher list, with colons."""
        value = self._string("ssl_ciphers")
        if value is not None and not (value.isascii() and value.isprintable()):
            raise self._fail(
                self.given["ssl_ciphers"],
                "a list of cipher suites has plain letters, digits and punctuation",
                "Type the list anew.",
            )
        if value is None or "," not in value:
            return value
        text = "the commas are read as colons: OpenSSL takes both"
        self._say(Severity.NOTE, self.given["ssl_ciphers"], text)
        return ":".join(part.strip() for part in value.split(",") if part.strip())

    def protocols(self) -> ProtocolRange | None:
        """The lowest and the highest version of TLS."""
        low, high = self._version("min_tls_version"), self._version("max_tls_version")
        if low is None and high is None:
            return None
        try:
            return ProtocolRange(low, high)
        except ValueError as error:
            raise self._fail(
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
            raise self._fail(
                self.given[name], "that is no version of TLS", f"There are 1.0, 1.1, 1.2, 1.3.{old}"
            )
        return version

    def timeouts(self) -> Mapping[str, float]:
        """The time limits that there are, in seconds, by name."""
        found = {name: self._seconds(self.given[name]) for name in TIMEOUTS if name in self.given}
        return MappingProxyType(found)

    def _seconds(self, parameter: Written) -> float:
        """VCL has times with units; the API has milliseconds."""
        value = parameter.value
        seconds: float | None = None
        if isinstance(value, str):
            time = _DURATION.fullmatch(value)
            if time:
                seconds = float(time[1]) * UNITS[time[2]]
        elif not isinstance(value, bool):
            in_milliseconds = self.form is not Form.VCL
            seconds = value / 1000 if in_milliseconds else float(value)
        if seconds is None or not 0 < seconds <= LONGEST_S:
            example = "1s" if self.form is Form.VCL else "1000 (milliseconds)"
            raise self._fail(
                parameter,
                "that is no time for a limit",
                f"Write a time above zero, at most {LONGEST_S:g} s, such as {example}.",
            )
        return seconds


def is_address(text: str) -> bool:
    """Whether a host is given by its IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
