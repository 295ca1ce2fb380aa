"""pycurl, Python's way to libcurl, on Debian's libcurl with GnuTLS: settings to the options of a handle.

A script of its users sets options of a handle and calls ``perform()``. The library is another build than the
one of the command ``curl``, which is on OpenSSL: Debian's python3-pycurl, git and others are on this one.
Sources: curl_easy_setopt(3); ``lib/vtls/gtls.c`` of curl 7.88.1 and 8.14.1; what they say with ``VERBOSE``
on GnuTLS 3.7.9 (Debian 12) and 3.8.9 (Debian 13).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients import gnutls
from lab.clients.base import NUMBERS, Program, Target, delivery_of, payload_of
from lab.clients.curl import CurlTrace, distinct, errno_of, library_of
from lab.model import (
    Agent,
    ClientReport,
    ClientSettings,
    FtpClientSettings,
    Goal,
    ProtocolRange,
    setting,
)

#: GnuTLS's reasons not to trust a certificate, by their bit in SSL_VERIFYRESULT (gnutls/x509.h).
_STATUS = {
    5: "GNUTLS_CERT_REVOKED",
    6: "GNUTLS_CERT_SIGNER_NOT_FOUND",
    7: "GNUTLS_CERT_SIGNER_NOT_CA",
    8: "GNUTLS_CERT_INSECURE_ALGORITHM",
    9: "GNUTLS_CERT_NOT_ACTIVATED",
    10: "GNUTLS_CERT_EXPIRED",
    11: "GNUTLS_CERT_SIGNATURE_FAILURE",
    16: "GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE",
    21: "GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS",
}

_VERIFIED = re.compile(r"^\*\s+server certificate verification (OK|SKIPPED)")
#: Said of a certificate that was found good in everything that is looked at.
_ACCEPTED = re.compile(r"^\*\s+server certificate activation date OK")
_BEGINS = re.compile(r"^\* GnuTLS (?:ciphers|priority): ")

AGENT = Agent.python("pycurl", "python_pycurl.py")
CIPHERS_HELP = "SSL_CIPHER_LIST, verbatim: an OpenSSL cipher list, or a priority string of GnuTLS"
CHECK_NAME_HELP = "SSL_VERIFYHOST: the name is checked (default: as verify)"


@dataclass(frozen=True, kw_only=True)
class Pycurl(FtpClientSettings):
    """What pycurl can be told."""

    program: Literal["pycurl"] = "pycurl"
    platform: str = "debian13"
    try_tls: bool = setting(
        False,
        "USE_SSL=USESSL_TRY: go on in clear text where the server refuses TLS (off: USESSL_ALL)",
    )
    check_name: bool | None = setting(None, CHECK_NAME_HELP)
    ciphers: str | None = setting(None, CIPHERS_HELP, one_line=True)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What is set on a handle, by pycurl's names of options."""

    values: Mapping[str, str | int]
    constants: Mapping[str, list[str]]
    """Options whose values are constants of pycurl's, added up."""

    def statements(self) -> tuple[str, ...]:
        """As they are written in a script."""
        named = {
            name: " | ".join(f"pycurl.{value}" for value in values)
            for name, values in self.constants.items()
        }
        written = {
            name: f'"{v}"' if isinstance(v, str) else str(v) for name, v in self.values.items()
        }
        return tuple(f"curl.setopt(pycurl.{n}, {v})" for n, v in (written | named).items())


