"""Which clients fit a server, found by looking at what the lab has, and which of them a pattern means."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from lab.clients import PROGRAMS
from lab.model import PLATFORMS
from lab.model.software import LIMITS, Limits
from lab.run.checkout import Checkout
from lab.run.services import services_by_default
from lab.settings import SettingsError, parse_client


def clients_of(speaks: str, program: str | None = None) -> tuple[str, ...]:
    """Every ``PROGRAM@PLATFORM[:POLICY]`` that speaks this.

    Args:
        speaks: the protocol above TLS, as the settings of both ends name it.
        program: only those of this one.
    """
    return tuple(
        str(one.settings_with(platform=platform, policy=policy))
        for name, one in PROGRAMS.items()
        if one.settings.speaks == speaks and program in (None, name)
        for platform in one.platforms
        for policy in PLATFORMS[platform] or (None,)
    )


def most_lenient(clients: Sequence[str]) -> str:
    """The client that still does what others refuse to: the first of the lowest security level."""

    def level(client: str) -> int:
        return LIMITS.get(client.partition("@")[2], Limits(level=1, sha1=False, eddsa=True)).level

    return min(clients, key=level)


@functools.cache
def _always() -> frozenset[str]:
    return frozenset(services_by_default(Checkout.here()))


def usual_among(clients: Iterable[str]) -> tuple[str, ...]:
    """Those of the clients that a check takes by itself: their images are there, or are made by any run."""
    settings = {name: parse_client(name) for name in clients}
    return tuple(
        name for name, one in settings.items() if PROGRAMS[one.program].service(one) in _always()
    )


def meant(pattern: str, clients: Sequence[str], first: Collection[str] = ()) -> tuple[str, ...]:
    """Those of the clients that a pattern means: one by its name, or all that ``*`` and ``?`` leave open.

    A name without a policy is the platform with the one that it is shipped with.

    Args:
        pattern: what is written.
        clients: all that there are.
        first: where a pattern fits some of these, it means no others.

    Raises:
        SettingsError: a name that is none of a client.
    """
    if any(letter in pattern for letter in "*?["):
        found = tuple(client for client in clients if fnmatchcase(client, pattern))
        return tuple(client for client in found if client in first) or found
    name = str(parse_client(pattern))
    if name not in clients:
        raise SettingsError(f"{name} is no client of this server. There are: {', '.join(clients)}")
    return (name,)
