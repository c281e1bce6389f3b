"""Without a package of an extra: the documented code, and the line for pip that mends it."""

import re
import shutil
from pathlib import Path

import pytest
from rawinlay.codec.cli import distribution
from rawinlay.codec.cli.main import main
from shots import write_pair

LEARNED = Path(__file__).parents[2] / "compatibility/0.1.0/learned.jpg"


@pytest.mark.parametrize(("words", "module", "told"), [
    ("bench rd --raw . --out r", "matplotlib", r"imagecodecs.*matplotlib.*bjontegaard.*jinja2"),
    ("bench report .", "jinja2", r"imagecodecs.*matplotlib.*jinja2"),
    ("train", "torch", r"torch>="),
    ("decode IMG_1.JPG -o o.dng --device cuda", "torch", r"torch>="),
    ("decode learned.jpg -o o.dng", "torch", r"torch>="),
    ("encode IMG_1.NEF IMG_1.JPG -o o.jpg --lossless --effort 7", "torch", r"torch>="),
    ("demo out", "skimage", r"scikit-image"),
])  # fmt: skip
def test_a_missing_package_is_told_with_its_remedy(tmp_path, capsys, monkeypatch, words, module, told):
    write_pair(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rows.jsonl").write_text("")
    shutil.copy(LEARNED, tmp_path / "learned.jpg")
    for name in [name for name in __import__("sys").modules if name.partition(".")[0] == module]:
        monkeypatch.setitem(__import__("sys").modules, name, None)
    for layer in ("benchmarks", "eval"):  # what they have imported already would hide it
        for name in [n for n in __import__("sys").modules if n.startswith(f"rawinlay.{layer}.") and "command" not in n]:
            monkeypatch.delitem(__import__("sys").modules, name)
    monkeypatch.setitem(__import__("sys").modules, module, None)
    assert main(words.split()) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and re.search(rf"pip install .*{told}", err), err


@pytest.mark.parametrize("installed", [True, False])
def test_the_requirements_are_found_installed_and_in_a_checkout(monkeypatch, installed):
    if installed:
        monkeypatch.setattr(distribution, "_project", dict)
    wanted = distribution._requirements()
    assert {"demo", "bench", "learned", "numpy"} <= set(wanted) and "dev" not in wanted
    assert set(wanted["bench"]) >= {"imagecodecs", "matplotlib", "bjontegaard", "scikit-image", "jinja2"}
    assert all(";" not in text for those in wanted.values() for text in those.values())
    assert distribution.remedy(ModuleNotFoundError(name="skimage.metrics")) == (
        "the package scikit-image is not installed: pip install 'scikit-image>=0.24'"
    )
    assert distribution.remedy(ModuleNotFoundError(name="nonsense")) is None
    assert distribution.remedy(ModuleNotFoundError()) is None
