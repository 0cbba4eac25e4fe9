"""A budget becomes fixed counts."""

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
