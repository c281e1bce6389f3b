"""How far one picture lies from another, place by place: tone-free images, correlation of the whole and of blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import fft
from scipy.ndimage import uniform_filter

BLOCK = 64

LEAST_BLOCK = 16

SMOOTHING = 1.2
"""Standard deviation of the Gaussian over a block's correlation, samples."""


@dataclass(frozen=True)
class Blocks:
    """Displacements of blocks, float64, in samples of the images.

    place: (n, 2) row and column of the blocks' middles. move: (n, 2), what lies at place in the first image lies at
    place + move in the second. trust: (n,) correlation there, 0..1.
    """

    place: np.ndarray
    move: np.ndarray
    trust: np.ndarray


def shrink(image: np.ndarray, factor: int) -> np.ndarray:
    """Means of factor x factor samples, float32; an incomplete rest is left out."""
    while factor % 2 == 0 and factor > 2:
        image, factor = shrink(image, 2), factor // 2
    if factor == 1:
        return image.astype(np.float32)
    h, w = image.shape[0] // factor * factor, image.shape[1] // factor * factor
    rows = image[0:h:factor, :w].astype(np.float32)
    for i in range(1, factor):
        rows += image[i:h:factor, :w]
    total = rows[:, 0::factor].copy()
    for j in range(1, factor):
        total += rows[:, j::factor]
    total *= np.float32(1 / factor**2)
    return total


def detail(image: np.ndarray, radius: int) -> np.ndarray:
    """The image without its tones: local mean taken off, local contrast made even; float32.

    What contrast is noise isn't known, so the least that counts is a share of the picture's own.
    """
    size = 2 * radius + 1
    high = image - uniform_filter(image, size, mode="nearest")
    power = uniform_filter(high * high, size, mode="nearest")
    floor = 0.05 * float(power.mean()) + 1e-12
    return high / np.sqrt(np.maximum(power, 0) + floor)


def best_shift(first: np.ndarray, second: np.ndarray, least_overlap: float = 0.4) -> tuple[float, int, int]:
    """The shift of `second` against `first` that correlates best: (correlation, rows, columns).

    What lies at p in `first` lies at p + shift in `second`. Both float32 and tone-free. At least that share of the
    smaller picture must overlap.
    """
    shape = [fft.next_fast_len(a + b, real=True) for a, b in zip(first.shape, second.shape, strict=True)]

    def spectra(image: np.ndarray) -> list[np.ndarray]:
        return [fft.rfft2(v, shape) for v in (image, image * image, np.ones_like(image))]

    f, f2, f1 = spectra(first)
    s, s2, s1 = spectra(second)
    cross, energy1, energy2, overlap = (
        fft.irfft2(np.conj(a) * b, shape) for a, b in ((f, s), (f2, s1), (f1, s2), (f1, s1))
    )
    enough = overlap >= least_overlap * min(first.size, second.size)
    score = np.where(enough, cross / np.sqrt(np.maximum(energy1 * energy2, 1e-6)), -1)
    row, col = np.unravel_index(int(score.argmax()), score.shape)
    return float(score[row, col]), *_signed((int(row), int(col)), score.shape)


def _signed(at: tuple[int, int], shape: tuple[int, ...]) -> tuple[int, int]:
    rows, cols = (a - n if a > n // 2 else a for a, n in zip(at, shape, strict=True))
    return rows, cols


def block_displacements(first: np.ndarray, second: np.ndarray, valid: np.ndarray, most: int = 12) -> Blocks:
    """Displacements between two tone-free images of one shape, in up to `most` blocks a side, up to a quarter block.

    valid: bool, where both show something; blocks spread over its bounding box, and count where they hold enough of it.
    """
    spans = [np.flatnonzero(valid.any(1 - axis)) for axis in (0, 1)]
    size = min(BLOCK, *(len(span) // 2 for span in spans))
    corners = []
    if size >= LEAST_BLOCK:
        starts = [_spread(int(span[0]), int(span[-1]) + 1 - size, size, most) for span in spans]
        corners = [(i, j) for i in starts[0] for j in starts[1] if valid[i : i + size, j : j + size].mean() > 0.8]
    if not corners:
        return Blocks(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))
    window = np.hanning(size + 2)[1:-1].astype(np.float32)
    window = window[:, None] * window[None, :]

    def cut(image: np.ndarray) -> np.ndarray:
        blocks = np.stack([image[i : i + size, j : j + size] * valid[i : i + size, j : j + size] for i, j in corners])
        return (blocks - blocks.mean((1, 2), keepdims=True)) * window

    a, b = cut(first), cut(second)
    cross = fft.irfft2(np.conj(fft.rfft2(a)) * fft.rfft2(b) * _smoothing(size), (size, size))
    cross = fft.fftshift(cross, axes=(1, 2))
    reach, middle = size // 4, size // 2
    area = cross[:, middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    n, side = len(corners), 2 * reach + 1
    row, col = np.unravel_index(area.reshape(n, -1).argmax(1), (side, side))
    inside = (row > 0) & (row < side - 1) & (col > 0) & (col < side - 1)
    r, c, k = np.clip(row, 1, side - 2), np.clip(col, 1, side - 2), np.arange(n)
    move = np.stack(
        [
            r + _vertex(area[k, r - 1, c], area[k, r, c], area[k, r + 1, c]),
            c + _vertex(area[k, r, c - 1], area[k, r, c], area[k, r, c + 1]),
        ],
        1,
    ) - float(reach)
    norm = np.sqrt(_smoothed_energy(a) * _smoothed_energy(b)) + 1e-9
    trust = np.clip(area[k, r, c] / norm, 0, 1) * inside
    return Blocks(np.array(corners, np.float64) + (size - 1) / 2, move.astype(np.float64), trust.astype(np.float64))


def _spread(low: int, high: int, size: int, most: int) -> np.ndarray:
    """Where blocks begin along one axis, low..high, half over each other or farther apart."""
    return np.unique(np.linspace(low, high, min(most, max(2, 2 * (high - low) // size + 1))).astype(int))


def _smoothing(size: int) -> np.ndarray:
    """A Gaussian's spectrum for `rfft2`: it makes peaks of correlation wide enough to place them between samples."""
    rows, cols = fft.fftfreq(size)[:, None], fft.rfftfreq(size)[None, :]
    return np.exp(-2 * np.pi**2 * SMOOTHING**2 * (rows**2 + cols**2)).astype(np.float32)


def _smoothed_energy(blocks: np.ndarray) -> np.ndarray:
    """What the smoothed correlation of each block with itself is without a shift."""
    size = blocks.shape[-1]
    power = np.abs(fft.rfft2(blocks)) ** 2 * _smoothing(size)
    power[:, :, 1 : (size + 1) // 2] *= 2  # rfft2 holds one of each conjugate pair
    return power.sum((1, 2)) / size**2


def _vertex(before: np.ndarray, at: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where the Gaussian through three values has its top, -1/2..1/2 around the middle one."""
    least = 1e-3 * np.maximum(at, 1e-9)
    a, b, c = (np.log(np.maximum(v, least)) for v in (before, at, after))
    return np.clip(0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-6), -0.5, 0.5)
