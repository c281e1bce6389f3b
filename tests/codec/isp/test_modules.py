"""codec.isp.modules_torch: each module is the whole files' step, or another library's, and has true gradients."""

import io

import numpy as np
import pytest
from landscape import landscape
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.codec.isp import local, tone
from rawinlay.codec.isp.colour import srgb_from_balanced
from rawinlay.codec.isp.demosaic import malvar
from rawinlay.codec.isp.denoise import METHODS
from rawinlay.codec.isp.develop import Developer, Rendering
from rawinlay.codec.isp.light import Light
from rawinlay.codec.isp.render_kernels import look_up
from rawinlay.codec.isp.settings import Settings
from rawinlay.codec.simulator import simulate

torch = pytest.importorskip("torch", reason="torch is not installed")
from rawinlay.codec.isp import edits_torch  # noqa: E402
from rawinlay.codec.isp import modules_torch as modules  # noqa: E402

CFA = ("RGGB", "BGGR", "GRBG", "GBRG")


def tensor(picture):
    """(H, W, 3) to (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(picture, -1, 0)))[None]


def array(picture):
    return np.moveaxis(picture[0].detach().numpy(), 0, -1)


def planes(mosaic):
    return torch.from_numpy(np.stack([mosaic[s // 2 :: 2, s % 2 :: 2] for s in range(4)]))[None]


@pytest.mark.parametrize("cfa", CFA)
def test_demosaic(cfa):
    mosaic = np.random.default_rng(0).random((24, 32)).astype(np.float32)
    found = array(modules.Demosaic(cfa)(planes(mosaic)))
    np.testing.assert_allclose(found, malvar(mosaic, cfa), atol=2e-6)


def test_denoise():
    """The plain filter of one plane, at the strength that its thresholds stand for."""
    picture = np.random.default_rng(0).random((70, 80, 3)).astype(np.float32)
    found = array(modules.Denoise()(tensor(picture), 0.1))
    for k in range(3):
        np.testing.assert_allclose(found[..., k], METHODS["wavelet"](picture[..., k], 0.1), atol=2e-6)
    assert torch.allclose(modules.Denoise()(tensor(picture), 0.0), tensor(picture), atol=1e-6)


def test_tone():
    linear = landscape(40, 50) * 3
    curve = tone.filmic(4.0, (-0.03, -0.04, 0, 0.04))
    found = array(modules.Tone()(tensor(linear), torch.from_numpy(curve.table), curve.top))
    np.testing.assert_allclose(found, curve(linear), atol=1e-4)


def test_base_tone():
    """Shadows and highlights as whole files have them, where the small picture is the picture."""
    linear = np.repeat(np.repeat(landscape(30, 40), 3, 0), 3, 1)
    settings = Settings(shadows=70, highlights=-50)
    slope, rest = local.coefficients((linear @ modules.LUMA).astype(np.float32))
    base = slope * np.log2(np.maximum(linear @ modules.LUMA, local.FLOOR)) + rest
    change = local.change(settings)
    ev = np.interp(base, np.linspace(local.DARKEST, local.BRIGHTEST, len(change)), change)
    wanted = linear * np.exp2(ev)[..., None]
    size = 2 * max(1, round(local.RADIUS * 120)) + 1
    found = array(modules.BaseTone()(tensor(linear), torch.from_numpy(change), size))
    np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_local_tone_of_an_even_grid_is_exposure():
    linear = tensor(landscape(20, 30))
    grid = torch.full((1, 1, 8, 4, 5), 1.5)
    assert torch.allclose(modules.LocalTone()(linear, grid), modules.Exposure()(linear, 1.5), rtol=1e-5)


def test_grids_follow_place_and_light():
    """A grid that grows with its depth brightens what is bright; one that grows to the right, what is there."""
    linear = torch.full((1, 3, 16, 16), 0.25)
    linear[..., 8:] = 0.01
    deep = torch.linspace(-1, 1, 8).reshape(1, 1, 8, 1, 1).expand(1, 1, 8, 4, 4)
    found = torch.log2(modules.LocalTone()(linear, deep) / linear)
    assert found[..., :8].min() > found[..., 8:].max()
    right = torch.linspace(0, 1, 4).expand(1, 1, 8, 4, 4)
    found = torch.log2(modules.LocalTone()(torch.ones_like(linear), right))
    assert (found[..., 1:] >= found[..., :-1] - 1e-6).all() and found[..., -1].min() > found[..., 0].max() + 0.9


def test_table_of_colours():
    table = np.random.default_rng(2).random((7, 7, 7, 3)).astype(np.float32)
    display = np.random.default_rng(3).random((12, 14, 3)).astype(np.float32)
    found = array(modules.Table3d()(tensor(display), torch.from_numpy(table)))
    plain = display.copy()
    look_up(plain, table, np.zeros(3, np.float32), np.ones(3, np.float32))
    np.testing.assert_allclose(found, plain, atol=2e-5)
    other = pytest.importorskip("colour", reason="colour-science is not installed")
    theirs = other.LUT3D(table).apply(display, interpolator=other.algebra.table_interpolation_trilinear)
    np.testing.assert_allclose(found, theirs, atol=2e-5)


def test_saturation_and_colour():
    display = tensor(landscape(10, 12).clip(0, 1))
    assert torch.allclose(modules.Saturation()(display, 1.0), display, atol=1e-6)
    assert np.ptp(array(modules.Saturation()(display, 0.0)), axis=-1).max() < 1e-6
    matrix = torch.tensor([[0.0, 1, 0], [0, 0, 1], [1, 0, 0]])
    assert torch.allclose(modules.Colour()(display, matrix), display[:, [1, 2, 0]])


@pytest.mark.parametrize("cfa", ["RGGB", "GBRG"])
def test_pipeline_is_the_developers(cfa):
    """A shot developed by modules and as a whole file differ where the demosaickers do, on average by little."""
    shot = simulate(landscape(96, 128), 5, cfa=cfa, odd_size=False, iso=100, median=0.2, clipped=0.0)
    raw, light = shot.raw, Light.of(shot.raw)
    curve = tone.filmic(2.0)
    whole = Developer(raw, Rendering(0.3, tone.ToneCurve(curve(np.linspace(0, 1, tone.TABLE) ** 2))))
    wanted = whole.picture(Settings(saturation=20)) / 255
    mosaic = raw.mosaic.astype(np.float32)
    for site, name in enumerate(raw.cfa):
        at = np.s_[site // 2 :: 2, site % 2 :: 2]
        mosaic[at] = (mosaic[at] - raw.black[site]) / (raw.white - raw.black[site]) / light.neutral["RGB".index(name)]
    how = edits_torch.Development(
        0.3, torch.ones(3), torch.tensor(srgb_from_balanced(light.matrix(light.as_shot()[0])), dtype=torch.float32),
        torch.from_numpy(curve(np.linspace(0, 1, tone.TABLE) ** 2)), 1.0, 1.2,
    )  # fmt: skip
    found = array(edits_torch.Develop(cfa)(planes(np.minimum(mosaic, 1)), how))
    assert np.abs(found - wanted).mean() < 0.01 and np.abs(found - wanted).mean((0, 1)).max() < 0.015


def test_whole_files_are_as_libraw_develops_them():
    rawpy = pytest.importorskip("rawpy")
    shot = simulate(landscape(120, 160), 6, odd_size=False, iso=100, median=0.15, clipped=0.0)
    with rawpy.imread(io.BytesIO(write_dng(shot.raw))) as source:
        theirs = source.postprocess(use_camera_wb=True, user_flip=0, gamma=(1, 1), output_bps=16, no_auto_bright=True)
    linear = Rendering(0.0, tone.ToneCurve((np.linspace(0, 1, tone.TABLE) ** 2).astype(np.float32)))
    ours = Developer(shot.raw, linear).picture(bits=16) / 65535
    theirs = theirs[: ours.shape[0], : ours.shape[1]] / 65535
    ratio = ours[8:-8, 8:-8].mean((0, 1)) / theirs[8:-8, 8:-8].mean((0, 1))
    assert ratio / ratio[1] == pytest.approx(np.ones(3), abs=0.02)
    error = ours / ratio[1] - theirs
    assert np.abs(error[8:-8, 8:-8]).mean() < 0.004


def test_gradients():
    rng = torch.manual_seed(0)
    picture = torch.rand(1, 3, 6, 6, generator=rng, dtype=torch.float64) * 0.8 + 0.1
    table = torch.linspace(0, 1, 9, dtype=torch.float64).sqrt().clone()
    grid = torch.rand(1, 1, 4, 2, 2, generator=rng, dtype=torch.float64)
    cube = torch.rand(3, 3, 3, 3, generator=rng, dtype=torch.float64)
    cells = torch.rand(1, 4, 6, 6, generator=rng, dtype=torch.float64)
    ev, factor, change = torch.tensor(0.7).double(), torch.tensor(1.1).double(), torch.rand(16).double()
    trials = {
        "demosaic": (modules.Demosaic("GRBG"), cells),
        "colour": (modules.Colour(), picture, torch.rand(3, 3).double()),
        "exposure": (modules.Exposure(), picture, ev),
        "local": (modules.LocalTone(), picture, grid),
        "tone": (modules.Tone(), picture, table),
        "saturation": (modules.Saturation(), picture, factor),
        "table": (modules.Table3d(), picture, cube),
        "denoise": (modules.Denoise(), torch.rand(1, 3, 34, 34).double(), 0.01),
        "base": (lambda p, c: modules.BaseTone()(p, c, 3), picture, change),
    }
    for name, (module, *inputs) in trials.items():
        inputs = [v.clone().requires_grad_() if isinstance(v, torch.Tensor) else v for v in inputs]
        some = {"fast_mode": True}
        assert torch.autograd.gradcheck(module, inputs, eps=1e-6, atol=1e-4, **some), name


def test_random_developments_differ_and_have_gradients():
    shot = simulate(landscape(64, 64), 7, odd_size=False)
    light = Light.of(shot.raw)
    cells = (planes(shot.raw.mosaic.astype(np.float32)) / shot.raw.white).requires_grad_()
    develop, found = edits_torch.Develop(shot.raw.cfa), []
    kinds = set()
    for seed in range(40):
        how = edits_torch.draw(np.random.default_rng(seed), light, 1.0, noise=0.01)
        kinds |= {(how.grid is not None, how.cube is not None, how.denoise > 0)}
        out = develop(cells, how)
        assert out.shape == (1, 3, 64, 64) and 0 <= float(out.min()) and float(out.max()) <= 1
        (slope,) = torch.autograd.grad(out.mean(), cells)
        assert torch.isfinite(slope).all()
        found.append(float(out.mean()))
    assert len(kinds) >= 6 and np.std(found) > 0.05
