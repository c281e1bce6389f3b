"""Calls in kernels: Python's and NumPy's functions, methods of arrays, other kernels; arithmetic of whole arrays."""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from .types import C_TYPES, Array, Tuple, Type, Unsupported, number, result, unified
from .values import DTYPES, Named, Value, c_type, cast

ON_STACK = 4096
"""Bytes of an array of constant size that a loop makes anew in the same place."""

MATHS = {np.floor: "floor", np.ceil: "ceil", np.rint: "rint", np.sqrt: "sqrt", np.log2: "log2", math.sqrt: "sqrt"}


def size(value: Value) -> Value:
    """How many elements an array has."""
    assert isinstance(value.type, Array)
    counts = [f"{value.code}.n[{i}]" for i in range(value.type.ndim)]
    return Value(counts[0] if len(counts) == 1 else f"({' * '.join(counts)})", "i8", positive=True)


def kernel(own: Any, what: Any, values: list[Value]) -> Value:
    """A call of another compiled function."""
    values = [materialised(own, value) for value in values]
    other = own.program.instance(what, tuple(value.type for value in values))
    for i, value in enumerate(values):
        if i in other.written:
            own.written |= value.origins
        if i in other.contiguous:
            own.contiguous |= value.origins
    origins = frozenset().union(*(values[i].origins for i in other.returned if i < len(values)), frozenset())
    own.allocates |= other.gives_memory
    code = f"{other.name}({', '.join(['arena', *(value.code for value in values)])})"
    return Value(code, other.type, origins)


def builtin(own: Any, what: Any, args: list[Value | Named]) -> Value:
    """A call of one of Python's or NumPy's functions."""
    if what in (np.empty, np.zeros):
        dtype = DTYPES[args[1].what] if len(args) > 1 else "f8"  # type: ignore[union-attr]
        shape = args[0]
        assert isinstance(shape, Value)
        return array(own, list(shape.parts) if shape.parts is not None else [shape], dtype, what is np.zeros)
    if what in (np.arange, np.ones) and isinstance(args[0], Value) and args[0].type == "i8":
        dtype = "i8" if what is np.arange else DTYPES[args[1].what] if len(args) > 1 else "f8"  # type: ignore[union-attr]
        if what is np.ones or len(args) == 1:
            return filled(own, args[0], dtype, what is np.arange)
    values = [arg for arg in args if isinstance(arg, Value)]
    if len(values) != len(args):
        raise Unsupported(f"{what}")
    first = values[0]
    if what is builtins.len:
        if isinstance(first.type, Tuple):
            return Value(str(len(first.type.of)), "i8", fixed=len(first.type.of), positive=True)
        return Value(f"{own.named(first).code}.n[0]", "i8", positive=True)
    if what in (builtins.min, builtins.max):
        return least(what.__name__, values)
    if what is builtins.abs:
        return absolute(first)
    if what is builtins.int:
        return first if first.type[0] in "iu" else cast(first, "i8")  # type: ignore[index]
    if what is builtins.float:
        return first if first.type[0] == "f" else cast(first, "f8")  # type: ignore[index]
    if what is np.any:
        return method(own, first, "any", [])
    if what is np.copysign and "f8" in (first.type, values[1].type):
        return Value(f"copysign({cast(first, 'f8').code}, {cast(values[1], 'f8').code})", "f8")
    if what in MATHS and number(first.type):
        name, kind = MATHS[what], first.type
        assert isinstance(kind, str)
        if kind[0] != "f":
            if name in ("floor", "ceil"):
                return first
            kind = "f4" if kind in ("b1", "u1", "i1", "u2", "i2") and what is not math.sqrt else "f8"
        positive = first.positive or name == "sqrt"
        return Value(f"{name}{'f' if kind == 'f4' else ''}({cast(first, kind).code})", kind, positive=positive)
    raise Unsupported(f"{getattr(what, '__name__', what)} of {', '.join(str(value.type) for value in values)}")


