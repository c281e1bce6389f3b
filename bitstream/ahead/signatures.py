"""The types that kernels are called with: `signatures.txt`, a line each, and what a call's arguments are in its words.

A number is b1, u1 .. u8, i1 .. i8, f4 or f8; i2.3 an array of int16 with three axes, i2.3s one whose last axis has
neighbours further apart than one; ( ) are around a tuple's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

PATH = Path(__file__).with_name("signatures.txt")


def read() -> list[tuple[str, str]]:
    """Names of kernels, module:function, each with the types that it is called with."""
    lines = PATH.read_text(encoding="utf-8").splitlines()
    found = {(name, kinds) for name, _, kinds in (line.partition(" ") for line in lines if line)}
    # Of one kernel, what asks for least comes last.
    return sorted(found, key=lambda one: (one[0], one[1].count("s"), one[1]))


def write(wanted: set[tuple[str, str]]) -> None:
    """Inverse of `read`."""
    PATH.write_text("".join(f"{name} {kinds}\n" for name, kinds in sorted(wanted)), encoding="utf-8")


def described(args: tuple[Any, ...]) -> str:
    """The types of a call's arguments; `ValueError` where one is of no type that kernels take."""
    return " ".join(map(_word, args))


def _word(one: Any) -> str:
    if isinstance(one, tuple):
        return f"( {' '.join(map(_word, one))} )"
    if isinstance(one, (bool, int, float)):
        return "b1" if isinstance(one, bool) else "i8" if isinstance(one, int) else "f8"
    if isinstance(one, (np.generic, np.ndarray)):
        letters = "b1" if one.dtype == np.bool_ else f"{one.dtype.kind}{one.dtype.itemsize}"
        if not one.ndim:
            return letters
        near = one.size <= 1 or one.shape[one.ndim - 1] <= 1 or one.strides[one.ndim - 1] == one.itemsize
        return f"{letters}.{one.ndim}{'' if near else 's'}"
    raise ValueError(f"kernels take no {type(one).__name__}")
