"""Certificates of a run: a catalogue of slugs, made anew each time, never kept.

``catalogue`` says what each slug is and what is wrong with it, ``authority`` issues one, ``material`` makes
those of a run,
``description`` says in words what a chain holds.
"""

from lab.certificates.catalogue import (
    ANCHORS,
    CATALOGUE,
    OTHER_HOST,
    CertificateError,
    CertificateSpec,
    UnknownCertificate,
    spec_of,
)
from lab.certificates.description import CertificateDescription, ChainDescription, describe
from lab.certificates.material import OWN, RunCertificates, ServerCertificate, Wanted

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
