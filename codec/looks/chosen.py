"""Looks by name: the camera's, plain, the net's, the user's own; mixes of them."""

from __future__ import annotations

import numpy as np

from ...bitstream.errors import UsageError
from ..isp.cube import Cube
from ..isp.develop import Developer, Layer, Rendering, plain_rendering
from ..isp.grid import Grid
from ..isp.settings import Settings
from . import operators, own
from .net import LookNet, base_curve, facts_of, small_input, start

CAMERA, PLAIN, AUTO = "camera", "plain", "fused"

SHIPPED = {
    "filmic": "darktable, scene-referred (filmic)",
    "film": "RawTherapee, Standard Film Curve",
    "pop": "RawTherapee, Pop 1: more contrast and colour",
    "bw": "RawTherapee, Pop 4: black and white",
    "drc": "RawTherapee, film curve and dynamic range compression: local",
    "libraw": "LibRaw, brightened",
    "fused": "exposure fusion of -2, 0, +2 EV: local; what --auto is",
    "laplacian": "local Laplacian filter: less range, more detail: local",
}
"""What each imitates."""

SMALL = 256
"""Longest side of the picture that the net's is made of, blocks."""


def names() -> dict[str, str]:
    """Every look that can be asked for, and what it is."""
    found = {CAMERA: "as the camera showed it", PLAIN: "sRGB's curve alone"} | SHIPPED
    return found | {name: "your own" for name in own.names()}


def mix(text: str) -> dict[str, float]:
    """Weights by name of "a", "a:0.5" or "a:0.5,b:0.5", in all 1: what is missing is the camera's. UsageError."""
    known = names()
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = part.strip().partition(":")
        if name not in known:
            raise UsageError(f"look {name!r}: want one of {', '.join(known)}")
        try:
            weight = float(share) if share else 1.0
        except ValueError:
            weight = -1.0
        if not 0 <= weight <= 1:
            raise UsageError(f"look {part.strip()!r}: a weight from 0 to 1 is wanted")
        found[name] = found.get(name, 0.0) + weight
    total = sum(found.values())
    if total > 1 + 1e-6:
        raise UsageError(f"look {text!r}: the weights make {total:g}, at most 1 is wanted")
    if total < 1 - 1e-6:
        found[CAMERA] = found.get(CAMERA, 0.0) + 1 - total
    return {name: weight for name, weight in found.items() if weight > 0}


def said(mix: dict[str, float], shown: bool) -> str:
    """The mix as it was made. shown: whether the camera's picture was known."""
    one = len(mix) == 1
    return ",".join((n if shown or n != CAMERA else PLAIN) + ("" if one else f":{w:g}") for n, w in mix.items())


def layers(developer: Developer, mix: dict[str, float]) -> tuple[Layer, ...]:
    """What `Developer.picture` makes the mix of. developer: its rendering is the camera's, where that is in the mix."""
    plain = plain_rendering(developer.raw)
    exposure = plain.exposure
    light = None
    found = []
    for name, weight in mix.items():
        if name in (CAMERA, PLAIN):
            found.append(Layer(weight, plain if name == PLAIN else developer.rendering))
            continue
        look = own.load(name) if name not in SHIPPED else None
        before = look.start if look else name
        grids: tuple[Grid | Cube, ...] = look.grids if look else ()
        if before not in own.STARTS:
            if light is None:
                light = Developer(developer.raw, plain).small(Settings(), SMALL)
            grids = (*maps(light, exposure, developer.light.neutral, before), *grids)
        found.append(Layer(weight, Rendering(start(before, exposure), base_curve()), grids))
    return tuple(found)


def maps(light: np.ndarray, exposure: float, neutral: np.ndarray, name: str) -> tuple[Grid | Cube, ...]:
    """What a shipped look does behind its start, in turn. light: linear sRGB, small, under the plain rendering's
    exposure, float (h, w, 3); neutral: of the light, (3,)."""
    if name in operators.OPERATORS:
        return (operators.grid_of(name, light, base_curve()(light)),)
    return LookNet.shipped().maps(small_input(light), facts_of(exposure, neutral), name)
