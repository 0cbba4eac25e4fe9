"""Killed at any moment and run again, a run equals one that nobody disturbed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fenqun.config import Config
from fenqun.pipeline import run_pipeline
from fenqun.settings import dump_config
from fenqun.store import Run

ZYGOTE = """
import json, os, signal, sys, time
import fenqun.store as store
import fenqun.cli.summary, fenqun.pipeline, hdbscan, implicit, sklearn.cluster, torch  # slow to import: once
from fenqun.cli import main

def dying_at(target):
    sync = store._sync
    def dying(path):
        sync(path)
        if path.name.endswith("-" + target):
            os.kill(os.getpid(), signal.SIGKILL)
    store._sync = dying

out, moments = sys.argv.pop(), json.loads(sys.argv.pop())
for moment in moments:
    child = os.fork()
    if not child:
        sys.stdout = sys.stderr = open(os.devnull, "w")
        if isinstance(moment, str):
            dying_at(moment)
        try:
            main()
        finally:
            os._exit(0)
    if not isinstance(moment, str):
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    left = [name for _, folders, files in os.walk(out) for name in folders + files]
    print(json.dumps([moment, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        sum(name.startswith((".partial-", ".spill-")) for name in left)]), flush=True)
"""
"""Starts the command in a process of its own for each moment: a file about to be renamed, or seconds."""

MOMENTS = (
    "events.parquet",  # reading
    "sequences",  # a folder, beside the engine's spilled data
    "judge",  # the second of three encoders
    "user_vectors.parquet",
    "memberships.parquet",
    "comparison.parquet",
    "evaluation.json",  # the stage's own record
    "report.html",
)


@pytest.fixture
def conf(settings: Config, tmp_path: Path) -> Path:
    path = tmp_path / "conf.yaml"
    path.write_text(dump_config(settings), encoding="utf-8")
    return path


def leftovers(out: Path) -> list[str]:
    return [str(p) for p in out.rglob("*") if p.name.startswith((".partial-", ".spill-"))]


def killed(conf: Path, out: Path, moments: Sequence[str | float]) -> list[tuple[str | float, int, int]]:
    """Moment, signal that ended the process, and files and folders left half-made, of each moment."""
    command = [sys.executable, "-c", ZYGOTE, "run", str(conf), "--out", str(out), json.dumps(moments), str(out)]
    told = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
    return [tuple(json.loads(line)) for line in told.splitlines()]


def test_killed_at_every_kind_of_moment(
    conf: Path, settings: Config, finished: Run, tmp_path: Path, contents: Callable[[Run], Any], differences: Any
) -> None:
    out = tmp_path / "run"
    for moment, ended_by, left in killed(conf, out, MOMENTS):
        assert (moment, ended_by) == (moment, signal.SIGKILL)
        assert left, "a kill before the rename leaves a partial file: else this test tests nothing"
    assert not (out / "report.html").exists()
    run = run_pipeline(settings, out)
    assert leftovers(out) == []
    assert differences(contents(finished), contents(run)) == []


def test_killed_at_random_moments(
    conf: Path, settings: Config, finished: Run, tmp_path: Path, contents: Callable[[Run], Any], differences: Any
) -> None:
    out = tmp_path / "run"
    moments = np.random.default_rng(3).uniform(0.05, 1.2, 5).tolist()
    assert len(killed(conf, out, moments)) == len(moments)
    run = run_pipeline(settings, out)
    assert leftovers(out) == []
    assert differences(contents(finished), contents(run)) == []


def test_interrupted_leaves_a_run_that_resumes(
    conf: Path, settings: Config, finished: Run, tmp_path: Path, contents: Callable[[Run], Any], differences: Any
) -> None:
    out = tmp_path / "run"
    # A shell that runs tests in the background has them ignore Ctrl-C, and children inherit that.
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from fenqun.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "run", str(conf), "--out", str(out)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    while not (out / "work" / "stages" / "profiles.json").exists() and process.poll() is None:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert told.splitlines()[-1] == "fenqun: interrupted; the same command resumes where it stopped"
    assert "Traceback" not in told
    assert Run(out).read_manifest().status == "interrupted"
    assert leftovers(out) == []
    run = run_pipeline(settings, out)
    assert differences(contents(finished), contents(run)) == []
