"""The agent in a server's container: starts listeners, says what each saw of one attempt.

``server.py NAME``, where the module ``NAME_program`` beside it has the class ``PROGRAM``; ``resident.py``
has the protocol.
A listener is one server process with its own port, log and upload directories. All ops are inline:

``facts`` ``{cipher_lists?}``
    Versions of the server and of its TLS library, the cipher list of a listener that is not told
    one (and how that is known), and what each of ``cipher_lists`` expands to in that library.
``expand`` ``{cipher_list}``
    The names of the suites that a cipher list means to the server's library (TLS 1.2 and older),
    ``{suites}``; null is the list of a listener that is not told one.
``can`` ``{chain, private_key}`` or ``{speaks}``
    Whether the server's library loads a certificate with its key, or has a suite for a protocol version
    at its default security level, ``{can}``.
``listen`` ``{key, directory, config, files?, port, user, password, impostor, ...}``
    Starts a listener on the configuration text ``config``. ``{started: true, pid, elapsed_ms}``
    once it listens; ``{started: false, output, exit_status, elapsed_ms}`` with the server's own
    words if it ended instead; ``{started: false, cannot, elapsed_ms}`` where this engine's kernel does
    not take what a packet filter is to do. ``directory`` gets ``config``, ``log`` and ``upload/``, the texts
    in ``files`` by name, and of an ``impostor``, which takes every login, ``captured``.
    What a packet filter does is ``open``, ``dropped`` or ``rejected``: ``data_ports`` to
    ``passive_range``, ``port_filter`` to ``port`` for all but the addresses ``port_allowed``. With
    ``data_ports`` it may be ``followed``; ``client_nat`` and ``hello_filter`` are as the settings say.
``begin`` ``{key, file, capture?}``
    An attempt to upload ``file`` begins: waits until no earlier session is left, empties the upload
    directories and remembers the end of the log. It gives up an attempt that was not collected.
    ``capture``, ``{ports, active}``, has what comes by on the network kept until the next one begins.
``collect`` ``{key, file, capture?}``
    The attempt is over: waits until the listener has no session left, so that its log is complete.
    ``{log, stored, captured, ended, capture?}``: the lines since ``begin``; ``stored`` is ``{size, sha256}``
    of ``file`` as it lies on the disk (complete or not), or null; ``captured`` is what an impostor
    got, ``{user, password, file_bytes, file_head}`` (the last two null if no file came), or null if
    nobody logged in. ``ended`` is false if a session was still there after :data:`PATIENCE_S`, or
    shortly before the deadline: it was killed, so that it cannot reach into the next attempt. Exact
    as long as one attempt at a time uses a listener. With ``capture`` it has the packets that were kept
    (``capture.py``). Without ``file`` nobody listens, and they are all that is collected.
``watch``
    What comes by on the network is kept for a port where nobody listens: see ``capture.py``.
``close`` ``{key}``
    Ends a listener with its sessions and its packet filter. So does the end of the agent.
"""

import fcntl
import hashlib
import os
import re
import select
import shutil
import sys
import time
from importlib import import_module
from typing import Dict, Generator, List, Optional, Set

import helper_programs
from capture import CaptureOps
from listener import ListenerEnded, ListenerProcess, queue_of
from resident import DEADLINE_S, BadRequest, Deferred, Request, ResidentAgent, Result, Wait, text
from server_program import NOBODY, ServerProgram, forget_login, private_file, recorded_login

#: Every listener's directory is directly below this one.
ROOT = "/run/lab/listeners"
#: How long ``begin`` and ``collect`` wait for a session to end by itself, and what they keep of their
#: deadline at least to end one that stays, in seconds.
PATIENCE_S, RESERVE_S = 2.5, 0.5
#: How much of a file that an impostor got is reported, in bytes.
HEAD_BYTES = 60
#: How long a new agent waits for the one before it to end, in seconds.
TAKE_OVER_S = 5.0
#: The file in a listener's directory that says for which port there are packet filter rules.
FILTERED = "filtered"
#: How the name of a file ends that has a server program.
MODULE = "_program.py"

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_KEY = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


