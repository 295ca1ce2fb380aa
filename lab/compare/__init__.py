"""Two runs side by side: what changed, cell by cell. Pure, from the records alone.

A cell is an attempt of one run and the same attempt of the other: the one with its id, and of remedies
the one with its title, so that a remedy put before another changes nothing. The tries of a race are one
cell, because single tries differ from run to run by nature: what is compared of the refusal is the verdict
on its rate::

    cells         a run's attempts as cells, and what is compared of them
    images        what changed of the images
    changes       what a difference is, and what it means
    comparison    both runs compared; the result, for programs, too
    words         changes in lines for a terminal
    baseline      a record that holds only what a comparison reads

``docs/compare.md`` says how it is used.
"""

from lab.compare.baseline import baseline
from lab.compare.changes import Change, Difference, ImageChange, Kind
from lab.compare.comparison import Comparison, compare

__all__ = [
    "Change",
    "Comparison",
    "Difference",
    "ImageChange",
    "Kind",
    "baseline",
    "compare",
]
