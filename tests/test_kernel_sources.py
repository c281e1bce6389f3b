"""That the digest of compiled code takes every file that a kernel is made of: kernels and imports are looked for."""

import ast
import functools
from pathlib import Path

import pytest

from bitstream.jit import SOURCES

ROOT = Path(__file__).parents[1]
LAYERS = ("bitstream", "entropy", "codec", "eval", "benchmarks")
NOTHING_COMPILED = {
    "bitstream/errors.py", "bitstream/profile.py", "bitstream/compiling.py", "bitstream/kernel_files.py",
}  # fmt: skip
"""What files with kernels import for their other functions alone: errors, timing, the keeping of compiled code."""


def name(path):
    return path.relative_to(ROOT).as_posix()


def file_of(module):
    """The product's file of a dotted module name; None for others' and for names within a module."""
    base = ROOT.joinpath(*module.split("."))
    found = [p for p in (base.with_suffix(".py"), base / "__init__.py") if p.exists()]
    return found[0] if found and module.partition(".")[0] in LAYERS else None


def imports(tree):
    """(file of the product, name that it is known by here), wherever in a file they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield file_of(alias.name), alias.asname or alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = file_of(f"{node.module}.{alias.name}")
                yield inner or file_of(node.module), alias.asname or alias.name


def compiles(node):
    """Whether a name stands for the compiling: `compiled`, bare, called, or of a module; numba's own likewise."""
    node = node.func if isinstance(node, ast.Call) else node
    last = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return last in {"compiled", "njit", "jit", "vectorize", "guvectorize"}


def kernels(tree):
    """Functions that are compiled, by a decorator; and calls that compile one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any(compiles(decorator) for decorator in node.decorator_list):
            yield node
        elif isinstance(node, ast.Call) and compiles(node.func):
            yield node


@functools.cache
def parsed(path):
    return ast.parse(path.read_text())


COVERED = {name(path) for pattern in SOURCES for path in ROOT.glob(pattern)}
PRODUCT = [path for layer in LAYERS for path in (ROOT / layer).rglob("*.py")]
MAYBE = [path for path in PRODUCT if any(word in path.read_text() for word in ("compiled", "jit", "vectorize"))]
WITH_KERNELS = sorted((path for path in MAYBE if any(kernels(parsed(path)))), key=name)


def test_kernels_are_found():
    assert {"entropy/ans.py", "bitstream/ljpeg_kernels.py", "codec/kernels/trellis.py"} < set(map(name, WITH_KERNELS))


@pytest.mark.parametrize("path", WITH_KERNELS, ids=name)
def test_what_kernels_are_made_of_is_in_the_digest(path):
    todo, seen = [path], set()
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        assert name(here) in COVERED, f"{name(here)} is not in SOURCES of bitstream/jit.py"
        found = list(imports(parsed(here)))
        exempt = {known for there, known in found if there and name(there) in NOTHING_COMPILED}
        for kernel in kernels(parsed(here)) if name(here) != "bitstream/jit.py" else ():
            used = {node.id for node in ast.walk(kernel) if isinstance(node, ast.Name)}
            assert not used & exempt, f"a kernel of {name(here)} takes {used & exempt} from an exempt file"
        todo += [there for there, _ in found if there and name(there) not in NOTHING_COMPILED]
