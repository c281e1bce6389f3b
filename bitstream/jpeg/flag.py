"""The flag in XMP that tells a JPEG that lost its RAW from one that never had one: XMP often outlives APP11.

A JPEG may have only one main packet. Where it has none, the flag is a packet of our own; where it has one, the flag is
one more `rdf:Description` at the end of that packet's `rdf:RDF`, which XMP allows (ISO 16684-1, 7.4), and not a byte of
the rest changes. Packets that others rely on, or that can't be read with certainty, are left alone: see `description`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\0"
FLAG_NAMESPACE = b"http://ns.rawinlay.org/1/"
FLAG_BYTES = re.compile(rb"rawinlay:Bytes\s*(?:=\s*[\"']|>)\s*(\d{1,10})\b")
MAX_PAYLOAD = 65533  # of a segment

_DESCRIPTION = b'<%b:Description %b:about=%b xmlns:rawinlay="' + FLAG_NAMESPACE + b'" rawinlay:Bytes="%d"/>'
_RDF = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
# Optional in XMP, but ImageMagick complains without the inner one, exiftool then without the outer one.
_HEAD = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
_FOOT = b'</x:xmpmeta><?xpacket end="w"?>'

_QUOTED = rb"\"[^\"<>]{0,200}\"|'[^'<>]{0,200}'"
_NAME = rb"[A-Za-z_][\w.-]{0,30}"
_OURS_IN_A_PACKET = re.compile(
    rb"<(" + _NAME + rb"):Description \1:about=(?:" + _QUOTED + rb") xmlns:rawinlay=\"" + re.escape(FLAG_NAMESPACE)
    + rb"\" rawinlay:Bytes=\"\d{1,10}\"/>(?=</\1:RDF\s*>)"
)  # fmt: skip
_OUR_PACKET = re.compile(
    re.escape(XMP_HEADER) + rb"(" + re.escape(_HEAD) + rb")?" + re.escape(_RDF) + rb"<rdf:Description rdf:about=\"\""
    rb" xmlns:rawinlay=\"" + re.escape(FLAG_NAMESPACE) + rb"\" rawinlay:Bytes=\"\d{1,10}\"/></rdf:RDF>(?(1)"
    + re.escape(_FOOT) + rb")"
)  # fmt: skip
"""With the wrappers, or without, as version 0.1.0 wrote it."""

# What may follow rdf:RDF in a packet that may be written to (end="w"), or that has no xpacket around it. Nothing in it
# is tried twice: padding is kilobytes of white space.
_TAIL = re.compile(
    rb"(</(" + _NAME + rb"):RDF\s*+>)\s*+(?:</" + _NAME + rb":x[am]pmeta\s*+>)?+\s*+"
    rb"(?:<\?xpacket end=[\"']w[\"']\s*+\?>)?+[\s\0]*+\Z"
)
_OTHERS_RELY_ON_IT = (
    b"http://ns.google.com/photos/",  # directories of what follows the picture: Ultra HDR, motion, depth
    b"http://ns.adobe.com/hdr-gain-map/",
)


def packet(size: int) -> bytes:
    """The payload of an APP1 segment that flags a RAW of `size` bytes."""
    return XMP_HEADER + _HEAD + _RDF + _DESCRIPTION % (b"rdf", b"rdf", b'""', size) + b"</rdf:RDF>" + _FOOT


def is_our_packet(payload: bytes) -> bool:
    """Whether an APP1 segment is a flag of ours and nothing else."""
    return _OUR_PACKET.fullmatch(payload) is not None


def description(payloads: Sequence[bytes], size: int) -> tuple[int, bytes] | None:
    """(offset, bytes) of what goes into the main XMP packet of a JPEG, the only one of `payloads` (header included).

    None where it stays as it is: there is no packet or more than one; it is marked read-only, in UTF-16, or not closed
    as it should be; others count on its contents (Ultra HDR and the like); a program took a flag of ours over into it
    already; it would outgrow its segment; or it would be taken for a packet of our own.
    """
    if len(payloads) != 1:
        return None
    (payload,) = payloads
    tail = _TAIL.search(payload)
    if tail is None or FLAG_NAMESPACE in payload or any(name in payload for name in _OTHERS_RELY_ON_IT):
        return None
    prefix = tail[2]
    if b"<" + prefix + b":RDF" not in payload:
        return None
    about = re.search(re.escape(prefix) + rb":about\s*=\s*(" + _QUOTED + rb")", payload)
    added = _DESCRIPTION % (prefix, prefix, about[1] if about else b'""', size)
    flagged = payload[: tail.start(1)] + added + payload[tail.start(1) :]
    # An empty packet would become the very one that version 0.1.0 wrote as its own.
    return None if len(flagged) > MAX_PAYLOAD or is_our_packet(flagged) else (tail.start(1), added)


def find(payload: bytes) -> tuple[int, int] | None:
    """Where (start, end) in an XMP packet of somebody else's what `description` puts there stands."""
    match = _OURS_IN_A_PACKET.search(payload)
    return match.span() if match else None
