"""The command ``openssl s_client``: settings to its options, what it prints to a report.

It is run as a diagnosis is: ``echo Q | openssl s_client -connect HOST:PORT`` for the handshake, and for
a response with a request typed in the place of the ``Q``. Left alone, ``s_client`` does not mind the
server's certificate: it prints what is wrong with it and goes on (``verify=no``). With ``verify`` it gets
the options with which it minds, chain and name (``-verify_return_error``, ``-verify_hostname``).

Sources: s_client(1) and ``apps/s_client.c`` of OpenSSL 1.0.2, 1.1.1, 3.0 and 3.5; outputs of 3.0.20 (on
the library 3.5.1) and 3.5.7.
"""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients import base
from lab.clients.base import SYSTEM_ERRORS, CommandProgram, Installed, Options, Ran, Target, Trace
from lab.model import Agent, ClientReport, Goal, ProtocolRange, WebClientSettings, setting
from lab.model.settings import OPTIONS_HELP
from lab.text import is_address

#: Whoever types this as a line of its own ends ``s_client``.
QUIT = "Q\n"
#: The option that limits it to one version.
_ONLY = {
    "SSLv3": "-ssl3",
    "TLSv1": "-tls1",
    "TLSv1.1": "-tls1_1",
    "TLSv1.2": "-tls1_2",
    "TLSv1.3": "-tls1_3",
}
#: The platform whose ``s_client`` is 1.0.2's: without a name to send unless it is told one, and with
#: options against single versions in the place of a range.
_OLD_PLATFORM = "centos7"

_CONNECTED = re.compile(r"^CONNECTED\(", re.MULTILINE)
#: The last line of what it says about a handshake, whether it came about or not.
_VERIFY_RETURN_CODE = re.compile(r"^ *Verify return code: (\d+) \(.*$", re.MULTILINE)
_CIPHER = re.compile(r"^(?:New|Reused), (\S+), Cipher is (\S+)$", re.MULTILINE)
#: There is a certificate, and it was not refused. Over TLS 1.3 the cipher is named before that.
_PUBLIC_KEY = re.compile(r"^Server public key is \d+ bit$", re.MULTILINE)
#: In the session (up to TLS 1.2), and since 3.2 by itself; the word on the line of the cipher is the
#: oldest version that has this cipher.
_PROTOCOL = re.compile(r"^ *Protocol *: (\S+)$", re.MULTILINE)
#: What of it a person wants to read.
_SUMMED_UP = re.compile(r"(?m)^ *(?:subject=|issuer=|Protocol *:|Verify return code:).*$")
_STATUS_LINE = re.compile(r"^HTTP/\d\.\d (\d{3})(?: ([^\r\n]*))?", re.MULTILINE)
_VERIFY_ERROR = re.compile(r"verify error:num=(\d+):")
_SYSTEM_ERROR = re.compile(r"^(?:connect|read|write):errno=(\d+)$", re.MULTILINE)
#: The number of the thread, which is another one each time.
_THREAD = re.compile(r"^[0-9A-Fa-f]+:(?=error:)")
#: What it says of itself: ``openssl version``, where the command and the library are not of one build.
_LIBRARY = re.compile(r"\(Library: ([^)]*)\)")

#: Lines of standard error that are no complaint: the chain as it is looked at, dates beside a complaint
#: about them, the end, a remark that the server did not answer to the name.
_REMARKS = (
    *("depth=", "Connecting to ", "Can't use SSL_get_servername", "DONE"),
    *("verify depth is ", "notAfter=", "notBefore="),
)
#: It did not mind what it said about the certificate.
_WENT_ON = "verify return:1"
#: The system errors with which a connection can end. What stands after ``errno=`` is an older error
#: where it was the resolver that failed.
_ENDINGS = frozenset({"ECONNABORTED", *SYSTEM_ERRORS.values()})


@dataclass(frozen=True, kw_only=True)
class Openssl(WebClientSettings):
    """What ``openssl s_client`` can be told."""

    program: Literal["openssl"] = "openssl"
    options: tuple[str, ...] = setting((), OPTIONS_HELP)


