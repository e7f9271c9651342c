"""The public transforms: from a function to the function that computes its derivative.

Each of them traces the function at its arguments and runs one of three loops over the graph: Backward,
forward mode, batching. They compose because the loops run on traced values as they do on arrays.

:mod:`~nazad.api.jit` and :mod:`~nazad.api.sparse` stand upon more than the others, the compiler and patterns
of sparsity, and are imported when they are first asked for.
"""

from nazad.api.branches import cond, switch
from nazad.api.callback import pure_callback
from nazad.api.checkpoint import checkpoint, name, stop_gradient
from nazad.api.control import fori_loop, while_loop
from nazad.api.custom import custom
from nazad.api.forward import hvp, jvp
from nazad.api.implicit import fixed_point, root
from nazad.api.matrices import hessian, jacobian
from nazad.api.reverse import grad, value_and_grad, vjp
from nazad.api.rows import vmap
from nazad.api.scan import scan

__all__ = [
    "checkpoint",
    "cond",
    "custom",
    "fixed_point",
    "fori_loop",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "name",
    "pure_callback",
    "root",
    "scan",
    "stop_gradient",
    "switch",
    "value_and_grad",
    "vjp",
    "vmap",
    "while_loop",
]
