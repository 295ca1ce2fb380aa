"""The page's parameters of a backend, as they are written in a service's definition.

Each definition goes through the same reader as an operator's own file (``lab attempt --backend``); what
comes out are the client's settings. It is written in VCL, as the page has it, and with the API's names in
TOML and in JSON; the three have to mean the same. Where the page has a certificate in PEM, the name of one
of the lab's authorities stands, since every run makes its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from lab.cases import Case, Remedy, case, nginx, recommended, unsafe, useless
from lab.certificates import OTHER_HOST
from lab.model import Attempt, ClientSettings, WebClientSettings
from lab.model.expectations import completed
from lab.own.backend import read
from lab.own.backend_settings import client_settings
from lab.own.findings import Severity
from scenarios import fastly

HOSTNAME = "Hostname mismatch"
CHAIN = "Certificate chain mismatch"
OLD_PROTOCOLS = "SSL and old TLS protocols"


@dataclass(frozen=True)
class Definition:
    """One backend: its lines in VCL, and its parameters as the API names them."""

    vcl: str
    api: Mapping[str, object]

    def with_parameter(self, vcl: str, **api: object) -> Definition:
        """The same backend with one more parameter, in either language."""
        return Definition(f"{self.vcl}\n{vcl}", {**self.api, **api})

    def files(self) -> Mapping[str, str]:
        """The definition in each of the languages, by the name of a file."""
        return {
            "my.vcl": f"backend F_origin {{\n{self.vcl}\n}}\n",
            "my.toml": "".join(f"{n} = {json.dumps(value)}\n" for n, value in self.api.items()),
            "my.json": json.dumps(self.api),
        }


def of_nginx(port: int, *, tls: bool) -> Definition:
    """Nothing is said but where the origin is."""
    vcl = f'.host = "nginx.lab.test";\n.port = "{port}";\n.ssl = {"true" if tls else "false"};'
    return Definition(vcl, {"address": "nginx.lab.test", "port": port, "use_ssl": tls})


BARE = of_nginx(443, tls=True)
OTHER_NAME = '.ssl_cert_hostname = "other.lab.test";'
CERTIFICATE_HOSTNAME = BARE.with_parameter(OTHER_NAME, ssl_cert_hostname="other.lab.test")
CA_CERTIFICATE = BARE.with_parameter('.ssl_ca_cert = {"private-ca"};', ssl_ca_cert="private-ca")
NOT_CHECKED = BARE.with_parameter(".ssl_check_cert = never;", ssl_check_cert=False)
WITHOUT_TLS = of_nginx(80, tls=False)

#: The form in which the page prints the parameter.
WITHOUT_QUOTES = CERTIFICATE_HOSTNAME.files()["my.vcl"].replace('"other.lab.test"', OTHER_HOST)


def activated(attempt: Attempt, text: str, file: str) -> Attempt:
    """The attempt of a client with this definition.

    A definition that does not compile is not activated: the service stays as it was. None says how long the
    client waits, and no server here makes it wait: its time limit stays what it is without a definition.
    """
    backend = read(text, file)
    if any(finding.severity is Severity.ERROR for finding in backend.findings):
        return attempt
    assert isinstance(attempt.client, WebClientSettings)
    client, _ = client_settings(backend, attempt.client, attempt.server)
    return Attempt(attempt.server, replace(client, timeout_s=attempt.client.timeout_s))


def defined(attempt: Attempt, definition: Definition) -> Attempt:
    """The attempt of a client with a definition that means the same in every language.

    Raises:
        ValueError: it does not.
    """
    meant = {file: activated(attempt, text, file) for file, text in definition.files().items()}
    in_vcl = meant["my.vcl"]
    for file, defined_so in meant.items():
        if defined_so != in_vcl:
            raise ValueError(f"{file} means something else than the VCL: {definition.api}")
    return in_vcl


def never_checked(attempt: Attempt) -> Remedy:
    """What every certificate error could be "remedied" with, as a definition has it."""
    return unsafe(".ssl_check_cert = never;", defined(attempt, NOT_CHECKED))


def named(attempt: Attempt, title: str) -> Remedy:
    """The definition with the name that the certificate has."""
    there = defined(attempt, CERTIFICATE_HOSTNAME)
    return recommended(title, there, impostor=fastly.IMPOSTOR_REFUSED)


@case(section=HOSTNAME, clients=fastly.OLD_AND_NEW)
def the_certificate_hostname(client: ClientSettings) -> Case:
    """``.ssl_cert_hostname``, the API's ``ssl_cert_hostname``: the name that the certificate has to have."""
    attempt = defined(Attempt(nginx(certificate="wrong-host"), client), BARE)
    refusal = fastly.hostname_mismatch(client)
    remedies = [named(attempt, OTHER_NAME), never_checked(attempt)]
    return Case(attempt, refusal, twin=attempt.with_server(certificate="valid"), remedies=remedies)


@case(section=HOSTNAME, clients=fastly.OLD_AND_NEW)
def the_certificate_hostname_without_quotes(client: ClientSettings) -> Case:
    """The line as the page prints it, without quotes, does not compile, and the service stays as it was.

    In VCL a string stands in quotes; a name with dots in it is nothing else that a value can be. (``lab
    attempt --backend`` says so, and goes on with what was meant.)
    """
    attempt = Attempt(nginx(certificate="wrong-host"), client)
    remedies = [named(attempt, f"{OTHER_NAME} with the quotes")]
    refusal = fastly.hostname_mismatch(client)
    twin = attempt.with_server(certificate="valid")
    return Case(activated(attempt, WITHOUT_QUOTES, "my.vcl"), refusal, twin=twin, remedies=remedies)


@case(section=CHAIN, clients=fastly.OLD_AND_NEW)
def the_ca_certificate(client: ClientSettings) -> Case:
    """``.ssl_ca_cert``, the API's ``ssl_ca_cert``: the authority that has to have issued the certificate."""
    attempt = defined(Attempt(nginx(certificate="private-ca"), client), BARE)
    refusal = fastly.unknown_issuer(client)
    remedies = [
        recommended(
            ".ssl_ca_cert with the authority's root",
            defined(attempt, CA_CERTIFICATE),
            impostor=fastly.IMPOSTOR_REFUSED,
        ),
        useless(OTHER_NAME, defined(attempt, CERTIFICATE_HOSTNAME)),
        never_checked(attempt),
    ]
    return Case(attempt, refusal, twin=attempt.with_server(certificate="valid"), remedies=remedies)


@case(section=OLD_PROTOCOLS, clients=fastly.OLD_AND_NEW)
def tls_switched_off(client: ClientSettings) -> Case:
    """``.ssl = false;`` and port 80, for an origin without TLS: it answers, and so does an impostor.

    In the API these are ``use_ssl`` and ``port``; in the control panel, "Enable TLS?" and the port.
    """
    attempt = defined(Attempt(nginx(tls=False), client), BARE)
    remedies = [
        *fastly.cures(attempt, "server-tls"),
        unsafe('.ssl = false; and .port = "80";', defined(attempt, WITHOUT_TLS), completed()),
        useless(".ssl_check_cert = never;", defined(attempt, NOT_CHECKED)),
    ]
    return Case(attempt, fastly.no_tls(client), remedies=remedies)
