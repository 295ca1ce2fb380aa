"""mt-config.cgi: what Movable Type makes of its lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.own.findings import InputError, Severity
from lab.own.mt_config import MtConfig, from_environment, parse

FILE = "mt-config.cgi"


def options(config: MtConfig) -> dict[str, str | None]:
    return {option.key: option.value for option in config.options}


def warnings(config: MtConfig) -> list[str]:
    return [str(f) for f in config.findings if f.severity is Severity.WARNING]


# -- lines -----------------------------------------------------------------------------------------


def test_directives_have_their_value_and_their_line() -> None:
    config = parse("# TLS\n\nFTPSSSLVerifyNone 1\n  FTPSSSLVersion\tTLSv1_2  \n", FILE)
    assert config.verify_none is not None
    assert (config.verify_none.name, config.verify_none.value) == ("FTPSSSLVerifyNone", "1")
    assert config.verify_none.line == 3
    assert config.version is not None
    assert (config.version.value, config.version.line) == ("TLSv1_2", 4)
    assert config.findings == ()


def test_an_empty_file_is_all_defaults() -> None:
    config = parse("", FILE)
    assert config == MtConfig(file=FILE)
    assert config.verify_none is None
    assert config.version is None
    assert options(config) == {}


@pytest.mark.parametrize("name", ["ftpssslverifynone", "FTPSSSLVERIFYNONE", "FtpsSslVerifyNone"])
def test_names_are_matched_without_regard_to_case(name: str) -> None:
    config = parse(f"{name} 1\n", FILE)
    assert config.verify_none is not None
    assert config.verify_none.name == "FTPSSSLVerifyNone"


def test_windows_line_ends_do_no_harm() -> None:
    config = parse("FTPSSSLVerifyNone 1\r\nFTPSOptions SSL_cipher_list=AES128\r\n", FILE)
    assert config.verify_none is not None
    assert config.verify_none.value == "1"
    assert options(config) == {"SSL_cipher_list": "AES128"}


@pytest.mark.parametrize(
    ("text", "line", "remedy"),
    [
        ("FTPSSSLVerifyNone", 1, "`FTPSSSLVerifyNone VALUE`"),
        ("CGIPath /mt/\nFTPSSSLVerifyNone   \n", 2, "`FTPSSSLVerifyNone VALUE`"),
        ("\n\nFTPSSSLVerifyNone=1\n", 3, "`FTPSSSLVerifyNone 1`"),
        ("FTPSSSLVerifyNone\u30001\n", 1, "U+3000"),
        ("FTPSOptionsSSL_cipher_list=AES128\n", 1, "`FTPSOptions SSL_cipher_list=AES128`"),
        ("  #FTPSSSLVerifyNone\n", 1, "first column"),
    ],
)
def test_a_line_without_a_value_is_an_error_with_its_number(
    text: str, line: int, remedy: str
) -> None:
    with pytest.raises(InputError) as raised:
        parse(text, FILE)
    assert raised.value.line == line
    assert str(raised.value).startswith(f"{FILE}:{line}: ")
    assert "Config directive" in raised.value.what
    assert f"without value at {FILE} line {line}" in raised.value.what
    assert remedy in raised.value.remedy


def test_a_password_is_not_shown() -> None:
    with pytest.raises(InputError) as raised:
        parse("DBPassword=hunter2\n", FILE)
    assert "hunter2" not in str(raised.value)
    assert "DBPassword" in str(raised.value)


def test_a_comment_behind_blanks_is_a_directive_of_that_name() -> None:
    config = parse("  # FTPSSSLVerifyNone 1\n", FILE)
    assert config.verify_none is None
    (finding,) = config.findings
    assert (finding.severity, finding.line) == (Severity.NOTE, 1)
    assert "first column" in finding.text


def test_there_are_no_comments_at_the_end_of_a_line() -> None:
    config = parse("FTPSSSLVerifyNone 0 # as it should be\n", FILE)
    assert config.verify_none is not None, "Perl takes the text for true"
    texts = warnings(config)
    assert any("no comments at the end of a line" in text for text in texts)
    assert any("switches verification off" in text for text in texts)


# -- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "off"),
    [("1", True), ("0", False), ("no", True), ("off", True), ("00", True), ("0.0", True)],
)
def test_verification_is_off_for_what_perl_takes_for_true(value: str, off: bool) -> None:
    config = parse(f"SSLVerifyNone {value}\n", FILE)
    assert (config.verify_none is not None) is off
    assert bool(warnings(config)) is (value not in ("0", "1"))


def test_either_directive_switches_verification_off() -> None:
    only_general = parse("SSLVerifyNone 1\nFTPSSSLVerifyNone 0\n", FILE)
    assert only_general.verify_none is not None
    assert only_general.verify_none.name == "SSLVerifyNone"


def test_the_general_version_goes_before_that_of_ftps() -> None:
    config = parse("FTPSSSLVersion TLSv1_2\nSSLVersion TLSv1_3\n", FILE)
    assert config.version is not None
    assert (config.version.name, config.version.value) == ("SSLVersion", "TLSv1_3")


def test_of_a_repeated_directive_the_last_line_holds() -> None:
    config = parse("FTPSSSLVerifyNone 1\nCGIPath /mt/\nFTPSSSLVerifyNone 0\n", FILE)
    assert config.verify_none is None
    (text,) = warnings(config)
    assert text.startswith(f"{FILE}:3: warning: ")
    assert "line 1" in text


def test_quotes_belong_to_the_value() -> None:
    config = parse('FTPSOptions SSL_cipher_list="AES128"\n', FILE)
    assert options(config) == {"SSL_cipher_list": '"AES128"'}
    assert "quotes belong to the value" in warnings(config)[0]


# -- FTPSOptions -----------------------------------------------------------------------------------


def test_a_hash_collects_its_lines() -> None:
    config = parse("FTPSOptions SSL_cipher_list=AES128\nFTPSOptions ReuseSession=1\n", FILE)
    assert options(config) == {"SSL_cipher_list": "AES128", "ReuseSession": "1"}
    assert config.findings == ()


def test_what_follows_a_second_equals_sign_is_lost() -> None:
    config = parse("FTPSOptions SSL_cipher_list=ALL:@SECLEVEL=0\n", FILE)
    assert options(config) == {"SSL_cipher_list": "ALL:@SECLEVEL"}
    (text,) = warnings(config)
    assert "'=0' is lost" in text


@pytest.mark.parametrize(
    ("value", "key", "stored"),
    [
        ("ReuseSession", "ReuseSession", None),
        ("SSL_cipher_list AES128", "SSL_cipher_list AES128", None),
        ("SSL_cipher_list=", "SSL_cipher_list", ""),
        ("SSL_cipher_list = AES128", "SSL_cipher_list ", " AES128"),
        ("=AES128", "", "AES128"),
    ],
)
def test_keys_and_values_are_taken_as_they_stand(value: str, key: str, stored: str | None) -> None:
    config = parse(f"FTPSOptions {value}\n", FILE)
    assert options(config) == {key: stored}


def test_a_blank_in_place_of_the_equals_sign_is_named_with_the_right_spelling() -> None:
    (text,) = warnings(parse("FTPSOptions SSL_cipher_list AES128\n", FILE))
    assert "`FTPSOptions SSL_cipher_list=AES128`" in text


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("FTPSOptionsSSL_cipher_list AES128", "FTPSOptions SSL_cipher_list=AES128"),
        ("FTPSOptionsSSL_cipher_list =AES128", "FTPSOptions SSL_cipher_list=AES128"),
        ("FTPSOptionsSSL_cipher_list=AES128 x", "FTPSOptions SSL_cipher_list=AES128"),
        ("FTPSOptions.SSL_cipher_list AES128", "FTPSOptions SSL_cipher_list=AES128"),
        ("ftpsoptionsReuseSession 1", "FTPSOptions ReuseSession=1"),
        ("SSL_cipher_list AES128", "FTPSOptions SSL_cipher_list=AES128"),
    ],
)
def test_the_spelling_run_together_does_nothing(line: str, right: str) -> None:
    config = parse(f"CGIPath /mt/\n{line}\n", FILE)
    assert config.options == ()
    (text,) = warnings(config)
    assert text.startswith(f"{FILE}:2: warning: there is no directive")
    assert "nothing changes" in text
    assert f"`{right}`" in text


# -- other directives ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["FTPSSLVerifyNone", "FTPSSSLVerifyNon", "FTPSSSLVerifyNone:"])
def test_a_misspelt_directive_does_nothing_and_is_named(name: str) -> None:
    config = parse(f"{name} 1\n", FILE)
    assert config.verify_none is None
    (text,) = warnings(config)
    assert "did you mean `FTPSSSLVerifyNone 1`?" in text


def test_directives_for_mail_do_nothing() -> None:
    config = parse("SMTPSSLVerifyNone 1\n", FILE)
    assert config.verify_none is None
    assert "SMTP" in config.findings[0].text


def test_other_directives_are_listed_once_with_their_lines_and_without_their_values() -> None:
    config = parse("CGIPath /mt/\nDBPassword secret\n# x\nMyPlugin yes\n", FILE)
    (finding,) = config.findings
    assert (finding.severity, finding.line) == (Severity.NOTE, 1)
    assert "CGIPath (line 1), DBPassword (line 2), MyPlugin (line 4)" in finding.text
    assert "secret" not in finding.text


def test_a_byte_order_mark_spoils_the_first_directive() -> None:
    config = parse("\ufeffFTPSSSLVerifyNone 1\n", FILE)
    assert config.verify_none is None
    assert "byte order mark" in warnings(config)[0]


# -- environment -----------------------------------------------------------------------------------


def test_a_variable_named_like_a_directive_does_nothing() -> None:
    (finding,) = from_environment({"FTPSSSLVerifyNone": "1", "PATH": "/bin"})
    assert finding.severity is Severity.WARNING
    assert "does nothing" in finding.text
    assert "`FTPSSSLVerifyNone 1`" in finding.text


@pytest.mark.parametrize("name", ["MT_CONFIG_FTPSOptions", "MT_CONFIG_FTPS_OPTIONS"])
def test_the_hash_in_the_environment_is_a_text_that_nobody_reads(name: str) -> None:
    (finding,) = from_environment({name: "SSL_cipher_list=AES128"})
    assert "only when it is a hash" in finding.text
    assert "`FTPSOptions SSL_cipher_list=AES128`" in finding.text


def test_other_variables_are_nothing_to_speak_of() -> None:
    assert from_environment({"PATH": "/bin", "MT_CONFIG": "/x/mt-config.cgi", "MT_HOME": "/"}) == []


# -- any option ------------------------------------------------------------------------------------


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_]{1,8}", fullmatch=True),
        st.from_regex(r"[A-Za-z0-9:!+_-]{1,8}", fullmatch=True),
        min_size=1,
    )
)
def test_every_well_formed_option_is_read_as_it_was_written(written: dict[str, str]) -> None:
    text = "".join(f"FTPSOptions {key}={value}\n" for key, value in written.items())
    assert options(parse(text, FILE)) == written
