"""The options that name a person's own files, of every command that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def named(option: str, words: str, metavar: str = "FILE") -> Any:
    """An option with a value of this name."""
    return typer.Option(option, metavar=metavar, help=words)


MtConfig = Annotated[Path | None, named("--mt-config", "lines of your mt-config.cgi")]
Backend = Annotated[
    Path | None, named("--backend", "your CDN's backend definition: VCL, TOML or JSON")
]
BackendName = Annotated[
    str | None, named("--backend-name", "which, if the file has several", "NAME")
]
Chain = Annotated[Path | None, named("--chain", "your certificate chain, PEM")]
Key = Annotated[Path | None, named("--key", "its private key, PEM")]
Ca = Annotated[Path | None, named("--ca", "what your clients trust, PEM")]
Host = Annotated[str | None, named("--host", "the name that your clients connect to", "NAME")]
