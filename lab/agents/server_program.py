"""What the agent of a server's container asks of the program that it starts listeners of.

The defaults are those of a program that needs nothing beside its configuration and takes no uploads.
"""

import base64
import json
import os
import signal
from typing import Any, Callable, Dict, List, Optional, Tuple

from helper_programs import end_with_the_agent, run
from listener import ListenerProcess, kill, processes
from resident import BadRequest

#: The account "nobody" of the images.
NOBODY = 65534


class ServerProgram:
    """One server software, as the agent handles it."""

    #: Whether a listener can do its work without root.
    can_be_nobody = True
    #: As whom a listener runs; ``None``: as the agent itself.
    user: Optional[int] = None

    def give_up_root(self) -> None:
        """In a forked process that is about to become a listener: be ``user``, for good.

        Without root's identity it has none of the container's capabilities. Root's group is kept: by it
        listener and agent read each other's files, and nobody else is in it.
        """
        if self.user is not None:
            os.umask(0o007)
            os.setuid(self.user)

    def start(self, config: str) -> None:
        """Become a listener with this configuration file; called in a forked process."""
        raise NotImplementedError

    def last_words(self, listener: ListenerProcess) -> str:
        """What a listener has said that did not come up, or that has ended."""
        return listener.said()

    def is_quiet(self, listener: ListenerProcess) -> bool:
        """Whether the listener has no session left, and has said everything about those it had.

        Asked before this, and true: no connection waits to be accepted. So it has to know of every one that
        was accepted; one that the client has reset is not among the kernel's, while its server may still be
        at work on that.

        Raises:
            ListenerEnded: it does not answer.
        """
        raise NotImplementedError

    def end_sessions(self, listener: ListenerProcess) -> None:
        """End every session, not the listener."""
        raise NotImplementedError

    def versions(self) -> Dict[str, Any]:
        """``server``, ``package``, ``library`` and ``library_file``, as the programs themselves tell."""
        raise NotImplementedError

    def default_ciphers(self) -> Dict[str, str]:
        """``list``, what a listener without a cipher list uses, and ``source``, how that is known."""
        raise NotImplementedError

    def expand(self, cipher_list: str) -> List[str]:
        """The suites that a list means to the program's library, TLS 1.3 left out; nothing if nothing."""
        raise NotImplementedError

    def loads(self, chain: str, private_key: str) -> bool:
        """Whether the program's library takes this certificate, with its key, for a server's own."""
        raise NotImplementedError

    def speaks(self, version: str) -> bool:
        """Whether the library has a suite for this version at its default security level."""
        raise BadRequest("this program's library cannot be asked whether it speaks %s" % version)

    def no_impostor(self) -> Optional[str]:
        """Why the program cannot be made an impostor here; ``None``: it can."""
        return None

    def prepare(self) -> None:
        """Make ready what the image cannot have in its place; once, before anything is started."""

    def clean_up(self) -> None:
        """Remove what an agent that was killed has left outside its listeners' directories."""

    def account(self, name: str, password: str) -> None:
        """Let this user log in with this password."""

    def impersonate(self, listener: ListenerProcess) -> None:
        """Prepare for a listener that takes every login."""

    def stop_impersonating(self, listener: ListenerProcess) -> None:
        """Undo that."""

    def make_upload_directories(self, listener: ListenerProcess) -> None:
        """Make those that are needed beside ``listener.uploads``, and give them to their users."""

    def listens(self, _listener: ListenerProcess) -> None:
        """Look at a listener that has come up, before anybody knows of it."""

    def expect_upload(self, _listener: ListenerProcess, _name: str) -> None:
        """Prepare for an upload under this name."""

    def find_upload(self, listener: ListenerProcess, name: str) -> Optional[str]:
        """The path of what was uploaded under this name, if anything was."""
        path = os.path.join(listener.uploads, name)
        return path if os.path.exists(path) else None


class AskedProgram(ServerProgram):
    """A program whose listeners know their own sessions, and are asked.

    A listener answers each byte on its descriptor 0 with one: ``1`` when a connection is open, else ``0``;
    the byte ``k`` ends every connection first. The descriptor's end ends the listener.
    """

    def is_quiet(self, listener: ListenerProcess) -> bool:
        """Ask the listener: it knows a connection until it has logged its end."""
        return bool(listener.ask(b"?") == b"0")

    def end_sessions(self, listener: ListenerProcess) -> None:
        """End every session, not the listener."""
        listener.ask(b"k")


