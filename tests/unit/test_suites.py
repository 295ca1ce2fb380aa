"""The suites of both ends put together: what is common, and the first thing that fails."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from lab.cli.attempts import print_comparison
from lab.run.suites import Offer, SuiteComparison, client_offer, compare_suites, configured
from lab.tls import client_hello
from lab.tls.suites import Suite, suite_named

GCM256, GCM128 = "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"
ECDSA = "ECDHE-ECDSA-AES256-GCM-SHA384"
TLS13 = "TLS_AES_256_GCM_SHA384"


def suites(*names: str) -> tuple[Suite, ...]:
    found = configured(names)
    assert len(found) == len(names)
    return found


def client(**by_version: tuple[str, ...]) -> Offer:
    """A client's offer; versions are written ``TLSv1_2``."""
    return Offer(
        end="net-ftp@rocky9:FIPS",
        suites={v.replace("_", "."): suites(*names) for v, names in by_version.items()},
    )


def server(
    listed: tuple[str, ...] = (), key: str = "RSA-2048", **by_version: tuple[str, ...]
) -> Offer:
    """A server's offer."""
    return Offer(
        end="vsftpd",
        suites={v.replace("_", "."): suites(*names) for v, names in by_version.items()},
        configured=suites(*listed),
        key=key,
    )


def test_the_newest_common_version_decides() -> None:
    found = compare_suites(
        client(TLSv1_3=(TLS13,), TLSv1_2=(GCM256,), TLSv1_1=("AES128-SHA",)),
        server(TLSv1_2=("AES128-SHA",), TLSv1_1=("AES128-SHA",)),
    )
    assert found.version == "TLSv1.2"
    assert not found.possible, "that an older version would do does not help"
    assert list(found.common) == ["TLSv1.2", "TLSv1.1"]


def test_common_suites_are_in_the_clients_order() -> None:
    found = compare_suites(client(TLSv1_2=(GCM128, GCM256)), server(TLSv1_2=(GCM256, GCM128)))
    assert found.possible
    assert [s.name for s in found.common["TLSv1.2"]] == [GCM128, GCM256]
    assert found.sentence == f"2 cipher suites in common in TLSv1.2: {GCM128} and {GCM256}"


SENTENCES: dict[str, tuple[SuiteComparison, str]] = {
    "the document's two suites and a client without RSA key exchange": (
        compare_suites(client(TLSv1_2=(GCM256, GCM128)), server(TLSv1_2=("AES128-SHA",))),
        "no cipher suite in common in TLSv1.2: the server allows only AES128-SHA; the client offers"
        " 2 suites, none with RSA key exchange, none with AES-128-CBC, none with SHA-1 MAC",
    ),
    "a client limited to AES128": (
        compare_suites(client(TLSv1_2=(GCM128, "AES128-SHA")), server(TLSv1_2=(GCM256,))),
        f"no cipher suite in common in TLSv1.2: the server allows only {GCM256}; the client offers"
        " 2 suites, none with AES-256-GCM",
    ),
    "each part is common, the whole is not": (
        compare_suites(
            client(TLSv1_2=("ECDHE-RSA-AES128-SHA", "AES256-SHA")),
            server(TLSv1_2=("AES128-SHA",)),
        ),
        "no cipher suite in common in TLSv1.2: the server allows only AES128-SHA; the client offers"
        " 2 suites: ECDHE-RSA-AES128-SHA and AES256-SHA",
    ),
    "a client of one suite": (
        compare_suites(client(TLSv1_2=("AES128-SHA",)), server(TLSv1_2=(GCM256,))),
        f"no cipher suite in common in TLSv1.2: the server allows only {GCM256}; the client offers"
        " one suite (AES128-SHA), none with ECDHE key exchange, none with AES-256-GCM",
    ),
    "a server without authentication": (
        compare_suites(
            client(TLSv1_2=("ECDHE-RSA-AES128-SHA",)), server(TLSv1_2=("AECDH-AES128-SHA",), key="")
        ),
        "no cipher suite in common in TLSv1.2: the server allows only AECDH-AES128-SHA; the client"
        " offers one suite (ECDHE-RSA-AES128-SHA), none without authentication",
    ),
    "a client without a suite of the version": (
        compare_suites(client(TLSv1_3=()), server(TLSv1_3=(TLS13,))),
        f"no cipher suite in common in TLSv1.3: the server allows only {TLS13}; the client has none"
        " of that version",
    ),
    "no version in common": (
        compare_suites(
            client(TLSv1_2=(GCM256,), TLSv1_1=("AES128-SHA",), TLSv1=("AES128-SHA",)),
            server(TLSv1_3=(TLS13,)),
        ),
        "no protocol version in common: the server speaks TLSv1.3, the client TLSv1.2, TLSv1.1 and"
        " TLSv1",
    ),
    "TLS 1.3": (
        compare_suites(
            client(TLSv1_3=(TLS13,), TLSv1_2=(GCM256,)), server(TLSv1_3=(TLS13,), TLSv1_2=())
        ),
        "both ends speak TLSv1.3, which has suites of its own that no cipher list governs:"
        f" {TLS13} is common",
    ),
    "no certificate": (
        compare_suites(client(TLSv1_2=(GCM256,)), server(listed=(GCM256,), key="", TLSv1_2=())),
        "no cipher suite in common in TLSv1.2: the server has no certificate, and every suite that"
        " it could use needs one",
    ),
    "a key of another kind": (
        compare_suites(
            client(TLSv1_2=(GCM256, ECDSA)),
            server(listed=(GCM256,), key="ECDSA secp256r1", TLSv1_2=()),
        ),
        f"no cipher suite in common in TLSv1.2: the server can use none: {GCM256} needs an RSA key,"
        " the certificate has ECDSA secp256r1",
    ),
    "a key of another kind for half of the list": (
        compare_suites(
            client(TLSv1_2=(GCM256,)),
            server(listed=(GCM256, ECDSA), key="ECDSA secp256r1", TLSv1_2=(ECDSA,)),
        ),
        f"no cipher suite in common in TLSv1.2: the server allows only {ECDSA} ({GCM256} needs an"
        " RSA key, the certificate has ECDSA secp256r1); the client offers one suite"
        f" ({GCM256}), none with ECDSA authentication",
    ),
    "suites that the server's library has and cannot use": (
        compare_suites(
            client(TLSv1_2=(GCM256,)), server(listed=("DHE-RSA-AES128-SHA",), TLSv1_2=())
        ),
        "no cipher suite in common in TLSv1.2: the server can use no suite of its list"
        " (DHE-RSA-AES128-SHA)",
    ),
    "more than a sentence holds": (
        compare_suites(
            client(TLSv1_2=(GCM256, GCM128, "AES128-SHA", "AES256-SHA", ECDSA, "AES128-SHA256")),
            server(TLSv1_2=(GCM256, GCM128, "AES128-SHA", "AES256-SHA", ECDSA, "AES128-SHA256")),
        ),
        f"6 cipher suites in common in TLSv1.2: {GCM256}, {GCM128}, AES128-SHA, AES256-SHA and"
        " 2 more",
    ),
    "a client that does not come so far": (
        compare_suites(
            Offer(end="net-ftp@centos7", nothing="no cipher match"), server(TLSv1_2=(GCM256,))
        ),
        "the client offers nothing: no cipher match",
    ),
    "a server that does not start": (
        compare_suites(
            client(TLSv1_2=(GCM256,)), Offer(end="vsftpd", nothing="it did not start: 500")
        ),
        "the server offers nothing: it did not start: 500",
    ),
}


