"""The JPEG walker: segments, frame, tables and scans, flag, the box in and out."""

from tests.fuzz.harness import Target, main


def run(data: bytes) -> None:
    from rawinlay.bitstream.errors import RawinlayError
    from rawinlay.bitstream.jpeg import embed
    from rawinlay.bitstream.jpeg.file import Jpeg
    from rawinlay.bitstream.jpeg.frame import Picture
    from rawinlay.bitstream.jpeg.segments import frame_info, read_segments

    segments = read_segments(data)
    try:
        frame_info(segments)
        Picture(data)
    except RawinlayError:
        pass
    bare = embed.without_ours(data, segments)
    carrier = Jpeg(bare).with_payload(b"RWIN")
    assert carrier.payload == b"RWIN"
    assert carrier.bare.data == bare


TARGET = Target("walker", run)

if __name__ == "__main__":
    main("walker")
