"""The local recipe: corrections of the recipe block by block, where a picture and its guide part from place to place.

::

    block of side x side cells:  b = (recipe's coefficients + sum over terms of d 2^e term) phi
    terms: few sums of features - light and its powers, clipping, colour, gradients (a guide out of register)

The idea is HDRNet's (Gharbi et al. 2017), coefficients on a coarse grid; here they are fitted in closed form, plane by
plane, and sent where they save more bits than they cost (`codec.encoder.corrections_writer` writes them). The section
LOCL:

=======================  ================================================================================
bytes                    meaning
=======================  ================================================================================
u8                       logarithm of the blocks' side in cells, 5..10
u8 x terms               exponent e of each term: its coefficients' step is 2^(e - 20)
u8 x terms x 4           class of the probability table of each term and plane, plane after plane
bits                     which blocks have a correction: by plane R, G1, G2, B, in each row by row, from the low end of
                         each byte; then zeros to a whole byte
the rest                 coefficients d, a substream of exact symbols (`entropy.ans`): for each plane and each of
                         its corrected blocks in their order, the terms
=======================  ================================================================================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...bitstream.errors import StreamError
from ...bitstream.runtime.forks import cached_property
from ...entropy.ans import decode_symbols, model_of
from ...entropy.tables import CLASSES, EXACT, Tables
from .features import names

EXPONENTS = 21
LEAST_SIDE, MOST_SIDE = 5, 10
MOST_BLOCKS = 1 << 16
"""Most blocks of a picture: a small file can't ask for much memory. Sides from 64 on are allowed for every picture."""

LIMIT = 1 << 15
"""Bound of a coefficient."""

_LIGHT = [f"lin{s}[0,0]" for s in range(4)]
_SUMS = {
    "1": "1",
    "m": "m",
    "m2": "m2",
    "l2": "l2",
    "l3": "l3",
    "clipped": "hat10",
    "lcb": "lcb",
    "lcr": "lcr",
    "down": f"{_LIGHT[2]} {_LIGHT[3]} -{_LIGHT[0]} -{_LIGHT[1]}",
    "right": f"{_LIGHT[1]} {_LIGHT[3]} -{_LIGHT[0]} -{_LIGHT[2]}",
    "down2": "lin1[1,0] lin2[1,0] -lin1[-1,0] -lin2[-1,0]",
    "right2": "lin1[0,1] lin2[0,1] -lin1[0,-1] -lin2[0,-1]",
}
TERMS = tuple(_SUMS)


def _matrix() -> np.ndarray:
    number = {name: i for i, name in enumerate(names())}
    out = np.zeros((len(TERMS), len(number)), np.int64)
    for row, parts in zip(out, _SUMS.values(), strict=True):
        for part in parts.split():
            row[number[part.removeprefix("-")]] = -1 if part.startswith("-") else 1
    return out


MATRIX = _matrix()
"""Terms by features, int64 (terms, features): -1, 0 or 1."""

PARTS = np.array([(term, feature, MATRIX[term, feature]) for term, feature in np.argwhere(MATRIX)], np.int64)
"""The same, int64 (n, 3): term, feature, sign."""


@dataclass(frozen=True)
class LocalRecipe:
    """Corrections on a grid. side: of a block, cells; exponents: int64 (terms,); coefficients: whole numbers, int32 or
    int64 (rows, columns, 4, terms), zero where a block has none."""

    side: int
    exponents: np.ndarray
    coefficients: np.ndarray

    @cached_property
    def whole(self) -> np.ndarray:
        """What blocks add to terms, in 2^-20, float64 (rows, columns, 4, terms)."""
        return (self.coefficients.astype(np.int64) << self.exponents).astype(np.float64)

    def block(self, row: int, column: int) -> np.ndarray:
        """What is added to the recipe's coefficients, in 2^-20, in one block: int64 (4, features)."""
        return (self.coefficients[row, column] << self.exponents) @ MATRIX

    def largest(self) -> int:
        """Bound of a plane's sum of what is added, over blocks and planes."""
        weight = np.abs(MATRIX).sum(1) << self.exponents
        return max((int((np.abs(row) * weight).sum(-1).max()) for row in self.coefficients), default=0)

    @classmethod
    def from_bytes(cls, data: bytes, cells: tuple[int, int], tables: Tables) -> LocalRecipe:
        """That of a section of a picture of so many rows and columns of cells; `StreamError` where it is none."""
        count = len(TERMS)
        if len(data) < 1 + 5 * count or not LEAST_SIDE <= data[0] <= MOST_SIDE:
            raise StreamError("the local recipe is damaged")
        side = 1 << data[0]
        exponents = np.frombuffer(data, np.uint8, count, 1).astype(np.int64)
        classes = np.frombuffer(data, np.uint8, 4 * count, 1 + count).reshape(4, count)
        if exponents.max() >= EXPONENTS or classes.max() >= CLASSES:
            raise StreamError("the local recipe's steps or classes are out of range")
        rows, columns = grid(cells, side)
        if rows * columns > MOST_BLOCKS:
            raise StreamError("the local recipe has more blocks than are allowed")
        blocks, at = 4 * rows * columns, 1 + 5 * count
        flags = np.frombuffer(data[at : at + (blocks + 7) // 8], np.uint8)
        bits = np.unpackbits(flags, bitorder="little")
        if len(bits) < blocks or bits[blocks:].any():
            raise StreamError("the local recipe is for another number of blocks")
        some = bits[:blocks].reshape(4, rows, columns).astype(bool)
        kinds = np.concatenate([np.tile(classes[k], int(some[k].sum())) for k in range(4)])
        symbols = decode_symbols(data[at + len(flags) :], kinds, model_of(tables, EXACT))
        if np.abs(symbols).max(initial=0) >= LIMIT:
            raise StreamError("the local recipe's coefficients are out of range")
        by_plane = np.zeros((4, rows, columns, count), np.int32)
        by_plane[some] = symbols.reshape(-1, count)
        return cls(side, exponents, np.moveaxis(by_plane, 0, 2))


def grid(cells: tuple[int, int], side: int) -> tuple[int, int]:
    """Rows and columns of blocks of a picture of so many rows and columns of cells."""
    return -(-cells[0] // side), -(-cells[1] // side)
