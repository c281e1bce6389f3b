"""JPEG XL of what rawinlay's recipe leaves: a standard codec behind our guide, to tell recipe from trunk.

The recipe (basic, powers and learned features, chosen as the encoder does, no local corrections) gives a prediction
from the JPEG. The difference of mosaic and prediction under rawinlay's companding, in place, is an image that JPEG XL
codes like any other, as quadrants around middle grey. Nothing of the prediction steers its quantiser, no closed loop
predicts between colours: that is rawinlay's trunk.

::

    JPEG --recipe--> prediction b     mosaic x --T(x) - T(b)--> + 32768, in 1/16 --JPEG XL at a distance--> bytes
                                     x_hat = nearest DN of T(b) + difference

The body is the record `FIELDS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...bitstream.errors import InputError, StreamError
from ...bitstream.raw_image import RawImage
from ...bitstream.stream.fields import Field, read_record, write_record
from ...codec.encoder.candidates import RecipeChoice
from ...codec.encoder.effort import Effort
from ...codec.encoder.rate import MIDDLE
from ...codec.encoder.steps import STEPS
from ...codec.guide.guide import make_guide
from ...codec.mosaic.companding import Companding
from ...codec.mosaic.layout import Layout
from ...codec.recipe import net as guide_net
from ...codec.recipe.features import COUNT
from ...codec.recipe.recipe import Recipe
from ...codec.recipe.side import SideInfo, Window
from .base import Peer, need
from .clock import part
from .frame import Frame, unwrap
from .guide import RgbGuide, begin, resume
from .jxl import compress, decompress, distance_of

FIELDS = (
    Field("top", "u16", "largest value of the mosaic, DN", low=1),
    Field("saturation", "array", "as in rawinlay's header", high=8, of=Field("dn", "varint", high=65535)),
    Field("learned", "u8", "whether the recipe uses learned features", high=1),
    Field("recipe", "bytes", "`codec.recipe.recipe`"),
    Field("image", "bytes", "JPEG XL's codestream", high=(1 << 32) - 1),
)
DISTANCES = (25, 3, 1, 0.6, 0.4, 0.25, 0.16, 0.1, 0.06, 0.04, 0.025)
"""Closer where the rate changes fast: from some hundredths of a bit per pixel, hardly more than the recipe, to 5."""

GREY = 1 << 15
UNIT = 16  # of the companded difference: no difference is clipped, and a step is under one DN of 14 bits
BAND = 64  # rows of cells at once, even


class JxlResidual(Peer):
    """`jxl-residual`."""

    name = "jxl-residual"
    guided = True
    counts = "size, CFA phase, levels, geometry, the recipe's coefficients, saturation of the sensor"

    def settings(self) -> Sequence[str]:
        return [f"distance={distance:g}" for distance in DISTANCES]

    def encode(self, raw: RawImage, jpeg: bytes | None, setting: str) -> bytes:
        distance = distance_of(setting)
        frame, guide = begin(raw, need(jpeg))
        prediction = Prediction(frame, guide, max(int(raw.mosaic.max()), 1))
        packed = prediction.layout.pack(raw.mosaic)
        with part("network"):
            prediction.fit(raw.mosaic)
            image = prediction.residual(packed)
        with part("entropy"):
            coded = compress(image, distance)
        return frame.wrap(write_record(FIELDS, prediction.record() | {"image": coded}))

    def decode(self, data: bytes, jpeg: bytes | None) -> np.ndarray:
        frame, body = unwrap(data)
        guide = resume(need(jpeg), frame)
        values = read_record(FIELDS, body, "residual")
        with part("entropy"):
            image = decompress(values["image"])
        prediction = Prediction(frame, guide, values["top"])
        prediction.take(values)
        with part("network"):
            return prediction.restore(image)


class Prediction:
    """The recipe's prediction of one picture, and the difference from it as an image and back."""

    def __init__(self, frame: Frame, guide: RgbGuide, top: int) -> None:
        self.layout, self.top, self.frame = Layout(*frame.shape, frame.phase), top, frame
        with part("guide"):
            laid = make_guide(guide.planes, guide.geometry, frame.shape, self.layout.origin)
            self.side_info = SideInfo(laid, self.layout, guide_net.load())
        self.saturation: tuple[int, ...] = ()
        self.recipe: Recipe

    @property
    def companding(self) -> Companding:
        """T; StreamError for levels that it can't have."""
        try:
            black = self.layout.per_plane(self.frame.levels)
            saturation = self.saturation or (0,) * 8
            return Companding(black, self.frame.white, self.top, STEPS["psnr"].companding, None, saturation)
        except ValueError as error:
            raise StreamError(f"the levels can't be companded ({error})") from error

    def fit(self, mosaic: np.ndarray) -> None:
        """Choose recipe and saturation for the mosaic."""
        try:
            companding = self.companding
        except StreamError as error:
            raise InputError(str(error)) from error
        choice = RecipeChoice(mosaic, self.layout, self.side_info, companding, Effort())
        self.recipe = choice.best(MIDDLE, STEPS["psnr"].exponent, float("inf"))
        self.saturation = tuple(choice.saturation) if any(choice.saturation) else ()

    def record(self) -> dict[str, object]:
        """The body's fields but the image."""
        learned = int(self.recipe.learned)
        return {
            "top": self.top,
            "saturation": list(self.saturation),
            "learned": learned,
            "recipe": self.recipe.to_bytes(),
        }

    def take(self, values: dict[str, object]) -> None:
        """The inverse of `record`; StreamError where the values are out of range."""
        saturation, recipe = values["saturation"], values["recipe"]
        assert isinstance(saturation, list) and isinstance(recipe, bytes)
        if len(saturation) not in (0, 8) or max(saturation, default=0) > self.top:
            raise StreamError("residual: the saturation makes no sense")
        self.saturation = tuple(saturation)
        self.recipe = Recipe.from_bytes(recipe, COUNT + guide_net.COUNT if values["learned"] else COUNT)

    def bands(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Rows of cells and their prediction, companded, int32 (4, rows, w)."""
        h, w = self.layout.cells
        companding = self.companding
        for first in range(0, h, BAND):
            rows = min(BAND, h - first)
            window = Window(((first, 0),), rows + rows % 2, w + w % 2)
            levels = self.side_info.prediction(window, self.recipe, companding)[0, :, :rows, :w]
            yield slice(first, first + rows), companding.compand(levels)

    def residual(self, packed: np.ndarray) -> np.ndarray:
        """The image: uint16 (2 h, 2 w), quadrants R | G1 over G2 | B."""
        h, w = self.layout.cells
        out, companding = np.empty((2, h, 2, w), np.uint16), self.companding
        for rows, prediction in self.bands():
            difference = companding.compand(companding.level(packed[:, rows])) - prediction
            grey = np.clip(np.rint(difference / UNIT) + GREY, 0, 65535).astype(np.uint16)
            out[:, rows] = grey.reshape(2, 2, -1, w).swapaxes(1, 2)
        return out.reshape(2 * h, 2 * w)

    def restore(self, image: np.ndarray) -> np.ndarray:
        """The mosaic, uint16 (H, W), of a decoded image."""
        h, w = self.layout.cells
        if image.shape != (2 * h, 2 * w):
            raise StreamError(f"residual: an image of {image.shape} for a mosaic of {self.frame.shape}")
        planes, companding = np.empty((4, h, w), np.uint16), self.companding
        parts = image.reshape(2, h, 2, w)
        for rows, prediction in self.bands():
            grey = parts[:, rows].swapaxes(1, 2).reshape(4, -1, w).astype(np.int32)
            planes[:, rows] = companding.expand(prediction + (grey - GREY) * UNIT)
        return self.layout.unpack(planes)
