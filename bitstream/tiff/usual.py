"""Values of unusual types in the type that every reader takes: floats as rationals, Exif 3.0's text as plain text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..raw_image import TiffValue
from . import tiff

SIGNED = frozenset({*range(50721, 50727), 50730, 50964, 50965, 51109, 52530, 52531, 52532, 52538, 37377, 37379, 37380})
"""Rationals that may be negative, by the specifications."""
MAX_RATIONALS = 64


def as_usual(value: TiffValue, tag: int, types: Sequence[int]) -> TiffValue:
    """A tag's value in one of the TIFF types that it may have, where it says the same."""
    if value.type in types or len(value.data) != tiff.TYPE_SIZES.get(value.type, 0) * value.count:
        return value
    if value.type == tiff.UTF8 and tiff.ASCII in types:
        return TiffValue(tiff.ASCII, value.count, value.data)
    if value.type in (tiff.FLOAT, tiff.DOUBLE) and tiff.RATIONAL in types and 0 < value.count <= MAX_RATIONALS:
        atoms = np.frombuffer(value.data, "<" + tiff.ATOMS[value.type])
        if np.all(np.abs(atoms) < 1 << 20):
            kind = tiff.SRATIONAL if tag in SIGNED or min(atoms) < 0 else tiff.RATIONAL
            return tiff.pack_value(kind, *(n for atom in atoms for n in _ratio(str(atom))))
    return value


def _ratio(text: str) -> tuple[int, int]:
    """The shortest decimal number that is a float, as a ratio of 31 bits: of 0.7309 exactly that."""
    exact = Fraction(text)
    return exact.limit_denominator(max(1, (1 << 31) // (1 + math.ceil(abs(exact))) - 1)).as_integer_ratio()
