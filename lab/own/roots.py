"""The public roots against which a person's own chain is judged, where nobody says what is trusted.

Distributions ship Mozilla's roots, each in a version of its own and with changes of its own. An image
that has its distribution's keeps them (:data:`lab.run.containers.PUBLIC_ROOTS`); a stand-in has none, and
gets Mozilla's as the package certifi has them. What it then says holds for these.
"""

from __future__ import annotations

from pathlib import Path

from lab.own.files import PublicRoots


def public_roots() -> PublicRoots:
    """Mozilla's roots, in the version that is installed; nothing is downloaded."""
    import certifi  # noqa: PLC0415 - a file of a quarter of a megabyte, only where it is needed

    pem = Path(certifi.where()).read_bytes()
    return PublicRoots(pem, f"Mozilla's public roots (certifi {certifi.__version__})")
