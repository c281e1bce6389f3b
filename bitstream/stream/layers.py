"""Section LAYR of a stream in layers, and cutting such a stream short: bytes in, bytes out.

Layer 0 lies in HEAD (its step), PARM and its substreams, like all there is of a stream without layers. Section LAYR
holds the record `FIELDS`: the further layers, from coarse to fine, and how much of the last one is there.

A *unit* is a stage of a tile in the last layer. Units go stage by stage, and within a stage tile by tile in an order
that spreads over the picture (`spread_order`): the first `kept` of them are there, those behind it were cut off, and
where they are missing the layer before is what is shown, improved by what this layer's parameters say where `estimate`
is 1. All layers before the last one are whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace

from ..errors import StreamError, UsageError
from .container import MAX_LAYERS, Container
from .fields import Field, read_record, write_record
from .header import LOSSLESS_STEP, Header

STAGES = 16
MAX_FURTHER = MAX_LAYERS - 1
PREVIEW_SHARE = 20
FLAG = 1  # bytes of a section PREV that carries no picture

FIELDS = (
    Field("spread", "u8", "how much finer, in units of `step`, each stage of a layer is than the one before"),
    Field("kept", "varint", "units of the last layer that are there; all of them where it is whole", high=STAGES << 20),
    Field("further", "array", "the layers behind layer 0", high=MAX_FURTHER, of=(
        Field("step", "u16", "as in the header", high=LOSSLESS_STEP),
        Field("estimate", "u8", "1: stages that are not there are estimated", high=1),
        Field("parameters", "bytes", "of its stages", high=1 << 16),
    )),
)  # fmt: skip


@dataclass(frozen=True)
class Further:
    """A layer behind layer 0; every field as in `FIELDS`."""

    step: int
    estimate: int
    parameters: bytes


@dataclass(frozen=True)
class Layers:
    """One LAYR section; every field as in `FIELDS`."""

    spread: int
    kept: int
    further: tuple[Further, ...]

    def to_bytes(self) -> bytes:
        """The section's bytes; ValueError where a value is out of range."""
        return write_record(FIELDS, asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes) -> Layers:
        """Inverse of `to_bytes`; `StreamError` where the bytes are no such section."""
        values = read_record(FIELDS, data, "layers")
        further = tuple(Further(**layer) for layer in values["further"])
        if any(layer.step == LOSSLESS_STEP for layer in further[:-1]):
            raise StreamError("layers: one behind a lossless one")
        return cls(values["spread"], values["kept"], further)

    def lossless(self, tiles: int) -> bool:
        """Whether everything is there down to the single values, for a picture of so many tiles."""
        return bool(self.further) and self.further[-1].step == LOSSLESS_STEP and self.kept == STAGES * tiles


def tile_count(header: Header) -> int:
    """Number of the picture's tiles."""
    top, left = divmod(header.phase.index("R"), 2)
    h, w = (header.height + top + 1) // 2, (header.width + left + 1) // 2
    return -(-h // (2 * header.tile)) * -(-w // (2 * header.tile))


def spread_order(tiles: int) -> list[int]:
    """All tiles in an order whose every beginning lies spread over the picture: multiples of the golden ratio."""
    return sorted(range(tiles), key=lambda n: (n * 648055) % (1 << 20))


class Depth:
    """How many stages of the last layer each tile has. Raises StreamError where there are fewer units than `kept`.

    cut: of tiles that are damaged, the first layer and stage that is not there.
    """

    def __init__(self, kept: int, tiles: int, cut: Mapping[int, tuple[int, int]] | None = None) -> None:
        if kept > STAGES * tiles:
            raise StreamError(f"layers: {kept} units of the last layer, the picture has {STAGES * tiles}")
        self._whole, more = divmod(kept, tiles)
        self._more = set(spread_order(tiles)[:more])
        self._cut = cut or {}

    def of(self, tile: int, layer: int, last: int) -> int | None:
        """Stages 0 .. n - 1 of a tile's layer are there, the last layer being `last`; None: the layer is not there."""
        count = self.stages(tile) if layer == last else STAGES
        cut, stage = self._cut.get(tile, (last, STAGES))
        return None if layer > cut else min(count, stage) if layer == cut else count

    def stages(self, tile: int) -> int:
        """Stages 0 .. n - 1 of the tile are there."""
        return self._whole + (tile in self._more)


class Prefixes:
    """A stream's prefixes, each an intact stream, from layer 0 alone (number 0) to the whole (number `last`).

    Each layer behind layer 0 adds one prefix with its parameters only, then one for each of its units. Raises
    StreamError where the stream is damaged.
    """

    def __init__(self, payload: bytes) -> None:
        self._whole = Container.from_bytes(payload)
        self._tiles = tile_count(Header.from_bytes(self._whole.sections["HEAD"]))
        section = self._whole.sections["LAYR"]
        self.layers = Layers.from_bytes(section) if section else None
        self.each = STAGES * self._tiles + 1
        """Prefixes to a layer."""
        self.last = 0
        if self.layers and self.layers.further:
            self.last = (len(self.layers.further) - 1) * self.each + 1 + self.layers.kept

    @property
    def preview_bytes(self) -> int:
        """Of a preview that the stream carries."""
        return len(self._whole.sections["PREV"])

    def without_preview(self) -> Prefixes:
        """Those of the stream without a preview that it carries."""
        if self.preview_bytes <= FLAG:
            return self
        sections = {name: data for name, data in self._whole.sections.items() if name != "PREV"}
        return Prefixes(Container(sections, self._whole.substreams).to_bytes())

    def cut(self, number: int) -> tuple[bytes, Layers | None]:
        """A prefix and its section LAYR, 0 <= number <= last."""
        if self.layers is None:
            return self._whole.to_bytes(), None
        last = -(-number // self.each)
        kept = (number - 1) % self.each if last else self.each - 1
        layers = replace(self.layers, kept=kept, further=self.layers.further[:last])
        depth = Depth(kept, self._tiles)
        substreams = {
            (tile, layer, stage): data
            for (tile, layer, stage), data in self._whole.substreams.items()
            if layer < last or (layer == last and stage < depth.stages(tile))
        }
        return Container({**self._whole.sections, "LAYR": layers.to_bytes()}, substreams).to_bytes(), layers


def shorten(payload: bytes, size: int, growth: Callable[[bytes], int]) -> tuple[bytes, Layers | None]:
    """The longest prefix of a stream with ``growth(prefix) <= size``, and its section LAYR.

    A preview that the stream carries stays where it is at most one part in `PREVIEW_SHARE` of `size`.
    growth: what a stream costs. Raises UsageError, which names the least possible cost, where even
    layer 0 costs more; StreamError where the stream is damaged.
    """
    prefixes = Prefixes(payload)
    if growth(payload) <= size:
        return payload, prefixes.layers
    if prefixes.preview_bytes * PREVIEW_SHARE > size or growth(prefixes.cut(0)[0]) > size:
        prefixes = prefixes.without_preview()
        whole = prefixes.cut(prefixes.last)
        if growth(whole[0]) <= size:
            return whole
    least = growth(prefixes.cut(0)[0])
    if least > size:
        reason = "the smallest it can be trimmed to" if prefixes.last else "it has a single layer, so can't be trimmed"
        raise UsageError(f"the RAW needs {least} bytes ({reason}), more than {size}")
    low, high = 0, prefixes.last
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if growth(prefixes.cut(middle)[0]) <= size else (low, middle)
    return prefixes.cut(low)
