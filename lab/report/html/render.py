"""The page: templates, style sheet and script in one file that a browser may load nothing else for."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from lab.record import RunRecord
from lab.report.html import signs, view
from lab.report.html.language import say, word
from lab.report.html.quoting import inline, plain, quote

_HERE = Path(__file__).parent


class ReportError(Exception):
    """The report cannot be written; the message says where and why."""


def render(record: RunRecord, claims: Sequence[view.Claim] | None = None) -> str:
    """The report of a run as one HTML document.

    Args:
        record: the run; nothing else is read.
        claims: what the run says about a document's claims; ``None``: the report has no such section.
    """
    style, script = _static("report.css"), _static("report.js")
    return _environment().get_template("page.html").render(
        page=view.Page(record, claims),
        record=record,
        style=Markup(style),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704
        policy=_policy(style, script),
    )


def write(record: RunRecord, path: Path, claims: Sequence[view.Claim] | None = None) -> Path:
    """Write the report of a run, in one step: a reader never finds half of it.

    Raises:
        ReportError: the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_text(render(record, claims), encoding="utf-8", newline="\n")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ReportError(
            f"the report {path} cannot be written: {error.strerror}."
            " Name another file, or make room and permit writing there"
        ) from error
    return path


def _policy(style: str, script: str) -> str:
    """Content-Security-Policy: this style sheet and this script, a data: icon, and nothing from anywhere."""
    return (
        "default-src 'none'; "
        f"style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@cache
def _static(name: str) -> str:
    return (_HERE / "static" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        say=say,
        word=word,
        inline=inline,
        plain=plain,
        quote=quote,
        signs=signs,
        view=view,
    )
    return environment
