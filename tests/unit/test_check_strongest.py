"""Ranked remedies and the strongest configuration, over attempts whose outcomes follow from settings."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from lab.check.form import form_of, wanted_strongest, write_new
from lab.check.judging import judged
from lab.check.ladders import Ladders
from lab.check.ranking import ranked
from lab.check.result import (
    CheckResult,
    Demand,
    RankedRemedy,
    Requirement,
    Row,
    RowVerdict,
    Strongest,
)
from lab.check.strongest import comparable, strongest
from lab.check.telling import as_json, tell
from lab.check.tries import SpentError, Tries
from lab.model import Attempt, Outcome, Rating, Reason, Result, Side, Stage, only
from lab.model.expectations import PlannedAttempt
from lab.own.attempt import read_attempt
from lab.own.configurations import GivenFiles, WritableConfiguration
from lab.own.files import UserFiles
from lab.own.findings import InputError
from lab.own.rewriting import WrittenLine
from lab.record import AttemptResult
from lab.remedies import remedies_for, title_of
from lab.remedies.advice import Advice, TriedRemedy
from lab.remedies.lines import changes
from lab.remedies.races import THOROUGH
from lab.remedies.words import InBothLanguages
from lab.servers.vsftpd import Vsftpd
from lab.servers.vsftpd.own import reading as vsftpd_conf
from tests.unit.made_up import DELIVERED, attempt_record, reporting

CONF = """\
# ask Ito before you change anything
listen=YES
ssl_enable=YES
rsa_cert_file=/etc/ssl/ftp.pem
ssl_ciphers=AES128-SHA
ftpd_banner=Welcome

