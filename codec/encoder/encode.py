"""Encoding at the level of arrays: a `RawImage` and a JPEG's bytes to the RAW stream's payload."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ...bitstream.errors import InputError, StreamError, UsageError
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import CFA_PHASES, RawImage
from ...bitstream.runtime.memory import give_back
from ...bitstream.runtime.parallel import single_threaded
from ...bitstream.runtime.profile import timed
from ...bitstream.stream.header import MAX_PIXELS, MAX_SIDE, Header, pack_values
from ...bitstream.stream.layers import STAGES, Further, Layers, shorten, tile_count
from ...bitstream.stream.limits import check_work
from ...entropy import tables
from ..decoder import stream
from ..decoder.stream import Stream
from ..guide.geometry import Geometry
from ..guide.guide import LaidGuide
from ..mosaic.companding import LOSSLESS
from ..recipe import net_weights as weights
from ..recipe.recipe import Recipe
from ..recipe.side import Ground
from ..stages.order import IN_PLACE
from . import layers as layering
from . import rate
from . import size as sizing
from .candidates import RecipeChoice
from .corrections_writer import local_bytes
from .effort import effort_of
from .fit import corrections as fit_local
from .fit.sample_kernels import histogram
from .fit.samples import Coded, Fit
from .fit.source_picture import SourcePicture
from .options import EncodeOptions, Rate
from .picture import CpuEncoder
from .picture_layers import LayeredEncoder
from .size import START
from .stream_writer import stream_bytes

if TYPE_CHECKING:
    from ..recipe.net import GuideNet

COMPANDING_OFFSET = 8
KAPPA = {"psnr": 4, "edit": 0}
LOSSLESS_BPP, HOPE = 2.0, 1.15
"""Targets from here on are tried without loss first, where the plain recipe seems to need no more than this times as
many bytes."""

SPARSE, SPARSE_LOSSLESS, SPARSE_BPP, SPARSE_QUALITY = 0.6, 0.95, 0.2, 50.0
"""A set of used values (50 to 300 bytes) is sent where it is less than this share of its range and the rate is not
low."""


@timed("network")
def encode_stream(
    raw: RawImage,
    planes: JpegPlanes,
    geometry: Geometry,
    options: EncodeOptions,
    packed_tags: bytes,
    growth: Callable[[int], int],
) -> bytes:
    """The payload of a picture.

    planes, geometry: the JPEG and how it lies over the mosaic. growth: bytes that the JPEG grows by for a payload of
    so many bytes. options: "auto" is the CPU here. The result is decoded again and compared before it is returned. A
    picture of next to nothing is coded in one layer, without learned features, where more would be refused by readers
    (`bitstream.stream.limits`). Raises `UsageError` where the rate can't be met, `InputError` for a mosaic or a
    geometry that the format does not hold.
    """
    height, width = raw.mosaic.shape
    wanted, chosen = options.rate, effort_of(options.effort)
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS or min(height, width) < 2:
        raise InputError(f"a mosaic of {width} x {height} is outside what the format holds")
    if not geometry.in_range:
        raise InputError("the JPEG lies out of all range of the mosaic")
    header = Header(
        model=tables.load().identity, net=b"", binding=planes.binding_hash(), height=height, width=width,
        cfa=CFA_PHASES.index(raw.cfa), orientation=raw.orientation, white=raw.white, top=max(int(raw.mosaic.max()), 1),
        black=stream.pack_black(raw.black), plateau=[], geometry=geometry.to_bytes(),
        companding=COMPANDING_OFFSET, kappa=KAPPA[options.tune], states=chosen.states,
        step=0, tile=8, bases=b"\0", values=_values(raw.mosaic, wanted), camera=raw.camera[:60], tags=packed_tags,
    )  # fmt: skip
    with single_threaded() if chosen.learned else contextlib.nullcontext():
        in_one = replace(wanted, trimmable=False, layers=())
        for goal, effort in ((wanted, chosen), (in_one, chosen), (in_one, replace(chosen, learned=False))):
            try:
                job = _Job(raw, planes, geometry, header, growth, replace(options, effort=effort))
                return _encode(job, goal, planes)
            except _TooMuchWorkError as error:
                reason = str(error)
    raise InputError(f"no reader would take it: {reason}; a higher rate or a larger JPEG makes it so")


class _TooMuchWorkError(Exception):
    """What was coded asks for more work than readers do for so few bytes."""


def _encode(job: _Job, wanted: Rate, planes: JpegPlanes) -> bytes:
    """Code to the rate, decode again and compare."""
    size = wanted.bytes_for(job.sites)
    if wanted.in_layers:
        best = job.code_layers(wanted)
    elif wanted.lossless:
        best = job.code(job.settle(LOSSLESS), LOSSLESS)
    elif size is None:
        step = _step_of(wanted)
        best = job.code(job.settle(step), step)
    else:
        best = job.code_within(size) or job.code_to_size(size)
    payload = coded = stream_bytes(best)
    if size is not None and wanted.in_layers:
        payload = shorten(coded, size, job.growth)[0]
    try:
        check_work(best.header, Stream.from_bytes(payload).layer_count, len(payload) + planes.scan_bytes)
    except StreamError as error:
        raise _TooMuchWorkError(str(error)) from None
    job.forget()
    stream = Stream.from_bytes(coded)
    check = stream.decode(planes, lambda _, share: job.tell("checking", share), job.device, unbounded=True)
    if not np.array_equal(check, job.mosaic if best.lossless else job.decoded):
        raise AssertionError("the stream does not decode to what was encoded: please report this picture")
    return payload


def _step_of(wanted: Rate) -> int:
    """The step of a quality, the usual one's where none is given."""
    return rate.step_of_quality(rate.DEFAULT_QUALITY if wanted.quality is None else wanted.quality)


