"""The dialects on everything that programs were heard to say, and on what they are known to say."""

from __future__ import annotations

import dataclasses
import functools
import re
from pathlib import Path
from typing import Any

import pytest

from lab.check.clients import usual_among
from lab.clients import PROGRAMS
from lab.dialects import (
    NO_WORDS,
    SHARED,
    ClientDialect,
    DialectError,
    Words,
    client_dialect,
    dialect_files,
    read,
    server_dialect,
    x509_numbers,
)
from lab.dialects.rules import (
    BY_CERTIFICATE,
    FTPS,
    NOBODY_CAME,
    PARTS,
    WEB,
    Heard,
    Refusal,
    Rule,
    Rules,
    decide,
    hear,
    interpret,
    rule_list,
    rules_of,
)
from lab.explain.tables import meanings
from lab.host.checkout import root
from lab.model import (
    Attempt,
    ClientReport,
    Delivery,
    Goal,
    Observation,
    Reason,
    Result,
    Side,
    Stage,
)
from lab.model.outcome import ServerReport
from lab.servers import SERVER_HOSTS
from lab.settings import parse_client, parse_server
from tests.transcripts.transcript import DOCUMENTATION, Transcript, files, neutral

FILES = files()
ALL = [(name, one) for name, file in FILES.items() for one in file.transcripts]
#: The program of each.
SPEAKERS = [one.client.partition("@")[0] for _, one in ALL]
RECORDED = [one for name, one in ALL if name != DOCUMENTATION]
DOCUMENTED = list(FILES[DOCUMENTATION].transcripts)

#: Signals that no rule asks for, with what does.
BESIDE_RULES = {
    "waited-for-tls": "the cause of a silent greeting (interpret.cause)",
    "no-version-to-speak": "the cause of no-shared-protocol (interpret.cause)",
    "cleartext-or-weak": "the cause of a refusal that Pure-FTPd does not tell (interpret.cause)",
    "greeting-refused": "the cause of a connection that is closed without a greeting (interpret.cause)",
}

#: Reasons of docs/outcomes.md that no rule gives, and why not.
UNREACHABLE = {
    (
        "close",
        "unclean-close",
    ): "no program of the lab reports how the other end closed: QUIT is its last word"
}
#: Files beside the dialects of libraries.
NOT_WORDS = {FTPS, WEB, *PARTS, "x509"}
#: Clients that the images of the recordings did not have; their words are documented.
ABSENT = {
    "curl@centos7": "the stand-in has no curl on NSS",
    "openssl@centos7": "the stand-in has no OpenSSL 1.0.2 command line",
}
LISTS = (FTPS, WEB)
#: Every rule of both lists, those of their common parts once.
RULES = list({id(rule): rule for name in LISTS for rule in rule_list(name).rule}.values())


@functools.cache
def decided(name: str) -> list[Refusal]:
    """What the dialects make of each transcript of a file."""
    return [one.decided() for one in FILES[name].transcripts]


def of(refusal: Refusal) -> str:
    return f"{refusal.by}:{refusal.stage}:{refusal.reason}"


# -- transcripts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_every_transcript_of_a_file_is_interpreted_as_it_was(name: str) -> None:
    otherwise = [
        f"{one.name} ({one.server}): {found}, not {one.outcome}\n{one.said}\n{one.log}"
        for one, refusal in zip(FILES[name].transcripts, decided(name), strict=True)
        if (found := of(refusal)) != one.outcome
    ]

    assert not otherwise, "\n".join(otherwise)


def test_every_program_on_every_platform_was_recorded() -> None:
    recorded = {one.client.partition(":")[0] for one in RECORDED}

    there_are = {f"{program}@{p}" for program, one in PROGRAMS.items() for p in one.platforms}
    programs, platforms = (
        set(side) for side in zip(*(r.split("@") for r in recorded), strict=True)
    )
    # a program or a platform that is new is recorded when there is an engine, and a client whose image is
    # made on demand when somebody makes it
    usual = usual_among(there_are)
    wanted = {one for one in there_are if set(one.split("@")) <= programs | platforms}
    wanted &= set(usual)
    assert wanted - set(ABSENT) <= recorded <= there_are
    assert not recorded & set(ABSENT), "recorded by now: take it off the list"
    documented = {one.client.partition("@")[0] for one in DOCUMENTED}
    assert {client.partition("@")[0] for client in ABSENT} <= documented


