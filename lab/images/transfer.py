"""Requests that carry whole images, which the engine's Python client has no deadline for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import IO, Any

import docker
import requests
from docker.errors import create_api_error_from_http_exception

#: Seconds without a byte from the engine.
SILENCE_S = 300


@contextmanager
def download(
    engine: docker.DockerClient, path: str, params: Mapping[str, Any]
) -> Iterator[requests.Response]:
    """The engine's answer to a GET of ``path``, to be read in chunks.

    Raises:
        docker.errors.APIError: the engine refused.
    """
    url = f"{engine.api.base_url}/v{engine.api.api_version}{path}"
    with engine.api.get(url, params=dict(params), stream=True, timeout=SILENCE_S) as response:
        _check(response)
        yield response


def upload(
    engine: docker.DockerClient, path: str, params: Mapping[str, Any], body: IO[bytes]
) -> Iterator[Mapping[str, Any]]:
    """POST a file to ``path``; the events that the engine answers with.

    Raises:
        docker.errors.APIError: the engine refused.
    """
    url = f"{engine.api.base_url}/v{engine.api.api_version}{path}"
    with engine.api.post(
        url,
        params=dict(params),
        data=body,
        headers={"Content-Type": "application/x-tar"},
        stream=True,
        timeout=SILENCE_S,
    ) as response:
        _check(response)
        for line in response.iter_lines():
            if line.strip():
                yield json.loads(line)


def _check(response: requests.Response) -> None:
    try:
        response.raise_for_status()
    except requests.HTTPError as error:
        create_api_error_from_http_exception(error)  # raises
