"""The agent that captures: which packets are whose, how much of them, and when it answers."""

from __future__ import annotations

import importlib
import socket
import struct
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from lab.model import Side
from lab.wire.packets import Capture, captured
from lab.wire.streams import connections
from tests.agent_process import AGENTS
from tests.unit.wire_packets import ACK, PSH, SERVER, SYN, Wire

CONTROL = [[2100, 2100], [30000, 30019]]
OTHER_CLIENT = "172.30.77.6"


@pytest.fixture(autouse=True)
def agents_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents are scripts beside each other: they import each other by bare name."""
    monkeypatch.syspath_prepend(str(AGENTS))


class MadeUpRing:
    """Hands over what a test puts in, when it says so."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.lost = self.put = self.taken = 0

    def fileno(self) -> int:
        return 0

    def add(self, *wires: Wire) -> None:
        """These packets come, all within one block."""
        packet = module("capture").Frame
        for wire in wires:
            self.waiting += [packet(p.time_ns, p.size, p.from_server, p.data) for p in wire.packets]
        self.put = self.taken + len(self.waiting)

    def packets(self) -> Iterator[Any]:
        while self.waiting:
            self.taken += 1
            yield self.waiting.pop(0)

    def mark(self) -> int:
        return self.put

    def is_past(self, mark: int) -> bool:
        return self.taken >= mark


def module(name: str) -> ModuleType:
    return importlib.import_module(name)


class Agent:
    """The ops of the agent on a made-up ring; wires begin after their attempt has."""

    def __init__(self) -> None:
        self.ring = MadeUpRing()
        self.ops = module("capture").CaptureOps(self.ring)

    def begin(self, key: str = "a", ports: Any = None, *, active: bool = False) -> None:
        assert self.ops.watch({"key": key, "ports": ports or CONTROL, "active": active}) == {}

    def comes(self, *wires: Wire) -> None:
        self.ring.add(*wires)
        self.ops.take()

    def end(self, key: str = "a") -> None:
        self.ops.end(key)

    def collect(self, key: str = "a") -> tuple[Capture, dict[str, Any]]:
        answer = self.ends(self.ops.packets(key))
        return captured(answer, 2100), answer

    def ends(self, work: Any) -> dict[str, Any]:
        """The answer of a handler that may wait; while it does, the next block is handed over."""
        while True:
            try:
                next(work)
            except StopIteration as end:
                answer: dict[str, Any] = end.value
                return answer
            self.ops.take()


@pytest.fixture
def agent() -> Agent:
    return Agent()


def after_now(wire: Wire) -> Wire:
    """Packets of the far future: the kernel's clock is later than an attempt's beginning."""
    wire.now_ns = 1 << 62
    return wire


def control(**changes: Any) -> Wire:
    return after_now(Wire(**changes)).open().dialogue("< 220 hi", "> AUTH TLS")


def data(port: int = 30005, host: str = "172.30.77.5") -> Wire:
    return after_now(Wire(client=(host, 41000), server=(SERVER, port))).open()


# -- whose -------------------------------------------------------------------------------------------


def test_an_attempt_gets_its_own_packets(agent: Agent) -> None:
    agent.begin()
    mine, passive = control(), data().says(Side.CLIENT, b"file")
    others = control(server=(SERVER, 2101)), control(server=(SERVER, 22))
    agent.comes(mine, *others, passive)
    capture, answer = agent.collect()
    assert [p.data for p in capture.packets] == [p.data for w in (mine, passive) for p in w.packets]
    assert capture.packets[0].time_ns == mine.packets[0].time_ns
    assert [p.from_server for p in capture.packets][:2] == [False, True]
    assert (answer["cut"], answer["lost"], answer["late"], answer["unclear"]) == (0, 0, False, 0)


def test_two_attempts_side_by_side(agent: Agent) -> None:
    agent.begin("a")
    agent.begin("b", [[2101, 2101]])
    one, other = control(), control(server=(SERVER, 2101))
    agent.comes(one, other)
    assert len(agent.collect("a")[0].packets) == len(one.packets)
    assert len(agent.collect("b")[0].packets) == len(other.packets)


