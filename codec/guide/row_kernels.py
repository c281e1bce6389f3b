"""A row of samples of a JPEG's planes at places that need not be on a line: `codec.guide.resample_kernels` has these.

::

    places of one y, from left to right --rows of the plane, weighted and added--> a line --taps at each x--> samples
    others, one by one, as near an edge -------- sixteen taps, or four ------------------------------------> samples

Whole numbers all: whichever way, the samples are the same.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled

PHASE_BITS, WEIGHT_BITS, SAMPLE_BITS = 6, 10, 4
"""Fraction bits of interpolation's phases, of its weights and of the samples, as in `codec.guide.resample`."""

SHIFT = 2 * WEIGHT_BITS - SAMPLE_BITS
HALF = 1 << (SHIFT - 1)
TOP = 255 << SAMPLE_BITS
_PHASES = (1 << PHASE_BITS) - 1

LEAST_RUN = 12
"""Places in a row of samples that must be alike for them to be worked on together."""


@compiled
def room(planes, places):
    """What `sample_row` works in, for so many places: int32 (2, n) for sums, int16 (2, m) for every other sample."""
    return np.empty((2, max(planes[0].shape[1], places) + 8), np.int32), np.empty((2, (places + 1) // 2), np.int16)


@compiled
def sample_row(planes, y, x, weights, own_room, i, outs):
    """Row i of the samples of planes of one shape; y, x: int32 (m,), 1/64 samples; own_room: a `room`.

    Where rows are hardly bent, many places share a y: sums of whole lines serve them all. Every other place is worked
    on by itself, since sites beside each other may be of two colours.
    """
    sums, found = own_room
    together = _level(y)
    for plane, out in zip(planes, outs):  # noqa: B905 (numba knows no strict)
        if not together:
            if weights.shape[1] == 4:
                _cubic(plane, y, x, weights, out[i])
            else:
                _linear(plane, y, x, weights, out[i])
            continue
        for first in range(2):
            ys, xs, own = y[first::2], x[first::2], found[first]
            done = at = 0
            while at < ys.size:
                start = at
                while at < ys.size and ys[at] == ys[start] and xs[at] >= xs[max(at - 1, start)]:
                    at += 1
                first_in, end_in = _within(plane, ys[start], xs, start, at, weights)
                run = end_in - first_in >= LEAST_RUN
                upto = first_in if run else at
                if upto > done and (run or at == ys.size):
                    if weights.shape[1] == 4:
                        _cubic(plane, ys[done:upto], xs[done:upto], weights, own[done:upto])
                    else:
                        _linear(plane, ys[done:upto], xs[done:upto], weights, own[done:upto])
                if run:
                    _run(plane, ys[start], xs[first_in:end_in], weights, sums, own[first_in:end_in])
                    done = at = end_in
        even, odd, into = found[0], found[1], out[i]
        for j in range(y.size // 2):
            into[2 * j] = even[j]
            into[2 * j + 1] = odd[j]
        if y.size % 2:
            into[y.size - 1] = even[y.size // 2]


@compiled
def _level(y):
    """Whether at half of some places the second and the fourth one on have the same y."""
    same = 0
    for part in range(16):
        j = (y.size - 4) * part // 16
        if 0 <= j and j + 4 < y.size and y[j] == y[j + 2] and y[j] == y[j + 4]:
            same += 1
    return same >= 8


@compiled
def _within(plane, y, x, start, end, weights):
    """From which place on, and up to which, all that places from start to end of one y look at lies in the plane."""
    before, behind = weights.shape[1] // 2 - 1, weights.shape[1] // 2
    row = y >> PHASE_BITS
    height, width = plane.shape
    if row < before or row + behind >= height:
        return start, start
    while start < end and x[start] >> PHASE_BITS < before:
        start += 1
    while end > start and (x[end - 1] >> PHASE_BITS) + behind >= width:
        end -= 1
    return start, end


@compiled
def _run(plane, y, x, weights, sums, out):
    """Samples at places of one y, from left to right and all within the plane; x, y: 1/64 samples."""
    taps, count = weights.shape[1], x.size
    before = taps // 2 - 1
    row, col = (y >> PHASE_BITS) - before, (x[0] >> PHASE_BITS) - before
    length = (x[count - 1] >> PHASE_BITS) - (x[0] >> PHASE_BITS) + taps
    line, total = sums[0, :length], sums[1]
    line[:] = np.int32(0)
    for k in range(taps):
        weight = weights[y & _PHASES, k]
        if weight:
            part = plane[row + k, col : col + length]
            for m in range(length):
                line[m] = np.int32(line[m] + part[m] * weight)
    at = 0
    while at < count:
        start, at = at, at + 1
        step = x[at] - x[start] if at < count else np.int32(0)
        if step & _PHASES == 0:
            while at < count and x[at] - x[at - 1] == step:
                at += 1
        if at - start < LEAST_RUN:
            for j in range(start, at):
                place, own = (x[j] >> PHASE_BITS) - before - col, weights[x[j] & _PHASES]
                found = line[place] * own[0] + line[place + 1] * own[1]
                if taps == 4:
                    found += line[place + 2] * own[2] + line[place + 3] * own[3]
                out[j] = min(max((found + HALF) >> SHIFT, 0), TOP)
            continue
        n, apart = at - start, step >> PHASE_BITS
        some = total[:n]
        some[:] = np.int32(HALF)
        for k in range(taps):
            weight = weights[x[start] & _PHASES, k]
            if weight:
                part = line[(x[start] >> PHASE_BITS) - before - col + k :]
                if apart == 1:
                    for m in range(n):
                        some[m] = np.int32(some[m] + part[m] * weight)
                elif apart == 2:
                    for m in range(n):
                        some[m] = np.int32(some[m] + part[2 * m] * weight)
                else:
                    for m in range(n):
                        some[m] = np.int32(some[m] + part[apart * m] * weight)
        into = out[start:at]
        for m in range(n):
            into[m] = min(max(some[m] >> SHIFT, 0), TOP)


@compiled
def _cubic(plane, ys, xs, weights, out):
    """A line of samples by four taps each way; ys, xs: int32 (m,), 1/64 samples."""
    height, width = plane.shape
    for j in range(out.size):
        y, x = np.int64(ys[j]) >> PHASE_BITS, np.int64(xs[j]) >> PHASE_BITS
        wy, wx = weights[ys[j] & _PHASES], weights[xs[j] & _PHASES]
        if y >= 1 and y < height - 2 and x >= 1 and x < width - 2:
            r0, r1, r2, r3 = plane[y - 1], plane[y], plane[y + 1], plane[y + 2]
            w0, w1, w2, w3 = wy[0], wy[1], wy[2], wy[3]
            t0 = np.int32(r0[x - 1] * w0 + r1[x - 1] * w1 + r2[x - 1] * w2 + r3[x - 1] * w3)
            t1 = np.int32(r0[x] * w0 + r1[x] * w1 + r2[x] * w2 + r3[x] * w3)
            t2 = np.int32(r0[x + 1] * w0 + r1[x + 1] * w1 + r2[x + 1] * w2 + r3[x + 1] * w3)
            t3 = np.int32(r0[x + 2] * w0 + r1[x + 2] * w1 + r2[x + 2] * w2 + r3[x + 2] * w3)
            total = np.int32(t0 * wx[0] + t1 * wx[1] + t2 * wx[2] + t3 * wx[3])
        else:
            total = np.int32(0)
            for k in range(4):
                part = plane[min(max(y - 1 + k, 0), height - 1)]
                for n in range(4):
                    total += np.int32(wy[k] * part[min(max(x - 1 + n, 0), width - 1)] * wx[n])
        out[j] = min(max((total + HALF) >> SHIFT, 0), TOP)


@compiled
def _linear(plane, ys, xs, weights, out):
    """A line of samples by two taps each way; ys, xs: int32 (m,), 1/64 samples."""
    height, width = plane.shape
    for j in range(out.size):
        y, x = np.int64(ys[j]) >> PHASE_BITS, np.int64(xs[j]) >> PHASE_BITS
        wy, wx = weights[ys[j] & _PHASES], weights[xs[j] & _PHASES]
        above, below = plane[min(max(y, 0), height - 1)], plane[min(max(y + 1, 0), height - 1)]
        left, right = min(max(x, 0), width - 1), min(max(x + 1, 0), width - 1)
        total = np.int32(
            wy[0] * (above[left] * wx[0] + above[right] * wx[1]) + wy[1] * (below[left] * wx[0] + below[right] * wx[1])
        )
        out[j] = (total + HALF) >> SHIFT
