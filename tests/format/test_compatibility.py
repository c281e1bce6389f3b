"""Files of earlier versions decode to what they decoded to when they were written: mosaic, levels, tags.

`tests/compatibility/make.py` writes the files, one folder a version; none of them is ever written again.
"""

import hashlib
import json
from pathlib import Path

import goldens
import pytest
from compatibility import make
from rawinlay.bitstream.jpeg import embed
from rawinlay.bitstream.jpeg.segments import read_segments
from rawinlay.bitstream.stream.container import Container
from shots import shot

ROOT = Path(make.__file__).parent
FILES = sorted(path for path in ROOT.glob("*/*.jpg"))
MANIFESTS = {folder: json.loads((folder / "manifest.json").read_text()) for folder in {path.parent for path in FILES}}


def test_nothing_is_missing():
    assert FILES
    for folder, manifest in MANIFESTS.items():
        assert {path.stem for path in FILES if path.parent == folder} == set(manifest)


def test_a_release_is_not_written_again(monkeypatch):
    folder = next(iter(MANIFESTS))
    monkeypatch.setattr(make, "version", lambda: folder.name)
    monkeypatch.setattr(make, "files", lambda: pytest.fail("files were made"))
    with pytest.raises(SystemExit, match="there already"):
        make.main()


def test_a_version_gets_a_folder_of_its_own(monkeypatch, tmp_path):
    """Of files of this version, both forms of PREV and a flag in a packet among them, that decode as they must."""
    picture = shot(11, (144, 192))
    monkeypatch.setattr(make, "HERE", tmp_path)
    monkeypatch.setattr(make, "version", lambda: "9.9.9")
    monkeypatch.setattr(make, "pairs", lambda: [("plain", picture.raw, make.packet(picture.jpeg), {"quality": 50})])
    monkeypatch.setattr(goldens, "NAMES", [])
    make.main()
    manifest = json.loads((tmp_path / "9.9.9" / "manifest.json").read_text())
    assert set(manifest) == {"plain", "preview-own", "preview-jpeg"}
    for name in manifest:
        jpeg = (tmp_path / "9.9.9" / f"{name}.jpg").read_bytes()
        sections = Container.from_bytes(embed.extract(jpeg)).sections
        packets = [s.payload for s in read_segments(jpeg) if s.payload.startswith(b"http://ns.adobe.com/xap/1.0/")]
        assert len(packets) == 1 and b"rawinlay:Bytes" in packets[0]
        assert bool(sections["PREV"]) == (name != "plain") and make.facts(jpeg)["intact"]


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.stem}" for path in FILES])
def test_it_decodes_as_it_did(path):
    wanted = MANIFESTS[path.parent][path.stem]
    jpeg = path.read_bytes()
    assert hashlib.sha256(jpeg).hexdigest() == wanted["file_sha256"], "a file of a release is not written again"
    assert make.facts(jpeg) == {name: value for name, value in wanted.items() if name != "file_sha256"}
