"""Operations that carry graphs: how their bodies are traced, and what their derivatives are.

A derivative of an operation that carries graphs is an operation that carries the graphs' derivatives: the
reverse of a loop is a loop. So graphs are pushed, pulled and batched (:mod:`~nazad.bodies.derive`), and each
operation says how that is put together: ``loop``, ``while_loop`` and ``switch``. ``whole`` is a function that
is called as a whole, and is differentiated at the point, by tracing it when that is asked for; it serves
where a graph cannot say what is done, or should not be kept.

``traced`` is how a function of the user's becomes a body. Traced values that it captured become further
arguments.
"""

from nazad.bodies import loop  # noqa: F401  enters its rules
