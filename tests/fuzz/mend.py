"""Damaged carriers: remains, parity, copies. Input: a file."""

from tests.fuzz.harness import Target, main


def run(data: bytes) -> None:
    from rawinlay.bitstream.errors import RawinlayError
    from rawinlay.bitstream.jpeg import further, parity
    from rawinlay.bitstream.jpeg.mend import mend, mend_superbox
    from rawinlay.bitstream.stream.container import Container

    for way in (mend, mend_superbox):
        try:
            Container.from_bytes(way(data).payload)
        except RawinlayError:
            pass
    parity.mended(data)
    further.damages(data)


TARGET = Target("mend", run)

if __name__ == "__main__":
    main("mend")
