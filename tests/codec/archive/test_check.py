"""codec.archive.check: `verify` of folders, what it compares with, and what it says of what is gone."""

import json

import carriers
import pytest
from landscape import landscape
from rawinlay.bitstream.dng.writer import write_dng
from rawinlay.bitstream.jpeg import jumbf, segments
from rawinlay.bitstream.jpeg.planes import JpegPlanes
from rawinlay.codec import api
from rawinlay.codec.archive import check, trash
from rawinlay.codec.archive.journal import NAME
from rawinlay.codec.cli.main import main
from rawinlay.codec.simulator import simulate

QUIET = {"odd_size": False, "distortion": 0.0, "orientation": 1, "iso": 100, "median": 0.2}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A RAW, and its carrier."""
    shot = simulate(landscape(96, 128), 3, quality=95, **QUIET)
    raw = tmp_path_factory.mktemp("raws") / "a.dng"
    raw.write_bytes(write_dng(shot.raw))
    jpeg = raw.with_suffix(".jpg")
    jpeg.write_bytes(shot.jpeg)
    return raw, api.encode(raw, jpeg, lossless=True, effort=1).jpeg


@pytest.fixture
def folder(tmp_path, pair):
    (tmp_path / "sub").mkdir()
    bare = api.strip(pair[1])
    for name, data in {"a.jpg": pair[1], "sub/b.jpg": pair[1], "plain.jpg": bare, "note.txt": b"x"}.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def damaged(jpeg, at):
    """With a bit of the stream wrong, `at` bytes before its end."""
    place = [s for s in segments.read_segments(jpeg) if s.marker == segments.APP11][-1].end - at
    return jpeg[:place] + bytes([jpeg[place] ^ 8]) + jpeg[place + 1 :]


def verified(capsys, *words):
    code = main(["verify", *map(str, words), "--json"])
    said = capsys.readouterr()
    return code, json.loads(said.out), said.err


def test_a_folder(folder, pair, capsys):
    code, told, _ = verified(capsys, folder)
    assert code == 0 and told["ok"] and told["without_raw"] == 1 and len(told["files"]) == 2
    (folder / "sub" / "bad.jpg").write_bytes(damaged(pair[1], 100))
    code, told, err = verified(capsys, folder)
    assert code == 5 and "1 of 3 files" in err and "bad.jpg" in err
    (bad,) = [row for row in told["files"] if not row["ok"]]
    assert bad["tiles"] == [{"tile": 0, "x": 0, "y": 0, "width": 128, "height": 96}]
    assert verified(capsys, folder / "plain.jpg")[0] == 4  # by its own name it is missed


def test_the_broken_tile_is_named():
    sample = carriers.sample(32)
    for jpeg in (damaged(sample.jpeg, 20000), sample.without(2)):
        found = api.verify(jpeg)
        whole = {tile.tile: (tile.x, tile.y, tile.width, tile.height) for tile in found.tiles}
        left = api.decode(jpeg, salvage=True).salvage
        assert found.exit_code == 5 and whole
        assert whole == {t.tile: (t.x, t.y, t.width, t.height) for t in left.tiles if t.state != "whole"}


def test_no_picture_is_decoded_that_need_not_be(pair, monkeypatch):
    monkeypatch.setattr(JpegPlanes, "binding_hash", lambda self: pytest.fail("it was decoded"))
    assert api.verify(pair[1]).ok


def test_a_raw_that_a_program_took_out(folder, pair, capsys):
    """The flag in XMP says that there was one: in a folder too it is missed."""
    kept = [(s.start, s.end, b"") for s in segments.read_segments(pair[1]) if s.marker == segments.APP11]
    (folder / "lost.jpg").write_bytes(segments.splice(pair[1], kept))
    code, told, err = verified(capsys, folder)
    assert code == 4 and "has removed the RAW" in err and told["without_raw"] == 1


def test_outputs_of_a_batch_that_are_gone(folder, capsys):
    line = {"raw": "x.dng", "state": "done", "output": str(folder / "gone.jpg")}
    (folder / NAME).write_text(json.dumps(line) + '\n{"raw": "cut')
    code, told, err = verified(capsys, folder)
    assert code == 4 and "gone.jpg" in err and len(told["files"]) == 3


def test_what_follows_a_line_that_a_kill_cut_short_counts(folder):
    """A batch that is resumed goes on behind it."""
    lines = [{"raw": f"{n}.dng", "state": "done", "output": str(folder / f"gone-{n}.jpg")} for n in (1, 2)]
    (folder / NAME).write_text(json.dumps(lines[0]) + '\n{"raw": "cut\n' + json.dumps(lines[1]) + "\n")
    assert [one.path.name for one in check.gone([folder])] == ["gone-1.jpg", "gone-2.jpg"]


def test_against_raws(folder, pair, capsys):
    code, told, _ = verified(capsys, folder, "--against", pair[0].parent)
    assert code == 0 and [row["checks"][-1]["said"] for row in told["files"]] == [str(pair[0])] * 2
    code, told, _ = verified(capsys, folder / "a.jpg", "--against", folder)
    assert code == 0 and told["files"][0]["checks"][-1]["state"] == "skipped"


def test_what_is_compared_before_a_raw_goes(pair, tmp_path):
    """Mosaic, levels and metadata of the DNG that the JPEG gives."""
    raw, jpeg = pair
    assert trash.checked(raw, jpeg).lossless
    image = simulate(landscape(96, 128), 3, quality=95, **QUIET).raw
    other = tmp_path / "other.dng"
    other.write_bytes(write_dng(image, note="a caption that the JPEG does not know"))
    found = trash.checked(other, jpeg)
    assert found.lost == ("IFD0 ImageDescription",) and "metadata would be lost" in found.error
    image.mosaic[3, 4] ^= 1
    other.write_bytes(write_dng(image))
    assert "lossless" in trash.checked(other, jpeg).error


def test_over_processes(folder, pair, monkeypatch, capsys):
    """Many files go over processes: all are told of, in their order, the damaged one among them."""
    monkeypatch.setattr(check, "FEW", 1)
    monkeypatch.setattr(check, "cores", lambda: 2)
    monkeypatch.setattr(check, "BUNDLE", 2)
    (folder / "sub" / "c.jpg").write_bytes(damaged(pair[1], 100))
    code, told, _ = verified(capsys, folder)
    names = [row["file"].rpartition("/")[2] for row in told["files"]]
    assert code == 5 and names == ["a.jpg", "b.jpg", "c.jpg"] and [row["ok"] for row in told["files"]] == [1, 1, 0]


def test_views_take_no_copies(pair):
    """The digest of the JPEG without its RAW is that of the copy; contents joined from views are the same."""
    from hashlib import sha256

    from rawinlay.bitstream.jpeg.file import Jpeg

    file = Jpeg(pair[1])
    assert file.bare_sha256 == sha256(file.bare.data).digest()
    payloads = [s.payload for s in file.segments if s.marker == segments.APP11]
    views = [s.view for s in file.segments if s.marker == segments.APP11]
    assert jumbf.contents_of(views) == jumbf.contents_of(payloads) and jumbf.remove(views) == jumbf.remove(payloads)
