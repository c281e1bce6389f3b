"""What is skipped is said in one line, by reason."""

import subprocess
import sys
from pathlib import Path

from skips import told

ROOT = Path(__file__).parents[2]


def test_reasons_are_counted():
    assert told([]) == ""
    assert told(["no b here", "Skipped: no a here", "no b here"]) == "left out 3: 2 (no b here), 1 (no a here)"


def test_a_run_ends_with_them(tmp_path):
    (tmp_path / "test_some.py").write_text(
        "import pytest\n"
        "@pytest.mark.parametrize('n', [1, 2])\n"
        "def test_one(n): pytest.skip('no moon')\n"
        "@pytest.mark.skipif(True, reason='no sun')\n"
        "def test_two(): pass\n"
        "def test_three(): pass\n"
    )
    (tmp_path / "test_more.py").write_text("import pytest\npytest.importorskip('nothing_at_all', reason='no stars')\n")
    (tmp_path / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    (tmp_path / "skips.py").write_text((ROOT / "tests/support/skips.py").read_text())
    for more in ([], ["-n", "1"]):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "pythonpath=.", *more, "."]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.stdout.count("left out 4: 2 (no moon), 1 (no stars), 1 (no sun)\n") == 1, done.stdout
