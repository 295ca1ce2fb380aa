"""The parameters of a backend: the API's names and VCL's, what each is in VCL, which are ignored and why."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from lab.own.backend_written import Kind

#: VCL's names of parameters that the API calls otherwise.
VCL_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "host": "address",
        "ssl": "use_ssl",
        "host_header": "override_host",
        "max_connections": "max_conn",
    }
)
#: What the parameters of a VCL backend are; a string may also be a long string.
VCL_KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "host": Kind.STRING,
        "port": Kind.STRING,
        "ssl": Kind.BOOLEAN,
        "ssl_check_cert": Kind.WORD,
        "ssl_cert_hostname": Kind.STRING,
        "ssl_sni_hostname": Kind.STRING,
        "ssl_hostname": Kind.STRING,
        "ssl_ca_cert": Kind.STRING,
        "ssl_client_cert": Kind.STRING,
        "ssl_client_key": Kind.STRING,
        "ssl_ciphers": Kind.STRING,
        "min_tls_version": Kind.STRING,
        "max_tls_version": Kind.STRING,
        "connect_timeout": Kind.TIME,
        "first_byte_timeout": Kind.TIME,
        "between_bytes_timeout": Kind.TIME,
        "max_connections": Kind.INTEGER,
        "host_header": Kind.STRING,
        "always_use_host_header": Kind.BOOLEAN,
        "dynamic": Kind.BOOLEAN,
        "share_key": Kind.STRING,
        "bypass_local_route_table": Kind.BOOLEAN,
        "prefer_ipv6": Kind.BOOLEAN,
        "probe": Kind.BLOCK,
    }
)

#: Of these the first that is there says where the origin is.
ADDRESSES = ("address", "hostname", "ipv4", "ipv6")
#: Limits of the steps of an answer.
TIMEOUTS = ("connect_timeout", "first_byte_timeout", "between_bytes_timeout")

_ONCE = "the lab's edge asks one origin once"
_ADMINISTRATION = "it says nothing about the connection to the origin"
#: Parameters that no setting stands for, and why they make no difference here.
IGNORED: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            ("weight", "auto_loadbalance", "request_condition", "shield", "max_conn", "max_use"),
            _ONCE,
        ),
        **dict.fromkeys(
            ("healthcheck", "probe", "error_threshold"),
            f"{_ONCE}, whatever checks of it said before",
        ),
        **dict.fromkeys(
            (
                "keepalive_time",
                "max_lifetime",
                "tcp_keepalive_enable",
                "tcp_keepalive_interval",
                "tcp_keepalive_probes",
                "tcp_keepalive_time",
            ),
            "every attempt makes a connection of its own",
        ),
        **dict.fromkeys(
            (
                *("name", "comment", "dynamic", "share_key", "bypass_local_route_table"),
                *(
                    "service_id",
                    "version",
                    "created_at",
                    "updated_at",
                    "deleted_at",
                    "locked",
                    "id",
                ),
            ),
            _ADMINISTRATION,
        ),
        "prefer_ipv6": "the lab's network has IPv4 only",
        "client_cert": "the API calls it unused",
        "always_use_host_header": "the lab's origins answer whatever host they are asked for",
    }
)
#: The parameters that the API knows.
PARAMETERS = frozenset(
    {
        *ADDRESSES,
        *(
            "port",
            "use_ssl",
            "ssl_check_cert",
            "ssl_cert_hostname",
            "ssl_sni_hostname",
            "ssl_hostname",
        ),
        *("ssl_ca_cert", "ssl_client_cert", "ssl_client_key", "ssl_ciphers"),
        *("min_tls_version", "max_tls_version", *TIMEOUTS, "override_host", *IGNORED),
    }
)
