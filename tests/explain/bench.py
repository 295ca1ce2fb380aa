"""The peers, and the programs of one release, in containers with one loopback and no other network."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from docker import DockerClient

from lab.run.containers import pack, unpack
from tests.explain import material
from tests.explain.images import ensure, peer_image

HERE = Path(__file__).parent
#: Where everything is in a container.
PLACE = "/opt/lab/explain"
#: What the containers call themselves; a server may ask.
OWN_NAME = "machine.lab.test"


class Bench:
    """The peers, and the programs of one release, in containers with one loopback and no other network."""

    def __init__(
        self, client: DockerClient, release: str, certificates: Mapping[str, bytes]
    ) -> None:
        self.client, self.release = client, release
        self._material = {f"{PLACE}/material/{path}": data for path, data in certificates.items()}
        self._containers: list[Any] = []

    def __enter__(self) -> Self:
        try:
            self._open()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _open(self) -> None:
        names = dict.fromkeys((material.HOST, OWN_NAME), "127.0.0.1")
        peers = self._start(
            peer_image(self.client), network_mode="none", hostname=OWN_NAME, extra_hosts=names
        )
        transcripts = HERE.parent / "transcripts" / "scripted_peer.py"
        agent = {f"{PLACE}/{p.name}": p.read_bytes() for p in (HERE / "agent").glob("*.*")}
        scripts = {f"{PLACE}/programs/{p.relative_to(HERE / 'agent' / 'programs')}": p.read_bytes()
                   for p in (HERE / "agent" / "programs").rglob("*.*")}  # fmt: skip
        scripts[f"{PLACE}/programs/chromium.py"] = (HERE.parent / "chromium.py").read_bytes()
        unpack(self.client, peers.id, pack({
            **agent, **self._material, f"{PLACE}/{transcripts.name}": transcripts.read_bytes(),
        }))  # fmt: skip
        # The engine writes its own resolv.conf where there is no network.
        peers.exec_run(["sh", "-c", "echo nameserver 127.0.0.1 >/etc/resolv.conf"])
        self._peers, said = self._serves(peers, "peers.py")
        self.ports: dict[str, int] = said
        self.programs = self._start(
            ensure(self.client, self.release),
            network_mode=f"container:{peers.id}",
            cap_add=["SYS_NICE", "DAC_READ_SEARCH"],
        )
        trusted = self._material[f"{PLACE}/material/trusted.pem"]
        unpack(self.client, self.programs.id, pack({
            **agent, **scripts, **self._material, f"{PLACE}/trusted.pem": trusted,
        }))  # fmt: skip
        done = self.programs.exec_run(["sh", f"{PLACE}/prepare.sh"])
        if done.exit_code:
            raise RuntimeError(f"{self.release}: {done.output.decode(errors='replace')}")
        self._servers, said = self._serves(self.programs, "servers.py", "serve")
        self.servers: dict[str, dict[str, int]] = said

    def __exit__(self, *_: object) -> None:
        for container in reversed(self._containers):
            container.remove(force=True)

    def _start(self, image: str, **options: Any) -> Any:
        container = self.client.containers.run(
            image, ["sleep", "infinity"], detach=True, init=True, labels={"test.lab.explain": "1"},
            **options,
        )  # fmt: skip
        self._containers.append(container)
        return container

    def _serves(self, container: Any, script: str, *arguments: str) -> tuple[Any, Any]:
        """Start what prints a line of JSON and then goes on; its output, and what the line says."""
        command = ["python3", "-W", "ignore", f"{PLACE}/{script}", *arguments]
        output = container.exec_run(command, stream=True, demux=True).output
        for line, error in output:
            if error:
                sys.stdout.write(error.decode(errors="replace"))
                sys.stdout.flush()
            if line:
                return output, json.loads(line)
        raise RuntimeError(f"{script} ended before it was ready")

    def asks(self, command: str) -> str:
        """What a shell in the programs' container prints; nothing if the command fails."""
        done = self.programs.exec_run(["sh", "-c", command])
        return "" if done.exit_code else done.output.decode(errors="replace").strip()

    def meets(self, server: str, ports: Mapping[str, int]) -> Iterator[dict[str, Any]]:
        """Let every bad client meet an FTP server (``agent/servers.py``)."""
        command = ["python3", "-W", "ignore", f"{PLACE}/servers.py", "meet", server]
        out, error = self.programs.exec_run([*command, json.dumps(ports)], demux=True).output
        if error:
            sys.stdout.write(error.decode(errors="replace")[-1500:])
        yield from map(json.loads, (out or b"").splitlines())

    def visits(self, name: str, origins: Mapping[str, int]) -> Iterator[dict[str, Any]]:
        """Start an edge before these origins, and visit it (``agent/edges.py``)."""
        unpack(
            self.client,
            self.programs.id,
            pack({f"{PLACE}/origins.json": json.dumps(origins).encode()}),
        )
        command = f"exec python3 {PLACE}/edges.py '{name}' <{PLACE}/origins.json"
        out, error = self.programs.exec_run(["sh", "-c", command], demux=True).output
        if error:
            sys.stdout.write(error.decode(errors="replace")[-1500:])
        yield from map(json.loads, (out or b"").splitlines())

    def runs(self, jobs: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        """Run command lines one after the other (``agent/run.py``)."""
        unpack(
            self.client, self.programs.id, pack({f"{PLACE}/jobs.json": json.dumps(jobs).encode()})
        )
        command = ["sh", "-c", f"exec python3 {PLACE}/run.py <{PLACE}/jobs.json"]
        rest = b""
        for part in self.programs.exec_run(command, stream=True).output:
            *lines, rest = (rest + part).split(b"\n")
            yield from map(json.loads, lines)
