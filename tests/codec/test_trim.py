"""`trim`: sizes, what stays as it was, what it says, and that it needs no torch."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from rawinlay import decode, encode_arrays, info, strip, trim
from rawinlay.bitstream.errors import InputError, NoRawError, StreamError, UsageError
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.segments import read_segments
from rawinlay.codec.cli.main import main
from rawinlay.codec.sidecar import sidecar_of, stream_of
from shots import shot

REPOSITORY = Path(__file__).parents[2]
SIZES = (6_000, 15_000, 30_000)


@pytest.fixture(scope="module")
def lossless() -> bytes:
    """A small shot, lossless and in layers."""
    return encode_arrays(shot(shape=(160, 200)).raw, shot(shape=(160, 200)).jpeg, lossless=True, trimmable=True).jpeg


@pytest.fixture(scope="module")
def single() -> bytes:
    return encode_arrays(shot(shape=(160, 200)).raw, shot(shape=(160, 200)).jpeg, quality=50).jpeg


def test_sizes_are_met(lossless):
    true = shot(shape=(160, 200)).raw.mosaic
    errors = []
    for size in SIZES:
        trimmed = trim(lossless, size=size)
        assert 0.8 * size <= trimmed.metadata_bytes <= size
        assert trimmed.metadata_bytes == len(trimmed.jpeg) - len(strip(lossless))
        assert trimmed.bpp == 8 * trimmed.metadata_bytes / true.size and not trimmed.lossless
        found, back = info(trimmed.jpeg), decode(trimmed.jpeg)
        assert found.intact and not found.lossless and found.layers == trimmed.layers == back.layers
        assert found.metadata_bytes == trimmed.metadata_bytes and not back.lossless
        errors.append(((back.raw.mosaic.astype(float) - true) ** 2).mean())
    assert errors == sorted(errors, reverse=True) and errors[0] > 4 * errors[-1]


def test_the_picture_stays(lossless):
    trimmed = trim(lossless, bpp=1.0).jpeg
    assert strip(trimmed) == strip(lossless) == shot(shape=(160, 200)).jpeg
    assert [s.payload for s in read_segments(strip(trimmed))] == [s.payload for s in read_segments(strip(lossless))]


def test_a_whole_one_comes_back_bit_for_bit(lossless):
    back = decode(lossless)
    assert back.lossless and np.array_equal(back.raw.mosaic, shot(shape=(160, 200)).raw.mosaic)
    assert info(lossless).lossless and info(lossless).last_layer == 1.0


def test_trimming_twice_is_trimming_once(lossless):
    once = trim(lossless, size=SIZES[0]).jpeg
    assert trim(trim(lossless, size=SIZES[1]).jpeg, size=SIZES[0]).jpeg == once


def test_what_fits_stays_whole(lossless):
    trimmed = trim(lossless, size=10_000_000)
    assert trimmed.jpeg == lossless and trimmed.lossless


def test_down_to_the_least(lossless):
    least = info(lossless).least_bytes
    assert trim(lossless, size=least).metadata_bytes == least and info(trim(lossless, size=least).jpeg).layers == 1
    with pytest.raises(UsageError, match=str(least)):
        trim(lossless, size=least - 1)


def test_one_layer(single):
    least = info(single).metadata_bytes
    assert info(single).least_bytes == least and info(single).layers == 1
    with pytest.raises(UsageError, match=f"{least} bytes.*single layer"):
        trim(single, size=least - 1)
    assert trim(single, size=least).jpeg == single


@pytest.mark.parametrize("options", [{}, {"size": 1000, "bpp": 1.0}, {"size": 0}, {"bpp": 0.0}, {"bpp": float("nan")}])
def test_options(lossless, options):
    with pytest.raises(UsageError):
        trim(lossless, **options)


def test_other_files(lossless, tmp_path):
    with pytest.raises(NoRawError):
        trim(strip(lossless), size=1000)
    with pytest.raises(InputError):
        trim(b"text", size=1000)
    with pytest.raises(InputError):
        trim(tmp_path / "absent.jpg", size=1000)
    payload = embed.extract(lossless)
    damaged = payload[:-9] + bytes([payload[-9] ^ 4]) + payload[-8:]
    with pytest.raises(StreamError, match="CRC"):
        trim(embed.embed(strip(lossless), damaged), size=3000)
    with pytest.raises(StreamError, match="another JPEG"):
        trim(embed.embed(shot(2, (160, 200)).jpeg, payload), size=3000)


def test_the_command(lossless, tmp_path, capsys):
    (tmp_path / "in.jpg").write_bytes(lossless)
    out = tmp_path / "out.jpg"
    assert main(["trim", str(tmp_path / "in.jpg"), "--size", "15k", "-o", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["metadata_bytes"] <= 15_000 and not said["lossless"] and said["jpeg_bytes"] == out.stat().st_size
    assert out.read_bytes() == trim(lossless, size=15_000).jpeg
    assert main(["info", str(out)]) == 0 and "layers" in capsys.readouterr().out
    assert main(["trim", str(tmp_path / "in.jpg"), "--size", "100", "-o", str(out), "--force"]) == 2
    assert str(info(lossless).least_bytes) in capsys.readouterr().err
    assert main(["trim", str(tmp_path / "in.jpg"), "--bpp", "1", "-o", str(out)]) == 2  # exists
    assert main(["trim", str(tmp_path / "in.jpg"), "-o", str(out)]) == 2


@pytest.mark.parametrize("layers", [(0.5, 0.4), (0.0,), (-1.0, 1.0), (1.0, 70.0), tuple(range(1, 40))])
def test_layers_that_make_no_sense(layers):
    with pytest.raises(UsageError, match="layers"):
        encode_arrays(shot().raw, shot().jpeg, layers=layers)


def test_without_torch(lossless, tmp_path):
    """Neither `trim` nor `info` loads it."""
    (tmp_path / "in.jpg").write_bytes(lossless)
    script = (
        "import sys; from rawinlay.codec.cli.main import main; "
        "code = main(['trim', 'in.jpg', '--size', '9k', '-o', 'out.jpg']) or main(['info', 'out.jpg']); "
        "sys.exit(code or 9 * ('torch' in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, env={"PYTHONPATH": str(REPOSITORY)})
    assert done.returncode == 0


def test_a_sidecar(lossless, tmp_path):
    """What `trim` makes of one is what the trimmed JPEG's would be, and the JPEG stays as it is."""
    bare, whole = strip(lossless), sidecar_of(lossless)
    trimmed = trim(bare, sidecar=whole, size=SIZES[0])
    assert trimmed.jpeg == bare and trimmed.metadata_bytes == len(trimmed.sidecar) <= SIZES[0] < trimmed.before
    assert np.array_equal(decode(bare, sidecar=trimmed.sidecar).raw.mosaic,
                          decode(embed.embed(bare, stream_of(trimmed.sidecar[8:]))).raw.mosaic)  # fmt: skip
    assert trim(bare, sidecar=whole, size=10_000_000).sidecar == whole
    least = info(bare, sidecar=whole).least_bytes
    assert trim(bare, sidecar=whole, size=least).metadata_bytes == least
    with pytest.raises(UsageError, match=str(least)):
        trim(bare, sidecar=whole, size=least - 1)
    (tmp_path / "a.jpg").write_bytes(bare)
    (tmp_path / "a.rwi").write_bytes(whole)
    words = ["trim", str(tmp_path / "a.jpg"), "--sidecar", str(tmp_path / "a.rwi"), "--size", str(SIZES[0])]
    assert main([*words, "-o", str(tmp_path / "b.rwi")]) == 0
    assert (tmp_path / "b.rwi").read_bytes() == trimmed.sidecar
    assert main([*words, "-o", str(tmp_path / "a.rwi"), "--force"]) == 2  # an input is never changed
