"""The agent of the servers, with a real pyftpdlib listener on this machine's loopback."""

from __future__ import annotations

import _ssl
import contextlib
import ftplib
import hashlib
import importlib
import io
import os
import select
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lab.servers import SERVERS, ListenerPlace, listen_request
from lab.servers.pyftpdlib import Pyftpdlib
from tests.agent_process import AGENTS

# Until Python 3.12 pyftpdlib stands on these modules of the standard library.
pytestmark = pytest.mark.filterwarnings("ignore:The asyn:DeprecationWarning")


@pytest.fixture(autouse=True)
def agents_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Agents are scripts beside each other: they import each other by bare name."""
    monkeypatch.syspath_prepend(str(AGENTS))


def module(name: str) -> ModuleType:
    return importlib.import_module(name)


# -- what it reads --------------------------------------------------------------------------------

PROC_NET_TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:5209 00000000:0000 0A 00000000:00000002 00:00000000 00000000     0        0 41 1 0
   1: 0A0011AC:5209 010011AC:A2C0 01 00000000:00000000 00:00000000 00000000     0        0 42 1 0
   2: 0A0011AC:5209 010011AC:A2C2 06 00000000:00000000 03:00000A5B 00000000     0        0 0 3 0
   3: 0A0011AC:520A 010011AC:A2C4 08 00000000:00000000 00:00000000 00000000     0        0 0 1 0
"""


def test_the_fallback_reads_the_socket_table() -> None:
    queue_in = module("listener").queue_in
    assert [queue_in(PROC_NET_TCP, port) for port in (0x5209, 0x520A)] == [2, None]


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_a_connection_is_queued_until_it_is_accepted(address: str) -> None:
    queue_of = module("listener").queue_of
    with socket.create_server((address, 0)) as server:
        port = server.getsockname()[1]
        assert queue_of(port) == 0
        with socket.create_connection(("127.0.0.1", port)):
            assert queue_of(port) == 1
            assert module("listener").queue_in(Path("/proc/net/tcp").read_text(), port) == 1
            with server.accept()[0]:
                assert queue_of(port) == 0
    assert queue_of(port) is None


def test_a_process_name_may_hold_anything() -> None:
    assert module("listener").name_and_parent("7 (a ) b) S 5 7 7 0") == ("a ) b", 5)


