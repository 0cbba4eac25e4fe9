"""A small log and settings under which the whole road takes a second or two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
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
    "behaviour.rhythm.forecast=false",
    "behaviour.intent={width: 8, depth: 1, length: 20, events: 1500, checks: 2}",
    "segmentation.clusterers=[kmeans, hdbscan]",
    "segmentation.k=[3, 4]",
    "evaluation.bootstrap=2",
    "evaluation.resamples=100",
    "vectors.map=pca",
    "run.threads=1",
)

Tables = Mapping[str, pa.Table]
Configure = Callable[..., Config]


def as_settings(given: SyntheticLog, folder: Path, overrides: tuple[str, ...] = ()) -> Config:
    return load_config(given.write(folder), (*QUICK, *overrides))


@pytest.fixture(scope="session")
def log() -> SyntheticLog:
    return make_log(n_users=140, n_items=36, n_types=3, events_per_user=16)


@pytest.fixture(scope="session")
def configure(tmp_path_factory: pytest.TempPathFactory) -> Configure:
    """Write a log into a new folder and return its settings, with overrides."""

    def configured(given: SyntheticLog, *overrides: str, folder: Path | None = None) -> Config:
        return as_settings(given, folder or tmp_path_factory.mktemp("log"), overrides)

    return configured


@pytest.fixture(scope="session")
def settings(log: SyntheticLog, configure: Configure) -> Config:
    return configure(log, "recommendation.per_user=true")


@pytest.fixture(scope="session")
def finished(settings: Config, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_pipeline(settings, tmp_path_factory.mktemp("finished") / "run")


VOLATILE = {"seconds", "peak_mb"}


def plain(value: Any) -> Any:
    """JSON less what differs between two runs of the same: how long they took, and where they lie."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items() if k not in VOLATILE}
    return [plain(v) for v in value] if isinstance(value, list) else value


@pytest.fixture(scope="session")
def contents() -> Callable[[Run], dict[str, Any]]:
    """Everything in a run directory that another program may read, in a form that can be compared."""

    def read(run: Run) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for path in sorted(run.path.rglob("*")):
            name = path.relative_to(run.path).as_posix()
            if not path.is_file() or name == "report.html" or name.startswith(("work/cache", "work/.lock")):
                continue
            if name in ("work/events.parquet", "rejected.parquet"):
                table = pq.read_table(path)
                found[name] = sorted(map(str, table.to_pylist()))
            elif path.suffix == ".parquet":
                found[name] = pq.read_table(path)
            elif path.suffix == ".json":
                value = plain(run.read_json(name))
                if name == "run.json":
                    value.pop("id")
                found[name] = value
            else:
                found[name] = path.read_bytes()
        return found

    return read


def same(one: Any, other: Any) -> bool:
    return bool(one.equals(other)) if isinstance(one, pa.Table) else bool(one == other)


@pytest.fixture(scope="session")
def differences() -> Callable[[dict[str, Any], dict[str, Any]], list[str]]:
    """Names of artifacts that two runs do not share, or in which they differ."""

    def compare(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
        missing = set(one) ^ set(other)
        return sorted(missing | {name for name in set(one) & set(other) if not same(one[name], other[name])})

    return compare


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)
