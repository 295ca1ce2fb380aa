"""The ladders that servers declare: every value is one of the server's, and what a rung comes to."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

import pytest

from lab.check.ladders import TABLE, Ladders, Rung, ladders_of
from lab.model import ProtocolRange
from lab.servers import SERVERS, server_of
from lab.servers.proftpd import Proftpd
from lab.servers.pure_ftpd import PureFtpd
from lab.servers.vsftpd import EL9, Vsftpd, VsftpdServer
from lab.settings import parse_server

WITH_LADDERS = [
    name
    for name, server in SERVERS.items()
    if Path(inspect.getfile(type(server))).with_name(TABLE).is_file()
]


def _ladders(*settings: str, software: str = "vsftpd") -> Ladders:
    return Ladders(parse_server(settings, software))


def _number(ladders: Ladders, setting: str) -> int:
    return [one.setting for one in ladders.ladders].index(setting)


@pytest.mark.parametrize("software", WITH_LADDERS)
def test_every_rung_is_something_that_the_server_can_be_told(software: str) -> None:
    ladders = _ladders(software=software)
    for number, ladder in enumerate(ladders.ladders):
        for rung in range(len(ladder.rungs)):
            at = ladders.canonical(
                (*ladders.strongest[:number], rung, *ladders.strongest[number + 1 :])
            )
            settings = ladders.settings(at)
            assert server_of(settings).unsupported(settings) is None, (ladder.setting, rung)


@pytest.mark.parametrize("software", WITH_LADDERS)
def test_words_are_in_both_languages_and_a_weaker_value_says_whom_it_lets_in(software: str) -> None:
    for ladder in ladders_of(parse_server([], software)):
        assert ladder.purpose.en
        assert ladder.purpose.ja
        for rung in ladder.rungs[1:]:
            assert rung.lets_in is not None, ladder.setting
            assert rung.lets_in.en
            assert rung.lets_in.ja
        assert ladder.eased_by or len(ladder.rungs) == 1, (
            f"nothing asks for a weaker {ladder.setting}"
        )


def test_a_server_without_the_table_has_no_ladders() -> None:
    assert not _ladders(software="pyftpdlib").ladders


def test_the_strongest_vsftpd() -> None:
    ladders = _ladders()
    settings = ladders.settings(ladders.strongest)
    assert isinstance(settings, Vsftpd)
    assert settings.protocols == ProtocolRange("TLSv1.3", "TLSv1.3")
    assert (settings.require_ssl_reuse, settings.strict_ssl_read_eof) == (True, True)
    assert (settings.tls_required_login, settings.tls_required_data) == (True, True)


def test_what_no_ladder_is_about_stays_and_what_one_is_about_does_not_stand_twice() -> None:
    extra = ("extra=ssl_tlsv1=NO", "extra=ssl_tlsv12=YES", "extra=idle_session_timeout=30")
    ladders = _ladders("anonymous=yes", *extra)
    settings = ladders.settings(ladders.strongest)
    assert isinstance(settings, Vsftpd)
    assert settings.anonymous
    assert settings.extra == ("idle_session_timeout=30",)


def test_a_value_of_the_file_that_is_kept_comes_first() -> None:
    ladders = _ladders("ssl_sni_hostname=ftp.example.com", "require_cert=yes", "implicit_tls=yes")
    kept = {one.setting: [rung.value for rung in one.rungs] for one in ladders.ladders if one.keep}
    assert kept["ssl_sni_hostname"] == ["ftp.example.com", None]
    assert kept["require_cert"] == [True, False]
    assert kept["implicit_tls"] == [True, False]
    assert [rung.value for rung in _of(_ladders(), "require_cert")] == [None]
    assert [rung.value for rung in _of(_ladders(), "ssl_sni_hostname")] == [None]


def _of(ladders: Ladders, setting: str) -> tuple[Rung, ...]:
    return ladders.ladders[_number(ladders, setting)].rungs


def test_no_oldest_version_is_above_the_newest() -> None:
    ladders = _ladders()
    low, high = _number(ladders, "protocols.minimum"), _number(ladders, "protocols.maximum")
    at = list(ladders.strongest)
    at[high] = 1
    canonical = ladders.canonical(tuple(at))
    assert ladders.ladders[low].rungs[canonical[low]].value == "TLSv1.2"
    assert ladders.settings(canonical).protocols == ProtocolRange("TLSv1.2", "TLSv1.2")


def test_what_the_library_does_not_speak_is_no_rung() -> None:
    versions = [
        rung.value for rung in _of(_ladders(software="vsftpd@openssl-1.0.2k"), "protocols.minimum")
    ]
    assert versions == ["TLSv1.2", "TLSv1.1", "TLSv1"]
    lists = [str(rung.value) for rung in _of(_ladders(software="vsftpd@openssl-1.0.2k"), "ciphers")]
    assert not any("SECLEVEL" in one for one in lists), "OpenSSL 1.0.2 ends at the word"


def test_lines_are_spelt_as_the_build_of_the_file_spells_them() -> None:
    base = parse_server([], "vsftpd")
    ladders = Ladders(base, VsftpdServer(build=EL9))
    lines = ladders.lines(ladders.strongest)
    assert lines["ssl_tlsv1_2"] == "ssl_tlsv1_2=NO"
    assert "ssl_tlsv1_3" in ladders.names[_number(ladders, "protocols.maximum")]
    assert "ssl_tlsv12" not in lines


def test_every_line_of_a_ladder_is_named() -> None:
    ladders = _ladders("require_cert=yes", "ssl_sni_hostname=ftp.example.com")
    named = {one.setting: ladders.names[n] for n, one in enumerate(ladders.ladders)}
    assert named["ciphers"] == {"ssl_ciphers"}
    assert named["protocols.maximum"] == {"ssl_tlsv13"}
    assert named["protocols.minimum"] >= {"ssl_sslv3", "ssl_tlsv1", "ssl_tlsv11", "ssl_tlsv12"}
    assert named["require_cert"] == {"require_cert"}
    assert named["ssl_sni_hostname"] == {"ssl_sni_hostname"}
    assert named["tls"] == {"ssl_enable"}


def test_a_line_that_says_several_settings_is_one_ladder() -> None:
    ladders = _ladders("tls=no", software="pure-ftpd")
    number = _number(ladders, "tls tls_required_login tls_required_data")
    assert ladders.names[number] == {"TLS"}
    seen = []
    for rung in range(len(ladders.ladders[number].rungs)):
        at = (*ladders.strongest[:number], rung, *ladders.strongest[number + 1 :])
        settings = ladders.settings(at)
        assert isinstance(settings, PureFtpd)
        seen.append(
            (ladders.lines(at)["TLS"], settings.tls_required_login, settings.tls_required_data)
        )
    assert seen == [("TLS 3", True, True), ("TLS 2", True, False), ("TLS 1", False, False)]


def test_of_an_option_that_adds_up_the_other_words_stay() -> None:
    ladders = _ladders("extra=TLSOptions=EnableDiags", software="proftpd")
    number = _number(ladders, "require_ssl_reuse")
    weaker = (*ladders.strongest[:number], 1, *ladders.strongest[number + 1 :])
    assert ladders.lines(ladders.strongest)["TLSOptions"] == "TLSOptions EnableDiags"
    both = "TLSOptions NoSessionReuseRequired EnableDiags"
    assert ladders.lines(weaker)["TLSOptions"] == both
    settings = ladders.settings(weaker)
    assert isinstance(settings, Proftpd)
    assert settings.extra == ("TLSOptions=EnableDiags",)


def test_a_word_that_undoes_other_options_is_left_out_and_that_is_said() -> None:
    extra = "extra=TLSOptions=AllowPerUser EnableDiags"
    ladders = _ladders(extra, "extra=TLSOptions=AllowWeakSecurity", software="proftpd")
    settings = ladders.settings(ladders.strongest)
    assert isinstance(settings, Proftpd)
    assert settings.extra == ("TLSOptions=EnableDiags",)
    left_out = {one.word for one in ladders.left_out("TLSOptions")}
    assert left_out == {"AllowPerUser", "AllowWeakSecurity"}
    assert not _ladders(software="proftpd").left_out("TLSOptions")


def test_a_further_line_of_the_same_directive_goes_and_one_for_another_version_stays() -> None:
    suites = "TLSCipherSuite=TLSv1.3 TLS_AES_128_GCM_SHA256"
    extra = (f"extra={suites}", "extra=TLSProtocol=ALL -TLSv1.3", "extra=TLSRequired=auth")
    ladders = _ladders(*extra, software="proftpd")
    settings = ladders.settings(ladders.strongest)
    assert isinstance(settings, Proftpd)
    assert settings.extra == (suites,)
    assert settings.protocols == ProtocolRange("TLSv1.3", "TLSv1.3")


def test_a_confined_user_is_let_in_by_a_line() -> None:
    ladders = _ladders("extra=chroot_local_user=YES")
    number = _number(ladders, "line:allow_writeable_chroot")
    weaker = ladders.settings((*ladders.strongest[:number], 1, *ladders.strongest[number + 1 :]))
    assert isinstance(weaker, Vsftpd)
    assert weaker.extra == ("chroot_local_user=YES", "allow_writeable_chroot=YES")
    stronger = ladders.settings(ladders.strongest)
    assert isinstance(stronger, Vsftpd)
    assert dataclasses.replace(weaker, extra=stronger.extra) == stronger
