"""All kernels that are wanted, for the types that they are called with, as one text in C.

::

    signatures.txt: kernel, types of arguments --Function, and of each that it calls--> functions in C
    each line's kernel --an entry: how words become arguments, and results words--> the table that `module.c` looks into
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .statements import Function
from .types import SCALARS, Array, Tuple, Type, Unsupported, number, parse
from .values import DTYPES, Value, c_type, literal

LETTERS = {kind: i + 1 for i, kind in enumerate(SCALARS)}
OPEN, CLOSE = 0xF0, 0xF1
UNIT, WRITTEN, CONTIGUOUS = 1, 2, 4
FIELD = {"f4": "f", "f8": "d"}


class Program:
    """Functions in the order in which C wants them, with what they share."""

    def __init__(self, is_kernel: Any) -> None:
        self._is_kernel = is_kernel
        self.functions: list[Function] = []
        self.notes: list[str] = []
        self._instances: dict[tuple[Any, tuple[Type, ...]], Function] = {}
        self._names: dict[str, int] = {}
        self._structs: dict[str, str] = {}
        self._constants: dict[int, tuple[Any, Value]] = {}
        self._data: list[str] = []
        self._entries: list[str] = []
        self._table: list[str] = []

    def is_kernel(self, what: Any) -> bool:
        return self._is_kernel(what)

    def instance(self, kernel: Any, kinds: tuple[Type, ...]) -> Function:
        """A kernel for types of arguments."""
        function = kernel.function
        key = function, kinds
        if key not in self._instances:
            parts = function.__module__.split(".")
            file = parts[-1].replace("_kernels", "").replace("kernels", "")
            stem = "_".join(filter(None, [*parts[-2:-1], file, function.__name__.strip("_")]))
            self._names[stem] = self._names.get(stem, 0) + 1
            count = self._names[stem]
            done = Function(self, function, stem if count == 1 else f"{stem}_{count}", kinds)
            self._instances[key] = done
            self.functions.append(done)
        return self._instances[key]

    def declare(self, kind: Type) -> None:
        """Make a tuple's struct known."""
        if isinstance(kind, Tuple) and c_type(kind) not in self._structs:
            for part in kind.of:
                self.declare(part)
            fields = " ".join(f"{c_type(part)} f{i};" for i, part in enumerate(kind.of))
            self._structs[c_type(kind)] = f"typedef struct {{ {fields} }} {c_type(kind)};"

    def constant(self, found: Any, name: str) -> Value:
        """An array or a tuple that belongs to a kernel's module."""
        if isinstance(found, tuple):
            parts = [self.constant(p, name) if isinstance(p, (tuple, np.ndarray)) else literal(p) for p in found]
            whole = Tuple(tuple(part.type for part in parts))
            self.declare(whole)
            return Value(f"(({c_type(whole)}){{{', '.join(p.code for p in parts)}}})", whole, parts=tuple(parts))
        if id(found) not in self._constants:
            dtype = DTYPES.get(found.dtype.type)
            if not dtype or not found.flags.c_contiguous:
                raise Unsupported(f"{name}: an array of {found.dtype}")
            kind = Array(dtype, found.ndim)
            plain = f"{name.strip('_')}_{len(self._constants)}"
            steps = [int(np.prod(found.shape[i + 1 :])) for i in range(found.ndim)]
            values = ", ".join(literal(v).code for v in found.reshape(-1))
            self._data.append(f"static const {c_type(dtype)} {plain}_data[] = {{{values}}};")
            shape = f"{{{', '.join(map(str, found.shape))}}}, {{{', '.join(map(str, steps))}}}"
            self._data.append(f"static const {c_type(kind)} {plain} = {{({c_type(dtype)} *){plain}_data, {shape}}};")
            self._constants[id(found)] = found, Value(plain, kind)
        return self._constants[id(found)][1]

    def want(self, title: str, kernel: Any, signature: str) -> None:
        """Make an entry for a kernel called with the types of a signature."""
        kinds = parse(signature)
        function = self.instance(kernel, kinds)
        reader = _Words("in")
        args = ", ".join(["arena", *(reader.read(kind) for kind in kinds)])
        number_of = len(self._entries)
        lines = [f"static void entry_{number_of}(Arena *arena, const Word *in, Word *out)", "{"]
        call = f"{function.name}({args})"
        if function.type == "none":
            lines += [f"    {call};"]
        else:
            lines += [f"    {c_type(function.type)} r = {call};"]
            lines += [f"    {line}" for line in _written(function.type, "r", [0])]
        self._entries.append("\n".join([*lines, "}"]))
        codes, flags = [], []
        for i, kind in enumerate(kinds):
            more = (WRITTEN if i in function.written else 0) | (CONTIGUOUS if i in function.contiguous else 0)
            for code, flag in _codes(kind, more):
                codes.append(str(code))
                flags.append(str(flag))
        results = [str(code) for code, _ in _codes(function.type, 0)] if function.type != "none" else []
        for name, numbers in (("codes", codes), ("flags", flags), ("results", results)):
            values = ", ".join([*numbers, "0"])
            self._entries.append(f"static const uint8_t {name}_{number_of}[] = {{{values}}};")
        n = number_of
        self._table.append(f'    {{"{title}", codes_{n}, flags_{n}, results_{n}, entry_{n}}},')
        self._entries.append("")

    def text(self, digests: dict[str, str]) -> str:
        """All of it. digests: by module, of what its kernels are made of."""
        out = ["/* Made of the kernels in Python by bitstream/ahead: change those. */", '#include "module.h"', ""]
        out += [*self._structs.values(), "", *self._data, ""]
        out += [function.text() for function in self.functions]
        out += [*self._entries, "const Entry NAMED(ENTRIES)[] = {", *self._table, "    {0, 0, 0, 0, 0}", "};", ""]
        rows = [f'    {{"{name}", "{digest}"}},' for name, digest in digests.items()]
        out += ["const Source NAMED(SOURCES)[] = {", *rows, "    {0, 0}", "};", ""]
        return "\n".join(out)


