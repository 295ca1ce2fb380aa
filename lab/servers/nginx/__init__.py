"""nginx: settings to ``nginx.conf``, as Debian builds nginx.

A field that is ``None`` is not written, so that nginx's own default decides. What is always written,
whatever the settings, is in ``fixed.toml``, with the reason; none of it changes how an attempt ends. Every
answer has status 200 and names what nginx negotiated, in its own variables.

Sources: nginx.org, the documentation of ngx_core_module, ngx_http_core_module, ngx_http_ssl_module and
ngx_http_stub_status_module.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import ClassVar, Literal

from lab.model import PROTOCOLS, WebServerSettings, setting
from lab.model.settings import EXTRA_HELP
from lab.servers.base import ListenerPlace, Server, fixed_options


@dataclass(frozen=True, kw_only=True)
class Nginx(WebServerSettings):
    """What an nginx can be told."""

    hosts: ClassVar[Mapping[str, str]] = {"nginx": "nginx.lab.test"}

    software: Literal["nginx"] = "nginx"
    certificate_by_name: bool = setting(
        False, "the certificate is looked up by the name that the client sends (SNI)"
    )
    extra: tuple[str, ...] = setting((), EXTRA_HELP)


FIXED = fixed_options(__file__)
#: A line of the log for each request.
LOG_FORMAT = (
    "$time_local [request] $connection: $remote_addr"
    ' "$request" $status "$ssl_protocol" "$ssl_cipher" "$ssl_server_name"'
)
#: A variable of nginx as a value of JSON: not set, it is null. A server name is what the client says.
VARIABLES = {
    "lab_protocol": ("$ssl_protocol", ".+"),
    "lab_cipher": ("$ssl_cipher", ".+"),
    "lab_server_name": ("$ssl_server_name", r"[\w.:-]+"),
}
BODY = '{"protocol": $lab_protocol, "cipher": $lab_cipher, "server_name": $lab_server_name}'
#: The socket on which nginx tells its counters (``lab/servers/nginx/agent/nginx_program.py``).
STATUS = "status"


@dataclass(frozen=True, kw_only=True)
class NginxServer(Server[Nginx]):
    """Writes ``nginx.conf``."""

    line_end: ClassVar[str] = ";"

    def unsupported(self, settings: Nginx) -> str | None:
        """Why ``nginx.conf`` cannot say this; ``None`` if it can."""
        if settings.certificate_by_name and not settings.has_certificate:
            return f"certificate_by_name: with certificate={settings.certificate} there is none to look up"
        for line in settings.extra:
            if set(line) & set("{};#"):
                return f"an extra line is one directive, NAME=VALUE, without {{ }} ; #: {line!r}"
        return super().unsupported(settings)

    def configure(self, settings: Nginx, place: ListenerPlace) -> str:
        """The text of ``nginx.conf``; see :class:`lab.servers.base.Server`."""
        lines = [f"{option.line(place)};" for option in FIXED["main"]]
        lines += ["events {", "}", "http {"]
        lines += [f"    log_format lab {_quoted(LOG_FORMAT)};"]
        lines += [f"    {option.line(place)};" for option in FIXED["http"]]
        if settings.impostor:
            lines += [f"    {line}" for line in _impostor(place)]
        for variable, (source, pattern) in VARIABLES.items():
            lines += [f"    map {source} ${variable} {{"]
            lines += [f'        default null; "~^{pattern}$" \'"{source}"\';']
            lines += ["    }"]
        lines += [f"    {directive} {value};" for directive, value in _tls(settings, place)]
        for line in settings.extra:
            directive, _, value = line.partition("=")
            lines += [f"    {directive.strip()} {value.strip()};"]
        lines += _servers(settings, place)
        return "\n".join([*lines, "}"]) + "\n"


def _impostor(place: ListenerPlace) -> Iterator[str]:
    """Keep the credentials of the last request, as they came.

    A file with a variable in its name is opened for each line, so that the agent can remove it; nginx
    does so only where the directory ``root`` exists.
    """
    path = PurePosixPath(place.captured)
    yield "log_format credentials escape=none $http_authorization;"
    yield f'map "" $captured {{ default {path.name}; }}'
    yield f"access_log {path.parent}/$captured credentials;"
    yield f"root {place.directory};"


def _servers(settings: Nginx, place: ListenerPlace) -> Iterator[str]:
    port = f"{place.address}:{place.port}{' ssl' if settings.tls else ''}"
    # Only what is in a location knows of keepalive_timeout.
    answer = f"        location / {{ return 200 {_quoted(BODY)}; }}"
    # Whether it has said everything about its connections; what is asked here is in no log. It is the first:
    # nginx opens sockets in this order, and whoever sees that the port listens may ask at once.
    yield "    server {"
    yield f"        listen unix:{place.directory}/{STATUS};"
    yield "        access_log off;"
    yield "        error_log /dev/null crit;"
    yield "        location / { stub_status; }"
    yield "    }"
    if settings.tls and settings.ssl_sni_hostname is not None:
        yield "    server {"
        yield f"        listen {port} default_server;"
        yield "        ssl_reject_handshake on;"
        # A request whose Host is another than the server name of its handshake comes here.
        yield answer
        yield "    }"
    yield "    server {"
    yield f"        listen {port};"
    if settings.ssl_sni_hostname is not None:
        yield f"        server_name {_quoted(settings.ssl_sni_hostname)};"
    yield answer
    yield "    }"


def _tls(settings: Nginx, place: ListenerPlace) -> Iterator[tuple[str, str]]:
    if not settings.tls:
        return
    yield from _certificate(settings, place)
    if settings.protocols is not None:
        spoken = [version for version in PROTOCOLS if version in settings.protocols]
        yield "ssl_protocols", " ".join(spoken)
    if settings.ciphers is not None:
        yield "ssl_ciphers", _quoted(settings.ciphers)
    if settings.dh_bits is not None:
        yield "ssl_dhparam", place.dh_group
    if settings.require_cert is not None:
        yield "ssl_verify_client", "on" if settings.require_cert else "off"
    if settings.require_cert:
        yield "ssl_client_certificate", place.file("client_ca", "require_cert")


def _certificate(settings: Nginx, place: ListenerPlace) -> Iterator[tuple[str, str]]:
    paths = place.certificate(settings)
    if paths is None:
        return
    if settings.certificate_by_name:
        # A folder a name: the one of a name that nobody has is not there.
        chain, key = map(PurePosixPath, paths)
        folder = chain.parents[1] / "$ssl_server_name"
        paths = str(folder / chain.name), str(folder / key.name)
    yield "ssl_certificate", paths[0] or '""'
    yield "ssl_certificate_key", paths[1] or '""'


def _quoted(text: str) -> str:
    """A text as one parameter of a directive."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SERVERS = (NginxServer(),)
