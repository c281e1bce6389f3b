"""Exports of a picture as photographers make them, each with its truth: which place of the picture every pixel shows.

::

    Export.of(picture) --crop, straighten, distort, ... one after another--> Export --render, jpeg--> file

Positions: (x, y) in pixels, the middle of the first pixel is (0, 0). A chain of changes is interpolated once.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from scipy.ndimage import gaussian_filter, map_coordinates

Place = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def _same(u, v):
    return u, v


@dataclass(frozen=True)
class Export:
    """size: (width, height). shows: the place of the picture that a pixel shows. box: left, top, right, bottom of the
    picture within its frame. spread: factor of red's distance from the middle, of blue's its inverse."""

    size: tuple[int, int]
    shows: Place = _same
    box: tuple[int, int, int, int] | None = None
    bar: float = 1.0
    spread: float = 1.0

    @classmethod
    def of(cls, picture: np.ndarray) -> Export:
        """The picture (rows, columns, 3) as it is."""
        return cls((picture.shape[1], picture.shape[0]))

    def _to(self, size, place, **changes) -> Export:
        before = self.shows
        return replace(self, size=size, shows=lambda u, v: before(*place(u, v)), **changes)

    def crop(self, x, y, w, h) -> Export:
        return self._to((w, h), lambda u, v: (u + x, v + y))

    def crop_share(self, share, at=(0.5, 0.5)) -> Export:
        """`share` of each side away."""
        w, h = (max(8, round(n * (1 - share))) for n in self.size)
        return self.crop(int((self.size[0] - w) * at[0]), int((self.size[1] - h) * at[1]), w, h)

    def resize(self, sx, sy=None) -> Export:
        (w, h), sy = self.size, sx if sy is None else sy
        to = max(1, round(w * sx)), max(1, round(h * sy))
        fx, fy = w / to[0], h / to[1]
        return self._to(to, lambda u, v: ((u + 0.5) * fx - 0.5, (v + 0.5) * fy - 0.5))

    def turn(self, quarters) -> Export:
        """Clockwise."""
        (w, h), q = self.size, quarters % 4
        where = (_same, lambda u, v: (v, h - 1 - u), lambda u, v: (w - 1 - u, h - 1 - v), lambda u, v: (w - 1 - v, u))
        return self._to((h, w) if q % 2 else (w, h), where[q])

    def mirror(self) -> Export:
        w = self.size[0]
        return self._to(self.size, lambda u, v: (w - 1 - u, v))

    def straighten(self, degrees, keep_size=False) -> Export:
        """Turned about the middle and cut to the largest upright part of the same form without empty corners."""
        a, (w, h) = np.radians(degrees), self.size
        c, s = np.cos(a), np.sin(a)
        k = 1 / max(c + abs(s) * h / w, c + abs(s) * w / h)
        w2, h2 = int(w * k), int(h * k)
        cx, cy, dx, dy = (w - 1) / 2, (h - 1) / 2, (w2 - 1) / 2, (h2 - 1) / 2
        cut = self._to((w2, h2), lambda u, v: (cx + c * (u - dx) - s * (v - dy), cy + s * (u - dx) + c * (v - dy)))
        return cut.resize(w / w2, h / h2) if keep_size else cut

    def distort(self, share) -> Export:
        """A lens correction: a corner shows what lay `share` of the half diagonal farther from the middle."""
        w, h = self.size
        cx, cy = (w - 1) / 2, (h - 1) / 2
        rho2 = cx * cx + cy * cy
        f = min(1 / (1 + share * r) for r in (1, min(cx, cy) ** 2 / rho2, max(cx, cy) ** 2 / rho2))

        def place(u, v):
            dx, dy = u - cx, v - cy
            g = f * (1 + share * (dx * dx + dy * dy) / rho2)
            return cx + dx * g, cy + dy * g

        return self._to(self.size, place)

    def perspective(self, share, across=False) -> Export:
        """Converging lines mended: one edge shows `share` less of its length than the one opposite."""
        w, h = self.size
        inset = share / 2 * np.array([w - 1, h - 1])
        corners = [(inset[0], 0), (w - 1 - inset[0], 0), (0, h - 1), (w - 1, h - 1)]
        if across:
            corners = [(0, inset[1]), (w - 1, 0), (0, h - 1 - inset[1]), (w - 1, h - 1)]
        rows, right = [], []
        for (u, v), (x, y) in zip([(0, 0), (w - 1, 0), (0, h - 1), (w - 1, h - 1)], corners, strict=True):
            rows += [[u, v, 1, 0, 0, 0, -u * x, -v * x], [0, 0, 0, u, v, 1, -u * y, -v * y]]
            right += [x, y]
        m = np.append(np.linalg.solve(np.array(rows), np.array(right)), 1)

        def place(u, v):
            below = m[6] * u + m[7] * v + 1
            return (m[0] * u + m[1] * v + m[2]) / below, (m[3] * u + m[4] * v + m[5]) / below

        return self._to(self.size, place)

    def chromatic(self, share) -> Export:
        """Red larger, blue smaller."""
        return replace(self, spread=1 + share)

    def frame(self, share, value=1.0, sides="tblr") -> Export:
        """Bars of `share` of the longer side."""
        n, (w, h) = round(share * max(self.size)), self.size
        t, b, l, r = (n if side in sides else 0 for side in "tblr")
        return self._to((w + l + r, h + t + b), lambda u, v: (u - l, v - t), box=(l, t, l + w, t + h), bar=value)

    def render(self, picture: np.ndarray) -> np.ndarray:
        """float32 (rows, columns, 3)."""
        (w, h), (rows, cols) = self.size, picture.shape[:2]
        u, v = np.meshgrid(np.arange(w, dtype=float), np.arange(h, dtype=float))
        x, y = self.shows(u, v)
        step = [float(np.hypot(*(np.median(np.diff(p, axis=axis)) for p in (x, y)))) for axis in (0, 1)]
        shrink = max(1.0, (step[0] * step[1]) ** 0.5)
        out = np.empty((h, w, 3), np.float32)
        whole = shrink == 1 and self.spread == 1 and np.abs(x - np.rint(x)).max() < 1e-6 > np.abs(y - np.rint(y)).max()
        if whole:
            out[:] = picture[np.rint(y).astype(int).clip(0, rows - 1), np.rint(x).astype(int).clip(0, cols - 1)]
        else:
            to = max(2, round(cols / shrink)), max(2, round(rows / shrink))
            fx, fy = to[0] / cols, to[1] / rows
            for k, spread in enumerate((self.spread, 1.0, 1 / self.spread)):
                plane = np.ascontiguousarray(picture[..., k], np.float32)
                if shrink > 1.01:
                    plane = np.asarray(Image.fromarray(plane, "F").resize(to, Image.Resampling.LANCZOS))
                at_x = ((x - (cols - 1) / 2) * spread + cols / 2) * (fx if shrink > 1.01 else 1) - 0.5
                at_y = ((y - (rows - 1) / 2) * spread + rows / 2) * (fy if shrink > 1.01 else 1) - 0.5
                out[..., k] = map_coordinates(plane, [at_y, at_x], order=3, mode="nearest", output=np.float32)
        if self.box:
            l, t, r, b = self.box
            inside = np.zeros((h, w), bool)
            inside[t:b, l:r] = True
            out[~inside] = self.bar
        return out


def srgb(linear: np.ndarray) -> np.ndarray:
    x = np.clip(linear, 0, 1)
    return np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)


@dataclass(frozen=True)
class Look:
    """Tones of an export; gain in linear light, contrast about middle gray, and what is drawn upon it. local: share of
    the broad contrast that is taken away, as HDR programs do; sky: share of the rows that another sky covers."""

    gain: float = 1.0
    contrast: float = 1.0
    mono: bool = False
    quality: int = 92
    subsampling: int = 2
    stamp: bool = False
    blur: float = 0.0
    local: float = 0.0
    sky: float = 0.0

    def jpeg(self, linear: np.ndarray, exif: bytes = b"") -> bytes:
        """Linear light, float (rows, columns, 3), as a JPEG file."""
        linear = _flat(linear, self.local) if self.local else linear
        linear = _pasted(linear, self.sky) if self.sky else linear
        x = srgb(linear * np.float32(self.gain))
        if self.contrast != 1:
            x = np.clip(0.46 + (x - 0.46) * self.contrast, 0, 1)
        if self.mono:
            x = np.repeat((x @ np.array([0.299, 0.587, 0.114]))[..., None], 3, 2)
        image = Image.fromarray((x * 255 + 0.5).astype(np.uint8))
        if self.blur:
            image = _portrait(image, self.blur)
        if self.stamp:
            _stamp(image)
        if self.mono:
            image = image.convert("L")
        out = io.BytesIO()
        options = {} if image.mode == "L" else {"subsampling": self.subsampling}
        image.save(out, "JPEG", quality=self.quality, exif=exif, **options)
        return out.getvalue()


def _flat(linear: np.ndarray, share: float) -> np.ndarray:
    """Broad contrast taken away, fine contrast raised."""
    light = np.log(np.maximum(linear.mean(2), 1e-3))
    broad, fine = (gaussian_filter(light, linear.shape[1] / n) for n in (30, 200))
    gain = np.exp(share * (broad.mean() - broad) + 0.7 * share * (light - fine))
    return (linear * gain[..., None]).astype(np.float32)


def _pasted(linear: np.ndarray, share: float) -> np.ndarray:
    """Other clouds above a ragged horizon."""
    h, w = linear.shape[:2]
    rng = np.random.default_rng(h * w)
    line = gaussian_filter(rng.normal(size=w), w / 40)
    horizon = h * share * (1 + 0.2 * line / (line.std() + 1e-9))
    clouds = sum(gaussian_filter(rng.normal(size=(h, w)), w / n) * w / n for n in (12, 40, 120))
    clouds = 0.6 + 0.15 * clouds / (clouds.std() + 1e-9)
    above = gaussian_filter((np.arange(h)[:, None] < horizon).astype(np.float32), 1.0)[..., None]
    return (linear * (1 - above) + above * clouds[..., None] * [0.8, 0.9, 1.1]).astype(np.float32)


def _stamp(image):
    """A date in the corner."""
    draw, side = ImageDraw.Draw(image), max(10, image.height // 22)
    from PIL import ImageFont

    draw.text(
        (image.width - 6 * side, image.height - 2 * side), "2026 05 14", (255, 140, 20), ImageFont.load_default(side)
    )


def _portrait(image, share):
    """All but an ellipse in the middle is blurred."""
    w, h = image.size
    mask = Image.new("L", image.size, 0)
    ImageDraw.Draw(mask).ellipse((w * 0.3, h * 0.15, w * 0.7, h * 1.1), fill=255)
    soft = image.filter(ImageFilter.GaussianBlur(share * w))
    return Image.composite(image, soft, mask.filter(ImageFilter.GaussianBlur(w / 100)))


def misses(
    shows: Place, geometry, mosaic: tuple[int, int], jpeg: tuple[int, int], scale: float, box=None
) -> np.ndarray:
    """How far a geometry lays sites from where they lie, px of the coarser of both pictures, over what is covered.

    mosaic, jpeg: (rows, columns). scale: JPEG px per mosaic px.
    """
    found = []
    left, top, right, bottom = box or (0, 0, jpeg[1], jpeg[0])
    u, v = np.meshgrid(np.linspace(left, right - 1, 9), np.linspace(top, bottom - 1, 9))
    x, y = shows(u, v)
    for a, b in zip(x.ravel(), y.ravel(), strict=True):
        site = round(b), round(a)
        if not (0 <= site[0] < mosaic[0] and 0 <= site[1] < mosaic[1]):
            continue
        rows, cols = geometry.laid(np.array([2 * site[0]]), np.array([2 * site[1]]), mosaic, jpeg)
        at = shows(cols.astype(float)[0] / 4096, rows.astype(float)[0] / 4096)
        found.append(np.hypot(float(at[0][0]) - site[1], float(at[1][0]) - site[0]) * min(scale, 1.0))
    return np.array(found)
