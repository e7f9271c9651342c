"""Functions of the table, compiled and applied to arrays: whole vectors, and the tail in scalars."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from nazad.run.llvm import Machine, Target, compile_ir
from nazad.run.vectormath import FUNCTIONS, call, emit_all

KERNEL = """
define void @kernel(ptr %x, ptr %y, ptr %z, i64 %n) ATTRIBUTES {
entry:
  %whole = and i64 %n, -WIDTH
  br label %vectors
vectors:
  %i = phi i64 [0, %entry], [%i1, %vector]
  %inside = icmp ult i64 %i, %whole
  br i1 %inside, label %vector, label %tail
vector:
  %xi = getelementptr ELEMENT, ptr %x, i64 %i
  %yi = getelementptr ELEMENT, ptr %y, i64 %i
  %zi = getelementptr ELEMENT, ptr %z, i64 %i
  %xv = load VECTOR, ptr %xi, align 4
  %yv = load VECTOR, ptr %yi, align 4
  %zv = MANY
  store VECTOR %zv, ptr %zi, align 4
  %i1 = add i64 %i, WIDTH
  br label %vectors
tail:
  %j = phi i64 [%whole, %vectors], [%j1, %one]
  %left = icmp ult i64 %j, %n
  br i1 %left, label %one, label %end
one:
  %xj = getelementptr ELEMENT, ptr %x, i64 %j
  %yj = getelementptr ELEMENT, ptr %y, i64 %j
  %zj = getelementptr ELEMENT, ptr %z, i64 %j
  %xs = load ELEMENT, ptr %xj
  %ys = load ELEMENT, ptr %yj
  %zs = ONE
  store ELEMENT %zs, ptr %zj
  %j1 = add i64 %j, 1
  br label %tail
end:
  ret void
}
"""


def kernel(name: str, dtype: str, width: int, fma: bool, target: Target) -> str:
    """z[i] = f(x[i], y[i]) as IR."""
    element = {"float64": "double", "float32": "float"}[dtype]
    count = FUNCTIONS[name].arity
    parts = {
        "ATTRIBUTES": target.attributes,
        "MANY": call(name, dtype, width, *["%xv", "%yv"][:count]),
        "ONE": call(name, dtype, 1, *["%xs", "%ys"][:count]),
        "VECTOR": f"<{width} x {element}>" if width > 1 else element,
        "ELEMENT": element,
        "WIDTH": str(width),
    }
    text = KERNEL
    for word, value in parts.items():
        text = text.replace(word, value)
    return emit_all([(name, dtype, width), (name, dtype, 1)], fma) + text


@functools.cache
def machine(name: str, dtype: str, width: int, fma: bool, target: Target) -> Machine:
    return compile_ir(kernel(name, dtype, width, fma, target), name, target)


def apply(name: str, *xs: Any, width: int = 8, fma: bool = True, target: Target | None = None) -> np.ndarray:
    """The function of the arrays, computed by machine code."""
    x, y = np.ascontiguousarray(xs[0]), np.ascontiguousarray(xs[-1])
    z = np.empty_like(x)
    pointer, size = ctypes.c_void_p, ctypes.c_int64
    code = machine(name, x.dtype.name, width, fma, target or Target.host())
    run = ctypes.CFUNCTYPE(None, pointer, pointer, pointer, size)(code.address("kernel"))
    run(x.ctypes.data, y.ctypes.data, z.ctypes.data, x.size)
    return z


@pytest.fixture(name="apply", scope="session")
def apply_fixture() -> Callable[..., np.ndarray]:
    return apply
