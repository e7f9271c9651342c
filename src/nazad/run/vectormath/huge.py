"""Arguments of sine, cosine and tangent that are too large for a reduction in three parts.

M. H. Payne and R. N. Hanek, *Radian reduction for trigonometric functions*, SIGNUM Newsletter 18 (1983): of
the product of x = m 2^e with 2/π only the bits that are worth less than 4 matter, so m is multiplied with a
window of 192 bits into 2/π that begins at the right place. Two bits of the product are the quadrant and the
next 126 are kept as the fraction. No double is closer than 2^-62 to a multiple of π/2 (Muller, *Elementary
Functions*, section 11.2), which leaves 64 good bits after the leading zeros.

These arguments are rare: one lane at a time, in a function that is never inlined.
"""

from __future__ import annotations

from collections.abc import Callable

from nazad.run.vectormath.coefficients import TWO_OVER_PI, constant
from nazad.run.vectormath.doubled import Pair, fast_two_sum, times
from nazad.run.vectormath.form import BINARY64, Form
from nazad.run.vectormath.function import definition, rarely
from nazad.run.vectormath.values import Floats, Ints
from nazad.run.vectormath.writer import Writer

Kernel = Callable[[Ints, Pair], Floats]
"""sin, cos or tan of n·π/2 + r, from n and the pair r."""

_REDUCE = """\
@nz.two_over_pi = private unnamed_addr constant TABLE
declare i128 @llvm.ctlz.i128(i128, i1)
declare i64 @llvm.fshl.i64(i64, i64, i64)
define internal { i64, double, double } @nz.reduce_huge(double %x) noinline cold nounwind {
  %bits = bitcast double %x to i64
  %m0 = and i64 %bits, 4503599627370495
  %m1 = or i64 %m0, 4503599627370496
  %e0 = lshr i64 %bits, 52
  %e = and i64 %e0, 2047
  %start = sub i64 %e, 1013
  %word = lshr i64 %start, 6
  %place = getelementptr i64, ptr @nz.two_over_pi, i64 %word
LOADS
  %m = zext i64 %m1 to i128
  %w1 = zext i64 %window1 to i128
  %w2 = zext i64 %window2 to i128
  %p0 = mul i64 %m1, %window0
  %p1 = mul i128 %m, %w1
  %p2 = mul i128 %m, %w2
  %p2.high = lshr i128 %p2, 64
  %p0.wide = zext i64 %p0 to i128
  %p0.high = shl i128 %p0.wide, 64
  %p12 = add i128 %p1, %p2.high
  %product = add i128 %p0.high, %p12
  %half = lshr i128 %product, 125
  %half1 = add i128 %half, 1
  %n.w = lshr i128 %half1, 1
  %n = trunc i128 %n.w to i64
  %fraction = shl i128 %product, 2
  %negative = icmp slt i128 %fraction, 0
  %minus = sub i128 0, %fraction
  %size = select i1 %negative, i128 %minus, i128 %fraction
  %zeros.w = call i128 @llvm.ctlz.i128(i128 %size, i1 false)
  %zeros = trunc i128 %zeros.w to i64
  %normal = shl i128 %size, %zeros.w
  %high.w = lshr i128 %normal, 75
  %high.i = trunc i128 %high.w to i64
  %low.w = lshr i128 %normal, 22
  %low.v = trunc i128 %low.w to i64
  %low.i = and i64 %low.v, 9007199254740991
  %high.f = uitofp i64 %high.i to double
  %low.f = uitofp i64 %low.i to double
  %exponent = sub i64 970, %zeros
  %unit.e = shl i64 %exponent, 52
  %sign = and i64 %bits, -9223372036854775808
  %flip = select i1 %negative, i64 -9223372036854775808, i64 0
  %sign1 = xor i64 %sign, %flip
  %unit.i = or i64 %unit.e, %sign1
  %unit = bitcast i64 %unit.i to double
  %high = fmul double %high.f, %unit
  %low.u = fmul double %low.f, %unit
  %low = fmul double %low.u, 0x3CA0000000000000
  %minus.n = sub i64 0, %n
  %below = icmp slt i64 %bits, 0
  %quadrant = select i1 %below, i64 %minus.n, i64 %n
  %r0 = insertvalue { i64, double, double } poison, i64 %quadrant, 0
  %r1 = insertvalue { i64, double, double } %r0, double %high, 1
  %r2 = insertvalue { i64, double, double } %r1, double %low, 2
  ret { i64, double, double } %r2
}
"""
"""n and the fraction, x = (n + fraction)·π/2, the fraction as a pair within ±1/2."""


