"""A containerized interoperability lab for TLS and FTPS.

An attempt goes through these packages, in this order: ``cases`` or ``own`` (people's own files) name it in
the words of ``model``; ``servers`` and ``clients`` turn its settings into a configuration and a request;
``run`` starts the containers, makes the attempt and judges it; ``dialects`` give what the programs said a
reason; ``record`` keeps the result; ``report`` shows it.

``certificates`` and ``images`` serve a run. ``tls`` and ``wire`` read hellos and captures. ``documents`` and
``compare`` work on records. ``cli`` is the command. docs/architecture.md has the whole map.
"""

__version__ = "0.1.0"
