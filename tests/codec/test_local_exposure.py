"""Local exposure: dark parts come up, bright ones don't burn, edges stay, and a flat picture stays as it is."""

import cv2
import numpy as np
import pytest
from rawinlay.benchmarks.local_exposure import applied, known_answer
from rawinlay.bitstream.errors import UsageError
from rawinlay.codec.develop import develop
from rawinlay.codec.isp import local
from rawinlay.codec.isp.develop import Developer, Layers
from rawinlay.codec.isp.settings import Settings
from rawinlay.codec.looks.apart import exposed_apart
from rawinlay.codec.looks.exposure import MOST, by_segment, local_exposure, segments


@pytest.fixture(scope="module")
def room():
    """A dark room, half a percent of white, and a window of one and a half times white; a little texture."""
    rng = np.random.default_rng(3)
    light = np.full((90, 120, 3), 0.005)
    light[20:60, 70:110] = 1.5
    return (light * rng.uniform(0.8, 1.2, light.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def garden():
    """Smooth light with texture, and a hedge of another colour: an edge of a thing."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[:96, :144]
    light = (0.2 + 0.1 * np.sin(x / 30) + 0.05 * np.cos(y / 20))[..., None] * [1.0, 0.95, 0.9]
    light[60:] *= [0.3, 0.7, 0.2]
    return (cv2.GaussianBlur(light, (0, 0), 1.0) * rng.normal(1, 0.04, (96, 144, 1)).clip(0.8, 1.2)).astype(np.float32)


def test_a_dark_room_and_its_window(room):
    """The room comes up by more than an EV, the window isn't brighter than it was, nothing rings beside the edge."""
    found = applied(room, local_exposure(room))
    change = np.log2(found.mean(-1) / room.mean(-1))
    inside, outside = change[25:55, 75:105], change[:, :50]
    assert np.median(outside) > 1 and np.median(inside) < 0.05
    near = change[25:55, 58:66]
    assert abs(np.median(near) - np.median(outside)) < 0.35


def test_known_segments(room):
    parts = np.zeros((40, 40), int)
    parts[:, 20:] = 1
    change = np.where(parts == 0, 1.0, -1.0)
    ev = by_segment(np.full((40, 40, 3), 0.1), parts, change)
    assert ev[0] > 0.2 and ev[1] < -0.2 and abs(ev.sum()) < 1e-9
    assert by_segment(np.full((40, 40, 3), 1e-4), parts, change * 100).max() <= MOST
    edge = segments(room)
    assert len(np.unique(edge[25:55, 75:105])) <= 3
    assert not set(np.unique(edge[30:50, 80:100])) & set(np.unique(edge[:, :40]))


def test_known_answers_are_counted_in_ev(garden):
    found = known_answer(garden, np.random.default_rng(1))
    assert set(found) == {"nothing", "fusion", "told", "found", "ours", "left alone"}
    assert found["told"] < 0.25 * found["nothing"] and all(0 <= v < 9 for v in found.values())


def test_parts_exposed_apart_are_found(garden):
    done = np.zeros(garden.shape[:2])
    done[10:50, 20:70] = 1.2
    done[10:50, 70:120] = -1.0
    changed = (garden * np.exp2(done)[..., None]).astype(np.float32)
    found, before = (exposed_apart(v) for v in (changed, garden))
    wrong = found - done - (found - done).mean()
    assert np.sqrt((wrong**2).mean()) < 0.35 < np.sqrt(((done - done.mean()) ** 2).mean())
    assert np.abs(before).mean() < 0.15
    change = local_exposure(changed).ev - local_exposure(garden).ev
    assert np.corrcoef(change.ravel(), -done.ravel())[0, 1] > 0.8


def test_told_the_parts(garden):
    parts = np.zeros(garden.shape[:2], int)
    parts[:, 50:] = 1
    found = exposed_apart((garden * np.exp2(np.where(parts, 1.0, 0.0))[..., None]).astype(np.float32), parts)
    assert abs(found[0, -1] - found[0, 0] - 1) < 0.25


def test_strange_light():
    for light in (np.zeros((2, 3, 3)), np.full((70, 50, 3), 1e6), np.full((1, 90, 3), 0.2)):
        ev = local_exposure(light.astype(np.float32)).ev
        assert np.isfinite(ev).all() and np.abs(ev).max() <= MOST


def test_sliders_go_on_top(room):
    """Without EV, local exposure and sliders together are the sliders alone."""
    light = room.mean(-1)
    none = local.Exposed(np.zeros((9, 12), np.float32))
    settings = Settings(shadows=60)
    a, b = local.combined(light, settings, none)
    log = np.log2(np.maximum(light, local.FLOOR))
    wanted = np.interp(np.add(*(v * log if k == 0 else v for k, v in enumerate(local.coefficients(light)))),
                       np.linspace(local.DARKEST, local.BRIGHTEST, local.ENTRIES), local.change(settings))  # fmt: skip
    assert np.abs(a * log + b - wanted).mean() < 0.1


def test_out_of_range():
    with pytest.raises(UsageError):
        develop(b"", local_exposure=1.5)
    with pytest.raises(UsageError):
        develop(b"", auto=True, look="pop")


def test_through_the_developer():
    rng = np.random.default_rng(2)
    from rawinlay.bitstream.raw_image import RawImage

    mosaic = np.full((80, 96), 60, np.uint16)
    mosaic[20:50, 50:80] = 3900
    mosaic = (mosaic * rng.uniform(0.9, 1.1, mosaic.shape)).astype(np.uint16)
    developer = Developer(RawImage(mosaic, "RGGB", (0.0,) * 4, 4200))
    exposed = local_exposure(developer.small(Settings()))
    plain, found = developer.picture(), developer.picture(layers=Layers(exposed=exposed))
    assert found[:, :30].mean() > 1.3 * plain[:, :30].mean()
    assert abs(found[30:40, 60:70].mean() - plain[30:40, 60:70].mean()) < 25
