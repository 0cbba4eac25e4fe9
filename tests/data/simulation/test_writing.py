"""Written simulations: the same bytes, settings that pass the check, known faults that are found, no half folder."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fenqun.data.ingest import check
from fenqun.data.simulation import SIMULATIONS, Shop
from fenqun.data.simulation.base import BLOCK
from fenqun.data.simulation.writing import write_simulation
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import RunError
from fenqun.pipeline import run_pipeline
from fenqun.progress import Silent
from fenqun.schema import QualityReport
from fenqun.settings import load_config

NAMES = sorted(SIMULATIONS)
QUICK = (
    "content.encoder=none",
    "behaviour.taste.epochs=2",
    "behaviour.taste.scales=[20]",
    "behaviour.intent.backbone=none",
    "behaviour.rhythm.forecast=false",
    "segmentation.clusterers=[kmeans]",
    "segmentation.k=3",
    "evaluation.bootstrap=2",
    "evaluation.resamples=100",
    "vectors.map=pca",
    "run.threads=1",
)
KEPT_AS_THEY_ARE = ("missing_value", "missing_price", "missing_attribute")


def checked(conf: Path) -> QualityReport:
    settings = load_config(conf)
    engine = DuckDBEngine(1, settings.run.memory, settings.data.timezone)
    try:
        return check(settings, engine, Silent())[0]
    finally:
        engine.close()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_bytes_whatever_the_folder(tmp_path: Path, name: str) -> None:
    folders = [tmp_path / "one", tmp_path / "deeper" / "other"]
    for folder in folders:
        write_simulation(SIMULATIONS[name](users=50), folder)
    one, other = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in folders)
    assert one == other
    assert {"conf.yaml", "truth.json", "truth.parquet", "events.parquet", "items.parquet", "users.parquet"} <= set(
        one
    )


def test_a_row_group_is_a_block(tmp_path: Path) -> None:
    simulation = Shop(users=BLOCK + 30, per_user=5)
    write_simulation(simulation, tmp_path / "shop")
    for name, group in [("events", 1), ("truth", 0)]:
        file = pq.ParquetFile(tmp_path / "shop" / f"{name}.parquet")
        assert file.num_row_groups == 2
        assert file.read_row_group(group).equals(simulation.block(group)[name])


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_rejected_or_repaired(tmp_path: Path, name: str, language: Any) -> None:
    conf = write_simulation(SIMULATIONS[name](users=700, language=language), tmp_path / "log")
    report = checked(conf)
    assert all(table.rejected == 0 for table in report.tables)
    assert not [rule for rule in report.rules if rule.rows and rule.rule not in KEPT_AS_THEY_ARE]
    assert report.notices == [] and report.users == 700


@pytest.mark.parametrize("users", [1, 2])
@pytest.mark.parametrize("name", NAMES)
def test_a_handful_of_users_passes_the_check(tmp_path: Path, name: str, users: int) -> None:
    conf = write_simulation(SIMULATIONS[name](users=users), tmp_path / "log")
    assert checked(conf).users == users


@pytest.mark.parametrize("users", [3, BLOCK + 200])
@pytest.mark.parametrize("name", NAMES)
def test_the_check_finds_exactly_the_known_faults(tmp_path: Path, name: str, users: int) -> None:
    conf = write_simulation(SIMULATIONS[name](users=users), tmp_path / "log", dirty=True)
    planted = json.loads((conf.parent / "faults.json").read_text(encoding="utf-8"))
    report = checked(conf)
    found = {(r.rule, r.table): r.rows for r in report.rules if r.rows and r.rule not in KEPT_AS_THEY_ARE}
    assert found == {(fault["rule"], fault["table"]): fault["rows"] for fault in planted}
    assert report.users == users


def test_two_hundred_thousand_events_in_seconds(tmp_path: Path) -> None:
    began = time.process_time()
    for name in NAMES:
        write_simulation(SIMULATIONS[name](users=1000, per_user=50), tmp_path / name)
    assert time.process_time() - began < 8


def test_faults_are_the_same_twice(tmp_path: Path) -> None:
    for folder in ("one", "other"):
        write_simulation(Shop(users=40), tmp_path / folder, dirty=True)
    one, other = ({path.name: path.read_bytes() for path in (tmp_path / f).iterdir()} for f in ("one", "other"))
    assert one == other and "faults.json" in one


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("kept")
    with pytest.raises(RunError, match="not empty"):
        write_simulation(Shop(users=5), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
    with pytest.raises(RunError, match="not empty"):
        write_simulation(Shop(users=5), tmp_path / "mine.txt")
    (tmp_path / "empty").mkdir()
    assert write_simulation(Shop(users=5), tmp_path / "empty").is_file()


def test_a_failed_simulation_leaves_nothing(tmp_path: Path) -> None:
    class Failing(Shop):
        def block(self, index: int) -> dict[str, pa.Table]:
            raise MemoryError

    with pytest.raises(MemoryError):
        write_simulation(Failing(users=5), tmp_path / "log")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_road_runs_to_its_end(tmp_path: Path, name: str) -> None:
    conf = write_simulation(SIMULATIONS[name](users=60, per_user=45, language="zh"), tmp_path / "log")
    run = run_pipeline(load_config(conf, QUICK), tmp_path / "run")
    members = run.read_table("memberships.parquet")
    assert members.num_rows == 60
    labels = {
        row["metric"].split(".")[0]
        for row in run.read_table("comparison.parquet").to_pylist()
        if row["axis"] == "labels"
    }
    assert {"type", "tier"} <= labels
    profiles = run.read_table("profiles.parquet").column_names
    assert not set(load_config(conf).labels) & {column.removeprefix("attr_") for column in profiles}
