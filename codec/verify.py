"""`verify`: whether a JPEG still gives back what was put into it, told as a list of checks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..bitstream.errors import ChangedError, InputError, NoRawError, RawinlayError, RawLostError, StreamError
from ..bitstream.jpeg.carried import AnotherPictureError, check_binding
from ..bitstream.jpeg.file import Jpeg
from ..bitstream.jpeg.further import damages
from ..bitstream.runtime.files import Source, bytes_of
from ..bitstream.stream import container
from ..bitstream.stream.digests import FileDigests, check_mosaic
from ..bitstream.stream.header import Header
from ..bitstream.stream.index import MAX_TILES
from ..bitstream.stream.layers import tile_count
from ..bitstream.stream.limits import check_pixels
from .mosaic.layout import Layout, tiles_in_pixels
from .sidecar import parts, read_sidecar
from .turned import turned_back

OK, FAILED, SKIPPED = "ok", "failed", "skipped"
CHECKS = ("stream", "copies", "picture", "jpeg", "mosaic")


@dataclass(frozen=True)
class Check:
    """One of `CHECKS`. state: "ok", "failed", or "skipped" where the file does not say what would be compared, or what
    comes before has failed; said: what is wrong, or why it was skipped."""

    name: str
    state: str
    said: str = ""


@dataclass(frozen=True)
class Tile:
    """A tile by its number, and its place in the mosaic's pixels as stored."""

    tile: int
    x: int
    y: int
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.tile} ({self.width}x{self.height} at {self.x},{self.y})"


@dataclass(frozen=True)
class Verified:
    """What became of a file's checks.

    stream: structure and every CRC; copies: the copy of its head, and parity; picture: the JPEG's samples are those
    that the RAW is bound to; jpeg: `strip` gives the JPEG back byte for byte; mosaic: it decodes to what was encoded
    (asked for by `deep`). exit_code: 0, or that of the error that `decode` would raise; 6 where the RAW is sound, and
    only the JPEG around it is not what it was. tiles: those that damage has reached; had_raw: whether it
    carries a RAW, or tells that it did; raw_sha256: of the RAW file that was encoded, where the file says so.
    """

    checks: tuple[Check, ...]
    exit_code: int = 0
    tiles: tuple[Tile, ...] = ()
    had_raw: bool = True
    raw_sha256: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.exit_code and not any(check.state == FAILED for check in self.checks)


def verify(
    jpeg: Source, *, sidecar: Source | None = None, deep: bool = False, max_pixels: int | None = None
) -> Verified:
    """Check a JPEG that carries a RAW, or one and its sidecar; nothing is raised for what is wrong with them.

    deep: decode the mosaic too, and compare its digest. max_pixels: the check of the picture fails for one of more.
    Without `deep` no picture is decoded whose file is, byte for byte, the one that was encoded into.
    """
    try:
        file = Jpeg(bytes_of(jpeg, "JPEG"))
        payload, contents = parts(file, sidecar)
        seen = container.examined(payload)
        if not seen.sections["HEAD"]:
            raise StreamError("; ".join(seen.damages) or "RAW stream: it has no header")
        header = Header.from_bytes(seen.sections["HEAD"])
    except StreamError as error:
        return Verified((Check("stream", FAILED, str(error)),), error.exit_code, _lost_tiles(jpeg, sidecar))
    except RawinlayError as error:
        had = isinstance(error, RawLostError)
        return Verified((Check("stream", FAILED, str(error)),), error.exit_code, had_raw=had)
    sections = seen.sections
    files = FileDigests.from_bytes(sections["DIGS"])
    stream, whole = _found("stream", list(seen.damages)), _jpeg(file, sidecar is not None, files)
    known = not deep and stream.state == whole.state == OK
    found = [
        stream,
        _found("copies", damages(contents)),
        _tried("picture", lambda: _check_picture(file, header, max_pixels, known)),
        whole,
    ]
    if deep:
        sound = all(check.state != FAILED for check in (found[0], found[2]))
        found.append(_tried("mosaic", lambda: _decode(file, sidecar, max_pixels)) if sound
                     else Check("mosaic", SKIPPED, "the RAW can't be decoded"))  # fmt: skip
        if found[-1].state == OK and not sections["DIGM"]:
            found[-1] = Check("mosaic", OK, "it decodes; the file is of a version that kept no digest to compare")
    failed = {check.name for check in found if check.state == FAILED}
    code = ChangedError.exit_code if failed == {"jpeg"} else StreamError.exit_code
    raw = files.raw.hex() if files and files.raw else None
    return Verified(tuple(found), code if failed else 0, _tiles(header, seen.tiles), raw_sha256=raw)


def _tiles(header: Header, numbers: Iterable[int]) -> tuple[Tile, ...]:
    """Where tiles lie; those that the header has no place for are left out."""
    wanted = set(numbers) if tile_count(header) <= MAX_TILES else set()
    places = tiles_in_pixels(Layout(header.height, header.width, header.phase), 2 * header.tile) if wanted else []
    return tuple(Tile(n, *place.xywh) for n, place in enumerate(places) if n in wanted)


def _lost_tiles(jpeg: Source, sidecar: Source | None) -> tuple[Tile, ...]:
    """The tiles that a stream with lost pieces can't give back; none where nothing is lost, or it can't be told."""
    from ..bitstream.jpeg.mend import mend, mend_superbox

    try:
        if sidecar is None:
            found = mend(bytes_of(jpeg, "JPEG"))
        else:
            found = mend_superbox(read_sidecar(sidecar))
        header = Header.from_bytes(container.examined(found.payload).sections["HEAD"])
        return _tiles(header, (tile for tile, _, _ in found.lost))
    except RawinlayError:
        return ()


def _check_picture(file: Jpeg, header: Header, max_pixels: int | None, known: bool) -> str:
    """How the picture was turned; known: the file is, byte for byte, the one whose samples the RAW was bound to, so
    that decoding it would say nothing new."""
    check_pixels(header.width, header.height, max_pixels, "the mosaic")
    if known:
        check_pixels(file.frame.width, file.frame.height, max_pixels, "the JPEG")
        return ""
    try:
        check_binding(file, header.binding, max_pixels)
        return ""
    except AnotherPictureError:
        back = turned_back(file, header.binding)
        if back is None:
            raise
        return f"it was {back[1]}, without loss"


def _decode(file: Jpeg, sidecar: Source | None, max_pixels: int | None) -> str:
    from .carrier import open_carrier  # all that decodes takes long to import

    found = open_carrier(file, sidecar, max_pixels=max_pixels)
    check_mosaic(found.stream.decode(found.planes), found.stream.digest)
    return ""


def _jpeg(file: Jpeg, apart: bool, files: FileDigests | None) -> Check:
    """apart: the RAW is in a sidecar, and nothing of it in the JPEG."""
    if files is None:
        return Check("jpeg", SKIPPED, "the file is of a version that kept no digest of the JPEG")
    if not apart and file.bare_sha256 == files.jpeg:
        return Check("jpeg", OK)
    if hashlib.sha256(file.data if apart else file.bare.data).digest() == files.jpeg:
        return Check("jpeg", OK)
    return Check("jpeg", FAILED, "without its RAW it is not the JPEG that was encoded into: a program has changed it")


def _found(name: str, damage: list[str]) -> Check:
    return Check(name, FAILED, "; ".join(damage)) if damage else Check(name, OK)


def _tried(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, OK, check())
    except (InputError, NoRawError, StreamError) as error:
        return Check(name, FAILED, str(error))
