"""What a camera file that is no DNG gives the DNG: names, colours by LibRaw, exposure data."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from ...bitstream.tiff import tags, tiff
from ...bitstream.tiff.meta_tags import ABOUT_THE_SHOT
from ...bitstream.tiff.tiff import Ifd
from .libraw import About, Sizes

D65 = 21  # EXIF light source of LibRaw's colour matrices
MAKE, MODEL, ARTIST = 271, 272, 315
CORRECTIONS = range(28721, 28728)
COLOR_MATRIX_1, AS_SHOT_NEUTRAL, ILLUMINANT_1, DEFAULT_SCALE = 50721, 50728, 50778, 50718


def camera_tags(about: About, ifd0: Ifd | None) -> tags.TagDict:
    """IFD0 tags of a file that is no DNG: its maker, LibRaw's matrix for the model, the camera's white balance."""
    source = tags.allowed_tags(tags.IFD0, ifd0.tags) if ifd0 else {}
    out = {tag: v for tag, v in source.items() if tag in (MAKE, MODEL) or (tags.IFD0, tag) in ABOUT_THE_SHOT}
    for stale in (50740, 50741):  # a pointer into the maker's own file
        out.pop(stale, None)
    if ARTIST not in out and about.artist.strip():
        out[ARTIST] = tiff.pack_ascii(about.artist)
    matrix = np.asarray(about.matrix)
    if np.any(matrix):  # zeros: a model that LibRaw does not know
        entries = [n for x in matrix.ravel() for n in (round(x * 10000), 10000)]
        out[COLOR_MATRIX_1] = tiff.pack_value(tiff.SRATIONAL, *entries)
        out[ILLUMINANT_1] = tiff.pack_value(tiff.SHORT, D65)
    gains = about.camera_gains
    if min(gains) <= 0:
        gains = about.daylight_gains
    if min(gains) > 0:
        neutral = [Fraction(gains[1] / gain).limit_denominator(65535).as_integer_ratio() for gain in gains]
        out[AS_SHOT_NEUTRAL] = tiff.pack_value(tiff.RATIONAL, *(n for ratio in neutral for n in ratio))
    return out


def scale_tags(sizes: Sizes) -> tags.TagDict:
    """DefaultScale for the few cameras whose pixels are not square."""
    aspect = Fraction(sizes.pixel_aspect).limit_denominator(1000)
    if aspect == 1 or aspect <= 0:
        return {}
    wide, high = (aspect, Fraction(1)) if aspect > 1 else (Fraction(1), 1 / aspect)
    return {DEFAULT_SCALE: tiff.pack_value(tiff.RATIONAL, *wide.as_integer_ratio(), *high.as_integer_ratio())}


def correction_tags(ifd0: Ifd | None) -> tags.TagDict:
    """Sony's correction parameters, wherever in the file they are."""
    found = [tags.allowed_tags(tags.RAW, ifd.tags) for ifd in (ifd0.all() if ifd0 else [])]
    return {tag: v for some in found for tag, v in some.items() if tag in CORRECTIONS}


def exif_tags(about: About, ifd0: Ifd | None) -> tags.TagDict:
    """The source's Exif tags; where it has none, the exposure data that LibRaw found."""
    directories = ifd0.subs.get(tiff.EXIF_IFD, []) if ifd0 else []
    if directories:
        return tags.allowed_tags(tags.EXIF, directories[0].tags)
    out: tags.TagDict = {}
    for tag, number in ((33434, about.shutter), (33437, about.aperture), (37386, about.focal_length)):
        if number > 0 and np.isfinite(number):
            exact = Fraction(float(number)).limit_denominator(10000) or Fraction(1, round(1 / number))
            if exact.numerator < 1 << 32 and exact.denominator < 1 << 32:
                out[tag] = tiff.pack_value(tiff.RATIONAL, exact.numerator, exact.denominator)
    if 0 < about.iso <= 65535:
        out[34855] = tiff.pack_value(tiff.SHORT, round(about.iso))
    if about.taken and about.year > 1980:
        out[36867] = tiff.pack_ascii(about.taken)
    return out


def camera_name(ifd0_tags: tags.TagDict) -> str:
    """Make and model, the make once: "NIKON CORPORATION" and "NIKON D5000" is "NIKON D5000"."""
    make, model = (tiff.value_text(ifd0_tags[tag]) if tag in ifd0_tags else "" for tag in (MAKE, MODEL))
    if make and not model.lower().startswith(make.lower().split()[0]):
        return f"{make} {model}".strip()
    return model
