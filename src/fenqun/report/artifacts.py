"""What the report reads of a run: every artifact that is there, nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from fenqun.config import Config
from fenqun.recommendation.playbooks.model import Playbook
from fenqun.recommendation.playbooks.reading import read_playbook
from fenqun.schema import ContextTable, Identity, Manifest, Metrics, QualityReport, RuleTable, TierTable
from fenqun.settings import load_config
from fenqun.store import Run


@dataclass(frozen=True)
class Artifacts:
    """The artifacts of one run; None where a run did not make one.

    Attributes
    ----------
    settings
        Text of ``config.yaml``.
    texts, categories
        Text and category of each recommended item that has one, by the text of its id.
    """

    config: Config
    settings: str
    manifest: Manifest
    quality: QualityReport | None = None
    profiles: pa.Table | None = None
    points: pa.Table | None = None
    memberships: pa.Table | None = None
    segments: pa.Table | None = None
    hierarchy: pa.Table | None = None
    trials: pa.Table | None = None
    search: pa.Table | None = None
    comparison: pa.Table | None = None
    clicks: pa.Table | None = None
    recommendations: pa.Table | None = None
    recommendation_figures: pa.Table | None = None
    metrics: Metrics | None = None
    tiers: TierTable | None = None
    rules: RuleTable | None = None
    contexts: ContextTable | None = None
    plays: pa.Table | None = None
    playbook: Playbook | None = None
    identity: Identity | None = None
    migration: pa.Table | None = None
    texts: dict[str, str] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)

    @property
    def k(self) -> int:
        """Number of published segments."""
        return 0 if self.segments is None else self.segments.num_rows

    @property
    def one_item(self) -> bool:
        """Whether the log is about one item: lists say nothing then, and lift is of future activity."""
        return self.quality is not None and self.quality.items <= 1

    def figures(self, stage: str) -> dict[str, Any]:
        """Figures that a stage recorded, empty where it did not run."""
        return next((record.figures for record in self.manifest.stages if record.name == stage), {})


def read_artifacts(run: Run) -> Artifacts:
    """Read a run directory, which may still be under way.

    Raises
    ------
    RunError
        If ``run.json`` or ``config.yaml`` is missing or an artifact is damaged.
    """
    path = run.require("config.yaml")

    def table(name: str) -> pa.Table | None:
        return run.read_table(name) if run.artifact(name).is_file() else None

    recommendations = table("recommendations.parquet")
    texts, categories = _told(run, recommendations)
    return Artifacts(
        config=load_config(path),
        settings=path.read_text(encoding="utf-8"),
        manifest=run.read_manifest(),
        quality=run.read_model("quality.json", QualityReport) if run.artifact("quality.json").is_file() else None,
        profiles=table("profiles.parquet"),
        points=table("map.parquet"),
        memberships=table("memberships.parquet"),
        segments=table("segments.parquet"),
        hierarchy=table("hierarchy.parquet"),
        trials=table("trials.parquet"),
        search=table("search.parquet"),
        comparison=table("comparison.parquet"),
        clicks=table("click_figures.parquet"),
        recommendations=recommendations,
        recommendation_figures=table("recommendation_figures.parquet"),
        metrics=run.read_model("metrics.json", Metrics) if run.artifact("metrics.json").is_file() else None,
        tiers=run.read_model("tiers.json", TierTable) if run.artifact("tiers.json").is_file() else None,
        rules=run.read_model("rules.json", RuleTable) if run.artifact("rules.json").is_file() else None,
        contexts=run.read_model("contexts.json", ContextTable) if run.artifact("contexts.json").is_file() else None,
        plays=table("playbooks.parquet"),
        playbook=read_playbook(book) if (book := run.artifact("playbooks.yaml")).is_file() else None,
        identity=run.read_model("identity.json", Identity) if run.artifact("identity.json").is_file() else None,
        migration=table("migration.parquet"),
        texts=texts,
        categories=categories,
    )


def _told(run: Run, recommendations: pa.Table | None) -> tuple[dict[str, str], dict[str, str]]:
    if recommendations is None or not run.artifact("work/items.parquet").is_file():
        return {}, {}
    items = run.read_table("work/items.parquet", ["item_id", "text", "category"])
    wanted = pc.unique(recommendations["item_id"]).cast(items["item_id"].type)
    items = items.filter(pc.is_in(items["item_id"], value_set=wanted))
    ids = [str(item) for item in items["item_id"].to_pylist()]
    texts, categories = (
        {item: told for item, told in zip(ids, items[name].to_pylist(), strict=True) if told}
        for name in ("text", "category")
    )
    return texts, categories
