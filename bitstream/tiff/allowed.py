"""Which metadata may pass from a source to the DNG: the tags of the header's closed list, and of `meta_tags`.

The allow-list is the rule for both ends: the reader of RAW files takes only these tags from a source, and a stream can
set only these in the DNG that is decoded from it, never a tag on which the file's structure or the mosaic's meaning
depends. Tags that would be stale in the new file (digests, previews, private data with offsets) are absent on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..raw_image import TiffValue
from . import tiff
from .meta_tags import EXIF, IFD0, MORE_TAGS, RAW
from .usual import as_usual

TagDict = dict[int, TiffValue]

# What a tag's values may be: text, integers, rationals, floats, bytes.
_KINDS = {
    "t": (tiff.ASCII, tiff.BYTE), "i": (tiff.BYTE, tiff.SHORT, tiff.LONG), "f": (tiff.FLOAT, tiff.DOUBLE),
    "r": (tiff.RATIONAL, tiff.SRATIONAL), "u": (tiff.UNDEFINED, tiff.BYTE), "l": (tiff.LONG,),
    "s": (tiff.SHORT, tiff.SSHORT, tiff.LONG, tiff.SLONG), "*": tuple(k for k in tiff.TYPE_SIZES if k != tiff.UTF8),
}

# (IFD, tag, kinds, name). The position is part of the stream format: the list is closed (docs/bitstream.md, 8.2).
LISTED: tuple[tuple[int, int, str, str], ...] = (
    (IFD0, 271, "t", "Make"),
    (IFD0, 272, "t", "Model"),
    (IFD0, 305, "t", "Software"),
    (IFD0, 306, "t", "DateTime"),
    (IFD0, 315, "t", "Artist"),
    (IFD0, 33432, "t", "Copyright"),
    (IFD0, 50708, "t", "UniqueCameraModel"),
    (IFD0, 50709, "t", "LocalizedCameraModel"),
    (IFD0, 50721, "r", "ColorMatrix1"),
    (IFD0, 50722, "r", "ColorMatrix2"),
    (IFD0, 50723, "r", "CameraCalibration1"),
    (IFD0, 50724, "r", "CameraCalibration2"),
    (IFD0, 50725, "r", "ReductionMatrix1"),
    (IFD0, 50726, "r", "ReductionMatrix2"),
    (IFD0, 50727, "r", "AnalogBalance"),
    (IFD0, 50728, "ir", "AsShotNeutral"),
    (IFD0, 50729, "r", "AsShotWhiteXY"),
    (IFD0, 50730, "r", "BaselineExposure"),
    (IFD0, 50731, "r", "BaselineNoise"),
    (IFD0, 50732, "r", "BaselineSharpness"),
    (IFD0, 50734, "r", "LinearResponseLimit"),
    (IFD0, 50735, "t", "CameraSerialNumber"),
    (IFD0, 50736, "r", "LensInfo"),
    (IFD0, 50739, "r", "ShadowScale"),
    (IFD0, 50778, "i", "CalibrationIlluminant1"),
    (IFD0, 50779, "i", "CalibrationIlluminant2"),
    (IFD0, 50827, "t", "OriginalRawFileName"),
    (IFD0, 50879, "i", "ColorimetricReference"),
    (IFD0, 50931, "t", "CameraCalibrationSignature"),
    (IFD0, 50932, "t", "ProfileCalibrationSignature"),
    (IFD0, 50934, "t", "AsShotProfileName"),
    (IFD0, 50936, "t", "ProfileName"),
    (IFD0, 50937, "i", "ProfileHueSatMapDims"),
    (IFD0, 50938, "f", "ProfileHueSatMapData1"),
    (IFD0, 50939, "f", "ProfileHueSatMapData2"),
    (IFD0, 50940, "f", "ProfileToneCurve"),
    (IFD0, 50941, "i", "ProfileEmbedPolicy"),
    (IFD0, 50942, "t", "ProfileCopyright"),
    (IFD0, 50964, "r", "ForwardMatrix1"),
    (IFD0, 50965, "r", "ForwardMatrix2"),
    (IFD0, 50981, "i", "ProfileLookTableDims"),
    (IFD0, 50982, "f", "ProfileLookTableData"),
    (IFD0, 51107, "i", "ProfileHueSatMapEncoding"),
    (IFD0, 51108, "i", "ProfileLookTableEncoding"),
    (IFD0, 51109, "r", "BaselineExposureOffset"),
    (IFD0, 51110, "i", "DefaultBlackRender"),
    (RAW, 50718, "r", "DefaultScale"),
    (RAW, 50719, "ir", "DefaultCropOrigin"),
    (RAW, 50720, "ir", "DefaultCropSize"),
    (RAW, 50733, "i", "BayerGreenSplit"),
    (RAW, 50737, "r", "ChromaBlurRadius"),
    (RAW, 50738, "r", "AntiAliasStrength"),
    (RAW, 50780, "r", "BestQualityScale"),
    (RAW, 51008, "u", "OpcodeList1"),
    (RAW, 51009, "u", "OpcodeList2"),
    (RAW, 51022, "u", "OpcodeList3"),
    (RAW, 51041, "f", "NoiseProfile"),
    (RAW, 51125, "r", "DefaultUserCrop"),
    (EXIF, 33434, "r", "ExposureTime"),
    (EXIF, 33437, "r", "FNumber"),
    (EXIF, 34850, "i", "ExposureProgram"),
    (EXIF, 34855, "i", "PhotographicSensitivity"),
    (EXIF, 34864, "i", "SensitivityType"),
    (EXIF, 34866, "i", "RecommendedExposureIndex"),
    (EXIF, 36867, "t", "DateTimeOriginal"),
    (EXIF, 36868, "t", "DateTimeDigitized"),
    (EXIF, 36880, "t", "OffsetTime"),
    (EXIF, 36881, "t", "OffsetTimeOriginal"),
    (EXIF, 36882, "t", "OffsetTimeDigitized"),
    (EXIF, 37377, "r", "ShutterSpeedValue"),
    (EXIF, 37378, "r", "ApertureValue"),
    (EXIF, 37379, "r", "BrightnessValue"),
    (EXIF, 37380, "r", "ExposureBiasValue"),
    (EXIF, 37381, "r", "MaxApertureValue"),
    (EXIF, 37382, "r", "SubjectDistance"),
    (EXIF, 37383, "i", "MeteringMode"),
    (EXIF, 37384, "i", "LightSource"),
    (EXIF, 37385, "i", "Flash"),
    (EXIF, 37386, "r", "FocalLength"),
    (EXIF, 37520, "t", "SubSecTime"),
    (EXIF, 37521, "t", "SubSecTimeOriginal"),
    (EXIF, 37522, "t", "SubSecTimeDigitized"),
    (EXIF, 41495, "i", "SensingMethod"),
    (EXIF, 41728, "u", "FileSource"),
    (EXIF, 41729, "u", "SceneType"),
    (EXIF, 41986, "i", "ExposureMode"),
    (EXIF, 41987, "i", "WhiteBalance"),
    (EXIF, 41988, "r", "DigitalZoomRatio"),
    (EXIF, 41989, "i", "FocalLengthIn35mmFilm"),
    (EXIF, 41990, "i", "SceneCaptureType"),
    (EXIF, 41991, "i", "GainControl"),
    (EXIF, 41992, "i", "Contrast"),
    (EXIF, 41993, "i", "Saturation"),
    (EXIF, 41994, "i", "Sharpness"),
    (EXIF, 42032, "t", "CameraOwnerName"),
    (EXIF, 42033, "t", "BodySerialNumber"),
    (EXIF, 42034, "r", "LensSpecification"),
    (EXIF, 42035, "t", "LensMake"),
    (EXIF, 42036, "t", "LensModel"),
    (EXIF, 42037, "t", "LensSerialNumber"),
    (IFD0, 52529, "i", "CalibrationIlluminant3"),
    (IFD0, 52530, "r", "CameraCalibration3"),
    (IFD0, 52531, "r", "ColorMatrix3"),
    (IFD0, 52532, "r", "ForwardMatrix3"),
    (IFD0, 52533, "u", "IlluminantData1"),
    (IFD0, 52534, "u", "IlluminantData2"),
    (IFD0, 52535, "u", "IlluminantData3"),
    (IFD0, 52537, "f", "ProfileHueSatMapData3"),
    (IFD0, 52538, "r", "ReductionMatrix3"),
    (RAW, 52525, "u", "ProfileGainTableMap"),
)
TAGS: tuple[tuple[int, int, str], ...] = tuple(row[:3] for row in LISTED)
NAMES = {(place, tag): name for place, tag, _, name in (*LISTED, *MORE_TAGS)}
ALLOWED = {(ifd, tag): tuple(t for k in kinds for t in _KINDS[k])
            for ifd, tag, kinds, _ in (*LISTED, *MORE_TAGS)}  # fmt: skip

_ZERO_IS_UNKNOWN = {(EXIF, 33434), (EXIF, 33437), (EXIF, 34855), (EXIF, 37386), (EXIF, 41989)}

MAX_TAG_BYTES = 4 << 20  # all values together, inflated: a bound for streams, far above any camera's opcodes


def allowed_tags(ifd: int, tags: Mapping[int, TiffValue]) -> TagDict:
    """The part of `tags` that may pass in IFD `ifd` (IFD0, RAW, EXIF, GPS), values of a wrong type or size left out.

    That are those of `TAGS` and of `bitstream.tiff.meta_tags`.

    Colours that a program wrote as floating-point numbers become rationals, Exif 3.0's text type plain text (both in
    the form that every reader takes). Empty texts, rationals without a denominator and an exposure of zero say nothing,
    and readers warn of them: they are left out too.
    """
    out: TagDict = {}
    room = MAX_TAG_BYTES
    for tag, found in sorted(tags.items()):
        value = as_usual(found, tag, ALLOWED.get((ifd, tag), ()))
        if value.type not in ALLOWED.get((ifd, tag), ()):
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
