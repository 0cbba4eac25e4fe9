"""Tiers through the road: cut, judged, named, taken back on request; and why there are none where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from fenqun.config import Config
from fenqun.data.synthetic import SyntheticLog
from fenqun.pipeline import run_pipeline
from fenqun.schema import Metrics, TierTable
from fenqun.segmentation.tiers import TierRule
from fenqun.store import Run

FORECAST = "behaviour.rhythm.forecast=true"


def tier_figures(run: Run) -> dict:
    return next(stage.figures for stage in run.read_manifest().stages if stage.name == "tiers")


@pytest.fixture(scope="module")
def forecasting(log: SyntheticLog, configure) -> Config:
    return configure(log, FORECAST, "behaviour.intent.backbone=none", "splits.method=time")


@pytest.fixture(scope="module")
def run(forecasting: Config, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_pipeline(forecasting, tmp_path_factory.mktemp("tiers") / "run")


def test_every_user_is_in_the_tier_that_the_stored_rule_says(run: Run) -> None:
    table = run.read_model("tiers.json", TierTable)
    memberships = run.read_table("memberships.parquet")
    scores = memberships["tier_score"].to_numpy()
    assert np.array_equal(scores, run.read_table("forecasts.parquet")[table.of].to_numpy())
    tiers = np.asarray(memberships["tier"].to_pylist())
    assert [tier.tier for tier in table.tiers] == list(TierRule(tuple(table.cuts), table.low_present).codes)
    assert [tier.size for tier in table.tiers] == [int((tiers == tier.tier).sum()) for tier in table.tiers]
    assert sum(tier.size for tier in table.tiers) == memberships.num_rows
    assert (scores[tiers == "T1"] >= table.cuts[-1]).all()
    assert (scores[tiers == table.tiers[-1].tier] < table.cuts[0]).all()


def test_tiers_are_judged_on_held_out_time(run: Run) -> None:
    table = run.read_model("tiers.json", TierTable)
    contest = {(row.outcome, row.grouping): row for row in table.contest}
    assert {grouping for _, grouping in contest} == {"tiers", "rfm_kmeans", "rfm_cuts"}
    assert all(row.groups <= len(table.tiers) for row in table.contest)
    assert [one.outcome for one in table.calibration] == [table.of, "active"]
    users = sum(tier.judged_users for tier in table.tiers)
    for one in table.calibration:
        assert one.n == users == sum(bin_.n for bin_ in one.bins)
        assert [b.predicted for b in one.bins] == sorted(b.predicted for b in one.bins)
    assert 0 <= table.calibration[1].brier <= 1
    told = {metric.name: metric for metric in run.read_model("metrics.json", Metrics).metrics}
    assert told["tiers.explained_events"].value == contest["events", "tiers"].value
    assert {"tiers.rfm_kmeans.explained_events", "tiers.active.ece"} <= set(told)


def test_other_settings_cut_anew_and_leave_segments_alone(run: Run, log: SyntheticLog, forecasting: Config) -> None:
    before = run.read_table("memberships.parquet")
    shares = forecasting.model_copy(
        update={
            "tiers": forecasting.tiers.model_copy(update={"of": "events", "method": "share", "potential": False})
        }
    )
    run_pipeline(shares, run.path)
    table = run.read_model("tiers.json", TierTable)
    assert (table.of, table.method, table.low_present) == ("events", "share", None)
    assert [tier.name_en for tier in table.tiers] == ["Core", "Regular", "Occasional"]
    none = forecasting.model_copy(update={"tiers": forecasting.tiers.model_copy(update={"method": "none"})})
    run_pipeline(none, run.path)
    assert not run.artifact("tiers.json").exists()
    after = run.read_table("memberships.parquet")
    assert after["tier"].null_count == after["tier_score"].null_count == after.num_rows
    assert after.drop_columns(["tier", "tier_score"]).equals(before.drop_columns(["tier", "tier_score"]))
    names = [metric.name for metric in run.read_model("metrics.json", Metrics).metrics]
    assert not [name for name in names if name.startswith("tiers.")]
    assert tier_figures(run) == {"why_not": "switched_off"}
    run_pipeline(forecasting, run.path)
    assert run.read_table("memberships.parquet").equals(before)


def test_a_run_without_forecasts_says_why_it_has_no_tiers(finished: Run) -> None:
    assert tier_figures(finished)["why_not"] in ("no_forecasts", "per_user")
    memberships = finished.read_table("memberships.parquet")
    assert memberships["tier"].null_count == memberships.num_rows


def test_tiers_of_something_unknown_are_refused(log: SyntheticLog, configure) -> None:
    from fenqun.errors import ConfigError

    with pytest.raises(ConfigError, match=r"tiers\.of"):
        configure(log, "tiers.of=wealth")
