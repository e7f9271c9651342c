"""Vector mathematics: nanoseconds an element of ``sum(f(a * x))``, emitted against NumPy.

Both work on 4096 numbers, which the nearest caches hold, in one run, taking turns. ``python
benchmarks/vectormath.py`` shows all functions; names as arguments choose some.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import erf
from side_by_side import medians, report

from nazad.run.llvm import Machine, Target, compile_ir
from nazad.run.vectormath import FUNCTIONS, call, emit

SIZE, FACTOR, UNROLL = 4096, 0.75, 4
CHEAP = {"sqrt", "absolute", "fabs", "copysign", "floor", "ceil", "trunc", "rint", "sign"}
CHEAP |= {"maximum", "minimum", "fmax", "fmin"}
NAMES = [name for name in FUNCTIONS if name not in CHEAP]
ELSEWHERE: dict[str, Callable[..., Any]] = {"sigmoid": lambda x: 1 / (1 + np.exp(-x)), "erf": erf}
DRAWN = {
    "log": (0.0, 20.0),
    "log2": (0.0, 20.0),
    "log10": (0.0, 20.0),
    "log1p": (-0.5, 20.0),
    "arccosh": (1.5, 20.0),
    "power": (0.1, 20.0),
    "hypot": (0.1, 20.0),
}
INSIDE = {"arcsin", "arccos", "arctanh"}


def arguments(name: str, dtype: str) -> np.ndarray:
    low, high = DRAWN.get(name, (-1.0, 1.0) if name in INSIDE else (-5.0, 5.0))
    return np.random.default_rng(0).uniform(low, high, SIZE).astype(dtype)


def summing(name: str, dtype: str, target: Target) -> Machine:
    """A function that sums f(a x), or f(a x, x), by ``UNROLL`` vectors at a time."""
    element = {"float64": "double", "float32": "float"}[dtype]
    width = target.vector_bits // (8 * np.dtype(dtype).itemsize)
    vector = f"<{width} x {element}>"
    loop = "\n".join(one_vector(k, name, dtype, width, vector, element) for k in range(UNROLL))
    text = f"""
define {element} @summed({element} %a, ptr %x, i64 %n) {target.attributes} {{
entry:
  %first = insertelement {vector} poison, {element} %a, i32 0
  %as = shufflevector {vector} %first, {vector} poison, <{width} x i32> zeroinitializer
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %last]
{chr(10).join(f"  %s{k} = phi {vector} [zeroinitializer, %entry], [%t{k}, %last]" for k in range(UNROLL))}
{loop}
  br label %last
last:
  %next = add i64 %i, {UNROLL * width}
  %more = icmp ult i64 %next, %n
  br i1 %more, label %loop, label %end
end:
{chr(10).join(f"  %u{k} = fadd {vector} %{'t0' if k == 1 else f'u{k - 1}'}, %t{k}" for k in range(1, UNROLL))}
  %sum = call reassoc {element} @llvm.vector.reduce.fadd.v{width}f{np.dtype(dtype).itemsize * 8}(
    {element} -0.0, {vector} %u{UNROLL - 1})
  ret {element} %sum
}}
declare {element} @llvm.vector.reduce.fadd.v{width}f{np.dtype(dtype).itemsize * 8}({element}, {vector})
"""
    return compile_ir(emit(name, dtype, width, target.fma) + text, name, target)


def one_vector(k: int, name: str, dtype: str, width: int, vector: str, element: str) -> str:
    operands = [f"%y{k}", f"%x{k}"][: FUNCTIONS[name].arity]
    return f"""\
  %i{k} = add i64 %i, {k * width}
  %p{k} = getelementptr {element}, ptr %x, i64 %i{k}
  %x{k} = load {vector}, ptr %p{k}, align {np.dtype(dtype).itemsize}
  %y{k} = fmul {vector} %x{k}, %as
  %f{k} = {call(name, dtype, width, *operands)}
  %t{k} = fadd {vector} %s{k}, %f{k}"""


def contenders(name: str, dtype: str) -> dict[str, Callable[[], Any]]:
    x = arguments(name, dtype)
    code = summing(name, dtype, Target.host())
    kind = {"float64": ctypes.c_double, "float32": ctypes.c_float}[dtype]
    compiled = ctypes.CFUNCTYPE(kind, kind, ctypes.c_void_p, ctypes.c_int64)(code.address("summed"))
    f = ELSEWHERE.get(name) or getattr(np, name)
    a, place, two = x.dtype.type(FACTOR), x.ctypes.data, FUNCTIONS[name].arity == 2

    def emitted() -> float:
        return compiled(FACTOR, place, SIZE)

    def numpy() -> Any:
        return np.sum(f(a * x, x)) if two else np.sum(f(a * x))

    assert np.isclose(emitted(), numpy(), rtol=1e-3), name
    emitted.code = code  # the machine code lives as long as this
    return {"emitted": emitted, "NumPy": numpy}


def nanoseconds(name: str) -> dict[str, float]:
    found = {}
    for dtype in ("float64", "float32"):
        for who, seconds in medians(contenders(name, dtype), seconds=0.3).items():
            found[f"{who} {dtype}"] = round(seconds * 1e9 / SIZE, 3)
    return found


def main() -> None:
    figures = {name: nanoseconds(name) for name in sys.argv[1:] or NAMES}
    columns = ["", *next(iter(figures.values()))]
    rows = [[name, *(f"{ns:.2f}" for ns in found.values())] for name, found in figures.items()]
    report("vectormath: ns an element of sum(f(a x))", columns, rows, figures)


if __name__ == "__main__":
    main()
