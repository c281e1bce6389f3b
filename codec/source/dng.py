"""What a DNG says about its own mosaic: levels and tags, brought over to the visible area that LibRaw cuts out.

Levels, crops and opcodes of a DNG refer to its ActiveArea (DNG 1.7, chapter 4). LibRaw's visible area is nearly always
that area; where it is not, what can be moved is moved, and the rest is dropped.
"""

from __future__ import annotations

import numpy as np

from ...bitstream.cell import CellLayout
from ...bitstream.dng import black
from ...bitstream.dng.crop import CROP_ORIGIN, CROP_SIZE, USER_CROP, crop_tags, default_crop, lies_in
from ...bitstream.errors import InputError
from ...bitstream.raw_image import TiffValue
from ...bitstream.rect import Rect
from ...bitstream.tiff import tags, tiff
from ...bitstream.tiff.tiff import Ifd

DNG_VERSION, ACTIVE_AREA = 50706, 50829
WHITE_LEVEL = 50717
OPCODES_1, OPCODES_2, OPCODES_3, GAIN_TABLE_MAP = 51008, 51009, 51022, 52525
NAMES = {
    OPCODES_1: "OpcodeList1 (corrections of the sensor)", OPCODES_2: "OpcodeList2 (shading and the like)",
    OPCODES_3: "OpcodeList3 (corrections of the lens)", GAIN_TABLE_MAP: "ProfileGainTableMap",
    USER_CROP: "DefaultUserCrop", 50715: "BlackLevelDeltaH", 50716: "BlackLevelDeltaV",
}  # fmt: skip
CFA_PHOTOMETRIC, LINEAR_RAW = 32803, 34892



def is_dng(ifd0: Ifd) -> bool:
    """Whether the file says that it is a DNG."""
    return DNG_VERSION in ifd0.tags


def mosaic_ifds(ifd0: Ifd) -> list[Ifd]:
    """The directories of a DNG's full-size mosaics, its frames, in the file's order. InputError as `raw_ifd`."""
    candidates = [ifd for ifd in ifd0.all() if _number(ifd, 254, 0) == 0 and 256 in ifd.tags and 262 in ifd.tags]
    frames, linear = [], []
    for ifd in candidates:
        if _number(ifd, 262, 0) not in (CFA_PHOTOMETRIC, LINEAR_RAW):
            continue
        if _number(ifd, 262, 0) == CFA_PHOTOMETRIC:
            frames.append(ifd)
        else:
            linear.append(ifd)
    if frames or linear:
        return frames or linear
    marked = {int(_number(ifd, 254, 0)) for ifd in ifd0.all() if _number(ifd, 262, 0) == CFA_PHOTOMETRIC}
    if marked:
        kinds = ", ".join(map(str, sorted(marked)))
        raise InputError(f"the DNG's only mosaic is marked as a preview or the like (NewSubFileType {kinds}, not 0)")
    raise InputError("the DNG holds no colour filter mosaic")


def frame_index(ifd0: Ifd, frame: int | None = None) -> int:
    """Which of `mosaic_ifds` is meant by frame `frame`, from 1: without one the largest, of equal ones the first."""
    frames = mosaic_ifds(ifd0)
    if frame is None:
        return max(range(len(frames)), key=lambda k: _number(frames[k], 256, 0) * _number(frames[k], 257, 0))
    if not 1 <= frame <= len(frames):
        raise no_frame(frame, len(frames))
    return frame - 1


def libraw_frame(ifd0: Ifd | None, frame: int | None) -> int:
    """LibRaw's number of the mosaic that is meant, from 0: it counts a DNG's as `mosaic_ifds` does."""
    if ifd0 is not None and is_dng(ifd0):
        return frame_index(ifd0, frame)
    if frame is not None and frame < 1:
        raise InputError(f"there is no frame {frame}: they are counted from 1")
    return (frame or 1) - 1


def check_frame(raw: Ifd, frames: int, size: tuple[int, int]) -> None:
    """InputError where LibRaw, of several frames, read another than this directory's; size: height, width of its."""
    if frames > 1 and size != (_number(raw, 257, 0), _number(raw, 256, 0)):
        raise InputError("a DNG of several mosaics, which LibRaw counts in another order")


def no_frame(frame: int, count: int) -> InputError:
    """What to raise for a frame that a RAW doesn't have."""
    return InputError(f"there is no frame {frame}: the RAW holds {count}, counted from 1")


