"""Simulations: partial and ordinary differential equations, bodies, fields, images."""

import math
from abc import ABC, abstractmethod
from itertools import combinations

import numpy as np
from numpy.fft import fft2, ifft2

from .helpers import rk4
from .table import client

rng = np.random.default_rng(3)
PICTURE = rng.normal(size=(8, 8))


@client(np.sin(np.linspace(0, 3, 20)), 0.3)
def heat_equation(u, k):
    for _ in range(15):
        u[1:-1] += k * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.sum(u**2)


@client(np.exp(-(np.linspace(-3, 3, 20) ** 2)), 0.8)
def wave_equation(u0, c):
    previous, current = u0.copy(), u0.copy()
    following = np.zeros_like(u0)
    for _ in range(12):
        following[1:-1] = (
            2 * current[1:-1] - previous[1:-1] + c**2 * (current[2:] - 2 * current[1:-1] + current[:-2])
        )
        following[0], following[-1] = 0, 0
        previous, current, following = current, following, previous
    return np.sum(current**2)


@client(0.1 * rng.normal(size=(6, 6)))
def reaction_diffusion(u):
    v = np.zeros(u.shape)
    v[2:4, 2:4] = 0.5
    for _ in range(5):
        laplacian = sum(np.roll(u, shift, axis) for shift in (1, -1) for axis in (0, 1)) - 4 * u
        reaction = u * v * v
        u = u + 0.16 * laplacian - reaction + 0.035 * (1 - u)
        v += reaction - 0.1 * v
    return v.std()


@client(rng.normal(size=(4, 2)), 0.1 * rng.normal(size=(4, 2)), np.array([1.0, 2.0, 0.5, 1.5]))
def n_bodies(x, v, m):
    """The energy after some leapfrog steps."""

    def forces(x):
        a = np.zeros_like(x)
        for i, j in combinations(range(len(m)), 2):
            d = x[j] - x[i]
            r3 = (d @ d + 0.1) ** 1.5
            a[i] += m[j] * d / r3
            a[j] -= m[i] * d / r3
        return a

    dt = 0.05
    a = forces(x)
    for _ in range(4):
        v += 0.5 * dt * a
        x += dt * v
        a = forces(x)
        v += 0.5 * dt * a
    return 0.5 * np.sum(m * (v**2).sum(axis=1)) + x[0, 0]


class Body(ABC):
    """A hierarchy of classes, with properties."""

    def __init__(self, mass, position):
        self.mass = mass
        self.position = np.asarray(position, dtype=float)

    @property
    @abstractmethod
    def inertia(self): ...

    def energy(self, omega):
        return 0.5 * self.inertia * omega**2 + self.mass * 9.81 * self.position[1]

    def __repr__(self):
        return f"{type(self).__name__}({self.mass:.3g})"


class Ball(Body):
    def __init__(self, mass, position, radius):
        super().__init__(mass, position)
        self.radius = radius

    @property
    def inertia(self):
        return 0.4 * self.mass * self.radius**2


class Rod(Body):
    length = 1.5

    @property
    def inertia(self):
        return self.mass * self.length**2 / 12


class Compound(Body):
    def __init__(self, *parts):
        self.parts = parts
        total = sum(p.mass for p in parts)
        super().__init__(total, sum(p.mass * p.position for p in parts) / total)

    @property
    def inertia(self):
        steiner = [p.mass * np.linalg.norm(p.position - self.position) ** 2 for p in self.parts]
        return sum(p.inertia for p in self.parts) + np.sum(steiner)


@client(np.array([1.2, 0.7]), 0.4)
def classes_of_bodies(masses, radius):
    whole = Compound(Ball(masses[0], [0.0, radius], radius), Rod(masses[1], [radius * 2, 1.0]))
    if not isinstance(whole, Compound) or "Compound" not in repr(whole):
        raise TypeError(f"unexpected {whole!r}")
    return whole.energy(omega=2.0)


@client(np.array([1.0, 0.2]), 0.6)
def pendulum(start, damping):
    def field(t, y):
        angle, speed = y
        return np.array([speed, -math.sin(angle) - damping * speed + 0.1 * math.cos(t)])

    y = np.array(start)
    for step in range(20):
        y = rk4(field, y, 0.1 * step, 0.1)
    return y[0] ** 2 + y[1]


