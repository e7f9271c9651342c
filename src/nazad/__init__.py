"""nazad: backpropagation for the NumPy code that you already have.

>>> import numpy as np
>>> import nazad as nz
>>> nz.grad(lambda x: np.sin(x) * x)(0.0)
0.0
"""

from nazad import ops
from nazad.api import grad, hessian, hvp, jacobian, jit, jvp, sparse_jacobian, value_and_grad, vjp, vmap
from nazad.descent import (
    Result,
    Rule,
    certify,
    descend,
    estimate_smoothness,
    gradient_descent,
    gradient_noise,
    inverse_sqrt,
    inverse_time,
    least_squares_smoothness,
    logistic_smoothness,
    minimize,
)
from nazad.differences import differences, error_curve
from nazad.expansion import taylor
from nazad.explain import explain
from nazad.graph import Graph, Node, Spec, constant, leaf
from nazad.ops.families import elementwise
from nazad.run.threads import set_threads
from nazad.symbolic import swell, swell_table, symbolic
from nazad.testing import adjoint_identity, check_gradients
from nazad.trace.trace import trace

__version__ = "0.1.0.dev0"

__all__ = [
    "Graph",
    "Node",
    "Result",
    "Rule",
    "Spec",
    "adjoint_identity",
    "certify",
    "check_gradients",
    "constant",
    "descend",
    "differences",
    "elementwise",
    "error_curve",
    "estimate_smoothness",
    "explain",
    "grad",
    "gradient_descent",
    "gradient_noise",
    "hessian",
    "hvp",
    "inverse_sqrt",
    "inverse_time",
    "jacobian",
    "jit",
    "jvp",
    "leaf",
    "least_squares_smoothness",
    "logistic_smoothness",
    "minimize",
    "ops",
    "set_threads",
    "sparse_jacobian",
    "swell",
    "swell_table",
    "symbolic",
    "taylor",
    "trace",
    "value_and_grad",
    "vjp",
    "vmap",
]
