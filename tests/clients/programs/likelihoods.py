"""Likelihoods, as in econometrics and medicine."""

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import gammaln
from scipy.stats import norm

from .helpers import sigmoid
from .table import client

rng = np.random.default_rng(0)
X = np.column_stack([np.ones(30), rng.normal(size=(30, 2))])
BETA = np.array([0.3, -0.5, 0.8])
COUNTS = rng.poisson(np.exp(X @ BETA))
BINARY = (rng.random(30) < sigmoid(X @ BETA)).astype(int)
LEVELS = rng.integers(0, 3, 30)
GROUPS = np.repeat(np.arange(6), 5)
RESPONSE = X @ BETA + rng.normal(size=6)[GROUPS] + 0.3 * rng.standard_t(4, size=30)
TIMES = rng.weibull(1.5, 30) + 0.01
CENSORED = TIMES > 1.2


@client(BETA * 0.9)
def poisson_regression(beta):
    eta = X @ beta
    return -(COUNTS * eta - np.exp(eta) - gammaln(COUNTS + 1)).sum()


@client(np.append(BETA, 0.2))
def poisson_regression_in_a_loop(params):
    *beta, offset = params
    total = 0.0
    for row, k in zip(X, COUNTS, strict=True):
        eta = sum(b * float(r) for b, r in zip(beta, row, strict=True)) + offset
        total += k * eta - math.exp(eta) - math.lgamma(k + 1)
    return -total


@client(np.append(BETA, -0.4))
def negative_binomial_regression(params):
    beta, alpha = params[:-1], np.exp(params[-1])
    mu = np.exp(X @ beta)
    size = 1 / alpha
    prob = size / (size + mu)
    return -np.sum(
        gammaln(COUNTS + size)
        - gammaln(COUNTS + 1)
        - gammaln(size)
        + size * np.log(prob)
        + COUNTS * np.log1p(-prob)
    )


@client(np.append(BETA, -0.4))
def negative_binomial_by_scipy(params):
    size = np.exp(-params[-1])
    mu = np.exp(np.dot(X, params[:3]))
    return -stats.nbinom.logpmf(COUNTS, size, size / (size + mu)).sum()


@client(BETA)
def logit(beta):
    q = 2 * BINARY - 1
    return -np.sum(np.log(1 / (1 + np.exp(-q * np.dot(X, beta)))))


@client(BETA)
def probit(beta):
    q = 2 * BINARY - 1
    return -np.sum(norm.logcdf(q * np.dot(X, beta)))


@client(BETA)
def probit_clipped(beta):
    prob = np.clip(norm.cdf(X @ beta), 1e-10, 1 - 1e-10)
    return -np.mean(np.where(BINARY == 1, np.log(prob), np.log(1 - prob)))


@client(np.array([-0.5, 0.7, 0.4, 0.9]))
def ordered_logit(params):
    cuts = np.empty(4)
    cuts[0], cuts[-1] = -np.inf, np.inf
    cuts[1] = params[0]
    cuts[2] = params[0] + np.exp(params[1])
    eta = X[:, 1:] @ params[2:]
    upper = sigmoid(cuts[LEVELS + 1] - eta)
    lower = sigmoid(cuts[LEVELS] - eta)
    return -np.log(upper - lower).sum()


@client(0.2 * rng.normal(size=(3, 2)))
def multinomial_logit(W):
    scores = np.hstack([np.zeros((30, 1)), X @ W])
    scores = scores - scores.max(1)[:, None]
    prob = np.exp(scores)
    prob /= prob.sum(axis=1, keepdims=True)
    return -np.log(prob[np.arange(len(LEVELS)), LEVELS]).mean()


@client(np.append(BETA, [-0.2, -0.7]))
def mixed_effects(params):
    """The marginal likelihood of a random intercept."""
    beta = params[:3]
    between, within = np.exp(2 * params[3:])
    total = 0
    for g in np.unique(GROUPS):
        mask = g == GROUPS
        r = RESPONSE[mask] - X[mask] @ beta
        n = mask.sum()
        V = within * np.eye(n) + between * np.ones((n, n))
        _, logdet = np.linalg.slogdet(V)
        total += logdet + r @ np.linalg.inv(V) @ r + n * np.log(2 * np.pi)
    return 0.5 * total


