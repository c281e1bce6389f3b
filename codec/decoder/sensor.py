"""What a stream says of its sensor, checked against the header: sections CELL, LEVL and USED."""

from __future__ import annotations

from collections.abc import Mapping

from ...bitstream.cell import CellLayout
from ...bitstream.errors import StreamError
from ...bitstream.levels import Levels
from ...bitstream.stream.cell import read_cell
from ...bitstream.stream.header import Header
from ...bitstream.stream.used import UsedValues
from ...bitstream.stream.values import read_levels


def parse_cell(sections: Mapping[str, bytes], header: Header) -> CellLayout | None:
    """Section CELL, checked against the header."""
    section = sections["CELL"]
    if not section:
        return None
    cell = read_cell(section)
    if cell.shape != (header.height, header.width) or header.cfa:
        raise StreamError("the cell layout is of another mosaic than the header's")
    if sections["LOOK"] or sections["POST"]:
        raise StreamError("a second look at a sensor that has no Bayer filter")
    return cell


def parse_levels(sections: Mapping[str, bytes], header: Header) -> Levels | None:
    """Section LEVL."""
    section = sections["LEVL"]
    return read_levels(section, (header.height, header.width)) if section else None


def parse_used(sections: Mapping[str, bytes], header: Header) -> UsedValues | None:
    """Section USED, checked against the header."""
    section = sections["USED"]
    if not section:
        return None
    if header.values:
        raise StreamError("the values are told twice, for all planes and by plane")
    return UsedValues.from_bytes(section, header.top)
