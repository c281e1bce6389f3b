"""Small pictures of sensors other than Bayer's, from the scenes of `scenes`: RAW and JPEG, and DNGs of them."""

import io

import numpy as np
from PIL import Image
from rawinlay.bitstream.levels import counted
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.codec.guide.geometry import POSITION_BITS, SCALE_BITS, Geometry
from rawinlay.codec.source import cells
from scenes import Scene, light

XTRANS = ["GGRGGB", "GGBGGR", "BRGRBG", "GGBGGR", "GGRGGB", "RBGBRG"]
QUAD = ["RRGG", "RRGG", "GGBB", "GGBB"]
KINDS = ("xtrans", "quad", "cmyg", "one", "several", "half", "single")
BLACK, WHITE = 64, 4000
OF_COLOURS = {"R": [1, 0, 0], "G": [0, 1, 0], "B": [0, 0, 1], "C": [0, 0.5, 0.5], "M": [0.5, 0, 0.5],
              "Y": [0.5, 0.5, 0], "W": [0.3, 0.5, 0.2]}  # fmt: skip


def of_sensor(kind, shape=(47, 62), seed=0, noise=0.01):
    """A scene as a sensor of one of `KINDS` sees it, with its JPEG of the pixels' size."""
    rng, rgb = np.random.default_rng(seed), light(*shape, seed=seed)
    height, width = shape
    shown = np.rint(255 * np.clip(rgb * [1.1, 1.0, 1.2], 0, 1) ** 0.45).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(shown).save(out, "JPEG", quality=90)

    def seen(value):
        return value + noise * np.sqrt(value) * rng.standard_normal(value.shape)

    def numbers(value):
        return np.rint(BLACK + seen(value) * (WHITE - BLACK)).clip(0, 4095).astype(np.uint16)

    def filtered(pattern):
        colours = np.array([[OF_COLOURS[c] for c in row] for row in pattern])
        y, x = np.mgrid[:height, :width]
        return (rgb * colours[y % len(pattern), x % len(pattern[0])]).sum(-1)

    geometry, levels = Geometry(), None
    if kind == "several":
        cell, values = cells.several(height, width, "RGB"), numbers(rgb)
        geometry = Geometry(1, (-(1 << (POSITION_BITS - 2)),) * 2, (1 << (SCALE_BITS - 1),) * 2)
    elif kind == "one":
        cell, values = cells.one_colour(height, width), numbers(filtered(["W"]))
    elif kind in ("half", "single"):
        cell, number = None, {"half": np.float16, "single": np.float32}[kind]
        values, levels = counted(seen(filtered(["RG", "GB"])).astype(number))
    else:
        pattern, order = {"xtrans": (XTRANS, "RGB"), "quad": (QUAD, "RGB"), "cmyg": (["GM", "YC"], "GMCY")}[kind]
        cell, values = cells.mosaic(height, width, pattern, order), numbers(filtered(pattern))
    black, white = levels.numbers if levels else ((float(BLACK),) * 4, WHITE)
    mosaic = cell.fold(values) if cell else values
    raw = RawImage(mosaic, "RGGB", black, white, camera="Test Camera", cell=cell, levels=levels)
    return Scene(raw, out.getvalue(), geometry)
