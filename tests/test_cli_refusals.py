"""What the command refuses: one line each, exit code 2, nothing left behind."""

import errno
import os
import struct
import zlib
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from convadjoint.cli import demo, photo, report
from convadjoint.cli.refusal import CannotRunError
from photographs import Outcome, caller, image, save_grey


@pytest.fixture
def call(capsys, monkeypatch, tmp_path):
    return caller(capsys, monkeypatch, tmp_path)


@pytest.fixture
def grey_photo(tmp_path):
    return save_grey(tmp_path)


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            chunk(b"IHDR", header),
            chunk(b"IDAT", zlib.compress(b"0")),
            chunk(b"IEND", b""),
        ]
    )


def encoded(source, kind="PNG", **options):
    file = BytesIO()
    source.save(file, kind, **options)
    return file.getvalue()


def hole():
    values = np.ones((40, 40), np.float32)
    values[3, 4] = np.nan
    return Image.fromarray(values)


FOREIGN = f"is not a picture this demo reads ({', '.join(photo.formats())})"
SMALL = "the demo needs at least 32 a side"
TWO = {"save_all": True, "append_images": [Image.new("RGB", (36, 40))]}
BAD_FILES = {
    "nothing": (b"", "is empty (0 bytes)"),
    "text": (
        b"not a picture\n" * 99,
        FOREIGN,
    ),
    "PostScript": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n%%EndComments\n",
        FOREIGN,
    ),
    "cut": (
        encoded(image())[:900],
        "is damaged and cannot be decoded: image file is truncated",
    ),
    "claims 120 million": (
        png_header(12000, 10000),
        "has more than 100 million pixels, the demo's limit",
    ),
    "claims 4e18": (
        png_header(2**31 - 1, 2**31 - 1),
        "has more than 100 million pixels, the demo's limit",
    ),
    "animated GIF": (
        encoded(image(), "GIF", **TWO),
        "holds 2 frames; the demo takes a single picture",
    ),
    "animated PNG": (
        encoded(image(), **TWO),
        "holds 2 frames; the demo takes a single picture",
    ),
    "pages": (
        encoded(image(), "TIFF", **TWO),
        "holds 2 frames; the demo takes a single picture",
    ),
    "1x1": (
        encoded(Image.new("RGB", (1, 1))),
        f"is 1 x 1 pixels; {SMALL}",
    ),
    "tiny": (
        encoded(image().resize((31, 40))),
        f"is 31 x 40 pixels; {SMALL}",
    ),
    "ribbon": (
        encoded(image().resize((3000, 60))),
        f"is 3000 x 60 pixels, 512 x 10 at the demo's working size; {SMALL}",
    ),
    "one colour": (
        encoded(Image.new("RGB", (40, 40), "red")),
        "has the same colour everywhere: there is nothing to restore",
    ),
    "not a number": (
        encoded(hole(), "TIFF"),
        "holds pixels that are not finite numbers",
    ),
}


def assert_refused(outcome, message):
    assert outcome == Outcome(2, "", f"convadjoint: {message}\n")


@pytest.mark.parametrize("kind", BAD_FILES)
def test_bad_file_gets_one_line(call, tmp_path, kind):
    content, message = BAD_FILES[kind]
    path = tmp_path / "bad file.png"
    path.write_bytes(content)
    assert_refused(call("demo", path), f"{str(path)!r} {message}")
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file(call):
    assert_refused(call("demo", "no.png"), "there is no file 'no.png'")


def test_name_that_would_break_the_line(call):
    assert_refused(call("demo", "[red]a\nb"), r"there is no file '[red]a\nb'")


def test_directory(call, tmp_path):
    message = f"{str(tmp_path)!r} is a directory; give the path of one photograph"
    assert_refused(call("demo", tmp_path), message)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipe_is_not_waited_for(call):
    os.mkfifo("pipe")
    message = "'pipe' is not a regular file; give the path of one photograph"
    assert_refused(call("demo", "pipe"), message)


def test_impossible_names(call, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    message = f"'file/x' cannot be read: {os.strerror(errno.ENOTDIR)}"
    assert_refused(call("demo", "file/x"), message)
    outcome = call("demo", "n" * 5000)
    assert outcome.err.endswith(f"cannot be read: {os.strerror(errno.ENAMETOOLONG)}\n")


@contextmanager
def as_nobody():
    """Drop root's privileges, under which no permission is ever denied."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no POSIX permissions here")
def test_permissions(call, grey_photo, tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    assert photo.read(grey_photo).name == repr(str(grey_photo))  # loads the decoders
    grey_photo.chmod(0)
    with as_nobody():
        read = call("demo", grey_photo)
        write = call("demo", "--out", locked)
    denied = os.strerror(errno.EACCES)
    assert_refused(read, f"{str(grey_photo)!r} cannot be read: {denied}")
    assert_refused(write, f"cannot write to {str(locked)!r}: {denied}")


@pytest.mark.parametrize("out", ["file", "file/below"])
def test_out_that_is_a_file(call, grey_photo, tmp_path, out):
    (tmp_path / "file").write_bytes(b"keep")
    message = f"cannot write to {str(Path(out))!r}: it is, or lies under, a file"
    assert_refused(call("demo", grey_photo, "--out", out), message)
    assert (tmp_path / "file").read_bytes() == b"keep"


def test_figure_does_not_replace_the_photograph(call, tmp_path):
    path = tmp_path / report.FIGURE_NAME
    image().save(path)
    content = path.read_bytes()
    message = f"cannot write the figure to {path.name!r}: that is the photograph itself"
    assert_refused(call("demo", path), message)
    assert path.read_bytes() == content


def test_figure_does_not_replace_a_directory(call, grey_photo, tmp_path):
    (tmp_path / report.FIGURE_NAME).mkdir()
    message = f"cannot write the figure to {report.FIGURE_NAME!r}: that is a directory"
    assert_refused(call("demo", grey_photo), message)


def raises(error):
    def fail(*args, **kwargs):
        raise error

    return fail


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (MemoryError("C needs 9 GB"), 2, "C needs 9 GB"),
        (MemoryError(), 2, "not enough memory"),
        (KeyboardInterrupt(), 130, "interrupted; nothing was saved"),
    ],
)
def test_failure_on_the_way_gets_one_line(
    call, monkeypatch, tmp_path, error, code, line
):
    monkeypatch.setattr(demo, "simulate", raises(error))
    outcome = call("demo")
    assert (outcome.code, outcome.err) == (code, f"convadjoint: {line}\n")
    assert list(tmp_path.iterdir()) == []


def test_full_disk(call, grey_photo, monkeypatch):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(Path, "write_bytes", raises(full))
    outcome = call("demo", grey_photo)
    line = f"cannot write to {report.FIGURE_NAME!r}: {os.strerror(errno.ENOSPC)}"
    assert (outcome.code, outcome.err) == (2, f"convadjoint: {line}\n")


def test_refusal_is_a_value_error():
    with pytest.raises(CannotRunError, match=r"^there is no file 'no\.png'$"):
        photo.read(Path("no.png"))
    assert issubclass(CannotRunError, ValueError)
