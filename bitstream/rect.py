"""A rectangle of places on a grid: of sites, cells or pixels, as whoever has it says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Rect(NamedTuple):
    """Rows from `top` on, columns from `left` on, so many of both; empty with none of one of them."""

    top: int
    left: int
    rows: int
    cols: int

    @classmethod
    def between(cls, top: int, left: int, bottom: int, right: int) -> Rect:
        """From row `top` to before `bottom`, from column `left` to before `right`; empty where they are the wrong way
        round."""
        return cls(top, left, max(bottom - top, 0), max(right - left, 0))

    @classmethod
    def at(cls, x: int, y: int, width: int, height: int) -> Rect:
        """The same in the order that people and DNG's crops have."""
        return cls(y, x, height, width)

    @classmethod
    def around(cls, parts: Iterable[Rect]) -> Rect:
        """The least that holds all of some, one at least."""
        tops, lefts, bottoms, rights = zip(*((p.top, p.left, p.bottom, p.right) for p in parts), strict=True)
        return cls.between(min(tops), min(lefts), max(bottoms), max(rights))

    @property
    def bottom(self) -> int:
        """The row behind the last."""
        return self.top + self.rows

    @property
    def right(self) -> int:
        """The column behind the last."""
        return self.left + self.cols

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.cols

    @property
    def xywh(self) -> tuple[int, int, int, int]:
        """Column, row, width and height."""
        return self.left, self.top, self.cols, self.rows

    @property
    def slices(self) -> tuple[slice, slice]:
        """What cuts it out of an array; it must not begin before that."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def grown(self, by: int, unit: int = 1) -> Rect:
        """With `by` places more on all sides at least, its sides at multiples of `unit`."""
        low, high = ((v - by) // unit * unit for v in (self.top, self.left)), (self.bottom, self.right)
        return Rect.between(*low, *(-(-(v + by) // unit) * unit for v in high))

    def within(self, other: Rect) -> Rect:
        """What both have in common."""
        return Rect.between(
            max(self.top, other.top), max(self.left, other.left), min(self.bottom, other.bottom),
            min(self.right, other.right),
        )  # fmt: skip

    def meets(self, other: Rect) -> bool:
        """Whether both have a place in common."""
        return 0 not in self.within(other).shape

    def lies_in(self, other: Rect) -> bool:
        """Whether all of it is in the other."""
        return self.within(other) == self
