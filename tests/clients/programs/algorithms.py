"""Algorithms as in a course of programming: recursion, tables, queues, parsers."""

import heapq
import math
import re
from collections import defaultdict, deque
from contextlib import suppress
from functools import lru_cache, partial, reduce
from itertools import accumulate, pairwise, product
from operator import itemgetter, mul
from typing import NamedTuple

import numpy as np

from .helpers import softmax
from .table import client

rng = np.random.default_rng(6)


@client(rng.normal(size=(4, 5)), 0.3)
def soft_alignment(scores, gap):
    """Needleman and Wunsch's table, with a soft maximum."""
    n, m = scores.shape
    D = np.zeros((n + 1, m + 1))
    D[:, 0] = -gap * np.arange(n + 1)
    D[0, :] = -gap * np.arange(m + 1)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            options = np.array([D[i - 1, j - 1] + scores[i - 1, j - 1], D[i - 1, j] - gap, D[i, j - 1] - gap])
            D[i, j] = np.log(np.sum(np.exp(options)))
    return D[n, m]


@client(np.sin(np.arange(5.0)), np.cos(np.arange(6.0)))
def dynamic_time_warping(a, b):
    D = np.full((len(a) + 1, len(b) + 1), np.inf)
    D[0, 0] = 0
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            D[i, j] = (x - y) ** 2 + min(D[i - 1, j], D[i, j - 1], D[i - 1, j - 1])
    return D[-1, -1] ** 0.5


@client({"insert": 1.0, "delete": 1.2, "change": 1.5})
def edit_distance(costs):
    @lru_cache(None)
    def distance(s, t):
        if not s:
            return len(t) * costs["insert"]
        if not t:
            return len(s) * costs["delete"]
        if s[0] == t[0]:
            return distance(s[1:], t[1:])
        return min(
            costs["insert"] + distance(s, t[1:]),
            costs["delete"] + distance(s[1:], t),
            costs["change"] + distance(s[1:], t[1:]),
        )

    return distance("kitten", "sitting") * distance("flaw", "lawn") + costs["delete"]


class Leaf(NamedTuple):
    value: float


class Branch(NamedTuple):
    left: object
    right: object
    weight: float


def fold(tree):
    match tree:
        case Leaf(value):
            return math.tanh(value)
        case Branch(left, right, weight):
            return weight * fold(left) + (1 - weight) * fold(right)
    raise ValueError(f"neither leaf nor branch: {tree}")


@client(np.array([0.2, -0.5, 1.0, 0.7]), 0.3)
def fold_of_a_tree(values, weight):
    nodes = deque(Leaf(v) for v in values)
    while len(nodes) > 1:
        nodes.append(Branch(nodes.popleft(), nodes.popleft(), weight))
    return fold(nodes.pop())


class Expression:
    """A calculator by recursive descent."""

    OPERATORS = {"+": lambda a, b: a + b, "*": mul, "-": lambda a, b: a - b, "/": lambda a, b: a / b}
    FUNCTIONS = {"exp": math.exp, "sin": np.sin, "sqrt": math.sqrt}

    def __init__(self, text, **names):
        self.tokens = re.findall(r"[a-z]+|\d+\.?\d*|[-+*/()]", text)
        self.names = names
        self.position = 0

    def peek(self):
        return self.tokens[self.position] if self.position < len(self.tokens) else None

    def take(self):
        self.position += 1
        return self.tokens[self.position - 1]

    def sum(self):
        value = self.product()
        while self.peek() in ("+", "-"):
            value = self.OPERATORS[self.take()](value, self.product())
        return value

    def product(self):
        value = self.atom()
        while self.peek() in ("*", "/"):
            value = self.OPERATORS[self.take()](value, self.atom())
        return value

    def atom(self):
        token = self.take()
        if token == "(":
            value = self.sum()
            self.take()
            return value
        if token in self.FUNCTIONS:
            return self.FUNCTIONS[token](self.atom())
        try:
            return float(token)
        except ValueError:
            return self.names[token]


@client(1.2, 0.7)
def calculator(x, y):
    return Expression("x * exp(y - x / 2) + sqrt(x * y) * 3 - sin(x + y)", x=x, y=y).sum()


@client(rng.normal(size=6))
def sorting_network(x):
    """Compares and swaps in place, softly for the last pair."""
    x = list(x)
    for i in range(len(x)):
        for j in range(i % 2, len(x) - 1, 2):
            if x[j] > x[j + 1]:
                x[j], x[j + 1] = x[j + 1], x[j]
    return sum(k * v for k, v in enumerate(x)) + np.minimum(x[0], x[1])


def bubble(array):
    array = array.copy()
    swapped = True
    while swapped:
        swapped = False
        for i in range(len(array) - 1):
            if array[i] > array[i + 1]:
                array[i], array[i + 1] = array[i + 1], array[i].copy()
                swapped = True
    return array


@client(rng.normal(size=5))
def bubble_sort(x):
    return bubble(x) @ np.arange(5) ** 2


def tokenize(text, vocabulary):
    """An array of whole numbers, filled in a loop."""
    ids = np.zeros(len(text.split()), dtype=int)
    for position, word in enumerate(text.split()):
        ids[position] = vocabulary.setdefault(word, len(vocabulary))
    return ids


