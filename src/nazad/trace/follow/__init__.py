"""Following: calls that NumPy's protocols cannot catch are caught where the user wrote them.

``np.zeros(3)``, ``math.exp(x)`` and ``float(x)`` never ask their arguments how they want to be treated. So
the user's own functions run in a version whose call sites are rewritten, ``f(a)`` to ``__nz__(f)(a)``; and
``__nz__`` says what is to be called: the function itself, its own rewritten version, or what stands in for it
while a trace is running.

==========  ========================================================================================
source      finds the source of a function, and makes sure that it is what runs
rewrite     rewrites the call sites, and compiles
resolve     ``__nz__``, and the table of its finders
functions   what is called in place of functions and methods,
classes     of classes and objects that are called
objects     what happens without a call: properties, ``with``, ``for``, ``is True``, ``%``
joining     ``np.r_`` and ``np.c_``
standins    the table of stand-ins; the rooms of ``tables`` enter them by subject
==========  ========================================================================================

A version shares globals, cells, defaults and line numbers with its original, so that debuggers, tracebacks
and reports of coverage show what they always show. Modules stay as they are, and library code is never
rewritten.
"""

from __future__ import annotations

from nazad.trace.follow import classes, functions, joining, objects, tables
from nazad.trace.follow.resolve import forget
from nazad.trace.follow.resolve import resolve as followed
from nazad.trace.follow.source import reason

__all__ = ["classes", "followed", "forget", "functions", "joining", "objects", "reason", "tables"]
