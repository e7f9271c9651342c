"""Linear algebra and analysis by hand: loops that write into arrays, iterations until they are done."""

import cmath
import functools
import math

import numpy as np
import scipy.linalg
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from .table import client

rng = np.random.default_rng(4)
SQUARE = rng.normal(size=(4, 4)) + 5 * np.eye(4)
LINKS = (rng.random((6, 6)) < 0.5) + np.eye(6)


@client(SQUARE * 1.0, np.ones(4))
def lu_without_pivoting(A, b):
    n = len(b)
    for k in range(n - 1):
        for i in range(k + 1, n):
            A[i, k] /= A[k, k]
            A[i, k + 1 :] -= A[i, k] * A[k, k + 1 :]
    y = b.copy()
    for i in range(n):
        y[i] -= A[i, :i] @ y[:i]
    x = np.empty(n)
    for i in range(n - 1, -1, -1):
        x[i] = (y[i] - A[i, i + 1 :] @ x[i + 1 :]) / A[i, i]
    return x @ np.arange(1, n + 1)


@client(SQUARE * 1.0, np.arange(1.0, 5.0))
def elimination_with_pivoting(A, b):
    M = np.hstack([A, b.reshape(-1, 1)])
    n = len(M)
    for k in range(n):
        p = k + np.argmax(np.abs(M[k:, k]))
        if p != k:
            M[[k, p]] = M[[p, k]]
        M[k] = M[k] / M[k, k]
        for i in range(n):
            if i != k:
                M[i] -= M[i, k] * M[k]
    return np.sum(M[:, -1] ** 2)


@client(SQUARE * 1.0, np.ones(4))
def gauss_seidel(A, b):
    x = np.zeros_like(b)
    for sweep in range(50):
        before = x.copy()
        for i in range(len(b)):
            rest = A[i, :] @ x - A[i, i] * x[i]
            x[i] = (b[i] - rest) / A[i, i]
        if np.max(np.abs(x - before)) < 1e-14:
            break
    else:
        raise RuntimeError(f"no convergence after {sweep + 1} sweeps")
    return np.linalg.norm(x)


@client(SQUARE @ SQUARE.T)
def cholesky_by_loops(A):
    n = A.shape[0]
    L = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            s = sum(L[i][k] * L[j][k] for k in range(j))
            if i == j:
                L[i][j] = math.sqrt(A[i][i] - s)
            else:
                L[i][j] = (A[i][j] - s) / L[j][j]
    return 2 * np.log(L.diagonal()).sum() + L[-1, 0]


@client(rng.normal(size=(5, 3)))
def gram_schmidt(A):
    Q = np.zeros(A.shape)
    R = np.zeros((A.shape[1],) * 2)
    for j, column in enumerate(A.T):
        v = column.copy()
        for i in range(j):
            R[i, j] = Q[:, i].dot(column)
            v -= R[i, j] * Q[:, i]
        R[j, j] = np.sqrt(np.sum(v * v))
        Q[:, j] = v / R[j, j]
    return np.trace(R) + np.sum(Q[0])


@client(SQUARE @ SQUARE.T, np.arange(1.0, 5.0))
def conjugate_gradients(A, b):
    A = (A + A.T) / 2
    x = np.zeros(len(b))
    r = b - A @ x
    p = r
    rs = r @ r
    for _ in range(10):
        Ap = A @ p
        alpha = rs / (p @ Ap)
        x += alpha * p
        r = r - alpha * Ap
        new = r @ r
        if np.sqrt(new) < 1e-10:
            break
        p, rs = r + (new / rs) * p, new
    return x.sum()


@client(np.sin(np.arange(7.0)), 2.3)
def spline_by_thomas(y, where):
    """A natural cubic spline; its second derivatives by elimination in place."""
    n = len(y)
    a, b, c = np.ones(n), 4 * np.ones(n), np.ones(n)
    d = np.zeros(n)
    for i in range(1, n - 1):
        d[i] = 6 * (y[i - 1] - 2 * y[i] + y[i + 1])
    b[0] = b[-1] = 1
    c[0] = a[-1] = 0
    for i in range(1, n):
        w = a[i] / b[i - 1]
        b[i] -= w * c[i - 1]
        d[i] -= w * d[i - 1]
    m = np.empty(n)
    m[-1] = d[-1] / b[-1]
    for i in reversed(range(n - 1)):
        m[i] = (d[i] - c[i] * m[i + 1]) / b[i]
    k = min(int(where), n - 2)
    t = where - k
    return (
        m[k] * (1 - t) ** 3 / 6
        + m[k + 1] * t**3 / 6
        + (y[k] - m[k] / 6) * (1 - t)
        + (y[k + 1] - m[k + 1] / 6) * t
    )