@pytest.mark.parametrize("name", sorted(set(FILES) - {DOCUMENTATION}))
def test_a_recording_says_with_what_it_was_made(name: str) -> None:
    file = FILES[name]

    assert re.fullmatch(r"\d{4}-\d\d-\d\d", file.recorded)
    assert file.versions
    servers = (
        {"nginx"}
        if PROGRAMS[name.partition("@")[0]].settings.speaks == "HTTP"
        else {"vsftpd", "pyftpdlib"}
    )
    assert servers <= set(file.images)


def test_a_recording_is_neutral() -> None:
    for transcript in RECORDED:
        for text in (*transcript.log, *map(str, transcript.said.values())):
            assert neutral(text) == text, f"{transcript.name}: {text}"


def test_what_was_not_recorded_says_where_it_is_from() -> None:
    assert all(one.source for one in DOCUMENTED)
    assert not any(one.source for one in RECORDED)


# -- coverage ----------------------------------------------------------------------------------------


def fired(*names: str) -> set[int]:
    """Identities of the rules that decided the transcripts of these files."""
    return {id(refusal.rule) for name in names for refusal in decided(name)}


def test_every_rule_was_seen_or_has_a_source() -> None:
    seen = fired(*(name for name in FILES if name != DOCUMENTATION))
    documented = fired(DOCUMENTATION)

    for rule in RULES:
        words = f"{rule.stage}/{rule.reason} {rule.says or ''} {rule.server or ''}"
        if not rule.source:
            assert id(rule) in seen, f"never recorded, and no source: {words}"
        elif id(rule) not in seen:
            assert id(rule) in documented, f"neither recorded nor documented: {words}"


def client_words() -> list[tuple[str, str, Words]]:
    """Library or program, signal and words of every client dialect."""
    libraries = {path.stem for path in SHARED.glob("*.toml")} - NOT_WORDS
    return [
        (name, signal, words)
        for name in sorted(libraries | dialect_files("clients").keys())
        if speakers(name)
        for signal, words in client_dialect(name).signals.items()
    ]


@functools.cache
def speakers(library: str) -> list[Transcript]:
    """Transcripts of the programs whose dialect includes this one."""
    wanted = client_dialect(library)
    programs = {
        program
        for program in set(SPEAKERS)
        if any(part is wanted for part in client_dialect(program).parts())
    }
    return [one for (_, one), name in zip(ALL, SPEAKERS, strict=True) if name in programs]


@functools.cache
def reports(library: str) -> list[ClientReport]:
    """What :func:`speakers` reported."""
    return [one.observation().client for one in speakers(library)]


@pytest.mark.parametrize("given", client_words(), ids=lambda given: f"{given[0]}: {given[1]}")
def test_every_wording_of_a_client_was_seen_or_is_documented(given: tuple[str, str, Words]) -> None:
    library, signal, words = given
    said = reports(library)

    for pattern in words.text:
        assert any(pattern.search(r.error) for r in said), f"{signal}: {pattern.pattern}"
    for pattern in words.message:
        assert any(pattern.search(r.message) for r in said), f"{signal}: {pattern.pattern}"
    if words.errno:
        assert any(r.errno in words.errno for r in said), f"{signal}: {words.errno}"
    for status in words.exit_status:
        assert any(r.exit_status == status for r in said), f"{signal}: {status}"


@pytest.mark.parametrize(
    "software", ["vsftpd", "pyftpdlib", "nginx", "origin", "origin@openssl-1.0.2k"]
)
def test_every_wording_of_a_server_was_seen_or_is_documented(software: str) -> None:
    logs = ["\n".join(one.log) for _, one in ALL if one.server == software and one.started]

    for signal, patterns in server_dialect(software).signals.items():
        for pattern in patterns:
            assert any(pattern.search(log) for log in logs), f"{signal}: {pattern.pattern}"


#: No certificate of the catalogue has these defects; chains of tests/own_inputs/chain.toml have.
OF_OWN_CHAINS = {
    "path length constraint exceeded",
    "permitted subtree violation",
    "unhandled critical extension",
}


@pytest.mark.parametrize("library", ["openssl-x509", "nss"])
def test_every_text_about_a_certificate_was_seen_or_is_documented(library: str) -> None:
    errors = [str(one.said.get("error", "")) for one in speakers(library)]

    for text in client_dialect(library).certificate_texts:
        assert text in OF_OWN_CHAINS or any(text in error for error in errors), text


