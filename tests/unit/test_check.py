"""A check of a configuration against its clients: what is demanded, what came of it, what is said."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from lab.certificates.description import describe
from lab.check import telling
from lab.check.clients import clients_of, meant, most_lenient, usual_among
from lab.check.demands import ClientPattern, Demands, find, read
from lab.check.judging import judged, notes_on, told
from lab.check.plan import CheckPlan, read_plan
from lab.check.result import CheckResult, Demand, Requirement, Row, RowVerdict, SourceLine, StandIn
from lab.check.rows import known_to_race
from lab.model import Captured, Goal, NotJudged, Outcome, Reason, Result, Stage
from lab.model.outcome import ServerReport
from lab.own.configurations import GivenFiles
from lab.own.findings import InputError
from lab.record.models import AttemptResult, CertificateRecord
from lab.remedies.advice import Advice
from lab.remedies.words import InBothLanguages
from lab.servers.vsftpd.own.reading import READING
from lab.settings import SettingsError
from tests.check import GOOD
from tests.own_inputs.chains import made
from tests.unit.checks import delivers, refused
from tests.unit.made_up import (
    DELIVERED,
    EXPIRED,
    NO_SHARED_CIPHER,
    SHORT,
    attempt_record,
    reporting,
)

FTP = usual_among(clients_of("FTP"))
CONF = """\
ssl_enable=YES
force_local_logins_ssl=NO
ssl_tlsv1=YES
ssl_tlsv12=YES
rsa_cert_file=/etc/ssl/ftp.pem
"""


def _requirement(
    client: str = "curl@rocky9:FIPS", demand: Demand = Demand.DELIVERS, **more: Any
) -> Requirement:
    usual = delivers(client).requirement
    return dataclasses.replace(usual, written=None, demand=demand, **more)


def _row(verdict: RowVerdict, **more: Any) -> Row:
    wanted = _requirement(may_be_cannot=more.pop("may_be_cannot", False))
    return Row(requirement=wanted, verdict=verdict, **more)


# -- the exit status -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "status"),
    [
        ([_row(RowVerdict.MET)], 0),
        ([_row(RowVerdict.MET), _row(RowVerdict.CANNOT, may_be_cannot=True)], 0),
        ([_row(RowVerdict.MET), _row(RowVerdict.CANNOT)], 3),
        ([_row(RowVerdict.CANNOT, may_be_cannot=True, outcome=EXPIRED)], 3),
        ([_row(RowVerdict.MET), _row(RowVerdict.LAB_ERROR, may_be_cannot=True)], 3),
        ([_row(RowVerdict.LAB_ERROR), _row(RowVerdict.BROKEN)], 1),
    ],
)
def test_exit_status(rows: list[Row], status: int) -> None:
    """Something broken is known whatever else is not; what nobody knows is not met."""
    assert CheckResult(files=(), rows=tuple(rows)).status == status


def test_requirements_are_named_alike_in_every_check() -> None:
    """A baseline finds them again by that."""
    assert _row(RowVerdict.MET).requirement.id == "delivers/curl@rocky9:FIPS"
    old = _requirement("curl@centos7", Demand.OVER, version="TLSv1")
    assert old.id == "over/TLSv1/curl@centos7"


# -- clients -------------------------------------------------------------------------------------------


def test_clients_are_found_by_what_they_speak() -> None:
    web = clients_of("HTTP")
    assert "net-ftp@rocky9:FIPS" in FTP
    assert not set(FTP) & set(web)
    every = clients_of("FTP")
    assert clients_of("FTP", "net-ftp") == tuple(c for c in every if c.startswith("net-ftp@"))


def test_clients_whose_images_are_made_on_demand_are_taken_when_they_are_named() -> None:
    every = clients_of("FTP")
    assert {"net-ftp@debian13", "lftp@debian13"} <= set(every) - set(FTP)
    assert set(Demands().clients(every)) == set(FTP)
    assert set(Demands().clients(every, ["net-ftp@*"])) == {c for c in FTP if "net-ftp@" in c}
    assert set(Demands().clients(every, ["curl@debian13"])) == {"curl@debian13"}
    # a pattern that fits no other clients means these
    lftp = {"lftp@debian12", "lftp@debian13"}
    assert set(Demands().clients(every, ["lftp@*", "curl@centos7"])) == {*lftp, "curl@centos7"}
    written = SourceLine(file="lab-check.toml", line=1, text="lftp@*")
    asked = Demands(deliver=(ClientPattern("lftp@*", written),))
    assert set(asked.clients(every)) == lftp


@pytest.mark.parametrize(
    ("pattern", "client"),
    [("net-ftp@rocky9", "net-ftp@rocky9:DEFAULT"), ("net-*@*:FI?S", "net-ftp@rocky9:FIPS")],
)
def test_a_pattern_means_clients(pattern: str, client: str) -> None:
    assert meant(pattern, FTP) == (client,)


def test_a_name_that_is_no_client_is_none() -> None:
    with pytest.raises(SettingsError, match="did you mean"):
        meant("net-fpt@rocky9", FTP)
    with pytest.raises(SettingsError, match="no client of this server"):
        meant("edge@debian13", FTP)


def test_the_most_lenient_client_is_that_of_the_oldest_library() -> None:
    assert most_lenient(["net-ftp@rocky9:LEGACY", "net-ftp@centos7"]) == "net-ftp@centos7"


# -- lab-check.toml ------------------------------------------------------------------------------------


def _written(folder: Path, text: str) -> Path:
    path = folder / "lab-check.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_files_are_found_from_where_the_demands_are(tmp_path: Path) -> None:
    said = read(
        _written(
            tmp_path,
            '[files]\nvsftpd-conf = "vsftpd.conf"\nhost = "ftp.example.com"\n\n[clients]\n'
            'deliver = [\n  "net-ftp@*",\n  "curl@rocky9:FIPS",\n]\nmay-be-cannot = ["curl@centos7"]\n\n'
            '[refuse]\nover = ["TLSv1"]\nimpostor = true\nunverified = false\n',
        )
    )
    assert said.files == GivenFiles(
        configurations={"vsftpd-conf": tmp_path / "vsftpd.conf"}, host="ftp.example.com"
    )
    assert said.over["TLSv1"].line == 13
    assert said.impostor is not None
    assert said.impostor.line == 14
    assert said.unverified is None
    chosen = said.clients(FTP)
    assert chosen["curl@centos7"][1] is True
    place, may_be_cannot = chosen["curl@rocky9:FIPS"]
    assert (place.line if place else None, may_be_cannot) == (8, False)
    assert set(said.clients(FTP, ["curl@*"])) == {"curl@centos7", "curl@rocky9:FIPS"}


def test_all_may_be_written_and_some_be_cannot(tmp_path: Path) -> None:
    text = '[clients]\ndeliver = "all"\nmay-be-cannot = ["curl@centos7"]\n'
    chosen = read(_written(tmp_path, text)).clients(FTP)
    assert set(chosen) == set(FTP)
    assert [client for client, (_, may) in chosen.items() if may] == ["curl@centos7"]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[files]\nvsftp-conf = 'a'\n", 2, "did you mean vsftpd-conf"),
        ("\n[clinets]\n", 2, "did you mean clients"),
        ("[clients]\ndeliver = 1\n", 2, 'or deliver = "all"'),
        ("clients = 1\n", 1, "[clients]"),
        ("[refuse]\n\nover = ['TLSv1',\n 'TLS1.1']\n", 4, "did you mean TLSv1.1"),
        ("[refuse]\nimpostor = 'yes'\n", 2, "impostor = true or impostor = false"),
        ("[files]\nchain = ''\n", 2, "an empty text"),
        ("[files\n", 1, "not TOML"),
        ("baseline = [\n", None, "not TOML"),
        ("x = " + "[" * 9000, None, "too many brackets"),
        ("x = 1\n" * 3000, 2001, "more than 2000"),
    ],
)
def test_what_is_not_understood_is_said_with_its_line(
    tmp_path: Path, text: str, line: int | None, said: str
) -> None:
    with pytest.raises(InputError) as failed:
        read(_written(tmp_path, text))
    assert (failed.value.line, len(str(failed.value).split("\n"))) == (line, 2)
    assert said in str(failed.value)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[clients]\ndeliver = ["curl@rocky8"]\n', 2, "rocky8"),
        ('[clients]\ndeliver = ["nothing*"]\n', 2, "means no client"),
        (
            '[clients]\ndeliver = ["curl@*"]\n\nmay-be-cannot = ["curl@centos7"]\n',
            4,
            "curl@centos7 is in deliver (line 2)",
        ),
    ],
)
def test_a_list_of_clients_that_means_nothing_is_refused(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    said_of = read(_written(tmp_path, text))
    with pytest.raises(InputError) as failed:
        said_of.clients(FTP)
    assert failed.value.line == line
    assert said in str(failed.value)


def test_without_demands_all_that_fit_must_deliver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find(None) == Demands()
    # and nobody has demanded one that the lab has not
    assert {may for _, may in Demands().clients(FTP).values()} == {True}
    _written(tmp_path, "[refuse]\nimpostor = true\n")
    assert find(None).impostor is not None


# -- the plan ------------------------------------------------------------------------------------------


def _plan(folder: Path, demands: str = "", conf: str = CONF, **more: Any) -> CheckPlan:
    path = folder / "vsftpd.conf"
    path.write_text(conf, encoding="utf-8")
    said = read(_written(folder, demands))
    return read_plan(said, GivenFiles(configurations={"vsftpd-conf": path}), **more)


EVERYTHING = """\
[clients]
deliver = ["net-ftp@*"]
may-be-cannot = ["curl@centos7"]
[refuse]
over = ["TLSv1", "TLSv1.1"]
without-tls = true
unverified = true
impostor = true
"""


def test_every_demand_has_an_attempt_that_shows_it(tmp_path: Path) -> None:
    plan = _plan(tmp_path, EVERYTHING)
    by_id = {one.id: one for one in plan.requirements}
    assert len(by_id) == len(plan.requirements) == 3 * 6 + 1 + 2 + 2
    assert by_id["delivers/curl@centos7"].may_be_cannot
    impostor = by_id["impostor/net-ftp@rocky9:FIPS"].attempt.server
    assert (impostor.impostor, impostor.certificate) == (True, "impostor")
    old = by_id["over/TLSv1/net-ftp@centos7"].attempt
    assert (str(old.client.protocols), old.client.verify) == ("TLSv1", False)
    bare = by_id["without-tls/net-ftp@centos7"].attempt
    assert (bare.client.tls, bare.server) == (False, old.server)
    clear = by_id["clear-data/net-ftp@rocky9:DEFAULT"].attempt.client
    assert (clear.tls, vars(clear)["protect_data"], clear.goal) == (True, False, Goal.TRANSFER)


def test_what_nobody_demands_is_not_made(tmp_path: Path) -> None:
    assert {one.demand for one in _plan(tmp_path).requirements} == {Demand.DELIVERS}


def test_the_labs_certificate_is_strong_enough_for_every_client(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    assert {one.attempt.server.certificate for one in plan.requirements} == {"rsa3072"}
    assert plan.own is not None
    assert not plan.own.certificate_given


def test_settings_are_given_to_every_client(tmp_path: Path) -> None:
    plan = _plan(tmp_path, '[clients]\nsettings = ["mode=active"]\n', settings=["payload=6"])
    assert {
        (vars(p.attempt.client)["mode"], vars(p.attempt.client)["payload"])
        for p in plan.requirements
    } == {("active", 6)}


def test_with_movable_types_lines_its_client_alone_fits(tmp_path: Path) -> None:
    config = tmp_path / "mt-config.cgi"
    config.write_text("FTPSSSLVerifyNone 1\n", encoding="utf-8")
    said = read(_written(tmp_path, f'[files]\nmt-config = "{config.name}"\n'))
    plan = read_plan(said, GivenFiles())
    assert {one.attempt.client.program for one in plan.requirements} == {"net-ftp"}
    assert not any(one.attempt.client.verify for one in plan.requirements)
    assert plan.files == (str(config),)


def test_nothing_to_check_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no configuration is named"):
        read_plan(Demands(), GivenFiles())
    with pytest.raises(InputError, match="--clients: "):
        _plan(tmp_path, narrowed=["nobody*"])


def test_the_line_of_a_version_is_found() -> None:
    assert READING.line_that_switches(CONF, "TLSv1") == 3
    assert READING.line_that_switches("ssl_tlsv1_2=NO\n", "TLSv1.2") == 1
    assert READING.line_that_switches(CONF, "TLSv1.3") is None


# -- judging -------------------------------------------------------------------------------------------


def _judged(wanted: Requirement, outcome: Outcome | None, **more: Any) -> Row:
    return judged(wanted, _result(wanted, outcome, **more))


def _result(wanted: Requirement, outcome: Outcome | None, **more: Any) -> AttemptResult:
    made = attempt_record(wanted.id, wanted.attempt, outcome or DELIVERED, None)
    report = None if outcome is None else outcome.report
    return made.model_copy(update={"outcome": outcome, "client_report": report, **more})


@pytest.fixture
def rows(tmp_path: Path) -> Mapping[str, Requirement]:
    return {one.id: one for one in _plan(tmp_path, EVERYTHING).requirements}


def test_a_delivery_is_met_or_broken(rows: Mapping[str, Requirement]) -> None:
    one = rows["delivers/net-ftp@rocky9:LEGACY"]
    assert _judged(one, DELIVERED).verdict is RowVerdict.MET
    broken = _judged(one, NO_SHARED_CIPHER)
    assert (broken.verdict, broken.user_sees) == (
        RowVerdict.BROKEN,
        "FTP failed to start tls: Proceed with negotiation.",
    )
    short = _judged(one, SHORT)
    assert short.verdict is RowVerdict.BROKEN
    assert "says it delivered; the server has 122880 of 1048576 bytes" in telling.row_in_words(
        short, "en"
    )
    assert "1048576 バイト中 122880 バイト" in telling.row_in_words(short, "ja")
    assert _judged(one, None, verdict="cannot", verdict_why="no image").why == "no image"
    assert _judged(one, None, verdict="lab-error").verdict is RowVerdict.LAB_ERROR


def test_a_refusal_of_the_labs_client_alone_says_nothing(rows: Mapping[str, Requirement]) -> None:
    one = rows["delivers/net-ftp@rocky9:LEGACY"]
    expired = dataclasses.replace(EXPIRED, not_judged=(NotJudged.NAME_NOT_GIVEN,))
    open_row = _judged(one, expired)
    assert open_row.verdict is RowVerdict.CANNOT
    assert open_row.cause is not None
    assert "refused by the client at verify: expired" in open_row.cause.en
    assert "refused" not in open_row.cause.ja
    assert "期限切れ" in open_row.cause.ja
    judged_with_roots = dataclasses.replace(EXPIRED, not_judged=(NotJudged.ROOTS_STAND_IN,))
    assert _judged(one, judged_with_roots).verdict is RowVerdict.BROKEN


def test_what_a_real_host_refuses_is_not_delivered(rows: Mapping[str, Requirement]) -> None:
    """A container under the policy FIPS is not a host in that mode."""
    one = rows["delivers/net-ftp@rocky9:FIPS"]
    with_rsa = reporting(DELIVERED, cipher="AES256-GCM-SHA384")
    row = _judged(one, with_rsa)
    assert row.verdict is RowVerdict.BROKEN
    assert row.cause is not None
    assert "refuses this suite" in row.cause.en
    # what depends on the server is a note, and no delivery is claimed
    row = _judged(one, DELIVERED)
    assert row.verdict is RowVerdict.MET
    assert not telling.delivers(row)
    assert "net-ftp@rocky9:FIPS" in notes_on([row])[0].en


def test_what_gets_through_and_must_not_is_broken_at_its_line(
    rows: Mapping[str, Requirement],
) -> None:
    over = _judged(rows["over/TLSv1/net-ftp@centos7"], DELIVERED)
    assert [(p.line, p.text) for p in over.where] == [(3, "ssl_tlsv1=YES")]
    bare = _judged(rows["without-tls/net-ftp@centos7"], reporting(DELIVERED, protocol=None))
    assert [(p.line, p.text) for p in bare.where] == [(2, "force_local_logins_ssl=NO")]
    got = Captured(user="lab", password="x")
    impostor = _judged(
        rows["impostor/net-ftp@rocky9:FIPS"],
        DELIVERED,
        server_report=ServerReport(started=True, captured=got),
    )
    assert impostor.cause is not None
    assert "パスワード x" in impostor.cause.ja
    assert {over.verdict, bare.verdict, impostor.verdict} == {RowVerdict.BROKEN}
    # a client that calls a short file delivered was refused by nobody
    for name in ("over/TLSv1/net-ftp@centos7", "impostor/net-ftp@rocky9:FIPS"):
        short = _judged(rows[name], SHORT)
        assert (short.verdict, short.completed) == (RowVerdict.BROKEN, 1)
        assert telling.row_in_words(short, "en") == "gets through"
    checked = _judged(rows["verifies/net-ftp@rocky9:FIPS"], reporting(SHORT, verified=True))
    assert checked.verdict is RowVerdict.MET
    others = ("delivers", "clear-data")
    refused = [_judged(rows[n], NO_SHARED_CIPHER) for n in rows if not n.startswith(others)]
    assert {one.verdict for one in refused} == {RowVerdict.MET}


def test_a_file_in_clear_text_is_broken_at_the_line_that_allows_it(tmp_path: Path) -> None:
    conf = CONF + "force_local_data_ssl=NO\n"
    by_id = {one.id: one for one in _plan(tmp_path, EVERYTHING, conf).requirements}
    one = by_id["clear-data/net-ftp@rocky9:DEFAULT"]
    clear = _judged(one, reporting(DELIVERED, data_protected=False))
    assert (clear.verdict, [place.line for place in clear.where]) == (RowVerdict.BROKEN, [6])
    assert [change.write for change in clear.remedy] == [("force_local_data_ssl=YES",)]
    # whoever does not get as far as the data channel has shown nothing
    early = _judged(one, NO_SHARED_CIPHER)
    assert (early.verdict, early.left_open) == (RowVerdict.CANNOT, True)
    assert early.cause is not None
    assert "net-ftp@rocky9:DEFAULT" in early.cause.ja
    for reason, stage in (
        (Reason.DATA_TLS_REQUIRED, Stage.TRANSFER),
        (Reason.PROTECTION_REFUSED, Stage.PROTECT),
    ):
        refusal = dataclasses.replace(NO_SHARED_CIPHER, reason=reason, stage=stage)
        assert _judged(one, refusal).verdict is RowVerdict.MET


def test_where_one_option_requires_tls_of_login_and_data_that_one_is_to_be_written(
    tmp_path: Path,
) -> None:
    conf = tmp_path / "pure-ftpd.conf"
    conf.write_text("TLS 1\nCertFile /etc/ssl/ftp.pem\n", encoding="utf-8")
    files = GivenFiles(configurations={"pure-ftpd-conf": conf})
    wanted = read_plan(
        read(_written(tmp_path, "[refuse]\nwithout-tls = true\n")), files
    ).requirements
    one = next(one for one in wanted if one.demand is Demand.CLEAR_DATA)
    clear = _judged(one, reporting(DELIVERED, data_protected=False))
    assert [(change.was, change.write) for change in clear.remedy] == [(("TLS 1",), ("TLS 3",))]
    assert [place.line for place in clear.where] == [1]


def test_one_client_of_each_program_shows_what_comes_in_clear_text(tmp_path: Path) -> None:
    def shown(deliver: str) -> set[str]:
        plan = _plan(tmp_path, f"[clients]\ndeliver = {deliver}\n[refuse]\nwithout-tls = true\n")
        return {one.client for one in plan.requirements if one.demand is Demand.CLEAR_DATA}

    everybody = {"curl@rocky9:DEFAULT", "ftplib@rocky9:DEFAULT", "net-ftp@rocky9:DEFAULT"}
    assert shown('"all"') == shown("[]") >= everybody
    assert shown('["net-ftp@centos7"]') == {"net-ftp@centos7"}


def test_a_client_that_checks_nothing_is_broken_where_that_is_demanded(
    rows: Mapping[str, Requirement],
) -> None:
    one = rows["verifies/net-ftp@rocky9:FIPS"]
    assert _judged(one, DELIVERED).verdict is RowVerdict.MET
    assert _judged(one, reporting(DELIVERED, verified=False)).verdict is RowVerdict.BROKEN


def test_a_race_is_known_by_client_and_version(rows: Mapping[str, Requirement]) -> None:
    one = rows["delivers/net-ftp@rocky9:FIPS"]
    new = reporting(DELIVERED, protocol="TLSv1.3")
    assert known_to_race(_judged(one, new))
    assert not known_to_race(_judged(one, DELIVERED))
    curl = rows["delivers/curl@centos7"]
    assert not known_to_race(_judged(curl, new))
    aborted = Outcome(
        result=Result.REFUSED,
        goal=DELIVERED.goal,
        by=NO_SHARED_CIPHER.by,
        stage=Stage.TRANSFER,
        reason=Reason.ABORTED,
        report=new.report,
    )
    assert known_to_race(_judged(curl, aborted))


def test_advice_on_one_is_told_of_all_that_are_refused_alike(tmp_path: Path) -> None:
    files = GOOD.write(tmp_path)
    plan = read_plan(Demands(), files, narrowed=["net-ftp@*"])
    one = plan.requirements[0]
    described = describe(made({**GOOD.chain, "leaf": {"ends": -1}})["chain.pem"]).certificates
    chain = tuple(CertificateRecord(**vars(each)) for each in described)
    refused = judged(one, _result(one, EXPIRED, chain="ftp.lab.test/own"))
    advice = Advice(cause=InBothLanguages("of another client", ""), where=("vsftpd.conf:9",))
    row = told(refused, advice, chain)
    # where a certificate is refused, it is what decides
    assert [str(place) for place in row.where] == [f"{tmp_path / 'chain.pem'}:1"]
    assert row.cause is not None
    assert "validity has ended" in row.cause.en
    # and of what both ends offer the advice knows more
    row = told(judged(one, _result(one, NO_SHARED_CIPHER)), advice, ())
    assert [str(place) for place in row.where] == ["vsftpd.conf:9"]
    assert row.cause == advice.cause


# -- what is said --------------------------------------------------------------------------------------


def _made_up_result(rows: Mapping[str, Requirement]) -> CheckResult:
    cause = InBothLanguages(
        "The server allows none of the suites.", "共通の暗号スイートがありません。"
    )
    where = (SourceLine("vsftpd.conf", 4, "ssl_ciphers=RC4"),)
    made = [
        dataclasses.replace(_judged(rows[name], NO_SHARED_CIPHER), cause=cause, where=where)
        for name in ("delivers/net-ftp@rocky9:FIPS", "delivers/net-ftp@rocky9:DEFAULT")
    ]
    made.append(_judged(rows["delivers/net-ftp@rocky9:LEGACY"], DELIVERED))
    won = _judged(rows["delivers/net-ftp@centos7"], reporting(DELIVERED, protocol="TLSv1.3"))
    made.append(dataclasses.replace(won, race=True, tries=48, completed=48))
    made.append(_judged(rows["delivers/curl@centos7"], None, verdict="cannot", verdict_why="no"))
    made.append(_judged(rows["over/TLSv1/net-ftp@centos7"], NO_SHARED_CIPHER))
    image = StandIn(name="rocky9", library="OpenSSL 3.5.1")
    return CheckResult(
        files=("vsftpd.conf",), rows=tuple(made), notes=notes_on(made), stand_ins=(image,)
    )


def _told(result: CheckResult, language: str, columns: int = 80) -> str:
    stream = io.StringIO()
    telling.tell(result, Console(file=stream, width=columns), language)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "1 of 1 requirement is broken"),
        (2, "2 of 2 requirements are broken"),
    ],
)
def test_the_conclusion_counts_in_grammatical_sentences(count: int, said: str) -> None:
    result = CheckResult(files=(), rows=tuple(refused(f"c{n}") for n in range(count)))

    assert _told(result, "en").endswith(f"{said} (0.0 s)\n")
    assert _told(result, "ja").endswith("件が満たされていません\uff080.0 秒\uff09\n")


def test_the_table_has_a_line_for_each_client_and_each_cause_once(
    rows: Mapping[str, Requirement],
) -> None:
    told = _told(_made_up_result(rows), "en", 120)
    assert "net-ftp@rocky9:FIPS     handshake: no-shared-cipher  vsftpd.conf:4 [1]" in told
    assert "delivers  TLSv1.3" in told
    assert "(48 of 48 tries complete)" in told
    assert told.count("The server allows none of the suites.") == 1
    assert "vsftpd.conf:4: ssl_ciphers=RC4" in told
    assert "TLSv1 (net-ftp@centos7)" in told
    assert "2 of 6 requirements are broken (1 could not be looked at)" in told
    assert "STAND-IN" in told


@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_line_is_wider_than_the_terminal(rows: Mapping[str, Requirement], language: str) -> None:
    told = _told(_made_up_result(rows), language)
    assert max(map(cell_len, told.split("\n"))) <= 80
    assert not any(line.endswith(" ") for line in told.split("\n"))


def test_japanese_is_japanese(rows: Mapping[str, Requirement]) -> None:
    told = _told(_made_up_result(rows), "ja")
    assert "共通の暗号スイートがありません。" in told
    assert "要件 6 件中 2 件" in told


def test_a_program_gets_the_same(rows: Mapping[str, Requirement]) -> None:
    plain = telling.as_json(_made_up_result(rows))
    first = plain["rows"][0]
    assert (plain["status"], first["verdict"], first["reason"]) == (1, "broken", "no-shared-cipher")
    assert first["where"] == [{"file": "vsftpd.conf", "line": 4, "text": "ssl_ciphers=RC4"}]
    assert first["cause"]["ja"].startswith("共通")
