"""ADBench's bundle adjustment: the sparse Jacobian of reprojection errors, 31 entries an observation.

An observation is of one point by one camera, with a weight: two rows w (projection − feature) with 15
entries each (11 of the camera: rotation vector, centre, focal length, principal point, two of radial
distortion; 3 of the point; 1 of the weight), and one row 1 − w². Rows and columns stand in ADBench's order,
which is that of one vector of all parameters, so that a Jacobian is one CSR matrix. The contenders return its
numbers; where they stand is known beforehand to all.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))
import one_thread  # noqa: F401

# isort: split
import numpy as np
from peers import by_jax as compiled_by_jax
from peers import by_nazad as compiled_by_nazad
from peers import needs
from side_by_side import Contenders, compare, distance, options

import nazad as nz

SIZES = ((49, 7776, 31843),)
QUICK = ((3, 20, 60),)
CAMERA = 11
OURS = ("nazad", "nazad, interpreted", "nazad, dense")  # held to its peers as a matrix, see same


class Problem(NamedTuple):
    """Parameters, and what is seen: observation i is of point ``seen[i]`` by camera ``by[i]``."""

    cameras: np.ndarray
    points: np.ndarray
    weights: np.ndarray
    by: np.ndarray
    seen: np.ndarray
    features: np.ndarray


def data(n: int, m: int, p: int) -> Problem:
    """Cameras that look at points well in front of them."""
    rng = np.random.default_rng(31337)
    rotation, centre = rng.normal(size=(n, 3)) * 0.1, rng.normal(size=(n, 3)) * 0.2
    lens = np.column_stack(
        [rng.uniform(400, 600, n), rng.normal(size=(n, 2)) * 10, rng.normal(size=(n, 2)) * 0.05]
    )
    points = rng.normal((0.0, 0.0, 8.0), size=(m, 3))
    by, seen = rng.integers(0, n, p), rng.integers(0, m, p)
    cameras = np.hstack([rotation, centre, lens])
    features = written_in(np).project(cameras[by], points[seen]) + rng.normal(size=(p, 2))
    return Problem(cameras, points, rng.uniform(0.5, 1.5, p), by, seen, features)


class Written(NamedTuple):
    project: Callable[..., Any]
    errors: Callable[..., Any]


def written_in(np: Any) -> Written:
    """The model in NumPy, all observations at once; JAX and autograd bring a NumPy of their own."""

    def rotate(rotation: Any, x: Any) -> Any:
        """Rodrigues' formula."""
        angle = np.sqrt(np.sum(rotation**2, axis=-1, keepdims=True))
        axis = rotation / angle
        along = np.sum(axis * x, axis=-1, keepdims=True)
        return np.cos(angle) * x + np.sin(angle) * cross(axis, x) + (1 - np.cos(angle)) * along * axis

    def cross(a: Any, b: Any) -> Any:
        turn, back = [1, 2, 0], [2, 0, 1]
        return a[..., turn] * b[..., back] - a[..., back] * b[..., turn]

    def project(camera: Any, point: Any) -> Any:
        x = rotate(camera[..., 0:3], point - camera[..., 3:6])
        flat = x[..., 0:2] / x[..., 2:3]
        radius = np.sum(flat**2, axis=-1, keepdims=True)
        distorted = flat * (1 + camera[..., 9:10] * radius + camera[..., 10:11] * radius**2)
        return distorted * camera[..., 6:7] + camera[..., 7:9]

    def errors(camera: Any, point: Any, weight: Any, feature: Any) -> Any:
        return weight[..., None] * (project(camera, point) - feature)

    return Written(project, errors)


def residuals(problem: Problem) -> Callable[[Any], Any]:
    """All residuals as a function of one vector of all parameters, in ADBench's order."""
    cameras, points, _, by, seen, features = problem
    n, m = len(cameras), len(points)

    def of(theta: Any) -> Any:
        cameras = np.reshape(theta[: CAMERA * n], (n, CAMERA))
        points = np.reshape(theta[CAMERA * n : CAMERA * n + 3 * m], (m, 3))
        weights = theta[CAMERA * n + 3 * m :]
        errors = written_in(np).errors(cameras[by], points[seen], weights, features)
        return np.concatenate([np.ravel(errors), 1 - weights**2])

    return of


