"""The header's record, its set of values, its tags."""

from tests.fuzz.harness import Target, main


def run(data: bytes) -> None:
    from rawinlay.bitstream.stream.header import Header, unpack_values
    from rawinlay.bitstream.tiff.tags import unpack_tags
    from rawinlay.codec.decoder.stream import companding_of

    header = Header.from_bytes(data)
    assert Header.from_bytes(header.to_bytes()) == header
    if header.values:
        unpack_values(header.values, header.top)
    if header.height * header.width < 1 << 20:
        companding_of(header)
    unpack_tags(header.tags)


TARGET = Target("header", run)

if __name__ == "__main__":
    main("header")
