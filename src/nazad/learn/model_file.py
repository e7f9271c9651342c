"""Model files: an .npz archive of arrays and one JSON header, written aside and renamed, never pickled.

The header states the dtype and the shape of every array, and the arrays are held to it when the file is read.
Reading a stranger's file can fail, but it runs nothing.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nazad.errors import ModelFileError
from nazad.files import AnyPath, read_arrays, replacing
from nazad.nearby import listed, shown

FORMAT = "nazad-model"
VERSION = 1

_HEADER = "nazad-header"
_KINDS = "biufU"  # booleans, integers, floats and fixed strings: what needs no pickle and no code


def save_model(path: AnyPath, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a model file; until all of it is on the disk, an older one stays as it is.

    Parameters
    ----------
    path : str or path-like
        The file, conventionally ``.npz``; the name is taken as it is.
    header : mapping
        Whatever JSON can say.
    arrays : mapping of str to array
        Numbers, booleans or strings; every float is finite.

    Raises
    ------
    ModelFileError
        If the header is no JSON, or an array cannot be a part of a model.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "model.npz")
    >>> save_model(path, {"kind": "logistic"}, {"w": np.array([0.5, -1.0])})
    >>> load_model(path)
    ({'kind': 'logistic'}, {'w': array([ 0.5, -1. ])})
    """
    plain = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in plain.items():
        _check_saved(name, array, path)
    text = _header_text(header, plain, path)
    with replacing(path) as file:
        np.savez(file, allow_pickle=False, **{_HEADER: np.frombuffer(text, np.uint8)}, **plain)


def load_model(path: AnyPath) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a model file.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    header, arrays
        As they were given to :func:`save_model`; tuples in the header have become lists.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, altered, no model, or of another version.
    """
    arrays = read_arrays(path, ModelFileError)
    outer = _outer(arrays.pop(_HEADER, None), path)
    stated = outer.get("arrays")
    header = outer.get("header")
    if not isinstance(stated, dict) or not isinstance(header, dict):
        raise _altered("its header is incomplete", path)
    if set(stated) != set(arrays):
        different = sorted(set(stated) ^ set(arrays))
        raise _altered(f"it lacks, or has too many of, the arrays {listed(different)}", path)
    for name, array in arrays.items():
        _check_loaded(name, array, stated[name], path)
    return header, arrays


def _header_text(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], path: AnyPath) -> bytes:
    outer = {
        "format": FORMAT,
        "version": VERSION,
        "nazad": _release(),
        "arrays": {name: _statement(array) for name, array in arrays.items()},
        "header": dict(header),
    }
    try:
        return json.dumps(outer, allow_nan=False).encode("ascii")
    except (TypeError, ValueError, RecursionError) as fault:
        raise ModelFileError(f"the header is no JSON: {fault}", "", path) from None


def _release() -> str:
    try:
        return importlib.metadata.version("nazad")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _statement(array: NDArray[Any]) -> dict[str, Any]:
    return {"dtype": array.dtype.str, "shape": list(array.shape)}


def _outer(array: NDArray[Any] | None, path: AnyPath) -> dict[str, Any]:
    """The JSON header, if the file is ours and of this version."""
    if array is None or array.dtype != np.uint8 or array.ndim != 1:
        raise ModelFileError("this is an .npz archive, but no nazad model", "Train one: nazad fit", path)
    try:
        outer = json.loads(array.tobytes())
    except (ValueError, RecursionError) as fault:
        raise _altered(f"its header is no JSON ({shown(str(fault))[1:-1]})", path) from None
    if not isinstance(outer, dict) or outer.get("format") != FORMAT:
        raise ModelFileError(f"the header does not say {FORMAT!r}", "Train a model: nazad fit", path)
    if outer.get("version") != VERSION or isinstance(outer["version"], bool):
        version, release = outer.get("version"), outer.get("nazad")
        met = f"a model of format version {version!r:.20}, written by nazad {release!s:.20}"
        remedy = f"This nazad, {_release()}, reads version {VERSION}: install the other, or train again"
        raise ModelFileError(met, remedy, path)
    return outer


def _check_saved(name: str, array: NDArray[Any], path: AnyPath) -> None:
    if array.dtype.kind not in _KINDS or name in ("file", "allow_pickle", _HEADER):
        raise ModelFileError(f"the array {shown(name)} of {array.dtype} cannot be saved", "", path)
    if not _is_finite(array):
        remedy = "The descent diverged: use a smaller learning rate"
        raise ModelFileError(f"the array {shown(name)} holds NaN or infinite numbers", remedy, path)


def _check_loaded(name: str, array: NDArray[Any], stated: object, path: AnyPath) -> None:
    if _statement(array) != stated:
        raise _altered(
            f"the array {shown(name)} is {array.dtype} of shape {array.shape}, unlike its header", path
        )
    if array.dtype.kind not in _KINDS:
        raise _altered(f"the array {shown(name)} is of {array.dtype}", path)
    if not _is_finite(array):
        raise _altered(f"the array {shown(name)} holds NaN or infinite numbers", path)


def _is_finite(array: NDArray[Any]) -> bool:
    return array.dtype.kind != "f" or bool(np.isfinite(array).all())


def _altered(met: str, path: AnyPath) -> ModelFileError:
    return ModelFileError(f"the model was altered or damaged: {met}", "Train it again, or take a copy", path)
