"""Run the stages in order, skip what is unchanged, record what was done."""

from __future__ import annotations

import datetime as dt
import os
import platform
import resource
import time
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from threadpoolctl import threadpool_limits

from fenqun.config import Config
from fenqun.errors import FenqunError
from fenqun.pipeline.budget import fit_budget
from fenqun.pipeline.context import Context, Stage
from fenqun.pipeline.searching import as_given, searched
from fenqun.pipeline.stages import STAGES, source_fingerprint
from fenqun.progress import Progress, Silent
from fenqun.recommendation.playbooks.reading import chosen_playbook
from fenqun.schema import SCHEMA_VERSION, Manifest, StageRecord
from fenqun.settings import dump_config
from fenqun.store import Run, digest, explain_io

_LIBRARIES = (
    "duckdb",
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "implicit",
    "lightgbm",
    "pyarrow",
    "hdbscan",
    "openTSNE",
)


def run_pipeline(config: Config, out: str | Path, progress: Progress | None = None) -> Run:
    """Take a log all the way to judged, named segments with recommendations.

    Run again on the same directory, it resumes at the first stage whose inputs or settings changed.

    Parameters
    ----------
    config
        Settings.
    out
        The run directory; made where it does not exist.
    progress
        Who listens.

    Raises
    ------
    FenqunError
        In one line: what is wrong, where, how to mend it. The directory stays resumable.
    """
    progress = progress or Silent()
    chosen_playbook(config.playbooks, config.scenario)  # a bad one is told before anything is learned
    sources = source_fingerprint(config)
    run = Run.create(out)
    config = as_given(_freeze(config, run, sources), run)
    context = Context(config, run, progress)
    status: Literal["done", "interrupted", "failed"] = "failed"
    error_line: str | None = None
    try:
        # Matrices here are narrow: a second BLAS thread mostly waits, busily, and doubles the processor time.
        with explain_io(run.path), threadpool_limits(limits=1):
            run.write_text("config.yaml", dump_config(config))
            fingerprints: dict[str, str] = {}
            for stage in STAGES:
                own = _fingerprint(stage, config, fingerprints, sources, stage.watches(context))
                _advance(stage, context, own)
                fingerprints[stage.name] = _passed(stage, run, own)
                if stage.name == "data":
                    config = context.config = _within_budget(config, run, progress)
                elif stage.name == "search" and (better := searched(config, run)) != config:
                    config = context.config = better
                    run.write_text("config.yaml", dump_config(config))
        status = "done"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    except Exception as error:
        error_line = str(error) if isinstance(error, FenqunError) else f"internal error: {type(error).__name__}"
        raise
    finally:
        context.close()
        _close(run, config, status, error_line)
    return run


def _passed(stage: Stage, run: Run, own: str) -> str:
    """Return what later stages depend on: the stage's own fingerprint, or only what it decided."""
    if stage.passes is None:
        return own
    record = run.stage_record(stage.name)
    assert record is not None
    return digest(stage.passes(record))


def _advance(stage: Stage, context: Context, fingerprint: str) -> None:
    run, progress = context.run, context.progress
    record = run.stage_record(stage.name)
    if record is not None and record.fingerprint == fingerprint:
        progress.note(f"{stage.name}: unchanged")
        return
    run.drop_stage(stage.name)
    _write_manifest(run, context.config, "running", None)
    started = time.perf_counter()
    output = stage.compute(context)
    seconds = time.perf_counter() - started
    run.finish_stage(
        StageRecord(
            name=stage.name,
            fingerprint=fingerprint,
            outputs=list(output.artifacts),
            seconds=round(seconds, 3),
            peak_mb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
            figures=output.figures,
        )
    )
    progress.note(f"{stage.name}: {seconds:.1f} s")


def _fingerprint(stage: Stage, config: Config, done: dict[str, str], sources: Any, watched: Any = None) -> str:
    return digest(
        {
            "version": _versions()["fenqun"],
            "schema": SCHEMA_VERSION,
            "stage": stage.name,
            "settings": stage.settings(config),
            "seed": config.run.seed,
            "needs": [done[name] for name in stage.needs],
            "sources": None if stage.needs else sources,
            "watched": watched,
        }
    )


def _freeze(config: Config, run: Run, sources: Any) -> Config:
    """Fix the plausibility cap once for these sources: afterwards the clock decides nothing."""
    if config.quality.latest is not None:
        return config
    key = digest(sources)
    frozen = run.artifact("work/latest.json")
    known = run.read_json("work/latest.json") if frozen.is_file() else {}
    if known.get("sources") != key:
        tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
        known = {"sources": key, "latest": tomorrow.isoformat()}
        run.write_json("work/latest.json", known)
    return config.model_copy(update={"quality": config.quality.model_copy(update={"latest": known["latest"]})})


def _within_budget(config: Config, run: Run, progress: Progress) -> Config:
    """Turn a time budget into fixed counts, now that the size of the data is known, and say what it costs."""
    record = run.stage_record("data")
    assert record is not None
    config, given_up = fit_budget(config, record.figures["events"], record.figures["users"])
    if given_up:
        progress.note(f"the time budget costs: {'; '.join(given_up)}")
        run.write_text("config.yaml", dump_config(config))
    return config


@cache
def _versions() -> dict[str, str]:
    found = {"fenqun": version("fenqun"), "python": platform.python_version()}
    return found | {name: version(name) for name in _LIBRARIES}


def _write_manifest(run: Run, config: Config, status: Any, error: str | None) -> None:
    records = [record for stage in STAGES if (record := run.stage_record(stage.name))]
    data = next((r for r in records if r.name == "data"), None)
    fingerprint = digest([record.fingerprint for record in records])
    run.write_json(
        "run.json",
        Manifest(
            id=f"{run.path.resolve().name}-{fingerprint[:8]}",
            status=status,
            as_of=data.figures.get("as_of") if data else None,
            seed=config.run.seed,
            fingerprint=fingerprint,
            versions=_versions(),
            stages=records,
            error=error,
        ),
    )


def _close(run: Run, config: Config, status: Any, error: str | None) -> None:
    try:
        if os.access(run.path, os.W_OK):
            _write_manifest(run, config, status, error)
    except (OSError, FenqunError):
        # The failure under way says why; a full disk must not hide it behind a second one.
        pass
    finally:
        run.close()
