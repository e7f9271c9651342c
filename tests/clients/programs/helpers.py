"""What programs share, in another module, as people have it."""

import numpy as np
from scipy.special import logsumexp


def softmax(scores, axis=-1):
    shifted = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return shifted / shifted.sum(axis=axis, keepdims=True)


def sigmoid(t):
    return 1.0 / (1.0 + np.exp(-t))


def rbf(a, b, length):
    a, b = np.atleast_2d(a), np.atleast_2d(b)
    squares = np.zeros((len(a), len(b)))
    for i, p in enumerate(a):
        for j, q in enumerate(b):
            squares[i, j] = np.sum((p - q) ** 2)
    return np.exp(-squares / (2 * length**2))


def log_normalised(weights):
    return weights - logsumexp(weights)


def rk4(field, state, t, dt):
    """One step of Runge and Kutta's method."""
    k1 = field(t, state)
    k2 = field(t + dt / 2, state + dt / 2 * k1)
    k3 = field(t + dt / 2, state + dt / 2 * k2)
    k4 = field(t + dt, state + dt * k3)
    return state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
