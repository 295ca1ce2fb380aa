"""vsftpd.conf: what vsftpd makes of it, as the settings of a server."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.model import ProtocolRange
from lab.own.findings import InputError, Severity, data
from lab.own.presumed import in_both_languages
from lab.servers import ListenerPlace
from lab.servers.vsftpd import DEBIAN, DEBIAN_12, EL9, Build, Vsftpd, VsftpdServer
from lab.servers.vsftpd.own import reading as conf
from lab.servers.vsftpd.own.reading import BUILDS, OptionKind, Treatment, VsftpdConf, options_of
from lab.settings import SettingsError
from tests.own_inputs import CONFIGURATIONS, JUDGED, NO_INPUT, Input

#: What every file of these tests begins with, so that only what is tested is out of the ordinary.
USUAL = (
    "ssl_enable=YES\nlocal_enable=YES\nwrite_enable=YES\nrsa_cert_file=/x.pem\n"
    "listen=YES\nanonymous_enable=NO\n"
)
FIRST = USUAL.count("\n") + 1
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")
PLACE = ListenerPlace(
    key="k",
    port=2100,
    passive_ports=(30000, 30009),
    password="p",
    chain="/c.pem",
    private_key="/k.pem",
    client_ca="/ca.pem",
)

VSFTPD = [one for one in CONFIGURATIONS if one.kind == "vsftpd.conf"]


def read(text: str) -> VsftpdConf:
    return conf.parse(USUAL + text)


def said(read: VsftpdConf, severity: Severity) -> list[str]:
    return [str(f) for f in read.findings if f.severity is severity]


# -- the tables ------------------------------------------------------------------------------------


#: The names of the options that are treated so.
OF = {
    treatment: [name for name, o in options_of(DEBIAN).items() if o.treatment is treatment]
    for treatment in Treatment
}


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_every_option_of_a_build_has_what_its_treatment_needs(build: Build) -> None:
    fields = {field.name for field in dataclasses.fields(Vsftpd)}
    for name, option in options_of(build).items():
        assert (option.field in fields) is (option.treatment is Treatment.FIELD), name
        explained = option.treatment in (Treatment.ALLOWED, Treatment.REPLACED)
        assert bool(option.empty) or not explained, name
        assert option.default is None or option.field, name


def test_the_builds_differ_in_switches_and_a_few_options() -> None:
    debian, el9 = (set(options_of(build)) for build in (DEBIAN, EL9))
    assert {"ssl_tlsv12", "utf8_filesystem", "upload_file", "download_file"} <= debian - el9
    assert {"ssl_tlsv1_2", "ssl_ciphersuites", "dh_param_file"} <= el9 - debian
    assert {"ssl_enable", "ssl_sslv3", "seccomp_sandbox"} <= debian & el9


def test_what_the_lab_writes_for_every_listener_is_never_kept() -> None:
    written = VsftpdServer().configure(Vsftpd(), PLACE)
    names = {line.partition("=")[0] for line in written.splitlines()}
    assert names.isdisjoint(OF[Treatment.KEPT])


def test_what_an_impostor_needs_comes_behind_what_is_kept() -> None:
    settings = Vsftpd(impostor=True, extra=("guest_enable=NO",))
    lines = VsftpdServer().configure(settings, PLACE).splitlines()
    assert lines.index("guest_enable=YES") > lines.index("guest_enable=NO")


# -- fields ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("ssl_ciphers=HIGH", "ciphers", "HIGH"),
        ("ssl_ciphers=  HIGH \r", "ciphers", "HIGH"),
        ("ssl_ciphers=", "ciphers", ""),
        ("ssl_ciphers", "ciphers", ""),
        ("require_ssl_reuse=NO", "require_ssl_reuse", False),
        ("require_ssl_reuse=yes", "require_ssl_reuse", True),
        ("strict_ssl_read_eof=0", "strict_ssl_read_eof", False),
        ("require_cert=TRUE", "require_cert", True),
        ("force_local_logins_ssl=no", "tls_required_login", False),
        ("force_local_data_ssl=False", "tls_required_data", False),
        ("implicit_ssl=YES", "implicit_tls", True),
        ("allow_anon_ssl=1", "allow_anon_ssl", True),
        ("anonymous_enable=YES", "anonymous", True),
        ("ssl_sni_hostname=ftp.example.com", "ssl_sni_hostname", "ftp.example.com"),
        ("ssl_sni_hostname=", "ssl_sni_hostname", None),
        ("rsa_cert_file=", "certificate", "empty"),
        ("rsa_cert_file", "certificate", "empty"),
        (" \tssl_ciphers=HIGH", "ciphers", "HIGH"),
        ("#ssl_ciphers=HIGH", "ciphers", None),
    ],
)
def test_an_option_becomes_its_field(line: str, field: str, value: object) -> None:
    assert getattr(read(f"{line}\n").settings, field) == value


def test_what_no_line_sets_is_at_vsftpds_default() -> None:
    settings = conf.parse("").settings
    assert settings == Vsftpd(
        tls=False,
        anonymous=True,
        certificate="unset",
        extra=("anon_upload_enable=NO",),
        presumed=(
            "local_enable=YES is set (vsftpd.conf)",
            "write_enable=YES is set (vsftpd.conf)",
            "inetd or a socket of systemd starts vsftpd (vsftpd.conf)",
        ),
    )


def test_a_file_without_tls_or_certificate_is_warned_of() -> None:
    assert "default is NO" in said(conf.parse("local_enable=YES\n"), Severity.WARNING)[0]
    assert "rsa_cert_file" in said(conf.parse("ssl_enable=YES\n"), Severity.WARNING)[0]


def test_a_certificate_of_the_operators_machine_is_replaced_by_a_valid_one() -> None:
    parsed = conf.parse("ssl_enable=YES\nrsa_cert_file=/etc/x.pem\nrsa_private_key_file=/etc/k\n")
    assert parsed.settings.certificate == "valid"
    assert any("--chain" in text for text in said(parsed, Severity.NOTE))


def test_fields_know_their_line() -> None:
    parsed = read("\nssl_ciphers=HIGH\n")
    assert parsed.lines["ciphers"] == FIRST + 1
    assert parsed.lines["tls"] == 1


def test_of_a_repeated_option_the_last_line_holds() -> None:
    parsed = read("ssl_ciphers=HIGH\nssl_ciphers=AES128\n")
    assert parsed.settings.ciphers == "AES128"
    (text,) = said(parsed, Severity.WARNING)
    assert text.startswith(f"vsftpd.conf:{FIRST + 1}: ")
    assert f"line {FIRST}" in text


# -- protocol versions -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ("", None),
        ("ssl_tlsv13=NO", "TLSv1.2"),
        ("ssl_tlsv12=NO", "TLSv1.3"),
        ("ssl_tlsv12=YES", "TLSv1.2..TLSv1.3"),
        ("ssl_tlsv1=YES\nssl_tlsv11=YES\nssl_tlsv13=NO", "TLSv1..TLSv1.2"),
        ("ssl_sslv3=YES\nssl_tlsv1=YES\nssl_tlsv11=YES", "SSLv3..TLSv1.3"),
    ],
)
def test_switches_become_a_range(lines: str, wanted: str | None) -> None:
    parsed = read(lines + "\n")
    assert parsed.settings.protocols == (ProtocolRange.parse(wanted) if wanted else None)
    assert parsed.settings.extra == ()


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ("ssl_tlsv1=yes", ("ssl_tlsv1=YES",)),
        ("ssl_tlsv12=NO\nssl_tlsv13=NO", ("ssl_tlsv12=NO", "ssl_tlsv13=NO")),
    ],
)
def test_switches_that_are_no_range_are_kept(lines: str, kept: tuple[str, ...]) -> None:
    parsed = read(lines + "\n")
    assert parsed.settings.protocols is None
    assert parsed.settings.extra == kept
    assert parsed.switches == set(kept)


# -- lines that vsftpd dies of ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "says", "hint"),
    [
        ("ssl_tlsv1_2=YES", "unrecognised variable in config file: ssl_tlsv1_2", "ssl_tlsv12=YES"),
        ("ssl_cipher=HIGH", "unrecognised variable in config file: ssl_cipher", "ssl_ciphers=HIGH"),
        ("SSL_ENABLE=YES", "unrecognised variable in config file: SSL_ENABLE", "`ssl_enable=YES`"),
        ("ssl_enable =YES", "unrecognised variable in config file: ssl_enable ", "no blank before"),
        ("ssl_ciphersuites=X", "unrecognised variable in config file: ssl_ciphersuites", "el9"),
        ("nonsense=1", "unrecognised variable in config file: nonsense", ""),
        ("nonsense=", "missing value in config file for: nonsense", ""),
        ("ssl_enable=", "missing value in config file for: ssl_enable", ""),
        ("ssl_enable=maybe", "bad bool value in config file for: ssl_enable", "neither YES nor NO"),
        ("ssl_enable=YES ", "bad bool value in config file for: ssl_enable", "blank beside YES"),
        ("ssl_enable= YES", "bad bool value in config file for: ssl_enable", "blank beside YES"),
        ("ssl_enable=YES # TLS", "bad bool value in config file for: ssl_enable", "neither"),
    ],
)
def test_a_line_that_vsftpd_dies_of_is_kept_for_it(line: str, says: str, hint: str) -> None:
    parsed = conf.parse(f"{USUAL}{line}\n", build=DEBIAN)
    (text,) = said(parsed, Severity.ERROR)
    assert text.startswith(f"vsftpd.conf:{FIRST}: error: ")
    assert f"`500 OOPS: {says}`" in text
    assert hint in text
    assert parsed.settings.extra == (line,)


def test_a_name_that_is_near_is_asked_for_and_an_old_version_is_not_proposed() -> None:
    [old] = said(read("sll_tlsv1=YES\n"), Severity.ERROR)
    assert "did you mean `ssl_tlsv1=YES`? That would let in TLSv1" in old
    for line in ("sll_tlsv1=NO", "sll_tlsv12=YES"):
        [usual] = said(read(f"{line}\n"), Severity.ERROR)
        assert f"did you mean `{line.replace('sll', 'ssl')}`? vsftpd ends at start" in usual


def test_a_good_line_behind_it_does_not_save_the_server() -> None:
    parsed = read("pasv_enable=maybe\npasv_enable=YES\n")
    assert parsed.settings.extra == ("pasv_enable=YES", "pasv_enable=maybe")


@pytest.mark.parametrize(
    ("text", "line", "what", "remedy"),
    [
        (
            "\nssl_enable YES\n",
            2,
            "missing value in config file for: ssl_enable YES",
            "`ssl_enable=YES`",
        ),
        ("ssl_enable: YES\n", 1, "is not NAME=VALUE", "`ssl_enable=YES`"),
        ("  # TLS\n", 1, "missing value in config file for: # TLS", "first column"),
        ("\ufeff# TLS\n", 1, "is not NAME=VALUE", "byte order mark"),
        ("\ufeffssl_enable=YES\n", 1, "`ssl_enable=YES`? vsftpd ends", "byte order mark"),
        ("ssl_enable=YES\r\n", 1, "carriage return behind YES", "Unix line ends"),
        ("ssl_enable=YES\t\n", 1, "blank beside YES", "type it anew"),
        ("ssl_ciphers=HI\x07GH\n", 1, "control characters", "anew"),
        ("ssl\u3000enable=YES\n", 1, "unrecognised variable", "anew"),
    ],
)
def test_a_line_that_cannot_be_handed_on_is_an_error(
    text: str, line: int, what: str, remedy: str
) -> None:
    with pytest.raises(InputError) as raised:
        conf.parse(text)
    assert raised.value.line == line
    assert what in raised.value.what
    assert remedy in raised.value.remedy


def test_lines_behind_the_first_100_000_bytes_are_an_error() -> None:
    long = "#" + 99_999 * "x" + "\n" + "ssl_enable=YES\n"
    with pytest.raises(InputError, match="100000 bytes") as raised:
        conf.parse(long)
    assert raised.value.line == 2


# -- what has no field -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "pasv_enable=NO",
        "validate_cert=YES",
        "cmds_denied=DELE",
        "max_clients=10",
        "allow_writeable_chroot=YES",
    ],
)
def test_an_option_that_can_change_an_outcome_is_kept(line: str) -> None:
    parsed = read(f"{line}\n")
    assert parsed.settings.extra == (line,)
    assert said(parsed, Severity.WARNING) == []


@pytest.mark.parametrize(
    "line",
    [
        "listen_port=990",
        "pasv_min_port=40000",
        "pasv_max_port=40010",
        "connect_from_port_20=YES",
        "pam_service_name=vsftpd",
        "secure_chroot_dir=/var/run/vsftpd/empty",
        "vsftpd_log_file=/var/log/vsftpd.log",
        "rsa_private_key_file=/x.pem",
    ],
)
def test_an_option_that_the_lab_assigns_is_replaced_and_said(line: str) -> None:
    parsed = read(f"{line}\n")
    assert parsed.settings == read("").settings
    assert any(f"`{line}` is replaced: " in text for text in said(parsed, Severity.NOTE))


def test_options_without_a_part_in_an_upload_are_listed_once() -> None:
    parsed = read("dirmessage_enable=YES\nuse_localtime=YES\n")
    assert parsed.settings.extra == ()
    listed = [t for t in said(parsed, Severity.NOTE) if "no part in an upload" in t]
    assert len(listed) == 1
    assert f"dirmessage_enable (line {FIRST}), use_localtime (line {FIRST + 1})" in listed[0]


@pytest.mark.parametrize("option", OF[Treatment.ALLOWED])
def test_what_the_file_forbids_is_forbidden_and_what_it_does_not_say_is_not(option: str) -> None:
    forbidden = read(f"{option}=NO\n")
    assert forbidden.settings.extra == (f"{option}=NO",)
    refusal = {"local_enable": "(530)", "write_enable": "(550)"}[option]
    assert any(refusal in text for text in said(forbidden, Severity.WARNING))
    allowed_again = read(f"{option}=NO\n{option}=YES\n")
    assert allowed_again.settings.extra == ()
    silent = conf.parse("ssl_enable=YES\nanonymous_enable=NO\n")
    assert silent.settings.extra == ()
    assert f"{option}=YES is set (vsftpd.conf)" in silent.settings.presumed
    assert any(f"no line sets {option}" in text for text in said(silent, Severity.NOTE))


def test_a_ca_for_clients_is_the_labs_own() -> None:
    settings = read("ca_certs_file=/etc/ca.pem\n").settings
    assert settings.require_cert is False
    assert "ca_certs_file=/ca.pem" in VsftpdServer().configure(settings, PLACE)
    assert read("require_cert=YES\nca_certs_file=/etc/ca.pem\n").settings.require_cert is True
    assert read("ca_certs_file=/etc/ca.pem\nrequire_cert=YES\n").settings.require_cert is True


@pytest.mark.parametrize(
    ("line", "warned"),
    [
        ("max_clients=12", False),
        ("max_clients=0200", False),
        ("max_clients=09", True),
        ("max_clients=x", True),
    ],
)
def test_numbers_that_are_read_otherwise_than_they_look(line: str, warned: bool) -> None:
    parsed = read(f"{line}\n")
    assert parsed.settings.extra == (line,)
    assert bool(said(parsed, Severity.WARNING)) is warned


# -- builds ----------------------------------------------------------------------------------------


def test_the_switches_of_another_build_are_translated() -> None:
    parsed = conf.parse(USUAL + "ssl_tlsv1_3=NO\n", build=EL9, target=DEBIAN)
    assert parsed.settings.protocols == ProtocolRange.parse("TLSv1.2")
    assert "ssl_tlsv13=NO" in VsftpdServer().configure(parsed.settings, PLACE)


def test_switches_that_are_no_range_are_written_for_the_server_that_gets_them() -> None:
    parsed = conf.parse(USUAL + "ssl_tlsv1_2=NO\nssl_tlsv1_3=NO\n", build=EL9, target=DEBIAN)
    assert parsed.settings.extra == ("ssl_tlsv12=NO", "ssl_tlsv13=NO")


def test_what_the_server_does_not_know_is_left_out() -> None:
    line = "ssl_ciphersuites=TLS_AES_128_GCM_SHA256"
    translated = conf.parse(f"{USUAL}{line}\n", build=EL9, target=DEBIAN)
    assert translated.settings.extra == ()
    assert any("left out" in text for text in said(translated, Severity.WARNING))
    same = conf.parse(f"{USUAL}{line}\n", target=EL9, software="vsftpd@rocky9")
    assert same.settings.extra == (line,)
    assert same.settings.software == "vsftpd@rocky9"


def test_another_default_cipher_list_is_said() -> None:
    parsed = conf.parse(USUAL, build=EL9, target=DEBIAN)
    assert any("PROFILE=SYSTEM" in text for text in said(parsed, Severity.WARNING))
    assert not any("PROFILE=SYSTEM" in text for text in said(read(""), Severity.WARNING))


def test_a_line_that_only_the_other_build_dies_of_cannot_be_shown() -> None:
    with pytest.raises(InputError, match="unrecognised variable in config file: ssl_tlsv12"):
        conf.parse(USUAL + "ssl_tlsv12=YES\n", build=EL9, target=DEBIAN)


def test_builds_have_names() -> None:
    assert conf.build_named("el9") is EL9
    with pytest.raises(SettingsError, match="debian13, debian12, el9"):
        conf.build_named("el7")


def test_the_build_is_the_one_whose_options_a_file_names() -> None:
    assert conf.build_for("ssl_tlsv1_2=YES\n", DEBIAN) is EL9
    assert conf.build_for("ssl_tlsv12=YES\n", EL9) is DEBIAN
    # what both have, and what one has as well as the other, leaves it at the server's
    for text in ("ssl_enable=YES\n", "#ssl_tlsv1_2=YES\n", "ssl_tlsv12=YES\nssl_tlsv1_2=YES\n"):
        assert conf.build_for(text, DEBIAN) is DEBIAN
        assert conf.build_for(text, EL9) is EL9
    # whoever tries a file with an older version wants to know what that one does with it
    assert conf.build_for("ssl_tlsv12=YES\n", DEBIAN_12) is DEBIAN_12


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("ssl_tlsv12=YES", "TLSv1.2 is always on here"),
        ("ssl_sni_hostname=ftp.example.com", "only newer builds have it, such as debian13"),
    ],
)
def test_what_3_0_3_dies_of_is_kept_and_explained(line: str, why: str) -> None:
    parsed = conf.parse(USUAL + line + "\n", target=DEBIAN_12, software="vsftpd@3.0.3")
    assert parsed.settings.extra == (line,)
    (error,) = said(parsed, Severity.ERROR)
    assert why in error
    assert "debian12's vsftpd 3.0.3 has no option" in error


def test_versions_that_are_on_in_3_0_3_alone_are_translated() -> None:
    versions = {
        text: conf.parse(USUAL + text, build=DEBIAN_12).settings.protocols
        for text in ("", "ssl_tlsv1=NO\n")
    }
    assert versions == {
        "": ProtocolRange("TLSv1", "TLSv1.3"),
        "ssl_tlsv1=NO\n": ProtocolRange("TLSv1.1", "TLSv1.3"),
    }
    # of a file for 3.0.5, what 3.0.3 has no switch for is left out, and that is said
    newer = conf.parse(USUAL + "ssl_tlsv12=NO\n", build=DEBIAN, target=DEBIAN_12)
    assert newer.settings.protocols == ProtocolRange("TLSv1.3", "TLSv1.3")


# -- what options do together -----------------------------------------------------------------------


def parsed(one: Input, *, twin: bool = False) -> VsftpdConf:
    (content,) = (one.twin if twin else one.content).values()
    return conf.parse(content.decode(), build=conf.build_named(one.build) if one.build else None)


@pytest.mark.parametrize("one", VSFTPD, ids=str)
def test_what_can_stop_a_delivery_is_said_at_its_line(one: Input) -> None:
    number = one.at or None
    if one.ends == NO_INPUT:
        with pytest.raises(InputError) as raised:
            parsed(one)
        assert raised.value.line == number
        assert one.says in raised.value.what
        return
    found = parsed(one)
    assert any(f.line == number and one.says in f.text for f in found.findings)
    # a completion counts on the operator's server only where what it presumes holds
    presumed = [t for t in found.settings.presumed if t.endswith(f"(vsftpd.conf:{number})")]
    assert presumed or one.ends != JUDGED


@pytest.mark.parametrize("one", VSFTPD, ids=str)
def test_of_its_twin_nothing_is_said_or_presumed(one: Input) -> None:
    found = parsed(one, twin=True)
    assert not any(one.says in f.text for f in found.findings)
    assert found.settings.presumed == ()


def test_every_rule_of_options_is_met_by_an_input() -> None:
    said_of = [f.text for one in VSFTPD if one.ends != NO_INPUT for f in parsed(one).findings]
    ending = [one.says for one in VSFTPD if one.ends == NO_INPUT]
    for rule in data(conf.TABLE)["rule"]:
        severity, _, words = rule.get("says", "note: ").partition(": ")
        if severity == Severity.NOTE or "drop" in rule:
            continue
        fixed = max(re.split(r"\{\w+\}", words), key=len)
        assert any(fixed in text for text in said_of) or any(e in words for e in ending), rule


# -- in Japanese ------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", [one for one in VSFTPD if one.ends != NO_INPUT], ids=str)
def test_all_that_is_said_and_presumed_of_a_file_is_said_in_japanese(one: Input) -> None:
    found = parsed(one)
    assert all(JAPANESE.search(finding.ja) for finding in found.findings)
    assert all(JAPANESE.search(in_both_languages(each).ja) for each in found.settings.presumed)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ssl_enable =YES", "`ssl_enable=YES` と書きます"),
        ("ssl_enabel=YES", "`ssl_enable=YES` のことでしょうか"),
        ("frobnicate=1", "オプション 'frobnicate' はありません。vsftpd は起動時に終了します"),
        ("bind_retries=9", "ビルド el9 だけにあります"),
        ("ssl_tlsv1_3=NO", "ここでは `ssl_tlsv13=NO` です"),
        ("use_sendfile=", "値がありません"),
        ("use_sendfile=maybe", "YES でも NO でもありません"),
        ("use_sendfile=YES ", "YES の前後に空白があり"),
        ("background=YES", "`background=YES` は置き換えます。ラボは独自のリスナーを起動します"),
        ("dirmessage_enable=YES", f"使いません: dirmessage_enable\uff08{FIRST} 行目\uff09"),
    ],
)
def test_what_the_reading_itself_says_is_in_japanese(line: str, says: str) -> None:
    found = conf.parse(f"{USUAL}{line}\n", build=DEBIAN).findings
    assert any(says in one.in_("ja") for one in found), [one.in_("ja") for one in found]
    assert all(JAPANESE.search(one.ja) for one in found)


# -- any option ------------------------------------------------------------------------------------


@given(st.sampled_from(OF[Treatment.KEPT]), st.sampled_from(["YES", "NO", "12"]))
def test_what_is_kept_reads_the_same_again(name: str, value: str) -> None:
    if options_of(DEBIAN)[name].kind is OptionKind.BOOLEAN and value == "12":
        value = "YES"
    once = read(f"{name}={value}\n")
    again = read("\n".join(once.settings.extra) + "\n")
    assert again.settings == once.settings