def test_what_came_before_the_attempt_is_not_its(agent: Agent) -> None:
    # given a connection that the kernel hands over only after the attempt has begun
    agent.begin()
    agent.comes(Wire(now_ns=0).open().dialogue("< 220 hi"))
    assert agent.collect()[0].packets == ()


def test_the_rest_of_an_earlier_connection_is_dropped(agent: Agent) -> None:
    agent.begin()
    wire = control()
    agent.comes(wire)
    agent.end()
    agent.begin()
    rest = after_now(Wire(client=wire.client)).says(Side.CLIENT, b"late").closes(Side.CLIENT)
    fresh = control(client=("172.30.77.5", 40001))
    agent.comes(rest, fresh)
    assert len(agent.collect()[0].packets) == len(fresh.packets)


def test_after_its_end_no_connection_is_its_any_more(agent: Agent) -> None:
    # given a listener that something else may ask before the next attempt begins
    agent.begin()
    wire, probe = control(), control(client=("172.30.77.5", 40001))
    agent.comes(wire)
    agent.end()
    agent.comes(probe, after_now(Wire(client=wire.client)).closes(Side.CLIENT))
    # but what still comes of its own is
    assert len(agent.collect()[0].packets) == len(wire.packets) + 1


def test_an_attempt_that_is_dropped_leaves_nothing(agent: Agent) -> None:
    agent.begin()
    agent.comes(control())
    agent.ops.drop("a")
    agent.comes(control(client=("172.30.77.5", 40001)))
    with pytest.raises(module("resident").BadRequest, match="no attempt 'a'"):
        agent.collect()


def test_a_port_of_the_client_may_be_used_again(agent: Agent) -> None:
    for _ in range(2):
        agent.begin()
        wire = control()
        agent.comes(wire)
        assert len(agent.collect()[0].packets) == len(wire.packets)


def test_what_was_not_collected_is_given_up(agent: Agent) -> None:
    agent.begin()
    agent.comes(control())
    agent.begin()
    assert agent.collect()[0].packets == ()


def test_passive_ports_that_two_listeners_share_are_told_apart_by_the_client(agent: Agent) -> None:
    agent.begin("a")
    agent.begin("b", [[2101, 2101], [30000, 30019]])
    other = control(server=(SERVER, 2101), client=(OTHER_CLIENT, 40000))
    agent.comes(control(), other, data(host=OTHER_CLIENT))
    assert [c.server.port for c in connections(agent.collect("a")[0])] == [2100]
    assert [c.server.port for c in connections(agent.collect("b")[0])] == [2101, 30005]


def test_a_connection_that_may_be_two_attempts_is_nobodys_and_that_is_said(agent: Agent) -> None:
    agent.begin("a")
    agent.begin("b", [[2101, 2101], [30000, 30019]])
    agent.comes(control(), control(server=(SERVER, 2101)), data())
    for key in ("a", "b"):
        capture, answer = agent.collect(key)
        assert answer["unclear"] == 1
        assert len(connections(capture)) == 1


def from_the_server(client: str = "172.30.77.5") -> Wire:
    wire = after_now(Wire(client=(client, 41000), server=(SERVER, 20)))
    return wire.open(by=Side.SERVER).says(Side.CLIENT, b"file")


@pytest.mark.parametrize("active", [True, False])
def test_connections_that_the_server_opens(agent: Agent, active: bool) -> None:
    agent.begin(active=active)
    agent.comes(control(), from_the_server(), from_the_server(OTHER_CLIENT))
    found = connections(agent.collect()[0])
    assert [c.opened_by for c in found] == [Side.CLIENT, *([Side.SERVER] if active else [])]


def test_the_answer_of_a_closed_port_belongs_to_the_attempt(agent: Agent) -> None:
    agent.begin()
    wire = after_now(Wire())
    wire.put(Side.CLIENT, SYN)
    wire.breaks(Side.SERVER)
    agent.comes(wire)
    assert len(agent.collect()[0].packets) == 2


# -- how much ----------------------------------------------------------------------------------------


