"""Machine code on disk, so that the next process need not compile what this one did.

A key is the digest of everything that the code depends on: what the caller names, and the surroundings of
this process, from the source of nazad to the processor (:func:`key_of`). Whoever finds the key in the folder
has found the code.

Code that is found is run, and so the folder is trusted only while nobody else can write to it; a file, only
if it is this user's and its digest is right. Anything else is a miss. A miss costs a compilation, never an
error: a full disk, a home that is read-only, a file that another process has just removed say nothing.

Environment variables, read on each use:

==================  =====================================================================================
NAZAD_CACHE         0 switches the cache off; a path names another folder
NAZAD_CACHE_SIZE    the most bytes that the folder may hold, about; 256 MiB if not given
==================  =====================================================================================
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import secrets
import stat
import struct
import sys
import time
from pathlib import Path

import numpy as np

from nazad import errors
from nazad.errors import ArgumentError
from nazad.extras import require
from nazad.run.llvm import Machine, Target, compile_ir, link

_MAGIC = b"nazad\x00mc"
_LAYOUT = 1
_HEADER = struct.Struct("<8sI32sQ")
"""Magic, version of the layout, key, length of the code. The SHA-256 of header and code comes next."""
_DIGEST = 32

_KEY = re.compile(r"[0-9a-f]{64}")
_ENTRY = re.compile(r"[0-9a-f]{64}\.code")
_ASIDE = re.compile(r"\.nazad-[0-9a-f]{32}\.tmp")
_ABANDONED = 3600.0
"""Seconds after which a file set aside belongs to a process that died."""

_USUAL_SIZE = 256 * 2**20
_PRUNE_ONE_IN = 32
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def key_of(*parts: str | bytes) -> str:
    """The key of code that is determined by these parts and by the surroundings of this process.

    The surroundings are the source of nazad, Python's and NumPy's binary interfaces, LLVM, and the processor.

    Parameters
    ----------
    *parts : str or bytes
        What was compiled. Their boundaries count: ``("ab", "c")`` is not ``("a", "bc")``.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    MissingExtra
        If llvmlite is not installed.

    Examples
    --------
    >>> key_of("x + y", b"float64") == key_of("x + y", b"float64")
    True
    >>> key_of("ab", "c") == key_of("a", "bc")
    False
    """
    digest = _surroundings().copy()
    _feed(digest, *parts)
    return digest.hexdigest()


def fetch(key: str) -> bytes | None:
    """The code that was kept under this key, by whichever process; None if there is none.

    Parameters
    ----------
    key : str
        From :func:`key_of`.

    Examples
    --------
    >>> fetch(key_of("never compiled")) is None
    True
    """
    path = _path(key)
    if path is None:
        return None
    with contextlib.suppress(OSError):
        code = _opened(path, key)
        if code is None:  # cut short, damaged or somebody else's: no use to anybody
            path.unlink()
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # the least recently used go first
        return code
    return None


def keep(key: str, code: bytes) -> None:
    """Keep code under its key, if the disk lets us.

    Parameters
    ----------
    key : str
        From :func:`key_of`.
    code : bytes
        An object file, as in :attr:`nazad.run.llvm.Machine.object`.
    """
    path = _path(key, make=True)
    if path is None or len(code) > _size():
        return
    with contextlib.suppress(OSError):
        _write(path, _sealed(key, code))
        _make_room(path, len(code))


def compiled(text: str, name: str = "") -> Machine:
    """As :func:`nazad.run.llvm.compile_ir` does for this processor, unless some process did it before.

    Parameters
    ----------
    text, name : str
        A module of textual IR, and what error messages call it. Functions that it declares must be symbols
        by now: what comes from the cache is linked without another look.

    Examples
    --------
    >>> compiled("define double @same(double %x) { ret double %x }").address("same") > 0
    True
    """
    key = key_of(text)
    code = fetch(key)
    if code is not None:
        return link(code)
    machine = compile_ir(text, name)
    keep(key, machine.object)
    return machine


def folder() -> Path | None:
    """Where the code is; None if the cache is off, by wish or because others could write there.

    On Windows a folder's owner and its permissions are not checked; the usual one is the user's own.
    """
    place = _place()
    return place if place is not None and _is_private(place) else None


def _feed(digest: hashlib._Hash, *parts: str | bytes) -> None:
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)


@functools.cache
def _surroundings() -> hashlib._Hash:
    """A digest of what code depends on besides its own source; made once, in a few milliseconds."""
    llvmlite, binding = require("llvmlite", "native"), require("llvmlite.binding", "native")
    target = Target.host()
    digest = hashlib.sha256(_MAGIC)
    _feed(digest, _own_source(), np.__version__)
    _feed(digest, str(llvmlite.__version__), repr(binding.llvm_version_info))
    _feed(digest, repr(sys.implementation.cache_tag), getattr(sys, "abiflags", ""), str(object.__basicsize__))
    _feed(digest, target.triple, target.cpu, target.features)
    return digest


def _own_source() -> bytes:
    """A digest of the whole package, its version included: the code depends on each layer below this one."""
    root = Path(errors.__file__).parent
    digest, files = hashlib.sha256(), sorted(root.rglob("*.py"))
    for file in files:
        _feed(digest, file.relative_to(root).as_posix(), file.read_bytes())
    # Without its source (in a zip archive, say) nobody knows what nazad is: nothing is found a second time.
    return digest.digest() if files else secrets.token_bytes(_DIGEST)


def _place() -> Path | None:
    chosen = os.environ.get("NAZAD_CACHE")
    if chosen == "0":
        return None
    with contextlib.suppress(RuntimeError):  # there is no home
        return Path(chosen).expanduser().absolute() if chosen else _usual_place()
    return None


def _usual_place() -> Path:
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "nazad" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "nazad"
    chosen = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(chosen) if os.path.isabs(chosen) else Path.home() / ".cache") / "nazad"


def _is_private(place: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        status = os.stat(place)
        return stat.S_ISDIR(status.st_mode) and _is_ours(status)
    return False


def _is_ours(status: os.stat_result) -> bool:
    if sys.platform == "win32":
        return True
    return status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_MAY_WRITE


def _path(key: str, make: bool = False) -> Path | None:
    if not _KEY.fullmatch(key):
        raise ArgumentError(f"{key!r:.80} is no key of the cache", "Take one from key_of")
    place = _place()
    if place is None:
        return None
    if make:
        with contextlib.suppress(OSError, ValueError):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.mkdir(mode=0o700, exist_ok=True)
    return place / f"{key}.code" if _is_private(place) else None


def _opened(path: Path, key: str) -> bytes | None:
    """The code in a file, if all of it is there and it was kept by this user, under this key."""
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        data = file.read() if stat.S_ISREG(status.st_mode) and _is_ours(status) else b""
    code = data[_HEADER.size + _DIGEST :]
    return code if data == _sealed(key, code) else None


def _sealed(key: str, code: bytes) -> bytes:
    """What a file holds that keeps this code."""
    header = _HEADER.pack(_MAGIC, _LAYOUT, bytes.fromhex(key), len(code))
    digest = hashlib.sha256(header)
    digest.update(code)
    return b"".join((header, digest.digest(), code))


def _write(path: Path, data: bytes) -> None:
    """Write aside, under a name that no other thread or process has, and rename.

    Unlike :func:`nazad.files.replacing` it does not wait for the disk, for a file that a power cut damages
    is a miss, and nobody else may read it.
    """
    aside = path.with_name(f".nazad-{secrets.token_hex(16)}.tmp")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with open(descriptor, "wb") as file:
            file.write(data)
        aside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise


_written = 0
"""Bytes that this process wrote since it last made room; threads may lose a few counts, to no harm."""


def _make_room(path: Path, length: int) -> None:
    """Prune after about one write in 32, whichever process it comes from, and after much was written.

    The key decides, since its digits are as good as random: a process that writes one file and ends has no
    count to go by. So the folder is seldom listed, and outgrows its size by little.
    """
    global _written
    _written += length
    if int(path.name[:8], 16) % _PRUNE_ONE_IN == 0 or _written > _size() // 8:
        _written = 0
        _prune(path.parent, _size())


def _prune(place: Path, size: int) -> None:
    """Once the folder is too large, remove what was not used for longest, down to three quarters.

    Only files with names of ours are touched: the folder may be one that holds other things.
    """
    entries, total = [], 0
    for name, status in _listed(place):
        if _ENTRY.fullmatch(name):
            entries.append((status.st_mtime_ns, status.st_size, name))
            total += status.st_size
        elif _ASIDE.fullmatch(name) and time.time() - status.st_mtime > _ABANDONED:
            _remove(place / name)
    if total <= size:
        return
    for _, length, name in sorted(entries):
        if total <= size * 3 // 4:
            return
        _remove(place / name)
        total -= length


def _listed(place: Path) -> list[tuple[str, os.stat_result]]:
    found = []
    with os.scandir(place) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # another process was faster
                found.append((entry.name, entry.stat(follow_symlinks=False)))
    return found


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _size() -> int:
    stated = os.environ.get("NAZAD_CACHE_SIZE", "").strip()
    if stated and not (stated.isascii() and stated.isdigit()):
        raise ArgumentError(f"NAZAD_CACHE_SIZE is {stated!r:.40}", "It must be a number of bytes: 268435456")
    return int(stated) if stated else _USUAL_SIZE
