"""What holds for all tests."""

from __future__ import annotations

import hypothesis

# Timings live in benchmarks: a busy machine is no failure.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
