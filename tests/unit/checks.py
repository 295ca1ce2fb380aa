"""A made-up check that has one row of every kind, for the tests of what is made of checks."""

from __future__ import annotations

from dataclasses import replace

from lab.check.result import (
    CheckResult,
    Demand,
    RankedRemedy,
    Requirement,
    Row,
    RowVerdict,
    SourceLine,
    StandIn,
    Strongest,
)
from lab.model import Attempt, Rating
from lab.own.files import UserFiles
from lab.own.findings import Finding, Severity
from lab.remedies.advice import Advice, TriedRemedy
from lab.remedies.lines import LineChange
from lab.remedies.words import InBothLanguages
from lab.settings import parse_client, parse_server
from tests.unit.made_up import DELIVERED, MESSAGE, NO_SHARED_CIPHER, attempt_record

WRITTEN = SourceLine("lab-check.toml", 6, 'may-be-cannot = ["curl@rocky9"]')
CIPHERS = SourceLine("etc/vsftpd.conf", 8, "ssl_ciphers=AES128-SHA")
HIGH = LineChange(
    end="server",
    fields=("ciphers",),
    where=("etc/vsftpd.conf:8",),
    was=("ssl_ciphers=AES128-SHA",),
    write=("ssl_ciphers=HIGH",),
)
ADVICE = Advice(
    cause=InBothLanguages(
        "No suite in common. The server said `x`.", "共通の暗号スイートがありません。"
    ),
    where=("etc/vsftpd.conf:8",),
    remedies=(
        TriedRemedy(
            cures=("ciphers",),
            title=InBothLanguages("a current cipher list", "現在の暗号スイート一覧"),
            rating=Rating.RECOMMENDED,
            changes=(HIGH,),
            tries=1,
            completed=1,
            outcome=DELIVERED,
        ),
    ),
)


def delivers(client: str, verdict: RowVerdict = RowVerdict.MET, **more: object) -> Row:
    """The row of a client that must deliver."""
    wanted = Requirement(
        attempt=Attempt(parse_server([]), parse_client("net-ftp@rocky9:FIPS")),
        own=UserFiles(),
        demand=Demand.DELIVERS,
        client=client,
        may_be_cannot=client == "curl@rocky9",
        written=WRITTEN,
    )
    return Row(requirement=wanted, verdict=verdict, **more)  # type: ignore[arg-type]


def refused(client: str, where: SourceLine = CIPHERS, **more: object) -> Row:
    """The row of a client that must deliver and is refused, for want of a cipher suite."""
    made = delivers(client).requirement.attempt
    facts: dict[str, object] = {
        "outcome": NO_SHARED_CIPHER,
        "tries": 1,
        "where": (where,),
        "cause": ADVICE.cause,
        "user_sees": MESSAGE,
        "advice": ADVICE,
        "attempts": (attempt_record(client, made, NO_SHARED_CIPHER, None),),
    }
    return delivers(client, RowVerdict.BROKEN, **facts | more)


def over(client: str) -> Row:
    """The row of a client that gets through over TLS 1.0, which nobody may."""
    wanted = replace(
        delivers(client).requirement, demand=Demand.OVER, version="TLSv1", written=None
    )
    return Row(
        requirement=wanted, verdict=RowVerdict.BROKEN, outcome=DELIVERED, tries=1, completed=1
    )


#: Two clients that break alike, one that gets through where nobody may, one that is met, one that may be
#: `cannot`, one that may not, and one that the lab failed at.
RESULT = CheckResult(
    files=("etc/vsftpd.conf",),
    rows=(
        delivers("curl@debian13", outcome=DELIVERED, completed=1, tries=1),
        refused("net-ftp@rocky9:FIPS"),
        refused("tls-python@rocky9:FIPS"),
        over("openssl@debian13"),
        delivers("curl@rocky9", RowVerdict.CANNOT, why="there is no curl in the image"),
        delivers("net-ftp@centos7", RowVerdict.CANNOT, why="there is no such image"),
        delivers("ftplib@debian13", RowVerdict.LAB_ERROR, why="the agent did not answer"),
    ),
    findings=(
        Finding(
            Severity.WARNING, "etc/vsftpd.conf", 3, "`x` has 2 values | <b>", "値が 2 つあります"
        ),
        Finding(Severity.NOTE, "etc/vsftpd.conf", 4, "a note"),
    ),
    remedies=(
        RankedRemedy(
            title=ADVICE.remedies[0].title,
            rating=Rating.RECOMMENDED,
            changes=(HIGH,),
            brings_in=("net-ftp@rocky9:FIPS", "tls-python@rocky9:FIPS"),
        ),
    ),
    strongest=Strongest(text="ssl_ciphers=HIGH\n", lines=(), rows=()),
    stand_ins=(StandIn(name="rocky9", library="OpenSSL 3.5.1"),),
    builds={"rocky9": {"openssl": "3.5.1-4", "TLS library": "OpenSSL 3.5.1"}},
    elapsed_s=3.25,
)
