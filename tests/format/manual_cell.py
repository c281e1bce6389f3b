"""A part of the second decoder (see `manual`): cell layouts and levels, manual 2.12, 2.13 and 5.18."""

import math
import struct
import zlib

import numpy as np
from manual_container import varint


class Cell:
    """A section CELL."""

    def __init__(self, data, header):
        self.n = data[0]
        self.height, at = varint(data, 1)
        self.width, at = varint(data, at)
        self.rows, self.cols = data[at : at + 2]
        at += 2 + self.rows * self.cols * self.n
        at += 1 + data[at]
        self.p, self.q = data[at : at + 2]
        at += 2
        self.table = list(data[at : at + self.p * self.q])
        count, at = varint(data, at + self.p * self.q)
        self.donors = [tuple(data[at + 2 * k : at + 2 * k + 2]) for k in range(count)]
        assert len(data) == at + 2 * count and header.cfa == 0
        if self.n == 1:
            assert header.height == self.p * math.ceil(self.height / self.p)
            assert header.width == self.q * math.ceil(self.width / self.q)
        else:
            assert (header.height, header.width) == (2 * self.height, 2 * self.width)

    def guide(self, y):
        """Y of every site, of Y at its place."""
        if self.n > 1:
            return y
        out = np.empty_like(y)
        for i in range(y.shape[0]):
            for j in range(y.shape[1]):
                t = self.table[i % self.p * self.q + j % self.q]
                out[i, j] = y[i - i % self.p + t // self.q, j - j % self.q + t % self.q]
        return out

    def lend(self, prediction, levels, low, high):
        """Donors' predictions, put in."""
        before = [plane.copy() for plane in prediction]
        for site, donor in self.donors:
            i, j = site // self.q, site % self.q
            k = i % 2 * 2 + j % 2
            part = np.s_[i // 2 :: self.p // 2, j // 2 :: self.q // 2]
            prediction[k][part] = np.clip(before[donor][part] + levels[donor] - levels[k], low, high)

    def place(self, i, j):
        """Row, column and number of a site's value, which may lie outside of the picture."""
        t = self.table[i % self.p * self.q + j % self.q]
        if self.n > 1:
            return i // 2, j // 2, t
        return i - i % self.p + t // self.q, j - j % self.q + t % self.q, 0

    def settled(self, mosaic):
        """The mosaic in the end."""
        values = {}
        for i in range(mosaic.shape[0]):
            for j in range(mosaic.shape[1]):
                values.setdefault(self.place(i, j), mosaic[i, j])

        def inside(r, length, period):
            return r if r < length else max((k for k in range(r, -1, -period) if k < length), default=length - 1)

        out = np.empty_like(mosaic)
        for i in range(mosaic.shape[0]):
            for j in range(mosaic.shape[1]):
                r, c, k = self.place(i, j)
                out[i, j] = values[inside(r, self.height, self.rows), inside(c, self.width, self.cols), k]
        return out


def read_levels(data, mosaic):
    """(the values of a mosaic's numbers; white and black levels) by a section LEVL."""
    bits, s = data[:2]
    base, at = varint(data, 2)
    base = base // 2 if base % 2 == 0 else -(base + 1) // 2
    levels, rest = struct.unpack("<5d", data[at : at + 40]), data[at + 40 :]
    rank = mosaic.astype(np.int64) * 2**s + base
    if not bits:
        return rank, levels
    if rest:
        planes = np.frombuffer(zlib.decompress(rest, -15), np.uint8).reshape(-1, *mosaic.shape).astype(np.int64)
        rank += planes[0] + (256 * planes[1] if len(planes) > 1 else 0)
    else:
        rank += 2**s // 2
    sign = 2 ** (bits - 1)
    plain = np.where(rank >= sign, rank - sign, 2**bits - 1 - rank)
    return plain.astype(f"u{bits // 8}").view(f"f{bits // 8}"), levels
