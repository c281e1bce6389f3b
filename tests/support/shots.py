"""Simulated shots for the tests of whole paths, each made once and written where a test wants it."""

import functools

import numpy as np
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.codec.simulator import simulate, to_scene
from rawinlay.codec.simulator.photo import bundled_photo


@functools.cache
def shot(seed=1, shape=(256, 320), corner=(60, 180), **settings):
    """The RAW and the camera's JPEG of a part of the bundled photograph."""
    top, left = corner
    part = bundled_photo()[top : top + shape[0], left : left + shape[1]]
    return simulate(to_scene(part, np.random.default_rng(seed)), seed, **{"odd_size": False, **settings})


def large_shot():
    """The whole photograph, 600 x 400."""
    return shot(3, (400, 600), (0, 0))


def write_pair(folder, taken=None, raw="IMG_1.dng", jpeg="IMG_1.JPG"):
    """Write a shot's RAW and JPEG into a folder; their paths."""
    taken = taken or shot()
    (folder / raw).write_bytes(write_dng(taken.raw))
    (folder / jpeg).write_bytes(taken.jpeg)
    return folder / raw, folder / jpeg