def test_of_a_long_transfer_the_beginning_is_kept_and_then_headers_only(agent: Agent) -> None:
    agent.begin()
    transfer = data().says(Side.CLIENT, bytes(200_000)).closes(Side.CLIENT)
    agent.comes(control(), transfer)
    capture, answer = agent.collect()
    kept = connections(capture)[1].from_client
    assert (len(kept.data), kept.cut, kept.finished is not None) == (65536, True, True)
    assert answer["cut"] == 200_000 - 65536
    # and what a packet had on the wire is still said
    assert sum(p.size for p in capture.packets[-10:-1]) > 9 * 1000


def test_the_padding_of_a_short_frame_is_no_payload(agent: Agent) -> None:
    agent.begin()
    wire = control()
    padded = wire.put(Side.CLIENT, ACK)
    wire.packets[-1] = type(padded)(padded.time_ns, 60, False, padded.data + bytes(6))
    agent.comes(wire)
    capture, answer = agent.collect()
    assert answer["cut"] == 0
    assert len(capture.packets[-1].data) == len(padded.data)


@pytest.mark.parametrize("size", [0, 13, 33, 34, 53])
def test_a_packet_without_its_headers_is_left_out(agent: Agent, size: int) -> None:
    agent.begin()
    wire = control()
    short = wire.put(Side.CLIENT, PSH | ACK, b"x")
    wire.packets[-1] = type(short)(short.time_ns, 55, False, short.data[:size])
    agent.comes(wire)
    assert len(agent.collect()[0].packets) == len(wire.packets) - 1


# -- when --------------------------------------------------------------------------------------------


def test_it_waits_for_what_the_kernel_has_not_handed_over(agent: Agent) -> None:
    agent.begin()
    wire = control()
    agent.ring.add(wire)  # come, and not yet handed over
    capture, answer = agent.collect()
    assert len(capture.packets) == len(wire.packets)
    assert not answer["late"]


def test_it_does_not_wait_for_ever(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module("capture"), "PATIENCE_S", 0.02)
    agent.begin()
    agent.ring.put = 1
    assert agent.collect()[1]["late"] is True


def test_packets_without_room_are_counted_from_the_beginning_on(agent: Agent) -> None:
    agent.ring.lost = 5
    agent.begin()
    agent.ring.lost = 7
    assert agent.collect()[1]["lost"] == 2


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda ops: ops.watch({"key": "a", "ports": []}), "at least one range"),
        (lambda ops: ops.watch({"ports": CONTROL}), "key is None"),
        (lambda ops: next(ops.packets("a")), "no attempt 'a' has begun"),
    ],
)
def test_requests_that_make_no_sense(
    agent: Agent, ask: Callable[[Any], object], words: str
) -> None:
    with pytest.raises(module("resident").BadRequest, match=words):
        ask(agent.ops)


# -- the network -------------------------------------------------------------------------------------


def test_where_nothing_can_be_captured_it_says_why() -> None:
    capture = module("capture").CaptureOps.of_interface("no-such-interface")
    assert capture.readable() == {}
    # and it is there for whoever asks nevertheless
    assert capture.watch({"key": "a", "ports": CONTROL}) == {}
    capture.take()
    capture.end("a")
    with pytest.raises(StopIteration) as end:
        next(capture.packets("a"))
    assert end.value.value["missing"].startswith("no-such-interface: ")


def test_the_filter_is_what_it_says() -> None:
    # IPv4 and TCP, run as the kernel would: linux/filter.h, bpf(4)
    program = module("capture")._FILTER

    def accepts(frame: bytes) -> bool:
        place, value = 0, 0
        while True:
            code, if_true, if_false, k = program[place]
            place += 1
            if code == 0x28:
                (value,) = struct.unpack_from(">H", frame, k)
            elif code == 0x30:
                value = frame[k]
            elif code == 0x15:
                place += if_true if value == k else if_false
            else:
                assert code == 0x06
                return bool(k)

    tcp = Wire().put(Side.CLIENT, SYN).data
    udp = tcp[:23] + bytes([socket.IPPROTO_UDP]) + tcp[24:]
    arp = tcp[:12] + b"\x08\x06" + tcp[14:]
    assert [accepts(tcp), accepts(udp), accepts(arp)] == [True, False, False]
