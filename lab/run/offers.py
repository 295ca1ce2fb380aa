"""Asking both ends what they agree to, and their builds what they can do.

The client program makes an ordinary attempt, only that the other end is the agent ``tls_probe.py``
in the server's container, which takes the ClientHello and refuses. The listener is asked the other
way round: a ClientHello offers it every suite of one version; what it picks is taken out, until it
refuses the rest. So nothing here rests on what a library says of itself, and the limits of security
level, crypto policy, build, certificate and configuration are all in the result.

Each image is asked once, and its answers are kept (:mod:`lab.run.answers`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lab import model
from lab.certificates import OWN
from lab.certificates.description import describe
from lab.certificates.material import RunCertificates
from lab.clients import PROGRAMS, program_of
from lab.model import PROTOCOLS, Attempt, ClientSettings, ServerSettings, set_fields
from lab.model.attempt import Accepts, Capability, Loads, Offers, Speaks
from lab.run.agents import FACTS_S, Agents
from lab.run.answers import KeptAnswers
from lab.run.containers import OnceMap, certificate_files
from lab.run.link import AgentError, AgentLink
from lab.run.listeners import Listeners, RequestBuilder, deadline
from lab.run.suites import Offer, client_offer, configured
from lab.servers import SERVERS
from lab.tls import client_hello, server_hello
from lab.tls.client_hello import ClientHello
from lab.tls.records import HANDSHAKE_FAILURE, PROTOCOL_VERSION, Alert, WireError, fatal_alert
from lab.tls.server_hello import ServerHello
from lab.tls.suites import SUITES, Suite

#: Seconds for one exchange of first messages.
EXCHANGE_S = 10.0
_INSUFFICIENT_SECURITY = 71

#: Makes one attempt of the client against this port, and says what the client has against it.
MakeAttempt = Callable[[int], str]
#: Answers a client's hello like this: its hello, what it does then, what it says.
_AskClient = Callable[[bytes], tuple[bytes, bytes, str]]
#: Sends a listener a hello of this version and these suites.
_AskServer = Callable[[str, list[Suite]], ServerHello | Alert | None]


class _NoTls(Exception):
    """No ClientHello gets a TLS answer from the listener; the text says what is in the way."""


def ask_client(probe: AgentLink, client: ClientSettings, attempt: MakeAttempt) -> Offer:
    """What a client offers.

    A client that knows no TLS 1.3 writes only the newest version that it speaks; each older one is
    found out by choosing it for an answer.

    Args:
        probe: the agent ``tls_probe.py`` where the client's host name leads to.
        client: which is asked.
        attempt: makes the attempt.

    Raises:
        AgentError: the lab could not ask.
    """

    def ask(answer: bytes) -> tuple[bytes, bytes, str]:
        port = probe.call("open", EXCHANGE_S)["port"]
        with ThreadPoolExecutor(1) as background:
            told: dict[str, Any] = {"answer": answer.hex(), "implicit": client.tls_first}
            heard = background.submit(probe.call, "receive", deadline(client), port=port, **told)
            try:
                said = attempt(port)
            finally:
                # Whoever was to come has come: what is connected is still served to its end.
                probe.call("close", EXCHANGE_S, port=port)
            seen = heard.result()
        return bytes.fromhex(seen["hello"]), bytes.fromhex(seen["reaction"]), said

    end = str(client)
    data, _, said = ask(fatal_alert(HANDSHAKE_FAILURE))
    try:
        hello = client_hello.parse(data)
    except WireError as error:
        return Offer(end=end, nothing=str(error))
    if hello is None:
        return Offer(end=end, nothing=said or "it did not ask for TLS")
    older = [] if hello.versions else [v for v in _older(hello) if _speaks(ask, hello, v)]
    return client_offer(end, hello, older)


def ask_server(probe: AgentLink, server: ServerSettings, port: int, known: Offer) -> Offer:
    """What a listener agrees to.

    Args:
        probe: the agent ``tls_probe.py`` in the listener's container.
        server: its settings.
        port: the listener's.
        known: what is known without asking: what its cipher list means to its library gives the order.

    Raises:
        AgentError: the lab could not ask.
    """

    def ask(
        version: str, suites: list[Suite], listed_version: int | None = None
    ) -> ServerHello | Alert | None:
        name, implicit = server.server_name, server.tls_first
        hello = client_hello.build(version, suites, name, listed_version=listed_version)
        seen = probe.call("exchange", EXCHANGE_S, port=port, hello=hello.hex(), implicit=implicit)
        if seen["refused"] is not None:
            raise _NoTls(f"it takes no AUTH: {seen['refused']}")
        if seen["silent"]:
            raise _NoTls("it does not answer a ClientHello")
        answer = bytes.fromhex(seen["answer"])
        if answer.startswith((b"HTTP/", b"220")):
            said = answer.partition(b"\n")[0].decode("ascii", "replace").strip()
            raise _NoTls(f"it does not speak TLS: it says {said}")
        if answer[:1].isdigit():
            # A reply of FTP: OpenSSL 1.0.2 says nothing about a version that it does not speak, and
            # what comes next is the server's own complaint, in clear text.
            return None
        try:
            return server_hello.parse(answer)
        except WireError as error:
            raise AgentError(f"the answer of {known.end} cannot be read: {error}") from error

    def reads_versions() -> bool:
        # A server from before TLS 1.3 does not read the list of versions; it refuses the suites.
        answer = ask("TLSv1.3", _usable_in("TLSv1.3"), client_hello.NO_VERSION)
        return isinstance(answer, Alert) and answer.description == PROTOCOL_VERSION

    place = {suite: number for number, suite in enumerate(known.configured)}
    found: dict[str, tuple[Suite, ...]] = {}
    try:
        for version in reversed(PROTOCOLS):
            picked = _picked(ask, version)
            if picked is None or (version == "TLSv1.3" and not picked and not reads_versions()):
                continue
            found[version] = tuple(sorted(picked, key=lambda suite: place.get(suite, len(place))))
    except _NoTls as obstacle:
        return dataclasses.replace(known, nothing=str(obstacle))
    return dataclasses.replace(known, suites=found)


def _picked(ask: _AskServer, version: str) -> list[Suite] | None:
    """The suites that a listener picks in this version; ``None``: it does not speak it."""
    left = _usable_in(version)
    picked: list[Suite] = []
    while left:
        answer = ask(version, left)
        if not isinstance(answer, ServerHello):
            # SSLv3 has no alert of its own for a version that is not spoken (RFC 6101, section 5.4.2).
            spoken = (
                version != "SSLv3"
                and isinstance(answer, Alert)
                and answer.description in (HANDSHAKE_FAILURE, _INSUFFICIENT_SECURITY)
            )
            return picked if picked or spoken else None
        if answer.version != version or answer.suite not in left:
            return picked or None
        left.remove(answer.suite)
        picked.append(answer.suite)
    return picked


def _usable_in(version: str) -> list[Suite]:
    return [suite for suite in SUITES.values() if suite.usable_in(version)]


def _older(hello: ClientHello) -> list[str]:
    """The versions below the newest in which the client has a suite, newest first."""
    below = PROTOCOLS[: PROTOCOLS.index(hello.newest)]
    return [v for v in reversed(below) if any(s.usable_in(v) for s in hello.suites)]


def _speaks(ask: _AskClient, hello: ClientHello, version: str) -> bool:
    suite = next(suite for suite in hello.suites if suite.usable_in(version))
    return server_hello.accepts(ask(server_hello.build(version, suite))[1])


@dataclasses.dataclass(eq=False)
class OfferCache:
    """What clients and servers agree to, asked for on first use.

    Raises (every method): :class:`AgentError` if the lab could not ask; :class:`Unsupported` as
    :meth:`Listeners.one`.
    """

    _agents: Agents
    _listeners: Listeners
    _requests: RequestBuilder
    _material: RunCertificates
    _kept: KeptAnswers

    def __post_init__(self) -> None:
        self._offers: OnceMap[Offer] = OnceMap()
        self._cipher_lists: OnceMap[tuple[Suite, ...]] = OnceMap()

    def client(self, attempt: Attempt) -> Offer:
        """What the client of an attempt offers; asked in the container of the attempt's server."""
        client, server = attempt.client, attempt.server
        # What does not come before the handshake, or is not in it, does not tell clients apart.
        alike = client
        if isinstance(client, model.FtpClientSettings):
            alike = dataclasses.replace(
                client, goal=model.Goal.LOGIN, payload=0, mode="passive", session_cache="default"
            )
        asked = {SERVERS[server.software].service, PROGRAMS[client.program].service(client)}
        question = self._kept.question(f"offer to {server.software}", set_fields(alike), asked)

        def offer() -> Offer:
            return self._once(question, lambda: self._ask_client(Attempt(server, alike)))

        return self._offers.get((alike, server.software), offer)

    def server(self, server: ServerSettings) -> Offer:
        """What a listener with these settings agrees to."""
        asked = {SERVERS[server.software].service}
        question = self._kept.question("offer of a listener", set_fields(server), asked)
        if server.certificate == OWN:
            # What a person's own key allows says nothing of another one.
            question = ""
        return self._offers.get(
            server, lambda: self._once(question, lambda: self._ask_server(server))
        )

    def _once(self, question: str, ask: Callable[[], Offer]) -> Offer:
        """The offer that is kept of this question, or what is asked now; that of nothing is not kept."""
        kept = Offer.of_json(self._kept.of(question)) if question else None
        if kept is not None:
            return kept
        offer = ask()
        if question and not offer.nothing:
            self._kept.keep(question, offer.as_json())
        return offer

    def _ask_client(self, attempt: Attempt) -> Offer:
        client, server = attempt.client, attempt.server
        if not client.tls:
            return Offer(end=str(client), nothing="it does not ask for TLS")
        program, agent = program_of(client), self._agents.client(client)

        def error_at(port: int) -> str:
            request = self._requests.build(attempt, port, self._requests.delivery(client))
            return program.report(agent.call("attempt", deadline(client), **request)).error

        return ask_client(self._agents.probe(server.software), client, error_at)

    def _ask_server(self, server: ServerSettings) -> Offer:
        key, listed = self._key_type(server), self._configured(server)
        known = Offer(end=server.software, configured=listed, key=key)
        with self._listeners.one(server) as listener:
            if not listener.started:
                said = listener.output.strip() or "it said nothing"
                return dataclasses.replace(known, nothing=f"it did not start: {said}")
            probe = self._agents.probe(server.software)
            return ask_server(probe, server, listener.port, known)

    def _configured(self, server: ServerSettings) -> tuple[Suite, ...]:
        """What the server's cipher list, or its default, means to its library."""
        agent = self._agents.server(server.software)

        def ask() -> tuple[Suite, ...]:
            answer = agent.call("expand", FACTS_S, cipher_list=server.ciphers)
            return configured(answer["suites"])

        return self._cipher_lists.get((server.software, server.ciphers), ask)

    def _key_type(self, server: ServerSettings) -> str:
        if not server.has_certificate:
            return ""
        return describe(self._material.server(server.certificate, server.host).chain_pem).leaf.key


