"""Sections that are put into a stream once the mosaic is coded: they concern the DNG, not the mosaic."""

from __future__ import annotations

from collections.abc import Mapping

from ..bitstream.raw_image import RawImage
from ..bitstream.stream.border import border_bytes, most_values, parse_border
from ..bitstream.stream.container import section_size, with_sections


def cost(sections: Mapping[str, bytes]) -> int:
    """Bytes that sections add to a stream."""
    return sum(section_size(len(body)) for body in sections.values() if body)


def put_into(payload: bytes, sections: Mapping[str, bytes]) -> bytes:
    """The stream with these sections; itself without any."""
    return with_sections(payload, sections) if any(sections.values()) else payload


def border_of(raw: RawImage) -> tuple[dict[str, bytes], tuple[str, ...]]:
    """(the section of a RAW's border, by its name, what the user should know); none where the RAW has none."""
    border = raw.border
    if border is None:
        return {}, ()
    if border.size > most_values(*raw.mosaic.shape):
        return {}, (f"the border of {border.size} pixels is too large for this mosaic, and is not stored",)
    section = border_bytes(border)
    found = parse_border(section, *raw.mosaic.shape)
    if any((a != b).any() for a, b in zip(found.parts, border.parts, strict=True)):
        raise AssertionError("the border does not come back from its section: please report this picture")
    return {"BORD": section}, ()
