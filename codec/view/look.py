"""A developer as numbers: all that the page needs to develop like it, without asking again while a slider moves."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

from ..isp import colour, local, tone
from ..isp.develop import Developer
from ..isp.light import LEAST_PART
from ..isp.settings import RANGES


def look_of(developer: Developer) -> dict[str, Any]:
    """For JSON. curve: float32 by the root of light from 0 to top; matrices: XYZ -> camera with their kelvin; neutral:
    as shot; blocks: rows and columns of `blocks_of`."""
    light, rendering = developer.light, developer.rendering
    shot = light.as_shot()
    return {
        "exposure": rendering.exposure, "saturation": rendering.saturation, "top": rendering.curve.top,
        "curve": _text(rendering.curve.table), "neutral": light.neutral.tolist(),
        "matrices": [{"kelvin": kelvin, "matrix": matrix.reshape(-1).tolist()} for kelvin, matrix in light.matrices],
        "kelvin": shot[0] if shot else None, "tint": shot[1] if shot else None,
        "blocks": list(blocks_of(developer).shape[:2]), "constants": CONSTANTS,
    }  # fmt: skip


def blocks_of(developer: Developer) -> np.ndarray:
    """Camera RGB of the small picture that local tone looks at, not balanced, float32 (h, w, 3)."""
    return np.ascontiguousarray(developer.blocks(np.ones(3), local.SIDE), np.float32)


def _text(table: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(table, "<f4").tobytes()).decode()


CONSTANTS: dict[str, Any] = {
    "ranges": {name: list(between) for name, between in RANGES.items()},
    "radius": local.RADIUS, "edge": local.EDGE, "darkest": local.DARKEST, "brightest": local.BRIGHTEST,
    "entries": local.ENTRIES, "shadows": local.SHADOWS, "highlights": local.HIGHLIGHTS, "floor": local.FLOOR,
    "logTop": local.LOG_TOP, "slope": tone.SLOPE, "xyzFromRgb": colour.XYZ_FROM_RGB.reshape(-1).tolist(),
    "tintUnit": colour.TINT_UNIT, "leastKelvin": colour.LEAST_KELVIN, "mostKelvin": colour.MOST_KELVIN,
    "mostCondition": colour.MOST_CONDITION, "leastPart": LEAST_PART,
}  # fmt: skip
"""What the page's half of the developer (`page/develop.js`) shares with this one."""
