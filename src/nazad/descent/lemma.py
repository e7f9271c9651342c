"""The descent lemma, held against what happened.

If ‖∇²f‖ ≤ L, Taylor's formula along the step θₖ₊₁ = θₖ − α∇f(θₖ) gives

    f(θₖ₊₁) ≤ f(θₖ) − α(1 − αL/2) ‖∇f(θₖ)‖²,

and with α ≤ 1/L each step descends by α/2 ‖∇f(θₖ)‖² at least. Summed over the steps,

    Σₖ ‖∇f(θₖ)‖² ≤ 2/α (f(θ₀) − f*),   so   minₖ ‖∇f(θₖ)‖² ≤ 2 (f(θ₀) − f*) / (αT),

where f* is any lower bound of f; so ∇f(θₖ) → 0. It is sometimes concluded that θₖ converges, because
‖θₖ₊₁ − θₖ‖ = α‖∇f(θₖ)‖ → 0. That does not follow, and is not claimed here: the sequence may creep along a
valley for ever. Strong convexity is enough for it, or a Łojasiewicz inequality and a bounded sequence.

Each inequality is checked for each step, whatever is known about L. One that fails is evidence: by the
formula above, somewhere along that very step the loss curves by at least
2 (f(θₖ₊₁) − f(θₖ) + α‖∇f(θₖ)‖²) / (α‖∇f(θₖ)‖)² > 1/α.

*Rounding.* The two values of f and the right-hand side are taken to be known to 32 units of rounding each:
the inequality is asked for up to 32 ε (|f(θₖ)| + |f(θₖ₊₁)| + α/2 ‖∇f(θₖ)‖²), with the ε of the dtype of the
loss. What is within this allowance is called neither a violation nor a descent. A loss that is a small
difference of large numbers is known less well: give a larger ``rounding``.

References
----------
Yu. Nesterov, *Introductory Lectures on Convex Optimization*, Kluwer 2004, section 1.2.3.
S. Mihov, *Information retrieval: application of deep machine learning*, lecture 9.
H. Karimi, J. Nutini and M. Schmidt, Linear convergence of gradient and proximal-gradient methods under the
Polyak–Łojasiewicz condition, *ECML* 2016 (what more is needed).
P.-A. Absil, R. Mahony and B. Andrews, Convergence of the iterates of descent methods for analytic cost
functions, *SIAM J. Optim.* 16 (2005) (a smooth f on which the iterates of descent do not converge).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nazad.descent.iterate import History
from nazad.descent.schedules import Schedule, as_schedule
from nazad.descent.smoothness import Smoothness
from nazad.descent.vectors import Vector, epsilon, positive
from nazad.errors import ArgumentError

_NAMED = 5  # violations that are named one by one


@dataclass(frozen=True, eq=False)
class Certificate:
    """The inequalities of the descent lemma for one run of gradient descent, step by step.

    Attributes
    ----------
    steps : array of int
        The index k of every step.
    alphas : array
        Its size.
    drops : array
        f(θₖ) − f(θₖ₊₁).
    required : array
        α/2 ‖∇f(θₖ)‖², which the drop should be at least.
    allowance : array
        What rounding may have taken from the drop.
    squares : array
        ‖∇f(θₖ)‖².
    gap : float
        f(θ₀) − f*, where f* is the lower bound.
    lower_bound : float or None
        The f* that was given. None: f(θ_T) stood in its place, which makes the bounds stronger.
    smoothness : Smoothness or None
        What is known about L.
    """

    steps: NDArray[np.int_]
    alphas: Vector
    drops: Vector
    required: Vector
    allowance: Vector
    squares: Vector
    gap: float
    lower_bound: float | None = None
    smoothness: Smoothness | None = None

    @cached_property
    def violated(self) -> NDArray[np.int_]:
        """The steps at which the loss fell by less than the lemma asks for, beyond rounding."""
        return self.steps[self.drops < self.required - self.allowance]

    @cached_property
    def undecided(self) -> NDArray[np.int_]:
        """The steps at which rounding hides whether the inequality holds."""
        return self.steps[np.abs(self.drops - self.required) <= self.allowance]

    @property
    def curvatures(self) -> Vector:
        """How much the loss curves along each step, in the mean: L at most. NaN where nothing moves."""
        lengths = np.square(self.alphas) * self.squares
        excess = 2 * (self.alphas * self.squares - self.drops)
        curvatures: Vector = np.divide(excess, lengths, out=np.full(len(excess), np.nan), where=lengths > 0)
        return curvatures

    @property
    def sum_of_squares(self) -> float:
        """Σₖ ‖∇f(θₖ)‖²."""
        return float(np.sum(self.squares))

    @property
    def sum_bound(self) -> float:
        """2/α (f(θ₀) − f*), with the smallest α."""
        return 2 / float(np.min(self.alphas)) * self.gap

    @property
    def least_square(self) -> float:
        """The least of all ‖∇f(θₖ)‖²."""
        return float(np.min(self.squares))

    @property
    def least_bound(self) -> float:
        """2 (f(θ₀) − f*) / Σ αₖ, which is 2 (f(θ₀) − f*) / (αT) for a constant step."""
        return 2 * self.gap / float(np.sum(self.alphas))

    @property
    def sums_hold(self) -> bool:
        """Whether Σₖ αₖ/2 ‖∇f(θₖ)‖² ≤ f(θ₀) − f*, but for rounding."""
        return bool(np.sum(self.required) <= self.gap + np.sum(self.allowance))

    @property
    def proved(self) -> bool:
        """Whether the lemma applies: L is known everywhere, and no step is longer than 1/L."""
        L = self.smoothness
        return L is not None and L.proved and bool(np.max(self.alphas) * L.upper <= 1 + 64 * epsilon(1.0))

    def __str__(self) -> str:
        return "\n".join([self._theory(), self._per_step(), self._sums(), _LIMITS])

    # --- the report, one sentence each
    def _theory(self) -> str:
        L, longest = self.smoothness, float(np.max(self.alphas))
        if L is None:
            return f"Not proved: nothing is known about L. {_MEASURED_ONLY}"
        if self.proved:
            return (
                f"Proved: α ≤ {longest:.4g} ≤ 1/L with L ≤ {L.upper:.4g} ({L.source}), so but for rounding "
                "every step, also of those to come, descends by α/2 ‖∇f‖² or more; "
                "if f is bounded below, ∇f(θₖ) → 0."
            )
        why = (
            f"α = {longest:.4g} is above 1/L = {L.step:.4g}"
            if L.proved
            else f"L ≈ {L.upper:.4g} holds at a point"
        )
        return f"Not proved: {why} ({L.source}). {_MEASURED_ONLY}"

    def _per_step(self) -> str:
        total, undecided = len(self.steps), len(self.undecided)
        if len(self.violated):
            return self._violations()
        held = f"Measured: f(θₖ) − f(θₖ₊₁) ≥ α/2 ‖∇f(θₖ)‖² held at all {total} steps"
        return f"{held}, {undecided} of them within rounding." if undecided else f"{held}."

    def _violations(self) -> str:
        where = np.isin(self.steps, self.violated)
        k = int(np.argmax(where))
        curved = float(np.max(self.curvatures[where]))
        return (
            f"Violated at {len(self.violated)} of {len(self.steps)} steps: {_named(self.violated)}. "
            f"At step {self.steps[k]} f fell by {self.drops[k]:.3g}, and not by {self.required[k]:.3g}. "
            f"Along such steps f curves by {curved:.4g}, so L is no less, "
            f"and no step above {1 / curved:.3g} is safe."
        )

    def _sums(self) -> str:
        floor = "f(θ_T) for f*" if self.lower_bound is None else f"f* = {self.lower_bound:.6g}"
        word, sign = ("Measured", "≤") if self.sums_hold else ("Violated", "against")
        whole = f"Σ‖∇f‖² = {self.sum_of_squares:.4g} {sign} 2/α (f(θ₀) − f*) = {self.sum_bound:.4g}"
        least = f"min ‖∇f‖² = {self.least_square:.4g} {sign} 2 (f(θ₀) − f*)/(αT) = {self.least_bound:.4g}"
        return f"{word}, with {floor}: {whole}; {least}."


_MEASURED_ONLY = "What follows was measured on this run alone."
_LIMITS = (
    "Not implied: that θₖ converges. ‖θₖ₊₁ − θₖ‖ → 0 is not enough for that; strong convexity is, or a "
    "Łojasiewicz inequality and a bounded sequence."
)


def certify(
    history: History,
    step: float | Schedule | None = None,
    *,
    smoothness: Smoothness | None = None,
    lower_bound: float | None = None,
    rounding: float = 32.0,
) -> Certificate:
    """Hold a run of full gradient descent to the descent lemma.

    Parameters
    ----------
    history : History
        Of a run with the full gradient and the rule ``gradient_descent``, in which nothing is left out.
    step : float or callable, optional
        The step size or schedule of the run. By default what the history shows: ‖θₖ₊₁ − θₖ‖ / ‖∇f(θₖ)‖.
    smoothness : Smoothness, optional
        What is known about L; ``logistic_smoothness(X)`` and its like make it a proof.
    lower_bound : float, optional
        A number that f is never below, 0 for most losses.
    rounding : float, optional
        In how many units of rounding the values are known.

    Returns
    -------
    Certificate
        ``print`` it for the report; ``violated`` names the steps.

    Raises
    ------
    ArgumentError
        If the run is stochastic, so that the lemma says nothing about it, or has no step.

    Examples
    --------
    >>> from nazad.descent import minimize
    >>> run = minimize(lambda x: x**2, 1.0, step=0.25, steps=3)
    >>> certify(run.history, 0.25).violated
    array([], dtype=int64)
    >>> run = minimize(lambda x: x**2, 1.0, step=0.75, steps=3)  # 1/L is 0.5
    >>> certify(run.history, 0.75).violated
    array([0, 1, 2])
    """
    run = _finite_part(history)
    norms = run.gradient_norms[:-1].astype(np.float64)
    alphas = _sizes(run, norms, step)
    values = run.values.astype(np.float64)
    squares = np.square(norms)
    unit = positive(rounding, "rounding") * max(epsilon(record.value) for record in run)
    sizes = np.abs(values)
    return Certificate(
        steps=run.steps[:-1],
        alphas=alphas,
        drops=values[:-1] - values[1:],
        required=alphas / 2 * squares,
        allowance=unit * (sizes[:-1] + sizes[1:] + alphas / 2 * squares),
        squares=squares,
        gap=float(values[0]) - float(values[-1] if lower_bound is None else lower_bound),
        lower_bound=lower_bound,
        smoothness=smoothness,
    )


def _finite_part(history: History) -> History:
    if history.stochastic:
        met = "the run is stochastic, and the descent lemma is about the full gradient"
        raise ArgumentError(met, "Leave batch_size out, or see gradient_noise.")
    run = History(record for record in history if record.finite)
    if len(run) < 2:
        raise ArgumentError(f"the history has {len(run)} finite iterates", "It takes two for a step.")
    return run


def _sizes(run: History, norms: Vector, step: float | Schedule | None) -> Vector:
    if step is not None:
        size = as_schedule(step)
        return np.array([size(int(k)) for k in run.steps[:-1]])
    lengths = run.step_norms[1:].astype(np.float64)
    moving = norms > 0
    if not moving.any():
        raise ArgumentError("the gradient is 0 throughout, so that the history shows no step", "Give step=.")
    seen = np.divide(lengths, norms, out=np.zeros(len(norms)), where=moving)
    return np.where(moving, seen, np.min(seen[moving]))  # where nothing moves, any size will do


def _named(steps: NDArray[np.int_]) -> str:
    some = ", ".join(map(str, steps[:_NAMED]))
    return some if len(steps) <= _NAMED else f"{some}, …, {steps[-1]}"
