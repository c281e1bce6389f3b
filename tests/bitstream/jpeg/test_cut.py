"""What is left of a picture that is cut or damaged: rows of which every sample is what it was."""

import io

import numpy as np
import pytest
from PIL import Image
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.bands import bands_of, bands_size, sound_rows
from rawinlay.bitstream.jpeg.cut import is_cut, partial_planes
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.jpeg.segments import read_segments

KINDS = {"4:2:0": {"subsampling": 2}, "4:2:2": {"subsampling": 1}, "4:4:4": {"subsampling": 0},
         "restarts": {"restart_marker_rows": 1}, "grey": {}, "optimised": {"optimize": True},
         "progressive": {"progressive": True}}  # fmt: skip


def picture(kind):
    rng = np.random.default_rng(5)
    values = np.clip(rng.normal(128, 30, (160, 90, 3)), 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(values[..., 0] if kind == "grey" else values).save(out, "JPEG", quality=85, **KINDS[kind])
    return out.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_known_rows_are_right(kind):
    jpeg = picture(kind)
    whole, scan = decode_planes(jpeg), read_segments(jpeg)[-1].end
    rows = []
    for end in np.linspace(scan, len(jpeg) - 2, 13).astype(int).tolist():
        for behind in (b"", bytes(300)):  # of a file that was given its length before it was written
            cut = jpeg[:end] + behind
            try:
                found = partial_planes(cut)
            except InputError:
                continue
            assert is_cut(cut)
            v, count = found.planes.subsampling[1], int(found.known.sum())
            assert found.known[:count].all()
            for name, known in (("y", count), ("cb", count // v), ("cr", count // v)):
                planes = [getattr(some, name) for some in (whole, found.planes, found.others)]
                if planes[0] is not None:
                    assert all(np.array_equal(planes[0][:known], other[:known]) for other in planes[1:])
                    assert (planes[1][known:] != planes[2][known:]).mean() > 0.9
            rows.append(count)
    assert rows == sorted(rows) and rows[-1] >= 96


def test_what_is_not_cut():
    jpeg = picture("4:2:0")
    for other in (jpeg, jpeg[: read_segments(jpeg)[-1].start], b"text"):
        assert not is_cut(other)
        with pytest.raises(InputError):
            partial_planes(other)


@pytest.mark.parametrize("kind", ["4:2:0", "4:2:2", "restarts", "grey", "progressive"])
def test_damaged_rows_are_told(kind):
    """Whatever bit of the scans is wrong: a row that counts as sound is sound."""
    jpeg = picture(kind)
    whole, scan = decode_planes(jpeg), read_segments(jpeg)[-1].end
    section, rng, left = bands_of(whole), np.random.default_rng(1), []
    assert len(section) == bands_size(160) and sound_rows(whole, section).all()
    for at in rng.integers(scan, len(jpeg) - 2, 40).tolist():
        hurt = jpeg[:at] + bytes([jpeg[at] ^ 1 << int(rng.integers(8))]) + jpeg[at + 1 :]
        try:
            found = partial_planes(hurt, bands=section)
        except InputError:
            continue
        assert np.array_equal(found.planes.y[found.known], whole.y[found.known])
        rows = found.known[:: whole.subsampling[1]]
        assert whole.cb is None or np.array_equal(found.others.cb[rows], whole.cb[rows])
        left.append(found.known.mean())
    assert len(left) > 20 and (kind == "progressive" or 0.3 < np.mean(left) < 1)


def test_sections_of_another_form():
    planes = decode_planes(picture("grey"))
    for section in (b"", b"\x40", b"\x41" + bytes(12), b"\x40" + bytes(11), b"\0" + bytes(12)):
        assert sound_rows(planes, section) is None
    assert not sound_rows(planes, b"\x40" + bytes(12)).any()
