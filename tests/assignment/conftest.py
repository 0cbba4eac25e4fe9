"""A finished run that users are placed into."""

from __future__ import annotations

from pathlib import Path

import pytest

from fenqun.config import Config
from fenqun.data.synthetic import SyntheticLog, make_log
from fenqun.pipeline import run_pipeline
from fenqun.settings import load_config
from fenqun.store import Run

QUICK = (
    "content.encoder=none",
    "behaviour.taste.epochs=2",
    "behaviour.taste.scales=[20]",
    "behaviour.intent={width: 8, depth: 1, length: 20, events: 3000, checks: 2}",
    "vectors.gate=false",  # every block is there, whether it helps or not
    "segmentation.clusterers=[kmeans]",
    "segmentation.k=3",
    "evaluation.bootstrap=2",
    "evaluation.resamples=100",
    "vectors.map=pca",
    "run.threads=1",
)


@pytest.fixture(scope="session")
def log() -> SyntheticLog:
    return make_log(n_users=90, n_items=30, n_types=3, events_per_user=12)


@pytest.fixture(scope="session")
def conf(log: SyntheticLog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return log.write(tmp_path_factory.mktemp("log"))


@pytest.fixture(scope="session")
def settings(conf: Path) -> Config:
    return load_config(conf, QUICK)


@pytest.fixture(scope="session")
def finished(settings: Config, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_pipeline(settings, tmp_path_factory.mktemp("finished") / "run")
