"""Compiled code: where it is kept, and that it is not another version's."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROGRAM = """
import numpy as np
from bitstream.jit import cache_folder
from entropy.ans import sort_by_class
sort_by_class(np.zeros(3, np.uint8), np.zeros(3, np.int32), np.zeros(96, np.int64))
print(cache_folder())
"""


def folder_of(root, home):
    """Where a fresh process keeps what it compiles."""
    kept = {n: v for n, v in os.environ.items() if n != "NUMBA_CACHE_DIR"}
    environment = kept | {"PYTHONPATH": str(root), "XDG_CACHE_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, cwd=home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def test_compiled_code_lies_under_a_digest_of_its_sources(tmp_path):
    found = folder_of(ROOT, tmp_path)
    assert found.parent == tmp_path / "rawinlay" and list(found.rglob("*.nbi"))


def test_another_version_has_another_folder(tmp_path):
    """Also where the change is in another file than the kernel's."""
    copy = tmp_path / "copy"
    for name in ("bitstream", "entropy", "codec"):
        shutil.copytree(ROOT / name, copy / name)
    (copy / "entropy" / "tables.py").open("a").write("\n# another version\n")
    assert folder_of(copy, tmp_path) != folder_of(ROOT, tmp_path)


def test_without_a_home(tmp_path):
    """A read-only cache folder is no obstacle."""
    blocked = tmp_path / "blocked"
    blocked.write_text("a file, no folder")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(blocked)}
    code = "from bitstream.jit import cache_folder; print(repr(cache_folder()))"
    done = subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.strip() == "''"
