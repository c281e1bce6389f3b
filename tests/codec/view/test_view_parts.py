"""Pieces of `view` by themselves: frames, presets, files that are written, what is kept."""

import io
import threading

import numpy as np
import photographs
import pytest
from PIL import Image
from rawinlay.bitstream.errors import InputError, NoRawError, UsageError
from rawinlay.bitstream.runtime.kept import Kept
from rawinlay.codec.develop import develop
from rawinlay.codec.encoding import encode_arrays
from rawinlay.codec.isp.develop import Developer, Rendering
from rawinlay.codec.isp.settings import Settings
from rawinlay.codec.isp.tone import plain
from rawinlay.codec.mosaic.turn import turn
from rawinlay.codec.view import first_look, presets
from rawinlay.codec.view.acts import Acts, Exists, Order
from rawinlay.codec.view.asking import rate
from rawinlay.codec.view.folder import Folder
from rawinlay.codec.view.frame import Frame
from rawinlay.codec.view.jobs import Jobs
from rawinlay.codec.view.picture import Picture
from rawinlay.codec.view.trial import Tried
from sensors import of_sensor


def quiet(what, share):
    pass


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_frame_knows_where_things_are(orientation):
    mosaic = np.arange(20 * 30).reshape(20, 30)
    frame = Frame(4, 2, 22, 14, orientation)
    upright = turn(mosaic[2:16, 4:26], orientation)
    assert frame.size == upright.shape[::-1]
    x, y, w, h = 3, 5, 6, 4
    left, top, cols, rows = frame.stored((x, y, w, h))
    part = turn(mosaic[top : top + rows, left : left + cols], orientation)
    assert np.array_equal(part, upright[y : y + h, x : x + w])
    assert frame.upright((left, top, cols, rows)) == (x, y, w, h)


SETTINGS = Settings(exposure=0.7, temperature=5234.5, tint=-3.25, shadows=40, contrast=-12)
FOREIGN = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" xmlns:ri="urn:other"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4" ri:thing="theirs"
 crs:Exposure2012="+1.50" crs:Clarity2012="20"><dc:subject><rdf:Bag><rdf:li>pier</rdf:li></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def test_settings_come_back_from_xmp(tmp_path):
    path = presets.path_of(tmp_path / "IMG_1-raw.jpg")
    assert not presets.read(path).there
    presets.write(path, SETTINGS, "plain")
    found = presets.read(path)
    assert (found.settings, found.look, found.there, found.foreign) == (SETTINGS, "plain", True, False)
    text = path.read_text()
    assert 'crs:Exposure2012="+0.70"' in text and 'crs:Temperature="5234"' in text and 'WhiteBalance="Custom"' in text
    presets.write(path, Settings(), "camera")
    assert presets.read(path).settings == Settings() and 'WhiteBalance="As Shot"' in path.read_text()
    # Lightroom moves a slider: its number counts
    presets.write(path, SETTINGS, "camera")
    path.write_text(path.read_text().replace('Shadows2012="+40"', 'Shadows2012="+55"'))
    assert presets.read(path).settings.shadows == 55 and presets.read(path).settings.tint == -3.25


def test_what_another_program_says_stays(tmp_path):
    path = tmp_path / "a.xmp"
    path.write_text(FOREIGN)
    assert presets.read(path).foreign and presets.read(path).settings.exposure == 1.5
    with pytest.raises(presets.Foreign):
        presets.write(path, SETTINGS, "camera")
    assert path.read_text() == FOREIGN
    presets.write(path, SETTINGS, "camera", replace=True)
    text = path.read_text()
    for kept in ("<rdf:li>pier</rdf:li>", 'xmp:Rating="4"', 'ri:thing="theirs"', 'crs:Clarity2012="20"'):
        assert kept in text
    assert presets.read(path).settings == SETTINGS and not presets.read(path).foreign
    path.write_text("<broken")
    with pytest.raises(InputError):
        presets.write(path, SETTINGS, "camera")
    assert path.read_text() == "<broken"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Folder(photographs.write(tmp_path_factory.mktemp("acts")))


