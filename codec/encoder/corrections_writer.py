"""Corrections of the recipe to the bytes of section LOCL, the inverse of
`codec.recipe.corrections.LocalRecipe.from_bytes`."""

from __future__ import annotations

import numpy as np

from ...entropy.ans import model_of
from ...entropy.ans_encode import encode_symbols
from ...entropy.tables import EXACT, SPLIT_CLASS, Tables
from ..recipe.corrections import TERMS, LocalRecipe


def local_bytes(local: LocalRecipe, tables: Tables) -> bytes:
    """The section."""
    by_plane = np.moveaxis(local.coefficients, 2, 0)
    some = np.asarray((by_plane != 0).any(-1))
    classes = np.zeros((4, len(TERMS)), np.uint8)
    bits = tables.bits(EXACT)
    symbols, kinds = [], []
    for k in range(4):
        values = by_plane[k][some[k]].astype(np.int32)
        classes[k] = [cheapest_class(column, bits) for column in values.T]
        symbols.append(values.reshape(-1))
        kinds.append(np.tile(classes[k], len(values)))
    coded = encode_symbols(np.concatenate(symbols), np.concatenate(kinds), model_of(tables, EXACT).left)
    flags = np.packbits(some.reshape(-1), bitorder="little").tobytes()
    head = bytes([local.side.bit_length() - 1, *local.exponents.tolist()])
    return head + classes.tobytes() + flags + coded


def cheapest_class(values: np.ndarray, bits: np.ndarray) -> int:
    """The class under which whole numbers cost the fewest bits."""
    half = bits.shape[1] // 2
    small = np.clip(values, -half, half)
    number = np.bincount(small + half, minlength=bits.shape[1]).astype(np.float64)
    costs = bits[:SPLIT_CLASS].astype(np.float64) @ number
    return int(np.argmin(costs))
