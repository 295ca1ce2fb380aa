"""pure-ftpd.conf: what Pure-FTPd makes of it, as the settings of a server."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.model import FtpServerSettings
from lab.own.configurations import NamedFiles, ReadConfiguration, readers
from lab.own.findings import InputError, Severity, data
from lab.servers import ListenerPlace
from lab.servers.pure_ftpd import FIXED, PureFtpd, PureFtpdServer
from lab.servers.pure_ftpd.own import READER, reading
from lab.servers.pure_ftpd.own.reading import TABLE, PureFtpdTreatment, options
from tests.own_inputs import CONFIGURATIONS, JUDGED, NO_INPUT, Input
from tests.unit.fuzzing import AWKWARD, check_error, check_findings, fuzz, spoilt

#: What every file of these tests begins with, so that only what is tested is out of the ordinary.
USUAL = "NoAnonymous yes\nUnixAuthentication yes\nTLS 2\nCertFile /x.pem\nTLSCipherSuite HIGH\n"
FIRST = USUAL.count("\n") + 1
INPUTS = [one for one in CONFIGURATIONS if one.kind == "pure-ftpd.conf"]
PLACE = ListenerPlace(
    key="k",
    port=2100,
    passive_ports=(30000, 30009),
    password="p",
    chain="/c.pem",
    private_key="/k.pem",
    client_ca="/ca.pem",
)


def read(text: str) -> ReadConfiguration:
    return reading.parse(USUAL + text, "pure-ftpd.conf")


def settings_of(text: str) -> PureFtpd:
    found = reading.parse(text, "pure-ftpd.conf").settings
    assert isinstance(found, PureFtpd)
    return found


def said(found: ReadConfiguration, severity: Severity) -> list[str]:
    return [str(one) for one in found.findings if one.severity is severity]


def written(found: ReadConfiguration) -> list[str]:
    """What the lab's server is told."""
    assert isinstance(found.settings, PureFtpd)
    assert PureFtpdServer().unsupported(found.settings) is None
    return PureFtpdServer().configure(found.settings, PLACE).splitlines()


# -- the table -------------------------------------------------------------------------------------


def test_the_option_is_found_by_looking() -> None:
    assert readers()["pure-ftpd-conf"] is READER
    assert READER.has_certificate
    assert READER.is_written


@pytest.mark.parametrize("option", options().values(), ids=options())
def test_every_option_has_what_its_treatment_needs(option: reading.PureFtpdOption) -> None:
    replaced = option.treatment is PureFtpdTreatment.REPLACED
    assert bool(option.set) is (replaced or option.treatment is PureFtpdTreatment.CERTIFICATE)
    assert bool(option.refuses) is bool(option.says) is bool(option.better)
    if option.better:
        value = option.value_of(option.better)
        assert value is not None
        assert not re.fullmatch(option.refuses, value), "what is to be written is right"


def test_what_the_lab_writes_for_every_listener_is_never_kept() -> None:
    names = {one.name for table in FIXED.values() for one in table}
    kept = {o.name for o in options().values() if o.treatment is PureFtpdTreatment.KEPT}
    assert names.isdisjoint(kept)


def test_every_rule_asks_for_what_there_is_and_has_a_defective_file() -> None:
    known = {option.name for option in options().values()} | {"ports", "certificate"}
    said_of = "\n".join(one.says for one in INPUTS)
    unasked = []
    for rule in data(TABLE)["rule"]:
        assert set(rule["when"]) <= known
        assert rule.get("line", next(iter(rule["when"]))) in known
        if not any(part and part in rule.get("says", "") for part in said_of.split("\n")):
            unasked.append(rule.get("says", rule.get("presumes")))
    # what is a note, or the same of another kind of database
    assert len(unasked) < len(data(TABLE)["rule"]) / 2, unasked


# -- lines -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "MaxIdleTime 15",
        "maxidletime=15",
        "MAXIDLETIME : 15",
        "  MaxIdleTime\t15 \r",
        "MaxIdleTime:15",
    ],
)
def test_name_and_value_stand_apart_in_several_ways(line: str) -> None:
    found = read(line)
    assert not said(found, Severity.ERROR)
    assert written(found)[-1].lower() == "maxidletime 15"
    assert list(found.extra_lines.values()) == [FIRST]


@pytest.mark.parametrize("word", ["yes", "YES", "On", "true", "1"])
def test_a_switch_is_on_with_any_of_these_words(word: str) -> None:
    assert written(read(f"KeepAllFiles {word}"))[-1] == f"KeepAllFiles {word}"


@pytest.mark.parametrize("word", ["no", "Off", "FALSE", "0"])
def test_a_switch_that_is_off_is_no_line(word: str) -> None:
    found = read(f"KeepAllFiles {word}")
    assert found.extra_lines == {}
    assert not said(found, Severity.ERROR)


