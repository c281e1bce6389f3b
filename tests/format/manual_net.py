"""A third of the second decoder (see `manual`): the learned features, manual 5.15."""

import json

import numpy as np

LAYERS = {
    "low1": (1, 10), "low2": (2, 8), "low3": (4, 8), "first": (1, 10), "second": (1, 8), "join": (1, 8),
    "third": (1, 8), "last": (1, 7),
}  # fmt: skip


def read_net(data):
    """Weights and biases by layer."""
    length = int.from_bytes(data[:8], "little")
    places, body = json.loads(data[8 : 8 + length]), data[8 + length :]

    def tensor(name, kind):
        place = places[name]
        begin, end = place["data_offsets"]
        return np.frombuffer(body[begin:end], kind).reshape(place["shape"]).astype(np.int64)

    return {n: (tensor(f"{n}.weight", "i1"), tensor(f"{n}.bias", "<i4")) for n in LAYERS}


def total(net, layer, x):
    """The layer's sums where all taps lie in x (inputs, rows, columns)."""
    weight, bias = net[layer]
    side, d = weight.shape[2], LAYERS[layer][0]
    edge = d * (side - 1)
    h, w = x.shape[1] - edge, x.shape[2] - edge
    out = np.zeros((len(weight), h, w), np.int64) + bias[:, None, None]
    for a in range(side):
        for b in range(side):
            out += np.einsum("oi,ihw->ohw", weight[:, :, a, b], x[:, d * a : d * a + h, d * b : d * b + w])
    return out


def value(sums, layer):
    return np.clip(sums >> LAYERS[layer][1], 0, 255)


def surroundings(net, x):
    """Of the picture's inputs (10, h, w): (24, blocks down, blocks across)."""
    _, h, w = x.shape
    rows, cols = -(-h // 8), -(-w // 8)
    x = np.pad(x, ((0, 0), (0, 8 * rows - h), (0, 8 * cols - w)), mode="edge")
    v = x.reshape(10, rows, 8, cols, 8).sum((2, 4)) >> 6
    for layer in ("low1", "low2", "low3"):
        d = LAYERS[layer][0]
        v = value(total(net, layer, np.pad(v, ((0, 0), (d, d), (d, d)), mode="edge")), layer)
    return v


def between(v, rows, cols):
    """The surroundings at rows and columns of cells."""

    def places(i, count):
        p = (2 * i - 7) // 16
        return np.clip(p, 0, count - 1), np.clip(p + 1, 0, count - 1), 2 * i - 7 - 16 * p

    p0, p1, t = places(rows, v.shape[1])
    q0, q1, s = places(cols, v.shape[2])
    t = t[:, None]
    corners = v[:, p0][:, :, q0], v[:, p0][:, :, q1], v[:, p1][:, :, q0], v[:, p1][:, :, q1]
    weights = (16 - t) * (16 - s), (16 - t) * s, t * (16 - s), t * s
    return sum(weight * corner for weight, corner in zip(weights, corners, strict=True)) >> 8


def learned_features(net, x, edge):
    """Of the picture's inputs with `edge` cells around, (10, h + 2 edge, w + 2 edge): (24, h + 1, w + 1)."""
    h, w = x.shape[1] - 2 * edge, x.shape[2] - 2 * edge
    low = surroundings(net, x[:, edge : edge + h, edge : edge + w])
    first = value(total(net, "first", x), "first")  # of one cell less on each side, and so on
    rows, cols = (np.arange(2 - edge, n + edge - 2) for n in (h, w))
    joined = total(net, "join", between(low, rows, cols))
    second = value(total(net, "second", first) + joined, "second")
    third = value(total(net, "third", second), "third")
    crop = lambda v, edge: v[:, edge : edge + h + 1, edge : edge + w + 1]  # noqa: E731
    both = np.concatenate([crop(second, edge - 2), crop(third, edge - 3)])
    return total(net, "last", both) >> LAYERS["last"][1]
