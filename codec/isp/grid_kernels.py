"""Bilateral grids on bands of rows, compiled; `codec.isp.grid` has the definition."""

from __future__ import annotations

import numpy as np

from ...bitstream.runtime.jit import compiled


@compiled
def through_grid(picture, cells, top, height):
    """A band of display values through a grid, in place.

    picture: float32 (h, w, 3), rows `top` on of `height`; cells: float32 (n, m, d, 12), contiguous. What comes out is
    cut to 0..1.
    """
    h, w, _ = picture.shape
    n, m, d, _ = cells.shape
    row = np.empty((m, d, 12), np.float32)
    for i in range(h):
        y = min(max((top + i + 0.5) * n / height - 0.5, 0.0), n - 1.0)
        y0 = min(int(y), max(n - 2, 0))
        y1, fy = min(y0 + 1, n - 1), np.float32(y - y0)
        for a in range(m):
            for b in range(d):
                for k in range(12):
                    row[a, b, k] = cells[y0, a, b, k] + fy * (cells[y1, a, b, k] - cells[y0, a, b, k])
        for j in range(w):
            x = min(max((j + 0.5) * m / w - 0.5, 0.0), m - 1.0)
            x0 = min(int(x), max(m - 2, 0))
            x1, fx = min(x0 + 1, m - 1), np.float32(x - x0)
            p = picture[i, j]
            r, g, b = p[0], p[1], p[2]
            z = (np.float32(0.2126) * r + np.float32(0.7152) * g + np.float32(0.0722) * b) * np.float32(d - 1)
            z = min(max(z, np.float32(0)), np.float32(d - 1))
            z0 = min(int(z), max(d - 2, 0))
            z1, fz = min(z0 + 1, d - 1), z - np.float32(z0)
            s00, s01 = (1 - fx) * (1 - fz), (1 - fx) * fz
            s10, s11 = fx * (1 - fz), fx * fz
            for c in range(3):
                total = np.float32(0)
                for k in range(4):
                    q = 4 * c + k
                    v = s00 * row[x0, z0, q] + s01 * row[x0, z1, q] + s10 * row[x1, z0, q] + s11 * row[x1, z1, q]
                    total += v * (r if k == 0 else g if k == 1 else b if k == 2 else np.float32(1))
                p[c] = min(max(total, np.float32(0)), np.float32(1))
