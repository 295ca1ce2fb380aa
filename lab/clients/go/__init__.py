"""A caller of Go's net/http that asks a web origin for a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients.base import Program, Target, authorization, python_tls, report_from
from lab.model import Agent, ClientReport, WebClientSettings
from lab.tls.suites import suite_named, suite_of

#: In the image, because the image has no compiler: compose/images/go/files.
_WORKER = "/opt/lab/bin/go-origins"
#: Every worker has a handful of threads, and the container a limit of processes.
_CONCURRENT = "16"
_WORKERS = ("language_workers.py", "--concurrent", _CONCURRENT, "go", _WORKER)


@dataclass(frozen=True, kw_only=True)
class Go(WebClientSettings):
    """What a caller of net/http can tell it."""

    program: Literal["go"] = "go"
    platform: str = "debian13"


@dataclass(frozen=True, kw_only=True)
class GoProgram(Program[Go]):
    """``http.DefaultTransport`` with a ``tls.Config`` that has what the settings set, and no more."""

    agent: Agent = Agent.python("go", *_WORKERS)
    title: str = "program in Go"

    def cannot(self, client: Go) -> str | None:
        """See :meth:`Program.cannot`: also a list of suites with words for several, or signs."""
        if words := super().cannot(client):
            return words
        if client.ciphers is not None and None in map(suite_named, client.ciphers.split(":")):
            return "crypto/tls takes suites one by one: name each as OpenSSL does, without words or signs"
        return None

    def request(self, client: Go, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        named = [suite_named(name) for name in (client.ciphers or "").split(":")]
        return {
            **python_tls(client, target),
            "server_name": client.sni,
            "suites": [suite.number for suite in named if suite] if client.ciphers else None,
            "authorization": authorization(target),
        }

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`."""
        suite = raw.get("suite")
        return report_from({**raw, "cipher": suite_of(suite).name if suite else None})


PROGRAMS = (GoProgram(),)
