"""Logistic regression from its loss alone: the lines of the README.

Run it with ``python examples/logistic_regression.py``; it needs ``pip install "nazad[learn]"``.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer

import nazad as nz

X, y = load_breast_cancer(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)


def loss(params, X, y):
    t = X @ params["w"] + params["b"]
    return np.mean(np.logaddexp(0, t) - y * t)


start = {"w": np.zeros(30), "b": 0.0}
result = nz.minimize(loss, start, (X, y), batch_size=32, epochs=20, rng=0)
t = X @ result.params["w"] + result.params["b"]
print(f"accuracy {np.mean((t > 0) == y):.2f}")
print(result)
