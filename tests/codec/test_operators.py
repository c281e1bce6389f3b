"""Local operators by a grid: the large picture is what the operator makes of it, strange light does no harm."""

import cv2
import numpy as np
import pytest
from rawinlay.codec.looks import operators
from rawinlay.codec.looks.net import base_curve


@pytest.fixture(scope="module")
def room():
    """A dark room with a bright window, smooth and with texture, linear light."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[:160, :240]
    light = 0.02 + 0.05 * (x / 240) + 0.02 * np.sin(y / 6) ** 2
    light[40:100, 150:220] = 2 + 0.5 * np.sin(x[40:100, 150:220] / 5)
    return (light[..., None] * [1.0, 0.9, 0.7] * rng.uniform(0.93, 1.07, (160, 240, 1))).astype(np.float32)


@pytest.mark.parametrize("name", operators.OPERATORS)
def test_a_grid_does_what_the_operator_does(room, name):
    whole = operators.OPERATORS[name](room)
    small = cv2.resize(room, (96, 64), interpolation=cv2.INTER_AREA)
    base = base_curve()(room)
    made = operators.grid_of(name, small, base_curve()(small))(base)
    wrong, before = (float(((v - whole) ** 2).mean()) for v in (made, base))
    assert wrong < 0.1 * before
    assert made[20:30, 20:100].mean() > base[20:30, 20:100].mean()


def test_laplacian_keeps_order_and_range(room):
    made = operators.laplacian(room) @ operators.WEIGHTS
    assert made[60:80, 170:200].mean() > made[:, :100].mean() + 0.1
    assert np.percentile(made, 99) > 0.8


@pytest.mark.parametrize("light", [np.zeros((3, 5, 3)), np.full((40, 9, 3), 1e5), np.full((64, 64, 3), 0.2)])
def test_strange_light(light):
    for name in operators.OPERATORS:
        light = light.astype(np.float32)
        assert np.isfinite(operators.grid_of(name, light, base_curve()(light)).cells).all()
