"""``lab serve`` without an engine: names, ports, the relay between its two ends, the page, edited files."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import os
import re
import shlex
import socket
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.certificates import CATALOGUE
from lab.certificates.description import describe
from lab.model import FtpServerSettings
from lab.run.checkout import Checkout
from lab.serve import relay
from lab.serve.commands import commands, url
from lab.serve.editing import Editing
from lab.serve.errors import ServeError
from lab.serve.folders import own_folder, remove_left
from lab.serve.names import HOST, ServedEntry, Transport, catalogue, choose
from lab.serve.page import IndexPage
from lab.serve.relay import Channel, Inside, Kind, Unpacker, frame
from lab.serve.servers import (
    LOOPBACK,
    PASSIVE_PORTS,
    SPAN,
    Place,
    Servers,
    Started,
    begin_certificates,
)
from lab.serve.serving import Ports, Wish
from lab.servers import SERVERS
from lab.servers.origin import BEHAVIOURS
from lab.settings import check
from lab.words import InBothLanguages

PLACE = Place(LOOPBACK, 21000)


SERVERS_OF_A_TEST: list[asyncio.Server] = []


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run it to its end, for at most ten seconds, and end what it has started."""

    async def all_of_it() -> None:
        try:
            await asyncio.wait_for(work, 10)
        finally:
            for server in SERVERS_OF_A_TEST:
                server.close()
            SERVERS_OF_A_TEST.clear()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0.05)  # transports close in the loop

    asyncio.run(all_of_it())


async def listen(serve: Callable[..., Coroutine[Any, Any, None]]) -> int:
    """Listen on a port of this host, until the test is over."""

    async def serve_and_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve_and_close, LOOPBACK, 0)
    SERVERS_OF_A_TEST.append(server)
    found: int = server.sockets[0].getsockname()[1]
    return found


# -- names ---------------------------------------------------------------------------------------------


def test_every_certificate_is_served_in_every_way() -> None:
    names = {entry.name for entry in catalogue()}
    assert {f"{way}:{slug}" for way in Transport for slug in CATALOGUE} <= names
    assert {f"https:{name}" for name in BEHAVIOURS if name != "serve"} <= names


def test_every_entry_can_be_expressed_and_has_words_in_both_languages() -> None:
    for entry in catalogue():
        for settings in entry.servers:
            check(settings)
            assert SERVERS[settings.software].unsupported(settings) is None, entry.name
            assert settings.tls_first == (entry.transport is not Transport.FTPS), entry.name
        for words in (entry.title, entry.shows):
            assert words.en, entry.name
            assert re.search(r"[ぁ-んァ-ヶ一-龠]|^(ECDSA|RSA|RC4)", words.ja), entry.name


def test_ports_are_the_entries_own_whatever_is_served() -> None:
    everything = choose(["all"])
    assert everything == list(catalogue())
    ports = [PLACE.port(entry) for entry in everything]
    assert len(set(ports)) == len(ports)
    assert choose(["https:expired"])[0] in everything
    ftp = [n for n, s in SERVERS.items() if issubclass(s.settings, FtpServerSettings)]
    passive = [PLACE.passive(software) for software in ftp]
    assert all(one[1] < other[0] for one, other in itertools.pairwise(passive))
    assert PLACE.port(everything[-1]) < passive[0][0]
    assert passive[-1][1] <= PLACE.first + SPAN
    assert PLACE.passive("vsftpd")[1] - PLACE.passive("vsftpd")[0] + 1 == PASSIVE_PORTS


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["expired"], ["https:expired", "ftps:expired", "ftps-implicit:expired"]),
        (["ftps:rc4", "https:rc4", "ftps:rc4"], ["https:rc4", "ftps:rc4"]),
        (["expired_certificate"], ["ftps:expired_certificate"]),
        (["login-in-clear"], ["ftps:login-in-clear"]),
    ],
)
def test_words_name_entries_once_in_their_order(words: list[str], names: list[str]) -> None:
    assert [entry.name for entry in choose(words)] == names


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(ServeError, match="did you mean expired") as raised:
        choose(["expird"])
    assert raised.value.usage