class ServerOps:
    """The ops of the agent, for one server program, and the listeners that it has started."""

    def __init__(self, program: ServerProgram, capture: CaptureOps) -> None:
        self._program = program
        self._capture = capture
        self._listeners: Dict[str, ListenerProcess] = {}
        self._accounts: Dict[str, str] = {}

    def facts(self, request: Request) -> Result:
        """Versions, default cipher list, expansions."""
        lists = request.get("cipher_lists", [])
        return dict(
            self._program.versions(),
            default_ciphers=self._program.default_ciphers(),
            cipher_lists={text: self._program.expand(text) for text in lists},
        )

    def expand(self, request: Request) -> Result:
        """What a cipher list means."""
        cipher_list = request.get("cipher_list")
        if cipher_list is None:
            cipher_list = self._program.default_ciphers()["list"]
        return {"suites": self._program.expand(cipher_list)}

    def can(self, request: Request) -> Result:
        """What the library can do."""
        if "speaks" in request:
            return {"can": self._program.speaks(text(request, "speaks"))}
        chain, private_key = text(request, "chain"), text(request, "private_key")
        for path in (chain, private_key):
            if not os.path.isfile(path):
                raise BadRequest("%s is not there" % path)
        return {"can": self._program.loads(chain, private_key)}

    def listen(self, request: Request) -> Deferred:
        """Start a listener and wait until it listens or ends."""
        started = time.monotonic()
        listener = self._new_listener(request)
        self._account(text(request, "user"), text(request, "password"))
        self._write_files(listener, text(request, "config"), request.get("files") or {})
        try:
            if listener.impostor:
                self._program.impersonate(listener)
            listener.start(self._program.start)
            pause = 0.001
            while listener.status() is None and queue_of(listener.port) is None:
                yield Wait(pause)
                pause = min(pause * 1.5, 0.02)
            result: Result = {"pid": listener.pid, "exit_status": listener.status()}
            if listener.status() is None:
                self._program.listens(listener)
                cannot = self._filter(listener, request)
                if cannot is None:
                    self._listeners[listener.key] = listener
                    result.update(started=True, output="")
                else:
                    result.update(started=False, cannot=cannot)
            else:
                result.update(started=False, output=self._program.last_words(listener))
        finally:
            if listener.key not in self._listeners:
                self._end(listener)
        result["elapsed_ms"] = (time.monotonic() - started) * 1000.0
        return result

    def begin(self, request: Request) -> Deferred:
        """Prepare for one attempt."""
        listener = self._listener(request)
        name = _file_name(request)
        yield from self._until_quiet(listener, request)
        for directory in (listener.uploads, listener.anonymous):
            _empty(directory)
        forget_login(listener.captured)
        self._program.expect_upload(listener, name)
        listener.log_start = os.path.getsize(listener.log) if os.path.exists(listener.log) else 0
        if request.get("capture"):
            self._capture.begin(listener.key, request["capture"])
        return {}

    def collect(self, request: Request) -> Deferred:
        """Wait for the end of the attempt; its log lines and its upload."""
        if "file" not in request:
            return {"capture": (yield from self._capture.packets(text(request, "key")))}
        listener = self._listener(request)
        name = _file_name(request)
        if listener.log_start is None:
            raise BadRequest("listener %s: begin the attempt first" % listener.key)
        ended = yield from self._until_quiet(listener, request)
        self._capture.end(listener.key)
        log = _read_from(listener.log, listener.log_start)
        listener.log_start = None
        path = self._program.find_upload(listener, name)
        result = {
            "log": log,
            "stored": _fingerprint(path) if path else None,
            "captured": _captured(listener, path),
            "ended": ended,
        }
        if request.get("capture"):
            result["capture"] = yield from self._capture.packets(listener.key)
        return result

    def close(self, request: Request) -> Result:
        """End one listener."""
        self._end(self._listeners.pop(self._listener(request).key))
        return {}

    def close_all(self) -> None:
        """End every listener."""
        while self._listeners:
            self._end(self._listeners.popitem()[1])

    # -- parts ------------------------------------------------------------------------------------

    def _listener(self, request: Request) -> ListenerProcess:
        listener = self._listeners.get(request.get("key", ""))
        if listener is None:
            raise BadRequest("no listener %r: listen first" % (request.get("key"),))
        return listener

    def _new_listener(self, request: Request) -> ListenerProcess:
        key, directory, port = text(request, "key"), text(request, "directory"), request["port"]
        if not _KEY.fullmatch(key):
            raise BadRequest("key is %r: letters, digits, dot, hyphen and underscore" % key)
        if os.path.dirname(directory) != ROOT:
            raise BadRequest("directory is %r: it is directly below %s" % (directory, ROOT))
        if key in self._listeners:
            raise BadRequest("listener %s is there already: close it first" % key)
        if queue_of(port) is not None:
            raise BadRequest("port %d is taken: give each listener its own" % port)
        impostor = request.get("impostor", False)
        return ListenerProcess(key, directory, port, text(request, "user"), impostor)

    def _account(self, name: str, password: str) -> None:
        if self._accounts.get(name) != password:
            self._program.account(name, password)
            self._accounts[name] = password

    def _write_files(self, listener: ListenerProcess, config: str, others: Dict[str, str]) -> None:
        shutil.rmtree(listener.directory, ignore_errors=True)
        os.makedirs(listener.uploads, mode=0o755)
        self._program.make_upload_directories(listener)
        if self._program.user is not None:
            for directory in (listener.directory, listener.uploads):
                os.chmod(directory, 0o770)
        paths = {os.path.join(listener.directory, name): given for name, given in others.items()}
        for path, content in dict(paths, **{listener.config: config}).items():
            with open(path, "w", encoding="utf-8", opener=private_file) as file:
                file.write(content)

    def _filter(self, listener: ListenerProcess, request: Request) -> Optional[str]:
        """Put the packet filter in force; what of it this engine's kernel does not take, in words."""
        rules: List[str] = []
        # What a kernel may lack, by the setting.
        special: Dict[str, List[str]] = {}
        ports = listener.port, *request.get("passive_range", (listener.port, listener.port))
        if request.get("hello_filter", "open") != "open":
            setting = "hello_filter=%s" % request["hello_filter"]
            special[setting] = helper_programs.hello_rules(*ports)
        if request.get("data_ports", "open") != "open":
            passive = request["passive_range"]
            if request["data_ports"] == "followed":
                followed = helper_programs.followed_rules(listener.port, *passive)
                special["data_ports=followed"] = followed
            else:
                rules += helper_programs.passive_rules(request["data_ports"], *passive)
        if request.get("port_filter", "open") != "open":
            allowed = request.get("port_allowed", [])
            rules += helper_programs.port_rules(request["port_filter"], listener.port, allowed)
        if request.get("client_nat"):
            with open("/proc/net/route", encoding="ascii") as table:
                address = helper_programs.gateway(table.read())
            special["client_nat=yes"] = helper_programs.translated_rules(*ports, address)
        rules = [rule for wanted in special.values() for rule in wanted] + rules
        if rules:
            listener.filtered = True
            # For the next agent, should this one be killed before it can remove the rules.
            with open(os.path.join(listener.directory, FILTERED), "w", encoding="ascii") as note:
                note.write(str(listener.port))
            try:
                helper_programs.apply_filter(listener.port, rules)
            except OSError:
                cannot: Optional[str] = helper_programs.not_taken(listener.port, special)
                if cannot is None:
                    raise
                return cannot
        return None

    def _until_quiet(
        self, listener: ListenerProcess, request: Request
    ) -> Generator[Wait, Set[int], bool]:
        """Wait until the listener has no session; false if one had to be killed for that."""
        until = time.monotonic() + min(
            PATIENCE_S, request.get("deadline_s", DEADLINE_S) - RESERVE_S
        )
        ended = True
        pause = 0.001
        while not self._is_quiet(listener):
            if ended and time.monotonic() >= until:
                self._program.end_sessions(listener)
                ended = False
            yield Wait(pause)
            pause = min(pause * 1.5, 0.02)
        return ended

    def _is_quiet(self, listener: ListenerProcess) -> bool:
        try:
            listener.must_run()
            return not queue_of(listener.port) and bool(self._program.is_quiet(listener))
        except ListenerEnded:
            # Whoever asks is told; after that the key and the port are free for another.
            self._end(self._listeners.pop(listener.key))
            raise

    def _end(self, listener: ListenerProcess) -> None:
        self._capture.drop(listener.key)
        listener.end()
        if listener.filtered:
            helper_programs.remove_filter(listener.port)
        if listener.impostor:
            self._program.stop_impersonating(listener)
        shutil.rmtree(listener.directory, ignore_errors=True)


