"""What an expression of a kernel is in C: its text and type, what is known of it, and constants."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .types import C_TYPES, Array, Tuple, Type, Unsupported, number

KEYWORDS = frozenset(
    "auto bool break case char const continue default do double else enum extern false float for goto if inline int "
    "long register restrict return short signed sizeof static struct switch true typedef union unsigned void volatile "
    "while arena mark abs min max cut span ix".split()
)
DTYPES = {
    np.bool_: "b1", np.uint8: "u1", np.uint16: "u2", np.uint32: "u4", np.uint64: "u8", np.int8: "i1", np.int16: "i2",
    np.int32: "i4", np.int64: "i8", np.float32: "f4", np.float64: "f8",
}  # fmt: skip


@dataclass(frozen=True)
class Value:
    """An expression. origins: which of the function's arrays it may be a view of; fixed: of a constant number;
    positive: whether it is known not to be negative; parts: of a tuple that was written out."""

    code: str
    type: Type
    origins: frozenset[int] = frozenset()
    fixed: int | float | None = None
    positive: bool = False
    parts: tuple[Value, ...] | None = None
    element: Callable[[list[str]], Value] | None = None
    """Of what is computed array by array: the number at an index. Its text is then a name of the same shape."""

    @property
    def simple(self) -> bool:
        """Whether its text may be written more than once: a name."""
        return self.code.isidentifier()


@dataclass(frozen=True)
class Named:
    """Something of Python's that is no value in C: a function, a module, a type, or a method of a value."""

    what: Any
    of: Value | None = field(default=None)


def c_type(kind: Type) -> str:
    """The name of a type in C; of tuples their struct's, which `Program` declares."""
    if isinstance(kind, Array):
        return f"A{kind.ndim}_{kind.dtype}"
    if isinstance(kind, Tuple):
        return "T_" + "_".join(c_type(one).replace("T_", "T") for one in kind.of)
    return "void" if kind == "none" else C_TYPES[kind]


def literal(value: Any) -> Value:
    """A constant number: Python's own, or NumPy's with its type."""
    if isinstance(value, (bool, np.bool_)):
        return Value("true" if value else "false", "b1", fixed=int(value), positive=True)
    kind = DTYPES.get(type(value))
    if isinstance(value, (int, np.integer)):
        whole = int(value)
        kind = kind or ("i8" if -(2**63) <= whole < 2**63 else "u8")
        if not -(2**63) <= whole < 2**64:
            raise Unsupported(f"{whole}")
        text = f"{whole}u" if kind[0] == "u" and whole >= 2**63 else "INT64_MIN" if whole == -(2**63) else f"{whole}"
        python = None if isinstance(value, np.generic) else whole
        code = text if kind == "i8" or whole < 0 else f"({C_TYPES[kind]}){text}"
        return Value(f"({code})" if whole < 0 else code, kind, fixed=python, positive=whole >= 0)
    if isinstance(value, (float, np.floating)):
        real = float(value)
        kind = kind if kind == "f4" else "f8"
        text = repr(real) if math.isfinite(real) else "INFINITY" if real > 0 else "-INFINITY" if real < 0 else "NAN"
        code = text + ("f" if kind == "f4" and math.isfinite(real) else "")
        fixed = None if isinstance(value, np.float32) else real
        return Value(f"({code})" if real < 0 else code, kind, fixed=fixed, positive=real >= 0)
    raise Unsupported(f"a constant {type(value).__name__}")


def cast(value: Value, kind: Type) -> Value:
    """A number as another type."""
    if value.type == kind:
        return value
    if not (number(value.type) and number(kind)):
        if isinstance(value.type, Array) and isinstance(kind, Array) and value.type.dtype == kind.dtype:
            return Value(value.code, kind, value.origins)
        raise Unsupported(f"{value.type} as {kind}")
    if value.fixed is not None and kind == "f8":
        real = literal(float(value.fixed))
        return Value(real.code, "f8", fixed=real.fixed, positive=real.positive)
    if kind == "b1":
        return Value(f"({value.code} != 0)", "b1", positive=True)
    assert isinstance(kind, str)
    wide = isinstance(value.type, str) and value.positive and kind in ("i8", "f8", "f4")
    return Value(f"({C_TYPES[kind]}){value.code}", kind, positive=wide or kind[0] == "u")