def test_certificates_are_for_the_host_itself_and_a_wildcard_below_it() -> None:
    entries = choose(["https:expired", "https:wildcard", "https:ip-address"])
    material = begin_certificates(entries, PLACE)[0]

    def names(slug: str) -> tuple[str, ...]:
        return describe(material.server(slug, HOST).chain_pem).leaf.names

    assert names("expired") == (HOST,)
    assert names("ip-address") == (HOST, LOOPBACK)
    assert names("wildcard") == ("*.lab.localhost",)
    assert url(entries[2], PLACE) == "https://www.lab.localhost:21034/"


# -- commands ------------------------------------------------------------------------------------------


def test_each_command_is_one_that_a_shell_reads_as_it_is_meant() -> None:
    for entry in catalogue():
        for client, command in commands(entry, PLACE, "a folder/ca.pem"):
            words = shlex.split(command)
            assert words, (entry.name, client)
            if client == "Python":
                compile(words[2], entry.name, "exec")
            if client == "curl":
                assert "a folder/ca.pem" in words


# -- ports ---------------------------------------------------------------------------------------------


SOMETHING = InBothLanguages("a page", "ページ")


def test_a_port_that_is_taken_is_told_and_nothing_stays_open() -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        taken = other.getsockname()[1]
        ports = Ports(LOOPBACK)
        with ports:
            ports.take(0, SOMETHING)
            with pytest.raises(ServeError, match=f"127.0.0.1:{taken} for a page.*taken") as raised:
                ports.take(taken, SOMETHING)
            assert "ポートが使われています" in raised.value.in_("ja")
        assert not ports.taken


def test_an_address_that_is_not_of_this_machine_is_told() -> None:
    with Ports("192.0.2.1") as ports, pytest.raises(ServeError) as raised:
        ports.take(0, SOMETHING)
    assert raised.value.problem == "address"


def test_folders_of_the_killed_are_removed_and_those_in_use_are_not(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path)
    with own_folder(checkout, 1) as used:
        left = tmp_path / ".lab" / "serve" / "2"
        left.mkdir()
        (left / "ca.pem").write_text("left")
        with own_folder(checkout, 3) as own:
            assert own.is_dir()
            assert used.is_dir()
            assert not left.exists()
            assert remove_left(checkout) == []
        assert not own.exists()
    assert not (tmp_path / ".lab" / "serve").exists()


# -- the relay -----------------------------------------------------------------------------------------


def test_frames_come_out_as_they_went_in_however_they_are_cut() -> None:
    sent = [(Kind.OPEN, 1, b"192.0.2.1:1"), (Kind.DATA, 1, b"x" * 1000), (Kind.END, 1, b"")]
    stream = b"".join(frame(*one) for one in sent)
    unpacker = Unpacker()
    found: list[tuple[Kind, int, bytes]] = []
    for byte in stream:
        found += unpacker.feed(bytes([byte]))
    assert found == sent


def test_the_end_inside_connects_to_nothing_that_is_not_allowed() -> None:
    inside = Inside(lambda _: None)
    assert not inside.allows("192.0.2.1", 1)
    inside.receive(Kind.ALLOW, 0, b'[["192.0.2.1", 10, 12]]')
    assert inside.allows("192.0.2.1", 12)
    assert not inside.allows("192.0.2.1", 13)
    assert not inside.allows("192.0.2.2", 12)


