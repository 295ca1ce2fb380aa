"""Helper programs of an agent: each has a deadline, and its failure says what it said.

One is nft: what a packet filter does to a listener's ports, one table a listener.
"""

import os
import signal
import socket
import struct
import subprocess
from typing import List, Mapping, Optional

#: How long a helper program may take, in seconds.
COMMAND_S = 10.0
#: prctl(2): the signal that a process gets when its parent ends.
_PR_SET_PDEATHSIG = 1
#: Whoever has loaded this.
_AGENT = os.getpid()
VERDICTS = {"dropped": "drop", "rejected": "reject with tcp reset"}
#: The chains of a listener's table, by the place that each has on a packet's way.
CHAINS = {
    "input": "filter hook input priority 0",
    "prerouting": "filter hook prerouting priority 0",
    "translated": "nat hook input priority 100",
}
#: The name of what reads along on a control connection.
FOLLOWER = "lab_follower"
#: What a TCP segment carries on Ethernet, with timestamps (RFC 7323), in bytes; and the head of a record.
SEGMENT, RECORD_HEAD = 1448, 5


def run(argv: List[str], given: str = "") -> str:
    """Run a program with ``given`` on its standard input; its standard output.

    Raises:
        OSError: it ended with another status than 0.
        subprocess.TimeoutExpired: it did not end.
    """
    done = subprocess.run(
        argv,
        input=given.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        timeout=COMMAND_S,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise OSError("%s ended with status %d: %s" % (argv[0], done.returncode, said))
    return done.stdout.decode("utf-8", "replace")


def output_of(argv: List[str]) -> str:
    """All that a program says, on either of its outputs, whatever its status.

    Raises:
        subprocess.TimeoutExpired: it did not end.
    """
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=COMMAND_S,
        check=False,
    )
    return done.stdout.decode("utf-8", "replace").strip()


def text_of(path: str, start: int = 0) -> str:
    """What a file has from ``start`` on; nothing where it is not there."""
    if not os.path.exists(path):
        return ""
    with open(path, "rb") as file:
        file.seek(start)
        return file.read().decode("utf-8", "replace")


def end_with_the_agent() -> None:
    """In a forked process that becomes another program: the kernel kills it when the agent ends.

    Not in every image: the Python of the CentOS 7 stand-in cannot load ctypes.
    """
    import ctypes

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != _AGENT:
        # It has ended meanwhile.
        os._exit(1)


def passive_rules(verdict: str, first: int, last: int) -> List[str]:
    """Who wants to connect to the ports ``first``-``last`` is dropped or rejected.

    Nothing else: from 32768 on the kernel gives these ports to connections of this container, too.
    """
    opening = "tcp flags & (syn|ack) == syn tcp dport %d-%d" % (first, last)
    return ["input %s %s" % (opening, VERDICTS[verdict])]


def followed_rules(port: int, first: int, last: int) -> List[str]:
    """The kernel reads the replies to PASV and EPSV on ``port``; what it expects there is let in.

    That is ``nf_conntrack_ftp``, as most firewalls on Linux have it. What it cannot read it does not follow.
    """
    return [
        'prerouting tcp dport %d ct helper set "%s"' % (port, FOLLOWER),
        "input ct state related tcp dport %d-%d accept" % (first, last),
        *passive_rules("dropped", first, last),
    ]


def translated_rules(port: int, first: int, last: int, address: str) -> List[str]:
    """Clients of the listener on ``port`` have this address for the server, on data connections too."""
    ports = "{ %d, %d-%d }" % (port, first, last)
    return ["translated tcp dport %s snat ip to %s" % (ports, address)]


def hello_rules(port: int, first: int, last: int) -> List[str]:
    """A ClientHello that goes on in a further segment is dropped, however often it is sent.

    The record says how long it is: type 22 (handshake), its length in bytes 4 and 5, the type of its first
    message (1) in byte 6 (RFC 8446, sections 5.1 and 4).
    """
    ports = "{ %d, %d-%d }" % (port, first, last)
    hello = "@ih,0,8 0x16 @ih,40,8 0x01 @ih,24,16 > %d" % (SEGMENT - RECORD_HEAD)
    return ["input tcp dport %s %s drop" % (ports, hello)]


def port_rules(verdict: str, port: int, allowed: List[str]) -> List[str]:
    """What comes to ``port`` from any address but the allowed ones is dropped or rejected.

    The filter stands before the machine: from the machine itself its ports are open.
    """
    let_in = ["iif lo"] + ["ip saddr " + address for address in allowed]
    rules = ["input %s tcp dport %d accept" % (who, port) for who in let_in]
    return rules + ["input tcp dport %d %s" % (port, VERDICTS[verdict])]


def filter_script(port: int, rules: List[str]) -> str:
    """The nftables script for the listener on ``port``; a rule begins with the name of its chain."""
    table = "inet lab_%d" % port
    lines = ["add table " + table]
    if any(FOLLOWER in rule for rule in rules):
        lines.append('add ct helper %s %s { type "ftp" protocol tcp ; }' % (table, FOLLOWER))
    used = sorted({rule.split(" ")[0] for rule in rules})
    lines += ["add chain %s %s { type %s ; }" % (table, chain, CHAINS[chain]) for chain in used]
    lines += ["add rule %s %s" % (table, rule) for rule in rules]
    return "\n".join(lines) + "\n"


def gateway(table: str) -> str:
    """Whose address stands for a NAT's, of the text of ``/proc/net/route``: the gateway's.

    Without one, that is the last address of the network: it belongs to no container.

    Raises:
        OSError: the container is in no network.
    """
    rows = [line.split() for line in table.splitlines()[1:]]
    for row in rows:
        if int(row[2], 16):
            return _address(int(row[2], 16))
    for row in rows:
        network, mask = int(row[1], 16), int(row[7], 16)
        if network and mask:
            # The bytes lie in the order of the network: the last of them is the highest here.
            return _address((network | ~mask & 0xFFFFFFFF) - (1 << 24))
    raise OSError("the container is in no network: /proc/net/route names none")


def _address(number: int) -> str:
    return socket.inet_ntoa(struct.pack("<I", number))


def apply_filter(port: int, rules: List[str]) -> None:
    """Put the rules of the listener on ``port`` in force; needs CAP_NET_ADMIN."""
    run(["nft", "-f", "-"], filter_script(port, rules))


def not_taken(port: int, wanted: Mapping[str, List[str]]) -> Optional[str]:
    """Which setting's rules this kernel does not take by themselves, in words; ``None``: it takes all.

    Some rest on what a kernel may lack, such as ``nf_conntrack_ftp``. Nothing is changed: nft has the
    kernel try the rules and give them up (``nft --check``, nft(8)).

    Args:
        port: the listener's.
        wanted: rules by the setting that wants them.
    """
    told = ((setting, _refusal(filter_script(port, rules))) for setting, rules in wanted.items())
    words = "%s: the kernel of this engine does not take the rules for it: %s"
    return next((words % (setting, why) for setting, why in told if why), None)


def _refusal(script: str) -> str:
    """What nft says of a script that the kernel does not take, one line; nothing where it does."""
    try:
        run(["nft", "--check", "-f", "-"], script)
    except OSError as error:
        return str(error).splitlines()[0]
    return ""


def remove_filter(port: int) -> None:
    """Remove them. "add" comes first: not every nft can delete what may not be there."""
    run(["nft", "-f", "-"], "add table inet lab_%d\ndelete table inet lab_%d\n" % (port, port))
