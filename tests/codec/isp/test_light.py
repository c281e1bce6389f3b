"""codec.isp.colour, light: temperatures and neutrals, against published values and colour-science."""

import numpy as np
import pytest
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.bitstream.tiff.tiff import RATIONAL, SHORT, SRATIONAL, pack_value
from rawinlay.codec.isp import colour
from rawinlay.codec.isp.light import Light

WARM = [[0.90, -0.30, -0.05], [-0.55, 1.40, 0.15], [-0.10, 0.25, 0.60]]
COOL = [[0.75, -0.22, -0.06], [-0.45, 1.25, 0.22], [-0.10, 0.22, 0.56]]


def numbers(kind, values):
    return pack_value(kind, *(n for value in np.ravel(values) for n in (round(value * 100000), 100000)))


def raw(**tags):
    names = {"neutral": 50728, "xy": 50729, "m1": 50721, "m2": 50722, "i1": 50778, "i2": 50779}
    packed = {names[k]: pack_value(SHORT, v) if k in ("i1", "i2") else
              numbers(SRATIONAL if k in ("m1", "m2") else RATIONAL, v) for k, v in tags.items()}  # fmt: skip
    return RawImage(np.zeros((4, 4), np.uint16), "RGGB", (0.0,) * 4, 4095, orientation=1, ifd0_tags=packed)


@pytest.mark.parametrize("kelvin", [1700, 2200, 2856, 4000, 5000, 6504, 9000, 15000, 24000])
@pytest.mark.parametrize("tint", [-100, -7, 0, 30, 140])
def test_temperature_there_and_back(kelvin, tint):
    assert colour.temperature_of(*colour.xy_of(kelvin, tint)) == pytest.approx((kelvin, tint), rel=1e-4, abs=0.02)


def test_temperatures_of_known_lights():
    """Illuminant A lies on the locus at 2856 K; D65 has 6504 K and lies on its green side, Duv 0.0032."""
    kelvin, tint = colour.temperature_of(0.44757, 0.40745)
    assert kelvin == pytest.approx(2856, rel=0.003) and abs(tint) < 1
    kelvin, tint = colour.temperature_of(0.31272, 0.32903)
    assert kelvin == pytest.approx(6504, rel=0.003) and tint == pytest.approx(0.0032 * colour.TINT_UNIT, abs=1)


def test_temperatures_are_those_of_another_library():
    other = pytest.importorskip("colour", reason="colour-science is not installed")
    for kelvin in (2000, 3200, 5000, 7500, 12000):
        for duv in (-0.01, 0.0, 0.01):
            uv = other.temperature.CCT_to_uv_Ohno2013(np.array([kelvin, duv]))
            xy = other.UCS_uv_to_xy(uv)
            found = colour.temperature_of(*xy)
            assert found == pytest.approx((kelvin, duv * colour.TINT_UNIT), rel=0.01, abs=0.6)


def test_curves_of_srgb_are_those_of_another_library():
    other = pytest.importorskip("colour", reason="colour-science is not installed")
    x = np.linspace(0, 1, 1001)
    np.testing.assert_allclose(colour.srgb_encode(x), other.models.eotf_inverse_sRGB(x), atol=1e-6)
    np.testing.assert_allclose(colour.srgb_decode(x), other.models.eotf_sRGB(x), atol=1e-6)


def test_neutral_of_tags():
    assert Light.of(raw()).neutral.tolist() == [1, 1, 1] and Light.of(raw()).as_shot() is None
    assert Light.of(raw(neutral=[0.5, 1.0, 0.25])).neutral == pytest.approx([0.5, 1, 0.25])
    by_xy = Light.of(raw(xy=[0.3127, 0.3290], m1=COOL, i1=21)).neutral
    seen = np.array(COOL) @ [0.3127 / 0.3290, 1, (1 - 0.3127 - 0.3290) / 0.3290]
    assert by_xy == pytest.approx(seen / seen.max(), rel=1e-3)


@pytest.mark.parametrize("kelvin, tint", [(2900, 0), (3500, 12), (5200, -8), (6400, 3)])
def test_temperature_as_shot_is_found_between_two_matrices(kelvin, tint):
    light = Light.of(raw(m1=WARM, i1=17, m2=COOL, i2=21, neutral=[1, 1, 1]))
    wanted = light.neutral_for(kelvin, tint)
    again = Light.of(raw(m1=WARM, i1=17, m2=COOL, i2=21, neutral=wanted))
    assert again.as_shot() == pytest.approx((kelvin, tint), rel=2e-3, abs=0.5)
    assert light.matrix(2850) == pytest.approx(np.array(WARM)) and light.matrix(9000) == pytest.approx(np.array(COOL))


def test_warmer_settings_make_a_warmer_picture():
    light = Light.of(raw(m1=COOL, i1=21, neutral=[0.5, 1.0, 0.7]))
    cold, warm = light.neutral_for(4000, 0), light.neutral_for(8000, 0)
    assert warm[0] / warm[2] < cold[0] / cold[2]  # divided by it, red gains and blue loses


@pytest.mark.parametrize("bad", [[[0] * 3] * 3, [[1, 1, 1]] * 3, [[-1, 0, 0], [0, -1, 0], [0, 0, -1]]])
def test_matrices_that_say_nothing(bad):
    light = Light.of(raw(m1=bad, neutral=[0.5, 1, 0.5]))
    assert np.isfinite(light.neutral_for(5000, 0)).all()
    assert np.isfinite(colour.srgb_from_balanced(light.daylight())).all()
    light.as_shot()
