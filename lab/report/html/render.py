"""The page: templates, style sheet and script in one file that a browser may load nothing else for."""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from jinja2.ext import Extension
from markupsafe import Markup

from lab.record import RunRecord
from lab.report.html import page as pages
from lab.report.html import signs
from lab.report.html.claims import Claim
from lab.report.html.language import say, word
from lab.report.html.quoting import inline, plain, quote

_HERE = Path(__file__).parent
_CONSTANT = re.compile(r'\{\{ say\("(?P<name>[\w.-]+)"\) \}\}')


class ReportError(Exception):
    """The report cannot be written; the message says where and why."""


def render(record: RunRecord, claims: Sequence[Claim] | None = None) -> str:
    """The report of a run as one HTML document.

    Args:
        record: the run; nothing else is read.
        claims: what the run says about a document's claims; ``None``: the report has no such section.
    """
    style, script = _static("report.css"), _static("report.js")
    return (
        _environment()
        .get_template("page.html")
        .render(
            page=pages.Page(record, claims),
            record=record,
            style=Markup(style),
            script=Markup(script),
            policy=_policy(style, script),
        )
    )


def write(record: RunRecord, path: Path, claims: Sequence[Claim] | None = None) -> Path:
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


class _Constants(Extension):
    """Texts without values are put into the templates once, not ten thousand times into the page."""

    def preprocess(
        self,
        source: str,
        name: str | None,  # noqa: ARG002 - the interface of an extension
        filename: str | None = None,  # noqa: ARG002
    ) -> str:
        return _CONSTANT.sub(lambda match: say(match["name"]).html, source)


@cache
def _icon(symbol: str) -> Markup:
    """The sign of a symbol; ``parts.html`` has the shapes."""
    return Markup('<svg class="sign {0}" aria-hidden="true"><use href="#i-{0}"/></svg>').format(
        symbol
    )


@cache
def _stand_in(names: tuple[str, ...]) -> Markup:
    """The mark beside what was seen on stand-ins; nothing where there are none."""
    if not names:
        return Markup("")
    mark = Markup(' <span class="mark" title="{}">{}</span>')
    return mark.format(plain(", ".join(names)), say("case.stand_in"))


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
        extensions=[_Constants],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        say=say,
        word=word,
        inline=inline,
        plain=plain,
        quote=quote,
        icon=_icon,
        stand_in=_stand_in,
        signs=signs,
        pages=pages,
    )
    return environment