def _values(mosaic: np.ndarray, wanted: Rate) -> bytes:
    """The set of used values for the header, where it is sparse and the rate high enough for it to matter."""
    size = wanted.bytes_for(mosaic.size)
    if size is not None and size * 8 < SPARSE_BPP * mosaic.size:
        return b""
    if wanted.quality is not None and wanted.quality < SPARSE_QUALITY:
        return b""
    used = np.flatnonzero(histogram(mosaic))
    may_be_lossless = wanted.lossless or (size or 0) * 8 >= LOSSLESS_BPP * mosaic.size
    share = SPARSE_LOSSLESS if may_be_lossless else SPARSE
    return pack_values(used) if len(used) < share * (used[-1] - used[0] + 1) else b""


def _net() -> GuideNet:
    """The learned features; they bring torch."""
    from ..recipe import net as guide_net

    return guide_net.load()


def _local_bytes(recipe: Recipe) -> bytes:
    return local_bytes(recipe.local, tables.load()) if recipe.local else b""


class _Job:
    """One picture being encoded: everything that does not depend on the step."""

    def __init__(
        self,
        raw: RawImage,
        planes: JpegPlanes,
        geometry: Geometry,
        header: Header,
        growth: Callable[[int], int],
        options: EncodeOptions,
    ) -> None:
        self.header, self.growth, self.progress = header, growth, options.progress
        self.effort = effort = effort_of(options.effort)
        self.device = "cpu" if options.device == "auto" else options.device
        self.layout = stream.layout_of(header)
        height, width = raw.mosaic.shape
        guide = LaidGuide(planes, geometry, (height, width), self.layout.origin)
        self.ground = Ground(guide, self.layout, _net() if effort.learned else None)
        try:
            self.companding = stream.companding_of(header)
        except StreamError as error:
            raise InputError(f"the RAW's levels can't be coded ({error})") from error
        self.recipes = RecipeChoice(raw.mosaic, self.layout, self.ground, self.companding, effort)
        if any(self.recipes.plateau):
            self.header = replace(header, plateau=list(self.recipes.plateau))
            self.companding = stream.companding_of(self.header)
        self.plain = self.recipes.plain
        self.mosaic = self.decoded = raw.mosaic
        self.sites = raw.mosaic.size
        self.basis: int | None = None
        self._fixed: tuple[Recipe | None, int] = None, 0
        self.use(self.plain)

    @property
    def picture(self) -> SourcePicture:
        """What its encoders share."""
        return SourcePicture(
            self.mosaic, self.layout, self.ground, self.companding, tables.load(), self.header.kappa
        )

    def forget(self) -> None:
        """Let go of what the search has built up: checking makes the guide anew, and memory holds one of them."""
        del self.ground, self.trunk, self.recipes
        give_back()

    def tell(self, what: str, share: float) -> None:
        """Say how far the work is."""
        if self.progress:
            self.progress(what, share)

    def use(self, recipe: Recipe) -> None:
        """Go on with a recipe."""
        self.recipe = recipe
        self.header = replace(self.header, net=weights.DEFAULT if recipe.learned else b"")
        self.trunk = CpuEncoder(self.picture, recipe, self.effort)

    def settle(
        self, step: int, fitted: Fit | None = None, room: float = math.inf, careful: bool = True
    ) -> Fit:
        """Choose the recipe that costs least at a step, its own bytes included; parameters of the stages for it.

        fitted: those for the plain recipe, if they are known, from a quick fit. room: bytes that a recipe may take.
        careful: False for parameters from a quick fit.
        """
        best = fitted or self.fit(step, quick=True)
        cost, kept = self._cost(best), (self.recipe, self.header, self.trunk)

        def consider(recipe: Recipe | None) -> None:
            nonlocal best, cost, kept
            if recipe is None or len(recipe.to_bytes()) + len(_local_bytes(recipe)) > room:
                return
            self.use(recipe)
            other = self.fit(step, quick=True)
            if self._cost(other) < cost:
                best, cost, kept = other, self._cost(other), (self.recipe, self.header, self.trunk)
            else:
                self.recipe, self.header, self.trunk = kept

        richest = self.recipes.best(step, self.header.kappa, room)
        if richest is not self.recipe:
            consider(richest)
        whole = self.recipe
        for side in self.effort.local:
            give_back()
            consider(self._with_local(whole, step, side))
        give_back()
        return self.fit(step) if careful else best

    def _with_local(self, recipe: Recipe, step: int, side: int) -> Recipe | None:
        """A recipe with corrections by blocks of a side, for a step; None where there are none that pay and fit."""
        with contextlib.suppress(StreamError, np.linalg.LinAlgError):
            local = fit_local.fit(self.picture, recipe, step, side)
            return recipe.with_local(local) if local else None
        return None

    def _cost(self, fitted: Fit) -> float:
        """Estimated bytes at the fit's step, the error's worth included."""
        side = len(self.recipe.to_bytes()) + len(_local_bytes(self.recipe))
        side += sum(len(p.to_bytes()) for p in fitted.params.values())
        h, w = self.layout.cells
        return side + fitted.cost * 4 * h * w / 8

    def fit(self, step: int, quick: bool = False) -> Fit:
        """Parameters of the stages at a step.

        quick: from fewer samples, and but for the first one over the basis that was better in the first one.
        """
        self.tell("fitting", 0.0)
        fitted = self.trunk.fit(step, quick, self.basis if quick else None)
        if quick and step != LOSSLESS:
            self.basis = fitted.better
        return fitted

    def survey(self, bits: float, fitted: Fit) -> Fit:
        """Look at all of the picture with the recipe that is used, so that fits, as this one then, tell its bits well.

        fitted: a quick fit; bits: wanted, a site.
        """
        self.trunk.survey(self.side(bits))
        return self.trunk.scaled(fitted, quick=True)

    def trial(self, step: int, fitted: Fit) -> tuple[list[int], float]:
        """Basis of each tile, and bits a site, from pieces of all tiles."""
        return self.trunk.trial(step, fitted, self.side(fitted.bits))

    def fixed(self) -> int:
        """Bytes that the JPEG grows by for header and recipe alone."""
        if self._fixed[0] is not self.recipe:
            h, w = self.layout.cells
            count = -(-h // 16) * -(-w // 16)  # of the smallest tiles
            alone = Stream(self.header, self.recipe, {}, [0] * count, {})
            self._fixed = self.recipe, self.growth(len(stream_bytes(alone)))
        return self._fixed[1]

    def side(self, bits: float) -> int:
        """Side of a tile in cells: larger where there are few bits, since each substream costs bytes of its own."""
        h, w = self.layout.cells
        if bits * 4 * h * w / 8 < 40_000:
            return max(16, 2 * ((max(h, w) + 1) // 2))
        return 1024 if bits < 0.3 else 512

    def encode(
        self,
        fitted: Fit,
        step: int,
        thrift: float = 1.0,
        bases: list[int] | None = None,
        before: Coded | None = None,
        again: Sequence[int] = (),
    ) -> Coded:
        """All tiles coded at a step with fitted parameters; or of those coded before, some again.

        thrift: how much dearer than usual a bit is; bases: of the tiles, if they are chosen already.
        """
        side = self.side(fitted.bits)
        return self.trunk.encode(step, fitted, side, thrift, bases, self.progress, before, again)

    def stream(self, fitted: Fit, coded: Coded) -> Stream:
        """The stream of coded tiles."""
        params = {b: p for b, p in fitted.params.items() if b in coded.bases}
        side, bases = self.side(fitted.bits), stream.pack_bases(coded.bases)
        header = replace(self.header, step=coded.step, tile=side // 2, bases=bases)
        return Stream(header, self.recipe, params, coded.bases, coded.substreams)

    def code(self, fitted: Fit, step: int) -> Stream:
        """Code the picture at a step with fitted parameters."""
        coded = self.encode(fitted, step)
        self.decoded = coded.mosaic
        return self.stream(fitted, coded)

    def code_layers(self, wanted: Rate) -> Stream:
        """Code the picture in layers, the finest as `wanted` says; for a size a little more, to be shortened."""
        fitting = functools.partial(self.tell, "fitting")
        fitting(0.0)
        # One recipe serves all layers: the one for the middle of the rates.
        size = wanted.bytes_for(self.sites)
        self.settle(START, room=math.inf if size is None else size / 4)
        finest, bits = None, 0.0
        if wanted.lossless:
            finest = LOSSLESS
        elif size is None:
            finest = _step_of(wanted)
        else:
            if self.fixed() > size:
                raise UsageError(
                    f"the header and the recipe alone need {self.fixed()} bytes, more than the target of {size}"
                )
            bits = layering.MARGIN * (size - self.fixed()) * 8 / self.sites
        rates = tuple(r for r in wanted.layers if finest is not None or r < bits)
        trunk = LayeredEncoder(self.picture, self.recipe, self.effort)
        if rates:
            layers = layering.by_rates(trunk, rates if finest is not None else (*rates, bits), finest, fitting)
        else:
            layers = layering.by_octaves(trunk, finest, bits, fitting)
        side = self.side(sum(layer.bits for layer in layers))
        coded = trunk.encode_layers(layers, side, self.progress)
        header = replace(self.header, step=layers[0].step, tile=side // 2)
        self.decoded = coded.mosaic
        count = tile_count(header)
        further = tuple(Further(layer.step, int(layer.estimate), layer.params.to_bytes()) for layer in layers[1:])
        section = Layers(trunk.spread, STAGES * count, further)
        first = {(tile, stage): d for (tile, layer, stage), d in coded.substreams.items() if not layer}
        finer = {key: d for key, d in coded.substreams.items() if key[1]}
        params = {IN_PLACE: layers[0].params}
        return Stream(header, self.recipe, params, [IN_PLACE] * count, first, section, finer)

    def code_within(self, size: int) -> Stream | None:
        """Lossless coding, where the JPEG grows by no more than `size` bytes by it: more could not be had for them."""
        if size * 8 < LOSSLESS_BPP * self.sites or self.fit(LOSSLESS, quick=True).bits * self.sites / 8 > HOPE * size:
            return None
        fitted = self.settle(LOSSLESS)
        if fitted.bits * self.sites / 8 > size:
            return None
        coded = self.code(fitted, LOSSLESS)
        return coded if self.growth(len(stream_bytes(coded))) <= size else None

    def code_to_size(self, size: int) -> Stream:
        """Code so that the JPEG grows by at most `size` bytes and at least `rate.TOLERANCE` of it."""
        if self.recipe is not self.plain:
            self.use(self.plain)
        found, coded = sizing.code_to_size(self, size)
        self.decoded = coded.mosaic
        return found
