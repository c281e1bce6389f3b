"""What the page can have done to a photograph: always a new file beside it, by the same functions as the command line.

Nothing that exists is replaced unless the person was asked; then the earlier file is kept until the server ends, so
that it can be had back. What was written can be taken back as long as nobody has changed it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...bitstream.errors import InputError, UsageError
from ...bitstream.runtime.files import reason
from ...bitstream.runtime.progress import Progress
from ..cli.console import bytes_text
from ..cli.places import check_output, write_output
from ..isp.settings import Settings
from ..source.endings import JPEG_SUFFIXES
from .folder import Folder, Forbidden
from .trial import Tried

Done = tuple[str, dict[str, Any], Callable[[], str] | None]

SUFFIXES = {
    "dng": (".dng",), "jpeg": JPEG_SUFFIXES, "tiff": (".tif", ".tiff"), "png": (".png",), "strip": JPEG_SUFFIXES,
    "trim": JPEG_SUFFIXES, "encode": JPEG_SUFFIXES,
}  # fmt: skip
ENDINGS = {"dng": ".dng", "jpeg": ".developed.jpg", "tiff": ".developed.tif", "png": ".developed.png",
           "strip": ".stripped.jpg", "trim": ".trimmed.jpg", "encode": ".raw.jpg"}  # fmt: skip
WORDS = {"dng": "writing the DNG", "jpeg": "developing a JPEG", "tiff": "developing a TIFF", "png": "developing a PNG",
         "strip": "taking the RAW out", "trim": "lowering the rate", "encode": "encoding"}  # fmt: skip


class Exists(UsageError):
    """The output is there already: the person has to be asked."""


@dataclass(frozen=True)
class Order:
    """What is wanted. act: one of `SUFFIXES`; name: the photograph; output: a file's name in its folder; replace: the
    person has agreed; settings, look, size, bits, quality: of a development; rate: keywords of `encode` or `trim`;
    jpeg: of an encoding."""

    act: str
    name: str
    output: str = ""
    replace: bool = False
    settings: Settings = field(default_factory=Settings)
    look: str = "camera"
    size: int | None = None
    bits: int = 8
    quality: int = 92
    rate: tuple[tuple[str, Any], ...] = ()
    jpeg: str | None = None


class Acts:
    """folder: of the photographs; tried: an encoding that was made already, to be looked at."""

    def __init__(self, folder: Folder, tried: Callable[[str, str, Mapping[str, Any]], Tried | None]) -> None:
        self.folder, self.tried = folder, tried
        self._kept: list[Path] = []
        self._lock = threading.Lock()

    def output(self, order: Order) -> Path:
        """Where an order's file goes; UsageError, InputError and Exists as `check_output` finds it, Forbidden for a
        name that leads elsewhere."""
        if order.act not in SUFFIXES:
            raise UsageError("no such thing can be done")
        name = order.output or Path(order.name).stem + ENDINGS[order.act]
        if "/" in name:
            raise Forbidden(name)
        source = self.folder.path(order.name)
        path = self.folder.path(f"{order.name.rpartition('/')[0]}/{name}".lstrip("/"), new=True)
        suffixes = SUFFIXES[order.act]
        if path.suffix.lower() not in suffixes:
            raise UsageError(f"{name}: the name has to end in {suffixes[0]}")
        if path.exists() and path.samefile(source):
            raise UsageError(f"{name} is the photograph itself, which is never changed: choose another name")
        if path.exists() and not order.replace:
            raise Exists(f"{name} exists already")
        check_output(path, [source], order.replace, suffixes)
        return path

    def do(self, order: Order, progress: Progress) -> Done:
        """Do it, whole or not at all. Errors as those of the command line."""
        output, source = self.output(order), self.folder.path(order.name)
        data = self.folder.read(order.name)
        made, result = self._made(order, data, source, progress)
        progress("writing", 1.0)
        earlier = self._keep(output) if output.exists() else None
        try:
            write_output(output, made, [source], order.replace, SUFFIXES[order.act])
        except BaseException:
            self._forget(earlier)
            raise
        stamp = _stamp(output)
        said = f"{output.name} is written, {bytes_text(len(made))}"
        parent = order.name.rpartition("/")[0]
        result |= {"output": f"{parent}/{output.name}".lstrip("/"), "bytes": len(made)}
        return said, result, lambda: self._taken_back(output, stamp, earlier)

    def _made(self, order: Order, data: bytes, source: Path, progress: Progress) -> tuple[bytes, dict[str, Any]]:
        """The file that is wanted, and what is said of it."""
        from .. import api

        if order.act == "dng":
            found = api.decode(data, progress=progress)
            return found.dng(), {"warnings": list(found.warnings), "lossless": found.lossless}
        if order.act == "strip":
            progress("taking the RAW out", 0.0)
            return api.strip(data), {}
        if order.act == "trim":
            progress("trimming", 0.2)
            trimmed = api.trim(data, **dict(order.rate))
            return trimmed.jpeg, {"bpp": trimmed.bpp, "lossless": trimmed.lossless}
        if order.act == "encode":
            made = self.tried(order.name, order.jpeg or "", dict(order.rate))
            if made:
                return made.jpeg, {"bpp": made.bpp, "warnings": list(made.warnings), "grown": made.grown}
            jpeg = self.folder.read(order.jpeg) if order.jpeg else None
            encoded = api.encode(data, jpeg, progress=progress, **dict(order.rate))
            return encoded.jpeg, {"bpp": encoded.bpp, "warnings": list(encoded.warnings),
                                  "grown": encoded.metadata_bytes}  # fmt: skip
        from ..develop import develop

        progress("developing", 0.0)
        picture = develop(data, order.settings, look=order.look, size=order.size, bits=order.bits)
        progress("writing", 0.9)
        height, width = picture.picture.shape[:2]
        return picture.file(order.act, order.quality), {"width": width, "height": height}

    def close(self) -> None:
        """Let the earlier files go that were kept."""
        with self._lock:
            for path in self._kept:
                path.unlink(missing_ok=True)
            self._kept.clear()

    def _keep(self, output: Path) -> Path:
        for number in range(1000):
            earlier = output.with_name(f".{output.name}.before-{number}")
            try:
                os.link(output, earlier)
            except FileExistsError:
                continue
            except OSError as error:
                raise InputError(f"cannot keep what {output.name} is now: {reason(error)}") from None
            with self._lock:
                self._kept.append(earlier)
            return earlier
        raise InputError(f"cannot keep what {output.name} is now")

    def _forget(self, earlier: Path | None) -> None:
        if earlier:
            earlier.unlink(missing_ok=True)
            with self._lock:
                self._kept.remove(earlier)

    def _taken_back(self, output: Path, stamp: tuple[int, ...] | None, earlier: Path | None) -> str:
        if _stamp(output) != stamp:
            return f"{output.name} was changed since, and stays"
        try:
            if earlier is None:
                output.unlink()
                return f"{output.name} is gone again"
            os.replace(earlier, output)
            with self._lock:
                self._kept.remove(earlier)
            return f"{output.name} is as it was before"
        except OSError as error:
            return f"{output.name} stays: {reason(error)}"


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
