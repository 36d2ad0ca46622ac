#!/usr/bin/env -S uv run
# /// script
# dependencies = ["nox>=2025.10.14"]
# ///
"""Every task but `make demo`; each command is written once, here.

``nox -s lint`` makes an environment of its own.  ``nox --no-venv -s lint`` uses the
one that it runs in, which ``make dev`` prepares.
"""

import os
import re
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.10.14"
nox.options.default_venv_backend = "uv|virtualenv"

PROJECT = nox.project.load_toml("pyproject.toml")


def prepare(session: nox.Session, *groups: str) -> None:
    """Install the package and dependency `groups`, unless under ``--no-venv``."""
    if not session.virtualenv.is_sandboxed:
        # The tools lie beside the Python that runs nox, on the PATH or not.
        tools = Path(sys.executable).parent
        session.env["PATH"] = f"{tools}{os.pathsep}{os.environ.get('PATH', '')}"
    else:
        wanted = (f"--group={group}" for group in groups)
        session.install("--editable", ".[demo,fast]", *wanted)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and formatting."""
    prepare(session, "check")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    prepare(session, "check")
    session.run("mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """Check that imports only go down the floors."""
    prepare(session, "check")
    session.run("lint-imports")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests; arguments after ``--`` go to pytest."""
    prepare(session, "test")
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session(default=False)
def frameworks(session: nox.Session) -> None:
    """Run the tests that need PyTorch, JAX, Keras and onnxruntime."""
    prepare(session, "test", "frameworks")
    session.run("pytest", "-n", "auto", "tests/frameworks", *session.posargs)


@nox.session
def docstrings(session: nox.Session) -> None:
    """Validate the public docstrings and run their examples."""
    prepare(session, "check", "test")
    session.run("python", "tools/docstrings.py")
    session.run("pytest", "--doctest-modules", "src")


@nox.session
def readme(session: nox.Session) -> None:
    """Run the README's code and check its commands and links."""
    prepare(session)
    session.run("python", "tools/readme.py")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build; a warning is an error."""
    prepare(session, "docs")
    session.run(
        "sphinx-build",
        "-E",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "docs",
        "docs/_build",
    )


@nox.session
def review(session: nox.Session) -> None:
    """Compare the project with the Scientific Python guide."""
    prepare(session, "check")
    session.run("repo-review", ".")


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Run every benchmark."""
    prepare(session, "bench")
    for script in sorted(Path("benchmarks").glob("[!_]*.py")):
        session.run("python", str(script), *session.posargs)


@nox.session(default=False, python="3.11")
def oldest(session: nox.Session) -> None:
    """Run the tests with the oldest requirements that pyproject.toml allows."""
    bounds = PROJECT["project"]["dependencies"]
    session.install("--editable", ".[demo,fast]", "--group=test")
    session.install(*(re.sub(r">=([\d.]+)$", r"==\1.*", bound) for bound in bounds))
    session.run("pytest", "-n", "auto", *session.posargs)


@nox.session(default=False)
def changelog(session: nox.Session) -> None:
    """Check that the branch adds a changelog fragment."""
    session.install("towncrier")
    session.run("towncrier", "check", *session.posargs)


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build the source distribution and the wheel into dist."""
    session.install("build")
    session.run("python", "-m", "build")


if __name__ == "__main__":
    nox.main()
