"""A step that is halved after every epoch that did not lower the loss.

With a constant step, stochastic descent comes down to a height above the minimum that is proportional to the
step, and hovers there. As long as an epoch lowers the loss on all rows, the step is not too long. When one
does not, noise outweighs descent, and half the step halves the noise. So the step shrinks no sooner than it
must, which a schedule that is fixed beforehand cannot promise.
"""

from __future__ import annotations

import math

from nazad.descent import Iterate


class Halving:
    """A schedule that looks on: give it as ``step=``, and its :meth:`look` as ``callback=``.

    Parameters
    ----------
    step : float
        The step to begin with.

    Examples
    --------
    >>> import numpy as np
    >>> from nazad.descent import minimize
    >>> x = np.array([1.0, 2.0, 6.0])
    >>> halving = Halving(0.4)
    >>> result = minimize(lambda m, x: np.mean((x - m) ** 2), 0.0, (x,), step=halving, batch_size=1,
    ...                   epochs=100, rng=0, callback=halving.look)
    >>> round(result.params, 1), halving.step < 0.1
    (3.0, True)
    """

    def __init__(self, step: float) -> None:
        self.step, self._before = step, math.inf

    def __call__(self, k: int) -> float:
        """The size of the next step."""
        return self.step

    def look(self, iterate: Iterate) -> None:
        """Halve the step if the loss on all rows, where it was measured, is not below the last one."""
        if iterate.full is None:
            return
        if not iterate.full.value < self._before:
            self.step /= 2
        self._before = float(iterate.full.value)
