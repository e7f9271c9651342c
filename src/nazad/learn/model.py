"""A trained model: what is done to a table, the weights, the classes, and how it came about.

It is saved as one file of arrays and JSON (:mod:`nazad.learn.model_file`). When it is read it is held to its
own header: weights of another shape than the columns and classes demand are an error.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nazad.errors import ModelFileError
from nazad.files import AnyPath
from nazad.learn.columns import Matrix
from nazad.learn.labels import Label, known_labels
from nazad.learn.logistic import Codes, Params, log_probabilities
from nazad.learn.model_file import load_model, save_model
from nazad.learn.prepare import Preparation
from nazad.learn.scores import Scores
from nazad.learn.table import Table

Method = Literal["full", "stochastic", "minibatch"]
KIND = "logistic regression"


@dataclasses.dataclass(frozen=True)
class Training:
    """How a model was trained.

    Parameters
    ----------
    method : {"full", "stochastic", "minibatch"}
        On how many rows each gradient was.
    batch_size : int
        On so many.
    step : float
        The step at the beginning.
    steps, epochs : int
        How many steps were taken, and how often all rows were gone through.
    rows : int
        How many rows it was trained on.
    l2 : float
        The penalty, l2/2 ‖w‖².
    seed : int
        Of the split and of the order of the rows.
    loss, gradient_norm : float
        On all training rows at the end, penalty included.
    verdict, sentence : str
        How the training ended.
    """

    method: Method
    batch_size: int
    step: float
    steps: int
    epochs: int
    rows: int
    l2: float
    seed: int
    loss: float
    gradient_norm: float
    verdict: str
    sentence: str


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
    """A trained logistic regression.

    Parameters
    ----------
    preparation : Preparation
        Makes the matrix that the weights are meant for.
    params : dict
        ``{"w": weights, "b": intercept}``: of shapes (features,) and () for two classes, else
        (features, classes) and (classes,).
    classes : tuple of str or tuple of int
        The classes, in the order of the probabilities.
    target : str
        The column that was predicted.
    training : Training
        How it was trained.
    """

    preparation: Preparation
    params: Params
    classes: tuple[Label, ...]
    target: str
    training: Training

    @property
    def text_names(self) -> tuple[str, ...]:
        """The columns of a file that are to be kept as text when it is read for this model."""
        return (self.target, *self.preparation.text_names)

    def predict_log_proba(self, data: Table | ArrayLike) -> Matrix:
        """The logarithm of the probability of each class, in columns."""
        return log_probabilities(self.params, self.preparation.apply(self._table(data)))

    def predict_proba(self, data: Table | ArrayLike) -> Matrix:
        """The probability of each class, in columns in the order of ``classes``.

        Parameters
        ----------
        data : Table or array_like
            A table with the columns of the training in any order, or a matrix with them in that order.
        """
        return np.exp(self.predict_log_proba(data))

    def predict(self, data: Table | ArrayLike) -> NDArray[Any]:
        """The most probable class of each row."""
        return self.named(np.argmax(self.predict_log_proba(data), axis=1))

    def named(self, codes: Codes) -> NDArray[Any]:
        """The classes with these codes, integers or Python strings."""
        whole = all(isinstance(label, int) for label in self.classes)
        return np.array(self.classes, dtype=np.int64 if whole else object)[codes]

    def score(self, table: Table) -> Scores:
        """How good the predictions for a table are that has the target."""
        right = known_labels(table, self.target, self.classes).codes
        return Scores.of(self.predict_log_proba(table), right, self.classes)

    def save(self, path: AnyPath) -> None:
        """Write a model file; an older one stands until all of it is on the disk.

        Raises
        ------
        OSError
            If the file cannot be written.
        ModelFileError
            If the weights are not finite.
        """
        header = {
            "kind": KIND,
            "classes": list(self.classes),
            "target": self.target,
            "preparation": self.preparation.to_dict(),
            "training": dataclasses.asdict(self.training),
        }
        save_model(path, header, {name: np.asarray(value) for name, value in self.params.items()})

    def _table(self, data: Table | ArrayLike) -> Table:
        if isinstance(data, Table):
            return data.without(self.target)
        return Table.of(data, self.preparation.names)

    @classmethod
    def load(cls, path: AnyPath) -> Model:
        """Read a model file.

        Raises
        ------
        ModelFileError
            If it is missing, damaged, altered, of another kind or of another version.
        """
        header, arrays = _read(path)
        if header.get("kind") != KIND:
            met = f"a model of the kind {header.get('kind')!r:.40}"
            raise ModelFileError(met, f"This reads models of {KIND}", path)
        try:
            model = _from_header(header, arrays)
        except ModelFileError as fault:
            raise ModelFileError(fault.met, fault.remedy, path) from None
        _check_shapes(model, path)
        return model


# --- what a header must say
def _read(path: AnyPath) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    try:
        return load_model(path)
    except ModelFileError as fault:
        if "numpy.savez" not in fault.remedy:  # which is how to write data, not models
            raise
        raise ModelFileError(fault.met, "Models are made by nazad fit", path) from None


def _from_header(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Model:
    if not isinstance(header.get("preparation"), dict) or not isinstance(header.get("target"), str):
        raise _altered("its header lacks the preparation or the target")
    return Model(
        Preparation.from_dict(header["preparation"]),
        _params(arrays),
        _classes(header.get("classes")),
        header["target"],
        _training(header.get("training")),
    )


def _params(arrays: Mapping[str, NDArray[Any]]) -> Params:
    if set(arrays) != {"w", "b"} or any(array.dtype != np.float64 for array in arrays.values()):
        raise _altered("its weights are not w and b in float64")
    return dict(arrays)


def _classes(stated: object) -> tuple[Label, ...]:
    labels = stated if isinstance(stated, list) else []
    one_kind = {type(label) for label in labels} in ({int}, {str})
    if one_kind and len(set(labels)) == len(labels) > 1:
        return tuple(labels)
    raise _altered(f"its classes are {stated!r:.60}")


_FIELDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(["method", "verdict", "sentence"], str),
    **dict.fromkeys(["batch_size", "steps", "epochs", "rows", "seed"], int),
    **dict.fromkeys(["step", "l2", "loss", "gradient_norm"], (int, float)),
}


def _training(stated: object) -> Training:
    if not isinstance(stated, dict) or set(stated) != set(_FIELDS):
        raise _altered("its header does not say how it was trained")
    for name, kind in _FIELDS.items():
        if not isinstance(stated[name], kind) or isinstance(stated[name], bool):
            raise _altered(f"its {name} is {stated[name]!r:.40}")
    return Training(**stated)


def _check_shapes(model: Model, path: AnyPath) -> None:
    features, classes = len(model.preparation.features), len(model.classes)
    due = ((features,), ()) if classes == 2 else ((features, classes), (classes,))
    met = (model.params["w"].shape, model.params["b"].shape)
    if met != due:
        said = (
            f"w and b have the shapes {met[0]} and {met[1]}, columns and classes demand {due[0]} and {due[1]}"
        )
        raise _altered(said, path)


def _altered(met: str, path: object = None) -> ModelFileError:
    return ModelFileError(f"the model was altered or damaged: {met}", "Train it again, or take a copy", path)
