from __future__ import annotations

import json

import pytest

from fenqun.errors import ConfigError
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases


def test_a_log_of_one_item_is_judged_by_future_activity_with_its_standard_error(log, configure, tmp_path):
    settings = configure(log, "data.events.item=null", "data.items=null", "splits.method=time")
    run = run_pipeline(settings, tmp_path / "run")
    compared = run.read_table("comparison.parquet").to_pylist()
    metrics = {row["metric"] for row in compared}
    assert "explained_value" in metrics and "ndcg" not in metrics
    trials = [json.loads(row["metrics"]) for row in run.read_table("trials.parquet").to_pylist()]
    assert all(0 < trial["lift_se"] < 0.2 for trial in trials)


@pytest.mark.parametrize("split", ["time", "per_user"])
def test_understanding_a_log_of_one_item_goes_by_what_it_can_tell(log, configure, tmp_path, split):
    one_item = ("data.events.item=null", "data.items=null", f"splits.method={split}")
    run = run_pipeline(configure(log, *one_item, "goal=understand"), tmp_path / "run")
    assert run.read_table("segments.parquet").num_rows >= 2
    judge = PhaseJudge(Phases(configure(log, *one_item, "goal=understand"), run), "judge")
    labels = run.read_table("work/judged.parquet")["learned"].to_numpy()
    assert not judge.judges("probe") and judge.judges("readability")
    assert all(figure != figure for figure in judge.gain(labels, labels[::-1].copy()))
    gain, error = judge.lead("readability", labels, labels[::-1].copy())
    assert gain > 0 and error > 0


def test_a_goal_of_the_user_table_needs_one(log, configure):
    with pytest.raises(
        ConfigError, match=r"target:churn is a column of the user table, but data\.users is not given"
    ):
        configure(log, "targets=[{name: churn, of: plan}]", "data.users=null", "labels=[]", "goal=target:churn")
