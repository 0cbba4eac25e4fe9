"""The run directory is a public contract: every artifact is there and is what fenqun.schema says."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fenqun import schema
from fenqun.config import Config
from fenqun.errors import RunError
from fenqun.pipeline.stages import STAGES
from fenqun.schema import Card, Driver, Manifest, Metrics, QualityReport
from fenqun.settings import load_config
from fenqun.store import Run

ARTIFACTS = (
    "run.json",
    "config.yaml",
    "quality.json",
    "rejected.parquet",
    "profiles.parquet",
    "item_vectors.parquet",
    "user_vectors.parquet",
    "map.parquet",
    "trials.parquet",
    "comparison.parquet",
    "segments.parquet",
    "rules.json",
    "playbooks.parquet",
    "playbooks.yaml",
    "memberships.parquet",
    "recommendations.parquet",
    "recommendation_figures.parquet",
    "user_recommendations.parquet",
    "metrics.json",
    "model",
    "segmentation",
    "cold_start",
    "report.html",
    "work",
)


@pytest.mark.parametrize("name", ARTIFACTS)
def test_artifact_is_there(finished: Run, name: str) -> None:
    path = finished.artifact(name)
    assert path.is_dir() and any(path.iterdir()) if "." not in name else path.stat().st_size > 0


def test_nothing_else_is_at_the_top(finished: Run) -> None:
    assert {path.name for path in finished.path.iterdir()} == set(ARTIFACTS)


def expected(finished: Run) -> dict[str, pa.Schema]:
    users, items = pa.string(), pa.string()
    vectors = pq.read_schema(finished.artifact("user_vectors.parquet"))
    widths = {field.name: field.type.list_size for field in vectors if field.name != schema.USER}
    return {
        "item_vectors.parquet": schema.item_vectors(
            items, pq.read_schema(finished.artifact("item_vectors.parquet")).field("vector").type.list_size
        ),
        "user_vectors.parquet": schema.user_vectors(users, widths),
        "map.parquet": schema.user_map(users),
        "trials.parquet": schema.TRIALS,
        "comparison.parquet": schema.COMPARISON,
        "segments.parquet": schema.SEGMENTS,
        "memberships.parquet": schema.memberships(users),
        "playbooks.parquet": schema.PLAYBOOKS,
        "recommendations.parquet": schema.recommendations(items),
        "recommendation_figures.parquet": schema.RECOMMENDATION_FIGURES,
        "user_recommendations.parquet": schema.user_recommendations(users, items),
    }


def test_every_table_has_the_schema_that_is_written_down(finished: Run) -> None:
    wrong = {
        name: pq.read_schema(finished.artifact(name))
        for name, wanted in expected(finished).items()
        if not pq.read_schema(finished.artifact(name)).equals(wanted)
    }
    assert wrong == {}


def test_vectors_say_who_each_block_is(finished: Run) -> None:
    names = pq.read_schema(finished.artifact("user_vectors.parquet")).names
    assert names[:2] == ["user_id", "vector"]
    assert {"taste", "intent", "rhythm"} >= set(names[2:]) != set()


def test_every_kept_user_is_once_in_every_table_about_users(finished: Run) -> None:
    kept = sorted(set(pq.read_table(finished.artifact("work/events.parquet"))["user_id"].to_pylist()))
    for name in ("profiles", "user_vectors", "map", "memberships"):
        assert sorted(finished.read_table(f"{name}.parquet")["user_id"].to_pylist()) == kept, name
    assert len(kept) == finished.read_model("quality.json", QualityReport).users


def test_every_row_is_accounted_for(finished: Run) -> None:
    report = finished.read_model("quality.json", QualityReport)
    assert {table.table for table in report.tables} == {"events", "items", "users", "links"}
    assert all(table.read == table.kept + table.rejected for table in report.tables)
    assert finished.read_table("rejected.parquet").num_rows == sum(table.rejected for table in report.tables)


def test_memberships_add_up(finished: Run) -> None:
    members = finished.read_table("memberships.parquet").to_pylist()
    segments = finished.read_table("segments.parquet").to_pylist()
    sizes = {row["segment_id"]: row["size"] for row in segments}
    assert {s: sum(m["segment_id"] == s for m in members) for s in sizes} == sizes
    assert sum(row["share"] for row in segments) == pytest.approx(1)
    for row in members:
        weights = {w["segment_id"]: w["weight"] for w in row["weights"]}
        assert set(weights) == set(sizes)
        assert sum(weights.values()) == pytest.approx(1, abs=1e-4)
        assert 0 <= row["confidence"] <= 1
        assert row["runner_up_id"] in set(sizes) - {row["segment_id"]}


def test_names_are_unique_and_json_columns_are_models(finished: Run) -> None:
    segments = finished.read_table("segments.parquet").to_pylist()
    for column in ("name", "name_en", "name_zh", "segment_id"):
        assert len({row[column] for row in segments}) == len(segments)
    for row in segments:
        card = Card.model_validate_json(row["card"])
        assert len(card.hours) == 24 and len(card.weekdays) == 7
        [Driver.model_validate(driver) for driver in json.loads(row["drivers"])]


def test_json_models_validate(finished: Run) -> None:
    manifest = finished.read_model("run.json", Manifest)
    assert manifest.status == "done" and manifest.error is None
    assert [stage.name for stage in manifest.stages] == [stage.name for stage in STAGES]
    assert all(finished.artifact(name).exists() for stage in manifest.stages for name in stage.outputs)
    metrics = finished.read_model("metrics.json", Metrics)
    assert metrics.metrics and all(metric.protocol for metric in metrics.metrics)
    trials = finished.read_table("trials.parquet").to_pylist()
    assert sum(trial["verdict"] == "chosen" for trial in trials if trial["strategy"] == "learned") == 1
    assert all(json.loads(trial["metrics"]) and json.loads(trial["parameters"]) is not None for trial in trials)


def test_comparison_is_at_equal_numbers_of_segments(finished: Run) -> None:
    rows = finished.read_table("comparison.parquet").to_pylist()
    strategies = {row["strategy"]: row["k"] for row in rows}
    assert set(strategies) == {"popularity", "random", "learned", "static", "rfm", "interest"}
    assert len({k for strategy, k in strategies.items() if strategy != "popularity"}) == 1


def test_lists_rank_from_one_without_gaps(finished: Run) -> None:
    for name, key in (("recommendations", "segment_id"), ("user_recommendations", "user_id")):
        ranks: dict[str, list[int]] = {}
        for row in finished.read_table(f"{name}.parquet").to_pylist():
            ranks.setdefault(row[key], []).append(row["rank"])
        assert all(rank == list(range(1, len(rank) + 1)) for rank in ranks.values())


def test_vectors_are_finite_and_fused_width_is_the_sum_of_the_blocks(finished: Run) -> None:
    table = finished.read_table("user_vectors.parquet")
    vectors = {c: np.stack(table[c].to_numpy(zero_copy_only=False)) for c in table.column_names[1:]}
    assert all(np.isfinite(v).all() for v in vectors.values())
    assert vectors["vector"].shape[1] == sum(v.shape[1] for c, v in vectors.items() if c != "vector")


def test_config_is_complete_and_can_be_run_again(finished: Run, settings: Config) -> None:
    again = load_config(finished.artifact("config.yaml"))
    assert again.quality.latest is not None
    assert again.model_copy(update={"quality": settings.quality}) == settings


def test_open_refuses_what_is_no_finished_run(finished: Run, tmp_path) -> None:
    assert Run.open(finished.path).read_manifest().status == "done"
    with pytest.raises(RunError, match=r"run\.json is missing"):
        Run.open(tmp_path)
    for change, told in (
        ({"schema_version": 99}, "schema version 99"),
        ({"status": "interrupted"}, "not finished"),
    ):
        tree = finished.read_json("run.json") | change
        (tmp_path / "run.json").write_text(json.dumps(tree))
        with pytest.raises(RunError, match=told):
            Run.open(tmp_path)
    (tmp_path / "run.json").write_text('{"schema_version": 1')
    with pytest.raises(RunError, match="damaged"):
        Run.open(tmp_path)
