"""Pure-FTPd, as the agent handles it: one process for each session; its only log is syslog.

A listener's users are virtual, in a file of its own (``PureDB``), with the listener's upload directory for
a home.
"""

import os
import pwd
import re
import secrets
import select
import socket
from typing import Dict, Iterable, Iterator, Optional, Tuple

from helper_programs import output_of, run
from listener import Descriptors, ListenerProcess, kill, running, spawn
from pam_program import ForkingProgram, crypt, private
from server_program import record_login
from syslog_collector import SyslogCollector, register

BINARY = "/usr/sbin/pure-ftpd"
#: The cipher list of Debian's configuration, which has a file for each option.
SHIPPED_LIST = "/etc/pure-ftpd/conf/TLSCipherSuite"
#: A line of the configuration by which the agent makes a file of others, as an operator does with cat(1).
_JOINED = re.compile(r"^# joined: (\S+)((?: \S+)+)$", re.M)
#: What belongs into the OpenSSL configuration of the process.
_OPENSSL = re.compile(r"^# openssl\.cnf: (.+)$", re.M)
_OPENSSL_CONF = """openssl_conf = of_this_process
[of_this_process]
ssl_conf = of_tls
[of_tls]
system_default = of_every_context
[of_every_context]
"""


class PureFtpdProgram(ForkingProgram):
    """Starts listeners of Pure-FTPd and knows where their uploads end up."""

    binary = BINARY
    packages = ("pure-ftpd",)
    _syslog: Optional[SyslogCollector] = None

    def __init__(self) -> None:
        self._passwords: Dict[str, str] = {}
        self._authenticators: Dict[str, Tuple[int, Optional[Descriptors]]] = {}

    def prepare(self) -> None:
        """Begin to collect what is said to syslog."""
        self._syslog = SyslogCollector()

    def account(self, name: str, password: str) -> None:
        """Remember it for the listeners to come; their files of users are their own."""
        self._passwords[name] = crypt(password, "$5$rounds=1000$" + secrets.token_hex(8))

    def make_upload_directories(self, listener: ListenerProcess) -> None:
        """The named user's, who is virtual, and the file that knows that user."""
        owner = pwd.getpwnam(listener.user)
        os.chown(listener.uploads, owner.pw_uid, -1)
        users = os.path.join(listener.directory, "users")
        with open(users, "w", encoding="ascii", opener=private) as file:
            for name, hashed in self._passwords.items():
                account = (name, hashed, str(owner.pw_uid), str(owner.pw_gid), "", listener.uploads)
                file.write(":".join(account) + ":" * 13 + "\n")
        run(["/usr/bin/pure-pw", "mkdb", users + ".pdb", "-f", users])

    def start(self, config: str) -> None:
        """Become Pure-FTPd; called in a forked process.

        With a socket for its standard input it takes itself for inetd's, and that for its client.
        """
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        directory = os.path.dirname(os.path.abspath(config))
        with open(config, encoding="utf-8") as file:
            text = file.read()
        for target, sources in _JOINED.findall(text):
            _join(target, sources.split())
        lines = _OPENSSL.findall(text)
        if lines:
            os.environ["OPENSSL_CONF"] = os.path.join(directory, "openssl.cnf")
            with open(os.environ["OPENSSL_CONF"], "w", encoding="utf-8") as file:
                file.write(_OPENSSL_CONF + "".join(line + "\n" for line in lines))
        register(os.path.join(directory, "log"))
        self.become([os.path.abspath(config)])

    def last_words(self, listener: ListenerProcess) -> str:
        """It says why it does not start to syslog alone."""
        if self._syslog:
            self._syslog.flush()
        said: str = listener.said()
        if os.path.exists(listener.log):
            with open(listener.log, encoding="utf-8", errors="replace") as file:
                said = "%s\n%s" % (file.read().strip(), said)
        return said.strip()

    def is_quiet(self, listener: ListenerProcess) -> bool:
        """No session is left, and all that was said is written."""
        if not super().is_quiet(listener):
            return False
        if self._syslog:
            self._syslog.flush()
        return True

    def impersonate(self, listener: ListenerProcess) -> None:
        """Start what decides about its logins: it takes every one and notes it.

        Raises:
            OSError: it does not start.
        """
        place = os.path.join(listener.directory, "authentication")
        owner = pwd.getpwnam(listener.user)
        account = (owner.pw_uid, owner.pw_gid, listener.uploads)
        pid, words = spawn(lambda: take_logins(place, listener.captured, account))
        running.add(pid)
        self._authenticators[listener.key] = pid, words
        if words.ask(b"?") != b"!":
            raise OSError("nobody decides about logins: %s" % words.read())

    def stop_impersonating(self, listener: ListenerProcess) -> None:
        """End it."""
        pid, words = self._authenticators.pop(listener.key, (0, None))
        if words is not None:
            kill(pid)
            os.waitpid(pid, 0)
            running.discard(pid)
            words.close()

    def version(self) -> str:
        """What it says of itself where it explains its options."""
        found = re.search(r"pure-ftpd v(\S+)", output_of([BINARY, "--help"]))
        return "Pure-FTPd %s" % (found.group(1) if found else "?")

    def default_ciphers(self) -> Dict[str, str]:
        """The list of Debian's configuration."""
        with open(SHIPPED_LIST, encoding="ascii") as file:
            return {"list": file.read().strip(), "source": SHIPPED_LIST}


def take_logins(place: str, captured: str, account: Tuple[int, int, str]) -> None:
    """Take every login until descriptor 0 ends, and note it: what pure-authd is to Pure-FTPd.

    Pure-FTPd asks with lines NAME:VALUE of which ``end`` is the last, and is answered in the same way
    (its ``README.Authentication-Modules``).
    """
    agent = socket.socket(fileno=0)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(place)
        door.listen(16)
        while True:
            ready = select.select([agent, door], [], [])[0]
            if agent in ready:
                if not agent.recv(1):
                    return
                agent.send(b"!")
            if door in ready:
                asking = door.accept()[0]
                with asking, asking.makefile("rb") as lines:
                    asked = dict(_fields(lines))
                    login = [
                        asked.get(name, b"").decode("utf-8", "replace")
                        for name in (b"account", b"password")
                    ]
                    record_login(captured, *login)
                    asking.sendall(
                        b"auth_ok:1\nuid:%d\ngid:%d\ndir:%s\nend\n"
                        % (account[0], account[1], os.fsencode(account[2]))
                    )


def _fields(lines: Iterable[bytes]) -> Iterator[Tuple[bytes, bytes]]:
    for line in lines:
        name, colon, value = line.rstrip(b"\n").partition(b":")
        if not colon:
            return
        yield name, value


def _join(target: str, sources: "list[str]") -> None:
    with open(target, "wb", opener=private) as file:
        for source in sources:
            with open(source, "rb") as part:
                file.write(part.read().rstrip(b"\n") + b"\n")


PROGRAM = PureFtpdProgram
