"""Validate the docstrings of all public names with numpydoc.

Public is what ``convadjoint.__all__`` names, in its packages what theirs does, and the
methods and properties that this package gives to those classes.  The rest needs a
sentence, which ruff checks.
"""

import inspect
import sys
from collections.abc import Iterator
from functools import cached_property
from types import ModuleType
from typing import Any

from numpydoc.validate import validate

import convadjoint

CHECKS = {
    "GL02",  # closing quotes on a line of their own
    "GL03",  # no double blank lines
    "GL05",  # no tabs
    "GL06",  # no unknown sections
    "GL07",  # sections in order
    "GL08",  # there is a docstring
    "GL10",  # directives have two colons
    "SS01",  # there is a summary
    "SS02",  # it starts with a capital
    "SS03",  # it ends with a period
    "SS04",  # it has no leading spaces
    "SS06",  # it fits in one line
    "PR01",  # every parameter is documented
    "PR02",  # no other is
    "PR03",  # in the order of the signature
    "PR04",  # with a type
    "PR05",  # which does not end with a period
    "PR07",  # with a description
    "PR10",  # with a space before the colon
    "RT01",  # what is returned is documented
    "RT03",  # with a description
    "YD01",  # what is yielded is documented
    "SA02",  # See Also descriptions end with a period
    "SA03",  # and start with a capital
}
# Left out: GL01 (the summary starts beside the quotes, ruff's D212), GL09 (nothing is
# deprecated), ES01 (a summary may be all there is to say), SS05 (matches verbs it should
# not), PR06 (types are written for readers), PR08, PR09, RT02, RT04, RT05 (descriptions
# may start with a symbol and end with a formula), SA04 (a name may explain itself).
TOP_LEVEL = {
    "EX01",  # there is an example
    "SA01",  # there is a See Also section
}


def members(cls: type) -> Iterator[str]:
    """Full names of the methods and properties that this package gives to `cls`."""
    for base in cls.__mro__:
        if base.__module__.partition(".")[0] != "convadjoint":
            continue
        for name, value in vars(base).items():
            callable_or_property = inspect.isroutine(value) or isinstance(
                value, property | cached_property
            )
            if not name.startswith("_") and callable_or_property:
                yield f"{base.__module__}.{base.__qualname__}.{name}"


def public(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Full names and values of what a module offers, packages opened."""
    for name in module.__all__:
        value = getattr(module, name)
        if isinstance(value, ModuleType):
            yield from public(value)
        else:
            yield f"{module.__name__}.{name}", value


def wanted() -> dict[str, set[str]]:
    """Map each public name to the checks that it has to pass."""
    checks: dict[str, set[str]] = {}
    for name, value in public(convadjoint):
        if isinstance(value, type):
            checks |= dict.fromkeys(members(value), CHECKS)
        if isinstance(value, type) and issubclass(value, Exception):
            checks[name] = CHECKS
        elif callable(value):
            checks[name] = CHECKS | TOP_LEVEL
    return checks


def main() -> int:
    """Print one line per failure; return the exit status."""
    table = wanted()
    failures = [
        f"{name}: {code} {text}"
        for name, checks in sorted(table.items())
        for code, text in validate(name)["errors"]
        if code in checks
    ]
    print(*failures, sep="\n", end="\n" if failures else "")
    print(f"{len(table)} public docstrings, {len(failures)} failures")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
