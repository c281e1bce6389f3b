"""What a file may ask of its reader, and that what asks for more is refused before the work begins."""

import io
from dataclasses import replace

import goldens
import numpy as np
import pytest
from campaigns import hostile
from cost import Cost
from PIL import Image
from rawinlay.bitstream.errors import InputError, StreamError, UsageError
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.stream.container import MAX_LAYERS
from rawinlay.bitstream.stream.layers import MAX_FURTHER, tile_count
from rawinlay.bitstream.stream.limits import check_work
from rawinlay.codec import api
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder import encode as encoding
from rawinlay.codec.encoder.options import MAX_RATES
from raws import long
from scenes import scene
from shots import shot

ASKS = dict(hostile.asks())
HEADER = Stream.from_bytes(goldens.payload("plain")).header


@pytest.mark.parametrize("name", [name for name, ask in ASKS.items() if ask.share > 1])
def test_too_much_is_refused_at_once(name):
    data = ASKS[name].file()
    assert len(data) <= hostile.BYTES
    with Cost() as cost:
        with pytest.raises(StreamError, match="far more work"):
            api.decode(data)
        with pytest.raises(StreamError, match="far more work"):
            api.trim(data, size=10**6)
        assert "far more work" in api.info(data).damage[0]
    assert cost.seconds < 10


@long
@pytest.mark.parametrize("name", ["one tile, lossless", "small tiles, many layers"])
def test_the_most_that_is_allowed(name):
    """The others of the campaign take minutes in all."""
    found = hostile.cost(ASKS[name].file(), "decode")
    assert found.end == "done" and found.seconds < 60 and found.megabytes < 1000


def header(height, width, tile=256, net=b""):
    return replace(HEADER, height=height, width=width, tile=tile, net=net)


@pytest.mark.parametrize("size, layers, made", [
    (int(100e6 / 64), 1, header(8660, 11547)),  # a flat camera JPEG of 100 MP
    (int(100e6 / 171), 1, header(8660, 11547)),  # the same with Huffman tables of its own
    (int(100e6 * 0.03), 1, header(8660, 11547)),  # the least that a real picture and its JPEG take
    (int(24e6 / 64), 3, header(4000, 6000)),  # a dark frame with its JPEG, trimmable
    (int(24e6 * 0.9 / 8), 21, header(4000, 6000)),  # all layers down to 0.4 bpp, in a JPEG of 0.5
    (int(24e6 * 0.6 / 8), 1, header(4000, 6000, net=bytes(8))),
    (100_000, 1, header(131, 150, 24, net=bytes(8))),
    (700, 21, header(48, 64)),
    (700, 1, header(400, 600, 8)),
])  # fmt: skip
def test_what_is_made_of_pictures_is_allowed(size, layers, made):
    check_work(made, layers, size)


def test_layers_have_one_limit():
    assert MAX_FURTHER == MAX_LAYERS - 1 == MAX_RATES == 5120 // 256


def test_a_noisy_picture_of_16_bits_is_lossless_in_layers():
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 65536, (40, 56), dtype=np.uint16)
    picture = scene(bits=16, black=(0,) * 4, white=65535, mosaic=noise)
    stream = Stream.from_bytes(picture.encode(lossless=True, trimmable=True))
    assert stream.lossless and np.array_equal(stream.decode(picture.planes), noise)


def test_a_picture_of_nothing_is_coded_in_fewer_layers(monkeypatch):
    """As a flat picture of 24 MP in ten layers would be: readers would refuse that."""
    picture = scene((64, 80), "RGGB", "soft", seed=2)
    target = {"quality": 90, "trimmable": True}
    assert Stream.from_bytes(picture.encode(**target)).layer_count > 2
    real = check_work

    def strict(header, layers, size):
        if layers > 1:
            raise StreamError("too much")
        real(header, layers, size)

    monkeypatch.setattr(encoding, "check_work", strict)
    assert Stream.from_bytes(picture.encode(**target)).layer_count == 1

    def never(header, layers, size):
        raise StreamError("too much")

    monkeypatch.setattr(encoding, "check_work", never)
    with pytest.raises(InputError, match="no reader would take it: too much"):
        picture.encode(**target)


def test_unbounded_and_max_pixels():
    data = hostile.Ask(hostile.flat(16, 16), tile=8, share=1.2).file()
    stream = Stream.from_bytes(embed.extract(data))
    shape = stream.header.height, stream.header.width
    with pytest.raises(StreamError, match=f"{tile_count(stream.header)} tiles"):
        api.decode(data)
    assert api.decode(data, unbounded=True).raw.mosaic.shape == shape
    taken = shot()  # 256 x 320
    jpeg = api.encode_arrays(taken.raw, taken.jpeg, quality=30).jpeg
    for call in (api.decode, api.info, lambda d, **kw: api.trim(d, size=10**6, **kw)):
        with pytest.raises(InputError, match="320 x 256 pixels, more than the limit of 81919"):
            call(jpeg, max_pixels=81919)
        call(jpeg, max_pixels=81920)


def test_a_large_jpeg_of_a_small_mosaic_is_refused_before_it_is_decoded(monkeypatch):
    data = hostile.Ask(hostile.flat(800, 800), tile=8).file()
    monkeypatch.setattr("rawinlay.bitstream.jpeg.file.decode_planes", lambda jpeg: pytest.fail("decoded"))
    for call in (api.decode, api.info):
        with pytest.raises(InputError, match=r"the (JPEG|mosaic) has"):
            call(data, max_pixels=639_999)


def test_trimmed_to_where_no_reader_would_take_it(monkeypatch):
    picture = scene((64, 80), "RGGB", "soft", seed=2)
    jpeg = embed.embed(picture.jpeg, picture.encode(quality=90, trimmable=True))
    whole = len(embed.extract(jpeg))

    def strict(header, layers, size):
        if size < whole:
            raise StreamError("too much")

    monkeypatch.setattr("rawinlay.codec.trim.check_work", strict)
    with pytest.raises(UsageError, match="trimmed so far no reader would take it"):
        api.trim(jpeg, size=whole // 2)


def test_jpegs_of_fewer_bits_than_blocks():
    good = hostile.flat(800, 800)
    assert decode_planes(good).scan_bytes < 2000
    cut = good.replace(bytes(1250), bytes(1249), 1)
    with pytest.raises(InputError, match="too few bytes for its size"):
        decode_planes(cut)
    baseline = io.BytesIO()
    Image.new("L", (800, 800), 128).save(baseline, "JPEG", optimize=True)
    assert decode_planes(baseline.getvalue()).scan_bytes >= 2500


def test_jpegs_of_many_scans():
    decode_planes(hostile.flat(2400, 2400, scans=10))
    with pytest.raises(InputError, match="too many scans for its bytes"):
        decode_planes(hostile.flat(6000, 6000, scans=60))
