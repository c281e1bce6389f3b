"""Functions as kernels may be: what the translator to C is compared with numba by."""

# mypy: no-check-untyped-defs
import numpy as np
from rawinlay.bitstream.runtime.jit import compiled, inlined

_TABLE = np.array([3, 1, 2])
_PAIR = 2, 0.5
_u = np.uint64
_HALF = np.float32(0.5)


@compiled
def whole_numbers(a, b, out):
    """Operators of whole numbers, of all signs, and by zero. a, b: int32 (n,); out: int64 (13, n)."""
    for i in range(len(a)):
        x, y = a[i], b[i]
        out[0, i], out[1, i] = x // y, x % y
        out[2, i], out[3, i] = x * y - x, (x + y) >> 1
        out[4, i] = (x ^ y) | (x & 7)
        out[5, i] = ~x << 3
        out[6, i] = min(x, y) + max(x, 3) - abs(x)
        out[7, i] = np.int32(x * 65537 * y)
        out[8, i] = np.int64(_u(x) >> _u(3)) + (_u(x) < y)
        out[9, i] = x // 3 + x % 3 + (x if x > 0 and y else -y)
        out[10, i] = _TABLE[x % 3] + _PAIR[0]
        out[11, i] = np.uint8(x) + np.uint16(y) * 3
        out[12, i] = (y < x < 5) + (not x)


@compiled
def real_numbers(a, b, out):
    """Operators of floats, with what is no number. a: float32 (n,); b: float64 (n,); out: float64 (12, n)."""
    for i in range(len(a)):
        x, y = a[i], b[i]
        out[0, i], out[1, i] = x * _HALF + x, x * 0.5 + y
        out[2, i], out[3, i] = min(x, _HALF), max(y, 0.0)
        out[4, i], out[5, i] = max(0.0, y), min(x, 1)
        out[6, i], out[7, i] = np.floor(x), np.rint(y)
        out[8, i], out[9, i] = np.sqrt(abs(x)), x / y
        out[10, i] = np.float32(y) - x / np.float32(3)
        out[11, i] = np.copysign(x * y, y) if y == y else 1 / np.int64(i)


@inlined
def row_sum(values):
    total = 0
    for v in values:
        total += v
    return total


@compiled
def kinds_change(values, out):
    """Variables whose type differs from place to place. values: int32 (n,); out: float64 (6,)."""
    total = np.float32(0)
    for i in range(len(values)):
        total += np.float32(values[i]) * np.float32(0.1)
    out[0] = total
    total = 1 / (total * total + 1)
    out[1] = total
    x = values[0]
    if x > 2:
        x = 0.25
    out[2] = x
    count = 0
    while True:
        count += 1
        if count > 100 or values[count % len(values)] == 7:
            break
        if count & 1:
            continue
        x = count * 0.125
    out[3], out[4] = count, x
    for step in range(9, 0, -3):
        x = step
    out[5] = x + row_sum(values)


@compiled
def views(image, out):
    """Slices, indices from behind, arrays of the kernel's own. image: int32 (h, w); returns int64 (w,) and a number."""
    h, w = image.shape
    first, last = image[0], image[-1]
    room = np.zeros((2, w), np.int64)
    for i in range(h):
        small = np.zeros(3, np.float32)
        row = image[i][1:-1]
        for j in range(len(row)):
            small[j % 3] += row[j]
        room[i & 1, 2:] += image[i, 2:].astype(np.int64) * 2
        out[i] = small[0] + small[2]
    first, last = last, first
    out[:2] = first[-2:]
    out[h - 1] = last[w - 1] + image[0:99].shape[0] + image[5:2].size
    above, below = room
    total = -(above + below)
    picked = (above, below)[h % 2]
    return total, picked.max() + np.any(total < 0)
