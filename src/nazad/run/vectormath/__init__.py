"""Elementary functions as vector code that the library writes itself: no library to link, any target.

>>> from nazad.run.vectormath import emit
>>> print(emit("maximum", "float32").splitlines()[0])
define internal float @nz.maximum.f32(float %a, float %b) alwaysinline nounwind {

A kernel may also be written by calculating with its values, which spares the inlining, and shares what two
functions have in common:

>>> from nazad.run.vectormath import Floats, Writer, form_of, support
>>> writer = Writer(8, fma=True)
>>> x = Floats(writer, form_of("float64"), "%x")
>>> y = FUNCTIONS["sin"].write(x) * FUNCTIONS["cos"].write(x)
>>> lines, rest = writer.lines, support(writer)  # the function's body, and what it calls
>>> rest.count("@nz.reduce_huge(double %x) noinline")
1

Each function is a Python function of :class:`~nazad.run.vectormath.values.Floats` that looks like its
formula. :data:`~nazad.run.vectormath.table.FUNCTIONS` lists them with their errors. What a lane comes to
depends on that lane alone, and is the same at every width.
"""

from nazad.run.vectormath.emit import call, emit, emit_all, support, symbol
from nazad.run.vectormath.form import form_of
from nazad.run.vectormath.table import FUNCTIONS
from nazad.run.vectormath.values import Floats
from nazad.run.vectormath.writer import Writer

__all__ = ["FUNCTIONS", "Floats", "Writer", "call", "emit", "emit_all", "form_of", "support", "symbol"]
