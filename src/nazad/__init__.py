"""nazad: backpropagation for the NumPy code that you already have.

>>> import numpy as np
>>> import nazad as nz
>>> nz.grad(lambda x: np.sin(x) * x)(0.0)
0.0
"""

import importlib
from typing import TYPE_CHECKING, Any

from nazad import ops
from nazad.api import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp, vmap
from nazad.differences import differences, error_curve
from nazad.expansion import taylor
from nazad.explain import explain
from nazad.graph import Graph, Node, Spec, constant, leaf
from nazad.ops.families import elementwise
from nazad.symbolic import swell, swell_table, symbolic
from nazad.testing import adjoint_identity, check_gradients
from nazad.trace.trace import trace

if TYPE_CHECKING:
    from nazad.api.branches import cond, switch
    from nazad.api.callback import pure_callback
    from nazad.api.checkpoint import checkpoint, name, stop_gradient
    from nazad.api.control import fori_loop, while_loop
    from nazad.api.custom import custom
    from nazad.api.implicit import fixed_point, root
    from nazad.api.jit import jit
    from nazad.api.scan import scan
    from nazad.api.sparse import sparse_jacobian
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
    from nazad.run.threads import set_threads

__version__ = "0.1.0.dev0"

_ROOMS = {
    "nazad.api.branches": "cond switch",
    "nazad.api.callback": "pure_callback",
    "nazad.api.checkpoint": "checkpoint name stop_gradient",
    "nazad.api.control": "fori_loop while_loop",
    "nazad.api.custom": "custom",
    "nazad.api.implicit": "fixed_point root",
    "nazad.api.jit": "jit",
    "nazad.api.scan": "scan",
    "nazad.api.sparse": "sparse_jacobian",
    "nazad.descent": (
        "Result Rule certify descend estimate_smoothness gradient_descent gradient_noise inverse_sqrt "
        "inverse_time least_squares_smoothness logistic_smoothness minimize"
    ),
    "nazad.run.threads": "set_threads",
}
_LATER = {name: room for room, names in _ROOMS.items() for name in names.split()}
"""What is imported when it is first asked for: together it takes much longer than all the rest."""


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
