"""Complex numbers and their parts: linear over the real numbers, and so stated by their transposes.

Transposed is with respect to Re(sum(a * b)): as Re(y_bar * Im(x)) = Re(-i y_bar * x), the share of x in the
cotangent of its imaginary part is -i y_bar. Whatever has no complex derivative is made of these: |x|, the
angle, the sign of a complex number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nazad.graph import Value, is_complex
from nazad.graph.primitive import Params
from nazad.ops.families import Linear, align


def _of_parts(re: Value, im: Value) -> Value:
    """re + i im, without the product by i, in which an infinity would become nan."""
    z = np.empty(np.broadcast_shapes(np.shape(re), np.shape(im)), np.result_type(re, im, np.complex64))
    np.copyto(z.real, re, casting="same_kind")
    np.copyto(z.imag, im, casting="same_kind")
    return z[()]


def _aligned(op: Linear, xs: Sequence[Value], batched: Sequence[bool], params: Params) -> Value:
    return op(*align(xs, batched))


real = Linear("real", np.real, lambda y_bar, x: y_bar, batch=_aligned)
imag = Linear("imag", np.imag, lambda y_bar, x: complex(0.0, -y_bar), batch=_aligned)
complex = Linear(
    "complex",
    _of_parts,
    lambda z_bar, x, y: z_bar.real,
    lambda z_bar, x, y: -z_bar.imag,
    batch=_aligned,
    together=True,
)
conjugate = Linear("conjugate", np.conjugate, lambda y_bar, x: np.conjugate(y_bar), batch=_aligned)


def conjugated(x: Value) -> Value:
    """The conjugate of a complex number; what is real stays as it is, without another node."""
    return conjugate(x) if is_complex(x) else x


for _op in (real, imag):
    _op.is_view = True
