"""Hypothesis profiles: `ci` repeats itself exactly, `nightly` looks further."""

import os

from hypothesis import HealthCheck, settings

SLOW = [HealthCheck.too_slow]
settings.register_profile(
    "ci",
    derandomize=True,
    print_blob=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=SLOW,
)
settings.register_profile(
    "local", deadline=None, max_examples=60, suppress_health_check=SLOW
)
settings.register_profile(
    "nightly",
    deadline=None,
    max_examples=2000,
    print_blob=True,
    suppress_health_check=SLOW,
)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "local")
)
