"""The origin is not reached: its name, its address, a packet filter, a slow answer."""

from dataclasses import replace

from lab.cases import Case, case, nginx, origin, recommended, useless
from lab.model import Attempt, ClientSettings, Reason, Side, Stage
from lab.model.expectations import Expectation, refused
from scenarios import fastly

SECTION = "Connection failures"

#: Seconds; what never comes is waited for so long. IO::Socket::SSL counts the time of a handshake in whole
#: seconds of the clock: under a limit below one, a handshake that the clock's tick falls into is timed out.
SHORT = 1.5
#: Seconds that a slow origin takes, and a limit that it keeps.
SLOW, PATIENT = 2.2, 6.0


def connection_refused(client: ClientSettings) -> Expectation:
    """Refused at once, whether nothing listens on the port or a packet filter rejects."""
    return fastly.unconnected(Reason.CONNECTION_REFUSED, fastly.says(client, "Connection refused"))


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def the_name_does_not_exist(client: ClientSettings) -> Case:
    """The DNS server answers NXDOMAIN for the name that is configured as the origin."""
    remedy = "a name that the DNS server has a record for"
    return _not_resolved(client, "nowhere.lab.test", Reason.NAME_NOT_FOUND, remedy)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def the_resolver_refuses(client: ClientSettings) -> Case:
    """The DNS server does not answer for the name's zone; it refuses, which is not NXDOMAIN.

    The edge has one name for both.
    """
    remedy = "a name of a zone that the DNS server answers for"
    return _not_resolved(client, "www.example.test", Reason.RESOLVER_FAILED, remedy)


def _not_resolved(client: ClientSettings, host: str, because: Reason, remedy: str) -> Case:
    attempt = Attempt(nginx(), client).with_client(host=host)
    named = attempt.with_client(host="nginx.lab.test")
    refusal = refused(Side.NETWORK, Stage.RESOLVE, because, fastly.says(client, "Gethostbyname"))
    remedies = [
        recommended(remedy, named),
        useless(
            "the certificate hostname set to the origin's name",
            attempt.with_client(verify_name="nginx.lab.test", sni="nginx.lab.test"),
            refused(Side.NETWORK, Stage.RESOLVE, because),
        ),
    ]
    return Case(attempt, refusal, remedies=remedies)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def packets_are_dropped(client: ClientSettings) -> Case:
    """A packet filter drops what comes to the origin's port: no answer to the first packet."""
    attempt = Attempt(nginx(port_filter="dropped"), replace(client, timeout_s=SHORT))
    refusal = fastly.unconnected(Reason.TIMED_OUT, fastly.says(client, "Connection timeout"))
    remedies = [
        *fastly.cures(attempt, "let-in"),
        useless("twice the time limit", attempt.with_client(timeout_s=2 * SHORT)),
    ]
    return Case(attempt, refusal, twin=attempt.with_server(port_filter="open"), remedies=remedies)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def the_answer_is_slow(client: ClientSettings) -> Case:
    """The connection and TLS come about, and the answer takes longer than the client waits.

    The page counts a slow answer among its time-outs of the connection; the edge has another name for it.
    """
    attempt = Attempt(origin(answer_delay_s=SLOW), replace(client, timeout_s=SHORT))
    words = fastly.says(client, "first byte timeout")
    refusal = refused(Side.SERVER, Stage.RESPONSE, Reason.TIMED_OUT, words)
    remedies = [
        *fastly.cures(attempt, "answers-in-time"),
        recommended("a time limit that the origin keeps", attempt.with_client(timeout_s=PATIENT)),
    ]
    return Case(attempt, refusal, twin=attempt.with_client(timeout_s=PATIENT), remedies=remedies)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def nothing_listens(client: ClientSettings) -> Case:
    """Nothing listens on the port: the origin's own system refuses the connection."""
    attempt = Attempt(nginx(listening=False), client)
    remedies = [
        *fastly.cures(attempt, "listening"),
        useless("TLS disabled at the client", attempt.with_client(tls=False)),
    ]
    return Case(attempt, connection_refused(client), remedies=remedies)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def packets_are_rejected(client: ClientSettings) -> Case:
    """A packet filter rejects what comes to the port: from outside it looks as if nothing listened."""
    attempt = Attempt(nginx(port_filter="rejected"), client)
    refusal = connection_refused(client)
    another = attempt.with_server(port_allowed="rocky9-future")
    still = fastly.unconnected(Reason.CONNECTION_REFUSED)
    remedies = [
        *fastly.cures(attempt, "let-in"),
        useless("the address of another client allowed", another, still),
    ]
    return Case(attempt, refusal, twin=attempt.with_server(port_filter="open"), remedies=remedies)


@case(section=SECTION, clients=fastly.OLD_AND_NEW)
def the_origin_never_answers(client: ClientSettings) -> Case:
    """The connection is accepted and nothing comes back: the time-out is in the handshake."""
    attempt = Attempt(origin(behaviour="silent"), replace(client, timeout_s=SHORT))
    words = fastly.says(client, "Connection timeout")
    refusal = fastly.in_handshake(Side.SERVER, Reason.TIMED_OUT, words)
    return Case(attempt, refusal, remedies=fastly.cures(attempt, "well-behaved"))
