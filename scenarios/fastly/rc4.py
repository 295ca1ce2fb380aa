"""An origin with RC4 suites only."""

from lab.cases import Case, Remedy, case, origin_on_openssl_1_0_2, recommended
from lab.model import Attempt, ClientSettings, Reason, Side
from lab.model.expectations import completed
from scenarios import fastly

SECTION = "Using RC4 Cipher"
RC4_ONLY = origin_on_openssl_1_0_2(ciphers="RC4-SHA")
#: Clients whose library still has RC4, with a list that has it.
WITH_RC4 = [bare("centos7", ciphers="ALL") for bare in fastly.BARE]
OVER_RC4 = completed(cipher="RC4-SHA", verified=True)


def without_rc4(attempt: Attempt) -> list[Remedy]:
    """What helps at the origin: a cipher list that has more than RC4, or none of it."""
    return [
        *fastly.cures(attempt, "server-suites"),
        recommended("RC4 excluded at the origin", attempt.with_server(ciphers="ALL:!RC4")),
    ]


@case(section=SECTION, clients=WITH_RC4)
def the_edge_refuses_what_was_agreed(client: ClientSettings) -> Case:
    """The only suite in common is an RC4 one, and the client's rule is not to use it."""
    attempt = Attempt(RC4_ONLY, client).with_client(refuse_rc4=True)
    refusal = fastly.in_handshake(Side.CLIENT, Reason.RC4_REFUSED, "Using RC4 Cipher")
    used = attempt.with_client(refuse_rc4=False)
    remedies = [
        *without_rc4(attempt),
        fastly.but_checked("the rule given up, and RC4 used", used, OVER_RC4),
    ]
    return Case(attempt, refusal, remedies=remedies)


@case(section=SECTION, clients=WITH_RC4)
def an_old_client_with_a_list_that_has_rc4(client: ClientSettings) -> Case:
    """OpenSSL 1.0.2 with an explicit list still connects over RC4."""
    return Case(Attempt(RC4_ONLY, client), OVER_RC4)


@case(section=SECTION, clients=fastly.EVERYWHERE)
def defaults_have_no_rc4(client: ClientSettings) -> Case:
    """With its own defaults no client here has RC4: the origin finds no suite in common.

    The page's name for it never comes up: the handshake fails before there is a suite to refuse.
    """
    attempt = Attempt(RC4_ONLY, client)
    refusal = fastly.no_shared_cipher(client)
    remedies = [*without_rc4(attempt), fastly.every_suite_enabled(attempt, "RC4-SHA", "RC4")]
    return Case(attempt, refusal, remedies=remedies)
