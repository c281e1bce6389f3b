"""A kernel for given types of arguments, as a function in C.

A variable of Python's is one of C for each type that it has at different places: types are followed from statement to
statement as numba does after it has given each assignment a name of its own. Where branches meet, and around loops,
a number takes the type that holds both; loops are translated again until their types stand.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from typing import Any

from . import calls
from .expressions import OPERATORS
from .flow import Env, Flow
from .types import Array, Tuple, Type, Unsupported, number, unified
from .values import KEYWORDS, Named, Value, c_type, cast


def has_array(kind: Type) -> bool:
    """Whether a value holds memory."""
    return isinstance(kind, Array) or (isinstance(kind, Tuple) and any(map(has_array, kind.of)))


class Function(Flow):
    """A function in translation; afterwards what a caller must know of it."""

    def __init__(self, program: Any, function: Any, name: str, kinds: tuple[Type, ...]) -> None:
        self.program, self.function, self.name, self.kinds = program, function, name, kinds
        source = textwrap.dedent(inspect.getsource(function))
        (tree,) = ast.parse(source).body
        assert isinstance(tree, ast.FunctionDef)
        self.tree = tree
        self.parameters = [arg.arg for arg in self.tree.args.args]
        if len(self.parameters) != len(kinds):
            raise Unsupported(f"{name} with {len(kinds)} arguments")
        for kind in kinds:
            program.declare(kind)
        self.type: Type = "none"
        self.returned: frozenset[int] = frozenset()
        self.written: set[int] = set()
        self.contiguous: set[int] = set()
        self.allocates = self.gives_memory = False
        self.counters = self._counters()
        self.returns: list[Type] = []
        self._translate()

    def _counters(self) -> set[str]:
        """Names that only loops over range(n) or range(0.., n, +..) set: never negative."""
        sets: dict[str, int] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                sets[node.id] = sets.get(node.id, 0) + 1
        loops: dict[str, int] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Call):
                args = node.iter.args
                if ast.unparse(node.iter.func) == "range":
                    begins = len(args) == 1 or isinstance(args[0], ast.Constant)  # a negative one is no constant
                    rises = len(args) < 3 or isinstance(args[2], ast.Constant)
                    loops[node.target.id] = loops.get(node.target.id, 0) + (begins and rises)
        return {name for name, count in loops.items() if count == sets[name] and name not in self.parameters}

    def _translate(self) -> None:
        """Twice if the returned type was not what the first return said."""
        for _ in range(3):
            self.names: dict[tuple[str, Type], str] = {}
            self.declared: list[str] = []
            self.taken: set[str] = set(self.parameters)
            self.lines: list[str] = []
            self.depth, self.count, self.indent = 0, 0, 1
            self.exits: list[tuple[list[Env], list[Env]]] = []
            self.around: list[Env] = []
            before = self.type
            self.returns = []
            self.env = {}
            for i, (name, kind) in enumerate(zip(self.parameters, self.kinds, strict=True)):
                plain = name + "_" if name in KEYWORDS else name
                self.names[name, kind] = plain
                self.env[name] = kind, frozenset([i]) if not number(kind) else frozenset()
            alive = self.body(self.tree.body)
            kinds: Type | None = self.returns[0] if self.returns else "none"
            for other in self.returns[1:]:
                kinds = unified(kinds, other) if kinds is not None else None
            if kinds is None or (alive and kinds != "none"):
                raise Unsupported(f"{self.name} returns {self.returns}")
            self.type = kinds
            if self.type == before or len(set(map(str, self.returns))) <= 1:
                break
        if alive:
            self._leave()
        self.gives_memory = self.allocates and has_array(self.type)
        self.program.declare(self.type)

    def text(self) -> str:
        """The function in C."""
        given = ["Arena *arena"]
        given += [f"{c_type(kind)} {self.names[n, kind]}" for n, kind in zip(self.parameters, self.kinds, strict=True)]
        kind = "IN" if getattr(self.function, "_inlined", False) else "static"
        head = f"{kind} {c_type(self.type)} {self.name}({', '.join(given)})"
        mark = ["    int64_t mark = arena->count;"] if self.allocates and not self.gives_memory else []
        used = set(re.findall(r"\w+", "\n".join(self.lines)))
        own = [f"    {one};" for one in self.declared if re.split(r"[\s\[]", one)[1] in used]
        return "\n".join([head, "{", *own, *mark, *self.lines, "}"]) + "\n"

    # names and lines

    def name_of(self, name: str, kind: Type) -> str:
        """The variable in C of a name with a type."""
        if (name, kind) not in self.names:
            plain = name + "_" if name in KEYWORDS else name
            if plain in self.taken or any(n == name for n, _ in self.names):
                plain = f"{name}_{c_type(kind)}" if not number(kind) else f"{name}_{kind}"
                while plain in self.taken:
                    plain += "_"
            self.taken.add(plain)
            self.names[name, kind] = plain
            self.declare(f"{c_type(kind)} {plain}")
        return self.names[name, kind]

    def declare(self, text: str) -> None:
        self.declared.append(text)

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}_"

    def emit(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def held(self, value: Value) -> Value:
        if isinstance(value.type, Tuple):
            self.program.declare(value.type)
        name = self.fresh("t")
        self.declare(f"{c_type(value.type)} {name}")
        self.emit(f"{name} = {value.code};")
        return Value(name, value.type, value.origins, positive=value.positive, fixed=value.fixed)

    def body(self, nodes: list[ast.stmt]) -> bool:
        """Statements; whether what follows them is reached."""
        return all(self.statement(node) for node in nodes)

    def statement(self, node: ast.stmt) -> bool:
        way = getattr(self, "do_" + type(node).__name__.lower(), None)
        if way is None:
            raise Unsupported(f"{self.name}: {ast.unparse(node)}")
        return way(node) is not False

    def do_pass(self, node: ast.Pass) -> None:
        pass

    def do_expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.emit(self.one(node.value).code + ";")

    def do_return(self, node: ast.Return) -> bool:
        if node.value is None:
            self.returns.append("none")
            self._leave()
            self.emit("return;")
            return False
        value = calls.materialised(self, self.one(node.value))
        self.returns.append(value.type)
        self.returned |= value.origins
        kind = self.type if self.type != "none" else value.type
        if isinstance(kind, Tuple):
            self.program.declare(kind)
            if value.parts is not None:
                parts = [cast(part, k).code for part, k in zip(value.parts, kind.of, strict=True)]
                value = Value(f"(({c_type(kind)}){{{', '.join(parts)}}})", kind)
        value = cast(value, kind)
        if self.allocates and not has_array(kind):
            value = self.held(value)
            self.emit("release(arena, mark);")
        self.emit(f"return {value.code};")
        return False

    def _leave(self) -> None:
        if self.allocates:
            self.emit("release(arena, mark);")

    def do_assign(self, node: ast.Assign) -> None:
        value = self.one(node.value)
        if len(node.targets) > 1 and value.fixed is None:
            value = self.held(value)
        for target in node.targets:
            self.assign(target, value)

    def assign(self, target: ast.expr, value: Value) -> None:
        """Give a name, names, elements or a slice a value."""
        if isinstance(target, ast.Tuple):
            self._unpack(target.elts, value)
        elif isinstance(target, ast.Name):
            value = calls.materialised(self, value)
            if isinstance(value.type, Tuple):
                self.program.declare(value.type)
            if value.type == "none":
                raise Unsupported(f"{self.name}: {target.id} has no value")
            self.env[target.id] = value.type, value.origins
            name = self.name_of(target.id, value.type)
            if name != value.code:
                self.emit(f"{name} = {value.code};")
        elif isinstance(target, ast.Subscript):
            self._store(self.one(target), value)
        else:
            raise Unsupported(ast.unparse(target))

    def _unpack(self, targets: list[ast.expr], value: Value) -> None:
        if isinstance(value.type, Array):
            value = self.named(value)
            parts = [self.of_array(value, ast.Constant(i)) for i in range(len(targets))]
        elif value.parts is not None:
            parts = list(value.parts)
        elif isinstance(value.type, Tuple):
            kinds, value = value.type.of, self.named(value)
            parts = [Value(f"{value.code}.f{i}", kind, value.origins) for i, kind in enumerate(kinds)]
        else:
            raise Unsupported(f"{value.type} unpacked")
        # All are computed before the first is given.
        plain = len(targets) == 1 or not any(self._changes(target, parts) for target in targets)
        parts = parts if plain else [part if part.fixed is not None else self.held(part) for part in parts]
        for target, part in zip(targets, parts, strict=True):
            self.assign(target, part)

    def _changes(self, target: ast.expr, parts: list[Value]) -> bool:
        """Whether giving a target its value may change what others are given."""
        if isinstance(target, ast.Name):
            mine = {text for (name, _), text in self.names.items() if name == target.id}
            return any(one in part.code for part in parts for one in mine)
        return any(".at[" in part.code or "(" in part.code for part in parts)

    def _store(self, target: Value, value: Value) -> None:
        self.written |= target.origins
        if not isinstance(target.type, Array):
            self.emit(f"{target.code} = {cast(value, target.type).code};")
            return
        target = self.named(target)
        if isinstance(value.type, Array) and not value.element:
            value = self.named(value)
        heads, names = calls.loops(self, target)
        found = cast(calls.element(value, names), target.type.dtype)  # type: ignore[union-attr]
        self.emit(" ".join(heads) + f" {calls.element(target, names).code} = {found.code};")

    def do_augassign(self, node: ast.AugAssign) -> None:
        old = self.one(ast.parse(ast.unparse(node.target), mode="eval").body)
        value = self.one(node.value)
        op = OPERATORS[type(node.op)]
        if isinstance(old.type, Array):
            old = self.named(old)
            self._store(old, calls.elementwise(self, op, [old, value]))
            return
        new = self.operate(op, Value(old.code, old.type, positive=old.positive), value)
        if isinstance(node.target, ast.Name):
            self.assign(node.target, new)
        else:
            self._store(old, new)


__all__ = ["Function", "Named"]
