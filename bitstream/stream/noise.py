"""Section NOIS: the sensor's noise, and how much of it is missing in the decoded mosaic.

Nothing of the mosaic depends on it: the profile is for the DNG, the rest is what `decode --grain` puts back
(`codec.decoder.grain`). The section holds the record `FIELDS`, which always takes `NOISE_BYTES`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ..errors import StreamError
from .fields import Field, read_record, write_record

PLANES, COLOURS, KNOTS = 4, 3, 16
PROFILE_UNIT, PROFILE_ONE = 256, 10240
GRAIN_UNIT, GRAIN_ONE = 16, 255
MOST_TAP = 128

FIELDS = (
    Field("profile", "array", "variance of the planes R, G1, G2, B in shares of white - black: of each the part that "
          "grows with the level, and the constant one; n stands for 2^((n - 10240) / 256), 0 for none",
          low=2 * PLANES, high=2 * PLANES, of=Field("n", "u16", high=PROFILE_ONE)),
    Field("missing", "array", "deviation of the noise that is missing, of red, green, blue, each at the levels 0, "
          "2^-14, 2^-13 .. 1; n stands for 2^((n - 255) / 16) of white - black, 0 for none",
          low=COLOURS * KNOTS, high=COLOURS * KNOTS, of=Field("n", "u8", high=GRAIN_ONE)),
    Field("across", "u8", "how alike neighbours in a row of a plane are: the filter n, 256, n", high=MOST_TAP),
    Field("down", "u8", "the same in a column", high=MOST_TAP),
)  # fmt: skip
NOISE_BYTES = 4 * PLANES + COLOURS * KNOTS + 2


@dataclass(frozen=True)
class CarriedNoise:
    """Every field as in `FIELDS`."""

    profile: tuple[int, ...]
    missing: tuple[int, ...] = (0,) * (COLOURS * KNOTS)
    across: int = 0
    down: int = 0

    def to_bytes(self) -> bytes:
        """The section's bytes; ValueError where a value is out of range."""
        return write_record(FIELDS, asdict(self))

    @classmethod
    def from_bytes(cls, section: bytes) -> CarriedNoise | None:
        """Inverse of `to_bytes`; None for no section, or one of a form that is not known here."""
        try:
            found = read_record(FIELDS, section, "noise")
        except StreamError:
            return None
        return cls(tuple(found["profile"]), tuple(found["missing"]), found["across"], found["down"])
