"""The search for settings: what it gains on validation time, and whether that is still there on test time.

Protocol
--------
movielens_100k and complete_journey with their example settings, and simulated users of eight known types
(benchmarks/planted_users.py). Each runs the whole road without a search (0 trials), with 10 and with 30 trials, of which the
first are the same; goal recommend, no sequence encoder, a map of principal components. Settings are drawn and judged by train
and validation time alone; the segments that they give are judged on test time after a fit on both.

given, chosen    the goal's first figure (lift of the segments' lists) on validation time, each at the number of segments that
                 the road's rule chooses
validation       lead of the chosen settings over the given ones at as many segments, with the standard error of the
                 difference over users (search.parquet): what the choice rests on, so too good after many trials
boldest          the same for the trial with the largest lead, whether it was taken or not: what a rule that trusts validation
                 time would have taken, and what test time says of it
test             the same lead on test time with its 95 % interval over users, both cut by the same clusterer into as many
                 segments (stage confirmation of run.json); confirmed where the interval lies above 0
ndcg, explained  what the published segments reach on test time (comparison.parquet): NDCG of lists, variance of value explained
seconds          of all trials together, and of one

Run
---
python benchmarks/outer_search.py [--data DATA] [--out FOLDER] [--only NAME ...] [--seeds 1] [--fast] [--again]

FOLDER keeps runs and finished cells (default .cache/outer_search); --fast takes movielens_100k, 0 and 10 trials and k-means
alone, and keeps no results.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from fenqun.config import Config
from fenqun.data.datasets import NAMES, prepare
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.confirming import lead_on_test, segments_on_test
from fenqun.pipeline.context import Context
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.search_space import with_settings
from fenqun.progress import Silent
from fenqun.settings import load_config
from fenqun.store import Run
from planted_users import plant, synthetic_catalogue

RESULTS = Path(__file__).parent / "results" / "outer_search.json"
CACHE = Path(__file__).parents[1] / ".cache" / "outer_search"
LOGS = ("movielens_100k", "complete_journey", "planted")
TRIALS, FAST_TRIALS = (0, 10, 30), (0, 10)
TYPES = 8
OVERRIDES = (
    "behaviour.intent.backbone=none",
    "vectors.map=pca",
    "run.threads=1",
    "evaluation.bootstrap=2",  # resamples of figures that are not read here
    "evaluation.resamples=200",
)


def settings(name: str, data: Path, folder: Path, seed: int, overrides: tuple[str, ...]) -> Config:
    """Settings of a log without a search."""
    wanted = (*OVERRIDES, f"run.seed={7 + seed}", *overrides)
    if name in NAMES:
        return load_config(prepare(name, data / name), wanted)
    return load_config(plant(synthetic_catalogue(), TYPES, seed=seed).write(folder / "log", seed), wanted)


def searched(config: Config, trials: int, folder: Path, before: Path | None) -> Run:
    """Run the road with a number of trials, from where the run with fewer of them stopped."""
    out = folder / f"run-{trials}"
    if before is not None and not out.exists():
        shutil.copytree(before, out)
    return run_pipeline(load_config(config.model_dump(mode="json"), [f"search.trials={trials}"]), out)


def cell(run: Run, trials: int, earlier: dict[str, Any] | None) -> dict[str, Any]:
    """Everything the table says about one run."""
    stages = {stage.name: stage for stage in run.read_manifest().stages}
    compared = {
        row["metric"]: round(row["value"], 4)
        for row in run.read_table("comparison.parquet").to_pylist()
        if row["strategy"] == "learned" and row["metric"] in ("ndcg", "explained_value", "explained_events")
    }
    found: dict[str, Any] = {
        "trials": trials,
        "k": stages["segmentation"].figures["k"],
        "test_figures": compared,
        "users": stages["data"].figures["users"],
    }
    if not trials:
        return found | {"seconds": 0.0, "road_seconds": round(sum(stage.seconds for stage in stages.values()), 1)}
    rows = run.read_table("search.parquet").to_pylist()
    chosen = next(row for row in rows if row["verdict"] == "chosen")
    seconds = stages["search"].seconds + (earlier or {}).get("seconds", 0.0)  # earlier trials were kept
    given = json.loads(rows[0]["settings"])
    changed = {name: value for name, value in json.loads(chosen["settings"]).items() if given[name] != value}
    return found | {
        "seconds": round(seconds, 1),
        "seconds_a_trial": round(seconds / trials, 2),
        "given": figure(rows[0]),
        "chosen": figure(chosen),
        "trial": chosen["trial"],
        "why": chosen["why"],
        "changed": changed,
        "clearly_better": sum(
            row["goal_gain"] is not None and row["goal_gain"] > row["goal_gain_se"] for row in rows[1:]
        ),
        "test": stages["confirmation"].figures,
        "boldest": boldest(run, rows),
    }


def boldest(run: Run, rows: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The trial with the largest lead on validation time, and its lead on test time."""
    able = [row for row in rows[1:] if row["goal_gain"] is not None]
    if not able:
        return None
    best = max(able, key=lambda row: row["goal_gain"])
    config = load_config(run.require("config.yaml"))
    context = Context(config, run, Silent())
    ours, theirs = (
        segments_on_test(context, with_settings(config, json.loads(row["settings"])), row["blocks"].split(" + "))
        for row in (best, rows[0])
    )
    judge = PhaseJudge(Phases(config, run), "judge")
    return {"trial": best["trial"], **figure(best), "test": lead_on_test(judge, judge.order[0], ours, theirs)}


