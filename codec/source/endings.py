"""What files of photographs are by the endings of their names, lower case."""

from __future__ import annotations

JPEG_SUFFIXES = (".jpg", ".jpeg", ".jpe")
RAW_SUFFIXES = (
    ".3fr", ".ari", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef", ".mos",
    ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
)  # fmt: skip
SIDECAR_SUFFIXES = (".xmp", ".pp3", ".dop", ".cos", ".on1", ".arp", ".nksc")
"""Of darktable and Lightroom, RawTherapee, DxO, Capture One, ON1, ART, Nikon's NX Studio."""
