"""Call sites are rewritten, ``f(a)`` to ``__nz__(f)(a)``, and the statement around them compiled.

The rewritten statement is compiled as the body of a function with the argument ``__nz__``, so that everything
inside has it as a free variable, whatever the globals. This function never runs; its constants hold the code
objects.
"""

from __future__ import annotations

import ast
from types import CodeType

from nazad.trace.running import RESOLVER

_IN_THE_FRAME = frozenset({"super", "globals", "eval", "exec"})
"""Builtins that look at the frame of their caller."""
_OF_ARRAYS = frozenset(["shape", "T", "dtype", "ndim", "size", "real", "imag", "flat", "mT"])
"""Attributes of arrays; looking for a property of an object by these names would slow down everything."""
_JOINING = ("r_", "c_")
_NOT_GLOBAL = frozenset({RESOLVER, "__class__", "__debug__", "__annotations__"})
_FACTORY = "def __factory__(__nz__): pass"


def rewritten(
    statement: ast.stmt, plain: CodeType, file: str, flags: int, modules: frozenset[str]
) -> CodeType:
    """The code of a function around the rewritten statement; the code objects in it are as in ``plain``."""
    module = ast.parse(_FACTORY)
    factory = module.body[0]
    assert isinstance(factory, ast.FunctionDef)
    names = sorted(name for name in set(plain.co_names) - _NOT_GLOBAL if name.isidentifier())
    body = _Sites(modules).visit(statement)
    factory.body = [ast.Global(names), body] if names else [body]
    ast.fix_missing_locations(module)
    compiled = compile(module, file, "exec", flags, dont_inherit=True)
    return _named_as(plain, next(c for c in compiled.co_consts if isinstance(c, CodeType)))


def _named_as(plain: CodeType, twin: CodeType) -> CodeType:
    """With the qualified names that the code objects have without the function around them."""
    originals = iter([c for c in plain.co_consts if isinstance(c, CodeType)])
    consts = [_named_as(next(originals), c) if isinstance(c, CodeType) else c for c in twin.co_consts]
    return twin.replace(co_consts=tuple(consts), co_qualname=plain.co_qualname)


class _Sites(ast.NodeTransformer):
    """What is rewritten, and how. The new nodes stand where the old ones stood."""

    def __init__(self, modules: frozenset[str]) -> None:
        self._modules, self._classes, self._depth = modules, [""], 0

    # --- calls
    def visit_Call(self, node: ast.Call) -> ast.Call:
        func = node.func
        if isinstance(func, ast.Attribute):
            func.value = self.visit(func.value)
        elif not isinstance(func, ast.Name):
            func = self.visit(func)
        if not (isinstance(func, ast.Name) and func.id in _IN_THE_FRAME):
            node.func = _site(ast.Name(RESOLVER, ast.Load()), func)
        node.args = [self.visit(a) for a in node.args]
        node.keywords = [self.visit(k) for k in node.keywords]
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self._inside(node)
        node.decorator_list = [self.visit(d) for d in node.decorator_list]
        node.args.defaults = [self.visit(d) for d in node.args.defaults]
        node.args.kw_defaults = [d and self.visit(d) for d in node.args.kw_defaults]
        return node  # annotations stay: they may be kept as text

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self._classes.append(node.name)
        self._inside(node)
        self._classes.pop()
        return node

    def _inside(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        self._depth += 1
        node.body = [self.visit(s) for s in node.body]
        self._depth -= 1

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """Not its annotation; and a global name may have none."""
        node.value = node.value and self.visit(node.value)
        if self._depth or node.value is None:
            return node
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    # --- what calls without parentheses
    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        value = node.value
        is_module = isinstance(value, ast.Name) and value.id in self._modules
        node.value = self.visit(value)
        if isinstance(node.ctx, ast.Load) and node.attr not in _OF_ARRAYS and not is_module:
            node.value = _site(_helper("of"), node.value, ast.Constant(self._mangled(node.attr)))
        return node

    def _mangled(self, name: str) -> str:
        """The name that an attribute has outside of its class: a private one begins with the class's."""
        is_private = self._classes[-1] and name.startswith("__") and not name.endswith("__")
        return f"_{self._classes[-1].lstrip('_')}{name}" if is_private else name

    def visit_Subscript(self, node: ast.Subscript) -> ast.Subscript:
        self.generic_visit(node)
        if isinstance(node.value, ast.Attribute | ast.Name) and _last_name(node.value) in _JOINING:
            node.value = _site(_helper("joining"), node.value)
        return node

    def visit_With(self, node: ast.With) -> ast.AST:
        self.generic_visit(node)
        for item in node.items:
            item.context_expr = _site(_helper("context"), item.context_expr)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        node.iter = _site(_helper("items"), node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        if not node.is_async:
            node.iter = _site(_helper("items"), node.iter)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.op, ast.Mod) and _is_text(node.left):
            return ast.copy_location(ast.Call(_helper("text"), [node.left, node.right], []), node)
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        for k, op in enumerate(node.ops):
            if isinstance(op, (ast.Is, ast.IsNot)) and any(map(_is_truth, sides[k : k + 2])):
                sides[k : k + 2] = [
                    x if isinstance(x, ast.Constant) else _site(_helper("truth"), x) for x in sides[k : k + 2]
                ]
        node.left, *node.comparators = sides
        return node

    def visit_MatchSingleton(self, node: ast.MatchSingleton) -> ast.AST:
        value = node.value
        return node if value is None else ast.MatchValue(_helper(str(value).lower()))


def _site(function: ast.expr, of: ast.expr, *more: ast.expr) -> ast.Call:
    """A call that stands where its first argument stood."""
    return ast.copy_location(ast.Call(function, [of, *more], []), of)


def _helper(name: str) -> ast.Attribute:
    return ast.Attribute(ast.Name(RESOLVER, ast.Load()), name, ast.Load())


def _last_name(node: ast.Attribute | ast.Name) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id


def _is_truth(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, bool)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))
