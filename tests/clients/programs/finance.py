"""Prices, risks and portfolios."""

import math
from collections import namedtuple
from dataclasses import dataclass, field, replace

import numpy as np
from scipy.stats import norm

from .table import client

Option = namedtuple("Option", "strike maturity is_call")
BOOK = [Option(90.0, 0.5, True), Option(100.0, 1.0, False), Option(120.0, 2.0, True)]
RETURNS = np.random.default_rng(5).normal(0.01, 0.05, size=(30, 3))


def black_scholes(S, K, T, r, sigma, is_call=True):
    d1 = (np.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * np.sqrt(T))
    d2 = d1 - sigma * np.sqrt(T)
    if is_call:
        return S * norm.cdf(d1) - K * np.exp(-r * T) * norm.cdf(d2)
    return K * np.exp(-r * T) * norm.cdf(-d2) - S * norm.cdf(-d1)


@client(100.0, 0.02, 0.3)
def value_of_book(S, r, sigma):
    return sum(black_scholes(S, o.strike, o.maturity, r, sigma, o.is_call) for o in BOOK)


@client(100.0, 0.25)
def implied_volatility_round_trip(S, sigma):
    """By bisection in floats first, and Newton's steps at the end."""
    price = black_scholes(S, 105.0, 1.0, 0.01, sigma)
    vol = 0.5
    for _ in range(30):
        d1 = (math.log(S / 105.0) + 0.01 + vol**2 / 2) / vol
        vega = S * norm.pdf(d1)
        difference = black_scholes(S, 105.0, 1.0, 0.01, vol) - price
        if abs(difference) < 1e-12:
            break
        vol -= difference / vega
    return 100 * vol**2


@client(100.0, 0.2)
def monte_carlo_asian_option(S, sigma):
    rng = np.random.default_rng(11)
    z = rng.standard_normal((200, 6))
    dt = 1 / 6
    paths = S * np.exp(np.cumsum((0.01 - 0.5 * sigma**2) * dt + sigma * np.sqrt(dt) * z, axis=1))
    payoff = np.maximum(paths.mean(axis=1) - 98.0, 0)
    return np.exp(-0.01) * payoff.mean()


@client(100.0, 0.3)
def american_put_by_tree(S, sigma):
    n, r, T, K = 12, 0.05, 1.0, 103.0
    dt = T / n
    u = math.exp(sigma * math.sqrt(dt))
    d = 1 / u
    p = (math.exp(r * dt) - d) / (u - d)
    values = [max(K - S * u**j * d ** (n - j), 0) for j in range(n + 1)]
    for step in range(n - 1, -1, -1):
        for j in range(step + 1):
            hold = math.exp(-r * dt) * (p * values[j + 1] + (1 - p) * values[j])
            exercise = K - S * u**j * d ** (step - j)
            values[j] = max(hold, exercise)
    return values[0]


@client(np.array([0.5, 0.3, 0.2]))
def conditional_value_at_risk(weights):
    losses = np.sort(-(RETURNS @ (weights / weights.sum())))[::-1]
    worst = losses[: int(0.2 * len(losses))]
    return worst.mean() + 0.1 * np.percentile(losses, 90)


@client(np.array([0.5, 0.3, 0.2]))
def sharpe_ratio_with_costs(weights):
    wealth, previous = 1.0, np.zeros(3)
    history = []
    for r in RETURNS:
        turnover = np.abs(weights - previous).sum()
        growth = 1 + weights @ r - 0.001 * turnover
        previous = weights * (1 + r) / growth
        wealth *= growth
        history.append(wealth)
    gains = np.diff(np.log(history))
    return np.mean(gains) / np.std(gains, ddof=1)


@client(np.array([100.0, 102.0, 99.0, 105.0, 107.0]))
def drawdown(prices):
    peak, worst = prices[0], 0.0
    for price in prices:
        if price > peak:
            peak = price
        worst = max(worst, (peak - price) / peak)
    return worst * 100


@dataclass(frozen=True)
class Bond:
    face: float
    coupon: float
    years: int = 5
    tags: list = field(default_factory=list)

    def price(self, rate):
        flows = [self.coupon * self.face] * self.years
        flows[-1] += self.face
        return sum(flow / (1 + rate) ** t for t, flow in enumerate(flows, start=1))

    def duration(self, rate, bump=1e-4):
        return (self.price(rate - bump) - self.price(rate + bump)) / (2 * bump * self.price(rate))


@client(0.04, 0.03)
def bonds(coupon, rate):
    bond = Bond(face=100, coupon=coupon)
    longer = replace(bond, years=10)
    return bond.duration(rate) + longer.price(rate) / bond.price(rate)


def nelson_siegel(t, beta, tau):
    x = t / tau
    slope = (1 - np.exp(-x)) / x
    return beta[0] + beta[1] * slope + beta[2] * (slope - np.exp(-x))


@client(np.array([0.03, -0.01, 0.02]), 1.5)
def yield_curve(beta, tau):
    quotes = {1: 0.021, 2: 0.024, 5: 0.029, 10: 0.031}
    errors = [nelson_siegel(t, beta, tau) - quote for t, quote in quotes.items()]
    return 1e4 * np.square(errors).mean()


def income_tax(income):
    """A decision with early returns."""
    if income <= 10.0:
        return 0.0 * income
    if income <= 50.0:
        return 0.2 * (income - 10.0)
    return 8.0 + 0.4 * (income - 50.0)


@client(np.array([5.0, 20.0, 60.0, 80.0]))
def inequality_after_tax(incomes):
    net = np.array([x - income_tax(x) for x in incomes])
    ordered = np.sort(net)
    n = len(net)
    return (2 * np.sum(np.arange(1, n + 1) * ordered) / (n * ordered.sum())) - (n + 1) / n
