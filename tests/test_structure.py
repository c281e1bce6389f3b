"""Imports run one way: between the top-level layers, between the folders and single modules of the codec, from the
encoder to the decoder, and without a circle of files. What only a type checker reads counts too."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("bitstream", "entropy", "codec", "eval", "benchmarks")
FOLDERS = ("format", "kernels", "learned", "trunk", "gpu")
"""Of the codec, each importing from those before it only."""


def imported(tree):
    """Dotted names that a module imports, in functions and for type checkers too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports are not looked at"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from imported(node)


def edges(part_of):
    """Parts of the repository with the parts that each imports from; part_of: of a module's dotted name, or None."""
    found: dict[str | None, set[str]] = {}
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*.py"):
            here = part_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
            there = {part_of(name) for name in imported(ast.parse(path.read_text()))}
            found.setdefault(here, set()).update(there - {here, None})
    return found


def layer_of(name):
    layer = name.partition(".")[0]
    return layer if layer in LAYERS else None


def file_of(name):
    """The repository's module that a dotted name is of, or None."""
    parts = name.split(".")
    if parts[0] not in LAYERS:
        return None
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    for count in range(len(parts), 0, -1):
        path = ROOT.joinpath(*parts[:count])
        if path.with_suffix(".py").exists() or (path / "__init__.py").exists():
            return ".".join(parts[:count])
    raise AssertionError(f"there is no {name}")


def codec_part_of(name):
    """codec.FOLDER or codec.MODULE; the package itself, which others import from, is the interface."""
    parts = name.split(".")
    if parts[0] != "codec" or len(parts) == 1:
        return None
    inside = ROOT / "codec" / parts[1]
    return parts[1] if inside.is_dir() or inside.with_suffix(".py").exists() else "__init__"


def circle(graph):
    """Some parts that import from one another, or None."""
    left = dict(graph)
    while left:
        free = [part for part, others in left.items() if not others & left.keys()]
        if not free:
            return sorted(left)
        for part in free:
            del left[part]
    return None


def test_layers():
    for layer, others in edges(layer_of).items():
        assert others <= set(LAYERS[: LAYERS.index(layer)]), layer


def test_folders_of_the_codec():
    graph = edges(codec_part_of)
    assert circle(graph) is None
    for folder in FOLDERS:
        others = graph[folder] & set(FOLDERS)
        assert others <= set(FOLDERS[: FOLDERS.index(folder)]), folder


def test_no_circle_of_files():
    assert circle(edges(file_of)) is None


def reached(graph, starts):
    """All that some parts import from, over however many others, and they themselves."""
    found, left = set(), list(starts)
    while left:
        part = left.pop()
        if part not in found:
            found.add(part)
            left += graph[part]
    return found


DECODER = (
    "codec.stream", "codec.trunk.cpu", "codec.trunk.layered", "codec.gpu.stream", "codec.learned.guide_net",
    "codec.crop", "codec.inspection", "codec.trimming",
)  # fmt: skip
"""Where decoding begins."""

ENCODER = {
    *(f"codec.trunk.{name}" for name in (
        "coded", "cpu_encoder", "effort", "fit_layers", "fit_local", "fit_recipe", "fit_stages", "fit_views", "fits",
        "layered_encoder", "local_encode", "samples", "saturation", "search", "survey", "train_tables",
    )),
    *(f"codec.kernels.{name}" for name in (
        "align", "fit", "fit_layers", "logs", "samples", "survey", "targets", "trellis", "windows",
    )),
    *(f"codec.{name}" for name in ("encoding", "layering", "rate", "recipe_choice", "sizing", "stream_writer")),
    "entropy.ans_encode", "entropy.cuts_encode",
}  # fmt: skip
"""What only encoding needs: search, fits, samples, the coders' writing halves."""


def test_the_decoder_is_free_of_the_encoder():
    graph = edges(file_of)
    found = reached(graph, DECODER)
    assert not found & ENCODER and graph.keys() > ENCODER
    shared = {file_of(f"{folder.replace('/', '.')}.{path.stem}")
              for folder in ("entropy", "codec/format", "codec/kernels", "codec/trunk", "codec/gpu", "codec/learned")
              for path in (ROOT / folder).glob("*.py")}  # fmt: skip
    parts = {"entropy", "codec.format", "codec.kernels", "codec.trunk", "codec.gpu", "codec.learned"}
    assert shared - found - parts <= ENCODER, "of the encoder, or not used at all"


def test_loading_the_decoder_loads_nothing_of_the_encoder():
    """In a fresh process: what is imported while others are imported, by whatever way."""
    code = f"import sys, {', '.join(DECODER)}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not set(done.stdout.split()) & {*ENCODER, "constriction"}


def test_torch_is_where_it_should_be():
    """Nothing that a CPU needs imports torch when it is imported, but for the learned features."""
    for folder in ("format", "kernels", "trunk"):
        for path in (ROOT / "codec" / folder).glob("*.py"):
            tree = ast.parse(path.read_text())
            top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
            assert not any("torch" in ast.dump(node) for node in top), path


@pytest.mark.parametrize("graph, found", [
    ({"a": {"b"}, "b": {"c"}, "c": set()}, None), ({"a": {"b"}, "b": {"a"}, "c": set()}, ["a", "b"])
])  # fmt: skip
def test_circles_are_found(graph, found):
    assert circle(graph) == found
