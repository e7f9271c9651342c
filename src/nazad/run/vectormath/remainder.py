"""Remainders, which are exact, and the division that goes with them.

With a quotient q below 2^mantissa, rounded and cut, x - q·y is a multiple of the last bit of y and no larger
than y, so that one FMA gives it exactly; q may be one too large, which shows in the sign. Other lanes, rare,
are divided in integers: the mantissa of x, followed by as many zeros as the exponents differ, eleven at a
time, by that of y. remainder and floor_divide follow NumPy (npymath's npy_divmod), as Python's % and // do.
"""

from __future__ import annotations

from nazad.run.vectormath.doubled import two_product
from nazad.run.vectormath.function import rarely
from nazad.run.vectormath.lanewise import needed
from nazad.run.vectormath.values import Floats, Mask

_LONG_DIVISION = """\
define internal double @nz.fmod.long.f64(double %x, double %y) noinline cold nounwind {
entry:
  %x.bits = bitcast double %x to i64
  %y.bits = bitcast double %y to i64
  %a = and i64 %x.bits, 9223372036854775807
  %b = and i64 %y.bits, 9223372036854775807
  %endless = icmp uge i64 %a, 9218868437227405312
  %strange = icmp ugt i64 %b, 9218868437227405312
  %zero = icmp eq i64 %b, 0
  %never1 = or i1 %endless, %strange
  %never = or i1 %never1, %zero
  br i1 %never, label %undefined, label %compare
undefined:
  ret double 0x7FF8000000000000
compare:
  %below = icmp ult i64 %a, %b
  br i1 %below, label %itself, label %prepare
itself:
  ret double %x
prepare:
  %a.field = lshr i64 %a, 52
  %b.field = lshr i64 %b, 52
  %a.exponent = call i64 @llvm.umax.i64(i64 %a.field, i64 1)
  %b.exponent = call i64 @llvm.umax.i64(i64 %b.field, i64 1)
  %a.offset = sub i64 %a.exponent, 1
  %b.offset = sub i64 %b.exponent, 1
  %a.above = shl i64 %a.offset, 52
  %b.above = shl i64 %b.offset, 52
  %m = sub i64 %a, %a.above
  %n = sub i64 %b, %b.above
  %zeros = sub i64 %a.exponent, %b.exponent
  %first = urem i64 %m, %n
  br label %digits
digits:
  %left = phi i64 [%zeros, %prepare], [%left1, %digit]
  %rest = phi i64 [%first, %prepare], [%rest1, %digit]
  %more = icmp ne i64 %left, 0
  br i1 %more, label %digit, label %end
digit:
  %count = call i64 @llvm.umin.i64(i64 %left, i64 11)
  %longer = shl i64 %rest, %count
  %rest1 = urem i64 %longer, %n
  %left1 = sub i64 %left, %count
  br label %digits
end:
  %whole = uitofp i64 %rest to double
  %fraction = fmul double %whole, 0x3CB0000000000000
  %scale.bits = shl i64 %b.exponent, 52
  %scale = bitcast i64 %scale.bits to double
  %size = fmul double %fraction, %scale
  %result = call double @llvm.copysign.f64(double %size, double %x)
  ret double %result
}
declare i64 @llvm.umax.i64(i64, i64)
declare i64 @llvm.umin.i64(i64, i64)
declare double @llvm.copysign.f64(double, double)
"""
_IN_DOUBLE = """\
define internal float @nz.fmod.long.f32(float %x, float %y) noinline cold nounwind {
  %a = fpext float %x to double
  %b = fpext float %y to double
  %wide = call double @nz.fmod.long.f64(double %a, double %b)
  %result = fptrunc double %wide to float
  ret float %result
}
"""


def fmod(x: Floats, y: Floats) -> Floats:
    """x less a whole multiple of y, smaller than y and with the sign of x; nan at y = 0 and x = ±inf."""
    writer, form = x.writer, x.form
    a, b = abs(x), abs(y)
    q = (a / b).intrinsic("trunc")
    rest = _minus_multiple(a, q, b)
    rest = q.equals(0.0).choose(a, (rest < 0.0).choose(rest + b, rest)).with_sign_of(x)
    writer.needs["nz.fmod.long.f64"] = lambda: _LONG_DIVISION
    long = _LONG_DIVISION if form.is_double else _IN_DOUBLE
    symbol = needed(writer, f"nz.fmod.long.{form.suffix}", long, form.type)
    return rarely(~_usual(a, q), rest, symbol, x, y)


def _minus_multiple(a: Floats, q: Floats, b: Floats) -> Floats:
    if a.writer.fma:
        return (-q).intrinsic("fma", b, a)
    product, error = two_product(q, b)
    return (a - product) - error


def _usual(a: Floats, q: Floats) -> Mask:
    """Where that difference is exact: always for a short quotient, if products round once."""
    short = q < 2.0**a.form.mantissa
    if a.writer.fma:
        return short
    low, high = a.form.pick(2.0**-900, 2.0**-60), a.form.pick(2.0**900, 2.0**100)
    return q.equals(0.0) | (short & (a > low) & (a < high))


def remainder(x: Floats, y: Floats) -> Floats:
    """fmod moved to the side of y; zeros take its sign."""
    return _moved(fmod(x, y), y)[1]


def floor_divide(x: Floats, y: Floats) -> Floats:
    """x / y rounded down, in agreement with the remainder; x / y itself where y is zero."""
    rest = fmod(x, y)
    other, _ = _moved(rest, y)
    quotient = (x - rest) / y
    quotient = other.choose(quotient - 1.0, quotient)
    down = quotient.intrinsic("floor")
    down = (quotient - down > 0.5).choose(down + 1.0, down)
    ratio = x / y
    down = quotient.equals(0.0).choose(quotient.like(0.0).with_sign_of(ratio), down)
    return y.equals(0.0).choose(ratio, down)


def _moved(rest: Floats, y: Floats) -> tuple[Mask, Floats]:
    """Whether the remainder lies on the other side of zero than y; the remainder on the side of y."""
    other = rest.compare("une", 0.0) & ((y < 0.0) ^ (rest < 0.0))
    return other, rest.equals(0.0).choose(rest.like(0.0).with_sign_of(y), other.choose(rest + y, rest))
