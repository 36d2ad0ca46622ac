"""Variables, expressions and calls of compiled code, as LLVM IR; see `language`."""

import ast
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, reduce
from typing import Any

from llvmlite import ir

from convadjoint.engines.kinds import (
    BOOLEAN,
    FLOATS,
    INDEX,
    Emitted,
    External,
    Part,
    common,
    flat,
    known,
    mapped,
    nested,
    packed,
    shape,
)

__all__ = ["Expressions"]

_WHOLE = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.LShift: "shl",
    ast.RShift: "ashr",
    ast.BitAnd: "and_",
    ast.BitOr: "or_",
}
_REAL = {ast.Add: "fadd", ast.Sub: "fsub", ast.Mult: "fmul"}
_COMPARED = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


@cache
def _meanings(function: Callable[..., Any]) -> dict[str, Any]:
    """What the names of a function that are no variables mean in Python."""
    found = inspect.getclosurevars(function)
    return {**found.builtins, **found.globals, **found.nonlocals}


@dataclass(slots=True)
class Expressions:
    """What a function computes on its way; `slots` hold its variables and its result.

    `parts` are the functions emitted so far, by the kinds of what they take, and what
    their results are like.
    """

    builder: Any
    function: Callable[..., Any]
    parts: dict[tuple[Any, str], tuple[Any, Any]]
    slots: dict[str, Any] = field(default_factory=dict)

    def translate(self, given: tuple[Any, ...]) -> Any:
        """Emit the whole function; return its result."""
        raise NotImplementedError

    def visit(self, node: ast.AST) -> Any:
        """Emit what stands for a node of the syntax."""
        action = getattr(self, f"_{type(node).__name__}", None)
        if action is None:
            msg = f"{type(node).__name__} is not compiled"
            raise SyntaxError(msg)
        return action(node)

    # --- Variables ----------------------------------------------------------------------

    def block(self, name: str) -> Any:
        """A new block of what is emitted."""
        return self.builder.append_basic_block(name)

    def slot(self, value: Any) -> Any:
        """Room for a value."""
        with self.builder.goto_entry_block():
            return self.builder.alloca(value.type)

    def keep(self, name: str, value: Any) -> None:
        """Give a variable a value."""
        if name not in self.slots:
            self.slots[name] = mapped(self.slot, value)
        mapped(self.store, self.slots[name], value)

    def read(self, name: str) -> Any:
        """The value of a variable, or of the result."""
        return mapped(self.builder.load, self.slots[name])

    def store(self, place: Any, value: Any) -> None:
        """Write a value to an address."""
        self.builder.store(self._as(value, place.type.pointee), place)

    def _as(self, value: Any, kind: Any) -> Any:
        """A value of another kind."""
        builder, whole = self.builder, isinstance(value.type, ir.IntType)
        if value.type == kind:
            return value
        if whole and isinstance(kind, ir.IntType) and kind != BOOLEAN:
            if value.type == BOOLEAN:
                return builder.zext(value, kind)
            longer = kind.width > value.type.width
            return (builder.sext if longer else builder.trunc)(value, kind)
        if whole and kind in FLOATS:
            return builder.sitofp(value, kind)
        msg = f"{value.type} cannot become {kind}"
        raise TypeError(msg)

    def _number(self, value: Any) -> Any:
        """Truth values and short integers as whole numbers; others as they are."""
        return self._as(value, INDEX) if isinstance(value.type, ir.IntType) else value

    def truth(self, value: Any) -> Any:
        """Whether a number is not 0."""
        if value.type == BOOLEAN:
            return value
        return self.builder.icmp_signed("!=", value, value.type(0))

    # --- Expressions --------------------------------------------------------------------

    def _Constant(self, node: ast.Constant) -> Any:
        return known(node.value)

    def _Name(self, node: ast.Name) -> Any:
        if node.id in self.slots:
            return self.read(node.id)
        if node.id not in _meanings(self.function):
            msg = f"{node.id} has no value yet"
            raise NameError(msg)
        return known(_meanings(self.function)[node.id])

    def _Attribute(self, node: ast.Attribute) -> Any:
        return known(getattr(self.visit(node.value), node.attr))

    def _Tuple(self, node: ast.Tuple) -> Any:
        return tuple(self.visit(one) for one in node.elts)

    def _Subscript(self, node: ast.Subscript) -> Any:
        value = self.visit(node.value)
        if not isinstance(value, tuple):
            place = self.builder.gep(value, [self.visit(node.slice)])
            return self._number(self.builder.load(place))
        if isinstance(node.slice, ast.Slice):
            low, high = (
                None if end is None else ast.literal_eval(end)
                for end in (node.slice.lower, node.slice.upper)
            )
            return value[low:high]
        return value[ast.literal_eval(node.slice)]

    def _UnaryOp(self, node: ast.UnaryOp) -> Any:
        value = self.visit(node.operand)
        if isinstance(node.op, ast.Not):
            return self.builder.not_(self.truth(value))
        inverted = isinstance(node.op, ast.Invert)
        return (self.builder.not_ if inverted else self.builder.neg)(value)

    def _BinOp(self, node: ast.BinOp) -> Any:
        values = [self._number(self.visit(side)) for side in (node.left, node.right)]
        kind, sign = common(*values), type(node.op)
        one, other = (self._as(value, kind) for value in values)
        if kind in FLOATS:
            return getattr(self.builder, _REAL[sign])(one, other)
        if sign in (ast.FloorDiv, ast.Mod):
            return self._divided(one, other)[sign is ast.Mod]
        return getattr(self.builder, _WHOLE[sign])(one, other)

    def _divided(self, one: Any, other: Any) -> tuple[Any, Any]:
        """Quotient, rounded down, and remainder; both are 0 where Python has none."""
        builder, zero = self.builder, INDEX(0)
        none = builder.icmp_signed("==", other, zero)
        divisor = builder.select(none, INDEX(1), other)
        quotient, rest = builder.sdiv(one, divisor), builder.srem(one, divisor)
        apart = builder.icmp_signed("<", builder.xor(rest, divisor), zero)
        below = builder.and_(builder.icmp_signed("!=", rest, zero), apart)
        lower = builder.sub(quotient, builder.zext(below, INDEX))
        upper = builder.add(rest, builder.select(below, divisor, zero))
        return builder.select(none, zero, lower), upper

    def _Compare(self, node: ast.Compare) -> Any:
        values = [self.visit(one) for one in (node.left, *node.comparators)]
        found = [
            self._compared(_COMPARED[type(sign)], *pair)
            for sign, *pair in zip(node.ops, values[:-1], values[1:], strict=True)
        ]
        return reduce(self.builder.and_, found)

    def _compared(self, sign: str, one: Any, other: Any) -> Any:
        """Whether something holds; tuples are the same if all their values are."""
        if isinstance(one, tuple):
            same = flat(mapped(lambda *pair: self._compared("==", *pair), one, other))
            equal = reduce(self.builder.and_, same)
            return equal if sign == "==" else self.builder.not_(equal)
        one, other = self._number(one), self._number(other)
        return self.builder.icmp_signed(sign, one, other)

    def _BoolOp(self, node: ast.BoolOp) -> Any:
        both, after, found = isinstance(node.op, ast.And), self.block("after"), None
        for one in node.values:
            value, more = self.visit(one), self.block("more")
            found = found or self.slot(value)
            self.store(found, value)
            ways = (more, after) if both else (after, more)
            self.builder.cbranch(self.truth(value), *ways)
            self.builder.position_at_end(more)
        self.builder.branch(after)
        self.builder.position_at_end(after)
        return self.builder.load(found)

    def _IfExp(self, node: ast.IfExp) -> Any:
        yes, no, after = map(self.block, ("yes", "no", "after"))
        self.builder.cbranch(self.truth(self.visit(node.test)), yes, no)
        ends = []
        for block, branch in ((yes, node.body), (no, node.orelse)):
            self.builder.position_at_end(block)
            ends.append((self.visit(branch), self.builder.block))
        kinds = mapped(common, *(value for value, _ in ends))
        values = []
        for value, block in ends:
            self.builder.position_at_end(block)
            values.append(mapped(self._as, value, kinds))
            self.builder.branch(after)
        self.builder.position_at_end(after)
        blocks = [block for _, block in ends]
        return mapped(lambda *pair: self._either(pair, blocks), *values)

    def _either(self, values: tuple[Any, ...], blocks: list[Any]) -> Any:
        """The value of the block that one comes from."""
        phi = self.builder.phi(values[0].type)
        for value, block in zip(values, blocks, strict=True):
            phi.add_incoming(value, block)
        return phi

    # --- Calls --------------------------------------------------------------------------

    def _Call(self, node: ast.Call) -> Any:
        called = self.visit(node.func)
        given = tuple(self.visit(argument) for argument in node.args)
        if called in (min, max):
            sign = "<" if called is min else ">"
            return reduce(lambda one, other: self._chosen(sign, one, other), given)
        if isinstance(called, Emitted):
            return called.function(self.builder, *given)
        if isinstance(called, External):
            return self._external(called, given)
        if not isinstance(called, Part):
            msg = f"{called} is not compiled"
            raise TypeError(msg)
        if called.apart:
            return self._apart(called.function, given)
        return type(self)(self.builder, called.function, self.parts).translate(given)

    def _chosen(self, sign: str, one: Any, other: Any) -> Any:
        """The lesser or the greater of two whole numbers."""
        return self.builder.select(
            self.builder.icmp_signed(sign, other, one), other, one
        )

    def _external(self, called: External, given: tuple[Any, ...]) -> Any:
        """Call what the C library has; its numbers may be shorter."""
        builder, kind = self.builder, called.kind
        function = builder.module.globals.get(called.name) or ir.Function(
            builder.module, kind, called.name
        )
        values = [self._as(*pair) for pair in zip(given, kind.args, strict=True)]
        found = builder.call(function, values)
        return None if kind.return_type == ir.VoidType() else self._number(found)

    def _apart(self, function: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        """Call a function of its own, which is emitted once for values of some kinds."""
        key = function, shape(given)
        if key not in self.parts:
            self.parts[key] = self._emitted(function, given)
        made, like = self.parts[key]
        found = self.builder.call(made, flat(given))
        if not isinstance(like, tuple):
            return None if like is None else found
        count = range(len(flat(like)))
        return nested(like, (self.builder.extract_value(found, i) for i in count))

    def _emitted(
        self, function: Callable[..., Any], given: tuple[Any, ...]
    ) -> tuple[Any, Any]:
        """Emit a function; return it, and what its result is like."""
        module = self.builder.module
        kind = ir.FunctionType(ir.VoidType(), [value.type for value in flat(given)])
        made = ir.Function(module, kind, module.get_unique_name(function.__name__))
        made.linkage = "internal"
        # Looking for what to put where takes long, and products gain nothing by it.
        made.attributes.add("noinline")
        builder = ir.IRBuilder(made.append_basic_block("entry"))
        body = type(self)(builder, function, self.parts)
        like = body.translate(nested(given, iter(made.args)))
        if like is None:
            builder.ret_void()
        else:
            result = packed(builder, flat(like)) if isinstance(like, tuple) else like
            builder.ret(result)
            # Only now is it known what the function returns.
            kind.return_type = made.return_value.type = result.type
        return made, like
