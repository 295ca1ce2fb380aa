"""vsftpd, as the agent handles it: two or three processes for each session."""

import glob
import os
import pwd
import re
import socket
import subprocess
from typing import FrozenSet, List, Optional

from helper_programs import COMMAND_S, run
from listener import ListenerProcess
from pam_program import PamProgram

BINARY = "/usr/sbin/vsftpd"
#: In an image whose vsftpd is no package: the version of the source package that it was compiled from.
COMPILED = "/opt/lab/vsftpd-source-version"
_RPM = "/usr/bin/rpm"

#: The system account that anonymous users become: vsftpd's ``ftp_username``.
ANONYMOUS = "ftp"


class VsftpdProgram(PamProgram):
    """Starts listeners of vsftpd and knows where their uploads end up."""

    binary = BINARY
    packages = ("vsftpd",)

    def start(self, config: str) -> None:
        """Become vsftpd; called in a forked process."""
        self.become([config])

    def no_impostor(self) -> Optional[str]:
        """pam_exec has to keep its own child from the program's handler of SIGCHLD.

        Before Linux-PAM 1.5.3 it does not (its issue 405): vsftpd's handler then waits for another child
        than the one that has ended, and no login comes to an end. Seen with 1.5.2; not with 1.7.0. A module
        that keeps it calls sigaction(2) for that, whose name then stands in its file.
        """
        modules = glob.glob("/lib*/security/pam_exec.so") + glob.glob("/lib/*/security/pam_exec.so")
        for module in modules:
            with open(module, "rb") as file:
                if b"sigaction" in file.read():
                    return None
        if not modules:
            return "the image has no pam_exec, by which an impostor takes logins"
        return "Linux-PAM's pam_exec is older than 1.5.3: vsftpd never ends a login that it decides about"

    def make_upload_directories(self, listener: ListenerProcess) -> None:
        """``upload`` for the named user, ``anonymous`` for anonymous ones.

        vsftpd ends an anonymous session whose root that user could write to ("refusing to run with
        writable root inside chroot()"); the named user is not confined to a root.
        """
        os.chown(listener.uploads, pwd.getpwnam(listener.user).pw_uid, -1)
        os.mkdir(listener.anonymous)

    def expect_upload(self, listener: ListenerProcess, name: str) -> None:
        """Anonymous users can write to this file in their root, but make none."""
        path = os.path.join(listener.anonymous, name)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        os.utime(path, (0, 0))
        owner = pwd.getpwnam(ANONYMOUS)
        os.chown(path, owner.pw_uid, owner.pw_gid)

    def find_upload(self, listener: ListenerProcess, name: str) -> Optional[str]:
        """The path of what was uploaded under this name, if anything was."""
        found = super().find_upload(listener, name)
        path = os.path.join(listener.anonymous, name)
        # Still of the time that expect_upload gave it: nobody has written to it.
        return found or (path if os.stat(path).st_mtime else None)

    def version(self) -> str:
        """What the program says of itself."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            # It answers on descriptor 0.
            subprocess.run([BINARY, "-v"], stdin=theirs.fileno(), timeout=COMMAND_S, check=True)
            said = ours.recv(4096).decode("ascii", "replace").strip()
        return said.replace("vsftpd: version", "vsftpd")

    def package(self) -> str:
        """As declared; of one that was compiled for the image, the source package."""
        if os.path.exists(COMPILED):
            with open(COMPILED, encoding="ascii") as file:
                return "compiled from the source of vsftpd " + file.read().strip()
        if os.path.exists(_RPM):
            return str(run([_RPM, "-q", "vsftpd"]))
        return super().package()

    def lists_in(self, binary: bytes) -> List[str]:
        """See :func:`cipher_lists_in`."""
        return cipher_lists_in(binary, frozenset(self.expand("ALL:COMPLEMENTOFALL")))


def cipher_lists_in(binary: bytes, known: FrozenSet[str]) -> List[str]:
    """The strings in a program that are cipher lists: known suites, or Red Hat's system policy."""
    strings = [found.decode("ascii") for found in re.findall(rb"[\x20-\x7e]{6,}", binary)]
    return [
        text
        for text in strings
        if text == "PROFILE=SYSTEM" or all(name in known for name in text.split(":"))
    ]


PROGRAM = VsftpdProgram
