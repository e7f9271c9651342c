"""Machine learning in plain NumPy."""

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from scipy.linalg import cho_solve, solve_triangular

from .helpers import rbf, sigmoid, softmax
from .table import client

rng = np.random.default_rng(2)
POINTS = rng.normal(size=(8, 2))
TARGETS = np.sin(POINTS[:, 0]) + 0.1 * rng.normal(size=8)
IMAGE = rng.normal(size=(1, 7, 7))
TOKENS = rng.normal(size=(5, 4))


@client(np.array([0.1, -1.0]))
def gaussian_process(log_params):
    """The negative log marginal likelihood."""
    length, noise = np.exp(log_params)
    K = rbf(POINTS, POINTS, length) + noise * np.eye(len(POINTS))
    L = np.linalg.cholesky(K)
    half = solve_triangular(L, TARGETS, lower=True)
    return 0.5 * half @ half + np.log(np.diag(L)).sum() + 0.5 * len(L) * np.log(2 * np.pi)


@client(0.7, np.array([[0.3, -0.2]]))
def gaussian_process_prediction(length, where):
    """An upper bound of the prediction at a point, as for Bayesian optimisation."""
    K = rbf(POINTS, POINTS, length)
    K[np.diag_indices_from(K)] += 0.1
    L = np.linalg.cholesky(K)
    k = rbf(POINTS, where, length)[:, 0]
    mean = k.dot(cho_solve((L, True), TARGETS))
    v = np.linalg.solve(L, k)
    return mean + 2.0 * np.sqrt(1 - v @ v)


@client(np.array([[0.5, 0.5], [-0.7, 0.2], [0.1, -1.0]]))
def k_means_loss(centres):
    distances = ((POINTS[:, None, :] - centres[None, :, :]) ** 2).sum(axis=2)
    nearest = distances.argmin(axis=1)
    loss = 0.0
    for k in range(len(centres)):
        members = POINTS[nearest == k]
        if len(members) == 0:
            continue
        loss += np.sum((members - centres[k]) ** 2)
    return loss / len(POINTS)


@client({"W1": rng.normal(size=(2, 4)), "b1": np.zeros(4) + 0.1, "W2": rng.normal(size=4), "b2": 0.2})
def two_layers(params):
    hidden = np.tanh(POINTS @ params["W1"] + params["b1"])
    output = hidden @ params["W2"] + params["b2"]
    penalty = sum(np.sum(w**2) for name, w in params.items() if name.startswith("W"))
    return np.mean((output - TARGETS) ** 2) + 1e-2 * penalty


def im2col(x, k):
    """Patches of k × k pixels as columns, by strides."""
    c, h, w = x.shape
    s0, s1, s2 = x.strides
    windows = as_strided(x, shape=(c, k, k, h - k + 1, w - k + 1), strides=(s0, s1, s2, s1, s2))
    return windows.reshape(c * k * k, -1)


@client(rng.normal(size=(3, 9)), rng.normal(size=(2, 3 * 4)))
def convolution_by_im2col(kernels, dense):
    columns = im2col(IMAGE, 3)
    maps = np.maximum(kernels @ columns, 0).reshape(3, 5, 5)
    pooled = maps[:, :4, :4].reshape(3, 2, 2, 2, 2).max(axis=(2, 4))
    scores = dense @ pooled.ravel()
    return -np.log(softmax(scores)[1])


@client(IMAGE * 1.0, rng.normal(size=(2, 9)))
def convolution_of_differentiable_image(image, kernels):
    return np.sum(np.tanh(kernels @ im2col(image, 3)))


@client(IMAGE[0] * 1.0, rng.normal(size=(3, 3)))
def convolution_by_windows(image, kernel):
    windows = sliding_window_view(image, (3, 3))
    return np.sum(np.tanh(np.einsum("ijkl,kl->ij", windows, kernel)) ** 2)


@client(IMAGE[0, :5, :5] * 1.0, rng.normal(size=(3, 3)))
def convolution_by_loops(image, kernel):
    rows, columns = image.shape[0] - 2, image.shape[1] - 2
    out = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            patch = image[i : i + 3, j : j + 3]
            out[i, j] = (patch * kernel).sum()
    out[out < 0] = 0
    return out.mean()


