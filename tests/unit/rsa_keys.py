"""RSA keys for tests: most of the time of a certificate is its key, and one is as good as another.

They are kept in pytest's cache: a checkout makes them once.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
    load_pem_private_key,
)

#: So many RSA keys of a size a test process has; then they come again in turn. One set of certificates of
#: two hosts has no more, so that no two keys of it are the same if they are made together.
_KEYS = {1024: 1, 2048: 16, 3072: 5}
_new_key = rsa.generate_private_key


class RsaKeys:
    """RSA key pairs as ``cryptography`` makes them, each one that is kept."""

    def __init__(self, kept: Path | None, most: Mapping[int, int] | None = None) -> None:
        """Nothing is read or made yet.

        Args:
            kept: the folder of those that are there.
            most: so many of a size are different, then they come again in turn; ``None``: all are.
        """
        self._kept, self._most, self._turn = kept, most, threading.Lock()
        self._of_size: dict[int, list[rsa.RSAPrivateKey]] = {}
        self._next = itertools.count()

    def generate(self, public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        """Another key pair than the last ones of this size."""
        with self._turn:
            made = self._of_size.setdefault(key_size, [])
            if self._most is not None and len(made) >= self._most.get(key_size, 1):
                return made[next(self._next) % len(made)]
            key = self._one(public_exponent, key_size, len(made))
            made.append(key)
            return key

    def _one(self, public_exponent: int, key_size: int, number: int) -> rsa.RSAPrivateKey:
        if self._kept is None:
            return _new_key(public_exponent, key_size)
        path = self._kept / f"{key_size}-{public_exponent}-{number}.der"
        if not path.exists():
            new = _new_key(public_exponent, key_size)
            with tempfile.NamedTemporaryFile(dir=self._kept, delete=False) as file:
                file.write(new.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
            Path(file.name).replace(path)  # whole, whoever else makes it now
        key = load_der_private_key(path.read_bytes(), None, unsafe_skip_rsa_key_validation=True)
        assert isinstance(key, rsa.RSAPrivateKey)
        return key


def folder(config: pytest.Config) -> Path | None:
    """Where keys are kept; ``None``: nowhere."""
    cache = getattr(config, "cache", None)  # there is none with -p no:cacheprovider
    return cache.mkdir("rsa-keys") if cache is not None else None


def in_turn(patch: pytest.MonkeyPatch, kept: Path | None) -> None:
    """Whoever makes an RSA key gets one of a few; trustme reads it without testing primes."""
    patch.setattr(rsa, "generate_private_key", RsaKeys(kept, _KEYS).generate)
    reading = partial(load_pem_private_key, unsafe_skip_rsa_key_validation=True)
    patch.setattr(trustme, "load_pem_private_key", reading)


@contextmanager
def all_different(kept: Path | None) -> Iterator[None]:
    """Meanwhile no key comes twice: for tests of which certificates have the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rsa, "generate_private_key", RsaKeys(kept).generate)
        yield
