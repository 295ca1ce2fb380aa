"""The reading of a capture: every connection, and how each was refused, if the wire shows that.

Nothing is known here of settings, programs or logs: what a reading says rests on the packets alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lab.model import Side
from lab.wire import tls as tls_on_wire
from lab.wire.ftp import Clear, clear_text, is_negative_reply
from lab.wire.packets import Capture
from lab.wire.streams import Connection, Moment, connections
from lab.wire.tls import AlertSeen, Handshake, NotTls, Offered, Point, Selected, handshake

#: Who closes when the other end has owed it an answer for so long was left by it, in seconds. No client of
#: the lab has a shorter time limit, and no answer on its network takes so long.
SILENCE_S = 0.25
#: So many connections of an attempt are read; a web client or an FTP session has one to three.
MOST_CONNECTIONS = 32
#: How a record of a handshake begins, as a text shows it.
_RECORD = "\\x16\\x03"
#: So many lines of clear text are kept of each.
MOST_SAID = 40


class How(StrEnum):
    """How a connection was refused."""

    NO_ANSWER = "no-answer"
    """Nothing answered the first packet."""
    NOT_ACCEPTED = "not-accepted"
    """The first packet was answered with a reset."""
    NOT_FTP = "not-ftp"
    """The server's first words are no FTP."""
    REPLY = "reply"
    """A negative reply of FTP."""
    FATAL_ALERT = "fatal-alert"
    NOT_TLS = "not-tls"
    """The answer to the ClientHello is no TLS."""
    ENCRYPTED_ALERT = "encrypted-alert"
    """Sent an alert that cannot be read, and closed."""
    CLOSED = "closed"
    """Was the first to close, in good order (FIN)."""
    RESET = "reset"
    """Broke the connection (RST)."""
    SILENCE = "silence"
    """Did not answer, until the other end gave up."""


@dataclass(frozen=True)
class Ending:
    """How a connection was refused, and by whom."""

    by: Side
    how: How
    point: Point
    """How far it had come."""
    alert: str | None = None
    """The alert that was sent."""


@dataclass(frozen=True)
class Said:
    """One line of clear text."""

    by: Side
    text: str


@dataclass(frozen=True)
class Closed:
    """Who was the first to close a connection."""

    by: Side
    reset: bool
    """Broken (RST), not closed in good order (FIN)."""
    after_ms: float
    """Milliseconds from the connection's first packet."""


@dataclass(frozen=True)
class ConnectionReading:
    """One connection of the attempt."""

    control: bool
    """To the server's own port; the others are for data."""
    opened_by: Side
    client: str
    """Address and port."""
    server: str
    begun_ms: float
    """Milliseconds from the attempt's first packet."""
    established: bool
    said: tuple[Said, ...] = ()
    """The dialogue in clear text; passwords are left out."""
    offered: Offered | None = None
    """The ClientHello; null: none was seen."""
    selected: Selected | None = None
    """The ServerHello; null: none was seen."""
    certificates: tls_on_wire.Certificates | None = None
    """What the server sent; null: nothing, or it is encrypted."""
    alerts: tuple[AlertSeen, ...] = ()
    not_tls: NotTls | None = None
    """What the server sent in clear text where TLS had begun; null: nothing."""
    unreadable: str = ""
    """Why a message could not be read."""
    cut: bool = False
    """There is more than was kept, in this reading and in the file."""
    closed: Closed | None = None
    """Who was the first to close it; null: nobody did while it was looked at."""
    ending: Ending | None = None
    """How it was refused; null: it was not, or the wire does not show it."""


@dataclass(frozen=True)
class WireReading:
    """What the wire shows of one attempt."""

    connections: tuple[ConnectionReading, ...] = ()
    packets: int = 0
    size: int = 0
    """All packets on the wire, in bytes."""
    cut: int = 0
    """Payload that was left out of the file, in bytes: the rest of long transfers."""
    lost: int = 0
    """Packets that the capture lost meanwhile, of all attempts under way."""
    late: bool = False
    """The last packets may be missing."""
    unclear: int = 0
    """Connections that may have been another attempt's as well, and were left out."""
    key_log: bool = False
    """The secrets of the TLS sessions are in the file."""
    no_key_log: str = ""
    """Why they are not."""
    missing: str = ""
    """Why there is no capture; empty: there is one."""
    file: str | None = None
    """The capture, beside the record; null: none was kept."""

    @property
    def control(self) -> ConnectionReading | None:
        """The last connection to the server's own port: what came of it came of the attempt."""
        return next((c for c in reversed(self.connections) if c.control), None)

    @property
    def overheard(self) -> str:
        """What the server said in clear text where TLS had begun, before anybody had closed."""
        found = self.control
        if found is None or found.not_tls is None:
            return ""
        last = found.closed is not None and found.closed.after_ms < found.not_tls.after_ms
        return "" if last else found.not_tls.text

    @property
    def data_broken(self) -> bool:
        """Whether the client was the first to end a data connection, and broke it (RST)."""
        data = (one.closed for one in self.connections if one.established and not one.control)
        return any(one.reset and one.by is Side.CLIENT for one in data if one is not None)

    @property
    def data(self) -> ConnectionReading | None:
        """The last data connection that was refused."""
        return next((c for c in reversed(self.connections) if not c.control and c.ending), None)