def _reduce_huge() -> str:
    words = ", ".join(f"i64 {word}" for word in TWO_OVER_PI)
    table = f"[{len(TWO_OVER_PI)} x i64] [{words}]"
    return _REDUCE.replace("TABLE", table).replace("LOADS", _loads())


def _loads() -> str:
    """Four words from the table, shifted together to the three of the window."""
    lines = []
    for i in range(4):
        lines += [
            f"  %place{i} = getelementptr i64, ptr %place, i64 {i}",
            f"  %word{i} = load i64, ptr %place{i}, align 8",
        ]
    joined = "call i64 @llvm.fshl.i64(i64 %word{}, i64 %word{}, i64 %start)"
    lines += [f"  %window{i} = {joined.format(i, i + 1)}" for i in range(3)]
    return "\n".join(lines)


def recompute(x: Floats, y: Floats, limit: float, name: str, kernel: Kernel) -> Floats:
    """y, and where |x| reaches the limit (or is nan) what the careful path says instead."""
    writer, form = x.writer, x.form
    one = {bits: f"nz.{name}.huge.f{bits}" for bits in (64, 32)}
    symbol = f"nz.{name}.huge.{writer.suffix(form)}"
    writer.needs["nz.reduce_huge"] = _reduce_huge
    writer.needs[one[64]] = lambda: _careful(one[64], kernel, writer.fma)
    if not form.is_double:
        writer.needs[one[32]] = lambda: _single(one[32], one[64])
    if writer.width > 1:
        writer.needs[symbol] = lambda: _lane_by_lane(symbol, one[form.bits], form, writer.width, limit)
    arguments = [x, y] if writer.width > 1 else [x]
    return rarely(abs(x).compare("uge", limit), y, symbol, *arguments)


def _careful(symbol: str, kernel: Kernel, fma: bool) -> str:
    """The function of one double of any size: reduce by the table, times π/2, then the usual kernel."""
    return definition(symbol, BINARY64, 1, lambda x: _by_the_table(x, kernel), Writer(1, fma))


def _by_the_table(x: Floats, kernel: Kernel) -> Floats:
    writer, kind = x.writer, "{ i64, double, double }"
    struct = writer.write(f"call {kind} @nz.reduce_huge(double {x.name})")
    part = [writer.write(f"extractvalue {kind} {struct}, {i}") for i in range(3)]
    fraction = (Floats(writer, BINARY64, part[1]), Floats(writer, BINARY64, part[2]))
    p0, p1, _ = constant("pi/2", BINARY64)
    r = fast_two_sum(*times(fraction, (x.like(p0), x.like(p1))))
    return kernel(Ints(writer, BINARY64, part[0]), r) + (x - x)  # nan for infinities and nan


def _single(symbol: str, double: str) -> str:
    """The function of one single: that of the double, rounded."""
    return f"""\
define internal float @{symbol}(float %x) noinline cold nounwind {{
  %wide = fpext float %x to double
  %y = call double @{double}(double %wide)
  %z = fptrunc double %y to float
  ret float %z
}}"""


def _lane_by_lane(symbol: str, one: str, form: Form, width: int, limit: float) -> str:
    """Replace the lanes of y whose |x| reaches the limit, in a loop."""
    vector, element = f"<{width} x {form.type}>", form.type
    return f"""\
declare {element} @llvm.fabs.{form.suffix}({element})
define internal {vector} @{symbol}({vector} %x, {vector} %y) noinline cold nounwind {{
entry:
  br label %lane
lane:
  %i = phi i32 [0, %entry], [%next, %done]
  %before = phi {vector} [%y, %entry], [%after, %done]
  %xi = extractelement {vector} %x, i32 %i
  %size = call {element} @llvm.fabs.{form.suffix}({element} %xi)
  %rare = fcmp uge {element} %size, {form.constant(limit)}
  br i1 %rare, label %careful, label %done
careful:
  %value = call {element} @{one}({element} %xi)
  %changed = insertelement {vector} %before, {element} %value, i32 %i
  br label %done
done:
  %after = phi {vector} [%before, %lane], [%changed, %careful]
  %next = add i32 %i, 1
  %more = icmp ult i32 %next, {width}
  br i1 %more, label %lane, label %end
end:
  ret {vector} %after
}}"""
