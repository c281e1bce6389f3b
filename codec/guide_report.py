"""How much of a RAW its JPEG guides, for people: what of section GATE they should hear of."""

from __future__ import annotations

from dataclasses import dataclass

from ..bitstream.stream.container import Container
from ..bitstream.stream.header import Header
from .mosaic.layout import Layout

LEAST_TOLD = 0.01
"""Share of the picture without the JPEG from which on it is told."""


@dataclass(frozen=True)
class GuideReport:
    """share: of the RAW's picture, 0..1, that the JPEG guides; own_bytes: of the stream's own guide for the rest."""

    share: float = 1.0
    own_bytes: int = 0

    @classmethod
    def of(cls, payload: bytes) -> GuideReport:
        """That of a stream. `StreamError` for one that is damaged."""
        sections = Container.from_bytes(payload, verify=False).sections
        if not sections["GATE"]:
            return cls()
        from .recipe.gate import Gate  # compiled loops come with it

        header = Header.from_bytes(sections["HEAD"])
        gate = Gate.from_bytes(sections["GATE"], Layout(header.height, header.width, header.phase).cells)
        share = 1 - float(gate.blocks.own.mean()) if gate.blocks else 0.0
        return cls(share, len(sections["GATE"]))

    def warnings(self) -> tuple[str, ...]:
        """What to tell of a JPEG that was meant to be the guide."""
        if self.share > 1 - LEAST_TOLD:
            return ()
        if not self.share:
            return (
                "the JPEG doesn't help to code this RAW: it is coded without it, by a rendering of its own of "
                f"{self.own_bytes} bytes; is it a JPEG of this shot?",
            )
        return (
            f"{1 - self.share:.0%} of the RAW isn't in the JPEG, or looks otherwise there: these parts are coded by a "
            f"rendering of their own of {self.own_bytes} bytes",
        )
