"""pycurl asking a web origin, on Debian's libcurl with GnuTLS: see :mod:`lab.clients.pycurl`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lab.clients import curl_https
from lab.clients.base import OK, Program, Target
from lab.clients.pycurl import (
    AGENT,
    CHECK_NAME_HELP,
    CIPHERS_HELP,
    GnutlsTrace,
    access,
    report_of,
    said_in,
    tls_options,
)
from lab.model import Agent, ClientReport, WebClientSettings, setting


@dataclass(frozen=True, kw_only=True)
class PycurlHttps(WebClientSettings):
    """What pycurl can be told of a web origin."""

    program: Literal["pycurl-https"] = "pycurl-https"
    platform: str = "debian13"
    check_name: bool | None = setting(None, CHECK_NAME_HELP)
    ciphers: str | None = setting(None, CIPHERS_HELP, one_line=True)


@dataclass(frozen=True, kw_only=True)
class PycurlHttpsProgram(Program[PycurlHttps]):
    """``pycurl.Curl()``, its options, ``perform()``, and the status of the answer."""

    agent: Agent = AGENT
    needs: str = "pycurl"

    def request(self, client: PycurlHttps, target: Target) -> dict[str, Any]:
        """See :meth:`Program.request`."""
        told = tls_options(client, target, client.check_name)
        scheme = "https" if client.tls else "http"
        url = f"{scheme}://{client.sni or target.host}:{target.port}/"
        where = f"{client.sni}:{target.port}:{target.host}:{target.port}"
        return {
            "options": {
                "URL": url,
                **({"CONNECT_TO": [where]} if client.sni else {}),
                **access(client, target),
                **told.values,
            },
            "constants": told.constants,
            "payload": None,
        }

    def written(self, client: PycurlHttps, target: Target) -> tuple[str, ...]:
        """See :meth:`Program.written`."""
        url = f'curl.setopt(pycurl.URL, "https://{client.sni or "HOST"}/")'
        return (url, *tls_options(client, target, client.check_name).statements())

    def report(self, raw: Mapping[str, Any]) -> ClientReport:
        """See :meth:`Program.report`; every status but 200 is a failure."""
        trace = PageTrace(said_in(raw))
        report = report_of(raw, trace, done="response")
        if report.failed or trace.reply_code == OK:
            return report
        return dataclasses.replace(report, failed=True, step=trace.step)


class PageTrace(GnutlsTrace, curl_https.HttpsTrace):
    """The same of a request."""


PROGRAMS = (PycurlHttpsProgram(),)
