"""Kernels compiled ahead: numba's types and numba's bits; what is called is in the table; without them all works."""

import importlib.util
import operator
import os
import shutil
import subprocess
import sys

import kernel_examples
import numba
import numpy as np
import pytest
from numba.core.registry import cpu_target
from rawinlay.bitstream.ahead import build, signatures
from rawinlay.bitstream.ahead.program import Program
from rawinlay.bitstream.ahead.types import SCALARS, Unsupported, result, unified
from rawinlay.bitstream.runtime import jit

from tests.campaigns.kernel_types import missed

NUMBAS = dict(
    zip(
        SCALARS,
        [numba.boolean, *(getattr(numba, f"{kind}{bits}") for kind in ("uint", "int") for bits in (8, 16, 32, 64)),
         numba.float32, numba.float64], strict=True,
    )
)  # fmt: skip
OPERATORS = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "<<": operator.lshift, ">>": operator.rshift, "&": operator.and_, "|": operator.or_,
    "^": operator.xor,
}  # fmt: skip
needs_compiler = pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")


def test_types_are_numbas():
    context = cpu_target.typing_context
    context.refresh()
    for a in SCALARS:
        for b in SCALARS:
            both = context.unify_types(NUMBAS[a], NUMBAS[b])
            assert NUMBAS[unified(a, b)] == both, (a, b)
            for word, function in OPERATORS.items():
                if "f" in a + b and word in "<<>>&|^":
                    continue
                found = context.resolve_function_type(function, (NUMBAS[a], NUMBAS[b]), {}).return_type
                assert NUMBAS[result(word, a, b)] == found, (a, word, b)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """The functions of `kernel_examples` in C."""
    program = Program(lambda what: isinstance(what, jit.Kernel))
    for name, kinds in (
        ("whole_numbers", "i4.1 i4.1 i8.2"), ("real_numbers", "f4.1 f8.1 f8.2"), ("kinds_change", "i4.1 f8.1"),
        ("views", "i4.2 f8.1"), ("views", "i4.2s f8.1"),
    ):  # fmt: skip
        program.want(name, getattr(kernel_examples, name), kinds)
    folder = tmp_path_factory.mktemp("examples")
    compiler = build.new_compiler()
    objects = build.objects_of(compiler, folder, program.text({}), build.includes())
    compiler.link_shared_object(objects, str(folder / "_kernels.so"))
    spec = importlib.util.spec_from_file_location("_kernels", folder / "_kernels.so")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def inputs(name, strided=False):
    rng = np.random.default_rng(7)
    whole = np.array([0, 1, -1, 5, -7, 3, 2**31 - 1, -(2**31), -4, 1000], np.int32)
    real = np.array([0.0, -0.0, 1.5, -2.5, np.nan, np.inf, -np.inf, 1e-3, 0.3, -7.75])
    if name == "whole_numbers":
        a, b = (x.ravel().copy() for x in np.meshgrid(whole, whole))
        return a, b, np.zeros((13, len(a)), np.int64)
    if name == "real_numbers":
        a, b = (x.ravel().copy() for x in np.meshgrid(real.astype(np.float32), real))
        return a, b, np.zeros((12, len(a)))
    if name == "kinds_change":
        return rng.integers(-9, 7, 20).astype(np.int32), np.zeros(6)
    image = rng.integers(-1000, 1000, (7, 22)).astype(np.int32)
    return (image[:, ::2] if strided else image[:, :11].copy()), np.zeros(7)


@needs_compiler
@pytest.mark.parametrize("name", ["whole_numbers", "real_numbers", "kinds_change", "views", "views strided"])
def test_results_are_numbas(examples, name):
    name, _, strided = name.partition(" ")
    ours, theirs = inputs(name, strided), inputs(name, strided)
    found = examples.find(name)(*ours)
    wanted = getattr(kernel_examples, name).late(*theirs)
    for one, other in zip(ours, theirs, strict=True):
        assert one.tobytes() == other.tobytes(), np.argwhere(~((one == other) | (one != one)))
    for one, other in zip(found or (), wanted or (), strict=True):
        assert np.array_equal(one, other) and np.asarray(one).dtype == np.asarray(other).dtype


