"""The tables of the field: what is tried, and how the page tells what came of it."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from lab.clients import PROGRAMS
from lab.documents import Claim, documents
from lab.host.checkout import root
from lab.model import Attempt, FtpClientSettings, Goal, Role
from lab.record import whole
from lab.record.writing import RECORD_NAME
from lab.servers import SERVERS
from lab.settings import parse_client, parse_server
from tests.unit.made_up import DELIVERED as COMPLETED
from tests.unit.made_up import attempt_record, reporting, run_record
from tools import field
from tools.field_page import (
    BEGIN,
    DOCUMENT,
    END,
    PAGE,
    Cell,
    End,
    Known,
    Told,
    in_short,
    mark,
    tables_of,
    write,
)

DELIVERED = End("completed")
ABORTED = End("refused", "transfer", "aborted", "426 Failure | reading", "server")
FALSE = End("false-success", "transfer", "truncated", "", "unknown")
CANNOT = End("cannot", "", "", "the image has no such program")


def test_every_client_meets_every_server_over_both_versions() -> None:
    chosen = list(field.clients())
    assert {client.program for client in chosen} == {
        name for name, program in PROGRAMS.items() if program.settings.speaks == "FTP"
    }
    cells = field.cells(chosen)
    assert {cell.server for cell in cells} == {
        name for name, server in SERVERS.items() if server.settings.speaks == "FTP"
    }
    for client in map(str, chosen):
        assert Cell(client, "pyftpdlib", "TLSv1.3", None) in cells
        for reuse in (True, False):
            assert Cell(client, "vsftpd", "TLSv1.2", reuse) in cells
    for ways in cells.values():
        for attempt in ways:
            assert isinstance(attempt.client, FtpClientSettings)
            assert (attempt.client.goal, attempt.client.payload) == (Goal.TRANSFER, field.PAYLOAD)
        # a server that has a switch for versions is limited to one, and else the client is
        assert (ways[0].server.protocols is None) is (ways[0].client.protocols is not None)


def test_where_neither_end_may_have_a_switch_both_are_tried_as_they_are_shipped() -> None:
    client = parse_client("rclone@debian13")
    ways = field.cells([client])
    older = ways[Cell("rclone@debian13", "vsftpd@3.0.3", "TLSv1.2", True)]
    assert [str(one.client.protocols) for one in older] == ["TLSv1.2", "..TLSv1.2", "None"]
    assert not any(one.server.protocols for one in older)
    newest = ways[Cell("rclone@debian13", "vsftpd@3.0.3", "TLSv1.3", True)]
    assert [str(one.client.protocols) for one in newest] == ["TLSv1.3", "None"]
    assert len(ways[Cell("rclone@debian13", "vsftpd", "TLSv1.2", True)]) == 1


def test_a_refusal_is_asked_of_servers_that_can_be_told_to_make_it() -> None:
    asked = field.refusals()
    assert ("vsftpd", "a session that is not resumed") in asked
    assert ("pyftpdlib", "a session that is not resumed") not in asked
    assert ("pyftpdlib", "an unknown user") in asked
    # a server without a switch for versions is asked for all that needs none
    for (server, _), attempt in asked.items():
        if server == "pure-ftpd":
            assert SERVERS[server].unsupported(attempt.server) is None


@pytest.mark.parametrize(
    ("ends", "short", "one_word"),
    [
        ([DELIVERED] * 6, "6/6", "yes"),
        ([ABORTED] * 6, "0/6, `aborted`", "no"),
        ([DELIVERED, DELIVERED, ABORTED], "2/3, `aborted`", "2/3"),
        ([DELIVERED, FALSE], "1/2, **false success** 1", "**1/2, says yes**"),
        ([FALSE], "0/1, **false success** 1", "**no, says yes**"),
        ([CANNOT, CANNOT], "cannot", "cannot"),
        ([], "-", "-"),
    ],
)
def test_a_cell_says_what_came_of_its_tries(ends: list[End], short: str, one_word: str) -> None:
    assert in_short(ends) == short
    assert mark(ends) == one_word


def test_clients_that_were_not_tried_are_named() -> None:
    text = "\n".join(tables_of(known(), ["lftp@debian13", "npm-ftp@debian12"]))
    assert "Not tried yet, and in no table: `npm-ftp@debian12`." in text


def known() -> Known:
    vsftpd = Cell("lftp@debian13", "vsftpd", "TLSv1.2", True)
    return Known(
        {
            vsftpd: [DELIVERED, ABORTED, ABORTED, FALSE],
            dataclasses.replace(vsftpd, client="wget@debian13"): [
                dataclasses.replace(ABORTED, reason="unknown")
            ],
            dataclasses.replace(vsftpd, client="curl@centos7"): [CANNOT],
        },
        {
            ("vsftpd", "an unknown user"): Told(
                ABORTED, "530 Login incorrect.", "530", ["Mon Nov 30 02:04:16 2026 [pid 12] FAIL"]
            )
        },
        {"vsftpd": {"vsftpd": "3.0.5"}, "lftp@debian13": {"stand-in": "x", "lftp": "4.9.3"}},
        {"vsftpd": {"TLSv1.2": True, "TLSv1.3": True}},
        {"lftp-verifies": "confirmed", "lftp-resumes": "refuted"},
    )


def test_the_page_has_the_share_of_reasons_that_are_known_and_what_users_saw() -> None:
    text = "\n".join(tables_of(known()))
    assert "Of 5 tries 4 did not deliver; of 3 (75.0 %) the reason is known." in text
    assert "| `aborted` | transfer aborted | 転送の中断 | transfer | server | 2 |" in text
    assert "`426 Failure \\| reading`" in text
    assert "- `curl@centos7` cannot be tried: the image has no such program." in text
    assert "- There is no row for `curl@centos7`: the image has no such program." in text
    assert "| `curl@centos7`" not in text.partition("## Versions")[0]
    # what differs in every run is not in it
    assert "(time) [pid N] FAIL" in text
    assert "| `lftp@debian13` | stand-in: lftp 4.9.3 |" in text


def test_what_a_servers_build_has_not_got_is_a_fact_and_no_omission() -> None:
    server = "vsftpd@openssl-1.0.2k"
    older = Cell("lftp@debian13", server, "TLSv1.2", True)
    newer = dataclasses.replace(older, version="TLSv1.3")
    ends = {older: [DELIVERED], newer: [dataclasses.replace(CANNOT, said="1.0.2k ends at TLSv1.2")]}
    measured = {server: {"TLS library": "OpenSSL 1.0.2k"}}
    asked = Known(ends, {}, measured, accepts={server: {"TLSv1.3": False}})
    asking = "asked for it on OpenSSL 1.0.2k, it agrees to nothing"
    fact = f"- `{server}` has no TLS 1.3: {asking}."

    text = "\n".join(tables_of(asked))

    # at a glance, and below the server's table
    assert text.count(fact) == 2
    assert "ends at TLSv1.2" not in text
    # of a build that was not asked there is what was tried
    unasked = "\n".join(tables_of(dataclasses.replace(asked, accepts={})))
    assert f"- There is no column for `{server}`: 1.0.2k ends at TLSv1.2." in unasked
    assert fact not in unasked
    # and what somebody came over is not denied
    came = dataclasses.replace(asked, ends={**ends, newer: [DELIVERED]})
    assert fact not in "\n".join(tables_of(came))


@pytest.mark.parametrize(
    ("library", "version", "lacks"),
    [
        ("OpenSSL 1.0.2k-fips  26 Jan 2017 (CentOS 7 build)", "TLSv1.3", True),
        ("OpenSSL 1.0.2k-fips  26 Jan 2017 (CentOS 7 build)", "TLSv1.2", False),
        ("OpenSSL 1.1.1n  15 Mar 2022", "TLSv1.3", False),
        ("OpenSSL 3.5.9", "TLSv1.3", False),
        ("", "TLSv1.3", False),
    ],
)
def test_only_a_library_that_is_older_than_a_version_lacks_it(
    library: str, version: str, lacks: bool
) -> None:
    assert field.older(library, version) is lacks


def test_the_files_of_all_tries_under_way_fit_into_a_clients_tmp() -> None:
    services = YAML(typ="safe").load(root() / "compose" / "base.yaml")["services"]
    sizes = [one for one in services["client"]["tmpfs"] if one.startswith("/tmp:")]
    found = re.search(r"size=(\d+)m", sizes[0])
    assert found
    # a client makes the file, and some make a copy of it
    assert int(found[1]) << 20 >= 2 * field.WORKERS * field.PAYLOAD


def test_what_is_known_is_kept_and_written_between_the_marks(tmp_path: Path) -> None:
    kept = tmp_path / "known.json"
    kept.write_text(json.dumps(known().plain()))
    assert Known.read(kept) == known()
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    write(known(), page)
    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n\n## What was found")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    page.write_text("nothing")
    with pytest.raises(ValueError, match="has no lines"):
        write(known(), page)
    assert BEGIN in PAGE.read_text(encoding="utf-8")


def test_what_was_found_comes_before_the_tables_in_sentences() -> None:
    text = "\n".join(tables_of(known())).partition("## At a glance")[0]
    assert not any(line.startswith("|") for line in text.splitlines())
    headings = [line for line in text.splitlines() if line.startswith("### ")]
    assert headings == [
        "### Who says success wrongly",
        "### Who verifies the certificate",
        "### Who resumes the session",
    ]
    assert "Of 2 clients 1 reported success of a file of 1 MiB that did not arrive whole:" in text
    assert "- `lftp@debian13` over TLS 1.2: to `vsftpd` in 1 of 4 tries." in text
    # a claim is told with what a run says of it, and one that no run has tried is counted
    claims = {claim.id: claim for claim in documents()[DOCUMENT].claims}
    assert f"\n- {claims['lftp-verifies'].text.en}\n" in text
    assert f"\n- Not so: {claims['lftp-resumes'].text.en}\n" in text
    assert claims["wget-verifies"].text.en not in text
    section = [one for one in claims.values() if one.place.section == "verifies"]
    assert f"Of {len(section) - 1} more claims of this section no run has a verdict yet." in text
    assert f"Of the {len(claims)} claims of this document 1 were confirmed" in text


def test_nobody_says_success_wrongly_where_nobody_does() -> None:
    cell = Cell("lftp@debian13", "vsftpd", "TLSv1.2", True)
    text = "\n".join(tables_of(Known({cell: [DELIVERED]})))
    assert "- None of the 1 clients reported success of a file that did not arrive." in text


def test_who_resumes_is_told_by_those_that_deliver_and_those_that_are_refused_for_it() -> None:
    refused = End("refused", "transfer", "session-reuse-required", "522", "server")
    cell = Cell("ftplib@debian13", "vsftpd", "TLSv1.2", True)
    ends = {
        cell: [refused],
        dataclasses.replace(cell, reuse=False): [DELIVERED],
        dataclasses.replace(cell, client="ftplib@centos7"): [refused],
        dataclasses.replace(cell, client="lftp@debian13"): [DELIVERED],
        dataclasses.replace(cell, client="rclone@debian13"): [DELIVERED, ABORTED],
        dataclasses.replace(cell, client="rclone@debian13", server="proftpd"): [refused],
        # another end says nothing of it
        dataclasses.replace(cell, client="ruby-net-ftp@debian13"): [ABORTED],
    }
    text = "\n".join(tables_of(Known(ends))).partition("## At a glance")[0]
    assert "- Over TLS 1.2 `lftp` (debian13) deliver to a server that requires" in text
    assert "- Over TLS 1.2 `ftplib` (centos7, debian13) do not resume it" in text
    assert "`rclone@debian13` resumes it for `vsftpd`, and not for `proftpd`." in text
    assert "ruby" not in text.partition("### Who resumes")[2].partition("In the cases")[0]


@pytest.mark.parametrize("claim", documents()[DOCUMENT].claims, ids=lambda claim: claim.id)
def test_the_sentence_of_a_claim_is_understood_by_itself(claim: Claim) -> None:
    first = claim.text.en.split()[0]
    assert first not in {"It", "They", "This", "These", "Its", "Their"}, claim.text.en


def test_the_newest_run_that_tried_a_claim_decides(tmp_path: Path) -> None:
    case = "command_line_clients/lftp_resumes_the_session"
    here = Attempt(parse_server(()), parse_client("lftp@debian13"))
    for name, reused in (("20260101", True), ("20260102", False), ("20260103", None)):
        outcome = None if reused is None else reporting(COMPLETED, session_reused=reused)
        id_ = f"{case}[lftp@debian13]"
        made = attempt_record(f"{id_}/works", here, outcome, None, role=Role.WORKS, case=id_)
        (tmp_path / name).mkdir()
        record = run_record(attempts=(made,), cases=())
        (tmp_path / name / RECORD_NAME).write_text(whole(record), encoding="utf-8")
    assert field.judged(tmp_path) == {"lftp-resumes": "refuted"}
    (tmp_path / "20260104").mkdir()
    assert field.judged(tmp_path) == {"lftp-resumes": "refuted"}
    assert field.judged(tmp_path / "20260104") == {}
