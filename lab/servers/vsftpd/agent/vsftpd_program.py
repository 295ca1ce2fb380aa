"""vsftpd, as the agent handles it: two or three processes for each session."""

import ctypes
import glob
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
from typing import Any, Dict, FrozenSet, List, Optional

from helper_programs import COMMAND_S, run
from listener import ListenerProcess, descendants, kill, orphans, processes
from server_program import LinkedProgram

BINARY = "/usr/sbin/vsftpd"
#: In an image whose vsftpd is no package: the version of the source package that it was compiled from.
COMPILED = "/opt/lab/vsftpd-source-version"
_PACKAGE_QUERY = ["/usr/bin/dpkg-query", "-W", "-f", "${Package} ${Version}", "vsftpd"]
_RPM_QUERY = ["/usr/bin/rpm", "-q", "vsftpd"]

#: Where PAM looks for services; an impostor gets one of its own.
PAM_SERVICES = "/etc/pam.d"
PAM_SERVICES_OF_THE_IMAGE = "/opt/lab/pam.d"
IMPOSTOR_SERVICE = "lab-impostor-"
#: Every login is taken, and what was given is kept. Shells are not asked for, limits are not set.
IMPOSTOR_STACK = """\
auth required pam_exec.so expose_authtok quiet /bin/sh {script} {captured}
auth required pam_permit.so
account required pam_permit.so
session required pam_permit.so
"""

#: Where PAM looks for passwords.
SHADOW = "/etc/shadow"
#: The library with which PAM hashes passwords, of Debian and of Enterprise Linux.
CRYPT = ("libcrypt.so.1", "libcrypt.so.2")

#: The system account that anonymous users become: vsftpd's ``ftp_username``.
ANONYMOUS = "ftp"