def test_no_line_takes_a_yes_back() -> None:
    found = read("NATmode yes\nNATmode no\n")
    assert "NATmode yes" in written(found)
    assert f"pure-ftpd.conf:{FIRST + 1}: warning: `NATmode no` takes nothing back" in "\n".join(
        said(found, Severity.WARNING)
    )


def test_of_a_repeated_value_the_last_line_holds() -> None:
    found = read("MaxIdleTime 5\nMaxIdleTime 10\n")
    assert found.extra_lines == {"MaxIdleTime=10": FIRST + 1}
    assert "the last line holds" in said(found, Severity.WARNING)[0]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("MaxIdleTime 15 # minutes", "write `MaxIdleTime 15`"),
        ("MaxIdleTime == 15", "write `MaxIdleTime 15`"),
        ("MaxIdleTime", "the value is missing"),
        ("MaxIdleTime soon", "the form `MaxIdleTime NUMBER`"),
        ("NATmode ja", "none of yes, on"),
        ("NATmode yesno", "none of yes, on"),
        ("Umask 133 022", "write `Umask 133:022`"),
        ("PassivePortRange 30000:50000", "`PassivePortRange 30000 50000`"),
        ("CertFileAndKey /a", "`CertFileAndKey FILE FILE`"),
        ("TLSCipherSuite HIGH MEDIUM", "the form `TLSCipherSuite HIGH:MEDIUM`"),
        ("CertFile /etc/ssl/証明書.pem", "beside those of ASCII"),
        ("DisallowChmod yes", "did you mean `NoChmod yes`"),
        ("MaxIdelTime 3", "did you mean `MaxIdleTime 3`"),
        ("Nonsense 3", "there is no option 'Nonsense'."),
        ("FileSystemCharset UTF-8", "has it no more"),
    ],
)
def test_a_line_that_pure_ftpd_dies_of_is_kept_with_its_cause(line: str, why: str) -> None:
    found = read(line)
    (error,) = said(found, Severity.ERROR)
    assert error.startswith(f"pure-ftpd.conf:{FIRST}: error: ")
    assert why in error
    assert f"line {FIRST}`" in error
    # the program splits it as it does the person's
    name, _, value = written(found)[-1].partition(" ")
    assert f"{name} {value}".split() == line.split()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("MaxClientsNumber 0", "Illegal user limit"),
        ("UserBandwidth 8 0", "Illegal value for throttling"),
        ("LimitRecursion 10000 0", "Illegal 'ls' limits"),
        ("Umask 1777:022", "Invalid umask"),
        ("TrustedIP ftp.example.com", "Illegal trusted IP address"),
        ("AltLog html:/var/log/ftp", "Unknown logging format"),
        ("UserRatio 0 1", "Illegal upload/download ratio"),
        ("MaxLoad 0", "Illegal load limit"),
        ("TLS 4", "TLS"),
        ("PassivePortRange 1023 2000", "Illegal ports range"),
        ("PassivePortRange 2000 65536", "Illegal ports range"),
    ],
)
def test_a_value_that_pure_ftpd_ends_at_is_kept(line: str, says: str) -> None:
    found = read(line)
    (error,) = said(found, Severity.ERROR)
    assert f"`Configuration error: {says}`" in error
    assert written(found)[-1] == line


@pytest.mark.parametrize("number", ["9" * 6_000, "0" * 6_000])
def test_a_number_of_very_many_digits_is_read(number: str) -> None:
    found = read(f"PassivePortRange {number} {number}\nMaxIdleTime {number}\n")
    assert "Illegal ports range" in said(found, Severity.ERROR)[0]
    assert settings_of(f"TLS {'0' * 10_000}2\n").tls_required_login


def test_a_value_at_the_bounds_is_none() -> None:
    found = read("PassivePortRange 1024 65535\nMaxClientsNumber 1\nUmask 777:777\nMaxLoad 1\n")
    assert not said(found, Severity.ERROR)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("\ufeffTLS 2\n", "save it without one"),
        ("TLS\x07 2\n", "type it anew"),
        ("AnonymousOnly yes\n", "Write `AnonymousOnly no`"),
    ],
)
def test_what_cannot_be_handed_on_ends_the_command_with_its_line(text: str, remedy: str) -> None:
    with pytest.raises(InputError) as error:
        settings_of(text)
    assert str(error.value).startswith("pure-ftpd.conf:1: ")
    assert remedy in error.value.remedy


# -- settings --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "tls", "login", "transfer"),
    [("1", True, False, False), ("2", True, True, False), ("3", True, True, True)],
)
def test_tls_is_what_is_required(mode: str, tls: bool, login: bool, transfer: bool) -> None:
    found = read(f"TLS {mode}\n")
    settings = found.settings
    assert isinstance(settings, FtpServerSettings)
    assert (settings.tls, settings.tls_required_login, settings.tls_required_data) == (
        tls,
        login,
        transfer,
    )
    assert f"TLS {mode}" in written(found)
    assert found.lines["tls"] == found.lines["tls_required_data"] == FIRST


