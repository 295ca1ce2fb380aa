"""Transcripts: what a client and a server said in one attempt, kept to test the dialects on.

A file holds the transcripts of one program on one platform, or those made after documentation. What
differs from run to run without meaning anything (addresses, ports, process ids, dates) is neutral.
"""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from lab.dialects.rules import Refusal, decide, hear
from lab.model import Attempt, ClientReport, Delivery, Observation
from lab.model.outcome import ServerReport
from lab.settings import parse_client, parse_server, spell_arguments

#: Recordings lie here in ``NAME/transcripts/PLATFORM.json``, of ``NAME-more`` in ``more@PLATFORM.json``.
CLIENTS = Path(__file__).parents[2] / "lab" / "clients"
#: The file of those that nobody recorded.
DOCUMENTATION = "documentation"

#: Of a client's report: what a dialect may ask about.
_SAID = tuple(
    f.name
    for f in dataclasses.fields(ClientReport)
    if f.name not in ("elapsed_ms", "warnings", "failed", "session_reused")
)
_NEUTRAL = [
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        # vsftpd's and pyftpdlib's dates, process ids, addresses with ports
        (r"\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}", "Thu Jan  1 00:00:00 1970"),
        (r"\[([A-Z]) \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\]", r"[\1 1970-01-01 00:00:00]"),
        (r"\[pid \d+\]", "[pid 1]"),
        # nginx's, and the lab's own origin's: connections, too, are numbered
        (r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d", "1970/01/01 00:00:00"),
        (r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d", "01/Jan/1970:00:00:00"),
        (r"\] \d+#\d+: \*\d+ ", "] 1#1: *1 "),
        (r"\[request\] \d+:", "[request] 1:"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[\d+\]", "1970-01-01 00:00:00.000 [1]"),
        (r"\d{1,3}(?:\.\d{1,3}){3}:\d+", "192.0.2.1:1024"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}\b", "192.0.2.1"),
        # replies to PASV and EPSV
        (r"\((?:\d{1,3},){5}\d{1,3}\)", "(192,0,2,1,4,0)"),
        (r"\(\|\|\|\d+\|\)", "(|||1024|)"),
        # the listener and the file
        (r"(lab\.test[: ](?:port )?)\d+", r"\g<1>21"),
        (r"port 2\d\d\d\b", "port 21"),
        (r"/listeners/[0-9a-f-]+/", "/listeners/0/"),
        (r"delivery-\d+", "delivery-1"),
        (r"[\d.]+Kbyte/sec", "1.00Kbyte/sec"),
        (r"seconds=[\d.]+", "seconds=0.001"),
        # curl's milliseconds, the agent's own line
        (r"after \d+ m", "after 1 m"),
        (r"(net_ftp\.pl line) \d+", r"\1 1"),
    )
]


class Transcript(BaseModel):
    """One attempt."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """The situation, or the script that the peer followed."""
    source: str = ""
    """Of one that was not recorded: the version and document that its words are from."""
    server: str
    server_settings: tuple[str, ...] = ()
    client: str
    client_settings: tuple[str, ...] = ()
    said: dict[str, Any]
    """The client's report, without what it left at its default."""
    started: bool = True
    log: tuple[str, ...] = ()
    """The server's lines that matter."""
    outcome: str
    """``SIDE:STAGE:REASON``."""

    def observation(self) -> Observation:
        """What the dialects are given."""
        return Observation(
            attempt=_attempt(self.server, self.server_settings, self.client, self.client_settings),
            client=ClientReport(failed=True, **self.said),
            server=ServerReport(started=self.started, log="\n".join(self.log)),
            delivery=Delivery(name="delivery-1.txt", size=0, sha256=""),
        )

    def decided(self) -> Refusal:
        """What the dialects make of it."""
        observation = self.observation()
        refusal = decide(observation, hear(observation))
        assert refusal is not None
        return refusal


class TranscriptFile(BaseModel):
    """One file of transcripts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    about: str
    recorded: str = ""
    """The day."""
    versions: dict[str, Any] = {}
    """Of the program and its libraries, as its agent says."""
    images: dict[str, str] = {}
    """Provenance of the client's and the servers' images, one line each."""
    transcripts: tuple[Transcript, ...]

    def write(self, path: Path) -> None:
        """As JSON that can be compared line by line."""
        text = json.dumps(
            self.model_dump(mode="json", exclude_defaults=True), indent=1, ensure_ascii=False
        )
        path.write_text(text + "\n", encoding="utf-8")


@functools.cache
def files() -> Mapping[str, TranscriptFile]:
    """All files by ``PROGRAM@PLATFORM``, and the one of :data:`DOCUMENTATION`."""
    found = {DOCUMENTATION: Path(__file__).with_name(f"{DOCUMENTATION}.json")}
    for path in sorted(CLIENTS.glob("*/transcripts/*.json")):
        more, _, platform = path.stem.rpartition("@")
        folder = path.parents[1].name.replace("_", "-")
        found["-".join(filter(None, (folder, more))) + f"@{platform}"] = path
    return {
        name: TranscriptFile.model_validate_json(path.read_text(encoding="utf-8"))
        for name, path in found.items()
    }


def path_of(name: str) -> Path:
    """Where the recording of ``PROGRAM@PLATFORM`` lies."""
    program, _, platform = name.partition("@")
    folder = next(
        folder
        for folder in sorted(CLIENTS.iterdir(), reverse=True)
        if f"{program}-".startswith(folder.name.replace("_", "-") + "-")
    )
    more = program[len(folder.name) :].lstrip("-")
    return folder / "transcripts" / f"{more}{'@' if more else ''}{platform}.json"


def transcript_of(name: str, observation: Observation) -> Transcript:
    """A transcript of a refused attempt.

    Raises:
        ValueError: the attempt was not refused, or the client did not fail.
    """
    heard = hear(observation)
    refusal = decide(observation, heard)
    if refusal is None or not observation.client.failed:
        raise ValueError(f"{name}: nothing was refused")
    words = spell_arguments(observation.attempt)
    default = ClientReport(failed=True, step="")
    return Transcript(
        name=name,
        server=observation.attempt.server.software,
        server_settings=tuple(_after("-s", words)),
        client=str(observation.attempt.client),
        client_settings=tuple(_after("-c", words)),
        said={
            field: neutral(value) if isinstance(value, str) else value
            for field in _SAID
            if (value := getattr(observation.client, field)) != getattr(default, field)
        },
        started=observation.server.started,
        log=tuple(_what_matters(observation)),
        outcome=f"{refusal.by}:{refusal.stage}:{refusal.reason}",
    )


def distinct(transcripts: Iterable[Transcript]) -> list[Transcript]:
    """The first of each outcome by the same rule in the same words of both ends."""
    found: dict[object, Transcript] = {}
    for one in transcripts:
        said = [one.said.get(n) for n in ("step", "error", "errno", "exit_status", "verify_code")]
        logged = hear(one.observation()).server
        key = (one.server, one.outcome, one.started, id(one.decided().rule), logged, *said)
        found.setdefault(key, one)
    return list(found.values())


@functools.cache
def _attempt(
    server: str, server_settings: tuple[str, ...], client: str, client_settings: tuple[str, ...]
) -> Attempt:
    return Attempt(parse_server(server_settings, server), parse_client(client, client_settings))


def _after(option: str, words: list[str]) -> list[str]:
    values = [value for before, value in itertools.pairwise(words) if before == option]
    # A greeting of its own only kept the listeners of situations apart.
    return [value for value in values if "banner=client-" not in value]


@functools.cache
def neutral(text: str) -> str:
    """A text without what differs from run to run."""
    for pattern, replacement in _NEUTRAL:
        text = pattern.sub(replacement, text)
    return text


def _what_matters(observation: Observation) -> list[str]:
    """The log's last lines, and those before without which the dialect would hear something else."""
    lines = neutral(observation.server.log).strip().splitlines()
    if not observation.server.started:
        return lines[-1:]
    heard = hear(observation).server

    def same(kept: list[str]) -> bool:
        report = ServerReport(started=True, log="\n".join(kept))
        return hear(dataclasses.replace(observation, server=report)).server == heard

    def needed(before: list[str], lines: list[str], after: list[str]) -> list[str]:
        """Of these lines between those: halves that do not matter go at once."""
        if not lines or same(before + after):
            return []
        if len(lines) == 1:
            return lines
        middle = len(lines) // 2
        first = needed(before, lines[:middle], lines[middle:] + after)
        return first + needed(before + first, lines[middle:], after)

    return needed([], lines[:-4], lines[-4:]) + lines[-4:]