@pytest.mark.parametrize("kind", ["xtrans", "several", "half"])
def test_other_sensors_are_seen_as_they_are_developed(kind):
    shot = of_sensor(kind, shape=(95, 122))
    data = encode_arrays(shot.raw, shot.jpeg, lossless=True, effort=1).jpeg
    picture = Picture(data, "jpeg")
    whole = picture.part((0, 0, *picture.frame.size), 1)
    roots = picture.of_raw(whole, Settings()).astype(float)
    shown = Developer(shot.raw, Rendering(0.0, plain()))
    there = shown.balanced(whole.top, whole.top + whole.rows, whole.left, whole.left + whole.cols, np.ones(3))
    assert np.abs(roots * np.abs(roots) - there).max() < 2e-3
    small = picture.of_raw(picture.part((0, 0, 40, 40), 4), Settings(), quick=True)
    of_blocks = roots[:32, :32].reshape(8, 4, 8, 4, 3).mean((1, 3))
    assert np.abs(small.astype(float)[:8, :8] - of_blocks).mean() < 0.01
    jpeg = np.asarray(Image.open(io.BytesIO(shot.jpeg)), float)
    assert np.abs(picture.of_jpeg(whole) - jpeg).mean() < 1
    column, row, value, colour = picture.value(3, 1)
    seen = shot.raw.values[row, column]
    assert (column, row) == (3, 1) and colour in "RGB"
    assert np.isclose(value, seen[1] if kind == "several" else seen, atol=1e-5)


@pytest.mark.parametrize("name", [photographs.TRIMMABLE, photographs.TURNED])
def test_the_first_look_is_the_raw_in_the_mean(name, monkeypatch):
    """What the recipe says of the small JPEG, before anything is decoded: the RAW's light, if not its detail."""
    picture = Picture(photographs.files()[name], "jpeg")
    with pytest.raises(NoRawError, match="no first look"):
        assert picture.first_look  # it is small, and decoded as soon
    monkeypatch.setattr(first_look, "LARGE", 0)
    monkeypatch.setattr(first_look, "SIDE", 72)
    seen = picture.first_look.pixels(Settings()).astype(float)
    assert picture.tiles.done == 0 and picture.first_look.part.step == 2
    true = picture.of_raw(picture.first_look.part, Settings()).astype(float)
    assert seen.shape == true.shape and np.abs((seen - true).mean((0, 1))).max() < 0.05
    assert np.abs(seen - true).mean() < 0.5 * np.abs(true - true.mean((0, 1))).mean()


def test_exports_are_what_the_commands_write(folder):
    acts, source = Acts(folder, lambda *_: None), folder.root / photographs.TURNED
    said, result, undo = acts.do(Order("jpeg", photographs.TURNED, settings=Settings(exposure=0.5)), quiet)
    wanted = develop(source, exposure=0.5).file("jpeg", 92)
    output = folder.root / "IMG_2.developed.jpg"
    assert output.read_bytes() == wanted and result["output"] == output.name and output.name in said
    with pytest.raises(Exists):
        acts.output(Order("jpeg", photographs.TURNED))
    order = Order("jpeg", photographs.TURNED, settings=Settings(exposure=-0.5), replace=True)
    _, _, undo_second = acts.do(order, quiet)
    assert output.read_bytes() != wanted
    assert undo_second() == "IMG_2.developed.jpg is as it was before" and output.read_bytes() == wanted
    assert undo() == "IMG_2.developed.jpg is gone again" and not output.exists()
    acts.close()
    assert sorted(p.name for p in folder.root.iterdir() if p.name.startswith(".")) == []


