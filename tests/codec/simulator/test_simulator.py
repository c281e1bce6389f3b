"""The camera simulator: a RAW and a JPEG of the scene, the same for the same seed, with the stated noise."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.errors import InputError, UsageError
from rawinlay.bitstream.raw_image import CFA_PHASES
from rawinlay.codec.isp import colour
from rawinlay.codec.isp.demosaic import METHODS
from rawinlay.codec.isp.denoise import METHODS as DENOISERS
from rawinlay.codec.isp.tone import filmic
from rawinlay.codec.simulator import Sensor, list_scenes, load_scene, random_crop, simulate, to_scene
from rawinlay.codec.simulator.dataset import generate, load_shot, save_shot
from rawinlay.codec.simulator.isp import ISP_CHOICES, draw_isp
from rawinlay.codec.simulator.sensor import draw_sensor, used_values

# a lens, a sensor and a processor that add nothing of their own: what is left is the light and its noise
QUIET: dict[str, Any] = {
    "blur": 0.01, "fringe": (0.0, 0.0), "vignetting": 0.0, "prnu": 0.0, "hot_pixels": 0.0, "row_noise": 0.0,
    "raw_denoise": 0.0, "curve": "none", "black_offset": 0.0, "odd_size": False, "clip_at_black": False,
}  # fmt: skip
LEVELS: dict[str, Any] = {"bits": 14, "black": (600.0, 601.0, 602.0, 603.0), "white": 15520, "clip": 16383}


def landscape(h: int = 160, w: int = 224) -> np.ndarray:
    """A scene of soft shapes, edges and a lamp, linear RGB."""
    y, x = np.mgrid[:h, :w].astype(np.float32)
    sky = np.stack([0.25 + 0.3 * y / h, 0.3 + 0.2 * y / h, 0.5 - 0.2 * y / h], -1)
    ground = np.stack([0.2 + 0.1 * np.sin(x / 3), 0.15 + 0.1 * np.sin(y / 4), 0.08 + 0 * x], -1)
    scene = np.where((y > h / 2 + 9 * np.sin(x / 20))[..., None], ground, sky)
    scene[np.hypot(y - 40, x - 50) < 6] = 12.0
    return scene.astype(np.float32)


def pixels(jpeg: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(jpeg)) as picture:
        return np.asarray(picture.convert("RGB"), np.float64)


def test_same_seed_same_shot_and_another_seed_another() -> None:
    scene = landscape()
    one, again, other = simulate(scene, 7), simulate(scene, 7), simulate(scene, 8)
    assert np.array_equal(one.raw.mosaic, again.raw.mosaic)
    assert one.jpeg == again.jpeg and one.settings == again.settings
    assert one.raw.ifd0_tags == again.raw.ifd0_tags
    assert one.jpeg != other.jpeg


def test_override_leaves_the_rest_of_the_camera_alone() -> None:
    scene = landscape()
    one, other = simulate(scene, 3, quality=90), simulate(scene, 3, quality=80)
    assert np.array_equal(one.raw.mosaic, other.raw.mosaic) and len(one.jpeg) > len(other.jpeg)
    with pytest.raises(UsageError, match="qualty"):
        simulate(scene, 3, qualty=90)


@pytest.mark.parametrize("seed", range(16))
def test_any_camera_gives_a_valid_pair_of_the_scene(seed: int) -> None:
    scene = landscape()
    shot = simulate(scene, seed, odd_size=False, distortion=0.0)
    raw, s = shot.raw, shot.settings
    assert raw.mosaic.shape == scene.shape[:2] and raw.cfa in CFA_PHASES
    assert raw.mosaic.max() <= s["clip"] <= 2 ** s["bits"] - 1 and raw.white <= s["clip"]
    picture = pixels(shot.jpeg)
    assert picture.shape == scene.shape
    json.dumps(s)
    # of the same picture: cells of the mosaic rise and fall with the JPEG's luminance, averaged over the noise
    cells = raw.mosaic.reshape(20, 8, 28, 8).mean((1, 3), dtype=np.float64)
    luma = picture.mean(-1).reshape(20, 8, 28, 8).mean((1, 3))
    dark, light = (np.argsort(np.argsort(v.ravel())) for v in (cells, luma))
    assert np.corrcoef(dark, light)[0, 1] > 0.6


@pytest.mark.parametrize("cfa", CFA_PHASES)
def test_phase_is_what_it_says(cfa: str) -> None:
    red = np.zeros((64, 64, 3), np.float32) + np.array([1.0, 0.05, 0.02], np.float32)
    shot = simulate(red, 1, cfa=cfa, iso=100, kelvin=6500.0, median=0.1, **QUIET, **LEVELS)
    net = [shot.raw.mosaic[k // 2 :: 2, k % 2 :: 2].mean() - shot.raw.black[k] for k in range(4)]
    assert np.argmax(net) == cfa.index("R")


@pytest.mark.parametrize("iso", [100, 1600, 12800])
def test_noise_follows_the_profile(iso: int) -> None:
    steps = np.repeat(np.linspace(0.02, 1, 8), 48)[:, None, None] * np.ones((1, 512, 3))
    shot = simulate(steps.astype(np.float32), 5, iso=iso, full_well=40000.0, read_noise=3.0, median=0.3, clipped=0.0,
                    **QUIET, **LEVELS)  # fmt: skip
    raw = shot.raw
    scale, offset = struct.unpack("<2d", raw.raw_tags[51041].data)
    assert np.isclose(scale, iso / 100 / 40000)
    for k in range(4):
        plane = raw.mosaic[k // 2 :: 2, k % 2 :: 2].astype(np.float64) - raw.black[k]
        plane /= raw.white - np.mean(raw.black)
        patches = plane.reshape(8, 24, 256)[:, 4:-4]
        mean, variance = patches.mean((1, 2)), patches.var((1, 2))
        unclipped = mean < 0.9
        # a variance of 4096 samples is known to 2 % (one sigma)
        np.testing.assert_allclose(variance[unclipped], (scale * mean + offset)[unclipped], rtol=0.1)


def test_lossy_curve_leaves_few_values() -> None:
    shot = simulate(landscape(), 2, **(QUIET | LEVELS | {"curve": "root", "curve_step": 0.5, "iso": 400}))
    values = np.unique(shot.raw.mosaic)
    allowed = used_values(Sensor(**{f.name: shot.settings[f.name] for f in fields(Sensor)}))
    assert np.isin(values, allowed).all() and len(allowed) < 2000 and allowed[-1] == 16383
    assert (np.diff(allowed) >= 1).all()


def test_highlights_clip_at_the_converter_above_white() -> None:
    scene = landscape()
    shot = simulate(scene, 2, iso=100, median=0.2, clipped=0.5, **QUIET, **LEVELS)
    assert shot.raw.mosaic.max() == 16383 > shot.raw.white
    assert shot.settings["clipped_share"] > 0


def test_dng_tags_undo_the_cameras_colour() -> None:
    """White balance by AsShotNeutral turns a grey card grey."""
    grey = np.full((64, 64, 3), 0.2, np.float32)
    lamp: dict[str, Any] = {"wb_error": (1.0, 1.0, 1.0), "kelvin": 3200.0, "cfa": "GRBG", "median": 0.3}
    raw = simulate(grey, 9, iso=100, **lamp, **QUIET, **LEVELS).raw
    neutral = np.array(struct.unpack("<6I", raw.ifd0_tags[50728].data)).reshape(3, 2)
    mean = {c: raw.mosaic[k // 2 :: 2, k % 2 :: 2].mean() - raw.black[k] for k, c in enumerate(raw.cfa)}
    balanced = [mean[c] / (n / d) for c, (n, d) in zip("RGB", neutral, strict=True)]
    np.testing.assert_allclose(balanced, balanced[1], rtol=0.01)


def test_libraw_renders_the_dng_in_the_jpegs_colours(tmp_path: Path) -> None:
    """Matrix and white balance in the tags are the ones by which our own JPEG was made."""
    rawpy = pytest.importorskip("rawpy")
    plain: dict[str, Any] = {
        "wb_taste": (1.0, 1.0, 1.0), "matrix_error": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        "vibrance": 0.0, "saturation": 1.0, "s_curve": (0.0,) * 4, "shoulder": 1.0, "hue_kept": 0.0,
        "local_compression": 0.0, "local_detail": 1.0, "sharpen_amount": 0.0, "distortion": 0.0, "denoise": "none",
        "vignetting_corrected": 0.0,
    }  # fmt: skip
    patches = np.random.default_rng(3).uniform(0.1, 0.6, (5, 7, 3)).repeat(32, 0).repeat(32, 1)
    daylight: dict[str, Any] = {"iso": 100, "kelvin": 6504.0, "tint": 0.0, "clipped": 0.0}
    shot = simulate(patches.astype(np.float32), 1, **daylight, **plain, **QUIET, **LEVELS)
    (tmp_path / "shot.dng").write_bytes(write_dng(shot.raw))
    with rawpy.imread(str(tmp_path / "shot.dng")) as source:
        theirs = source.postprocess(use_camera_wb=True, user_flip=0, gamma=(1, 1), output_bps=16, no_auto_bright=True)
    ours = colour.srgb_decode(pixels(shot.jpeg) / 255)
    middle = [v.reshape(5, 32, 7, 32, 3)[:, 8:24, :, 8:24].mean((1, 3)).reshape(-1, 3) for v in (theirs, ours)]
    unburnt = middle[1].max(1) < 0.95
    to_ours = np.linalg.lstsq(middle[0][unburnt], middle[1][unburnt], rcond=None)[0]
    np.testing.assert_allclose(to_ours / to_ours[1, 1], np.eye(3), atol=0.08)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_turns_the_jpeg(orientation: int) -> None:
    scene = landscape()
    exact: dict[str, Any] = {"distortion": 0.0, "odd_size": False, "subsampling": "4:4:4", "quality": 98}
    plain = pixels(simulate(scene, 4, **exact).jpeg)
    shot = simulate(scene, 4, orientation=orientation, **exact)
    turns = {1: plain, 2: plain[:, ::-1], 3: plain[::-1, ::-1], 4: plain[::-1], 5: plain.transpose(1, 0, 2)}
    turns |= {6: np.rot90(plain, -1), 7: np.rot90(plain, 2).transpose(1, 0, 2), 8: np.rot90(plain)}
    turned = turns[orientation]
    assert shot.raw.orientation == orientation
    assert np.abs(pixels(shot.jpeg) - turned).mean() < 1.5
    left = simulate(scene, 4, orientation=orientation, pixels_turned=False, distortion=0.0, odd_size=False)
    with Image.open(io.BytesIO(left.jpeg)) as picture:
        assert picture.getexif()[274] == orientation and picture.size == (scene.shape[1], scene.shape[0])


def test_crop_scale_and_odd_size() -> None:
    scene = landscape()
    assert pixels(simulate(scene, 1, odd_size=False, crop=(4, 2, 6, 8)).jpeg).shape[:2] == (150, 214)
    assert pixels(simulate(scene, 1, odd_size=False, scale=0.5).jpeg).shape[:2] == (80, 112)
    odd = simulate(scene, 1, odd_size=True)
    assert odd.raw.mosaic.shape == (159, 223) and pixels(odd.jpeg).shape[:2] == (159, 223)


def test_tone_curves_never_fall() -> None:
    for seed in range(50):
        rng = np.random.default_rng(seed)
        isp = draw_isp(rng, draw_sensor(rng))
        curve = filmic(isp.shoulder, isp.s_curve).table
        assert (np.diff(curve) >= 0).all() and curve[0] >= 0 and curve[-1] <= 1 and curve[-1] > 0.5


def test_every_kind_of_camera_is_drawn() -> None:
    sensors = [draw_sensor(np.random.default_rng(i)) for i in range(300)]
    assert {s.cfa for s in sensors} == set(CFA_PHASES)
    assert {s.bits for s in sensors} == {10, 12, 14, 16}
    assert {s.curve for s in sensors} == {"none", "root", "segments"}
    assert any(max(s.black) == 0 for s in sensors) and any(s.white < s.clip for s in sensors)
    isps = [draw_isp(np.random.default_rng(i), s) for i, s in enumerate(sensors)]
    assert {i.demosaic for i in isps} == set(METHODS) and {i.denoise for i in isps} == {"none", *DENOISERS}
    for name, choices in ISP_CHOICES.items():
        assert {getattr(i, name) for i in isps} == set(choices)
    assert min(i.quality for i in isps) == 80 and max(i.quality for i in isps) == 98


def test_shot_file_round_trip_and_damage(tmp_path: Path) -> None:
    shot = simulate(landscape(), 11)
    path = tmp_path / "shot.npz"
    save_shot(path, shot, "landscape")
    back = load_shot(path)
    assert np.array_equal(back.raw.mosaic, shot.raw.mosaic) and back.jpeg == shot.jpeg
    for name in ("cfa", "black", "white", "orientation", "camera", "ifd0_tags", "raw_tags", "exif_tags"):
        assert getattr(back.raw, name) == getattr(shot.raw, name)
    assert [p.name for p in tmp_path.iterdir()] == ["shot.npz"]
    data = path.read_bytes()
    for broken in (b"", data[: len(data) // 2], b"PK\3\4" + bytes(60)):
        path.write_bytes(broken)
        with pytest.raises(InputError):
            load_shot(path)


def test_set_is_resumable_and_the_same_again(tmp_path: Path) -> None:
    scenes = tmp_path / "scenes"
    scenes.mkdir()
    for k in range(2):
        Image.fromarray((landscape().clip(0, 1) ** 0.45 * 255).astype(np.uint8)[k:]).save(scenes / f"{k}.png")
    out = tmp_path / "shots"
    assert generate(scenes, out, 3, seed=5, size=64) == 3
    names = sorted(p.name for p in out.iterdir())
    assert names == [f"shot-{i:05d}-train.npz" for i in range(3)]
    before = load_shot(out / names[1])
    (out / names[1]).unlink()
    assert generate(scenes, out, 3, seed=5, size=64) == 1
    after = load_shot(out / names[1])
    assert np.array_equal(before.raw.mosaic, after.raw.mosaic) and before.jpeg == after.jpeg


def test_scene_folders(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no scenes"):
        list_scenes(tmp_path)
    (tmp_path / "a.png").write_bytes(b"not a picture")
    with pytest.raises(InputError, match=r"a\.png"):
        load_scene(list_scenes(tmp_path)[0], np.random.default_rng(0))
    (tmp_path / "manifest.csv").write_text("file,split\na.png,val\nmissing.png,train\n")
    assert [s.split for s in list_scenes(tmp_path)] == ["val"]
    with pytest.raises(InputError, match="split train"):
        list_scenes(tmp_path, "train")


def test_log_coded_scene_keeps_its_highlights(tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    light = np.full((40, 40, 3), 0.18, np.float32)
    light[:8] = 900.0
    octaves = np.log2(1 + 4096 * 2.0**11)
    stored = np.round(np.log2(light * 2.0**11 + 1) / octaves * 65535).astype(np.uint16)
    (tmp_path / "x.jxl").write_bytes(imagecodecs.jpegxl_encode(stored, lossless=True))
    (tmp_path / "manifest_hdr.csv").write_text("file,split\nx.jxl,train\n")
    back = load_scene(list_scenes(tmp_path)[0], np.random.default_rng(0))
    np.testing.assert_allclose(back, light, rtol=1e-3)


def test_inverse_tone_curve_opens_highlights_and_crops_fit() -> None:
    picture = (landscape().clip(0, 1) ** 0.45 * 255).astype(np.uint8)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        scene = to_scene(picture, rng)
        assert scene.dtype == np.float32 and np.isfinite(scene).all() and scene.min() >= 0
        crop = random_crop(scene, 97, rng)
        assert crop.shape == (96, 96, 3) and crop.min() >= 0
    assert max(to_scene(picture, np.random.default_rng(s)).max() for s in range(20)) > 2


def test_bundled_photo() -> None:
    pytest.importorskip("skimage", reason="scikit-image is not installed")
    from rawinlay.codec.simulator.photo import bundled_photo

    photo = bundled_photo()
    assert photo.dtype == np.uint8 and photo.shape == (400, 600, 3) and photo.std() > 30
    shot = simulate(to_scene(photo, np.random.default_rng(0)), 0, odd_size=False, distortion=0.0, saturation=1.0)
    assert np.corrcoef(pixels(shot.jpeg).mean(-1).ravel(), photo.mean(-1).ravel())[0, 1] > 0.85


@pytest.mark.parametrize("shape", [(10, 100, 3), (64, 64), (64, 64, 4)])
def test_scene_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError):
        simulate(np.zeros(shape, np.float32), 0)


@pytest.mark.parametrize("value", [0.0, 1e6])
def test_black_and_blinding_scenes_still_give_a_pair(value: float) -> None:
    shot = simulate(np.full((64, 64, 3), value, np.float32), 0, odd_size=False)
    assert pixels(shot.jpeg).shape == (64, 64, 3)
