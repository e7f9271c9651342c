"""The public transforms: from a function to the function that computes its derivative.

Each of them traces the function at its arguments and runs one of three loops over the graph: Backward,
forward mode, batching. They compose because the loops run on traced values as they do on arrays.

The other rooms stand upon more, operations that carry graphs, the compiler and patterns of sparsity, and are
imported when they are first asked for.
"""

from nazad.api.forward import hvp, jvp
from nazad.api.matrices import hessian, jacobian
from nazad.api.reverse import grad, value_and_grad, vjp
from nazad.api.rows import vmap

__all__ = [
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "value_and_grad",
    "vjp",
    "vmap",
]
