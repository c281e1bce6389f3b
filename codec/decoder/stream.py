"""The RAW stream as a whole: header, recipe, parameters and substreams from payload bytes.

`codec.encoder.stream_writer` writes what is read here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from ...bitstream.cell import CellLayout
from ...bitstream.errors import StreamError
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.levels import Levels
from ...bitstream.rect import Rect
from ...bitstream.runtime.forks import cached_property
from ...bitstream.runtime.profile import timed
from ...bitstream.runtime.progress import Progress
from ...bitstream.runtime.torch_needed import need_torch
from ...bitstream.stream import away
from ...bitstream.stream.bias import Bias
from ...bitstream.stream.container import Container, Key
from ...bitstream.stream.digests import FileDigests
from ...bitstream.stream.header import Header
from ...bitstream.stream.layers import STAGES, Depth, Layers
from ...bitstream.stream.limits import check_work
from ...bitstream.stream.noise import CarriedNoise
from ...bitstream.stream.preview import CarriedPreview
from ...bitstream.stream.used import UsedValues
from ...bitstream.tiff.meta import Meta
from ...entropy import tables
from ...entropy.tables import Tables
from ..guide.geometry import Geometry
from ..guide.guide import LaidGuide
from ..guide.projection import Projection
from ..mosaic.companding import LOSSLESS, Companding
from ..mosaic.layout import Layout, tiles
from ..recipe import net_weights as weights
from ..recipe.corrections import LocalRecipe
from ..recipe.features import COUNT
from ..recipe.gate import Gate
from ..recipe.gated import guided_by
from ..recipe.look import Look
from ..recipe.recipe import Recipe
from ..recipe.side import ACTIVITIES, SideInfo
from ..refine.layer import Layer
from ..stages.coding import Coding
from ..stages.order import IN_PLACE, REFINED
from ..stages.parameters import Params
from .bias import read_bias, unbiased
from .cpu import TileSide, Watch, decode_mosaic
from .layer_section import parse_layers
from .layers import decode_layers
from .packing import pack_black as pack_black
from .packing import pack_transforms as pack_transforms
from .packing import unpack_transforms
from .param_section import parse_parameters
from .post import corrected, read_post
from .sensor import parse_cell, parse_levels, parse_used
from .setup import Setup
from .setup import companding_of as companding_of
from .setup import layout_of as layout_of

if TYPE_CHECKING:
    from ..recipe.net import GuideNet

LEAST_SCALE, LEAST_SIDE = 64, 8
"""A JPEG has at least 1 / `LEAST_SCALE` of the mosaic's rows and columns (`codec.guide.geometry`), give or take
`LEAST_SIDE`: a small file can't ask for the memory of a huge mosaic."""


