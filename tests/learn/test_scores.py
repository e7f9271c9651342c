"""Scores against scikit-learn's, and rows of classes that nobody knows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from nazad.errors import ShapeError
from nazad.learn.scores import Scores, accuracy, confusion, log_loss


@pytest.mark.parametrize("classes", [2, 3, 8])
def test_scores_are_those_of_scikit_learn(classes):
    rng = np.random.default_rng(classes)
    p = rng.dirichlet(np.ones(classes), size=200)
    right = rng.integers(classes, size=200)
    predicted = p.argmax(axis=1)
    scores = Scores.of(np.log(p), right, tuple(range(classes)))
    assert scores.accuracy == pytest.approx(metrics.accuracy_score(right, predicted))
    assert scores.log_loss == pytest.approx(metrics.log_loss(right, p, labels=range(classes)))
    assert np.array_equal(scores.confusion, metrics.confusion_matrix(right, predicted, labels=range(classes)))
    assert (scores.rows, scores.unknown) == (200, 0)


def test_a_class_that_was_never_met_counts_as_wrong():
    scores = Scores.of(np.log([[0.9, 0.1], [0.2, 0.8]]), np.array([0, -1]), ("a", "b"))
    assert scores.accuracy == 0.5
    assert scores.log_loss == pytest.approx(-np.log(0.9))
    assert scores.confusion.tolist() == [[1, 0], [0, 0]]
    assert scores.unknown == 1


def test_only_unknown_classes():
    scores = Scores.of(np.log([[0.5, 0.5]]), np.array([-1]), ("a", "b"))
    assert scores.accuracy == 0
    assert np.isnan(scores.log_loss)


def test_the_log_loss_of_a_sure_mistake_is_finite():
    assert log_loss(np.array([[0.0, -2000.0]]), np.array([1])) == 2000


@pytest.mark.parametrize("rows", [0, 3])
def test_rows_must_agree(rows):
    for score in (accuracy, log_loss, lambda a, b: confusion(a, b, 2)):
        with pytest.raises(ShapeError, match=f"{rows} predictions for"):
            score(np.zeros(rows, int), np.zeros(2 if rows else 0, int))
