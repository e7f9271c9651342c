"""Time series: filters, smoothers, and likelihoods that run through time."""

import numpy as np
from numpy.linalg import inv, solve
from scipy.special import logsumexp

from .helpers import log_normalised
from .table import client

rng = np.random.default_rng(1)
SERIES = np.cumsum(rng.normal(size=25)) * 0.3 + rng.normal(size=25) * 0.2
RETURNS = rng.normal(size=40) * 0.5
SYMBOLS = rng.integers(0, 3, 20)


@client(np.array([0.5, -0.2, 0.3, -0.1]))
def arma_by_kalman_filter(params):
    """The exact likelihood of ARMA(2, 1), in state space form."""
    phi, theta, sigma = params[:2], params[2], np.exp(params[3])
    T = np.array([[phi[0], 1.0], [phi[1], 0.0]])
    R = np.array([[1.0], [theta]])
    Z = np.array([[1.0, 0.0]])
    Q = sigma**2 * (R @ R.T)
    P = np.linalg.solve(np.eye(4) - np.kron(T, T), Q.ravel()).reshape(2, 2)
    a = np.zeros(2)
    loglik = 0.0
    for y in SERIES:
        v = y - (Z @ a)[0]
        F = (Z @ P @ Z.T).item()
        K = (T @ P @ Z.T / F)[:, 0]
        loglik += -0.5 * (np.log(2 * np.pi) + np.log(F) + v**2 / F)
        a = T @ a + K * v
        P = T @ P @ (T - np.outer(K, Z)).T + Q
    return -loglik


@client(np.array([0.4, 0.3, 0.1]))
def arma_by_innovations(params):
    phi, theta, mean = params
    errors = np.zeros(len(SERIES))
    for t in range(1, len(SERIES)):
        errors[t] = SERIES[t] - mean - phi * (SERIES[t - 1] - mean) - theta * errors[t - 1]
    return np.mean(errors[1:] ** 2)


@client(np.array([0.1, 0.05, 0.15, 0.7]))
def garch(params):
    mu, omega, alpha, beta = params
    eps = RETURNS - mu
    T = len(eps)
    sigma2 = np.empty(T)
    sigma2[0] = np.var(RETURNS)
    for t in range(1, T):
        sigma2[t] = omega + alpha * eps[t - 1] ** 2 + beta * sigma2[t - 1]
    logliks = 0.5 * (np.log(2 * np.pi) + np.log(sigma2) + eps**2 / sigma2)
    return np.sum(logliks)


@client(np.array([-1.0, -0.5, 0.9]))
def kalman_filter_and_smoother(params):
    """How far the smoothed states are from the data, and the likelihood."""
    q, r = np.exp(params[:2])
    A = np.array([[1.0, 1.0], [0.0, params[2]]])
    C = np.array([[1.0, 0.0]])
    Q, R = q * np.eye(2), r * np.eye(1)
    n = len(SERIES)
    means, covs = np.zeros((n, 2)), np.zeros((n, 2, 2))
    predicted_means, predicted_covs = np.zeros((n, 2)), np.zeros((n, 2, 2))
    m, P = np.zeros(2), np.eye(2)
    loglik = 0.0
    for t in range(n):
        if t > 0:
            m, P = A @ m, A @ P @ A.T + Q
        predicted_means[t], predicted_covs[t] = m, P
        S = C @ P @ C.T + R
        K = P @ C.T @ inv(S)
        v = SERIES[t] - C @ m
        m = m + K @ v
        P = P - K @ S @ K.T
        means[t], covs[t] = m, P
        loglik -= 0.5 * (np.log(np.linalg.det(2 * np.pi * S)) + v @ solve(S, v))
    smooth, smooth_cov = means.copy(), covs.copy()
    for t in reversed(range(n - 1)):
        G = covs[t] @ A.T @ inv(predicted_covs[t + 1])
        smooth[t] += G @ (smooth[t + 1] - predicted_means[t + 1])
        smooth_cov[t] += G @ (smooth_cov[t + 1] - predicted_covs[t + 1]) @ G.T
    return np.sum((smooth[:, 0] - SERIES) ** 2) + smooth_cov[:, 0, 0].sum() - loglik


@client(rng.normal(size=(2, 2)), rng.normal(size=(2, 3)))
def hidden_markov_model(transition, emission):
    """The forward algorithm in log space."""
    logA = np.array([log_normalised(row) for row in transition])
    logB = np.stack([log_normalised(row) for row in emission])
    alpha = np.log(np.ones(2) / 2) + logB[:, SYMBOLS[0]]
    for symbol in SYMBOLS[1:]:
        alpha = logsumexp(alpha[:, None] + logA, axis=0) + logB[:, symbol]
    return -logsumexp(alpha)


@client(rng.normal(size=(2, 2)), rng.normal(size=(2, 3)))
def viterbi_score(transition, emission):
    n, states = len(SYMBOLS), 2
    score = np.full((n, states), -np.inf)
    score[0] = emission[:, SYMBOLS[0]]
    for t in range(1, n):
        for j in range(states):
            score[t, j] = max(score[t - 1, i] + transition[i, j] for i in range(states))
            score[t, j] += emission[j, SYMBOLS[t]]
    return score[-1].max()


class HoltWinters:
    """Exponential smoothing with a trend; keeps its state in attributes."""

    def __init__(self, alpha, beta):
        self.alpha, self.beta = alpha, beta
        self.level = None
        self.trend = 0.0
        self.errors = []

    @property
    def forecast(self):
        return self.level + self.trend

    def update(self, y):
        if self.level is None:
            self.level = y
            return
        self.errors.append(y - self.forecast)
        previous = self.level
        self.level = self.alpha * y + (1 - self.alpha) * self.forecast
        self.trend = self.beta * (self.level - previous) + (1 - self.beta) * self.trend


@client(0.4, 0.2)
def exponential_smoothing(alpha, beta):
    model = HoltWinters(alpha, beta)
    for y in SERIES:
        model.update(y)
    return np.mean(np.square(model.errors))


@client(np.array([0.3, 0.2, -0.1]))
def autocovariances(params):
    """Moments of a moving average, matched to those of the data."""
    theta = np.concatenate(([1.0], params))
    model = np.correlate(theta, theta, mode="full")[len(params) :]
    centred = SERIES - SERIES.mean()
    data = [np.dot(centred[: len(centred) - k], centred[k:]) / len(centred) for k in range(len(model))]
    return np.sum((model - data) ** 2)


@client(SERIES[:12] * 1.0)
def seasonal_decomposition(x):
    trend = np.convolve(x, np.ones(3) / 3, mode="valid")
    season = (x[1:-1] - trend).reshape(-1, 5).mean(axis=0)
    season -= season.mean()
    rest = x[1:-1] - trend - np.tile(season, 2)
    return np.std(rest) / np.std(x) + np.median(np.abs(np.diff(x, n=2)))


def lag(series, k):
    while True:
        yield series[:-k]
        k += 1
        if k >= 4:
            return


@client(SERIES[:10] * 1.0)
def lagged_products(x):
    return sum(np.mean(past * x[k:]) / (k + 1) for k, past in enumerate(lag(x, 1), start=1))
