"""A new run on newer data whose segments keep the ids and names of an earlier run."""

from __future__ import annotations

from pathlib import Path

from fenqun.config import Config
from fenqun.pipeline.earlier import Earlier
from fenqun.pipeline.runner import run_pipeline
from fenqun.progress import Progress
from fenqun.store import Run


def refresh(earlier: str | Path, config: Config, out: str | Path, progress: Progress | None = None) -> Run:
    """Run the whole road anew and take over what the earlier run's segments are called.

    The earlier run becomes the setting ``previous`` of the new one, so that ``fenqun run`` with the new run's own
    ``config.yaml`` resumes it like any other. Nothing in the earlier run is changed.

    Parameters
    ----------
    earlier
        Directory of a finished run.
    config
        Settings of the new run.
    out
        Directory of the new run; the same again resumes.
    progress
        Who listens.

    Raises
    ------
    ConfigError
        If both directories are the same.
    RunError
        If the earlier run is not finished, or shares no user with the new log.
    """
    Earlier(earlier, Path(out))  # before hours of learning, and not after them
    again = config.model_copy(update={"previous": str(Path(earlier).resolve())})
    return run_pipeline(again, out, progress)
