"""Serving until somebody ends it: ports of this host, the relay, the servers, and what people are told."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from docker import DockerClient

from lab.certificates import ANCHORS
from lab.certificates.material import RunCertificates
from lab.host import engine
from lab.images.errors import Progress
from lab.model import parse_ports
from lab.run import network, topology
from lab.run.agents import Unsupported
from lab.run.checkout import Checkout
from lab.run.laboratory import open_lab
from lab.run.link import AgentError
from lab.serve.editing import Editing
from lab.serve.errors import ServeError
from lab.serve.folders import own_folder
from lab.serve.link import RELAY, RelayLink
from lab.serve.names import ServedEntry
from lab.serve.page import IndexPage
from lab.serve.relay import abort
from lab.serve.servers import SPAN, Place, Servers, Started, begin_certificates
from lab.servers import SERVERS
from lab.words import InBothLanguages, read_words

#: The signals that end it.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: So many entries are started before anybody connects; of more, each is when somebody does, and of those
#: that nobody uses at the moment so many stay.
AT_ONCE, MOST_KEPT = 20, 4
#: Connections that may wait to be accepted at a port.
QUEUE = 128

Say = Callable[[InBothLanguages], None]
_SAID = Path(__file__).with_name("said.toml")
_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@dataclass(frozen=True)
class Wish:
    """What is to be served, and where."""

    entries: Sequence[ServedEntry]
    place: Place
    edit: bool = False

    @property
    def software(self) -> list[str]:
        """The servers that may be started."""
        return sorted({s.software for entry in self.entries for s in entry.servers})

    @property
    def data_ports(self) -> Mapping[int, str]:
        """The ports for data connections, with the software behind each."""
        found: dict[int, str] = {}
        for entry in self.entries:
            for one in entry.servers if entry.is_ftp else ():
                own = getattr(one, "pasv_ports", None)
                first, last = parse_ports(own) if own else self.place.passive(one.software)
                found |= dict.fromkeys(range(first, last + 1), one.software)
        return found

    @property
    def at_once(self) -> bool:
        """Whether every server is started before anybody connects."""
        return self.edit or len(self.entries) <= AT_ONCE


@dataclass(frozen=True)
class Ready:
    """What is served now."""

    wish: Wish
    folder: Path
    """The trust anchors, and what can be edited."""
    not_running: Sequence[tuple[ServedEntry, str]]
    """What did not start, with the server's own words."""
    files: Sequence[tuple[ServedEntry, Path]]
    """What can be edited."""

    @property
    def ca(self) -> Path:
        """The certificate to trust."""
        return ca_file(self.folder)


def ca_file(folder: Path) -> Path:
    """The root of the lab's public CA in the folder of what is served."""
    return folder / "ca.pem"


def serve(
    wish: Wish, checkout: Checkout, progress: Progress, say: Say, ready: Callable[[Ready], None]
) -> None:
    """Serve until a signal of :data:`ENDING` comes; then nothing is left.

    Args:
        say: tells people what happens meanwhile.
        ready: called once, when connections are answered.

    Raises:
        ServeError: what was asked for cannot be served.
        EngineError, ImageError, TopologyError, AgentError: what is missing, and what to do.
    """
    with Ports(wish.place.address) as ports, contextlib.ExitStack() as stack:
        ports.take(wish.place.first, _said("page"))
        for entry in wish.entries:
            ports.take(wish.place.port(entry), InBothLanguages(entry.name, entry.name))
        for port, software in wish.data_ports.items():
            ports.take(port, _said("data", software=software))
        certificates, all_of_them = begin_certificates(wish.entries, wish.place)
        folder = stack.enter_context(own_folder(checkout, wish.place.first))
        services = {SERVERS[software].service for software in wish.software}
        remove_left_over(checkout)
        lab = stack.enter_context(
            open_lab(
                attempts=(),
                certificates=certificates,
                also=[*services, RELAY],
                checkout=checkout,
                progress=progress,
            )
        )
        absent = services - lab.session.containers.services
        for entry in wish.entries:
            missing = {SERVERS[s.software].service for s in entry.servers} & absent
            if missing:
                raise ServeError("cannot", name=entry.name, why=", ".join(sorted(missing)))
        ca_file(folder).write_bytes(lab.material.anchor("public"))
        writing = threading.Thread(
            target=lambda: write_anchors(folder, all_of_them.result()), name="trust anchors"
        )
        writing.start()
        stack.callback(writing.join)  # the folder stays until all is written
        servers = Servers(lab.session, lab.material, wish.place)
        relay = lab.session.containers.id_of(RELAY)
        asyncio.run(_Serving(wish, ports, servers, folder, say).run(lab.client, relay, ready))


