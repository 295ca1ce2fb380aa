"""The options and arguments that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cases import Catalogue, LoadedCase
from lab.own.attempt import FTP_SERVER, WEB_SERVER
from lab.run.checkout import Checkout
from lab.servers import SERVERS

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]
Cases = Annotated[
    list[str] | None, typer.Argument(metavar="[CASE]...", help="Names or parts of names of cases.")
]
Document = Annotated[
    str | None, typer.Option("--document", "-d", help="Only the cases of this document.")
]
ServerAssignments = Annotated[
    list[str] | None, typer.Option("-s", metavar="FIELD=VALUE", help="a server setting")
]
ClientAssignments = Annotated[
    list[str] | None, typer.Option("-c", metavar="FIELD=VALUE", help="a client setting")
]


Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        help=", ".join(SERVERS),
        show_default=f"{FTP_SERVER}; for a web client {WEB_SERVER}",
    ),
]


def chosen_cases(names: list[str] | None, document: str | None = None) -> list[LoadedCase]:
    """The checkout's cases that :data:`Cases` and :data:`Document` name; without any, all.

    Raises:
        CaseError: a name fits no case, or there is no such document.
    """
    return Catalogue.load(Checkout.here().root / "scenarios").select(names or [], document)
