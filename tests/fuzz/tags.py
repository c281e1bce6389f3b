"""Tags of the DNG, and TIFF directories as cameras' files and Exif have them. Input: a byte that chooses, the bytes."""

from tests.fuzz.harness import Target, main


def run(data: bytes) -> None:
    from rawinlay.bitstream.jpeg import exif
    from rawinlay.bitstream.tiff.tags import unpack_tags
    from rawinlay.bitstream.tiff.tiff import read_tiff

    if data[:1] == b"t":
        unpack_tags(data[1:])
    else:
        exif.exif_tags(exif.exif_ifd(data[1:]))
        read_tiff(data[1:])


TARGET = Target("tags", run)

if __name__ == "__main__":
    main("tags")
