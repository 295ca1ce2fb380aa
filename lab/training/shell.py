"""A shell in a client's container, with servers to connect to and the files to do it with.

The shell runs where the lab's clients run, as the same account, and sees what they see: the lab's names, the
crypto policy, the trust store. What it leaves in the container is found by a mark in the environment of its
processes.
"""

from __future__ import annotations

import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from lab.clients import PROGRAMS
from lab.host.engine import EngineError, compose_environment
from lab.host.machine import program
from lab.model import PLATFORMS, FtpServerSettings, ProtocolRange, ServerSettings
from lab.report.layout import hung
from lab.run.agents import Unsupported
from lab.run.containers import CERTIFICATES, anchors_file, pack, unpack
from lab.run.laboratory import Lab, open_lab
from lab.run.link import AgentError, ExecutionError, execute
from lab.run.listeners import Listener
from lab.run.scan import as_attempt
from lab.servers import SERVERS
from lab.servers.base import USER
from lab.settings import SettingsError, parse_client, server_in_words
from lab.text import no_such
from lab.training.words import say

#: The tools that are of use, in the order in which they are named.
TOOLS = ("openssl", "curl", "lftp", "perl", "python3")
_FILES = Path(__file__).with_name("files")
#: What the shell uploads; its content says so.
UPLOAD = "upload.txt"
_ANCHORS = f"{CERTIFICATES}/anchors"
_BASHRC = """\
PS1='{name}$ '
hint() {{ cat "$HOME/hint${{1:+-$1}}.txt" 2>/dev/null || echo "hint: a number from 1 to {last}" >&2; }}
"""
#: The variable by which the processes of a shell are found.
_MARK = "LAB_SHELL"
_HAS = (
    'for t in {tools}; do command -v "$t" >/dev/null && echo "$t"; done;'
    " perl -MNet::FTP -MIO::Socket::SSL -e 'print qq(Net::FTP\\n) if Net::FTP->can(q(starttls))'"
    " 2>/dev/null;"
    " python3 -c 'import ssl; print(ssl.get_default_verify_paths().cafile and \"store\")'"
)
_CLEAR = (
    'for p in /proc/[0-9]*; do tr "\\0" "\\n" <"$p/environ" 2>/dev/null | grep -qx "{mark}"'
    ' && kill -9 "${{p#/proc/}}"; done 2>/dev/null; rm -rf "{folder}"'
)


@dataclass(frozen=True)
class Reached:
    """A server that the shell can connect to."""

    server: ServerSettings
    port: int
    broken: bool

    @property
    def is_ftp(self) -> bool:
        """Whether it speaks FTP; else HTTP."""
        return isinstance(self.server, FtpServerSettings)


def service_of(where: str) -> str:
    """The container of ``PLATFORM[:POLICY]``, or of one program there, ``PROGRAM@PLATFORM[:POLICY]``.

    A platform has several: without a program it is that of the most clients, so never an edge's.

    Raises:
        SettingsError: there is no such platform, policy, program or container.
    """
    if "@" in where:
        client = parse_client(where)
        return PROGRAMS[client.program].service(client)
    platform, colon, policy = where.partition(":")
    if platform not in PLATFORMS:
        raise SettingsError(no_such("platform", platform, PLATFORMS))
    policies = PLATFORMS[platform]
    if colon and not policies:
        raise SettingsError(f"{platform} has no crypto policies: write {platform} alone")
    if colon and policy not in policies:
        raise SettingsError(no_such(f"crypto policy of {platform}", policy, policies))
    there = Counter(
        found.service(found.settings_with(platform=platform, policy=policy or None))
        for found in PROGRAMS.values()
        if platform in found.platforms
    )
    if not there:
        raise SettingsError(f"no client of the lab runs on {platform}")
    return there.most_common(1)[0][0]


def servers_to_try() -> tuple[tuple[ServerSettings, bool], ...]:
    """Two that work and two that do not, of FTP and of the web; whether each is broken."""
    vsftpd, nginx = SERVERS["vsftpd"], SERVERS["nginx"]
    # Over TLS 1.3 an upload of Net::FTP is a race that it may lose.
    every = ProtocolRange(None, "TLSv1.2")
    return (
        (vsftpd.settings_with(protocols=every, require_ssl_reuse=False), False),
        (vsftpd.settings_with(certificate="expired"), True),
        (nginx.settings_with(), False),
        (nginx.settings_with(certificate="wrong-host"), True),
    )