def raw_ifd(ifd0: Ifd, frame: int | None = None) -> Ifd:
    """The directory of a DNG's full-size mosaic. Raises InputError, naming the kind, for a DNG that holds none."""
    return mosaic_ifds(ifd0)[frame_index(ifd0, frame)]


def black_levels(raw: Ifd, visible: Rect) -> tuple[float, float, float, float] | None:
    """Black level of the four sites of the visible area's 2x2 cell, or None where the DNG does not say.

    BlackLevelDeltaH and V, a value per column and row, go in as their mean over the site's columns and rows.
    """
    active = active_area(raw)
    return black.site_levels(raw.tags, visible.top - active.top, visible.left - active.left)


def white_level(raw: Ifd) -> int | None:
    """WhiteLevel, or None where the DNG does not say."""
    levels = _numbers(raw, WHITE_LEVEL)
    return int(levels[0]) if levels and np.isfinite(levels[0]) else None


def active_area(raw: Ifd) -> Rect:
    """The DNG's ActiveArea, by default the whole mosaic."""
    height, width = int(_number(raw, 257, 0)), int(_number(raw, 256, 0))
    area = _numbers(raw, ACTIVE_AREA)
    top, left, bottom, right = (int(n) for n in (area if len(area) == 4 else (0, 0, height, width)))
    return Rect.between(top, left, bottom, right)


def carried_tags(
    ifd0: Ifd, raw: Ifd, visible: Rect, cell: CellLayout | None = None
) -> tuple[tags.TagDict, tags.TagDict, tuple[str, ...]]:
    """(ifd0_tags, raw_tags) of a DNG that hold for its visible area too, verbatim where they can be; and which others
    there were, a line for people each.

    Some cameras write everything into one directory, some put tags of the mosaic into IFD0; so both are looked at.
    LinearizationTable is not among them: LibRaw has applied it to the mosaic that it hands out.
    """
    both, lost = {**ifd0.tags, **raw.tags}, []
    ifd0_tags = tags.allowed_tags(tags.IFD0, {**raw.tags, **ifd0.tags})
    raw_tags = tags.allowed_tags(tags.RAW, both)
    active = active_area(raw)
    stored = Rect(0, 0, int(_number(raw, 257, 0)), int(_number(raw, 256, 0)))
    if visible != stored:
        # Its coordinates count from the stored frame, masked margins included, which is not kept.
        lost += [OPCODES_1] if raw_tags.pop(OPCODES_1, None) else []
    if visible != active:
        # Gain maps, warps and relative crops span the active area: on another frame they would be out of register.
        for tag in (OPCODES_2, OPCODES_3, USER_CROP, GAIN_TABLE_MAP):
            lost += [tag] if raw_tags.pop(tag, None) else []
        _move_crop(raw_tags, active.top - visible.top, active.left - visible.left)
    _check_crop(raw_tags, visible)
    levels = black.moved(raw_tags, visible.top - active.top, visible.left - active.left, visible.shape, cell)
    had = black.BLACK_TAGS[2:]
    lost += [tag for tag in had if tag in raw_tags and tag not in levels]
    raw_tags = {tag: v for tag, v in raw_tags.items() if tag not in black.BLACK_TAGS} | levels
    why = f"the RAW's active area ({_words(active)}) is not the mosaic that is stored ({_words(visible)})"
    return ifd0_tags, raw_tags, tuple(f"{NAMES[tag]} is not stored: {why}" for tag in lost)


def _words(area: Rect) -> str:
    return f"{area.cols} x {area.rows} at {area.left},{area.top}"


def _move_crop(raw_tags: tags.TagDict, down: int, right: int) -> None:
    found = default_crop(raw_tags)
    if found:
        moved = max(round(found[0]) + right, 0), max(round(found[1]) + down, 0)
        raw_tags[CROP_ORIGIN] = crop_tags([*moved, *found[2:]])[CROP_ORIGIN]


def _check_crop(raw_tags: tags.TagDict, visible: Rect) -> None:
    """Drop a default crop that is incomplete or reaches beyond the visible area."""
    found = default_crop(raw_tags)
    if found is None or not lies_in(found, visible.cols, visible.rows):
        raw_tags.pop(CROP_ORIGIN, None)
        raw_tags.pop(CROP_SIZE, None)


def _numbers(ifd: Ifd, tag: int) -> list[float]:
    value: TiffValue | None = ifd.tags.get(tag)
    return tiff.value_numbers(value) if value else []


def _number(ifd: Ifd, tag: int, default: float) -> float:
    return (_numbers(ifd, tag) or [default])[0]
