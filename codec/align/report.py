"""A geometry in words."""

from __future__ import annotations

import numpy as np

from ..guide.geometry import POSITION_BITS, SCALE_BITS, Geometry
from ..guide.projection import LENS_BITS, LINEAR_BITS, VANISH_BITS, Projection


def describe(geometry: Geometry, db: float) -> str:
    """Where a JPEG lies: how it is turned, shifted and scaled, and what else was done to it."""
    parts = [f"orientation {geometry.orientation}"]
    if geometry.projection is not None:
        parts += _projected(geometry.projection)
    else:
        offset = ", ".join(f"{-v / (1 << POSITION_BITS):.6g}" for v in geometry.offset)
        scale = " x ".join(f"{v / (1 << SCALE_BITS):.5g}" for v in geometry.scale)
        parts += [f"offset {offset} px", f"scale {scale}"]
    return ", ".join([*parts, f"fit {db:.1f} dB"])


def _projected(projection: Projection) -> list[str]:
    a, b, c, d = (v / (1 << LINEAR_BITS) for v in projection.linear)
    middle = ", ".join(f"{v / (1 << POSITION_BITS):.6g}" for v in projection.middle)
    parts = [f"middle at {middle} px", f"scale {np.hypot(a, c):.5g} x {np.hypot(b, d):.5g}"]
    angle = float(np.degrees(np.arctan2(c - b, a + d)))
    if abs(angle) >= 0.005:
        parts.append(f"turned by {angle:.2f} degrees")
    tilt = float(np.hypot(*projection.vanish)) / (1 << VANISH_BITS)
    if tilt >= 5e-4:
        parts.append(f"perspective of {200 * tilt:.1f} %")
    lens = sum(projection.lens) / (1 << LENS_BITS)
    if any(projection.lens):
        parts.append(f"distortion of {100 * lens:+.1f} %")
    if any(projection.chromatic):
        parts.append("red and blue apart")
    return parts
