"""Files of earlier versions decode to what they decoded to when they were written: mosaic, levels, tags.

`tests/compatibility/make.py` writes the files, one folder a version; none of them is ever written again.
"""

import hashlib
import json
from pathlib import Path

import pytest
from compatibility import make

ROOT = Path(make.__file__).parent
FILES = sorted(path for path in ROOT.glob("*/*.jpg"))
MANIFESTS = {folder: json.loads((folder / "manifest.json").read_text()) for folder in {path.parent for path in FILES}}


def test_nothing_is_missing():
    assert FILES
    for folder, manifest in MANIFESTS.items():
        assert {path.stem for path in FILES if path.parent == folder} == set(manifest)


@pytest.mark.parametrize("path", FILES, ids=[f"{path.parent.name}/{path.stem}" for path in FILES])
def test_it_decodes_as_it_did(path):
    wanted = MANIFESTS[path.parent][path.stem]
    jpeg = path.read_bytes()
    assert hashlib.sha256(jpeg).hexdigest() == wanted["file_sha256"], "a file of a release is not written again"
    assert make.facts(jpeg) == {name: value for name, value in wanted.items() if name != "file_sha256"}
