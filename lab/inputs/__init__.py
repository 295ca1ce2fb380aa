"""An operator's own files as the input of an attempt: mt-config.cgi, vsftpd.conf, a backend, PEM files.

Every reader is a pure function: text in, settings out, with findings that name file and line. It reads
what the program itself would make of the file, mistakes included; what cannot be read at all is an
:class:`InputError`. ``attempt`` puts the readers and the command line together.
"""

from lab.certificates import OWN
from lab.inputs.attempt import (
    FTP_CLIENT,
    FTP_SERVER,
    WEB_CLIENT,
    WEB_SERVER,
    read_attempt,
    server_for,
)
from lab.inputs.backend import Backend
from lab.inputs.findings import Finding, InputError, Severity
from lab.inputs.mt_client import client_settings
from lab.inputs.mt_config import MtConfig, from_environment
from lab.inputs.pem import Own, OwnAnchors, OwnCertificate, read_certificate
from lab.inputs.vsftpd_conf import VsftpdConf

__all__ = [
    "FTP_CLIENT",
    "FTP_SERVER",
    "OWN",
    "WEB_CLIENT",
    "WEB_SERVER",
    "Backend",
    "Finding",
    "InputError",
    "MtConfig",
    "Own",
    "OwnAnchors",
    "OwnCertificate",
    "Severity",
    "VsftpdConf",
    "client_settings",
    "from_environment",
    "read_attempt",
    "read_certificate",
    "server_for",
]
