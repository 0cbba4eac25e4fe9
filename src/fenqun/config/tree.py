"""The whole tree: what belongs together, and labels taken out of every input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field, model_validator

from fenqun.config.base import Columns, Settings, as_list
from fenqun.config.contexts import BUILT_IN, Contexts
from fenqun.config.data import Data, Profiles, Quality, Splits, Target
from fenqun.config.hierarchy import Hierarchy
from fenqun.config.learning import Behaviour, Content, Search, Vectors
from fenqun.config.off_policy import OffPolicy
from fenqun.config.playbooks import Playbooks
from fenqun.config.segments import (
    Evaluation,
    Explanation,
    Fairness,
    Naming,
    Recommendation,
    Report,
    RunSettings,
    Segmentation,
    StrategyName,
)
from fenqun.config.tiers import Tiers
from fenqun.scenarios import SCENARIOS, Scenario, ScenarioName


class Config(Settings):
    """Everything a run depends on."""

    scenario: ScenarioName = "ecommerce"
    strategy: StrategyName = "learned"
    goal: str = Field(
        "recommend",
        pattern="^(recommend|value|understand|target:.+)$",
        description="What ranks clusterings on held-out time: recommend, value, understand or target:NAME",
    )
    data: Data
    targets: tuple[Target, ...] = ()
    labels: Columns = Field((), description="User columns that only judge")
    quality: Quality = Quality()
    profiles: Profiles = Profiles()
    splits: Splits = Splits()
    content: Content = Content()
    behaviour: Behaviour = Behaviour()
    vectors: Vectors = Vectors()
    search: Search = Search()
    segmentation: Segmentation = Segmentation()
    hierarchy: Hierarchy = Hierarchy()
    tiers: Tiers = Tiers()
    contexts: Contexts = Contexts()
    evaluation: Evaluation = Evaluation()
    recommendation: Recommendation = Recommendation()
    off_policy: OffPolicy = OffPolicy()
    playbooks: Playbooks = Playbooks()
    naming: Naming = Naming()
    explanation: Explanation = Explanation()
    fairness: Fairness = Fairness()
    report: Report = Report()
    previous: str | None = Field(
        None, description="Run directory whose segments keep their ids and names; fenqun refresh sets it"
    )
    run: RunSettings = RunSettings()

    @property
    def domain(self) -> Scenario:
        """The scenario's defaults."""
        return SCENARIOS[self.scenario]

    @model_validator(mode="before")
    @classmethod
    def _labels_judge_only(cls, tree: Any) -> Any:
        """Take labels out of every input; a label that the road cannot do without is an error."""
        if not isinstance(tree, Mapping):
            return tree
        labels = as_list(tree.get("labels"))
        if not labels or not isinstance(labels, list | tuple) or not all(isinstance(c, str) for c in labels):
            return tree  # nothing to take out, or the check of types says what is wrong
        return _without_labels({key: _as_tree(value) for key, value in tree.items()})

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        external = self.segmentation.external
        if external is not None and external.segment in self.labels:
            raise ValueError(f"segmentation.external.segment is the label {external.segment!r}: labels only judge")
        for medium in ("image", "audio"):
            encoder = getattr(self.content, medium)
            if encoder != "none" and getattr(self.data.items, medium, None) is None:
                raise ValueError(
                    f"content.{medium} names an encoder, but data.items.{medium} names no column of {medium} files"
                )
        asked = self.goal.removeprefix("target:")
        if asked != self.goal and asked not in {target.name for target in self.targets}:
            raise ValueError(f"goal: target:{asked} asks for a target, but targets names none {asked!r}")
        columns = {target.name for target in self.targets if target.of not in ("value", "events")}
        if asked != self.goal and asked in columns and self.data.users is None:
            raise ValueError(f"goal: target:{asked} is a column of the user table, but data.users is not given")
        if self.tiers.of not in (None, "value", "events", "active", *(target.name for target in self.targets)):
            raise ValueError(
                f"tiers.of is {self.tiers.of!r}: neither value, events, active nor the name of a target"
            )
        if self.labels and self.data.users is None:
            raise ValueError("labels are columns of the user table, but data.users is not given")
        described = {*self.labels, *(self.data.users.attributes if self.data.users else ())}
        if unknown := [name for name in self.fairness.sensitive if name not in described]:
            raise ValueError(
                f"fairness.sensitive names {', '.join(unknown)}, which is neither a label nor in data.users.attributes"
            )
        if odd := [name for name in self.contexts.by if name not in (*BUILT_IN, *self.data.events.context)]:
            raise ValueError(
                f"contexts names {', '.join(odd)}: neither {', '.join(BUILT_IN)} nor a column of data.events.context"
            )
        if self.recommendation.by_price and getattr(self.data.items, "price", None) is None:
            raise ValueError("recommendation.price_min and price_max need data.items.price, the column of prices")
        if self.strategy == "external" and self.segmentation.external is None:
            raise ValueError("strategy: external needs segmentation.external (path, user, segment)")
        return self


def _as_tree(value: Any) -> Any:
    """Turn settings that were made in Python into the plain values that YAML gives."""
    if isinstance(value, BaseModel):
        return value.model_dump()
    if isinstance(value, Mapping):
        return {key: _as_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_tree(item) for item in value]
    return value


_NO_COLUMNS = frozenset(
    {"path", "format", "table", "delimiter", "header", "encoding", "time_format", "time_zone", "exclude_types"}
)
"""Settings of a source that name no column, so that a label's name there means something else."""


def _without_labels(tree: dict[str, Any]) -> dict[str, Any]:
    labels = set(as_list(tree["labels"]))  # type: ignore[call-overload]
    if not isinstance(tree.get("data"), Mapping) or not isinstance(tree.get("targets") or [], list | tuple):
        return tree
    data = dict(tree["data"])
    for table, required in (
        ("events", ("user", "time", "item")),
        ("items", ("item",)),
        ("users", ("user",)),
        ("links", ("user", "friend")),
    ):
        source = data.get(table)
        if not isinstance(source, Mapping):
            continue
        kept = dict(source)
        for key, column in source.items():
            if key in _NO_COLUMNS:
                continue
            if isinstance(column, str) and column in labels:
                if key in required:
                    raise ValueError(f"data.{table}.{key} is the label {column!r}: labels only judge")
                kept.pop(key)
            elif isinstance(column, list | tuple):
                kept[key] = [c for c in column if c not in labels]
        data[table] = kept
    tree["data"] = data
    targets = tree.get("targets") or ()
    tree["targets"] = [t for t in targets if not (isinstance(t, Mapping) and {t.get("of"), t.get("name")} & labels)]
    return tree
