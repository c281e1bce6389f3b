"""Cameras' colours: response matrices around published ones, and the DNG tags that describe them."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence

import numpy as np

from ...bitstream.raw_image import TiffValue

# ColorMatrix at D65 as published in those cameras' DNGs, x 10000, row by row.
PUBLISHED_MATRICES = (
    (7457, -671, -937, -4849, 12495, 2643, -1213, 2354, 5492),
    (6722, -635, -963, -4287, 12460, 2028, -908, 2162, 5668),
    (9602, -3823, -937, -2984, 11495, 1675, -407, 1415, 5049),
    (6988, -1384, -714, -5631, 13410, 2447, -1485, 2204, 7318),
    (9943, -3269, -839, -5323, 13269, 2259, -1198, 2083, 7557),
    (9020, -2890, -715, -4535, 12436, 2348, -934, 1919, 7086),
    (7687, -1984, -606, -4327, 11928, 2721, -1381, 2339, 6452),
    (8380, -2630, -639, -2887, 10725, 2496, -627, 1427, 5438),
    (7564, -2263, -606, -3148, 11239, 2177, -540, 1435, 4853),
    (8844, -3538, -768, -3709, 11762, 2200, -698, 1792, 5220),
    (9744, -3905, -779, -4899, 12807, 2324, -798, 1630, 5827),
    (8713, -2833, -743, -4342, 11900, 2772, -722, 1543, 6247),
    (8651, -2754, -1057, -3464, 12207, 1373, -568, 1398, 4434),
    (7374, -2389, -551, -5435, 13162, 2519, -1006, 1795, 6552),
    (11086, -4555, -839, -3512, 11310, 2517, -815, 1341, 5940),
    (11673, -4760, -1041, -3988, 12058, 2166, -771, 1417, 5569),
)

ASCII, SHORT, LONG, RATIONAL, SRATIONAL, DOUBLE = 2, 3, 4, 5, 10, 12


def draw_colour_matrix(rng: np.random.Generator) -> np.ndarray:
    """A plausible XYZ -> camera matrix (3, 3): a mix of two published ones, each entry off by a few percent."""
    a, b = rng.choice(len(PUBLISHED_MATRICES), 2, replace=False)
    t = rng.uniform(0, 0.6)
    matrix = np.reshape(PUBLISHED_MATRICES[a], (3, 3)) * (1 - t) + np.reshape(PUBLISHED_MATRICES[b], (3, 3)) * t
    return np.asarray(np.round(matrix * rng.normal(1, 0.03, (3, 3))) / 10000)


def rational(values: Sequence[float], signed: bool = False, denominator: int = 10000) -> TiffValue:
    """TIFF RATIONAL or SRATIONAL with one denominator."""
    code = "<" + ("ii" if signed else "II") * len(values)
    pairs = [v for x in values for v in (round(x * denominator), denominator)]
    return TiffValue(SRATIONAL if signed else RATIONAL, len(values), struct.pack(code, *pairs))


def text(value: str) -> TiffValue:
    """TIFF ASCII, ended by a zero."""
    data = value.encode("ascii") + b"\0"
    return TiffValue(ASCII, len(data), data)


def colour_tags(colour_matrix: np.ndarray, neutral: np.ndarray, make: str, model: str) -> Mapping[int, TiffValue]:
    """IFD0 tags by which a RAW program renders this camera."""
    return {
        271: text(make),
        272: text(model),
        50708: text(f"{make} {model}"),  # UniqueCameraModel
        50721: rational(list(colour_matrix.ravel()), signed=True),  # ColorMatrix1
        50727: rational([1, 1, 1]),  # AnalogBalance
        50728: rational(list(neutral / neutral.max()), denominator=1_000_000),  # AsShotNeutral
        50730: rational([0.0], signed=True),  # BaselineExposure, EV
        50778: TiffValue(SHORT, 1, struct.pack("<H", 21)),  # CalibrationIlluminant1: D65
    }


def noise_profile_tag(scale: float, offset: float) -> TiffValue:
    """NoiseProfile for all planes alike: variance = scale * x + offset, x in 0..1 from black to white level."""
    return TiffValue(DOUBLE, 2, struct.pack("<2d", scale, offset))


def exif_tags(iso: int, seconds: float, aperture: float) -> Mapping[int, TiffValue]:
    """Exif tags of the exposure."""
    return {
        33434: rational([seconds], denominator=1_000_000),
        33437: rational([aperture], denominator=10),
        34855: TiffValue(SHORT, 1, struct.pack("<H", min(iso, 65535))),
    }


def exposure_seconds(iso: int, median: float) -> float:
    """A shutter time that could have led to this median (0..1 of white) at this ISO; only for the Exif tag."""
    return min(30.0, max(1 / 8000, 2.0 ** round(math.log2(median / 0.05 * 100 / iso)) / 30))
