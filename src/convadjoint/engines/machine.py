"""Machine code for this processor: made of LLVM IR, kept on disk, put into memory.

The name of a file tells what its code was made of: the sources of the engines, the
processor, and the release of llvmlite.  What others can write to is not loaded.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import mkstemp
from threading import RLock
from typing import Any

import llvmlite
import llvmlite.binding as llvm

__all__ = ["REGISTERS", "VECTOR_BYTES", "address"]

_VARIABLE = "CONVADJOINT_CACHE_DIR"
_CHECK = sha256().digest_size
_LOCK = RLock()

if hasattr(os, "register_at_fork"):
    # LLVM has locks of its own: a fork waits for a compilation, or its child would forever.
    os.register_at_fork(
        before=_LOCK.acquire,
        after_in_parent=_LOCK.release,
        after_in_child=_LOCK.release,
    )


def _host() -> tuple[int, int]:
    """Bytes of a vector, and how many vector registers there are."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64, 32
    if features.get("avx"):
        return 32, 16
    return 16, 32 if features.get("neon") else 16


VECTOR_BYTES, REGISTERS = _host()


def address(name: str, emit: Callable[[], Any]) -> int:
    """Where the function of a name is in memory; what `emit` returns has its IR."""
    with _LOCK:
        paths = [folder / f"{name}-{_origin()}.o" for folder in _folders()]
        code = next(filter(None, map(_read, paths)), None)
        if code is None:
            code = _compiled(emit())
            any(_written(path, code) for path in paths)
        return _loaded(name, code)


# --- Code -------------------------------------------------------------------------------


def _machine() -> Any:
    """The processor that runs us, as a target."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        reloc="static" if target.name.startswith("x86") else "default",
        codemodel="jitdefault",
        jit=True,
    )


def _compiled(module: Any) -> bytes:
    """Optimize IR; return machine code."""
    machine = _machine()
    module.triple = llvm.get_process_triple()
    module.data_layout = str(machine.target_data)
    parsed = llvm.parse_assembly(str(module))
    # More passes take half as long again, and nothing gets faster.
    options = llvm.create_pipeline_tuning_options(speed_level=1)
    options.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    code: bytes = machine.emit_object(parsed)
    return code


def _loaded(name: str, code: bytes) -> int:
    """Put code into memory; return where its function is."""
    empty = llvm.parse_assembly(f'target triple = "{llvm.get_process_triple()}"')
    engine = llvm.create_mcjit_compiler(empty, _machine())
    engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(code))
    engine.finalize_object()
    found: int = engine.get_function_address(name)
    # It stays there to the very end: threads may run it.
    engine.detach()
    return found


# --- Files ------------------------------------------------------------------------------


@cache
def _origin() -> str:
    """A name for all that code depends on."""
    digest = sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    host = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    for word in (llvmlite.__version__, llvm.get_process_triple(), *host):
        digest.update(word.encode())
    return digest.hexdigest()[:20]


def _folders() -> Iterator[Path]:
    """Where code may be kept: where asked for, or beside its source, or by the user."""
    given = os.environ.get(_VARIABLE)
    if given:
        with suppress(RuntimeError):  # it may be in the home of nobody
            yield Path(given).expanduser()
        return
    yield Path(__file__).parent / "__pycache__"
    with suppress(RuntimeError):  # there may be no home
        yield _home() / "convadjoint"


def _home() -> Path:
    """The folder for what programs of this user can make again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or "~/AppData/Local").expanduser()
    if sys.platform == "darwin":
        return Path("~/Library/Caches").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()


def _is_safe(path: Path) -> bool:
    """Whether nobody but this user and the administrator can change a file or folder."""
    if not hasattr(os, "getuid"):
        return True
    found = path.stat()
    return found.st_uid in (0, os.getuid()) and not found.st_mode & 0o022


def _read(path: Path) -> bytes | None:
    """The code in a file, if it is there as it was written."""
    try:
        found = path.read_bytes() if _is_safe(path.parent) and _is_safe(path) else b""
    except OSError:
        return None
    check, code = found[:_CHECK], found[_CHECK:]
    return code if sha256(code).digest() == check else None


def _written(path: Path, code: bytes) -> bool:
    """Write code to a file, all of it at once; say whether that went well."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_safe(path.parent):
            return False
        handle, name = mkstemp(dir=path.parent)
    except OSError:
        return False
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(sha256(code).digest() + code)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except OSError:
        with suppress(OSError):
            Path(name).unlink()
        return False
    return True
