"""Types of compiled functions' values, and what operations make of them: numba's rules, as a table of letters.

A number is b1, u1 .. u8, i1 .. i8, f4 or f8, by kind and bytes; arrays and tuples are made of those. numba computes in
64 bits: of whole numbers the sum is u8 where neither is signed, else i8, whatever their widths; a boolean counts as
signed. Only f4 with f4, or with what has no more than 16 bits, stays f4. `tests/bitstream/test_ahead_types.py` asks
numba about every pair.
"""

from __future__ import annotations

from dataclasses import dataclass

SCALARS = ("b1", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8")
C_TYPES = {
    "b1": "bool", "u1": "uint8_t", "u2": "uint16_t", "u4": "uint32_t", "u8": "uint64_t", "i1": "int8_t",
    "i2": "int16_t", "i4": "int32_t", "i8": "int64_t", "f4": "float", "f8": "double",
}  # fmt: skip

_UNIFIED = """
b1 u1 u2 u4 u8 i1 i2 i4 i8 f4 f8
u1 u1 u2 u4 u8 i2 i2 i4 i8 f4 f8
u2 u2 u2 u4 u8 i4 i4 i4 i8 f4 f8
u4 u4 u4 u4 u8 i8 i8 i8 i8 f8 f8
u8 u8 u8 u8 u8 f8 f8 f8 f8 f8 f8
i1 i2 i4 i8 f8 i1 i2 i4 i8 f4 f8
i2 i2 i4 i8 f8 i2 i2 i4 i8 f4 f8
i4 i4 i4 i8 f8 i4 i4 i4 i8 f8 f8
i8 i8 i8 i8 f8 i8 i8 i8 i8 f8 f8
f4 f4 f4 f8 f8 f4 f4 f8 f8 f4 f8
f8 f8 f8 f8 f8 f8 f8 f8 f8 f8 f8
"""
_ROWS = {
    one: dict(zip(SCALARS, row.split(), strict=True))
    for one, row in zip(SCALARS, _UNIFIED.strip().split("\n"), strict=True)
}


class Unsupported(Exception):
    """What a kernel does that isn't translated."""


@dataclass(frozen=True)
class Array:
    """An array of numbers. unit: whether its last axis has neighbours one apart."""

    dtype: str
    ndim: int
    unit: bool = True

    def __str__(self) -> str:
        return f"{self.dtype}.{self.ndim}{'' if self.unit else 's'}"


@dataclass(frozen=True)
class Tuple:
    """A tuple of values."""

    of: tuple[Type, ...]

    def __str__(self) -> str:
        return f"( {' '.join(map(str, self.of))} )"


Type = str | Array | Tuple
"""A number's letters, "none", an array or a tuple."""


def parse(text: str) -> tuple[Type, ...]:
    """Types of a signature's words: `str` of each of them, with spaces between."""
    stack: list[list[Type]] = [[]]
    for word in text.split():
        if word == "(":
            stack.append([])
        elif word == ")":
            done = Tuple(tuple(stack.pop()))
            stack[-1].append(done)
        elif "." in word:
            dtype, _, rest = word.partition(".")
            stack[-1].append(Array(dtype, int(rest.rstrip("s")), not rest.endswith("s")))
        else:
            stack[-1].append(word)
    (types,) = stack
    return tuple(types)


def number(kind: Type) -> bool:
    """Whether values of a type are numbers."""
    return kind in SCALARS


def unified(a: Type, b: Type) -> Type | None:
    """The type of what is either a or b, as a variable is behind a branch; None where there is none."""
    if a == b:
        return a
    if isinstance(a, str) and isinstance(b, str):
        return _ROWS.get(a, {}).get(b)
    if isinstance(a, Array) and isinstance(b, Array) and (a.dtype, a.ndim) == (b.dtype, b.ndim):
        return Array(a.dtype, a.ndim, False)
    if isinstance(a, Tuple) and isinstance(b, Tuple) and len(a.of) == len(b.of):
        parts = [unified(x, y) for x, y in zip(a.of, b.of, strict=True)]
        return None if None in parts else Tuple(tuple(parts))  # type: ignore[arg-type]
    return None


def result(op: str, a: Type, b: Type) -> str:
    """The type of a number by Python's operator: + - * / // % ** << >> & | ^."""
    if not (isinstance(a, str) and isinstance(b, str) and number(a) and number(b)):
        raise Unsupported(f"{a} {op} {b}")
    floats = "f" in (a[0], b[0])
    if op in ("<<", ">>", "&", "|", "^"):
        if floats:
            raise Unsupported(f"{a} {op} {b}")
        if op in ("<<", ">>"):
            return "u8" if a[0] == "u" else "i8"
        if a == b == "b1":
            return "b1"
    if floats:
        narrow = ("f4", "b1", "u1", "i1", "i2")
        return "f4" if a in narrow and b in narrow else "f8"
    if op == "/":
        return "f8"
    return "u8" if a[0] == b[0] == "u" else "i8"
