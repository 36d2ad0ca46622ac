"""A small part of Python that is compiled: functions become LLVM IR.

Values are whole numbers of 64 bits, truth values, samples, addresses of these, and tuples.
There are assignments, `if`, `while`, `for` over `range` with a positive step, calls, and
the usual operators.  Names that are no variables stand for what they mean in Python.

It is Python, but for this: a variable keeps the kind of what it is given first, a
comparison looks at all its operands, and what is divided by 0 is 0.
"""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from textwrap import dedent
from typing import Any

from llvmlite import ir

from convadjoint.engines.expressions import Expressions
from convadjoint.engines.kinds import INDEX, flat, nested

__all__ = ["module_of"]


def module_of(
    function: Callable[..., Any],
    name: str,
    kinds: tuple[Any, ...],
    returns: Any = None,
) -> Any:
    """IR of a function that takes values of some kinds, and may return one."""
    module, kind = ir.Module(name), returns or ir.VoidType()
    made = ir.Function(module, ir.FunctionType(kind, flat(kinds)), name)
    body = _Body(ir.IRBuilder(made.append_basic_block("entry")), function, {})
    found = body.translate(nested(kinds, iter(made.args)))
    if returns is None:
        body.builder.ret_void()
    else:
        body.builder.ret(found)
    return module


@cache
def _tree(function: Callable[..., Any]) -> ast.FunctionDef:
    """The syntax of a function."""
    (tree,) = ast.parse(dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef)
    return tree


@dataclass(slots=True)
class _Body(Expressions):
    """The statements of a function; `loops` say where `continue` and `break` lead."""

    loops: list[tuple[Any, Any]] = field(default_factory=list)
    after: Any = None

    def translate(self, given: tuple[Any, ...]) -> Any:
        """Emit the whole function; return its result."""
        tree, self.after = _tree(self.function), self.block("returned")
        for argument, value in zip(tree.args.args, given, strict=True):
            self.keep(argument.arg, value)
        self._statements(tree.body)
        self._go(self.after)
        self.builder.position_at_end(self.after)
        return self.read("return") if "return" in self.slots else None

    def _statements(self, nodes: list[ast.stmt]) -> None:
        """Emit statements, up to one that leads elsewhere."""
        for node in nodes:
            if self.builder.block.is_terminated:
                return
            try:
                self.visit(node)
            except Exception as error:
                line = ast.unparse(node).partition("\n")[0]
                error.add_note(f"in {self.function.__qualname__}: {line}")
                raise

    def _go(self, block: Any) -> None:
        """Go on in a block, unless the way leads elsewhere already."""
        if not self.builder.block.is_terminated:
            self.builder.branch(block)

    def _Pass(self, _node: ast.Pass) -> None:
        pass

    def _Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.visit(node.value)

    def _Assign(self, node: ast.Assign) -> None:
        value = self.visit(node.value)
        for target in node.targets:
            self._assign(target, value)

    def _AugAssign(self, node: ast.AugAssign) -> None:
        value = self.visit(ast.BinOp(node.target, node.op, node.value))
        self._assign(node.target, value)

    def _assign(self, target: ast.expr, value: Any) -> None:
        """Give a value to a variable, to several, or to a place in memory."""
        if isinstance(target, ast.Name):
            self.keep(target.id, value)
        elif isinstance(target, ast.Tuple):
            for one, part in zip(target.elts, value, strict=True):
                self._assign(one, part)
        else:
            assert isinstance(target, ast.Subscript)
            place, at = self.visit(target.value), self.visit(target.slice)
            self.store(self.builder.gep(place, [at]), value)

    def _Return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.keep("return", self.visit(node.value))
        self.builder.branch(self.after)

    def _If(self, node: ast.If) -> None:
        yes, no, after = map(self.block, ("yes", "no", "after"))
        self.builder.cbranch(self.truth(self.visit(node.test)), yes, no)
        for block, nodes in ((yes, node.body), (no, node.orelse)):
            self.builder.position_at_end(block)
            self._statements(nodes)
            self._go(after)
        self.builder.position_at_end(after)

    def _While(self, node: ast.While) -> None:
        head, body, after = map(self.block, ("head", "body", "after"))
        self.builder.branch(head)
        self.builder.position_at_end(head)
        self.builder.cbranch(self.truth(self.visit(node.test)), body, after)
        self.builder.position_at_end(body)
        self._loop(node.body, head, after)

    def _For(self, node: ast.For) -> None:
        assert isinstance(node.iter, ast.Call)
        assert not node.orelse
        builder, (start, stop, step) = self.builder, self._limits(node.iter)
        head, body, more, after = map(self.block, ("head", "body", "more", "after"))
        counter = self.slot(start)
        builder.store(start, counter)
        builder.branch(head)
        builder.position_at_end(more)
        builder.store(builder.add(builder.load(counter), step, flags=["nsw"]), counter)
        builder.branch(head)
        builder.position_at_end(head)
        number = builder.load(counter)
        builder.cbranch(builder.icmp_signed("<", number, stop), body, after)
        builder.position_at_end(body)
        self._assign(node.target, number)
        self._loop(node.body, more, after)

    def _limits(self, node: ast.Call) -> tuple[Any, Any, Any]:
        """Begin, end and step of a range."""
        assert ast.unparse(node.func) == "range"
        values = [self.visit(argument) for argument in node.args]
        if len(values) == 1:
            return INDEX(0), values[0], INDEX(1)
        return values[0], values[1], values[2] if len(values) > 2 else INDEX(1)

    def _loop(self, nodes: list[ast.stmt], more: Any, after: Any) -> None:
        """Emit the body of a loop, and go on after it."""
        self.loops.append((more, after))
        self._statements(nodes)
        self._go(more)
        self.loops.pop()
        self.builder.position_at_end(after)

    def _Continue(self, _node: ast.Continue) -> None:
        self.builder.branch(self.loops[-1][0])

    def _Break(self, _node: ast.Break) -> None:
        self.builder.branch(self.loops[-1][1])