def test_without_a_line_there_is_no_tls_and_openssl_has_its_own_list() -> None:
    found = reading.parse("NoAnonymous yes\n", "a.conf")
    assert "TLS 0" in written(found)
    assert "the server has no TLS at all" in "\n".join(said(found, Severity.WARNING))
    assert settings_of("TLS 2\nCertFile /x\n").ciphers == "DEFAULT"


@pytest.mark.parametrize(
    ("value", "ciphers", "required"),
    [("HIGH", "HIGH", None), ("-C:HIGH", "HIGH", True), ("-S:-C:HIGH:!aNULL", "HIGH:!aNULL", True)],
)
def test_a_prefix_of_the_list_asks_for_certificates(
    value: str, ciphers: str, required: bool | None
) -> None:
    found = settings_of(f"TLS 1\nCertFile /x\nTLSCipherSuite {value}\n")
    assert (found.ciphers, found.require_cert) == (ciphers, required)


def test_without_a_certificate_the_usual_file_is_presumed() -> None:
    found = settings_of("TLS 2\n")
    assert found.certificate == "valid"
    assert found.presumed == (
        "the file /etc/ssl/private/pure-ftpd.pem is there, with key and certificate (pure-ftpd.conf:1)",
    )
    assert settings_of("TLS 0\n").presumed == ()
    assert settings_of("TLS 2\nCertFileAndKey /a /b\n").presumed == ()


def test_what_a_file_names_of_the_machine_is_found() -> None:
    text = 'CertFileAndKey "/a b" /k\nPassivePortRange 30000 30009\nForcePassiveIP 192.0.2.1\n'
    assert READER.reading.named_files(text, "a.conf") == NamedFiles(
        certificate=("/a b", 1),
        key=("/k", 1),
        passive_address="192.0.2.1",
        passive_ports=("30000", "30009"),
    )
    assert READER.reading.named_files("CertFile /a\n", "a.conf").key == ("/a", 1)


# -- what options do together ------------------------------------------------------------------------


@pytest.mark.parametrize("one", INPUTS, ids=str)
def test_a_defective_file_says_what_is_wrong_and_its_twin_presumes_nothing(one: Input) -> None:
    twin = reading.parse(one.twin[one.file].decode(), one.file)
    assert not said(twin, Severity.ERROR)
    assert getattr(twin.settings, "presumed", None) == ()
    text = one.content[one.file].decode()
    if one.ends == NO_INPUT:
        with pytest.raises(InputError, match=one.says):
            reading.parse(text, one.file)
        return
    found = reading.parse(text, one.file)
    assert any(one.says in f.text and f.line == one.at for f in found.findings)
    assert bool(getattr(found.settings, "presumed", ())) is (one.ends == JUDGED)
    assert all(f.ja for f in found.findings)


def test_there_are_enough_of_them() -> None:
    assert len(INPUTS) >= 15


# -- whatever it is ----------------------------------------------------------------------------------

NAMES = [*(one.name for one in options().values()), "nonsense", "TLSx", "#", "FSCharset"]
VALUES = [
    "yes",
    "no",
    "0",
    "1:2",
    "1 2",
    "HIGH",
    "-C:",
    '"a b" c',
    "300.1.1.1",
    "x # y",
    "=",
    *AWKWARD,
]
LINES = st.tuples(st.sampled_from(NAMES), st.sampled_from([" ", "=", " : ", "=="])).flatmap(
    lambda both: st.sampled_from(VALUES).map(lambda value: f"{both[0]}{both[1]}{value}")
)


@given(spoilt([USUAL], NAMES) | st.lists(LINES, max_size=8).map("\n".join))
@fuzz
def test_a_pure_ftpd_conf_is_refused_or_can_be_given_to_pure_ftpd(text: str) -> None:
    try:
        found = reading.parse(text, "pure-ftpd.conf")
    except InputError as error:
        check_error(error, "pure-ftpd.conf", text)
        return
    check_findings(found.findings, ["pure-ftpd.conf"], text.count("\n") + 1)
    assert set(found.extra_lines) == set(getattr(found.settings, "extra", ()))
    assert written(found)


def test_the_settings_say_that_they_presume() -> None:
    assert "presumed" in {field.name for field in dataclasses.fields(PureFtpd)}


@pytest.mark.parametrize(("line", "says"), [("TLS 5", "write `TLS 2`"), ("", "no line sets TLS")])
def test_a_line_that_pure_ftpd_ends_at_is_a_line_that_sets_it(line: str, says: str) -> None:
    found = reading.parse(f"NoAnonymous yes\n{line}\n", "pure-ftpd.conf")
    text = "\n".join(one.text for one in found.findings)
    assert says in text
    assert ("no line sets TLS:" in text) is (not line)
