"""codec.archive.pairs: 500 stems, mixed up in all the ways that people report; none is wrongly joined."""

import random
from pathlib import Path

import pytest
from rawinlay.codec.archive.pairs import paired
from rawinlay.codec.archive.shots import Shot

CAMERAS = ("nikon d5000", "canon eos 550d", "sony ilce-7rm3")


def archive(seed, stems=500):
    """(RAWs, JPEGs, the shot that each file is of). Each kind of stem is one that people report."""
    draw = random.Random(seed)
    raws, jpegs, of = [], [], {}
    number = 0

    def shot(when=None):
        nonlocal number
        number += 1
        clock = when if when is not None else 60 * number
        return number, f"2024:{1 + clock // 2592000 % 12:02d}:01 {clock // 3600 % 24:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}"  # noqa: E501

    def add(to, path, which, taken="", camera=""):
        of[Path(path)] = which
        to.append(Shot(Path(path), taken, camera))

    for n in range(stems):
        kind, stem, camera = n % 10, f"IMG_{n:04d}", draw.choice(CAMERAS)
        one, at = shot()
        add(raws, f"/a/{stem}.NEF", one, at, camera)
        if kind == 0:  # an edit beside, exported at another size
            add(jpegs, f"/a/{stem}.JPG", one, at, camera)
            add(jpegs, f"/a/{stem}-edit.JPG", one, at, camera)
        elif kind == 1:  # the counter wrapped: the same name in another folder, another day
            other, then = shot()
            add(raws, f"/b/{stem}.NEF", other, then, camera)
            for folder, which, when in (("/b", other, then), ("/a", one, at)):
                add(jpegs, f"{folder}/{stem}.jpg", which, when, camera)
        elif kind == 2:  # the JPEGs in a tree of their own, in which the name stands twice
            other, then = shot()
            add(jpegs, f"/jpegs/100/{stem}.JPG", one, at, camera)
            add(jpegs, f"/jpegs/101/{stem}.JPG", other, then, camera)
        elif kind == 3:  # two cameras with one numbering, at one second
            other, _ = shot()
            second = next(name for name in CAMERAS if name != camera)
            add(raws, f"/c/{stem}.ARW", other, at, second)
            add(jpegs, f"/jpegs/c/{stem}.JPG", other, at, second)
            add(jpegs, f"/jpegs/d/{stem}.JPG", one, at, camera)
        elif kind == 4:  # a burst: one second, told apart by its parts
            other, _ = shot()
            raws[-1] = Shot(raws[-1].path, f"{at}.10", camera)
            add(jpegs, f"/x/{stem}.JPG", other, f"{at}.35", camera)
            add(jpegs, f"/y/{stem}.JPG", one, f"{at}.1", camera)
        elif kind == 5:  # a burst without parts of seconds, in two folders: nobody can tell
            other, _ = shot()
            add(jpegs, f"/x/{stem}.JPG", other, at, camera)
            add(jpegs, f"/y/{stem}.JPG", one, at, camera)
        elif kind == 6:  # the wrong one beside it, the right one in a sub-folder
            other, then = shot()
            add(jpegs, f"/a/{stem}.JPG", other, then, camera)
            add(jpegs, f"/a/jpg/{stem}.JPG", one, at, camera)
        elif kind == 7:  # two RAWs of one name and one JPEG
            other, _ = shot()
            add(raws, f"/a/{stem}.DNG", other, at, camera)
            add(jpegs, f"/a/{stem}.JPG", one, at, camera)
        elif kind == 8:  # only another's JPEG is left, its clock an hour off
            other, then = shot()
            add(jpegs, f"/a/{stem}.JPG", other, then, draw.choice(("", camera)))
        else:  # other letters' size, nothing else
            add(jpegs, f"/a/{stem.lower()}.jpeg", one, draw.choice(("", at)), "")
    draw.shuffle(raws)
    draw.shuffle(jpegs)
    return raws, jpegs, of


@pytest.mark.parametrize("seed", range(2))
def test_none_of_500_stems_is_wrongly_joined(seed):
    raws, jpegs, of = archive(seed)
    found = paired(raws, jpegs)
    joined = [pair for pair in found.pairs if pair.jpeg]
    assert not [pair for pair in joined if of[pair.raw] != of[pair.jpeg]]
    assert len(found.pairs) + len(found.problems) == len(raws)
    assert len({pair.jpeg for pair in joined}) == len(joined)
    # What can be told is: all but the kinds that nobody can tell by what files say of themselves.
    told = {pair.raw.stem.lower() for pair in joined}
    for raw in raws:
        kind = int(raw.path.stem[-1])
        if kind in (0, 1, 2, 3, 4, 6, 9):
            assert raw.path.stem.lower() in told, raw
    assert all(int(problem.raw.stem[-1]) in (5, 7, 8) for problem in found.problems)
