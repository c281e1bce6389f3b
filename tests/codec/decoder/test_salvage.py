"""What a map of a damaged stream says of its tiles, beside the second look behind the loop."""

import goldens
import numpy as np
import pytest
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.rect import Rect
from rawinlay.codec.decoder.salvage import PREDICTED, RIM, WHOLE, states, unguided, without
from rawinlay.codec.decoder.stream import Stream

NAMES = [name for name, facts in goldens.FACTS["streams"].items() if facts.get("post") and facts["tiles"] > 1]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_look_behind_the_loop_sees(name):
    stream, planes = Stream.from_bytes(goldens.payload(name)), decode_planes(goldens.jpeg(name))
    whole = stream.decode(planes)
    hurt = without(stream, [(0, 0, 0)], stream.size)
    found, mosaic = states(hurt, ()), hurt.decode(planes)
    lost, reach = found.tiles[0], 2 * stream.post.reach
    near = Rect.at(lost.x, lost.y, lost.width, lost.height).grown(reach)
    assert lost.state == PREDICTED and {tile.state for tile in found.tiles[1:]} <= {WHOLE, RIM}
    assert any(tile.state == RIM for tile in found.tiles)
    for tile in found.tiles[1:]:
        here = Rect.at(tile.x, tile.y, tile.width, tile.height)
        unlike = np.argwhere(mosaic[here.slices] != whole[here.slices]) + np.array([tile.y, tile.x])
        assert not len(unlike) or tile.state == RIM
        assert all(near.top <= row < near.bottom and near.left <= col < near.right for row, col in unlike.tolist())


def test_a_guide_that_is_known_is_known():
    """Under the same JPEG twice no tile is without guide; under one that differs everywhere, each is."""
    name = NAMES[0]
    stream, planes = Stream.from_bytes(goldens.payload(name)), decode_planes(goldens.jpeg(name))
    assert unguided(stream, planes, planes) == []
    other = type(planes)(planes.y ^ 85, planes.cb, planes.cr, planes.subsampling, planes.quantisation)
    assert unguided(stream, planes, other) == list(range(len(stream.transforms)))
