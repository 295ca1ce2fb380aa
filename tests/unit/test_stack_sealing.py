"""What is asked of an engine so that its host stays out of the network, and what shows that it does."""

from __future__ import annotations

import socket
import struct
from types import SimpleNamespace
from typing import Any, cast

import pytest
from docker import DockerClient
from docker.errors import APIError

from lab.run import network
from lab.run.link import ExecutionError, execute
from lab.run.network import Container, gateway_of, judge, options

HEAD = "IP address       HW type     Flags       HW address            Mask     Device"
ANSWERED = "172.30.0.254    0x1         0x2         02:42:03:58:42:a8     *        eth0"
SILENCE = "172.30.0.254    0x1         0x0         00:00:00:00:00:00     *        eth0"
OTHER = "172.30.0.2      0x1         0x2         02:42:ac:1e:00:02     *        eth0"
NETWORK = {
    "IPAM": {"Config": [{"Subnet": "172.30.0.0/24", "Gateway": "172.30.0.254"}]},
    "Options": {"com.docker.network.bridge.inhibit_ipv4": "true"},
}


@pytest.mark.parametrize(
    ("api", "mode"),
    [("1.41", "nat"), ("1.45", "nat"), ("1.47", "nat"), ("1.48", "isolated"), ("1.51", "isolated")],
)
def test_an_engine_gets_the_word_that_it_knows(api: str, mode: str) -> None:
    assert options(api) == {"LAB_GATEWAY_MODE": mode}


@pytest.mark.parametrize(
    ("table", "holds", "how"),
    [
        ([HEAD, OTHER, SILENCE], True, "nobody answers at 172.30.0.254"),
        ([HEAD, ANSWERED], False, "the host answers at 172.30.0.254 (02:42:03:58:42:a8)"),
        # nothing was asked: that proves nothing
        ([HEAD, OTHER], False, "nobody could be asked for 172.30.0.254"),
        (["bash: not found"], False, "the container said: bash: not found"),
        ([], False, "the container said: nothing"),
    ],
)
def test_what_the_neighbour_table_says(table: list[str], holds: bool, how: str) -> None:
    seal = judge("172.30.0.254", table, {"inhibit_ipv4": "true"})
    assert seal.holds is holds
    assert how in seal.how
    # then whoever has to be warned is told what that means and what to do, in one line
    assert (seal.warning is None) is holds
    if seal.warning:
        assert seal.warning.startswith(f"the network is not sealed: {seal.how}. ")
        assert "What to do: " in seal.warning
        assert "\n" not in seal.warning


@pytest.mark.parametrize(
    ("configs", "address"),
    [
        ([{"Subnet": "172.30.0.0/24", "Gateway": "172.30.0.254"}], "172.30.0.254"),
        # an engine that does not tell gives the first one
        ([{"Subnet": "172.30.0.0/24"}], "172.30.0.1"),
        ([{"Subnet": "fd00::/64"}, {"Subnet": "172.30.7.0/24", "Gateway": ""}], "172.30.7.1"),
    ],
)
def test_the_address_that_the_host_would_have(configs: list[dict[str, str]], address: str) -> None:
    assert gateway_of({"IPAM": {"Config": configs}}) == address


@pytest.mark.parametrize("configs", [[], None, [{"Subnet": "fd00::/64"}]])
def test_a_network_without_such_an_address(configs: Any) -> None:
    with pytest.raises(LookupError):
        gateway_of({"IPAM": {"Config": configs}})


class MadeUpEngine:
    """An engine with one network and a container that asks in it."""

    def __init__(self, said: bytes = b"", *, services: tuple[str, ...] = ("dns",)) -> None:
        self.asked: list[list[str]] = []
        self.networks = lambda **_: [NETWORK]
        self.exec_inspect = lambda _: {"ExitCode": 3}
        self._said = said
        self._services = services

    @property
    def client(self) -> DockerClient:
        return cast("DockerClient", SimpleNamespace(api=self))

    @property
    def running(self) -> dict[str, Container]:
        return {s: Container(f"id-of-{s}", s) for s in self._services}

    def exec_create(self, container: str, argv: list[str], **_: object) -> dict[str, str]:
        self.asked.append([container, *argv])
        return {"Id": "e"}

    def exec_start(self, identity: str, **_: object) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.sendall(self._said)
        return ours


def frame(text: str, stream: int = 1) -> bytes:
    return struct.pack(">BxxxL", stream, len(text)) + text.encode()


def test_the_look_asks_for_the_gateway_from_the_container_that_is_always_there() -> None:
    engine = MadeUpEngine(frame(f"{HEAD}\n") + frame(f"{SILENCE}\n"))
    seal = network.look(engine.client, "project", engine.running)
    assert (seal.holds, dict(seal.options)) == (True, {"inhibit_ipv4": "true"})
    assert [(asked[0], asked[-1]) for asked in engine.asked] == [("id-of-dns", "172.30.0.254")]


@pytest.mark.parametrize("fault", ["no network", "no container", "broken off", "refused"])
def test_what_cannot_be_told_is_not_taken_for_sealed(fault: str) -> None:
    engine = MadeUpEngine(frame(SILENCE)[:-4] if fault == "broken off" else b"")
    if fault == "no network":
        engine.networks = lambda **_: []
    elif fault == "no container":
        engine = MadeUpEngine(services=("vsftpd",))
    elif fault == "refused":

        def refuse(*_: object, **__: object) -> dict[str, str]:
            raise APIError("is not running")

        engine.exec_create = refuse  # type: ignore[method-assign]
    seal = network.look(engine.client, "project", engine.running)
    assert not seal.holds
    assert seal.warning is not None
    assert "cannot be told" in seal.warning


def test_a_program_that_has_ended_leaves_its_words_and_its_status() -> None:
    engine = MadeUpEngine(frame("out\n") + frame("err\n", stream=2))
    done = execute(engine.client, "0123456789abcdef", ["true"])
    assert (done.status, done.output) == (3, "out\nerr\n")


def test_a_program_that_is_not_heard_of_has_a_deadline() -> None:
    engine = MadeUpEngine()
    ours, theirs = socket.socketpair()
    engine.exec_start = lambda *_, **__: ours  # type: ignore[method-assign]
    with theirs, pytest.raises(ExecutionError, match="sleep in 0123456789ab: timed out"):
        execute(engine.client, "0123456789abcdef", ["sleep", "infinity"], deadline_s=0.05)
