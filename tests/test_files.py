"""Files written aside and renamed: whatever goes wrong, the old one survives, and nothing lies beside it."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import stat
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nazad.errors import DataError
from nazad.files import check_readable, read_arrays, replacing

posix = pytest.mark.skipif(os.name != "posix", reason="permissions, links and signals of POSIX")


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(b"old")
    return path


def alone(path: Path) -> bool:
    """Whether a file stands by itself in its folder."""
    return os.listdir(path.parent) == [path.name]


def test_the_new_content_takes_the_place_of_the_old(old):
    with replacing(old) as file:
        file.write(b"new")
        assert old.read_bytes() == b"old"
    assert old.read_bytes() == b"new"
    assert alone(old)


def test_a_file_that_is_not_yet_there(tmp_path):
    with replacing(tmp_path / "new.txt", "w") as file:
        file.write("назад")
    assert (tmp_path / "new.txt").read_text(encoding="utf-8") == "назад"


def test_a_path_may_be_a_string(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with replacing("here.bin") as file:
        file.write(b"1")
    assert os.listdir() == ["here.bin"]


def interrupted(path: Path, fault: type[BaseException]) -> None:
    with replacing(path) as file:
        file.write(b"half")
        raise fault


@pytest.mark.parametrize("fault", [KeyboardInterrupt, SystemExit, ValueError, MemoryError, GeneratorExit])
def test_any_exception_leaves_the_old_file(old, fault):
    with pytest.raises(fault):
        interrupted(old, fault)
    assert old.read_bytes() == b"old"
    assert alone(old)


def test_an_exception_leaves_no_file_where_there_was_none(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "new", KeyboardInterrupt)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("function", ["fsync", "replace", "chmod"])
def test_a_disk_that_fills_at_the_last_moment(old, monkeypatch, function):
    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    def write():
        with replacing(old) as file:
            file.write(b"new")

    monkeypatch.setattr(os, function, full)
    with pytest.raises(OSError, match="No space left") as caught:
        write()
    monkeypatch.undo()
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(old)
    assert old.read_bytes() == b"old"
    assert alone(old)


def test_an_error_of_another_file_keeps_its_name(old):
    with pytest.raises(FileNotFoundError) as caught, replacing(old):
        open(old.parent / "elsewhere").close()
    assert caught.value.filename == str(old.parent / "elsewhere")
    assert old.read_bytes() == b"old"


def test_a_missing_folder_is_an_error_that_names_the_target(tmp_path):
    path = tmp_path / "nowhere" / "model.npz"
    with pytest.raises(FileNotFoundError) as caught, replacing(path):
        pass
    assert caught.value.filename == str(path)


def test_a_folder_is_not_replaced(tmp_path):
    with pytest.raises(OSError, match=str(tmp_path)), replacing(tmp_path):
        pass
    assert tmp_path.is_dir()


@posix
@pytest.mark.parametrize("permissions", [0o600, 0o644, 0o640, 0o755])
def test_the_old_permissions_stay(old, permissions):
    old.chmod(permissions)
    with replacing(old) as file:
        assert stat.S_IMODE(os.stat(file.name).st_mode) & ~permissions == 0  # never wider, not for a moment
        file.write(b"new")
    assert stat.S_IMODE(old.stat().st_mode) == permissions


@posix
def test_a_new_file_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "new") as file:
            file.write(b"new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everything")
def test_a_write_protected_file_is_left_alone(old):
    old.chmod(0o444)
    with pytest.raises(PermissionError, match="write-protected"), replacing(old):
        pass
    assert old.read_bytes() == b"old"


@posix
def test_a_symbolic_link_stays_and_its_target_is_replaced(tmp_path):
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "real").write_bytes(b"old")
    link = tmp_path / "link"
    link.symlink_to("store/real")
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert (folder / "real").read_bytes() == b"new"
    assert alone(folder / "real")


@posix
def test_a_link_to_nothing_is_filled(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


@posix
def test_a_link_to_itself_is_an_error(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(link)
    with pytest.raises(OSError, match="link") as caught, replacing(link):
        pass
    assert caught.value.errno == errno.ELOOP


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_device_is_written_and_never_replaced():
    full = pytest.raises(OSError, match="No space left on device: '/dev/full'")
    with full as caught, replacing("/dev/full") as file:
        file.write(b"new")
    assert caught.value.errno == errno.ENOSPC
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def script(body: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(body), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@posix
def test_a_disk_that_is_really_full(old):
    """The system itself refuses to let the file grow, in a process of its own."""
    child = script(
        """
        import resource, signal, sys
        from nazad.files import replacing
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            with replacing(sys.argv[1]) as file:
                file.write(b"x" * 50_000)
                file.write(b"x" * 150_000)
        except OSError as error:
            print(error.filename)
        """,
        old,
    )
    out, err = child.communicate(timeout=60)
    assert (out.strip(), err) == (str(old), "")
    assert old.read_bytes() == b"old"
    assert alone(old)


@posix
def test_a_real_ctrl_c_in_the_middle_of_a_save(old):
    child = script(
        """
        import sys, time
        from nazad.files import replacing
        with replacing(sys.argv[1]) as file:
            file.write(b"half")
            file.flush()
            print("writing", flush=True)
            time.sleep(60)
        """,
        old,
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "writing\n"
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert "KeyboardInterrupt" in err
    assert child.returncode != 0
    assert old.read_bytes() == b"old"
    assert alone(old)


@given(st.lists(st.binary(max_size=100), max_size=4))
def test_what_is_written_is_read_back(tmp_path_factory, parts):
    path = tmp_path_factory.mktemp("files") / "data"
    for part in parts:
        with replacing(path) as file:
            file.write(part)
        assert path.read_bytes() == part


# --- reading


def message(path, function=check_readable) -> str:
    with pytest.raises(DataError) as caught:
        function(path, DataError)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_a_readable_file(old):
    assert check_readable(str(old), DataError) == old


def test_a_missing_file_offers_near_names(tmp_path):
    (tmp_path / "iris.csv").write_text("x")
    (tmp_path / "unrelated.txt").write_text("x")
    said = message(tmp_path / "irs.csv")
    assert "no such file" in said
    assert "'iris.csv'" in said
    assert "unrelated" not in said


def test_a_missing_file_with_nothing_near(tmp_path):
    assert message(tmp_path / "irs.csv").endswith("there is no such file")


def test_a_missing_folder_is_named(tmp_path):
    assert repr(str(tmp_path / "no")) in message(tmp_path / "no" / "data.csv")


def test_a_file_in_place_of_a_folder(old):
    assert "no such file" in message(old / "data.csv")


def test_a_folder_is_no_file(tmp_path):
    assert "There is no file in it" in message(tmp_path)
    (tmp_path / "a.csv").write_text("x")
    assert "a folder" in message(tmp_path)
    assert "1 file in it" in message(tmp_path)


def test_an_empty_file(tmp_path):
    (tmp_path / "data.csv").touch()
    assert "the file is empty" in message(tmp_path / "data.csv")


def test_a_name_that_no_file_can_have(tmp_path):
    with pytest.raises(DataError, match="cannot be reached"):
        check_readable("nul\0byte", DataError)
    with pytest.raises(DataError, match="cannot be reached"):
        check_readable("x" * 5000, DataError)


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(old):
    old.chmod(0)
    assert "may not be read" in message(old)


class Bomb:
    """Unpickling it would end the test run with a bang."""

    def __reduce__(self):
        return os._exit, (99,)


def test_objects_are_never_unpickled(tmp_path):
    path = tmp_path / "hostile.npz"
    with open(path, "wb") as file:
        np.savez(file, X=np.array([Bomb()], dtype=object))
    assert "Python objects" in message(path, read_arrays)


def test_a_pickle_is_no_archive(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(pickle.dumps(Bomb()))
    assert "no .npz archive" in message(path, read_arrays)


def test_an_archive_of_something_else(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert "'readme.txt'" in message(tmp_path / "a.npz", read_arrays)


def header_only(shape: str, dtype: str = "'<f8'") -> bytes:
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x09\x00",
        header_only("(1000000000000, 1000000)"),
        header_only("(10,)"),
        header_only("(-1,)"),
        header_only("__import__('os')._exit(99)"),
        header_only("(1,)", "'<O8'"),
        header_only("(1,)", "'nonsense'"),
        header_only("(" * 2000),
    ],
)
def test_hostile_arrays_in_an_archive(tmp_path, content):
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", content)
    message(path, read_arrays)


def test_an_archive_cut_anywhere_is_an_error(tmp_path):
    whole = tmp_path / "whole.npz"
    np.savez(whole, X=np.arange(6.0).reshape(3, 2), y=np.array([0, 1, 0]))
    content = whole.read_bytes()
    cut = tmp_path / "cut.npz"
    for length in range(1, len(content), 7):
        cut.write_bytes(content[:length])
        message(cut, read_arrays)


def test_a_flipped_byte_is_an_error_or_harmless(tmp_path):
    whole = tmp_path / "whole.npz"
    np.savez(whole, X=np.arange(6.0))
    content = whole.read_bytes()
    bad = tmp_path / "bad.npz"
    for place in range(0, len(content), 3):
        bad.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            arrays = read_arrays(bad, DataError)
        except DataError:
            continue
        assert all((array == np.arange(6.0)).all() for array in arrays.values())