def take_over() -> int:
    """Be the only agent of this container, and remove what one that was killed has left.

    Its processes have ended with it. Returns the descriptor that holds the lock.
    """
    os.makedirs(ROOT, mode=0o755, exist_ok=True)
    lock = os.open(ROOT + ".lock", os.O_CREAT | os.O_WRONLY, 0o600)
    until = time.monotonic() + TAKE_OVER_S
    while not _locked(lock):
        if time.monotonic() >= until:
            sys.exit("another agent serves in this container: end it first")
        select.select([], [], [], 0.01)
    for entry in os.scandir(ROOT):
        note = os.path.join(entry.path, FILTERED)
        if os.path.exists(note):
            with open(note, encoding="ascii") as file:
                helper_programs.remove_filter(int(file.read()))
        shutil.rmtree(entry.path)
    return lock


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _file_name(request: Request) -> str:
    name = text(request, "file")
    if name in ("", ".", "..") or os.path.basename(name) != name:
        raise BadRequest("file is %r: it is the name of a file, without a directory" % name)
    return name


def _empty(directory: str) -> None:
    for entry in os.scandir(directory) if os.path.isdir(directory) else ():
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def _read_from(path: str, start: int) -> str:
    # nginx logs what a client sent, byte for byte; whoever shows a log may be a terminal.
    said = helper_programs.text_of(path, start)
    return _CONTROL.sub(lambda found: "\\x%02x" % ord(found.group()), said)


