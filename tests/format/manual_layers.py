"""The second decoder's layers, from chapter 6 of docs/bitstream.md alone (see `manual`)."""

import math

import manual
import numpy as np
from manual import CROSS, DIAGONAL, PLACE_OF, PLANES, Arrays, Golomb, Words, class_of, halves


def read_section(data):
    """spread, kept, and of each further layer its step, mean coefficients and weights."""
    at = 0

    def number(size=None):
        nonlocal at
        if size:
            at += size
            return int.from_bytes(data[at - size : at], "little")
        value = shift = 0
        while True:
            byte, at = data[at], at + 1
            value, shift = value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value

    weights = [*range(16), *(m << e for e in range(1, 14) for m in range(8, 16))]
    spread, kept, further = number(1), number(), []
    for _ in range(number()):
        step, estimate, length = number(2), number(1), number()
        bits = Golomb(data[at : at + length])
        at += length
        means = [bits.array(35) for _ in range(16)]
        further.append((step, estimate, means, [[weights[code] for code in bits.array(21)] for _ in range(16)]))
    assert at == len(data)
    return spread, kept, further


def stages_there(tile, kept, tiles):
    order = sorted(range(tiles), key=lambda n: (n * 648055 % 2**20, n))
    return kept // tiles + (tile in order[: kept % tiles])


def log2(entry):
    r = entry.bit_length() - 1
    x = (entry << 30) >> r
    for _ in range(12):
        x = x * x >> 30
        r, x = 2 * r + (x >> 31), x >> (x >> 31)
    return r