def least(name: str, values: list[Value]) -> Value:
    """min or max of numbers: the first of those that are equal."""
    out = values[0]
    for value in values[1:]:
        kind = unified(out.type, value.type)
        if not number(kind or "none"):
            raise Unsupported(f"{name} of {out.type} and {value.type}")
        one_is = out.positive or value.positive
        both_are = out.positive and value.positive
        code = f"{name}_{kind}({cast(out, kind).code}, {cast(value, kind).code})"  # type: ignore[arg-type]
        out = Value(code, kind, positive=one_is if name == "max" else both_are)  # type: ignore[arg-type]
    return out


def absolute(value: Value) -> Value:
    """abs of a number."""
    kind = value.type
    if kind in ("f4", "f8"):
        return Value(f"fabs{'f' if kind == 'f4' else ''}({value.code})", kind, positive=True)
    if kind in ("i2", "i4", "i8"):
        return Value(f"abs_{kind}({value.code})", kind)
    raise Unsupported(f"abs of {kind}")


def array(own: Any, shape: list[Value], dtype: str, zero: bool) -> Value:
    """A new array. In loops those of a small constant size lie in the function's own memory."""
    shape = [own.named(part) if part.fixed is None else part for part in (cast(part, "i8") for part in shape)]
    kind = Array(dtype, len(shape))
    counts = [part.code for part in shape]
    steps = [" * ".join(counts[i + 1 :]) or "1" for i in range(len(counts))]
    many = " * ".join(counts)
    fixed = [part.fixed for part in shape]
    if own.depth and all(isinstance(n, int) for n in fixed):
        whole = int(np.prod(fixed))  # type: ignore[arg-type]
        if 0 < whole * int(dtype[1]) <= ON_STACK:
            place = own.fresh("room")
            own.declare(f"{C_TYPES[dtype]} {place}[{whole}]")
            memory = f"memset({place}, 0, sizeof {place})" if zero else place
            code = f"(({c_type(kind)}){{{memory}, {{{', '.join(counts)}}}, {{{', '.join(steps)}}}}})"
            return Value(code, kind)
    own.allocates = True
    if own.depth:
        own.program.notes.append(f"{own.name}: memory of a varying size in a loop")
    memory = f"claim(arena, {many}, sizeof({C_TYPES[dtype]}), {str(zero).lower()})"
    return Value(f"(({c_type(kind)}){{{memory}, {{{', '.join(counts)}}}, {{{', '.join(steps)}}}}})", kind)


def filled(own: Any, count: Value, dtype: str, counted: bool) -> Value:
    """A new array of 0, 1, 2 .. or of ones."""
    out = own.held(array(own, [count], dtype, False))
    heads, (at,) = loops(own, out)
    own.emit(f"{heads[0]} {out.code}.at[{at}] = {at if counted else '1'};")
    return out


def element(value: Value, index: list[str]) -> Value:
    """What stands at an index of an array, or of what is computed of arrays; a number is the same everywhere."""
    if not isinstance(value.type, Array):
        return value
    if value.element:
        return value.element(index)
    steps = [f"{value.code}.s[{i}]" for i in range(value.type.ndim)]
    if value.type.unit:
        steps[-1] = ""
    places = (f"{i} * {s}" if s else i for i, s in zip(index, steps, strict=True))
    return Value(f"{value.code}.at[{' + '.join(places)}]", value.type.dtype)