def read(capture: Capture) -> WireReading:
    """Read a capture, whatever is in it."""
    made = connections(capture)[:MOST_CONNECTIONS]
    secrets = tls_on_wire.parse_key_log(capture.key_log)
    clear = [_clear(one) for one in made]
    tls = [
        handshake(one, text.tls_from, secrets) if text.tls_from else Handshake()
        for one, text in zip(made, clear, strict=True)
    ]
    each, same = zip(made, clear, tls, strict=True), ("cut", "lost", "late", "unclear", "missing")
    return WireReading(
        connections=tuple(_read(*one, made[0].begun) for one in each),
        packets=len(capture.packets),
        size=sum(packet.size for packet in capture.packets),
        key_log=bool(capture.key_log),
        no_key_log=_why_no_key_log(capture, tls),
        **{name: getattr(capture, name) for name in same},
    )


def _why_no_key_log(capture: Capture, handshakes: Sequence[Handshake]) -> str:
    if capture.key_log or not any(tls.hello for tls in handshakes):
        return ""
    # TLS 1.2 and older have secrets when the client has answered the server's part.
    if not any(tls.version == "TLSv1.3" or Side.CLIENT in tls.finished for tls in handshakes):
        return "the handshake ended before there were secrets"
    return capture.no_key_log


def _read(connection: Connection, clear: Clear, tls: Handshake, first: Moment) -> ConnectionReading:
    closed = _first_close(connection)
    return ConnectionReading(
        control=connection.control,
        opened_by=connection.opened_by,
        client=str(connection.client),
        server=str(connection.server),
        begun_ms=connection.begun.since(first),
        established=connection.established,
        said=tuple(Said(line.side, line.text) for line in clear.lines[:MOST_SAID]),
        offered=_offered(tls),
        selected=_selected(tls),
        certificates=tls.certificates,
        alerts=tuple(alert for _, alert in tls.alerts),
        not_tls=tls.not_tls[Side.SERVER][1] if Side.SERVER in tls.not_tls else None,
        unreadable=tls.unreadable,
        cut=connection.from_client.cut or connection.from_server.cut,
        closed=closed[1] if closed else None,
        ending=_ending(connection, clear, tls),
    )


def _clear(connection: Connection) -> Clear:
    """The clear text; what passes a data connection in clear text is the file, and no dialogue."""
    clear = clear_text(connection)
    if connection.control or clear.tls_from:
        return clear
    return Clear((), None, agreed=False)


def _offered(tls: Handshake) -> Offered | None:
    hello = tls.hello
    if hello is None:
        return None
    suites = tuple(suite.name for suite in hello.suites)
    return Offered(hello.newest, hello.versions, suites, hello.server_name, hello.alpn)


def _selected(tls: Handshake) -> Selected | None:
    if tls.selected is None:
        return None
    return Selected(tls.selected.version, tls.selected.suite.name, tls.retry, tls.resumed)


# -- who refused -----------------------------------------------------------------------------------


def _ending(connection: Connection, clear: Clear, tls: Handshake) -> Ending | None:
    """How the connection was refused; ``None``: it was not, or that cannot be seen."""
    if not connection.established:
        return _not_connected(connection)
    if clear.tls_from is not None:
        return _answer_is_no_tls(clear, tls) or _first_act(connection, tls)
    if connection.control:
        return _refused_in_clear(clear) or _left_in_clear(connection, clear)
    return None


def _not_connected(connection: Connection) -> Ending:
    """The connection was not made: by something in between, or by the system at the other end."""
    refused = connection.stream(_other(connection.opened_by)).reset is not None
    how = How.NOT_ACCEPTED if refused else How.NO_ANSWER
    return Ending(Side.NETWORK, how, Point.CONNECT)


def _refused_in_clear(clear: Clear) -> Ending | None:
    """The last of the server's replies that say no, or what is no FTP at all."""
    from_server = [line for line in clear.lines if line.side is Side.SERVER]
    if not from_server:
        return None
    if not from_server[0].is_ftp:
        return Ending(Side.SERVER, How.NOT_FTP, Point.GREETING)
    if any(line.is_negative for line in from_server):
        at_once = from_server[0].is_negative
        return Ending(Side.SERVER, How.REPLY, Point.GREETING if at_once else Point.CLEAR)
    return None


