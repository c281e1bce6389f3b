"""The container: preamble, sections, index, substreams; the head and its blocks; pieces along the stream."""

from tests.fuzz.harness import Target, main, mended_stream


def run(data: bytes) -> None:
    from rawinlay.bitstream.stream import away, container, head_copy
    from rawinlay.bitstream.stream.container import Container

    damage = container.check(data)
    head_copy.head_copy(data)
    found = Container.from_bytes(data)
    assert not damage
    assert Container.from_bytes(found.to_bytes()) == found
    section, keys = found.sections["AWAY"], away.keys_in(found.substreams)
    some = {key: found.substreams[key] for key in keys if data[-1] >> keys.index(key) % 8 & 1}
    back = away.mended(section, keys, some) if section else None
    whole = away.gathered(found)
    assert not section or not away.keys_in(whole.substreams)
    assert back is None or set(back) | set(some) == set(keys)


TARGET = Target("container", run, mended_stream)

if __name__ == "__main__":
    main("container")