def test_number_and_text_say_the_same_of_a_certificate() -> None:
    both = 0
    for _, one in ALL:
        if one.said.get("verify_code") is None:
            continue  # no number, and so nothing to compare
        client = one.observation().client
        by_number = x509_numbers().reason(client.verify_code, client.library)
        by_text = client_dialect(one.client.partition("@")[0]).certificate_reason(client.error)
        if Reason.UNKNOWN not in (by_number, by_text):
            assert by_number is by_text, one.said
            both += 1
    assert both > 20


# -- the files belong together -----------------------------------------------------------------------


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_program_has_a_dialect(program: str) -> None:
    assert client_dialect(program).source


@pytest.mark.parametrize("software", SERVER_HOSTS)
def test_every_server_has_a_dialect(software: str) -> None:
    assert server_dialect(software).source
    assert any(part.signals for part in server_dialect(software).parts())


def test_rules_ask_for_signals_that_exist_and_every_signal_is_asked_for() -> None:
    said = {signal for _, signal, _ in client_words()} | {NO_WORDS}
    logged = {s for software in SERVER_HOSTS for s in server_dialect(software).signals}
    logged |= {NOBODY_CAME}
    asked_clients = {s for rule in RULES for s in rule.says or ()}
    asked_servers = {s for rule in RULES for s in rule.server or ()}

    # what a server says that no rule asks for is for `lab explain`, whose tables of meanings have it
    explained = {signal for meaning in meanings().meaning for signal in meaning.server}

    assert asked_clients == said
    assert asked_servers | set(BESIDE_RULES) <= logged
    assert logged <= asked_servers | set(BESIDE_RULES) | explained


@pytest.mark.parametrize("name", LISTS)
def test_rules_come_in_the_order_of_the_stages(name: str) -> None:
    # verify is inside the handshake
    order = [s for s in Stage if s is not Stage.VERIFY]
    stages = [rule.stage for rule in rule_list(name).rule if rule.stage is not Stage.VERIFY]

    assert [order.index(s) for s in stages] == sorted(order.index(s) for s in stages)


@pytest.mark.parametrize("name", LISTS)
def test_a_rule_cannot_be_reached_in_vain(name: str) -> None:
    """No rule is hidden behind an earlier one that asks for less."""

    def asks_less(one: tuple[Any, ...] | None, other: tuple[Any, ...] | None) -> bool:
        return one is None or (other is not None and set(one) >= set(other))

    listed = rule_list(name).rule
    for place, later in enumerate(listed):
        for earlier in listed[:place]:
            hidden = all(
                asks_less(getattr(earlier, field), getattr(later, field))
                for field in ("step", "reply", "protocol", "says", "server")
            )
            assert not hidden, f"{later} is hidden behind {earlier}"


# -- the vocabulary ----------------------------------------------------------------------------------


def vocabulary() -> set[tuple[str, str]]:
    """Stage and reason of every row of the table in docs/outcomes.md."""
    text = (root() / "docs" / "outcomes.md").read_text(encoding="utf-8")
    stages = {str(stage) for stage in Stage}
    found = set()
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) >= 2 and cells[0] in stages:
            found |= {(cells[0], reason) for reason in re.findall(r"`([a-z0-9-]+)`", cells[1])}
    return found


def reachable() -> set[tuple[str, str]]:
    by_rules = {(str(r.stage), r.reason) for r in RULES if r.reason != BY_CERTIFICATE}
    numbers = x509_numbers()
    by_number = {
        (str(Stage.VERIFY), str(reason))
        for table in (numbers.always, numbers.before_3_0, numbers.since_3_0)
        for reason in table.values()
    }
    return by_rules | by_number | {(str(Stage.TRANSFER), str(Reason.TRUNCATED))}


def test_every_reason_of_the_vocabulary_can_be_given_or_is_listed_with_why_not() -> None:
    wanted = vocabulary()

    assert len(wanted) > 40
    assert wanted - reachable() == set(UNREACHABLE)


def test_no_rule_gives_a_reason_that_the_vocabulary_has_not_at_its_stage() -> None:
    """But ``unknown``, which is honest everywhere."""
    given = {pair for pair in reachable() if pair[1] != str(Reason.UNKNOWN)}

    assert given <= vocabulary()


