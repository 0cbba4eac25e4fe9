"""A refresh keeps ids, names and users where they are, and says what moved."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fenqun.config import Config
from fenqun.data.synthetic import SyntheticLog
from fenqun.errors import ConfigError, RunError
from fenqun.explanation.given_names import read_given
from fenqun.explanation.naming import Name
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.refreshing import refresh
from fenqun.pipeline.renaming import rename_segment
from fenqun.schema import MIGRATION, GivenName, Identity, Metrics, Naming
from fenqun.settings import dump_config, load_config
from fenqun.store import Run

SUNDAY = Name("Sunday bakers", "周日烘焙族")
CUT = 300
"""Days of the log that the earlier run knows."""


def until(log: SyntheticLog, days: int) -> SyntheticLog:
    """The log as it was so many days after its first event."""
    time = log.events["timestamp"]
    end = pc.add(pc.min(time), pa.scalar(days * 86_400_000_000, pa.duration("us")))
    return replace(log, events=log.events.filter(pc.less(time, end)))


def published(run: Run) -> dict[str, Any]:
    """Ids, names and every user's membership."""
    segments = run.read_table("segments.parquet").select(["segment_id", "name_en", "name_zh", "size"])
    return {"segments": segments.to_pylist(), "users": run.read_table("memberships.parquet").to_pylist()}


def homes(run: Run) -> dict[str, str]:
    table = run.read_table("memberships.parquet", ["user_id", "segment_id"])
    return dict(zip(table["user_id"].to_pylist(), table["segment_id"].to_pylist(), strict=True))


def copied(run: Run, path: Path) -> Path:
    """A directory whose vectors are those of a run, so that only segments are found again."""
    shutil.copytree(run.path, path)
    return path


