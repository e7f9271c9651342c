"""nazad: backpropagation for the NumPy code that you already have.

>>> import numpy as np
>>> import nazad as nz
>>> nz.grad(lambda x: np.sin(x) * x)(0.0)
0.0
"""

from nazad import ops
from nazad.api import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp, vmap
from nazad.graph import Graph, Node, Spec, constant, leaf
from nazad.ops.families import elementwise
from nazad.expansion import Expansion, taylor
from nazad.trace.trace import trace

__version__ = "0.1.0.dev0"

__all__ = [
    "Expansion",
    "Graph",
    "Node",
    "Spec",
    "constant",
    "elementwise",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "leaf",
    "ops",
    "taylor",
    "trace",
    "value_and_grad",
    "vjp",
    "vmap",
]
