"""`Settings`: how a person wants a RAW developed; the sliders of `develop`, each with unit, range and meaning."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ...bitstream.errors import UsageError
from .colour import LEAST_KELVIN, MOST_KELVIN


@dataclass(frozen=True)
class Settings:
    """Everything at its default is the picture as the camera showed it, or plainly where no picture is known.

    ===========  =============  =========================================================================
    field        range          meaning
    ===========  =============  =========================================================================
    exposure     -8 .. 8 EV     light times 2^exposure, before any curve
    temperature  1667 .. 25000  K of the light that is to be grey; None: as shot (`codec.isp.colour.xy_of`)
    tint         -150 .. 150    its distance from Planck's locus, above 0: picture more magenta; None: shot
    contrast     -100 .. 100    an S of slope up to 2.5 in the middle of the display's range, or its inverse
    highlights   -100 .. 100    bright areas darker (below 0) or brighter by up to 2 EV, edges kept
    shadows      -100 .. 100    dark areas brighter (above 0) or darker by up to 2.5 EV, edges kept
    saturation   -100 .. 100    distance of the colours from grey, from none to twice
    ===========  =============  =========================================================================
    """

    exposure: float = 0.0
    temperature: float | None = None
    tint: float | None = None
    contrast: float = 0.0
    highlights: float = 0.0
    shadows: float = 0.0
    saturation: float = 0.0

    def __post_init__(self) -> None:
        """`UsageError` for a number out of its range."""
        for field in fields(self):
            value = getattr(self, field.name)
            low, high = RANGES[field.name]
            if value is not None and not low <= value <= high:
                raise UsageError(f"{field.name} is {value:g}, want {low:g} .. {high:g}")

    @classmethod
    def of_text(cls, text: str) -> Settings:
        """Of "exposure=+2,temperature=3000"; `UsageError` for what is none."""
        found: dict[str, float] = {}
        for word in text.split(","):
            name, is_one, value = (part.strip() for part in word.partition("="))
            if name not in RANGES or not is_one or name in found:
                raise UsageError(f"{word.strip()!r}: want NAME=NUMBER, each once, of {', '.join(RANGES)}")
            try:
                found[name] = float(value)
            except ValueError:
                raise UsageError(f"{name} is {value!r}, want a number") from None
        return cls(**found)

    @property
    def local(self) -> bool:
        """Whether anything depends on the surroundings of a pixel."""
        return bool(self.highlights or self.shadows)


RANGES = {
    "exposure": (-8.0, 8.0),
    "temperature": (LEAST_KELVIN, MOST_KELVIN),
    "tint": (-150.0, 150.0),
    **dict.fromkeys(("contrast", "highlights", "shadows", "saturation"), (-100.0, 100.0)),
}
