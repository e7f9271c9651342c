"""Model files: read back exactly, never unpickled, and refused when they are not what they say."""

from __future__ import annotations

import errno
import io
import json
import os
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nazad.errors import ModelFileError
from nazad.learn.model_file import load_model, save_model

HEADER = {"kind": "logistic", "classes": ["a", "b"], "rate": 0.1}
ARRAYS = {"w": np.array([[0.5], [-1.0]]), "b": np.array([0.25])}


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.npz"
    save_model(path, HEADER, ARRAYS)
    return path


def fault(path) -> str:
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def rewrite(path, change):
    """Write the file again with its arrays and its JSON changed."""
    with np.load(path) as archive:
        arrays = dict(archive)
    outer = json.loads(arrays.pop("nazad-header").tobytes())
    change(outer, arrays)
    text = outer if isinstance(outer, bytes) else json.dumps(outer).encode()
    np.savez(path, **{"nazad-header": np.frombuffer(text, np.uint8)}, **arrays)


def same(arrays, others) -> bool:
    return arrays.keys() == others.keys() and all(
        arrays[name].dtype == others[name].dtype and np.array_equal(arrays[name], others[name])
        for name in arrays
    )


def test_a_model_is_read_back(model):
    header, arrays = load_model(model)
    assert header == HEADER
    assert same(arrays, ARRAYS)


def test_the_name_is_taken_as_it_is(tmp_path):
    save_model(tmp_path / "model", HEADER, ARRAYS)
    assert os.listdir(tmp_path) == ["model"]
    assert load_model(str(tmp_path / "model"))[0] == HEADER


def test_the_same_model_is_the_same_file(model, tmp_path):
    save_model(tmp_path / "again.npz", HEADER, ARRAYS)
    assert (tmp_path / "again.npz").read_bytes() == model.read_bytes()


def test_numpy_and_json_can_read_it_without_us(model):
    with np.load(model, allow_pickle=False) as archive:
        outer = json.loads(archive["nazad-header"].tobytes())
        assert archive["w"].tolist() == [[0.5], [-1.0]]
    assert (outer["format"], outer["version"], outer["header"]) == ("nazad-model", 1, HEADER)
    assert outer["nazad"]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)
kinds = st.sampled_from(["f8", "f4", "i8", "u1", "?", ">f8", "U3"])
finite = {"allow_nan": False, "allow_infinity": False}
plain_arrays = kinds.flatmap(
    lambda kind: hnp.arrays(
        kind, hnp.array_shapes(min_dims=0, min_side=0), elements=finite if "f" in kind else None
    )
)
names = st.text(st.characters(categories=["L", "N"], max_codepoint=0x3FF), min_size=1, max_size=8)


@given(st.dictionaries(st.text(), json_values, max_size=3), st.dictionaries(names, plain_arrays, max_size=3))
def test_any_model_is_read_back(tmp_path_factory, header, arrays):
    path = tmp_path_factory.mktemp("models") / "model.npz"
    save_model(path, header, arrays)
    found, others = load_model(path)
    assert found == header
    assert same(others, arrays)


# --- saving


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_not_saved(model, bad):
    with pytest.raises(ModelFileError, match=r"'w' holds NaN or infinite.*diverged"):
        save_model(model, HEADER, {"w": np.array([0.0, bad])})
    assert load_model(model)[0] == HEADER


@pytest.mark.parametrize("array", [np.array([None]), np.array([1j]), np.array(["2020"], "M8[Y]")])
def test_arrays_that_are_no_part_of_a_model(tmp_path, array):
    with pytest.raises(ModelFileError, match=r"'w' of .* cannot be saved"):
        save_model(tmp_path / "model.npz", {}, {"w": array})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["file", "allow_pickle", "nazad-header"])
def test_names_that_would_get_lost(tmp_path, name):
    with pytest.raises(ModelFileError, match=f"'{name}'.* cannot be saved"):
        save_model(tmp_path / "model.npz", {}, {name: np.zeros(1)})


@pytest.mark.parametrize("value", [float("nan"), np.zeros(2), {1, 2}, object()])
def test_a_header_that_is_no_json(model, value):
    with pytest.raises(ModelFileError, match="the header is no JSON"):
        save_model(model, {"value": value}, ARRAYS)
    assert load_model(model)[0] == HEADER


class FullAfter(io.RawIOBase):
    """A disk with room for so many more bytes."""

    def __init__(self, file, room, fault):
        self.file, self.room, self.fault = file, room, fault

    def __getattr__(self, name):
        return getattr(self.file, name)

    def writable(self):
        return True

    def fileno(self):
        return self.file.fileno()

    def close(self):
        self.file.close()

    def seekable(self):
        return True

    def seek(self, *args):
        return self.file.seek(*args)

    def tell(self):
        return self.file.tell()

    def write(self, content):
        self.room -= len(content)
        if self.room < 0:
            raise self.fault
        return self.file.write(content)


