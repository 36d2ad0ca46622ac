"""Compiled code on disk: what is loaded again, and what is not."""

import builtins
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("llvmlite")

from convadjoint.engines import machine, presence
from convadjoint.engines.kinds import INDEX
from convadjoint.engines.language import module_of

needs_modes = pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs modes")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where code is kept meanwhile."""
    place = tmp_path / "kept"
    monkeypatch.setenv("CONVADJOINT_CACHE_DIR", str(place))
    return place


def answer(out):
    """What is compiled here."""
    out[0] = 42


def emissions():
    """How often IR is asked for until the function has been called: 0 or 1."""
    count = 0

    def emit():
        nonlocal count
        count += 1
        return module_of(answer, "answer", (INDEX.as_pointer(),))

    place = machine.address("answer", emit)
    out = np.zeros(1, np.int64)
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(place)(out.ctypes.data)
    assert out[0] == 42
    return count


def test_what_was_compiled_is_found_again(folder):
    assert emissions() == 1
    (path,) = folder.iterdir()
    assert path.name.startswith("answer-")
    assert path.stat().st_mode & 0o777 in (0o644, 0o666)  # the latter on Windows
    assert emissions() == 0
    assert [*folder.iterdir()] == [path]


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "check", "folder"])
def test_a_damaged_file_is_made_again(folder, damage):
    emissions()
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    middle = len(whole) // 2
    changed = bytes([whole[middle] ^ 1])
    damaged = {
        "cut": whole[:middle],
        "changed": whole[:middle] + changed + whole[middle + 1 :],
        "empty": b"",
        "check": whole[: machine._CHECK],
    }
    if damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.write_bytes(damaged[damage])
    assert emissions() == 1
    if damage != "folder":
        assert path.read_bytes() == whole
        assert emissions() == 0
    assert [*folder.iterdir()] == [path]


def test_names_tell_processor_and_compiler(monkeypatch):
    names = set()
    for owner, name, value in (
        (machine.llvm, "get_host_cpu_name", lambda: "another"),
        (machine.llvm, "get_process_triple", lambda: "another"),
        (machine.llvmlite, "__version__", "0.0"),
        (machine, "__file__", __file__),
        (machine, "_CHECK", machine._CHECK),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, value)
            names.add(machine._origin.__wrapped__())
    assert len(names) == 5
    assert machine._origin() in names


@needs_modes
def test_what_others_can_write_is_not_loaded(folder):
    emissions()
    (path,) = folder.iterdir()
    path.chmod(0o646)
    assert emissions() == 1
    assert path.stat().st_mode & 0o022 == 0
    assert emissions() == 0
    folder.chmod(0o770)
    before = path.stat()
    assert emissions() == 1
    assert path.stat() == before


@needs_modes
def test_what_others_own_is_not_loaded(folder, monkeypatch):
    emissions()
    found = os.stat_result((0o644, 0, 0, 1, os.getuid() + 1, 0, 0, 0, 0, 0))
    monkeypatch.setattr(machine.Path, "stat", lambda _: found)
    assert emissions() == 1


def test_another_folder_is_taken_if_one_cannot_be_written(tmp_path, monkeypatch):
    file, folder = tmp_path / "file", tmp_path / "deep" / "folder"
    file.touch()
    places = [file / "none", folder, tmp_path / "third"]
    monkeypatch.setattr(machine, "_folders", lambda: iter(places))
    assert emissions() == 1
    assert len([*folder.iterdir()]) == 1
    assert not places[2].exists()
    assert emissions() == 0
    monkeypatch.setattr(machine, "_folders", lambda: iter(places[:1]))
    assert emissions() == emissions() == 1


def test_a_full_disk_leaves_nothing_behind(folder, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(machine.Path, "replace", fail)
    assert emissions() == 1
    assert not [*folder.iterdir()]


def test_folders_are_beside_the_sources_and_the_users(monkeypatch):
    monkeypatch.delenv("CONVADJOINT_CACHE_DIR", raising=False)
    beside, own = machine._folders()
    assert beside == machine.Path(machine.__file__).parent / "__pycache__"
    assert own.is_absolute()
    assert own.name == "convadjoint"


def test_a_folder_may_be_named_from_a_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CONVADJOINT_CACHE_DIR", "~/kept")
    assert list(machine._folders()) == [tmp_path / "kept"]
    monkeypatch.setenv("CONVADJOINT_CACHE_DIR", "~nobody-of-that-name/kept")
    assert list(machine._folders()) == []


def test_processes_may_compile_at_once(folder):
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_machine as test; "
    )
    script += "test.emissions()"
    here = os.path.dirname(__file__)  # noqa: PTH120
    command = [sys.executable, "-c", script, here]
    processes = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    (path,) = folder.iterdir()
    assert path.name.startswith("answer-")
    assert emissions() == 0


def test_a_compiler_that_does_not_load_is_none(monkeypatch):
    load = builtins.__import__

    def broken(name, *others):
        if name.startswith("llvmlite"):
            msg = "no shared object"
            raise OSError(msg)
        return load(name, *others)

    monkeypatch.setattr(builtins, "__import__", broken)
    assert "imported (no shared object)" in presence.trouble.__wrapped__()


ZIPPED = """
import sys
import threading
import time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np
import convadjoint as ca
assert ca.__file__.startswith(sys.argv[1])
op = ca.Conv2DOp((9, 9), np.arange(9.0).reshape(3, 3))
assert (op @ np.ones((9, 9)) == 36).all()
try:
    op.replace(engine="direct")
except ca.EngineRefusal as error:
    print(error)
"""


def test_without_its_sources_the_library_works_on(tmp_path):
    package = Path(machine.__file__).parents[1]
    archive = shutil.make_archive(tmp_path / "zip", "zip", package.parent, package.name)
    command = [sys.executable, "-c", ZIPPED, archive]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "its sources are not there as files" in done.stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_fork_waits_for_what_is_being_compiled(folder):
    begun = threading.Event()

    def emit():
        begun.set()
        time.sleep(0.3)
        return module_of(answer, "answer", (INDEX.as_pointer(),))

    thread = threading.Thread(target=machine.address, args=("answer", emit))
    thread.start()
    begun.wait()
    child = os.fork()
    if not child:
        signal.alarm(20)
        os._exit(emissions())
    thread.join()
    assert os.waitpid(child, 0)[1] == 0
