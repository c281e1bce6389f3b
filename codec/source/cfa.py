"""Colour filters that are not Bayer's, for messages."""

from __future__ import annotations

from collections.abc import Sequence


def period(sites: Sequence[Sequence[str]]) -> str:
    """The words "of 4x4 sites" (Quad-Bayer and the like) where a filter's colours repeat so, else nothing."""
    for n in (4, 8):
        whole = len(sites) > n and len(sites[0]) > n
        if whole and all(site == sites[y % n][x % n] for y, row in enumerate(sites) for x, site in enumerate(row)):
            return f" of {n}x{n} sites"
    return ""