@pytest.mark.parametrize("fault", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("room", [0, 10, 100, 500, 900])
def test_a_full_disk_or_ctrl_c_in_the_middle_of_a_save(model, monkeypatch, room, fault):
    import nazad.files

    opened = nazad.files._open
    monkeypatch.setattr(nazad.files, "_open", lambda *args: FullAfter(opened(*args), room, fault))
    with pytest.raises(type(fault)) as caught:
        save_model(model, {"kind": "new"}, {"w": np.zeros(1000)})
    monkeypatch.undo()
    if isinstance(fault, OSError):
        assert caught.value.errno == errno.ENOSPC
        assert caught.value.filename == str(model)
    assert load_model(model)[0] == HEADER
    assert os.listdir(model.parent) == [model.name]


# --- reading


def test_a_missing_model_offers_near_names(model):
    assert "'model.npz'" in fault(model.with_name("modle.npz"))


def test_a_file_of_something_else(tmp_path):
    (tmp_path / "model.npz").write_text("a,b\n1,2\n")
    assert "no .npz archive" in fault(tmp_path / "model.npz")


def test_an_archive_of_something_else(tmp_path):
    np.savez(tmp_path / "data.npz", X=np.eye(2), y=[0, 1])
    assert "no nazad model" in fault(tmp_path / "data.npz")


def test_a_pickled_model(tmp_path):
    np.savez(tmp_path / "model.npz", w=np.array([object()]))
    assert "Python objects" in fault(tmp_path / "model.npz")


@pytest.mark.parametrize("version", [0, 2, 99, "1", None, True, 1.5])
def test_another_version(model, version):
    rewrite(model, lambda outer, arrays: outer.update(version=version, nazad="9.9"))
    said = fault(model)
    assert f"version {version!r}" in said
    assert "written by nazad 9.9" in said
    assert "reads version 1" in said


def test_another_format(model):
    rewrite(model, lambda outer, arrays: outer.update(format="other"))
    assert "does not say 'nazad-model'" in fault(model)


def test_a_missing_array(model):
    rewrite(model, lambda outer, arrays: arrays.pop("b"))
    assert "the arrays 'b'" in fault(model)


def test_an_array_too_many(model):
    rewrite(model, lambda outer, arrays: arrays.update(c=np.zeros(1)))
    assert "the arrays 'c'" in fault(model)


@pytest.mark.parametrize("array", [np.zeros((1, 2)), np.zeros((2, 1), np.float32), np.zeros((2, 1), int)])
def test_another_dtype_or_shape_than_stated(model, array):
    rewrite(model, lambda outer, arrays: arrays.update(w=array))
    said = fault(model)
    assert "'w'" in said
    assert str(array.dtype) in said
    assert str(array.shape) in said


def test_weights_that_are_not_finite(model):
    rewrite(model, lambda outer, arrays: arrays.update(w=np.array([[np.nan], [1.0]])))
    assert "'w' holds NaN" in fault(model)


def test_a_kind_of_array_that_is_never_written(model):
    def change(outer, arrays):
        arrays["w"] = np.zeros((2, 1), complex)
        outer["arrays"]["w"]["dtype"] = "<c16"

    rewrite(model, change)
    assert "'w' is of complex128" in fault(model)


@pytest.mark.parametrize("key", ["arrays", "header"])
@pytest.mark.parametrize("value", [None, [], 1])
def test_an_incomplete_header(model, key, value):
    rewrite(model, lambda outer, arrays: outer.update({key: value}))
    assert "header is incomplete" in fault(model)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xff", b"[" * 100_000])
def test_a_header_that_is_not_json(model, text):
    np.savez(model, **{"nazad-header": np.frombuffer(text, np.uint8)})
    assert "no JSON" in fault(model)


@pytest.mark.parametrize("text", [b"[]", b"1", b"null", b'{"version": 1}'])
def test_a_header_of_another_kind(model, text):
    np.savez(model, **{"nazad-header": np.frombuffer(text, np.uint8)})
    assert "does not say" in fault(model)


@pytest.mark.parametrize("array", [np.zeros((2, 2), np.uint8), np.zeros(3), np.array("text")])
def test_a_header_that_is_not_bytes(model, array):
    np.savez(model, **{"nazad-header": array})
    assert "no nazad model" in fault(model)


def test_a_model_cut_anywhere(model):
    content = model.read_bytes()
    for length in range(0, len(content), 5):
        model.write_bytes(content[:length])
        fault(model)


def test_a_flipped_byte_is_an_error_or_harmless(model):
    content = model.read_bytes()
    for place in range(0, len(content), 3):
        model.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            header, arrays = load_model(model)
        except ModelFileError:
            continue
        assert header == HEADER
        assert same(arrays, ARRAYS)


def test_nothing_is_read_beyond_the_archive(model):
    with zipfile.ZipFile(model, "a") as archive:
        archive.writestr("../evil.txt", "x")
    assert "evil.txt" in fault(model)
