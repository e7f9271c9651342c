"""Simplify: an equal graph with fewer and cheaper nodes.

A derivative that was written by rule is full of ones, of copies, and of products that guard against zeros
that cannot occur. One walk forward puts each node down again, on predecessors that are simple already:

    folding         a node of constants is a constant
    rewriting       a node that one of the rules knows becomes a cheaper one, until no rule knows it
    subexpressions  a node that stands there already is that node

and what no sink needs is dropped at the end. The walk is a loop; a second one would find nothing left.

Rules keep IEEE arithmetic: signed zeros, infinities and nan come out as before, entry by entry. Two liberties
are taken. Where a product of the chain rule (:data:`nazad.ops.families.chain`) becomes an ordinary one, the
sign of a zero that stands in one array with a nan is left open, as it depends on that neighbour. And a sum
is the same sum, but NumPy adds up in an order that depends on how an array lies in memory. Rules
that are allowed more (an ulp or two, the sign of a zero) are marked as such and can be left out.

Shapes, dtypes and which values are Python numbers are those of the traced point, as are constants.
"""

from nazad.transform.simplify.facts import facts_in
from nazad.transform.simplify.walk import simplify

__all__ = ["facts_in", "simplify"]
