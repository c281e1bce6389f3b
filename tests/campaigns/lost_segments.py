"""How much of a real picture's tiles is left where one segment in twenty is lost, and what the copy of the head costs.

    python -m tests.campaigns.lost_segments RAW.. [--count N] [--plain]

At three rates, each segment lost in turn, or one in twenty at random, N times; then the same with 5 % parity, but for
--plain.
"""

import argparse
import random
from itertools import product
from pathlib import Path
from statistics import mean

from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.mend import mend
from rawinlay.bitstream.jpeg.segments import APP11, read_segments, splice
from rawinlay.bitstream.stream import away
from rawinlay.bitstream.stream.container import Container
from rawinlay.bitstream.stream.head_copy import head_copy
from rawinlay.codec import api
from rawinlay.codec.decoder.salvage import Salvage, states, without
from rawinlay.codec.decoder.stream import Stream

RATES = {"0.4 bpp": {"bpp": 0.4}, "0.85 bpp": {"bpp": 0.85}, "lossless": {"lossless": True}}


def left(jpeg: bytes, lost: list[int]) -> Salvage | None:
    """What there is without some of the segments; None where nothing can be read."""
    segments = [s for s in read_segments(jpeg) if s.marker == APP11]
    try:
        found = mend(splice(jpeg, [(segments[n].start, segments[n].end, b"") for n in lost]))
    except StreamError:
        return None
    return states(without(Stream.from_bytes(found.payload), found.lost, found.size), ())


def measured(jpeg: bytes, count: int) -> str:
    """A line for a carrier."""
    rng, payload = random.Random(0), Jpeg(jpeg).payload
    segments = sum(s.marker == APP11 for s in read_segments(jpeg))
    many = max(1, segments // 20)
    trials = [[n] for n in range(segments)] if many == 1 else [rng.sample(range(segments), many) for _ in range(count)]
    found = [left(jpeg, trial) for trial in trials]
    whole = [some.recovered if some else 0.0 for some in found]
    decoded = [some.decoded if some else 0.0 for some in found]
    container = Container.from_bytes(payload)
    copy, corrections = len(head_copy(payload)), len(container.sections["LOCL"])
    spare = sum(len(container.substreams[key]) for key in away.keys_in(container.substreams))
    spare -= len(away.gathered(container).sections["LOCL"]) if spare else 0
    return (
        f"{len(payload)} bytes in {segments} segments, {many} lost: tiles whole {mean(whole):.1%} (least "
        f"{min(whole):.1%}), values decoded {mean(decoded):.1%}; copy of the head {copy / len(payload):.2%}, "
        f"of that block corrections {corrections / len(payload):.2%}; spare pieces of these {spare / len(payload):.2%}"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("raw", nargs="+")
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--count", type=int, default=12)
    args = parser.parse_args()
    for raw, parity, (name, rate) in product(args.raw, (None,) if args.plain else (None, 0.05), RATES.items()):
        encoded = api.encode(raw, effort=3, parity=parity, **rate)
        share = "5 %" if parity else "no"
        print(f"{Path(raw).stem}, {name}, {share} parity: {measured(encoded.jpeg, args.count)}", flush=True)


if __name__ == "__main__":
    main()