class Both:
    """Both ends of a relay in one process, before a server of this host."""

    def __init__(self) -> None:
        self.channels: dict[int, Channel] = {}
        self.inside = Inside(self._to_outside)
        self.to_inside, self.to_outside = Unpacker(), Unpacker()
        self.sent: list[Kind] = []

    def send(self, data: bytes) -> None:
        for one in self.to_inside.feed(data):
            asyncio.get_running_loop().call_soon(self.inside.receive, *one)

    def _to_outside(self, data: bytes) -> None:
        for kind, number, payload in self.to_outside.feed(data):
            self.sent.append(kind)
            if number in self.channels:
                channel = self.channels[number]
                asyncio.get_running_loop().call_soon(channel.receive, kind, payload)

    async def listen(self, port: int) -> int:
        """A port of this host from which connections go to another one."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            number = len(self.channels) + 1
            channel = self.channels[number] = Channel(number, self.send)
            self.send(frame(Kind.OPEN, number, f"{LOOPBACK}:{port}".encode()))
            await channel.carry(reader, writer)

        return await listen(serve)


def test_bytes_go_both_ways_in_full_and_each_end_is_told_of_the_others() -> None:
    size = 5 * relay.WINDOW + 17

    async def work() -> None:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            data = await reader.read()  # to the end that the client has made
            writer.write(data[::-1])
            writer.close()

        port = await listen(echo)
        both = Both()
        both.inside.receive(Kind.ALLOW, 0, f'[["{LOOPBACK}", {port}, {port}]]'.encode())
        reader, writer = await asyncio.open_connection(LOOPBACK, await both.listen(port))
        sent = bytes(n % 251 for n in range(size))
        writer.write(sent)
        writer.write_eof()
        assert await reader.read() == sent[::-1]
        writer.close()

    run(work())


def test_a_reader_that_does_not_read_is_sent_no_more_than_the_window() -> None:
    async def work() -> None:
        async def flood(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()

        port = await listen(flood)
        both = Both()
        both.inside.receive(Kind.ALLOW, 0, f'[["{LOOPBACK}", {port}, {port}]]'.encode())
        received: list[int] = []

        class Deaf(Channel):
            def receive(self, kind: Kind, payload: bytes) -> None:
                received.append(len(payload))

        both.channels[1] = Deaf(1, lambda _: None)
        both.send(frame(Kind.OPEN, 1, f"{LOOPBACK}:{port}".encode()))
        await asyncio.sleep(0.5)
        assert sum(received) == relay.WINDOW

    run(work())


@pytest.mark.parametrize("allowed", [True, False])
def test_what_cannot_be_reached_is_reset(allowed: bool) -> None:
    async def work() -> None:
        with socket.socket() as nobody:
            nobody.bind((LOOPBACK, 0))
            port = nobody.getsockname()[1]
            both = Both()
            if allowed:
                both.inside.receive(Kind.ALLOW, 0, f'[["{LOOPBACK}", {port}, {port}]]'.encode())
            reader, writer = await asyncio.open_connection(LOOPBACK, await both.listen(port))
            with pytest.raises(ConnectionResetError):
                await reader.read()
            writer.close()
            assert Kind.RESET in both.sent

    run(work())


# -- the page ------------------------------------------------------------------------------------------


def test_the_page_explains_and_links_every_entry_in_both_languages(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_bytes(b"the CA")
    page = IndexPage(catalogue(), PLACE, ca)
    for language in ("en", "ja"):
        status, kind, body = page.response("GET", f"/{language}", "")
        assert (status, kind) == ("200 OK", "text/html; charset=utf-8")
        text = body.decode()
        assert f'<html lang="{language}">' in text
        assert "<script" not in text
        for entry in catalogue():
            assert f'href="{url(entry, PLACE)}"' in text, entry.name
    assert page.response("GET", "/", "ja,en;q=0.5")[2] == page.response("GET", "/ja", "")[2]
    assert page.response("GET", "/", "de")[2] == page.response("GET", "/en", "")[2]
    assert page.response("GET", "/ca.pem", "")[2] == b"the CA"
    assert page.response("GET", "/../ca.key", "")[0].startswith("404")
    assert page.response("POST", "/", "")[0].startswith("405")


# -- edited files --------------------------------------------------------------------------------------


class FakeServers:
    """Servers that take every text but a broken one."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def restart(self, entry: ServedEntry, text: str) -> Started:
        self.texts.append(text)
        running = "broken" not in text
        said = "" if running else "unknown directive in /run/x/config:1"
        return dataclasses.replace(started(entry), running=running, said=said)


