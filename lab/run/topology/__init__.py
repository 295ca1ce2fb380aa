"""Containers up and down.

A topology is one Compose project. ``lab up`` makes the checkout's *kept* topology, which later
commands use; a run that finds none, or finds it in use, brings its own and removes it at the end.
``projects`` finds them on the engine, ``starting`` starts one in a subnet of ``subnets``, ``removing``
removes what is left; ``locks`` waits for other labs; ``sealing`` looks whether the host can be reached.
"""

from lab.run.topology.projects import (
    LABEL_PROJECT,
    LABEL_SERVICE,
    Found,
    Place,
    TopologyError,
    containers,
    find,
    places,
)
from lab.run.topology.removing import compose_processes, down, remove
from lab.run.topology.sealing import Seal, look
from lab.run.topology.starting import Topology, attach, service_files, up

__all__ = [
    "LABEL_PROJECT",
    "LABEL_SERVICE",
    "Found",
    "Place",
    "Seal",
    "Topology",
    "TopologyError",
    "attach",
    "compose_processes",
    "containers",
    "down",
    "find",
    "look",
    "places",
    "remove",
    "service_files",
    "up",
]
