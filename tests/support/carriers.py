"""JPEGs that carry a RAW in several segments and many tiles, for the tests of damage."""

import functools
from dataclasses import dataclass
from unittest import mock

import numpy as np
from rawinlay.bitstream.jpeg.segments import APP11, read_segments, splice
from rawinlay.codec import api
from rawinlay.codec.encoder.job import Job
from shots import shot


@dataclass(frozen=True)
class Sample:
    """A carrier, and what it decodes to."""

    jpeg: bytes
    mosaic: np.ndarray
    bare: bytes

    @property
    def segments(self):
        return [s for s in read_segments(self.jpeg) if s.marker == APP11]

    def without(self, *numbers):
        """The carrier without some of its segments of ours, by number from 0."""
        chosen = [self.segments[n] for n in numbers]
        return splice(self.jpeg, [(s.start, s.end, b"") for s in chosen])


@functools.cache
def sample(side=32, shape=(400, 600), seed=3, **options):
    """A shot with tiles of so many cells a side; lossless without other options: five segments."""
    taken = shot(seed, shape, (0, 0))
    with mock.patch.object(Job, "side", lambda self, bits: side):
        encoded = api.encode_arrays(taken.raw, taken.jpeg, effort=1, **(options or {"lossless": True}))
    return Sample(encoded.jpeg, api.decode(encoded.jpeg, preview="none").raw.mosaic, taken.jpeg)
