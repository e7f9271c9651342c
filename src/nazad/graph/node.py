"""One application of a primitive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nazad.graph.spec import Spec
from nazad.graph.where import Where

if TYPE_CHECKING:
    from nazad.graph.primitive import Primitive


class Node:
    """One application of a primitive to an ordered list of predecessors.

    A node is compared by identity, and does not change once its graph is handed out. It holds no value, no
    gradient, no number and no flag:
    values live in the F that :meth:`Graph.forward` returns, cotangents in the B of :meth:`Graph.backward`.
    It is a plain class with slots because a graph may have millions of them (a frozen dataclass takes
    two and a half times as long to make).

    Attributes
    ----------
    op : Primitive
        The operation.
    preds : tuple of Node
        The predecessors in the order of the arguments; one node may stand in it twice.
    params : dict
        What the operation needs besides: an axis, a shape, an index.
    spec : Spec or None
        Shape and dtype of the value, where known.
    where : Where or None
        The user's file and line that made it.
    """

    __slots__ = ("op", "params", "preds", "spec", "where")

    def __init__(
        self,
        op: Primitive,
        preds: tuple[Node, ...] = (),
        params: dict[str, Any] | None = None,
        spec: Spec | None = None,
        where: Where | None = None,
    ) -> None:
        self.op = op
        self.preds = preds
        self.params = {} if params is None else params
        self.spec = spec
        self.where = where

    @property
    def is_source(self) -> bool:
        """Whether nothing stands before it: a leaf or a constant."""
        return not self.preds

    def on(self, preds: tuple[Node, ...]) -> Node:
        """The same operation on other predecessors; this node itself if they are the same."""
        return self if preds == self.preds else Node(self.op, preds, self.params, self.spec, self.where)

    def __repr__(self) -> str:
        inside = ", ".join(p.op.name for p in self.preds)
        if self.is_source:
            return f"<{self.op.name} {next(iter(self.params.values()), '')}>"
        return f"<node {self.op.name}({inside})>"