def parameters(problem: Problem) -> np.ndarray:
    return np.concatenate([np.ravel(problem.cameras), np.ravel(problem.points), problem.weights])


def pattern(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    """Row ends and columns of the Jacobian as CSR."""
    n, m, p = len(problem.cameras), len(problem.points), len(problem.weights)
    camera = CAMERA * problem.by[:, None] + np.arange(CAMERA)
    point = CAMERA * n + 3 * problem.seen[:, None] + np.arange(3)
    weight = CAMERA * n + 3 * m + np.arange(p)[:, None]
    columns = np.repeat(np.hstack([camera, point, weight]), 2, axis=0)
    ends = np.cumsum(np.concatenate([[0], np.full(2 * p, 15), np.ones(p, dtype=int)]))
    return ends, np.concatenate([np.ravel(columns), np.ravel(weight)])


def by_nazad(problem: Problem) -> tuple[Contenders, Callable[[Any], Any]]:
    """The numbers at the places that nazad finds, and how they become a matrix.

    Before there are sparse Jacobians the dense one runs, if it is small.
    """
    theta, f = parameters(problem), residuals(problem)
    if hasattr(nz, "sparse_jacobian"):
        plan = nz.sparse_jacobian(f).plan(theta)
        interpreted = {"nazad, interpreted": functools.partial(plan.values, theta)}
        return compiled_by_nazad(plan.values, (theta,)) or interpreted, plan.assemble
    if len(theta) < 500:
        return {"nazad, dense": functools.partial(nz.jacobian(f), theta)}, np.asarray
    print("left out: nazad has no sparse_jacobian yet")
    return {}, np.asarray


def same(ours: Any, numbers: np.ndarray, problem: Problem) -> None:
    """Ours is a matrix, which may leave out what is always zero: as matrices they are compared."""
    ends, columns = pattern(problem)
    rows = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    found = np.ravel(ours[rows, columns])
    assert distance(found, np.asarray(numbers)) < 1e-8, "nazad and its peers differ"
    assert abs(np.sum(abs(found)) - abs(ours).sum()) < 1e-8 * np.sum(abs(found)), "there is more elsewhere"


def joined(np: Any, blocks: Any, weights: Any) -> Any:
    """The numbers of the matrix: blocks (p, 2, 15) of the errors, then the derivatives of 1 − w²."""
    return np.concatenate([np.reshape(blocks, (-1,)), -2 * weights])


@needs("jax")
def by_jax(jax: Any, problem: Problem) -> Contenders:
    jnp = jax.numpy
    errors = written_in(jnp).errors

    def jacobian(mode: Callable[..., Any]) -> Callable[..., Any]:
        one = jax.vmap(mode(errors, (0, 1, 2)))

        def of(cameras: Any, points: Any, weights: Any, by: Any, seen: Any, features: Any) -> Any:
            camera, point, weight = one(cameras[by], points[seen], weights, features)
            return joined(jnp, jnp.concatenate([camera, point, weight[..., None]], axis=2), weights)

        return of

    modes = {"JAX, jacrev": jacobian(jax.jacrev), "JAX, jacfwd": jacobian(jax.jacfwd)}
    found = {"JAX, columns": in_columns(jax)} | modes
    return {name: compiled_by_jax(jax, f, tuple(problem)) for name, f in found.items()}


def in_columns(jax: Any) -> Callable[..., Any]:
    """As one writes it who knows XLA: an array for each component, pulled back once for each row."""
    jnp = jax.numpy

    def errors(a, b, c, cx, cy, cz, focal, px, py, k1, k2, x, y, z, weight, fx, fy):  # type: ignore[no-untyped-def]
        x, y, z = x - cx, y - cy, z - cz
        square, along = a * a + b * b + c * c, a * x + b * y + c * z
        angle = jnp.sqrt(square)
        cos, sine = jnp.cos(angle), jnp.sin(angle) / angle
        rest = along * (1 - cos) / square
        depth = cos * z + sine * (a * y - b * x) + rest * c
        u = (cos * x + sine * (b * z - c * y) + rest * a) / depth
        v = (cos * y + sine * (c * x - a * z) + rest * b) / depth
        radius = u * u + v * v
        scale = focal * (1 + k1 * radius + k2 * radius * radius)
        return weight * (u * scale + px - fx), weight * (v * scale + py - fy)

    def of(cameras: Any, points: Any, weights: Any, by: Any, seen: Any, features: Any) -> Any:
        parameters, goals = (*cameras.T[:, by], *points.T[:, seen], weights), features.T
        pull = jax.vjp(lambda *each: errors(*each, *goals), *parameters)[1]
        one, none = jnp.ones_like(weights), jnp.zeros_like(weights)
        blocks = jnp.stack([*pull((one, none)), *pull((none, one))], axis=1)
        return joined(jnp, blocks, weights)

    return of


@needs("torch")
def by_torch(torch: Any, problem: Problem) -> Contenders:
    cameras, points, weights, by, seen, features = map(torch.from_numpy, problem)

    def cross(a: Any, b: Any) -> Any:
        return torch.linalg.cross(a, b, dim=-1)

    def errors(camera: Any, point: Any, weight: Any) -> Any:
        rotation = camera[:, 0:3]
        angle = torch.sqrt(torch.sum(rotation**2, dim=1, keepdim=True))
        axis, x = rotation / angle, point - camera[:, 3:6]
        along = torch.sum(axis * x, dim=1, keepdim=True)
        x = torch.cos(angle) * x + torch.sin(angle) * cross(axis, x) + (1 - torch.cos(angle)) * along * axis
        flat = x[:, 0:2] / x[:, 2:3]
        radius = torch.sum(flat**2, dim=1, keepdim=True)
        distorted = flat * (1 + camera[:, 9:10] * radius + camera[:, 10:11] * radius**2)
        return weight[:, None] * (distorted * camera[:, 6:7] + camera[:, 7:9] - features)

    def jacobian() -> Any:
        """Observations do not mix: the sum of one row over all has every observation's gradient."""
        leaves = [
            cameras[by].requires_grad_(),
            points[seen].requires_grad_(),
            weights.clone().requires_grad_(),
        ]
        sums = torch.sum(errors(*leaves), dim=0)
        rows = [torch.autograd.grad(s, leaves, retain_graph=True) for s in sums]
        blocks = torch.stack([torch.cat([c, x, w[:, None]], dim=1) for c, x, w in rows], dim=1)
        return torch.cat([blocks.reshape(-1), -2 * weights])

    return {"PyTorch": jacobian}


@needs("autograd", "autograd.numpy")
def by_autograd(autograd: Any, numpy: Any, problem: Problem) -> Contenders:
    errors = written_in(numpy).errors

    def row(k: int) -> Callable[..., Any]:
        return autograd.grad(lambda c, x, w: numpy.sum(errors(c, x, w, problem.features)[:, k]), (0, 1, 2))

    gradients = [row(0), row(1)]

    def jacobian() -> Any:
        leaves = problem.cameras[problem.by], problem.points[problem.seen], problem.weights
        rows = [np.hstack([c, x, w[:, None]]) for c, x, w in (g(*leaves) for g in gradients)]
        return joined(np, np.stack(rows, axis=1), problem.weights)

    return {"autograd": jacobian}


@needs("numba")
def by_hand(numba: Any, problem: Problem) -> Contenders:
    """The derivatives worked out on paper, in one loop over the observations, compiled by Numba."""
    njit = numba.njit(fastmath={"reassoc", "contract"}, error_model="numpy", inline="always")

    @njit
    def skew(v: Any, out: Any) -> None:
        """The matrix of the cross product by v; its diagonal stays zero."""
        out[0, 1], out[0, 2], out[1, 2] = -v[2], v[1], -v[0]
        out[1, 0], out[2, 0], out[2, 1] = v[2], -v[1], v[0]

    @njit
    def rotate(w: Any, x: Any, W: Any, S: Any, y: Any, by_x: Any, by_w: Any) -> None:
        """cos x + a w × x + b (w · x) w, and its derivatives by x and by the rotation vector w."""
        square, along = w[0] ** 2 + w[1] ** 2 + w[2] ** 2, w[0] * x[0] + w[1] * x[1] + w[2] * x[2]
        angle = np.sqrt(square)
        cos, a = np.cos(angle), np.sin(angle) / angle
        b = (1 - cos) / square
        da, db = (cos - a) / square, (a - 2 * b) / square
        skew(w, W)
        skew(x, S)
        for k in range(3):
            across = W[k, 0] * x[0] + W[k, 1] * x[1] + W[k, 2] * x[2]
            y[k] = cos * x[k] + a * across + b * along * w[k]
            for j in range(3):
                by_x[k, j] = a * W[k, j] + b * w[k] * w[j]
                by_w[k, j] = (
                    w[j] * (da * across + db * along * w[k] - a * x[k]) - a * S[k, j] + b * x[j] * w[k]
                )
            by_x[k, k] += cos
            by_w[k, k] += b * along

    @numba.njit(fastmath={"reassoc", "contract"}, error_model="numpy")
    def jacobian(cameras: Any, points: Any, weights: Any, by: Any, seen: Any, features: Any) -> Any:
        p = len(weights)
        out = np.empty(31 * p)
        W, S, by_x, by_w = np.zeros((3, 3)), np.zeros((3, 3)), np.empty((3, 3)), np.empty((3, 3))
        x, y, flat, share = np.empty(3), np.empty(3), np.empty(2), np.empty(3)
        for i in range(p):
            c, point, weight = cameras[by[i]], points[seen[i]], weights[i]
            for k in range(3):
                x[k] = point[k] - c[3 + k]
            rotate(c[:3], x, W, S, y, by_x, by_w)
            flat[0], flat[1] = y[0] / y[2], y[1] / y[2]
            radius = flat[0] ** 2 + flat[1] ** 2
            L, dL = 1 + c[9] * radius + c[10] * radius**2, 2 * (c[9] + 2 * c[10] * radius)
            for r in range(2):
                row, scale = out[30 * i + 15 * r : 30 * i + 15 * r + 15], weight * c[6] / y[2]
                share[0], share[1] = scale * dL * flat[r] * flat[0], scale * dL * flat[r] * flat[1]
                share[r] += scale * L
                share[2] = -share[0] * flat[0] - share[1] * flat[1]
                for j in range(3):
                    row[j] = share[0] * by_w[0, j] + share[1] * by_w[1, j] + share[2] * by_w[2, j]
                    row[11 + j] = share[0] * by_x[0, j] + share[1] * by_x[1, j] + share[2] * by_x[2, j]
                    row[3 + j] = -row[11 + j]
                row[6], row[7], row[8] = weight * flat[r] * L, 0.0, 0.0
                row[7 + r] = weight
                row[9] = weight * c[6] * flat[r] * radius
                row[10] = row[9] * radius
                row[14] = c[6] * flat[r] * L + c[7 + r] - features[i, r]
            out[30 * p + i] = -2 * weight
        return out

    return {"by hand, Numba": lambda: jacobian(*problem)}


def contenders(n: int, m: int, p: int) -> Contenders:
    problem = data(n, m, p)
    peers = by_jax(problem) | by_torch(problem) | by_autograd(problem) | by_hand(problem)
    ours, matrix = by_nazad(problem)
    if ours and peers:
        same(matrix(next(iter(ours.values()))()), next(iter(peers.values()))(), problem)
    return ours | peers


def main() -> None:
    chosen = options(__doc__)
    sizes = QUICK if chosen.quick else SIZES
    cases = {
        f"{n} cameras, {m} points, {p} observations": functools.partial(contenders, n, m, p)
        for n, m, p in sizes
    }
    compare("ADBench BA: sparse Jacobian, one thread", cases, chosen, apart=OURS)


if __name__ == "__main__":
    main()
