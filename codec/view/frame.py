"""From the picture that a person sees, upright and cropped as the RAW says, to the mosaic as it is stored, and back."""

from __future__ import annotations

from dataclasses import dataclass

Rectangle = tuple[int, int, int, int]
"""Column, row, columns, rows."""


@dataclass(frozen=True)
class Frame:
    """left, top, width, height: the part of the mosaic that is shown; orientation: how it is turned, TIFF 1..8."""

    left: int
    top: int
    width: int
    height: int
    orientation: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)

    def stored(self, box: Rectangle) -> Rectangle:
        """The rectangle of the mosaic that a rectangle of the upright picture shows."""
        x, y, w, h = box
        width, height = self.size
        if self.orientation in (2, 3, 6, 7):
            x = width - x - w
        if self.orientation in (3, 4, 7, 8):
            y = height - y - h
        if self.orientation >= 5:
            x, y, w, h = y, x, h, w
        return x + self.left, y + self.top, w, h

    def upright(self, box: Rectangle) -> Rectangle:
        """The inverse of `stored`."""
        x, y, w, h = box
        x, y = x - self.left, y - self.top
        if self.orientation >= 5:
            x, y, w, h = y, x, h, w
        width, height = self.size
        if self.orientation in (3, 4, 7, 8):
            y = height - y - h
        if self.orientation in (2, 3, 6, 7):
            x = width - x - w
        return x, y, w, h