def _left_in_clear(connection: Connection, clear: Clear) -> Ending | None:
    """Somebody left the dialogue without a good-bye."""
    if any(line.verb == "QUIT" for line in clear.lines):
        return None
    if any(one.cut and not one.data for one in (connection.from_client, connection.from_server)):
        return None  # what an end said first is missing in the capture
    greeted = any(line.side is Side.SERVER for line in clear.lines)
    return _closed_by(connection, Point.CLEAR if greeted else Point.GREETING)


def _answer_is_no_tls(clear: Clear, tls: Handshake) -> Ending | None:
    """The server answered the ClientHello in another language.

    To a client that was told to begin, that is an FTP server's no, unless it repeats the ClientHello: then
    the server took that for a command. Whoever gets another answer can only leave.
    """
    if Side.SERVER not in tls.not_tls or tls.hello is None or tls.selected is not None:
        return None
    answered, said = tls.not_tls[Side.SERVER]
    point = Point.BEFORE_SERVER_HELLO
    for moment, alert in tls.alerts:
        # The server's, before it spoke in clear text; the client's, because it did.
        if alert.fatal and (alert.by is Side.CLIENT or moment <= answered):
            return Ending(alert.by, How.FATAL_ALERT, alert.point, alert.name)
    if clear.agreed and is_negative_reply(said.text) and _RECORD not in said.text:
        return Ending(Side.SERVER, How.REPLY, point)
    return Ending(Side.CLIENT, How.NOT_TLS, point)


def _first_act(connection: Connection, tls: Handshake) -> Ending | None:
    """The first thing that either end did to end it.

    What is not encrypted, or was opened, counts at any time; the rest only while nothing has been
    exchanged behind the handshake: afterwards an end may be a good one.
    """
    acts: list[tuple[Moment, Ending]] = []
    for moment, alert in tls.alerts:
        if alert.fatal:
            acts.append((moment, Ending(alert.by, How.FATAL_ALERT, alert.point, alert.name)))
        elif alert.point is not Point.SESSION and (alert.number is None or alert.is_goodbye):
            how = How.CLOSED if alert.is_goodbye else How.ENCRYPTED_ALERT
            acts.append((moment, Ending(alert.by, how, alert.point, alert.name)))
    found = _first_close(connection)
    closed = _closed_by(connection, tls.point, client_next=tls.is_the_clients_turn)
    if found and closed:
        if tls.point is Point.SESSION and closed.how is not How.SILENCE:
            # What is sent to an end that has closed ends nothing.
            acts = [act for act in acts if act[0] < found[0]]
        else:
            acts.append((found[0], closed))
    return min(acts, key=lambda act: act[0])[1] if acts else None


def _closed_by(connection: Connection, point: Point, *, client_next: bool = False) -> Ending | None:
    """The first to close has broken it off, unless the other end left it without an answer.

    Args:
        connection: the one that ended.
        point: how far it had come.
        client_next: whether it was for the client to go on.
    """
    found = _first_close(connection)
    if found is None:
        return None
    moment, closed = found
    # Whoever has finished the handshake is owed nothing; of a file nothing is answered where it passes.
    answered = connection.control or point is not Point.SESSION
    answered &= point is not Point.AFTER_HANDSHAKE
    answered &= not (client_next and closed.by is Side.CLIENT)
    if answered and _was_left_waiting(connection, closed.by, moment):
        return Ending(_other(closed.by), How.SILENCE, point)
    return Ending(closed.by, How.RESET if closed.reset else How.CLOSED, point)


def _was_left_waiting(connection: Connection, by: Side, moment: Moment) -> bool:
    """Whether the other end owed this one an answer for long."""
    heard = connection.stream(_other(by)).last_before(moment)
    # What it said since then is what was not answered.
    since = connection.stream(by).first_after(heard or connection.begun)
    if heard is None and since is None and by is Side.CLIENT and connection.control:
        # A client that has nothing to say waits for a greeting.
        since = connection.begun
    return since is not None and since < moment and moment.since(since) >= SILENCE_S * 1000


def _first_close(connection: Connection) -> tuple[Moment, Closed] | None:
    """Who was the first to close, and when."""
    found = []
    for side in (Side.CLIENT, Side.SERVER):
        at, reset = connection.stream(side).closed, connection.stream(side).reset
        if at is not None:
            found.append((at, Closed(side, at == reset, at.since(connection.begun))))
    return min(found, key=lambda one: one[0], default=None)


def _other(side: Side) -> Side:
    return Side.CLIENT if side is Side.SERVER else Side.SERVER
