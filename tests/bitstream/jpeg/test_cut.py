"""What is left of a picture that is cut: rows of which every sample is what it was."""

import io

import numpy as np
import pytest
from PIL import Image
from rawinlay.bitstream.errors import InputError
from rawinlay.bitstream.jpeg.cut import cut_planes, is_cut
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
                found = cut_planes(cut)
            except InputError:
                continue
            assert is_cut(cut)
            v = found.planes.subsampling[1]
            for name, known in (("y", found.rows), ("cb", found.rows // v), ("cr", found.rows // v)):
                planes = [getattr(some, name) for some in (whole, found.planes, found.others)]
                if planes[0] is not None:
                    assert all(np.array_equal(planes[0][:known], other[:known]) for other in planes[1:])
                    assert (planes[1][known:] != planes[2][known:]).mean() > 0.9
            rows.append(found.rows)
    assert rows == sorted(rows) and rows[-1] >= 96


def test_what_is_not_cut():
    jpeg = picture("4:2:0")
    for other in (jpeg, jpeg[: read_segments(jpeg)[-1].start], b"text"):
        assert not is_cut(other)
        with pytest.raises(InputError):
            cut_planes(other)
    progressive = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).save(progressive, "JPEG", progressive=True)
    with pytest.raises(InputError):
        cut_planes(progressive.getvalue()[: progressive.tell() // 2])  # of every row a scan is missing
