"""Part of the second decoder (see `manual`): the second look at the guide, manual 4.7, 5.16 and 5.17."""

import numpy as np
from manual_homogeneity import directed

WIDE = [(i, j) for i in range(-2, 3) for j in range(-2, 3)]
NEAR = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]


def read_look(data, golomb):
    """Matrix (3, 3), tables (3, 4081), by plane {(colour or 3, i, j): coefficient} and what is added, whether the own
    picture is directed."""
    kind, far, bits = data[0] & 1, data[0] >> 1, golomb(data[1:])
    assert data[0] < 4
    matrix = np.array(bits.array(9)).reshape(3, 3)
    tables = []
    for _ in range(3):
        knots, rise, value = [], 0, 0
        for bend in bits.array(33):
            rise += bend
            value += rise
            knots.append(value)
        tables.append([(knots[v // 128] * (128 - v % 128) + knots[v // 128 + 1] * (v % 128) + 64) // 128
                       for v in range(4081)])  # fmt: skip
    places = [(c, i, j) for c in range(3) for i, j in WIDE] + [(3, i, j) for i, j in NEAR]
    classes = sorted({(c, abs(i), abs(j)) for c, i, j in places})
    count = len(classes if kind else places) + 1
    exponents = (np.cumsum(bits.array(count)) + 4).tolist()
    rows = [[c << e for c, e in zip(bits.array(count), exponents, strict=True)] for _ in range(3 if kind else 4)]
    planes = []
    for plane in range(4):
        row = rows[(0, 1, 1, 2)[plane] if kind else plane]
        found = {}
        for n, (c, i, j) in enumerate(places):
            at = (c, j, i) if kind and plane == 2 else (c, i, j)
            found[at] = row[classes.index((c, abs(i), abs(j)))] if kind else row[n]
        planes.append((found, row[-1]))
    return matrix, np.array(tables), planes, bool(far)


def root_of(light):
    return np.floor(4096 * np.sqrt(light) + 0.5).astype(np.int64)


def sites(planes, h, w):
    """Sites (2 h, 2 w) of four planes."""
    out = np.empty((2 * h, 2 * w), np.asarray(planes).dtype)
    for k in range(4):
        out[k // 2 :: 2, k % 2 :: 2] = planes[k]
    return out


def cells(v):
    return [v[k // 2 :: 2, k % 2 :: 2] for k in range(4)]


def at(v, i, j, edge):
    """The sites (i, j) from each but the outer `edge` ones."""
    n, m = v.shape
    return v[edge + i : n - edge + i, edge + j : m - edge + j]


def corrected(look, prediction, y, chroma, span, low, high):
    """Levels (4, h, w).

    prediction: int64 (4, h, w); y, with one cell more around: int64 (4, h + 2, w + 2); chroma: Cb and Cr alike.
    """
    matrix, tables, planes, far = look
    _, h, w = prediction.shape
    levels = sites(np.pad(prediction, ((0, 0), (2, 2), (2, 2)), mode="edge"), h + 4, w + 4)
    if far:
        wide = sites(np.pad(prediction, ((0, 0), (4, 4), (4, 4)), mode="edge"), h + 8, w + 8)
        own_roots = directed(wide, matrix, span)[:, 6:-6, 6:-6]
    # R, G, B at every site but the outer two, four times as large
    four = lambda group: sum(at(levels, i, j, 2) for i, j in group)  # noqa: E731
    here, beside, above = 4 * four([(0, 0)]), 2 * four([(0, -1), (0, 1)]), 2 * four([(-1, 0), (1, 0)])
    cross = four([(0, -1), (0, 1), (-1, 0), (1, 0)])
    corners = four([(-1, -1), (-1, 1), (1, -1), (1, 1)])
    shown = [(here, cross, corners), (beside, here, above), (above, here, beside), (corners, cross, here)]
    rgb = [sites([cells(shown[k][c])[k] for k in range(4)], h + 2, w + 2) for c in range(3)]
    light, b, r = (sites(v, h + 2, w + 2) for v in (y, *chroma))
    seen = light + ((359 * r + 128) >> 8), light - ((88 * b + 183 * r + 128) >> 8), light + ((454 * b + 128) >> 8)
    lines = []
    for c in range(3):
        total = sum(int(m) * v for m, v in zip(matrix[c], rgb, strict=True))
        own = np.clip(total * (1 / (4096 * span)) + 1 / 512, 1 / 4096, 1)
        root = own_roots[c] if far else root_of(own)
        lines.append(np.clip(tables[c][np.clip(seen[c], 0, 4080)] - root, -2047, 2047))
    inner = at(levels, 0, 0, 2)
    lines.append(np.minimum(root_of(np.maximum(inner * (1 / span) + 1 / 512, 1 / 4096)), 8191))
    out = []
    for k, (coefficients, more) in enumerate(planes):
        total = more + sum(v * cells(at(lines[c], i, j, 2))[k] for (c, i, j), v in coefficients.items())
        root = np.sqrt(np.maximum(prediction[k] * (1 / span) + 1 / 512, 1 / 4096)) + total / 2**22
        root = np.maximum(root, 0)
        level = np.floor((root * root - 1 / 512) * span + 0.5)
        out.append(np.clip(level, low, high).astype(np.int64))
    return np.array(out)


def behind(picture, post, mosaic):
    """The mosaic after the second look behind the loop, of a `manual_picture.Picture`."""
    places = []
    for n, before, size in ((picture.h, picture.top, len(mosaic)), (picture.w, picture.left, mosaic.shape[1])):
        at = np.arange(2 * n) - before
        at[at < 0] += 2  # of the same colour
        at[at >= size] -= 2
        places.append(at)
    full = mosaic[places[0]][:, places[1]].astype(np.int64)
    levels = np.array([(v << picture.shift) - black for v, black in zip(cells(full), picture.levels, strict=True)])
    found = picture.look(post, levels)[:, : picture.h, : picture.w]
    where = getattr(picture, "where", None)  # of the own guide
    for k in range(4):
        kept = levels[k] >= np.floor(picture.span)
        if where is not None:
            kept = kept | where[: picture.h, : picture.w]
        if picture.header.saturation and picture.header.saturation[k]:
            near = picture.saturation(k) - (picture.header.saturation[4 + k] << picture.shift)
            kept = kept | (levels[k] >= near)
        u = np.where(kept, levels[k], found[k])
        full[k // 2 :: 2, k % 2 :: 2] = picture.expand(k, u, np.zeros_like(u))
    top, left = picture.top, picture.left
    return full[top : top + len(mosaic), left : left + mosaic.shape[1]].astype(np.uint16)
