"""From Movable Type's directives to the settings of the client that delivers: Net::FTP.

That client is *modelled*. The source of server delivery is not public; its message (``FTP failed to start
tls: ...``) is that of ``Net::FTP``, and the page that documents it names ``FTPSSSLVerifyNone`` and
``FTPSOptions SSL_cipher_list`` as remedies. So the directives become options of ``Net::FTP->new`` here,
``FTPSOptions`` over the others; where no directive names the versions, IO::Socket::SSL's default decides.

The public ``lib/MT/FileMgr/FTPS.pm`` delivers with ``Net::FTPSSL`` instead, which the lab does not run. An
option that only that module knows is named and has no effect (``mt.toml``).

What an option means is read in ``Net/FTP.pm`` 3.14, ``Net/FTPSSL.pm`` 0.42 and ``IO/Socket/SSL.pm`` 2.081
(``SSL_Context::new``). A program that dies of a value never connects, so that there is no attempt to make
of it: an error.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from lab.model import PROTOCOLS, ClientSettings, ProtocolRange
from lab.own import mt_config
from lab.own.findings import BLANKS, Finding, Findings, InputError, data
from lab.own.mt_config import FTPS_OPTIONS, TABLE, Directive, FtpsOption, MtConfig, true
from lab.text import cut

C = TypeVar("C", bound=ClientSettings)

#: The largest integer that Perl has.
_LARGEST = float(2**64)
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)", re.ASCII)
_VERSION = re.compile(r"(!?)(?:SSL(v2|v3|v23|v2/3)|TLSv1(?:_?([123]))?)", re.IGNORECASE | re.ASCII)
_MEANT = re.compile(r"!?(?:TLS)?v?1[._]?([0123])", re.IGNORECASE | re.ASCII)
_FINGERPRINT = re.compile(r"(?:([\w-]+)\$)?(pub\$)?([a-f\d:]+)", re.IGNORECASE | re.ASCII)
_SHA256_DIGITS = 64
#: A certificate of the lab that is never a person's own: what a fingerprint pins that is not theirs.
ANOTHER = "impostor"
_ANY = "SSLv23"


@dataclass
class _Reading:
    """The settings so far, and what is to be said of them."""

    config: MtConfig
    pins: Mapping[str, str]
    found: Findings
    changes: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """The line that each change comes from."""

    def set(self, name: str, value: Any, written: FtpsOption | Directive) -> None:
        self.changes[name] = value
        self.lines[name] = written.line

    def left_out(self, option: FtpsOption, why: str) -> None:
        self.found.say("left-out", option.line, option=option, why=why)

    def set_protocols(self, written: FtpsOption | Directive) -> None:
        try:
            self.set("protocols", protocols(written.value or ""), written)
        except ValueError as error:
            remedy = "Correct the line, or give the versions with -c protocols=RANGE and remove it."
            raise self.cannot(written, str(error), remedy) from error

    def cannot(self, written: FtpsOption | Directive, why: str, remedy: str) -> InputError:
        return self.found.failure(written.line, f"`{written}` cannot be tried: {why}.", remedy)


def client_settings(
    config: MtConfig, base: C, pins: Mapping[str, str] | None = None
) -> tuple[C, list[Finding], Mapping[str, int]]:
    """The client that Movable Type would start with these directives.

    Args:
        config: the directives.
        base: everything that no directive says: platform, policy, goal, ...
        pins: certificates that the lab can pin, as name by SHA-256 fingerprint (lower-case digits).

    Returns:
        The settings; the findings - those of the file itself are in ``config.findings``; and the line that
        each setting comes from.

    Raises:
        InputError: a value that the program dies of, or a setting that ``base`` does not have.
    """
    reading = _Reading(config, pins or {}, Findings(config.file, TABLE))
    _verification(reading)
    _versions(reading)
    for option in config.options:
        _apply(reading, option)
    _session_reuse(reading)
    missing = set(reading.changes) - {field.name for field in dataclasses.fields(base)}
    if missing:
        name = min(missing)
        raise reading.found.fail("no-such-setting", None, program=base.program, setting=name)
    return dataclasses.replace(base, **reading.changes), reading.found, reading.lines


def _verification(reading: _Reading) -> None:
    directive = reading.config.verify_none
    if directive is not None:
        reading.set("verify", False, directive)
        reading.found.say("verify-none", directive.line, directive=directive)


def _versions(reading: _Reading) -> None:
    directive = reading.config.version
    own = reading.config.directives.get(mt_config.FTPS_SSL_VERSION)
    if directive is None:
        return
    if own is not None and own.true and directive is not own:
        reading.found.say("version-without-effect", own.line, own=own, directive=directive)
    reading.set_protocols(directive)


def _session_reuse(reading: _Reading) -> None:
    """Lines that replace the default ``ReuseSession=1`` without a word about it."""
    options = reading.config.options
    if options and not any(option.key == "ReuseSession" for option in options):
        reading.found.say("session-reuse", options[0].line)


# -- FTPSOptions -----------------------------------------------------------------------------------


def _apply(reading: _Reading, option: FtpsOption) -> None:
    without = data(TABLE)["option"]
    if option.key in _SIMPLE:
        name, value = _SIMPLE[option.key]
        reading.set(name, value(option.value), option)
    elif option.key in _OPTIONS:
        _OPTIONS[option.key](reading, option)
    elif option.key in without:
        reading.found.say_words(without[option.key], option.line, option=option)
    elif option.key.startswith("SSL_"):
        reading.left_out(option, "the lab has no setting for this option of IO::Socket::SSL")
    else:
        known = {key.lower(): key for key in (*_SIMPLE, *_OPTIONS, *without)}
        right = known.get(option.key.strip().lower())
        words = "unknown-option" if right is None else "spelt-exactly"
        right = f"{right}={cut(option.value or 'VALUE')}"
        reading.found.say(words, option.line, option=option, key=cut(option.key), right=right)


def _cipher_list(reading: _Reading, option: FtpsOption) -> None:
    if not option.value:
        reading.left_out(option, "it has no value")
        return
    reading.set("ciphers", option.value, option)
    if option.value == "AES128":
        reading.found.say("aes128", option.line, option=option)


def _verify_mode(reading: _Reading, option: FtpsOption) -> None:
    value = option.value or "0"
    number = _NUMBER.match(value)
    if (number is None or float(number[0]) == 0) and value != "0":
        why = "IO::Socket::SSL dies of it (`SSL_verify_mode must be a number and not a string`)"
        remedy = f"Write `{FTPS_OPTIONS} SSL_verify_mode=1` (verify) or `=0` (do not)."
        raise reading.cannot(option, why, remedy)
    # Perl takes what is beyond its integers for the largest of them, which is odd.
    integer = min(float(number[0]), _LARGEST) if number else 0.0
    verifies = int(integer) & 1 == 1 or integer == _LARGEST
    if verifies and reading.changes.get("verify") is False:
        reading.found.say("verify-on-again", option.line, option=option)
    elif not verifies:
        reading.found.say("verify-mode-off", option.line, option=option)
    reading.set("verify", verifies, option)


def _fingerprint(reading: _Reading, option: FtpsOption) -> None:
    if not option.value:
        return
    try:
        digits = sha256_fingerprint(option.value)
    except ValueError as error:
        remedy = f"Write `{FTPS_OPTIONS} SSL_fingerprint=sha256$` and 64 hexadecimal digits."
        raise reading.cannot(option, str(error), remedy) from error
    # Where a person's own certificate is served, one that is not it is another one's.
    other = ANOTHER if reading.pins and digits is not None else None
    if (name := reading.pins.get(digits or "", other)) is not None:
        reading.set("fingerprint", name, option)
        return
    nowhere = "it pins no certificate that is served here; --chain serves yours,"
    reading.left_out(option, f"{nowhere} `-c fingerprint=SLUG` pins one of the lab")


def _scheme(reading: _Reading, option: FtpsOption) -> None:
    if option.value != "ftp":
        reading.left_out(option, "the lab's client always checks names by the scheme `ftp`")


def _session_cache_size(reading: _Reading, option: FtpsOption) -> None:
    if not true(option.value):
        reading.set("session_cache", "none", option)
    else:
        reading.left_out(option, "`-c session_cache=` has default, shared and none")


def _timeout(reading: _Reading, option: FtpsOption) -> None:
    number = _NUMBER.match(option.value or "")
    seconds = float(number[0]) if number else 0.0
    if 0 < seconds < _LARGEST:
        reading.set("timeout_s", seconds, option)
    else:
        reading.left_out(option, "it is no time above zero; `-c timeout_s=SECONDS` sets one")


#: Keys whose value is that of a field of the settings, however it is spelt.
_SIMPLE: Mapping[str, tuple[str, Callable[[str | None], Any]]] = {
    "SSL_verifycn_name": ("verify_name", lambda value: value or None),
    "SSL_hostname": ("sni", lambda value: value or ""),
    "Passive": ("mode", lambda value: "passive" if true(value) else "active"),
    "SSL": ("implicit_tls", true),
}
_OPTIONS: Mapping[str, Callable[[_Reading, FtpsOption], None]] = {
    # Net::FTP hands these to IO::Socket::SSL.
    "SSL_cipher_list": _cipher_list,
    "SSL_verify_mode": _verify_mode,
    "SSL_version": _Reading.set_protocols,
    "SSL_verifycn_scheme": _scheme,
    "SSL_fingerprint": _fingerprint,
    "SSL_session_cache_size": _session_cache_size,
    # Net::FTP's own.
    "Timeout": _timeout,
}


# -- option values of IO::Socket::SSL --------------------------------------------------------------


def protocols(text: str) -> ProtocolRange:
    """The range of versions that an ``SSL_version`` allows.

    Raises:
        ValueError: the module dies of this value; it allows nothing; or what it allows is no range
            (a version in the middle is switched off).
    """
    chosen: str | None = None
    off: set[str] = set()
    for part in _parts(text):
        match = _VERSION.fullmatch(part)
        if match is None:
            raise ValueError(
                f"IO::Socket::SSL dies of it (`invalid SSL_version specified`): {cut(part)!r} is no version"
                f"{_meant(part)}"
            )
        version = _spelt(match)
        if match[1]:
            off.add(version)
        elif chosen is not None and (chosen != version or _has_two_spellings(part)):
            raise ValueError(
                "IO::Socket::SSL dies of it (`cannot set multiple SSL protocols in SSL_version`):"
                " write one version, or SSLv23 with the others switched off (SSLv23:!SSLv3:!TLSv1)"
            )
        else:
            chosen = version
    inside = [v for v in PROTOCOLS if v not in off and chosen in (None, _ANY, v)]
    if not inside:
        raise ValueError("it leaves no version that a TLS library of today speaks")
    if len(inside) != PROTOCOLS.index(inside[-1]) - PROTOCOLS.index(inside[0]) + 1:
        raise ValueError(f"it leaves {', '.join(inside)}, which is no range")
    open_above = chosen in (None, _ANY) and inside[-1] == PROTOCOLS[-1]
    return ProtocolRange(inside[0], None if open_above else inside[-1])


def _parts(text: str) -> list[str]:
    r"""As ``split /\s*:\s*/`` does it: blanks before the first part and behind the last one stay."""
    parts = re.split(rf"[{BLANKS}]*+:[{BLANKS}]*+", text)
    while parts and not parts[-1]:  # Perl's split drops empty parts at the end
        parts.pop()
    return parts


def _spelt(match: re.Match[str]) -> str:
    """The version as :data:`PROTOCOLS` spells it, ``SSLv23`` for any, ``SSLv2`` for that."""
    ssl, minor = match[2], match[3]
    if ssl is not None:
        return {"v2": "SSLv2", "v3": "SSLv3"}.get(ssl.lower(), _ANY)
    return f"TLSv1.{minor}" if minor else "TLSv1"


def _has_two_spellings(part: str) -> bool:
    """TLSv12 and SSLv2/3: the module compares them as written with its own spelling of the first."""
    return "/" in part or (part[-2:].isdigit() and not part.lower().startswith("ssl"))


def _meant(part: str) -> str:
    digits = _MEANT.fullmatch(part)
    if digits is None:
        return "; versions are SSLv23, TLSv1, TLSv1_1, TLSv1_2, TLSv1_3"
    minor, negation = digits[1], "!" if part.startswith("!") else ""
    return f"; write {negation}TLSv1{'' if minor == '0' else '_' + minor}"


def sha256_fingerprint(text: str) -> str | None:
    """The certificate that an ``SSL_fingerprint`` pins: SHA-256 in lower-case digits.

    Returns:
        ``None`` for a fingerprint of another kind: another hash, or of the public key.

    Raises:
        ValueError: the module refuses this value.
    """
    match = _FINGERPRINT.fullmatch(text)
    if match is None:
        raise ValueError(f"IO::Socket::SSL refuses it (`invalid fingerprint '{cut(text)}'`)")
    digits = match[3].replace(":", "").lower()
    algorithm = (match[1] or "").lower()
    if match[2] or algorithm not in ("", "sha256") or len(digits) != _SHA256_DIGITS:
        return None
    return digits
