"""What a server's log says of an attempt whose client's library tells its caller next to nothing.

PHP's FTP functions return false and warn: neither a reply code nor a version of TLS reaches the script. Both
were on the wire all the same, and the server has written down what it sent and received.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from lab.dialects import ServerDialect
from lab.model import ClientReport

#: The step in which each FTP command belongs; whatever else is sent prepares the transfer (RFC 4217).
STEP_OF_COMMAND = {
    "AUTH": "starttls",
    "PBSZ": "protect",
    "PROT": "protect",
    "USER": "login",
    "PASS": "login",
    "ACCT": "login",
}
_REPLY = re.compile(r"(\d{3})[ -]?(.*)")


def with_what_the_server_says(
    report: ClientReport, dialect: ServerDialect, log: str
) -> ClientReport:
    """A client's report, where it has nothing itself: step, last reply, and what TLS came to.

    A log in which no FTP is written down leaves the report as it is.
    """
    filled: dict[str, Any] = {}
    handshakes = dialect.handshakes(log)
    if handshakes and report.protocol is None:
        control, data = handshakes[0], handshakes[1:]
        filled |= {"protocol": control.protocol, "cipher": control.cipher}
        if report.data_protected is None and data:
            filled |= {"data_protected": True, "session_reused": data[0].resumed}
    dialogue = _as_the_client_has_it(dialect.dialogue(log))
    leaving = next(
        (n for n, (asks, text) in enumerate(dialogue) if asks and _word(text) == "QUIT"), None
    )
    if report.failed:
        # What failed is before that; a program that leaves politely does not say when it decided to.
        dialogue = dialogue[:leaving]
    commands = [_word(text) for asks, text in dialogue if asks]
    replies = [found for asks, text in dialogue if not asks and (found := _REPLY.match(text))]
    if report.data_protected is None and "data_protected" not in filled and "STOR" in commands:
        filled["data_protected"] = False
    if report.reply_code is None and replies:
        filled |= {"reply_code": int(replies[-1][1]), "reply_text": replies[-1][2]}
    if report.failed and dialogue:
        filled["step"] = STEP_OF_COMMAND.get(commands[-1], "put") if commands else "greeting"
    return dataclasses.replace(report, **filled)


def _as_the_client_has_it(dialogue: list[tuple[bool, str]]) -> list[tuple[bool, str]]:
    """Without what follows a ClientHello that was read as a command: to its client TLS began with the 234.

    A server that answers AUTH before it has put TLS on the connection answers that "command", too.
    """
    commands = any(asks for asks, _ in dialogue)
    for number, (asks, text) in enumerate(dialogue):
        after_234 = (
            number > 0 and not dialogue[number - 1][0] and dialogue[number - 1][1][:3] == "234"
        )
        if (asks and not _word(text).isalpha()) or (commands and not asks and after_234):
            return dialogue[:number]
    return dialogue


def _word(command: str) -> str:
    """The command itself."""
    return command.partition(" ")[0].upper()