@client(np.array([1.1, 0.4, 0.4, 0.1]))
def lotka_volterra_with_adaptive_steps(params):
    """Bogacki and Shampine's pair, with steps as large as the error allows."""
    a, b, c, d = params

    def field(z):
        x, y = z
        return np.array([a * x - b * x * y, d * x * y - c * y])

    t, dt, z = 0.0, 0.3, np.array([3.0, 2.0])
    while t < 2.0:
        if t + dt > 2.0:
            dt = 2.0 - t
        k1 = field(z)
        k2 = field(z + 0.5 * dt * k1)
        k3 = field(z + 0.75 * dt * k2)
        better = z + dt / 9 * (2 * k1 + 3 * k2 + 4 * k3)
        k4 = field(better)
        error = dt * np.abs(-5 / 72 * k1 + k2 / 12 + k3 / 9 - k4 / 8).max()
        if float(error) < 1e-3:
            t, z = t + dt, better
            dt = 0.3 if dt < 0.3 else dt
        else:
            dt /= 2
    return z.sum()


@client(PICTURE * 1.0, 1.5)
def filter_by_fourier(picture, width):
    frequencies = np.fft.fftfreq(8)
    fx, fy = np.meshgrid(frequencies, frequencies)
    transfer = np.exp(-2 * (np.pi * width) ** 2 * (fx**2 + fy**2))
    blurred = np.real(ifft2(fft2(picture) * transfer))
    gy, gx = np.gradient(blurred)
    return np.sum(np.sqrt(gx**2 + gy**2 + 1e-3))


@client(np.sin(np.arange(16.0)) + 0.3)
def power_spectrum(signal):
    window = np.hanning(len(signal))
    spectrum = np.abs(np.fft.rfft((signal - signal.mean()) * window)) ** 2
    share = spectrum / spectrum.sum()
    share = share[share > 1e-12]
    return -np.sum(share * np.log(share))


@client(PICTURE[:5, :5] * 1.0)
def total_variation(image):
    padded = np.pad(image, 1, mode="edge")
    dx, dy = np.diff(padded, axis=1)[1:, :], np.diff(padded, axis=0)[:, 1:]
    h, w = min(dx.shape[0], dy.shape[0]), min(dx.shape[1], dy.shape[1])
    return np.hypot(dx[:h, :w] + 0.01, dy[:h, :w]).sum()


@client(np.array([0.4, 0.6]))
def ising_mean_field(params):
    J, h = params
    m = 0.5
    iterations = 0
    while True:
        new = math.tanh(J * m + h)
        iterations += 1
        if abs(new - m) < 1e-12 or iterations > 200:
            break
        m = new
    return -J * m**2 / 2 - h * m + iterations * 0


@client(rng.normal(size=(5, 3)))
def lennard_jones(positions):
    energy = 0.0
    for i in range(len(positions)):
        for j in range(i):
            r = np.sqrt(((positions[i] - positions[j]) ** 2).sum() + 0.5)
            if r > 3.5:
                continue
            s6 = (1.0 / r) ** 6
            energy += 4 * (s6**2 - s6)
    return energy


@client(np.array([0.3, 0.5, -0.2]))
def rotated_rigid_body(angles):
    """A chain of rotations, as in robotics."""

    def rotation(axis, angle):
        c, s = np.cos(angle), np.sin(angle)
        R = np.eye(3)
        i, j = [k for k in range(3) if k != axis]
        R[i, i] = R[j, j] = c
        R[i, j], R[j, i] = -s, s
        return R

    hand = np.array([1.0, 0.0, 0.0])
    for axis, angle in enumerate(angles):
        hand = rotation(axis, angle) @ hand + [0.0, 0.1, 0.2]
    return np.linalg.norm(hand - np.array([0.5, 0.5, 0.5]))


@client(12.0, 0.7)
def thrown_ball(speed, angle):
    """Until it hits the ground; the last step is interpolated."""
    x, y = 0.0, 0.0
    vx, vy = speed * math.cos(angle), speed * math.sin(angle)
    dt, drag = 0.05, 0.02
    while True:
        v = math.hypot(vx, vy)
        nx, ny = x + dt * vx, y + dt * vy
        if ny < 0:
            share = y / (y - ny)
            return x + share * (nx - x)
        x, y = nx, ny
        vx, vy = vx - dt * drag * v * vx, vy - dt * (9.81 + drag * v * vy)


@client(0.2 * rng.normal(size=10))
def burgers_upwind(u):
    n = len(u)
    u = u + 1.0
    for _ in range(6):
        new = u.copy()
        for i in range(n):
            new[i] = u[i] - 0.2 * u[i] * (u[i] - u[i - 1])
        u = new
    return float(np.dot(u, np.arange(n)))
