"""What a request says, taken apart and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ...bitstream.errors import InputError, UsageError
from ..isp.settings import Settings
from .acts import Order
from .frame import Rectangle
from .server import Asked
from .trial import LOSSLESS, Rate

RATES = {"bpp": float, "size": int, "quality": float, "lossless": bool, "trimmable": bool}
RANGES = {"quality": (0, 100), "bpp": (0.01, 32), "size": (1000, 1 << 31)}
"""Of rates that can be tried: bits per pixel of the mosaic, bytes that the JPEG may grow by."""

MOST = 1 << 20
"""Of a coordinate."""


def text(asked: Asked, key: str) -> str:
    """A parameter that has to be there."""
    found = asked.query.get(key)
    if found is None:
        raise InputError(f"{key} is missing")
    return found


def whole(asked: Asked, key: str) -> int:
    """A whole number that has to be there."""
    try:
        return int(asked.query.get(key, "")[:12])
    except ValueError:
        raise InputError(f"{key} is no whole number") from None


def box(asked: Asked) -> Rectangle:
    """x, y, w, h."""
    x, y, w, h = (whole(asked, key) for key in "xywh")
    if max(abs(x), abs(y), w, h) > MOST or min(w, h) < 1:
        raise InputError("no such part of the picture")
    return x, y, w, h


def first(asked: Asked) -> bool:
    """Whether the first look is wanted, before the RAW is decoded."""
    return asked.query.get("first") == "1"


def light(query: Mapping[str, Any]) -> Settings:
    """Temperature and tint, where they are given."""
    return settings({key: query[key] for key in ("temperature", "tint") if query.get(key)})


def settings(given: Mapping[str, Any]) -> Settings:
    """The sliders among what is given; UsageError out of range."""
    found: dict[str, float] = {}
    for one in fields(Settings):
        value = given.get(one.name)
        if value is not None and not isinstance(value, bool):
            try:
                found[one.name] = float(value)
            except (TypeError, ValueError):
                raise InputError(f"{one.name} is no number") from None
    return Settings(**found)


def look(given: Mapping[str, Any]) -> str:
    """ "camera" or "plain"."""
    from ..develop import LOOKS  # with the developer, which takes its time

    found = given.get("look", LOOKS[0])
    if found not in LOOKS:
        raise UsageError(f"look {str(found)[:40]!r}: want one of {', '.join(LOOKS)}")
    return str(found)


def order(body: Mapping[str, Any]) -> Order:
    """What is to be done."""
    rate = tuple((key, kind(body[key])) for key, kind in RATES.items() if _is_number(body.get(key)))
    size, quality = body.get("side"), body.get("jpeg_quality", 92)
    sized = size is None or (_is_number(size) and size >= 16)
    if not sized or not (_is_number(quality) and 1 <= quality <= 100):
        raise UsageError("a picture has 16 pixels a side or more, and a quality of 1 to 100")
    bits = body.get("bits", 8)
    return Order(
        str(body.get("act")), str(body.get("name")), str(body.get("output") or ""), body.get("replace") is True,
        settings(body), look(body), int(size) if size is not None else None, 16 if bits == 16 else 8, int(quality),
        rate, str(body["jpeg"]) if body.get("jpeg") else None,
    )  # fmt: skip


def rate(given: Mapping[str, Any]) -> Rate:
    """The one rate among what is given: of a query's words, or of an order. UsageError for none, several, or one out of
    range."""
    found = [key for key in RANGES if given.get(key) not in (None, "")] + [LOSSLESS] * (
        given.get(LOSSLESS) in (True, "true"))  # fmt: skip
    if len(found) != 1:
        raise UsageError("want one of quality, bpp, size and lossless")
    if found == [LOSSLESS]:
        return LOSSLESS, True
    (unit,) = found
    try:
        value = RATES[unit](float(given[unit]))
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{unit} is no number") from None
    least, most = RANGES[unit]
    if not least <= value <= most:
        raise UsageError(f"{unit}: want {least} to {most}")
    return unit, value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)
