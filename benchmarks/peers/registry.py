"""Peers by name. Each is made when it is asked for: libraries and weights of the others need not be there.

What a peer is made by stands in `TABLE` as "module:class(argument)" would be called; a class's own arguments come
behind its place.
"""

from __future__ import annotations

import importlib

from ...bitstream.errors import UsageError
from .base import Peer, Unavailable

GROUPS = {
    "ours": "rawinlay and its closed-form trunk, with and without the guide",
    "blind": "codecs that see the mosaic alone",
    "guided": "codecs that are given the JPEG too",
}

TABLE: dict[str, tuple[str, str, tuple[str, ...]]] = {
    # name: group, module and class under benchmarks.peers, arguments
    "rawinlay": ("ours", "ours:Rawinlay", ()),
    "trunk": ("ours", "trunk:Trunk", ()),
    "trunk-blind": ("ours", "trunk:BlindTrunk", ()),
    "rawinlay-blind": ("ours", "trunk:Blind", ()),
    "jxl-linear": ("blind", "jxl:JxlLossy", ("linear",)),
    "jxl-sqrt": ("blind", "jxl:JxlLossy", ("sqrt",)),
    "jxl-lossless": ("blind", "jxl:JxlLossless", ()),
    "jpeg2000-linear": ("blind", "jpeg2000:Jpeg2000Lossy", ("linear",)),
    "jpeg2000-sqrt": ("blind", "jpeg2000:Jpeg2000Lossy", ("sqrt",)),
    "jpeg2000-lossless": ("blind", "jpeg2000:Jpeg2000Lossless", ()),
    "ljpeg": ("blind", "ljpeg:LosslessJpeg", ()),
    "polynomial": ("guided", "polynomial:Polynomial", ()),
    "sam": ("guided", "sam:Sam", ()),
    "jxl-residual": ("guided", "jxl_residual:JxlResidual", ()),
    "hyperprior": ("blind", "learned.peer:LearnedPeer", ("hyperprior",)),
    "cam": ("guided", "learned.peer:LearnedPeer", ("cam",)),
    "r2lcm": ("guided", "learned.peer:LearnedPeer", ("r2lcm",)),
    "r2lcm++": ("guided", "learned.peer:LearnedPeer", ("r2lcm++",)),
}


def names(group: str | None = None) -> list[str]:
    """Names of all peers, or of one of `GROUPS`; also of those that can't be run here."""
    if group is not None and group not in GROUPS:
        raise UsageError(f"group {group!r} is none of {', '.join(GROUPS)}")
    return [name for name, (its, _, _) in TABLE.items() if group in (None, its)]


def group_of(name: str) -> str:
    """The group of a peer; UsageError for an unknown name."""
    return _entry(name)[0]


def get(name: str) -> Peer:
    """The peer of a name; UsageError for an unknown one, `Unavailable` with the reason where it can't be run here."""
    _, place, arguments = _entry(name)
    module, _, kind = place.partition(":")
    try:
        peer = getattr(importlib.import_module(f"{__package__}.{module}"), kind)(*arguments)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == __package__.partition(".")[0]:
            raise
        raise Unavailable(f"{name} needs {error.name}, which is not installed") from error
    assert isinstance(peer, Peer) and peer.name == name
    return peer


def _entry(name: str) -> tuple[str, str, tuple[str, ...]]:
    if name not in TABLE:
        raise UsageError(f"there is no codec {name!r}; there are {', '.join(TABLE)}")
    return TABLE[name]
