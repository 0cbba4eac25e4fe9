from __future__ import annotations

import json

from fenqun.pipeline import run_pipeline


def test_a_log_of_one_item_is_judged_by_future_activity_with_its_standard_error(log, configure, tmp_path):
    settings = configure(log, "data.events.item=null", "data.items=null", "splits.method=time")
    run = run_pipeline(settings, tmp_path / "run")
    compared = run.read_table("comparison.parquet").to_pylist()
    metrics = {row["metric"] for row in compared}
    assert "explained_value" in metrics and "ndcg" not in metrics
    trials = [json.loads(row["metrics"]) for row in run.read_table("trials.parquet").to_pylist()]
    assert all(0 < trial["lift_se"] < 0.2 for trial in trials)
