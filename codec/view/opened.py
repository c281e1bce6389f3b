"""The photographs that are open, and what was found for them: originals, trials, lower rates; each within a bound."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from ...bitstream.errors import NoRawError, RawinlayError, UsageError
from ...bitstream.jpeg.file import Jpeg
from ...bitstream.runtime.kept import Kept
from .asking import rate as rate_of
from .folder import Folder, kind_of
from .trial import Rate, Trials, Tried

if TYPE_CHECKING:
    from .original import Original
    from .other_rates import Shorter
    from .picture import Picture

MOST_OPEN, MOST_OTHERS = 300 << 20, 100 << 20
"""Bytes that are kept, of photographs and of each of the others; what is looked at always is."""


class Opened:
    """Of one folder."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self._pictures: Kept[Picture] = Kept(MOST_OPEN, lambda one: one.nbytes)
        self._originals: Kept[Original | None] = Kept(MOST_OTHERS, lambda one: one.nbytes if one else 0)
        self.trials = Trials(2 * MOST_OTHERS)
        self._begun: dict[object, Future[Jpeg]] = {}
        self._shorter: Kept[Shorter] = Kept(MOST_OTHERS, lambda one: one.nbytes)

    def picture(self, name: str) -> Picture:
        """A photograph; the rest of its mosaic is decoded meanwhile. Errors as `Picture`'s."""
        from .picture import Picture

        path = self.folder.path(name)
        stamp = self.folder.stamp(name)

        def make() -> Picture:
            begun = self._begun.pop((name, stamp), None)
            made = Picture(begun.result() if begun else self.folder.read(name), kind_of(path.name) or "")
            if made.tiles:
                threading.Thread(target=made.fill, name="fill", daemon=True).start()
            return made

        return self._pictures.get((name, stamp), make)

    def begin(self, name: str) -> None:
        """Have a JPEG's picture decoded meanwhile, while all that `picture` needs is imported."""
        if kind_of(name) == "jpeg":
            jpeg = Jpeg(self.folder.read(name))
            found = self._begun[name, self.folder.stamp(name)] = Future[Jpeg]()
            with contextlib.suppress(RawinlayError, MemoryError):  # whoever opens it meets that again, and says so
                assert jpeg.planes
            found.set_result(jpeg)

    def original(self, name: str, picture: Picture) -> Original:
        """The RAW that a carrier's was made of; NoRawError where it doesn't lie beside."""
        from .original import found

        true = None
        if picture.carrier:
            key = name, self.folder.stamp(name)
            true = self._originals.get(key, lambda: found(self.folder, name, picture))
        if true is None:
            raise NoRawError("the RAW that it was made of does not lie beside it")
        return true

    def key(self, name: str, jpeg: str, rate: Rate) -> tuple[object, ...]:
        """What a trial is known by."""
        return name, jpeg, rate, self.folder.stamp(name), self.folder.stamp(jpeg) if jpeg else None

    def tried(self, name: str, jpeg: str, rate: Rate) -> dict[str, object]:
        """How far a trial of a RAW is, and what came of it; jpeg: the one that is to carry it, its own preview or a
        rendering where it is ""."""
        if kind_of(name) != "raw":
            raise UsageError("only a RAW can be tried")

        def sources() -> tuple[bytes, bytes | None]:
            return self.folder.read(name), self.folder.read(jpeg) if jpeg else None

        return self.trials.state(self.key(name, jpeg, rate), rate, sources)

    def encoded(self, name: str, jpeg: str, rate: Mapping[str, Any]) -> Tried | None:
        """What an encoding gives that was tried already; None where it has to be made."""
        if "trimmable" in rate:
            return None
        try:
            return self.trials.get(self.key(name, jpeg, rate_of(rate)))
        except UsageError:
            return None

    def shorter(self, name: str, picture: Picture, size: int) -> Shorter:
        """A carrier in layers at a lower rate."""
        from .other_rates import Shorter

        if picture.carrier is None:
            raise NoRawError("it carries no RAW")
        carrier = picture.carrier
        return self._shorter.get((name, self.folder.stamp(name), size), lambda: Shorter(carrier, size))

    def trim(self) -> None:
        """Let go of what is too much."""
        self._pictures.trim()

    def close(self) -> None:
        """Let go of everything."""
        self._pictures.drop(lambda key: True)


def same_stem(one: str, other: str) -> bool:
    """Whether two names differ in their ending alone."""
    return os.path.splitext(one)[0].casefold() == os.path.splitext(other)[0].casefold()
