"""Branches and loops of kernels in C, and the types that variables have where ways meet."""

from __future__ import annotations

import ast
from abc import abstractmethod
from collections.abc import Callable

from .expressions import Expressions
from .types import Array, Tuple, Type, Unsupported, unified
from .values import Value, c_type, cast

Env = dict[str, tuple[Type, frozenset[int]]]
"""Of each variable its type, and which of the function's arrays it may be a view of."""


class Flow(Expressions):
    """Translates branches and loops, into `lines`."""

    name: str
    names: dict[tuple[str, Type], str]
    lines: list[str]
    indent: int
    depth: int
    exits: list[tuple[list[Env], list[Env]]]
    """Of each loop around, innermost last: types at its breaks, and at its continues."""
    around: list[Env]
    """And at the begin of its turns."""

    @abstractmethod
    def emit(self, text: str) -> None:
        """Write a line."""

    @abstractmethod
    def fresh(self, stem: str) -> str:
        """A name that is not taken."""

    @abstractmethod
    def declare(self, text: str) -> None:
        """Make a variable known."""

    @abstractmethod
    def body(self, nodes: list[ast.stmt]) -> bool:
        """Statements; whether what follows them is reached."""

    @abstractmethod
    def assign(self, target: ast.expr, value: Value) -> None:
        """Give a name, names, elements or a slice a value."""

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

    def loop(self, head: str, first: Callable[[], None], nodes: list[ast.stmt]) -> None:
        """A loop; `first` sets its own variables at the begin of each turn."""
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
