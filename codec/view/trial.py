"""Try before you encode: a RAW put into its JPEG at a rate, in memory, to be looked at anywhere and at its true size.

What is seen is what would be written, byte for byte: `encode` itself makes it, the whole picture. One at a time; a new
wish ends the one before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...bitstream.errors import RawinlayError
from ...bitstream.runtime.kept import Kept
from .jobs import Stopped

if TYPE_CHECKING:
    from .tiles import Tiles

LOSSLESS = "lossless"

Key = tuple[Any, ...]
Rate = tuple[str, float]
"""A keyword of `encode` that says how many bytes there may be, and its value."""


@dataclass(frozen=True)
class Tried:
    """jpeg: what would be written; tiles: what it decodes to; grown: bytes that the JPEG grew by, bpp."""

    jpeg: bytes
    tiles: Tiles
    grown: int
    bpp: float
    lossless: bool
    warnings: tuple[str, ...]

    @property
    def nbytes(self) -> int:
        """Bytes that it holds, about: the mosaic, the JPEG, its planes."""
        return len(self.jpeg) + 2 * self.tiles.mosaic.nbytes


class Trials:
    """Those of one server."""

    def __init__(self, most: int) -> None:
        self._done: Kept[Tried] = Kept(most, lambda one: one.nbytes)
        self._lock = threading.Lock()
        self._now: Key | None = None
        self._state: dict[str, Any] = {}

    def state(self, key: Key, rate: Rate, sources: Callable[[], tuple[bytes, bytes | None]]) -> dict[str, Any]:
        """How far a trial is, for JSON; begun where it wasn't. sources: the RAW's and the JPEG's bytes."""
        found = self.get(key)
        if found:
            return {"state": "done", "grown": found.grown, "bpp": found.bpp, "jpeg": len(found.jpeg) - found.grown,
                    "lossless": found.lossless, "warnings": list(found.warnings)}  # fmt: skip
        with self._lock:
            if self._now != key:
                self._now, self._state = key, {"state": "running", "now": "waiting", "share": 0.0}
                threading.Thread(target=self._run, args=(key, rate, sources), name="trial", daemon=True).start()
            return dict(self._state)

    def get(self, key: Key) -> Tried | None:
        """A trial that is done."""
        try:
            return self._done.get(key, _missing)
        except KeyError:
            return None

    def _run(self, key: Key, rate: Rate, sources: Callable[[], tuple[bytes, bytes | None]]) -> None:
        from ...bitstream.jpeg.file import Jpeg
        from ..api import encode
        from ..carrier import open_carrier
        from .tiles import Tiles

        def progress(what: str, share: float) -> None:
            with self._lock:
                if self._now != key:
                    raise Stopped
                self._state = {"state": "running", "now": what, "share": share}

        try:
            raw, jpeg = sources()
            wanted: dict[str, Any] = dict([rate])
            encoded = encode(raw, jpeg, progress=progress, **wanted)
            carrier = open_carrier(Jpeg(encoded.jpeg))
            made = Tried(encoded.jpeg, Tiles(carrier), encoded.metadata_bytes, encoded.bpp, carrier.stream.lossless,
                         encoded.warnings)  # fmt: skip
            self._done.get(key, lambda: made)
            said = {"state": "done"}
        except Stopped:
            return
        except RawinlayError as error:
            said = {"state": "failed", "said": str(error)}
        except MemoryError:
            said = {"state": "failed", "said": "not enough memory for this picture"}
        with self._lock:
            if self._now == key:
                self._state = said
                if said["state"] == "done":
                    self._now = None


def _missing() -> Tried:
    raise KeyError
