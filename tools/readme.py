"""Try the README by the letter.

* Every ``python`` block runs, all in one namespace, in the order of the page.  A
  ``text`` block right after one is what it must print.
* Every line of a shell block is a command that exists: a make target, a pip install of
  this project and its extras, the project's own command, or a plain git or cd.
* Every relative link leads to a file.
"""

import contextlib
import io
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$\n?", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)|(?:src|href)=\"([^\"#]+)")
PLAIN = {"cd", "git"}  # shown as they are everywhere; nothing of ours to check


def run_python(blocks: list[tuple[str, str]]) -> Iterator[str]:
    """Run the Python blocks; yield a line for each surprise."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    for (kind, code), (next_kind, text) in pairwise([*blocks, ("", "")]):
        if kind != "python":
            continue
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), namespace)  # noqa: S102
        if next_kind == "text" and printed.getvalue().strip() != text.strip():
            yield f"this block printed\n{printed.getvalue()}\nbut README.md says\n{text}"


def complaint(line: str) -> str | None:
    """Say what is wrong with one shell command, or None."""
    words = shlex.split(line, comments=True)
    if not words or words[0] in PLAIN:
        return None
    if words[0] == "make":
        return make_complaint(words[1:])
    if "install" in words and any(word.startswith("pip") for word in words):
        return install_complaint(words[words.index("install") + 1 :])
    if Path(words[0]).name in PROJECT["scripts"]:
        return own_complaint(words[1:])
    return f"unknown command: {line}"


def make_complaint(targets: list[str]) -> str | None:
    """Ask make itself whether the targets exist, without running them."""
    done = subprocess.run(
        ["make", "--dry-run", *targets],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stderr.strip() if done.returncode else None


def install_complaint(arguments: list[str]) -> str | None:
    """Check that only this project is installed, with extras that exist."""
    extras = PROJECT["optional-dependencies"]
    for argument in arguments:
        if argument.startswith("-"):
            continue
        match = re.fullmatch(r"([\w.-]+)(?:\[([\w,-]+)\])?", argument)
        if not match or match[1] not in {PROJECT["name"], "."}:
            return f"pip installs {argument}, which is not this project"
        unknown = set(match[2].split(",") if match[2] else ()) - set(extras)
        if unknown:
            return f"no such extra: {', '.join(sorted(unknown))}"
    return None


def own_complaint(arguments: list[str]) -> str | None:
    """Ask the project's command for the help of the subcommand."""
    words = [word for word in arguments[:1] if not word.startswith("-")]
    command = [str(Path(sys.executable).with_name(PROJECT["name"])), *words, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode else None


def broken_links(page: str) -> Iterator[str]:
    """Yield the relative links that lead nowhere."""
    for match in LINK.finditer(BLOCK.sub("", page)):
        target = match[1] or match[2]
        if "://" not in target and not (ROOT / target).exists():
            yield f"no such file: {target}"


def main() -> int:
    """Print one line per failure; return the exit status."""
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(page)
    shell = [
        line.removeprefix("$ ")
        for kind, text in blocks
        if kind in {"sh", "bash", "console"}
        for line in text.splitlines()
        if kind != "console" or line.startswith("$ ")
    ]
    failures = [
        *run_python(blocks),
        *filter(None, map(complaint, shell)),
        *broken_links(page),
    ]
    print(*failures, sep="\n", end="\n" if failures else "")
    programs = sum(kind == "python" for kind, _ in blocks)
    print(
        f"README: {programs} programs and {len(shell)} commands, {len(failures)} failures"
    )
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
