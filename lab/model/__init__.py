"""Settings, attempts and outcomes: pure data, no containers, no text matching.

Everything that can change the result of a connection is a field of :class:`ServerSettings` or
:class:`ClientSettings`. A field whose value is ``None`` is *not set*: the program's own default decides,
which is never the same as a value that happens to equal that default::

    vocabulary    stages, sides, results, reasons, goals; what an attempt is for
    protocols     versions of SSL and TLS, and ranges of them
    software      servers and their hosts; client programs, platforms, policies, containers
    server        the settings of a server
    client        the settings of a client
    attempt       one client against one server; how attempts and settings are told apart
    capability    what is asked of the builds in the containers
    observation   what each end saw of an attempt, nothing interpreted
    outcome       what it comes to

An attempt is made, which gives an :class:`Observation`; a dialect (``lab/dialects``) turns that into an
:class:`Outcome`. Everything is imported from here.
"""

from lab.model.attempt import Attempt, differing_fields, set_fields, settings_key
from lab.model.capability import Accepts, Capability, Loads, Offers, Speaks
from lab.model.client import HOST_ADDRESS, ClientSettings
from lab.model.observation import Captured, ClientReport, Delivery, Observation, ServerReport
from lab.model.outcome import Outcome
from lab.model.protocols import PROTOCOLS, ProtocolRange, from_, only, up_to
from lab.model.server import BEHAVIOURS, CERTIFICATE_EMPTY, CERTIFICATE_UNSET, ServerSettings
from lab.model.software import (
    CLIENT_CONTAINERS,
    COMMAND_LINES,
    NAMED_CONTAINERS,
    ORIGINS,
    PLATFORMS,
    PROGRAMS,
    SERVER_HOSTS,
    SILENT,
    WEB_PROGRAMS,
    container_of,
)
from lab.model.vocabulary import Goal, NotJudged, Reason, Result, Role, Side, Stage, Standing

# The vocabulary.
__all__ = ["Goal", "NotJudged", "Reason", "Result", "Role", "Side", "Stage", "Standing"]
# Versions of SSL and TLS.
__all__ += ["PROTOCOLS", "ProtocolRange", "from_", "only", "up_to"]
# Servers, client programs, and where these run.
__all__ += ["NAMED_CONTAINERS", "ORIGINS", "SERVER_HOSTS", "SILENT"]
__all__ += ["CLIENT_CONTAINERS", "COMMAND_LINES", "PLATFORMS", "PROGRAMS", "WEB_PROGRAMS"]
__all__ += ["container_of"]
# Settings.
__all__ += ["BEHAVIOURS", "CERTIFICATE_EMPTY", "CERTIFICATE_UNSET", "ServerSettings"]
__all__ += ["HOST_ADDRESS", "ClientSettings"]
# Attempts.
__all__ += ["Attempt", "differing_fields", "set_fields", "settings_key"]
# What the builds in the containers can do.
__all__ += ["Accepts", "Capability", "Loads", "Offers", "Speaks"]
# What is seen, and what it comes to.
__all__ += ["Captured", "ClientReport", "Delivery", "Observation", "ServerReport"]
__all__ += ["Outcome"]
