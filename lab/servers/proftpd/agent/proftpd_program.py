"""ProFTPD, as the agent handles it: one process for each session, forked by the listener."""

import os
import pwd
import re
from typing import List, Optional

from helper_programs import output_of
from listener import ListenerProcess
from pam_program import PamProgram, beside

BINARY = "/usr/sbin/proftpd"

#: The system account that anonymous users become, as in the sample of the package's configuration.
ANONYMOUS = "ftp"
#: The module that has TLS, what it has compiled in for a listener without TLSCipherSuite, and what it puts
#: behind every list.
TLS_MODULE = "/usr/lib/proftpd/mod_tls.so"
_DEFAULT_LIST = re.compile(rb"DEFAULT(?::!?[A-Z]+)+")
_BEHIND = ":!EXPORT"


class ProftpdProgram(PamProgram):
    """Starts listeners of ProFTPD and knows where their uploads end up."""

    binary = BINARY
    packages = ("proftpd-core", "proftpd-mod-crypto")
    # Debian 12's program itself is linked with none.
    linked = TLS_MODULE

    def start(self, config: str) -> None:
        """Become ProFTPD in the foreground; called in a forked process.

        With a socket for its standard input it takes itself for inetd's, and says nothing about why it ends.
        """
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        self.become(["-n", "-q", "-c", os.path.abspath(config)])

    def recorder(self, listener: ListenerProcess) -> str:
        """See :class:`PamProgram`."""
        script = beside("record_proftpd_login.sh")
        return "%s %s %s" % (script, listener.captured, listener.log)

    def make_upload_directories(self, listener: ListenerProcess) -> None:
        """``upload`` for the named user, ``anonymous`` for anonymous ones: each can write to its own."""
        os.mkdir(listener.anonymous)
        for path, user in ((listener.uploads, listener.user), (listener.anonymous, ANONYMOUS)):
            os.chown(path, pwd.getpwnam(user).pw_uid, -1)

    def find_upload(self, listener: ListenerProcess, name: str) -> Optional[str]:
        """The path of what was uploaded under this name, if anything was."""
        path = os.path.join(listener.anonymous, name)
        return path if os.path.exists(path) else super().find_upload(listener, name)

    def version(self) -> str:
        """What the program says of itself."""
        said = output_of([BINARY, "-v"])
        found = re.search(r"ProFTPD Version (\S+)", said)
        return "ProFTPD %s" % (found.group(1) if found else said)

    def lists_in(self, binary: bytes) -> List[str]:
        """The list that a listener without TLSCipherSuite uses."""
        found = _DEFAULT_LIST.search(binary)
        return [found.group().decode("ascii")] if found else []

    def expand(self, cipher_list: str) -> List[str]:
        """As declared; mod_tls excludes the suites for export from every list."""
        return super().expand(cipher_list + _BEHIND)


PROGRAM = ProftpdProgram
