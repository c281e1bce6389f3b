"""What guards a stream: parity, the copy of its head, the sidecar, parts of segments. Input: a superbox's contents.

CRCs of the parity's record and of both heads are made right, so that mutations come further than to them.
"""

import zlib

from tests.fuzz.harness import Target, main, mend_head


def mend_guards(data: bytes) -> bytes:
    from rawinlay.bitstream.jpeg import parity
    from rawinlay.bitstream.stream import head_copy

    out = bytearray(data)
    for mark in (b"bidbRWIN", head_copy.UUID):
        at = out.find(mark)
        if at >= 0:
            mend_head(out, at + (4 if mark == b"bidbRWIN" else len(mark)))
    at = out.find(parity.UUID)
    while at >= 0:
        start = at + len(parity.UUID) + 4
        end = start + int.from_bytes(out[start - 4 : start], "little")
        if end + 4 > len(out):
            break
        out[end : end + 4] = zlib.crc32(out[start:end]).to_bytes(4, "little")
        at = out.find(parity.UUID, end)
    return bytes(out)


def run(data: bytes) -> None:
    from rawinlay.bitstream.errors import RawinlayError
    from rawinlay.bitstream.jpeg import further, jumbf, parity
    from rawinlay.bitstream.jpeg.mend import mend, mend_superbox
    from rawinlay.bitstream.jpeg.parts import aligned_ends
    from rawinlay.bitstream.stream.container import Container
    from rawinlay.codec.sidecar import read_sidecar, stream_of

    contents = read_sidecar(jumbf.box(b"jumb", data))
    whole, damaged, left = parity.mended(contents)
    assert left <= damaged and len(whole) == len(contents)
    assert whole == contents or parity.mended(whole)[1] <= damaged
    further.damages(contents)
    further.share_of(contents)
    try:
        payload = stream_of(contents)
    except RawinlayError:
        payload = b""
    try:
        found = mend_superbox(contents)
    except RawinlayError:
        return
    sound = Container.from_bytes(found.payload)
    if payload and not found.lost and not damaged and not found.notes:
        assert Container.from_bytes(payload).substreams == sound.substreams
    # The same in segments, of which one is gone.
    ends = aligned_ends(sorted({90 + v for v in data[:8]}), len(contents))
    length = (len(contents) + 8).to_bytes(4, "big")
    parts = [jumbf.HEADER.pack(b"JP", jumbf.EN, z, int.from_bytes(length, "big"), b"jumb") + contents[a:b]
             for z, (a, b) in enumerate(zip([0, *ends], ends, strict=False), 1)]  # fmt: skip
    gone = data[-1] % (len(parts) + 1)
    jpeg = b"".join(b"\xff\xeb" + (len(p) + 2).to_bytes(2, "big") + p for n, p in enumerate(parts) if n != gone)
    try:
        Container.from_bytes(mend(b"\xff\xd8" + jpeg).payload)
    except RawinlayError:
        pass


TARGET = Target("guard", run, mend_guards)

if __name__ == "__main__":
    main("guard")
