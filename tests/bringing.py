"""One person's certificate after the other in one session, which no run of the lab ever needs."""

from __future__ import annotations

from pathlib import Path

from lab.certificates import OWN
from lab.own.files import UserFiles
from lab.run.containers import OnceMap, pack
from lab.run.laboratory import Lab
from lab.run.listeners import LISTEN_S
from lab.run.session import Session
from lab.servers import SERVERS


def bring(laboratory: Lab, own: UserFiles) -> None:
    """Serve this certificate from now on, and trust what goes with it.

    Listeners that nobody uses are ended. Whatever else has read the files keeps what was there before:
    give the next attempts settings that differ in something.

    Raises:
        AgentError: a container takes no files, or a listener does not end.
    """
    served = own.certificate
    if served is not None:
        laboratory.material.add_own(OWN, served.chain_pem, served.key_pem, served.leaf_sha256)
    if own.anchors is not None:
        laboratory.material.trust_own(own.anchors.pem)
    _put_own(laboratory.session)
    _end_free(laboratory.session)


def _put_own(session: Session) -> None:
    """Put what is the person's own now in the place of what was, in every container that has files."""
    equipment = session._equipment
    equipment._archives = OnceMap()
    servers = {server.service for server in SERVERS.values()}
    for service in equipment._equipped.values():
        files = equipment._certificates(server=service in servers)
        mine = {p: c for p, c in files.items() if Path(p).name.startswith(f"{OWN}.")}
        session.containers.put(service, pack(mine))


def _end_free(session: Session) -> None:
    """End all listeners that nobody uses: each takes processes and memory of its container."""
    for server, pool in session._listeners._pools._made.items():
        while pool._free:
            listener = pool._free.pop()
            if listener.started:
                agent = session.agents.server(server.software)
                agent.call("close", LISTEN_S, key=listener.key)