@client(rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), rng.normal(size=(4, 4)))
def attention(Wq, Wk, Wv):
    """Two heads, causal mask."""
    Q, K, V = TOKENS @ Wq, TOKENS @ Wk, TOKENS @ Wv
    mask = np.triu(np.ones((5, 5), dtype=bool), k=1)
    heads = []
    for q, k, v in zip(*(np.split(m, 2, axis=1) for m in (Q, K, V)), strict=True):
        scores = q @ k.T / np.sqrt(q.shape[-1])
        scores[mask] = -np.inf
        heads.append(softmax(scores) @ v)
    out = np.concatenate(heads, axis=-1)
    normed = (out - out.mean(-1, keepdims=True)) / np.sqrt(out.var(-1, keepdims=True) + 1e-5)
    return np.sum(normed * TOKENS)


@client(0.3 * rng.normal(size=(7, 12)), np.zeros(12) + 0.1)
def lstm(W, b):
    h, c = np.zeros(3), np.zeros(3)
    outputs = []
    for x in TOKENS:
        z = np.concatenate([x, h]) @ W + b
        i, f, o = sigmoid(z[:3]), sigmoid(z[3:6]), sigmoid(z[6:9])
        c = f * c + i * np.tanh(z[9:])
        h = o * np.tanh(c)
        outputs.append(h)
    return np.mean(np.array(outputs) ** 2)


class BatchNorm:
    """Keeps running statistics beside what it returns."""

    def __init__(self, width, momentum=0.9):
        self.gamma, self.beta = np.ones(width), np.zeros(width)
        self.running_mean = np.zeros(width)
        self.momentum = momentum

    def forward(self, x, training=True):
        if not training:
            return self.gamma * (x - self.running_mean) + self.beta
        mean, var = x.mean(axis=0), x.var(axis=0)
        self.running_mean *= self.momentum
        self.running_mean += (1 - self.momentum) * mean
        return self.gamma * (x - mean) / np.sqrt(var + 1e-5) + self.beta


class Network:
    def __init__(self, *layers):
        self.layers = list(layers)

    def __call__(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x


class Dense:
    def __init__(self, W, b=None):
        self.W = W
        self.b = np.zeros(W.shape[1]) if b is None else b

    def forward(self, x):
        return np.dot(x, self.W) + self.b


class Relu:
    @staticmethod
    def forward(x):
        return x * (x > 0)


@client(rng.normal(size=(2, 3)), rng.normal(size=3), rng.normal(size=(3, 1)))
def network_of_classes(W, b, V):
    norm = BatchNorm(3)
    network = Network(Dense(W, b), norm, Relu(), Dense(V))
    out = network(POINTS).squeeze(axis=1)
    return np.mean((out - TARGETS) ** 2) + norm.running_mean.sum()


@client(rng.normal(size=2), 0.4)
def soft_margin(w, b):
    """A support vector machine, by hinge losses."""
    signs = np.where(TARGETS > 0, 1, -1)
    margins = signs * (POINTS @ w + b)
    return 0.5 * np.linalg.norm(w) ** 2 + np.maximum(0, 1 - margins).sum()


@client(rng.normal(size=(4, 3)))
def contrastive_loss(embedding):
    z = TOKENS @ embedding
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    similarity = z @ z.T / 0.5
    np.fill_diagonal(similarity, -1e9)
    logits = similarity - similarity.max(axis=1)[:, np.newaxis]
    log_prob = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -np.mean([log_prob[i, (i + 1) % 5] for i in range(5)])


@client(rng.normal(size=(5, 2)), rng.normal(size=(4, 2)))
def matrix_factorisation(U, V):
    ratings = {(0, 1): 3.0, (2, 3): 1.0, (4, 0): 5.0, (1, 1): 2.0}
    error = 0
    for (user, item), rating in ratings.items():
        error += (rating - U[user] @ V[item]) ** 2
    return error / len(ratings) + 0.1 * (np.sum(U**2) + np.sum(V**2))


@client(rng.normal(size=(4, 2)))
def stochastic_neighbours(Y):
    """t-SNE's divergence between two layouts."""

    def affinities(Z, heavy):
        d = np.square(Z[:, None] - Z[None]).sum(-1)
        p = 1 / (1 + d) if heavy else np.exp(-d)
        np.fill_diagonal(p, 0.0)
        return p / p.sum()

    P = affinities(TOKENS[:4], heavy=False)
    Q = affinities(Y, heavy=True)
    off = ~np.eye(4, dtype=bool)
    return np.sum(P[off] * np.log(P[off] / Q[off]))


@client(rng.normal(size=(6, 2)))
def dropout_with_seed(W):
    """Random numbers drawn inside are constants."""
    generator = np.random.default_rng(7)
    keep = generator.random((8, 6)) > 0.5
    hidden = np.tanh(POINTS @ W.T) * keep / 0.5
    return np.mean(hidden) + np.var(hidden + 0.1 * generator.normal(size=hidden.shape))
