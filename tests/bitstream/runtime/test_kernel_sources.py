"""That the digest of compiled code takes every file that a kernel is made of: kernels and imports are looked for."""

import ast
import functools
from pathlib import Path

import pytest
from rawinlay.bitstream.runtime.kernel_sources import SOURCES, sources_of

ROOT = Path(__file__).parents[3]
LAYERS = ("bitstream", "entropy", "codec", "eval", "benchmarks")
NOTHING_COMPILED = {
    "bitstream/errors.py", "bitstream/runtime/registry.py", "bitstream/runtime/profile.py",
    "bitstream/runtime/compiling.py", "bitstream/runtime/kernel_files.py", "bitstream/runtime/kernel_sources.py",
}  # fmt: skip
"""What files with kernels import for their other functions alone: errors, timing, the keeping of compiled code."""


def name(path):
    return path.relative_to(ROOT).as_posix()


def file_of(base):
    """The file of a module, given its path without a suffix; None for names within a module."""
    found = [p for p in (base.with_suffix(".py"), base / "__init__.py") if p.exists()]
    return found[0] if found else None


def imports(path):
    """(file of the product, name that it is known by here), wherever in a file they stand; all are relative."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = path.parents[node.level - 1].joinpath(*(node.module or "").split("."))
            for alias in node.names:
                yield file_of(base / alias.name) or file_of(base), alias.asname or alias.name


def compiles(node):
    """Whether a name stands for the compiling: `compiled`, bare, called, or of a module; numba's own likewise."""
    node = node.func if isinstance(node, ast.Call) else node
    last = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return last in {"compiled", "inlined", "njit", "jit", "vectorize", "guvectorize"}


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
WORDS = "compiled", "inlined", "jit", "vectorize"
MAYBE = [path for path in PRODUCT if any(word in path.read_text() for word in WORDS)]
WITH_KERNELS = sorted((path for path in MAYBE if any(kernels(parsed(path)))), key=name)


def test_kernels_are_found():
    some = {"entropy/ans.py", "bitstream/dng/ljpeg_kernels.py", "codec/encoder/search/trellis_kernels.py"}
    assert some < set(map(name, WITH_KERNELS))


@pytest.mark.parametrize("path", WITH_KERNELS, ids=name)
def test_what_kernels_are_made_of_is_in_the_digest(path):
    todo, seen = [path], set()
    while todo:
        here = todo.pop()
        if here in seen or name(here) == "bitstream/runtime/jit.py":  # chooses between compilers, and compiles nothing
            continue
        seen.add(here)
        assert name(here) in COVERED, f"{name(here)} is not in SOURCES of bitstream/runtime/kernel_sources.py"
        found = list(imports(here))
        exempt = {known for there, known in found if there and name(there) in NOTHING_COMPILED}
        for kernel in kernels(parsed(here)):
            used = {node.id for node in ast.walk(kernel) if isinstance(node, ast.Name)}
            assert not used & exempt, f"a kernel of {name(here)} takes {used & exempt} from an exempt file"
        todo += [there for there, _ in found if there and name(there) not in NOTHING_COMPILED]


@pytest.mark.parametrize("path", WITH_KERNELS, ids=name)
def test_the_digest_of_a_kernel_is_of_all_that_its_file_imports(path):
    """Found by reading lines, as is quick enough for every start; here by parsing."""
    todo, seen = [path], set()
    while todo:
        here = todo.pop()
        if name(here) in COVERED and here not in seen:
            seen.add(here)
            todo += [there for there, _ in imports(here) if there]
    assert sources_of(path) == seen


def test_a_kernel_is_not_made_of_every_source():
    assert ROOT / "entropy" / "tables.py" not in sources_of(ROOT / "codec" / "isp" / "demosaic_kernels.py")