@client(LINKS * rng.random((6, 6)), 0.85)
def page_rank(weights, damping):
    P = weights / weights.sum(axis=0)
    n = len(P)
    rank = np.full(n, 1 / n)
    for _ in range(200):
        new = damping * P @ rank + (1 - damping) / n
        change = np.abs(new - rank).sum()
        rank = new
        if change < 1e-14:
            break
    return -np.sum(rank * np.log(rank))


@client(2.0, 3.0)
def newton_with_tolerance(a, n):
    x, steps = a, 0
    while abs(x**n - a) > 1e-13 and steps < 100:
        x = x - (x**n - a) / (n * x ** (n - 1))
        steps += 1
    return x


@client(np.array([0.7, 0.2]))
def keplers_equation(params):
    mean, eccentricity = params
    E = mean
    for _ in range(50):
        step = (E - eccentricity * math.sin(E) - mean) / (1 - eccentricity * math.cos(E))
        E -= step
        if math.isclose(step, 0, abs_tol=1e-15):
            break
    return 2 * math.atan2(
        math.sqrt(1 + eccentricity) * math.sin(E / 2), math.sqrt(1 - eccentricity) * math.cos(E / 2)
    )


@client(rng.random((5, 5)) + 0.1)
def markov_clustering(weights):
    """How fast a chain mixes: the eigenvalues of its matrix are complex."""
    P = weights / weights.sum(axis=1, keepdims=True)
    expanded = np.linalg.matrix_power(P, 2) ** 1.5
    expanded /= expanded.sum(axis=1, keepdims=True)
    values = np.linalg.eigvals(P)
    values = values[np.argsort(-np.abs(values))]
    return np.abs(values[1]) + np.sum(np.abs(values[2:]) ** 2) + np.trace(expanded)


@client(np.array([1.0, -1.2, 2.5]))
def roots_of_a_cubic(coefficients):
    p, q, r = coefficients
    roots = np.roots([1.0, p, q, r])
    largest = max(roots, key=abs)
    return abs(largest) ** 2 + np.prod(roots).real


@client(1.0, 0.7, 2.0)
def impedance(R, L, C):
    """A circuit, in complex numbers of Python's."""
    omega = 1.3
    Z = complex(R, omega * L) + 1 / (1j * omega * C)
    H = 1 / (1 + Z)
    return abs(H) + cmath.phase(H) + (H * H.conjugate()).real


@client(np.array([0.3, 1.4]))
def simpsons_rule(params):
    a, b = params
    n = 10
    h = (b - a) / n
    f = lambda x: math.exp(-x * x) * math.cos(3 * x)  # noqa: E731
    s = f(a) + f(b)
    for i in range(1, n):
        s += f(a + i * h) * (4 if i % 2 else 2)
    return s * h / 3


@client(0.2, 1.9)
def adaptive_quadrature(a, b):
    """By recursion, as deep as the error demands."""

    def f(x):
        return np.sqrt(x) * np.sin(1 / x)

    def simpson(a, b):
        return (b - a) / 6 * (f(a) + 4 * f((a + b) / 2) + f(b))

    def integrate(a, b, tolerance):
        m = (a + b) / 2
        whole, halves = simpson(a, b), simpson(a, m) + simpson(m, b)
        if abs(whole - halves) < tolerance:
            return halves
        return integrate(a, m, tolerance / 2) + integrate(m, b, tolerance / 2)

    return integrate(a, b, 1e-4)


@client(np.array([0.9, 0.4, -0.3]))
def chebyshev_series(c):
    @functools.cache
    def T(n, x):
        if n < 2:
            return x if n else 1.0
        return 2 * x * T(n - 1, x) - T(n - 2, x)

    return sum(c[n] * T(n, x) for n in range(3) for x in (0.1, 0.5)) ** 2 + c[1]


@client(1.0 + rng.random(9), 0.5)
def diffusion_by_sparse_system(conductivity, source):
    n = len(conductivity) - 1
    main = conductivity[:-1] + conductivity[1:]
    off = -conductivity[1:-1]
    A = sp.diags([off, main, off], [-1, 0, 1], format="csc")
    u = spsolve(A, source * np.ones(n) / n**2)
    return u.max() + u.mean()


@client(rng.normal(size=(3, 3)), np.array([1.0, 0.5, -0.2]))
def matrix_exponential_propagator(A, x):
    return np.sum((scipy.linalg.expm(0.3 * (A - A.T)) @ x - [0.5, 0.5, 0.5]) ** 2)


@client(rng.normal(size=(4, 3)))
def procrustes(X):
    Y = np.roll(X, 1, axis=0) ** 2
    U, s, Vt = np.linalg.svd(X.T @ Y)
    R = U @ Vt
    return np.linalg.norm(X @ R - Y, "fro") + s.sum()


@client(rng.normal(size=(5, 3)))
def principal_components(X):
    C = np.cov(X, rowvar=False)
    values, vectors = np.linalg.eigh(C)
    scores = (X - X.mean(axis=0)) @ vectors[:, -1]
    return values[-1] / values.sum() + np.mean(np.abs(scores) ** 3)
