"""Carriers as years leave them: damaged, turned, apart from their RAW; what `verify` says of each."""

import hashlib
import json
import random
from pathlib import Path

import carriers
import goldens
import numpy as np
import pytest
from cost import Cost
from rawinlay.bitstream.errors import InputError, StreamError
from rawinlay.bitstream.jpeg import embed, mend, parity
from rawinlay.bitstream.jpeg.file import Jpeg
from rawinlay.bitstream.jpeg.further import further_boxes
from rawinlay.bitstream.stream import head_copy
from rawinlay.bitstream.stream.container import Container, with_sections
from rawinlay.bitstream.stream.digests import DIGM_SIZE, mosaic_digest
from rawinlay.codec import api
from rawinlay.codec.cli.main import main
from rawinlay.codec.decoder.salvage import PARTLY, PREDICTED, WHOLE
from shots import shot, write_pair

from tests.campaigns import damage, lost_segments


@pytest.fixture(scope="module")
def sample():
    return carriers.sample()


def flipped(sample, at=-1000):
    """With a bit of the stream wrong."""
    place = sample.segments[2].end + at
    return sample.jpeg[:place] + bytes([sample.jpeg[place] ^ 8]) + sample.jpeg[place + 1 :]


def test_a_mosaic_that_is_another_is_found_out(sample):
    """Every byte is right, and the arithmetic is not."""
    payload = with_sections(Jpeg(sample.jpeg).payload, {"DIGM": b"8 bytes!"})
    wrong = Jpeg(sample.jpeg).with_payload(payload, further_boxes(payload)).data
    with pytest.raises(StreamError, match="not the one that was encoded"):
        api.decode(wrong)
    assert np.array_equal(api.decode(wrong, unverified=True).raw.mosaic, sample.mosaic)
    api.decode(wrong, crop=(0, 0, 64, 64))  # of a part nothing is known
    checks = {check.name: check.state for check in api.verify(wrong, deep=True).checks}
    assert checks == {"stream": "ok", "copies": "ok", "picture": "ok", "jpeg": "ok", "mosaic": "failed"}


def test_a_trimmed_file_has_its_own_digest():
    sample = carriers.sample(512, (256, 320), trimmable=True, quality=80)
    trimmed = api.trim(sample.jpeg, bpp=1.5)
    digest = api.info(trimmed.jpeg).mosaic_digest
    assert digest == mosaic_digest(api.decode(trimmed.jpeg).raw.mosaic).hex() != api.info(sample.jpeg).mosaic_digest
    assert api.verify(trimmed.jpeg, deep=True).ok


def test_the_digests_of_the_files(tmp_path):
    raw, jpeg = write_pair(tmp_path)
    encoded = api.encode(raw, jpeg, quality=20, effort=1)
    found = api.info(encoded.jpeg)
    assert found.raw_sha256 == hashlib.sha256(raw.read_bytes()).hexdigest()
    assert found.jpeg_sha256 == hashlib.sha256(jpeg.read_bytes()).hexdigest()
    again = api.encode(raw, encoded.jpeg, quality=20, effort=1)  # into one that carries it already
    assert api.info(again.jpeg).jpeg_sha256 == found.jpeg_sha256
    assert Container.from_bytes(Jpeg(encoded.jpeg).payload).sections["DIGM"] and DIGM_SIZE == 14


def test_verify(sample):
    good = api.verify(sample.jpeg, deep=True)
    assert good.ok and good.exit_code == 0 and all(check.state == "ok" for check in good.checks)
    assert api.verify(sample.bare).exit_code == 4
    assert api.verify(b"no JPEG").exit_code == 3
    bad = api.verify(flipped(sample), deep=True)
    assert bad.exit_code == 5 and "substream of tile" in bad.checks[0].said and bad.checks[-1].state == "skipped"
    assert api.verify(goldens.jpeg("plain"), deep=True).ok  # of a version without digests
    other = embed.embed(shot(9, (400, 600), (0, 0)).jpeg, Jpeg(sample.jpeg).payload)
    assert [c.name for c in api.verify(other).checks if c.state == "failed"] == ["picture", "jpeg"]