# -- numbers of certificate errors -------------------------------------------------------------------

OLD, ELEVEN, NEW = "OpenSSL 1.0.2k-fips  26 Jan 2017", "OpenSSL 1.1.1w", "OpenSSL/3.5.1"


@pytest.mark.parametrize(
    ("number", "library", "reason"),
    [
        (2, OLD, Reason.ISSUER_NOT_FOUND),
        (9, NEW, Reason.NOT_YET_VALID),
        (10, OLD, Reason.EXPIRED),
        (18, NEW, Reason.SELF_SIGNED_LEAF),
        (19, OLD, Reason.SELF_SIGNED_IN_CHAIN),
        (20, NEW, Reason.UNKNOWN_ISSUER),
        (21, NEW, Reason.FIRST_CERTIFICATE_UNVERIFIABLE),
        (23, OLD, Reason.REVOKED),
        (24, OLD, Reason.NOT_A_CA),
        (24, ELEVEN, Reason.NOT_A_CA),
        (24, NEW, Reason.UNKNOWN),
        (26, NEW, Reason.WRONG_PURPOSE),
        (62, ELEVEN, Reason.HOSTNAME_MISMATCH),
        (64, NEW, Reason.HOSTNAME_MISMATCH),
        (66, NEW, Reason.WEAK_KEY),
        (67, ELEVEN, Reason.WEAK_KEY),
        (68, NEW, Reason.WEAK_SIGNATURE),
        (79, ELEVEN, Reason.UNKNOWN),
        (79, NEW, Reason.NOT_A_CA),
        (79, "", Reason.NOT_A_CA),
        (85, NEW, Reason.MISSING_EXTENSION),
        (92, NEW, Reason.MISSING_EXTENSION),
        (92, ELEVEN, Reason.UNKNOWN),
        (4711, NEW, Reason.UNKNOWN),
        (None, NEW, Reason.UNKNOWN),
    ],
)
def test_a_number_means_what_the_library_meant(
    number: int | None, library: str, reason: Reason
) -> None:
    assert x509_numbers().reason(number, library) is reason


# -- which end is believed ---------------------------------------------------------------------------

V = '[pid 1] DEBUG: Client "192.0.2.1", "SSL_accept failed: error:'
NO_SHARED_CIPHER = f'{V}0A0000C1:SSL routines::no shared cipher"'
NO_PROTOCOLS = f'{V}0A0000BF:SSL routines::no protocols available"'
NO_CERTIFICATE = f'{V}0A0000C7:SSL routines::peer did not return a certificate"'
ALERT_40 = "SSL connect attempt failed error:0A000410:SSL routines::ssl/tls alert handshake failure"
NOT_VERIFIED = "SSL connect attempt failed error:0A000086:SSL routines::certificate verify failed"


def observed(
    log: str = "", client: str = "net-ftp@rocky9", goal: Goal = Goal.LOGIN, **said: Any
) -> Observation:
    """A failed attempt with these words."""
    report: dict[str, Any] = {"failed": True, "step": "starttls", "reply_code": 234}
    report |= {"reply_text": "Go.", **said}
    return Observation(
        attempt=Attempt(parse_server([]), parse_client(client, [f"goal={goal}"])),
        client=ClientReport(**report),
        server=ServerReport(started=True, log=log),
    )


def outcome(observation: Observation) -> str:
    refusal = decide(observation, hear(observation))
    assert refusal is not None
    return of(refusal)


@pytest.mark.parametrize(
    "error",
    [
        ALERT_40,
        "SSL connect attempt failed error:0A000126:SSL routines::unexpected eof while reading",
        "SSL connect attempt failed error:0A00010B:SSL routines::wrong version number",
        "SSL connect attempt failed error:0A000102:SSL routines::unsupported protocol",
        "SSL connect attempt failed; Connection reset by peer",
        "a wording that nobody knows",
    ],
)
def test_whatever_the_client_makes_of_it_the_server_that_decided_says_why(error: str) -> None:
    assert outcome(observed(NO_PROTOCOLS, error=error)) == "server:handshake:no-shared-protocol"


def test_a_client_that_decided_is_believed_against_the_server() -> None:
    given = observed(NO_SHARED_CIPHER, error=NOT_VERIFIED, verify_code=18, library=NEW)

    assert outcome(given) == "client:verify:self-signed-leaf"


