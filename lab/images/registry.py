"""The distribution's own images, from a registry, when one answers.

Whether one answers is decided once a process and in bounded time: a machine without a route to a
registry must not wait for each image again.
"""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import docker
import requests
from docker.errors import DockerException

PLATFORM = "linux/amd64"
#: Seconds in which the engine must have said something about a pull.
PATIENCE_S = 15.0
#: Seconds of silence after which a pull that had begun is given up.
STALL_S = 120.0

UNREACHABLE = re.compile(
    r"no such host|server misbehaving|dial tcp|i/o timeout|connection refused|connection reset"
    r"|network is unreachable|no route to host|tls handshake timeout|client\.timeout|proxyconnect"
    r"|context deadline exceeded|temporary failure in name resolution|did not answer within",
    re.I,
)


class Unavailable(Exception):
    """The registry does not give this image; the text says why, in one line."""


@dataclass(frozen=True)
class Pulled:
    """An image that the registry gave."""

    id: str
    digest: str | None


def is_unreachable(text: str) -> bool:
    """Whether this failure concerns the whole registry rather than one image in it."""
    return UNREACHABLE.search(text) is not None


def host(reference: str) -> str:
    """The registry that an image reference names.

    >>> host("docker.io/library/centos:7")
    'docker.io'
    >>> host("centos:7")
    'docker.io'
    """
    first, slash, _ = reference.partition("/")
    return first if slash and re.search(r"[.:]|^localhost$", first) else "docker.io"


class Registry:
    """Pulls images through the engine, which knows its mirrors, proxies and credentials."""

    def __init__(
        self,
        engine: docker.DockerClient,
        *,
        patience_s: float = PATIENCE_S,
        stall_s: float = STALL_S,
    ) -> None:
        self._engine = engine
        self._patience_s = patience_s
        self._stall_s = stall_s
        self._unreachable: dict[str, str] = {}
        self._asking = threading.Lock()

    def pull(self, reference: str, report: Callable[[str], None]) -> Pulled:
        """Get ``reference`` for linux/amd64.

        Raises:
            Unavailable: no registry answers in time, or it does not have or give the image.
        """
        # One at a time: the second must profit from the answer that the first one got.
        with self._asking:
            registry = host(reference)
            if registry in self._unreachable:
                raise Unavailable(self._unreachable[registry])
            report(f"asking {registry} for {reference}")
            try:
                self._follow(reference, report)
                image = self._engine.images.get(reference)
            except (DockerException, requests.RequestException, Unavailable) as error:
                reason = f"{registry}: {_one_line(error)}"
                if is_unreachable(reason):
                    self._unreachable[registry] = reason
                raise Unavailable(reason) from error
        digests = image.attrs.get("RepoDigests") or []
        return Pulled(str(image.id), digests[0] if digests else None)

    def _follow(self, reference: str, report: Callable[[str], None]) -> None:
        last = ""
        for event in self._events(reference):
            if "error" in event:
                raise Unavailable(str(event["error"]))
            status = str(event.get("status", ""))
            if status != last and status in {"Downloading", "Extracting"}:
                report(f"{status.lower()} {reference}")
            last = status or last

    def _events(self, reference: str) -> Iterator[Mapping[str, Any]]:
        """The engine's progress events; ends with :class:`Unavailable` when it falls silent.

        The request runs in a thread of its own because the engine answers nothing at all while it
        tries to reach a registry, and it tries for minutes.
        """
        events: queue.Queue[Mapping[str, Any] | BaseException | None] = queue.Queue()

        def ask() -> None:
            try:
                for event in self._engine.api.pull(
                    reference, stream=True, decode=True, platform=PLATFORM
                ):
                    events.put(event)
            except (DockerException, requests.RequestException) as error:
                events.put(error)
            else:
                events.put(None)

        threading.Thread(target=ask, name=f"pull {reference}", daemon=True).start()
        patience_s = self._patience_s
        started = time.monotonic()
        while True:
            try:
                event = events.get(timeout=patience_s)
            except queue.Empty:
                waited = time.monotonic() - started
                raise Unavailable(f"the registry did not answer within {waited:.0f} s") from None
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            yield event
            patience_s = self._stall_s


def _one_line(error: BaseException) -> str:
    text = getattr(error, "explanation", None) or str(error)
    return " ".join(str(text).split())
