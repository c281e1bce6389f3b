"""Streams are decoded with the tables and the net that they name: those of every release are here, others may be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from golden import make as golden
from nets import random_net
from rawinlay.bitstream.errors import StreamError
from rawinlay.bitstream.runtime.registry import Registry, identity_of
from rawinlay.codec.decoder.stream import Stream
from rawinlay.codec.encoder.stream_writer import stream_bytes
from rawinlay.codec.recipe import net as guide_net
from rawinlay.codec.recipe import net_weights as weights
from rawinlay.codec.stages.order import HAAR, IN_PLACE
from rawinlay.entropy import tables
from scenes import scene

RELEASED = {
    "tables": {"6c232269787520dd"},  # 0.1.0
    "nets": {"cbb9271c324d788e"},  # 0.1.0
}
"""Identities that releases wrote: nothing is ever taken away here."""

SIZE = (48, 64)


@pytest.mark.parametrize("name, module", [("tables", tables), ("nets", weights)])
def test_what_is_shipped(name, module):
    """Every released file, each with its card, named as it should be and readable; the default is one of them."""
    registry = module.REGISTRY
    (folder,) = registry.folders
    there = {path.stem: path for path in folder.iterdir() if path.suffix == registry.suffix}
    assert there.keys() >= RELEASED[name] and module.DEFAULT.hex() in there
    for stem, path in there.items():
        identity = bytes.fromhex(stem)
        assert identity_of(registry.read(identity)) == identity and path.with_suffix(".md").exists()
        assert (tables if name == "tables" else guide_net).load(identity).identity == identity


def other_tables():
    """A table file whose symbols are less certain than those of the shipped one."""
    shipped = tables.load()
    flat = np.full_like(shipped.pmf, tables.TOTAL // tables.ALPHABET)
    flat[..., tables.HALF] += tables.TOTAL - flat[0, 0].sum()
    pmf = (3 * shipped.pmf + flat) // 4
    pmf[..., tables.HALF] += tables.TOTAL - pmf.sum(-1)
    return tables.to_bytes(pmf, np.roll(shipped.offset, 1, 0))


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Puts files where they are found; both modules look there too, and forget what they read."""
    for module, forget in ((tables, tables._load), (weights, guide_net._load)):
        monkeypatch.setattr(module.REGISTRY, "folders", [*module.REGISTRY.folders, tmp_path])
        forget.cache_clear()

    def put(data, suffix):
        path = tmp_path / (identity_of(data).hex() + suffix)
        path.write_bytes(data)
        return path

    yield put
    tables._load.cache_clear()
    guide_net._load.cache_clear()


@pytest.mark.parametrize("target", [{"quality": 60}, {"lossless": True}, {"trimmable": True, "quality": 70}])
def test_a_stream_of_other_tables(shelf, target):
    """It decodes to what its encoder had (which compares, bit for bit), with torch too; without them, a refusal."""
    picture, path = scene(SIZE, "GRBG"), shelf(other_tables(), ".npz")
    plain = picture.encode(**target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "DEFAULT", bytes.fromhex(path.stem))
        payload = picture.encode(**target)
    stream = Stream.from_bytes(payload)
    assert stream.header.model.hex() == path.stem != tables.load().identity.hex() and payload != plain
    mosaic = stream.decode(picture.planes)
    if "lossless" in target:
        assert np.array_equal(mosaic, picture.raw.mosaic)
    else:
        assert np.abs(mosaic.astype(int) - picture.raw.mosaic).mean() < 200
    if stream.layers is None:
        from goldens import by_torch
        from rawinlay.codec.guide.guide import LaidGuide

        guide = LaidGuide(picture.planes, picture.geometry, SIZE, stream.layout.origin)
        assert np.array_equal(by_torch(stream, guide), mosaic)
    mistaken = Stream.from_bytes(stream_bytes(replace(stream, header=replace(stream.header, model=tables.DEFAULT))))
    try:
        assert not np.array_equal(mistaken.decode(picture.planes), mosaic)
    except StreamError:
        pass
    path.unlink()
    tables._load.cache_clear()
    with pytest.raises(StreamError, match=f"probability tables {path.stem} that this version does not have: update"):
        Stream.from_bytes(payload)


def test_a_stream_of_another_net_and_other_tables(shelf, monkeypatch):
    """Learned features, and corrections by block, whose section is coded under the tables as well."""
    picture = scene(SIZE, "RGGB", seed=5)
    paths = shelf(other_tables(), ".npz"), shelf(random_net(1), ".safetensors")
    with monkeypatch.context() as patch:
        for module, path in zip((tables, weights), paths, strict=True):
            patch.setattr(module, "DEFAULT", bytes.fromhex(path.stem))
        payload = golden.recoded(picture, picture.encode(quality=45), [IN_PLACE, HAAR], 16, 3, more=True)
        wanted = Stream.from_bytes(payload).decode(picture.planes)
    guide_net._load.cache_clear()
    stream = Stream.from_bytes(payload)
    assert (stream.header.model.hex(), stream.header.net.hex()) == tuple(path.stem for path in paths)
    assert stream.recipe.local and stream.net().identity != guide_net.load().identity
    assert stream_bytes(stream) == payload and np.array_equal(stream.decode(picture.planes), wanted)
    assert np.abs(wanted.astype(int) - picture.raw.mosaic).mean() < 200
    paths[1].unlink()
    guide_net._load.cache_clear()
    with pytest.raises(StreamError, match=f"learned features {paths[1].stem} that this version does not have: update"):
        Stream.from_bytes(payload)


@pytest.mark.parametrize("identity", [b"", b"\1" * 8, b"..", b"../../..", b"/etc/pas", b"\0" * 8, bytes(7), bytes(999)])
def test_identities_come_from_anywhere(identity):
    for registry in (tables.REGISTRY, weights.REGISTRY):
        with pytest.raises(StreamError, match="does not have: update rawinlay"):
            registry.read(identity)


def test_a_file_that_was_changed(tmp_path):
    registry = Registry("tables", Path(tmp_path), ".npz")
    path = tmp_path / "0102030405060708.npz"
    path.write_bytes(b"something")
    with pytest.raises(StreamError, match="damaged: install rawinlay again"):
        registry.read(bytes(range(1, 9)))
