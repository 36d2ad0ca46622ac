"""Hypothesis profiles: `ci` repeats itself exactly, `nightly` looks further."""

import os

from hypothesis import HealthCheck, settings

COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
PROFILES = {
    "local": {"max_examples": 60},
    "ci": {"max_examples": 100, "derandomize": True, "print_blob": True},
    "nightly": {"max_examples": 2000, "print_blob": True},
}
USUAL = "ci" if os.environ.get("CI") else "local"

for name, chosen in PROFILES.items():
    settings.register_profile(name, **COMMON, **chosen)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", USUAL))
