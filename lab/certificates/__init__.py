"""Certificates of a run: a catalogue of slugs, made anew each time, never kept.

``catalogue`` says what each slug is and what is wrong with it, ``authority`` issues one, ``material`` makes
those of a run, ``description`` says in words what a chain holds. All but the catalogue need cryptography,
which is slow to import: they are imported when something of them is asked for.
"""

import importlib
from typing import TYPE_CHECKING

from lab.certificates.catalogue import (
    ANCHORS,
    CATALOGUE,
    OTHER_HOST,
    OWN,
    CertificateError,
    CertificateSpec,
    UnknownCertificate,
    spec_of,
)

if TYPE_CHECKING:
    from lab.certificates.description import CertificateDescription, ChainDescription, describe
    from lab.certificates.material import RunCertificates, ServerCertificate, Wanted

__all__ = [
    "ANCHORS",
    "CATALOGUE",
    "OTHER_HOST",
    "OWN",
    "CertificateDescription",
    "CertificateError",
    "CertificateSpec",
    "ChainDescription",
    "RunCertificates",
    "ServerCertificate",
    "UnknownCertificate",
    "Wanted",
    "describe",
    "spec_of",
]


_LAZY = {
    **dict.fromkeys(("CertificateDescription", "ChainDescription", "describe"), "description"),
    **dict.fromkeys(("RunCertificates", "ServerCertificate", "Wanted"), "material"),
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