def _named(one: Reached, language: str) -> str:
    """A server's address, its settings, and whether it is broken."""
    kind = say("shell", "broken" if one.broken else "good").in_(language)
    return f"{one.server.host}:{one.port}  {server_in_words(one.server)}{kind}"


class ClientShell:
    """A shell that is ready: servers listen, files are in place."""

    def __init__(
        self, laboratory: Lab, service: str, where: str, reached: Sequence[Reached], password: str
    ) -> None:
        """Nothing is put into the container yet."""
        self._laboratory, self._service, self._where = laboratory, service, where
        self.reached, self.password = reached, password
        mark = secrets.token_hex(4)
        self._mark = f"{_MARK}={mark}"
        self.folder = f"/run/lab/shell-{mark}"
        self._container = laboratory.topology.containers[service].id
        has = self._execute(_HAS.format(tools=" ".join(TOOLS))).split()
        self.tools = tuple(tool for tool in TOOLS if tool in has)
        self._has_net_ftp = "Net::FTP" in has
        self._has_store = "store" in has

    def put_files(self, language: str) -> None:
        """Put what the hint names into the container, and the hint itself."""
        files = {path.name: path.read_bytes() for path in sorted(_FILES.glob("ftps.*"))}
        files[UPLOAD] = b"A file to upload.\n"
        files["hint.txt"] = self.hint(language).encode()
        for number in range(1, len(self.reached) + 1):
            files[f"hint-{number}.txt"] = self.hint_of(number, language).encode()
        name = self._where.replace("'", "")
        files["bashrc"] = _BASHRC.format(name=name, last=len(self.reached)).encode()
        named = {f"{self.folder}/{name}": content for name, content in files.items()}
        try:
            unpack(self._laboratory.client, self._container, pack(named))
        except ExecutionError as error:
            raise AgentError(f"cannot put files into {self._service}: {error}") from error

    def run(self, command: Sequence[str], *, terminal: bool) -> int:
        """Run a command, or a shell with a terminal, to its end; its exit status.

        Raises:
            EngineError: this machine has no command ``docker``.
        """
        docker = program("docker")
        if docker is None:
            raise EngineError("no-command")
        environment = {
            "HOME": self.folder,
            "LAB_USER": USER,
            "LAB_PASSWORD": self.password,
            "LAB_HOST": self.reached[0].server.host,
            "LAB_PORT": str(self.reached[0].port),
            "LAB_CA": _ANCHORS,
        }
        bashrc = f"{self.folder}/bashrc"
        if not terminal:  # there is no prompt, and no job control to ask a terminal for
            environment["BASH_ENV"] = bashrc
        if not self._has_store:
            environment["SSL_CERT_FILE"] = anchors_file("public")
        variables = [self._mark, *(f"{name}={value}" for name, value in environment.items())]
        options = [word for variable in variables for word in ("--env", variable)]
        words = command or (("bash", "--rcfile", bashrc, "-i") if terminal else ("bash",))
        ended = subprocess.run(
            [
                *(docker, "exec", "--interactive", *(["--tty"] if terminal else [])),
                *("--workdir", self.folder, *options, self._container, *words),
            ],
            env=compose_environment(),
            check=False,
        )
        return ended.returncode

    def clear(self) -> None:
        """End every process that the shell has started, and remove its files."""
        self._execute(_CLEAR.format(mark=self._mark, folder=self.folder))

    # -- what to try -------------------------------------------------------------------------------

    def hint(self, language: str) -> str:
        """Where one is, what listens, and commands for the first server: a page of a terminal."""
        absent = [tool for tool in TOOLS if tool not in self.tools]
        lines = [
            say("shell", "where", where=self._where, service=self._service),
            say("shell", "tools", tools=", ".join(self.tools)),
            *([say("shell", "absent", tools=", ".join(absent))] if absent else []),
            say("shell", "files", upload=UPLOAD),
            say("shell", "login", user=USER, password=self.password),
        ]
        image = self._laboratory.image_of(self._service)
        if image is not None and self._laboratory.images[image].stand_in:
            lines.append(say("situation", "stand_in", name=image))
        if not self._has_store:
            lines.append(say("shell", "no_store"))
        text = [part for line in lines for part in hung("", line.in_(language))]
        last = len(self.reached)
        if last > 1:
            numbered = enumerate(self.reached, start=1)
            text += ["", *(f"{number}  {_named(one, language)}" for number, one in numbered)]
            text += ["", say("shell", "first", last=last).in_(language)]
        else:
            text += ["", _named(self.reached[0], language)]
        text += self._tries(self.reached[0])
        return "\n".join([*text, say("shell", "leave").in_(language), ""])

    def hint_of(self, number: int, language: str) -> str:
        """One server, from 1 on, and commands that work as they are written."""
        one = self.reached[number - 1]
        return "\n".join([_named(one, language), *self._tries(one), ""])

    def _tries(self, one: Reached) -> list[str]:
        # What is broken is tried with one command: which, is up to whoever tries.
        return [f"  {command}" for command in self.commands(one)[: 1 if one.broken else None]]

    def commands(self, one: Reached) -> list[str]:
        """Commands that connect to a server, of the tools that are here."""
        host, port = one.server.host, one.port
        starttls = " -starttls ftp" if one.is_ftp else f" -servername {host}"
        every = {
            "openssl": f"openssl s_client -connect {host}:{port}{starttls}"
            f" -verify_hostname {host} -verify_return_error -brief </dev/null",
        }
        if one.is_ftp:
            every |= {
                "curl": f"curl -sS --ssl-reqd -u $LAB_USER:$LAB_PASSWORD -T {UPLOAD} ftp://{host}:{port}/",
                "lftp": f"lftp -u $LAB_USER,$LAB_PASSWORD -e 'put {UPLOAD}; quit' ftp://{host}:{port}",
                "perl": f"perl ftps.pl {host} {port} $LAB_USER $LAB_PASSWORD {UPLOAD}",
                "python3": f"python3 ftps.py {host} {port} $LAB_USER $LAB_PASSWORD {UPLOAD}",
            }
        else:
            every |= {
                "curl": f"curl -sS https://{host}:{port}/",
                "python3": "python3 -c 'import urllib.request as u;"
                f' print(u.urlopen("https://{host}:{port}/").read().decode())\'',
            }
        return [
            command
            for tool, command in every.items()
            if tool in self.tools and (tool != "perl" or self._has_net_ftp)
        ]

    def _execute(self, script: str) -> str:
        argv = ["sh", "-c", script]
        try:
            return execute(self._laboratory.client, self._container, argv).output
        except ExecutionError as error:
            raise AgentError(f"the container {self._service} cannot be asked: {error}") from error


