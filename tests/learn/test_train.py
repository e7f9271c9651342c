"""Training: every method converges on real data with no options, to the optimum that scikit-learn finds."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression

from nazad.errors import ArgumentError, DataError
from nazad.learn import Plan, Prepared, Table, train
from nazad.learn.halving import Halving
from nazad.learn.train import METHODS

LOADERS = {
    "breast cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits,
    "wine": datasets.load_wine,
}


def real(name):
    data = LOADERS[name]()
    return Table.of(data.data, [str(n) for n in data.feature_names], name).with_column(
        "class", data.target.astype(float)
    )


def small(rows=60, classes=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3))
    y = np.argmax(X @ rng.normal(size=(3, classes)) + rng.gumbel(size=(rows, classes)), axis=1)
    return Table.of(X, ["a", "b", "c"], "small").with_column("y", y.astype(float))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("name", "least"), [("breast cancer", 0.95), ("wine", 0.95)])
def test_every_method_converges_with_no_options(method, name, least):
    trained = train(real(name), "class", Plan(method=method))
    assert trained.result.verdict.kind == "converged"
    assert trained.scores.accuracy >= least
    assert trained.scored_on == "validation"


def test_ten_classes():
    trained = train(real("digits"), "class", Plan(method="minibatch"))
    assert trained.result.verdict.kind == "converged"
    assert trained.scores.accuracy >= 0.93
    assert trained.scores.confusion.sum() == trained.scores.rows
    assert trained.model.params["w"].shape == (64, 10)


@pytest.mark.parametrize(("method", "classes"), [("stochastic", 2), ("minibatch", 2), ("minibatch", 4)])
def test_noise_does_not_keep_it_from_converging(method, classes):
    X, y = datasets.make_classification(
        300, 10, n_informative=6, n_classes=classes, flip_y=0.3, random_state=0
    )
    table = Table.of(X).with_column("y", y.astype(float))
    assert train(table, "y", Plan(method=method)).result.verdict.kind == "converged"


def test_a_row_that_is_left_over_does_not_keep_it_from_converging():
    """Of 103 rows by two, one stands alone: were it to count double, the loss would stay above."""
    X, y = datasets.make_classification(129, 10, n_informative=6, n_classes=3, flip_y=0.5, random_state=7)
    table = Table.of(X).with_column("y", y.astype(float))
    trained = train(table, "y", Plan(method="minibatch", batch_size=2))
    assert trained.model.training.rows % 2 == 1
    assert trained.result.verdict.kind == "converged"


@pytest.mark.parametrize("name", ["breast cancer", "wine"])
def test_the_weights_are_those_of_scikit_learn(name):
    l2 = 0.02
    prepared = Prepared.of(real(name), "class", Plan(l2=l2, tolerance=1e-8, steps=50_000))
    trained = prepared.train()
    assert trained.result.verdict.kind == "converged"
    theirs = LogisticRegression(C=1 / (l2 * len(prepared.y)), tol=1e-10, max_iter=10_000)
    theirs.fit(prepared.X, prepared.y)
    w, b = trained.model.params["w"], trained.model.params["b"]
    if w.ndim == 1:
        assert np.allclose(w, theirs.coef_[0], atol=1e-6)
        assert np.allclose(b, theirs.intercept_, atol=1e-6)
    else:  # the intercepts are free up to a common number
        assert np.allclose(w.T, theirs.coef_, atol=1e-6)
        assert np.allclose(b - b.mean(), theirs.intercept_ - theirs.intercept_.mean(), atol=1e-6)


def test_one_over_l_descends_at_every_step():
    values = train(real("wine"), "class", Plan(steps=200)).result.history.values
    assert (np.diff(values) < 0).all()


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_model(method, tmp_path):
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        plan = Plan(method=method, epochs=3, seed=seed)
        train(small(), "y", plan).model.save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert (tmp_path / "one").read_bytes() != (tmp_path / "other").read_bytes()


def test_validation_rows_have_no_part_in_the_training():
    table = small(rows=50)
    prepared = Prepared.of(table, "y", Plan())
    assert set(prepared.training).isdisjoint(prepared.validation)
    columns = [np.array(column) for column in table.columns]
    for column in columns[:-1]:
        column[prepared.validation] *= 1000
    other = Table(table.names, tuple(columns), table.source, table.lines, table.unit)
    one, two = train(table, "y").model, train(other, "y").model
    assert np.array_equal(one.params["w"], two.params["w"])


def test_without_validation_the_training_rows_are_scored():
    trained = train(small(), "y", Plan(validation=0))
    assert (trained.scored_on, trained.scores.rows) == ("training", 60)


def test_ctrl_c_keeps_what_there_is():
    def watch(iterate):
        if iterate.step == 7:
            raise KeyboardInterrupt

    trained = train(small(), "y", watch=watch)
    assert trained.result.verdict.kind == "interrupted"
    assert trained.model.training.steps == 7
    assert np.any(trained.model.params["w"])
    assert trained.scores.rows == 12


def test_a_step_that_is_too_long_diverges_in_words():
    trained = train(small(), "y", Plan(step=1e9, l2=1.0))
    assert trained.result.verdict.kind == "diverged"
    assert "step ten times smaller" in trained.result.verdict.sentence


def test_halving_saves_a_step_that_is_too_long():
    trained = train(small(), "y", Plan(method="minibatch", step=10.0))
    assert trained.result.verdict.kind == "converged"


def test_the_fault_is_named_by_its_first_row():
    """Whether that row is held back for validation or not."""
    table = small()
    for row in range(10):
        a = np.array(table.column("a"))
        a[row], a[50] = np.nan, np.nan
        broken = Table(table.names, (a, *table.columns[1:]), "broken", table.lines, "row")
        with pytest.raises(DataError, match=rf"row {row} .*column 'a'.* 1 more in this column"):
            train(broken, "y")


def test_plans_that_make_no_sense():
    for wrong, said in [
        ({"method": "ful"}, "no method 'ful'. Did you mean 'full'?"),
        ({"batch_size": 3}, "a batch size of 3 with the method full"),
        ({"method": "minibatch", "batch_size": 0}, "batch_size is 0"),
        ({"epochs": 0}, "epochs is 0"),
        ({"steps": -1}, "steps is -1"),
        ({"step": 0.0}, "step is 0.0"),
        ({"step": float("nan")}, "step is nan"),
        ({"step": float("inf")}, "step is inf"),
        ({"tolerance": -1.0}, "tolerance is -1.0"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
        ({"l2": -1.0}, "l2 is -1.0"),
        ({"l2": float("nan")}, "l2 is nan"),
        ({"validation": 1.0}, "validation is 1.0"),
        ({"seed": -1}, "seed is -1"),
    ]:
        with pytest.raises(ArgumentError) as caught:
            Plan(**wrong)
        assert said in str(caught.value)


def test_halving():
    from nazad.descent import Iterate, Measured

    halving, sizes = Halving(8.0), []
    for k, value in enumerate([3.0, 2.0, 2.0, 2.5, 1.0, float("nan"), 0.5]):
        full = None if k == 4 else Measured(value, 1.0)
        halving.look(
            Iterate(step=k, epoch=k, value=value, gradient_norm=1.0, step_norm=0.0, full=full, params=0.0)
        )
        sizes.append(halving(k))
    assert sizes == [8, 8, 4, 2, 2, 1, 0.5]