def started(entry: ServedEntry) -> Started:
    return Started(entry.servers[0], True, "", "listen=YES\n", "k", "/run/x", None)


def test_a_file_is_read_again_when_it_is_saved_and_what_the_server_says_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.serve.editing.LOOK_S", 0.05)
    (entry,) = choose(["ftps:expired"])
    servers, told, japanese = FakeServers(), list[str](), list[str]()
    fake: Any = servers

    def say(words: InBothLanguages) -> None:
        told.append(words.en)
        japanese.append(words.ja)

    editing = Editing(tmp_path, [(entry, started(entry))], fake, say)
    [(_, path)] = editing.write()
    assert path == tmp_path / "ftps-expired" / "vsftpd.conf"
    beside = tmp_path / "beside"

    async def work() -> None:
        watching = asyncio.ensure_future(editing.watch())

        async def until(count: int) -> None:
            while len(told) < count:
                await asyncio.sleep(0.02)

        path.write_text("listen=NO\n")
        await until(1)
        path.write_text("broken")
        await until(2)
        path.unlink()
        await until(3)
        os.mkfifo(path)
        await until(4)
        beside.write_bytes(b"\xff\xfe")
        beside.replace(path)
        await until(5)
        path.write_text("listen=YES\n")
        await until(6)
        watching.cancel()

    run(work())
    assert servers.texts == ["listen=NO\n", "broken", "listen=YES\n"]
    assert "started again" in told[0]
    assert f"unknown directive in {path}:1" in told[1]
    assert "nobody answers" in told[1]
    assert "is gone; the server does not run" in told[2]
    assert "cannot be read (it is no file)" in told[3]
    assert "cannot be read (it is no UTF-8 text from byte 0 on)" in told[4]
    assert "started again" in told[5]
    assert [re.search(r"[ぁ-んァ-ヶ一-龠]", words) is not None for words in japanese] == [True] * 6
    assert f"unknown directive in {path}:1" in japanese[1]
    assert "動いていません" in japanese[2]
    assert "ファイルではありません" in japanese[3]


def test_of_many_entries_none_is_started_before_somebody_comes() -> None:
    assert Wish(choose(["expired"]), PLACE).at_once
    assert not Wish(choose(["all"]), PLACE).at_once
    assert Wish(choose(["all"]), PLACE, edit=True).at_once


# -- which servers run -----------------------------------------------------------------------------------


class FakeAgent:
    """An agent that starts whatever it is asked for."""

    def __init__(self) -> None:
        self.running: list[str] = []

    def call(self, op: str, _deadline_s: float, *, key: str, **_: Any) -> dict[str, Any]:
        if op == "close":
            self.running.remove(key)
            return {}
        assert key not in self.running, "it runs already"
        self.running.append(key)
        return {"started": True, "output": ""}


def test_of_many_servers_those_that_nobody_uses_end_and_start_again() -> None:
    agent = FakeAgent()
    agents = SimpleNamespace(server=lambda _: agent)
    session: Any = SimpleNamespace(agents=agents, containers=None)
    material: Any = SimpleNamespace(client_ca="public")
    servers = Servers(session, material, PLACE)
    one, two, three = choose(["https:valid", "https:expired", "https:rsa3072"])
    keys = {entry: f"serve-{entry.place}" for entry in (one, two, three)}
    with servers.use(one):
        for entry in (two, three):
            servers.end_unused(5)
            with servers.use(entry):
                pass
        assert agent.running == [keys[one], keys[two], keys[three]]
        servers.end_unused(2)
        assert agent.running == [keys[one], keys[three]]
        servers.end_unused(0)
        assert agent.running == [keys[one]]
    with servers.use(two), servers.use(one):
        assert agent.running == [keys[one], keys[two]]