def test_alert_40_alone_does_not_say_why() -> None:
    assert outcome(observed("", error=ALERT_40)) == "server:handshake:unknown"


def test_the_alert_of_the_client_is_not_the_decision_of_the_server() -> None:
    log = f'{V}0A000418:SSL routines::tlsv1 alert unknown ca"'

    given = observed(log, error=NOT_VERIFIED, verify_code=20, library=NEW)

    assert outcome(given) == "client:verify:unknown-issuer"


def test_over_tls_1_3_a_refusal_is_the_handshakes_whatever_the_step() -> None:
    for step in ("login", "protect", "quit"):
        given = observed(
            NO_CERTIFICATE, step=step, protocol="TLSv1.3", error="[SYS] unknown error (_ssl.c:1)"
        )
        assert outcome(given) == "server:handshake:client-certificate-required"


def test_a_lost_line_after_a_whole_handshake_is_not_the_handshakes() -> None:
    def lost(protocol: str) -> Observation:
        return observed(client="ftplib@rocky9", step="login", error="EOFError", protocol=protocol)

    assert outcome(lost("TLSv1.3")) == "server:handshake:closed"
    assert outcome(lost("TLSv1.2")) == "unknown:login:unknown"


def test_a_handshake_that_failed_on_the_data_channel_is_the_transfers() -> None:
    log = f'{V}0A00010B:SSL routines::wrong version number"'.replace("[pid 1]", "[pid 1] [lab]")

    given = observed(log, step="put", reply_code=150, error="failed to ssl upgrade dataconn: x")

    assert outcome(given) == "server:transfer:data-tls-failed"


def test_words_of_the_handshake_mean_nothing_elsewhere() -> None:
    given = observed(
        "",
        client="ftplib@rocky9",
        step="put",
        reply_code=200,
        error="[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1)",
    )

    assert outcome(given) == "unknown:transfer:unknown"


def test_a_reply_that_the_client_made_up_is_none_of_the_servers() -> None:
    own = "[Net::FTP] Connection closed"

    made_up = observed(step="login", error=own, reply_code=421, reply_text=own)
    sent = observed(step="login", error="Good bye.", reply_code=421, reply_text="Good bye.")

    assert outcome(made_up) == "unknown:login:unknown"
    assert outcome(sent) == "server:login:service-unavailable"


@pytest.mark.parametrize(
    ("stored", "words"),
    [
        (2, "ftplib says it delivered; the server has 2 of 3 bytes"),
        (None, "ftplib says it delivered; the server has no file (of 3 bytes)"),
        (3, "ftplib says it delivered; the server has 3 bytes that are not those of the file (3)"),
    ],
)
def test_success_that_is_reported_of_a_file_that_is_not_there_is_false(
    stored: int | None, words: str
) -> None:
    given = dataclasses.replace(
        observed("", client="ftplib@rocky9", goal=Goal.TRANSFER),
        client=ClientReport(failed=False, step="quit"),
        delivery=Delivery(name="x", size=3, sha256="good"),
    )
    server = ServerReport(
        started=True, stored_bytes=stored, stored_sha256="bad" if stored else None
    )
    whole = ServerReport(started=True, stored_bytes=3, stored_sha256="good")

    assert interpret(dataclasses.replace(given, server=whole)).result is Result.COMPLETED
    false = interpret(dataclasses.replace(given, server=server))
    assert false.result is Result.FALSE_SUCCESS
    assert (false.by, false.stage, false.reason) == (
        Side.UNKNOWN,
        Stage.TRANSFER,
        Reason.TRUNCATED,
    )
    assert false.in_words() == f"false success: {words}"
    # a client that says that it failed is honest, whatever there is of the file
    honest = dataclasses.replace(given.client, failed=True, step="put", reply_code=426)
    refusal = interpret(dataclasses.replace(given, server=server, client=honest))
    assert refusal.result is Result.REFUSED


def of_the_web(log: str = "", client: str = "tls-perl@rocky9", **said: Any) -> Observation:
    """A failed attempt to get a page, with these words."""
    report: dict[str, Any] = {"failed": True, "step": "handshake", **said}
    return Observation(
        attempt=Attempt(parse_server([], "origin"), parse_client(client)),
        client=ClientReport(**report),
        server=ServerReport(started=True, log=log),
    )


