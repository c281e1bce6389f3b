"""Encoding at the level of arrays: a `RawImage` and a JPEG's bytes to the RAW stream's payload."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ...bitstream.errors import InputError, StreamError, UsageError
from ...bitstream.jpeg.planes import JpegPlanes
from ...bitstream.raw_image import CFA_PHASES, RawImage
from ...bitstream.runtime.memory import give_back
from ...bitstream.runtime.parallel import single_threaded
from ...bitstream.runtime.profile import timed
from ...bitstream.runtime.progress import Progress
from ...bitstream.runtime.torch_needed import need_torch
from ...bitstream.stream.container import with_sections
from ...bitstream.stream.digests import mosaic_digest
from ...bitstream.stream.header import MAX_PIXELS, MAX_SIDE, Header
from ...bitstream.stream.layers import shorten
from ...bitstream.stream.limits import check_work
from ...bitstream.stream.used import UsedValues
from ...entropy import tables
from ..decoder import stream
from ..decoder.stream import Stream
from ..guide.geometry import Geometry
from ..mosaic.companding import LOSSLESS
from ..recipe.gate import Gate
from . import rate
from . import size as sizing
from .bias import with_bias
from .choose_recipe import choose_recipe
from .effort import effort_of
from .even import even_step
from .grain import noise_of
from .guides import Chooser
from .job import Found, Job
from .known import known
from .layers import code_layers
from .options import EncodeOptions, Rate
from .post import with_post
from .steps import choose_steps
from .stream_writer import stream_bytes
from .values import values_of


@timed("network")
def encode_stream(
    raw: RawImage,
    planes: JpegPlanes,
    geometry: Geometry,
    options: EncodeOptions,
    packed_tags: bytes,
    growth: Callable[[bytes], int],
    elsewhere: Sequence[Geometry] = (),
) -> bytes:
    """The payload of a picture.

    planes, geometry: the JPEG and how it lies over the mosaic. growth: bytes that the JPEG grows by for a payload, its
    digest still to come (`DIGM_SIZE`). options: "auto" is the CPU here. elsewhere: other places where the JPEG may lie;
    they are tried where it helps little in the first one. The result is decoded again and compared before it is
    returned, with the digest of what it decodes to. A picture of next to nothing is coded in one layer, without learned
    features, where more would be refused by readers (`bitstream.stream.limits`). Raises `UsageError` where the rate
    can't be met, or learned features are to be tried without PyTorch; `InputError` for a mosaic or a geometry that the
    format does not hold.
    """
    height, width = raw.mosaic.shape
    wanted, chosen = options.rate, effort_of(options.effort)
    if chosen.learned:
        need_torch("this effort tries learned features")
    if max(height, width) > MAX_SIDE or height * width > MAX_PIXELS or min(height, width) < 2:
        raise InputError(f"a mosaic of {width} x {height} is outside what the format holds")
    if not geometry.in_range:
        raise InputError("the JPEG lies out of all range of the mosaic")
    steps, (values, used) = choose_steps(raw, planes.y, options), values_of(raw, wanted)
    header = Header(
        model=tables.load().identity, net=b"", binding=planes.binding_hash(), height=height, width=width,
        cfa=CFA_PHASES.index(raw.cfa), orientation=raw.orientation, white=raw.white, top=max(int(raw.mosaic.max()), 1),
        black=stream.pack_black(raw.black), saturation=[], geometry=geometry.to_bytes(),
        companding=steps.companding, step_exponent=steps.exponent, states=chosen.states,
        step=0, tile=8, transforms=b"\0", values=values, camera=raw.camera[:60], tags=packed_tags,
    )  # fmt: skip
    with single_threaded() if chosen.learned else contextlib.nullcontext():
        in_one = replace(wanted, trimmable=False, layers=())
        for goal, effort in ((wanted, chosen), (in_one, chosen), (in_one, replace(chosen, learned=False))):
            tried = replace(options, rate=goal, effort=effort)
            try:
                jobs = _jobs(raw, planes, [geometry, *elsewhere], (header, used), growth, tried)
                job, found = _best(jobs, raw, tried)
                found = with_bias(with_post(found, job, raw, tried), raw, tried)
                del job, jobs
                noise = noise_of(found.stream, found.mosaic, raw, tried)
                found = replace(found, stream=replace(found.stream, noise=noise))
                give_back()  # what the search has built up: checking makes the guide anew, and memory holds one of them
                return _checked(found, raw, planes, growth, tried)
            except _TooMuchWorkError as error:
                reason = str(error)
    raise InputError(f"no reader would take it: {reason}; a higher rate or a larger JPEG makes it so")


class _TooMuchWorkError(Exception):
    """What was coded asks for more work than readers do for so few bytes."""


def _best(jobs: list[Job], raw: RawImage, options: EncodeOptions) -> tuple[Job, Found]:
    """The job whose error is least at the size that is asked for, coded; the first one in layers. Raises what all of
    them raise: what one guide is no good for, another may do."""
    if options.rate.in_layers:
        jobs = jobs[:1]
    coded: list[tuple[Job, Found]] = []
    failed: InputError | UsageError | None = None
    for job in jobs:
        try:
            coded.append((job, _coded(job, raw, options)))
        except (InputError, UsageError) as error:
            failed = failed or error
    if failed and not coded:
        raise failed
    return coded[0] if len(coded) == 1 else min(coded, key=lambda one: one[0].plain().error(one[1]))


def _jobs(
    raw: RawImage, planes: JpegPlanes, places: Sequence[Geometry], told: tuple[Header, UsedValues | None],
    growth: Callable[[bytes], int], options: EncodeOptions,
) -> list[Job]:  # fmt: skip
    """The picture's job, with the guide that it is cheapest with, and others that may be as cheap. told: header, and
    the values by plane."""
    header, used = told

    def make(place: Geometry, gate: Gate | None) -> Job:
        laid = replace(header, geometry=place.to_bytes())
        return Job.of(raw, planes, place, laid, growth, options, gate, used)

    makes = [functools.partial(make, place) for place in places if place.in_range]
    size, step = options.rate.bytes_for(raw.mosaic.size), _finest(options.rate)
    alone = functools.partial(make, Geometry())  # the place of a JPEG that guides nothing is not worth its bytes
    return Chooser(makes, alone, raw, size, step).choose(options.guide)


def _finest(wanted: Rate) -> int | None:
    """The step that a rate says; None where it says a size."""
    if wanted.lossless:
        return LOSSLESS
    if wanted.size is not None or wanted.bpp is not None:
        return None
    return rate.step_of_quality(rate.DEFAULT_QUALITY if wanted.quality is None else wanted.quality)


def _coded(job: Job, raw: RawImage, options: EncodeOptions) -> Found:
    """The picture coded at its rate; for a size in layers a little more, to be shortened."""
    wanted, plain = options.rate, job.plain()
    size, finest = wanted.bytes_for(job.sites), _finest(wanted)
    if wanted.in_layers:
        return code_layers(plain, finest, size, wanted.layers)
    if finest is not None:
        quality = rate.DEFAULT_QUALITY if wanted.quality is None else wanted.quality
        if options.tune == "edit" and not wanted.lossless and not raw.cell and quality < 100:
            finest = even_step(plain, raw, quality, options.for_edit)
        candidate, fitted = choose_recipe(plain, finest)
        return candidate.code(fitted, finest)
    assert size is not None
    return sizing.code_without_loss(plain, size) or sizing.code_to_size(plain, size)


def _checked(
    found: Found, raw: RawImage, planes: JpegPlanes, growth: Callable[[bytes], int], options: EncodeOptions
) -> bytes:
    """The payload of what was coded, after it was decoded again and compared."""
    size, progress = options.rate.bytes_for(raw.mosaic.size), options.progress
    payload = coded = stream_bytes(found.stream)
    if size is not None and options.rate.in_layers:
        payload = shorten(coded, size, growth)[0]
    whole = Stream.from_bytes(coded)
    kept = whole if payload is coded else Stream.from_bytes(payload)
    try:
        check_work(found.stream.header, kept.layer_count, len(payload) + planes.scan_bytes)
    except StreamError as error:
        raise _TooMuchWorkError(str(error)) from None

    def tell(_: str, share: float) -> None:
        if progress:
            progress("checking", share)

    device = "cpu" if options.device == "auto" else options.device
    check = _decoded(whole, found, planes, tell, device)
    if not np.array_equal(check, raw.mosaic if found.stream.lossless else found.mosaic):
        raise AssertionError("the stream does not decode to what was encoded: please report this picture")
    if kept is not whole:
        check = _decoded(kept, found, planes, tell, device)
    return with_sections(payload, {"DIGM": mosaic_digest(check)})


def _decoded(parsed: Stream, found: Found, planes: JpegPlanes, tell: Progress, device: str) -> np.ndarray:
    """What the bytes of what was coded decode to."""
    side_info = known(found.areas, found.stream, parsed, planes) if device == "cpu" else None
    if side_info is None:
        return parsed.decode(planes, tell, device, unbounded=True)
    mosaic = parsed.tiles(side_info, range(len(parsed.transforms)), tell)
    return parsed.settled(mosaic)
