"""Client programs: settings to an agent's request, an agent's result to a report."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from lab.clients.base import Installed, Program, Target
from lab.model import ClientSettings
from lab.model.software import of_folders

#: Every client program by the name that ``ClientSettings.program`` has.
PROGRAMS: Mapping[str, Program[Any]] = MappingProxyType(
    {program.name: program for program in of_folders("clients", "PROGRAMS")}
)


def program_of(settings: ClientSettings) -> Program[Any]:
    """The program that connects with these settings."""
    return PROGRAMS[settings.program]


__all__ = ["PROGRAMS", "Installed", "Program", "Target", "program_of"]
