"""What sslscan writes, held against what the lab and the settings say: pure, and the agent's part."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from typing import Any, cast

import pytest
from rich.console import Console

from lab.cli.attempts import print_scans, scans_in_words
from lab.model import Attempt, ClientSettings, ServerSettings, only, up_to
from lab.run.agents import Unsupported
from lab.run.containers import certificate_files
from lab.run.link import AgentError, AgentLink
from lab.run.scan import (
    NOT_ASKED,
    TRIES,
    UNSEEN,
    WHY_UNSEEN,
    WITHOUT_SSL,
    Scan,
    ScanComparison,
    ScanError,
    as_attempt,
    compare_scan,
    counted,
    not_scannable,
    read_scan,
    scan,
    scan_all,
    scan_one,
)
from lab.run.session import Session
from lab.run.suites import Offer, configured
from lab.servers import SERVERS
from lab.servers.origin import Origin
from lab.servers.vsftpd import Vsftpd
from lab.settings import server_in_words
from lab.tls.suites import Suite

GCM256, GCM128, SHA = "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA"
TLS13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")

# sslscan 2.1.5 of vsftpd 3.0.5 as Debian 13 ships it, recorded.
DOCUMENT = """\
<?xml version="1.0" encoding="UTF-8"?>
<document title="SSLScan Results" version="2.1.5" web="http://github.com/rbsec/sslscan">
 <ssltest host="127.0.0.1" sniname="ftp.lab.test" port="2100">
  <protocol type="ssl" version="2" enabled="0" />
  <protocol type="ssl" version="3" enabled="0" />
  <protocol type="tls" version="1.0" enabled="0" />
  <protocol type="tls" version="1.1" enabled="0" />
  <protocol type="tls" version="1.2" enabled="1" />
  <protocol type="tls" version="1.3" enabled="1" />
  <cipher status="preferred" sslversion="TLSv1.3" bits="128" cipher="TLS_AES_128_GCM_SHA256"\
 id="0x1301" strength="strong" />
  <cipher status="accepted" sslversion="TLSv1.3" bits="256" cipher="TLS_AES_256_GCM_SHA384"\
 id="0x1302" strength="strong" />
  <cipher status="accepted" sslversion="TLSv1.3" bits="256" cipher="TLS_CHACHA20_POLY1305_SHA256"\
 id="0x1303" strength="strong" />
  <cipher status="preferred" sslversion="TLSv1.2" bits="256" cipher="ECDHE-RSA-AES256-GCM-SHA384"\
 id="0xC030" strength="strong" />
 </ssltest>
</document>
"""
# The same program where a suite is none of its library's: it gives the registry's name.
OWN_QUESTIONS = """\
<?xml version="1.0" encoding="UTF-8"?>
<document title="SSLScan Results" version="2.1.5" web="http://github.com/rbsec/sslscan">
 <ssltest host="127.0.0.1" sniname="ftp.lab.test" port="2100">
  <protocol type="ssl" version="2" enabled="0" />
  <protocol type="ssl" version="3" enabled="1" />
  <protocol type="tls" version="1.0" enabled="1" />
  <protocol type="tls" version="1.1" enabled="0" />
  <error><![CDATA[Error reading from 127.0.0.1:2100: Connection reset by peer]]></error>
  <protocol type="tls" version="1.2" enabled="0" />
  <protocol type="tls" version="1.3" enabled="0" />
  <cipher status="accepted" sslversion="TLSv1.0" bits="128" cipher="TLS_RSA_WITH_RC4_128_SHA"\
 id="0x0005" strength="medium" />
  <cipher status="accepted" sslversion="TLSv1.0" bits="112" cipher="TLS_RSA_WITH_3DES_EDE_CBC_SHA"\
 id="0x000A" strength="medium" />
 </ssltest>
</document>
"""
# What it writes when the connection is refused, recorded: the document breaks off.
UNREACHED = """\
<?xml version="1.0" encoding="UTF-8"?>
<document title="SSLScan Results" version="2.1.5" web="http://github.com/rbsec/sslscan">
 <ssltest host="127.0.0.1" sniname="ftp.lab.test" port="2100">
  <protocol type="tls" version="1.3" enabled="0" />
  <error><![CDATA[Could not connect.]]></error>