@dataclass(frozen=True, kw_only=True)
class OpensslProgram(CommandProgram[Openssl]):
    """``openssl s_client``, as people run it."""

    agent: Agent = Agent.python("openssl", "commands.py", "openssl", "version")
    title: str = "openssl command"

    def unsupported(self, client: Openssl, installed: Installed) -> str | None:
        """See :meth:`Program.unsupported`."""
        absent = not installed.versions.get("openssl")
        if absent and installed.platform == _OLD_PLATFORM and installed.stand_in:
            # Another distribution's would answer for CentOS 7 with another library than its own.
            return "the stand-in image has no OpenSSL 1.0.2 command line"
        return super().unsupported(client, installed)

    def request(self, client: Openssl, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        return {
            "argv": list(arguments(client, target)),
            "input": QUIT if client.goal is Goal.HANDSHAKE else base.typed_request(client, target),
            "limit_s": client.timeout_s,
            "payload": None,
        }

    def read(self, ran: Ran) -> ClientReport:
        """A report from exit status and texts.

        ``verify_code`` is what the program prints at the end ("Verify return code"), or, where it stopped
        for it, the number in its complaint: after a refusal the printed one says 0 (ok). ``verified`` is
        true only if the chain is in order and a name was asked for: left alone, ``s_client`` looks at the
        chain and compares no name.
        """
        said = _Said(ran.stdout, content=ran.exit_status == 0)
        wants_response = ran.input != QUIT
        # A server may leave without a word of farewell, which is an error after a response that has come.
        missed = said.reply_code != base.OK if wants_response else ran.exit_status != 0
        failed = not said.agreed or ran.timed_out or missed
        complaints = _complaints(ran.stderr)
        if said.verify_code is not None:
            named = "-verify_hostname" in ran.argv or "-verify_ip" in ran.argv
            said.verified = said.verify_code == 0 and named
        library = _LIBRARY.search(ran.version)
        return ran.report(
            said,
            failed=failed,
            done="response" if wants_response else "handshake",
            error=[*ran.late, *complaints],
            message="\n".join(complaints) if failed else said.summary,
            errno=_errno(ran.stderr) if failed else None,
            verify_code=_verify_code(said, complaints),
            library=library[1] if library else ran.version,
        )


def arguments(client: Openssl, target: Target) -> tuple[str, ...]:
    """The whole command."""
    is_old = client.platform == _OLD_PLATFORM
    # What the certificate must be for; an empty name: it may be for anybody. Without verify a name that is
    # not the certificate's is printed like all that is wrong with it.
    name = target.host if client.verify and client.verify_name is None else client.verify_name
    options: Options = {
        "-connect": f"{target.host}:{target.port}",
        "-servername": client.sni or None,
        "-noservername": client.sni == "" and not is_old,
        **_versions(client.protocols or ProtocolRange(), is_old),
        "-cipher": client.ciphers,
        "-CAfile": target.ca_file,
        "-verify_return_error": client.verify,
        "-verify_ip" if is_address(name or "") else "-verify_hostname": name or None,
        # -cert alone takes the first certificate of the file.
        "-cert": target.certificate,
        "-cert_chain": target.certificate,
        "-key": target.certificate and target.key,
    }
    return ("openssl", "s_client", *base.as_words(options), *client.options)


def _versions(protocols: ProtocolRange, is_old: bool) -> Options:
    """The options that limit it to these versions."""
    if protocols.minimum is not None and protocols.minimum == protocols.maximum:
        return {_ONLY[protocols.minimum]: True}
    if is_old:
        off = (version for version in list(_ONLY)[:-1] if version not in protocols)
        return {_ONLY[version].replace("-", "-no_"): True for version in off}
    return {"-min_protocol": protocols.minimum, "-max_protocol": protocols.maximum}


class _Said(Trace):
    """What standard output tells, up to the end of the part about the handshake, and the response.

    Args:
        content: the program ended as one that has nothing to complain of.
    """

    def __init__(self, text: str, *, content: bool) -> None:
        end = _VERIFY_RETURN_CODE.search(text)
        # What follows is the server's: it could write the same lines.
        about = text[: end.end()] if end else text
        agreed = _CIPHER.search(about)
        super().__init__()
        self.connected = _CONNECTED.search(text) is not None
        named = agreed is not None and not agreed[2].startswith("(")
        self.agreed = named and (content or _PUBLIC_KEY.search(about) is not None)
        if self.connected:
            self.step = "response" if self.agreed else "handshake"
        self.verify_code: int | None = None
        self.summary = ""
        if not (agreed and self.agreed):
            return
        protocol = _PROTOCOL.search(about)
        # Up to 3.1 there is no session to print for TLS 1.3, whose suites no other version has.
        self.protocol, self.cipher = protocol[1] if protocol else agreed[1], agreed[2]
        self.verify_code = int(end[1]) if end else None
        shown = _SUMMED_UP.findall(about)
        self.summary = "\n".join(line.strip() for line in [*shown[:2], agreed[0], *shown[2:]])
        status = _STATUS_LINE.search(text, end.end() if end else 0)
        if status:
            self.reply_code, self.reply_text = int(status[1]), (status[2] or "").strip()


def _complaints(stderr: str) -> list[str]:
    """The lines of standard error that say what went wrong; a list of options is none of them."""
    lines: list[str] = []
    for line in stderr.splitlines():
        if line.startswith("usage:"):
            break
        if line.startswith(_WENT_ON):
            lines = [earlier for earlier in lines if not _VERIFY_ERROR.match(earlier)]
        elif line.strip() and not line.startswith(_REMARKS):
            lines.append(_THREAD.sub("", line.strip()))
    return lines


def _verify_code(said: _Said, complaints: list[str]) -> int | None:
    """OpenSSL's number; ``None``: nothing was wrong, or nothing was looked at."""
    if said.agreed:
        return said.verify_code or None
    numbers = [found[1] for line in complaints if (found := _VERIFY_ERROR.match(line))]
    return int(numbers[-1]) if numbers else None


def _errno(stderr: str) -> str | None:
    found = _SYSTEM_ERROR.search(stderr)
    symbol = errno.errorcode.get(int(found[1])) if found else None
    return symbol if symbol in _ENDINGS else None


PROGRAMS = (OpensslProgram(),)
