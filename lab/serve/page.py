"""The page about what is served: over HTTP, on the first port, in both languages, without JavaScript."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from lab.remedies.words import InBothLanguages
from lab.serve.commands import commands, hosts_hint, url
from lab.serve.names import ServedEntry
from lab.serve.servers import PASSWORD, Place
from lab.servers.base import USER

#: The head of a request is no longer than this, in bytes, and comes within so many seconds.
HEAD, HEAD_S = 8192, 10.0
LANGUAGES = ("en", "ja")
_HEADERS = {
    "Connection": "close",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}


@dataclass(frozen=True)
class _Way:
    """One entry of a subject."""

    entry: ServedEntry
    url: str
    commands: Sequence[tuple[str, str]]
    hosts: str | None


@dataclass(frozen=True, eq=False)
class IndexPage:
    """Answers requests for the page."""

    entries: Sequence[ServedEntry]
    place: Place
    ca: Path
    """The certificate to trust."""

    def _subjects(self) -> Iterable[Sequence[_Way]]:
        """What is served, by what it shows: the ways to it."""
        found: dict[str, list[_Way]] = {}
        for entry in self.entries:
            listed = list(commands(entry, self.place, self.ca))
            hosts = hosts_hint(entry, self.place)
            way = _Way(entry, url(entry, self.place), listed, hosts)
            found.setdefault(entry.subject, []).append(way)
        return found.values()

    @functools.cache  # noqa: B019 - there is one page, and it lives as long as the process
    def render(self, language: str) -> str:
        """The page in ``en`` or ``ja``."""
        template = _environment().get_template("index.html")
        return template.render(
            language=language,
            other=next(each for each in LANGUAGES if each != language),
            say=_words(),
            subjects=self._subjects(),
            ca=self.ca,
            user=USER,
            password=PASSWORD,
        )

    def response(self, method: str, path: str, accepted: str) -> tuple[str, str, bytes]:
        """Status, type and body of what is answered.

        Args:
            accepted: the header ``Accept-Language``.
        """
        path = path.partition("?")[0]
        if method not in ("GET", "HEAD"):
            return "405 Method Not Allowed", "text/plain", b"GET it\n"
        if path == "/ca.pem":
            return "200 OK", "application/x-x509-ca-cert", self.ca.read_bytes()
        language = path.strip("/") or ("ja" if accepted.lstrip().lower().startswith("ja") else "en")
        if language in LANGUAGES:
            return "200 OK", "text/html; charset=utf-8", self.render(language).encode()
        return "404 Not Found", "text/plain", b"There is / and /ca.pem\n"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close."""
        with contextlib.suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_S)
            request, *lines = head.decode("latin-1").split("\r\n")
            method, _, rest = request.partition(" ")
            headers = {n.strip().lower(): v for n, _, v in (x.partition(":") for x in lines)}
            accepted = headers.get("accept-language", "")
            status, kind, body = self.response(method, rest.rpartition(" ")[0], accepted)
            fields = {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(body))}
            text = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
            writer.write(f"HTTP/1.1 {status}\r\n{text}\r\n".encode())
            writer.write(b"" if method == "HEAD" else body)
            await writer.drain()
        writer.close()


@functools.cache
def _words() -> Mapping[str, InBothLanguages]:
    import tomllib  # noqa: PLC0415 - for the first request

    path = Path(__file__).with_name("page.toml")
    table: Mapping[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return {name: InBothLanguages(**both) for name, both in table.items()}


def _code(text: str) -> Markup:
    """A text in which what stands between backticks is code."""
    parts = (
        Markup("<code>{}</code>" if n % 2 else "{}").format(p)
        for n, p in enumerate(text.split("`"))
    )
    return Markup("").join(parts)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lab.serve"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["code"] = _code
    return environment
