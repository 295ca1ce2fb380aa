"""Client, server and wire, each heard alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from lab.dialects import server_dialect
from lab.dialects.rules import hear, interpret
from lab.model import Attempt, ClientReport, Goal, Observation, Outcome, Reason, Result, Side, Stage
from lab.model.outcome import ServerReport
from lab.servers import SERVER_HOSTS
from lab.settings import parse_client, parse_server
from lab.wire.reading import ConnectionReading, Ending, How, WireReading
from lab.wire.tls import Point
from lab.wire.witnesses import Agreement, Statement, Witnesses, hear_witnesses, wire_names
from tests.transcripts.transcript import Transcript, files

FILES = files()
TRANSCRIPTS = [one for file in FILES.values() for one in file.transcripts]
AGREES, DISAGREES, SILENT = Agreement.AGREES, Agreement.DISAGREES, Agreement.SILENT


def connection(ending: Ending | None, *, control: bool = True) -> ConnectionReading:
    return ConnectionReading(
        control=control,
        opened_by=Side.CLIENT,
        client="172.30.77.5:40000",
        server="172.30.77.10:2100",
        begun_ms=0.0,
        established=True,
        ending=ending,
    )


def alert(by: Side, point: Point = Point.HANDSHAKE) -> Ending:
    return Ending(by, How.FATAL_ALERT, point, "handshake_failure")


def reading(*endings: Ending | None, data: Ending | None = None) -> WireReading:
    connections = [connection(one) for one in endings]
    if data is not None:
        connections.append(connection(data, control=False))
    return WireReading(connections=tuple(connections))


def transcript(name: str, client: str = "net-ftp@rocky9") -> Transcript:
    """What was recorded in a situation."""
    found = [t for t in TRANSCRIPTS if t.name == name and t.client.startswith(client) and t.log]
    assert found, f"no transcript {name!r} of {client}"
    return found[0]


def witnesses(observation: Observation, seen: WireReading | None) -> Witnesses:
    return asked(observation, seen)[0]


def asked(observation: Observation, seen: WireReading | None) -> tuple[Witnesses, Outcome]:
    """What they say, and what came of it all together."""
    said = hear(observation)
    outcome = interpret(observation, said)
    heard = hear_witnesses(observation, said, outcome, seen)
    assert heard is not None
    return heard, outcome


# -- the words that were recorded --------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
def test_no_witness_is_believed_against_the_outcome_without_being_shown(name: str) -> None:
    # given everything that a program was ever heard to say, then who is named is the one of the
    # outcome, or the disagreement is known
    otherwise = [
        f"{one.name} ({one.server}): {why}"
        for one in FILES[name].transcripts
        for why in believed_otherwise(one)
    ]
    assert not otherwise, "\n".join(otherwise)


def believed_otherwise(one: Transcript) -> Iterator[str]:
    """What the witnesses of a transcript say of whom it names, where that is not known."""
    heard, outcome = asked(one.observation(), None)
    expected = DIFFERENT.get((one.name, one.server), (None, None))
    for end, said, other in zip(
        ("client", "server"), (heard.client, heard.server), expected, strict=True
    ):
        if said.names is not None and said.names is not outcome.by:
            if said.names != other:
                yield f"{end} alone names the {said.names}, not {outcome.by}"
            standing = DISAGREES
        else:
            standing = SILENT if said.names is None else AGREES
        if said.standing is not standing:
            yield f"{end} {said.standing}, not {standing}"
    if heard.wire != Statement(SILENT):
        yield f"the wire says {heard.wire}"


#: Situations in which a witness alone names another than the outcome does: the client, the server.
DIFFERENT: dict[tuple[str, str], tuple[Side | None, Side | None]] = {
    # The client is answered in clear text, and leaves.
    ("a missing directory, before the handshake of implicit TLS", "vsftpd"): (Side.CLIENT, None),
    # rclone begins anew, and the second connection decides; of the first the server saw that it was left.
    ("implicit server, explicit client", "vsftpd"): (None, Side.CLIENT),
    # OpenSSL 1.0.2 looks at the version of the record before it looks at the alert in it.
    ("old server, server of SSLv3", "vsftpd@openssl-1.0.2k"): (Side.CLIENT, None),
    # The client tries the same again until its time is over.
    ("plain data, TLS required", "vsftpd"): (Side.NETWORK, None),
    ("plain data, TLS required", "pyftpdlib"): (Side.NETWORK, None),
    # The client takes what the server sends for no TLS.
    ("server of SSLv3", "vsftpd"): (Side.CLIENT, None),
    ("server of TLSv1", "vsftpd"): (Side.CLIENT, None),
    ("server of ..TLSv1.1", "vsftpd"): (Side.CLIENT, None),
    # PHP on OpenSSL 3.0 does not say why it leaves; the server has its alert.
    ("TLS 1.0 unlocked at the server", "vsftpd"): (None, Side.CLIENT),
    ("TLS 1.0 unlocked at the server", "pyftpdlib"): (None, Side.CLIENT),
}


@pytest.mark.parametrize("software", sorted(SERVER_HOSTS))
def test_every_wording_of_a_client_that_ended_it_was_seen(software: str) -> None:
    logs = ["\n".join(one.log) for one in TRANSCRIPTS if one.server == software and one.started]
    for pattern in server_dialect(software).client_ended:
        assert any(pattern.search(log) for log in logs), pattern.pattern


# -- one refusal -------------------------------------------------------------------------------------


def observation(error: str, log: str = "", **report: object) -> Observation:
    client = ClientReport(failed=True, step="starttls", error=error, **report)  # type: ignore[arg-type]
    return Observation(
        attempt=Attempt(parse_server([]), parse_client("net-ftp@rocky9")),
        client=client,
        server=ServerReport(started=True, log=log),
    )


def log_line(error: str) -> str:
    return f'[pid 1] DEBUG: Client "192.0.2.1", "SSL_accept failed: error:{error}"'


EXPIRED = observation(
    "SSL connect attempt failed error:0A000086:SSL routines::certificate verify failed",
    log_line("0A000415:SSL routines::ssl/tls alert certificate expired"),
    verify_code=10,
    library="OpenSSL 3.5.1 1 Jul 2025",
)
NO_CIPHER = observation(
    "SSL connect attempt failed error:0A000410:SSL routines::ssl/tls alert handshake failure",
    log_line("0A0000C1:SSL routines::no shared cipher"),
)


def test_three_agree() -> None:
    heard = witnesses(EXPIRED, reading(alert(Side.CLIENT)))
    every = Statement(AGREES, Side.CLIENT)
    assert heard == Witnesses(every, every, every)
    assert not heard.disagree
    heard = witnesses(NO_CIPHER, reading(alert(Side.SERVER)))
    assert heard.server == Statement(AGREES, Side.SERVER)


def test_the_wire_names_another() -> None:
    heard = witnesses(EXPIRED, reading(alert(Side.SERVER)))
    assert heard.wire == Statement(DISAGREES, Side.SERVER)
    assert (heard.client.standing, heard.server.standing) == (AGREES, AGREES)
    assert heard.disagree


def test_the_server_names_another() -> None:
    mixed = dataclasses.replace(NO_CIPHER, server=EXPIRED.server)
    heard = witnesses(mixed, reading(alert(Side.SERVER)))
    assert heard.server == Statement(DISAGREES, Side.CLIENT)
    assert heard.disagree


def test_a_server_that_sees_a_client_leave_says_nothing_of_who_was_to_speak() -> None:
    # given a client that waits for a greeting, and a server that waits for a ClientHello
    left = log_line("0A000126:SSL routines::unexpected eof while reading")
    waited = observation("Timeout", left)
    waited = dataclasses.replace(
        waited,
        client=dataclasses.replace(waited.client, step="greeting", error="[Net::FTP] Timeout"),
    )
    assert interpret(waited).reason is Reason.TIMED_OUT
    assert witnesses(waited, None).server == Statement(SILENT)
    # of one that leaves by itself the server is heard
    refused = dataclasses.replace(EXPIRED, server=ServerReport(started=True, log=left))
    assert witnesses(refused, None).server == Statement(AGREES, Side.CLIENT)


def test_a_server_that_did_not_start_says_nothing_of_this_client() -> None:
    server = ServerReport(started=False, log=EXPIRED.server.log)
    assert witnesses(dataclasses.replace(EXPIRED, server=server), None).server == Statement(SILENT)


def test_what_nobody_can_tell_is_told_against() -> None:
    # given a refusal of which neither end's words say who
    unknown = observation("something that no program says")
    assert interpret(unknown).by is Side.UNKNOWN
    # then a wire that names somebody is shown
    heard = witnesses(unknown, reading(alert(Side.SERVER)))
    assert heard.client == heard.server == Statement(SILENT)
    assert heard.wire == Statement(DISAGREES, Side.SERVER)


def test_of_what_completed_nobody_is_asked() -> None:
    done = Outcome(result=Result.COMPLETED, goal=Goal.HANDSHAKE)
    assert hear_witnesses(EXPIRED, hear(EXPIRED), done, None) is None


# -- what the wire shows at which stage --------------------------------------------------------------

CLOSED = Ending(Side.CLIENT, How.CLOSED, Point.AFTER_HANDSHAKE)
ENCRYPTED = Ending(Side.CLIENT, How.ENCRYPTED_ALERT, Point.AFTER_HANDSHAKE)
REPLY = Ending(Side.SERVER, How.REPLY, Point.CLEAR)
SILENCE = Ending(Side.SERVER, How.SILENCE, Point.SESSION)


@pytest.mark.parametrize(
    ("stage", "ending", "names"),
    [
        (Stage.CONNECT, Ending(Side.NETWORK, How.NO_ANSWER, Point.CONNECT), Side.NETWORK),
        (Stage.AUTH, REPLY, Side.SERVER),
        (Stage.HANDSHAKE, alert(Side.SERVER), Side.SERVER),
        (Stage.VERIFY, CLOSED, Side.CLIENT),
        # an alert that cannot be read may be a good-bye
        (Stage.VERIFY, ENCRYPTED, None),
        (Stage.VERIFY, None, None),
        # behind the handshake only what is not encrypted shows
        (Stage.LOGIN, REPLY, Side.SERVER),
        (Stage.LOGIN, CLOSED, None),
        (Stage.TRANSFER, REPLY, Side.SERVER),
        (Stage.TRANSFER, alert(Side.SERVER), None),
        (Stage.RESPONSE, SILENCE, Side.SERVER),
        (Stage.RESPONSE, CLOSED, None),
        (Stage.CLOSE, CLOSED, None),
        (None, CLOSED, None),
    ],
)
def test_what_shows(stage: Stage | None, ending: Ending | None, names: Side | None) -> None:
    assert wire_names(reading(ending), stage) is names


def test_of_a_transfer_the_data_connection_comes_first() -> None:
    seen = reading(REPLY, data=Ending(Side.NETWORK, How.NO_ANSWER, Point.CONNECT))
    assert wire_names(seen, Stage.TRANSFER) is Side.NETWORK
    assert wire_names(seen, Stage.AUTH) is Side.SERVER


def test_without_packets_the_wire_is_silent() -> None:
    assert wire_names(None, Stage.HANDSHAKE) is None
    assert wire_names(WireReading(), Stage.RESOLVE) is None
    assert wire_names(WireReading(missing="why"), Stage.CONNECT) is None


def test_the_recorded_reasons_are_those_of_the_outcome() -> None:
    assert interpret(EXPIRED).reason is Reason.EXPIRED
    assert interpret(NO_CIPHER).reason is Reason.NO_SHARED_CIPHER
