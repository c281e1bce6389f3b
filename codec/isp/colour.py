"""Colour: light sources, a camera's colours to linear sRGB, the sRGB curve.

::

    kelvin, tint --Planck's locus--> xy --ColorMatrix, interpolated--> neutral (camera's colours of grey)
    camera RGB / neutral --`srgb_from_camera`--> linear sRGB (Rec. 709 primaries, D65) --`srgb_encode`--> sRGB

Conventions are the DNG specification's (1.7, chapter 6): ColorMatrix maps XYZ to the camera's colours, the neutral is
the camera's answer to a neutral object, its largest value 1. `codec.isp.light` finds both in a RAW's tags.
"""

from __future__ import annotations

import numpy as np

XYZ_FROM_RGB = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                         [0.0193339, 0.1191920, 0.9503041]])
"""Linear sRGB to XYZ (IEC 61966-2-1)."""

BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D65 = XYZ_FROM_RGB.sum(1)
LUMA = XYZ_FROM_RGB[1]
"""Rec. 709 luminance of linear sRGB."""

TINT_UNIT = 3000.0
"""Tint per distance of the light from Planck's locus in CIE 1960 uv, towards green, as the DNG SDK counts it: a
developer that takes the light for greener makes the picture more magenta."""

LEAST_KELVIN, MOST_KELVIN = 1667.0, 25000.0

MOST_CONDITION = 1e3
"""Condition of a colour matrix beyond which it says nothing of colours."""


def luminance(rgb: np.ndarray) -> np.ndarray:
    """Rec. 709 luminance of (..., 3), float32."""
    return (rgb @ LUMA.astype(np.float32)).astype(np.float32)


def srgb_encode(linear: np.ndarray) -> np.ndarray:
    """Linear light -> sRGB 0..1 (IEC 61966-2-1), clipped to 0..1, same shape; float32 stays so."""
    v = np.clip(linear, 0, 1)
    return np.where(v <= 0.0031308, 12.92 * v, 1.055 * np.power(v, 1 / 2.4, dtype=v.dtype) - 0.055)


def srgb_decode(encoded: np.ndarray) -> np.ndarray:
    """sRGB 0..1 -> linear 0..1 (IEC 61966-2-1), same shape."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def illuminant_xyz(kelvin: float, tint: float = 0.0) -> np.ndarray:
    """XYZ (Y = 1) of a light of 2000..25000 K: CIE daylight from 4500 K, black body below (Kim et al., 2002).

    tint adds to the chromaticity y: above 0 is greener. What a *light* is; what a slider means is `xy_of`."""
    t = 1000 / kelvin
    if kelvin >= 4500:
        k = (-4.6070, 2.9678, 0.09911, 0.244063) if kelvin <= 7000 else (-2.0064, 1.9018, 0.24748, 0.237040)
        x = ((k[0] * t + k[1]) * t + k[2]) * t + k[3]
        y = -3 * x * x + 2.87 * x - 0.275
    else:
        if kelvin < 4000:
            k, j = (-0.2661239, -0.2343589, 0.8776956, 0.179910), (-0.9549476, -1.37418593, 2.09137015, -0.16748867)
        else:
            k, j = (-3.0258469, 2.1070379, 0.2226347, 0.24039), (3.0817580, -5.8733867, 3.75112997, -0.37001483)
        x = ((k[0] * t + k[1]) * t + k[2]) * t + k[3]
        y = ((j[0] * x + j[1]) * x + j[2]) * x + j[3]
    y += tint
    return np.array([x / y, 1.0, (1 - x - y) / y])


def xy_of(kelvin: float, tint: float = 0.0) -> tuple[float, float]:
    """CIE 1931 xy of light of a correlated colour temperature and tint (above 0: greener), as raw developers mean them.

    Both are counted from Planck's locus at every temperature, so that sliders move without a jump (CIE daylight begins
    beside it). The locus is Krystek's (1985) in CIE 1960 uv, within 1e-4 from 1000 to 15 000 K.
    """
    u, v = _locus(kelvin)
    du, dv = _along(kelvin)
    off = tint / TINT_UNIT
    u, v = u - off * dv, v + off * du
    x, y = 3 * u / (2 * u - 8 * v + 4), 2 * v / (2 * u - 8 * v + 4)
    return float(x), float(y)


def temperature_of(x: float, y: float) -> tuple[float, float]:
    """(kelvin, tint) of a chromaticity: the inverse of `xy_of`, kelvin within `LEAST_KELVIN` .. `MOST_KELVIN`."""
    u, v = 4 * x / (-2 * x + 12 * y + 3), 6 * y / (-2 * x + 12 * y + 3)

    def ahead(mired: float) -> float:
        """How far along the locus the colour lies beyond a place of it, uv; falls as mired grows."""
        (u0, v0), (du, dv) = _locus(1e6 / mired), _along(1e6 / mired)
        return (u - u0) * du + (v - v0) * dv

    low, high = 1e6 / MOST_KELVIN, 1e6 / LEAST_KELVIN
    for _ in range(60):  # halves an interval of 560 mired
        middle = (low + high) / 2
        low, high = (middle, high) if ahead(middle) > 0 else (low, middle)
    kelvin = 1e6 / ((low + high) / 2)
    (u0, v0), (du, dv) = _locus(kelvin), _along(kelvin)
    return kelvin, TINT_UNIT * ((v - v0) * du - (u - u0) * dv)


def _locus(kelvin: float) -> tuple[float, float]:
    """Krystek, An algorithm to calculate correlated colour temperature, Color Research and Application 10 (1985)."""
    t = kelvin
    u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t * t) / (1 + 8.42420235e-4 * t + 7.08145163e-7 * t * t)
    v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t * t) / (1 - 2.89741816e-5 * t + 1.61456053e-7 * t * t)
    return u, v


def _along(kelvin: float) -> tuple[float, float]:
    """Unit direction of the locus towards warmer light, uv."""
    mired = 1e6 / kelvin
    (u0, v0), (u1, v1) = _locus(1e6 / (mired - 0.5)), _locus(1e6 / (mired + 0.5))
    length = float(np.hypot(u1 - u0, v1 - v0))
    return (u1 - u0) / length, (v1 - v0) / length


def camera_from_rgb(colour_matrix: np.ndarray, white: np.ndarray) -> np.ndarray:
    """Linear RGB of a scene -> camera colours (3, 3) in light of XYZ `white`: Bradford adaptation, then the matrix."""
    cone = BRADFORD @ white / (BRADFORD @ D65)
    return np.asarray(colour_matrix @ np.linalg.inv(BRADFORD) @ np.diag(cone) @ BRADFORD @ XYZ_FROM_RGB)


def srgb_from_balanced(colour_matrix: np.ndarray | None) -> np.ndarray:
    """3x3, camera RGB divided by its neutral -> linear sRGB, grey staying grey; identity without a usable matrix.

    colour_matrix: XYZ -> camera, at D65 or what is nearest. Its rows are scaled so that sRGB's white is (1, 1, 1) in
    the camera's colours, as dcraw does it: the white balance has made it so already.
    """
    if colour_matrix is None or not np.isfinite(colour_matrix).all():
        return np.eye(3)
    camera = colour_matrix @ XYZ_FROM_RGB
    white = camera.sum(1, keepdims=True)
    if np.abs(white).min() < 1e-3 or np.linalg.cond(camera / white) > MOST_CONDITION:
        return np.eye(3)
    return np.asarray(np.linalg.inv(camera / white))