class _Words:
    """Arguments in C from words in a row."""

    def __init__(self, name: str) -> None:
        self.name, self.at = name, 0

    def _next(self, field: str) -> str:
        self.at += 1
        return f"{self.name}[{self.at - 1}].{field}"

    def read(self, kind: Type) -> str:
        if isinstance(kind, Tuple):
            return f"({c_type(kind)}){{{', '.join(self.read(part) for part in kind.of)}}}"
        if isinstance(kind, Array):
            place = self._next("p")
            counts = ", ".join(self._next("i") for _ in range(kind.ndim))
            steps = ", ".join(self._next("i") for _ in range(kind.ndim))
            return f"({c_type(kind)}){{{place}, {{{counts}}}, {{{steps}}}}}"
        assert number(kind)
        return f"({c_type(kind)}){self._next(FIELD.get(kind, 'i'))}"


def _written(kind: Type, name: str, at: list[int]) -> list[str]:
    """Lines that put a result into words."""
    if isinstance(kind, Tuple):
        return [line for i, part in enumerate(kind.of) for line in _written(part, f"{name}.f{i}", at)]
    fields = [(FIELD.get(str(kind), "i"), name)]
    if isinstance(kind, Array):
        fields = [("p", f"{name}.at"), *(("i", f"{name}.{x}[{i}]") for x in "ns" for i in range(kind.ndim))]
    out = []
    for field, value in fields:
        out.append(f"out[{at[0]}].{field} = {value};")
        at[0] += 1
    return out


def _codes(kind: Type, more: int) -> list[tuple[int, int]]:
    """A type's bytes in the table, each with what is asked of the array."""
    if isinstance(kind, Tuple):
        return [(OPEN, 0), *(pair for part in kind.of for pair in _codes(part, more)), (CLOSE, 0)]
    if isinstance(kind, Array):
        return [(LETTERS[kind.dtype] | kind.ndim << 4, more | (UNIT if kind.unit else 0))]
    return [(LETTERS[kind], 0)]
