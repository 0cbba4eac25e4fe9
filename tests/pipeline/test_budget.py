"""A budget becomes fixed counts."""

import pytest

from fenqun.data.synthetic import make_log
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.budget import estimate, fit_budget
from fenqun.settings import load_config

SETTINGS = {"data": {"events": {"path": "x", "user": "u", "time": "t"}}}


def with_budget(budget):
    return load_config(SETTINGS, [f"run.time_budget={budget}"])


def test_without_a_budget_nothing_changes():
    config = load_config(SETTINGS)
    assert fit_budget(config, 10**8, 10**6) == (config, [])


def test_a_generous_budget_gives_nothing_up():
    config = with_budget("10h")
    assert fit_budget(config, 10**6, 2000) == (config, [])


def test_a_tight_budget_is_kept_and_what_it_costs_is_said():
    config = with_budget("60s")
    fitted, given_up = fit_budget(config, 1_500_000, 2500)
    assert given_up
    assert estimate(config, 1_500_000, 2500) > 60 >= estimate(fitted, 1_500_000, 2500)
    assert fitted.run == config.run
    assert fit_budget(config, 1_500_000, 2500) == (fitted, given_up)


def test_less_time_never_means_more_work():
    costs = [
        estimate(fit_budget(with_budget(f"{s}s"), 10**6, 5000)[0], 10**6, 5000) for s in (1, 10, 60, 300, 3600)
    ]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


def test_an_impossible_budget_ends_at_the_last_rung():
    fitted, _ = fit_budget(with_budget("1s"), 10**9, 10**7)
    assert fitted.segmentation.clusterers == ("kmeans",)
    assert fitted.vectors.map == "pca"


@pytest.mark.parametrize(
    "setting",
    ["behaviour.rhythm.forecast=false", "behaviour.intent.backbone=none", "vectors.weights.intent=0"],
)
def test_what_is_switched_off_costs_nothing(setting):
    assert estimate(load_config(SETTINGS, [setting]), 10**6, 5000) < estimate(load_config(SETTINGS), 10**6, 5000)


def test_a_search_costs_by_its_trials_and_more_with_a_sequence_model_each():
    costs = [
        estimate(load_config(SETTINGS, overrides), 10**6, 5000)
        for overrides in (
            [],
            ["search.trials=10"],
            ["search.trials=30"],
            ["search.trials=30", "search.intent=true"],
        )
    ]
    assert costs == sorted(set(costs))


def test_the_sequence_encoder_goes_down_first_and_the_search_before_taste():
    given = load_config(SETTINGS, ["run.time_budget=10m", "search.trials=40"])
    fitted, given_up = fit_budget(given, 1_500_000, 2500)
    assert given_up[:2] == ["a sequence encoder of 1,000,000 events", "10 trials of the search"]
    assert fitted.behaviour.intent.events == 1_000_000
    assert fitted.search.trials == 10
    assert fitted.behaviour.taste == given.behaviour.taste


def test_a_rung_asks_for_no_more_than_the_settings_do():
    modest = [
        "run.time_budget=1s",
        "evaluation.bootstrap=3",
        "vectors.map_sample=100",
        "behaviour.intent.events=1000",
        "behaviour.taste.scales=[9]",
        "segmentation.clusterers=[ward]",
    ]
    given = load_config(SETTINGS, modest)
    fitted, given_up = fit_budget(given, 10**6, 5000)
    assert fitted.evaluation == given.evaluation
    assert fitted.behaviour.taste.scales == given.behaviour.taste.scales
    assert fitted.segmentation == given.segmentation
    assert not any("search" in line for line in given_up)


def test_a_run_writes_the_counts_that_its_budget_became(tmp_path):
    settings = load_config(
        make_log(n_users=80, n_items=30, n_types=2, events_per_user=12).write(tmp_path / "log"),
        ["run.time_budget=0.001", "behaviour.taste.epochs=1"],
    )
    run = run_pipeline(settings, tmp_path / "run")
    written = load_config(run.require("config.yaml"))
    assert written.segmentation.clusterers == ("kmeans",)
    assert set(run.read_table("trials.parquet")["clusterer"].to_pylist()) == {"kmeans"}
    again = run_pipeline(written, tmp_path / "run")
    assert again.read_manifest().fingerprint == run.read_manifest().fingerprint
