"""Learning from tables: data files, their preparation, logistic regression, and model files.

>>> from nazad.learn import Plan, Table, train
"""

from nazad.learn.logistic import closed_jacobians, jacobians
from nazad.learn.model import Model, Training
from nazad.learn.prepare import Preparation
from nazad.learn.read import read_table
from nazad.learn.scores import Scores
from nazad.learn.table import Table
from nazad.learn.train import Plan, Prepared, Trained, train

__all__ = [
    "Model",
    "Plan",
    "Preparation",
    "Prepared",
    "Scores",
    "Table",
    "Trained",
    "Training",
    "closed_jacobians",
    "jacobians",
    "read_table",
    "train",
]
