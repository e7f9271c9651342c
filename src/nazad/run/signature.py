"""How a compiled program is called: with which arguments, and what becomes of its results.

A program is machine code ``i32 @program(ptr inputs, ptr outputs, ptr constants, ptr scratch)`` that knows
nothing of Python. It gets pointers to the data of each argument, of each result, and of each array that it
captured, and memory to work in; it answers 1, or 0 where one of its guards did not hold.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nazad.errors import ArgumentError
from nazad.run.cpython import DTYPES
from nazad.run.llvm import Machine

Array = np.ndarray[Any, Any]
Structure = int | tuple["Structure", ...]
"""What is returned: the number of a result, or a tuple of structures."""

LINE = 64
"""Bytes of a cache line, at whose beginning scratch memory begins."""

_FLOAT64 = np.dtype(np.float64)


@dataclass(frozen=True)
class Argument:
    """What one positional argument has to be.

    Parameters
    ----------
    kind : {"array", "float", "scalar"}
        An ndarray, C-contiguous, aligned and in native byte order; a Python float; a NumPy scalar. No
        subclass of these.
    dtype : numpy.dtype
        Its dtype.
    shape : tuple of int
        Its shape.
    is_open : bool
        Whether a vector may have any length; the shape tells a usual one.

    Examples
    --------
    >>> pair = Argument("array", np.dtype("float64"), (2,))
    >>> pair.accepts(np.ones(2)), pair.accepts(np.ones(3)), pair.accepts(np.ones(4)[::2])
    (True, False, False)
    """

    kind: str
    dtype: np.dtype[Any] = _FLOAT64
    shape: tuple[int, ...] = ()
    is_open: bool = False

    def __post_init__(self) -> None:
        _check(self.kind, self.dtype, self.shape)

    @property
    def type(self) -> type:
        """The exact type."""
        return {"array": np.ndarray, "float": float, "scalar": self.dtype.type}[self.kind]

    def accepts(self, value: object) -> bool:
        """Whether the program can be called with a value."""
        if type(value) is not self.type:
            return False
        return not isinstance(value, np.ndarray) or (
            value.dtype == self.dtype
            and (value.shape == self.shape or (self.is_open and value.ndim == 1))
            and value.flags.c_contiguous
            and value.flags.aligned
        )


@dataclass(frozen=True)
class Result:
    """What one result is.

    Parameters
    ----------
    kind : {"array", "float", "scalar"}
        A new ndarray, C-contiguous and writable; a Python float; a NumPy scalar.
    dtype : numpy.dtype
        Its dtype.
    shape : tuple of int
        Its shape.

    Examples
    --------
    >>> Result("scalar", np.dtype("int32")).of(np.array(3, "int32"))
    np.int32(3)
    """

    kind: str
    dtype: np.dtype[Any] = _FLOAT64
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _check(self.kind, self.dtype, self.shape)

    def of(self, output: Array) -> Any:
        """The result from the array that was computed."""
        if self.kind == "float":
            return output.item()
        return output if self.kind == "array" else output[()]


@dataclass(frozen=True)
class Signature:
    """All that a call needs to know about a program.

    Parameters
    ----------
    arguments : tuple of Argument
        The positional arguments; there are no others.
    results : tuple of Result
        What the program computes, in the order of its outputs.
    structure : int or tuple
        What is returned: nested tuples of result numbers, or the number of the only one.
    scratch : int
        Bytes of memory that the program needs besides.
    release_gil : bool
        Whether other threads may run Python while the program runs. It costs as much as a short program.

    Examples
    --------
    >>> signature = Signature((), (Result("float"), Result("float")), (0, (1, 0)))
    >>> signature.pack([0.5, 1.5])
    (0.5, (1.5, 0.5))
    """

    arguments: tuple[Argument, ...]
    results: tuple[Result, ...]
    structure: Structure
    scratch: int = 0
    release_gil: bool = False

    def __post_init__(self) -> None:
        for i in leaves(self.structure):
            if not 0 <= i < len(self.results):
                raise ArgumentError(f"the structure names result {i}, and there are {len(self.results)}")

    def pack(self, results: Sequence[Any]) -> Any:
        """The results in their structure."""
        return _packed(self.structure, results)


class Runner:
    """A program called from Python: slower than its entry point, and knowing nothing of objects' insides.

    Parameters
    ----------
    machine : Machine
        Where ``@program`` is.
    signature : Signature
        How it is called.
    constants : sequence of ndarray
        The arrays that it captured; their data must stay where they are.

    Examples
    --------
    >>> from nazad.run.llvm import compile_ir
    >>> twice = '''
    ... define i32 @program(ptr %inputs, ptr %outputs, ptr %constants, ptr %scratch) {
    ...   %input = load ptr, ptr %inputs
    ...   %output = load ptr, ptr %outputs
    ...   %x = load double, ptr %input
    ...   %y = fadd double %x, %x
    ...   store double %y, ptr %output
    ...   ret i32 1
    ... }'''
    >>> run = Runner(compile_ir(twice), Signature((Argument("float"),), (Result("float"),), 0))
    >>> run([21.0])
    [42.0]
    >>> run([21]) is None
    True
    """

    def __init__(self, machine: Machine, signature: Signature, constants: Sequence[Array] = ()) -> None:
        self.signature, self._kept = signature, (machine, constants)
        self._constants = pointers(dense(constants))
        prototype = ctypes.CFUNCTYPE if signature.release_gil else ctypes.PYFUNCTYPE
        self._run = prototype(ctypes.c_int32, *[ctypes.c_void_p] * 4)(machine.address("program"))

    def __call__(self, arguments: Sequence[Any]) -> list[Any] | None:
        """The results; None where an argument is not accepted, or a guard does not hold."""
        wanted, results = self.signature.arguments, self.signature.results
        if len(arguments) != len(wanted) or not all(map(Argument.accepts, wanted, arguments)):
            return None
        inputs = [np.asarray(value) for value in arguments]
        outputs = [np.empty(result.shape, result.dtype) for result in results]
        memory, scratch = aligned(size) if (size := self.signature.scratch) else (None, None)
        held = self._run(pointers(inputs), pointers(outputs), self._constants, scratch)
        del memory  # which has to live until here
        return list(map(Result.of, results, outputs)) if held else None

    def entry(self, fallback: Callable[..., Any], name: str) -> Callable[..., Any]:
        """The function that calls the program, or the fallback where the program cannot be called."""

        def entry(*arguments: Any, **options: Any) -> Any:
            results = None if options else self(arguments)
            return fallback(*arguments, **options) if results is None else self.signature.pack(results)

        entry.__name__, entry.__doc__, entry.__module__ = name, fallback.__doc__, fallback.__module__
        return entry


def leaves(structure: Structure) -> Iterator[int]:
    """The numbers of the results in a structure, in order.

    Examples
    --------
    >>> list(leaves((0, (2, 1), ())))
    [0, 2, 1]
    """
    if isinstance(structure, int):
        yield structure
    else:
        for part in structure:
            yield from leaves(part)


def dense(arrays: Sequence[Array]) -> Sequence[Array]:
    """The same arrays, if machine code can read them as they lie.

    Examples
    --------
    >>> dense([np.ones((2, 3)).T])
    Traceback (most recent call last):
    nazad.errors.ArgumentError: an array is not C-contiguous, aligned and in native byte order. ...
    """
    for array in arrays:
        if not (array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative):
            raise ArgumentError(
                "an array is not C-contiguous, aligned and in native byte order",
                "Give a copy: np.array(x, x.dtype.newbyteorder('='), order='C').",
            )
    return arrays


def pointers(arrays: Sequence[Array]) -> ctypes.Array[ctypes.c_void_p]:
    """A table of where the data of arrays are.

    Examples
    --------
    >>> x = np.ones(3)
    >>> pointers([x])[0] == x.ctypes.data
    True
    """
    return (ctypes.c_void_p * len(arrays))(*[array.__array_interface__["data"][0] for array in arrays])


def aligned(size: int) -> tuple[Array, int]:
    """Memory, and the address in it at which a number of bytes begin with a cache line.

    Examples
    --------
    >>> memory, address = aligned(100)
    >>> address % 64, address + 100 <= memory.ctypes.data + memory.nbytes
    (0, True)
    """
    memory = np.empty(size + LINE - 1, np.uint8)
    return memory, -(-memory.ctypes.data // LINE) * LINE


def _packed(structure: Structure, results: Sequence[Any]) -> Any:
    if isinstance(structure, int):
        return results[structure]
    return tuple(_packed(part, results) for part in structure)


def _check(kind: str, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
    if kind not in ("array", "float", "scalar"):
        raise ArgumentError(f"{kind!r} is no kind of argument or result", 'Use "array", "float" or "scalar".')
    if dtype not in DTYPES:
        raise ArgumentError(
            f"a program has no numbers of dtype {dtype}", "Use bool, integers, floats or complex numbers."
        )
    if (kind != "array" and shape) or (kind == "float" and dtype != _FLOAT64):
        raise ArgumentError(f"a {kind} of dtype {dtype} and shape {shape}", "A number has shape ().")