@pytest.mark.parametrize(
    ("step", "ends"),
    [
        ("connect", "network:connect:timed-out"),
        ("handshake", "server:handshake:timed-out"),
        ("response", "server:response:timed-out"),
    ],
)
def test_silence_belongs_to_who_was_silent(step: str, ends: str) -> None:
    assert outcome(of_the_web(step=step, errno="ETIMEDOUT", error="Connection timed out")) == ends


def test_an_alert_after_the_handshake_is_the_handshakes_and_an_end_is_the_responses() -> None:
    alert = "SSL read error error:0A00045C:SSL routines::tlsv13 alert certificate required"
    told = of_the_web(step="response", protocol="TLSv1.3", error=alert)
    left = of_the_web(step="response", protocol="TLSv1.3", error="Server closed connection now")

    assert outcome(told) == "server:handshake:client-certificate-required"
    assert outcome(left) == "server:response:closed"


@pytest.mark.parametrize("status", [301, 400, 503])
def test_another_status_than_200_is_no_page(status: int) -> None:
    """Whether the program calls it a failure or not."""
    for failed in (True, False):
        given = of_the_web(step="response", failed=failed, reply_code=status, reply_text="x")
        assert outcome(given) == "server:response:unknown"


def test_a_page_with_status_200_is_what_was_asked_for() -> None:
    given = of_the_web(step="response", failed=False, reply_code=200, reply_text="OK")

    assert interpret(given).result is Result.COMPLETED


def test_a_web_client_that_wants_a_handshake_needs_no_page() -> None:
    given = of_the_web(step="handshake", failed=False)
    attempt = given.attempt.with_client(goal=Goal.HANDSHAKE)

    assert interpret(dataclasses.replace(given, attempt=attempt)).result is Result.COMPLETED
    assert interpret(given).result is Result.REFUSED


# -- the cause ---------------------------------------------------------------------------------------


def test_a_server_that_did_not_start_is_the_cause_of_a_closed_port_only() -> None:
    words = "500 OOPS: SSL: cannot load RSA certificate"
    server = ServerReport(started=False, log=f"first line\n{words}\n")
    refused = observed(step="connect", errno="ECONNREFUSED", error="Connection refused")
    unknown_name = observed(step="connect", errno="EAI_NONAME", error="Name or service not known")

    closed = interpret(dataclasses.replace(refused, server=server))
    unresolved = interpret(dataclasses.replace(unknown_name, server=server))

    assert closed.reason is Reason.CONNECTION_REFUSED
    assert closed.cause == f"the server did not start: {words}"
    assert unresolved.reason is Reason.NAME_NOT_FOUND
    assert unresolved.cause is None


def test_what_a_server_says_at_its_start_is_no_answer_to_a_client() -> None:
    log = "500 OOPS: x\n" + NO_SHARED_CIPHER

    given = dataclasses.replace(observed(), server=ServerReport(started=False, log=log))

    assert hear(given).server == {NOBODY_CAME}


def test_a_silent_greeting_has_a_cause_when_the_server_waited_for_tls() -> None:
    log = f'[pid 1] CONNECT: Client "192.0.2.1"\n{V}0A000126:SSL routines::unexpected eof"'

    found = interpret(observed(log, step="greeting", reply_code=None, error="[Net::FTP] Timeout"))

    assert (found.stage, found.reason) == (Stage.GREETING, Reason.TIMED_OUT)
    assert found.cause == "the server was waiting for a TLS handshake: it speaks implicit TLS"


def test_an_upload_that_is_aborted_has_a_cause_where_the_client_broke_the_data_connection() -> None:
    given = observed(step="put", reply_code=426, error="426 Failure reading network stream.")

    broken = interpret(given, hear(given, data_broken=True))
    unseen = interpret(given, hear(given))

    assert (broken.by, broken.reason) == (unseen.by, unseen.reason) == (Side.SERVER, Reason.ABORTED)
    assert broken.cause is not None
    assert broken.cause.startswith("the client broke the data connection (RST)")
    assert unseen.cause is None


