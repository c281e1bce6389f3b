"""The shipped probability tables: integers, one per class of expected magnitude.

A class says how large a symbol is expected to be: class ``c`` stands for an expected ``|s|`` of about
``2^((c - ZERO_CLASS) / 4)``. Classes above `SPLIT_CLASS` share its upper octave's tables: their symbols are split
into a coded part ``s >> n`` and ``n`` raw low bits.

======================  ==========================================================================
array in a table file   meaning
======================  ==========================================================================
``pmf``                 uint16 (KINDS, SPLIT_CLASS, ALPHABET); every row sums to 65536, each entry >= 1
``class_of``            uint8 (53 * 16,): class of a scale by its exponent and four mantissa bits, see `SCALE_BINS`
``offset``              int8 (CLASSES, 2 REACH + 1): what a trellis value lies above its symbol, 1/64 of a step,
                        for symbols of -REACH and less to REACH and more
======================  ==========================================================================

Kind `TRELLIS` is for the symbols of `codec.stages.quantiser`, whose values lie a quarter step above them, `EXACT` for
those of lossless coding, which are symmetric. A file is read without pickle. Its SHA-256 begins with the identity by
which a stream's header names it, and which is the file's name in `entropy/models`: tables of every identity that a
release ever wrote stay there (`bitstream.runtime.registry`), `DEFAULT` is the one that this version writes.
"""

from __future__ import annotations

import functools
import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..bitstream.runtime.registry import Registry, identity_of

DEFAULT = bytes.fromhex("6c232269787520dd")
"""Identity of the tables that this version encodes with."""

REGISTRY = Registry("probability tables", Path(__file__).with_name("models"), ".npz")

CLASSES = 96
ZERO_CLASS = 52
"""Class of an expected magnitude of one."""

SPLIT_CLASS = 68
"""First class whose symbols are split; its expected magnitude is 16."""

HALF = 64
"""Largest magnitude in the alphabet; it stands for itself and everything beyond (an escape)."""

ESCAPE_BITS = 20
"""Uniform bits that follow an escape: by how much the symbol's magnitude is larger."""

ALPHABET = 2 * HALF + 1
TOTAL = 1 << 16
SCALE_BITS = 16
"""Fraction bits of a scale."""

OFFSET_UNIT = 64
REACH = 3
TRELLIS, EXACT = 0, 1
KINDS = 2

MANTISSA_BITS = 4
SCALE_BINS = 53 << MANTISSA_BITS
"""A scale is a whole number below 2^53, held in a float64. Its bin is its exponent and the first four bits of its
mantissa, which are the float's own bits: ``(bits >> 48) - (1023 << 4)``, or 0 for a scale of zero."""


@dataclass(frozen=True)
class Tables:
    """Tables of one model; see the module's table. identity: first 8 bytes of the file's SHA-256."""

    pmf: np.ndarray
    class_of: np.ndarray
    offset: np.ndarray
    identity: bytes

    def bits(self, kind: int) -> np.ndarray:
        """Code length of each symbol of the alphabet, float32 (CLASSES, ALPHABET): raw low bits and what follows an
        escape included."""
        length = -np.log2(self.pmf[kind].astype(np.float64) / TOTAL)
        length[:, [0, -1]] += ESCAPE_BITS
        return np.stack([length[table_of(c)] + split_bits(c) for c in range(CLASSES)]).astype(np.float32)


def split_bits(c: int) -> int:
    """Raw low bits of the symbols of class c."""
    return 0 if c < SPLIT_CLASS else (c - SPLIT_CLASS) // 4 + 1


def table_of(c: int) -> int:
    """Row of `Tables.pmf` of class c."""
    return c if c < SPLIT_CLASS else SPLIT_CLASS - 4 + (c - SPLIT_CLASS) % 4


def class_table() -> np.ndarray:
    """Class of each bin of scales: the one whose magnitude is nearest to the bin's middle on the log scale."""
    exponent, mantissa = np.divmod(np.arange(SCALE_BINS), 1 << MANTISSA_BITS)
    scale = 2.0**exponent * (1 + (mantissa + 0.5) / (1 << MANTISSA_BITS)) / (1 << SCALE_BITS)
    return np.clip(np.rint(4 * np.log2(scale) + ZERO_CLASS), 0, CLASSES - 1).astype(np.uint8)


def to_bytes(pmf: np.ndarray, offset: np.ndarray) -> bytes:
    """The bytes of a table file."""
    out = io.BytesIO()
    np.savez(out, pmf=pmf.astype(np.uint16), class_of=class_table(), offset=offset.astype(np.int8))
    return out.getvalue()


def parse(data: bytes) -> Tables:
    """Tables from the bytes of a table file; ValueError where they are not tables."""
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as z:
            pmf, class_of, offset = z["pmf"].astype(np.int64), z["class_of"], z["offset"]
    except (KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"no table file: {error}") from error
    if class_of.dtype != np.uint8 or offset.dtype != np.int8:
        raise ValueError("the table file has other types than this version reads")
    shapes = pmf.shape, class_of.shape, offset.shape
    if shapes != ((KINDS, SPLIT_CLASS, ALPHABET), (SCALE_BINS,), (CLASSES, 2 * REACH + 1)):
        raise ValueError("the table file has other shapes than this version reads")
    if (pmf < 1).any() or (pmf.sum(2) != TOTAL).any() or class_of.max() >= CLASSES:
        raise ValueError("the table file's probabilities do not add up")
    return Tables(pmf, class_of, offset, identity_of(data))


def load(identity: bytes | None = None) -> Tables:
    """The tables that a stream's header names, or those of `DEFAULT`; read once. `StreamError` where they are not here.
    """
    return _load(identity or DEFAULT)


@functools.cache
def _load(identity: bytes) -> Tables:
    return parse(REGISTRY.read(identity))
