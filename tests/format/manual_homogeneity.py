"""Part of the second decoder (see `manual`): the directed own picture, manual 5.16."""

import numpy as np

NEXT = ((0, -1), (0, 1), (-1, 0), (1, 0))


def shifted(v, i, j):
    """v[y + i, x + j] at y, x; what lies outside is never used."""
    return np.roll(v, (-i, -j), (0, 1))


def directed(levels, matrix, span):
    """Roots (3, h, w) of sites (h, w) of levels, a red one first; those of the outer 5 mean nothing."""
    minors = [
        sum(m[(k + 1) % 3] * n[(k + 2) % 3] - m[(k + 2) % 3] * n[(k + 1) % 3] for k in range(3))
        for m, n in ((matrix[:, (c + 1) % 3].tolist(), matrix[:, (c + 2) % 3].tolist()) for c in range(3))
    ]
    if max(minors) < 0:
        minors = [-v for v in minors]
    factors = [min(max(minors) / v, 8.0) for v in minors] if min(minors) > 0 else [1.0] * 3
    colour = np.add.outer(np.arange(levels.shape[0]) % 2, np.arange(levels.shape[1]) % 2)  # 0 R, 1 G, 2 B
    white = np.floor(span)
    x = np.clip(np.floor(levels * np.array(factors)[colour] + 0.5), -white, white).astype(np.int64)
    red_row = np.broadcast_to(np.arange(len(x))[:, None] % 2 == 0, x.shape)
    pictures = []
    for i, j in ((0, 1), (1, 0)):
        one, two = shifted(x, -i, -j), shifted(x, i, j)
        v = (2 * (one + x + two) - shifted(x, -2 * i, -2 * j) - shifted(x, 2 * i, 2 * j) + 2) // 4
        green = np.where(colour == 1, x, np.clip(v, np.minimum(one, two), np.maximum(one, two)))
        less = x - green
        beside = green + (shifted(less, 0, -1) + shifted(less, 0, 1) + 1) // 2
        above = green + (shifted(less, -1, 0) + shifted(less, 1, 0) + 1) // 2
        corners = green + (sum(shifted(less, a, b) for a in (-1, 1) for b in (-1, 1)) + 2) // 4
        red = np.select([colour == 0, colour == 2, red_row], [x, corners, beside], above)
        blue = np.select([colour == 2, colour == 0, red_row], [x, corners, above], beside)
        roots = []
        for row in matrix.tolist():
            a, b, c = (m / f for m, f in zip(row, factors, strict=True))
            light = (a * red + b * green + c * blue) * (1 / (1024 * span))
            roots.append(np.floor(np.sqrt(np.clip(light + 1 / 512, 1 / 4096, 1)) * 4096 + 0.5).astype(np.int64))
        pictures.append(roots)
    far, off = [], []
    for r, g, b in pictures:
        light = r + 2 * g + b
        far.append([abs(light - shifted(light, *n)) for n in NEXT])
        off.append([abs(r - g - shifted(r - g, *n)) + abs(g - b - shifted(g - b, *n)) for n in NEXT])
    near, like = (
        np.minimum(np.maximum(v[0][0], v[0][1]), np.maximum(v[1][2], v[1][3])) for v in (far, off)
    )
    alike = [sum((f <= near) & (o <= like) for f, o in zip(far[d], off[d], strict=True)) * 1 for d in (0, 1)]
    more = alike[0] - alike[1]
    total = sum(shifted(more, a, b) for a in (-1, 0, 1) for b in (-1, 0, 1))
    return np.array([np.select([total > 0, total < 0], [a, b], (a + b) // 2) for a, b in zip(*pictures, strict=True)])