def test_a_session_is_found_through_its_ancestors(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = module("listener")
    monkeypatch.setattr(listener, "running", {10, 20})
    table = {11: ("vsftpd", 10), 12: ("vsftpd", 11), 21: ("vsftpd", 20), 30: ("sh", 1)}
    assert listener.descendants(10, table) == {11, 12}
    assert listener.orphans("vsftpd", table) == set()
    assert listener.orphans("vsftpd", {**table, 40: ("vsftpd", 1)}) == {40}


def openssl_of_this_interpreter() -> Any:
    """Asked through the file that the interpreter's own ``ssl`` is linked in."""
    return module("openssl_library").OpenSSL(getattr(_ssl, "__file__", None) or sys.executable)


def test_the_library_is_the_one_that_the_program_is_linked_with() -> None:
    assert openssl_of_this_interpreter().version() == ssl.OPENSSL_VERSION


@pytest.mark.parametrize(
    "cipher_list", ["AES128-SHA:DES-CBC3-SHA", "HIGH:!aNULL:!PSK:!SRP", "NOPE"]
)
def test_a_cipher_list_means_what_it_means_to_a_server_and_nothing_about_tls13(
    cipher_list: str,
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with contextlib.suppress(ssl.SSLError):
        context.set_ciphers(cipher_list)
    meant = [] if cipher_list == "NOPE" else [suite["name"] for suite in context.get_ciphers()]
    governed = [name for name in meant if not name.startswith("TLS_")]
    assert openssl_of_this_interpreter().suites(cipher_list) == governed


def test_a_program_that_is_not_linked_with_openssl_is_named() -> None:
    with pytest.raises(OSError, match="/bin/true is not linked with OpenSSL's libcrypto"):
        module("openssl_library").OpenSSL("/bin/true")


@pytest.mark.parametrize(
    ("binary", "found"),
    [
        (b"\0ssl_ciphers\0AES128-SHA:DES-CBC3-SHA\0x", ["AES128-SHA:DES-CBC3-SHA"]),
        (b"\0\x01PROFILE=SYSTEM\0", ["PROFILE=SYSTEM"]),
        (b"\0nothing of the kind\0", []),
    ],
)
def test_the_default_list_is_found_in_the_binary(binary: bytes, found: list[str]) -> None:
    known = frozenset({"AES128-SHA", "DES-CBC3-SHA"})
    assert module("vsftpd_program").cipher_lists_in(binary, known) == found


@pytest.mark.parametrize(
    ("verdict", "rule"), [("dropped", "drop"), ("rejected", "reject with tcp reset")]
)
def test_the_packet_filter_acts_on_one_listeners_ports(verdict: str, rule: str) -> None:
    helper_programs = module("helper_programs")
    script = helper_programs.filter_script(
        21001, helper_programs.passive_rules(verdict, 30010, 30019)
    )
    assert script.splitlines()[-1] == (
        f"add rule inet lab_21001 input tcp flags & (syn|ack) == syn tcp dport 30010-30019 {rule}"
    )
    # The listener's own port is open to the machine itself and to whoever is let in.
    script = helper_programs.filter_script(
        21001, helper_programs.port_rules(verdict, 21001, ["172.30.0.30"])
    )
    assert script.splitlines()[-3:] == [
        "add rule inet lab_21001 input iif lo tcp dport 21001 accept",
        "add rule inet lab_21001 input ip saddr 172.30.0.30 tcp dport 21001 accept",
        f"add rule inet lab_21001 input tcp dport 21001 {rule}",
    ]


def test_a_firewall_follows_what_it_reads_in_replies() -> None:
    helper_programs = module("helper_programs")
    rules = helper_programs.followed_rules(21001, 30010, 30019)
    assert helper_programs.filter_script(21001, rules).splitlines() == [
        "add table inet lab_21001",
        'add ct helper inet lab_21001 lab_follower { type "ftp" protocol tcp ; }',
        "add chain inet lab_21001 input { type filter hook input priority 0 ; }",
        "add chain inet lab_21001 prerouting { type filter hook prerouting priority 0 ; }",
        'add rule inet lab_21001 prerouting tcp dport 21001 ct helper set "lab_follower"',
        "add rule inet lab_21001 input ct state related tcp dport 30010-30019 accept",
        "add rule inet lab_21001 input tcp flags & (syn|ack) == syn tcp dport 30010-30019 drop",
    ]


def test_a_nat_and_a_middle_box_act_on_control_and_data_connections() -> None:
    helper_programs = module("helper_programs")
    nat = helper_programs.translated_rules(21001, 30010, 30019, "172.30.0.1")
    assert helper_programs.filter_script(21001, nat).splitlines()[1:] == [
        "add chain inet lab_21001 translated { type nat hook input priority 100 ; }",
        "add rule inet lab_21001 translated tcp dport { 21001, 30010-30019 } snat ip to 172.30.0.1",
    ]
    head = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
    there = "eth0 00071EAC 00000000 0001 0 0 0 00FFFFFF 0 0 0\n"
    assert helper_programs.gateway(head + there) == "172.30.7.254"
    out = "eth0 00000000 FD071EAC 0003 0 0 0 00000000 0 0 0\n"
    assert helper_programs.gateway(head + out + there) == "172.30.7.253"
    # A record of 1443 bytes and its head of 5 are the 1448 that one segment carries.
    (rule,) = helper_programs.hello_rules(21001, 30010, 30019)
    assert rule.endswith("@ih,0,8 0x16 @ih,40,8 0x01 @ih,24,16 > 1443 drop")


# -- what it does ---------------------------------------------------------------------------------


def finish(work: Any) -> dict[str, Any]:
    """Run an op as the resident agent's loop would."""
    if isinstance(work, dict):
        return work
    try:
        wait = next(work)
        while True:
            remaining = max(0.0, wait.until - time.monotonic())
            readable = select.select(list(wait.readable), [], [], remaining)[0]
            wait = work.send(set(readable))
    except StopIteration as end:
        result: dict[str, Any] = end.value
        return result


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server = module("server")
    monkeypatch.setattr(server, "ROOT", str(tmp_path))
    made = server.ServerOps(server.program_named(["pyftpdlib"]), server.CaptureOps("not here"))
    yield made
    made.close_all()


def request(agent: Any, tmp_path: Path, **settings: Any) -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = ListenerPlace(
        key=f"l{port}",
        port=port,
        address="127.0.0.1",
        passive_ports=(30100, 30199),
        password="secret",
    )
    wanted = Pyftpdlib(**settings)
    made = listen_request(SERVERS["pyftpdlib"], wanted, place)
    # The containers' directory, moved to where this test may write.
    return {
        name: value.replace("/run/lab/listeners", str(tmp_path))
        if isinstance(value, str)
        else value
        for name, value in made.items()
    }


def upload(port: int, name: str, content: bytes, password: str = "secret") -> None:
    with ftplib.FTP(timeout=10) as client:
        client.connect("127.0.0.1", port)
        client.login("lab", password)
        client.storbinary(f"STOR {name}", io.BytesIO(content))


def test_an_upload_is_collected_with_its_log(agent: Any, tmp_path: Path) -> None:
    listen = request(agent, tmp_path, tls=False)
    started = finish(agent.listen(listen))
    assert started["started"], started
    port, key = listen["port"], listen["key"]
    for number in range(3):
        name, content = f"file-{number}", os.urandom(1000)
        finish(agent.begin({"key": key, "file": name}))
        upload(port, name, content)
        collected = finish(agent.collect({"key": key, "file": name}))
        assert collected["ended"]
        assert collected["stored"] == {
            "size": 1000,
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        assert collected["log"].count("FTP session opened") == 1
        assert collected["log"].count("FTP session closed") == 1
        assert f"<- STOR {name}" in collected["log"]


#: An nft whose kernel does not have one thing: it says so as nft 1.1.3 does, and takes everything else.
LACKING = """#!/bin/sh
if grep -q -e '{lacks}' -; then
  echo "/dev/stdin:2:1-9: Error: Could not process rule: {words}" >&2; exit 1
fi
"""


@pytest.mark.parametrize(
    ("settings", "lacks", "words"),
    [
        ({"data_ports": "followed"}, "ct helper", "No such file or directory"),
        ({"client_nat": True}, "type nat", "Operation not supported"),
        ({"hello_filter": "dropped"}, "@ih", "Invalid argument"),
    ],
)
def test_what_the_kernel_lacks_for_a_filter_cannot_be_and_is_no_fault(
    agent: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    lacks: str,
    words: str,
) -> None:
    # given a kernel without it
    nft = tmp_path / "bin" / "nft"
    nft.parent.mkdir()
    nft.write_text(LACKING.format(lacks=lacks, words=words))
    nft.chmod(0o755)
    monkeypatch.setenv("PATH", f"{nft.parent}:{os.environ['PATH']}")
    (setting,) = (f"{name}={'yes' if value is True else value}" for name, value in settings.items())

    # when a listener is to have it
    listen = request(agent, tmp_path, tls=False, **settings)
    answer = finish(agent.listen(listen))

    # then it is not there, and the setting is named with nft's words
    assert answer["cannot"] == (
        f"{setting}: the kernel of this engine does not take the rules for it:"
        f" nft ended with status 1: /dev/stdin:2:1-9: Error: Could not process rule: {words}"
    )
    assert not answer["started"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", listen["port"]), 1.0)

    # and where it is no matter of these rules, it is the lab's own fault, as before
    nft.write_text("#!/bin/sh\ncase $1 in --check) exit 0;; esac\necho out of memory >&2; exit 1\n")
    with pytest.raises(OSError, match="out of memory"):
        finish(agent.listen(request(agent, tmp_path, tls=False, **settings)))


def test_control_characters_in_a_log_are_spelt_out(tmp_path: Path) -> None:
    # nginx logs the ClientHello that it took for a request
    (tmp_path / "log").write_bytes(b"before\na \x16\x03\x1b[2J \xff \xc2\x9b tab\there\r\n")
    text = module("server")._read_from(str(tmp_path / "log"), len("before\n"))
    assert text == "a \\x16\\x03\\x1b[2J \ufffd \\x9b tab\there\\x0d\n"


def test_a_session_that_does_not_end_is_ended(agent: Any, tmp_path: Path) -> None:
    listen = request(agent, tmp_path, tls=False)
    finish(agent.listen(listen))
    key = listen["key"]
    finish(agent.begin({"key": key, "file": "x"}))
    with socket.create_connection(("127.0.0.1", listen["port"]), timeout=10) as client:
        assert client.recv(100).startswith(b"220 ")
        collected = finish(agent.collect({"key": key, "file": "x", "deadline_s": 0.6}))
        assert client.recv(100) == b""
    assert not collected["ended"]
    assert collected["stored"] is None
    finish(agent.begin({"key": key, "file": "x"}))
    assert finish(agent.collect({"key": key, "file": "x"}))["log"] == ""


def test_a_listener_that_cannot_start_says_why(agent: Any, tmp_path: Path) -> None:
    listen = request(agent, tmp_path, certificate="unset")
    answer = finish(agent.listen(listen))
    assert not answer["started"]
    assert answer["exit_status"] == 1, answer
    assert answer["output"] == "ValueError: at least certfile must be specified"
    assert not Path(listen["directory"]).exists()


def test_a_listener_that_was_killed_is_reported_once_and_forgotten(
    agent: Any, tmp_path: Path
) -> None:
    listen = request(agent, tmp_path, tls=False)
    pid = finish(agent.listen(listen))["pid"]
    os.kill(pid, 9)
    with pytest.raises(module("listener").ListenerEnded, match=f"pid {pid}.*status -9"):
        finish(agent.begin({"key": listen["key"], "file": "x"}))
    with pytest.raises(module("resident").BadRequest, match="no listener"):
        finish(agent.begin({"key": listen["key"], "file": "x"}))
    assert finish(agent.listen(listen))["started"]


def test_closing_ends_the_process_and_removes_the_directory(agent: Any, tmp_path: Path) -> None:
    listen = request(agent, tmp_path, tls=False)
    pid = finish(agent.listen(listen))["pid"]
    agent.close({"key": listen["key"]})
    assert not Path(f"/proc/{pid}").exists()
    assert not Path(listen["directory"]).exists()


@pytest.mark.parametrize(
    ("changed", "complaint"),
    [
        ({"key": "../x"}, "key is"),
        ({"directory": "/etc/x"}, "directory is"),
        ({"password": None}, "password is None"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(
    agent: Any, tmp_path: Path, changed: dict[str, Any], complaint: str
) -> None:
    listen = request(agent, tmp_path, tls=False) | changed
    with pytest.raises(module("resident").BadRequest, match=complaint):
        finish(agent.listen(listen))


def test_a_port_that_is_taken_is_refused(agent: Any, tmp_path: Path) -> None:
    listen = request(agent, tmp_path, tls=False)
    refused = pytest.raises(module("resident").BadRequest, match="is taken")
    with socket.create_server(("127.0.0.1", listen["port"])), refused:
        finish(agent.listen(listen))


def test_a_file_name_with_a_directory_is_refused(agent: Any, tmp_path: Path) -> None:
    listen = request(agent, tmp_path, tls=False)
    finish(agent.listen(listen))
    for name in ("../x", "a/b", "", ".."):
        with pytest.raises(module("resident").BadRequest, match="file is"):
            finish(agent.begin({"key": listen["key"], "file": name}))


def test_what_a_killed_agent_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, helper_programs = module("server"), module("helper_programs")
    removed: list[int] = []
    root = tmp_path / "listeners"
    monkeypatch.setattr(server, "ROOT", str(root))
    monkeypatch.setattr(helper_programs, "remove_filter", removed.append)
    (root / "one").mkdir(parents=True)
    (root / "two").mkdir()
    (root / "two" / "filtered").write_text("21002")
    os.close(server.take_over())
    assert removed == [21002]
    assert list(root.iterdir()) == []


def test_a_second_agent_leaves_the_first_ones_listeners_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = module("server")
    root = tmp_path / "listeners"
    monkeypatch.setattr(server, "ROOT", str(root))
    monkeypatch.setattr(server, "TAKE_OVER_S", 0.0)
    lock = server.take_over()
    (root / "one").mkdir()
    with pytest.raises(SystemExit, match="another agent"):
        server.take_over()
    assert (root / "one").is_dir()
    os.close(lock)


def test_the_facts_name_the_library_that_does_the_tls(agent: Any) -> None:
    facts = agent.facts({"cipher_lists": ["AES128-SHA:DES-CBC3-SHA", "NOPE"]})
    assert facts["library"].startswith("OpenSSL ")
    assert facts["library_file"] == "inside the cryptography wheel"
    assert facts["cipher_lists"] == {"AES128-SHA:DES-CBC3-SHA": ["AES128-SHA"], "NOPE": []}
    assert "ECDHE-RSA-AES256-GCM-SHA384" in facts["default_ciphers"]["list"].split(":")
