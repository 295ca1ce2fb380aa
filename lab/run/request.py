"""What a client's agent is asked for: the request of an attempt, its target and its delivery."""

from __future__ import annotations

import itertools
from typing import Any

from lab.certificates import RunCertificates
from lab.clients import program_of
from lab.clients.base import Target
from lab.model import HOST_ADDRESS, Attempt, ClientSettings, Delivery, FtpClientSettings
from lab.run.files import anchors_file, certificate_files


class RequestBuilder:
    """Builds requests from settings and from what this run has made: certificates, password."""

    def __init__(self, material: RunCertificates, password: str) -> None:
        """No delivery has a name yet.

        Args:
            material: the run's certificates.
            password: the one that the servers accept.
        """
        self._material = material
        self._password = password
        self._names = itertools.count(1)

    def delivery(self, client: ClientSettings) -> Delivery:
        """A file to upload, with a name that no other attempt of the run has."""
        size = client.payload if isinstance(client, FtpClientSettings) else 0
        return Delivery.named(f"delivery-{next(self._names)}.txt", size)

    def build(self, attempt: Attempt, port: int, delivery: Delivery) -> dict[str, Any]:
        """The arguments of the client agent's op ``attempt``, for a listener at ``port``."""
        client = attempt.client
        request = program_of(client).request(client, self._target(attempt, port, delivery))
        if client.environment:
            variables = (variable.partition("=") for variable in client.environment)
            request["environment"] = {name: value for name, _, value in variables}
        return request

    def _target(self, attempt: Attempt, port: int, delivery: Delivery) -> Target:
        client, host = attempt.client, attempt.server.host
        pinned = self._material.server(client.pin, host).leaf_sha256 if client.pin else None
        own = client.client_certificate
        chain, key = certificate_files(host, own) if own else (None, None)
        by_address = client.host == HOST_ADDRESS
        reached = self._material.address(host) if by_address else client.host or host
        return Target(
            host=reached,
            port=port,
            user=client.user,
            password=client.password or self._password,
            delivery=delivery,
            ca_file=anchors_file(client.trust) if client.trust else None,
            fingerprint=pinned,
            certificate=chain,
            key=key,
        )


def deadline(client: ClientSettings) -> float:
    """Seconds for a whole attempt: the program's own limit holds for each step.

    The agent's deadline ends what ignores that.
    """
    return 3 * client.timeout_s
