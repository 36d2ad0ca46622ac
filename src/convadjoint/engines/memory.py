"""How much memory is free, and refusals that come before an allocation."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from convadjoint.geometry import ConvSpec

__all__ = ["available", "require", "require_borders"]

# Bytes that a sample of a border takes while its source is worked out, and samples that
# are worth a look at the free memory.
_BORDER_BYTES = 100
_LONG = 2**16
_CGROUP = Path("/sys/fs/cgroup")
_MEMORY_FILES = (
    (_CGROUP / "memory.max", _CGROUP / "memory.current"),
    (
        _CGROUP / "memory/memory.limit_in_bytes",
        _CGROUP / "memory/memory.usage_in_bytes",
    ),
)


def require(nbytes: int, what: str) -> None:
    """Raise `MemoryError` if `what` needs more than is free.

    Parameters
    ----------
    nbytes : int
        Bytes about to be allocated.
    what : str
        Their purpose, for the message.

    Raises
    ------
    MemoryError
        Naming both numbers of bytes, before anything is allocated.
    """
    free = available()
    if nbytes > free:
        msg = f"{what} needs {nbytes} bytes ({_readable(nbytes)}), free are {free}"
        raise MemoryError(msg)


def require_borders(spec: ConvSpec) -> None:
    """Raise `MemoryError` if a border has more samples than can be listed."""
    for border in (*spec.extend, *spec.fold):
        samples = border.length - len(border.core) if border else 0
        if samples > _LONG:
            require(_BORDER_BYTES * samples, f"a border of {samples} samples")


def available() -> int:
    """Bytes that can still be allocated: the least of all limits that are known."""
    return min((sys.maxsize, *_system(), *_cgroup(), *_address_space()))


def _readable(nbytes: int) -> str:
    """Bytes with a binary unit."""
    value = float(nbytes)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if value < 1024:
            return f"{value:.3g} {unit}"
        value /= 1024
    return f"{value:.3g} EiB"


def _system() -> Iterator[int]:
    """Memory that the kernel says is available."""
    info = _table(Path("/proc/meminfo"))
    if "MemAvailable" in info:
        yield info["MemAvailable"] * 1024
    elif hasattr(os, "sysconf") and "SC_AVPHYS_PAGES" in os.sysconf_names:
        yield os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _cgroup() -> Iterator[int]:
    """What the limits of this process's control group leave."""
    for limit, usage in _MEMORY_FILES:
        allowed, used = _number(limit), _number(usage)
        if allowed is not None and used is not None:
            yield max(0, allowed - used)


def _address_space() -> Iterator[int]:
    """What ``ulimit -v`` leaves."""
    try:
        import resource  # noqa: PLC0415 - absent on Windows
    except ImportError:
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        used = _table(Path("/proc/self/status")).get("VmSize", 0) * 1024
        yield max(0, limit - used)


def _table(path: Path) -> dict[str, int]:
    """Numbers of a file of ``name: number unit`` lines."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split() for line in lines)
    return {
        pair[0].rstrip(":"): int(pair[1])
        for pair in pairs
        if len(pair) > 1 and pair[1].isdigit()
    }


def _number(path: Path) -> int | None:
    """Number that a file holds, if it holds one."""
    try:
        text = path.read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
