"""Gradient descent that says what it did: a stream of iterates, a verdict in words, and what can be proved.

- :func:`descend` yields iterates, :func:`minimize` drains them into a :class:`Result` with a
  :class:`Verdict`;
- :class:`Rule` and :func:`gradient_descent`, with the schedules :func:`constant`, :func:`inverse_time` and
  :func:`inverse_sqrt`, say how to get from a gradient to a change;
- :class:`Batches` cuts data into blocks of rows, in an order that depends on seed and epoch alone;
- :class:`Smoothness` and its three sources bound the curvature, :func:`certify` holds a run to the descent
  lemma, and :func:`gradient_noise` holds minibatch gradients to tr Σ / B.
"""

from nazad.descent.batches import Batches
from nazad.descent.iterate import History, Iterate, Measured, Record
from nazad.descent.lemma import Certificate, certify
from nazad.descent.loop import Result, descend, minimize
from nazad.descent.noise import Deviation, Noise, gradient_noise
from nazad.descent.rules import Rule, gradient_descent
from nazad.descent.schedules import constant, inverse_sqrt, inverse_time
from nazad.descent.smoothness import (
    Smoothness,
    estimate_smoothness,
    least_squares_smoothness,
    logistic_smoothness,
)
from nazad.descent.verdict import Verdict

__all__ = [
    "Batches",
    "Certificate",
    "Deviation",
    "History",
    "Iterate",
    "Measured",
    "Noise",
    "Record",
    "Result",
    "Rule",
    "Smoothness",
    "Verdict",
    "certify",
    "constant",
    "descend",
    "estimate_smoothness",
    "gradient_descent",
    "gradient_noise",
    "inverse_sqrt",
    "inverse_time",
    "least_squares_smoothness",
    "logistic_smoothness",
    "minimize",
]
