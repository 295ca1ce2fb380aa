"""The command ``lab``: thin over the library.

``commands`` names every command, in the order of the help. The functions behind them are grouped by what
they are about: ``machine``, ``images``, ``topologies``, ``cases``, ``records``, ``attempts``, ``offers``
and ``measurements``. They share ``options`` (what is typed), ``printing`` (what is said, and on which
stream) and ``exit_status``. ``entry`` runs the command and turns every error into one message.
"""

from lab.cli.commands import app
from lab.cli.entry import main

__all__ = ["app", "main"]