@needs_compiler
def test_arrays_are_looked_at_before_anything_runs(examples):
    """Another type, number of axes or step, or one that must not be written: no such kernel, nothing is written."""
    a, b, out = inputs("whole_numbers")
    run = examples.find("whole_numbers")
    frozen = out.copy()
    frozen.setflags(write=False)
    swapped = a.astype(">i4")
    for args in (
        (a, b), (a.astype(np.int64), b, out), (a, b, out.astype(np.uint64)), (a, b, frozen), (a, b, out[0]),
        (a[::2], b[::2], out), (swapped, b, out), (a, b, out, 1), (a, b, None), (a, b, bytes(8)), (a, b, [1, 2]),
        (a.view(np.uint8)[1:-3].view(np.int32), b, out), (2**70, b, out), ((a,), b, out),
    ):  # fmt: skip
        assert run(*args) is NotImplemented
    assert not out.any() and run(a, b, out) is None and out.any()
    assert examples.find("nothing") is None and examples.digest("nothing") is None


@pytest.mark.parametrize("body", ["return {}", "return a.tolist()", "return a[::-1]", "return a // 1.5",
                                  "return sum(a)",
                                  "return a[0] ** a[1]", "x = [a]"])  # fmt: skip
def test_what_is_not_translated_is_refused(body, tmp_path):
    path = tmp_path / "refused.py"
    path.write_text(f"from rawinlay.bitstream.runtime.jit import compiled\n\n@compiled\ndef one(a):\n    {body}\n")
    spec = importlib.util.spec_from_file_location("refused", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(Unsupported):
        Program(lambda what: isinstance(what, jit.Kernel)).want("one", module.one, "i8.1")


def test_every_line_of_the_table_is_translated():
    text, troubles = build.translated()
    assert troubles == [] and "ENTRIES" in text
    assert len(signatures.read()) == len(signatures.PATH.read_text().splitlines())


needs_kernels = pytest.mark.skipif(jit.table() is None, reason="no kernels were built ahead")


@needs_kernels
def test_the_kernels_are_those_of_the_sources():
    """A checkout's are built anew by `python -m rawinlay.bitstream.ahead.build`."""
    for name, _ in signatures.read():
        module, _, function = name.partition(":")
        kernel = getattr(importlib.import_module(f"rawinlay.{module}"), function)
        assert jit._ahead(kernel) is not None, name


@needs_kernels
def test_all_that_a_photograph_asks_for_is_there():
    """In layers to the last value, with loss, and developed."""
    from rawinlay import develop
    from rawinlay.codec.api import decode, encode_arrays
    from shots import shot

    found = missed()
    try:
        raw, jpeg = shot().raw, shot().jpeg
        decode(encode_arrays(raw, jpeg, lossless=True, trimmable=True).jpeg).dng()
        coded = encode_arrays(raw, jpeg, bpp=1).jpeg
        decode(coded).dng()
        develop(coded, exposure=0.5, shadows=20)
    finally:
        jit.MISSED.clear()
    assert not found


def test_numba_where_it_is_asked_for():
    """In a process of its own: the table isn't looked at, and nothing else is said."""
    code = "from rawinlay.bitstream.runtime import jit; print(jit.table(), 'numba' in __import__('sys').modules)"
    for more, wanted in (({"RAWINLAY_KERNELS": "numba"}, True), ({"NUMBA_BOUNDSCHECK": "1"}, True), ({}, False)):
        environment = {n: v for n, v in os.environ.items() if n not in ("RAWINLAY_KERNELS", *jit._SWITCHES)} | more
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        none, imported = done.stdout.split()[-2:]
        assert imported == "False" and (none == "None" or not wanted)
