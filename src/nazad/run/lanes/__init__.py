"""Vector code for every elementwise primitive on every real dtype.

A vector in a kernel is :class:`Lanes`, a NumPy dtype and a name in IR. :func:`apply` writes a primitive of
the table on such vectors, in the dtype in which NumPy's own loop would run (:func:`loop_dtypes`), and to the
values that NumPy gives: infinities, nan, signed zeros and integers that wrap included. :func:`cast` is
``astype``.

>>> import numpy as np
>>> from nazad.run.vectormath import Writer
>>> writer = Writer(8, fma=True)
>>> x = Lanes(np.dtype("int32"), "%x")
>>> apply(writer, "divide", [x, constant(writer, 2, "int32")], "float64")
Lanes(dtype=dtype('float64'), name='%t3')
>>> print("\\n".join(writer.lines))
  %t1 = sitofp <8 x i32> %x to <8 x double>
  %t2 = sitofp <8 x i32> splat (i32 2) to <8 x double>
  %t3 = fdiv <8 x double> %t1, %t2

Reals are :class:`~nazad.run.vectormath.values.Floats`, integers :class:`~nazad.run.lanes.whole.Whole`,
truth values :class:`~nazad.run.vectormath.values.Mask`; each kind has its room (``real``, ``integers``,
``truth``), a table of names and of Python functions that look like their formulas. What has no code of ours,
most of :mod:`scipy.special`, is called through the loop of its ufunc (``loop``). Nothing is marked fast.
"""

from nazad.run.lanes.cast import cast, load_cast, store_cast
from nazad.run.lanes.table import apply, is_called, is_ours, loop_dtypes, supports
from nazad.run.lanes.value import Lanes, constant, ir_type, known, memory_type

__all__ = [
    "Lanes",
    "apply",
    "cast",
    "constant",
    "ir_type",
    "is_called",
    "is_ours",
    "known",
    "load_cast",
    "loop_dtypes",
    "memory_type",
    "store_cast",
    "supports",
]
