"""Half of the second decoder (see `manual`): guide, companding, features, prediction and steps, manual 5.1 to 5.6."""

import math
import zlib

import numpy as np
from manual_container import varint
from manual_look import corrected
from manual_net import learned_features

NEAR = [(i, j) for i in (-1, 0, 1) for j in (-1, 0, 1)]


def read_geometry(data, section):
    """Orientation and what maps positions: from the header, or from section GEOM."""
    if section:
        assert len(data) == 1
        return data[0] + 1, read_projection(section)
    flags, at = data[0], 1
    offset, scale, warp = (0, 0), (1 << 24, 1 << 24), None
    if flags & 8:
        offset, at = np.frombuffer(data, "<i4", 2, at).tolist(), at + 8
    if flags & 16:
        scale, at = np.frombuffer(data, "<u4", 2, at).tolist(), at + 8
    if flags & 32:
        warp = np.frombuffer(data, "<i4", 6, at).tolist()
    return (flags & 7) + 1, (offset, scale, warp)


def read_projection(data):
    numbers, at = np.frombuffer(data, "<i4", 6, 1).tolist(), 25
    parts = {}
    for bit, (name, count) in enumerate((("vanish", 2), ("centre", 2), ("lens", 4), ("chromatic", 4))):
        parts[name] = [0] * count
        if data[0] >> bit & 1:
            parts[name], at = np.frombuffer(data, "<i4", count, at).tolist(), at + 4 * count
    assert at == len(data) and data[0] < 16
    return {"middle": numbers[:2], "linear": numbers[2:], **parts}


def projected(projection, r2, c2, shape, colours):
    """Positions of twice the turned rows and columns; colours: 0 red, 1 green, 2 blue, of each."""
    height, width = shape
    d = math.sqrt((height - 1) ** 2 + (width - 1) ** 2)
    centre, (k1, k2, k3, k4) = [c / 2**24 for c in projection["centre"]], [k / 2**26 for k in projection["lens"]]
    down, across = (v / 2**30 for v in projection["vanish"])
    a, b = (np.choose(colours, [projection["chromatic"][n], 0, projection["chromatic"][2 + n]]) / 2**26 for n in (0, 1))
    y, x = (r2 - (height - 1)) / d - centre[0], (c2 - (width - 1)) / d - centre[1]
    s = 1 + (a + b * (y * y + x * x))
    y, x = y * s, x * s
    r = np.sqrt(y * y + x * x)
    g = 1 + r * (k1 + r * (k2 + r * (k3 + r * k4)))
    y, x = y * g + centre[0], x * g + centre[1]
    w = np.maximum(1 + (down * y + across * x), 1 / 8)
    l1, l2, l3, l4 = (n * (d / 8192) for n in projection["linear"])
    middle = projection["middle"]
    p = np.rint((l1 * y + l2 * x) / w) + middle[0], np.rint((l3 * y + l4 * x) / w) + middle[1]
    return [np.clip(v, -(2**30), 2**30).astype(np.int64) for v in p]


def laid(place, r2, c2, jpeg_shape):
    """Positions of twice the turned rows and columns by offset, scale and warp."""
    offset, scale, warp = place
    p = [((v * s + 4096) >> 13) + o for v, s, o in zip((r2, c2), scale, offset, strict=True)]
    if warp:
        k1, k2, k3, k4 = (k / 2**20 for k in warp[2:])
        rho2 = 2.0**22 * ((jpeg_shape[0] - 1) ** 2 + (jpeg_shape[1] - 1) ** 2)
        dy, dx = ((v - c).astype(float) for v, c in zip(p, warp[:2], strict=True))
        r = np.sqrt((dy * dy + dx * dx) / rho2)
        g = r * (k1 + r * (k2 + r * (k3 + r * k4)))
        moves = (np.rint(np.clip(d * g, -(2.0**40), 2.0**40)).astype(np.int64) for d in (dy, dx))
        p = [v + move for v, move in zip(p, moves, strict=True)]
    return p


