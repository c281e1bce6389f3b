"""The box in APP11 segments: parts joined, sorted, split anew, damaged and mended. Input: payloads by u16 lengths."""

from tests.fuzz.harness import Target, main


def parts(data: bytes) -> list[bytes]:
    """Payloads of segments."""
    found, at = [], 0
    while at + 2 <= len(data):
        size = int.from_bytes(data[at : at + 2], "little")
        found.append(data[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def run(data: bytes) -> None:
    from rawinlay.bitstream.errors import RawinlayError
    from rawinlay.bitstream.jpeg import jumbf

    payloads = parts(data)
    rest = jumbf.remove(payloads)
    assert len(rest) == len(payloads)
    try:
        jumbf.unwrap(payloads)
    except RawinlayError:
        pass
    assert sum(map(len, rest)) <= sum(map(len, payloads))


TARGET = Target("jumbf", run)

if __name__ == "__main__":
    main("jumbf")
