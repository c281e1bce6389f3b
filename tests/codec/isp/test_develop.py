"""codec.isp.develop and what it is made of: settings do what they say, borders and bands don't show."""

import dataclasses

import numpy as np
import pytest
from landscape import landscape
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.bitstream.raw_image import RawImage
from rawinlay.bitstream.tiff.tiff import RATIONAL, SRATIONAL, pack_value
from rawinlay.codec.isp import demosaic, local, tone
from rawinlay.codec.isp.colour import srgb_encode, srgb_from_balanced
from rawinlay.codec.isp.cube import Cube
from rawinlay.codec.isp.develop import BAND, Developer, Rendering
from rawinlay.codec.isp.light import Light
from rawinlay.codec.isp.settings import RANGES, Settings
from rawinlay.codec.isp.shown import rendering_of
from rawinlay.codec.mosaic.turn import turn
from rawinlay.codec.source import cells
from scenes import light
from sensors import OF_COLOURS, of_sensor

MATRIX = [0.75, -0.22, -0.06, -0.45, 1.25, 0.22, -0.10, 0.22, 0.56]


def tag(kind, values):
    return pack_value(kind, *(n for value in values for n in (round(value * 10000), 10000)))


def photo(shape=(2 * BAND + 37, 203), cfa="GRBG", orientation=1):
    """A mosaic of a landscape, black 200, white 4200, a little noisy."""
    scene = landscape(*shape)
    mosaic = np.empty(shape, np.float32)
    for site, name in enumerate(cfa):
        at = np.s_[site // 2 :: 2, site % 2 :: 2]
        mosaic[at] = scene[at][..., "RGB".index(name)] * {"R": 0.6, "G": 1.0, "B": 0.7}[name]
    mosaic = 200 + 4000 * mosaic + np.random.default_rng(0).normal(0, 8, shape)
    tags = {50728: tag(RATIONAL, [0.6, 1.0, 0.7]), 50721: tag(SRATIONAL, MATRIX)}
    return RawImage(mosaic.round().clip(0, 65535).astype(np.uint16), cfa, (200.0,) * 4, 4200, orientation=orientation,
                    ifd0_tags=tags)  # fmt: skip


PLAIN = Rendering(0.0, tone.plain())


@pytest.mark.parametrize("cfa", ["RGGB", "GBRG"])
@pytest.mark.parametrize("shape", [(2 * BAND + 37, 203), (8, 8), (9, 130)])
def test_picture_by_plain_arrays(cfa, shape):
    """The same steps on whole arrays: every band, border and colour comes out within a rounding."""
    raw = photo(shape, cfa)
    light = Light.of(raw)
    balanced = np.empty(shape, np.float32)
    for site, name in enumerate(cfa):
        at = np.s_[site // 2 :: 2, site % 2 :: 2]
        balanced[at] = np.minimum((raw.mosaic[at] - 200.0) / 4000 / light.neutral["RGB".index(name)], 1)
    linear = demosaic.edge_directed(balanced, cfa) @ srgb_from_balanced(light.daylight()).T * 2**0.5
    wanted = 255 * srgb_encode(linear)
    found = Developer(raw, PLAIN).picture(Settings(exposure=0.5))
    assert found.shape == (*shape, 3) and np.abs(found - wanted).max() < 0.75
    deep = Developer(raw, PLAIN).picture(Settings(exposure=0.5), bits=16)
    assert deep.dtype == np.uint16 and np.abs(deep / 257 - wanted).max() < 0.3


def test_sliders_do_what_they_say():
    developer = Developer(photo(), PLAIN)
    base = developer.picture().astype(float)

    def mean(**settings):
        return developer.picture(Settings(**settings)).astype(float)

    assert mean(exposure=1).mean() > base.mean() + 20 > base.mean() > mean(exposure=-1).mean() + 20
    warm, cold = mean(temperature=9000), mean(temperature=3500)
    assert (warm[..., 0] - warm[..., 2]).mean() > (cold[..., 0] - cold[..., 2]).mean() + 10
    assert mean(tint=60)[..., 1].mean() + 5 < mean(tint=-60)[..., 1].mean()
    assert np.ptp(mean(saturation=-100), axis=-1).max() <= 1
    assert np.ptp(mean(saturation=60), axis=-1).mean() > np.ptp(base, axis=-1).mean() * 1.3
    assert mean(contrast=80).std() > base.std() > mean(contrast=-80).std()
    dark, bright = base.mean(-1) < np.quantile(base, 0.2), base.mean(-1) > np.quantile(base, 0.8)
    lifted, held = mean(shadows=100).mean(-1), mean(highlights=-100).mean(-1)
    plain = base.mean(-1)
    assert (lifted - plain)[dark].mean() > 5 + (lifted - plain)[bright].mean()
    assert (plain - held)[bright].mean() > 10 + (plain - held)[dark].mean()


def test_local_changes_keep_the_order_of_tones():
    for shadows in (-100, 0, 100):
        for highlights in (-100, 0, 100):
            change = local.change(Settings(shadows=shadows, highlights=highlights))
            step = (local.BRIGHTEST - local.DARKEST) / (local.ENTRIES - 1)
            assert (np.diff(change) >= -step * 1.0001).all() and np.abs(change).max() <= 2.5


@pytest.mark.parametrize("name", RANGES)
def test_settings_out_of_range(name):
    low, high = RANGES[name]
    for value in (low - 1, high + 1, float("nan")):
        with pytest.raises(UsageError, match=name):
            Settings(**{name: value})
    Settings(**{name: high}), Settings(**{name: low})


def test_contrast_and_its_inverse_cancel():
    for contrast in (20, 100):
        there, back = tone.contrast_table(contrast, 4096), tone.contrast_table(-contrast, 4096)
        x = np.linspace(0, 1, 4096)
        np.testing.assert_allclose(np.interp(there, x, back), x, atol=2e-3)
    assert np.diff(tone.contrast_table(100)).min() > 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_as_pillow_turns_it(orientation):
    from PIL import Image, ImageOps

    image = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    other = Image.fromarray(image)
    other.getexif()[274] = orientation
    assert np.array_equal(turn(image, orientation), np.asarray(ImageOps.exif_transpose(other)))


def test_as_the_camera_showed_it():
    """A curve and a saturation that are known come back from the pair."""
    raw = photo()
    curve = tone.filmic(3.0, (-0.03, -0.04, 0.0, 0.04)).then(tone.contrast_table(30))
    truth = Rendering(0.0, tone.ToneCurve(curve(np.linspace(0, 1, tone.TABLE) ** 2)), 1.2)
    shown = Developer(raw, truth).picture().astype(np.float64) / 255
    developer = Developer(raw, PLAIN)
    linear = developer.small(Settings())
    h, w = linear.shape[:2]
    rows, cols = shown.shape[0] // h, shown.shape[1] // w
    small = shown[: h * rows, : w * cols].reshape(h, rows, w, cols, 3).mean((1, 3))
    found = rendering_of(linear, small)
    again = Developer(raw, found).picture().astype(np.float64) / 255
    assert np.abs(again - shown).mean() < 0.008  # 2 of 255; plainly it is 10
    assert np.abs(Developer(raw, PLAIN).picture() / 255 - shown).mean() > 0.04
    nothing = rendering_of(linear[:1, :1], small[:1, :1])
    assert np.array_equal(nothing.curve.table, tone.plain().table)


def cube_text(side, change=lambda v: v, head=""):
    ramp = np.linspace(0, 1, side)
    rows = [change(np.array([r, g, b])) for b in ramp for g in ramp for r in ramp]
    return head + f"TITLE \"t\"\nLUT_3D_SIZE {side}\n" + "".join(f"{r:.6f} {g:.6f} {b:.6f}\n" for r, g, b in rows)


def test_tables_of_colours(tmp_path):
    path = tmp_path / "look.cube"
    raw = photo((40, 48))
    developer = Developer(raw, PLAIN)
    plain = developer.picture().astype(int)
    path.write_text("# comment\n" + cube_text(5))
    assert np.abs(developer.picture(cube=Cube.read(path)).astype(int) - plain).max() <= 1
    path.write_text(cube_text(3, lambda v: v[::-1]))  # red and blue change places
    assert np.abs(developer.picture(cube=Cube.read(path)).astype(int) - plain[..., ::-1]).max() <= 1
    path.write_text(cube_text(2, lambda v: v * [0.5, 1, 1], "DOMAIN_MIN 0 0 0\nDOMAIN_MAX 1 1 1\n"))
    assert np.abs(developer.picture(cube=Cube.read(path))[..., 0] - plain[..., 0] / 2).max() <= 1


@pytest.mark.parametrize("text", ["", "LUT_1D_SIZE 4\n0 0 0\n", "LUT_3D_SIZE 900\n", "LUT_3D_SIZE two\n",
                                  "LUT_3D_SIZE 2\n" + "0 0 0\n" * 7, "LUT_3D_SIZE 2\n" + "0 0 0\n" * 9,
                                  "LUT_3D_SIZE 2\n" + "0 0\n" * 8, "LUT_3D_SIZE 2\n" + "0 0 inf\n" * 8,
                                  "LUT_3D_SIZE 2\n" + "0 0 .x\n" * 8,
                                  "DOMAIN_MAX 0 0 0\nLUT_3D_SIZE 2\n" + "0 0 0\n" * 8,
                                  "DOMAIN_MAX 1\nLUT_3D_SIZE 2\n" + "0 0 0\n" * 8, "\x00\xff" * 100])  # fmt: skip
def test_what_is_no_table_of_colours(tmp_path, text):
    path = tmp_path / "bad.cube"
    path.write_text(text)
    with pytest.raises(InputError, match=r"bad\.cube: not a \.cube"):
        Cube.read(path)


def test_developments_of_a_file_without_colours():
    raw = dataclasses.replace(photo((16, 16)), ifd0_tags={})
    assert Developer(raw).picture(Settings(temperature=3000, shadows=50)).shape == (16, 16, 3)


@pytest.mark.parametrize("kind", ["xtrans", "quad", "several", "half", "one", "cmyg"])
def test_every_sensor_is_developed(kind):
    shot = of_sensor(kind, noise=0.0)
    developer = Developer(shot.raw, PLAIN)
    picture = developer.picture().astype(float)
    small = developer.small(Settings(), 16)
    assert picture.shape == (*shot.raw.size, 3) and small.shape[:2] == (11, 15)
    scene = light(*shot.raw.size)
    if kind == "one":
        assert np.ptp(picture, axis=-1).max() == 0
        scene = np.repeat((scene @ OF_COLOURS["W"])[..., None], 3, -1)
    elif kind == "cmyg":
        return  # what is sRGB depends on a camera's matrix, and this one has none
    off = np.abs(picture - 255 * srgb_encode(np.minimum(scene, 1)))[4:-4, 4:-4]
    assert off.mean() < {"several": 0.5, "one": 0.5}.get(kind, 8)  # sixty pixels across, edges of three colours


def test_a_sensor_is_demosaicked_once():
    shot = of_sensor("quad")
    assert Developer(shot.raw, PLAIN).sensor is Developer(shot.raw).sensor
    four = dataclasses.replace(shot.raw, cell=cells.several(8, 8, "RGBW"), mosaic=np.zeros((16, 16), np.uint16))
    with pytest.raises(InputError, match="four values a pixel"):
        Developer(four)
