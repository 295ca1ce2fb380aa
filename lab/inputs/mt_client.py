"""From Movable Type's directives to the settings of the client that it starts.

Two programs deliver for Movable Type:

``net-ftpssl``
    The public ``lib/MT/FileMgr/FTPS.pm``: ``Net::FTPSSL->new`` with options built from the directives
    (``SSL_verify_mode``, ``SSL_version`` with a default of its own, then every key of ``FTPSOptions``
    over them).

``net-ftp``
    Server delivery, whose source is not public. Its message (``FTP failed to start tls: ...``) is that
    of ``Net::FTP``; the page that documents it names ``FTPSSSLVerifyNone`` and
    ``FTPSOptions SSL_cipher_list`` as remedies. *Modelled* here: the same directives become options of
    ``Net::FTP->new``, and where no directive names the versions, IO::Socket::SSL's own default decides.

What an option means is read in ``Net/FTPSSL.pm`` 0.42, ``Net/FTP.pm`` 3.14 and IO::Socket::SSL 2.081.
A program that dies of a value never connects, so that there is no attempt to make of it: an error.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lab.inputs.findings import Finding, InputError, Severity
from lab.inputs.mt_config import FTPS_OPTIONS, FTPS_SSL_VERSION, MtConfig, Option, true
from lab.inputs.perl_ssl import protocols, sha256_fingerprint
from lab.model import ClientSettings

#: What FTPS.pm asks for when no directive names the versions.
NET_FTPSSL_VERSION = "SSLv23:!SSLv3:!SSLv2"

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)


class Caller(StrEnum):
    """The program that delivers."""

    NET_FTP = "net-ftp"
    NET_FTPSSL = "net-ftpssl"


@dataclass
class _Reading:
    """The settings so far, and what is to be said of them."""

    config: MtConfig
    caller: Caller
    pins: Mapping[str, str]
    changes: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def say(self, severity: Severity, line: int | None, text: str) -> None:
        self.findings.append(Finding(severity, self.config.file, line, text))

    def left_out(self, option: Option, instead: str) -> None:
        self.say(Severity.WARNING, option.line, f"`{option}` is left out: {instead}")


def client_settings(
    config: MtConfig,
    base: ClientSettings,
    caller: Caller,
    pins: Mapping[str, str] | None = None,
) -> tuple[ClientSettings, list[Finding]]:
    """The client that Movable Type would start with these directives.

    Args:
        config: the directives.
        base: everything that no directive says: platform, policy, goal, ...
        caller: the program that delivers.
        pins: certificates that the lab can pin, as name by SHA-256 fingerprint (lower-case digits).

    Returns:
        The settings and the findings; those of the file itself are in ``config.findings``.

    Raises:
        InputError: a value that the program dies of.
    """
    reading = _Reading(config, caller, pins or {})
    _verification(reading)
    _versions(reading)
    for option in config.options:
        _apply(reading, option)
    _session_reuse(reading)
    return dataclasses.replace(base, **reading.changes), reading.findings


def _verification(reading: _Reading) -> None:
    directive = reading.config.verify_none
    if directive is None:
        return
    reading.changes["verify"] = False
    reading.say(
        Severity.WARNING,
        directive.line,
        f"`{directive}` switches every check of the server's certificate off: whoever answers in the"
        " server's place is handed user, password and files. Safe instead: the server's CA in the"
        " client's trust store, or `FTPSOptions SSL_fingerprint=sha256$...` with its certificate",
    )


def _versions(reading: _Reading) -> None:
    config = reading.config
    directive = config.version
    own = config.ftps_ssl_version
    if directive is None:
        if reading.caller is Caller.NET_FTPSSL:
            reading.changes["protocols"] = protocols(NET_FTPSSL_VERSION)
        return
    if own is not None and own.true and directive is not own:
        reading.say(
            Severity.WARNING,
            own.line,
            f"`{own}` has no effect: `{directive}` in line {directive.line} goes before it"
            f" ({directive.name} || {FTPS_SSL_VERSION})",
        )
    reading.changes["protocols"] = _protocols(
        reading, str(directive), directive.value, directive.line
    )


def _protocols(reading: _Reading, written: str, value: str, line: int | None) -> Any:
    try:
        return protocols(value)
    except ValueError as error:
        raise InputError(
            reading.config.file,
            line,
            f"`{written}` cannot be tried: {error}.",
            "Correct the line, or give the versions with -c protocols=RANGE and remove it.",
        ) from error


def _session_reuse(reading: _Reading) -> None:
    config = reading.config
    reuses = not config.drops_session_reuse
    if reading.caller is Caller.NET_FTPSSL:
        reading.changes.setdefault("session_cache", "shared" if reuses else "none")
    if not config.configured_options or reuses:
        return
    first = config.configured_options[0]
    if any(option.key == "ReuseSession" for option in config.configured_options):
        return  # said to be off, not forgotten
    if reading.caller is Caller.NET_FTPSSL:
        reading.say(
            Severity.WARNING,
            first.line,
            f"a configured {FTPS_OPTIONS} replaces the default, and with it ReuseSession=1: no data"
            " connection resumes the control connection's session, and a server with"
            " require_ssl_reuse=YES (vsftpd's default) lets the client log in and refuses every"
            f" transfer (522). Add a line `{FTPS_OPTIONS} ReuseSession=1`",
        )
    else:
        reading.say(
            Severity.NOTE,
            first.line,
            f"a configured {FTPS_OPTIONS} replaces the default ReuseSession=1. Net::FTP does not know"
            " that option; Movable Type's other FTPS client, Net::FTPSSL, needs it: add a line"
            f" `{FTPS_OPTIONS} ReuseSession=1`",
        )


# -- FTPSOptions -----------------------------------------------------------------------------------


def _apply(reading: _Reading, option: Option) -> None:
    handler = _SSL.get(option.key)
    if handler is None:
        handler = (_NET_FTP if reading.caller is Caller.NET_FTP else _NET_FTPSSL).get(option.key)
    if handler is not None:
        handler(reading, option)
    elif option.key.startswith("SSL_"):
        reading.left_out(option, "the lab has no setting for this option of IO::Socket::SSL")
    else:
        for severity, text in _unknown(reading, option):
            reading.say(severity, option.line, text)


def _unknown(reading: _Reading, option: Option) -> Iterator[tuple[Severity, str]]:
    program = "Net::FTP" if reading.caller is Caller.NET_FTP else "Net::FTPSSL"
    known = {key.lower(): key for key in (*_SSL, *_NET_FTP, *_NET_FTPSSL)}
    right = known.get(option.key.strip().lower())
    if right == option.key:
        yield (
            Severity.WARNING,
            f"`{option}`: {program} does not know this option and ignores it",
        )
    elif right is not None:
        yield (
            Severity.WARNING,
            f"`{option}`: {program} does not know {option.key!r} and ignores it; options are spelt"
            f" exactly: `{FTPS_OPTIONS} {right}={option.value or 'VALUE'}`",
        )
    else:
        yield (
            Severity.WARNING,
            f"`{option}`: not an option of {program} that the lab knows; left out",
        )


def _cipher_list(reading: _Reading, option: Option) -> None:
    if not option.value:
        reading.left_out(option, "it has no value")
        return
    reading.changes["ciphers"] = option.value
    if option.value == "AES128":
        text = (
            f"`{option}`: AES128 is not one suite but an alias of OpenSSL for all of AES-128 (GCM and"
            " CBC, with and without forward secrecy), and nothing else: a server that only has AES-256"
            " suites, such as vsftpd 3.0.5 by default, is out of reach over TLS 1.2"
        )
        reading.say(Severity.NOTE, option.line, text)


def _verify_mode(reading: _Reading, option: Option) -> None:
    value = option.value or "0"
    number = _NUMBER.match(value)
    if (number is None or float(number[0]) == 0) and value != "0":
        raise InputError(
            reading.config.file,
            option.line,
            f"`{option}` cannot be tried: IO::Socket::SSL dies of it (`SSL_verify_mode must be a number"
            " and not a string`).",
            f"Write `{FTPS_OPTIONS} SSL_verify_mode=1` (verify) or `=0` (do not).",
        )
    verifies = number is not None and int(float(number[0])) & 1 == 1
    if verifies and reading.changes.get("verify") is False:
        text = f"`{option}` switches verification on again: {FTPS_OPTIONS} goes over the directives"
        reading.say(Severity.NOTE, option.line, text)
    elif not verifies:
        text = f"`{option}` switches every check of the server's certificate off, as FTPSSSLVerifyNone 1"
        reading.say(Severity.WARNING, option.line, text)
    reading.changes["verify"] = verifies


def _version(reading: _Reading, option: Option) -> None:
    reading.changes["protocols"] = _protocols(reading, str(option), option.value or "", option.line)


def _verify_name(reading: _Reading, option: Option) -> None:
    reading.changes["verify_name"] = option.value or None


def _sni(reading: _Reading, option: Option) -> None:
    reading.changes["sni"] = option.value or ""


def _fingerprint(reading: _Reading, option: Option) -> None:
    if not option.value:
        return
    try:
        digits = sha256_fingerprint(option.value)
    except ValueError as error:
        raise InputError(
            reading.config.file,
            option.line,
            f"`{option}` cannot be tried: {error}.",
            f"Write `{FTPS_OPTIONS} SSL_fingerprint=sha256$` and 64 hexadecimal digits.",
        ) from error
    name = reading.pins.get(digits or "")
    if name is not None:
        reading.changes["fingerprint"] = name
        return
    reading.left_out(
        option,
        "it pins no certificate that is served here; --chain serves yours, `-c fingerprint=SLUG` pins one"
        " of the lab",
    )


def _scheme(reading: _Reading, option: Option) -> None:
    if option.value != "ftp":
        reading.left_out(option, "the lab's client always checks names by the scheme `ftp`")


def _session_cache_size(reading: _Reading, option: Option) -> None:
    if not true(option.value):
        reading.changes["session_cache"] = "none"
    else:
        reading.left_out(option, "`-c session_cache=` has default, shared and none")


def _file(advice: str) -> Callable[[_Reading, Option], None]:
    def handler(reading: _Reading, option: Option) -> None:
        reading.left_out(option, f"the lab cannot read files of your machine; {advice}")

    return handler


def _timeout(reading: _Reading, option: Option) -> None:
    number = _NUMBER.match(option.value or "")
    seconds = float(number[0]) if number else 0.0
    if seconds > 0:
        reading.changes["timeout_s"] = seconds
    else:
        reading.left_out(option, "it is no time above zero; `-c timeout_s=SECONDS` sets one")


def _passive(reading: _Reading, option: Option) -> None:
    reading.changes["mode"] = "passive" if true(option.value) else "active"


def _port(reading: _Reading, option: Option) -> None:
    reading.say(
        Severity.NOTE, option.line, f"`{option}` is replaced: the lab's servers have own ports"
    )


def _implicit(reading: _Reading, option: Option) -> None:
    reading.changes["implicit_tls"] = true(option.value)


def _encryption(reading: _Reading, option: Option) -> None:
    changes = {
        "E": {"implicit_tls": False, "tls": True},
        "I": {"implicit_tls": True, "tls": True},
        "C": {"implicit_tls": False, "tls": False},
    }.get(option.value or "E")
    if changes is None:
        raise InputError(
            reading.config.file,
            option.line,
            f"`{option}` cannot be tried: Net::FTPSSL refuses it (`Encryption mode unknown!`).",
            "Write E (explicit TLS), I (implicit TLS) or C (no TLS).",
        )
    reading.changes |= changes


def _reuse_session(reading: _Reading, option: Option) -> None:
    """:func:`_session_reuse` looks at the whole hash; here only what Net::FTP makes of a line."""
    if reading.caller is Caller.NET_FTP and option.line is not None:
        text = (
            f"`{option}` is an option of Net::FTPSSL: Net::FTP ignores it. Whether Net::FTP resumes the"
            " session on data connections is decided by libnet's version and the mode (passive, active)"
        )
        reading.say(Severity.NOTE, option.line, text)


_Handler = Callable[[_Reading, Option], None]

_TRUST = "`-c trust=ANCHOR` gives the client another trust store of the lab"
_CLIENT_CERTIFICATE = "`-c client_certificate=SLUG` gives the client a certificate"

#: Options that both programs hand to IO::Socket::SSL.
_SSL: Mapping[str, _Handler] = {
    "SSL_cipher_list": _cipher_list,
    "SSL_verify_mode": _verify_mode,
    "SSL_version": _version,
    "SSL_verifycn_name": _verify_name,
    "SSL_verifycn_scheme": _scheme,
    "SSL_hostname": _sni,
    "SSL_fingerprint": _fingerprint,
    "SSL_session_cache_size": _session_cache_size,
    "SSL_ca_file": _file(_TRUST),
    "SSL_ca_path": _file(_TRUST),
    "SSL_cert_file": _file(_CLIENT_CERTIFICATE),
    "SSL_key_file": _file(_CLIENT_CERTIFICATE),
}
#: Options of Net::FTP itself.
_NET_FTP: Mapping[str, _Handler] = {
    "ReuseSession": _reuse_session,
    "Passive": _passive,
    "Timeout": _timeout,
    "Port": _port,
    "SSL": _implicit,
}
#: Options of Net::FTPSSL itself.
_NET_FTPSSL: Mapping[str, _Handler] = {
    "ReuseSession": _reuse_session,
    "Timeout": _timeout,
    "Port": _port,
    "Encryption": _encryption,
}
