"""One file, one mosaic: golden streams under every number of threads, workers and processes, library and device."""

import contextlib
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import goldens
import numpy as np
import pytest
import torch
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.planes import decode_planes
from rawinlay.bitstream.runtime import parallel
from rawinlay.bitstream.stream.header import LOSSLESS_STEP
from rawinlay.codec.decoder.stream import Stream
from rawinlay.entropy.tables import load
from scenes import scene

names = pytest.mark.parametrize("name", goldens.NAMES)


@names
def test_golden(name):
    """What was committed decodes to what was committed.

    After a change of format or tables: tests/format/golden/make.py."""
    assert goldens.FACTS["tables"] == load().identity.hex()
    facts, jpeg = goldens.FACTS["streams"][name], goldens.jpeg(name)
    assert len(jpeg) < 25_000
    payload = goldens.payload(name)
    assert hashlib.sha256(payload).hexdigest() == facts["payload_sha256"]
    mosaic = goldens.decoded(name)
    assert goldens.digest(mosaic) == facts["mosaic_sha256"]
    assert f"{mosaic.shape[1]} x {mosaic.shape[0]}" in facts["mosaic"]
    assert facts["bpp"] == pytest.approx(8 * (len(jpeg) - len(embed.strip(jpeg))) / mosaic.size, abs=1e-4)


def test_goldens_differ_where_it_matters():
    """Together they hold every phase, both transforms and exponents, two trellises, several tiles, values, a warp,
    learned features, a local recipe, a second look of each kind."""
    streams = [Stream.from_bytes(goldens.payload(name)) for name in goldens.NAMES]
    headers = [s.header for s in streams]
    assert {s.recipe.learned for s in streams} == {s.recipe.local is not None for s in streams} == {False, True}
    assert {s.recipe.look and s.recipe.look.kind for s in streams} == {None, 0, 1, 3}
    assert {s.post and s.post.kind for s in streams} == {None, 0, 1, 2}
    assert {h.phase for h in headers} == {"RGGB", "BGGR", "GRBG", "GBRG"}
    assert {h.step_exponent for h in headers} == {0, 4} and len({h.states for h in headers}) == 2
    assert LOSSLESS_STEP in {h.step for h in headers}
    assert {bool(h.values) for h in headers} == {False, True}
    assert any(len(h.geometry) > 30 for h in headers) and any(h.height % 2 and h.width % 2 for h in headers)
    facts = goldens.FACTS["streams"].values()
    assert {b for f in facts for b in f["transforms"]} == {"in place", "haar"} and any(f["tiles"] > 4 for f in facts)


@names
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_torch_threads(name, threads, monkeypatch):
    """Torch's path, also where it does use its threads: `single_threaded` is made idle."""
    monkeypatch.setattr("rawinlay.codec.decoder.cuda.single_threaded", contextlib.nullcontext)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert goldens.digest(goldens.decoded_by_torch(name)) == goldens.wanted(name)
    finally:
        torch.set_num_threads(before)


@names
def test_without_onednn(name):
    with torch.backends.mkldnn.flags(enabled=False):
        assert goldens.digest(goldens.decoded_by_torch(name)) == goldens.wanted(name)


@names
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_workers(name, workers, monkeypatch):
    monkeypatch.setattr(parallel, "cores", lambda: workers)
    assert goldens.digest(goldens.decoded(name)) == goldens.wanted(name)


@pytest.mark.parametrize(
    "settings",
    [
        {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default"},
        {"OMP_NUM_THREADS": "3", "MKL_NUM_THREADS": "2", "OMP_DYNAMIC": "TRUE", "ONEDNN_MAX_CPU_ISA": "SSE41",
         "MKL_ENABLE_INSTRUCTIONS": "SSE4_2", "OPENBLAS_NUM_THREADS": "3", "OPENBLAS_CORETYPE": "Nehalem"},
    ],
)  # fmt: skip
def test_in_a_fresh_process(settings):
    """Other numbers of threads, other instruction sets of torch, MKL, oneDNN and OpenBLAS."""
    here = Path(__file__).parents[1] / "support"
    code = "import goldens as g; print(*[g.digest(f(n)) for f in (g.decoded, g.decoded_by_torch) for n in g.NAMES])"
    path = os.pathsep.join([str(here), str(here.parent)])
    environment = {**os.environ, **settings, "PYTHONPATH": path}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=here, capture_output=True, text=True, timeout=900, check=True
    )
    assert result.stdout.split() == 2 * [goldens.wanted(name) for name in goldens.NAMES]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
@names
def test_on_cuda(name):
    assert goldens.digest(goldens.decoded(name, "cuda")) == goldens.wanted(name)


def test_encoded_with_one_thread_decodes_with_two():
    picture = scene((96, 128), "GBRG", "texture", seed=9)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        payload = picture.encode(quality=70)
        first = Stream.from_bytes(payload).decode(picture.planes)
        torch.set_num_threads(2)
        second = Stream.from_bytes(payload).decode(decode_planes(picture.jpeg))
    finally:
        torch.set_num_threads(before)
    assert np.array_equal(first, second)


def test_encoding_twice_gives_the_same_bytes():
    """On one machine: sampling for the fits is seeded."""
    picture = scene((64, 64), seed=5)
    assert picture.encode(quality=50) == picture.encode(quality=50)


def test_threads_are_given_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        goldens.decoded(goldens.NAMES[0])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
