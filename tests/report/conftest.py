"""A run directory made of seeded random data: plausible enough to judge the look of a report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fenqun import schema
from fenqun.settings import dump_config, load_config
from fenqun.store import Run

NAMES = [
    ("Frequent grocery customers, weekends", "周末高频生鲜顾客"),
    ("High-spending deli fans", "高消费熟食爱好者"),
    ("Occasional soft-drink buyers", "低频饮料买家"),
    ("Baby and household, steady", "规律型母婴家居顾客"),
    ("Frozen-meal buyers, evenings", "晚间冷冻食品买家"),
    ("Premium wine and cheese", "高单价红酒奶酪顾客"),
    ("Budget pet owners", "低单价宠物主人"),
    ("Lapsed gift-card buyers", "沉睡礼品卡买家"),
]
TIERS = [
    ("T1", "High value", "高价值", 1900.0),
    ("T2", "Middle value", "中等价值", 800.0),
    ("TP", "Potential", "潜力", 600.0),
    ("T3", "Ordinary", "普通", 200.0),
]
TITLES = [
    "Soft drinks 12 pack",
    "Ground beef",
    "Organic kale",
    "Diapers size 4",
    "Frozen pizza",
    "Chardonnay 750 ml",
    "Dry dog food 10 kg",
    "Greeting cards",
    "Brie",
    "Cereal, family size",
    "有机牛奶 1 升",
    "Bananas",
]
CATEGORIES = ["Grocery", "Meat", "Produce", "Baby", "Frozen", "Wine", "Pet", "Gifts"]
STRATEGIES = ("learned", "rfm", "interest", "static", "external")
SHAPE = {
    "silhouette": (0.11, 0.06, "higher"),
    "calinski_harabasz": (212.0, 80.0, "higher"),
    "davies_bouldin": (1.9, 2.6, "lower"),
    "dunn": (0.08, 0.05, "higher"),
    "inertia": (41200.0, 52000.0, "lower"),
}


class Fabric:
    """Writes one artifact at a time, so that a test can leave any of them out or plant something in it."""

    def __init__(self, path: Path, users: int = 2000, k: int = 8, plant: str = "") -> None:
        self.run = Run.create(path)
        self.random = np.random.default_rng(3)
        self.n, self.k, self.plant = users, k, plant
        self.labels = np.sort(self.random.choice(k, users, p=self._shares(k)))[self.random.permutation(users)]
        self.ids = [f"{plant}u{i:05d}" for i in range(users)]
        self.segments = [f"S{i + 1:02d}" for i in range(k)]

    @staticmethod
    def _shares(k: int) -> np.ndarray[Any, Any]:
        shares = 1.0 / (1.0 + 0.35 * np.arange(k))
        return shares / shares.sum()

    def config(self, **more: Any) -> None:
        tree = {
            "scenario": "ecommerce",
            "data": {
                "events": {
                    "path": "transactions/*.parquet",
                    "user": "household_id",
                    "item": "product_id",
                    "time": "transaction_timestamp",
                    "value": "sales_value",
                },
                "items": {"path": "products.parquet", "item": "product_id", "category": "department"},
                "users": {"path": "demographics.parquet", "user": "household_id", "attributes": ["age"]},
            },
            "labels": ["income"],
        } | more
        self.run.write_text("config.yaml", dump_config(load_config(tree)))

    def manifest(self) -> None:
        figures: dict[str, dict[str, Any]] = {
            "data": {
                "events": 1469307,
                "rejected": 3107,
                "users": self.n,
                "items": 92331,
                "as_of": "2018-01-01T04:59:00+00:00",
            },
            "profiles": {
                "method": "time",
                "notice": "",
                "validation_start": "2017-09-14T12:00:00+00:00",
                "test_start": "2017-11-07T18:00:00+00:00",
            },
            "content": {"encoder": "use", "with_text": 90112, "items": 92331},
            "taste": {"select": {"scale": 20.0, "ndcg": 0.21}},
            "blocks": {
                "gate": {"all": 1.142, "without taste": 1.031, "without rhythm": 1.151, "dropped": ["rhythm"]},
                "intent": {"gain": 0.0007, "standard_error": 0.0021, "kept": False},
                "sets": [
                    {"blocks": ["taste"], "lift": 1.151, "probe": 0.31, "future_value": 0.06},
                    {"blocks": ["rhythm"], "lift": 1.031, "probe": 0.22, "future_value": 0.41},
                    {"blocks": ["intent", "rhythm", "taste"], "lift": 1.142, "probe": 0.3, "future_value": 0.2},
                ],
                "weights": {"taste": 1.0},
            },
            "vectors": {
                "final": {
                    "blocks": {"taste": 1.0, "rhythm": 0.5},
                    "explained_variance": 0.83,
                    "activity_correlation": [0.42, 0.11, -0.07],
                },
            },
            "map": {"method": "tsne", "users": self.n},
            "segmentation": {
                "strategy": "learned",
                "k": self.k,
                "clusterer": "ward",
                "agreement": 0.72,
                "noise": 0,
                "rejected": False,
                "not_available": {},
            },
            "evaluation": {"kind": "reproducible", "jaccard": {}},
            "explanation": {},
            "recommendation": {"lists": self.k},
        }
        seconds = [31.2, 12.4, 21.0, 48.3, 2.7, 9.8, 28.1, 61.5, 33.7, 4.2, 3.1]
        stages = [
            schema.StageRecord(
                name=name, fingerprint="f" * 24, outputs=[], seconds=s, peak_mb=900 + 40 * i, figures=found
            )
            for i, ((name, found), s) in enumerate(zip(figures.items(), seconds, strict=True))
        ]
        self.run.write_json(
            "run.json",
            schema.Manifest(
                id=f"{self.plant}demo-4f2a91bc",
                status="running",
                as_of="2018-01-01T04:59:00+00:00",
                seed=7,
                fingerprint="a" * 24,
                versions={"fenqun": "0.1.0", "python": "3.11.9"},
                stages=stages,
            ),
        )

    def quality(self) -> None:
        def count(table: str, read: int, lost: int) -> schema.TableCount:
            return schema.TableCount(table=table, read=read, kept=read - lost, rejected=lost)  # type: ignore[arg-type]

        def rule(name: str, table: str, action: str, rows: int, note: str = "") -> schema.RuleCount:
            return schema.RuleCount(rule=name, table=table, action=action, rows=rows, note=note)  # type: ignore[arg-type]

        self.run.write_json(
            "quality.json",
            schema.QualityReport(
                tables=[count("events", 1472414, 3107), count("items", 92331, 0), count("users", 801, 3)],
                rules=[
                    rule("missing_user_id", "events", "reject", 12),
                    rule("unparsable_time", "events", "reject", 4),
                    rule("duplicate", "events", "reject", 3091),
                    rule("absurd_value", "events", "repair", 87, "value above 212.4"),
                    rule("unknown_item", "events", "keep", 640),
                    rule("duplicate_user", "users", "reject", 3),
                    rule("missing_attribute", "users", "keep", 120, f"{self.plant}age: 120"),
                    rule("broken_text", "items", "repair", 0),
                ],
                users=self.n,
                items=92331,
                first_event="2017-01-01T04:59:00+00:00",
                last_event="2018-01-01T04:59:00+00:00",
                notices=[f"data.users: {self.plant}age left out of the attributes: part of a label"],
            ),
        )

    def profiles(self) -> None:
        events = self.random.lognormal(5.5 - 0.2 * self.labels, 0.8).astype(int) + 1
        self.run.write_table(
            "profiles.parquet",
            pa.table(
                {
                    "user_id": self.ids,
                    "n_events": events,
                    "n_days": np.minimum(events, 200),
                    "recency_days": self.random.exponential(8 + 4 * self.labels),
                    "monetary": events * 3.4,
                    "share_weekend": self.random.beta(2, 5, self.n),
                    "attr_age": ["45-54"] * self.n,
                }
            ),
        )

    def map(self) -> None:
        angle = 2 * np.pi * self.labels / self.k
        centre = np.column_stack([np.cos(angle), np.sin(angle)]) * (20 + 9 * (self.labels % 3))[:, None]
        points = (centre + self.random.normal(size=(self.n, 2)) * 5.5).astype(np.float32)
        self.run.write_table(
            "map.parquet",
            pa.table(
                {"user_id": self.ids, "x": points[:, 0], "y": points[:, 1]}, schema=schema.user_map(pa.string())
            ),
        )

    def memberships(self) -> None:
        other = (self.labels + 1) % max(self.k, 1)
        rows = {
            "user_id": self.ids,
            "segment_id": [self.segments[g] for g in self.labels],
            "confidence": self.random.beta(3, 5, self.n).astype(np.float32),
            "runner_up_id": [self.segments[g] for g in other] if self.k > 1 else [None] * self.n,
            "weights": [[{"segment_id": self.segments[g], "weight": 0.7}] for g in self.labels],
            "noise": self.random.random(self.n) < 0.02,
            "tier": [TIERS[rank][0] for rank in self._tiers()],
            "tier_score": [TIERS[rank][3] for rank in self._tiers()],
            "macro_id": [None] * self.n,
            "micro_id": [None] * self.n,
        }
        self.run.write_table("memberships.parquet", pa.table(rows, schema=schema.memberships(pa.string())))

    def _tiers(self) -> list[int]:
        return [(7 * i) % 10 // 3 for i in range(self.n)]

    def tiers(self) -> None:
        sizes = np.bincount(self._tiers(), minlength=len(TIERS))
        rows = [
            schema.Tier(
                tier=code,
                name_en=self.plant + en,
                name_zh=self.plant + zh,
                size=int(size),
                share=size / self.n,
                predicted=score,
                judged_users=int(size),
                judged_predicted=0.9 * score,
                judged_seen=0.85 * score,
            )
            for (code, en, zh, score), size in zip(TIERS, sizes, strict=True)
        ]
        bins = [schema.ReliabilityBin(n=self.n // 10, predicted=x / 11, seen=x / 12) for x in range(1, 11)]
        contest = [
            schema.TierContest(
                outcome=outcome,
                grouping=grouping,
                groups=4,
                value=0.62 - lead,
                low=0.58 - lead,
                high=0.66 - lead,
                n=self.n,
                **(
                    {"difference": lead, "difference_low": lead - 0.03, "difference_high": lead + 0.03}
                    if lead
                    else {}
                ),
            )
            for outcome in ("value", "events")
            for grouping, lead in (("tiers", 0.0), ("rfm_kmeans", 0.2), ("rfm_cuts", 0.12))
        ]
        self.run.write_json(
            "tiers.json",
            schema.TierTable(
                of="value",
                method="kmeans",
                horizon_days=90.0,
                judged_days=54.4,
                cuts=[300.0, 1100.0],
                low_present=120.0,
                tiers=rows,
                calibration=[
                    schema.Calibration(outcome="value", n=self.n, total=1.05, r2=0.7, bins=bins),
                    schema.Calibration(
                        outcome="active", n=self.n, total=1.01, auc=0.88, brier=0.04, ece=0.01, bins=bins
                    ),
                ],
                contest=contest,
            ),
        )

    def segments_table(self) -> None:
        rows = []
        for g, segment in enumerate(self.segments):
            en, zh = (x + (f" {g // 8 + 1}" if g >= 8 else "") for x in NAMES[g % 8])
            size = int((self.labels == g).sum())
            rows.append(
                {
                    "segment_id": segment,
                    "parent_id": None,
                    "name": en,
                    "name_en": self.plant + en,
                    "name_zh": self.plant + zh,
                    "size": size,
                    "share": size / self.n,
                    "card": self._card(g).model_dump_json(),
                    "drivers": json.dumps([driver.model_dump() for driver in self._drivers(g)]),
                    "naming": schema.Naming(source="rules", rule_en=en, rule_zh=zh).model_dump_json(),
                }
            )
        self.run.write_table("segments.parquet", pa.Table.from_pylist(rows, schema=schema.SEGMENTS))

    def _card(self, g: int) -> schema.Card:
        hours = np.exp(-((np.arange(24) - (10 + 1.4 * (g % 8))) ** 2) / 18) + 0.05
        week = 1 + 0.5 * np.cos(2 * np.pi * (np.arange(7) - g) / 7)
        items = [
            schema.CardItem(
                item_id=str(100 * g + j),
                text=self.plant + TITLES[(g + j) % 12],
                category=CATEGORIES[(g + j) % 8],
                users=90 - 8 * j,
                lift=6.1 - 0.6 * j,
            )
            for j in range(8)
        ]
        return schema.Card(
            items=items,
            hours=list(hours / hours.sum()),
            weekdays=list(week / week.sum()),
            traits={
                "n_events": 320.0 - 24 * g,
                "n_days": 96.0 - 8 * g,
                "recency_days": 2.0 + 3 * g,
                "monetary": 1250.0 - 90 * g,
                "share_weekend": 0.31,
                "heat_30d": 18.4,
            },
            typical_users=[user for user, label in zip(self.ids, self.labels, strict=True) if label == g][:5],
            confidence=0.34 + 0.01 * g,
            kind="reproducible" if g % 3 else "constructive",
            jaccard=0.81 - 0.05 * g,
        )

    def _drivers(self, g: int) -> list[schema.Driver]:
        def driver(kind: Any, feature: str, effect: float, here: float, all_: float) -> schema.Driver:
            return schema.Driver(kind=kind, feature=feature, effect=effect, segment=here, everyone=all_, q=1e-5)

        return [
            driver("category", self.plant + CATEGORIES[g % 8], 1.6, 0.18, 0.06),
            driver("trait", "n_events", 0.9, 410.0, 180.0),
            driver("trait", "share_weekend", 0.5, 0.38, 0.29),
            driver("attribute", f"age={self.plant}45-54", 0.8, 0.31, 0.18),
            driver("trait", "recency_days", -0.7, 3.0, 11.0),
            driver("category", CATEGORIES[(g + 3) % 8], -1.2, 0.02, 0.05),
        ]

    def items(self) -> None:
        ids = [str(i) for i in range(100 * self.k + 20)]
        texts = [None if i % 17 == 5 else self.plant + TITLES[i % 12] for i in range(len(ids))]
        self.run.write_table(
            "work/items.parquet",
            pa.table({"item_id": ids, "text": texts, "category": [CATEGORIES[i % 8] for i in range(len(ids))]}),
        )

    def recommendations(self) -> None:
        rows = [
            {
                "segment_id": segment,
                "rank": r + 1,
                "item_id": str(100 * g + 2 * r),
                "score": 0.02 / (r + 1),
                "recommender": "segment_counts",
            }
            for g, segment in enumerate(self.segments)
            for r in range(20)
        ]
        self.run.write_table(
            "recommendations.parquet", pa.Table.from_pylist(rows, schema=schema.recommendations(pa.string()))
        )

    def trials(self, strategies: tuple[str, ...] = STRATEGIES) -> None:
        rows = []
        for strategy in strategies:
            for c, clusterer in enumerate(("kmeans", "minibatch_kmeans", "ward", "gaussian_mixture", "hdbscan")):
                for k in (4, 6, 8, 12, 16, 20, 30):
                    chosen = clusterer == "ward" and k == self.k
                    lift = 1.05 + 0.04 * np.log(k) - 0.012 * c + 0.01 * self.random.normal() + 0.03 * chosen
                    rejected = clusterer == "hdbscan" and k > 12
                    verdict = "chosen" if chosen else "rejected" if rejected else "lost"
                    why = {
                        "chosen": "highest lift 1.142; best mean rank of internal metrics",
                        "rejected": "noise 41 % > 20 %",
                        "lost": "lift 1.12 below the best 1.18 by more than one standard error (0.012)",
                    }[verdict]
                    metrics = {
                        "lift": None if rejected else lift,
                        "lift_se": 0.012,
                        "probe": 0.3 + 0.002 * k,
                        "silhouette": 0.1,
                        "min_size": 24,
                        "noise": 0.41 if rejected else 0.0,
                    }
                    rows.append(
                        {
                            "strategy": strategy,
                            "reducer": "pca",
                            "clusterer": clusterer,
                            "parameters": json.dumps({"n_clusters": k}),
                            "k": k,
                            "metrics": json.dumps(metrics),
                            "verdict": verdict,
                            "why": why,
                        }
                    )
        self.run.write_table("trials.parquet", pa.Table.from_pylist(rows, schema=schema.TRIALS))

    def comparison(self, strategies: tuple[str, ...] = STRATEGIES, labels: bool = True) -> None:
        rows: list[dict[str, Any]] = []
        lists = {"recall": 0.13, "ndcg": 0.205, "hit_rate": 0.81, "precision": 0.17}
        value = {"explained_value": 0.31, "explained_events": 0.36, "explained_retained": 0.08}
        axes = {"lists": lists, "value": value}
        if labels:
            axes["labels"] = {
                "income.precision": 0.24,
                "income.recall": 0.22,
                "income.f1": 0.2,
                "income.nmi": 0.06,
                "income.ari": 0.04,
            }
        place = {
            "learned": 0.0,
            "interest": -0.06,
            "rfm": -0.1,
            "static": -0.16,
            "external": -0.08,
            "popularity": -0.2,
        }
        for axis, metrics in axes.items():
            for metric, base in metrics.items():
                for strategy in (*(("popularity",) if axis == "lists" else ()), *strategies):
                    lead = 0.5 if axis == "value" and strategy == "rfm" else place[strategy]
                    v, half = base * (1 + lead), base * 0.05
                    gap = None if strategy == "learned" else base * lead
                    rows.append(
                        {
                            "strategy": strategy,
                            "k": 1 if strategy == "popularity" else self.k,
                            "metric": metric,
                            "axis": axis,
                            "value": v,
                            "low": v - half,
                            "high": v + half,
                            "n": self.n - 131,
                            "null": None,
                            "difference": gap,
                            "difference_low": None if gap is None else gap - half,
                            "difference_high": None if gap is None else gap + half,
                            "better": "higher",
                        }
                    )
        for metric, (here, null, better) in SHAPE.items():
            for i, strategy in enumerate(strategies):
                sign = 1 if better == "lower" else -1
                rows.append(
                    self._plain(strategy, metric, "shape", here * (1 + sign * 0.2 * i), null=null, better=better)
                )
        for i, strategy in enumerate(strategies):
            rows.append(
                self._plain(
                    strategy,
                    "bootstrap_ari",
                    "stability",
                    0.74 - 0.06 * i,
                    low=0.68 - 0.06 * i,
                    high=0.79 - 0.06 * i,
                )
            )
            rows.append(self._plain(strategy, "least_jaccard", "stability", 0.48 - 0.05 * i))
        self.run.write_table("comparison.parquet", pa.Table.from_pylist(rows, schema=schema.COMPARISON))

    def _plain(self, strategy: str, metric: str, axis: str, value: float, **more: Any) -> dict[str, Any]:
        empty = dict.fromkeys(("low", "high", "null", "difference", "difference_low", "difference_high"))
        return {
            "strategy": strategy,
            "k": self.k,
            "metric": metric,
            "axis": axis,
            "value": value,
            "n": self.n,
            "better": "higher",
            **empty,
            **more,
        }

    def metrics(self) -> None:
        found = [
            schema.Metric(
                name="lists.ndcg",
                value=0.205,
                low=0.196,
                high=0.213,
                n=1869,
                protocol="lists of 20 for each segment, events after the cut",
            ),
            schema.Metric(
                name="value.explained_value", value=0.31, low=0.27, high=0.35, n=1869, protocol="adjusted eta²"
            ),
            schema.Metric(
                name="published.activity_explained", value=0.18, n=self.n, protocol="adjusted eta² of log activity"
            ),
        ]
        self.run.write_json(
            "metrics.json", schema.Metrics(metrics=found, notes=[f"{self.plant}Labels judged 801 users."])
        )

    def everything(self) -> Run:
        for write in (
            self.config,
            self.manifest,
            self.quality,
            self.profiles,
            self.map,
            self.memberships,
            self.tiers,
            self.segments_table,
            self.items,
            self.recommendations,
            self.trials,
            self.comparison,
            self.metrics,
        ):
            write()
        return self.run


@pytest.fixture
def fabric(tmp_path: Path) -> Callable[..., Fabric]:
    """Make the fabric of a run directory."""

    def make(**options: Any) -> Fabric:
        return Fabric(tmp_path / "run", **options)

    return make


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Fabric:
    """A complete run with markup planted in titles, ids, names and notes."""
    plant = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
    made = Fabric(tmp_path_factory.mktemp("hostile") / "run", users=300, plant=plant)
    made.everything()
    return made
