"""Every small change of a module's source: a comparison turned, a constant moved, a branch forced, a statement gone."""

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.Pow: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """A changed module. `name` says what was changed where, in words that survive moving lines."""

    name: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module."""
    tree = ast.parse(source)
    seen: dict[str, int] = {}
    for number, (function, node) in enumerate(_targets(tree)):
        for what, changed in _changes(node):
            copied = copy.deepcopy(tree)
            target = list(_targets(copied))[number][1]
            _Swap(target, changed).visit(copied)
            name = f"{function}: {what}"
            seen[name] = seen.get(name, 0) + 1
            yield Mutant(name if seen[name] == 1 else f"{name} ({seen[name]})", ast.fix_missing_locations(copied))


def _targets(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Every node that decides something: not docstrings, types, imports, decorators."""

    def walk(node: ast.AST, function: str) -> Iterator[tuple[str, ast.AST]]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            function = node.name if function == "module" else f"{function}.{node.name}"
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_docstring(node) or _is_literal_type(node):
            return
        yield function, node
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from walk(child, function)

    yield from walk(tree, "module")


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_literal_type(node: ast.AST) -> bool:
    return isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Literal"


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    text = ast.unparse(node) if isinstance(node, ast.expr) else ""
    match node:
        case ast.Compare(ops=[op, *_]) if type(op) in _COMPARISONS:
            yield f"turn {text}", ast.Compare(node.left, [_COMPARISONS[type(op)](), *node.ops[1:]], node.comparators)
        case ast.BinOp(op=op) if type(op) in _OPERATORS and not _is_type(node):
            yield f"other operator in {text}", ast.BinOp(node.left, _OPERATORS[type(op)](), node.right)
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield f"other junction in {text}", ast.BoolOp(other, node.values)
        case ast.UnaryOp(op=ast.Not()):
            yield f"drop not in {text}", node.operand
        case ast.IfExp():
            yield f"always {ast.unparse(node.body)} of {text}", node.body
            yield f"always {ast.unparse(node.orelse)} of {text}", node.orelse
        case ast.If():
            test = ast.unparse(node.test)
            yield f"never if {test}", ast.If(ast.Constant(False), node.body, node.orelse)
            yield f"always if {test}", ast.If(ast.Constant(True), node.body, node.orelse)
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield f"return None for {ast.unparse(value)}", ast.Return(ast.Constant(None))
        case ast.Constant(value=bool() as value):
            yield f"{not value} for {value}", ast.Constant(not value)
        case ast.Constant(value=int() as value):
            yield f"{value + 1} for {value}", ast.Constant(value + 1)
        case ast.Constant(value=str() as value) if value:
            yield f"other text for {value[:40]!r}", ast.Constant(f"{value}~")
        case ast.Raise():
            yield f"no {ast.unparse(node)}", ast.Pass()
        case ast.AugAssign():
            yield f"no {ast.unparse(node)}", ast.Pass()


def _is_type(node: ast.BinOp) -> bool:
    """`str | None` is a type, not a sum."""
    names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    return (
        isinstance(node.op, ast.BitOr) and bool(names) and all(name[:1].isupper() or name in _TYPES for name in names)
    )


_TYPES = frozenset({"str", "int", "dict", "list", "tuple", "bool", "bytes"})


class _Swap(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old = old
        self.new = new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else super().generic_visit(node)
