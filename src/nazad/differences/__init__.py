"""Numerical derivatives: the gradient from values of the function alone, with an estimate of its error.

Move one argument by a small h and divide the change of f by h. That is the whole method, and how far to trust
it follows in two lines from Taylor's formula, f(x ± h) = f(x) ± h f′(x) + h²/2 f″(x) ± h³/6 f‴(x) + …:

- the *forward* difference (f(x + h) − f(x)) / h is f′(x) + h/2 f″(x) + …: its error is of order h;
- in the *central* one, (f(x + h) − f(x − h)) / 2h, even terms cancel: f′(x) + h²/6 f‴(x) + …, of order h².

So an h ten times smaller makes the first ten times better and the second a hundred times, until rounding
takes over: f is known to about ε|f|, and division by h makes ε|f|/h of that. The sum of both errors is least
near h = √ε (forward: half of the digits are right) and h = ∛ε (central: two thirds). It is what
:func:`error_curve` draws.

The error of the central difference is a series in h², so two of them at different h cancel its first term,
(4 D(h/2) − D(h)) / 3, three of them the second, and so on: *Richardson's* extrapolation. Its table, as
Ridders arranged it, also shows by how much its entries still differ.

A gradient in n variables costs n + 1 calls of f (forward) or 2n (central), where backpropagation costs the
work of a few. Differences are therefore for checking a gradient, and backpropagation is for having one.

References
----------
W. H. Press et al., *Numerical Recipes*, 3rd ed., Cambridge 2007, section 5.7.
J. E. Dennis and R. B. Schnabel, *Numerical Methods for Unconstrained Optimization*, SIAM 1996, section 5.6.
C. J. F. Ridders, Accurate computation of F′(x) and F′(x)F″(x), *Adv. Eng. Software* 4 (1982), 75–76.
"""

from nazad.differences.curve import ErrorCurve, error_curve
from nazad.differences.quotient import Differences, differences

__all__ = ["Differences", "ErrorCurve", "differences", "error_curve"]