@pytest.fixture(scope="module")
def may(log: SyntheticLog, configure: Callable[..., Config], tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = run_pipeline(configure(until(log, CUT)), tmp_path_factory.mktemp("may") / "run")
    rename_segment(run.path, "S02", SUNDAY)
    return run


@pytest.fixture(scope="module")
def newer(log: SyntheticLog, configure: Callable[..., Config]) -> Config:
    return configure(log)


@pytest.fixture(scope="module")
def june(may: Run, newer: Config, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return refresh(may.path, newer, tmp_path_factory.mktemp("june") / "run")


def test_the_same_data_changes_nothing(finished: Run, settings: Config, tmp_path: Path) -> None:
    again = refresh(finished.path, settings, tmp_path / "again")
    assert published(again) == published(finished)
    found = again.read_model("identity.json", Identity)
    assert (found.way, found.why, found.ari, found.moved) == ("unchanged", "same", 1.0, 0.0)
    assert found.births == found.deaths == found.splits == found.merges == []
    assert found.survived == found.segments_before and found.previous == finished.read_manifest().id
    moves = again.read_table("migration.parquet")
    assert moves["from_id"] == moves["to_id"]
    third = refresh(again.path, settings, copied(again, tmp_path / "third"))
    assert published(third) == published(finished)


def test_newer_data_keeps_ids_names_and_people(may: Run, june: Run) -> None:
    found = june.read_model("identity.json", Identity)
    assert found.survived == found.segments_before and not found.births
    before, after = homes(may), homes(june)
    stayed = np.mean([after[user] == segment for user, segment in before.items() if user in after])
    assert stayed == pytest.approx(1 - found.moved) and stayed > 0.85
    named = [{row["segment_id"]: row["name_en"] for row in published(run)["segments"]} for run in (may, june)]
    assert named[0] == named[1] and named[1]["S02"] == SUNDAY.en
    assert read_given(june)["S02"] == GivenName(en=SUNDAY.en, zh=SUNDAY.zh)
    rows = {row["segment_id"]: row for row in june.read_table("segments.parquet").to_pylist()}
    assert Naming.model_validate_json(rows["S02"]["naming"]).source == "person"


def test_the_migration_table_counts_everyone_once(may: Run, june: Run) -> None:
    table = june.read_table("migration.parquet")
    assert table.schema == MIGRATION
    before, after = homes(may), homes(june)
    assert sum(table["users"].to_pylist()) == len({*before, *after})
    for row in table.to_pylist():
        who = [
            user
            for user in {*before, *after}
            if (before.get(user), after.get(user)) == (row["from_id"], row["to_id"])
        ]
        assert row["users"] == len(who) > 0
    for side, share, homes_ in (("from_id", "share_of_from", before), ("to_id", "share_of_to", after)):
        for segment in set(homes_.values()):
            shares = [row[share] for row in table.to_pylist() if row[side] == segment]
            assert sum(shares) == pytest.approx(1.0)


def test_the_report_says_what_moved(june: Run, finished: Run) -> None:
    report = june.artifact("report.html").read_text(encoding="utf-8")
    assert 'id="moved"' in report
    assert 'id="moved"' not in finished.artifact("report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("override", ["strategy=rfm", "segmentation.clusterers=[hdbscan]", "segmentation.k=5"])
def test_whatever_found_the_segments(finished: Run, settings: Config, tmp_path: Path, override: str) -> None:
    """Another strategy, clusterer or number on the same people: ids follow them, and again changes nothing."""
    config = load_config(settings.model_dump(mode="json"), [override])
    run = refresh(finished.path, config, copied(finished, tmp_path / "run"))
    found = run.read_model("identity.json", Identity)
    assert (found.way, found.why) == ("fresh", "choice")
    ids = run.read_table("segments.parquet")["segment_id"].to_pylist()
    assert set(ids) == {*(match.segment_id for match in found.matches), *found.births}
    assert not set(found.births) & set(homes(finished).values())
    again = refresh(run.path, config, copied(run, tmp_path / "again"))
    assert published(again) == published(run)
    assert again.read_model("identity.json", Identity).used == found.used


def test_the_blocks_of_before_stay_unless_others_are_clearly_better(
    finished: Run, settings: Config, tmp_path: Path
) -> None:
    everything = load_config(settings.model_dump(mode="json"), ["vectors.gate=false"])
    old = run_pipeline(everything, copied(finished, tmp_path / "old"))
    run = refresh(old.path, settings, copied(finished, tmp_path / "new"))
    blocks = [one.read_json("work/blocks.json")["weights"].keys() for one in (finished, old, run)]
    told = run.stage_record("blocks").figures["earlier"]
    assert set(told["blocks"]) == blocks[1] != blocks[0]
    assert told["kept"] == (told["gain"] <= 2 * told["standard_error"])
    assert blocks[2] == blocks[1 if told["kept"] else 0]
    assert "As before: " in run.artifact("report.html").read_text(encoding="utf-8")


def test_it_resumes_like_any_run(may: Run, june: Run, newer: Config, tmp_path: Path) -> None:
    may, june = (
        Run(Path(shutil.copytree(run.path, tmp_path / name))) for run, name in ((may, "may"), (june, "june"))
    )
    records = june.path / "work" / "stages"
    times = {path.name: path.stat().st_mtime_ns for path in records.glob("*.json")}
    refresh(may.path, newer, june.path)
    assert {path.name: path.stat().st_mtime_ns for path in records.glob("*.json")} == times
    rename_segment(
        may.path, "S01", Name("Night owls", "夜猫子")
    )  # a new name there is no reason to cluster anew here
    refresh(may.path, newer, june.path)
    now = {path.name: path.stat().st_mtime_ns for path in records.glob("*.json")}
    assert {name for name in now if now[name] != times[name]} == {"explanation.json", "report.json"}
    assert published(june)["segments"][0]["name_en"] == "Night owls"


def test_alone_again_it_forgets_where_it_came_from(june: Run, newer: Config, tmp_path: Path) -> None:
    shutil.copytree(june.path, tmp_path / "run")
    run = run_pipeline(newer, tmp_path / "run")
    assert not run.artifact("identity.json").exists() and not run.artifact("migration.parquet").exists()


def test_killed_and_resumed(
    may: Run, june: Run, newer: Config, tmp_path: Path, contents: Callable[[Run], Any], differences: Any
) -> None:
    conf, out = tmp_path / "conf.yaml", copied(june, tmp_path / "run")
    Run(out).drop_stage("segmentation")
    (out / "migration.parquet").unlink()
    conf.write_text(dump_config(newer), encoding="utf-8")
    code = (
        "import os, signal; import fenqun.store as store; sync = store._sync\n"
        "def dying(path):\n    sync(path)\n"
        "    if path.name.endswith('-migration.parquet'): os.kill(os.getpid(), signal.SIGKILL)\n"
        "store._sync = dying\nfrom fenqun.cli import main; main()"
    )
    command = [sys.executable, "-c", code, "refresh", str(may.path), str(conf), "--out", str(out), "--quiet"]
    ended = subprocess.run(command, capture_output=True, timeout=300, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert not (out / "migration.parquet").exists()
    run = refresh(may.path, newer, out)
    assert [name for name in differences(contents(june), contents(run)) if name != "config.yaml"] == []


def test_a_log_of_other_people(
    may: Run, log: SyntheticLog, configure: Callable[..., Config], tmp_path: Path
) -> None:
    def other(table: pa.Table, column: str) -> pa.Table:
        names = pc.binary_join_element_wise("other", table[column], "-")
        return table.set_column(table.column_names.index(column), column, names)

    strangers = replace(log, events=other(log.events, "user_id"), users=other(log.users, "user_id"))
    with pytest.raises(RunError, match="has no user in common with the new log"):
        refresh(may.path, configure(strangers), tmp_path / "run")


def test_what_no_run_can_go_on_from(may: Run, newer: Config, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a run cannot go on from itself"):
        refresh(may.path, newer, may.path)
    with pytest.raises(RunError, match="is no run directory"):
        refresh(tmp_path / "nowhere", newer, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_another_seed_leaves_is_in_the_metrics(finished: Run) -> None:
    found = {metric.name: metric for metric in finished.read_model("metrics.json", Metrics).metrics}
    ari, ids = found["published.new_seed_ari"], found["published.new_seed_ids"]
    assert ari.value is not None and -0.1 < ari.value <= 1 and ari.n == 140
    assert ids.value is not None and 0 <= ids.value <= 1
