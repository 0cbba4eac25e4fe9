"""The stages of the road in order; what is unchanged is not computed again."""

from __future__ import annotations

from fenqun.pipeline.runner import run_pipeline

__all__ = ["run_pipeline"]