def elementwise(own: Any, op: str, values: list[Value]) -> Value:
    """Arithmetic of whole arrays of one shape, and of numbers: whole numbers in i8, else f8, or all in f4."""
    values = [value if value.element or value.fixed is not None else own.named(value) for value in values]
    arrays = [value for value in values if isinstance(value.type, Array)]
    shape = arrays[0]
    assert isinstance(shape.type, Array)
    ndim = shape.type.ndim
    dtypes = {value.type.dtype if isinstance(value.type, Array) else value.type for value in values}
    if any(one.type.ndim != ndim for one in arrays):  # type: ignore[union-attr]
        raise Unsupported(f"arrays of different shapes: {op}")
    compares = op in ("<", "<=", ">", ">=", "==", "!=")
    if not compares and not (dtypes <= {"i8", "f8"} or dtypes == {"f4"}):
        raise Unsupported(f"arrays of {dtypes}: {op}")

    def at(index: list[str]) -> Value:
        parts = [element(value, index) for value in values]
        if op == "neg":
            return Value(f"(-{parts[0].code})", parts[0].type)
        if compares:
            return Value(own.compared(op, *parts), "b1")
        return own.operate(op, *parts)

    dtype = at(["0"] * ndim).type
    assert isinstance(dtype, str)
    return Value(shape.code, Array(dtype, ndim), element=at)


def loops(own: Any, shape: Value) -> tuple[list[str], list[str]]:
    """Heads of loops over all of an array, and their counters' names."""
    assert isinstance(shape.type, Array)
    names = [own.fresh("e") for _ in range(shape.type.ndim)]
    heads = [f"for (int64_t {n} = 0; {n} < {shape.code}.n[{i}]; {n}++)" for i, n in enumerate(names)]
    return heads, names


def materialised(own: Any, value: Value, anew: bool = False, dtype: str = "") -> Value:
    """What was computed of arrays as an array; `anew`: a copy of an array."""
    if not value.element and not anew:
        return value
    if not value.element:
        value = own.named(value)
    assert isinstance(value.type, Array)
    counts = [Value(f"{value.code}.n[{i}]", "i8", positive=True) for i in range(value.type.ndim)]
    dtype = dtype or value.type.dtype
    out = own.held(array(own, counts, dtype, False))
    heads, names = loops(own, value)
    own.emit(" ".join(heads) + f" {element(out, names).code} = {cast(element(value, names), dtype).code};")
    return out


def method(own: Any, value: Value, name: str, args: list[Value | Named]) -> Value:
    """A method of an array."""
    if not isinstance(value.type, Array):
        raise Unsupported(f"{value.type}.{name}")
    kind = value.type
    value = value if value.element else own.named(value)
    if name == "copy" and not args:
        return materialised(own, value, True)
    if name == "astype":
        return materialised(own, value, True, DTYPES[args[0].what])  # type: ignore[union-attr]
    if name == "view":
        dtype = DTYPES[args[0].what]  # type: ignore[union-attr]
        if dtype[1] == kind.dtype[1]:
            other: Type = Array(dtype, kind.ndim, kind.unit)
            counts, steps = (", ".join(f"{value.code}.{x}[{i}]" for i in range(kind.ndim)) for x in "ns")
            code = f"(({c_type(other)}){{({C_TYPES[dtype]} *){value.code}.at, {{{counts}}}, {{{steps}}}}})"
            return Value(code, other, value.origins)
    if name == "reshape" and len(args) == 1 and getattr(args[0], "fixed", None) == -1:
        own.contiguous |= value.origins
        flat = Array(kind.dtype, 1)
        return Value(f"(({c_type(flat)}){{{value.code}.at, {{{size(value).code}}}, {{1}}}})", flat, value.origins)
    if name in ("any", "min", "max") and not args:
        heads, names = loops(own, value)
        one = element(value, names)
        if name == "any":
            code = f"({{ bool r_ = false; {' '.join(heads)} r_ |= {own.truth(one)}; r_; }})"
            return Value(code, "b1", positive=True)
        first = element(value, ["0"] * kind.ndim)
        turn = f"r_ = {name}_{kind.dtype}(r_, {one.code});"
        return Value(f"({{ {C_TYPES[kind.dtype]} r_ = {first.code}; {' '.join(heads)} {turn} r_; }})", kind.dtype)
    raise Unsupported(f"{kind}.{name}")


__all__ = ["array", "builtin", "element", "elementwise", "kernel", "loops", "materialised", "method", "result", "size"]
