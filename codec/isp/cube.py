"""`.cube` files: tables of colours as programs exchange them (Adobe's Cube LUT specification 1.0, 2013)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...bitstream.errors import InputError
from .render_kernels import look_up

MOST_SIDE = 128
"""Largest table that is read, 128^3 entries, 25 MB: programs write 17 to 65. The specification allows 256."""

MOST_BYTES = 200 << 20
"""Largest file: 128^3 lines of about 90 characters at most."""


@dataclass(frozen=True)
class Cube:
    """table: float32 (n, n, n, 3), display sRGB by red, green, blue; low, high: float32 (3,), the input's range."""

    table: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """The picture, float (h, w, 3), through the table, float32, 0..1."""
        made = np.array(picture, np.float32, order="C")
        look_up(made, self.table, self.low, self.high)
        return made

    @classmethod
    def read(cls, path: str | Path) -> Cube:
        """`InputError`, naming the file and line, for what isn't a table of colours."""
        path = Path(path)
        try:
            if path.stat().st_size > MOST_BYTES:
                raise InputError(f"{path}: too large for a .cube file")
            text = path.read_text("utf-8", "replace")
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}") from error
        try:
            return cls._parsed(text)
        except ValueError as error:
            raise InputError(f"{path}: not a .cube table of colours: {error}") from error

    @classmethod
    def _parsed(cls, text: str) -> Cube:
        side, low, high = 0, [0.0] * 3, [1.0] * 3
        lines = text.splitlines()
        rows: list[str] = []
        first = 0
        for number, line in enumerate(lines, 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0][0] in "+-.0123456789":
                first = first or number
                rows.append(line.split("#")[0])
                if side and len(rows) > side**3:
                    raise ValueError(f"line {number}: more than {side}^3 entries")
                continue
            if words[0] == "LUT_1D_SIZE":
                raise ValueError("it is a table of one dimension")
            if words[0] == "LUT_3D_SIZE":
                side = int(words[1]) if len(words) == 2 and words[1].isdigit() else 0
                if not 2 <= side <= MOST_SIDE:
                    raise ValueError(f"line {number}: a side of 2 to {MOST_SIDE} is read")
            elif words[0] in ("DOMAIN_MIN", "DOMAIN_MAX"):
                found = [float(word) for word in words[1:]]
                if len(found) != 3:
                    raise ValueError(f"line {number}: three numbers are wanted")
                low, high = (found, high) if words[0] == "DOMAIN_MIN" else (low, found)
        if not side:
            raise ValueError("no LUT_3D_SIZE")
        if len(rows) != side**3:
            raise ValueError(f"{len(rows)} entries, {side}^3 = {side**3} are wanted")
        numbers = np.array([row.split() for row in rows], dtype=object)
        if numbers.ndim != 2 or numbers.shape[1] != 3:
            raise ValueError(f"from line {first} on: three numbers a line are wanted")
        table = numbers.astype(np.float32)
        low_, high_ = np.array(low, np.float32), np.array(high, np.float32)
        if not np.isfinite(table).all() or not (high_ > low_).all():
            raise ValueError("numbers that aren't finite, or an empty range")
        # red runs fastest in the file
        return cls(np.ascontiguousarray(table.reshape(side, side, side, 3).transpose(2, 1, 0, 3)), low_, high_)
