"""The inner loops of the 16 stages on the CPU around the context model: lay out a plane, take in what was decoded.

::

    prediction, activity --lay--> step, activity, saturation by pass
    what is decoded around --`codec.stages.model_kernels`--> mu, class
    symbols, class, mu, step --rebuild (or rebuild_lossless)--> y_hat, magnitude --> into the bordered arrays

Arrays of a plane are kept by pass ("polyphase"), with a border of one repeated place: a neighbour is a shifted view.
All that is computed is whole numbers, in int32 or in float64 below 2^53, by the operations of
`codec.stages.stages_torch`.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled

_ROWS = np.array([0, 1, 0, 1])  # of PASSES
_COLS = np.array([0, 1, 1, 0])


@compiled
def lay_steps(prediction, steps, low, level, has_saturation, haar, step, saturation):
    """Steps and saturation of one plane by pass.

    prediction: int32 (2 H, 2 W), levels; steps: int32, step of each level from `low` on; level: the saturation's, if
    `has_saturation`. Into step: int32 (4, H, W); saturation: uint8 (4, H, W).
    """
    _, height, width = step.shape
    for i in range(height):
        for t in range(4):
            row = prediction[2 * i + _ROWS[t]]
            at = _COLS[t]
            into, flag = step[t, i], saturation[t, i]
            for j in range(width):
                b = row[2 * j + at]
                into[j] = steps[b - low]
                flag[j] = has_saturation and b == level
        if haar:
            for j in range(width):
                mean = max((step[0, i, j] + step[1, i, j] + step[2, i, j] + step[3, i, j]) // 4, 1)
                on = saturation[0, i, j] & saturation[1, i, j] & saturation[2, i, j] & saturation[3, i, j]
                for t in range(4):
                    step[t, i, j] = mean
                    saturation[t, i, j] = on


@compiled
def lay_activity(activity, haar, out):
    """Activity int32 (A, 2 H, 2 W) by pass, into int32 (A, 4, H, W)."""
    kinds, _, height, width = out.shape
    for a in range(kinds):
        for i in range(height):
            for t in range(4):
                row = activity[a, 2 * i + _ROWS[t]]
                at = _COLS[t]
                into = out[a, t, i]
                for j in range(width):
                    into[j] = row[2 * j + at]
            if haar:
                for j in range(width):
                    mean = (out[a, 0, i, j] + out[a, 1, i, j] + out[a, 2, i, j] + out[a, 3, i, j]) >> 2
                    for t in range(4):
                        out[a, t, i, j] = mean


@compiled
def rebuild(symbols, classes, mu, step, offsets, reach, code0, code1, limit, y_hat, magnitudes, cap):
    """Values and magnitudes of a stage's symbols under the trellis of the code h0 >> 1 = code0, h1 >> 1 = code1.

    symbols int32, classes uint8, mu and step int32, all (H, W); offsets: float64 (CLASSES, 2 reach + 1). Into y_hat and
    magnitudes: int32 (H + 2, W + 2), inside their borders, which `close` fills.
    """
    height, width = symbols.shape
    value = np.empty(width)
    for i in range(height):
        row, kind = symbols[i], classes[i]
        into = magnitudes[i + 1][1 : width + 1]
        state = np.int32(0)
        for j in range(width):
            m = row[j]
            v = m * 64.0 + offsets[kind[j], min(max(m, -reach), reach) + reach]
            value[j] = -v if state & 1 else v
            state = (state >> 1) ^ (code0 if state & 1 else 0) ^ (code1 if m & 1 else 0)
            into[j] = min(0 if m == 0 else abs(4 * m + 1), cap)
        mean, q = mu[i], step[i]
        out = y_hat[i + 1][1 : width + 1]
        for j in range(width):
            y = mean[j] + np.floor(value[j] * q[j] / 64.0 + 0.5)
            out[j] = np.int32(min(max(y, -limit), limit))


@compiled
def expect(seen, flat_views, flat_groups, own, mu, prediction, first, nearest, expected):
    """The index that lossless coding expects, into int32 (H, W).

    prediction: int32 (H, W), the plane's companded prediction at the pass; nearest: int32, index of the used value
    nearest to each companded value from `first` on. own: whether the flat views are of the plane itself; see
    `codec.stages.lossless_torch`.
    """
    height, width = mu.shape
    last = len(nearest) - 1
    for i in range(height):
        for j in range(width):
            u = prediction[i, j] + mu[i, j] - first
            index = nearest[min(max(u, 0), last)]
            if own:
                one = seen[flat_views[0, 0], flat_views[0, 1], i + 1 + flat_views[0, 2], j + 1 + flat_views[0, 3]]
                flat = True
                for v in range(1, len(flat_views)):
                    other = seen[
                        flat_views[v, 0], flat_views[v, 1], i + 1 + flat_views[v, 2], j + 1 + flat_views[v, 3]
                    ]
                    if other != one:
                        flat = False
                        break
                if flat:
                    index = one
            expected[i, j] = index


@compiled
def rebuild_lossless(symbols, expected, prediction, used, cap, y_hat, magnitudes, seen):
    """Lossless symbols to values, magnitudes and indices, inside their borders. used: int32, companded used values."""
    height, width = symbols.shape
    last = len(used) - 1
    for i in range(height):
        for j in range(width):
            m = symbols[i, j]
            index = min(max(expected[i, j] + m, 0), last)
            seen[i + 1, j + 1] = index
            y_hat[i + 1, j + 1] = used[index] - prediction[i, j]
            magnitudes[i + 1, j + 1] = min(4 * abs(m), cap)


@compiled
def close(part):
    """Fill the border of an int32 array (H + 2, W + 2) with its outermost places."""
    height, width = part.shape[0] - 2, part.shape[1] - 2
    for i in range(1, height + 1):
        part[i, 0] = part[i, 1]
        part[i, width + 1] = part[i, width]
    part[0] = part[1]
    part[height + 1] = part[height]


@compiled
def accumulate(part, total):
    """total += part, int32 of one shape."""
    for i in range(len(part)):
        into, row = total[i], part[i]
        for j in range(len(row)):
            into[j] += row[j]


@compiled
def finish(values, prediction, companded, low, first, nearest_dn, haar, k_row, k_col, top, left, mosaic):
    """One plane of a tile into the mosaic: the transform undone, the prediction added, the nearest value that occurs.

    values: int32 (4, H + 2, W + 2); prediction: int32 (2 H, 2 W), levels; companded: int32, of each level from `low`
    on; nearest_dn: uint16, the value that occurs nearest to each companded value from `first` on. Cell (i, j) has its
    site at (top + 2 i + k_row, left + 2 j + k_col) of mosaic uint16; sites outside are left out.
    """
    _, height, width = values.shape
    height, width = height - 2, width - 2
    last = len(nearest_dn) - 1
    begin = min(max((1 - left - k_col) // 2, 0), 2 * width)
    end = max(min((mosaic.shape[1] - left - k_col + 1) // 2, 2 * width), begin)
    y = np.empty((2, 2 * width), np.int64)
    for i in range(height):
        a, d = values[0, i + 1][1 : width + 1], values[1, i + 1][1 : width + 1]
        b, c = values[2, i + 1][1 : width + 1], values[3, i + 1][1 : width + 1]
        if haar:
            for j in range(width):
                s, p, q, r = np.int64(a[j]), np.int64(d[j]), np.int64(b[j]), np.int64(c[j])
                y[0, 2 * j] = (s + p + q + r + 1) >> 1
                y[1, 2 * j + 1] = (s - p - q + r + 1) >> 1
                y[0, 2 * j + 1] = (s - p + q - r + 1) >> 1
                y[1, 2 * j] = (s + p - q - r + 1) >> 1
        else:
            for j in range(width):
                y[0, 2 * j] = a[j]
                y[1, 2 * j + 1] = d[j]
                y[0, 2 * j + 1] = b[j]
                y[1, 2 * j] = c[j]
        for half in range(2):
            row = top + 2 * (2 * i + half) + k_row
            if row < 0 or row >= mosaic.shape[0]:
                continue
            level, residual = prediction[2 * i + half], y[half]
            site = mosaic[row][left + 2 * begin + k_col :]
            for j in range(end - begin):
                u = companded[level[begin + j] - low] + residual[begin + j] - first
                site[2 * j] = nearest_dn[min(max(u, 0), last)]
