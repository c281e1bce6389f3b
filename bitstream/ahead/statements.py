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
from .expressions import OPERATORS, Expressions
from .types import Array, Tuple, Type, Unsupported, number, unified
from .values import KEYWORDS, Named, Value, c_type, cast

Env = dict[str, tuple[Type, frozenset[int]]]


def has_array(kind: Type) -> bool:
    """Whether a value holds memory."""
    return isinstance(kind, Array) or (isinstance(kind, Tuple) and any(map(has_array, kind.of)))


class Function(Expressions):
    """A function in translation; afterwards what a caller must know of it."""

    def __init__(self, program: Any, function: Any, name: str, kinds: tuple[Type, ...]) -> None:
        self.program, self.function, self.name, self.kinds = program, function, name, kinds
        source = textwrap.dedent(inspect.getsource(function))
        (self.tree,) = ast.parse(source).body
        assert isinstance(self.tree, ast.FunctionDef)
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
                    begins = len(args) == 1 or (isinstance(args[0], ast.Constant) and args[0].value >= 0)
                    rises = len(args) < 3 or not ast.unparse(args[2]).startswith("-")
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

    # flow

    def body(self, nodes: list[ast.stmt]) -> bool:
        """Statements; whether what follows them is reached."""
        return all(self.statement(node) for node in nodes)

    def statement(self, node: ast.stmt) -> bool:
        way = getattr(self, "do_" + type(node).__name__.lower(), None)
        if way is None:
            raise Unsupported(f"{self.name}: {ast.unparse(node)}")
        return way(node) is not False

    def joined(self, envs: list[Env]) -> Env:
        """Types where ways meet; without the names that have no common one."""
        out: Env = {}
        for name in dict.fromkeys(name for env in envs for name in env):
            found = [env[name] for env in envs if name in env]
            kind: Type | None = found[0][0]
            for other, _ in found[1:]:
                kind = unified(kind, other) if kind is not None else None
            if kind is not None:
                out[name] = kind, frozenset().union(*(origins for _, origins in found))
        return out

    def turn(self, before: Env, after: Env) -> list[str]:
        """Lines that give variables the types that they have where ways meet."""
        out = []
        for name, (kind, _) in after.items():
            if name in before and before[name][0] != kind:
                value = cast(Value(self.name_of(name, before[name][0]), before[name][0]), kind)
                target = self.name_of(name, kind)
                if target != value.code:
                    out.append(f"{target} = {value.code};")
        return out

    def block(self, nodes: list[ast.stmt], env: Env) -> tuple[list[str], Env | None]:
        """Lines of a branch that begins in `env`, and where it ends up."""
        kept, self.lines = self.lines, []
        self.env = dict(env)
        self.indent += 1
        alive = self.body(nodes)
        self.indent -= 1
        lines, self.lines = self.lines, kept
        return lines, self.env if alive else None

    def do_if(self, node: ast.If) -> bool:
        test = self.test(node.test)
        start = self.env
        yes, yes_env = self.block(node.body, start)
        no, no_env = self.block(node.orelse, start) if node.orelse else ([], dict(start))
        ends = [env for env in (yes_env, no_env) if env is not None]
        if ends:
            self.env = self.joined(ends)
        pad = "    " * (self.indent + 1)
        yes += [pad + one for one in self.turn(yes_env, self.env)] if yes_env is not None else []
        no += [pad + one for one in self.turn(no_env, self.env)] if no_env is not None else []
        self.emit(f"if ({test}) {{")
        self.lines += yes
        if no:
            self.emit("} else {")
            self.lines += no
        self.emit("}")
        return bool(ends)

    def loop(self, head: str, first: Any, nodes: list[ast.stmt], behind: str = "") -> None:
        """A loop; `first` sets its own variables at the begin of its body; `behind` ends each turn."""
        start, around = self.env, dict(self.env)
        mark, self.depth = len(self.lines), self.depth + 1
        while True:
            kept, self.lines = self.lines, []
            self.env = dict(around)
            self.exits.append(([], []))
            self.indent += 1
            first()
            self.around.append(around)
            alive = self.body(nodes)
            self.around.pop()
            again = [self.env] if alive else []
            breaks, turns = self.exits.pop()
            after = self.joined([start, around, *again, *turns])
            same = {n: k for n, (k, _) in after.items()} == {n: k for n, (k, _) in around.items() if n in after}
            dropped = set(around) - set(after)
            wider = any(after[n][1] != around[n][1] for n in after if n in around)
            if same and not wider and not (set(after) - set(around)) and not dropped:
                break
            self.indent -= 1
            around, self.lines = after, kept
        pad = "    " * self.indent
        lines = self.lines + ([pad + one for one in self.turn(self.env, around)] if alive else [])
        self.indent -= 1
        self.lines = kept
        assert len(self.lines) == mark
        for one in self.turn(start, around):
            self.emit(one)
        self.emit(f"{head} {{")
        self.lines += lines
        self.emit("}")
        self.depth -= 1
        self.env = self.joined([around, *breaks]) if breaks else dict(around)
        if breaks and any(self.env.get(n) != around[n] for n in around if n in self.env):
            if any(self.env[n][0] != env[n][0] for env in (around, *breaks) for n in self.env if n in env):
                raise Unsupported(f"{self.name}: types at a break")

    def do_break(self, node: ast.Break) -> bool:
        self.exits[-1][0].append(dict(self.env))
        self.emit("break;")
        return False

    def do_continue(self, node: ast.Continue) -> bool:
        for one in self.turn(self.env, self.around[-1]):
            self.emit(one)
        self.exits[-1][1].append(dict(self.env))
        self.emit("continue;")
        return False

    def do_while(self, node: ast.While) -> None:
        def first() -> None:
            self.emit(f"if (!({self.test(node.test)}))")
            self.emit("    break;")

        self.loop("for (;;)", first, node.body)

    def do_for(self, node: ast.For) -> None:
        if node.orelse:
            raise Unsupported("else behind a loop")
        call = node.iter
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("range", "zip"):
            if call.func.id == "range":
                return self.for_range(node, [self.one(arg) for arg in call.args])
            each = [self.one(arg) for arg in call.args]
        else:
            each = [self.one(call)]
        at = self.fresh("k")
        each = [value if isinstance(value.type, Tuple) and value.parts else self.named(value) for value in each]
        counts = [f"{v.code}.n[0]" if isinstance(v.type, Array) else str(len(v.type.of)) for v in each]  # type: ignore[union-attr]
        names = node.target.elts if isinstance(node.target, ast.Tuple) and len(each) > 1 else [node.target]

        def first() -> None:
            for name, value in zip(names, each, strict=True):
                self.assign(name, self.item(value, at))

        count = counts[0] if len(set(counts)) == 1 else f"min_i8({', '.join(counts)})"
        self.loop(f"for (int64_t {at} = 0; {at} < {count}; {at}++)", first, node.body)
        return None

    def item(self, value: Value, at: str) -> Value:
        """What stands at a place, counted from 0, of an array or a tuple of one type."""
        place = Value(at, "i8", positive=True)
        if isinstance(value.type, Array):
            self.env["k_"] = place.type, frozenset()
            self.names["k_", "i8"] = at
            self.counters.add("k_")
            found = self.of_array(value, ast.Name("k_"))
            del self.env["k_"]
            return found
        assert isinstance(value.type, Tuple)
        kinds = value.type.of
        parts = value.parts or [Value(f"{value.code}.f{i}", kind) for i, kind in enumerate(kinds)]
        if any(kind != kinds[0] for kind in kinds):
            raise Unsupported("a loop over a tuple of several types")
        every = ", ".join(part.code for part in parts)
        return Value(f"(({c_type(kinds[0])}[]){{{every}}})[{at}]", kinds[0], value.origins)

    def for_range(self, node: ast.For, args: list[Value]) -> None:
        start, stop = (Value("0", "i8", fixed=0, positive=True), args[0]) if len(args) == 1 else args[:2]
        step = args[2] if len(args) > 2 else None
        kinds = {value.type for value in args}
        kind = "u8" if kinds == {"u8"} else "i4" if kinds == {"i4"} else "i8"
        if not kinds <= {"i4", "i8", "u8"} or ("u8" in kinds and kind != "u8"):
            raise Unsupported(f"range of {kinds}")
        end = cast(stop, kind)
        if end.fixed is None:
            name = self.fresh("end")
            self.declare(f"{c_type(kind)} {name}")
            self.emit(f"{name} = {end.code};")
            end = Value(name, kind)
        at = self.fresh("k")
        by = 1 if step is None else step.fixed
        if not isinstance(by, int):
            assert step is not None
            step = self.named(cast(step, kind))
            test, more = f"{step.code} > 0 ? {at} < {end.code} : {at} > {end.code}", f"{at} += {step.code}"
        else:
            test = f"{at} {'<' if by > 0 else '>'} {end.code}"
            more = f"{at}++" if by == 1 else f"{at}--" if by == -1 else f"{at} += {by}"
        begin = cast(start, kind).code

        def first() -> None:
            self.assign(node.target, Value(at, kind))

        self.loop(f"for ({c_type(kind)} {at} = {begin}; {test}; {more})", first, node.body)

    # statements

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
            value = self.named(value)
            parts = [Value(f"{value.code}.f{i}", kind, value.origins) for i, kind in enumerate(value.type.of)]
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
