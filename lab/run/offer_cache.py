"""The suites of both ends of an attempt: each end is asked once a run, and its offer kept."""

from __future__ import annotations

import dataclasses

from lab.certificates import RunCertificates, describe
from lab.clients import program_of
from lab.model import (
    Attempt,
    FtpClientSettings,
    Goal,
    ServerSettings,
)
from lab.run import offers
from lab.run.agents import FACTS_S, Agents
from lab.run.listeners import Listeners
from lab.run.once import OnceMap
from lab.run.request import RequestBuilder, deadline
from lab.run.suites import Offer, configured
from lab.tls.suites import Suite


class OfferCache:
    """What clients and servers agree to, asked for on first use.

    Raises (every method): :class:`AgentError` if the lab could not ask; :class:`Unsupported` as
    :meth:`Listeners.one`.
    """

    def __init__(
        self,
        agents: Agents,
        listeners: Listeners,
        requests: RequestBuilder,
        material: RunCertificates,
    ) -> None:
        """Nobody is asked yet."""
        self._agents = agents
        self._listeners = listeners
        self._requests = requests
        self._material = material
        self._offers: OnceMap[Offer] = OnceMap()
        self._cipher_lists: OnceMap[tuple[Suite, ...]] = OnceMap()

    def client(self, attempt: Attempt) -> Offer:
        """What the client of an attempt offers; asked in the container of the attempt's server."""
        client, server = attempt.client, attempt.server
        # What does not come before the handshake, or is not in it, does not tell clients apart.
        alike = client
        if isinstance(client, FtpClientSettings):
            alike = dataclasses.replace(
                client, goal=Goal.LOGIN, payload=0, mode="passive", session_cache="default"
            )
        return self._offers.get(
            (alike, server.software), lambda: self._ask_client(Attempt(server, alike))
        )

    def server(self, server: ServerSettings) -> Offer:
        """What a listener with these settings agrees to."""
        return self._offers.get(server, lambda: self._ask_server(server))

    def _ask_client(self, attempt: Attempt) -> Offer:
        client, server = attempt.client, attempt.server
        if not client.tls:
            return Offer(end=str(client), nothing="it does not ask for TLS")
        program, agent = program_of(client), self._agents.client(client)

        def error_at(port: int) -> str:
            request = self._requests.build(attempt, port, self._requests.delivery(client))
            report = program.report(agent.call("attempt", deadline(client), **request))
            return report.error

        return offers.ask_client(
            self._agents.probe(server.software),
            str(client),
            error_at,
            deadline(client),
            implicit=client.tls_first,
        )

    def _ask_server(self, server: ServerSettings) -> Offer:
        key, listed = self._key_type(server), self._configured(server)
        with self._listeners.one(server) as listener:
            if not listener.started:
                said = listener.output.strip() or "it said nothing"
                return Offer(
                    end=server.software,
                    nothing=f"it did not start: {said}",
                    configured=listed,
                    key=key,
                )
            return offers.ask_server(
                self._agents.probe(server.software),
                server.software,
                listener.port,
                server.server_name,
                listed,
                key,
                implicit=server.tls_first,
            )

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
        chain = self._material.server(server.certificate, server.host).chain_pem
        return describe(chain).leaf.key
