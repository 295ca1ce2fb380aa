"""From Movable Type's directives to the settings of the client that delivers: Net::FTP.

That client is *modelled*. The source of server delivery is not public; its message (``FTP failed to start
tls: ...``) is that of ``Net::FTP``, and the page that documents it names ``FTPSSSLVerifyNone`` and
``FTPSOptions SSL_cipher_list`` as remedies. So the directives become options of ``Net::FTP->new`` here,
``FTPSOptions`` over the others; where no directive names the versions, IO::Socket::SSL's default decides.

The public ``lib/MT/FileMgr/FTPS.pm`` delivers with ``Net::FTPSSL`` instead, which the lab does not run. An
option that only that module knows is named and has no effect.

What an option means is read in ``Net/FTP.pm`` 3.14, ``Net/FTPSSL.pm`` 0.42 and IO::Socket::SSL 2.081.
A program that dies of a value never connects, so that there is no attempt to make of it: an error.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lab.model import ClientSettings
from lab.own.findings import Finding, InputError, Severity
from lab.own.mt_config import FTPS_OPTIONS, FTPS_SSL_VERSION, MtConfig, Option, true
from lab.own.perl_ssl import protocols, sha256_fingerprint
from lab.text import cut

C = TypeVar("C", bound=ClientSettings)

#: The largest integer that Perl has.
_LARGEST = float(2**64)
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)


@dataclass
class _Reading:
    """The settings so far, and what is to be said of them."""

    config: MtConfig
    pins: Mapping[str, str]
    changes: dict[str, Any] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def say(self, severity: Severity, line: int | None, text: str) -> None:
        self.findings.append(Finding(severity, self.config.file, line, text))

    def left_out(self, option: Option, instead: str) -> None:
        self.say(Severity.WARNING, option.line, f"`{option}` is left out: {instead}")


def client_settings(
    config: MtConfig,
    base: C,
    pins: Mapping[str, str] | None = None,
) -> tuple[C, list[Finding]]:
    """The client that Movable Type would start with these directives.

    Args:
        config: the directives.
        base: everything that no directive says: platform, policy, goal, ...
        pins: certificates that the lab can pin, as name by SHA-256 fingerprint (lower-case digits).

    Returns:
        The settings and the findings; those of the file itself are in ``config.findings``.

    Raises:
        InputError: a value that the program dies of, or a setting that ``base`` does not have.
    """
    reading = _Reading(config, pins or {})
    _verification(reading)
    _versions(reading)
    for option in config.options:
        _apply(reading, option)
    _session_reuse(reading)
    missing = set(reading.changes) - {field.name for field in dataclasses.fields(base)}
    if missing:
        raise InputError(
            config.file,
            None,
            f"{base.program} has no setting {min(missing)}, which the directives set.",
            "Leave --client out, or name net-ftp: the directives are Net::FTP's.",
        )
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
    """Lines that replace the default ``ReuseSession=1`` without a word about it."""
    options = reading.config.options
    if not options or any(option.key == "ReuseSession" for option in options):
        return
    reading.say(
        Severity.NOTE,
        options[0].line,
        f"a configured {FTPS_OPTIONS} replaces the default ReuseSession=1. Net::FTP does not know"
        " that option; Net::FTPSSL, with which Movable Type's public source delivers, resumes the"
        " control connection's session for data only if it is set, as a server with"
        " require_ssl_reuse=YES (vsftpd's default) demands: add a line"
        f" `{FTPS_OPTIONS} ReuseSession=1`",
    )


# -- FTPSOptions -----------------------------------------------------------------------------------


def _apply(reading: _Reading, option: Option) -> None:
    handler = _OPTIONS.get(option.key)
    if handler is not None:
        handler(reading, option)
    elif option.key.startswith("SSL_"):
        reading.left_out(option, "the lab has no setting for this option of IO::Socket::SSL")
    else:
        reading.say(Severity.WARNING, option.line, _unknown(option))


def _unknown(option: Option) -> str:
    known = {key.lower(): key for key in _OPTIONS}
    right = known.get(option.key.strip().lower())
    if right is None:
        return f"`{option}`: not an option of Net::FTP that the lab knows; left out"
    return (
        f"`{option}`: Net::FTP does not know {cut(option.key)!r} and ignores it; options are spelt"
        f" exactly: `{FTPS_OPTIONS} {right}={cut(option.value or 'VALUE')}`"
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
    # Perl takes what is beyond its integers for the largest of them, which is odd.
    integer = min(float(number[0]), _LARGEST) if number else 0.0
    verifies = int(integer) & 1 == 1 or integer == _LARGEST
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
    if 0 < seconds < _LARGEST:
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
    text = (
        f"`{option}` is an option of Net::FTPSSL: Net::FTP ignores it. `{FTPS_OPTIONS} SSL=1` makes"
        " Net::FTP begin with TLS (implicit TLS); `-c tls=no` tries a delivery without any"
    )
    reading.say(Severity.WARNING, option.line, text)


def _reuse_session(reading: _Reading, option: Option) -> None:
    text = (
        f"`{option}` is an option of Net::FTPSSL: Net::FTP ignores it. Whether Net::FTP resumes the"
        " session on data connections is decided by libnet's version and the mode (passive, active)"
    )
    reading.say(Severity.NOTE, option.line, text)


_Handler = Callable[[_Reading, Option], None]

_TRUST = "`-c trust=ANCHOR` gives the client another trust store of the lab"
_CLIENT_CERTIFICATE = "`-c client_certificate=SLUG` gives the client a certificate"

_OPTIONS: Mapping[str, _Handler] = {
    # Net::FTP hands these to IO::Socket::SSL.
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
    # Net::FTP's own.
    "Passive": _passive,
    "Timeout": _timeout,
    "Port": _port,
    "SSL": _implicit,
    # Net::FTPSSL's.
    "ReuseSession": _reuse_session,
    "Encryption": _encryption,
}
