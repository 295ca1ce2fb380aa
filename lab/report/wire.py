"""What the wire shows of an attempt, and what the three witnesses say, in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from lab.model import Side
from lab.wire import Agreement, Ending, How, Point, Statement, WireReading, Witnesses
from lab.wire.reading import ConnectionReading
from lab.wire.tls import AlertSeen, Certificates, Offered, Selected

#: Of a longer list of cipher suites, so many are named.
MOST_SUITES = 4

_POINTS = {
    Point.CONNECT: "before the connection was made",
    Point.GREETING: "before the server said anything",
    Point.CLEAR: "in clear text",
    Point.BEFORE_CLIENT_HELLO: "before the ClientHello",
    Point.BEFORE_SERVER_HELLO: "in answer to the ClientHello",
    Point.HANDSHAKE: "behind the ServerHello",
    Point.AFTER_HANDSHAKE: "right behind the handshake",
    Point.SESSION: "inside the session",
}
_AT = {**_POINTS, Point.BEFORE_SERVER_HELLO: "before a ServerHello"}


def wire_in_words(reading: WireReading | None) -> str:
    """The reading, a fact on each line; nothing if nothing was captured."""
    return "" if reading is None else "\n".join(_lines(reading))


def witnesses_in_words(witnesses: Witnesses | None) -> str:
    """Whom each witness names, and whether they disagree; nothing if none was heard."""
    if witnesses is None:
        return ""
    every = {"client": witnesses.client, "server": witnesses.server, "wire": witnesses.wire}
    words = ", ".join(f"{name}: {_names(one)}" for name, one in every.items())
    return f"they disagree - {words}" if witnesses.disagree else words


def _names(one: Statement) -> str:
    if one.standing is Agreement.SILENT or one.names is None:
        return "silent"
    return f"the {one.names}" if one.standing is Agreement.AGREES else f"the {one.names} (!)"


def _lines(reading: WireReading) -> Iterator[str]:
    if reading.missing:
        yield f"not captured: {reading.missing}"
        return
    control = reading.control
    if control is None:
        yield "no packet came to the server"
    else:
        yield from _connection(control)
    for data in (one for one in reading.connections if not one.control):
        # What of a data connection went well is of no interest here.
        if data.ending is not None:
            yield from (f"data connection: {line}" for line in _connection(data))
        elif data.closed is not None and data.closed.reset:
            yield f"data connection: the {data.closed.by} breaks it off (RST)"
    yield from _file(reading)


def _connection(one: ConnectionReading) -> Iterator[str]:
    if one.offered is None:
        yield from (f"{'>' if s.by is Side.CLIENT else '<'} {s.text}" for s in one.said[-6:])
    else:
        yield f"the client offers {_offered(one.offered)}"
    if one.selected is not None:
        yield f"the server selects {_selected(one.selected, one.certificates)}"
    if one.unreadable:
        yield f"not readable: {one.unreadable}"
    told = [(alert.after_ms, _alert(alert)) for alert in one.alerts]
    if one.not_tls is not None:
        words = f"the server says in clear text: {one.not_tls.text}"
        told.append((one.not_tls.after_ms, words))
    yield from (words for _, words in sorted(told, key=lambda one: one[0]))
    if one.ending is not None and one.ending.how is not How.FATAL_ALERT:
        yield _ending(one.ending)


def _offered(offered: Offered) -> str:
    versions = " ".join(offered.versions) if offered.versions else f"{offered.newest} or older"
    suites = offered.suites
    named = " ".join(suites[:MOST_SUITES])
    rest = len(suites) - MOST_SUITES
    words = [versions, f"{named} and {rest} more" if rest > 0 else named or "no cipher suite"]
    words.append(f"the name {offered.server_name}" if offered.server_name else "no name (SNI)")
    if offered.alpn:
        words.append(f"ALPN {' '.join(offered.alpn)}")
    return "; ".join(words)


def _selected(selected: Selected, certificates: Certificates | None) -> str:
    words = [f"{selected.version} {selected.cipher}"]
    if selected.retry:
        words.append("after a HelloRetryRequest")
    if selected.resumed:
        words.append("an earlier session")
    if certificates is not None:
        number = certificates.number
        words.append(f"{number} certificate{'s' if number != 1 else ''}")
    return "; ".join(words)


def _alert(alert: AlertSeen) -> str:
    where = _POINTS[alert.point]
    if alert.name is None:
        return f"encrypted alert from the {alert.by} {where}"
    kind = "fatal alert" if alert.fatal else "alert"
    opened = ", opened with the key log" if alert.decrypted else ""
    return f"{kind} {alert.name} ({alert.number}) from the {alert.by} {where}{opened}"


def _ending(ending: Ending) -> str:
    where = _AT[ending.point]
    return {
        How.NO_ANSWER: "nothing answers",
        How.NOT_ACCEPTED: "the first packet is answered with a reset",
        How.NOT_FTP: "the first words are no FTP",
        How.REPLY: f"the {ending.by} says no",
        How.NOT_TLS: "the answer to the ClientHello is no TLS",
        How.ENCRYPTED_ALERT: f"the {ending.by} is the first to end it, {where}",
        How.CLOSED: f"the {ending.by} is the first to close, {where}",
        How.RESET: f"the {ending.by} breaks the connection, {where}",
        How.SILENCE: f"the {ending.by} does not answer until the other end gives up, {where}",
        How.FATAL_ALERT: "",
    }[ending.how]


def _file(reading: WireReading) -> Iterator[str]:
    if reading.file is not None:
        secrets = "with the secrets of its TLS sessions" if reading.key_log else ""
        if reading.no_key_log:
            secrets = f"no secrets: {reading.no_key_log}"
        words = [f"{reading.packets} packets in {reading.file}", secrets]
        yield "; ".join(word for word in words if word)
    if reading.cut:
        yield f"{reading.cut} bytes of long transfers are left out"
    if reading.lost or reading.late:
        yield f"packets may be missing: the capture lost {reading.lost}"
    if reading.unclear:
        yield f"{reading.unclear} connections may have been another attempt's, and are left out"
