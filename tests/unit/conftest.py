"""What the unit tests share."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.unit import rsa_keys

# A machine with other work on it makes examples slowly: that says nothing about what is tested.
settings.register_profile("lab", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("lab")


def pytest_configure(config: pytest.Config) -> None:
    """RSA keys come in turn."""
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    cache = getattr(config, "cache", None)  # there is none with -p no:cacheprovider
    rsa_keys.in_turn(patch, cache.mkdir("rsa-keys") if cache is not None else None)
