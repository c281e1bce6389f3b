"""Settings kept beside a photograph as XMP, in the words of Camera Raw where it has them.

=============  ======================  =============================================
settings       Camera Raw (`crs:`)     ours (`ri:`), exact
=============  ======================  =============================================
exposure       Exposure2012            Exposure
temperature    Temperature             Temperature; absent: as shot
tint           Tint                    Tint; absent: as shot
contrast       Contrast2012            Contrast
highlights     Highlights2012          Highlights
shadows        Shadows2012             Shadows
saturation     Saturation              Saturation
look                                   Look
=============  ======================  =============================================

`IMG_1-raw.xmp` stands beside `IMG_1-raw.jpg` and beside the DNG of that name, for which Lightroom and darktable read
it. The words mean the same in kind, not in amount: each program's contrast is its own. Where another program has
changed one of Camera Raw's words since, its number is taken. What else a file says stays; settings that another program
made are replaced only when that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from ...bitstream.dng.xmp import MAX_PACKET, OURS, with_properties
from ...bitstream.dng.xmp import values as values_of
from ...bitstream.errors import InputError, UsageError
from ...bitstream.runtime.files import read_file, write_atomically
from ..isp.settings import RANGES, Settings

CRS = "http://ns.adobe.com/camera-raw-settings/1.0/"
WORDS = {
    "exposure": "Exposure2012", "temperature": "Temperature", "tint": "Tint", "contrast": "Contrast2012",
    "highlights": "Highlights2012", "shadows": "Shadows2012", "saturation": "Saturation",
}  # fmt: skip
ABOUT = {"Version": "15.0", "ProcessVersion": "11.0", "HasSettings": "True"}
"""The process of 2012, whose words these are."""


class Foreign(UsageError):
    """The file has settings that another program made."""


@dataclass(frozen=True)
class Preset:
    """settings and look as they are kept; there: whether there are any; foreign: made by another program."""

    settings: Settings
    look: str = "camera"
    there: bool = False
    foreign: bool = False


def path_of(photograph: Path) -> Path:
    """Where the settings of a photograph are kept."""
    return photograph.with_suffix(".xmp")


def read(path: Path) -> Preset:
    """The settings in a file; none where there is no file, or none in it. InputError for one that can't be read."""
    found = values_of(_packet(path))
    values: dict[str, float] = {}
    theirs = False
    for name, word in WORDS.items():
        ours, crs = _number(found.get((OURS, word_of(name)))), _number(found.get((CRS, word)))
        changed = crs is not None and (ours is None or _text(name, ours) != _text(name, crs))
        theirs |= changed
        value = crs if changed else ours
        if value is not None:
            low, high = RANGES[name]
            values[name] = min(max(value, low), high)
    if found.get((CRS, "WhiteBalance")) == "As Shot":
        values.pop("temperature", None)
        values.pop("tint", None)
    look = found.get((OURS, "Look"), "camera")
    mine = any(namespace == OURS for namespace, _ in found)
    return Preset(Settings(**values), look if look in ("camera", "plain") else "camera", bool(values) or mine,
                  theirs and not mine)  # fmt: skip


def write(path: Path, settings: Settings, look: str, replace: bool = False) -> None:
    """Keep settings in a file; what else it says stays. Foreign where another program's would be replaced; InputError
    for a file that can't be read or written."""
    before = _packet(path)
    if before and read(path).foreign and not replace:
        raise Foreign(f"{path.name} has settings that another program made")
    values: dict[tuple[str, str, str], str | None] = {(CRS, "crs", name): text for name, text in ABOUT.items()}
    for field in fields(Settings):
        value = getattr(settings, field.name)
        values[CRS, "crs", WORDS[field.name]] = None if value is None else _text(field.name, value)
        values[OURS, "ri", word_of(field.name)] = None if value is None else f"{value:.6g}"
    shot = settings.temperature is None and settings.tint is None
    values[CRS, "crs", "WhiteBalance"] = "As Shot" if shot else "Custom"
    values[OURS, "ri", "Look"] = look
    write_atomically(path, with_properties(before, values))


def word_of(name: str) -> str:
    """Our own name of a setting."""
    return name.capitalize()


def _packet(path: Path) -> bytes:
    if path.is_symlink() or not path.exists():
        if path.is_symlink():
            raise InputError(f"{path.name} is a link, which is left alone")
        return b""
    if path.stat().st_size > MAX_PACKET:
        raise InputError(f"{path.name} is over 1 MB")
    return read_file(path, "XMP")


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else None
    except ValueError:
        return None
    return value if value is not None and abs(value) < 1e6 else None


def _text(name: str, value: float) -> str:
    """A number as Camera Raw writes it."""
    if name == "exposure":
        return f"{value:+.2f}"
    return f"{round(value)}" if name == "temperature" else f"{round(value):+d}" if round(value) else "0"
