"""Node's options of a TLS connection (tls.connect, https.request): how a program's author writes them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: By what :func:`lab.clients.base.python_tls` has.
NODE_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "not verify": "rejectUnauthorized: false",
        "ca_file": "ca: fs.readFileSync('{}')",
        "ciphers": "ciphers: '{}'",
        "minimum": "minVersion: '{}'",
        "maximum": "maxVersion: '{}'",
        "certificate": "cert: fs.readFileSync('{}')",
        "key": "key: fs.readFileSync('{}')",
        "server_name": "servername: '{}'",
        "verify_name": "checkServerIdentity: (_, certificate) => tls.checkServerIdentity('{}', certificate)",
    }
)
