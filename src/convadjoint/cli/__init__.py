"""The command `convadjoint`: the top floor, which no other module imports.

`app` holds the command line, `photo` reads a picture or refuses it, `demo` computes,
`report` and `figure` show what came out.  They need the packages of the extra `demo`,
so nothing of them is imported until `main` has found those packages.
"""

import importlib
import importlib.util
import sys

_NEEDED = {
    "matplotlib": "matplotlib",
    "PIL": "pillow",
    "rich": "rich",
    "typer": "typer",
}


def main() -> None:
    """Run the command line, or name the packages it lacks and exit with code 2."""
    # Words need no pictures.
    needed = ["typer"] if sys.argv[1:2] == ["translate"] else _NEEDED
    missing = [_NEEDED[name] for name in needed if not importlib.util.find_spec(name)]
    if missing:
        lacks, hint = ", ".join(missing), " ".join(missing)
        sys.stderr.write(f"convadjoint: missing {lacks}: pip install {hint}\n")
        raise SystemExit(2)
    try:
        importlib.import_module("convadjoint.cli.app").run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None
