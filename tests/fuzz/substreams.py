"""Symbols and decisions from bytes. Input: a byte that chooses the coder, one for the classes, then the substream."""

import numpy as np

from tests.fuzz.harness import Target, main

COUNT = 300


def run(data: bytes) -> None:
    from rawinlay.entropy.ans import decode_symbols, model_of
    from rawinlay.entropy.binary import SplitReader
    from rawinlay.entropy.tables import CLASSES, EXACT, load

    if len(data) < 2:
        return
    rng = np.random.default_rng(data[1] % 16)
    if data[0] % 2:
        classes = rng.integers(0, CLASSES, COUNT).astype(np.uint8)
        found = decode_symbols(data[2:], classes, model_of(load(), EXACT))
        assert found.shape == (COUNT,)
    else:
        reader = SplitReader(data[2:])
        reader.read(rng.integers(0, 96, COUNT).astype(np.uint8))
        reader.finish()


TARGET = Target("substreams", run)

if __name__ == "__main__":
    main("substreams")
