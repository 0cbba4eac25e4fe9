"""The road: every stage with what it needs and which settings its result depends on."""

from __future__ import annotations

from typing import Any

from fenqun.config import Config
from fenqun.data.ingest import source_files
from fenqun.pipeline.blocks import learn_rhythm, learn_taste, refit_intent, try_intent
from fenqun.pipeline.clicks import judge_clicks
from fenqun.pipeline.cold_start import learn_cold_start
from fenqun.pipeline.confirming import confirm_search
from fenqun.pipeline.content import embed_content, media_fingerprints
from fenqun.pipeline.context import Stage
from fenqun.pipeline.contexts import find_contexts
from fenqun.pipeline.dependencies import foundation_files, list_settings
from fenqun.pipeline.describing import explain_segments, make_report
from fenqun.pipeline.evaluating import evaluate_strategies
from fenqun.pipeline.fusing import choose_blocks, draw_map, earlier_blocks, fuse_vectors
from fenqun.pipeline.hierarchy import grow_hierarchy
from fenqun.pipeline.naming import given_names
from fenqun.pipeline.playbooks import match_playbooks, playbook_file
from fenqun.pipeline.reading import make_profiles, read_data
from fenqun.pipeline.recommending import recommend_lists
from fenqun.pipeline.rules import say_in_rules
from fenqun.pipeline.search_study import trial_settings
from fenqun.pipeline.searching import search_settings
from fenqun.pipeline.segmenting import earlier_segments, segment_users
from fenqun.pipeline.tiering import cut_tiers
from fenqun.store import digest, file_fingerprint


def source_fingerprint(config: Config) -> Any:
    """Fingerprint of what the sources hold now."""
    return digest([[str(path), file_fingerprint(path)] for path in source_files(config)])


def _dump(*names: str) -> Any:
    def settings(config: Config) -> Any:
        tree = config.model_dump(mode="json")
        return {name: tree[name] for name in names}

    return settings


def _taste(config: Config) -> Any:
    taste = config.behaviour.taste.model_dump(mode="json")
    return [taste, foundation_files(config), config.recommendation.repeats]


def _intent(config: Config) -> Any:
    """Settings of the sequence encoder, and whether it has a weight at all."""
    return [
        config.behaviour.intent.model_dump(mode="json"),
        config.vectors.weights.intent > 0,
        config.recommendation.repeats,
        config.run.device,
    ]


def _search(config: Config) -> Any:
    """Settings of the search; later stages do not need it, as what it chose is among their own settings."""
    return [config.search.trials, trial_settings(config)] if config.search.trials else None


def _clicks(config: Config) -> Any:
    """Settings of figures from impressions, where there are any."""
    if config.data.impressions is None:
        return None
    return [_dump("off_policy")(config), list_settings(config), config.evaluation.resamples]


STAGES: tuple[Stage, ...] = (
    Stage(
        "data",
        (),
        lambda config: [
            _dump("scenario", "data", "labels", "targets", "quality")(config),
            config.model_dump(mode="json")["segmentation"]["external"],
        ],
        read_data,
    ),
    Stage(
        "profiles",
        ("data",),
        lambda config: [_dump("profiles", "splits")(config), config.behaviour.max_events],
        make_profiles,
    ),
    Stage("content", ("profiles",), _dump("content"), embed_content, watches=media_fingerprints),
    Stage("rhythm", ("profiles",), lambda config: config.behaviour.rhythm.model_dump(mode="json"), learn_rhythm),
    Stage("search", ("content", "rhythm"), _search, search_settings),
    Stage("taste", ("content",), _taste, learn_taste),
    Stage("intent", ("taste",), _intent, try_intent),
    Stage(
        "blocks",
        ("taste", "rhythm", "intent"),
        lambda config: [
            config.vectors.model_dump(include={"weights", "gate", "components", "reducer"}),
            list_settings(config),
        ],
        choose_blocks,
        watches=earlier_blocks,
        passes=lambda record: sorted(record.figures["weights"].items()),
    ),
    Stage("intent_refit", ("intent", "blocks"), _intent, refit_intent),
    Stage(
        "vectors",
        ("taste", "rhythm", "blocks", "intent_refit"),
        lambda config: config.vectors.model_dump(include={"components", "reducer"}),
        fuse_vectors,
    ),
    Stage("map", ("vectors",), lambda config: config.vectors.model_dump(include={"map", "map_sample"}), draw_map),
    Stage(
        "segmentation",
        ("vectors",),
        lambda config: [_dump("segmentation", "strategy")(config), list_settings(config)],
        segment_users,
        watches=earlier_segments,
    ),
    Stage(
        "hierarchy",
        ("segmentation",),
        lambda config: [_dump("hierarchy")(config), config.evaluation.bootstrap],
        grow_hierarchy,
        watches=earlier_segments,
    ),
    Stage("confirmation", ("search", "segmentation"), lambda config: None, confirm_search),
    Stage("evaluation", ("segmentation",), _dump("evaluation", "fairness"), evaluate_strategies),
    Stage("clicks", ("segmentation",), _clicks, judge_clicks),
    Stage(
        "tiers",
        ("rhythm", "segmentation", "hierarchy", "evaluation"),
        lambda config: [_dump("tiers", "scenario")(config), config.evaluation.resamples],
        cut_tiers,
    ),
    Stage(
        "explanation",
        ("segmentation", "hierarchy", "evaluation"),
        lambda config: [
            config.scenario,
            config.report.language,
            config.naming.model_dump(mode="json", exclude={"key_variable", "timeout"}),
            sorted(config.fairness.sensitive),
        ],
        explain_segments,
        watches=given_names,
    ),
    Stage(
        "rules",
        ("segmentation",),
        lambda config: [
            _dump("explanation")(config),
            sorted(config.fairness.sensitive),
            config.evaluation.resamples,
        ],
        say_in_rules,
    ),
    Stage(
        "contexts",
        ("vectors", "segmentation"),
        lambda config: config.contexts.model_dump(mode="json") if config.contexts.by else None,
        find_contexts,
    ),
    Stage(
        "cold_start",
        ("vectors", "segmentation"),
        lambda config: sorted(config.fairness.sensitive),
        learn_cold_start,
    ),
    Stage(
        "recommendation",
        ("segmentation",),
        lambda config: [
            _dump("recommendation")(config),
            config.evaluation.list_length,
            config.evaluation.resamples,
        ],
        recommend_lists,
    ),
    Stage(
        "playbooks",
        ("segmentation", "hierarchy", "tiers"),
        _dump("playbooks", "scenario"),
        match_playbooks,
        watches=playbook_file,
    ),
    Stage(
        "report",
        (
            "explanation",
            "recommendation",
            "playbooks",
            "map",
            "tiers",
            "rules",
            "contexts",
            "confirmation",
            "clicks",
        ),
        _dump("report"),
        make_report,
    ),
)
