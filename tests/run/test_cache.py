"""Code on disk: found again by whoever may find it, and nothing else is ever handed on."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nazad.errors import ArgumentError, CompileError
from nazad.run import cache
from nazad.run.cache import compiled, fetch, folder, keep, key_of
from nazad.run.llvm import Target, compile_ir, link

POSIX = pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")


@pytest.fixture(name="place", autouse=True)
def place_fixture(tmp_path, monkeypatch) -> Path:
    """A folder of the test's own."""
    place = tmp_path / "codes"
    monkeypatch.setenv("NAZAD_CACHE", str(place))
    monkeypatch.delenv("NAZAD_CACHE_SIZE", raising=False)
    return place


def only_file(place: Path) -> Path:
    (file,) = place.iterdir()
    return file


def keys(count: int) -> list[str]:
    return [key_of(str(k)) for k in range(count)]


def python(program: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """A program in an interpreter of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


def said(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    return out.strip()


def test_what_was_kept_is_found_and_runs():
    machine = compile_ir("define i32 @seven() { ret i32 7 }")
    keep(key_of("seven"), machine.object)
    code = fetch(key_of("seven"))
    assert code == machine.object
    assert ctypes.CFUNCTYPE(ctypes.c_int32)(link(code).address("seven"))() == 7


def test_what_was_compiled_is_linked(monkeypatch):
    text = "define i32 @seven() { ret i32 7 }"
    assert "ret i32 7" in compiled(text).ir
    monkeypatch.setattr(cache, "compile_ir", None)  # not needed any more
    for _ in range(2):
        assert ctypes.CFUNCTYPE(ctypes.c_int32)(compiled(text).address("seven"))() == 7


def test_what_cannot_be_compiled_is_not_kept(place):
    with pytest.raises(CompileError, match="story: LLVM cannot read"):
        compiled("define", "story")
    assert not place.exists()


@pytest.mark.parametrize("code", [b"", b"\0", bytes(range(256)) * 4000])
def test_every_code_comes_back_as_it_was(code):
    keep(key_of("a"), code)
    assert fetch(key_of("a")) == code
    keep(key_of("a"), code + b"more")
    assert fetch(key_of("a")) == code + b"more"
    assert fetch(key_of("b")) is None


def test_a_key_depends_on_each_part_and_on_where_it_ends():
    different = [(), ("",), ("", ""), ("ab", "c"), ("a", "bc"), ("abc",), (b"abc", "d"), ("é",)]
    assert len({key_of(*parts) for parts in different}) == len(different)
    assert key_of("é") == key_of("é".encode())


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (cache.np, "__version__", "2.9.9"),
        (sys, "abiflags", "t"),
        (cache, "_own_source", lambda: b"another version of nazad"),
        (Target, "host", lambda: Target("x86_64-unknown-linux-gnu", "i686", "")),
        (cache.require("llvmlite", "native"), "__version__", "9.9"),
        (cache.require("llvmlite.binding", "native"), "llvm_version_info", (99, 0, 0)),
    ],
)
def test_a_key_depends_on_the_surroundings(owner, name, value, monkeypatch):
    before = key_of("a")
    monkeypatch.setattr(owner, name, value, raising=False)
    cache._surroundings.cache_clear()
    try:
        assert key_of("a") != before
    finally:
        monkeypatch.undo()
        cache._surroundings.cache_clear()
    assert key_of("a") == before


def test_the_source_of_nazad_is_part_of_the_surroundings(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    source = tmp_path / "run" / "lower.py"
    monkeypatch.setattr(cache.errors, "__file__", str(tmp_path / "errors.py"))
    assert cache._own_source() != cache._own_source()  # no source, no second hit
    source.write_text("x = 1")
    before = cache._own_source()
    assert cache._own_source() == before
    source.write_text("x = 2")
    assert cache._own_source() != before


def test_another_process_has_the_same_key():
    program = "from nazad.run.cache import key_of; print(key_of('a'))"
    assert said(python(program, PYTHONHASHSEED="7")) == key_of("a")


@pytest.mark.parametrize("key", ["", "../../etc/passwd", "0" * 63, "G" * 64, "0" * 64 + "\n"])
def test_what_is_no_key(key):
    for use in (fetch, lambda key: keep(key, b"code")):
        with pytest.raises(ArgumentError, match="Take one from key_of"):
            use(key)


def cut(data: bytes) -> bytes:
    return data[:-1]


DAMAGE: list[Callable[[bytes], bytes]] = [
    cut,
    lambda data: b"",
    lambda data: data[:20],
    lambda data: data[:84],
    lambda data: data + b"\0",
    lambda data: b"\x7fELF" + data[4:],
    lambda data: data[:8] + b"\xff" + data[9:],  # another layout
    lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],  # its digest
    lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],  # its code
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_a_miss_and_is_replaced(damage, place):
    keep(key_of("a"), b"code" * 100)
    file = only_file(place)
    data = file.read_bytes()
    assert len(data) == 84 + 400
    file.write_bytes(damage(data))
    assert fetch(key_of("a")) is None
    assert not file.exists()
    keep(key_of("a"), b"code" * 100)
    assert file.read_bytes() == data


def test_code_under_another_key_is_a_miss(place):
    keep(key_of("a"), b"code")
    only_file(place).rename(place / f"{key_of('b')}.code")
    assert fetch(key_of("b")) is None
    assert not any(place.iterdir())


@POSIX
def test_a_file_that_others_can_write_is_a_miss(place):
    keep(key_of("a"), b"code")
    only_file(place).chmod(0o620)
    assert fetch(key_of("a")) is None
    assert not any(place.iterdir())


@POSIX
def test_folder_and_files_are_private(place):
    previous = os.umask(0)
    try:
        keep(key_of("a"), b"code")
    finally:
        os.umask(previous)
    assert place.stat().st_mode & 0o777 == 0o700
    assert only_file(place).stat().st_mode & 0o777 == 0o600
    assert folder() == place


@POSIX
@pytest.mark.parametrize("mode", [0o770, 0o720, 0o702, 0o1777])
def test_the_cache_is_off_where_others_can_write(place, mode):
    keep(key_of("a"), b"code")
    place.chmod(mode)
    assert folder() is None
    assert fetch(key_of("a")) is None
    keep(key_of("b"), b"code")
    assert len(list(place.iterdir())) == 1
    place.chmod(0o755)
    assert fetch(key_of("a")) == b"code"


@POSIX
def test_the_cache_is_off_in_the_folder_of_another_user(place, monkeypatch):
    keep(key_of("a"), b"code")
    monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    assert folder() is None
    assert fetch(key_of("a")) is None


def test_the_cache_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("NAZAD_CACHE", "0")
    keep(key_of("a"), b"code")
    assert fetch(key_of("a")) is None
    assert folder() is None


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("linux", {}, ".cache/nazad"),
        ("linux", {"XDG_CACHE_HOME": "{home}/elsewhere"}, "elsewhere/nazad"),
        ("linux", {"XDG_CACHE_HOME": "not/absolute"}, ".cache/nazad"),
        ("darwin", {"XDG_CACHE_HOME": "{home}/elsewhere"}, "Library/Caches/nazad"),
        ("win32", {"LOCALAPPDATA": "{home}/Local"}, "Local/nazad/cache"),
        ("win32", {}, "AppData/Local/nazad/cache"),
    ],
)
def test_the_usual_folder_of_each_platform(platform, variables, expected, tmp_path, monkeypatch):
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(home=tmp_path))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(sys, "platform", platform)
    assert cache._usual_place() == tmp_path / expected


def test_a_home_is_made_where_there_is_none(tmp_path, monkeypatch):
    monkeypatch.delenv("NAZAD_CACHE")
    monkeypatch.setattr(cache, "_usual_place", lambda: tmp_path / "new" / "home" / ".cache" / "nazad")
    assert fetch(key_of("a")) is None
    assert not (tmp_path / "new").exists()  # looking makes nothing
    keep(key_of("a"), b"code")
    assert fetch(key_of("a")) == b"code"


def test_no_home_is_no_cache(monkeypatch):
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setenv("NAZAD_CACHE", "")
    monkeypatch.setattr(cache, "_usual_place", no_home)
    keep(key_of("a"), b"code")
    assert fetch(key_of("a")) is None


def test_a_file_where_the_folder_should_be(place):
    place.write_text("not a folder")
    keep(key_of("a"), b"code")
    assert fetch(key_of("a")) is None
    assert place.read_text() == "not a folder"


@POSIX
def test_a_full_disk_leaves_nothing_behind(place):
    keep(key_of("a"), b"small")
    program = """
import resource, sys
from nazad.run.cache import compiled, fetch, keep
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
keep(sys.argv[1], bytes(100_000))
print(fetch(sys.argv[1]))"""
    assert said(python(program, key_of("big"))) == "None"
    assert only_file(place).name == f"{key_of('a')}.code"


@POSIX
def test_a_folder_that_is_read_only(place):
    keep(key_of("a"), b"code")
    place.chmod(0o500)
    try:
        keep(key_of("b"), b"code")
        assert fetch(key_of("a")) == b"code"
    finally:
        place.chmod(0o700)


def test_an_interrupt_leaves_nothing_behind(place, monkeypatch):
    def interrupted(*names: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        keep(key_of("a"), b"code")
    assert not any(place.iterdir())


def age(place: Path, key: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(place / f"{key}.code", (then, then))


def test_the_least_recently_used_go_first(place):
    a, b, c, d = keys(4)
    for k, key in enumerate((a, b, c, d)):
        keep(key, bytes(1000))
        age(place, key, 1000 - k)
    assert fetch(a) == bytes(1000)  # so it was used last
    cache._prune(place, 4 * 1084)
    assert len(list(place.iterdir())) == 4
    cache._prune(place, 4 * 1084 - 1)
    assert {file.stem for file in place.iterdir()} == {a, d}


def test_pruning_leaves_what_is_not_ours(place):
    keep(key_of("a"), bytes(1000))
    others = ["notes.txt", "a.code", ".nazad-x.tmp", f".nazad-{'0' * 32}.tmp"]
    for name in others:
        (place / name).write_bytes(bytes(1000))
    dead = place / f".nazad-{'1' * 32}.tmp"
    dead.write_bytes(bytes(1000))
    os.utime(dead, (0, 0))
    cache._prune(place, 0)
    assert sorted(file.name for file in place.iterdir()) == sorted(others)


def test_the_folder_stays_near_its_size(place, monkeypatch):
    monkeypatch.setenv("NAZAD_CACHE_SIZE", "100000")
    largest = 0
    for key in keys(400):
        keep(key, bytes(2000))
        largest = max(largest, sum(file.stat().st_size for file in place.iterdir()))
    assert 50_000 < largest < 120_000
    assert fetch(keys(400)[-1]) == bytes(2000)


def test_processes_that_write_once_keep_the_folder_near_its_size(place, monkeypatch):
    monkeypatch.setenv("NAZAD_CACHE_SIZE", "100000")
    for key in keys(400):
        monkeypatch.setattr(cache, "_written", 0)  # as in a new process
        keep(key, bytes(1000))
    assert sum(file.stat().st_size for file in place.iterdir()) < 100_000 + 100 * 1084


def test_the_folder_is_seldom_listed(monkeypatch):
    listed = []
    monkeypatch.setattr(cache, "_prune", lambda place, size: listed.append(place))
    for key in keys(400):
        keep(key, b"code")
    assert 3 <= len(listed) <= 30


def test_code_larger_than_the_whole_cache_is_not_kept(place, monkeypatch):
    monkeypatch.setenv("NAZAD_CACHE_SIZE", "1000")
    keep(key_of("a"), bytes(1001))
    assert not any(place.iterdir())


@pytest.mark.parametrize("size", ["many", "-1", "1e6", "²"])
def test_a_size_that_is_none(size, monkeypatch):
    monkeypatch.setenv("NAZAD_CACHE_SIZE", size)
    with pytest.raises(ArgumentError, match=r"NAZAD_CACHE_SIZE is .* must be a number of bytes"):
        keep(key_of("a"), b"code")


HAMMER = """
import sys
from nazad.run import cache
names, hits = [cache.key_of(str(k)) for k in range(20)], 0
for turn in range(int(sys.argv[1])):
    for k, key in enumerate(names):
        code = cache.fetch(key)
        if code is not None:
            assert code == bytes([k]) * (3000 + k), (k, len(code))
            hits += 1
        if code is None or turn % 3 == 0:
            cache.keep(key, bytes([k]) * (3000 + k))
print(hits)
"""


def test_processes_share_a_folder_that_is_too_small(place):
    """What one writes another reads, replaces and removes: all that is found is whole."""
    processes = [python(HAMMER, "30", NAZAD_CACHE_SIZE="40000") for _ in range(4)]
    assert all(int(said(process)) > 0 for process in processes)
    assert all(file.suffix == ".code" for file in place.iterdir())


def test_threads_share_a_folder(place):
    def job(k: int) -> bytes | None:
        keep(key_of(str(k % 5)), bytes([k % 5]) * 5000)
        return fetch(key_of(str(k % 5)))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(job, range(200))) == [bytes([k % 5]) * 5000 for k in range(200)]
    assert len(list(place.iterdir())) == 5


def test_fetching_takes_less_than_a_millisecond():
    keep(key_of("a"), bytes(100_000))
    times = []
    for _ in range(20):
        start = time.perf_counter()
        fetch(key_of("a"))
        times.append(time.perf_counter() - start)
    assert min(times) < 1e-3