def test_strip_and_trim(folder):
    from rawinlay.codec import api

    acts, name = Acts(folder, lambda *_: None), photographs.TRIMMABLE
    _, _, undo = acts.do(Order("strip", name, "bare.jpg"), quiet)
    assert (folder.root / "bare.jpg").read_bytes() == api.strip(folder.root / name)
    assert undo() == "bare.jpg is gone again" and not (folder.root / "bare.jpg").exists()
    size = api.info(folder.root / name).least_bytes + 1500
    _, result, _ = acts.do(Order("trim", name, "less.jpg", rate=(("size", size),)), quiet)
    assert api.info(folder.root / "less.jpg").metadata_bytes <= size and not result["lossless"]
    with pytest.raises(UsageError, match="is the photograph itself"):
        acts.output(Order("strip", name, name, replace=True))
    with pytest.raises(UsageError, match=r"has to end in \.dng"):
        acts.output(Order("dng", name, "out.jpg"))


def test_what_was_tried_is_what_is_written(folder):
    def tried(name, jpeg, rate):
        assert (name, jpeg, rate) == (photographs.RAW, photographs.PLAIN, {"quality": 60.0})
        return Tried(b"the very bytes", None, 9, 0.5, False, ("look",))

    order = Order("encode", photographs.RAW, "new.jpg", jpeg=photographs.PLAIN, rate=(("quality", 60.0),))
    result = Acts(folder, tried).do(order, quiet)[1]
    assert (folder.root / "new.jpg").read_bytes() == b"the very bytes" and result["warnings"] == ["look"]


def test_rates_are_one_of_four():
    """Of a query's words or an order's numbers: the same, so that what was tried is found again."""
    assert rate({"quality": "60"}) == rate({"quality": 60.0}) == ("quality", 60.0)
    assert rate({"bpp": "0.4", "x": "1"}) == ("bpp", 0.4) and rate({"size": 50000.0}) == ("size", 50000)
    assert rate({"lossless": "true"}) == rate({"lossless": True, "quality": None}) == ("lossless", True)
    for wrong in ({}, {"quality": "101"}, {"quality": "x"}, {"bpp": "nan"}, {"size": "1e999"}, {"size": "7"},
                  {"bpp": "1", "quality": "2"}, {"lossless": "true", "bpp": "1"}):  # fmt: skip
        with pytest.raises(UsageError):
            rate(wrong)


def test_a_full_disk_is_a_sentence(folder, monkeypatch):
    from rawinlay.codec.view import acts as module

    def full(*_):
        raise InputError("cannot write out.jpg: No space left on device")

    monkeypatch.setattr(module, "write_output", full)
    jobs, acts = Jobs(), Acts(folder, lambda *_: None)
    order = Order("strip", photographs.TRIMMABLE, "out.jpg")
    job = jobs.start("stripping", lambda progress: acts.do(order, progress))
    finished(job)
    assert (job.state, job.said) == ("failed", "cannot write out.jpg: No space left on device")


def finished(job):
    for _ in range(1000):
        if job.state not in ("waiting", "running"):
            return
        threading.Event().wait(0.01)


def test_jobs_stop_and_say_what_went_wrong():
    jobs, go = Jobs(), threading.Event()

    def work(progress):
        go.wait(10)
        progress("working", 0.5)
        return "done", {}, lambda: "taken back"

    first, second = jobs.start("one", work), jobs.start("two", work)
    jobs.stop(second.number)
    go.set()
    finished(first)
    finished(second)
    assert (first.state, first.share, second.state) == ("done", 1.0, "stopped")
    assert jobs.undo(first.number) == "taken back" and jobs.undo(first.number) == "there is nothing to take back"
    broken = jobs.start("three", lambda progress: {}["x"])
    finished(broken)
    assert broken.state == "failed" and "a fault of this program" in broken.said


def test_what_is_kept_is_bounded():
    kept, made = Kept(10, len), []

    def make(name):
        return lambda: made.append(name) or "1234"

    for name in "abcab":
        kept.get(name, make(name))
    assert made == ["a", "b", "c", "a", "b"] and len(kept) == 2
    kept.get("b", make("b"))
    kept.get("large", lambda: "x" * 50)
    assert len(kept) == 1
    with pytest.raises(ZeroDivisionError):
        kept.get("z", lambda: 1 // 0)
    assert kept.get("z", lambda: "again") == "again"
