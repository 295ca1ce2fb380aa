"""Asks the builds in the containers what they can do: each question once for each image, and kept.

An answer belongs to the images that were asked, by their ids: an image made anew of the same recipe may
have other packages, and has another id. It belongs to the lab that asked as well, which writes the
configurations and reads what comes: one whose code is another asks again. The answers lie in the
checkout's state directory, so that the next run does not ask again.
"""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.clients import PROGRAMS
from lab.model import Accepts, Attempt, Capability, Loads, Offers, Speaks, set_fields
from lab.own import files
from lab.run.agents import FACTS_S, Agents
from lab.run.containers import OnceMap, certificate_files
from lab.run.offers import OfferCache
from lab.servers import SERVERS

#: In the state directory: ``lab``, a hash of the code that asked, and ``answers``: a key of
#: :meth:`Capabilities._key` -> yes or no.
FILE = "capabilities.json"
_PACKAGE = Path(__file__).parent.parent


class Capabilities:
    """What the images of a run can do.

    Args:
        agents: the servers' agents ask their libraries.
        offers: what clients offer and what listeners agree to.
        images: the id of the image of each service.
        state: the checkout's state directory.
    """

    def __init__(
        self, agents: Agents, offers: OfferCache, images: Mapping[str, str], state: Path
    ) -> None:
        self._agents = agents
        self._offers = offers
        self._images = images
        self._file = state / FILE
        self._answers: OnceMap[bool] = OnceMap()
        self._lock = threading.Lock()
        self._kept: dict[str, bool] | None = None

    def has(self, attempt: Attempt, capability: Capability) -> bool:
        """Whether the builds that make this attempt have a capability.

        Raises:
            AgentError: they could not be asked.
            Unsupported: there is no such listener here.
        """
        key = self._key(attempt, capability)
        return self._answers.get(key, lambda: self._known(key, attempt, capability))

    def _known(self, key: str, attempt: Attempt, capability: Capability) -> bool:
        with self._lock:
            if self._kept is None:
                self._kept = _read(self._file)
            kept = self._kept
        if key not in kept:
            answer = self._ask(attempt, capability)
            with self._lock:
                kept[key] = answer
                _write(self._file, kept)
        return kept[key]

    def _ask(self, attempt: Attempt, capability: Capability) -> bool:
        server = attempt.server
        match capability:
            case Offers(version):
                return version in self._offers.client(attempt).versions
            case Accepts(version):
                return version in self._offers.server(server).versions
            case Loads(certificate):
                chain, key = certificate_files(server.host, certificate)
                question: dict[str, Any] = {"chain": chain, "private_key": key}
            case Speaks(version):
                question = {"speaks": version}
        answer = self._agents.server(server.software).call("can", FACTS_S, **question)
        return bool(answer["can"])

    def _key(self, attempt: Attempt, capability: Capability) -> str:
        """The question in words, with the ids of the images that answer it and the settings that matter."""
        server = attempt.server
        asked = {SERVERS[server.software].service}
        settings: object = server.software
        if isinstance(capability, Offers):
            # The name that is asked for and the certificates have no part in what is offered.
            client = set_fields(attempt.client)
            asked.add(PROGRAMS[attempt.client.program].service(attempt.client))
            settings = {n: client[n] for n in sorted(client) if n in _OFFERED}
        elif isinstance(capability, Accepts):
            settings = set_fields(server)
        images = " ".join(sorted(self._images.get(service, service) for service in asked))
        return f"{capability}: {json.dumps(settings, default=str, sort_keys=True)} on {images}"


#: Fields of a client that decide what it offers.
_OFFERED = frozenset({"program", "platform", "policy", "ciphers", "protocols", "options", "libnet"})


@functools.cache
def _code() -> str:
    """A hash of the lab's own files, which together decide what is asked and how an answer is read."""
    digest = hashlib.sha256()
    for path in sorted(_PACKAGE.rglob("*.*")):
        if path.is_file() and path.parent.name != "__pycache__":
            content = path.read_bytes()
            digest.update(f"{path.relative_to(_PACKAGE)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def _read(file: Path) -> dict[str, bool]:
    """The answers kept so far; none, if there is no such file, or a damaged one, or another lab's."""
    try:
        kept = json.loads(files.read(file, files.KEPT))
    except (files.Unreadable, RecursionError, ValueError):
        return {}
    if not isinstance(kept, dict) or kept.get("lab") != _code():
        return {}
    answers = kept.get("answers")
    if not isinstance(answers, dict):
        return {}
    return {key: answer for key, answer in answers.items() if isinstance(answer, bool)}


def _write(file: Path, answers: Mapping[str, bool]) -> None:
    """Keep the answers; where that cannot be done they are asked for again."""
    part = file.with_suffix(".part")
    try:
        kept = {"lab": _code(), "answers": answers}
        part.write_text(json.dumps(kept, indent=1, sort_keys=True), encoding="utf-8")
        part.replace(file)
    except OSError:
        return
