"""Helper programs of an agent: each has a deadline, and its failure says what it said.

One is nft: what a packet filter does to a listener's ports, one table a listener.
"""

import os
import signal
import subprocess
from typing import List

#: How long a helper program may take, in seconds.
COMMAND_S = 10.0
#: prctl(2): the signal that a process gets when its parent ends.
_PR_SET_PDEATHSIG = 1
#: Whoever has loaded this.
_AGENT = os.getpid()
VERDICTS = {"dropped": "drop", "rejected": "reject with tcp reset"}


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
    return ["%s %s" % (opening, VERDICTS[verdict])]


def port_rules(verdict: str, port: int, allowed: List[str]) -> List[str]:
    """What comes to ``port`` from any address but the allowed ones is dropped or rejected.

    The filter stands before the machine: from the machine itself its ports are open.
    """
    let_in = ["iif lo"] + ["ip saddr " + address for address in allowed]
    rules = ["%s tcp dport %d accept" % (who, port) for who in let_in]
    return rules + ["tcp dport %d %s" % (port, VERDICTS[verdict])]


def filter_script(port: int, rules: List[str]) -> str:
    """The nftables script for the listener on ``port``."""
    table = "inet lab_%d" % port
    lines = ["add table " + table]
    lines += ["add chain %s input { type filter hook input priority 0 ; }" % table]
    lines += ["add rule %s input %s" % (table, rule) for rule in rules]
    return "\n".join(lines) + "\n"


def apply_filter(port: int, rules: List[str]) -> None:
    """Put the rules of the listener on ``port`` in force; needs CAP_NET_ADMIN."""
    run(["nft", "-f", "-"], filter_script(port, rules))


def remove_filter(port: int) -> None:
    """Remove them. "add" comes first: not every nft can delete what may not be there."""
    run(["nft", "-f", "-"], "add table inet lab_%d\ndelete table inet lab_%d\n" % (port, port))
