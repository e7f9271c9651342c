"""The computational graph: spec, node, primitive, graph. Knows no single operation."""

from nazad.graph.graph import Graph, Piece, like, topological_order, total, zeros_like
from nazad.graph.node import Node
from nazad.graph.primitive import CONSTANT, LEAF, Holder, Primitive, Traced, Value, constant, leaf
from nazad.graph.spec import NUMERIC, PYTHON_NUMBERS, Spec, dtype_of, is_complex, is_real, rank_of, shape_of
from nazad.graph.where import Where, here

__all__ = [
    "CONSTANT",
    "LEAF",
    "NUMERIC",
    "PYTHON_NUMBERS",
    "Graph",
    "Holder",
    "Node",
    "Piece",
    "Primitive",
    "Spec",
    "Traced",
    "Value",
    "Where",
    "constant",
    "dtype_of",
    "here",
    "is_complex",
    "is_real",
    "leaf",
    "like",
    "rank_of",
    "shape_of",
    "topological_order",
    "total",
    "zeros_like",
]
