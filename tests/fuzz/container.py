"""The container: preamble, sections, index, substreams; the head and its blocks."""

from tests.fuzz.harness import Target, main, mended_stream


def run(data: bytes) -> None:
    from rawinlay.bitstream.stream import container, head_copy
    from rawinlay.bitstream.stream.container import Container

    damage = container.check(data)
    head_copy.head_copy(data)
    found = Container.from_bytes(data)
    assert not damage
    assert Container.from_bytes(found.to_bytes()) == found


TARGET = Target("container", run, mended_stream)

if __name__ == "__main__":
    main("container")