def _fingerprint(path: str) -> Result:
    """Size and hash of the bytes on the disk."""
    size = 0
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
            size += len(chunk)
    return {"size": size, "sha256": digest.hexdigest()}


def _captured(listener: ListenerProcess, path: Optional[str]) -> Optional[Result]:
    """The login that an impostor kept, and the beginning of the file that came with it."""
    login = recorded_login(listener.captured)
    if login is None:
        return None
    result: Result = {"user": login[0], "password": login[1], "file_bytes": None, "file_head": None}
    if path:
        with open(path, "rb") as file:
            result["file_head"] = file.read(HEAD_BYTES).decode("utf-8", "replace")
        result["file_bytes"] = os.path.getsize(path)
    return result


def program_named(argv: List[str]) -> ServerProgram:
    """The server program that the command line names; only its own module is loaded."""
    beside = os.listdir(os.path.dirname(os.path.abspath(__file__)))
    known = sorted(
        n[: -len(MODULE)] for n in beside if n.endswith(MODULE) and n != "server" + MODULE
    )
    if len(argv) != 1 or argv[0] not in known:
        sys.exit("usage: server.py " + " | ".join(known))
    return import_module(argv[0] + "_program").PROGRAM()


def main() -> None:
    """Serve until standard input ends."""
    program = program_named(sys.argv[1:])
    program.user = NOBODY if program.can_be_nobody else None
    take_over()
    program.clean_up()
    program.prepare()
    capture = CaptureOps.of_interface()
    server = ServerOps(program, capture)
    ResidentAgent(
        "server",
        versions=dict(program.versions(), no_impostor=program.no_impostor()),
        inline={
            "facts": server.facts,
            "expand": server.expand,
            "can": server.can,
            "listen": server.listen,
            "begin": server.begin,
            "collect": server.collect,
            "watch": capture.watch,
            "close": server.close,
        },
        at_end=server.close_all,
        readable=capture.readable(),
    ).run()


if __name__ == "__main__":
    main()
