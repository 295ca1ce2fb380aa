"""The machine that the lab runs on, and its container engine.

:func:`find` connects to the engine that a person means. :func:`ensure` also installs and starts one on
a bare Debian or Ubuntu machine, :func:`stop` ends that one again. :func:`lost` says whether an engine
that was there still is. :func:`compose_command` and :func:`compose_environment` give Compose on the same
engine. All of them raise :class:`EngineError`, whose text is meant for the operator. ``doctor`` says what
this machine lacks, ``machine`` runs programs with a deadline, ``checkout`` says which copy of the lab
this is. Importing this package does not import Docker's library.
"""

from lab.host.compose import compose_command, compose_environment
from lab.host.connect import find, lost
from lab.host.endpoint import Endpoint, resolve
from lab.host.errors import AdvisedError, EngineError, EngineProblem
from lab.host.starting import ensure, stop

__all__ = [
    "AdvisedError",
    "Endpoint",
    "EngineError",
    "EngineProblem",
    "compose_command",
    "compose_environment",
    "ensure",
    "find",
    "lost",
    "resolve",
    "stop",
]