@pytest.mark.parametrize("situation", SENTENCES)
def test_the_first_thing_that_fails_is_said_in_words(situation: str) -> None:
    found, sentence = SENTENCES[situation]
    assert found.sentence == sentence
    assert found.possible is ("in common in TLSv1.2: ECDHE" in sentence or "both ends" in sentence)


def test_a_refusal_in_spite_of_common_suites_has_another_cause() -> None:
    found = compare_suites(client(TLSv1_2=(GCM256,)), server(TLSv1_2=(GCM256,)))
    assert found.cause.startswith("not the lists of suites, but a group or signature algorithm: 1 ")
    contrast = SENTENCES["a client of one suite"][0]
    assert contrast.cause == contrast.sentence


def test_a_clients_offer_is_its_hello_by_version() -> None:
    offered = suites(GCM256, "AES128-SHA")
    hello = client_hello.parse(client_hello.build("TLSv1.2", offered))
    assert hello is not None
    offer = client_offer("net-ftp@centos7", hello, ["TLSv1.1", "TLSv1"])
    assert offer.versions == ("TLSv1.2", "TLSv1.1", "TLSv1")
    assert offer.suites["TLSv1.2"] == offered
    assert offer.suites["TLSv1"] == suites("AES128-SHA"), "GCM came with TLS 1.2"


def test_names_that_the_table_does_not_have_are_left_out() -> None:
    assert configured([GCM256, "PSK-AES128-CBC-SHA"]) == (suite_named(GCM256),)


def test_json_has_both_lists_the_intersection_and_the_sentence() -> None:
    found = compare_suites(
        client(TLSv1_2=(GCM256, GCM128)), server(listed=(GCM256, ECDSA), TLSv1_2=(GCM256,))
    )
    plain = json.loads(json.dumps(found.as_json()))
    assert plain["client"]["suites"] == {"TLSv1.2": [GCM256, GCM128]}
    assert plain["server"] == {
        "end": "vsftpd",
        "nothing": None,
        "suites": {"TLSv1.2": [GCM256]},
        "configured": [GCM256, ECDSA],
        "excluded_by_key": [ECDSA],
        "key": "RSA-2048",
    }
    assert plain["common"] == {"TLSv1.2": [GCM256]}
    assert (plain["version"], plain["possible"]) == ("TLSv1.2", True)
    assert plain["sentence"] == found.sentence


def printed(comparison: SuiteComparison) -> list[str]:
    output = Console(file=io.StringIO(), width=80)
    print_comparison(comparison, output)
    assert isinstance(output.file, io.StringIO)
    return output.file.getvalue().splitlines()


def test_both_lists_are_printed_beside_each_other() -> None:
    found = compare_suites(
        client(TLSv1_3=(TLS13,), TLSv1_2=(GCM256, GCM128)),
        server(listed=(GCM256, ECDSA), TLSv1_2=(GCM256,)),
    )
    assert printed(found) == [
        f"1 cipher suite in common in TLSv1.2: {GCM256}",
        "",
        "client: net-ftp@rocky9:FIPS",
        f"  TLSv1.3 {TLS13}",
        f"  TLSv1.2 {GCM256} {GCM128}",
        "",
        "server: vsftpd",
        f"  TLSv1.2 {GCM256}",
        "  key     RSA-2048",
        f"  list    {GCM256} {ECDSA} (not with",
        f"          this key: {ECDSA})",
        "",
        "common to both",
        f"  TLSv1.2 {GCM256}",
    ]


def test_what_an_end_says_cannot_move_the_terminal() -> None:
    found = compare_suites(client(TLSv1_2=(GCM256,)), Offer(end="vsftpd", nothing="\x1b[2J gone"))
    text = "\n".join(printed(found))
    assert "\x1b" not in text
    assert "no certificate" in text
    assert "no protocol version" in text
