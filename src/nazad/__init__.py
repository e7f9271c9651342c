"""nazad: backpropagation for the NumPy code that you already have.

>>> import numpy as np
>>> import nazad as nz
>>> nz.grad(lambda x: np.sin(x) * x)(0.0)
0.0
"""

import importlib
from typing import TYPE_CHECKING, Any

from nazad import ops
from nazad.api import (
    checkpoint,
    cond,
    custom,
    fixed_point,
    fori_loop,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    name,
    pure_callback,
    root,
    scan,
    stop_gradient,
    switch,
    value_and_grad,
    vjp,
    vmap,
    while_loop,
)
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
from nazad.symbolic import swell, swell_table, symbolic
from nazad.testing import adjoint_identity, check_gradients
from nazad.trace.trace import trace

if TYPE_CHECKING:
    from nazad.api.jit import jit
    from nazad.api.sparse import sparse_jacobian
    from nazad.run.threads import set_threads

__version__ = "0.1.0.dev0"

_LATER = {
    "jit": "nazad.api.jit",
    "set_threads": "nazad.run.threads",
    "sparse_jacobian": "nazad.api.sparse",
}
"""What is imported when it is first asked for: the compiler takes as long as all the rest."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = found = getattr(importlib.import_module(_LATER[name]), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


__all__ = [
    "Graph",
    "Node",
    "Result",
    "Rule",
    "Spec",
    "adjoint_identity",
    "certify",
    "check_gradients",
    "checkpoint",
    "cond",
    "constant",
    "custom",
    "descend",
    "differences",
    "elementwise",
    "error_curve",
    "estimate_smoothness",
    "explain",
    "fixed_point",
    "fori_loop",
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
    "name",
    "ops",
    "pure_callback",
    "root",
    "scan",
    "set_threads",
    "sparse_jacobian",
    "stop_gradient",
    "swell",
    "swell_table",
    "switch",
    "symbolic",
    "taylor",
    "trace",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]
