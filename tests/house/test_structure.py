"""Imports run one way: rooms stand on floors, no file imports in a circle, and the decoder knows nothing of the
encoder.

All imports count, those in functions and those for type checkers too.
"""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ("bitstream", "entropy", "codec", "eval", "benchmarks")
FLOORS = (
    "bitstream", "bitstream/runtime", "bitstream/ahead", "bitstream/stream", "bitstream/tiff", "bitstream/jpeg",
    "bitstream/dng",
    "entropy",
    "codec/mosaic", "codec/guide", "codec/stages", "codec/recipe", "codec/refine", "codec/decoder", "codec/isp",
    "codec/looks",
    "codec/align", "codec/source", "codec/encoder/search", "codec/encoder/fit", "codec/encoder",
    "codec", "codec/archive", "codec/mount", "codec/cli", "codec/view", "codec/simulator", "codec/training",
    "eval", "benchmarks",
)  # fmt: skip
"""Rooms from the ground up: a file imports from its own room and those before it. Folders not named here belong to the
room around them."""

LONGEST = 300
LONGER = {
    "codec/encoder/picture.py": "one encoder: what it knows of a picture serves fits, trials and codings alike",
}
"""Files of more lines than `LONGEST`, and why they are one idea all the same."""


def files():
    return [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]


def imported(path):
    """Files of the product that a file imports."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert not any(alias.name.partition(".")[0] in (*LAYERS, "rawinlay") for alias in node.names), path
        elif isinstance(node, ast.ImportFrom) and not node.level:
            assert node.module.partition(".")[0] not in (*LAYERS, "rawinlay"), f"{path}: its imports are relative"
        elif isinstance(node, ast.ImportFrom):
            base = ROOT.joinpath(*package[: len(package) + 1 - node.level], *(node.module or "").split("."))
            for alias in node.names:
                choices = (base / f"{alias.name}.py", base / alias.name / "__init__.py", base.with_suffix(".py"),
                           base / "__init__.py")  # fmt: skip
                yield next(choice for choice in choices if choice.exists())


GRAPH = {path: set(imported(path)) - {path} for path in files()}


def room(path):
    """The room of a file: the nearest folder around it that `FLOORS` names."""
    folder = path.relative_to(ROOT).parent
    return next(name for name in (str(p) for p in (folder, *folder.parents)) if name in FLOORS)


def circle(graph):
    """Some that import from one another, or None."""
    left = dict(graph)
    while left:
        free = [part for part, others in left.items() if not others & left.keys()]
        if not free:
            return sorted(left)
        for part in free:
            del left[part]
    return None


def test_no_file_imports_in_a_circle():
    assert circle(GRAPH) is None


@pytest.mark.parametrize("name", FLOORS)
def test_no_arrow_runs_back(name):
    here = FLOORS.index(name)
    back = [f"{path.relative_to(ROOT)} -> {other.relative_to(ROOT)}" for path, others in GRAPH.items()
            if room(path) == name for other in others if FLOORS.index(room(other)) > here]  # fmt: skip
    assert not back


def test_every_room_says_what_it_is():
    for path in {file.parent for file in files()}:
        face = path / "__init__.py"
        assert face.exists() and ast.get_docstring(ast.parse(face.read_text())), f"{path} has no __init__.py that says"


def test_no_file_is_long_without_a_reason():
    long = {str(p.relative_to(ROOT)) for p in files() if len(p.read_text().splitlines()) > LONGEST}
    assert long == set(LONGER)


def test_the_decoder_reaches_nothing_of_the_encoder():
    """By whatever way, in functions and for type checkers too."""
    left = [path for path in GRAPH if room(path) == "codec/decoder" or path.name in ("info.py", "trim.py")]
    found = set()
    while left:
        path = left.pop()
        if path not in found:
            found.add(path)
            left += GRAPH[path]
    assert not [str(p) for p in found if "/encoder/" in str(p) or p.stem.endswith(("_encode", "_writer"))]


def loaded(*modules):
    """Modules of the product that a fresh process has after importing these."""
    code = f"import sys, {', '.join('rawinlay.' + m for m in modules)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_decoder_loads_nothing_of_the_encoder():
    found = loaded("codec.decoder.stream", "codec.decoder.cpu", "codec.decoder.layers")
    assert "rawinlay.codec.stages.tile" in found
    encoders = {m for m in found if m.startswith("rawinlay.") and ("encode" in m or ".search" in m or ".fit" in m)}
    assert not encoders


def test_the_cpu_needs_no_torch():
    found = loaded("codec.encoder.encode", "codec.decoder.stream", "codec.decoder.cpu", "codec.encoder.picture")
    assert "torch" not in found


def test_torch_is_where_its_name_says():
    """Only files called so, the CUDA decoder and training import torch when they are imported."""
    for path in files():
        if not str(path.relative_to(ROOT)).startswith(("bitstream", "entropy", "codec")):
            continue
        tree = ast.parse(path.read_text())
        top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom) and "'torch" in ast.dump(n)]
        may = "torch" in path.name or path.parent.name == "training" or path.name in ("net.py", "cuda.py")
        assert may or not top, path


@pytest.mark.parametrize("graph, found", [
    ({"a": {"b"}, "b": {"c"}, "c": set()}, None), ({"a": {"b"}, "b": {"a"}, "c": set()}, ["a", "b"])
])  # fmt: skip
def test_circles_are_found(graph, found):
    assert circle(graph) == found
