"""The form of a case: what its function returns, and the decorator that declares the function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from lab.cases.race import Race
from lab.cases.remedies import Remedy
from lab.expectations import Expectation, OnBuild
from lab.model import Attempt, ClientSettings


@dataclass(frozen=True)
class Case:
    """What one case function says for one client."""

    attempt: Attempt
    expect: Expectation
    twin: Attempt | None = None
    remedies: Sequence[Remedy] = ()
    race: Race | None = None
    """The refusal is a race: see :class:`Race`."""
    on_build: Sequence[OnBuild] = ()
    """What is expected of the attempt on builds of which more is known; the first that holds counts."""


#: Called with the client, or with the client and the server's software.
CaseFunction = Callable[..., Case]


@dataclass(frozen=True)
class Declaration:
    """What the decorator keeps about a case function."""

    document: str
    section: str
    clients: tuple[ClientSettings, ...]
    servers: tuple[str, ...] = ()


def case(
    *,
    document: str,
    section: str,
    clients: Iterable[ClientSettings],
    servers: Iterable[str] = (),
) -> Callable[[CaseFunction], CaseFunction]:
    """Declare a function as a case of ``document``, about ``section``, for each of ``clients``.

    With ``servers`` the function is called for each client and each of these server programs, and
    takes the program's name as its second argument.
    """
    declaration = Declaration(document, section, tuple(clients), tuple(servers))

    def declare(function: CaseFunction) -> CaseFunction:
        function.__dict__["lab_case"] = declaration
        return function

    return declare
