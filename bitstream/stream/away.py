"""The corrections by block away from the head of a stream, in pieces that tiles carry: section AWAY.

A stream's head is copied, so that its loss is not the stream's (`head_copy`). The corrections by block can be most of a
head, and nothing can be decoded without them. Instead of twice they stand in pieces of one size along the stream, with
some spare ones, so that wherever a few are lost the others give them back::

    head | tile 0, piece 0 | tile 1 | tile 2, piece 1 | ... | tile 40, spare piece

==========  ==========================================================================
field       meaning
==========  ==========================================================================
size        varint: bytes of the section LOCL, which the stream does not have then
spare       varint: of the pieces the last so many are spare, by the code of `gf256`
==========  ==========================================================================

The pieces are the substreams of layer 0 and stage 16, in the order of their tiles; zeros fill up the last that holds
data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..errors import StreamError
from . import gf256
from .container import Container, Key
from .fields import Field, read_record, write_record

STAGE = 16
"""Of the pieces: the tile's own stages come before."""

FIELDS = (
    Field("size", "varint", "bytes of LOCL", low=1, high=1 << 24),
    Field("spare", "varint", "spare pieces, the last ones", high=gf256.MOST - 1),
)


def scattered(body: bytes, tiles: Sequence[int], spare: int) -> tuple[bytes, dict[Key, bytes]]:
    """Section AWAY and the pieces that hold `body`, one for each of some tiles, in ascending order, as far as there
    are bytes; spare: how many of them are, fewer than there are tiles."""
    size = piece_size(len(body), len(tiles) - spare)
    count = -(-len(body) // size)
    pieces = [body[n * size : (n + 1) * size].ljust(size, b"\0") for n in range(count)]
    pieces += gf256.spare(pieces, spare)
    section = write_record(FIELDS, {"size": len(body), "spare": spare})
    return section, {(tile, 0, STAGE): data for tile, data in zip(tiles, pieces, strict=False)}


def piece_size(size: int, count: int) -> int:
    """Bytes of a piece where so many hold so many bytes."""
    return -(-size // count)


def gathered(container: Container) -> Container:
    """A stream with its section LOCL, wherever that was, and without pieces; `StreamError` where they are none."""
    section = container.sections["AWAY"]
    if not section:
        return container
    if container.sections["LOCL"] or container.sections["LAYR"]:
        raise StreamError("the corrections by block stand in two places, or away in a stream of layers")
    keys = keys_in(container.substreams)
    count, size, spare = _plan(section, len(keys))
    parts = [container.substreams[key] for key in keys]
    if any(len(part) != size for part in parts):
        raise StreamError("the corrections by block: pieces of another size")
    length = read_record(FIELDS, section, "AWAY")["size"]
    body = b"".join(parts[: count - spare])
    if any(body[length:]):
        raise StreamError("the corrections by block have a tail that does not belong there")
    rest = {key: data for key, data in container.substreams.items() if key[2] != STAGE}
    return replace(container, sections={**container.sections, "AWAY": b"", "LOCL": body[:length]}, substreams=rest)


def mended(section: bytes, all_keys: Iterable[Key], found: Mapping[Key, bytes]) -> dict[Key, bytes] | None:
    """Pieces that were lost, from those that are found; None where too few are.

    all_keys: of all substreams that a stream had.
    """
    keys = keys_in(all_keys)
    try:
        count, size, spare = _plan(section, len(keys))
    except StreamError:
        return None
    have = {n: found[key] for n, key in enumerate(keys) if len(found.get(key, b"")) == size}
    if len(have) < count - spare:
        return None
    if len(have) == count:
        return {}
    pieces = gf256.solved(have, count - spare)
    pieces += gf256.spare(pieces, spare)
    return {key: pieces[n] for n, key in enumerate(keys) if n not in have}


def keys_in(keys: Iterable[Key]) -> list[Key]:
    """Those of pieces, in their order."""
    return sorted(key for key in keys if key[1:] == (0, STAGE))


def _plan(section: bytes, count: int) -> tuple[int, int, int]:
    """Number and size of the pieces, and how many are spare."""
    told = read_record(FIELDS, section, "AWAY")
    if not told["spare"] < count <= gf256.MOST:
        raise StreamError(f"the corrections by block: {count} pieces, {told['spare']} of them spare")
    return count, piece_size(told["size"], count - told["spare"]), told["spare"]