def cubic():
    out = []
    for t in range(64):
        left, right = -(t**3) + 128 * t**2 - 4096 * t, t**3 - 64 * t**2
        middle = 3 * t**3 - 320 * t**2 + 2 * 2**18
        taps = [(v + 256) >> 9 for v in (left, middle, 2 * 2**18 - left - middle - right, right)]
        taps[1] += 1024 - sum(taps)
        out.append(taps)
    return np.array(out)


def sample(plane, geometry, twice_rows, twice_cols, shape, jpeg_shape, subsampling, first, weights, red=None):
    """The plane at a grid of twice the mosaic's rows and columns; red: (row, column) of a red site, where it is sites.
    """
    orientation, place = geometry
    height, width = shape
    r2, c2 = np.meshgrid(twice_rows, twice_cols, indexing="ij")
    if orientation in (3, 4, 6, 7):
        r2 = 2 * (height - 1) - r2
    if orientation in (2, 3, 7, 8):
        c2 = 2 * (width - 1) - c2
    colours = np.ones(r2.shape, int)
    if red:
        colours = (twice_rows[:, None] // 2 + red[0]) % 2 + (twice_cols[None, :] // 2 + red[1]) % 2
    if orientation >= 5:
        r2, c2, shape = c2, r2, (width, height)
    p = projected(place, r2, c2, shape, colours) if isinstance(place, dict) else laid(place, r2, c2, jpeg_shape)
    q = [((v - (f - 1) * 2048) // f + 32) >> 6 for v, f in zip(p, subsampling[::-1], strict=True)]
    total = np.zeros(r2.shape, np.int64)
    for a in range(weights.shape[1]):
        for b in range(weights.shape[1]):
            row = np.clip((q[0] >> 6) + first + a, 0, plane.shape[0] - 1)
            col = np.clip((q[1] >> 6) + first + b, 0, plane.shape[1] - 1)
            total += plane[row, col].astype(np.int64) * weights[q[0] & 63, a] * weights[q[1] & 63, b]
    return np.clip((total + (1 << 15)) >> 16, 0, 4080)


def cells_of(header):
    """Rows and columns of cells."""
    top, left = divmod(header.phase.index("R"), 2)
    return (header.height + top + 1) // 2, (header.width + left + 1) // 2


def terms(features):
    """The sums of features that blocks correct."""

    def lin(s, i, j):
        return features[1 + 9 * s + 3 * (i + 1) + j + 1]

    here = [lin(s, 0, 0) for s in range(4)]
    return [
        features[0], features[55], features[56], features[59], features[60], features[93], features[73], features[74],
        here[2] + here[3] - here[0] - here[1],
        here[1] + here[3] - here[0] - here[2],
        lin(1, 1, 0) + lin(2, 1, 0) - lin(1, -1, 0) - lin(2, -1, 0),
        lin(1, 0, 1) + lin(2, 0, 1) - lin(1, 0, -1) - lin(2, 0, -1),
    ]  # fmt: skip


def unpacked(data):
    """A set of values, as `values` of the header packs it."""
    used, value, open_ = [], -1, 0
    for byte in zlib.decompress(data, -15):
        open_ += byte or 255
        if byte:
            value, open_ = value + open_, 0
            used.append(value)
    return np.array(used)


def lists_of(section):
    """The values of each plane by section USED."""
    numbers, at, lists = [section[0] >> 2 * k & 3 for k in range(4)], 1, []
    for _ in range(max(numbers) + 1):
        length, at = varint(section, at)
        lists.append(unpacked(section[at : at + length]))
        at += length
    assert at == len(section)
    return [lists[n] for n in numbers]


class Picture:
    """Everything before the stages: guide, companding, prediction and steps of every cell, one cell beyond included."""

    def __init__(self, header, recipe, local, planes, net, projection=b"", look=None, cell=None):
        self.header, self.planes, self.cell = header, planes, cell
        self.geometry = read_geometry(header.geometry, projection)
        self.top, self.left = divmod(header.phase.index("R"), 2)
        self.h, self.w = cells_of(header)
        # planes' black levels: the site of plane k in the mosaic's first 2x2
        sites = [((k // 2 + self.top) % 2, (k % 2 + self.left) % 2) for k in range(4)]
        self.black = [header.levels[2 * i + j] for i, j in sites]
        self.guide(planes)
        self.compand()
        features = self.features() + (self.learned(net) if header.net else [])
        self.prediction = [
            self.prediction_of(row, features, local and (local[0], local[1][k])) for k, row in enumerate(recipe)
        ]
        if look:
            inside = np.array(self.prediction)[:, : self.h, : self.w]
            self.prediction = list(self.look(look, inside))
        for k in range(4) if header.saturation else ():
            near = self.saturation(k) - (header.saturation[4 + k] << self.shift)
            self.prediction[k] = np.where(
                (self.prediction[k] >= near) & (header.saturation[k] > 0), self.saturation(k), self.prediction[k]
            )
        if cell:
            cell.lend(self.prediction, self.levels, self.low, self.high)
        self.step = [self.step_of(k, b) for k, b in enumerate(self.prediction)]

    def look(self, look, levels):
        """The second look at levels: cells 0..h - 1 and 0..w - 1, then one beyond, which is the nearest inside."""
        h, w, head, planes = self.h, self.w, self.header, self.planes
        y = np.array(self.y)[:, 4 : 6 + h, 4 : 6 + w]
        chroma = [[np.zeros((h + 2, w + 2), np.int64)] * 4] * 2
        if planes.cb is not None:
            linear = np.array([[1024 - 16 * t, 16 * t] for t in range(64)])
            rows, cols = (2 * (2 * np.arange(-1, n + 1) - at) for n, at in ((h, self.top), (w, self.left)))
            chroma = [
                [
                    sample(p, self.geometry, rows + 2 * (k // 2), cols + 2 * (k % 2),
                           (head.height, head.width), planes.y.shape, planes.subsampling, 0, linear) - 2048
                    for k in range(4)
                ]
                for p in (planes.cb, planes.cr)
            ]  # fmt: skip
        found = corrected(look, levels, y, chroma, self.span, self.low, self.high)
        return np.pad(found, ((0, 0), (0, 1), (0, 1)), mode="edge")

    def saturation(self, k):
        """Its level."""
        return (self.header.saturation[k] << self.shift) - self.levels[k]

    def at_saturation(self, k):
        if not self.header.saturation or not self.header.saturation[k]:
            return np.zeros(self.prediction[k].shape, bool)
        return self.prediction[k] == self.saturation(k)

    def guide(self, planes):
        head = self.header
        geometry, shape = self.geometry, (head.height, head.width)
        red = None if self.cell else (self.top, self.left)
        rows = np.arange(2 * self.h, dtype=np.int64) - self.top
        cols = np.arange(2 * self.w, dtype=np.int64) - self.left
        y = sample(planes.y, geometry, 2 * rows, 2 * cols, shape, planes.y.shape, (1, 1), -1, cubic(), red)
        y = self.cell.guide(y) if self.cell else y
        linear = np.array([[1024 - 16 * t, 16 * t] for t in range(64)])
        middles = 2 * rows[::2] + 1, 2 * cols[::2] + 1
        chroma = [
            sample(p, geometry, *middles, shape, planes.y.shape, planes.subsampling, 0, linear) - 2048
            for p in (planes.cb, planes.cr)
            if p is not None
        ] or [np.zeros((self.h, self.w), np.int64)] * 2
        # five cells around, of which the nearest inside is taken: room for the picture's neighbours and one cell more
        pad = lambda v: np.pad(v, 5, mode="edge")  # noqa: E731
        self.y = [pad(y[i::2, j::2]) for i in (0, 1) for j in (0, 1)]
        self.b, self.r = map(pad, chroma)

    @staticmethod
    def around(v, i, j):
        """The neighbour of every cell that has one."""
        n, m = v.shape
        return v[1 + i : n - 1 + i, 1 + j : m - 1 + j]

    def box(self, v):
        return sum(self.around(v, i, j) for i, j in NEAR)

    def activity(self):
        y, edge = np.array(self.y), slice(1, -1)
        light = y.sum(0)
        detail = np.abs(9 * light[edge, edge] - self.box(light)) // 36
        spread = (y.max(0) - y.min(0))[edge, edge]
        around = self.box(self.box(detail + spread)) // 81
        chroma = sum(np.abs(9 * c[edge, edge] - self.box(c)) // 9 for c in (self.b, self.r))
        clipped = np.where(y.max(0) >= 4000, 64, 0)
        # all of the cells 0..h and 0..w
        at = lambda v, edge: v[edge : edge + self.h + 1, edge : edge + self.w + 1]  # noqa: E731
        return [at(detail, 4), at(spread, 4), at(around, 2), at(chroma, 4), at(clipped, 5)]

    def compand(self):
        head = self.header
        self.a = head.companding / 512
        self.shift = max(0, 17 - max(head.top, *(int(b) for b in self.black)).bit_length())
        self.levels = [math.floor(b * 2**self.shift + 0.5) for b in self.black]
        self.low = min(0, -max(self.levels))
        self.high = max((head.top << self.shift) - min(self.levels), 1)
        self.span = (head.white - sum(self.black) / 4) * 2**self.shift
        a, out = self.a, []
        for level in range(self.low, self.high + 1):
            v = level / self.span
            t = math.sqrt(v + a) - math.sqrt(a) if v > 0 else v / (2 * math.sqrt(a))
            out.append(math.floor(t / (math.sqrt(1 + a) - math.sqrt(a)) * 2**19 + 0.5))
        self.table = np.array(out)
        every = unpacked(head.values) if head.values else np.arange(head.top + 1)
        self.values = lists_of(head.used) if head.used else [every] * 4

    def linear(self, y):
        v = y / 4080
        x = (v + 0.055) / 1.055
        s = np.sqrt(np.sqrt(x))
        s8 = np.sqrt(s)
        return np.floor(16384 * np.where(v <= 0.04045, v / 12.92, x * x * s * s8 * np.sqrt(np.sqrt(s8))) + 0.5).astype(
            np.int64
        )

    def features(self):
        """Every feature of the cells 0..h, 0..w."""
        crop = lambda v, i=0, j=0: v[5 + i : 6 + i + self.h, 5 + j : 6 + j + self.w]  # noqa: E731
        lin = [self.linear(y) for y in self.y]
        m_all = (sum(self.y) + 2) >> 2
        m, b, r, light = crop(m_all), crop(self.b), crop(self.r), crop((sum(lin) + 2) >> 2)
        i, j = 2 * np.arange(self.h + 1) - (self.h - 1), 2 * np.arange(self.w + 1) - (self.w - 1)
        norm = max((self.h - 1) ** 2 + (self.w - 1) ** 2, 1)
        radius = np.minimum(4096, 4096 * (i[:, None] ** 2 + j[None] ** 2) // norm)
        m2, l2, b2, r2, br = m * m >> 12, light * light >> 14, b * b >> 12, r * r >> 12, b * r >> 12
        m3 = m2 * m >> 12
        out = [np.full_like(m, 4096)]
        out += [crop(plane, i, j) for plane in lin for i, j in NEAR]
        out += [crop(c * m_all >> 12, i, j) for c in (self.b, self.r) for i, j in NEAR]
        out += [m, m2, m3, m3 * m >> 12, l2, l2 * light >> 14, b, r, b2, r2, br, m2 * b >> 12, m2 * r >> 12]
        out += [m * b2 >> 12, m * r2 >> 12, m * br >> 12, (m * b >> 12) * b2 >> 12, (m * r >> 12) * r2 >> 12]
        out += [light * b >> 12, light * r >> 12]
        out += [crop(y) for y in self.y] + [crop(plane) ** 2 >> 14 for plane in lin]
        out += [np.maximum(0, 4096 - np.abs(11 * m - 4096 * k)) for k in range(11)]
        lr2 = light * radius >> 12
        out += [lr2, lr2 * radius >> 12]
        fourth, twelfth = ([self.power(y, n) for y in self.y] for n in (4, 12))
        out += [crop(plane, i, j) for planes in (fourth, twelfth) for plane in planes for i, j in NEAR]
        q, p = (crop((sum(planes) + 2) >> 2) for planes in (fourth, twelfth))
        p2 = p * p >> 14
        out += [q * b >> 12, q * r >> 12, p * b >> 12, p * r >> 12, p2, p2 * p >> 14]
        return out + [crop(plane) ** 2 >> 14 for plane in twelfth]

    def power(self, y, n):
        v2 = (y / 4080) ** 2
        v4 = v2 * v2
        return np.floor(16384 * (v4 if n == 4 else v4 * v4 * v4) + 0.5).astype(np.int64)

    def learned(self, net):
        inputs = [(y >> 2) - 512 for y in self.y] + [self.b >> 2, self.r >> 2]
        inputs += [(self.linear(y) >> 4) - 512 for y in self.y]
        return list(learned_features(net, np.array(inputs), 5))

    def prediction_of(self, coefficients, features, local):
        total = sum(int(c) * feature.astype(object) for c, feature in zip(coefficients, features, strict=True))
        if local:
            side, blocks = local
            rows = np.minimum(np.arange(self.h + 1) // side, blocks.shape[0] - 1)
            columns = np.minimum(np.arange(self.w + 1) // side, blocks.shape[1] - 1)
            for n, term in enumerate(terms(features)):
                total = total + blocks[rows][:, columns, n].astype(object) * term.astype(object)
        return np.clip((total + (1 << 19)) // (1 << 20), self.low, self.high).astype(np.int64)

    def step_of(self, plane, prediction):
        head, a, n = self.header, self.a, self.high - self.low + 1
        if head.step == 5120:
            return self.gaps(plane)[np.clip((prediction - self.low) * 4096 // n, 0, 4095)]
        octave, bits = divmod(head.step, 256)
        delta, root = 1.0, 2.0
        for bit in (128, 64, 32, 16, 8, 4, 2, 1):
            root = math.sqrt(root)
            delta *= root if bits & bit else 1
        delta *= 2.0 ** (octave - 20)
        unit = 2 * (math.sqrt(1 + a) - math.sqrt(a))
        ref = 1 / (math.sqrt(0.1 + a) * unit)
        table = []
        for k in range(4096):
            v = max((self.low + (k + 0.5) * (n / 4096)) / self.span, 0)
            q = math.sqrt(math.sqrt(1 / (math.sqrt(v + a) * unit) / ref))
            power = 1.0
            for _ in range(head.step_exponent):
                power *= q
            table.append(max(math.floor(delta * 2**19 * ref * power + 0.5), 1))
        return np.array(table)[np.clip((prediction - self.low) * 4096 // n, 0, 4095)]

    def expand(self, plane, prediction, y):
        """DN of one plane's residual."""
        return self.values[plane][self.nearest(plane, self.table[prediction - self.low] + y)]

    def companded(self, plane):
        """T of the values that can occur."""
        return self.table[(self.values[plane] << self.shift) - self.levels[plane] - self.low]

    def nearest(self, plane, u):
        """Numbers of the values."""
        t = self.companded(plane)
        return np.searchsorted((t[:-1] + t[1:] + 1) >> 1, np.clip(u, self.table[0], self.table[-1]), "right")

    def gaps(self, plane):
        """The steps of lossless coding."""
        plane = plane if self.header.used else 0
        t, n = self.companded(plane), self.high - self.low + 1
        gaps = []
        for i in range(len(t)):
            below, above = max(i - 4, 0), min(i + 4, len(t) - 1)
            gaps.append(max((t[above] - t[below]) // max(above - below, 1), 1))
        return np.array([gaps[self.nearest(plane, self.table[k * n // 4096 + n // 8192])] for k in range(4096)])
