"""How hard the encoder thinks: `--effort 1..9`. The decoder's work hardly changes with it up to 6.

======  ==========  =======================  ==============  =======  =======
effort  trellis     recipe's features        local recipe    transforms    windows
======  ==========  =======================  ==============  =======  =======
1, 2    4 states    basic                    none            in place       8
3, 4    4 states    basic                    64              both          12
5, 6    8 states    basic, powers            64              both          16
7, 8    32 states   basic, powers, learned   64, 32          both          24
9       64 states   basic, powers, learned   64, 32, 128     both          32
======  ==========  =======================  ==============  =======  =======

From 3 on a second look at the guide is tried.

Learned features, worth some 0.6 % of the bytes, cost the decoder as much time as all else and need torch; so the
upper efforts alone look whether they pay. There, too, recipes of few and of more features are each fitted for
themselves, not together. Windows are the samples to which the stages' parameters are fitted; sides of a local recipe's
blocks are cells, the one that costs least is taken. What each level gains and takes is measured by
`benchmarks.ablation`.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT = 5
LEAST, MOST = 1, 9


@dataclass(frozen=True)
class Effort:
    """One level. states: logarithm of the trellis's states; haar: whether tiles may be coded over Haar; powers,
    learned: whether recipes may use those features; local: sides of blocks to try; windows: number of samples of the
    stages; blocks: of 2x2 cells that recipes are fitted to; apart: whether each recipe is fitted for itself; look:
    whether a second look at the guide is tried; behind: and one behind the loop, which takes the decoder half as long
    again for +0.1 to +0.2 dB after an edit (docs/figures.md), so not by default."""

    states: int = 3
    haar: bool = True
    powers: bool = True
    learned: bool = False
    local: tuple[int, ...] = (64,)
    windows: int = 16
    blocks: int = 12_000
    apart: bool = False
    look: bool = True
    behind: bool = False


LEVELS = {
    1: Effort(2, False, False, False, (), 8, look=False),
    3: Effort(2, True, False, False, (64,), 12),
    5: Effort(),
    7: Effort(5, learned=True, local=(64, 32), windows=24, apart=True, behind=True),
    9: Effort(6, learned=True, local=(64, 32, 128), windows=32, apart=True, behind=True),
}


def effort_of(level: int | Effort) -> Effort:
    """The effort of a level 1..9: that of the table's row. An `Effort` is itself."""
    if isinstance(level, Effort):
        return level
    return LEVELS[level - (level + 1) % 2]