class VsftpdProgram(LinkedProgram):
    """Starts listeners of vsftpd and knows where their uploads end up."""

    binary = BINARY
    # A session becomes the user who logs in.
    can_be_nobody = False

    def start(self, config: str) -> None:
        """Become vsftpd; called in a forked process."""
        self.become([config])

    def account(self, name: str, password: str) -> None:
        """Give an account of the image this password.

        The hash is SHA-256 crypt with the fewest rounds that crypt(5) allows: the distribution's
        default costs 50 ms of processor time a login, and this password lives as long as a run.
        The image's /etc/shadow is a link to where the agent can write; nobody else logs in.
        """
        pwd.getpwnam(name)
        salt = "$5$rounds=1000$" + secrets.token_hex(8)
        line = "%s:%s:::::::\n" % (name, crypt(password, salt))
        with open(SHADOW, "w", encoding="ascii", opener=_private) as file:
            file.write(line)

    def prepare(self) -> None:
        """Have the PAM services of the image where that of an impostor can be added.

        The directory is empty in a container whose root is read-only; of any other it is the image's own.
        """
        if not os.listdir(PAM_SERVICES):
            for entry in os.scandir(PAM_SERVICES_OF_THE_IMAGE):
                shutil.copy(entry.path, PAM_SERVICES)

    def impersonate(self, listener: ListenerProcess) -> None:
        """Make the PAM service that the configuration of an impostor names."""
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "record_login.sh")
        with open(_pam_service(listener), "w", encoding="ascii") as file:
            file.write(IMPOSTOR_STACK.format(script=script, captured=listener.captured))

    def stop_impersonating(self, listener: ListenerProcess) -> None:
        """Remove it."""
        path = _pam_service(listener)
        if os.path.exists(path):
            os.unlink(path)

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

    def clean_up(self) -> None:
        """Remove the PAM services that an agent which was killed has left."""
        for path in glob.glob(os.path.join(PAM_SERVICES, IMPOSTOR_SERVICE + "*")):
            os.unlink(path)

    def make_upload_directories(self, listener: ListenerProcess) -> None:
        """``upload`` for the named user, ``anonymous`` for anonymous ones.

        vsftpd ends an anonymous session whose root that user could write to ("refusing to run with
        writable root inside chroot()"); the named user is not confined to a root.
        """
        os.chown(listener.uploads, pwd.getpwnam(listener.user).pw_uid, -1)
        os.mkdir(listener.anonymous)

    def listens(self, listener: ListenerProcess) -> None:
        """Count its descriptors: one more is a connection that it has accepted and not handed on."""
        listener.at_rest = _descriptors(listener)

    def expect_upload(self, listener: ListenerProcess, name: str) -> None:
        """Anonymous users can write to this file in their root, but make none."""
        path = os.path.join(listener.anonymous, name)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        os.utime(path, (0, 0))
        owner = pwd.getpwnam(ANONYMOUS)
        os.chown(path, owner.pw_uid, owner.pw_gid)

    def find_upload(self, listener: ListenerProcess, name: str) -> Optional[str]:
        """The path of what was uploaded under this name, if anything was."""
        path = os.path.join(listener.uploads, name)
        if os.path.exists(path):
            return path
        path = os.path.join(listener.anonymous, name)
        # Still of the time that expect_upload gave it: nobody has written to it.
        return path if os.stat(path).st_mtime else None

    def is_quiet(self, listener: ListenerProcess) -> bool:
        """No connection is accepted that has no process yet, and no session's process is left.

        In this order: the listener closes a connection after it has forked for it.
        """
        if _descriptors(listener) > listener.at_rest:
            return False
        table = processes()
        return not descendants(listener.pid, table) and not orphans("vsftpd", table)

    def end_sessions(self, listener: ListenerProcess) -> None:
        """Kill every session, not the listener."""
        for pid in descendants(listener.pid, processes()):
            kill(pid)

    def versions(self) -> Dict[str, Any]:
        """What the binaries say of themselves."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            # It answers on descriptor 0.
            subprocess.run([BINARY, "-v"], stdin=theirs.fileno(), timeout=COMMAND_S, check=True)
            said = ours.recv(4096).decode("ascii", "replace").strip()
        return {
            "server": said.replace("vsftpd: version", "vsftpd"),
            "package": _package(),
            "library": self.library.version(),
            "library_file": self.library.file,
        }

    def default_ciphers(self) -> Dict[str, str]:
        """The list that a listener without ``ssl_ciphers`` uses, as it is compiled in."""
        with open(BINARY, "rb") as file:
            found = cipher_lists_in(file.read(), frozenset(self.expand("ALL:COMPLEMENTOFALL")))
        return {"list": ":".join(found), "source": "string in %s" % BINARY}


def _descriptors(listener: ListenerProcess) -> int:
    try:
        return len(os.listdir("/proc/%d/fd" % listener.pid))
    except FileNotFoundError:
        return 0  # it has ended, which is found out elsewhere


def _package() -> str:
    if os.path.exists(COMPILED):
        with open(COMPILED, encoding="ascii") as file:
            return "compiled from the source of vsftpd " + file.read().strip()
    said: str = run(_PACKAGE_QUERY if os.path.exists(_PACKAGE_QUERY[0]) else _RPM_QUERY)
    return said


def crypt(password: str, salt: str) -> str:
    """Hash a password as the system does; Python has no module for that any more.

    Raises:
        OSError: there is no such library, or it does not know the method.
    """
    for name in CRYPT:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.crypt.restype = ctypes.c_char_p
        hashed = library.crypt(password.encode(), salt.encode())
        if hashed is None or not hashed.startswith(salt.encode()):
            raise OSError("%s does not hash with %s" % (name, salt))
        return str(hashed.decode("ascii"))
    raise OSError("there is none of %s" % " ".join(CRYPT))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _pam_service(listener: ListenerProcess) -> str:
    # PAM knows the names of services in lower case only.
    return os.path.join(PAM_SERVICES, IMPOSTOR_SERVICE + listener.key.lower())


def cipher_lists_in(binary: bytes, known: FrozenSet[str]) -> List[str]:
    """The strings in a program that are cipher lists: known suites, or Red Hat's system policy."""
    strings = [found.decode("ascii") for found in re.findall(rb"[\x20-\x7e]{6,}", binary)]
    return [
        text
        for text in strings
        if text == "PROFILE=SYSTEM" or all(name in known for name in text.split(":"))
    ]


PROGRAM = VsftpdProgram