class ForkedProgram(AskedProgram):
    """A program in Python that the agent has loaded: a listener is forked from it, in milliseconds."""

    def listener(self, configuration: Dict[str, Any]) -> Callable[[], object]:
        """Make a listener; what is returned serves until descriptor 0 ends."""
        raise NotImplementedError

    def in_words(self, error: Exception) -> str:
        """What the library has against a configuration."""
        return str(error)

    def start(self, config: str) -> None:
        """Become a listener; the reason why it cannot start goes to stderr, with status 1."""
        self.give_up_root()
        try:
            with open(config, encoding="utf-8") as file:
                serve = self.listener(json.load(file))
        except Exception as error:
            os.write(2, ("%s: %s\n" % (type(error).__name__, self.in_words(error))).encode())
            os._exit(1)
        serve()
        os._exit(0)


class LinkedProgram(ServerProgram):
    """A program of the image that is linked with OpenSSL: it is asked of the very library that it loads."""

    #: The program's file.
    binary = ""
    #: The module of it that is linked with the library, where that is another file.
    linked = ""
    #: The distribution's packages that it is from.
    packages: Tuple[str, ...] = ()
    _library: Any = None

    @property
    def openssl(self) -> Any:
        """The program's library, an ``openssl_library.OpenSSL``."""
        if self._library is None:
            from openssl_library import OpenSSL

            self._library = OpenSSL(self.linked or self.binary)
        return self._library

    def become(self, argv: List[str]) -> None:
        """In a forked process: become the program, which ends when the agent ends."""
        end_with_the_agent()
        # Python ignores it, and what is ignored stays so in the program.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.execv(self.binary, [self.binary, *argv])

    def clean_up(self) -> None:
        """End the processes of this program that an agent which was killed has left.

        Not all end with it: the kernel forgets that they are to when a process changes its user, which
        ProFTPD does as soon as it listens; and a master that is killed leaves its workers.
        """
        for pid, (name, _) in processes().items():
            if name == os.path.basename(self.binary):
                kill(pid)

    def version(self) -> str:
        """What the program says of itself, in the form NAME VERSION."""
        raise NotImplementedError

    def package(self) -> str:
        """What the distribution calls what it is from, and in which version."""
        asked = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *self.packages]
        return ", ".join(str(run(asked)).splitlines())

    def versions(self) -> Dict[str, Any]:
        """As declared."""
        return {
            "server": self.version(),
            "package": self.package(),
            "library": self.openssl.version(),
            "library_file": self.openssl.file,
        }

    def lists_in(self, binary: bytes) -> List[str]:
        """The cipher lists in the program that are its defaults."""
        raise NotImplementedError

    def default_ciphers(self) -> Dict[str, str]:
        """The list that a listener without one uses, as it is compiled in."""
        file = self.linked or self.binary
        with open(file, "rb") as program:
            found = self.lists_in(program.read())
        return {"list": ":".join(found), "source": "string in %s" % file}

    def expand(self, cipher_list: str) -> List[str]:
        """As declared."""
        return self.openssl.suites(cipher_list)

    def loads(self, chain: str, private_key: str) -> bool:
        """As declared."""
        return self.openssl.loads(chain, private_key)

    def speaks(self, version: str) -> bool:
        """As declared."""
        return self.openssl.speaks(version)


# -- the login that an impostor was given last ----------------------------------------------------
#
# User and password, with a zero byte between them: neither can be in an FTP command. Only the agent and the
# listener can read the file. record_login.sh writes the same where PAM decides about logins. A web server
# writes the credentials of a request as they came (RFC 7617, the Basic scheme).

#: How the credentials of HTTP's Basic scheme begin.
BASIC = b"Basic "


def record_login(path: str, user: str, password: str) -> None:
    """Keep a login, in the place of the one before."""
    with open(path, "wb", opener=private_file) as file:
        file.write(b"\0".join((user.encode("utf-8"), password.encode("utf-8"))))


def record_authorization(path: str, credentials: bytes) -> None:
    """Keep the credentials of a request, in the place of those before."""
    with open(path, "wb", opener=private_file) as file:
        file.write(credentials)


def recorded_login(path: str) -> Optional[Tuple[str, str]]:
    """User and password of the last login; ``None``: there was none."""
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        kept = file.read()
    if kept.startswith(BASIC):
        user, _, password = base64.b64decode(kept[len(BASIC) :]).partition(b":")
    else:
        user, _, password = kept.partition(b"\0")
    # Some versions of pam_exec end the password with a zero byte.
    return user.decode("utf-8", "replace"), password.rstrip(b"\0").decode("utf-8", "replace")


def forget_login(path: str) -> None:
    """Remove what was kept, if anything was."""
    if os.path.exists(path):
        os.unlink(path)


def private_file(path: str, flags: int) -> int:
    """Opens a file for listener and agent alone: they share a group."""
    return os.open(path, flags, 0o640)
