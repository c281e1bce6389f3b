"""Elements and views of arrays, parts of tuples, in C."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from typing import Any

from .types import Array, Tuple, Type, Unsupported
from .values import Named, Value, c_type, cast


class Indexing(ABC):
    """What stands in square brackets, in the surroundings `env`: of each variable its type, and which arrays it may
    view."""

    env: dict[str, tuple[Type, frozenset[int]]]
    function: Any
    program: Any
    counters: set[str]
    """Names that are never negative."""
    written: set[int]
    contiguous: set[int]
    allocates: bool

    @abstractmethod
    def name_of(self, name: str, kind: Type) -> str:
        """The variable in C of a name with a type."""

    @abstractmethod
    def held(self, value: Value) -> Value:
        """A value under a name of its own, computed before the statement."""

    @abstractmethod
    def any(self, node: ast.expr) -> Value | Named:
        """An expression, which may be a function or a module."""

    @abstractmethod
    def one(self, node: ast.expr) -> Value:
        """An expression that has a value."""

    @abstractmethod
    def tuple_of(self, parts: list[Value]) -> Value:
        """A tuple of values."""

    def named(self, value: Value) -> Value:
        """A value whose text may be repeated."""
        return value if value.simple else self.held(value)

    def index(self, value: Value, count: str) -> str:
        """An index's text."""
        if not (isinstance(value.type, str) and value.type[0] in "iu"):
            raise Unsupported(f"an index of {value.type}")
        if isinstance(value.fixed, int) and value.fixed < 0:
            return f"({count} - {-value.fixed})"
        code = cast(value, "i8").code
        return code if value.positive or value.type[0] == "u" else f"ix({code}, {count})"

    def the_subscript(self, node: ast.Subscript) -> Value:
        base = self.any(node.value)
        if isinstance(base, Named):
            raise Unsupported(ast.unparse(node))
        if isinstance(base.type, Tuple):
            return self.of_tuple(base, node.slice)
        if not isinstance(base.type, Array):
            raise Unsupported(ast.unparse(node))
        if base.simple:
            return self.of_array(base, node.slice)
        inner = self.of_array(Value("o_", base.type, base.origins), node.slice)
        code = f"({{ {c_type(base.type)} o_ = {base.code}; {inner.code}; }})"
        return Value(code, inner.type, inner.origins, positive=inner.positive)

    def of_tuple(self, base: Value, where: ast.expr) -> Value:
        assert isinstance(base.type, Tuple)
        if isinstance(where, ast.Slice):
            low = self.one(where.lower).fixed if where.lower else 0
            high = self.one(where.upper).fixed if where.upper else len(base.type.of)
            if base.parts is None or where.step or not (isinstance(low, int) and isinstance(high, int)):
                raise Unsupported("a slice of a tuple")
            return self.tuple_of(list(base.parts[low:high]))
        at = self.one(where)
        if isinstance(at.fixed, int):
            if base.parts:
                return base.parts[at.fixed]
            place = at.fixed % len(base.type.of)
            return Value(f"{base.code}.f{place}", base.type.of[place], base.origins)
        first = base.type.of[0]
        if any(kind != first for kind in base.type.of):
            raise Unsupported("an index into a tuple of several types")
        count = len(base.type.of)
        base = base if base.parts else self.named(base)
        parts = base.parts or tuple(Value(f"{base.code}.f{i}", first) for i in range(count))
        every = ", ".join(part.code for part in parts)
        code = f"(({c_type(first)}[]){{{every}}})[{self.index(at, str(count))}]"
        return Value(code, first, base.origins, positive=all(part.positive for part in parts))

    def of_array(self, base: Value, where: ast.expr) -> Value:
        """An element or a view of an array that has a name."""
        kind = base.type
        assert isinstance(kind, Array)
        wanted = list(where.elts) if isinstance(where, ast.Tuple) else [where]
        if len(wanted) > kind.ndim:
            raise Unsupported(f"{len(wanted)} indices into {kind}")
        wanted += [ast.Slice()] * (kind.ndim - len(wanted))
        terms, counts, steps, strided = [], [], [], False
        for axis, part in enumerate(wanted):
            n = f"{base.code}.n[{axis}]"
            s = "" if kind.unit and axis == kind.ndim - 1 else f"{base.code}.s[{axis}]"
            times = f" * {s}" if s else ""
            if not isinstance(part, ast.Slice):
                at = self.index(self.one(part), n)
                if at != "0":
                    terms.append(at + times)
                continue
            step = self.one(part.step).fixed if part.step else 1
            if not isinstance(step, int) or step < 1:
                raise Unsupported("a slice with such a step")
            low = high = None
            if part.lower:
                low = f"cut({cast(self.one(part.lower), 'i8').code}, {n})"
                terms.append(low + times)
            if part.upper:
                high = f"cut({cast(self.one(part.upper), 'i8').code}, {n})"
            many = f"span({low or 0}, {high or n})" if low or high else n
            counts.append(many if step == 1 else f"(({many} + {step - 1}) / {step})")
            steps.append(s or "1" if step == 1 else f"{step} * {s or '1'}")
            strided = step != 1
        offset = " + ".join(terms) or "0"
        if not counts:
            positive = kind.dtype[0] in "ub"
            return Value(f"{base.code}.at[{offset}]", kind.dtype, base.origins, positive=positive)
        last = kind.unit and isinstance(wanted[-1], ast.Slice) and not strided
        view = Array(kind.dtype, len(counts), last)
        code = f"(({c_type(view)}){{{base.code}.at + {offset}, {{{', '.join(counts)}}}, {{{', '.join(steps)}}}}})"
        return Value(code, view, base.origins)