class Tables:
    """What follows from the tables: thresholds and masses."""

    def __init__(self, tables):
        self.tables, self.known = tables, {}
        row = [int(p) for p in tables["pmf"][1, 66]]
        g = sum(p * abs(i - 64) for i, p in enumerate(row))
        r = [0, row[64]]
        for m in range(1, 65):
            r.append(r[-1] + 2 * row[64 + m])
        self.s = []
        for j in range(514):
            h = 2 * j * g / (32 * 65536)
            if h < 1:
                mass = r[1] * h
            elif h < 127:
                m = math.floor((h + 1) / 2)
                mass = r[m] + (r[m + 1] - r[m]) * (h - (2 * m - 1)) / 2
            else:
                mass = r[65] - (r[65] - r[64]) * 127 / h
            self.s.append(math.floor(mass * 2**30 / r[65]))

    def mass(self, d, e):
        a = min(abs(d) * 32 / e, 512.0)
        j = math.floor(a)
        return math.copysign(self.s[j] + (self.s[j + 1] - self.s[j]) * (a - j), d)

    def threshold(self, c, m):
        """A(m)."""
        if m > 64:
            return 64 * m - 32
        if (c, m) not in self.known:
            row, n = (c, 0) if c < 68 else (64 + (c - 68) % 4, (c - 68) // 4 + 1)
            length = lambda v: -log2(int(self.tables["pmf"][1, row, 64 + (v >> n)]))  # noqa: E731
            even = (128 * 64**2 * (2 * m - 1) + 17 * (length(m) - length(m - 1))) // (256 * 64)
            self.known[c, m] = min(max(even, 64 * m - 32), 64 * m + 32)
        return self.known[c, m]

    def least(self, c, m, step):
        """B(m)."""
        return -(-self.threshold(c, m) * step // 64)


class Plane:
    """Cells of one plane's sites, with T of its values and their edges."""

    def __init__(self, picture, k, prediction):
        self.v = [int(v) for v in picture.companded(k)]
        n = len(self.v)
        ends = (2 * self.v[0] - self.v[1], 2 * self.v[-1] - self.v[-2]) if n > 1 else (self.v[0] - 2, self.v[0] + 2)
        self.x = [ends[0], *((self.v[i - 1] + self.v[i] + 1) >> 1 for i in range(1, n)), ends[1]]
        self.picture, self.k, self.prediction = picture, k, prediction
        self.cells = np.zeros((*prediction.shape, 2), int)

    def nearest(self, u):
        return int(self.picture.nearest(self.k, u))


def decode_tile(picture, place, parameters, further, spread, depth, substreams, tables):
    """DN (4, rows, columns) of a tile; substreams: (layer, stage) -> bytes; depth: stages of the last layer."""
    rules = Tables(tables)
    activity = [halves(v[place], 0) for v in picture.activity()]
    prediction = [halves(picture.table[b[place] - picture.low], 0) for b in picture.prediction]
    planes = [[Plane(picture, k, prediction[k][t]) for t in range(4)] for k in range(4)]
    steps = lambda index: [  # noqa: E731
        steps_of(picture, place, index, spread, i) for i in range(16)
    ]
    seen = []
    first = {stage: data for (layer, stage), data in substreams.items() if layer == 0}
    values = manual.decode_stages(picture, place, 0, parameters[0], first, tables, steps(picture.header.step), seen)
    sizes = [Arrays(0) for _ in range(4)]
    for stage, (mu, s, classes, step) in enumerate(seen):
        k, t = PLANES[stage // 4], stage % 4
        plane = planes[k][t]
        for at in np.ndindex(mu.shape):
            c, q, m, symbol = int(classes[at]), int(step[at]), int(mu[at]), int(s[at])
            near, far = rules.least(c, abs(symbol), q) if symbol else 0, rules.least(c, abs(symbol) + 1, q)
            low, high = (1 - far, far) if symbol == 0 else (near, far) if symbol > 0 else (1 - far, 1 - near)
            u = int(plane.prediction[at]) + m
            a = min(int(np.searchsorted(plane.v, u + low)), len(plane.v) - 1)
            plane.cells[at] = a, max(int(np.searchsorted(plane.v, u + high)), a + 1)
        sizes[k].parts.append(np.abs(values[k].parts[t] - mu))
    for layer, (index, estimate, means, weights) in enumerate(further, 1):
        step_by_stage = steps(index)
        for stage in range(16):
            there = layer < len(further) or stage < depth
            data = substreams.get((layer, stage), b"") if there else None
            own = means[stage], weights[stage]
            if there or estimate:
                refine(stage, own, step_by_stage[stage], activity, planes, values, sizes, data, rules, index == 5120)
    out = []
    for k in range(4):
        residual = np.zeros(picture.prediction[k][place].shape, np.int64)
        for t, (i, j) in PLACE_OF.items():
            residual[i::2, j::2] = values[k].parts[t]
        out.append(picture.expand(k, picture.prediction[k][place], residual))
    return out


def steps_of(picture, place, index, spread, stage):
    if index != 5120:
        index = min(max(index + spread * (15 - 2 * stage) // 2, 0), 5119)
    kept = picture.header
    picture.header = kept.but(step=index)
    k = PLANES[stage // 4]
    step = picture.step_of(k, picture.prediction[k])[place]
    picture.header = kept
    return halves(step, 0)[stage % 4]


def refine(stage, own, steps, activity, planes, values, sizes, data, rules, lossless):
    """One stage of a further layer: its cells, values and sizes change. data: None where only estimated."""
    k, t = PLANES[stage // 4], stage % 4
    plane, others = planes[k][t], [p for p in PLANES if p != k]
    views = [values[k].near(t, *o) for o in CROSS + DIAGONAL]
    views += [values[p].near(t, *o) for p in others for o in (*CROSS, *DIAGONAL, (0, 0))]
    total = sum(c * v.astype(np.int64) for c, v in zip(own[0], views, strict=True))
    mu = np.clip((total + 256) // 512, -(1 << 21), 1 << 21)
    step = steps.astype(float)
    sums = [64 * sum(sizes[k].near(t, *o) for o in group) for group in (CROSS, DIAGONAL)]
    for p in others:
        sums.append(256 * sizes[p].near(t, 0, 0))
        sums += [64 * sum(sizes[p].near(t, *o) for o in group) for group in (CROSS, DIAGONAL)]
    sums += [8 * sizes[k].boxes(), 4 * sum(sizes[p].boxes() for p in others)]
    contexts = [np.ones(step.shape), 65536 / step, 256 * np.abs(mu) / step, *(16384 * a[t] / step for a in activity)]
    contexts += [np.minimum(np.floor(v / step), 1 << 30) for v in sums]
    size = sum(w * np.floor(c).astype(np.int64) for w, c in zip(own[1], contexts, strict=True))
    expected = np.maximum(np.floor(size.astype(float) * step / 65536), 1)
    words = Words(data, None) if data else None
    places = list(np.ndindex(mu.shape))
    classes = {at: class_of(int(size[at]), rules.tables["class_of"]) for at in places}
    for _ in range(64 if data is not None else 0):
        asked = []
        for at in places:
            a, c = (int(v) for v in plane.cells[at])
            m, q, e = int(mu[at]), int(steps[at]), float(expected[at])
            u = int(plane.prediction[at]) + m
            low, high = plane.x[a] - u, plane.x[c] - u
            where = (low + high) // 2
            if c - a < 2:
                continue
            if not lossless:
                dead, margin, little = rules.least(classes[at], 1, q), 77 * q // 256, 10 * e < 7 * q
                whole = little and -dead - margin <= low <= 0 <= high <= dead + margin
                if whole or 2 * (high - low) <= 3 * q:
                    continue
                if little and low + margin < -dead < high - margin:
                    where = -dead
                elif little and low + margin < dead < high - margin:
                    where = dead
            i = min(max(plane.nearest(u + where), a + 1), c - 1)
            cut, left, right = (rules.mass(d, e) for d in (plane.x[i] - u, low, high))
            odds = max(right - cut, 2.0**-10) / max(cut - left, 2.0**-10)
            mantissa, exponent = math.frexp(odds)
            asked.append((min(max(4 * (exponent - 1) + int(8 * mantissa) - 4, -48), 47) + 48, at, i))
        if not asked:
            break
        for kind, at, i in sorted(asked, key=lambda x: x[0]):
            if yes(words, kind):
                plane.cells[at][0] = i
            else:
                plane.cells[at][1] = i
        places = [at for _, at, _ in asked]
    assert words is None or (words.state == 0 and not words.words)
    y_hat = np.zeros(mu.shape, np.int64)
    for at in np.ndindex(mu.shape):
        a, c = (int(v) for v in plane.cells[at])
        low, high, b = plane.x[a], plane.x[c], int(plane.prediction[at])
        middle = (low + high) // 2 - b
        way = min(math.floor((high - low) ** 2 / (12 * float(expected[at]))), (high - low) // 2)
        y_hat[at] = plane.v[a] - b if c - a == 1 else middle + min(max(int(mu[at]) - middle, -way), way)
    values[k].parts[t], sizes[k].parts[t] = y_hat, np.abs(y_hat - mu)


def yes(words, kind):
    """One decision of a class."""
    if words is None:
        return kind >= 48
    octave, quarter = kind // 4 - 12, kind % 4
    y, z = (9 + 2 * quarter) * 2 ** max(octave, 0), 8 * 2 ** max(-octave, 0)
    p = (131072 * y + y + z) // (2 * (y + z))
    place, left = words.state % (1 << 24), max(p, 65536 - p) * ((1 << 24) - 2) // 65536 + 1
    if place < left:
        words.move(0, left)
        return kind >= 48
    words.move(left, (1 << 24) - left)
    return kind < 48
