"""A picture on its way into a stream: what stands fast from the start, and the recipes that are tried for it.

::

    Job --candidate(recipe)--> Candidate --fit(step)--> Fit --code--> Found
                                                          '--cost--> bytes, to choose among candidates

None of them changes: a search goes from one candidate to another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ...bitstream.cell import CellLayout
from ...bitstream.errors import InputError, StreamError
from ...bitstream.jpeg.jumbf import PART
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.levels import Levels
from ...bitstream.raw_image import RawImage
from ...bitstream.runtime.forks import cached_property
from ...bitstream.runtime.progress import Progress
from ...bitstream.stream.header import Header
from ...bitstream.stream.used import UsedValues
from ...entropy import tables
from ..decoder import stream
from ..decoder.stream import Stream
from ..guide.geometry import Geometry
from ..guide.guide import LaidGuide
from ..guide.projection import Projection
from ..isp.colour import srgb_from_balanced
from ..isp.light import Light
from ..recipe import net_weights as weights
from ..recipe.gate import Gate
from ..recipe.gated import guided_by
from ..recipe.recipe import Recipe
from ..recipe.side import Window
from .candidates import RecipeChoice
from .corrections_writer import local_bytes
from .effort import Effort, effort_of
from .fit.samples import Coded, Fit
from .fit.saturation import ceilings_of
from .fit.source_picture import SourcePicture
from .gate_writer import gate_bytes
from .options import EncodeOptions
from .picture import Area, CpuEncoder
from .steps import STEPS
from .stream_writer import stream_bytes

if TYPE_CHECKING:
    from ..recipe.net import GuideNet


SIDES, LEAST_SIDE = ((512, 1.0), (384, 1.75), (320, 1.75), (256, 1.75), (224, 1.75), (192, 1.75), (160, 1.75)), 128
"""Sides of tiles, and how many segments a mean one may fill: most then take two at most, so that each twentieth segment
costs each tenth tile; one where there are few tiles."""


@dataclass(frozen=True, eq=False)
class Found:
    """A coded picture: its stream, and what that decodes to, uint16 (H, W); areas: side information that its tiles
    were coded with, of those that were kept, by window."""

    stream: Stream
    mosaic: np.ndarray
    areas: Mapping[Window, Area] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Job:
    """One picture being encoded: what depends on neither recipe nor step.

    recipes: those that were fitted to it. growth: bytes that the JPEG grows by for a payload.
    projection: of the geometry, which the header names else. gate: where a guide of the stream's own is the guide.
    levels: what the mosaic's numbers stand for, as far as it is to be kept. used: the values by plane, where told.
    wanted: bits a site, where a size is.
    """

    picture: SourcePicture
    recipes: RecipeChoice
    header: Header
    growth: Callable[[bytes], int]
    effort: Effort
    progress: Progress | None
    projection: Projection | None = None
    gate: Gate | None = None
    levels: Levels | None = None
    used: UsedValues | None = None
    wanted: float | None = None

    @classmethod
    def of(
        cls,
        raw: RawImage,
        planes: JpegPlanes,
        geometry: Geometry,
        header: Header,
        growth: Callable[[bytes], int],
        options: EncodeOptions,
        gate: Gate | None = None,
        used: UsedValues | None = None,
    ) -> Job:
        """The job of a picture. InputError for levels that can't be coded."""
        effort, layout = effort_of(options.effort), stream.layout_of(header, raw.cell)
        guide = LaidGuide(planes, geometry, raw.mosaic.shape, layout.origin, raw.cell)
        side_info = guided_by(guide, gate, layout, _net() if effort.learned else None)
        try:
            companding = stream.companding_of(header, used)
        except StreamError as error:
            raise InputError(f"the RAW's levels can't be coded ({error})") from error
        recipes = RecipeChoice(raw.mosaic, layout, side_info, companding, effort)
        if any(recipes.saturation):
            header = replace(header, saturation=list(recipes.saturation))
            companding = stream.companding_of(header, used)
        picture = SourcePicture(
            raw.mosaic, layout, side_info, companding, tables.load(), header.step_exponent, _colours(raw),
            ceilings_of(raw, layout),
        )  # fmt: skip
        levels = raw.levels
        if levels and not options.rate.lossless:
            levels = replace(levels, low=None)
        size = options.rate.bytes_for(raw.mosaic.size)
        wanted = size * 8 / raw.mosaic.size if size and not options.rate.in_layers else None
        return cls(
            picture, recipes, header, growth, effort, options.progress, geometry.projection, gate, levels, used, wanted
        )  # fmt: skip

    @property
    def sites(self) -> int:
        """Of the mosaic."""
        return self.picture.mosaic.size

    def tell(self, what: str, share: float) -> None:
        """Say how far the work is."""
        if self.progress:
            self.progress(what, share)

    def side(self, bits: float) -> int:
        """Side of a tile in cells: larger where there are few bits, since each substream costs bytes of its own; but a
        segment that is lost costs the tiles in it (`bitstream.jpeg.parts`), so that those have few. What is wanted
        counts more than an estimate: tiles of another side would all be made anew."""
        bits = self.wanted or bits
        h, w = self.picture.layout.cells
        if bits * 4 * h * w / 8 < 40_000:
            return max(16, 2 * ((max(h, w) + 1) // 2))
        if bits < 0.3:
            return 1024
        return next((side for side, most in SIDES if bits * 4 * side**2 / 8 <= most * PART), LEAST_SIDE)

    def candidate(self, recipe: Recipe) -> Candidate:
        """The picture with a recipe."""
        header = replace(self.header, net=weights.DEFAULT if recipe.learned else b"")
        return Candidate(self, recipe, header, CpuEncoder(self.picture, recipe, self.effort))

    def plain(self) -> Candidate:
        """The picture with the recipe of few features."""
        return self.candidate(self.recipes.plain)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A picture with a recipe: the header that names its net, the encoder that goes by it."""

    job: Job
    recipe: Recipe
    header: Header
    encoder: CpuEncoder

    @property
    def picture(self) -> SourcePicture:
        """The job's."""
        return self.job.picture

    @property
    def cell(self) -> CellLayout | None:
        """How the sensor's values lie in the mosaic."""
        return self.picture.layout.cell

    @cached_property
    def side_bytes(self) -> int:
        """What the recipe itself takes, and the gate."""
        return recipe_bytes(self.recipe) + (len(gate_bytes(self.job.gate)) if self.job.gate else 0)

    @cached_property
    def fixed(self) -> int:
        """Bytes that the JPEG grows by for header and recipe alone."""
        h, w = self.picture.layout.cells
        count = -(-h // 16) * -(-w // 16)  # of the smallest tiles
        job = self.job
        empty = Stream(
            self.header, self.recipe, {}, [0] * count, {}, projection=job.projection, gate=job.gate, cell=self.cell,
            levels=job.levels, used=job.used,
        )  # fmt: skip
        return self.job.growth(stream_bytes(empty))

    def error(self, coded: Coded | Found) -> float:
        """Mean squared error of what is coded: in linear light, or companded where it is to be even against the noise.
        """
        picture, found = self.picture, [coded.mosaic, self.picture.mosaic]
        if self.header.step_exponent < STEPS["psnr"].exponent:
            companding, layout = picture.companding, picture.layout
            found = [companding.compand(companding.level(layout.pack(mosaic))) for mosaic in found]
        return float(np.mean((found[0].astype(np.float32) - found[1]) ** 2))

    def cost(self, fitted: Fit) -> float:
        """Estimated bytes at the fit's step, the error's worth included."""
        side = self.side_bytes + sum(len(p.to_bytes()) for p in fitted.params.values())
        h, w = self.picture.layout.cells
        return side + fitted.cost * 4 * h * w / 8

    def fit(self, step: int, quick: bool = False, only: int | None = None) -> Fit:
        """Parameters of the stages at a step.

        quick: from fewer samples; only: over this transform alone, the one that was better in a fit before.
        """
        self.job.tell("fitting", 0.0)
        return self.encoder.fit(step, quick, only)

    def survey(self, bits: float, fitted: Fit) -> Fit:
        """Look at all of the picture, so that fits, as this one then, tell its bits well.

        fitted: a quick fit; bits: wanted, a site.
        """
        self.encoder.survey(self.job.side(bits))
        return self.encoder.scaled(fitted, quick=True)

    def trial(self, step: int, fitted: Fit) -> tuple[list[int], float]:
        """Transform of each tile, and bits a site, from pieces of all tiles."""
        return self.encoder.trial(step, fitted, self.job.side(fitted.bits))

    def encode(
        self,
        fitted: Fit,
        step: int,
        price: float = 1.0,
        transforms: list[int] | None = None,
        before: Coded | None = None,
        again: Sequence[int] = (),
    ) -> Coded:
        """All tiles coded at a step with fitted parameters; or of those coded before, some again.

        price: how much dearer than usual a bit is; transforms: of the tiles, if they are chosen already.
        """
        side = self.job.side(fitted.bits)
        return self.encoder.encode(step, fitted, side, price, transforms, self.job.progress, before, again)

    def stream(self, fitted: Fit, coded: Coded) -> Stream:
        """The stream of coded tiles."""
        params = {b: p for b, p in fitted.params.items() if b in coded.transforms}
        side, transforms = self.job.side(fitted.bits), stream.pack_transforms(coded.transforms)
        header = replace(self.header, step=coded.step, tile=side // 2, transforms=transforms)
        return Stream(
            header, self.recipe, params, coded.transforms, coded.substreams,
            projection=self.job.projection, gate=self.job.gate, cell=self.cell, levels=self.job.levels,
            used=self.job.used,
        )  # fmt: skip

    def code(self, fitted: Fit, step: int) -> Found:
        """The picture coded at a step with fitted parameters."""
        coded = self.encode(fitted, step)
        return self.found(self.stream(fitted, coded), coded)

    def found(self, stream: Stream, coded: Coded) -> Found:
        """What was coded, with its stream."""
        return Found(stream, coded.mosaic, self.encoder.areas)


def recipe_bytes(recipe: Recipe) -> int:
    """Bytes of a recipe in a stream, its corrections and its second look included."""
    local = len(local_bytes(recipe.local, tables.load())) if recipe.local else 0
    return len(recipe.to_bytes()) + local + (len(recipe.look.to_bytes()) if recipe.look else 0)


def _colours(raw: RawImage) -> np.ndarray:
    """The camera's R, G, B to sRGB's by the RAW's tags; with the greens for all where they say nothing of the light."""
    light = Light.of(raw)
    gains = 1 / np.maximum(light.neutral, 1 / 64)
    if np.ptp(gains) == 0:
        mean = [max(float(raw.mosaic[k // 2 :: 2, k % 2 :: 2].mean()) - raw.black[k], 1.0) for k in range(4)]
        by_colour = [np.mean([m for m, c in zip(mean, raw.cfa, strict=True) if c == colour]) for colour in "RGB"]
        gains = np.clip(by_colour[1] / np.array(by_colour), 1 / 8, 8)
    return srgb_from_balanced(light.daylight()) * gains


def _net() -> GuideNet:
    """The learned features; they bring torch."""
    from ..recipe import net as guide_net

    return guide_net.load()
