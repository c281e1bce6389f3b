"""Section LAYR, and prefixes of a stream in layers. Input: a stream."""

from tests.fuzz.harness import Target, main, mended_stream


def run(data: bytes) -> None:
    from rawinlay.bitstream.stream.container import Container
    from rawinlay.bitstream.stream.layers import Layers, Prefixes

    sections = Container.from_bytes(data, verify=False).sections
    if sections["LAYR"]:
        layers = Layers.from_bytes(sections["LAYR"])
        assert Layers.from_bytes(layers.to_bytes()) == layers
    prefixes = Prefixes(data)
    if prefixes.each < 1 << 12:
        for number in {0, prefixes.last // 2, prefixes.last}:
            Container.from_bytes(prefixes.cut(number)[0])


TARGET = Target("layers", run, mended_stream)

if __name__ == "__main__":
    main("layers")
