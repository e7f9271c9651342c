"""The functions of :mod:`cmath`, which turn their arguments into Python's complex numbers."""

from __future__ import annotations

import cmath
from typing import Any

import numpy as np

from nazad.trace.follow.standins import on_traced
from nazad.trace.follow.tables.mathematics import mathematical
from nazad.trace.follow.tables.numbers import as_complex, as_float

_UFUNCS = {
    name: getattr(np, name) for name in ("cos", "cosh", "exp", "log10", "sin", "sinh", "sqrt", "tan", "tanh")
}
_UFUNCS |= {"acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin}
_UFUNCS |= {"asinh": np.arcsinh, "atan": np.arctan, "atanh": np.arctanh}
for _name, _ufunc in _UFUNCS.items():
    on_traced(getattr(cmath, _name))(mathematical(getattr(cmath, _name), _ufunc, as_complex))


@on_traced(cmath.log)
def _log(z: Any, base: Any = None) -> Any:
    y = _natural(z)
    return y if base is None else y / _natural(base)


_natural = mathematical(cmath.log, np.log, as_complex)


@on_traced(cmath.phase)
def _phase(z: Any) -> Any:
    return as_float(np.angle(as_complex(z)))


on_traced(cmath.polar)(lambda z: (abs(as_complex(z)), _phase(z)))
on_traced(cmath.rect)(lambda r, phi: as_float(r) * np.exp(1j * as_float(phi)))
on_traced(cmath.isnan)(lambda z: bool(np.isnan(z)))
on_traced(cmath.isinf)(lambda z: bool(np.isinf(z)))
on_traced(cmath.isfinite)(lambda z: bool(np.isfinite(z)))
