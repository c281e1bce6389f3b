"""Section BIAS: what decoded values lack in the mean, by colour and level.

Where bits are few, noise is not coded, and its mean in linear light goes with it: dark places come out darker than they
were, by a fifteenth of a noisy picture's light at 1/500 of white. The section holds the record `FIELDS`, always
`BIAS_BYTES`; what is done with it is `codec.decoder.bias`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from .fields import Field, read_record, write_record

COLOURS, KNOTS = 3, 16
NONE, MOST_SCALE = 128, 31

FIELDS = (
    Field("scale", "u8", "what the numbers count in, 2^-scale", high=MOST_SCALE),
    Field("shift", "array", "of red, green, blue, each at the levels 0, 2^-14, 2^-13 .. 1: n stands for a shift of "
          "(n - 128) 2^-scale sqrt(level + 2^-9), in shares of white - black",
          low=COLOURS * KNOTS, high=COLOURS * KNOTS, of=Field("n", "u8")),
)  # fmt: skip
BIAS_BYTES = 1 + COLOURS * KNOTS


@dataclass(frozen=True)
class Bias:
    """Every field as in `FIELDS`."""

    scale: int
    shift: tuple[int, ...]

    def to_bytes(self) -> bytes:
        """The section's bytes; ValueError where a value is out of range."""
        return write_record(FIELDS, asdict(self))

    @classmethod
    def from_bytes(cls, section: bytes) -> Bias | None:
        """Inverse of `to_bytes`; None for no section. `StreamError` for one that is damaged."""
        if not section:
            return None
        found = read_record(FIELDS, section, "bias")
        return cls(found["scale"], tuple(found["shift"]))
