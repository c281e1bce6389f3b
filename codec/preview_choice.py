"""The preview of the decoded DNG: which it is, chosen when a RAW is encoded; made by `codec.preview`.

Programs that develop a DNG fit their tones to its preview, so it shows what the camera made of the RAW:

1. the carried JPEG where that is the camera's own picture: it agrees with the RAW's own preview, or, where the RAW has
   none, its Exif is a camera's;
2. else the RAW's own preview, of which the stream carries a small version (section PREV);
3. else a neutral picture of the mosaic, so small that no program fits anything to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from PIL import Image

from ..bitstream.dng.preview import coded, open_picture, turned
from ..bitstream.errors import InputError
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.raw_image import RawImage, TiffValue
from ..bitstream.stream.container import sections_size, with_sections
from ..bitstream.stream.preview import MOST_BYTES, MOST_SIDE, CarriedPreview
from ..bitstream.tiff import tiff
from .isp.neutral import neutral_picture

SHARE = 100
"""A carried preview takes at most one part in so many of the RAW's bytes."""

LADDER = ((512, 50), (384, 50), (256, 50), (256, 30), (192, 30))
"""Longest side in pixels and quality, best first. RawTherapee's curve from 192 pixels is as near to that from the whole
preview of 1280 as that from 400 is (docs/dng.md)."""

LEAST_PART = 33
"""RawTherapee passes over a preview of less than a part in so many of the mosaic's width."""

QUANTILES = np.arange(5, 100, 5)
MEAN_APART, MOST_APART = 3, 10
"""Pictures whose quantiles by colour differ by more, of 255, were not developed alike."""

LEAST_COMPARED = 512
"""Pixels a side that are enough of the JPEG to compare its tones."""

MAKE, MODEL, SOFTWARE, MAKER_NOTE = 271, 272, 305, 37500
VERSION = re.compile(r"(ver(sion)?|v)?[ .]*\d[\w.]*")
ALIKE = 48  # side in pixels at which two pictures are compared place by place


def choose(own: bytes | None, jpeg: Jpeg, raw: RawImage, room: float) -> CarriedPreview | None:
    """What a stream is to say of the preview.

    own: the RAW's own preview, a JPEG or PPM; jpeg: the one that carries the RAW; room: bytes that it may take.
    """
    picture = open_picture(own, ("JPEG", "PPM")) if own else None
    if own is None or picture is None:
        return CarriedPreview() if is_cameras(jpeg, raw.ifd0_tags) else None
    carrier = open_picture(jpeg.data, least=LEAST_COMPARED)
    if carrier is not None and _agree(picture, carrier):
        return CarriedPreview()
    lying = _as_the_mosaic(picture.convert("RGB"), Jpeg(own).orientation, raw)
    for side, quality in LADDER:
        small = lying.copy()
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
        found = CarriedPreview(coded(small, quality))
        told = small.width == lying.width or small.width * LEAST_PART >= raw.mosaic.shape[1]
        if told and section_bytes(found) <= min(room, MOST_BYTES):
            return found
    return CarriedPreview() if is_cameras(jpeg, raw.ifd0_tags) else None


def section_of(preview: CarriedPreview | None) -> dict[str, bytes]:
    """The section by its name; none without a preview."""
    return {"PREV": preview.to_bytes()} if preview else {}


def section_bytes(preview: CarriedPreview | None) -> int:
    """Bytes that the section adds to a stream."""
    return sections_size(section_of(preview))


def with_preview(payload: bytes, preview: CarriedPreview | None) -> bytes:
    """The stream with the section."""
    return with_sections(payload, section_of(preview))


def kind_of(preview: CarriedPreview | None, jpeg: Jpeg, ifd0_tags: Mapping[int, TiffValue]) -> str:
    """Which of "raw", "jpeg" and "neutral" is the preview, unless another is asked for.

    jpeg: the one that carries the RAW; ifd0_tags: of the RAW. Where the stream says nothing (those of version 0.1.0 do
    not), a JPEG whose Exif is a camera's is one.
    """
    if preview is not None and (preview.own is None or carried_picture(preview.own)):
        return "raw" if preview.own else "jpeg"
    return "jpeg" if is_cameras(jpeg, ifd0_tags) else "neutral"


def carried_picture(own: bytes) -> Image.Image | None:
    """The picture in a stream; None where it does not open or is larger than an encoder would write it."""
    try:
        frame = Jpeg(own).frame
    except InputError:
        return None
    return open_picture(own) if max(frame.width, frame.height) <= MOST_SIDE else None


def is_cameras(jpeg: Jpeg, ifd0_tags: Mapping[int, TiffValue]) -> bool:
    """Whether a JPEG's Exif is that of the camera itself: the RAW's model, a maker's note, and as software none, that
    of the RAW, or a bare version of firmware. Programs that edit name themselves. Or it has no names, and is stored
    turned: cameras do that, exporting programs turn the picture."""
    ifd0 = jpeg.ifd0
    if jpeg.orientation > 1 and ifd0 and not any(_text(ifd0.tags, tag) for tag in (MAKE, MODEL, SOFTWARE)):
        return True
    if ifd0 is None or not any(MAKER_NOTE in exif.tags for exif in ifd0.subs.get(tiff.EXIF_IFD, [])):
        return False
    make, model, software = (_text(ifd0.tags, tag).lower() for tag in (MAKE, MODEL, SOFTWARE))
    known = _text(ifd0_tags, MODEL).lower()
    if not model or (known and known != model):
        return False
    if not software or software == _text(ifd0_tags, SOFTWARE).lower():
        return True
    for word in (model, make, "digital camera", "firmware"):
        software = software.replace(word, " ") if word else software
    return bool(VERSION.fullmatch(software.strip()))


def _text(tags: Mapping[int, TiffValue], tag: int) -> str:
    return tiff.value_text(tags[tag]) if tag in tags and tags[tag].type == tiff.ASCII else ""


def _agree(one: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures of one scene have the same tones and colours; they may be cropped or turned a little."""
    of_one, of_other = (np.percentile(_small(p, 256).reshape(-1, 3), QUANTILES, axis=0) for p in (one, other))
    apart = np.abs(of_one - of_other)
    return bool(apart.mean() <= MEAN_APART and apart.max() <= MOST_APART)


def _small(picture: Image.Image, side: int) -> np.ndarray:
    picture = picture.convert("RGB")
    return np.asarray(picture.reduce(max(1, min(picture.size) // side)), np.float64)


def _as_the_mosaic(picture: Image.Image, tagged: int, raw: RawImage) -> Image.Image:
    """A preview as it lies over the mosaic.

    Files say in many ways how it is stored, so it is looked at: as its own Exif says, upright, or as the mosaic is.
    """
    neutral = Image.fromarray(neutral_picture(raw)).convert("L").resize((ALIKE, ALIKE), Image.Resampling.BOX)
    candidates = [turned(picture, own, raw.orientation) for own in dict.fromkeys((tagged, 1, raw.orientation))]
    flat = np.asarray(neutral, np.float64)
    likeness = []
    for candidate in candidates:
        grey = np.asarray(candidate.convert("L").resize((ALIKE, ALIKE), Image.Resampling.BOX), np.float64)
        spread = grey.std() * flat.std()
        likeness.append(((grey - grey.mean()) * (flat - flat.mean())).mean() / spread if spread else 0.0)
    return candidates[int(np.argmax(likeness))]
