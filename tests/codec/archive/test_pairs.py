"""codec.archive: files told apart by what they say of themselves; 500 mixed names and no wrong pair."""

import io
import random

import pytest
from PIL import Image
from rawinlay.bitstream.errors import InputError
from rawinlay.codec.archive.pairs import paired
from rawinlay.codec.archive.shots import Shot, found_in, jpeg_shot, raw_shot


def shot(path, taken="", camera="", carries=False):
    from pathlib import Path

    return Shot(Path(path), taken, camera, carries)


T1, T2 = "2024:05:01 12:00:00", "2024:05:01 12:00:07"


def pairs_of(raws, jpegs, sidecars=()):
    found = paired(raws, jpegs, sidecars)
    return {str(p.raw): p.jpeg and str(p.jpeg) for p in found.pairs}, {str(p.raw): p.why for p in found.problems}, found


def test_names_in_one_folder():
    pairs, problems, found = pairs_of(
        [shot("a/IMG_1.NEF", T1), shot("a/IMG_2.NEF", T2)],
        [shot("a/img_1.jpg", T1), shot("a/IMG_1-edit.JPG", T1), shot("a/IMG_3.JPG", T2)],
    )
    assert pairs == {"a/IMG_1.NEF": "a/img_1.jpg", "a/IMG_2.NEF": None} and not problems
    assert [str(p) for p in found.unused] == ["a/IMG_1-edit.JPG", "a/IMG_3.JPG"]


def test_counters_that_wrapped_and_two_cameras():
    """One number, taken twice: time tells, and where times are one, the camera."""
    raws = [shot("raw/1/IMG_1.CR2", T1, "canon eos 5d"), shot("raw/2/IMG_1.CR2", T2, "canon eos 5d"),
            shot("raw/3/IMG_1.NEF", T1, "nikon d70")]  # fmt: skip
    jpegs = [shot("jpg/x/IMG_1.JPG", T2, "canon eos 5d"), shot("jpg/y/IMG_1.JPG", T1, "canon eos 5d"),
             shot("jpg/z/IMG_1.JPG", T1, "nikon corporation nikon d70")]  # fmt: skip
    pairs, problems, _ = pairs_of(raws, jpegs)
    assert not problems
    assert pairs == {"raw/1/IMG_1.CR2": "jpg/y/IMG_1.JPG", "raw/2/IMG_1.CR2": "jpg/x/IMG_1.JPG",
                     "raw/3/IMG_1.NEF": "jpg/z/IMG_1.JPG"}  # fmt: skip


def test_what_cannot_be_told_is_reported():
    pairs, problems, _ = pairs_of([shot("r/A.NEF", T1)], [shot("x/A.JPG", T1), shot("y/A.JPG", T1)])
    assert not pairs and "several JPEGs fit" in problems["r/A.NEF"]
    pairs, problems, _ = pairs_of([shot("r/A.NEF", T1), shot("s/A.DNG", T1)], [shot("x/A.JPG", T1)])
    assert not pairs and len(problems) == 2 and "several RAWs fit" in problems["r/A.NEF"]
    pairs, problems, _ = pairs_of([shot("r/A.NEF", T1)], [shot("r/A.JPG", T2)])
    assert not pairs and "of another shot: taken 2024-05-01 12:00:00, not 2024-05-01 12:00:07" in problems["r/A.NEF"]
    pairs, problems, _ = pairs_of([shot("r/A.NEF", T1)], [shot("x/A.JPG", T2)])
    assert pairs == {"r/A.NEF": None} and not problems
    pairs, problems, _ = pairs_of([shot("r/A.NEF", T1)], [shot("r/A.JPG", T1), shot("x/A.JPG", T1)])
    assert pairs == {"r/A.NEF": "r/A.JPG"}


def test_bursts_by_sub_seconds():
    raws = [shot(f"r/{n}/A.NEF", f"{T1}.{n}0") for n in range(3)]
    jpegs = [shot(f"j/{n}/A.JPG", f"{T1}.{n}") for n in range(3)]
    pairs, problems, _ = pairs_of(raws, jpegs)
    assert pairs == {f"r/{n}/A.NEF": f"j/{n}/A.JPG" for n in range(3)} and not problems


