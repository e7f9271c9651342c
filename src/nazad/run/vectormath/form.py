"""The two floating-point formats of IEEE 754 that functions are emitted for, and their constants as IR."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Form:
    """A floating-point format, as LLVM and as arithmetic on bits see it.

    Parameters
    ----------
    type, integer : str
        LLVM's names of the format and of the integers of the same width.
    bits, mantissa, bias : int
        Width, stored bits of the mantissa, and what is added to an exponent.

    Examples
    --------
    >>> BINARY64.suffix, BINARY64.tiny, BINARY64.constant(1.5)
    ('f64', 2.2250738585072014e-308, '0x3FF8000000000000')
    >>> BINARY32.constant(0.1)  # rounded to the format, written as the double of the same value
    '0x3FB99999A0000000'
    """

    type: str
    integer: str
    bits: int
    mantissa: int
    bias: int

    @property
    def suffix(self) -> str:
        return f"f{self.bits}"

    @property
    def is_double(self) -> bool:
        return self.bits == 64

    @property
    def tiny(self) -> float:
        """The smallest positive normal number."""
        return math.ldexp(1.0, 1 - self.bias)

    @property
    def rounder(self) -> float:
        """1.5 · 2^mantissa: what is added to it is rounded to an integer, which its low bits then hold."""
        return math.ldexp(1.5, self.mantissa)

    def pick(self, double: float, single: float) -> float:
        """A constant that differs between the formats."""
        return double if self.is_double else single

    def round(self, value: float) -> float:
        """The nearest number of the format."""
        return value if self.is_double else float(np.float32(value))

    def constant(self, value: float) -> str:
        """A constant in IR, exact: the bits of the number as a double."""
        return f"0x{struct.unpack('<Q', struct.pack('<d', self.round(value)))[0]:016X}"

    def bits_of(self, value: float) -> int:
        """The number's bits as an integer."""
        return int(np.array(value, f"f{self.bits // 8}").view(f"i{self.bits // 8}"))


BINARY64 = Form("double", "i64", 64, 52, 1023)
BINARY32 = Form("float", "i32", 32, 23, 127)


def form_of(dtype: Any) -> Form:
    """The format of a NumPy dtype.

    Examples
    --------
    >>> form_of(np.float32) is BINARY32
    True
    """
    return {"f8": BINARY64, "f4": BINARY32}[np.dtype(dtype).str[1:]]