def figure(row: dict[str, Any]) -> dict[str, Any]:
    """The goal's figure of one trial on validation time."""
    names = ("goal", "goal_se", "goal_gain", "goal_gain_se")
    return {"k": row["k"], **{name.removeprefix("goal_"): round(row[name], 5) for name in names}}


def show(name: str, seed: int, found: dict[str, Any]) -> None:
    told = found["test_figures"]
    print(f"{name:18s} seed {seed} {found['trials']:3d} trials: test {told}, k {found['k']}, {found['seconds']} s")
    if not found["trials"]:
        return
    given, chosen = found["given"], found["chosen"]
    print(
        f"{'':18s}   validation: given {given['goal']:.4f} at {given['k']}, chosen (trial {found['trial']}) "
        f"{chosen['goal']:.4f} at {chosen['k']}, lead {chosen['gain']:+.4f} (se {chosen['gain_se']:.4f}); "
        f"{found['clearly_better']} clearly better"
    )
    if (bold := found["boldest"]) is not None:
        lead = bold["test"]
        print(
            f"{'':18s}   boldest: trial {bold['trial']}, lead {bold['gain']:+.4f} (se {bold['gain_se']:.4f}); "
            f"test {lead['gain']:+.4f} [{lead['low']:+.4f}, {lead['high']:+.4f}]",
            flush=True,
        )
    for lead in found["test"].get("leads", {}).values():
        print(
            f"{'':18s}   test: lead {lead['gain']:+.4f} [{lead['low']:+.4f}, {lead['high']:+.4f}], "
            f"confirmed: {found['test']['confirmed']}; changed {found['changed']}",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path(".cache/data"))
    parser.add_argument("--out", type=Path, default=CACHE)
    parser.add_argument("--only", nargs="+", choices=LOGS, default=list(LOGS), metavar="LOG")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--again", action="store_true")
    options = parser.parse_args()
    names, trials, overrides = options.only, TRIALS, ()
    if options.fast:
        names, trials, overrides = LOGS[:1], FAST_TRIALS, ("segmentation.clusterers=[kmeans]",)
    results = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.is_file() else {}
    for name in names:
        for seed in range(options.seeds):
            folder = options.out / f"{name}-{seed}{'-fast' if options.fast else ''}"
            config = settings(name, options.data, folder, seed, overrides)
            before: Path | None = None
            earlier: dict[str, Any] | None = None
            for number in trials:
                path = folder / f"cell-{number}.json"
                if options.again or not path.is_file():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    made = cell(searched(config, number, folder, before), number, earlier)
                    path.write_text(json.dumps(made, indent=1), encoding="utf-8")
                earlier = json.loads(path.read_text(encoding="utf-8"))
                before = folder / f"run-{number}"
                results.setdefault(name, {}).setdefault(str(seed), {})[str(number)] = earlier
                show(name, seed, earlier)
                if not options.fast:
                    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