class Ports:
    """Ports of this host, listened on from the moment they are taken."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.taken: dict[int, socket.socket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for port in list(self.taken):
            self.let_go(port)

    def take(self, port: int, what: InBothLanguages) -> None:
        """Listen on a port.

        Raises:
            ServeError: it cannot be had.
        """
        listening = socket.socket()
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self._address, port))
            listening.listen(QUEUE)
            listening.setblocking(False)
        except (OSError, OverflowError) as error:
            listening.close()
            said = {
                "address": self._address,
                "port": port,
                "what": what.en,
                "what_ja": what.ja,
                "happened": str(error),
                "happened_ja": str(error),
            }
            if isinstance(error, OSError) and error.errno == errno.EADDRNOTAVAIL:
                raise ServeError("address", **said) from error
            in_use = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
            raise ServeError("taken" if in_use else "port", **said) from error
        self.taken[port] = listening

    def let_go(self, port: int) -> None:
        """Listen on it no more: whoever connects is refused."""
        self.taken.pop(port).close()


def remove_left_over(checkout: Checkout) -> None:
    """Remove the topologies of this checkout's commands that were killed.

    Raises:
        EngineError, TopologyError: there is no engine; something stays.
    """
    with closing(engine.find()) as client:
        for found in network.find(client):
            if found.checkout == checkout.key and not found.alive and not found.kept:
                topology.remove(client, [found.project])


def write_anchors(folder: Path, material: RunCertificates) -> None:
    """Write what else can be trusted: public certificates and no key."""
    (folder / "anchors").mkdir()
    for name in ANCHORS:
        (folder / "anchors" / f"{name}.pem").write_bytes(material.anchor(name))


@dataclass
class _Serving:
    """All that is going on between the start and the end."""

    wish: Wish
    ports: Ports
    servers: Servers
    folder: Path
    say: Say
    _told: set[str] = field(default_factory=set)

    async def run(self, client: DockerClient, relay: str, ready: Callable[[Ready], None]) -> None:
        """Serve until a signal comes, or the line to the lab is lost."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        before = {number: signal.getsignal(number) for number in ENDING}
        for number in ENDING:
            if before[number] is not signal.SIG_IGN:
                loop.add_signal_handler(number, ended.set)
        link = RelayLink(client, relay)
        try:
            await link.allow(self._targets())
            started = await self._start_servers() if self.wish.at_once else []
            listening = await self._listen(link, started)
            editing = Editing(self.folder, started, self.servers, self.say)
            files = editing.write() if self.wish.edit else []
            stopped = [(e, one.said) for e, one in started if not one.running]
            ready(Ready(self.wish, self.folder, stopped, files))
            watching: asyncio.Future[None] = asyncio.ensure_future(editing.watch())
            waiting = asyncio.ensure_future(ended.wait())
            try:
                events: list[asyncio.Future[Any]] = [waiting, watching, link.lost]
                await asyncio.wait(events, return_when=asyncio.FIRST_COMPLETED)
                if watching.done():
                    watching.result()
                if link.lost.done():
                    raise ServeError("lost", why=link.lost.result())
            finally:
                for task in (watching, waiting):
                    task.cancel()
                for server in listening:
                    server.close()
        finally:
            link.close()
            for number, handler in before.items():
                signal.signal(number, handler)
            await self._end_connections()

    @staticmethod
    async def _end_connections() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _targets(self) -> list[tuple[str, int, int]]:
        """What the relay may connect to: the ports of what is served, in the containers of its servers."""
        first = self.wish.place.first
        targets = {
            (self.servers.address_of(software), first, first + SPAN)
            for software in self.wish.software
        }
        for port, software in self.wish.data_ports.items():
            if not first <= port <= first + SPAN:
                targets.add((self.servers.address_of(software), port, port))
        return sorted(targets)

    async def _start_servers(self) -> list[tuple[ServedEntry, Started]]:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(8) as pool:
            starting = [
                loop.run_in_executor(pool, self.servers.ensure, e) for e in self.wish.entries
            ]
            return list(zip(self.wish.entries, await asyncio.gather(*starting), strict=True))

    async def _listen(
        self, link: RelayLink, started: Sequence[tuple[ServedEntry, Started]]
    ) -> list[asyncio.Server]:
        place, ports = self.wish.place, self.ports
        page = IndexPage(self.wish.entries, place, ca_file(self.folder))
        servers = [await asyncio.start_server(page.answer, sock=ports.taken[place.first])]
        dead = set() if self.wish.edit else {e.name for e, one in started if not one.running}
        for entry in self.wish.entries:
            if entry.name in dead:
                ports.let_go(place.port(entry))
                continue
            answer = self._answer(link, entry)
            sock = ports.taken[place.port(entry)]
            servers.append(await asyncio.start_server(answer, sock=sock))
        for port, software in self.wish.data_ports.items():
            carry = self._carry(link, self.servers.address_of(software), port)
            servers.append(await asyncio.start_server(carry, sock=ports.taken[port]))
        return servers

    def _answer(self, link: RelayLink, entry: ServedEntry) -> _Handler:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            loop = asyncio.get_running_loop()
            using = self.servers.use(entry)
            try:
                started = await loop.run_in_executor(None, using.__enter__)
                with contextlib.ExitStack() as stack:
                    stack.push(using.__exit__)
                    await self._carry_to(started, entry, link, reader, writer)
                if not self.wish.at_once:
                    await loop.run_in_executor(None, self.servers.end_unused, MOST_KEPT)
            except (AgentError, Unsupported) as error:
                self._tell(entry, InBothLanguages(str(error), str(error)))
                abort(writer)

        return answer

    async def _carry_to(
        self,
        started: Started,
        entry: ServedEntry,
        link: RelayLink,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        if started.running:
            address = self.servers.address_of(started.settings.software)
            await link.carry(address, self.wish.place.port(entry), reader, writer)
            return
        if not self.wish.edit:
            self._tell(entry, _said("does-not-start", said=started.said))
        abort(writer)

    @staticmethod
    def _carry(link: RelayLink, address: str, port: int) -> _Handler:
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await link.carry(address, port, reader, writer)

        return carry

    def _tell(self, entry: ServedEntry, words: InBothLanguages) -> None:
        """Say something of an entry, once."""
        line = _said("tells", name=entry.name, words=words)
        if line.en not in self._told:
            self._told.add(line.en)
            self.say(line)


def _said(name: str, /, **values: object) -> InBothLanguages:
    return read_words(_SAID)["serving"][name].format(**values)