@client(0.4, 0.1)
def weibull_with_censoring(log_shape, log_scale):
    shape, scale = np.exp(log_shape), np.exp(log_scale)
    z = (TIMES / scale) ** shape
    log_hazard = np.log(shape) - np.log(scale) + (shape - 1) * (np.log(TIMES) - np.log(scale))
    return -np.sum(np.where(CENSORED, -z, log_hazard - z))


@client(np.array([0.4, 0.1]))
def weibull_with_masks(params):
    shape, scale = np.exp(params)
    law = stats.weibull_min(shape, scale=scale)
    contributions = np.zeros(len(TIMES))
    contributions[~CENSORED] = law.logpdf(TIMES[~CENSORED])
    contributions[CENSORED] = law.logsf(TIMES[CENSORED])
    return -contributions.sum()


@client(np.array([0.3, -0.4, 0.5]))
def cox_partial_likelihood(beta):
    order = np.argsort(-TIMES)
    eta = (X @ beta)[order]
    at_risk = np.log(np.cumsum(np.exp(eta)))
    return -np.sum((eta - at_risk)[~CENSORED[order]])


@client(BETA, -0.5, 1.2)
def student_t_regression(beta, log_scale, log_df):
    residuals = RESPONSE - X @ beta
    return -np.sum(stats.t.logpdf(residuals, df=np.exp(log_df), scale=np.exp(log_scale)))


@client(np.array([0.2, 1.1, -0.3, 0.2, 0.1]))
def gaussian_mixture(params):
    """Of two normal distributions, by sums of exponentials."""
    means, scales = params[:2], np.exp(params[2:4])
    weight = sigmoid(params[4])
    densities = [
        w * norm.pdf(RESPONSE, m, s) for w, m, s in zip([weight, 1 - weight], means, scales, strict=True)
    ]
    return -np.log(sum(densities)).sum()


@client(np.array([0.1, 0.6]))
def zero_inflated_poisson(params):
    share, rate = sigmoid(params[0]), np.exp(params[1])
    is_zero = COUNTS == 0
    zero = np.log(share + (1 - share) * np.exp(-rate)) * is_zero.sum()
    rest = COUNTS[~is_zero]
    return -(zero + np.sum(np.log(1 - share) + stats.poisson.logpmf(rest, rate)))


@client(np.array([0.3, -0.2, 0.4]), np.array([0.2, -0.1, 0.5]))
def multivariate_normal(mean, entries):
    L = np.zeros((2, 2))
    L[np.tril_indices(2)] = entries
    L[np.diag_indices(2)] = np.exp(np.diag(L))
    data = X[:, 1:] - mean[:2] - mean[2]
    return -stats.multivariate_normal.logpdf(data, cov=L @ L.T).sum()


@dataclass
class Prior:
    mean: float
    scale: float

    def logpdf(self, value):
        z = (value - self.mean) / self.scale
        return -0.5 * z * z - math.log(self.scale) - 0.5 * math.log(2 * math.pi)


class Posterior:
    """A small probabilistic program."""

    def __init__(self, priors, data):
        self.priors = priors
        self.data = np.asarray(data)
        self.terms = {}

    def __call__(self, **values):
        for name, prior in self.priors.items():
            self.terms[name] = prior.logpdf(values[name])
        likelihood = Prior(values["mu"], math.exp(values["log_sigma"]))
        self.terms["likelihood"] = sum(likelihood.logpdf(x) for x in self.data)
        if not all(math.isfinite(term) for term in self.terms.values()):
            raise ValueError(f"not finite: {self.terms}")
        return sum(self.terms.values())


@client(0.4, -0.3)
def posterior(mu, log_sigma):
    model = Posterior({"mu": Prior(0.0, 2.0), "log_sigma": Prior(0.0, 1.0)}, RESPONSE[:8])
    return model(mu=mu, log_sigma=log_sigma)