@contextmanager
def client_shell(
    where: str, servers: Sequence[tuple[ServerSettings, bool]], language: str
) -> Iterator[ClientShell]:
    """A shell at ``[PROGRAM@]PLATFORM[:POLICY]`` with these servers, each broken or not; nothing of it stays.

    Raises:
        SettingsError: there is no such place.
        Unsupported: a server cannot have these settings, or is not on these images.
        EngineError, ImageError, TopologyError, AgentError: the lab could not be opened.
    """
    service = service_of(where)
    attempts = [as_attempt(server) for server, _ in servers]
    with (
        open_lab(attempts=attempts, also=[service]) as laboratory,
        ExitStack() as open_listeners,
    ):
        session = laboratory.session
        if service not in laboratory.topology.containers:
            raise Unsupported(f"the container {service} is not on these images")
        session.equip(service)
        reached = []
        for server, broken in servers:
            listener: Listener = open_listeners.enter_context(session.listening(server))
            if not listener.started:
                said = listener.output.strip() or "it said nothing"
                raise SettingsError(f"{server_in_words(server)} does not start: {said}")
            reached.append(Reached(server, listener.port, broken))
        shell = ClientShell(laboratory, service, where, reached, session.password)
        try:
            shell.put_files(language)
            yield shell
        finally:
            shell.clear()
