"""Imports run one way: between the top-level layers, and between the folders and single modules of the codec."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("bitstream", "entropy", "codec", "eval", "benchmarks")
FOLDERS = ("format", "kernels", "learned", "trunk", "gpu")
"""Of the codec, each importing from those before it only."""


def imported(tree):
    """Dotted names that a module imports, in functions too; not what only a type checker reads."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
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
