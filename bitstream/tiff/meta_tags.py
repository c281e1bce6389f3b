"""The allow-list of metadata: which tags of a RAW, a JPEG or a sidecar reach the DNG beside those of `tags.TAGS`.

That list is closed, since old readers refuse an index that they don't know; what is here goes by tag number into
section META (`bitstream.tiff.meta`), where a reader passes over what it does not know. A row: the DNG's directory, tag,
types (`tags.KINDS`), name. Tags that would be stale in the new file (sizes, digests, previews' dates, offsets) are
absent on purpose.
"""

from __future__ import annotations

IFD0, RAW, EXIF, GPS = range(4)

MORE_TAGS: tuple[tuple[int, int, str, str], ...] = (
    (IFD0, 269, "t", "DocumentName"),
    (IFD0, 270, "t", "ImageDescription"),
    (IFD0, 316, "t", "HostComputer"),
    (IFD0, 700, "u", "XMP"),
    (IFD0, 18246, "i", "Rating"),
    (IFD0, 18249, "i", "RatingPercent"),
    (IFD0, 33723, "ul", "IPTC"),
    (IFD0, 37393, "i", "ImageNumber"),
    (IFD0, 40091, "u", "XPTitle"),
    (IFD0, 40092, "u", "XPComment"),
    (IFD0, 40093, "u", "XPAuthor"),
    (IFD0, 40094, "u", "XPKeywords"),
    (IFD0, 40095, "u", "XPSubject"),
    (IFD0, 50740, "u", "DNGPrivateData"),
    (IFD0, 50741, "i", "MakerNoteSafety"),
    (IFD0, 50970, "i", "PreviewColorSpace"),
    (IFD0, 51058, "r", "TStop"),
    (IFD0, 51081, "t", "ReelName"),
    (IFD0, 51105, "t", "CameraLabel"),
    (RAW, 28721, "s", "VignettingCorrection"),
    (RAW, 28722, "s", "VignettingCorrParams"),
    (RAW, 28724, "s", "ChromaticAberrationCorrection"),
    (RAW, 28725, "s", "ChromaticAberrationCorrParams"),
    (RAW, 28726, "s", "DistortionCorrection"),
    (RAW, 28727, "s", "DistortionCorrParams"),
    (RAW, 50713, "i", "BlackLevelRepeatDim"),
    (RAW, 50714, "ir", "BlackLevel"),
    (RAW, 50715, "r", "BlackLevelDeltaH"),
    (RAW, 50716, "r", "BlackLevelDeltaV"),
    (EXIF, 34852, "t", "SpectralSensitivity"),
    (EXIF, 34856, "u", "OECF"),
    (EXIF, 34865, "i", "StandardOutputSensitivity"),
    (EXIF, 34867, "i", "ISOSpeed"),
    (EXIF, 34868, "i", "ISOSpeedLatitudeyyy"),
    (EXIF, 34869, "i", "ISOSpeedLatitudezzz"),
    (EXIF, 37396, "i", "SubjectArea"),
    (EXIF, 37510, "u", "UserComment"),
    (EXIF, 37888, "r", "AmbientTemperature"),
    (EXIF, 37889, "r", "Humidity"),
    (EXIF, 37890, "r", "Pressure"),
    (EXIF, 37891, "r", "WaterDepth"),
    (EXIF, 37892, "r", "Acceleration"),
    (EXIF, 37893, "r", "CameraElevationAngle"),
    (EXIF, 40961, "i", "ColorSpace"),
    (EXIF, 40964, "t", "RelatedSoundFile"),
    (EXIF, 41483, "r", "FlashEnergy"),
    (EXIF, 41484, "u", "SpatialFrequencyResponse"),
    (EXIF, 41486, "r", "FocalPlaneXResolution"),
    (EXIF, 41487, "r", "FocalPlaneYResolution"),
    (EXIF, 41488, "i", "FocalPlaneResolutionUnit"),
    (EXIF, 41492, "i", "SubjectLocation"),
    (EXIF, 41493, "r", "ExposureIndex"),
    (EXIF, 41730, "u", "CFAPattern"),
    (EXIF, 41985, "i", "CustomRendered"),
    (EXIF, 41995, "u", "DeviceSettingDescription"),
    (EXIF, 41996, "i", "SubjectDistanceRange"),
    (EXIF, 42016, "t", "ImageUniqueID"),
    (EXIF, 42038, "t", "ImageTitle"),
    (EXIF, 42039, "t", "Photographer"),
    (EXIF, 42040, "t", "ImageEditor"),
    (EXIF, 42041, "t", "CameraFirmware"),
    (EXIF, 42042, "t", "RAWDevelopingSoftware"),
    (EXIF, 42043, "t", "ImageEditingSoftware"),
    (EXIF, 42044, "t", "MetadataEditingSoftware"),
    (EXIF, 42080, "i", "CompositeImage"),
    (EXIF, 42081, "i", "SourceImageNumberOfCompositeImage"),
    (EXIF, 42082, "u", "SourceExposureTimesOfCompositeImage"),
    (EXIF, 42240, "r", "Gamma"),
    (EXIF, 65000, "t", "OwnerName"),
    (EXIF, 65001, "t", "SerialNumber"),
    (EXIF, 65002, "t", "Lens"),
    *((GPS, tag, "*", name) for tag, name in enumerate((
        "GPSVersionID", "GPSLatitudeRef", "GPSLatitude", "GPSLongitudeRef", "GPSLongitude", "GPSAltitudeRef",
        "GPSAltitude", "GPSTimeStamp", "GPSSatellites", "GPSStatus", "GPSMeasureMode", "GPSDOP", "GPSSpeedRef",
        "GPSSpeed", "GPSTrackRef", "GPSTrack", "GPSImgDirectionRef", "GPSImgDirection", "GPSMapDatum",
        "GPSDestLatitudeRef", "GPSDestLatitude", "GPSDestLongitudeRef", "GPSDestLongitude", "GPSDestBearingRef",
        "GPSDestBearing", "GPSDestDistanceRef", "GPSDestDistance", "GPSProcessingMethod", "GPSAreaInformation",
        "GPSDateStamp", "GPSDifferential", "GPSHPositioningError"))),
)  # fmt: skip

ABOUT_THE_SHOT = frozenset(
    {(IFD0, tag) for tag in (305, 306, 315, 33432, 50735, 50736, 50827)}
    | {(place, tag) for place, tag, _, _ in MORE_TAGS if place == IFD0 and tag != 50970}
)
"""Tags of IFD0 that tell of people, times, things and places: no picture is developed by them."""

OF_A_JPEG = frozenset({269, 270, 305, 306, 315, 316, 18246, 18249, 33432, 33723, *range(40091, 40096)})
"""Tags of IFD0 that a JPEG's Exif may give the DNG where the RAW has none."""

OF_A_PROFILE = frozenset({
    50708, 50721, 50722, 50723, 50724, 50725, 50726, 50778, 50779, 50932, *range(50936, 50943), 50964, 50965, 50981,
    50982, 51107, 51108, 51109, 51110, 52529, 52530, 52531, 52532, 52533, 52534, 52535, 52537, 52538,
})  # fmt: skip
"""Tags of IFD0 that a further camera profile may have (DNG 1.7, ExtraCameraProfiles)."""
