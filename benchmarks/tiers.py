"""Tiers and segments, each on its own axis: complete_journey before and after October.

Protocol
--------
Everything is learned on purchases before 1 October 2017 (local midnight) and judged on what followed. Tiers are exact
one-dimensional k-means on the road's own forecast of value, of events or of any activity, learned on rolled earlier
cuts alone.
Value: adjusted share of the variance of each household's later dollars, purchases and return that 12 and 3 groups
explain. Lists: NDCG@20 of each group's list (the road's: recent choices, smoothed towards everyone's). Seeds change the
trees of the forecast, k-means and SVD; a figure is the mean over seeds, its interval a bootstrap over households, its
lead the paired difference to RFM + k-means (value) or to SVD + k-means (lists).

tiers of ...                no user is set apart as potential: as many groups as the others
RFM + k-means               log recency, frequency and value, standardised
RFM quintiles               sums of quintiles, cut into groups of about equal size
SVD + k-means               64 components of TF-IDF-weighted log counts, rows of length one
learned + k-means           the road's reduced user vectors, of the blocks that its gate kept
popularity                  one group

Run
---
python benchmarks/tiers.py [--data DATA] [--out RUN] [--seeds 3] [--full]

The road runs once into RUN and is resumed afterwards. Without --full it has neither item text nor a sequence encoder,
which changes the learned segments, not the tiers; the results file says which.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.preprocessing import normalize

from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.behaviour.weighting import inverse_document_frequency, weigh_users
from fenqun.config import Tiers
from fenqun.data.cuts import horizon_seconds, make_cuts
from fenqun.data.datasets import prepare
from fenqun.data.splits import LEARNED, epoch
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.evaluation.intervals import Statistic, around, bootstrap, mean_statistic, point
from fenqun.evaluation.tiers import rfm_cuts
from fenqun.evaluation.value import variance_statistic
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.judging import PhaseJudge
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.segmenting import strategy_inputs
from fenqun.segmentation.strategies import features
from fenqun.segmentation.tiers import fit_tiers
from fenqun.settings import load_config

RESULTS = Path(__file__).parent / "results" / "tiers.json"
CUT = dt.datetime(2017, 10, 1, tzinfo=ZoneInfo("America/New_York"))
FIRST, LAST = "2017-01-01T11:53:26Z", "2018-01-01T04:01:20Z"  # the log's span: shares of it make the cut
GROUPS = (12, 3)
QUICK = ("content.encoder=none", "behaviour.intent.backbone=none")
RESAMPLES = 1000


def road(data: Path, out: Path, full: bool) -> Phases:
    """The road with its test time from October on; settings are chosen on the three months before."""
    share = (epoch(LAST) - CUT.timestamp() + 0.5) / (epoch(LAST) - epoch(FIRST))
    overrides = [
        f"splits={{method: time, validation: 0.2, test: {share!r}}}",
        "targets=[]",  # forecasts look as far ahead as the test time is long
        "segmentation.clusterers=[kmeans]",
        "segmentation.k=12",
        "evaluation.bootstrap=2",
        "vectors.map=pca",
        *(() if full else QUICK),
    ]
    config = load_config(prepare("complete_journey", data), overrides)
    phases = Phases(config, run_pipeline(config, out))
    if abs(phases.splits.now("judge") - CUT.timestamp()) > 2:
        raise SystemExit(f"the cut fell on {phases.splits.test_start}: the log's span is not what it was")
    return phases


def forecasts(phases: Phases, seeds: int) -> list[dict[str, np.ndarray]]:
    """Forecasts of the active users as of the cut, learned by trees of each seed on the same earlier cuts."""
    config, now = phases.config, phases.splits.now("judge")
    profiles = phases.profiles("judge").filter(pa.array(phases.active("judge")))
    engine = DuckDBEngine(config.run.threads, config.run.memory, config.data.timezone)
    try:
        horizon = horizon_seconds(config, phases.splits)
        cuts = make_cuts(engine, phases.run, phases.store, LEARNED["judge"], now, config, horizon)
    finally:
        engine.close()
    fitted = (RhythmEncoder(seed).fit(profiles, None, cuts) for seed in range(seeds))
    return [encoder.predictions(profiles).values for encoder in fitted]


def groupings(phases: Phases, seeds: int) -> dict[str, Callable[[int, int], np.ndarray]]:
    """By name: labels of the active users, given a number of groups and a seed."""
    inputs = strategy_inputs(phases, "judge")
    foretold = forecasts(phases, seeds)
    weights = weigh_users(inputs.counts, "log", inverse_document_frequency(inputs.counts))
    rfm, learned = features("rfm", inputs), features("learned", inputs)
    svd = [normalize(TruncatedSVD(64, random_state=seed).fit_transform(weights)) for seed in range(seeds)]
    profiles = inputs.profiles
    amounts = {name: profiles[name].to_numpy() for name in ("n_events", "monetary")}

    def cut(outcome: str) -> Callable[[int, int], np.ndarray]:
        return lambda k, seed: tiers(foretold[seed][outcome], k)

    def clustered(X: Callable[[int], np.ndarray]) -> Callable[[int, int], np.ndarray]:
        return lambda k, seed: KMeans(k, n_init=5, random_state=seed).fit_predict(X(seed))

    return {
        "tiers of value": cut("value"),
        "tiers of events": cut("events"),
        "tiers of activity": cut("active"),
        "RFM + k-means": clustered(lambda seed: rfm),
        "RFM quintiles": lambda k, seed: rfm_cuts(profiles["recency_days"].to_numpy(), amounts, k),
        "SVD + k-means": clustered(lambda seed: svd[seed]),
        "learned + k-means": clustered(lambda seed: learned),
    }


def tiers(scores: np.ndarray, k: int) -> np.ndarray:
    settings = Tiers(count=k, potential=False)
    return fit_tiers(scores, None, settings).place(scores)


def mean_of(statistics: list[Statistic]) -> Statistic:
    return lambda weights: np.mean([statistic(weights) for statistic in statistics], axis=0)


def side_by_side(statistics: dict[str, Statistic], n: int, against: str) -> dict[str, Any]:
    """Each figure with its interval and its paired lead over one of them."""
    draws = bootstrap(list(statistics.values()), n, RESAMPLES, 0)
    points = {name: point(statistic, n) for name, statistic in statistics.items()}
    reference = list(statistics).index(against)
    found = {}
    for i, (name, value) in enumerate(points.items()):
        lead = value - points[against]
        low, high = around(value, draws[i])
        ends = around(lead, draws[i] - draws[reference])
        found[name] = {
            "value": round(value, 4),
            "interval": [round(low, 4), round(high, 4)],
            f"lead over {against}": None if name == against else [round(x, 4) for x in (lead, *ends)],
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(".cache/data/complete_journey"))
    parser.add_argument("--out", type=Path, default=Path("runs/tiers"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--full", action="store_true", help="with item text and the sequence encoder")
    options = parser.parse_args()
    phases = road(options.data, options.out, options.full)
    judge = PhaseJudge(phases, "judge")
    n = int(judge.active.sum())
    ways = groupings(phases, options.seeds)
    found: dict[str, Any] = {
        "cut": phases.splits.test_start,
        "until": phases.splits.as_of,
        "n": n,
        "seeds": options.seeds,
        "blocks": sorted(phases.run.read_json("work/blocks.json")["weights"]),
        "item_text": options.full,
        "sequence_encoder_tried": options.full,
    }
    for k in GROUPS:
        labels = {name: [way(k, seed) for seed in range(options.seeds)] for name, way in ways.items()}
        cell: dict[str, Any] = {}
        for outcome, values in judge.outcomes.items():
            explained = {
                name: mean_of([variance_statistic(one, values) for one in rows]) for name, rows in labels.items()
            }
            cell[outcome] = side_by_side(explained, n, "RFM + k-means")
        lists = {
            name: mean_statistic(np.mean([judge.lists(one)[1]["ndcg"] for one in labels[name]], axis=0))
            for name in ("SVD + k-means", "learned + k-means", "RFM + k-means")
        }
        lists["popularity"] = mean_statistic(judge.popularity["ndcg"])
        cell["ndcg"] = side_by_side(lists, n, "SVD + k-means")
        found[f"{k} groups"] = cell
        show(k, cell)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def show(k: int, cell: dict[str, Any]) -> None:
    print(f"{k} groups")
    for metric, rows in cell.items():
        for name, row in rows.items():
            lead = next(value for key, value in row.items() if key.startswith("lead"))
            told = "" if lead is None else "  lead {:+.3f} [{:+.3f}, {:+.3f}]".format(*lead)
            low, high = row["interval"]
            print(f"  {metric:14} {name:18} {row['value']:.3f} [{low:.3f}, {high:.3f}]{told}")


if __name__ == "__main__":
    main()
