"""Values made on first use, whoever asks first."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

Value = TypeVar("Value")


class OnceMap(Generic[Value]):
    """Values made on first use, each exactly once, different ones side by side."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._making: dict[Any, threading.Lock] = {}
        self._made: dict[Any, Value] = {}

    def get(self, key: Any, make: Callable[[], Value]) -> Value:
        """The value of this key; what ``make`` raises is raised, and the next one who asks tries again."""
        with self._lock:
            if key in self._made:
                return self._made[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]

    def values(self) -> list[Value]:
        """Those made so far."""
        with self._lock:
            return list(self._made.values())
