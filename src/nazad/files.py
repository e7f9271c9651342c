"""Files on disk: written aside and renamed, so that a failure loses nothing; read with faults in words.

A file that is being written stands under a name of its own in the same folder. Only when all of it has
reached the disk does it take the place of the old one, in one step. Whatever happens before that, a full disk
or Ctrl-C, leaves the old file as it was and nothing beside it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from nazad.errors import NazadError
from nazad.nearby import counted, near, shown

AnyPath = str | os.PathLike[str]

# What zipfile, zlib and numpy.load raise on damaged or hostile bytes.
_DAMAGE = (
    ValueError,
    OSError,
    EOFError,
    zipfile.BadZipFile,
    zlib.error,
    tokenize.TokenError,
    MemoryError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    SyntaxError,
    OverflowError,
    TypeError,
)


@contextlib.contextmanager
def replacing(path: AnyPath, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a file for writing that takes the place of ``path`` when the block ends well.

    Parameters
    ----------
    path : str or path-like
        The file to write. A symbolic link stays, the file it points to is replaced. A device or a pipe,
        which has no content to lose, is written directly.
    mode : {"wb", "w"}
        Bytes, or text in UTF-8.

    Yields
    ------
    file
        A file object. After an exception, of whatever kind, it is removed, and the old file stands.

    Raises
    ------
    OSError
        If the file cannot be written; it names ``path``.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "notes.txt"
    >>> with replacing(path, "w") as file:
    ...     _ = file.write("kept")
    >>> with replacing(path, "w") as file:
    ...     _ = file.write("half of it")
    ...     raise RuntimeError("the power failed")
    Traceback (most recent call last):
    RuntimeError: the power failed
    >>> path.read_text()
    'kept'
    """
    old = _status(path)
    with _named(path):
        if old is None or stat.S_ISREG(old.st_mode):
            with _written_aside(Path(os.path.realpath(path)), mode, old) as file:
                yield file
        else:
            with _open(path, mode) as file:
                yield file


def check_readable(path: AnyPath, error: type[NazadError]) -> Path:
    """The path, if a file with something in it stands there; else an error that names what stands near.

    Examples
    --------
    >>> from nazad.errors import DataError
    >>> check_readable("/no/such/data.csv", DataError)
    Traceback (most recent call last):
    nazad.errors.DataError: /no/such/data.csv: there is no such file. Nor is there a folder '/no/such'
    """
    path = Path(path)
    try:
        status = path.stat()
    except (OSError, ValueError) as fault:
        raise _not_there(path, fault, error) from None
    if stat.S_ISDIR(status.st_mode):
        raise error("this is a folder, not a file", _inside(path), path)
    if stat.S_ISREG(status.st_mode) and status.st_size == 0:
        raise error("the file is empty", "Was it cut short when it was written?", path)
    if not os.access(path, os.R_OK):
        raise error("the file may not be read", "Its permissions forbid it", path)
    return path


def read_arrays(path: AnyPath, error: type[NazadError]) -> dict[str, NDArray[Any]]:
    """All arrays of an .npz file; nothing in it is ever unpickled.

    Parameters
    ----------
    path : str or path-like
        The file.
    error : type
        The exception to raise if the file is missing, damaged, no .npz, or holds Python objects.

    Returns
    -------
    dict
        The arrays by name.
    """
    path = check_readable(path, error)
    if not zipfile.is_zipfile(path):
        raise error("this is no .npz archive, or it was cut short", "Write it with numpy.savez", path)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except _DAMAGE as fault:
        raise _damaged(path, fault, error) from None
    strange = [name for name, array in arrays.items() if not isinstance(array, np.ndarray)]
    if strange:
        raise error(f"the archive holds {shown(strange[0])}, which is no array", _REWRITE, path)
    return arrays


_REWRITE = "Write it again with numpy.savez"


def _status(path: AnyPath) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


@contextlib.contextmanager
def _named(path: AnyPath) -> Iterator[None]:
    """Give an operating system's error the name of the file that the user knows.

    A failed write carries no name, and the name of the file set aside would mean nothing to anybody.
    """
    try:
        yield
    except OSError as error:
        ours = error.filename is None or Path(os.fsdecode(error.filename)).name.startswith(_PREFIX)
        if error.errno is None or not ours:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


_PREFIX = ".nazad-"


@contextlib.contextmanager
def _written_aside(target: Path, mode: str, old: os.stat_result | None) -> Iterator[IO[Any]]:
    if old is not None and not os.access(target, os.W_OK):
        raise PermissionError(13, "The file is write-protected", str(target))
    # The name is settled before the file exists, so that no interrupt can come between the two.
    aside = target.with_name(f"{_PREFIX}{secrets.token_hex(8)}.tmp")
    file: IO[Any] | None = None
    try:
        file = _open(aside, mode.replace("w", "x"), 0o666 if old is None else stat.S_IMODE(old.st_mode))
        yield file
        _finish(file, old)
        aside.replace(target)
    except BaseException:
        _discard(file, aside)
        raise
    _sync_folder(target.parent)


def _open(path: AnyPath, mode: str, permissions: int = 0o666) -> IO[Any]:
    def opener(name: str, flags: int) -> int:
        return os.open(name, flags, permissions)  # less the umask: a private file is at no moment public

    return open(path, mode, encoding=None if "b" in mode else "utf-8", opener=opener)


def _finish(file: IO[Any], old: os.stat_result | None) -> None:
    """All of the file on the disk, with the permissions of the one it replaces."""
    file.flush()
    os.fsync(file.fileno())
    file.close()
    if old is not None:
        os.chmod(file.name, stat.S_IMODE(old.st_mode))


def _discard(file: IO[Any] | None, aside: Path) -> None:
    if file is not None:
        with contextlib.suppress(OSError, ValueError):  # what is still buffered may fail to be written, again
            file.close()
    with contextlib.suppress(OSError):
        aside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make the renaming itself last; where folders cannot be opened (Windows), it is left to the system."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _not_there(path: Path, fault: Exception, error: type[NazadError]) -> NazadError:
    if isinstance(fault, FileNotFoundError | NotADirectoryError):
        return error("there is no such file", _beside(path), path)
    reason = fault.strerror if isinstance(fault, OSError) else str(fault)
    return error(f"the file cannot be reached: {reason}", "", shown(str(path)))


def _beside(path: Path) -> str:
    if not path.parent.is_dir():
        return f"Nor is there a folder {str(path.parent)!r}"
    found = near(path.name, _names(path.parent))
    return f"Did you mean {' or '.join(map(repr, found))}?" if found else ""


def _inside(folder: Path) -> str:
    names = _names(folder)
    return f"Name one of the {counted(len(names), 'file')} in it" if names else "There is no file in it"


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    except OSError:
        return []


def _damaged(path: Path, fault: BaseException, error: type[NazadError]) -> NazadError:
    if "allow_pickle" in str(fault) or "pickle" in str(fault):
        return error("it holds Python objects, which are never loaded", "Save plain arrays of numbers", path)
    reason = shown(str(fault).splitlines()[0])[1:-1] if str(fault) else type(fault).__name__
    return error(f"the archive is damaged or cut short ({reason})", _REWRITE, path)
