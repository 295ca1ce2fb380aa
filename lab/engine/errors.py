"""What can be wrong with the engine, and how an operator is told."""

from __future__ import annotations

from enum import StrEnum

from lab.advice import AdvisedError


class Problem(StrEnum):
    """Why there is no engine to work with."""

    NO_SOCKET = "no-socket"
    NO_PERMISSION = "no-permission"
    NO_ANSWER = "no-answer"
    UNREACHABLE = "unreachable"
    BAD_ENDPOINT = "bad-endpoint"
    UNSUPPORTED = "unsupported"
    INSTALL_FAILED = "install-failed"
    START_FAILED = "start-failed"
    STOP_FAILED = "stop-failed"
    NO_COMPOSE = "no-compose"


class EngineError(AdvisedError[Problem]):
    """The lab cannot get, start or stop an engine."""