@dataclasses.dataclass(eq=False)
class Capabilities:
    """What the images of a run can do."""

    _agents: Agents
    """The servers' agents ask their libraries."""
    _offers: OfferCache
    """What clients offer and what listeners agree to."""
    _kept: KeptAnswers

    def __post_init__(self) -> None:
        self._answers: OnceMap[bool] = OnceMap()

    def has(self, attempt: Attempt, capability: Capability) -> bool:
        """Whether the builds that make this attempt have a capability.

        Raises:
            AgentError: they could not be asked.
            Unsupported: there is no such listener here.
        """
        key = self._key(attempt, capability)

        def answer() -> bool:
            kept = self._kept.of(key)
            if isinstance(kept, bool):
                return kept
            return self._kept.keep(key, self._ask(attempt, capability))

        return self._answers.get(key, answer)

    def _ask(self, attempt: Attempt, capability: Capability) -> bool:
        server = attempt.server
        match capability:
            case Offers(version):
                return version in self._offers.client(attempt).versions
            case Accepts(version):
                return version in self._offers.server(server).versions
            case Loads(certificate):
                chain, key = certificate_files(server.host, certificate)
                question: dict[str, Any] = {"chain": chain, "private_key": key}
            case Speaks(version):
                question = {"speaks": version}
        return bool(self._agents.server(server.software).call("can", FACTS_S, **question)["can"])

    def _key(self, attempt: Attempt, capability: Capability) -> str:
        """The question in words, with the ids of the images that answer it and the settings that matter."""
        server = attempt.server
        asked = {SERVERS[server.software].service}
        settings: object = server.software
        if isinstance(capability, Offers):
            # The name that is asked for and the certificates have no part in what is offered.
            client = set_fields(attempt.client)
            asked.add(PROGRAMS[attempt.client.program].service(attempt.client))
            settings = {n: client[n] for n in sorted(client) if n in _OFFERED}
        elif isinstance(capability, Accepts):
            settings = set_fields(server)
        return self._kept.question(str(capability), settings, asked)


#: Fields of a client that decide what it offers.
_OFFERED = frozenset({"program", "platform", "policy", "ciphers", "protocols", "options", "libnet"})