@dataclass(frozen=True)
class Stream:
    """A parsed stream: everything that is not a symbol is checked.

    substreams: of layer 0, by (tile, stage). In a stream with layers, `layers` says which are there, and finer holds
    the further layers' substreams by (tile, layer, stage). preview: what the DNG's is to show, where the stream says.
    size: bytes of the payload that it was parsed from. projection: of the geometry, where the header's is not enough.
    gate: where a guide of the stream's own stands for the JPEG. border: the section of what lies around the mosaic.
    digest: section DIGM; files: section DIGS. cut: of tiles that are damaged, the first layer and stage that is not
    there (`codec.decoder.salvage`). noise: the sensor's, and what is missing of it, where the stream tells. about:
    section META; about_lost: whether it is damaged and left out. cell: section CELL; levels: section LEVL. post: the
    second look behind the loop. bands: section DIGJ. used: section USED. bias: section BIAS.
    """

    header: Header
    recipe: Recipe
    params: dict[int, Params]
    transforms: list[int]
    substreams: dict[tuple[int, int], bytes]
    layers: Layers | None = None
    finer: dict[Key, bytes] = field(default_factory=dict)
    preview: CarriedPreview | None = None
    size: int = 0
    projection: Projection | None = None
    gate: Gate | None = None
    border: bytes = b""
    digest: bytes = b""
    files: FileDigests | None = None
    cut: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    noise: CarriedNoise | None = None
    about: bytes = b""
    about_lost: bool = False
    cell: CellLayout | None = None
    levels: Levels | None = None
    post: Look | None = None
    bands: bytes = b""
    used: UsedValues | None = None
    bias: Bias | None = None

    @property
    def geometry(self) -> Geometry:
        """How the JPEG lies over the mosaic."""
        return replace(Geometry.from_bytes(self.header.geometry), projection=self.projection)

    @property
    def meta(self) -> tuple[Meta, tuple[str, ...]]:
        """What it says for the DNG, the header's tags among it, and what of that is damaged, a line each."""
        return Meta.of_stream(self.header.tags, self.about, self.about_lost)

    @property
    def layer_count(self) -> int:
        """Layers that are there, the last one perhaps in part."""
        return 1 + len(self.layers.further) if self.layers else 1

    @property
    def layout(self) -> Layout:
        """Cells of the mosaic."""
        return layout_of(self.header, self.cell)

    @property
    def companding(self) -> Companding:
        """The header's companding, for the values that planes use."""
        return companding_of(self.header, self.used)

    @property
    def tables(self) -> Tables:
        """The probability tables that the header names."""
        return tables.load(self.header.model)

    @cached_property
    def setup(self) -> Setup:
        """What all tiles share."""
        header = self.header
        coding = Coding(self.companding, self.tables, header.step, header.step_exponent, header.states)
        return Setup(self.layout, self.recipe, coding, 2 * header.tile)

    @property
    def lossless(self) -> bool:
        """Whether the values come back bit for bit."""
        if self.levels and not self.levels.kept:
            return False
        if self.layers is None:
            return self.header.lossless
        return self.layers.lossless(len(self.transforms))

    @classmethod
    def from_bytes(cls, data: bytes) -> Stream:
        """Parse a payload. Raises `StreamError` for one that is damaged, newer, or of a model that is not here."""
        container = away.gathered(Container.from_bytes(data))
        header = Header.from_bytes(container.sections.get("HEAD", b""))
        model = tables.load(header.model)
        if header.net:
            weights.REGISTRY.find(header.net)
        geometry = Geometry.from_bytes(header.geometry, container.sections["GEOM"])
        used = parse_used(container.sections, header)
        companding_of(header, used)
        features = COUNT + weights.COUNT if header.net else COUNT
        recipe = Recipe.from_bytes(container.sections.get("RECP", b""), features)
        if container.sections["LOCL"]:
            cells = layout_of(header).cells
            recipe = recipe.with_local(LocalRecipe.from_bytes(container.sections["LOCL"], cells, model))
        if container.sections["LOOK"]:
            recipe = replace(recipe, look=Look.from_bytes(container.sections["LOOK"]))
        params = parse_parameters(container.sections.get("PARM", b""))
        count = len(tiles(*layout_of(header).cells, 2 * header.tile))
        transforms = unpack_transforms(header.transforms, count)
        if header.step == LOSSLESS and any(b != IN_PLACE for b in transforms):
            raise StreamError("a lossless stream has a tile that is not coded in place")
        if any(b not in params for b in transforms):
            raise StreamError("a tile uses a transform whose parameters are missing")
        section = container.sections["LAYR"]
        layers = parse_layers(section, header, transforms) if section else None
        depth = Depth(layers.kept, count) if layers else None
        last = len(layers.further) if layers else 0
        substreams, finer = {}, {}
        for (tile, layer, stage), d in container.substreams.items():
            stages = depth.stages(tile) if depth and layer == last else STAGES
            if layer > last or tile >= count or stage >= stages:
                raise StreamError(f"a substream of tile {tile}, layer {layer}, stage {stage} does not belong there")
            if layer:
                finer[tile, layer, stage] = d
            else:
                substreams[tile, stage] = d
        post = read_post(container.sections["POST"], bool(layers or header.lossless))
        cell = parse_cell(container.sections, header)
        bias = read_bias(container.sections["BIAS"], bool(layers or header.lossless or cell))
        preview = CarriedPreview.from_bytes(container.sections["PREV"])
        section = container.sections["GATE"]
        gate = Gate.from_bytes(section, layout_of(header).cells) if section else None
        return cls(
            header, recipe, params, transforms, substreams, layers, finer, preview, len(data), geometry.projection,
            gate, container.sections["BORD"], container.sections["DIGM"],
            FileDigests.from_bytes(container.sections["DIGS"]),
            noise=CarriedNoise.from_bytes(container.sections["NOIS"]),
            about=container.sections["META"], about_lost="META" in container.lost,
            cell=cell,
            levels=parse_levels(container.sections, header), post=post,
            bands=container.sections["DIGJ"], used=used, bias=bias,
        )  # fmt: skip

    @timed("network")
    def decode(
        self, planes: JpegPlanes, progress: Progress | None = None, device: str = "cpu", box: Rect | None = None,
        watch: Watch | None = None, unbounded: bool = False,
    ) -> np.ndarray:  # fmt: skip
        """The mosaic, uint16 (H, W), given the JPEG's planes (which must be those the stream was made for).

        device: "cpu" for the compiled kernels, else torch's name of one; layers are decoded on the CPU always. box:
        cells that are wanted; the mosaic means nothing elsewhere. watch: of the CPU's decoding of one layer. unbounded:
        whatever the work (`bitstream.stream.limits`), which else raises `StreamError` before it begins.
        """
        header, layout = self.header, self.layout
        if header.height * header.width > math.prod(side + LEAST_SIDE for side in planes.y.shape) * LEAST_SCALE**2:
            raise StreamError(f"header: a mosaic of {header.width} x {header.height} is too large for this JPEG")
        if not unbounded:
            check_work(header, self.layer_count, self.size + planes.scan_bytes)
        guide = LaidGuide(planes, self.geometry, (header.height, header.width), layout.origin, self.cell)
        setup, inner = self.setup, box
        if box and self.post:
            box = box.grown(self.post.reach).within(Rect(0, 0, *layout.cells))
        chosen = setup.meeting(box)
        by_torch = self.layers is None and device != "cpu" and not (self.gate and self.gate.blocks) and not self.cell
        near = Rect.around(setup.places[n] for n in chosen) if box and not by_torch else None
        side_info = guided_by(guide, self.gate, layout, self.net(), near)
        if by_torch:
            from .cuda import decode_with_torch  # torch takes seconds to import

            coded = self.params, self.transforms, self.substreams
            mosaic = decode_with_torch(setup, side_info, *coded, chosen, device, progress)
        else:
            mosaic = self.tiles(side_info, chosen, progress, watch)
        return self.behind(mosaic, side_info, inner)

    def tiles(
        self, side_info: TileSide, chosen: Sequence[int], progress: Progress | None = None, watch: Watch | None = None
    ) -> np.ndarray:
        """The mosaic of some tiles, as they are before what follows them, by side information."""
        if self.layers is None:
            coded = self.params, self.transforms, self.substreams
            return decode_mosaic(self.setup, side_info, *coded, chosen, progress, watch)
        further = [
            Layer(one.step, Params.from_bytes(one.parameters, REFINED, ACTIVITIES), bool(one.estimate))
            for one in self.layers.further
        ]
        return decode_layers(
            self.setup, side_info, [Layer(self.header.step, self.params[IN_PLACE]), *further],
            Depth(self.layers.kept, len(self.transforms), self.cut), self.layers.spread,
            self.finer | {(tile, 0, stage): d for (tile, stage), d in self.substreams.items()}, chosen, progress,
        )  # fmt: skip

    def behind(self, mosaic: np.ndarray, side_info: SideInfo, box: Rect | None) -> np.ndarray:
        """What follows the tiles: the mosaic corrected, in a box of cells where one is wanted; or what repeats."""
        return self.settled(corrected(mosaic, self.post, side_info, self.setup, box) if self.post else mosaic)

    def settled(self, mosaic: np.ndarray) -> np.ndarray:
        """The mosaic with what repeats, and with each value put right in the mean."""
        if self.cell:
            return self.cell.settled(mosaic)
        return unbiased(mosaic, self.bias, self.header, self.layout, self.companding) if self.bias else mosaic

    def net(self) -> GuideNet | None:
        """The net of the learned features, if the recipe uses them."""
        if not self.recipe.learned:
            return None
        need_torch("this RAW was encoded with learned features")
        from ..recipe import net as guide_net

        return guide_net.load(self.header.net)
