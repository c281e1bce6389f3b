"""Expressions of kernels in C: numbers, elements and views of arrays, calls."""

from __future__ import annotations

import ast
import builtins
from typing import Any

import numpy as np

from . import calls
from .indexing import Indexing
from .types import C_TYPES, Array, Tuple, Unsupported, number, result, unified
from .values import DTYPES, Named, Value, c_type, cast, literal

OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
}  # fmt: skip
COMPARED = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


class Expressions(Indexing):
    """Translates expressions in the surroundings `env`: of each variable its type, and which arrays it may view."""

    def one(self, node: ast.expr) -> Value:
        """An expression that has a value."""
        found = self.any(node)
        if isinstance(found, Named):
            raise Unsupported(f"{ast.unparse(node)} as a value")
        return found

    def any(self, node: ast.expr) -> Value | Named:
        """An expression, which may be a function or a module."""
        way = getattr(self, "the_" + type(node).__name__.lower(), None)
        if way is None:
            raise Unsupported(ast.unparse(node))
        return way(node)

    def the_name(self, node: ast.Name) -> Value | Named:
        if node.id in self.env:
            kind, origins = self.env[node.id]
            positive = node.id in self.counters or (isinstance(kind, str) and kind[0] in "ub")
            return Value(self.name_of(node.id, kind), kind, origins, positive=positive)
        return self.outside(self.function.__globals__.get(node.id, getattr(builtins, node.id, None)), node.id)

    def outside(self, found: Any, name: str) -> Value | Named:
        """A constant of the kernel's module, or what it calls."""
        if found is None:
            raise Unsupported(f"{name}, which has no value here")
        if isinstance(found, (bool, int, float, np.generic)):
            return literal(found)
        if isinstance(found, (np.ndarray, tuple)):
            return self.program.constant(found, name)
        return Named(found)

    def the_constant(self, node: ast.Constant) -> Value:
        return literal(node.value)

    def the_attribute(self, node: ast.Attribute) -> Value | Named:
        base = self.any(node.value)
        if isinstance(base, Named):
            if base.of is not None:  # .ctypes.data
                if (base.what, node.attr) == ("ctypes", "data"):
                    return Value(f"(uint64_t)(uintptr_t){base.of.code}.at", "u8", positive=True)
                raise Unsupported(ast.unparse(node))
            return self.outside(getattr(base.what, node.attr), node.attr)
        if isinstance(base.type, Array) and not base.simple:
            base = self.held(base)
        if not isinstance(base.type, Array):
            raise Unsupported(ast.unparse(node))
        if node.attr == "shape":
            ndim, base = base.type.ndim, self.named(base)
            parts = [Value(f"{base.code}.n[{i}]", "i8", positive=True) for i in range(ndim)]
            return self.tuple_of(parts)
        if node.attr == "size":
            return calls.size(self.named(base))
        return Named(node.attr, base)

    def the_tuple(self, node: ast.Tuple) -> Value:
        return self.tuple_of([self.one(part) for part in node.elts])

    def tuple_of(self, parts: list[Value]) -> Value:
        kind = Tuple(tuple(part.type for part in parts))
        self.program.declare(kind)
        origins = frozenset().union(*(part.origins for part in parts))
        code = f"(({c_type(kind)}){{{', '.join(part.code for part in parts)}}})"
        return Value(code, kind, origins, parts=tuple(parts))

    def the_unaryop(self, node: ast.UnaryOp) -> Value:
        value = self.one(node.operand)
        if isinstance(node.op, ast.Not):
            return Value(f"!({self.truth(value)})", "b1", positive=True)
        if isinstance(node.op, ast.USub):
            if isinstance(value.type, Array):
                return calls.elementwise(self, "neg", [value])
            if value.fixed is not None:
                return literal(-value.fixed)
            if value.type in ("f4", "f8"):
                return Value(f"(-{value.code})", value.type)
            return self.in_its_width("-", value)
        if isinstance(node.op, ast.Invert) and value.type != "b1":
            return self.in_its_width("~", value)
        raise Unsupported(ast.unparse(node))

    def in_its_width(self, op: str, value: Value) -> Value:
        """- or ~ of a whole number, which numba computes in the number's own bits, and widens then."""
        kind = result("-", value.type, value.type)
        if value.type == "b1":
            raise Unsupported(f"{op} of a boolean")
        narrow = f"({C_TYPES[str(value.type)]})" if value.type != kind else ""
        return cast(Value(f"{narrow}({op}{value.code})", value.type), kind)

    def the_binop(self, node: ast.BinOp) -> Value:
        return self.operate(OPERATORS[type(node.op)], self.one(node.left), self.one(node.right))

    def operate(self, op: str, a: Value, b: Value) -> Value:
        """The value of a op b."""
        if isinstance(a.type, Array) or isinstance(b.type, Array):
            return calls.elementwise(self, op, [a, b])
        if a.fixed is not None and b.fixed is not None and a.type != "b1" and b.type != "b1":
            whole = isinstance(a.fixed, int) and isinstance(b.fixed, int)
            if not (whole and op == "**" and b.fixed < 0) and not (op in ("/", "//", "%") and b.fixed == 0):
                return literal(eval("a" + op + "b", {"a": a.fixed, "b": b.fixed}))
        kind = result(op, a.type, b.type)
        if op == "**":
            if b.fixed != 2:
                raise Unsupported(f"{a.code} ** {b.code}")
            return self.operate("*", a, a)
        x, y = cast(a, kind), cast(b, kind)
        positive = a.positive and b.positive and op in ("+", "*", "//", "/", "%", ">>", "&", "<<", "|")
        positive = positive or kind[0] == "u" or (op == "%" and b.positive and kind == "i8")
        positive = positive or (op == "&" and (a.positive or b.positive))
        positive = positive or (op in (">>", "//") and a.positive and (op == ">>" or b.positive))
        if op in ("//", "%"):
            if kind[0] == "f":
                raise Unsupported(f"{kind} {op}")
            if kind[0] == "u" or (a.positive and b.positive):
                if isinstance(b.fixed, int) and b.fixed > 0:
                    return Value(f"({x.code} {op[0]} {y.code})", kind, positive=True)
            name = ("div_" if op == "//" else "mod_") + kind
            return Value(f"{name}({x.code}, {y.code})", kind, positive=positive)
        if op == "<<":
            code = f"(uint64_t){x.code} << {y.code}"
            return Value(f"({code})" if kind == "u8" else f"(int64_t)({code})", kind, positive=positive)
        return Value(f"({x.code} {op} {y.code})", kind, positive=positive)

    def truth(self, value: Value) -> str:
        """The text of a condition."""
        if not number(value.type):
            raise Unsupported(f"{value.type} as a condition")
        return value.code if value.type == "b1" else f"{value.code} != 0"

    def test(self, node: ast.expr) -> str:
        """The text of an expression as a condition."""
        if isinstance(node, ast.BoolOp):
            word = " && " if isinstance(node.op, ast.And) else " || "
            return word.join(f"({self.test(part)})" for part in node.values)
        return self.truth(self.one(node))

    def the_boolop(self, node: ast.BoolOp) -> Value:
        values = [self.one(part) for part in node.values]
        if all(value.type == "b1" for value in values):
            return Value(f"({self.test(node)})", "b1", positive=True)
        if len(values) != 2:
            raise Unsupported(ast.unparse(node))
        kind = unified(values[0].type, values[1].type)
        if kind is None:
            raise Unsupported(ast.unparse(node))
        first, second = cast(values[0], kind).code, cast(values[1], kind).code
        yes, no = (second, first) if isinstance(node.op, ast.And) else (first, second)
        return Value(f"({self.truth(values[0])} ? {yes} : {no})", kind)

    def the_ifexp(self, node: ast.IfExp) -> Value:
        a, b = self.one(node.body), self.one(node.orelse)
        kind = unified(a.type, b.type)
        if kind is None:
            raise Unsupported(ast.unparse(node))
        if isinstance(kind, Tuple):
            if a.parts is None or b.parts is None:
                raise Unsupported(ast.unparse(node))
            self.program.declare(kind)
            pairs = zip(a.parts, b.parts, kind.of, strict=True)
            parts = [(cast(x, t), cast(y, t)) for x, y, t in pairs]
            one, two = (", ".join(pair[i].code for pair in parts) for i in (0, 1))
            test, name = self.test(node.test), c_type(kind)
            return Value(f"({test} ? ({name}){{{one}}} : ({name}){{{two}}})", kind, a.origins | b.origins)
        wide = "(int64_t)" if kind == "i8" and a.fixed is not None and b.fixed is not None else ""
        a, b = cast(a, kind), cast(b, kind)
        return Value(f"({self.test(node.test)} ? {wide}{a.code} : {b.code})", kind, a.origins | b.origins,
                     positive=a.positive and b.positive)  # fmt: skip

    def the_compare(self, node: ast.Compare) -> Value:
        values = [self.one(part) for part in (node.left, *node.comparators)]
        if isinstance(values[0].type, Array):
            return calls.elementwise(self, COMPARED[type(node.ops[0])], values)
        parts = [
            self.compared(COMPARED[type(op)], a, b)
            for op, a, b in zip(node.ops, values, values[1:], strict=False)
        ]
        return Value(parts[0] if len(parts) == 1 else f"({' && '.join(parts)})", "b1", positive=True)

    def compared(self, op: str, a: Value, b: Value) -> str:
        """The text of a comparison; of signed and unsigned numbers by their values."""
        if not (number(a.type) and number(b.type)):
            raise Unsupported(f"{a.type} {op} {b.type}")
        x, y = str(a.type), str(b.type)
        if "f" in (x[0], y[0]):
            kind = result("+", x, y)
        elif x == y:
            kind = x
        elif "u8" in (x, y) and (x[0] == "i" or y[0] == "i"):
            if (a if x[0] == "i" else b).positive:
                kind = "u8"
            else:
                return self.mixed(op, a, b)
        else:
            kind = "u8" if "u8" in (x, y) else "i8"
        return f"({cast(a, kind).code} {op} {cast(b, kind).code})"

    def mixed(self, op: str, a: Value, b: Value) -> str:
        """A comparison of a number that may be negative with one of 64 bits that isn't signed."""
        if a.type == "u8":
            turned = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}[op]
            return self.mixed(turned, b, a)
        pair = f"({cast(a, 'i8').code}, {b.code})"
        return {
            "<": f"lt_iu{pair}", "<=": f"le_iu{pair}", ">": f"!le_iu{pair}", ">=": f"!lt_iu{pair}",
            "==": f"eq_iu{pair}", "!=": f"!eq_iu{pair}",
        }[op]  # fmt: skip

    def the_call(self, node: ast.Call) -> Value:
        if node.keywords or any(isinstance(arg, ast.Starred) for arg in node.args):
            raise Unsupported(ast.unparse(node))
        target = self.any(node.func)
        if not isinstance(target, Named):
            raise Unsupported(ast.unparse(node))
        if target.of is not None:
            return calls.method(self, target.of, target.what, [self.any(arg) for arg in node.args])
        what = target.what
        if isinstance(what, type) and DTYPES.get(what):
            return self.convert(self.one(node.args[0]), DTYPES[what])
        if self.program.is_kernel(what):
            return calls.kernel(self, what, [self.one(arg) for arg in node.args])
        return calls.builtin(self, what, [self.any(arg) for arg in node.args])

    def convert(self, value: Value, kind: str) -> Value:
        """np.int32(x) and the like; of a constant, a constant."""
        if value.fixed is not None and kind[0] in "iu" and isinstance(value.fixed, int):
            limits = (0, 2 ** (8 * int(kind[1])) - 1)
            if kind[0] == "i":
                limits = (-(2 ** (8 * int(kind[1]) - 1)), 2 ** (8 * int(kind[1]) - 1) - 1)
            if limits[0] <= value.fixed <= limits[1]:
                return Value(f"({C_TYPES[kind]}){value.code}", kind, positive=value.fixed >= 0)
        done = cast(value, kind)
        if done.fixed is not None and kind == value.type:
            done = Value(done.code, kind, fixed=done.fixed, positive=done.positive)
        return done if done.type != "f4" or value.type == "f4" else Value(f"(float){value.code}", "f4")
