"""A run resumes at the first stage whose inputs or settings changed, and only there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fenqun.config import Config
from fenqun.data.synthetic import SyntheticLog
from fenqun.errors import ConfigError, RunError
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.stages import STAGES
from fenqun.progress import Silent
from fenqun.settings import load_config
from fenqun.store import Run

NAMES = [stage.name for stage in STAGES]
BLOCKS = NAMES[NAMES.index("blocks") :]
"""What follows from the choice of blocks; training for it is not done again where the choice is the same."""
LATER = NAMES[NAMES.index("segmentation") :]


class Notes(Silent):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def copy(finished: Run, tmp_path: Path) -> Path:
    shutil.copytree(finished.path, tmp_path / "run")
    return tmp_path / "run"


def computed(config: Config, out: Path) -> list[str]:
    """Stages that a run computes anew, as their records on disk tell."""
    records = out / "work" / "stages"
    before = {p.name: p.stat().st_mtime_ns for p in records.glob("*.json")}
    notes = Notes()
    run_pipeline(config, out, notes)
    anew = [n for n in NAMES if before.get(f"{n}.json") != (records / f"{n}.json").stat().st_mtime_ns]
    assert [n for n in NAMES if f"{n}: unchanged" in notes.lines] == [n for n in NAMES if n not in anew]
    return anew


def changed(config: Config, *overrides: str) -> Config:
    return load_config(config.model_dump(mode="json"), overrides)


def test_nothing_changed_computes_nothing(settings: Config, copy: Path) -> None:
    assert computed(settings, copy) == []


@pytest.mark.parametrize(
    ("override", "anew"),
    [
        ("segmentation.k=5", LATER),
        ("strategy=interest", LATER),
        (
            "evaluation.resamples=101",
            ["evaluation", "tiers", "explanation", "rules", "recommendation", "playbooks", "report"],
        ),
        ("hierarchy.micro=false", ["hierarchy", "tiers", "explanation", "playbooks", "report"]),
        ("tiers.count=4", ["tiers", "playbooks", "report"]),
        ("playbooks.min_users=9", ["playbooks", "report"]),
        ("contexts=[weekend]", ["contexts", "report"]),
        ("report.language=zh", ["explanation", "report"]),
        ("recommendation.per_user=false", ["recommendation", "report"]),
        ("vectors.map_sample=99", ["map", "report"]),
        ("vectors.components=5", BLOCKS),
        ("vectors.reducer=whitened", BLOCKS),
        ("goal=value", BLOCKS),
        ("recommendation.half_life=30d", BLOCKS),
        ("vectors.weights.rhythm=0.4", BLOCKS),
        ("behaviour.taste.epochs=1", [n for n in NAMES[NAMES.index("taste") :] if n != "rhythm"]),
        ("behaviour.intent.width=12", NAMES[NAMES.index("intent") :]),
        ("behaviour.rhythm.forecast=true", ["rhythm", "search", *BLOCKS]),
        ("content.width=7", [n for n in NAMES[NAMES.index("content") :] if n != "rhythm"]),
        ("behaviour.max_events=5", NAMES[NAMES.index("profiles") :]),
        ("profiles.session_gap=1h", NAMES[NAMES.index("profiles") :]),
        ("quality.min_events=2", NAMES),
        ("run.seed=9", NAMES),
        ("run.threads=2", []),
        ("run.memory=2GB", []),
    ],
)
def test_a_setting_computes_its_stage_and_what_follows(override: str, anew: list[str], settings: Config) -> None:
    """By fingerprints, which is how the runner decides."""
    from fenqun.pipeline.runner import _fingerprint

    def prints(config: Config) -> dict[str, str]:
        done: dict[str, str] = {}
        for stage in STAGES:
            done[stage.name] = _fingerprint(stage, config, done, "sources")
        return done

    before, after = prints(settings), prints(changed(settings, override))
    assert [name for name in NAMES if before[name] != after[name]] == anew


def test_one_clustering_setting_learns_nothing_anew(settings: Config, copy: Path, tmp_path: Path) -> None:
    again = changed(settings, "segmentation.k=5")
    assert computed(again, copy) == LATER
    assert Run.open(copy).read_table("segments.parquet").num_rows == 5
    fresh = run_pipeline(again, tmp_path / "fresh")
    for name in ("memberships", "comparison", "recommendations", "trials", "segments"):
        assert Run.open(copy).read_table(f"{name}.parquet").equals(fresh.read_table(f"{name}.parquet")), name


def test_the_same_choice_of_blocks_trains_nothing_anew(settings: Config, copy: Path) -> None:
    everything = changed(settings, "vectors.gate=false")
    run_pipeline(everything, copy)
    assert Run.open(copy).stage_record("intent_refit").figures["kept"]
    anew = computed(changed(everything, "vectors.components=5"), copy)
    assert anew == [name for name in BLOCKS if name != "intent_refit"]


def test_back_and_forth_ends_where_it_began(
    settings: Config, finished: Run, copy: Path, contents: Callable[[Run], Any], differences: Any
) -> None:
    run_pipeline(changed(settings, "report.language=zh", "recommendation.per_user=false"), copy)
    other = Run.open(copy)
    assert other.read_table("segments.parquet")["name"].equals(other.read_table("segments.parquet")["name_zh"])
    assert not other.artifact("user_recommendations.parquet").exists()
    run_pipeline(settings, copy)
    assert differences(contents(finished), contents(Run.open(copy))) == []


def test_a_lost_artifact_is_made_again(settings: Config, finished: Run, copy: Path) -> None:
    (copy / "comparison.parquet").unlink()
    assert computed(settings, copy) == ["evaluation"]
    assert Run.open(copy).read_table("comparison.parquet").equals(finished.read_table("comparison.parquet"))


def test_a_changed_source_computes_everything(log: SyntheticLog, configure: Any, tmp_path: Path) -> None:
    config = configure(log, folder=tmp_path / "log")
    run_pipeline(config, tmp_path / "run")
    pq.write_table(log.events.slice(0, log.events.num_rows - 1), tmp_path / "log" / "events.parquet")
    assert computed(config, tmp_path / "run") == NAMES


def test_a_table_dropped_from_the_settings_does_not_linger(settings: Config, copy: Path) -> None:
    tree = settings.model_dump(mode="json")
    tree["data"]["users"] = tree["data"]["links"] = None
    tree["labels"] = []
    run = run_pipeline(load_config(tree), copy)
    assert not any(run.artifact(f"work/{name}.parquet").exists() for name in ("users", "links", "labels"))
    assert not any(name.startswith("attr_") for name in run.read_table("profiles.parquet").column_names)
    rows = run.read_table("comparison.parquet").to_pylist()
    assert not any(row["axis"] == "labels" or row["strategy"] == "static" for row in rows)


def test_a_second_process_is_refused_while_one_writes(settings: Config, copy: Path) -> None:
    first = Run.create(copy)
    try:
        with pytest.raises(RunError, match="another process is writing this run"):
            run_pipeline(settings, copy)
    finally:
        first.close()
    assert computed(settings, copy) == []


def test_a_failure_is_recorded_and_the_same_command_resumes(settings: Config, copy: Path) -> None:
    with pytest.raises(ConfigError, match="strategy static cannot run"):
        tree = changed(settings, "strategy=static").model_dump(mode="json")
        tree["data"]["users"] = None
        tree["labels"] = []
        run_pipeline(load_config(tree), copy)
    manifest = Run(copy).read_manifest()
    assert manifest.status == "failed"
    assert "strategy static cannot run" in (manifest.error or "")
    with pytest.raises(RunError, match="not finished"):
        Run.open(copy)
    run_pipeline(settings, copy)
    assert Run.open(copy).read_manifest().error is None
