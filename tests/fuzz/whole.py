"""A whole stream on a small JPEG, decoded; with --salvage too. Input: the stream, which is put into the JPEG."""

from tests.fuzz.harness import CORPUS, Target, main, mended_stream

JPEG = (CORPUS.parent / "whole.jpg").read_bytes()


def run(data: bytes) -> None:
    from rawinlay.bitstream.errors import RawinlayError
    from rawinlay.bitstream.jpeg import embed
    from rawinlay.codec import api

    carrier = embed.embed(JPEG, data)
    api.info(carrier)
    for salvage in (False, True):
        try:
            api.decode(carrier, salvage=salvage, max_pixels=1 << 16, unverified=True, preview="none").dng()
        except RawinlayError:
            pass


TARGET = Target("whole", run, mended_stream)

if __name__ == "__main__":
    main("whole")
