"""A second decoder of the coded mosaic, from docs/bitstream.md alone, as slow as it is plain.

Here are the stages (chapters 4 and 5); `manual_container` has chapters 1 to 3, `manual_picture` the first half of
chapter 5, `manual_net` 5.15, `manual_gate` 4.6, `manual_cell` 5.18, `manual_look` 5.16 and 5.17, `manual_layers`
chapter 6. It shares with the project the samples of JPEGs' planes (which are libjpeg's) and the files of tables and
nets, nothing else.
"""

import math

import numpy as np
from manual_bias import unbiased
from manual_cell import Cell
from manual_damage import gathered
from manual_look import behind, read_look
from manual_net import read_net
from manual_picture import NEAR, Picture, cells_of

CROSS = ((-1, 0), (1, 0), (0, -1), (0, 1))
DIAGONAL = ((-1, -1), (-1, 1), (1, -1), (1, 1))
PASS_OF = {(0, 0): 0, (1, 1): 1, (0, 1): 2, (1, 0): 3}
PLACE_OF = {v: k for k, v in PASS_OF.items()}
PLANES = (1, 2, 0, 3)
CODES = {2: (5, 2), 3: (11, 4), 4: (19, 4), 5: (37, 8), 6: (67, 20)}


class Golomb:
    def __init__(self, data):
        self.bits = "".join(f"{byte:08b}" for byte in data)

    def take(self, n):
        head, self.bits = self.bits[:n], self.bits[n:]
        assert len(head) == n
        return int(head or "0", 2)

    def array(self, count):
        out, total, number = [], 8, 2
        for _ in range(count):
            quotient = total // number
            k = int(math.log2(quotient)) if quotient else 0
            ones = 0
            while ones < 24 and self.take(1):
                ones += 1
            z = self.take(32) if ones == 24 else (ones << k) + self.take(k)
            out.append(z // 2 if z % 2 == 0 else -(z + 1) // 2)
            total, number = total + min(z, 1 << 24), number + 1
            if number > 12:
                total, number = (total + 1) >> 1, number >> 1
        return out


def read_recipe(data, features):
    """Whole coefficients c 2^e, int64 (4, features)."""
    bits = Golomb(data)
    (count,) = bits.array(1)
    places = range(features) if count == features else np.cumsum(np.array(bits.array(count), int) + 1) - 1
    exponents = np.cumsum(bits.array(count)) + 10
    out = np.zeros((4, features), np.int64)
    for plane in range(4):
        for place, e, c in zip(places, exponents, bits.array(count), strict=True):
            out[plane, int(place)] = c << int(e)
    return out


def read_local(data, cells, pmf):
    """The blocks' side, and whole coefficients d 2^e, int64 (4, rows, columns, 12)."""
    side, exponents = 2 ** data[0], np.array(list(data[1:13]))
    classes = np.array(list(data[13:61])).reshape(4, 12)
    rows, columns = (math.ceil(n / side) for n in cells)
    blocks = [(k, i, j) for k in range(4) for i in range(rows) for j in range(columns)]
    some = [place for n, place in enumerate(blocks) if data[61 + n // 8] >> n % 8 & 1]
    kinds = np.array([classes[k] for k, _, _ in some], np.int64).reshape(-1)
    symbols = read_symbols(data[61 + math.ceil(len(blocks) / 8) :], kinds, pmf).reshape(-1, 12)
    out = np.zeros((4, rows, columns, 12), np.int64)
    for place, found in zip(some, symbols, strict=True):
        out[place] = found * 2**exponents
    return side, out


def counts(n, t, transform):
    """Numbers of mean coefficients and of contexts of a stage."""
    if transform == 0:
        return (0, 4, 4, 8)[t] + 9 * n, 9 + (t >= 2) + (t in (1, 3)) + 3 * n + (t > 0) + (n > 0)
    return (t + 4 if t else 0) + 9 * n, 9 + 2 * (t > 0) + 3 * n + (t > 0) + (n > 0)


def read_parameters(data):
    """By transform: mean coefficients and weights, lists by stage."""
    weights = [*range(16), *(m << e for e in range(1, 14) for m in range(8, 16))]
    mask, at, out = data[0], 1, {}
    for transform in (0, 1):
        if mask >> transform & 1:
            length = shift = 0
            while True:
                byte, at = data[at], at + 1
                length, shift = length | (byte & 127) << shift, shift + 7
                if byte < 128:
                    break
            bits = Golomb(data[at : at + length])
            at += length
            sizes = [counts(stage // 4, stage % 4, transform) for stage in range(16)]
            mean = [bits.array(m) for m, _ in sizes]
            out[transform] = mean, [[weights[code] for code in bits.array(c)] for _, c in sizes]
    return out


class Words:
    """The ANS decoder of 5.11."""

    def __init__(self, data, pmf):
        self.words, self.state, self.pmf = np.frombuffer(data, "<u4").tolist(), 0, pmf
        self.refill()

    def refill(self):
        while self.state < 1 << 32 and self.words:
            self.state = (self.state << 32) + self.words.pop()

    def move(self, left, width):
        self.state = (self.state >> 24) * width + self.state % (1 << 24) - left
        self.refill()

    def uniform(self, n):
        value = self.state % (1 << 24) >> (24 - n)
        self.move(value << (24 - n), 1 << (24 - n))
        return value

    def row(self, row):
        place = self.state % (1 << 24)
        ends = [*(int(v) * ((1 << 24) - 129) // 65536 + i for i, v in enumerate(self.starts(row))), 1 << 24]
        i = int(np.searchsorted(ends, place, "right")) - 1
        self.move(ends[i], ends[i + 1] - ends[i])
        return i

    def starts(self, row):
        return np.cumsum(self.pmf[row]) - self.pmf[row]


def read_symbols(data, classes, pmf):
    if not data:
        return np.zeros(len(classes), np.int64)
    words, found, escapes = Words(data, pmf), [], []
    for c in sorted(set(classes.tolist())):
        places = np.flatnonzero(classes == c).tolist()
        row, n = (c, 0) if c < 68 else (64 + (c - 68) % 4, (c - 68) // 4 + 1)
        coded = [words.row(row) - 64 for _ in places]
        raw = [words.uniform(n) if n else 0 for _ in places]
        for place, value, low in zip(places, coded, raw, strict=True):
            escapes += [len(found)] * (abs(value) == 64)
            found.append([place, value, low, n])
    for k in escapes:
        found[k][1] += int(np.sign(found[k][1])) * words.uniform(20)
    assert words.state == 0 and not words.words
    out = np.zeros(len(classes), np.int64)
    for place, value, low, n in found:
        out[place] = value * 2**n + low
    return out


class Arrays:
    """The arrays of one plane that are decoded, and their neighbours."""

    def __init__(self, transform):
        self.transform, self.parts = transform, []

    def shifted(self, part, i, j):
        n, m = self.parts[part].shape
        return self.parts[part][np.clip(np.arange(n) + i, 0, n - 1)][:, np.clip(np.arange(m) + j, 0, m - 1)]

    def near(self, t, i, j):
        """The neighbours of pass t by (i, j): cells in place, blocks of band t in Haar."""
        if self.transform:
            return self.shifted(t, i, j)
        row, col = PLACE_OF[t][0] + i, PLACE_OF[t][1] + j
        return self.shifted(PASS_OF[row % 2, col % 2], row // 2, col // 2)

    def boxes(self):
        return sum(self.shifted(p, i, j) for p in range(len(self.parts)) for i, j in NEAR)


def halves(v, transform):
    """A tile's (rows, columns) by pass; over Haar every band has the blocks' means."""
    parts = [v[i::2, j::2] for i, j in (PLACE_OF[t] for t in range(4))]
    if transform and v.dtype == bool:
        return [np.all(parts, 0)] * 4
    return [sum(parts) // 4] * 4 if transform else parts


def decode_stages(picture, place, transform, parameters, substreams, tables, steps, seen=None):
    """y_hat of the 16 stages of a tile, `Arrays` by plane; steps: by stage.

    seen: gets what layers go on from (chapter 6): of each stage mean, symbols, classes, step.
    """
    means, weights = parameters
    activity = [halves(v[place], transform) for v in picture.activity()]
    saturation = [halves(picture.at_saturation(k)[place], transform) for k in range(4)]
    values, sizes, numbers = [None] * 4, [None] * 4, [None] * 4
    lossless = picture.header.step == 5120
    for stage in range(16):
        n, t = divmod(stage, 4)
        k = PLANES[n]
        if t == 0:
            values[k], sizes[k], numbers[k] = Arrays(transform), Arrays(transform), Arrays(transform)
        own, m, step = values[k], sizes[k], steps[stage].astype(float)
        earlier = PLANES[:n]
        if transform:
            views = [own.shifted(band, 0, 0) for band in range(t)] + [own.shifted(0, *o) for o in CROSS if t]
        else:
            views = [own.near(t, *o) for o in ((), DIAGONAL, CROSS, CROSS + DIAGONAL)[t]]
        views += [values[p].near(t, *o) for p in earlier for o in (*CROSS, *DIAGONAL, (0, 0))]
        total = sum((c * v for c, v in zip(means[stage], views, strict=True)), np.zeros(step.shape, np.int64))
        mu = np.clip((total + 256) // 512, -(1 << 21), 1 << 21)
        contexts = [65536 / step, 256 * np.abs(mu) / step]
        contexts += [16384 * a[t] / step for a in activity]
        from_guide = len(contexts)
        if transform == 0:
            contexts += [16 * sum(m.near(t, *o) for o in CROSS)] if t >= 2 else []
            contexts += [16 * sum(m.near(t, *o) for o in DIAGONAL)] if t in (1, 3) else []
        elif t:
            contexts.append(64 * m.parts[0])
            contexts.append(32 * sum(m.parts[1:t]) if t > 1 else 16 * sum(m.shifted(0, *o) for o in CROSS))
        for p in earlier:
            contexts.append(64 * sizes[p].near(t, 0, 0))
            contexts += [16 * sum(sizes[p].near(t, *o) for o in group) for group in (CROSS, DIAGONAL)]
        contexts += [2 * m.boxes()] if t else []
        contexts += [sum(sizes[p].boxes() for p in earlier)] if n else []
        quiet = np.all([saturation[k][t], *(c == 0 for c in contexts[from_guide:])], 0)
        contexts = [~quiet, quiet, *(np.where(quiet, 0, c) for c in contexts)]
        if lossless:
            expected = picture.nearest(
                k, halves(picture.table[picture.prediction[k][place] - picture.low], transform)[t] + mu
            )
            if t:
                around = [numbers[k].near(t, *o) for o in ((), DIAGONAL, CROSS, CROSS + DIAGONAL)[t]]
                flat = equal(around)
                expected = np.where(flat, around[0], expected)
            else:
                flat = [equal([numbers[p].near(t, *o) for o in (*CROSS, *DIAGONAL, (0, 0))]) for p in earlier]
                flat = np.all(flat, 0) if flat else np.zeros(step.shape, bool)
            contexts = [*contexts[:2], *(np.where(flat, 0, c) for c in contexts[2:])]
        size = sum(w * np.floor(c).astype(np.int64) for w, c in zip(weights[stage], contexts, strict=True))
        classes = np.array([class_of(int(v), tables["class_of"]) for v in size.reshape(-1)])
        exact = lossless or seen is not None
        pmf = tables["pmf"][int(exact)].astype(np.int64)
        s = read_symbols(substreams.get(stage, b""), classes, pmf).reshape(step.shape)
        m.parts.append(np.minimum(np.where(s == 0, 0, np.abs(4 * s + (not exact))), 1 << 16))
        if lossless:
            index = np.clip(expected + s, 0, len(picture.values[k]) - 1)
            prediction = halves(picture.table[picture.prediction[k][place] - picture.low], transform)[t]
            own.parts.append(picture.companded(k)[index] - prediction)
            numbers[k].parts.append(index)
            continue
        if seen is not None:  # no trellis
            seen.append((mu, s, classes.reshape(step.shape), steps[stage]))
            own.parts.append(np.clip(mu + s * steps[stage].astype(np.int64), -(1 << 21), 1 << 21))
            continue
        value = 64 * s + tables["offset"].astype(np.int64)[classes.reshape(step.shape), np.clip(s, -3, 3) + 3]
        value = np.where(in_quantiser_b(s, picture.header.states), -value, value)
        y_hat = mu + np.floor(value * step / 64 + 0.5).astype(np.int64)
        own.parts.append(np.clip(y_hat, -(1 << 21), 1 << 21))
    return values


def decode_tile(picture, place, transform, parameters, substreams, tables):
    """DN (4, rows, columns) of the tile at rows and columns `place`, slices of cells."""
    by_plane = [[np.maximum(s, 1) for s in halves(v[place], transform)] for v in picture.step]
    steps = [by_plane[k][t] for k in PLANES for t in range(4)]
    values = decode_stages(picture, place, transform, parameters[transform], substreams, tables, steps)
    out = []
    for k in range(4):
        parts = values[k].parts
        if transform:
            s, x, y, z = parts
            parts = [(v + 1) // 2 for v in (s + x + y + z, s - x - y + z, s - x + y - z, s + x - y - z)]
        residual = np.zeros(picture.prediction[k][place].shape, np.int64)
        for t, (i, j) in PLACE_OF.items():
            residual[i::2, j::2] = parts[t]
        out.append(picture.expand(k, picture.prediction[k][place], residual))
    return out


def in_quantiser_b(symbols, states):
    """Where quantiser B is in use, from symbols (rows, columns): the state machine of 5.13."""
    h0, h1 = CODES[states]
    out = np.zeros(symbols.shape, bool)
    for i, row in enumerate(symbols.tolist()):
        state = 0
        for j, m in enumerate(row):
            out[i, j] = state & 1
            following = state >> 1
            if state & 1:
                following ^= h0 >> 1
            if m % 2:
                following ^= h1 >> 1
            state = following
    return out


def equal(views):
    """Where all are the same."""
    return np.all([v == views[0] for v in views], 0)


def class_of(size, table):
    if not size:
        return int(table[0])
    exponent = size.bit_length() - 1
    mantissa = (size << 4 >> exponent) - 16
    return int(table[16 * exponent + mantissa])


def decode(stream, planes, tables, net, samples):
    """The mosaic, uint16.

    stream: header, sections, substreams of `manual_container.read_stream`; planes: the JPEG's samples; tables: the
    arrays of entropy/models that the header names; net: the bytes of that of codec/recipe/nets; samples: planes of a
    JPEG's bytes.
    """
    import manual_layers
    from manual_gate import gated

    header, sections, substreams = stream
    if sections["AWAY"]:
        sections, substreams = gathered(sections, substreams)
    header.used = sections["USED"]
    layers = manual_layers.read_section(sections["LAYR"]) if sections["LAYR"] else None
    recipe = read_recipe(sections["RECP"], 202 if header.net else 178)
    local = None
    if sections["LOCL"]:
        local = read_local(sections["LOCL"], cells_of(header), tables["pmf"][1].astype(np.int64))
    look = read_look(sections["LOOK"], Golomb) if sections["LOOK"] else None
    net = read_net(net) if header.net else None
    cell = Cell(sections["CELL"], header) if sections["CELL"] else None
    if sections["GATE"]:
        picture = gated(header, recipe, local, planes, net, sections, samples, look, cell)
    else:
        picture = Picture(header, recipe, local, planes, net, sections["GEOM"], look, cell)
    parameters = read_parameters(sections["PARM"])
    h, w, side = picture.h, picture.w, 2 * header.tile
    full = np.zeros((2 * h + 2, 2 * w + 2), np.int64)
    tile = 0
    for r in range(0, h, side):
        for c in range(0, w, side):
            rows, cols = (min(side, n - at) for n, at in ((h, r), (w, c)))
            place = slice(r, r + rows + rows % 2), slice(c, c + cols + cols % 2)
            if header.transforms in (b"\0", b"\xff"):
                transform = header.transforms[0] & 1
            else:
                transform = header.transforms[tile // 8] >> tile % 8 & 1
            own = {(layer, stage): data for (n, layer, stage), data in substreams.items() if n == tile}
            if layers:
                spread, kept, further = layers
                tiles = -(-h // side) * -(-w // side)
                depth = manual_layers.stages_there(tile, kept, tiles)
                args = picture, place, parameters, further, spread, depth, own, tables
                decoded = manual_layers.decode_tile(*args)
            else:
                own = {stage: data for (_, stage), data in own.items()}
                decoded = decode_tile(picture, place, transform, parameters, own, tables)
            for k, plane in enumerate(decoded):
                rows2 = slice(2 * place[0].start + k // 2, 2 * place[0].stop, 2)
                full[rows2, 2 * place[1].start + k % 2 : 2 * place[1].stop : 2] = plane
            tile += 1
    top, left = picture.top, picture.left
    mosaic = full[top : top + header.height, left : left + header.width].astype(np.uint16)
    if sections["POST"]:
        mosaic = behind(picture, read_look(sections["POST"], Golomb), mosaic)
    if sections["BIAS"]:
        return unbiased(picture, sections["BIAS"], mosaic)
    return cell.settled(mosaic) if cell else mosaic
