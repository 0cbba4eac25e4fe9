"""Settings: one frozen tree, in which nothing is unknown and labels only judge."""

from __future__ import annotations

from fenqun.config.base import Settings, parse_day, parse_duration
from fenqun.config.contexts import Contexts
from fenqun.config.data import (
    Data,
    EventsSource,
    ImpressionsSource,
    ItemsSource,
    LinksSource,
    Missing,
    Profiles,
    Quality,
    Source,
    Splits,
    Target,
    UsersSource,
)
from fenqun.config.hierarchy import Hierarchy
from fenqun.config.learning import (
    Behaviour,
    BlockWeights,
    Content,
    Intent,
    Objectives,
    Rhythm,
    Search,
    Taste,
    Vectors,
)
from fenqun.config.off_policy import OffPolicy
from fenqun.config.playbooks import Playbooks
from fenqun.config.segments import (
    ClustererName,
    Evaluation,
    Explanation,
    ExternalSource,
    Fairness,
    Naming,
    Recommendation,
    RecommenderName,
    Report,
    RunSettings,
    Segmentation,
    StrategyName,
)
from fenqun.config.tiers import Tiers
from fenqun.config.tree import Config

__all__ = [
    "Behaviour",
    "BlockWeights",
    "ClustererName",
    "Config",
    "Content",
    "Contexts",
    "Data",
    "Evaluation",
    "EventsSource",
    "Explanation",
    "ExternalSource",
    "Fairness",
    "Hierarchy",
    "ImpressionsSource",
    "Intent",
    "ItemsSource",
    "LinksSource",
    "Missing",
    "Naming",
    "Objectives",
    "OffPolicy",
    "Playbooks",
    "Profiles",
    "Quality",
    "Recommendation",
    "RecommenderName",
    "Report",
    "Rhythm",
    "RunSettings",
    "Search",
    "Segmentation",
    "Settings",
    "Source",
    "Splits",
    "StrategyName",
    "Target",
    "Taste",
    "Tiers",
    "UsersSource",
    "Vectors",
    "parse_day",
    "parse_duration",
]