# old machines
ssl_tlsv1=YES
"""
OLD, NEW, RACING = "ftplib@centos7", "curl@rocky9:FIPS", "net-ftp@rocky9:FIPS"


def _refused(stage: Stage, reason: Reason) -> Outcome:
    made = dataclasses.replace(
        DELIVERED, result=Result.REFUSED, by=Side.SERVER, stage=stage, reason=reason
    )
    return reporting(made, failed=True, message="no")


_RACE = count()


def outcome_of(attempt: Attempt) -> Outcome:
    """What comes of an attempt: each client speaks the newest version it can, and ftplib never resumes."""
    server, client = attempt.server, attempt.client
    assert isinstance(server, Vsftpd)
    newest = "TLSv1.2" if client.platform == "centos7" else "TLSv1.3"
    spoken = client.protocols or only(newest)
    common = [
        version
        for version in (server.protocols or only("TLSv1.2")).versions()
        if version <= newest and (client.protocols is None or version in spoken)
    ]
    if not client.uses_tls:
        return (
            DELIVERED
            if not server.tls_required_login
            else _refused(Stage.LOGIN, Reason.TLS_REQUIRED)
        )
    if not common:
        return _refused(Stage.HANDSHAKE, Reason.NO_SHARED_PROTOCOL)
    if client.program == "curl" and server.ciphers == "AES128-SHA" and common[-1] != "TLSv1.3":
        return _refused(Stage.HANDSHAKE, Reason.NO_SHARED_CIPHER)
    if client.program == "ftplib" and server.require_ssl_reuse is not False:
        return _refused(Stage.TRANSFER, Reason.SESSION_REUSE_REQUIRED)
    if client.program == "net-ftp" and common[-1] == "TLSv1.3" and not next(_RACE) % 3:
        return reporting(_refused(Stage.TRANSFER, Reason.ABORTED), protocol="TLSv1.3")
    return reporting(DELIVERED, protocol=common[-1])


class MadeUpLab:
    """Makes attempts, and keeps what was asked."""

    def __init__(self) -> None:
        self.made: list[PlannedAttempt] = []

    def __call__(self, planned: list[PlannedAttempt]) -> Mapping[str, AttemptResult]:
        self.made += planned
        return {p.id: attempt_record(p.id, p.attempt, outcome_of(p.attempt), None) for p in planned}


def conf(folder: Path, text: str = CONF) -> Path:
    """The file, written."""
    path = folder / "vsftpd.conf"
    path.write_text(text, encoding="utf-8")
    return path


def demanded(file: Path, *clients: str, over: Sequence[str] = ()) -> list[Row]:
    """What is demanded, and what comes of the file as it is; refusals with advice."""
    made = []
    for client in clients:
        attempt, own, _ = read_attempt(GivenFiles(configurations={"vsftpd-conf": file}), client)
        wanted = Requirement(
            attempt=attempt, own=own or UserFiles(), demand=Demand.DELIVERS, client=client
        )
        made.append(_demanded(wanted))
    for version in over:
        usual = made[0].requirement
        probe = usual.attempt.with_client(protocols=only(version))
        made.append(
            _demanded(
                dataclasses.replace(usual, attempt=probe, demand=Demand.OVER, version=version)
            )
        )
    return made


def _demanded(wanted: Requirement) -> Row:
    outcome = outcome_of(wanted.attempt)
    row = judged(wanted, attempt_record("row", wanted.attempt, outcome, None))
    if row.verdict is RowVerdict.BROKEN and outcome.reason is not None:
        tried = tuple(_tried(wanted, outcome.reason))
        row = dataclasses.replace(row, advice=Advice(cause=InBothLanguages(), remedies=tried))
    return row


def _tried(wanted: Requirement, reason: Reason) -> list[TriedRemedy]:
    before, own = wanted.attempt, wanted.own
    made = []
    for remedy in remedies_for(reason, before):
        outcome = outcome_of(remedy.attempt)
        tried = TriedRemedy(
            cures=(remedy.cure,),
            title=title_of(before, remedy),
            rating=remedy.rating,
            changes=changes(before, remedy.attempt, own.places, own.form, own.texts),
            tries=1,
            completed=int(outcome.result is Result.COMPLETED),
            outcome=outcome,
            refused=before,
            attempt=remedy.attempt,
        )
        made.append(tried)
    return made


def form(file: Path, wanted: Sequence[Row]) -> WritableConfiguration:
    """The form of the file."""
    found = form_of(
        wanted[0].requirement.attempt.server, GivenFiles(configurations={"vsftpd-conf": file})
    )
    assert found is not None
    return found


def find(
    file: Path, wanted: Sequence[Row], *, language: str = "en", most: int = 5000
) -> tuple[Strongest, list[InBothLanguages], MadeUpLab]:
    """The strongest configuration, what is said beforehand, and the laboratory."""
    lab, said = MadeUpLab(), list[InBothLanguages]()
    tries = Tries(lab, None, most=most)
    server = wanted[0].requirement.attempt.server
    return strongest(wanted, server, form(file, wanted), tries, said.append, language), said, lab


# -- the strongest configuration -----------------------------------------------------------------------


def test_the_rest_of_the_file_stays_and_every_line_that_was_set_says_what_for(
    tmp_path: Path,
) -> None:
    file = conf(tmp_path)
    found, _, _ = find(file, demanded(file, OLD, NEW, RACING))
    rows = found.text.split("\n")
    assert [row for row in rows if row in CONF.split("\n") and row] == [
        row for row in CONF.split("\n") if row and not row.startswith(("ssl_ciphers", "ssl_tlsv1"))
    ]
    for number, row in enumerate(rows):
        if row and not row.startswith("#") and row not in CONF:
            above = rows[number - 1]
            same = above.startswith("# lab check: ") or not above.startswith("#")
            assert same, f"nothing is said above {row}"
    assert rows.index("ssl_tlsv1=NO") > rows.index("# old machines")


def test_what_was_found_is_what_the_clients_need_and_no_weaker(tmp_path: Path) -> None:
    file = conf(tmp_path)
    found, _, _ = find(file, demanded(file, OLD, NEW, RACING))
    read = vsftpd_conf.parse(found.text).settings
    assert read.protocols == only("TLSv1.2")
    assert read.require_ssl_reuse is False
    assert read.strict_ssl_read_eof is True
    assert read.ciphers == "ECDHE+AESGCM:ECDHE+CHACHA20"
    assert set(found.served) == {OLD, NEW, RACING}
    assert {row.verdict for row in found.rows} == {RowVerdict.MET}
    loses = {line.text: line.loses for line in found.lines if line.loses}
    assert loses == {"ssl_tlsv13=NO": (RACING,), "require_ssl_reuse=NO": (OLD,)}


def test_a_race_is_named_with_its_rate(tmp_path: Path) -> None:
    file = conf(tmp_path)
    found, _, _ = find(file, demanded(file, RACING))
    [line] = [line for line in found.lines if line.text == "ssl_tlsv13=NO"]
    assert f"{RACING} (transfer: aborted in " in line.comment[1].en
    assert f"of {sum(THOROUGH.values())} tries)" in line.comment[1].en


def test_what_is_proven_is_the_file_as_it_was_written(tmp_path: Path) -> None:
    file = conf(tmp_path)
    found, _, lab = find(file, demanded(file, OLD, NEW))
    read = vsftpd_conf.parse(found.text, str(file)).settings
    proven = [one.attempt for one in lab.made if one.attempt.server == read]
    assert {str(attempt.client) for attempt in proven} == {OLD, NEW}


def test_how_much_may_be_made_is_said_beforehand_and_ends_the_search(tmp_path: Path) -> None:
    file = conf(tmp_path)
    found, said, lab = find(file, demanded(file, OLD, NEW), most=3)
    assert "at most 3 attempts in 240 s" in said[0].en
    assert not found.text
    assert "more than 3 attempts" in found.notes[0].en
    assert len(lab.made) <= 3


def test_a_client_that_needs_what_must_be_refused_is_not_served_and_that_is_said(
    tmp_path: Path,
) -> None:
    file = conf(tmp_path)
    found, _, _ = find(file, demanded(file, NEW, OLD, over=["TLSv1.2"]))
    assert set(found.served) == {NEW}
    [note] = found.notes
    assert OLD in note.en
    assert "no-shared-protocol" in note.en
    assert f"over/TLSv1.2/{NEW} (gets through)" in note.en
    assert OLD in note.ja


def test_comments_are_in_the_language_that_was_asked_for(tmp_path: Path) -> None:
    file = conf(tmp_path)
    found, _, _ = find(file, demanded(file, OLD), language="ja")
    assert "# lab check: 制御接続のセッションを持つ者" in found.text
    assert "nothing stronger" not in found.text
    assert vsftpd_conf.parse(found.text).settings.require_ssl_reuse is False


def test_a_weak_value_for_one_client_alone_says_so(tmp_path: Path) -> None:
    file = conf(tmp_path)
    wanted = demanded(file, OLD, NEW)
    old = wanted[0].requirement
    older = dataclasses.replace(old, attempt=old.attempt.with_client(protocols=only("TLSv1")))
    found, _, _ = find(file, [_demanded(older), wanted[1]])
    [line] = [line for line in found.lines if line.text == "ssl_tlsv1=YES"]
    assert line.comment[-1].en == f"it is there for one client alone: {OLD}"


def test_a_file_that_is_written_again_comes_to_the_same(tmp_path: Path) -> None:
    file = conf(tmp_path)
    once, _, _ = find(file, demanded(file, OLD, NEW))
    file.write_text(once.text, encoding="utf-8")
    again, _, _ = find(file, demanded(file, OLD, NEW))
    assert again.text == once.text


# -- tries ---------------------------------------------------------------------------------------------


def test_no_attempt_is_made_twice_and_a_race_is_tried_often(tmp_path: Path) -> None:
    [old, racing] = demanded(conf(tmp_path), OLD, RACING)
    lab = MadeUpLab()
    tries = Tries(lab, None, most=1000)
    attempt = racing.requirement.attempt.with_server(protocols=only("TLSv1.3"))
    tries([attempt, attempt, old.requirement.attempt])
    assert len(lab.made) == 2
    tries([attempt, old.requirement.attempt], thorough=True)
    made = len(lab.made)
    assert len(tries.of(attempt)) == sum(THOROUGH.values())
    assert {one.client.payload for one in tries.of(attempt)} >= {100_000}  # type: ignore[attr-defined]
    tries([attempt, old.requirement.attempt], thorough=True)
    assert len(lab.made) == made


def test_what_the_check_has_made_is_known(tmp_path: Path) -> None:
    [old] = demanded(conf(tmp_path), OLD)
    lab = MadeUpLab()
    tries = Tries(lab, None, most=1000)
    tries.know(old.attempts)
    tries([old.requirement.attempt])
    assert not lab.made


def test_time_is_bounded(tmp_path: Path) -> None:
    [old] = demanded(conf(tmp_path), OLD)
    with pytest.raises(SpentError, match="more than 0 s"):
        Tries(MadeUpLab(), None, most=1000, seconds=0.0)([old.requirement.attempt])


# -- remedies ranked -----------------------------------------------------------------------------------


def _ranked(wanted: Sequence[Row]) -> tuple[RankedRemedy, ...]:
    return ranked(wanted, Tries(MadeUpLab(), None, most=5000))


def test_a_change_of_the_server_counts_for_all_whom_it_brings_in(tmp_path: Path) -> None:
    others = ("ftplib@rocky9:FIPS", "ftplib@rocky9:DEFAULT")
    first, *rest = _ranked(demanded(conf(tmp_path), OLD, *others, RACING))
    assert first.changes[0].write == ("require_ssl_reuse=NO",)
    assert set(first.brings_in) == {OLD, *others}
    assert not first.loses
    of_client = [one for one in rest if {c.end for c in one.changes} == {"client"}]
    assert of_client, "what a client can do is shown as well"
    assert all(one.brings_in for one in rest)


def test_advice_that_rows_share_is_for_the_program_that_it_was_tried_with(tmp_path: Path) -> None:
    old, racing = demanded(conf(tmp_path), OLD, "net-ftp@centos7")
    refused = dataclasses.replace(racing, verdict=RowVerdict.BROKEN, advice=old.advice)
    # The other one comes first, and has the advice that was tried with the one behind it.
    made = _ranked([refused, old])
    of_client = [one for one in made if {c.end for c in one.changes} == {"client"}]
    assert of_client
    assert {client for one in of_client for client in one.brings_in} == {OLD}


def test_what_is_unsafe_and_what_loses_somebody_is_never_first(tmp_path: Path) -> None:
    text = CONF.replace("ssl_tlsv1=YES", "ssl_tlsv12=NO\nssl_tlsv13=YES")
    made = _ranked(demanded(conf(tmp_path, text), OLD, "ftplib@rocky9:FIPS", RACING, NEW))
    worth = [(one.rating is Rating.UNSAFE, bool(one.loses or one.breaks)) for one in made]
    assert worth == sorted(worth)


def test_a_change_that_lets_in_who_must_be_refused_says_which_requirement_it_breaks(
    tmp_path: Path,
) -> None:
    text = CONF.replace("ssl_tlsv1=YES", "ssl_tlsv12=NO\nssl_tlsv13=YES")
    wanted = demanded(conf(tmp_path, text), "net-ftp@centos7", over=["TLSv1.2"])
    [one] = [one for one in _ranked(wanted) if any(c.end == "server" for c in one.changes)]
    assert one.breaks == ("over/TLSv1.2/net-ftp@centos7",)


# -- files ---------------------------------------------------------------------------------------------


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    file = conf(tmp_path)
    server = demanded(file, OLD)[0].requirement.attempt.server
    files = GivenFiles(configurations={"vsftpd-conf": file})
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nowhere")
    for there in (file, link, tmp_path):
        with pytest.raises(InputError, match="nothing is overwritten") as error:
            wanted_strongest(server, files, "en", search=None, write=there)
        assert len(str(error.value).split("\n")) == 2
        with pytest.raises(InputError):
            write_new(there, "x")
    assert file.read_text("utf-8") == CONF
    with pytest.raises(InputError, match="no folder"):
        wanted_strongest(server, files, "en", search=None, write=tmp_path / "a" / "b")


def test_whether_it_is_searched(tmp_path: Path) -> None:
    file = conf(tmp_path)
    server = demanded(file, OLD)[0].requirement.attempt.server
    files = GivenFiles(configurations={"vsftpd-conf": file})

    def wanted(files: GivenFiles = files, **options: Any) -> bool | None:
        found = wanted_strongest(server, files, "en", **{"search": None, "write": None, **options})
        return None if found is None else found.always

    assert wanted() is False
    assert wanted(search=True) is True
    assert wanted(write=tmp_path / "new") is True
    assert wanted(search=False) is None
    assert wanted(GivenFiles()) is None
    with pytest.raises(InputError, match="no configuration"):
        wanted(GivenFiles(), search=True)
    with pytest.raises(InputError, match="nothing to write"):
        wanted(search=False, write=tmp_path / "new")


@pytest.mark.parametrize("language", ["en", "ja"])
def test_what_would_serve_nobody_is_not_offered(tmp_path: Path, language: str) -> None:
    file = conf(tmp_path)
    wanted = demanded(file, OLD, over=["TLSv1", "TLSv1.1", "TLSv1.2"])
    found, _, _ = find(file, wanted)

    assert (found.text, found.lines, found.served) == ("", (), ())
    result = CheckResult(files=(), rows=tuple(wanted), strongest=found)
    target = Console(file=io.StringIO(), width=200)
    tell(result, target, language)
    said = target.file.getvalue()  # type: ignore[attr-defined]
    assert "--write" not in said
    nobody = {"en": "No value of these options serves any client.", "ja": "どの値でも"}[language]
    assert nobody in said


def test_without_a_client_that_can_be_judged_nothing_is_offered(tmp_path: Path) -> None:
    file = conf(tmp_path)
    wanted = [
        dataclasses.replace(one, verdict=RowVerdict.CANNOT) for one in demanded(file, OLD, NEW)
    ]
    found, _, lab = find(file, wanted)
    assert (found.text, found.lines, lab.made) == ("", (), [])
    [note] = found.notes
    assert "could be judged" in note.en


# -- words ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "ja"])
def test_both_are_told(tmp_path: Path, language: str) -> None:
    file = conf(tmp_path)
    wanted = demanded(file, OLD, NEW, RACING)
    found, _, _ = find(file, wanted)
    result = CheckResult(
        files=(str(file),),
        rows=tuple(wanted),
        remedies=_ranked(wanted),
        strongest=found,
    )
    target = Console(file=io.StringIO(), width=200)
    tell(result, target, language)
    said = target.file.getvalue()  # type: ignore[attr-defined]
    assert "`require_ssl_reuse=NO`" in said
    assert OLD in said
    assert "ssl_tlsv13=NO" in said
    assert ("3 of 3 clients" if language == "en" else "3 件中 3 件") in said
    told = as_json(result)
    assert told["strongest"]["text"] == found.text
    assert list(told["remedies"][0]["brings_in"]) == [OLD]


TRICKY = [
    "ssl_enable=NO\n",
    "ssl_tlsv1=YES\nssl_tlsv11=NO\nssl_tlsv1=NO\n",
    "ssl_tlsv1_2=YES\nssl_tlsv1_3=NO\nssl_sslv3=YES\n",
    "ssl_ciphers=PROFILE=SYSTEM\nssl_ciphersuites=TLS_AES_256_GCM_SHA384\nssl_tlsv1_3=NO\n",
    "ssl_sni_hostname=a.example\nrequire_cert=YES\nca_certs_file=/x\nssl_sni_hostname=b.example\n",
    " ssl_tlsv1=YES\nchroot_local_user=YES\nallow_writeable_chroot=NO",
    "ssl_tlsv1=YES \nbogus=1\n",
    "ssl_enable =YES\nssl_tlsv1_2=YES \nssl_tlsv1_3=NO\n",
]
TRICKY_NGINX = [
    "server { listen 443 ssl; ssl_ciphers HIGH; ssl_certificate a; ssl_protocols TLSv1 TLSv1.2; }\n",
    "http {\n ssl_protocols TLSv1;\n server\n {\n listen 443 ssl;\n ssl_ciphers A;\n ssl_ciphers B;\n }\n}\n",
    "server {\n\tlisten 443 ssl;\n\tssl_verify_client on; # ssl_ciphers x;\n\tssl_ciphers 'a;b';\n}\n",
]


TRICKY_PROFTPD = [
    "",
    "TLSEngine off\nTLSRequired auth+!data\nTLSProtocol ALL -TLSv1.3\n",
    "<IfModule mod_tls.c>\n\tTLSEngine on\n\ttlsprotocol SSLv23 # all\n</IfModule>\nMaxClients 3",
    "<VirtualHost a>\nTLSEngine on\nTLSOptions EnableDiags NoSessionReuseRequired\n</VirtualHost>\n",
    "TLSEngine on\nTLSOptions EnableDiags\nTLSOptions NoSessionReuseRequired \\\n UseImplicitSSL\r\n",
    "TLSEngine on\nTLSCipherSuite TLSv1.3 TLS_AES_128_GCM_SHA256\nTLSCipherSuite A\nTLSCipherSuite B\n",
    "TLSEngine on\nTLSProtocol TLSv1.2,TLSv1.3\nTLSRequired clear\nTLSVerifyClient on\nTLSVerifyClient off\n",
    "<Global>\nTLSEngine on\nTLSRequired off\nTLSOptions StdEnvVars\n</Global>\nTLSProtocol TLSv1 TLSv1.2\n",
    "TLSEngine on\nTLSOptions AllowWeakSecurity EnableDiags\nTLSOptions AllowPerUser\n",
    "TLSOptions EnableDiags\nTLSOptions StdEnvVars NoSessionReuseRequired\nTLSCipherSuite TLSv1.2 HIGH\n",
    "<Limit STOR>\n  TLSEngine off\n  TLSCipherSuite HIGH\n</Limit>\n",
    "TLSEngine enabled\nTLSVerifyClient optional\n<Limit STOR>\nAllowAll\n</Limit>\n",
]
TRICKY_PURE_FTPD = [
    "",
    "TLS 0\nCertFile /x.pem\nTLSCipherSuite -C:-S:HIGH\nTLSCipherSuite MEDIUM\n",
    "tls: 1\ntlsciphersuite=-C:HIGH\nCertFile /x.pem\nNoTruncate yes",
    "TLS 4\nTLSCipherSuite HIGH # ours\nTLS two\nUmask 133 022\n",
    "# TLS 3\nTLS 2\nTLS 3\nQuota 10:10\nBogus x\n",
]
TEXTS = {
    "vsftpd-conf": TRICKY,
    "nginx-conf": TRICKY_NGINX,
    "proftpd-conf": TRICKY_PROFTPD,
    "pure-ftpd-conf": TRICKY_PURE_FTPD,
}


@pytest.mark.parametrize(
    ("option", "text"), [(option, text) for option, texts in TEXTS.items() for text in texts]
)
def test_what_is_written_is_read_back_as_it_was_found(
    tmp_path: Path, option: str, text: str
) -> None:
    file = conf(tmp_path, text)
    files = GivenFiles(configurations={option: file})
    attempt, _, _ = read_attempt(files)
    found = form_of(attempt.server, files)
    assert found is not None
    ladders = Ladders(attempt.server, found.server)
    for weaker in (False, True):
        at = tuple(len(one.rungs) - 1 if weaker else 0 for one in ladders.ladders)
        at = ladders.canonical(at)
        now = ladders.lines(at)
        names = [
            name
            for number, one in enumerate(ladders.ladders)
            if not one.keep or at[number]
            for name in sorted(ladders.names[number])
        ]
        lines = [WrittenLine(name, now.get(name, ""), (name,)) for name in dict.fromkeys(names)]
        read = found.read(found.rewrite(found.text, lines))
        read = dataclasses.replace(read, certificate=attempt.server.certificate)
        assert comparable(read) == comparable(ladders.settings(at))