@dataclass(frozen=True, kw_only=True)
class PycurlProgram(Program[Pycurl]):
    """``pycurl.Curl()``, its options, ``perform()``."""

    agent: Agent = AGENT
    leaves_tickets_unread: bool = True  # libcurl 7.88.1

    def request(self, client: Pycurl, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        told = options(client, target)
        scheme = "ftps" if client.implicit_tls else "ftp"
        file = delivery_of(target).name if client.goal is Goal.TRANSFER else ""
        # Asked for a directory without its body, libcurl logs in, protects the data channel and leaves.
        aim = {"UPLOAD": 1} if client.goal is Goal.TRANSFER else {"NOBODY": 1}
        values = {
            "URL": f"{scheme}://{target.host}:{target.port}/{file}",
            **aim,
            **access(client, target),
        }
        return {
            "options": {**values, **told.values},
            "constants": told.constants,
            "payload": payload_of(client, target),
        }

    def written(self, client: Pycurl, target: Target) -> tuple[str, ...]:
        """See :meth:`Program.written`."""
        scheme = "ftps" if client.implicit_tls else "ftp"
        url = f'curl.setopt(pycurl.URL, "{scheme}://HOST/FILE")'
        return (url, *options(client, target).statements())

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`."""
        return report_of(raw, GnutlsTrace(said_in(raw)), done="quit")


def options(client: Pycurl, target: Target) -> Options:
    """What the settings set, beyond where it goes."""
    told = tls_options(client, target, client.check_name)
    values, constants = dict(told.values), dict(told.constants)
    if client.session_cache == "none":
        values["SSL_SESSIONID_CACHE"] = 0
    if client.mode == "active":
        values["FTPPORT"] = "-"
    if not client.protect_data and client.uses_tls:
        constants["USE_SSL"] = ["USESSL_CONTROL"]
    elif client.tls and not client.implicit_tls:
        constants["USE_SSL"] = ["USESSL_TRY" if client.try_tls else "USESSL_ALL"]
    return Options(values=values, constants=constants)


def access(client: ClientSettings, target: Target) -> dict[str, str | int]:
    """Who asks, and how long it may take."""
    limit_ms = int(1000 * client.timeout_s)
    return {
        "USERPWD": f"{target.user}:{target.password}",
        "CONNECTTIMEOUT_MS": limit_ms,
        "TIMEOUT_MS": 2 * limit_ms,
        # Without this libcurl ends a name's look-up by a signal.
        "NOSIGNAL": 1,
    }


def tls_options(client: ClientSettings, target: Target, check_name: bool | None) -> Options:
    """The options of TLS that the settings set."""
    checks_name = client.verify if check_name is None else check_name
    given: dict[str, str | int | None] = {
        "SSL_VERIFYPEER": None if client.verify else 0,
        "SSL_VERIFYHOST": None if checks_name else 0,
        "CAINFO": target.ca_file,
        "SSL_CIPHER_LIST": client.ciphers,
        "SSLCERT": target.certificate,
        "SSLKEY": target.key if target.certificate is not None else None,
    }
    protocols = client.protocols or ProtocolRange()
    ends = {"SSLVERSION_TLSv": protocols.minimum, "SSLVERSION_MAX_TLSv": protocols.maximum}
    named = [f"{n}{NUMBERS[v].replace('.', '_')}" for n, v in ends.items() if v]
    return Options(
        values={name: value for name, value in given.items() if value is not None},
        constants={"SSLVERSION": named} if named else {},
    )


class GnutlsTrace(CurlTrace):
    """What libcurl says on GnuTLS: its own lines, and the library's log between them."""

    def __init__(self, text: str) -> None:
        self.log = gnutls.GnutlsLog()
        self.accepted = False
        """Whether the certificate of the control connection was found good."""
        super().__init__(text)
        if not self.accepted:
            self.verified = None

    def take(self, line: str) -> None:
        """See :meth:`CurlTrace.take`."""
        if self.log.take(line):
            self._take_session()
        elif verified := _VERIFIED.match(line):
            if self.verified is None:
                self.verified = verified[1] == "OK"
        elif _BEGINS.match(line) and self.step in ("connect", "greeting"):
            self.step = self.first_step
        elif _ACCEPTED.match(line):
            self.accepted = True
            if self.step == "starttls" and self.reply_code is None:
                self.step = "greeting"
        elif not line.startswith("* SSL connection using "):
            super().take(line)

    def _take_session(self) -> None:
        control, data = self.log.control, self.log.data
        self.protocol, self.cipher = control.protocol, control.cipher
        self.alerts = list(self.log.alerts)
        if data.agreed:
            self.data_protected, self.session_reused = True, data.resumed


def said_in(raw: Mapping[str, Any]) -> str:
    """What libcurl and GnuTLS wrote.

    Raises:
        ValueError: a result without ``options``: not one of a script.
    """
    if "options" not in raw:
        raise ValueError(f"the agent's result is not one of a script: {dict(raw)!r}")
    return str(raw.get("said") or "")


def report_of(raw: Mapping[str, Any], trace: GnutlsTrace, done: str) -> ClientReport:
    """A report from what pycurl raised and from what libcurl said.

    ``message`` is the last line of the traceback that a script leaves its user.

    Args:
        done: the step at which a script is that has come through.
    """
    number, words = int(raw.get("number") or 0), str(raw.get("words") or "")
    timed_out = bool(raw.get("timed_out"))
    failed = timed_out or number != 0
    complaint = f"({number}) {words}" if number else ""
    late = ["the attempt's deadline passed"] if timed_out else []
    found = distinct(
        [*late, complaint, *trace.alerts, *reasons(int(raw.get("verify_result") or 0))]
    )
    return ClientReport(
        failed=failed,
        step=trace.step if failed else done,
        error="; ".join(found) if failed else "",
        message=f"pycurl.error: ({number}, {words!r})" if number else "",
        errno=errno_of(number, said_in(raw)) if failed else None,
        exit_status=number,
        library=library_of(str(raw.get("version") or "")),
        elapsed_ms=float(raw.get("elapsed_ms") or 0.0),
        timed_out=timed_out,
        **trace.seen(),
    )


def reasons(verify_result: int) -> Iterator[str]:
    """GnuTLS's names of what is wrong with a certificate, from the number that a script can ask for."""
    return (name for bit, name in _STATUS.items() if verify_result >> bit & 1)


PROGRAMS = (PycurlProgram(),)
