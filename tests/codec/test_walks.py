"""An operation walks through each JPEG once: its header by `read_segments`, its scans by `Picture`.

The header of what is left without the RAW is read once more, where it was taken out: for more of ours behind it.
"""

from collections import Counter

import pytest
from rawinlay.bitstream.jpeg import embed, file, planes
from rawinlay.bitstream.jpeg.frame import Picture
from rawinlay.bitstream.jpeg.segments import read_segments
from rawinlay.codec.api import decode, encode_arrays, info, strip, trim
from shots import shot


@pytest.fixture(scope="module")
def carrier():
    return encode_arrays(shot().raw, shot().jpeg, quality=40, trimmable=True, effort=1).jpeg


@pytest.fixture
def walks(monkeypatch):
    """How often each file, by its bytes, is walked through: its header, and the whole of it."""
    headers, pictures = Counter(), Counter()

    def counted(data):
        headers[data] += 1
        return read_segments(data)

    class Counted(Picture):
        def __init__(self, jpeg, segments=None):
            pictures[jpeg] += 1
            super().__init__(jpeg, segments)

    monkeypatch.setattr(file, "read_segments", counted)
    monkeypatch.setattr(embed, "read_segments", counted)
    monkeypatch.setattr(planes, "Picture", Counted)
    return headers, pictures


@pytest.mark.parametrize("options", [{"bpp": 1}, {"quality": 40}, {"bpp": 1, "trimmable": True}, {"lossless": True}])
def test_encode(walks, options):
    given = shot().jpeg
    made = encode_arrays(shot().raw, given, effort=1, **options).jpeg
    headers, pictures = walks
    assert headers == {given: 2, made: 1}
    assert pictures[given] == 1 and not pictures[made] and max(pictures.values()) == 1  # own guides are JPEGs too


def test_encode_anew(walks, carrier):
    made = encode_arrays(shot().raw, carrier, bpp=1, effort=1).jpeg
    headers, pictures = walks
    assert headers == {carrier: 1, shot().jpeg: 3, made: 1}
    assert pictures[shot().jpeg] == 1 and not pictures[made] and max(pictures.values()) == 1


@pytest.mark.parametrize("preview", ["auto", "jpeg", "none"])
@pytest.mark.parametrize("crop", [None, (16, 16, 64, 64)])
def test_decode(walks, carrier, preview, crop):
    headers, pictures = walks
    decoded = decode(carrier, preview=preview, crop=crop)
    bare = decoded.jpeg
    assert headers[carrier] == 1 and headers[bare] == 1 and pictures == {carrier: 1}
    decoded.dng()
    assert headers[carrier] == 1 and headers[bare] == 2 and pictures == {carrier: 1}
    assert max(headers.values()) == 2


def test_info(walks, carrier):
    assert info(carrier).least_bytes
    assert walks == ({carrier: 1, shot().jpeg: 2}, {carrier: 1})


def test_trim(walks, carrier):
    trimmed = trim(carrier, bpp=0.5)
    assert trimmed.before
    headers, pictures = walks
    assert headers[carrier] == max(headers.values()) == 1 and len(headers) <= 3
    assert max(pictures.values()) == 1


def test_strip(walks, carrier):
    assert strip(carrier) == shot().jpeg
    assert walks == ({carrier: 1, shot().jpeg: 1}, {})
