"""Loops and branches as operations: held to the same program in plain Python, in every transform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nazad as nz
from nazad.errors import ArgumentError, ShapeError, TraceError
from nazad.graph import Graph
from nazad.tree import flatten

rng = np.random.default_rng(24)


def reals(*shape: int) -> Any:
    return rng.uniform(-1.0, 1.0, shape)


def unrolled(f: Any, init: Any, xs: Any, reverse: bool = False) -> Any:
    """What a scan means."""
    carry, ys = init, []
    for x in xs[::-1] if reverse else xs:
        carry, y = f(carry, x)
        ys.append(y)
    return carry, np.stack(ys[::-1] if reverse else ys)


class Program(NamedTuple):
    """A function of ``(loop, w, x)``, with ``loop`` the scan of nazad or the plain one."""

    f: Callable[..., Any]
    w: Any
    x: Any


def recurrent(loop: Any, w: Any, x: Any) -> Any:
    def step(c: Any, row: Any) -> Any:
        c = np.tanh(w @ c + row)
        return c, np.sum(c**2)

    last, squares = loop(step, np.zeros(3), x)
    return np.sum(last) + np.sum(squares**2)


def pairs(loop: Any, w: Any, x: Any) -> Any:
    """The carry is a structure, with a whole number in it that counts the steps."""

    def step(state: Any, row: Any) -> Any:
        k, (a, b) = state["k"], state["ab"]
        return {"k": k + 1, "ab": (b * w[0] + row, a * np.sin(row + k))}, a * b

    last, products = loop(step, {"k": np.int64(0), "ab": (w[1], w[2])}, x)
    return last["ab"][0] * last["ab"][1] + np.sum(products) * last["k"]


def backwards(loop: Any, w: Any, x: Any) -> Any:
    last, sums = loop(lambda c, row: (c * w[0] + row, c * row), w[1], x, reverse=True)
    return last * np.sum(sums * np.arange(1.0, 1 + len(x)))


def nested(loop: Any, w: Any, x: Any) -> Any:
    def outer(c: Any, row: Any) -> Any:
        c, kept = loop(lambda d, e: (np.cos(d * e) + w[0], d), c, row)
        return c, np.sum(kept)

    last, sums = loop(outer, w[1] + 1.0, x)
    return last * np.sum(sums)


def gradient_inside(loop: Any, w: Any, x: Any) -> Any:
    """Steps of descent on a function that is a loop itself."""

    def inner(u: Any) -> Any:
        return loop(lambda d, e: (np.sin(d * w[0]) + e, d), u, np.array([0.1, 0.2]))[0]

    def step(u: Any, row: Any) -> Any:
        slope = nz.grad(inner)(u)
        return u - 0.1 * slope + row, slope

    last, slopes = loop(step, w[1] + 0.5, x)
    return last + np.sum(slopes)


def row_by_index(loop: Any, w: Any, x: Any) -> Any:
    x = x + 0.0 * w[0]  # traced: of an ordinary array, x[i] would have to be known

    def step(c: Any, i: Any) -> Any:
        return c * w[0] + x[i] * x[-i], c

    last, _ = loop(step, w[1], np.arange(len(x)))
    return last


PROGRAMS = {
    "recurrent": Program(recurrent, reals(3, 3), reals(4, 3)),
    "pairs": Program(pairs, reals(3), reals(5)),
    "backwards": Program(backwards, reals(2), reals(5)),
    "nested": Program(nested, reals(2), reals(3, 2)),
    "gradient_inside": Program(gradient_inside, reals(2), reals(3)),
    "row_by_index": Program(row_by_index, reals(2), reals(4)),
}


def close(a: Any, b: Any, rtol: float = 1e-12) -> None:
    (left, structure), (right, met) = flatten(a), flatten(b)
    assert structure == met
    for p, q in zip(left, right, strict=True):
        np.testing.assert_allclose(p, q, rtol=rtol, atol=rtol)


@pytest.fixture(params=PROGRAMS.values(), ids=PROGRAMS)
def program(request: Any) -> Any:
    f, w, x = request.param
    return lambda w, x: f(nz.scan, w, x), lambda w, x: f(unrolled, w, x), w, x


def test_loop_is_the_unrolled_one_in_both_modes(program: Any) -> None:
    f, plain, w, x = program
    close(f(w, x), plain(w, x))
    both = {"argnums": (0, 1)}
    close(nz.value_and_grad(f, **both)(w, x), nz.value_and_grad(plain, **both)(w, x))
    dots = reals(*w.shape), reals(*x.shape)
    close(nz.jvp(f, (w, x), dots), nz.jvp(plain, (w, x), dots))


def test_second_derivatives_are_those_of_the_unrolled_one(program: Any) -> None:
    f, plain, w, x = program
    close(nz.hessian(f)(w, x), nz.hessian(plain)(w, x), 1e-11)
    twice = [nz.grad(lambda w, x, g=g: np.sum(np.sin(nz.grad(g)(w, x)))) for g in (f, plain)]
    close(twice[0](w, x), twice[1](w, x), 1e-11)


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_batch_is_a_loop_over_rows(program: Any, axes: Any) -> None:
    f, plain, w, x = program
    many = [v if a is None else np.stack([v, v * 0.5, -v]) for v, a in zip((w, x), axes, strict=True)]
    for g, h in ((f, plain), (nz.grad(f), nz.grad(plain))):
        rows = [h(*(v if a is None else v[k] for v, a in zip(many, axes, strict=True))) for k in range(3)]
        close(nz.vmap(g, in_axes=axes)(*many), np.stack(rows))


def test_compiled_is_interpreted(program: Any) -> None:
    f, plain, w, x = program
    fast = nz.jit(nz.value_and_grad(f, argnums=(0, 1)))
    for k in range(2):  # compiled, and called again at other values
        point = w * (1 + k), x - 0.1 * k
        close(fast(*point), nz.value_and_grad(plain, argnums=(0, 1))(*point), 1e-11)
    assert len(fast.variants) == 1


def test_body_is_traced_and_compiled_once() -> None:
    w, _ = PROGRAMS["recurrent"][1:]
    f = nz.grad(lambda w, x: recurrent(nz.scan, w, x))
    short, long = (len(nz.trace(f, w, np.zeros((n, 3)))) for n in (5, 500))
    assert short == long
    assert not nz.jit(f).lower(w, np.zeros((500, 3))).text.count("call")


@pytest.mark.parametrize("reverse", [False, True])
def test_rows_that_a_counter_picks_are_inputs(reverse: bool) -> None:
    def f(x: Any, w: Any, loop: Any = nz.scan) -> Any:
        def step(c: Any, i: Any) -> Any:
            return np.sin(c) * w + x[i, 1:] * x[2 * i + 1][0] - x[-i - 1, ::-1][:2], np.sum(x[i // 2])

        last, sums = loop(step, np.zeros(2), np.arange(3), reverse=reverse)
        return np.sum(last) * np.sum(sums)

    x, w = reals(7, 3), 0.7
    gradient = nz.grad(f, argnums=(0, 1))
    close(gradient(x, w), nz.grad(lambda x, w: f(x, w, unrolled), argnums=(0, 1))(x, w))
    close(nz.jit(gradient)(x, w), gradient(x, w))
    bodies = [v.params["body"] for v in nz.trace(gradient, x, w) if "body" in v.params]
    assert not [leaf for body in bodies for leaf in body.leaves if leaf.spec.shape == x.shape]


def test_compiled_loops_look_whether_places_are_inside() -> None:
    def f(x: Any, places: Any) -> Any:
        def outer(c: Any, row: Any) -> Any:
            return nz.scan(lambda d, i: (d * 0.5 + x[i], None), c, row)[0], c

        return nz.scan(outer, 0.0, places)[0]

    x = np.arange(5.0)
    fast = nz.jit(nz.value_and_grad(f))
    for places in ([[0, 1], [4, -5]], [[3, 3], [3, 3]]):
        close(fast(x, np.array(places)), nz.value_and_grad(f)(x, np.array(places)))
    for places in ([[0, 1], [4, 5]], [[0, -6], [1, 1]]):
        with pytest.raises(IndexError):
            fast(x, np.array(places))
    assert len(fast.variants) == 1


def test_short_branches_are_machine_code() -> None:
    fast = nz.jit(nz.grad(chosen))
    close(
        np.array([fast(1.3, 0.7), fast(-0.4, 0.7)]), np.array([nz.grad(chosen)(x, 0.7) for x in (1.3, -0.4)])
    )
    assert "run in NumPy" not in str(fast.report())
    long = nz.jit(lambda x, y: nz.cond(x > 0, lambda y: np.sin(y), lambda y: y[::-1], y))
    close(long(1.0, np.arange(9e3)), np.sin(np.arange(9e3)))
    assert "switch" in str(long.report())


def test_compiled_the_way_there_is_run_once() -> None:
    w, x = PROGRAMS["recurrent"][1:]

    def f(w: Any, x: Any) -> Any:
        def step(c: Any, row: Any) -> Any:
            c = np.tanh(w @ c + row)
            return c, (np.sum(c**2), np.cos(c))  # the second of which nobody reads

        last, (squares, _) = nz.scan(step, np.zeros(3), x)
        return np.sum(last) + np.sum(squares**2)

    fast = nz.jit(nz.value_and_grad(f))
    text = fast.lower(w, x).text
    assert text.count("loop t<4") == 2
    assert "cos" not in text
    close(fast(w, x), nz.value_and_grad(f)(w, x))


lengths = st.sampled_from([0, 1, 2, 7])
dtypes = st.sampled_from([np.float32, np.float64])


@settings(max_examples=16, deadline=None)
@given(lengths, dtypes, st.booleans(), st.booleans())
def test_every_length_and_dtype(n: int, dtype: Any, reverse: bool, weak: bool) -> None:
    x = np.linspace(-1, 1, n).astype(dtype)
    init = 0.5 if weak else dtype(0.5)

    def f(x: Any, loop: Any = nz.scan) -> Any:
        return loop(lambda c, e: (c * e + 1, {"c": c}), init, x, reverse=reverse)

    last, ys = f(x)
    seen, seen_ys = nz.vjp(f, x)[0]
    c, rows = dtype(0.5), []
    for e in x[::-1] if reverse else x:
        rows.append(c)
        c = c * e + 1
    np.testing.assert_array_equal(last, c, strict=False)
    np.testing.assert_array_equal(ys["c"], np.array(rows[::-1] if reverse else rows, dtype))
    assert np.result_type(last) == dtype or n == 0
    assert (ys["c"].dtype, ys["c"].shape) == (seen_ys["c"].dtype, seen_ys["c"].shape)
    np.testing.assert_array_equal(seen, last)
    close(nz.jit(f)(x), (last, ys), 1e-6)
    if n:
        check = nz.check_gradients(lambda x: f(x.astype(dtype))[0], x.astype(float), raises=False)
        assert dtype is np.float32 or check.ok


def test_a_step_may_write_into_what_it_gets() -> None:
    start, x = np.ones(2), reals(3)

    def f(x: Any, loop: Any = nz.scan) -> Any:
        def step(c: Any, e: Any) -> Any:
            c[0] = c[1] * e
            c += 1
            return c, c

        last, kept = loop(step, start, x)
        return np.sum(last) + np.sum(kept[1] * 2)

    def steps(step: Any, c: Any, x: Any) -> Any:
        ys = []
        for e in x:
            c, y = step(c + 0.0 * x[0], e)
            ys.append(y + 0.0)
        return c, np.stack(ys)

    assert f(x) == f(x, steps)
    np.testing.assert_array_equal(start, np.ones(2))
    close(nz.value_and_grad(f)(x), nz.value_and_grad(lambda x: f(x, steps))(x))
    np.testing.assert_array_equal(start, np.ones(2))


def test_complex_numbers_go_through() -> None:
    def f(z: Any, loop: Any = nz.scan) -> Any:
        last, kept = loop(lambda c, e: (c * e + 1j * np.sin(c), c), 0.3 + 0.1j, z)
        chosen = nz.cond(np.abs(last) > 1, lambda c: c * 1j, lambda c: c * c, last)
        return np.abs(chosen) ** 2 + np.real(np.sum(kept * z))

    z = np.array([0.3 + 0.2j, -0.1 + 0.5j, 0.7 - 0.2j])
    close(nz.grad(f)(z), nz.grad(lambda z: f(z, unrolled))(z))
    close(nz.jvp(f, (z,), (1j * z,)), nz.jvp(lambda z: f(z, unrolled), (z,), (1j * z,)))
    close(nz.vmap(nz.grad(f))(np.stack([z, 2 * z]))[1], nz.grad(f)(2 * z))
    close(nz.jit(nz.grad(f))(z), nz.grad(f)(z))


def test_length_without_arrays_and_a_result_of_nothing() -> None:
    assert nz.scan(lambda c, _: (c * 2, None), 1.0, None, 3) == (8.0, None)
    assert nz.grad(lambda a: nz.scan(lambda c, _: (c * a, None), 1.0, length=3)[0])(2.0) == 12.0
    assert nz.fori_loop(2, 5, lambda i, c: c + i, 0) == 9
    assert nz.grad(lambda a: nz.fori_loop(0, 3, lambda i, c: c * a + i, 1.0))(2.0) == 13.0


def test_number_of_steps_may_be_traced() -> None:
    def power(x: Any, n: Any) -> Any:
        return nz.fori_loop(0, n, lambda i, c: c * x, 1.0)

    fast = nz.jit(nz.value_and_grad(power))
    for n in (0, 1, 5):
        close(fast(1.5, n), (1.5**n, n * 1.5 ** max(n - 1, 0)))
    assert len(fast.variants) == 1
    close(nz.vmap(nz.grad(power), in_axes=(None, 0))(2.0, np.array([1, 2, 3])), np.array([1.0, 4.0, 12.0]))


# --- conditions
def newton(a: Any) -> Any:
    return nz.while_loop(lambda x: np.abs(x * x - a) > 1e-13 * a, lambda x: 0.5 * (x + a / x), 1.0 + a)


def test_conditional_loop_in_every_transform() -> None:
    a = np.array([0.5, 2.0, 9.0, 1e4])
    close(np.array([newton(x) for x in a]), np.sqrt(a))
    close(nz.vmap(newton)(a), np.sqrt(a))
    close(nz.vmap(nz.grad(newton))(a), 0.5 / np.sqrt(a), 1e-9)
    close(nz.vmap(nz.grad(nz.grad(newton)))(a), -0.25 * a**-1.5, 1e-6)
    close(nz.jvp(nz.vmap(newton), (a,), (np.ones(4),))[1], 0.5 / np.sqrt(a), 1e-9)
    fast = nz.jit(nz.value_and_grad(newton))
    for x in a:
        close(fast(x), (np.sqrt(x), 0.5 / np.sqrt(x)), 1e-9)
    assert len(fast.variants) == 1
    assert any("while_loop" in str(name) for name in [fast.report()])
    nz.check_gradients(newton, 2.0, order=2)


def test_conditional_loop_hands_on_structures_and_captures() -> None:
    def f(w: Any, x: Any) -> Any:
        state = {"k": 0, "v": x}
        last = nz.while_loop(
            lambda s: s["k"] < 4, lambda s: {"k": s["k"] + 1, "v": np.sin(w @ s["v"])}, state
        )
        return np.sum(last["v"] ** 2)

    def plain(w: Any, x: Any) -> Any:
        for _ in range(4):
            x = np.sin(w @ x)
        return np.sum(x**2)

    w, x = reals(3, 3), reals(3)
    close(nz.value_and_grad(f, argnums=(0, 1))(w, x), nz.value_and_grad(plain, argnums=(0, 1))(w, x))
    close(nz.hessian(f)(w, x), nz.hessian(plain)(w, x))
    close(
        nz.vmap(nz.grad(f), (0, None))(np.stack([w, -w]), x),
        np.stack([nz.grad(plain)(v, x) for v in (w, -w)]),
    )


def chosen(x: Any, w: Any) -> Any:
    return nz.cond(x > 0, lambda x: x**2 * np.sin(w * x), lambda x: 1 - x, x)


def chosen_plainly(x: Any, w: Any) -> Any:
    return x**2 * np.sin(w * x) if x > 0 else 1 - x


def test_condition_in_every_transform() -> None:
    points = np.array([1.3, -0.4, 2.0])
    for f, plain in (
        (chosen, chosen_plainly),
        (nz.grad(chosen), nz.grad(chosen_plainly)),
        (nz.grad(chosen, argnums=1), nz.grad(chosen_plainly, argnums=1)),
        (nz.grad(nz.grad(chosen)), nz.grad(nz.grad(chosen_plainly))),
    ):
        rows = [plain(x, 0.7) for x in points]
        close([f(x, 0.7) for x in points], rows)
        close(nz.vmap(f, (0, None))(points, 0.7), np.array(rows))
        fast = nz.jit(f)
        close([float(fast(x, 0.7)) for x in points], rows)
        assert len(fast.variants) == 1
    close(nz.jvp(chosen, (1.3, 0.7), (1.0, 2.0)), nz.jvp(chosen_plainly, (1.3, 0.7), (1.0, 2.0)))


def test_untaken_branch_does_not_poison_a_batch() -> None:
    def root(x: Any) -> Any:
        return nz.cond(x > 0, np.sqrt, lambda x: 0.0 * x, x)

    close(nz.vmap(nz.grad(root))(np.array([4.0, 0.0, -1.0])), np.array([0.25, 0.0, 0.0]))


def test_switch_takes_the_nearest_branch() -> None:
    def f(k: Any, x: Any) -> Any:
        return nz.switch(k, [np.sin, np.cos, lambda x: 3.0], x)

    places = np.array([-1, 0, 1, 2, 5])
    slopes = [nz.grad(f, argnums=1)(k, 0.3) for k in places]
    close(np.array(slopes), np.array([np.cos(0.3), np.cos(0.3), -np.sin(0.3), 0.0, 0.0]))
    close(nz.vmap(nz.grad(f, argnums=1), (0, None))(places, 0.3), np.array(slopes))
    fast = nz.jit(nz.grad(f, argnums=1))
    close(np.array([fast(int(k), 0.3) for k in places]), np.array(slopes))


def test_condition_inside_of_a_loop() -> None:
    def f(x: Any, loop: Any = nz.scan, either: Any = nz.cond) -> Any:
        def step(c: Any, e: Any) -> Any:
            return either(e > 0, lambda c: c * e, lambda c: c + e, c), c

        last, kept = loop(step, 0.3, x)
        return last * np.sum(kept)

    def if_else(pred: Any, a: Any, b: Any, *operands: Any) -> Any:
        return a(*operands) if pred else b(*operands)

    x = np.array([0.3, -0.5, 1.2, -0.1])
    expected = nz.value_and_grad(lambda x: f(x, unrolled, if_else))(x)
    close(nz.value_and_grad(f)(x), expected)
    close(nz.jit(nz.value_and_grad(f))(x), expected)
    close(nz.vmap(nz.grad(f))(np.stack([x, -x]))[0], expected[1])
    nz.check_gradients(f, x, order=2)


# --- what is refused
def raises(kind: Any, text: str, f: Any, *args: Any) -> None:
    with pytest.raises(kind, match=text):
        f(*args)


def test_changing_carries_are_refused_with_the_remedy() -> None:
    x = np.ones(3)
    longer = lambda x: nz.scan(lambda c, e: (np.append(c, e), None), np.zeros(1), x)  # noqa: E731
    other = lambda x: nz.scan(lambda c, e: ((c, c), None), 0.0, x)  # noqa: E731
    single = lambda x: nz.scan(lambda c, e: c + e, 0.0, x)  # noqa: E731
    narrow = lambda x: nz.scan(lambda c, e: (c + e, None), np.float32(0), x)  # noqa: E731
    for f in (lambda f: f(x), lambda f: nz.grad(lambda x: f(x)[0])(x)):
        raises(ShapeError, "Begin with an array of shape", f, longer)
        raises(ArgumentError, "Return what is handed on in the structure", f, other)
        raises(ArgumentError, "It returns a pair", f, single)
        raises(ArgumentError, "Begin with float64", f, narrow)
    raises(ShapeError, "different numbers of steps", nz.scan, lambda c, e: (c, None), 0.0, x, 4)
    raises(ArgumentError, "length=10", nz.scan, lambda c, e: (c, None), 0.0)
    raises(ShapeError, "goes along an axis", nz.scan, lambda c, e: (c, None), 0.0, 3.0)


def test_branches_on_values_inside_are_refused() -> None:
    def f(x: Any) -> Any:
        return nz.scan(lambda c, e: (c + e if e > 0 else c, None), 0.0, x)[0]

    x = np.array([1.0, -1.0, 2.0])
    raises(
        TraceError, "go along x", nz.grad(lambda a: nz.fori_loop(0, 3, lambda i, c: c * a + x[i], 1.0)), 2.0
    )
    assert f(x) == 3.0  # outside of any trace it is a plain loop
    raises(TraceError, "nz.cond or np.where", nz.grad(f), x)


def test_branches_that_disagree_are_refused() -> None:
    def of_kinds(a: Any, b: Any) -> Any:
        return nz.grad(lambda x: nz.cond(x > 0, a, b, x))

    raises(ShapeError, "different kinds", of_kinds(lambda x: x, lambda x: np.ones(2) * x), 1.0)
    raises(ArgumentError, "same structure", of_kinds(lambda x: x, lambda x: (x, x)), 1.0)
    raises(ShapeError, "single truth value", nz.cond, np.ones(2) > 0, np.sin, np.cos, 1.0)
    raises(ArgumentError, "at least one", nz.switch, 0, [], 1.0)


def test_explanation_shows_one_node() -> None:
    text = nz.explain(lambda w, x: recurrent(nz.scan, w, x), *PROGRAMS["recurrent"][1:]).text(width=150)
    assert "scan(" in text
    assert "length=4" in text
    assert "cond" in nz.explain(chosen, 1.3, 0.7).text() or "switch(" in nz.explain(chosen, 1.3, 0.7).text()
    G = nz.trace(lambda x: nz.scan(lambda c, e: (c + e, None), 0.0, x), np.ones(3))
    assert any(isinstance(v.params.get("body"), Graph) for v in G)
