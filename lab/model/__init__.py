"""Settings, attempts and outcomes: pure data, no containers, no text matching.

Everything that can change the result of a connection is a field of :class:`ServerSettings` or
:class:`ClientSettings`, which are two families each: FTP and the web. A field whose value is ``None`` is
*not set*: the program's own default decides, which is never the same as a value that happens to equal it::

    vocabulary    stages, sides, results, reasons, goals; what an attempt is for; versions of TLS
    software      client programs, platforms, policies, containers, agents
    settings      the settings of servers and clients; those of one program are in its own folder
    attempt       one client against one server; how attempts and settings are told apart; what is
                  asked of the builds in the containers
    outcome       what each end saw of an attempt, nothing interpreted, and what it comes to
    expectations  what was expected of it, and the verdict; imported from there

An attempt is made, which gives an :class:`Observation`; a dialect (``lab/dialects``) turns that into an
:class:`Outcome`. What most of the lab names is imported from here, the rest from its module.
"""

from lab.model.attempt import Attempt, differing_fields, set_fields
from lab.model.outcome import Captured, ClientReport, Delivery, Observation, Outcome
from lab.model.settings import (
    CERTIFICATE_EMPTY,
    CERTIFICATE_UNSET,
    HOST_ADDRESS,
    ClientSettings,
    FtpClientSettings,
    FtpServerSettings,
    ServerSettings,
    WebClientSettings,
    WebServerSettings,
    parse_ports,
    setting,
    spelt,
)
from lab.model.software import PLATFORMS, SILENT, Agent
from lab.model.vocabulary import (
    PROTOCOLS,
    Goal,
    NotJudged,
    ProtocolRange,
    Rating,
    Reason,
    Result,
    Role,
    Side,
    Stage,
    from_,
    only,
    up_to,
)

# The vocabulary.
__all__ = ["Goal", "NotJudged", "Rating", "Reason", "Result", "Role", "Side", "Stage"]
# Versions of SSL and TLS.
__all__ += ["PROTOCOLS", "ProtocolRange", "from_", "only", "up_to"]
# Where programs run.
__all__ += ["PLATFORMS", "SILENT", "Agent"]
# Settings.
__all__ += ["CERTIFICATE_EMPTY", "CERTIFICATE_UNSET", "HOST_ADDRESS"]
__all__ += ["ClientSettings", "FtpClientSettings", "WebClientSettings"]
__all__ += ["FtpServerSettings", "ServerSettings", "WebServerSettings"]
__all__ += ["parse_ports", "setting", "spelt"]
# Attempts.
__all__ += ["Attempt", "differing_fields", "set_fields"]
# What is seen, and what it comes to.
__all__ += ["Captured", "ClientReport", "Delivery", "Observation", "Outcome"]
