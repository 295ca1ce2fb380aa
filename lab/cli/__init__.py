"""The command ``lab``: thin over the library.

``entry`` names every command, runs one, and turns every error into one message and an exit status;
``commands`` gives them to the library that reads options. The functions behind the commands are grouped by
what they are about: ``machine`` (this machine, its images and topologies), ``runs`` (cases), ``attempts``
(one client and one server: an attempt, their suites, an sslscan) and ``records`` (what reads the records).
``common`` is what they say and end with. What they take are the parameters of these functions; how each is
written, and its help, stands in ``options.toml``.

A function imports what it needs when it is called: who asks for help does not wait for an engine's library.
"""

from lab.cli.entry import main

__all__ = ["main"]
