"""Models: saved and read back exactly, and refused when they are not what they say."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from nazad.errors import DataError, ModelFileError
from nazad.learn import Model, Plan, Table, train
from nazad.learn.model_file import load_model, save_model


def table(classes, rows=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 3))
    labels = (X[:, 0] * classes).round().astype(int) % classes
    return Table.of(X, ["a", "b", "c"], "data").with_column("y", labels.astype(float))


@pytest.fixture(params=[2, 3])
def model(request):
    return train(table(request.param), "y", Plan(steps=5)).model


@pytest.fixture
def path(model, tmp_path):
    model.save(tmp_path / "model.npz")
    return tmp_path / "model.npz"


def altered(path, change):
    """Save the model again with header and arrays changed; its own checksums of shapes agree with them."""
    header, arrays = load_model(path)
    change(header, arrays)
    save_model(path, header, arrays)
    with pytest.raises(ModelFileError) as caught:
        Model.load(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_model_is_read_back(model, path):
    again = Model.load(path)
    assert (again.classes, again.target, again.training) == (model.classes, model.target, model.training)
    assert again.preparation == model.preparation
    data = table(2, seed=1)
    assert np.array_equal(again.predict_proba(data), model.predict_proba(data))
    assert np.array_equal(again.predict(data), model.predict(data))


def test_the_same_model_is_the_same_file(model, path, tmp_path):
    Model.load(path).save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == path.read_bytes()


def test_the_header_says_how_it_was_trained(model, path):
    with np.load(path, allow_pickle=False) as archive:
        header = json.loads(archive["nazad-header"].tobytes())["header"]
    assert header["training"] == dataclasses.asdict(model.training)
    assert header["training"]["verdict"] == model.training.verdict
    assert 0 < header["training"]["steps"] <= 5


def test_a_matrix_has_the_columns_of_the_training(model):
    data = table(2, seed=1)
    X = np.column_stack(data.columns[:3])
    assert np.array_equal(model.predict_proba(X), model.predict_proba(data))
    with pytest.raises(DataError, match="2 columns and 3 names"):
        model.predict(X[:, :2])


def test_text_classes_are_predicted_as_text():
    words = np.array(["no", "yes"], dtype=object)[(table(2).column("y")).astype(int)]
    model = train(table(2).without("y").with_column("answer", words), "answer", Plan(steps=5)).model
    assert set(model.predict(table(2))) <= {"no", "yes"}
    assert all(type(label) is str for label in model.predict(table(2)))


@pytest.mark.parametrize("name", ["w", "b"])
def test_weights_of_another_shape(path, name):
    def change(header, arrays):
        arrays[name] = np.zeros((7, 7))

    assert "columns and classes demand" in altered(path, change)


def test_classes_that_are_not_as_many_as_columns_of_weights(path):
    def change(header, arrays):
        header["classes"] = [*header["classes"], 99]

    assert "columns and classes demand" in altered(path, change)


@pytest.mark.parametrize("classes", [None, [], ["one"], [1, "a"], [1, 1], [True, False], [[1], [2]], "ab"])
def test_classes_that_are_none(path, classes):
    assert "its classes are" in altered(path, lambda header, arrays: header.update(classes=classes))


def test_weights_that_are_missing_or_of_another_dtype(path):
    assert "w and b in float64" in altered(path, lambda header, arrays: arrays.pop("b"))


def test_weights_in_single_precision(path):
    def change(header, arrays):
        arrays["w"] = arrays["w"].astype(np.float32)

    assert "w and b in float64" in altered(path, change)


def test_a_model_of_another_kind(path):
    said = altered(path, lambda header, arrays: header.update(kind="forest"))
    assert "a model of the kind 'forest'. This reads models of logistic regression" in said


@pytest.mark.parametrize("key", ["preparation", "target"])
@pytest.mark.parametrize("value", [None, 3, []])
def test_a_header_that_lacks_something(path, key, value):
    said = altered(path, lambda header, arrays: header.update({key: value}))
    assert "lacks the preparation or the target" in said


def test_a_damaged_preparation(path):
    said = altered(path, lambda header, arrays: header["preparation"]["columns"][0].pop("name"))
    assert "preparation is damaged" in said


@pytest.mark.parametrize("training", [None, [], {}, {"method": "full"}])
def test_a_training_that_is_none(path, training):
    assert "how it was trained" in altered(path, lambda header, arrays: header.update(training=training))


@pytest.mark.parametrize(
    ("name", "value"), [("steps", "many"), ("steps", True), ("l2", None), ("verdict", 1)]
)
def test_a_training_of_other_types(path, name, value):
    def change(header, arrays):
        header["training"][name] = value

    assert f"its {name} is {value!r}" in altered(path, change)


def test_data_in_the_place_of_a_model(tmp_path):
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ModelFileError, match=r"no .npz archive.*made by nazad fit"):
        Model.load(tmp_path / "data.csv")
