"""Where a JPEG may lie over a mosaic, by features that both pictures show: however it is turned, cut, scaled or tilted.

OpenCV's SIFT and its USAC with MAGSAC. It is imported at the first call, since that takes a quarter of a second, and
runs in the calling thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .displacement import shrink

SIDE = 800
"""Long side of the pictures in which features are looked for, at most."""

FEATURES = 3000
"""Of a picture, at most."""

RATIO = 0.85
"""A match counts where the next best one is this much farther off."""

NEAR = 4.0
"""Misses of matches that agree, px of the pictures compared."""

LEAST_MATCHES = 7
"""Matches that agree, of a model that is worth a closer look."""

MODELS = 3
"""Models of one pair of pictures: the later ones of what the first ones don't explain."""

Model = tuple[int, np.ndarray]


@contextmanager
def _opencv() -> Iterator[Any]:
    """OpenCV in one thread; whoever uses it beside has his number of threads back."""
    import cv2

    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield cv2
    finally:
        cv2.setNumThreads(threads)


def homographies(light: np.ndarray, y: np.ndarray) -> list[Model]:
    """Matches that agree, and the homography that they agree upon: (x, y, 1) of cells to that of JPEG px, mirrored too.

    light: brightness of the mosaic's cells, float32. The ones with the most matches come first.
    """
    with _opencv() as cv2:
        first, f = _eight_bit(cv2, light)
        second, s = _eight_bit(cv2, y)
        if min(first.shape) < 16 or min(second.shape) < 16:
            return []
        there = _features(cv2, second)
        found: list[Model] = []
        for mirrored in (False, True):
            here = _features(cv2, np.ascontiguousarray(first[:, ::-1]) if mirrored else first)
            for count, h in _models(cv2, here, there):
                flip = np.diag([-1.0, 1.0, 1.0]) if mirrored else np.eye(3)
                flip[0, 2] = first.shape[1] - 1 if mirrored else 0
                down = np.array([[1 / f, 0, 0.5 / f - 0.5], [0, 1 / f, 0.5 / f - 0.5], [0, 0, 1]])
                up = np.array([[s, 0, (s - 1) / 2], [0, s, (s - 1) / 2], [0, 0, 1]])
                found.append((count, up @ h @ flip @ down))
    return sorted(found, key=lambda model: -model[0])


def _eight_bit(cv2: Any, image: np.ndarray) -> tuple[np.ndarray, int]:
    """At most `SIDE` samples a side with its contrast made even, uint8, and how many samples became one."""
    factor = -(-max(image.shape) // SIDE)
    small = shrink(image, factor)
    if min(small.shape) < 1:
        return np.zeros((0, 0), np.uint8), factor
    low, high = np.quantile(small[::2, ::2], [0.005, 0.995])
    scaled = np.clip((small - low) * (255 / max(float(high - low), 1e-6)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.createCLAHE(3.0, (8, 8)).apply(scaled)), factor


def _features(cv2: Any, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places (n, 2) x, y and descriptors (n, 128), float32; descriptors by their square roots (RootSIFT)."""
    sift = cv2.SIFT_create(FEATURES, contrastThreshold=0.02, edgeThreshold=12)
    keys, descriptors = sift.detectAndCompute(image, None)
    if descriptors is None or len(keys) < 2:
        return np.zeros((0, 2), np.float32), np.zeros((0, 128), np.float32)
    descriptors = np.sqrt(descriptors / (descriptors.sum(1, keepdims=True) + 1e-6))
    return np.array([key.pt for key in keys], np.float32), descriptors.astype(np.float32)


def _models(cv2: Any, first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]) -> Iterator[Model]:
    a, b = _matches(first[1], second[1])
    here, there = first[0][a], second[0][b]
    for _ in range(MODELS):
        if len(here) < LEAST_MATCHES:
            return
        parameters = cv2.UsacParams()
        parameters.threshold, parameters.confidence, parameters.maxIterations = NEAR, 0.999, 3000
        parameters.score = cv2.SCORE_METHOD_MAGSAC
        parameters.loMethod, parameters.loIterations, parameters.loSampleSize = cv2.LOCAL_OPTIM_SIGMA, 10, 20
        parameters.sampler, parameters.isParallel, parameters.randomGeneratorState = cv2.SAMPLING_UNIFORM, False, 1
        h, mask = cv2.findHomography(here, there, parameters)
        if h is None or mask is None:
            return
        inside = mask.ravel() > 0
        if inside.sum() < LEAST_MATCHES:
            return
        yield int(inside.sum()), h.astype(np.float64)
        here, there = here[~inside], there[~inside]


def _matches(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of features that are each other's nearest or nearly so, clearly nearer than the next one."""
    if len(first) < 2 or len(second) < 2:
        return np.zeros(0, int), np.zeros(0, int)
    alike = first @ second.T  # of unit vectors
    best = alike.argmax(1)
    rows = np.arange(len(first))
    top = alike[rows, best]
    alike[rows, best] = -1
    next_one = alike.max(1)
    distance, beyond = (np.sqrt(np.maximum(2 - 2 * v, 1e-9)) for v in (top, next_one))
    kept = np.flatnonzero(distance < RATIO * beyond)
    return kept, best[kept]
