"""What a packet filter does to a listener's passive data ports: nftables, one table a listener."""

# ruff: noqa: UP006, UP035

from helper_programs import run

VERDICTS = {"dropped": "drop", "rejected": "reject with tcp reset"}


def rules(port: int, verdict: str, first: int, last: int) -> str:
    """The nftables script that drops or rejects what comes to the ports ``first``-``last``."""
    return (
        "add table inet lab_{port}\n"
        "add chain inet lab_{port} input {{ type filter hook input priority 0 ; }}\n"
        "add rule inet lab_{port} input tcp dport {first}-{last} {what}\n"
    ).format(port=port, first=first, last=last, what=VERDICTS[verdict])


def apply(port: int, verdict: str, first: int, last: int) -> None:
    """Put the rules of the listener on ``port`` in force; needs CAP_NET_ADMIN."""
    run(["nft", "-f", "-"], rules(port, verdict, first, last))


def remove(port: int) -> None:
    """Remove them. "add" comes first: not every nft can delete what may not be there."""
    run(["nft", "-f", "-"], "add table inet lab_%d\ndelete table inet lab_%d\n" % (port, port))
