"""What real programs say about known defects, to measure `lab explain` with.

``make explain-texts`` records it: ``record`` runs the programs of ``releases.toml`` against the peers of
``agent`` and writes ``known`` and the batches that ``split.toml`` holds out; ``texts`` is the form of those
files, and what they hold as truth; ``measure`` compares.
"""
