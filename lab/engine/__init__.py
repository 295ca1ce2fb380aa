"""The container engine: finding one, having one, giving it back.

``find`` connects to the engine that a person means. ``ensure`` also installs and starts one on a
bare Debian or Ubuntu machine. ``stop`` undoes that. ``compose_command`` and ``compose_environment``
give Compose on the same engine. All of them raise :class:`EngineError`, whose text is meant for the
operator.
"""

from lab.engine.compose import compose_command, compose_environment
from lab.engine.connect import find
from lab.engine.endpoint import Endpoint, resolve
from lab.engine.errors import EngineError, Problem
from lab.engine.lifecycle import Stopped, StopResult, ensure, stop
from lab.engine.settings import DaemonSettings

__all__ = [
    "DaemonSettings",
    "Endpoint",
    "EngineError",
    "Problem",
    "StopResult",
    "Stopped",
    "compose_command",
    "compose_environment",
    "ensure",
    "find",
    "resolve",
    "stop",
]
