"""Which metadata a RAW stream may carry for the DNG, and its compact serialisation in the stream's header.

The allow-list is the rule for both ends: the reader of RAW files takes only these tags from a source, and a stream can
set only these in the DNG that is decoded from it, never a tag on which the file's structure or the mosaic's meaning
depends. Tags that would be stale in the new file (digests, previews, private data with offsets) are absent on purpose.

Layout of the serialised tags; `varint` and `zigzag` as in `bitstream.stream.fields`:

====== ======= ====================================================================================================
bytes  field   meaning
====== ======= ====================================================================================================
1      packing 0: the entries follow as they are; 1: they follow as a raw deflate stream (RFC 1951)
then, for each entry, in ascending order of index:
1      index   position in `TAGS`: an IFD and a tag
1      kind    bits 0..3: TIFF type; bit 4: all rationals share one denominator, which stands first
varint count   number of values
...    values  ASCII, BYTE, UNDEFINED: count bytes. FLOAT, DOUBLE: little-endian. Integers: count varints, zigzag for
               signed types. Rationals: numerator, denominator by turns, or with bit 4 the denominator, then count
               numerators; zigzag for SRATIONAL
====== ======= ====================================================================================================
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np

from ..errors import StreamError
from ..raw_image import RawImage, TiffValue
from ..stream.fields import Reader, unzigzag, write_varint, zigzag
from . import tiff
from .usual import as_usual

IFD0, RAW, EXIF = range(3)
TagDict = dict[int, TiffValue]

# What a tag's values may be: text, integers, rationals, floats, bytes.
_KINDS = {
    "t": (tiff.ASCII, tiff.BYTE), "i": (tiff.BYTE, tiff.SHORT, tiff.LONG), "f": (tiff.FLOAT, tiff.DOUBLE),
    "r": (tiff.RATIONAL, tiff.SRATIONAL), "u": (tiff.UNDEFINED, tiff.BYTE),
}

# (IFD, tag, kinds). The position is part of the stream format: append only, at most 256 entries.
TAGS: tuple[tuple[int, int, str], ...] = (
    (IFD0, 271, "t"),  # Make
    (IFD0, 272, "t"),  # Model
    (IFD0, 305, "t"),  # Software
    (IFD0, 306, "t"),  # DateTime
    (IFD0, 315, "t"),  # Artist
    (IFD0, 33432, "t"),  # Copyright
    (IFD0, 50708, "t"),  # UniqueCameraModel
    (IFD0, 50709, "t"),  # LocalizedCameraModel
    (IFD0, 50721, "r"),  # ColorMatrix1
    (IFD0, 50722, "r"),  # ColorMatrix2
    (IFD0, 50723, "r"),  # CameraCalibration1
    (IFD0, 50724, "r"),  # CameraCalibration2
    (IFD0, 50725, "r"),  # ReductionMatrix1
    (IFD0, 50726, "r"),  # ReductionMatrix2
    (IFD0, 50727, "r"),  # AnalogBalance
    (IFD0, 50728, "ir"),  # AsShotNeutral
    (IFD0, 50729, "r"),  # AsShotWhiteXY
    (IFD0, 50730, "r"),  # BaselineExposure
    (IFD0, 50731, "r"),  # BaselineNoise
    (IFD0, 50732, "r"),  # BaselineSharpness
    (IFD0, 50734, "r"),  # LinearResponseLimit
    (IFD0, 50735, "t"),  # CameraSerialNumber
    (IFD0, 50736, "r"),  # LensInfo
    (IFD0, 50739, "r"),  # ShadowScale
    (IFD0, 50778, "i"),  # CalibrationIlluminant1
    (IFD0, 50779, "i"),  # CalibrationIlluminant2
    (IFD0, 50827, "t"),  # OriginalRawFileName
    (IFD0, 50879, "i"),  # ColorimetricReference
    (IFD0, 50931, "t"),  # CameraCalibrationSignature
    (IFD0, 50932, "t"),  # ProfileCalibrationSignature
    (IFD0, 50934, "t"),  # AsShotProfileName
    (IFD0, 50936, "t"),  # ProfileName
    (IFD0, 50937, "i"),  # ProfileHueSatMapDims
    (IFD0, 50938, "f"),  # ProfileHueSatMapData1
    (IFD0, 50939, "f"),  # ProfileHueSatMapData2
    (IFD0, 50940, "f"),  # ProfileToneCurve
    (IFD0, 50941, "i"),  # ProfileEmbedPolicy
    (IFD0, 50942, "t"),  # ProfileCopyright
    (IFD0, 50964, "r"),  # ForwardMatrix1
    (IFD0, 50965, "r"),  # ForwardMatrix2
    (IFD0, 50981, "i"),  # ProfileLookTableDims
    (IFD0, 50982, "f"),  # ProfileLookTableData
    (IFD0, 51107, "i"),  # ProfileHueSatMapEncoding
    (IFD0, 51108, "i"),  # ProfileLookTableEncoding
    (IFD0, 51109, "r"),  # BaselineExposureOffset
    (IFD0, 51110, "i"),  # DefaultBlackRender
    (RAW, 50718, "r"),  # DefaultScale
    (RAW, 50719, "ir"),  # DefaultCropOrigin
    (RAW, 50720, "ir"),  # DefaultCropSize
    (RAW, 50733, "i"),  # BayerGreenSplit
    (RAW, 50737, "r"),  # ChromaBlurRadius
    (RAW, 50738, "r"),  # AntiAliasStrength
    (RAW, 50780, "r"),  # BestQualityScale
    (RAW, 51008, "u"),  # OpcodeList1
    (RAW, 51009, "u"),  # OpcodeList2
    (RAW, 51022, "u"),  # OpcodeList3
    (RAW, 51041, "f"),  # NoiseProfile
    (RAW, 51125, "r"),  # DefaultUserCrop
    (EXIF, 33434, "r"),  # ExposureTime
    (EXIF, 33437, "r"),  # FNumber
    (EXIF, 34850, "i"),  # ExposureProgram
    (EXIF, 34855, "i"),  # PhotographicSensitivity
    (EXIF, 34864, "i"),  # SensitivityType
    (EXIF, 34866, "i"),  # RecommendedExposureIndex
    (EXIF, 36867, "t"),  # DateTimeOriginal
    (EXIF, 36868, "t"),  # DateTimeDigitized
    (EXIF, 36880, "t"),  # OffsetTime
    (EXIF, 36881, "t"),  # OffsetTimeOriginal
    (EXIF, 36882, "t"),  # OffsetTimeDigitized
    (EXIF, 37377, "r"),  # ShutterSpeedValue
    (EXIF, 37378, "r"),  # ApertureValue
    (EXIF, 37379, "r"),  # BrightnessValue
    (EXIF, 37380, "r"),  # ExposureBiasValue
    (EXIF, 37381, "r"),  # MaxApertureValue
    (EXIF, 37382, "r"),  # SubjectDistance
    (EXIF, 37383, "i"),  # MeteringMode
    (EXIF, 37384, "i"),  # LightSource
    (EXIF, 37385, "i"),  # Flash
    (EXIF, 37386, "r"),  # FocalLength
    (EXIF, 37520, "t"),  # SubSecTime
    (EXIF, 37521, "t"),  # SubSecTimeOriginal
    (EXIF, 37522, "t"),  # SubSecTimeDigitized
    (EXIF, 41495, "i"),  # SensingMethod
    (EXIF, 41728, "u"),  # FileSource
    (EXIF, 41729, "u"),  # SceneType
    (EXIF, 41986, "i"),  # ExposureMode
    (EXIF, 41987, "i"),  # WhiteBalance
    (EXIF, 41988, "r"),  # DigitalZoomRatio
    (EXIF, 41989, "i"),  # FocalLengthIn35mmFilm
    (EXIF, 41990, "i"),  # SceneCaptureType
    (EXIF, 41991, "i"),  # GainControl
    (EXIF, 41992, "i"),  # Contrast
    (EXIF, 41993, "i"),  # Saturation
    (EXIF, 41994, "i"),  # Sharpness
    (EXIF, 42032, "t"),  # CameraOwnerName
    (EXIF, 42033, "t"),  # BodySerialNumber
    (EXIF, 42034, "r"),  # LensSpecification
    (EXIF, 42035, "t"),  # LensMake
    (EXIF, 42036, "t"),  # LensModel
    (EXIF, 42037, "t"),  # LensSerialNumber
    (IFD0, 52529, "i"),  # CalibrationIlluminant3
    (IFD0, 52530, "r"),  # CameraCalibration3
    (IFD0, 52531, "r"),  # ColorMatrix3
    (IFD0, 52532, "r"),  # ForwardMatrix3
    (IFD0, 52533, "u"),  # IlluminantData1
    (IFD0, 52534, "u"),  # IlluminantData2
    (IFD0, 52535, "u"),  # IlluminantData3
    (IFD0, 52537, "f"),  # ProfileHueSatMapData3
    (IFD0, 52538, "r"),  # ReductionMatrix3
    (RAW, 52525, "u"),  # ProfileGainTableMap
)
_INDEX = {(ifd, tag): i for i, (ifd, tag, _) in enumerate(TAGS)}
_ALLOWED = {(ifd, tag): tuple(t for k in kinds for t in _KINDS[k]) for ifd, tag, kinds in TAGS}

_ZERO_IS_UNKNOWN = {(EXIF, 33434), (EXIF, 33437), (EXIF, 34855), (EXIF, 37386), (EXIF, 41989)}

_AS_BYTES = (tiff.ASCII, tiff.BYTE, tiff.UNDEFINED, tiff.FLOAT, tiff.DOUBLE)
SHARED_DENOMINATOR = 0x10
MAX_TAG_BYTES = 4 << 20  # all values together, inflated: a bound for streams, far above any camera's opcodes


def allowed_tags(ifd: int, tags: Mapping[int, TiffValue]) -> TagDict:
    """The part of `tags` that may pass in IFD `ifd` (IFD0, RAW or EXIF), values of a wrong type or size left out.

    Colours that a program wrote as floating-point numbers become rationals, Exif 3.0's text type plain text (both in
    the form that every reader takes). Empty texts, rationals without a denominator and an exposure of zero say nothing,
    and readers warn of them: they are left out too.
    """
    out: TagDict = {}
    room = MAX_TAG_BYTES
    for tag, found in sorted(tags.items()):
        value = as_usual(found, tag, _ALLOWED.get((ifd, tag), ()))
        if value.type not in _ALLOWED.get((ifd, tag), ()):
            continue
        consistent = len(value.data) == tiff.TYPE_SIZES[value.type] * value.count
        blank = value.type == tiff.ASCII and not tiff.value_text(value)
        rational = value.type in (tiff.RATIONAL, tiff.SRATIONAL) and consistent
        undefined = rational and not np.all(np.isfinite(tiff.value_numbers(value)))
        unknown = (ifd, tag) in _ZERO_IS_UNKNOWN and not any(value.data[:4] if rational else value.data)
        if consistent and 0 < len(value.data) <= room and not (blank or undefined or unknown):
            out[tag] = value
            room -= len(value.data)
    return out


def pack_tags(raw: RawImage, known_exif: Mapping[int, TiffValue] | None = None) -> bytes:
    """The tags of `raw` that may pass, serialised.

    `known_exif`: Exif tags that the decoder will have anyway (`bitstream.jpeg.exif.exif_tags` of the carrying
    JPEG); equal ones are not repeated.
    """
    known = known_exif or {}
    exif = {tag: v for tag, v in allowed_tags(EXIF, raw.exif_tags).items() if known.get(tag) != v}
    entries = [(ifd, tag, value) for ifd, tags in ((IFD0, raw.ifd0_tags), (RAW, raw.raw_tags), (EXIF, exif))
               for tag, value in allowed_tags(ifd, tags).items()]
    entries.sort(key=lambda e: _INDEX[e[:2]])
    plain = b"".join(bytes([_INDEX[ifd, tag]]) + _pack_value(value) for ifd, tag, value in entries)
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    packed = deflate.compress(plain) + deflate.flush()
    return b"\1" + packed if len(packed) < len(plain) else b"\0" + plain


def unpack_tags(data: bytes) -> tuple[TagDict, TagDict, TagDict]:
    """(ifd0_tags, raw_tags, exif_tags) from what `pack_tags` wrote; StreamError when the data is anything else."""
    reader = Reader(_inflate(data), "the stream's metadata")
    out: tuple[TagDict, TagDict, TagDict] = ({}, {}, {})
    last, room = -1, MAX_TAG_BYTES
    while reader.remaining:
        index = reader.number(1, "a tag")
        if not last < index < len(TAGS):
            raise StreamError("the stream's metadata: a tag is unknown or repeated")
        last = index
        ifd, tag, _ = TAGS[index]
        value = _unpack_value(reader, f"tag {tag}", room)
        if value.type not in _ALLOWED[ifd, tag]:
            raise StreamError(f"the stream's metadata: tag {tag} has a type that it cannot have")
        room -= len(value.data)
        out[ifd][tag] = value
    return out


def _inflate(data: bytes) -> bytes:
    if not data or data[0] > 1:
        raise StreamError("the stream's metadata: of an unknown packing")
    if data[0] == 0:
        return data[1:]
    inflate = zlib.decompressobj(-15)
    try:
        plain = inflate.decompress(data[1:], 2 * MAX_TAG_BYTES)
    except zlib.error as error:
        raise StreamError(f"the stream's metadata: damaged ({error})") from None
    if not inflate.eof or inflate.unused_data:
        raise StreamError("the stream's metadata: damaged (cut, too long, or followed by something)")
    return plain


def _pack_value(value: TiffValue) -> bytes:
    kind = value.type
    if kind in _AS_BYTES:
        return bytes([kind]) + write_varint(value.count) + value.data
    numbers = [x.item() for x in np.frombuffer(value.data, "<" + tiff.ATOMS[kind])]
    if kind in (tiff.RATIONAL, tiff.SRATIONAL) and len(set(numbers[1::2])) == 1:
        kind |= SHARED_DENOMINATOR
        numbers = [numbers[1], *numbers[0::2]]
    body = b"".join(write_varint(zigzag(n) if value.type == tiff.SRATIONAL else n) for n in numbers)
    return bytes([kind]) + write_varint(value.count) + body


def _unpack_value(reader: Reader, name: str, room: int) -> TiffValue:
    """The value that comes next, at most `room` bytes of it."""
    kind = reader.number(1, name)
    shared, kind = bool(kind & SHARED_DENOMINATOR), kind & ~SHARED_DENOMINATOR
    rational = kind in (tiff.RATIONAL, tiff.SRATIONAL)
    count = reader.varint(name)
    size = tiff.TYPE_SIZES.get(kind, 0) * count
    if not 0 < size <= room or (shared and not rational):
        raise StreamError(f"the stream's metadata: {name} has an impossible type or size")
    if kind in _AS_BYTES:
        return TiffValue(kind, count, reader.take(size, name))
    numbers = [reader.varint(name) for _ in range(count + 1 if shared else 2 * count if rational else count)]
    if kind == tiff.SRATIONAL:
        numbers = [unzigzag(n) for n in numbers]
    if shared:
        numbers = [x for n in numbers[1:] for x in (n, numbers[0])]
    limits = np.iinfo(tiff.ATOMS[kind])
    if min(numbers) < limits.min or max(numbers) > limits.max:
        raise StreamError(f"the stream's metadata: {name} has a number that is out of its type's range")
    return TiffValue(kind, count, np.array(numbers, "<" + tiff.ATOMS[kind]).tobytes())
