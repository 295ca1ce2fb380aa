"""Servers that have processes for each session, and those of them that ask PAM about logins.

The image has the account that clients log in to, and ``/etc/shadow`` as a link to where the agent can
write. PAM's services are in ``/opt/lab/pam.d`` for a container whose own directory is empty, because its
root is read-only.
"""

import ctypes
import glob
import os
import pwd
import secrets
import shutil

from listener import ListenerProcess, descendants, has_children, kill, orphans, processes
from server_program import LinkedProgram

#: Where PAM looks for services; an impostor gets one of its own.
PAM_SERVICES = "/etc/pam.d"
PAM_SERVICES_OF_THE_IMAGE = "/opt/lab/pam.d"
IMPOSTOR_SERVICE = "lab-impostor-"
#: Every login is taken, and what was given is kept. Shells are not asked for, limits are not set.
IMPOSTOR_STACK = """\
auth required pam_exec.so expose_authtok quiet /bin/sh {command}
auth required pam_permit.so
account required pam_permit.so
session required pam_permit.so
"""

#: Where PAM looks for passwords.
SHADOW = "/etc/shadow"
#: The library with which PAM hashes passwords, of Debian and of Enterprise Linux.
CRYPT = ("libcrypt.so.1", "libcrypt.so.2")


class ForkingProgram(LinkedProgram):
    """A program that has processes for each session, which become the user who logs in."""

    can_be_nobody = False

    def listens(self, listener: ListenerProcess) -> None:
        """Count its descriptors for both ways: one more is a connection that it has not handed on."""
        listener.at_rest = _both_ways(listener.pid)

    def is_quiet(self, listener: ListenerProcess) -> bool:
        """No connection is accepted that has no process yet, and no session's process is left.

        In this order: the listener closes a connection after it has forked for it.
        """
        if _both_ways(listener.pid) > listener.at_rest or has_children(listener.pid):
            return False
        table = processes()
        name = os.path.basename(self.binary)
        return not descendants(listener.pid, table) and not orphans(name, table)

    def end_sessions(self, listener: ListenerProcess) -> None:
        """Kill every session, not the listener; and those that a listener has left which is gone."""
        table = processes()
        name = os.path.basename(self.binary)
        for pid in descendants(listener.pid, table) | orphans(name, table):
            kill(pid)


def _both_ways(pid: int) -> int:
    """How many descriptors a process has that it reads and writes, as it does a connection's.

    None when it has ended, which is found out elsewhere. Others say nothing: ProFTPD 1.3.8 keeps for ever the
    pipe of a session that has ended before the listener, which a busy machine keeps waiting, looks at that.
    What a descriptor is of only root with more rights than this may know.
    """
    directory = "/proc/%d/fd" % pid
    try:
        return sum(_mode(os.path.join(directory, name)) == 0o700 for name in os.listdir(directory))
    except FileNotFoundError:
        return 0


def _mode(path: str) -> int:
    """The permissions of what proc(5) has of a descriptor; 0: it was closed meanwhile."""
    try:
        return os.lstat(path).st_mode & 0o777
    except FileNotFoundError:
        return 0


class PamProgram(ForkingProgram):
    """One that asks PAM about logins."""

    def account(self, name: str, password: str) -> None:
        """Give an account of the image this password.

        The hash is SHA-256 crypt with the fewest rounds that crypt(5) allows: the distribution's
        default costs 50 ms of processor time a login, and this password lives as long as a run.
        The image's /etc/shadow is a link to where the agent can write; nobody else logs in.
        """
        pwd.getpwnam(name)
        salt = "$5$rounds=1000$" + secrets.token_hex(8)
        line = "%s:%s:::::::\n" % (name, crypt(password, salt))
        with open(SHADOW, "w", encoding="ascii", opener=private) as file:
            file.write(line)

    def prepare(self) -> None:
        """Have the PAM services of the image where that of an impostor can be added.

        The directory is empty in a container whose root is read-only; of any other it is the image's own.
        """
        if not os.listdir(PAM_SERVICES):
            for entry in os.scandir(PAM_SERVICES_OF_THE_IMAGE):
                shutil.copy(entry.path, PAM_SERVICES)

    def recorder(self, listener: ListenerProcess) -> str:
        """What an impostor's PAM service has the shell run: a script beside this file, with its arguments."""
        return "%s %s" % (beside("record_login.sh"), listener.captured)

    def impersonate(self, listener: ListenerProcess) -> None:
        """Make the PAM service that the configuration of an impostor names."""
        with open(_pam_service(listener), "w", encoding="ascii") as file:
            file.write(IMPOSTOR_STACK.format(command=self.recorder(listener)))

    def stop_impersonating(self, listener: ListenerProcess) -> None:
        """Remove it."""
        path = _pam_service(listener)
        if os.path.exists(path):
            os.unlink(path)

    def clean_up(self) -> None:
        """Remove the PAM services as well that an agent which was killed has left."""
        super().clean_up()
        for path in glob.glob(os.path.join(PAM_SERVICES, IMPOSTOR_SERVICE + "*")):
            os.unlink(path)


def beside(name: str) -> str:
    """The path of another file of the agent."""
    return os.path.join(os.path.dirname(os.path.abspath(__file__)), name)


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


def private(path: str, flags: int) -> int:
    """Opens a file for root alone."""
    return os.open(path, flags, 0o600)


def _pam_service(listener: ListenerProcess) -> str:
    # PAM knows the names of services in lower case only.
    return os.path.join(PAM_SERVICES, IMPOSTOR_SERVICE + listener.key.lower())