def test_sidecars_and_carriers():
    from pathlib import Path

    names = ["a/I.xmp", "a/I.NEF.xmp", "a/I.nef.pp3", "a/I.JPG.xmp", "a/J.xmp", "b/I.xmp"]
    _, _, found = pairs_of([shot("a/I.NEF")], [shot("a/I.JPG"), shot("a/I.jpg.jpg", carries=True)], map(Path, names))
    assert {str(p) for p in found.pairs[0].sidecars} == {"a/I.xmp", "a/I.NEF.xmp", "a/I.nef.pp3", "a/I.JPG.xmp"}
    assert [str(p) for p in found.carriers] == ["a/I.jpg.jpg"]


@pytest.mark.parametrize("seed", range(5))
def test_mixed_names_are_never_joined_wrongly(seed):
    """500 shots of three cameras whose counters wrap, some without times, in one, two or many folders."""
    rng = random.Random(seed)
    raws, jpegs, truth = [], [], {}
    for n in range(500):
        camera = rng.choice(["nikon d70", "canon eos 5d", "sony ilce-7"])
        number, folder = rng.randrange(200), rng.choice("abcdef")
        taken = f"2024:{rng.randrange(1, 13):02d}:{rng.randrange(1, 29):02d} {n % 24:02d}:{n % 60:02d}:{n % 60:02d}"
        told = taken if rng.random() < 0.85 else ""
        raw = shot(f"raw/{folder}/{n // 100}/IMG_{number}.RAW{n}", told, camera if rng.random() < 0.9 else "")
        raws.append(shot(str(raw.path).rsplit(".", 1)[0] + ".nef", raw.taken, raw.camera))
        if any(r.path == raws[-1].path for r in raws[:-1]):
            raws.pop()
            continue
        if rng.random() < 0.8:
            name = rng.choice([f"IMG_{number}.JPG", f"img_{number}.jpg"])
            place = rng.choice([raws[-1].path.parent, raws[-1].path.parent / "jpg", f"jpg/{folder}/{n // 50}"])
            jpeg = shot(f"{place}/{name}", taken if rng.random() < 0.9 else "", camera)
            if all(str(j.path).lower() != str(jpeg.path).lower() for j in jpegs):
                jpegs.append(jpeg)
                truth[str(raws[-1].path)] = jpeg
    rng.shuffle(jpegs)
    found = paired(raws, jpegs)
    by = {str(r.path): r for r in raws}
    joined = [(p, truth.get(str(p.raw))) for p in found.pairs if p.jpeg]
    wrong = [p for p, true in joined if true is None or p.jpeg != true.path]
    told = [p for p in wrong if by[str(p.raw)].taken and next(j for j in jpegs if j.path == p.jpeg).taken]
    assert not told and len(joined) > 100
    assert len(found.pairs) + len(found.problems) == len(raws)


def test_files_that_are_found(tmp_path):
    for name in ("a/1.NEF", "a/1.JPG", "a/b/2.cr2", "a/1.xmp", "a/.hidden/3.NEF", "a/.4.NEF", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    raws, jpegs, sidecars = found_in([tmp_path, tmp_path / "a"])
    assert [p.name for p in raws] == ["1.NEF", "2.cr2"] and len(jpegs) == len(sidecars) == 1
    with pytest.raises(InputError, match="nowhere"):
        found_in([tmp_path / "nowhere"])


def test_what_files_say(tmp_path):
    picture, exif = Image.new("RGB", (16, 16)), Image.Exif()
    exif[271], exif[272] = "NIKON CORPORATION", "NIKON D70"
    exif.get_ifd(34665)[36867], exif.get_ifd(34665)[37521] = T1, "25"
    out = io.BytesIO()
    picture.save(out, "JPEG", exif=exif)
    (tmp_path / "a.jpg").write_bytes(out.getvalue())
    found = jpeg_shot(tmp_path / "a.jpg")
    assert (found.taken, found.camera, found.carries) == (f"{T1}.25", "nikon d70", False)
    picture.save(tmp_path / "raw.nef", "TIFF", exif=exif)
    assert raw_shot(tmp_path / "raw.nef").camera == "nikon d70"
    for junk in (b"", b"II*\0", b"II*\0\xff\xff\xff\xff" * 9, b"FUJIFILMCCD-RAW" + bytes(200), b"x" * 50):
        (tmp_path / "junk.raf").write_bytes(junk)
        assert raw_shot(tmp_path / "junk.raf") == Shot(tmp_path / "junk.raf")
    (tmp_path / "b.jpg").write_bytes(b"no")
    with pytest.raises(InputError):
        jpeg_shot(tmp_path / "b.jpg")