"""


def suites(*names: str) -> tuple[Suite, ...]:
    found = configured(names)
    assert len(found) == len(names)
    return found


def scanned(**by_version: tuple[str, ...]) -> Scan:
    """A scan; versions are written ``TLSv1_2``."""
    return Scan(suites={v.replace("_", "."): suites(*n) for v, n in by_version.items()})


def offered(listed: tuple[str, ...] = (), **by_version: tuple[str, ...]) -> Offer:
    """What the lab gets."""
    return Offer(
        end="vsftpd",
        suites={v.replace("_", "."): suites(*n) for v, n in by_version.items()},
        configured=suites(*listed),
        key="RSA-2048",
    )


def disagreements(
    scan_: Scan, offer: Offer, server: ServerSettings | None = None
) -> tuple[str, ...]:
    return compare_scan(server or Vsftpd(), scan_, offer).disagreements


# -- reading ---------------------------------------------------------------------------------------


def test_protocols_and_suites_are_read_by_number() -> None:
    found = read_scan(DOCUMENT)

    assert found.suites == {"TLSv1.3": suites(*TLS13), "TLSv1.2": suites(GCM256)}
    assert found.version == "2.1.5"
    assert found.complaints == ()


def test_a_suite_that_its_library_has_not_is_the_same_suite() -> None:
    found = read_scan(OWN_QUESTIONS)

    assert found.suites == {"TLSv1": suites("RC4-SHA", "DES-CBC3-SHA"), "SSLv3": ()}
    assert found.complaints == ("Error reading from 127.0.0.1:2100: Connection reset by peer",)


@pytest.mark.parametrize(
    ("document", "hint"),
    [
        (UNREACHED, "Could not connect."),
        ("", "it wrote nothing"),
        ("<document><ssltest></ssltest></document>", "about no protocol"),
        (DOCUMENT.replace('type="tls" version="1.3" e', 'type="tls" version="1.4" e'), "1.4"),
        (DOCUMENT.replace('sslversion="TLSv1.2"', 'sslversion="TLSv9"'), "TLSv9"),
        (DOCUMENT.replace('id="0xC030"', 'id="?"'), "no number"),
    ],
    ids=["unreached", "empty", "no answer", "unknown protocol", "unknown version", "no number"],
)
def test_what_is_no_answer_is_an_error_that_says_why(document: str, hint: str) -> None:
    with pytest.raises(ScanError, match=hint):
        read_scan(document)


# -- comparing -------------------------------------------------------------------------------------


def test_the_same_suites_in_another_order_agree() -> None:
    found = compare_scan(
        Vsftpd(),
        scanned(TLSv1_3=TLS13, TLSv1_2=(GCM256, GCM128)),
        offered(TLSv1_3=TLS13[::-1], TLSv1_2=(GCM128, GCM256), TLSv1_1=()),
    )

    assert found.agree
    assert found.protocols == ("TLSv1.2", "TLSv1.3")
    assert len(found.distinct_suites) == 5
    assert not found.nothing


@pytest.mark.parametrize(
    ("scan_", "offer", "words"),
    [
        (
            scanned(TLSv1_2=(GCM256,)),
            offered(TLSv1_2=(GCM256, SHA)),
            f"sslscan does not find {SHA} in TLSv1.2, the lab gets it",
        ),
        (
            scanned(TLSv1_2=(GCM256, SHA)),
            offered(TLSv1_2=(GCM256,)),
            f"sslscan finds {SHA} in TLSv1.2, the lab does not get it",
        ),
        (
            scanned(TLSv1_2=(GCM256,)),
            offered(TLSv1_2=(GCM256,), TLSv1_1=(SHA,)),
            f"sslscan does not find TLSv1.1, the lab gets {SHA} with it",
        ),
        (
            scanned(TLSv1_3=TLS13, TLSv1_2=(GCM256,)),
            offered(TLSv1_3=(), TLSv1_2=(GCM256,)),
            "sslscan finds TLSv1.3, the lab gets no suite of it",
        ),
        (
            Scan(suites={"TLSv1.2": suites(GCM256), "SSLv2": ()}),
            offered(TLSv1_2=(GCM256,)),
            "sslscan finds SSLv2, the lab gets no suite of it",
        ),
    ],
    ids=["a suite less", "a suite more", "a version less", "a version more", "SSL 2.0"],
)
def test_what_only_one_of_them_sees_is_a_disagreement(
    scan_: Scan, offer: Offer, words: str
) -> None:
    assert disagreements(scan_, offer) == (words,)


def test_what_both_see_may_still_be_more_than_the_settings_allow() -> None:
    both = {"TLSv1_3": TLS13, "TLSv1_2": (GCM256, SHA)}
    server = Vsftpd(protocols=up_to("TLSv1.2"), ciphers=GCM256)

    found = disagreements(scanned(**both), offered((GCM256,), **both), server)

    assert found == (
        "sslscan finds TLSv1.3, the settings allow ..TLSv1.2",
        f"sslscan finds {SHA} in TLSv1.2, the server's list does not have it",
    )


def test_the_list_does_not_govern_tls_1_3() -> None:
    both = {"TLSv1_3": TLS13}

    assert disagreements(scanned(**both), offered((SHA,), **both)) == ()


def test_a_limit_of_the_scanner_is_counted_and_no_disagreement() -> None:
    scan_ = Scan(suites={"SSLv3": ()})

    found = compare_scan(Vsftpd(), scan_, offered(SSLv3=("RC4-SHA",)))

    assert found.agree
    assert found.as_json()["beyond"] == {UNSEEN: ["SSLv3 RC4-SHA"]}
    newer = compare_scan(Vsftpd(), Scan(suites={"TLSv1": ()}), offered(TLSv1=("RC4-SHA",)))
    assert not newer.agree, "of any other version it would be one"
    assert newer.as_json()["beyond"] == {}


def test_a_limit_excuses_what_is_missing_and_nothing_else() -> None:
    spoken_by_one = disagreements(scanned(TLSv1=(SHA,)), offered(TLSv1=(SHA,), SSLv3=(SHA,)))

    assert spoken_by_one == (f"sslscan does not find SSLv3, the lab gets {SHA} with it",)
    assert disagreements(scanned(SSLv3=("RC4-SHA", SHA)), offered(SSLv3=("RC4-SHA",)))


def test_two_that_see_nothing_have_not_agreed_on_anything() -> None:
    assert compare_scan(Vsftpd(), scanned(), offered(TLSv1_2=())).nothing
    assert not compare_scan(Vsftpd(), scanned(TLSv1_2=(SHA,)), offered(TLSv1_2=())).nothing


# -- what can be scanned ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"listening": False}, "nothing listens"),
        ({"port_filter": "dropped"}, "dropped"),
        ({"port_filter": "rejected", "port_allowed": "edge"}, "edge"),
        ({"tls": False}, "no TLS"),
        ({"behaviour": "silent"}, "never answers"),
        ({"behaviour": "no-secure-renegotiation"}, "5746"),
    ],
)
def test_what_nobody_could_scan_has_a_reason(settings: dict[str, Any], hint: str) -> None:
    why = not_scannable(Origin(**settings))

    assert why is not None
    assert hint in why


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"behaviour": "close-after-request"},
        {"require_cert": True},
        {"protocols": only("SSLv3")},
    ],
)
def test_what_completes_handshakes_can_be_scanned(settings: dict[str, Any]) -> None:
    assert not_scannable(Origin(**settings)) is None


# -- many, and what comes of each ------------------------------------------------------------------

AGREEING, LYING, BARE, DOWN, BLIND = (
    Vsftpd(),
    Vsftpd(protocols=only("TLSv1.3")),
    Vsftpd(tls=False),
    Vsftpd(certificate="expired"),
    Vsftpd(certificate="ecdsa"),
)


class Scanner:
    """In the place of a session: what a scan of each settings comes to."""

    def __init__(self) -> None:
        self.scanned: list[ServerSettings] = []
        self.closed = False

    def scan(self, server: ServerSettings) -> ScanComparison:
        self.scanned.append(server)
        if server == BARE:
            raise Unsupported("it speaks no TLS")
        if server == DOWN:
            raise AgentError("the container sslscan has gone")
        both = {} if server == BLIND else {"TLSv1_2": (GCM256,)}
        return compare_scan(server, scanned(**both), offered(**both))

    def close(self) -> None:
        self.closed = True


def session() -> Session:
    return cast("Session", Scanner())


def test_every_settings_is_scanned_once_and_counted_once() -> None:
    scanner = Scanner()
    servers = [AGREEING, LYING, AGREEING, BARE, DOWN, BLIND, LYING]

    results = scan_all(cast("Session", scanner), servers, workers=2)

    assert sorted(map(repr, scanner.scanned)) == sorted(map(repr, set(servers)))
    assert [r.server for r in results] == [AGREEING, LYING, BARE, DOWN, BLIND], "in their order"
    assert counted(results) == {"agree": 1, "disagree": 1, "not_scannable": 2, "lab_error": 1}
    assert json.loads(json.dumps([r.as_json() for r in results]))[2] == {
        "settings": "vsftpd tls=no",
        "not_scannable": "it speaks no TLS",
    }


def test_a_scan_that_cannot_be_made_ends_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    scanner = Scanner()

    def interrupted(server: ServerSettings) -> ScanComparison:
        raise KeyboardInterrupt

    monkeypatch.setattr(scanner, "scan", interrupted)
    with pytest.raises(KeyboardInterrupt):
        scan_all(cast("Session", scanner), [AGREEING, LYING], workers=1)
    assert scanner.closed


def printed(*servers: ServerSettings) -> str:
    results = [scan_one(session(), server) for server in servers]
    console = Console(file=io.StringIO(), width=100)
    print_scans(results, counted(results), console)
    return cast("io.StringIO", console.file).getvalue()


@pytest.mark.parametrize(
    ("server", "words"),
    [
        (AGREEING, "vsftpd\n  agree  TLSv1.2, 1 suite\n"),
        (
            LYING,
            "vsftpd protocols=TLSv1.3\n  disagree  TLSv1.2, 1 suite\n"
            "    sslscan finds TLSv1.2, the settings allow TLSv1.3\n",
        ),
        (BARE, "vsftpd tls=no\n  not scannable: it speaks no TLS\n"),
        (DOWN, "vsftpd certificate=expired\n  lab error: the container sslscan has gone\n"),
        (BLIND, "vsftpd certificate=ecdsa\n  not scannable: no handshake comes about with it"),
    ],
    ids=["agree", "disagree", "not scannable", "lab error", "nothing"],
)
def test_each_settings_is_printed_with_what_came_of_it(server: ServerSettings, words: str) -> None:
    assert printed(server).startswith(words)


def test_the_counts_name_what_there_is() -> None:
    assert printed(AGREEING, LYING, BARE, DOWN).endswith(
        "4 settings: 1 agree, 1 disagree, 1 not scannable, 1 lab error\n"
    )
    nothing = scans_in_words(counted([]))
    assert nothing.en == "0 settings: nothing to scan"
    assert nothing.ja == "設定 0 組: スキャンするものがありません"


@pytest.mark.parametrize("server", [AGREEING, LYING, BARE, BLIND])
def test_a_scan_is_told_in_japanese(server: ServerSettings) -> None:
    results = [scan_one(session(), server)]
    console = Console(file=io.StringIO(), width=80)
    print_scans(results, counted(results), console, "ja")
    first, *lines = cast("io.StringIO", console.file).getvalue().splitlines()
    assert first == server_in_words(server)
    assert all(re.search(r"[ぁ-んァ-ヶ一-龠]", line) for line in lines if line)
    assert not re.search(r"\b(the|it|suites?|settings)\b", "\n".join(lines))


def test_what_the_scanner_does_not_see_is_said_with_the_reason() -> None:
    result = compare_scan(Vsftpd(), Scan(suites={"SSLv3": ()}), offered(SSLv3=("RC4-SHA", SHA)))
    console = Console(file=io.StringIO(), width=100)

    print_scans([result], counted([result]), console)

    said = cast("io.StringIO", console.file).getvalue()
    assert "agree  SSLv3, no suites (2 more that sslscan does not ask for)" in said
    assert f"not seen: {UNSEEN}: {WHY_UNSEEN}" in " ".join(said.split())


@pytest.mark.parametrize("software", ["vsftpd", "nginx"])
def test_a_server_alone_is_an_attempt_of_a_client_of_its_kind(software: str) -> None:
    server = SERVERS[software].settings_with()

    assert as_attempt(server).server == server
    assert isinstance(as_attempt(server), Attempt)
    assert isinstance(as_attempt(server).client, ClientSettings)


def test_a_server_is_written_as_its_settings_are() -> None:
    server = Vsftpd(ciphers="HIGH:!RC4", protocols=up_to("TLSv1.2"))

    assert server_in_words(server) == "vsftpd 'ciphers=HIGH:!RC4' protocols=..TLSv1.2"


# -- asking the agent ------------------------------------------------------------------------------


class Agent:
    """Answers with one document after the other, the last again and again; keeps the question."""

    def __init__(self, *documents: str) -> None:
        self._documents = list(documents)
        self.asked: dict[str, object] = {}
        self.times = 0
        self.timed_out = False

    def call(self, op: str, _deadline_s: float, **arguments: object) -> dict[str, object]:
        self.asked = {"op": op, **arguments}
        self.times += 1
        document = self._documents.pop(0) if len(self._documents) > 1 else self._documents[0]
        said = {"stdout": document, "stderr": "ERROR: no\n", "exit_status": 1}
        return {**said, "timed_out": self.timed_out}


# Where the server closed while it was asked about SSL 3.0.
GAVE_UP = DOCUMENT[: DOCUMENT.index('  <protocol type="ssl" version="3"')]


def ask(*documents: str, server: ServerSettings | None = None) -> tuple[Agent, Callable[[], Scan]]:
    agent = Agent(*documents)
    return agent, lambda: scan(cast("AgentLink", agent), server or Vsftpd(), 2100)


@pytest.mark.parametrize("server", [Vsftpd(), Origin()])
def test_ftp_is_asked_for_tls_first(server: ServerSettings) -> None:
    agent, run = ask(DOCUMENT, server=server)

    assert "TLSv1.3" in run().suites
    argv = cast("list[str]", agent.asked["argv"])
    assert argv[0] == "sslscan"
    assert argv[-1] == f"{server.host}:2100"
    assert ("--starttls-ftp" in argv) is (server.speaks == "FTP")


def test_a_server_that_asks_for_a_certificate_is_shown_one() -> None:
    shown, run_with = ask(DOCUMENT, server=Origin(require_cert=True))
    hidden, run_without = ask(DOCUMENT, server=Origin())

    run_with(), run_without()

    chain, key = certificate_files(Origin().host, "valid")
    options = {f"--certs={chain}", f"--pk={key}"}
    assert options <= {*cast("list[str]", shown.asked["argv"])}
    assert not options & {*cast("list[str]", hidden.asked["argv"])}


def test_a_scan_that_does_not_end_is_an_error_of_the_lab() -> None:
    agent = Agent("<document")
    agent.timed_out = True

    with pytest.raises(AgentError, match=r"sslscan of ftp\.lab\.test was not done within 60 s"):
        scan(cast("AgentLink", agent), Vsftpd(), 2100)


def test_a_server_that_cannot_be_reached_is_an_error_of_the_lab_with_the_programs_words() -> None:
    agent, run = ask(UNREACHED)

    with pytest.raises(AgentError, match=r"Could not connect.*status 1: ERROR: no\) \(5 times, "):
        run()
    assert agent.times == 6


def test_a_scanner_that_gave_up_is_asked_again() -> None:
    agent, run = ask("", UNREACHED, DOCUMENT)

    assert run() == read_scan(DOCUMENT)
    assert agent.times == 3


def test_a_server_too_quick_for_the_question_about_ssl_3_is_asked_about_tls() -> None:
    agent, run = ask(*[GAVE_UP] * TRIES, DOCUMENT)

    found = run()

    assert found.suites == read_scan(DOCUMENT).suites
    assert found.complaints == (NOT_ASKED,)
    assert WITHOUT_SSL in cast("list[str]", agent.asked["argv"])
    assert agent.times == TRIES + 1


def test_about_ssl_3_it_is_asked_as_long_as_it_answers() -> None:
    agent, run = ask(*[GAVE_UP] * (TRIES - 1), DOCUMENT)

    assert run().complaints == ()
    assert WITHOUT_SSL not in cast("list[str]", agent.asked["argv"])
