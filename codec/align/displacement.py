"""How far one picture lies from another, place by place: tone-free images, correlation of the whole and of blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import kernels

LEAST_BLOCK = 16

RADIUS = 6
"""Samples around one that make its tone."""

SMOOTHING = 1.2
"""Standard deviation of the Gaussian over a block's correlation, samples."""

LEAST_POWER = 0.01
"""Mean square of a tone-free picture, which is even, that counts as a picture."""

APART = 4
"""Samples from a shift within which another one is the same."""

LEAST_COVER = 0.8
"""Share of a block that both pictures must show."""


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
    out = np.empty((image.shape[0] // factor, image.shape[1] // factor), np.float32)
    kernels.shrink(image, factor, out)
    return out


def detail(image: np.ndarray) -> np.ndarray:
    """The image without its tones: local mean taken off, local contrast made even; float32."""
    padded = np.pad(image.astype(np.float32), 2 * RADIUS, "edge")
    high, power = np.empty(image.shape, np.float32), np.empty(image.shape, np.float32)
    kernels.without_tones(padded, RADIUS, high, power)
    return even(high, power)


def even(high: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Tone-free samples with their local contrast made even, in place.

    What contrast is noise isn't known, so the least that counts is a share of the picture's own.
    """
    floor = 0.05 * float(power.mean()) + 1e-12
    high /= np.sqrt(np.maximum(power, 0) + np.float32(floor))
    return high


class ShiftSearch:
    """Shifts of pictures against one another by correlation, all at once.

    What is needed of the second picture is kept, so that a first one can be tried in many orientations. Both float32
    and tone-free; `side` is at least the sum of both pictures' longer sides. least_overlap: share of the smaller
    picture that must overlap.
    """

    def __init__(self, second: np.ndarray, side: int, least_overlap: float = 0.4) -> None:
        self._second, self._least = second, least_overlap
        self._side = next(n for n in range(side, 2 * side) if _smooth(n) and n % 2 == 0)
        self._spectrum, self._power, self._ones = map(self._forward, (second, second * second, np.ones_like(second)))
        self._of_shape: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = {}

    def peaks(self, first: np.ndarray, count: int) -> list[tuple[float, int, int]]:
        """The shifts that correlate best, apart from one another: (correlation, rows, columns), falling.

        What lies at p in `first` lies at p + shift in the second picture.
        """
        if first.shape not in self._of_shape:
            ones = np.conj(self._forward(np.ones_like(first)))
            overlap = self._back(ones * self._ones)
            enough = overlap >= self._least * min(first.size, self._second.size)
            self._of_shape[first.shape] = enough, self._back(ones * self._power)
        enough, energy = self._of_shape[first.shape]
        cross = self._back(np.conj(self._forward(first)) * self._spectrum)
        own = self._back(np.conj(self._forward(first * first)) * self._ones)
        power = np.maximum(own * energy, (LEAST_POWER * self._second.size) ** 2)
        score = np.where(enough, cross / np.sqrt(power), -1)
        found = []
        around = np.arange(-APART, APART + 1)
        for _ in range(count):
            row, col = np.unravel_index(int(score.argmax()), score.shape)
            if score[row, col] <= 0:
                break
            rows, cols = (int(a) - self._side if a > self._side // 2 else int(a) for a in (row, col))
            found.append((float(score[row, col]), rows, cols))
            score[np.ix_((row + around) % self._side, (col + around) % self._side)] = -1
        return found

    def _forward(self, image: np.ndarray) -> np.ndarray:
        return np.fft.rfft2(image, (self._side, self._side))

    def _back(self, spectrum: np.ndarray) -> np.ndarray:
        return np.fft.irfft2(spectrum, (self._side, self._side))


def _smooth(n: int) -> bool:
    """Whether a Fourier transform of n samples is quick: n has the factors 2, 3 and 5 only."""
    for factor in (2, 3, 5):
        while n % factor == 0:
            n //= factor
    return n == 1


def block_displacements(
    first: np.ndarray, second: np.ndarray, place: np.ndarray, box: tuple[slice, slice], size: int, most: int
) -> Blocks:
    """Displacements of the second picture, laid over the first, in up to `most` blocks a side.

    first: float32; second, place: as in `codec.align.kernels.lay`. box: rows and columns of the first over which the
    blocks of `size` samples spread. They are found up to a quarter block.
    """
    if size < LEAST_BLOCK:
        return Blocks(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0))
    starts = [_spread(span.start, span.stop - size, size, most) for span in box]
    corners = np.stack(np.meshgrid(*starts, indexing="ij"), -1).reshape(-1, 2).astype(np.int64)
    shape = (len(corners), size, size)
    high, power = (np.empty((2, *shape), np.float32) for _ in range(2))
    valid = np.empty(shape, np.bool_)
    kernels.blocks(first, second, place, corners, RADIUS, high, power, valid)
    window = np.hanning(size + 2)[1:-1].astype(np.float32)
    window = window[:, None] * window[None, :]
    kept = valid.mean((1, 2)) > LEAST_COVER
    corners = corners[kept]

    def cut(k: int) -> np.ndarray:
        out = even(high[k], power[k])[kept] * valid[kept]
        return np.fft.rfft2((out - out.mean((1, 2), keepdims=True)) * window)

    a, b = cut(0), cut(1)
    smoothing = _smoothing(size)
    cross = np.fft.irfft2(np.conj(a) * b * smoothing, (size, size))
    cross = np.fft.fftshift(cross, axes=(1, 2))
    reach, middle = size // 4, size // 2
    area = cross[:, middle - reach : middle + reach + 1, middle - reach : middle + reach + 1]
    n, side = len(corners), 2 * reach + 1
    row, col = np.unravel_index(area.reshape(n, side * side).argmax(1), (side, side))
    inside = (row > 0) & (row < side - 1) & (col > 0) & (col < side - 1)
    r, c, k = np.clip(row, 1, side - 2), np.clip(col, 1, side - 2), np.arange(n)
    move = np.stack(
        [
            r + _vertex(area[k, r - 1, c], area[k, r, c], area[k, r + 1, c]),
            c + _vertex(area[k, r, c - 1], area[k, r, c], area[k, r, c + 1]),
        ],
        1,
    ) - float(reach)
    norm = np.sqrt(_energy(a, smoothing, size) * _energy(b, smoothing, size)) + 1e-9
    trust = np.clip(area[k, r, c] / norm, 0, 1) * inside
    return Blocks(corners + (size - 1) / 2, move.astype(np.float64), trust.astype(np.float64))


def _spread(low: int, high: int, size: int, most: int) -> np.ndarray:
    """Where blocks begin along one axis, low..high, half over each other or farther apart."""
    return np.unique(np.linspace(low, high, min(most, max(2, 2 * (high - low) // size + 1))).astype(int))


def _smoothing(size: int) -> np.ndarray:
    """A Gaussian's spectrum for `rfft2`: it makes peaks of correlation wide enough to place them between samples."""
    rows, cols = np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :]
    return np.exp(-2 * np.pi**2 * SMOOTHING**2 * (rows**2 + cols**2)).astype(np.float32)


def _energy(spectrum: np.ndarray, smoothing: np.ndarray, size: int) -> np.ndarray:
    """What the smoothed correlation of each block with itself is without a shift."""
    power = (spectrum.real**2 + spectrum.imag**2) * smoothing
    power[:, :, 1 : (size + 1) // 2] *= 2  # rfft2 holds one of each conjugate pair
    return power.sum((1, 2)) / size**2


def _vertex(before: np.ndarray, at: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where the Gaussian through three values has its top, -1/2..1/2 around the middle one."""
    least = 1e-3 * np.maximum(at, 1e-9)
    a, b, c = (np.log(np.maximum(v, least)) for v in (before, at, after))
    return np.clip(0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-6), -0.5, 0.5)