def test_a_part_of_a_file_is_denied_by_the_servers_own_words_only() -> None:
    refused = "x.txt: Append/Restart not permitted, try again"
    given = observed(
        f"1970-01-01 00:00:00,000 [1] command: STOR x.txt reply: 451 {refused}\n",
        client="fsspec@debian13",
        step="put",
        reply_code=451,
        error=f"451 {refused}",
    )
    settings = dataclasses.replace(given.attempt, server=parse_server([], "proftpd"))

    told = interpret(dataclasses.replace(given, attempt=settings))
    another = interpret(given)

    assert (told.by, told.stage, told.reason) == (Side.SERVER, Stage.TRANSFER, Reason.UPLOAD_DENIED)
    assert told.cause is not None
    assert "`AllowStoreRestart on`" in told.cause
    assert another.reason is Reason.UNKNOWN


def test_a_pinned_certificate_explains_why_the_chain_was_looked_at() -> None:
    given = observed("", error=NOT_VERIFIED, verify_code=18, library=NEW)
    pinned = given.attempt.with_client(fingerprint="private-ca")

    found = interpret(dataclasses.replace(given, attempt=pinned))

    assert found.reason is Reason.SELF_SIGNED_LEAF
    assert found.cause is not None
    assert "not the pinned one" in found.cause


# -- files that are broken ---------------------------------------------------------------------------


def test_an_unknown_program_is_a_fault_of_the_lab() -> None:
    with pytest.raises(DialectError, match=r"lab/dialects/nobody\.toml"):
        client_dialect("nobody")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("title = ", "Invalid value"),
        ("title = 'x'", "source"),
        ("title = 'x'\nsource = 'y'\n[signals]\neof = '('", "not a regular expression"),
        ("title = 'x'\nsource = 'y'\n[signals]\neof = {words = 'z'}", "words"),
        ("title = 'x'\nsource = 'y'\n[certificate_texts]\n'old' = 'mouldy'", "mouldy"),
    ],
)
def test_a_broken_dialect_is_refused_with_its_name(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text(text, encoding="utf-8")

    with pytest.raises(DialectError, match=rf"broken\.toml(.|\n)*{why}"):
        read(tmp_path / "broken.toml", ClientDialect)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"reason": "tired"}, "tired"),
        ({"reply": "9xx"}, "no reply code"),
        ({"reply": 5300}, "no reply code"),
        ({"stage": "lunch"}, "stage"),
        ({"error": "x"}, "error"),
    ],
)
def test_a_broken_rule_is_refused(rule: dict[str, Any], why: str) -> None:
    good = {"stage": "login", "by": "server", "reason": "login-failed"}

    with pytest.raises(ValueError, match=why):
        Rule.model_validate(good | rule)


def test_a_part_is_in_both_lists_and_exists_once() -> None:
    for name in PARTS:
        part = rule_list(name).rule
        for listed in (rule_list(FTPS).rule, rule_list(WEB).rule):
            start = next(i for i, rule in enumerate(listed) if rule is part[0])
            assert all(a is b for a, b in zip(part, listed[start:], strict=False))


@pytest.mark.parametrize(
    "entry", [{"part": "weather"}, {"part": "web"}, {"part": "connection", "stage": "resolve"}]
)
def test_a_part_that_is_none_is_refused(entry: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="a part is one of"):
        Rules.model_validate({"title": "x", "rule": [entry]})


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_has_the_rules_of_what_it_speaks(program: str) -> None:
    stages = {rule.stage for rule in rules_of(PROGRAMS[program].settings.speaks).rule}

    assert (Stage.RESPONSE in stages) is (PROGRAMS[program].settings.speaks == "HTTP")
    assert (Stage.TRANSFER in stages) is (PROGRAMS[program].settings.speaks == "FTP")


def test_a_group_stands_for_its_signals() -> None:
    rule = {"stage": "close", "by": "server", "reason": "unknown", "says": ["gone", "late"]}

    read_back = Rules.model_validate(
        {"title": "x", "groups": {"gone": ["eof", "reset"]}, "rule": [rule]}
    )

    assert read_back.rule[0].says == ("eof", "reset", "late")


def test_a_reply_is_asked_for_by_its_code_or_its_first_digit() -> None:
    rule = Rule(stage=Stage.LOGIN, by=Side.SERVER, reason="login-failed", reply=("4xx", "530"))

    def holds(reply: int | None) -> bool:
        heard = Heard("login", reply, None, frozenset(), frozenset())
        return rule.holds(heard)

    assert [holds(code) for code in (421, 530, 532, 230, None)] == [True, True, False, False, False]
