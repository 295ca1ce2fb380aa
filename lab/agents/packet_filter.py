"""What a packet filter does to a listener's ports: nftables, one table a listener."""

# ruff: noqa: UP006, UP035

from typing import List

from helper_programs import run

VERDICTS = {"dropped": "drop", "rejected": "reject with tcp reset"}


def passive_rules(verdict: str, first: int, last: int) -> List[str]:
    """What comes to the ports ``first``-``last`` is dropped or rejected."""
    return ["tcp dport %d-%d %s" % (first, last, VERDICTS[verdict])]


def port_rules(verdict: str, port: int, allowed: List[str]) -> List[str]:
    """What comes to ``port`` from any address but the allowed ones is dropped or rejected.

    The filter stands before the machine: from the machine itself its ports are open.
    """
    let_in = ["iif lo"] + ["ip saddr " + address for address in allowed]
    rules = ["%s tcp dport %d accept" % (who, port) for who in let_in]
    return rules + ["tcp dport %d %s" % (port, VERDICTS[verdict])]


def script(port: int, rules: List[str]) -> str:
    """The nftables script for the listener on ``port``."""
    table = "inet lab_%d" % port
    lines = ["add table " + table]
    lines += ["add chain %s input { type filter hook input priority 0 ; }" % table]
    lines += ["add rule %s input %s" % (table, rule) for rule in rules]
    return "\n".join(lines) + "\n"


def apply(port: int, rules: List[str]) -> None:
    """Put the rules of the listener on ``port`` in force; needs CAP_NET_ADMIN."""
    run(["nft", "-f", "-"], script(port, rules))


def remove(port: int) -> None:
    """Remove them. "add" comes first: not every nft can delete what may not be there."""
    run(["nft", "-f", "-"], "add table inet lab_%d\ndelete table inet lab_%d\n" % (port, port))