def test_verify_tells_a_changed_jpeg_from_a_damaged_raw(sample):
    at = sample.jpeg.index(b"JFIF") + 9  # its density
    changed = sample.jpeg[:at] + b"\7" + sample.jpeg[at + 1 :]
    found = api.verify(changed, deep=True)
    assert found.exit_code == 6 and not found.ok and [c.name for c in found.checks if c.state == "failed"] == ["jpeg"]


def test_verify_on_the_command_line(tmp_path, capsys, sample):
    (tmp_path / "good.jpg").write_bytes(sample.jpeg)
    (tmp_path / "bad.jpg").write_bytes(flipped(sample))
    (tmp_path / "bare.jpg").write_bytes(sample.bare)
    assert main(["verify", str(tmp_path / "good.jpg"), "--deep"]) == 0
    capsys.readouterr()
    paths = [str(tmp_path / f"{name}.jpg") for name in ("good", "bare", "bad", "none")]
    assert main(["verify", "--json", *paths]) == 5
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert [file["exit_code"] for file in found["files"]] == [0, 4, 5, 3] and not found["ok"]
    assert said.err.count("\n") == 1 and "3 of 4 files" in said.err


@pytest.mark.parametrize("number", range(5))
def test_a_lost_segment_costs_its_tiles_only(sample, number):
    data = sample.without(number)
    with pytest.raises(StreamError, match="--salvage"):
        api.decode(data)
    decoded = api.decode(data, salvage=True)
    found = decoded.salvage
    assert 0.6 < found.recovered < 1 and 0.6 < found.decoded < 1 and not decoded.lossless and len(decoded.warnings) == 2
    for tile in found.tiles:
        here = np.s_[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        same = np.array_equal(decoded.raw.mosaic[here], sample.mosaic[here])
        assert same == (tile.state == WHOLE) and tile.state in (WHOLE, PARTLY, PREDICTED)
        if tile.state == PREDICTED:  # recipe and guide alone are not far off
            error = decoded.raw.mosaic[here].astype(float) - sample.mosaic[here]
            assert np.sqrt(np.mean(error**2)) < 0.1 * decoded.raw.white
    assert sum(t.width * t.height for t in found.tiles) == sample.mosaic.size


def test_five_percent_of_the_segments():
    """Of twenty segments and more, with tiles as large as a segment: nine tiles in ten are whole."""
    sample = carriers.sample(16)
    whole = api.decode(sample.jpeg, salvage=True)
    assert whole.salvage.recovered == 1 and whole.lossless and not whole.warnings
    payload, rng = Jpeg(sample.jpeg).payload, np.random.default_rng(0)
    data = bytearray(sample.jpeg)
    start, end = sample.segments[0].end, sample.segments[-1].start
    size = len(payload) // 20  # a twentieth in one piece, as a lost segment of twenty is
    at = int(rng.integers(start, end - size))
    data[at : at + size] = bytes(size)
    assert api.decode(bytes(data), salvage=True).salvage.recovered >= 0.9


@pytest.mark.parametrize("share", [0.02, 0.35, 0.7, 0.999])
def test_a_picture_that_is_cut(sample, share):
    """Tiles whose guide lies above the cut are what they were, and no other is called so."""
    end = sample.segments[-1].end
    cut = sample.jpeg[: end + int(share * (len(sample.jpeg) - end))]
    with pytest.raises(StreamError, match="--salvage decodes the tiles"):
        api.decode(cut)
    if share < 0.1:
        with pytest.raises(StreamError):
            api.decode(cut, salvage=True)
        return
    decoded = api.decode(cut, salvage=True)
    assert 0.1 < decoded.salvage.recovered < share and not decoded.lossless and decoded.preview_kind == "neutral"
    assert any("picture is damaged" in line for line in decoded.warnings) and decoded.dng()
    for tile in decoded.salvage.tiles:
        here = np.s_[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
        assert tile.state == PREDICTED or np.array_equal(decoded.raw.mosaic[here], sample.mosaic[here])
    both = api.decode(cut[: sample.segments[0].start] + cut[sample.segments[1].start :], salvage=True)
    assert both.salvage.recovered <= decoded.salvage.recovered and len(both.warnings) == 3


def test_a_picture_that_is_damaged(sample):
    """A bit of the scan is wrong: refused; of what is salvaged each tile that counts as whole is."""
    end, found = sample.segments[-1].end, []
    for share in (0.15, 0.4, 0.6, 0.85):
        at = end + int(share * (len(sample.jpeg) - end))
        hurt = sample.jpeg[:at] + bytes([sample.jpeg[at] ^ 4]) + sample.jpeg[at + 1 :]
        with pytest.raises(StreamError):
            api.decode(hurt)
        try:
            decoded = api.decode(hurt, salvage=True)
        except StreamError:  # no row is left that holds a tile
            continue
        for tile in decoded.salvage.tiles:
            here = np.s_[tile.y : tile.y + tile.height, tile.x : tile.x + tile.width]
            assert tile.state != WHOLE or np.array_equal(decoded.raw.mosaic[here], sample.mosaic[here])
        found.append(decoded.salvage.recovered)
    assert len(found) >= 3 and 0.2 < max(found) < 1


def test_layers_are_salvaged_as_far_as_they_are_there():
    sample = carriers.sample(32, (256, 320), trimmable=True, lossless=True)
    payload = Jpeg(sample.jpeg).payload
    container = Container.from_bytes(payload)
    last = max(layer for _, layer, _ in container.substreams)
    key = next(key for key in sorted(container.substreams) if key[1] == last and key[2] == 3)
    place = sample.jpeg.index(container.substreams[key][:40])
    data = sample.jpeg[:place] + bytes([sample.jpeg[place] ^ 1]) + sample.jpeg[place + 1 :]
    decoded = api.decode(data, salvage=True)
    (hurt,) = [tile for tile in decoded.salvage.tiles if tile.state != WHOLE]
    assert (hurt.tile, hurt.state, hurt.layers, hurt.stages) == (key[0], PARTLY, last, 3)
    here = np.s_[hurt.y : hurt.y + hurt.height, hurt.x : hurt.x + hurt.width]
    error = decoded.raw.mosaic[here].astype(float) - sample.mosaic[here]
    assert 0 < np.sqrt(np.mean(error**2)) < 0.01 * decoded.raw.white


def test_salvage_on_the_command_line(tmp_path, sample, capsys):
    (tmp_path / "hurt.jpg").write_bytes(sample.without(2))
    assert main(["decode", str(tmp_path / "hurt.jpg")]) == 5
    capsys.readouterr()
    assert main(["decode", str(tmp_path / "hurt.jpg"), "--salvage", "--json"]) == 0
    said = capsys.readouterr()
    told, rows = json.loads(said.out)["salvage"], json.loads((tmp_path / "hurt.salvage.json").read_text())
    assert told["recovered"] == rows["recovered"] < 1 and len(rows["tiles"]) == told["whole"] + told["partly"] + told[
        "predicted"]  # fmt: skip
    assert Path(told["map"]).read_bytes().startswith(b"\x89PNG") and "1 of 5 segments" in said.err


def test_a_head_twice(sample):
    """Whatever bit of it is wrong, the copy serves; both ends gone is the end."""
    for at in list(damage.head_places(sample))[24::389]:
        decoded = api.decode(sample.jpeg[:at] + bytes([sample.jpeg[at] ^ 16]) + sample.jpeg[at + 1 :])
        assert np.array_equal(decoded.raw.mosaic, sample.mosaic)
    with pytest.raises(StreamError, match="no intact copy"):
        api.decode(sample.without(0, 4), salvage=True)


def test_parity_mends_lost_segments():
    taken = shot(3, (400, 600), (0, 0))
    encoded = api.encode_arrays(taken.raw, taken.jpeg, lossless=True, effort=1, parity=0.25)
    sample = carriers.Sample(encoded.jpeg, taken.raw.mosaic, taken.jpeg)
    assert 0.2 < api.info(encoded.jpeg).parity < 0.3 and embed.strip(encoded.jpeg) == taken.jpeg
    for number in range(len(sample.segments)):
        decoded = api.decode(sample.without(number))
        assert np.array_equal(decoded.raw.mosaic, taken.raw.mosaic) and decoded.warnings and decoded.lossless


def test_parity_counts_towards_the_rate():
    taken = shot(3, (400, 600), (0, 0))
    encoded = api.encode_arrays(taken.raw, taken.jpeg, bpp=4, effort=1, parity=0.1)
    assert 0.95 * 4 < encoded.bpp <= 4


def test_segments_in_every_arrangement():
    """Of a carrier of two segments; the campaign takes five."""
    two = carriers.sample(64, (256, 320))
    found = damage.every_arrangement(two, carriers.sample(32, (256, 320), seed=4))
    assert set(found) == {"lost", "moved", "doubled", "foreign", "spliced"}
    assert found["doubled"] == {"right": 6} and found["moved"] == {"right": 2} and found["lost"]["in part"] == 2
    assert found["foreign"] == {"in part": 4}  # of the RAW that belongs to the picture, though there is as much of both


def test_damage_of_all_kinds(sample):
    """A few rounds of the campaign."""
    assert damage.every_bit_of_the_head(sample, 3999) > 5
    damage.bits_of_substreams(sample, random.Random(0), 8)
    damage.cuts(sample, 8)
    assert sum(sum(ends.values()) for ends in damage.run(10, seed=2, sample=sample).values()) == 10


def test_sidecar(tmp_path, sample):
    taken = shot()
    encoded = api.encode_arrays(taken.raw, taken.jpeg, quality=30, effort=1)
    sidecar = encoded.sidecar()
    mosaic = api.decode(encoded.jpeg).raw.mosaic
    assert np.array_equal(api.decode(taken.jpeg, sidecar=sidecar).raw.mosaic, mosaic)
    assert api.verify(taken.jpeg, sidecar=sidecar, deep=True).ok
    assert api.info(taken.jpeg, sidecar=sidecar).metadata_bytes == len(sidecar)
    assert not api.info(taken.jpeg).has_raw
    with pytest.raises(StreamError, match="another JPEG"):
        api.decode(shot(9, (256, 320)).jpeg, sidecar=sidecar)
    with pytest.raises(StreamError):
        api.decode(taken.jpeg, sidecar=sidecar[:-20])
    with pytest.raises(InputError, match="not a sidecar"):
        api.decode(taken.jpeg, sidecar=taken.jpeg)


def test_sidecar_on_the_command_line(tmp_path):
    raw, jpeg = write_pair(tmp_path)
    before, sidecar = jpeg.read_bytes(), tmp_path / "IMG_1.rwi"
    words = ["encode", str(raw), "--jpeg", str(jpeg), "--sidecar", str(sidecar), "--quality", "20", "--effort", "1"]
    assert main(words) == 0 and jpeg.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"IMG_1.dng", "IMG_1.JPG", "IMG_1.rwi"}
    assert main(["decode", str(jpeg), "--sidecar", str(sidecar), "-o", str(tmp_path / "out.dng")]) == 0
    assert main(["info", str(jpeg), "--sidecar", str(sidecar)]) == 0
    assert main(["verify", str(jpeg), "--sidecar", str(sidecar)]) == 0
    assert main(words) == 2  # it exists


def test_a_hostile_file_costs_little(sample):
    """Heads, records and blocks without end, each of which is looked at."""
    bare, many = sample.bare, 40_000
    head = b"JP\x52\x43" + (1).to_bytes(4, "big") + (1 << 20).to_bytes(4, "big") + b"jumb"
    blocks = b"RWIN\1\0\0\0" + bytes(4) + b"a\0\0\0\0\0" * many
    record = parity.UUID + b"\xff\xff\xff\x7f"
    for data in (head * many, head + record * many, head + b"jumd" * 20 + blocks + head_copy.UUID + blocks):
        with Cost() as cost:
            with pytest.raises(StreamError):
                mend.mend(bare[:2] + data + bare[2:])
            with pytest.raises(StreamError):
                mend.mend_superbox(data)
        assert cost.seconds < 10


def test_what_is_left_is_measured(sample):
    """The campaign's line for a small carrier."""
    found = lost_segments.left(sample.jpeg, [2])
    assert found.recovered == api.decode(sample.without(2), salvage=True).salvage.recovered
    assert "1 lost: tiles whole" in lost_segments.measured(sample.jpeg, 1)
