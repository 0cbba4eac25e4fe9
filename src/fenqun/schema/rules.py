"""``rules.json``: segments said in rules, and how well that works."""

from __future__ import annotations

from typing import Literal

from fenqun.schema.base import SCHEMA_VERSION, Model


class RuleCondition(Model):
    """One condition of a rule: a readable feature lies above ``above`` and is at most ``at_most``; null: no bound.

    ``kind`` and ``feature`` are as in :class:`Driver`; an attribute's level is 1 where a user has it, else 0.
    """

    kind: Literal["trait", "category", "attribute"]
    feature: str
    above: float | None = None
    at_most: float | None = None


class SegmentRule(Model):
    """Conditions that together speak for a segment, judged on users held out.

    ``source`` is the tree that tells all segments apart, or one that tells this segment alone from everyone else.
    ``users`` meet the conditions, ``precision`` of these are in the segment, and they are ``recall`` of it.
    """

    segment_id: str
    source: Literal["tree", "alone"]
    conditions: list[RuleCondition]
    users: int
    precision: float | None
    recall: float | None


class Fidelity(Model):
    """How often the segment is told right on users held out; ``balanced`` counts every segment alike."""

    accuracy: float
    accuracy_low: float
    accuracy_high: float
    balanced: float
    balanced_low: float
    balanced_high: float


class FeatureImportance(Model):
    """What a readable feature tells: the fall of balanced accuracy when it is shuffled among users held out.

    ``shap`` is the mean absolute SHAP value by segment, null unless asked for.
    """

    kind: Literal["trait", "category", "attribute"]
    feature: str
    fall: float
    low: float
    high: float
    shap: dict[str, float] | None = None


class RuleTable(Model):
    """``rules.json``: the segments said in short rules, and how well that works.

    ``tree`` is of the tree's rules, ``forest`` of many trees on the same features, ``majority`` of always naming the
    largest segment; ``unsaid`` are segments that the tree has no rule for.
    """

    schema_version: int = SCHEMA_VERSION
    depth: int
    learned_on: int
    judged_on: int
    tree: Fidelity
    forest: Fidelity
    majority: Fidelity
    rules: list[SegmentRule]
    unsaid: list[str]
    importance: list[FeatureImportance]
