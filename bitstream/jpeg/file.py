"""A JPEG file, walked through once: whatever is asked of its header is found in the same segments."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ..errors import InputError
from ..raw_image import TiffValue
from ..runtime.forks import cached_property
from ..tiff.tiff import Ifd
from . import embed, exif
from .cut import PartialPlanes, partial_planes
from .planes import JpegPlanes, decode_planes
from .segments import FrameInfo, Segment, frame_info, read_segments


@dataclass(frozen=True)
class Jpeg:
    """A JPEG's bytes, and what is in them, each found when it is first asked for and kept as long as this is.

    data: the file. Nothing is looked at before something is asked for: `segments` is the first to raise InputError for
    what is no JPEG, or one whose header is cut or damaged; all others but Exif's do so too.
    """

    data: bytes = field(repr=False)

    @staticmethod
    def of(jpeg: Jpeg | bytes) -> Jpeg:
        """A file's bytes as a `Jpeg`, a `Jpeg` as it is."""
        return jpeg if isinstance(jpeg, Jpeg) else Jpeg(jpeg)

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """All marker segments from SOI to the first SOS (`bitstream.jpeg.segments`)."""
        return tuple(read_segments(self.data))

    @cached_property
    def frame(self) -> FrameInfo:
        """What the frame header says; InputError when it is missing, doubled or contradictory."""
        return frame_info(self.segments)

    @cached_property
    def planes(self) -> JpegPlanes:
        """The picture (`bitstream.jpeg.planes.decode_planes`, whose errors it raises)."""
        return decode_planes(self.data, self.segments)

    def partial_planes(self, bands: bytes = b"") -> PartialPlanes:
        """What is left of a picture that is damaged or cut (`bitstream.jpeg.cut`, whose errors it raises). Not kept."""
        return partial_planes(self.data, self.segments, bands)

    # Exif is no reason to fail: what can't be read is not there.

    @property
    def _known_segments(self) -> Iterable[Segment]:
        try:
            return self.segments
        except InputError:
            return ()

    @cached_property
    def exif_payload(self) -> bytes:
        """The TIFF file inside the first APP1 Exif segment; empty where there is none."""
        return exif.exif_payload(self._known_segments)

    @cached_property
    def ifd0(self) -> Ifd | None:
        """IFD0 of the Exif with its sub-directories, or None where there is none to read."""
        return exif.exif_ifd(self.exif_payload)

    @property
    def exif_tags(self) -> dict[int, TiffValue]:
        """The tags of the Exif directory that may stand in a DNG's; empty where there is no Exif."""
        return exif.exif_tags(self.ifd0)

    @property
    def xmp(self) -> bytes:
        """The XMP packet; empty where there is none."""
        return exif.xmp_packet(self._known_segments)

    @property
    def iptc(self) -> bytes:
        """The IPTC record; empty where there is none."""
        return exif.iptc(self._known_segments)

    @property
    def orientation(self) -> int:
        """The orientation tag, 1..8; 1 where there is none."""
        return exif.orientation(self.ifd0)

    # The RAW stream in its segments (`bitstream.jpeg.embed`).

    @property
    def payload(self) -> bytes:
        """The stream; NoRawError where there is none, StreamError where parts of it are missing. Not kept."""
        return embed.payload_of(self.segments)

    @property
    def superbox(self) -> bytes:
        """The contents of the box that the stream lies in, else as `payload`. Not kept."""
        return embed.superbox_of(self.segments)

    @cached_property
    def _without(self) -> Jpeg | None:
        bare = embed.without_ours(self.data, self.segments)
        return Jpeg(bare) if len(bare) < len(self.data) else None

    @property
    def bare(self) -> Jpeg:
        """The file without anything of ours; this one where there is nothing."""
        return self._without or self  # not kept, lest this should hold itself

    @property
    def grown(self) -> int:
        """Bytes that `bare` is shorter by."""
        return len(self.data) - len(self.bare.data)

    @property
    def bare_sha256(self) -> bytes:
        """The digest of `bare` without the copy that it is; another one where damage hides some of what is ours."""
        return embed.sha256_without_ours(self.data, self.segments)

    def growth(self, payload_size: int, further: int = 0, ends: Sequence[int] = ()) -> int:
        """Bytes that `bare` becomes longer by with a payload of so many, and so many of further boxes; ends: of the
        parts, of which all but the last are full without that (`bitstream.jpeg.parts`)."""
        return embed.added_bytes(self.bare.segments, payload_size, further, ends)

    def with_payload(self, payload: bytes, further: bytes = b"") -> Jpeg:
        """`bare` with a payload and further boxes; InputError for one of 4 GiB."""
        bare = self.bare
        carrier = Jpeg(embed.with_payload(bare.data, bare.segments, payload, further))
        if carrier.bare.data != bare.data:  # metadata that is no longer found once it is mended: it stays as it is
            carrier = Jpeg(embed.with_payload(bare.data, bare.segments, payload, further, mend=False))
        return carrier

    @property
    def warnings(self) -> list[str]:
        """What a RAW does to the file that can't be mended, a line each; of `bare`."""
        return embed.warnings_of(self.bare.segments)
