"""How many random examples hypothesis tries: ``ci`` (the default, always the same) or ``deep`` (ten times as many).

Where an example takes a whole report, ``examples.slow`` takes a share of these numbers.
"""

import os

from hypothesis import settings

from postgres import postgres  # noqa: F401  (a fixture)

os.environ.pop("COLUMNS", None)  # xdist sets it, and what a pipe shows should not depend on it
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=1000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
