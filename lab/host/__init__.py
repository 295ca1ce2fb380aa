"""The machine that the lab runs on, and its container engine.

``engine`` connects to the engine that a person means, says whether one that was there still is, and finds
Compose for the same engine; ``starting`` also installs and starts one on a bare Debian or Ubuntu machine, and
ends that one again. Both raise :class:`lab.host.engine.EngineError`, whose text is meant for the operator.
``doctor`` says what this machine lacks, ``machine`` runs programs with a deadline, ``checkout`` says which
copy of the lab this is. Nothing here imports Docker's library before it is needed.
"""
