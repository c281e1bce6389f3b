"""How hard the encoder thinks: `--effort 1..9`. The decoder's work hardly changes with it.

======  ==========  =======================  ==============  =======  =======
effort  trellis     recipe's features        local recipe    bases    windows
======  ==========  =======================  ==============  =======  =======
1, 2    4 states    basic                    none            in place       8
3, 4    4 states    basic                    64              both          12
5, 6    8 states    basic, powers, learned   64              both          16
7, 8    32 states   basic, powers, learned   64, 32          both          24
9       64 states   basic, powers, learned   64, 32, 128     both          32
======  ==========  =======================  ==============  =======  =======

Windows are the samples to which the stages' parameters are fitted; sides of a local recipe's blocks are cells, the
one that costs least is taken. What each level gains and takes is measured by `benchmarks.ablation`.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT = 5
LEAST, MOST = 1, 9


@dataclass(frozen=True)
class Effort:
    """One level. states: logarithm of the trellis's states; haar: whether tiles may be coded over Haar; powers,
    learned: whether recipes may use those features; local: sides of blocks to try; windows: number of samples."""

    states: int = 3
    haar: bool = True
    powers: bool = True
    learned: bool = True
    local: tuple[int, ...] = (64,)
    windows: int = 16


LEVELS = {
    1: Effort(2, False, False, False, (), 8),
    3: Effort(2, True, False, False, (64,), 12),
    5: Effort(),
    7: Effort(5, local=(64, 32), windows=24),
    9: Effort(6, local=(64, 32, 128), windows=32),
}


def effort_of(level: int | Effort) -> Effort:
    """The effort of a level 1..9: that of the table's row. An `Effort` is itself."""
    if isinstance(level, Effort):
        return level
    return LEVELS[level - (level + 1) % 2]