@client(rng.normal(size=(6, 3)))
def bag_of_words(embedding):
    vocabulary = {}
    ids = tokenize("the cat saw the dog and the dog saw a cat", vocabulary)
    counts = np.bincount(ids, minlength=6)
    context = embedding[ids[:-1]] * np.linspace(0.5, 1, len(ids) - 1)[:, None]
    logits = context @ embedding.T
    prob = softmax(logits)
    return -np.mean(np.log(prob[range(len(ids) - 1), ids[1:]])) + counts @ embedding[:, 0]


@client(np.array([1.0, 2.5, 0.7, 1.9, 0.4, 3.0]))
def shortest_path(lengths):
    """Dijkstra's, with a queue of traced lengths."""
    graph = defaultdict(list)
    for (a, b), w in zip(["ab", "bc", "ad", "dc", "ce", "be"], lengths, strict=True):
        graph[a].append((b, w))
        graph[b].append((a, w))
    queue, done = [(0.0, "a")], {}
    while queue:
        distance, node = heapq.heappop(queue)
        if node in done:
            continue
        done[node] = distance
        for other, w in graph[node]:
            if other not in done:
                heapq.heappush(queue, (distance + w, other))
    return done["e"] ** 2 + sum(done.values())


@client(np.array([0.3, 0.9, 0.2]))
def exceptions(x):
    total = 0.0
    for value in x:
        try:
            if value > 0.5:
                raise ValueError(value)
            total += math.acos(value)
        except ValueError as error:
            total += 2 * error.args[0]
        finally:
            total += 0.1 * value
    with suppress(KeyError):
        total += {}["missing"]
    return total


@client(np.array([0.3, 0.9, 0.2]))
def functional_style(x):
    doubled = map(lambda t: 2 * t, x)
    filtered = filter(lambda t: t > 0.5, doubled)
    powers = [pow(t, n) for t, n in product(filtered, (1, 2))]
    product_of_all = reduce(mul, powers, 1)
    largest = max(((i, v) for i, v in enumerate(x)), key=itemgetter(1))
    half = partial(lambda a, b: a / b, b=2)
    return product_of_all + half(largest[1]) + sum(b - a for a, b in pairwise(accumulate(x)))


class Stack:
    def __init__(self, capacity):
        self.data = np.zeros(capacity)
        self.size = 0

    def push(self, value):
        self.data[self.size] = value
        self.size += 1
        return self

    def pop(self):
        self.size -= 1
        return self.data[self.size]

    def __len__(self):
        return self.size

    def __iter__(self):
        yield from self.data[: self.size]

    def __getitem__(self, index):
        return self.data[: self.size][index]

    def __contains__(self, value):
        return any(value == item for item in self)


@client(0.4, 1.3)
def reverse_polish(x, y):
    stack = Stack(8)
    for token in ["x", "y", "*", "x", "sin", "+", "y", "/"]:
        if token in "*+/":
            b, a = stack.pop(), stack.pop()
            stack.push({"*": a * b, "+": a + b, "/": a / b}[token])
        elif token == "sin":
            stack.push(math.sin(stack.pop()))
        else:
            stack.push({"x": x, "y": y}[token])
    stack.push(x)
    assert len(stack) == 2
    assert x in stack
    return stack[0] * sum(stack) + max(stack[-1], 0)


@client(np.array([0.2, 0.5, 0.8]))
def report(x):
    """Numbers in texts, tables and lookups on the way."""
    lines = [f"{i}: {v:8.3f} {v!s:.4} {round(float(v), 2)}" for i, v in enumerate(x)]
    table = dict(zip("abc", x, strict=True))
    best = sorted(table, key=table.get, reverse=True)[0]
    assert "0.800" in "\n".join(lines)
    summary = {"mean": np.mean(list(table.values())), "best": table[best], **table}
    return summary["mean"] * summary["best"] + len(lines) * summary["a"]


def running_mean():
    total, count, mean = 0.0, 0, None
    while True:
        value = yield mean
        total += value
        count += 1
        mean = total / count


@client(np.array([0.2, 0.5, 0.8]))
def generator_that_is_sent_values(x):
    averager = running_mean()
    next(averager)
    return sum(averager.send(math.exp(v)) for v in x)


@client(2.5, np.array([1.0, -2.0, 0.5]))
def horner(x, coefficients):
    total, *rest = coefficients
    for c in rest:
        total = total * x + c
    return -total if total < 0 else total


@client(np.array([[0.1, 0.2], [0.6, 0.1], [0.5, 0.9], [0.2, 0.6]]))
def polygon(corners):
    """Area and perimeter by the shoelace formula."""
    area = 0
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        area += x1 * y2 - x2 * y1
    sides = [math.dist(p, q) for p, q in pairwise([*corners, corners[0]])]
    return abs(area) / 2 / math.fsum(sides) ** 2


@client(rng.normal(size=(3, 4)))
def game_of_choice(payoffs):
    """Fictitious play for some rounds."""
    rows, columns = np.ones(3), np.ones(4)
    for _ in range(6):
        best = int(np.argmax(payoffs @ columns))
        worst = int(np.argmin(rows @ payoffs))
        rows[best] += 1
        columns[worst] += 1
    return rows / rows.sum() @ payoffs @ (columns / columns.sum())
