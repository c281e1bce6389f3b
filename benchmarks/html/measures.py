"""What is measured of a decoded mosaic, for tables and curves: where it stands in a row, its name, its unit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .checked import number


@dataclass(frozen=True)
class Measure:
    """path: keys from the row down to the value. group, column: the heads of a table.

    better: +1 where more is better, -1 where less is.
    endless: whether null in the row stands for infinite, "nothing differs"; otherwise it is a missing value.
    """

    path: tuple[str, ...]
    group: str
    column: str
    unit: str
    digits: int
    better: int = 1
    endless: bool = False

    @property
    def title(self) -> str:
        """The whole name for people: "PSNR, linear"."""
        return f"{self.group}, {self.column}"

    @property
    def name(self) -> str:
        """A name fit for an id: "edits-curve-psnr"."""
        return "-".join(self.path)

    def of(self, row: Mapping[str, Any]) -> float:
        """The value in a row: infinite where nothing differs, NaN where there is none or what is there is no number."""
        value: Any = row
        for part in self.path:
            if not isinstance(value, Mapping) or part not in value:
                return math.nan
            value = value[part]
        if value is None and self.endless:
            return math.inf
        return number(value)

    def text(self, value: float) -> str:
        """The value for people, without its unit; "–" for none."""
        if math.isnan(value):
            return "–"
        return "exact" if math.isinf(value) else f"{value:.{self.digits}f}"


EDITS = {
    "as_shot": "as shot",
    "plus2ev": "+2 EV",
    "warm_minus1ev": "−1 EV, warmer",
    "curve": "strong tone curve",
}
"""The developments that `eval.edits` makes."""

PSNR = Measure(("psnr",), "PSNR", "linear", "dB", 2, endless=True)
MEASURES = (
    PSNR,
    Measure(("psnr_companded",), "PSNR", "square root", "dB", 2, endless=True),
    Measure(("ssim",), "SSIM", "packed planes", "", 4),
    *(Measure(("edits", edit, "psnr"), "sRGB PSNR", how, "dB", 2, endless=True) for edit, how in EDITS.items()),
    *(Measure(("edits", edit, "ciede2000"), "CIEDE2000", how, "", 3, better=-1) for edit, how in EDITS.items()),
    Measure(("max_error",), "error", "largest", "DN", 0, better=-1),
)
