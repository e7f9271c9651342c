"""NumPy archives: X and y, or one matrix; hostile content is covered by tests/test_files.py."""

from __future__ import annotations

import numpy as np
import pytest

from nazad.errors import DataError
from nazad.learn.read_npz import read_npz

X = np.arange(6.0).reshape(3, 2)


@pytest.fixture
def save(tmp_path):
    def save(**arrays):
        path = tmp_path / "data.npz"
        np.savez(path, **arrays)
        return path

    return save


def fault(path) -> str:
    with pytest.raises(DataError) as caught:
        read_npz(path)
    assert "data.npz" in str(caught.value)
    return str(caught.value)


def test_features_and_labels(save):
    table = read_npz(save(X=X.astype(np.float32), y=np.array([0, 1, 0])))
    assert table.names == ("x0", "x1", "y")
    assert table.column("x1").tolist() == [1.0, 3.0, 5.0]
    assert table.column("y").tolist() == [0.0, 1.0, 0.0]
    assert table.place(2, "x1").endswith("data.npz, row 2 (counted from 0), column 'x1'")


@pytest.mark.parametrize("key", ["names", "feature_names"])
def test_names(save, key):
    table = read_npz(save(X=X, y=[0, 1, 0], **{key: ["age", "fare"]}))
    assert table.names == ("age", "fare", "y")
    assert table.named


def test_one_matrix_of_any_name(save):
    assert read_npz(save(data=X, names=["a", "b"])).names == ("a", "b")
    assert read_npz(save(data=X)).names == ("x0", "x1")


@pytest.mark.parametrize("labels", [["a", "b", "ä"], [b"a", b"b", "ä".encode()]])
def test_labels_of_text(save, labels):
    assert read_npz(save(X=X, y=labels)).column("y").tolist() == ["a", "b", "ä"]


def test_compressed_archives(tmp_path):
    np.savez_compressed(tmp_path / "data.npz", X=X)
    assert read_npz(tmp_path / "data.npz").rows == 3


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"X": X[0]}, "array 'X': an array of shape (2,)"),
        ({"X": X.astype(complex)}, "complex128"),
        ({"X": X.astype(str)}, "<U32"),
        ({"X": np.zeros((0, 2))}, "'X' has no rows"),
        ({"X": X, "y": [0, 1]}, "y has the shape (2,), X has 3 rows"),
        ({"X": X, "y": X}, "y has the shape (3, 2)"),
        ({"X": X, "y": X[:, 0] * 1j}, "y is an array of complex128"),
        ({"X": X, "y": [b"\xff", b"a", b"b"]}, "not UTF-8"),
        ({"X": X, "names": ["a"]}, "2 columns and 1 name"),
        ({"X": X, "names": ["a", "a"]}, "named 'a'"),
        ({"X": X, "names": [1, 2]}, "the names are an array of int64"),
        ({"X": X, "y": [0, 1, 0], "names": ["x", "y"]}, "named 'y'"),
        ({"train": X, "test": X}, "holds train (3, 2), test (3, 2)"),
        ({"y": [0, 1]}, "holds y (2,)"),
        ({"X": np.array([[None]])}, "Python objects"),
        ({"X": X, "y": np.array([{}, 1, 2])}, "Python objects"),
    ],
)
def test_faults(save, arrays, said):
    assert said in fault(save(**arrays))


def test_an_archive_of_nothing(save):
    assert "holds nothing" in fault(save())
